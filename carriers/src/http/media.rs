//! The content of a body by its media type: JSON, form fields, the parts of a multipart body, text.

use std::ops::Range;

use framescope_parser::{Value, Visit};
use memchr::memmem;

use super::head::{FieldLines, head_end};
use crate::json;
use crate::names::{lower_case, stored};
use crate::shown::Shown;

/// So many pairs or parts are shown of one body.
const MAX_LISTED: usize = 1000;

/// Reports content as the field `body`. `is_whole` says that nothing of it is missing.
pub(super) fn report_content<'a>(
    content: &Shown<'a, '_>,
    media_type: Option<&str>,
    is_whole: bool,
    visit: &mut dyn Visit<'a>,
) {
    let media_type = media_type.unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json");
    let may_be_json = matches!(essence.as_str(), "" | "text/plain" | "application/octet-stream");
    match essence.as_str() {
        _ if is_json || may_be_json && json::looks_like_json(content.bytes()) => {
            report_json(content, is_json && is_whole, visit);
        }
        "application/x-www-form-urlencoded" => report_form(content, visit),
        essence if essence.starts_with("multipart/") => match boundary(media_type) {
            Some(boundary) => report_parts(content, boundary, visit),
            None => report_plain(content, visit),
        },
        _ => report_plain(content, visit),
    }
}

fn report_plain<'a>(content: &Shown<'a, '_>, visit: &mut dyn Visit<'a>) {
    visit.field("body", content.whole_place(), content.value(0..content.bytes().len()));
}

/// Begins the field of the body. One that was unpacked has its text as a value, as its place shows other bytes.
fn begin<'a>(content: &Shown<'a, '_>, visit: &mut dyn Visit<'a>) {
    let value = match content {
        Shown::AsItIs(..) => Value::Group,
        Shown::Unpacked(bytes, _) => content.value(0..bytes.len()),
    };
    visit.begin("body", content.whole_place(), value);
}

fn report_json<'a>(content: &Shown<'a, '_>, must_be: bool, visit: &mut dyn Visit<'a>) {
    if let Err(fault) = json::check(content) {
        report_plain(content, visit);
        if must_be {
            let place = content.place(fault.at..(fault.at + 1).min(content.bytes().len()).max(fault.at));
            visit.problem(json::INVALID_JSON, place, format_args!("this is not valid JSON: {fault}"));
        }
        return;
    }
    begin(content, visit);
    // It was found valid.
    let _ = json::report(content, visit);
    visit.end();
}

/// Reports `name=value&name=value`.
fn report_form<'a>(content: &Shown<'a, '_>, visit: &mut dyn Visit<'a>) {
    begin(content, visit);
    let mut at = 0;
    for pair in content.bytes().split(|&byte| byte == b'&').take(MAX_LISTED) {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let range = at..at + pair.len();
        at += pair.len() + 1;
        if pair.is_empty() {
            continue;
        }
        let name_range = range.start..range.start + equals;
        let written = pair.get(..equals).unwrap_or_default();
        let decoded = percent_decoded(written).and_then(|name| stored(&String::from_utf8(name).ok()?));
        let name = decoded.or_else(|| content.name(name_range)).unwrap_or("pair");
        let value_range = (range.start + equals + 1).min(range.end)..range.end;
        let value = match percent_decoded(pair.get(equals + 1..).unwrap_or_default()) {
            Some(value) => match String::from_utf8(value) {
                Ok(text) => Value::Text(text.into()),
                Err(error) => Value::Bytes(error.into_bytes().into()),
            },
            None => content.value(value_range.clone()),
        };
        visit.field(name, content.place(value_range), value);
    }
    visit.end();
}

/// The bytes that are written with `%` and `+`; None if there is neither.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        rest = after;
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Some(out)
}

/// The boundary that the media type names.
fn boundary(media_type: &str) -> Option<&str> {
    let parameter = |part: &str| {
        let (name, _) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(())
    };
    let part = media_type.split(';').skip(1).find(|part| parameter(part).is_some())?;
    let value = part.split_once('=')?.1.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!value.is_empty() && value.len() <= 200).then_some(value)
}

/// Reports the parts of a multipart body, each with its header fields and its content.
fn report_parts<'a>(content: &Shown<'a, '_>, boundary: &str, visit: &mut dyn Visit<'a>) {
    begin(content, visit);
    let bytes = content.bytes();
    let line = format!("--{boundary}");
    let is_at_line = |at: usize| at == 0 || bytes.get(at - 1) == Some(&b'\n');
    let lines: Vec<usize> =
        memmem::find_iter(bytes, line.as_bytes()).filter(|&at| is_at_line(at)).take(MAX_LISTED + 1).collect();
    for (number, &start) in lines.iter().enumerate() {
        let after = start + line.len();
        if bytes.get(after..).is_some_and(|rest| rest.starts_with(b"--")) {
            break;
        }
        let end = lines.get(number + 1).copied().unwrap_or(bytes.len());
        // The line break before a boundary is part of it.
        let before = bytes.get(after..end).unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        report_part(content, after..after + before.len(), visit);
    }
    visit.end();
}

fn report_part<'a>(content: &Shown<'a, '_>, range: Range<usize>, visit: &mut dyn Visit<'a>) {
    let bytes = content.bytes();
    let Some(part) = bytes.get(range.clone()) else { return };
    let first_line = part.iter().position(|&byte| byte == b'\n').map_or(part.len(), |at| at + 1);
    let head = head_end(part, first_line.saturating_sub(1)).unwrap_or(first_line);
    visit.begin("part", content.place(range.clone()), Value::Group);
    for line in FieldLines::new(part, first_line..head) {
        let within = |inner: &Range<usize>| range.start + inner.start..range.start + inner.end;
        let Some(name) = content.name(within(&line.name)).filter(|name| !name.is_empty()) else { continue };
        visit.field(lower_case(name), content.place(within(&line.value)), content.value(within(&line.value)));
    }
    let inside = range.start + head..range.end;
    visit.field("content", content.place(inside.clone()), content.value(inside));
    visit.end();
}
