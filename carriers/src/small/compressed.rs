//! `gzip`, `zlib` and `deflate`: a whole stream that is compressed, in each direction by itself.
//!
//! The first header is a row, then whatever a segment holds, so that what it unpacks to comes at once. A direction that does not begin
//! with a header is handed on as it is. After a loss gzip continues with the next member; zlib and deflate can't.

use framescope_parser::{
    Captured, Carried, Code, Confidence, Conversation, Dissection, Error, Fault, Input, Kind, Passage, Role,
    Sample, Sentence, Settings, Step, Value, Visit,
};

use super::channel::{Only, Silent};
use super::fields::{Fields, little_endian};
use super::inflating::{Header, Inflating, LONGEST_HEADER, Unpacked, Wrapper, header_length};
use super::staged::{Part, Segments, Staged, byte_of, message, names, number_of, stage};
use crate::at_least_one;

const HEADER: u16 = 0;
const COMPRESSED: u16 = 1;
const PLAIN: u16 = 2;

/// The carrier of a kind of compressed stream.
pub fn compressed(wrapper: Wrapper) -> Staged {
    let (name, about, part) = of_wrapper(wrapper);
    let start = move |settings: &Settings| {
        let first = if wrapper == Wrapper::Deflate { COMPRESSED } else { HEADER };
        let direction = || Direction { stage: first, is_begun: false, inflating: Inflating::new(wrapper) };
        let (directions, channel) = ([direction(), direction()], Only::named(name, settings));
        Box::new(Compressed { wrapper, directions, channel }) as Box<dyn Conversation>
    };
    let fields = match wrapper {
        Wrapper::Gzip => &GZIP_FIELDS[..],
        Wrapper::Zlib => &["method", "window", "level", "check", "data"],
        Wrapper::Deflate => &["data"],
    };
    Staged {
        name,
        about,
        stages: vec![
            stage("header", part),
            stage("compressed", Segments { of: name, kind: "COMPRESSED" }),
            stage("plain", Segments { of: name, kind: "PLAIN" }),
        ],
        names: names(fields, &["HEADER", "COMPRESSED", "PLAIN"], true),
        codes: None,
        detect: match wrapper {
            Wrapper::Gzip => detect_gzip,
            Wrapper::Zlib | Wrapper::Deflate => |_| Confidence::No,
        },
        start: Box::new(start),
        not_on_datagrams: Some("a compressed stream goes on from segment to segment, which datagrams do not"),
    }
}

/// Its name, what it is, and the stage of its header.
fn of_wrapper(wrapper: Wrapper) -> (&'static str, &'static str, Part) {
    match wrapper {
        Wrapper::Gzip => (
            "gzip",
            "a stream that is compressed with gzip, one member or several",
            Part {
                name: "gzip",
                next: |input| next_header(Wrapper::Gzip, input),
                dissect: dissect_gzip,
                encode: encode_gzip,
            },
        ),
        Wrapper::Zlib => (
            "zlib",
            "a stream that is compressed with zlib",
            Part {
                name: "zlib",
                next: |input| next_header(Wrapper::Zlib, input),
                dissect: dissect_zlib,
                encode: encode_zlib,
            },
        ),
        Wrapper::Deflate => (
            "deflate",
            "a stream that is compressed with deflate, without anything around it",
            Part {
                name: "deflate",
                next: |input| next_header(Wrapper::Deflate, input),
                dissect: |_, _| {},
                encode: |_, _| Err(Error::new(0, "header", Fault::Missing)),
            },
        ),
    }
}

fn detect_gzip(sample: Sample<'_>) -> Confidence {
    match header_length(Wrapper::Gzip, sample.bytes) {
        Header::Complete(length) if length >= 10 => Confidence::Certain,
        _ => Confidence::No,
    }
}

fn next_header(wrapper: Wrapper, input: Input<'_>) -> Step {
    let bytes = input.bytes.get(..LONGEST_HEADER).unwrap_or(input.bytes);
    match header_length(wrapper, bytes) {
        Header::Complete(length) if length > 0 => message(length),
        Header::Incomplete if bytes.len() < LONGEST_HEADER && input.last => {
            Step::Partial(at_least_one(input.bytes.len()))
        }
        Header::Incomplete if bytes.len() < LONGEST_HEADER => Step::NeedMore(at_least_one(1)),
        _ => Step::Skipped(at_least_one(bytes.len()), Code::NotAFrame),
    }
}

const GZIP_FIELDS: [&str; 11] = [
    "magic",
    "method",
    "flags",
    "modified",
    "extra_flags",
    "system",
    "extra",
    "name",
    "comment",
    "header_check",
    "data",
];

fn dissect_gzip<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    visit.kind(Kind::new(0, Some("HEADER")));
    let mut fields = Fields::of(message, visit);
    let mut read = || -> Option<()> {
        fields.hex("magic", 2)?;
        fields.named("method", |method| (method == 8).then_some("DEFLATE"))?;
        let flags = fields.hex("flags", 1)?;
        fields.little("modified", 4)?;
        fields.number("extra_flags", 1)?;
        fields.named("system", |system| match system {
            0 => Some("FAT"),
            3 => Some("UNIX"),
            7 => Some("MACINTOSH"),
            11 => Some("NTFS"),
            255 => Some("UNKNOWN"),
            _ => None,
        })?;
        if flags & 4 != 0 {
            let length = usize::try_from(little_endian(fields.take(2)?.0)).ok()?;
            fields.bytes("extra", length)?;
        }
        for (flag, name) in [(8, "name"), (16, "comment")] {
            if flags & flag != 0 {
                let length = memchr::memchr(0, fields.bytes.get(fields.at..)?)?;
                fields.text(name, length)?;
                fields.take(1)?;
            }
        }
        if flags & 2 != 0 {
            let checked = fields.at;
            let (bytes, range) = fields.take(2)?;
            let (found, crc) = (little_endian(bytes), crc32fast::hash(fields.bytes.get(..checked)?) & 0xffff);
            fields.visit.field("header_check", range.clone(), Value::Hex(found));
            if found != u64::from(crc) {
                let text = format_args!("the check of the header is {crc:#06x}, and {found:#06x} is stored");
                fields.visit.problem(Code::ChecksumMismatch, range, text);
            }
        }
        Some(())
    };
    read();
    visit.summary(format_args!("a gzip member"));
}

fn encode_gzip(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let begin = out.len();
    let given = |name| message.field(name).and_then(|field| field.value.as_bytes());
    let check = message.field("header_check").is_some();
    let flags = u8::from(check) << 1
        | u8::from(given("extra").is_some()) << 2
        | u8::from(given("name").is_some()) << 3
        | u8::from(given("comment").is_some()) << 4;
    let is_text = byte_of(message, "flags").unwrap_or(0) & 1;
    out.extend_from_slice(&[0x1f, 0x8b, 8, flags | is_text]);
    let modified = u32::try_from(number_of(message, "modified")?).unwrap_or(u32::MAX);
    out.extend_from_slice(&modified.to_le_bytes());
    out.push(byte_of(message, "extra_flags")?);
    out.push(byte_of(message, "system")?);
    if let Some(extra) = given("extra") {
        let found = extra.len();
        let length = u16::try_from(found).map_err(|_| {
            Error::new(
                0,
                "extra",
                Fault::TooLong { limit: 65535, found: u64::try_from(found).unwrap_or(u64::MAX) },
            )
        })?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(extra);
    }
    for text in ["name", "comment"].into_iter().filter_map(given) {
        out.extend_from_slice(text);
        out.push(0);
    }
    if check {
        let crc = crc32fast::hash(out.get(begin..).unwrap_or_default()) & 0xffff;
        out.extend_from_slice(&u16::try_from(crc).unwrap_or(0).to_le_bytes());
    }
    Ok(())
}

fn dissect_zlib<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    visit.kind(Kind::new(0, Some("HEADER")));
    if let Some(&first) = message.first() {
        let method = Kind::new(u64::from(first & 15), (first & 15 == 8).then_some("DEFLATE"));
        visit.field("method", 0..1, Value::Enum(method));
        let window = 1_u64 << (8 + u64::from(first >> 4));
        visit.field("window", 0..1, Value::Unsigned(window));
    }
    if let Some(&second) = message.get(1) {
        visit.field("level", 1..2, Value::Unsigned(u64::from(second >> 6)));
        visit.field("check", 1..2, Value::Hex(u64::from(second & 31)));
    }
    visit.summary(format_args!("a zlib stream"));
}

fn encode_zlib(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let (window, level) = (number_of(message, "window")?, number_of(message, "level")?);
    let bits = u16::try_from(window.max(256).ilog2()).unwrap_or(15).clamp(8, 15) - 8;
    let header = (bits << 4 | 8) << 8 | u16::try_from(level & 3).unwrap_or(0) << 6;
    let check = (31 - header % 31) % 31;
    out.extend_from_slice(&(header | check).to_be_bytes());
    Ok(())
}

#[derive(Clone)]
struct Direction {
    stage: u16,
    /// Whether the stage was chosen by the first bytes.
    is_begun: bool,
    inflating: Inflating,
}

#[derive(Clone)]
struct Compressed {
    wrapper: Wrapper,
    directions: [Direction; 2],
    channel: Only,
}

impl Compressed {
    fn direction(&mut self, role: Role) -> &mut Direction {
        let [client, server] = &mut self.directions;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }
}

/// Hands on what is unpacked of one message.
struct Out<'o> {
    channel: &'o mut Only,
    role: Role,
    to: &'o mut dyn Carried,
}

impl Unpacked for Out<'_> {
    fn room(&self) -> usize {
        self.to.room()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.channel.bytes(self.role, bytes, self.to);
    }

    fn lost(&mut self) {
        self.channel.lost(self.role, 1, self.to);
    }

    fn problem(&mut self, code: Code, text: Sentence) {
        self.to.problem(code, text);
    }
}

impl Conversation for Compressed {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let inside: usize = self.directions.iter().map(|direction| direction.inflating.size()).sum();
        size_of::<Self>() + inside
    }

    fn stage(&self, role: Role) -> u16 {
        self.directions.get(role.index()).map_or(COMPRESSED, |direction| direction.stage)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        let direction = self.direction(role);
        (direction.stage, direction.is_begun) = (stage, true);
    }

    fn begins_inside(&mut self, role: Role) {
        self.channel.about_mut().begins_inside = true;
        let direction = self.direction(role);
        (direction.stage, direction.is_begun) = (COMPRESSED, true);
        direction.inflating.loss();
    }

    fn begin(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<std::num::NonZeroUsize> {
        let wrapper = self.wrapper;
        let direction = self.direction(role);
        if direction.is_begun || direction.stage != HEADER {
            return None;
        }
        match header_length(wrapper, bytes) {
            Header::Complete(_) => direction.is_begun = true,
            Header::Incomplete if bytes.len() >= LONGEST_HEADER || last => {}
            Header::Incomplete => return None,
            Header::Wrong(_) => (direction.is_begun, direction.stage) = (true, PLAIN),
        }
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Silent);
    }

    fn loss(&mut self, role: Role) {
        let direction = self.direction(role);
        if direction.stage != PLAIN {
            (direction.stage, direction.is_begun) = (COMPRESSED, true);
            direction.inflating.loss();
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        let [client, server] = &mut self.directions;
        let direction = if role == Role::Client { client } else { server };
        match passage {
            Passage::Message(message) if direction.stage == PLAIN => {
                self.channel.bytes(role, message.bytes(), to);
            }
            Passage::Message(message) => {
                direction.stage = COMPRESSED;
                let was_lost = direction.inflating.is_lost();
                let out = &mut Out { channel: &mut self.channel, role, to };
                direction.inflating.take(message.bytes(), out);
                if was_lost && direction.inflating.is_lost() {
                    let length = u64::try_from(message.length()).unwrap_or(1);
                    self.channel.lost(role, length, to);
                    to.problem(Code::UnpackingFailed, cannot_go_on(self.wrapper));
                }
            }
            Passage::Lost(length) => {
                self.loss(role);
                self.channel.lost(role, length, to);
            }
            Passage::End => self.channel.end(role, to),
        }
    }
}

fn cannot_go_on(wrapper: Wrapper) -> Sentence {
    Sentence::new(match wrapper {
        Wrapper::Gzip => {
            "this can't be unpacked, since bytes before it are missing or damaged; the next member can"
        }
        Wrapper::Zlib | Wrapper::Deflate => {
            "this can't be unpacked, since bytes before it are missing or damaged: each byte of deflate depends on those before"
        }
    })
}
