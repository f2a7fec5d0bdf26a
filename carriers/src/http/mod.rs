//! `http`: HTTP/1.x in a stream, and requests and responses of any version in messages of their own.
//!
//! ```text
//! start line   GET /path HTTP/1.1   or   HTTP/1.1 200 OK
//! headers      name: value, one a line, up to an empty line
//! body         by Content-Length, in chunks, or up to the end of the connection
//! ```
//!
//! A message is one row with its body, if that has at most 1 MiB. Otherwise the head is a row, and so is each part of the body:
//! each chunk, or each 64 KiB. Where the parts are written as things happen they are rows too, so that they are seen then:
//!
//! - a body of a type for that (`text/event-stream`, `multipart/x-mixed-replace`, `application/x-ndjson` and others) is divided
//!   at once: in its chunks, else in its events, else in steps of 64 KiB;
//! - a body with more than 32 chunks of less than 1 KiB is in chunks; so is one whose last chunk does not come before a gap or the end.
//!
//! What follows the response 101 or a successful CONNECT is handed on as the channels `http.upgrade` and `http.connect`, and bodies as
//! `http.body` if they are [asked for](Http::carry_bodies).

mod bodies;
mod body;
mod codes;
mod content;
mod dissect;
mod encode;
mod faults;
mod head;
mod known;
mod media;
mod observer;
mod stage;
mod start;
mod talk;

use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Code, CodeDomain, Confidence, Conversation, Dissection, Error, Input, Measure, Memo, Names,
    Observer, Protocol, Sample, Settings, Stage, Step, Transport, Usable, Visit,
};

use self::head::{Head, Read};
use self::stage::Reading;
use self::start::{Found, METHODS, Start, Versions, start_line};
use self::talk::Talk;

/// The `http` protocol.
///
/// ```
/// use framescope_carriers::http::Http;
/// use framescope_parser::Dissection;
///
/// let http = Http::default();
/// let message = Dissection::of(&http, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"user\":\"ada\"}");
/// assert_eq!(message.summary, "200 OK");
/// assert_eq!(message.field("headers.content-type").unwrap().value.to_string(), "\"application/json\"");
/// assert_eq!(message.field("body.user").unwrap().value.to_string(), "\"ada\"");
/// ```
pub struct Http {
    carry_bodies: bool,
    stages: Vec<Stage>,
    whole: Whole,
}

/// A message of what carries it.
struct Whole;

impl Default for Http {
    fn default() -> Self {
        Http { carry_bodies: false, stages: stage::all(), whole: Whole }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("carry_bodies", &self.carry_bodies).finish_non_exhaustive()
    }
}

impl Http {
    /// Hands on each body without its chunks and codings, as a message of a channel `http.body`: one channel for each path and media
    /// type of a connection. It costs time and rows, so it is only worth while where a rule or a protocol names `http.body`.
    #[must_use]
    pub fn carry_bodies(self, carry_bodies: bool) -> Http {
        Http { carry_bodies, ..self }
    }
}

impl Protocol for Http {
    fn name(&self) -> &str {
        "http"
    }

    fn about(&self) -> &str {
        "HTTP/1.x requests and responses"
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        match transport {
            Transport::Udp => Usable::Whole(&self.whole),
            Transport::Tcp | Transport::File => Usable::AsItIs,
        }
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        stage::next(Reading::Request, input, memo)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        stage::measure(Reading::Request, message)
    }

    fn names(&self) -> Names {
        names()
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&codes::CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::report(Reading::Request, Captured::whole(message), visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        dissect::report(Reading::Request, message, visit);
    }

    fn dissect_skipped<'a>(
        &'a self,
        code: Code,
        skipped: &'a [u8],
        length: usize,
        visit: &mut dyn Visit<'a>,
    ) {
        dissect::report_skipped(code, skipped, length, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode::write(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        detect(sample)
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Talk::new(settings, self.carry_bodies)))
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(observer::Pairs::default()))
    }
}

impl Protocol for Whole {
    fn name(&self) -> &str {
        "http"
    }

    fn about(&self) -> &str {
        "one HTTP request or response"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let all = NonZeroUsize::new(input.bytes.len()).unwrap_or(NonZeroUsize::MIN);
        match Head::read(input.bytes, Versions::Any) {
            _ if !input.last => Step::NeedMore(NonZeroUsize::MIN),
            Read::Whole(_) => Step::Message(all),
            Read::More(_) => Step::Partial(all),
            Read::No => Step::Skipped(all, Code::NotAFrame),
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::report(Reading::Request, Captured::whole(message), visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode::write(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        detect(sample)
    }
}

/// Certain of a start line that is all there; likely of one that is cut off, if its method is known.
fn detect(sample: Sample<'_>) -> Confidence {
    let bytes = sample.bytes.get(head::empty_lines(sample.bytes)..).unwrap_or_default();
    match start_line(bytes, Versions::Any, 0) {
        Found::Line(Start::Request | Start::Response, _) => Confidence::Certain,
        Found::Line(Start::Trailers | Start::Body, _) => Confidence::Likely,
        Found::Maybe => {
            let is_known = |method: &&'static str| {
                bytes.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" /"))
            };
            let is_likely = bytes.starts_with(b"HTTP/1.") || METHODS.iter().any(is_known);
            if is_likely { Confidence::Likely } else { Confidence::No }
        }
        Found::No => Confidence::No,
    }
}

/// Header fields that can be named without the group they are in.
const HEADERS: [&str; 48] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "origin",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-forwarded-for",
];

fn names() -> Names {
    const FIELDS: [&str; 27] = [
        "method",
        "target",
        "target.scheme",
        "target.authority",
        "target.path",
        "target.query",
        "version",
        "status",
        "reason",
        "headers",
        "headers.*",
        "chunks",
        "chunks.chunk",
        "chunks.chunk.size",
        "chunks.chunk.extension",
        "trailers",
        "trailers.*",
        "body",
        "body.*",
        "data",
        "size",
        "extension",
        "event",
        "id",
        "retry",
        "comment",
        "other",
    ];
    let headers = HEADERS.iter().map(|name| format!("headers.{name}"));
    let kinds = METHODS.iter().map(|&method| method.to_owned());
    let others = dissect::KINDS.iter().map(|&(name, _)| name.to_owned());
    Names {
        fields: FIELDS.iter().map(|&name| name.to_owned()).chain(headers).collect(),
        anywhere: vec![framescope_parser::CAPTURED.to_owned()],
        kinds: kinds.chain(others).chain((100..600).map(|status| status.to_string())).collect(),
        verbatim: false,
    }
}
