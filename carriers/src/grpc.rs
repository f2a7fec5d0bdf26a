//! The messages of gRPC, each behind a prefix of five bytes.
//!
//! ```text
//! offset size field
//!      0    1 flags    1: compressed; 0x80: trailers, in gRPC-Web
//!      1    4 length   of the payload, big-endian
//!      5    … payload  mostly protobuf
//! ```
//!
//! HTTP/2 carries them in channels `grpc`, each with the path that is asked for: it shows the types of both directions in a schema.
//! The payload is shown unpacked, up to a limit; how it is compressed shows in its first bytes.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{
    Captured, Code, CodeDomain, Confidence, Conversation, Dissection, Error, Input, Kind, Measure, Memo,
    Names, Protocol, Reads, Role, Sample, Settings, Stage, Step, Value, Visit,
};

use crate::at_least_one;
use crate::content::{Coding, Fault, limit, unpack_one};
use crate::protobuf::{CODES, GRPC_FLAG, Schema, read, short};
use crate::shown::Shown;

const PREFIX: usize = 5;
const COMPRESSED: u8 = 1;
const TRAILERS: u8 = 0x80;
/// The longest payload: the most that libraries are usually set to.
const MAX_PAYLOAD: usize = 64 << 20;
/// The methods of a schema whose types are known.
const MAX_METHODS: usize = 1 << 14;

/// The protocol `grpc`.
#[derive(Debug)]
pub struct Grpc {
    any: Message,
    schema: Option<Arc<Schema>>,
    /// Any message, then the request and the response of each method.
    stages: Vec<Stage>,
}

/// A message of gRPC, with the type of its payload if that is known.
#[derive(Clone, Debug)]
struct Message {
    of: Option<(Arc<Schema>, usize)>,
}

impl Default for Grpc {
    fn default() -> Grpc {
        Grpc::new(None)
    }
}

impl Grpc {
    /// With the types of a schema, if there is one.
    pub fn new(schema: Option<Arc<Schema>>) -> Grpc {
        let any = Message { of: None };
        let stage = |name: &str, of: Option<(Arc<Schema>, usize)>| Stage {
            name: name.into(),
            reads: Reads::Own(Arc::new(Message { of })),
            needs_variables: false,
            sets_variables: false,
            carries: false,
        };
        let mut stages = Vec::new();
        if let Some(schema) = &schema {
            stages.push(stage("any", None));
            for method in schema.methods.iter().take(MAX_METHODS) {
                stages.push(stage(&format!("{} request", method.path), Some((schema.clone(), method.input))));
                stages
                    .push(stage(&format!("{} response", method.path), Some((schema.clone(), method.output))));
            }
        }
        Grpc { any, schema, stages }
    }
}

/// The names of its fields, and its kinds: those of the schema, and others.
fn names<'n>(kinds: impl Iterator<Item = &'n str>) -> Names {
    let fields = ["flags", "length", "encoding", "compressed", "trailers", "payload", "payload.*"];
    let mut kinds: Vec<String> = kinds.chain(["message", "trailers"]).map(Into::into).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let anywhere = vec![framescope_parser::CAPTURED.into()];
    Names { fields: fields.map(Into::into).to_vec(), anywhere, kinds, verbatim: false }
}

/// The flags and the length of the payload.
fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let &[flags, a, b, c, d] = bytes.first_chunk()?;
    Some((flags, usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX)))
}

impl Protocol for Message {
    fn name(&self) -> &str {
        "grpc"
    }

    fn about(&self) -> &str {
        "gRPC messages: a prefix of five bytes, and protobuf"
    }

    fn can_resync(&self) -> bool {
        false
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        match message.get(0..PREFIX).and_then(prefix) {
            Some((flags, length)) if length <= MAX_PAYLOAD && flags & !(COMPRESSED | TRAILERS) == 0 => {
                Measure::Message {
                    length: at_least_one(PREFIX + length),
                    head: at_least_one(PREFIX),
                    bits: 12,
                }
            }
            Some(_) => Measure::Nothing,
            None if message.length() < PREFIX => Measure::NeedMore,
            None => Measure::Unknown,
        }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let bytes = input.bytes;
        let length = match prefix(bytes) {
            Some((_, length)) if length > MAX_PAYLOAD => return Step::Lost,
            Some((_, length)) => PREFIX + length,
            None => PREFIX,
        };
        let there = at_least_one(bytes.len().min(length));
        match NonZeroUsize::new(length.saturating_sub(bytes.len())) {
            None => Step::Message(there),
            Some(_) if input.last => Step::Partial(there),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn names(&self) -> Names {
        names(
            self.of
                .iter()
                .filter_map(|(schema, of)| schema.messages.get(*of))
                .map(|message| short(&message.name)),
        )
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let Some((flags, length)) = prefix(message) else { return };
        let name = match &self.of {
            Some((schema, of)) => schema.messages.get(*of).map_or("message", |message| short(&message.name)),
            None => "message",
        };
        let is_trailers = flags & TRAILERS != 0;
        visit.kind(Kind::new((flags & TRAILERS).into(), Some(if is_trailers { "trailers" } else { name })));
        visit.field("flags", 0..1, Value::Hex(flags.into()));
        if flags & !(COMPRESSED | TRAILERS) != 0 {
            let text = format_args!("the first byte is {flags:#04x}, and can only be 0 or 1 (compressed)");
            visit.problem(GRPC_FLAG, 0..1, text);
        }
        visit.field("length", 1..PREFIX, Value::Unsigned(u64::try_from(length).unwrap_or(u64::MAX)));
        let range = PREFIX..PREFIX + length;
        let Some(payload) = message.get(range.clone()) else { return };
        match flags & COMPRESSED {
            _ if is_trailers => visit.field("trailers", range, Value::utf8(payload)),
            0 => self.payload(Shown::AsItIs(payload, PREFIX), visit),
            _ => self.compressed(payload, range, visit),
        }
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        let why = "the payload is written by a library of protobuf".into();
        Err(Error::new(0, "payload", framescope_parser::Fault::NotWritable { why }))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

impl Message {
    fn payload<'a>(&'a self, shown: Shown<'a, '_>, visit: &mut dyn Visit<'a>) {
        visit.begin("payload", shown.whole_place(), Value::Group);
        let of = self.of.as_ref().map(|(schema, message)| (&**schema, *message));
        let summary = read(of, shown, visit);
        visit.end();
        visit.summary(format_args!("{summary}"));
    }

    fn compressed<'a>(&'a self, payload: &'a [u8], range: Range<usize>, visit: &mut dyn Visit<'a>) {
        let Some(coding) = coding(payload) else {
            visit.field("compressed", range.clone(), Value::Bytes(Cow::Borrowed(payload)));
            let text = format_args!(
                "the message is compressed in a way that is not known here: gzip, deflate and zstd are"
            );
            return visit.problem(Code::UnpackingFailed, range, text);
        };
        visit.field("encoding", range.start..range.start + 2, Value::Text(coding.as_str().into()));
        let (unpacked, fault) = unpack_one(coding, payload, limit(payload.len()));
        if let Some(fault) = fault {
            let code = match fault {
                Fault::TooMuch { .. } => Code::ExpandsTooMuch,
                _ => Code::UnpackingFailed,
            };
            visit.problem(code, range.clone(), format_args!("the payload is not shown to its end: {fault}"));
        }
        self.payload(Shown::Unpacked(&unpacked, range), visit);
    }
}

/// How a payload is compressed, by its first bytes.
fn coding(payload: &[u8]) -> Option<Coding> {
    match *payload {
        [0x1f, 0x8b, ..] => Some(Coding::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Coding::Zstd),
        [first, second, ..]
            if first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31) =>
        {
            Some(Coding::Deflate)
        }
        _ => None,
    }
}

impl Protocol for Grpc {
    fn name(&self) -> &str {
        self.any.name()
    }

    fn about(&self) -> &str {
        self.any.about()
    }

    fn can_resync(&self) -> bool {
        self.any.can_resync()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        self.any.measure(message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        self.any.next(input, memo)
    }

    fn names(&self) -> Names {
        names(self.schema.iter().flat_map(|schema| schema.message_names().map(short)))
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        self.any.codes()
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.any.dissect(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.any.encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        self.any.detect(sample)
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        let schema = self.schema.as_ref()?;
        let path = settings.get("path").unwrap_or_default();
        let method = schema.methods.iter().take(MAX_METHODS).position(|method| method.path == path);
        let first = method.and_then(|method| u16::try_from(1 + 2 * method).ok());
        Some(Box::new(Call { stages: first.map_or([0, 0], |first| [first, first + 1]) }))
    }
}

/// Calls of one method: the stages of both directions, which never change.
#[derive(Clone, Copy, Debug)]
struct Call {
    stages: [u16; 2],
}

impl Conversation for Call {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(*self)
    }

    fn size(&self) -> usize {
        size_of::<Call>()
    }

    fn stage(&self, role: Role) -> u16 {
        let [client, server] = self.stages;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    fn continue_in(&mut self, _: Role, _: u16) {}

    fn message(&mut self, _: Role, _: Captured<'_, '_>) {}
}
