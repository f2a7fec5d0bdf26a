//! What is wrong with a head: where it is not as the standard has it, and where receivers may differ.

use framescope_parser::Visit;

use super::body::{Length, content_length};
use super::codes::{CONFLICTING_LENGTH, MALFORMED_HEAD, OBSOLETE_FORM};
use super::head::{FieldLine, Head};
use super::start::{Start, is_token};

/// What is wrong with the head.
pub(super) fn head_problems(head: &Head<'_>, visit: &mut dyn Visit<'_>) {
    let ends_in_cr_lf = head.bytes.get(..head.line).is_some_and(|line| line.ends_with(b"\r\n"));
    let folded = head.fields().find(|line| line.is_folded);
    if let Some(line) = &folded {
        visit.problem(
            OBSOLETE_FORM,
            line.line.clone(),
            format_args!("the value of this field is over several lines; write it on one"),
        );
    } else if !ends_in_cr_lf {
        visit.problem(
            OBSOLETE_FORM,
            head.line - 1..head.line,
            format_args!("the line ends in LF alone; write CR LF"),
        );
    }
    match head.fields().find_map(|line| Some((fault_of(head.bytes, &line)?, line))) {
        Some((fault, line)) => visit.problem(MALFORMED_HEAD, line.line, format_args!("{fault}")),
        None if folded.is_none() => {
            if let Some(error) = strict_fault(head) {
                let range = 0..head.end;
                visit.problem(
                    MALFORMED_HEAD,
                    range,
                    format_args!("the head is not as RFC 9112 has it: {error}"),
                );
            }
        }
        None => {}
    }
    length_problems(head, visit);
}

/// What is wrong with the line of a field.
fn fault_of(bytes: &[u8], line: &FieldLine) -> Option<&'static str> {
    let name = bytes.get(line.name.clone())?;
    let value = bytes.get(line.value.clone())?;
    let is_control = |byte: &u8| *byte < b' ' && *byte != b'\t' || *byte == 0x7f;
    match () {
        () if name.is_empty() => Some("this line has no name before a colon, so that it is no header field"),
        () if bytes.get(line.name.end) != Some(&b':') => {
            Some("a blank stands between the name and the colon; receivers differ in what they make of it")
        }
        () if !name.iter().all(|&byte| is_token(byte)) => Some(
            "the name has characters that none may have; only letters, digits and some signs are allowed",
        ),
        () if value
            .iter()
            .any(|byte| is_control(byte) && !(line.is_folded && matches!(byte, b'\r' | b'\n'))) =>
        {
            Some("the value has a control character in it; no value may have one")
        }
        () => None,
    }
}

/// What the strict parser finds wrong.
fn strict_fault(head: &Head<'_>) -> Option<httparse::Error> {
    let bytes = head.bytes.get(0..head.end)?;
    fn parse<'b>(
        start: Start,
        bytes: &'b [u8],
        headers: &mut [httparse::Header<'b>],
    ) -> Option<httparse::Error> {
        match start {
            Start::Response => httparse::ParserConfig::default()
                .allow_multiple_spaces_in_response_status_delimiters(true)
                .parse_response(&mut httparse::Response::new(headers), bytes)
                .err(),
            _ => httparse::Request::new(headers).parse(bytes).err(),
        }
    }
    let lines = head.fields().count();
    let mut few = [httparse::EMPTY_HEADER; 64];
    match few.get_mut(..lines) {
        Some(few) => parse(head.start, bytes, few),
        None => parse(head.start, bytes, &mut vec![httparse::EMPTY_HEADER; lines]),
    }
}

/// Reports where the head says in several ways how long the body is.
fn length_problems(head: &Head<'_>, visit: &mut dyn Visit<'_>) {
    let lines = || {
        let is_length = |line: &FieldLine| {
            head.bytes.get(line.name.clone()).is_some_and(|name| name.eq_ignore_ascii_case(b"content-length"))
        };
        head.fields().filter(is_length)
    };
    let Some(last) = lines().last() else { return };
    let items =
        lines().flat_map(|line| head.bytes.get(line.value).unwrap_or_default().split(|&byte| byte == b','));
    let mut items = items.map(<[u8]>::trim_ascii);
    let first = items.next().unwrap_or_default();
    if head.values("transfer-encoding").next().is_some() {
        visit.problem(
            CONFLICTING_LENGTH,
            last.line,
            format_args!("there are both Content-Length and Transfer-Encoding; the latter decides, but not for every receiver"),
        );
    } else if items.any(|item| item != first) {
        visit.problem(
            CONFLICTING_LENGTH,
            last.line,
            format_args!("the values of Content-Length differ; the first is used here"),
        );
    } else if content_length(head) == Length::Invalid {
        visit.problem(
            MALFORMED_HEAD,
            last.line,
            format_args!(
                "Content-Length is not a number of bytes, so that the length of the body is not known"
            ),
        );
    }
}
