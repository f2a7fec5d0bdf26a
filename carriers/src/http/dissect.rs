//! The fields and problems of a message, and of the other things that a connection has.

use std::borrow::Cow;
use std::ops::Range;

use framescope_parser::{Captured, Code, Kind, Value, Visit};

use super::body::{Chunk, size_line};
use super::content::body;
use super::faults::head_problems;
use super::head::{FieldLines, Head, Read};
use super::stage::Reading;
use super::start::{METHODS, Start, Versions};
use crate::names::lower_case;
use crate::preview::Preview;

/// The kinds that are neither methods nor statuses, with their numbers.
pub(super) const KINDS: [(&str, u64); 5] =
    [("OTHER", 2000), ("BODY", 2001), ("UPGRADED", 2002), ("TUNNEL", 2003), ("TRAILERS", 2004)];
fn kind(name: &'static str) -> Kind<'static> {
    let number = KINDS.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number);
    Kind::new(number, Some(name))
}

/// Reports what is in a message of a stage.
pub(super) fn report<'a>(reading: Reading, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    let all = 0..message.length();
    match reading {
        Reading::Body => {
            visit.kind(kind("BODY"));
            data("data", message, all, visit);
        }
        Reading::Chunk => chunk(message, visit),
        Reading::Event => event(message, visit),
        Reading::Upgraded | Reading::Tunnel => {
            visit.kind(kind(if reading == Reading::Tunnel { "TUNNEL" } else { "UPGRADED" }));
            data("data", message, all, visit);
        }
        _ => report_message(reading, message, visit),
    }
    if !reading.is_message() {
        let bytes = message.bytes();
        let shown = match reading {
            // What follows an upgrade is not HTTP's: no line break at its end is.
            Reading::Upgraded | Reading::Tunnel => bytes,
            Reading::Chunk => match size_line(bytes) {
                Some(Ok((_, line))) => bytes.get(line..).unwrap_or_default().trim_ascii_end(),
                _ => bytes.trim_ascii_end(),
            },
            _ => bytes.trim_ascii_end(),
        };
        visit.summary(format_args!("{}", Preview(shown)));
    }
}

/// Reports what is known of skipped bytes.
pub(super) fn report_skipped<'a>(code: Code, skipped: &'a [u8], length: usize, visit: &mut dyn Visit<'a>) {
    let line = skipped.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    let is_old =
        line.strip_prefix(b"GET ").is_some_and(|target| !target.is_empty() && !target.contains(&b' '));
    match is_old {
        true if code == Code::NotAFrame => visit.problem(
            code,
            0..length,
            format_args!("this looks like a request of HTTP/0.9: no version follows the target; later versions need one"),
        ),
        _ => visit.problem(code, 0..length, format_args!("{}", code.meaning())),
    }
}

/// Reports a range of bytes, some of which may be missing.
pub(super) fn data<'a>(
    name: &'a str,
    message: Captured<'a, '_>,
    range: Range<usize>,
    visit: &mut dyn Visit<'a>,
) {
    match message.get(range.clone()) {
        Some(bytes) => visit.field(name, range, Value::utf8(bytes)),
        None => message.report_missing(name, range, visit),
    }
}

fn chunk<'a>(message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    visit.kind(kind("BODY"));
    let bytes = message.beginning();
    let Some(Ok((size, line))) = size_line(bytes) else {
        return data("data", message, 0..message.length(), visit);
    };
    size_fields(bytes, 0..line, size, visit);
    if size == 0 {
        return headers("trailers", bytes, line..bytes.len(), visit);
    }
    let end = line.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)).min(message.length());
    if Chunk::is_row(size) {
        data("data", message, line..end, visit);
    }
}

/// Reports the line with the size of a chunk.
pub(super) fn size_fields<'a>(bytes: &'a [u8], line: Range<usize>, size: u64, visit: &mut dyn Visit<'a>) {
    let text = bytes.get(line.clone()).unwrap_or_default();
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    visit.field("size", line.start..line.start + digits, Value::Unsigned(size));
    let rest = text.get(digits..).unwrap_or_default().trim_ascii();
    if let Some(extension) = rest.strip_prefix(b";") {
        let extension = extension.trim_ascii();
        let end = line.start + text.trim_ascii_end().len();
        visit.field("extension", end - extension.len()..end, Value::utf8(extension));
    }
}

/// Reports an event, as the HTML standard has it: lines with a name, a colon and a value.
fn event<'a>(message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    visit.kind(kind("BODY"));
    if !message.is_whole() {
        return data("data", message, 0..message.length(), visit);
    }
    let bytes = message.bytes();
    let mut at = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii_end();
        let colon = text.iter().position(|&byte| byte == b':').unwrap_or(text.len());
        let name = text.get(..colon).unwrap_or_default();
        let value = text.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let end = at + text.len();
        let name = match name {
            b"event" => Some("event"),
            b"data" => Some("data"),
            b"id" => Some("id"),
            b"retry" => Some("retry"),
            b"" if colon < text.len() => Some("comment"),
            _ => None,
        };
        match name {
            Some(name) => visit.field(name, end - value.len()..end, Value::utf8(value)),
            None if !text.is_empty() => visit.field("other", at..end, Value::utf8(text)),
            None => {}
        }
        at += line.len();
    }
}

fn report_message<'a>(reading: Reading, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
    let bytes = message.beginning();
    let (head, is_cut) = match Head::read(bytes, Versions::Any) {
        Read::Whole(head) => (head, false),
        Read::More(_) | Read::No => match Head::read_cut(bytes, Versions::Any) {
            Some(head) => (head, true),
            None => return data("data", message, 0..message.length(), visit),
        },
    };
    start_line(&head, visit);
    headers("headers", bytes, head.line..head.end, visit);
    if !is_cut && !head.is_translated() {
        head_problems(&head, visit);
    }
    if message.length() > head.end && !is_cut {
        body(reading, message, &head, visit);
    }
}

/// The number of a method, and its name.
fn method_kind(method: &[u8]) -> Kind<'static> {
    let known = (1..).zip(METHODS).find(|(_, known)| known.as_bytes() == method);
    known.map_or(kind("OTHER"), |(number, name)| Kind::new(number, Some(name)))
}

fn start_line<'a>(head: &Head<'a>, visit: &mut dyn Visit<'a>) {
    let [first, second, third] = head.words();
    let text = |range: &Range<usize>| head.bytes.get(range.clone()).unwrap_or_default();
    match head.start {
        Start::Request => {
            visit.kind(method_kind(text(&first)));
            visit.field("method", first.clone(), Value::utf8(text(&first)));
            target(text(&second), second.start, visit);
            visit.field("version", third.clone(), Value::utf8(text(&third)));
            let method = Preview(text(&first));
            visit.summary(format_args!("{method} {}", Preview(text(&second))));
        }
        Start::Response => {
            let status = head.status().unwrap_or(0);
            let name = std::str::from_utf8(text(&second)).ok();
            visit.kind(Kind::new(status.into(), name));
            visit.field("version", first.clone(), Value::utf8(text(&first)));
            visit.field("status", second.clone(), Value::Unsigned(status.into()));
            let reason = text(&third).trim_ascii_end();
            visit.field("reason", third.start..third.start + reason.len(), Value::utf8(reason));
            let blank = if reason.is_empty() { "" } else { " " };
            visit.summary(format_args!("{status}{blank}{}", Preview(reason)));
        }
        Start::Trailers => {
            visit.kind(kind("TRAILERS"));
            visit.field("version", second.clone(), Value::utf8(text(&second)));
            visit.summary(format_args!("trailers"));
        }
        Start::Body => {
            visit.kind(kind("BODY"));
            visit.field("version", second.clone(), Value::utf8(text(&second)));
            visit.summary(format_args!("part of a body"));
        }
    }
}

/// Reports the target of a request, and what it is made of.
fn target<'a>(target: &'a [u8], at: usize, visit: &mut dyn Visit<'a>) {
    let all = at..at + target.len();
    let after_scheme = memchr::memmem::find(target, b"://").filter(|_| !target.starts_with(b"/"));
    let authority = after_scheme.map(|scheme| scheme + 3);
    let path_start = match authority {
        Some(start) => {
            let rest = target.get(start..).unwrap_or_default();
            start + rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len())
        }
        None if target.starts_with(b"/") => 0,
        // An authority, or the asterisk.
        None => return visit.field("target", all, Value::utf8(target)),
    };
    let rest = target.get(path_start..).unwrap_or_default();
    let query = rest.iter().position(|&byte| byte == b'?').map(|at| path_start + at);
    visit.begin("target", all, Value::utf8(target));
    let mut part = |name: &'a str, range: Range<usize>| {
        let bytes = target.get(range.clone()).unwrap_or_default();
        visit.field(name, at + range.start..at + range.end, Value::utf8(bytes));
    };
    if let Some(authority) = authority {
        part("scheme", 0..authority - 3);
        part("authority", authority..path_start);
    }
    part("path", path_start..query.unwrap_or(target.len()));
    if let Some(query) = query {
        part("query", query + 1..target.len());
    }
    visit.end();
}

/// Reports header fields, or trailers, by their names in lower case.
pub(super) fn headers<'a>(group: &'a str, bytes: &'a [u8], range: Range<usize>, visit: &mut dyn Visit<'a>) {
    let lines = FieldLines::new(bytes, range.clone());
    let Some(end) = lines.clone().last().map(|line| line.line.end) else { return };
    visit.begin(group, range.start..end, Value::Group);
    for line in lines {
        let (name, value) = (bytes.get(line.name.clone()), bytes.get(line.value.clone()));
        let name = std::str::from_utf8(name.unwrap_or_default()).ok().filter(|name| !name.is_empty());
        match name {
            Some(name) => {
                visit.field(lower_case(name), line.value, value_of(value.unwrap_or_default(), line.is_folded))
            }
            None => {
                let text = bytes.get(line.line.clone()).unwrap_or_default().trim_ascii_end();
                visit.field("malformed", line.line.start..line.line.start + text.len(), Value::utf8(text));
            }
        }
    }
    visit.end();
}

/// The value of a header field: of one over several lines with a blank for each line break.
fn value_of(value: &[u8], is_folded: bool) -> Value<'_> {
    if !is_folded {
        return Value::utf8(value);
    }
    let lines: Vec<&[u8]> = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    match String::from_utf8(lines.join(&b" "[..])) {
        Ok(text) => Value::Text(Cow::Owned(text)),
        Err(_) => Value::Bytes(value.into()),
    }
}
