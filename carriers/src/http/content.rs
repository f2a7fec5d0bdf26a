//! The body of a message: its chunks, its trailers, and what it is without chunks and codings.

use framescope_parser::{Captured, Code, Value, Visit};

use super::bodies::codings;
use super::body::{Body, Chunks, body_of, size_line};
use super::codes::UNKNOWN_CODING;
use super::dissect::{data, headers, size_fields};
use super::head::Head;
use super::media::report_content;
use super::stage::Reading;
use crate::content::{self, Fault};
use crate::shown::Shown;

/// So many chunks are shown of one body.
const MAX_CHUNKS: usize = 1000;

/// Reports the body of a message.
pub(super) fn body<'a>(
    reading: Reading,
    message: Captured<'a, '_>,
    head: &Head<'a>,
    visit: &mut dyn Visit<'a>,
) {
    let range = head.end..message.length();
    if !message.is_whole() {
        return data("body", message, range, visit);
    }
    let bytes = message.bytes();
    let form = if head.is_translated() { Body::UntilEnd } else { body_of(head, reading.answers()) };
    let rest = bytes.get(range.clone()).unwrap_or_default();
    match form {
        Body::Chunked => {
            let chunks = Chunks::read(bytes, head.end);
            let is_whole = chunks.last.is_some();
            report_chunks(bytes, head.end, &chunks, visit);
            match chunks.data.as_slice() {
                [(_, only)] => {
                    let content = Shown::AsItIs(bytes.get(only.clone()).unwrap_or_default(), only.start);
                    report_packed(head, &content, is_whole, visit);
                }
                _ => {
                    let joined = chunks.joined(bytes);
                    let place = head.end..chunks.last.as_ref().map_or(chunks.end, |(line, _)| line.start);
                    report_packed(head, &Shown::Unpacked(&joined, place), is_whole, visit);
                }
            }
        }
        Body::Length(length) => {
            let is_whole = rest.len() as u64 >= length;
            report_packed(head, &Shown::AsItIs(rest, range.start), is_whole, visit);
        }
        Body::None | Body::UntilEnd => {
            let is_whole = head.value(":incomplete").is_none();
            report_packed(head, &Shown::AsItIs(rest, range.start), is_whole, visit);
        }
    }
}

fn report_chunks<'a>(bytes: &'a [u8], start: usize, chunks: &Chunks, visit: &mut dyn Visit<'a>) {
    visit.begin("chunks", start..chunks.end, Value::Group);
    let all = chunks.data.iter().map(|(line, data)| (line, data.end));
    let all = all.chain(chunks.last.iter().map(|(line, _)| (line, line.end)));
    for (line, end) in all.take(MAX_CHUNKS) {
        let text = bytes.get(line.clone()).unwrap_or_default();
        let Some(Ok((size, _))) = size_line(text) else { continue };
        visit.begin("chunk", line.start..end, Value::Group);
        size_fields(bytes, line.clone(), size, visit);
        visit.end();
    }
    visit.end();
    if let Some((_, trailers)) = &chunks.last {
        headers("trailers", bytes, trailers.clone(), visit);
    }
}

/// Reports a body without its codings.
fn report_packed<'a>(head: &Head<'a>, body: &Shown<'a, '_>, is_whole: bool, visit: &mut dyn Visit<'a>) {
    let media_type = head.value("content-type");
    let codings = codings(head);
    if codings.is_empty() {
        return report_content(body, media_type, is_whole, visit);
    }
    let packed = body.bytes();
    let unpacked = content::unpack(&codings, packed, content::limit(packed.len()));
    let place = body.whole_place();
    let is_all = is_whole && unpacked.fault.is_none();
    let what = "the body";
    match &unpacked.fault {
        None => {}
        Some(fault @ Fault::TooMuch { .. }) => {
            visit.problem(
                Code::ExpandsTooMuch,
                place.clone(),
                format_args!("{what} is not all shown: {fault}"),
            );
        }
        Some(fault @ Fault::Unknown { .. }) => {
            visit.problem(UNKNOWN_CODING, place.clone(), format_args!("{what} is shown as it is: {fault}"));
            return visit.field("body", place, body.value(0..packed.len()));
        }
        Some(fault @ Fault::Invalid { .. }) if is_whole => {
            visit.problem(
                Code::UnpackingFailed,
                place.clone(),
                format_args!("{what} can't be unpacked: {fault}"),
            );
            if unpacked.content.is_empty() {
                return visit.field("body", place, body.value(0..packed.len()));
            }
        }
        Some(Fault::Invalid { .. }) => {}
    }
    report_content(&Shown::Unpacked(&unpacked.content, place), media_type, is_all, visit);
}
