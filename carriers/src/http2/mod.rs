//! HTTP/2, RFC 9113: its frames, and the requests and responses that they carry.
//!
//! A frame is a message of the protocol `http2`. What earlier blocks of header fields define, what is joined over several frames, and
//! what belongs to one stream is not shown there: each request and each response is a message of the channel `http2`, in the text
//! of HTTP/1.1:
//!
//! ```text
//! GET /path HTTP/2          HTTP/2 200              TRAILERS HTTP/2          BODY HTTP/2
//! :stream: 5                :stream: 5              :stream: 5               :stream: 5
//! :scheme: https            content-type: …         grpc-status: 0
//! :authority: host                                                           what follows a body's first MiB
//! name: value               the body
//! ```
//!
//! A line `:incomplete: WHY` says what is missing of a message. The messages of gRPC are those of channels `grpc`, one for each path;
//! a tunnel of CONNECT is a channel `http.connect`, and one of an extended CONNECT (RFC 8441) `http.upgrade`.
//!
//! What it never does: flow control, and the checks of a server beyond what a frame or a block shows.

mod codes;
mod connection;
mod dissect;
mod frame;
mod grpc;
mod handing;
mod head;
mod hpack;
mod huffman;
mod streams;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, CodeDomain, Confidence, Conversation, Dissection, Error, Fault, Input, Measure, Memo, Names,
    Protocol, Reads, Sample, Settings, Stage, Step, Visit,
};

use crate::at_least_one;

pub use self::codes::CODES;
use self::connection::Connection;
use self::frame::{HEADER, Header, PREFACE};

/// The protocol `http2`.
#[derive(Debug)]
pub struct Http2 {
    stages: Vec<Stage>,
}

impl Default for Http2 {
    fn default() -> Http2 {
        let stage = Stage {
            name: "frames".into(),
            reads: Reads::Own(Arc::new(Frames)),
            needs_variables: false,
            sets_variables: false,
            carries: true,
        };
        Http2 { stages: vec![stage] }
    }
}

/// Its frames, which show where they end.
#[derive(Clone, Copy, Debug)]
struct Frames;

/// How much of a sample's beginnings of segments is tried.
const MOST_BEGINNINGS: usize = 8;
/// Frames, and the bits of chance in them, that leave little doubt where no preface is.
const CONSISTENT: (usize, u32) = (3, 90);
/// Streams have smaller numbers than this, unless a connection is very old.
const USUAL_STREAMS: u32 = 1 << 20;

impl Protocol for Frames {
    fn name(&self) -> &str {
        "http2"
    }

    fn about(&self) -> &str {
        "HTTP/2 frames (RFC 9113), and the requests, responses and gRPC messages in them"
    }

    fn can_resync(&self) -> bool {
        false
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        let preface = message.length().min(PREFACE.len());
        if preface >= 4 && message.get(0..preface).is_some_and(|bytes| PREFACE.starts_with(bytes)) {
            let (length, head) = (at_least_one(PREFACE.len()), at_least_one(PREFACE.len()));
            return Measure::Message { length, head, bits: 128 };
        }
        let Some(header) = message.get(0..HEADER).and_then(Header::parse) else {
            return if message.length() < HEADER { Measure::NeedMore } else { Measure::Unknown };
        };
        match header.bits() {
            Some(bits) => Measure::Message {
                length: at_least_one(HEADER + header.length),
                head: at_least_one(HEADER),
                bits,
            },
            None => Measure::Nothing,
        }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let bytes = input.bytes;
        let is_preface = bytes.first() == Some(&b'P') && PREFACE.starts_with(first(bytes, PREFACE.len()));
        let length = match Header::parse(bytes) {
            _ if is_preface => PREFACE.len(),
            Some(header) if header.is_plausible() => HEADER + header.length,
            Some(_) => return Step::Lost,
            None => HEADER,
        };
        let there = at_least_one(bytes.len().min(length));
        match NonZeroUsize::new(length.saturating_sub(bytes.len())) {
            None => Step::Message(there),
            Some(_) if input.last => Step::Partial(there),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn names(&self) -> Names {
        let own = ["preface", "length", "type", "stream", "flags", "payload"].into_iter();
        let flags = frame::TYPES.iter().flat_map(|(of, _)| frame::flags(*of)).map(|(_, name)| *name);
        let mut fields: Vec<String> =
            own.map(Into::into).chain(flags.map(|flag| format!("flags.{flag}"))).collect();
        let settings = (0..=u16::MAX).filter_map(frame::setting);
        let inside = INSIDE.into_iter().chain(settings).map(|name| format!("payload.{name}"));
        fields.extend(inside);
        fields.sort();
        fields.dedup();
        let kinds = frame::TYPES.iter().map(|(_, name)| *name).chain(["PREFACE"]);
        let anywhere = vec![framescope_parser::CAPTURED.into()];
        Names { fields, anywhere, kinds: kinds.map(Into::into).collect(), verbatim: false }
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::report(message, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        match message.get(0..HEADER).filter(|_| message.length() > HEADER && !message.is_whole()) {
            Some(header) => {
                dissect::report(header, visit);
                message.report_missing("payload", HEADER..message.length(), visit);
            }
            None => dissect::report(message.beginning(), visit),
        }
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        let why = "frames of HTTP/2 depend on each other, and are written by a program that speaks it".into();
        Err(Error::new(0, "payload", Fault::NotWritable { why }))
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        let bytes = sample.bytes;
        if bytes.len() >= 14 && PREFACE.starts_with(first(bytes, PREFACE.len())) {
            return Confidence::Certain;
        }
        if let Some(certain) = begins_with_settings(bytes) {
            return certain;
        }
        let ends = sample.segment_ends.iter().copied().take(MOST_BEGINNINGS);
        let found =
            std::iter::once(0).chain(ends).any(|begin| is_consistent(bytes.get(begin..).unwrap_or_default()));
        if found { Confidence::Likely } else { Confidence::No }
    }
}

/// The names of the fields in payloads.
const INSIDE: [&str; 28] = [
    "pad_length",
    "data",
    "padding",
    "exclusive",
    "depends_on",
    "weight",
    "headers",
    "headers.header",
    "headers.header.name",
    "headers.header.value",
    "headers.header.entry",
    "headers.table_size",
    "fragment",
    "error_code",
    "promised_stream",
    "opaque",
    "last_stream",
    "debug_data",
    "increment",
    "setting",
    "setting.identifier",
    "setting.value",
    "origin_length",
    "origin",
    "alternatives",
    "prioritized_stream",
    "priority",
    "rest",
];

fn first(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

/// What a server sends first: SETTINGS.
fn begins_with_settings(bytes: &[u8]) -> Option<Confidence> {
    let header = Header::parse(bytes)?;
    if header.kind != frame::Type::SETTINGS || header.flags != 0 || header.length > 6 * 32 {
        return None;
    }
    header.bits()?;
    let end = HEADER + header.length;
    let settings = bytes.get(HEADER..end).unwrap_or_default().chunks_exact(6);
    let is_known = |setting: &[u8]| {
        setting.first_chunk().is_some_and(|id| frame::setting(u16::from_be_bytes(*id)).is_some())
    };
    let (mut known, mut all) = (0, 0);
    for setting in settings {
        all += 1;
        known += usize::from(is_known(setting));
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let goes_on = Header::parse(rest).map(|next| next.bits().is_some());
    match (goes_on, known * 2 >= all) {
        (Some(true), true) => Some(Confidence::Certain),
        (None, true) => Some(Confidence::Likely),
        _ => None,
    }
}

/// Whether frames follow each other here, the last of which may be cut off, so that little doubt is left. Zeros look like empty DATA
/// frames, so that only frames of several types count, or DATA of one stream.
fn is_consistent(mut bytes: &[u8]) -> bool {
    let (mut frames, mut bits) = (0, 0u32);
    let mut first: Option<Header> = None;
    let (mut has_types, mut has_empty, mut has_streams) = (false, false, false);
    while let Some(header) = Header::parse(bytes) {
        let Some(own) = header.bits().filter(|_| header.stream < USUAL_STREAMS) else { return false };
        let known = first.get_or_insert(header);
        has_types |= known.kind != header.kind;
        has_streams |= known.stream != header.stream;
        has_empty |= header.length == 0;
        frames += 1;
        bits = bits.saturating_add(own);
        bytes = bytes.get(HEADER + header.length..).unwrap_or_default();
    }
    frames >= CONSISTENT.0 && bits >= CONSISTENT.1 && (has_types || !has_empty && !has_streams)
}

impl Protocol for Http2 {
    fn name(&self) -> &str {
        Frames.name()
    }

    fn about(&self) -> &str {
        Frames.about()
    }

    fn can_resync(&self) -> bool {
        Frames.can_resync()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        Frames.measure(message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        Frames.next(input, memo)
    }

    fn names(&self) -> Names {
        Frames.names()
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Frames.codes()
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::report(message, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        Frames.dissect_incomplete(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        Frames.encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        Frames.detect(sample)
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Connection::new(settings)))
    }
}
