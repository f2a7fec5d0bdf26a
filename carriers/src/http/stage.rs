//! The stages of a conversation, and where the messages of each end.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, Code, Confidence, Dissection, Error, Input, Measure, Memo, Protocol, Reads, Role, Sample,
    Stage, Step, Visit,
};

use super::body::{Answers, Body, Chunk, MAX_WHOLE, STEP, Whole, WholeBody, body_of, is_stream, size_line};
use super::codes::{BAD_CHUNK, EMPTY_LINE};
use super::head::{Head, Looked, Read, empty_lines, head_end};
use super::start::{Found, Versions, next_start, start_line};
use super::{detect, dissect, encode};
use crate::at_least_one;

/// What the messages of a stage are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Request,
    Response,
    /// It answers HEAD.
    WithoutBody,
    /// It answers CONNECT.
    ToConnect,
    /// A part of a body whose head is a message of its own.
    Body,
    /// A chunk of such a body.
    Chunk,
    /// An event of such a body, `text/event-stream` without chunks.
    Event,
    /// What follows an upgrade.
    Upgraded,
    /// What follows CONNECT.
    Tunnel,
}

impl Reading {
    /// All, in the order of the stages.
    pub(super) const ALL: [(Reading, &'static str); 9] = [
        (Reading::Request, "request"),
        (Reading::Response, "response"),
        (Reading::WithoutBody, "response-without-body"),
        (Reading::ToConnect, "response-to-connect"),
        (Reading::Body, "body"),
        (Reading::Chunk, "chunks"),
        (Reading::Event, "events"),
        (Reading::Upgraded, "upgraded"),
        (Reading::Tunnel, "tunnel"),
    ];

    pub(super) fn number(self) -> u16 {
        let at = Reading::ALL.iter().position(|(one, _)| *one == self);
        at.and_then(|at| u16::try_from(at).ok()).unwrap_or(0)
    }

    pub(super) fn of(stage: u16) -> Reading {
        Reading::ALL.get(usize::from(stage)).map_or(Reading::Request, |(one, _)| *one)
    }

    /// Whether a message with a start line comes next.
    pub(super) fn is_message(self) -> bool {
        matches!(self, Reading::Request | Reading::Response | Reading::WithoutBody | Reading::ToConnect)
    }

    pub(super) fn answers(self) -> Answers {
        match self {
            Reading::WithoutBody => Answers::Head,
            Reading::ToConnect => Answers::Connect,
            _ => Answers::Any,
        }
    }
}

/// The stages.
pub(super) fn all() -> Vec<Stage> {
    let stage = |&(reading, name): &(Reading, &'static str)| Stage {
        name: name.to_owned(),
        reads: Reads::Own(Arc::new(Part(reading))),
        needs_variables: false,
        sets_variables: false,
        carries: true,
    };
    Reading::ALL.iter().map(stage).collect()
}

/// How far a body is whose parts are messages of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// How much of it there was.
    pub(super) at: u64,
    /// How much is left; None if it ends with the connection.
    pub(super) left: Option<u64>,
}

impl Progress {
    /// How long its next part is.
    fn step(&self) -> usize {
        let step = STEP - self.at % STEP;
        usize::try_from(self.left.unwrap_or(step).min(step)).unwrap_or(usize::MAX)
    }
}

/// Of each role, how far its body is: the variables of a conversation.
pub(super) type Bodies = [Progress; 2];

/// The messages of one stage.
struct Part(Reading);

impl Protocol for Part {
    fn name(&self) -> &str {
        "http"
    }

    fn about(&self) -> &str {
        "what comes next of HTTP"
    }

    fn ends_with_segment(&self) -> bool {
        matches!(self.0, Reading::Upgraded | Reading::Tunnel)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        measure(self.0, message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        next(self.0, input, memo)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect::report(self.0, Captured::whole(message), visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        dissect::report(self.0, message, visit);
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
}

/// What comes first in the bytes of a direction.
pub(super) fn next(reading: Reading, input: Input<'_>, memo: &mut Memo) -> Step {
    match reading {
        Reading::Request | Reading::Response | Reading::WithoutBody | Reading::ToConnect => {
            next_message(reading, input, memo)
        }
        Reading::Body => next_part(input),
        Reading::Chunk => next_chunk(input),
        Reading::Event => next_event(input, memo),
        Reading::Upgraded | Reading::Tunnel => {
            Step::Message(at_least_one(input.first_segment.clamp(1, input.bytes.len().max(1))))
        }
    }
}

/// What is known of the message that begins at an offset in the stream.
#[derive(Default)]
struct Known {
    offset: u64,
    /// How much of its head was looked at.
    head: Looked,
    /// How much of an event was.
    event: usize,
    chunks: WholeBody,
}

fn known<'m>(input: &Input<'_>, memo: &'m mut Memo) -> &'m mut Known {
    let known = memo.get_or_default::<Known>();
    if known.offset != input.offset {
        *known = Known { offset: input.offset, ..Known::default() };
    }
    known
}

fn next_message(reading: Reading, input: Input<'_>, memo: &mut Memo) -> Step {
    let bytes = input.bytes;
    let empty = empty_lines(bytes);
    if empty > 0 {
        // Receivers skip them.
        return Step::Searching(at_least_one(empty), EMPTY_LINE);
    }
    let known = known(&input, memo);
    let head = match Head::read_on(bytes, Versions::One, known.head) {
        Read::Whole(head) => head,
        Read::More(looked_at) if !input.last => {
            known.head = looked_at;
            return Step::NeedMore(NonZeroUsize::MIN);
        }
        Read::More(_) => return cut_head(bytes),
        Read::No => return Step::Searching(at_least_one(next_start(bytes)), Code::NotAFrame),
    };
    let whole = |length: usize| match length.checked_sub(bytes.len()) {
        None | Some(0) => Step::Message(at_least_one(length)),
        Some(_) if input.last => Step::Partial(at_least_one(bytes.len())),
        Some(missing) => Step::NeedMore(at_least_one(missing)),
    };
    match body_of(&head, reading.answers()) {
        Body::None => Step::Message(at_least_one(head.end)),
        Body::Length(length) => match usize::try_from(length).ok().filter(|&length| length <= MAX_WHOLE) {
            Some(length) => whole(head.end + length),
            None => Step::Message(at_least_one(head.end)),
        },
        _ if is_stream(&head) => Step::Message(at_least_one(head.end)),
        Body::Chunked => {
            match known.chunks.advance(bytes.get(head.end..).unwrap_or_default()) {
                Whole::End(length) => Step::Message(at_least_one(head.end + length)),
                Whole::More(more) if !input.last => Step::NeedMore(at_least_one(more)),
                // What is there of it can be read chunk by chunk.
                Whole::More(_) | Whole::InParts => Step::Message(at_least_one(head.end)),
            }
        }
        Body::UntilEnd if bytes.len() > head.end + MAX_WHOLE => Step::Message(at_least_one(head.end)),
        Body::UntilEnd if input.last => Step::Message(at_least_one(bytes.len())),
        Body::UntilEnd => Step::NeedMore(NonZeroUsize::MIN),
    }
}

/// A head that a gap or the end cuts off: a part of a message if that much of it shows.
fn cut_head(bytes: &[u8]) -> Step {
    let all = at_least_one(bytes.len());
    let shows = bytes.starts_with(b"HTTP/1.") || bytes.contains(&b' ');
    match shows {
        true => Step::Partial(all),
        false => Step::Searching(at_least_one(next_start(bytes)), Code::NotAFrame),
    }
}

fn progress(input: &Input<'_>) -> Progress {
    let context = input.context;
    let bodies = context.and_then(|context| context.variables?.downcast_ref::<Bodies>());
    let role = context.and_then(|context| context.role).unwrap_or(Role::Server);
    bodies.and_then(|bodies| bodies.get(role.index())).copied().unwrap_or_default()
}

fn next_part(input: Input<'_>) -> Step {
    let progress = progress(&input);
    let (step, there) = (progress.step().max(1), input.bytes.len());
    match step.checked_sub(there) {
        None | Some(0) => Step::Message(at_least_one(step)),
        Some(_) if input.last && progress.left.is_none() => Step::Message(at_least_one(there)),
        Some(_) if input.last => Step::Partial(at_least_one(there)),
        Some(missing) => Step::NeedMore(at_least_one(missing)),
    }
}

fn next_chunk(input: Input<'_>) -> Step {
    if let Some(Ok((_, line))) =
        size_line(input.bytes).filter(|line| line.is_ok_and(|(size, _)| !Chunk::is_row(size)))
    {
        return Step::Message(at_least_one(line));
    }
    match Chunk::read(input.bytes, 0) {
        Chunk::Data { end, .. } | Chunk::Last { end, .. } => Step::Message(at_least_one(end)),
        Chunk::More { .. } if input.last => Step::Partial(at_least_one(input.bytes.len())),
        Chunk::More { needed, .. } => Step::NeedMore(at_least_one(needed)),
        Chunk::Bad if !input.last && begins_message(input.bytes) == Found::Maybe => {
            Step::NeedMore(NonZeroUsize::MIN)
        }
        Chunk::Bad => Step::Searching(at_least_one(next_start(input.bytes)), BAD_CHUNK),
    }
}

fn next_event(input: Input<'_>, memo: &mut Memo) -> Step {
    let known = known(&input, memo);
    let (bytes, longest) = (input.bytes, usize::try_from(STEP).unwrap_or(usize::MAX));
    // Empty lines before an event are part of it.
    let begin = empty_lines(bytes).saturating_sub(1);
    match head_end(bytes, begin.max(known.event.saturating_sub(2))) {
        Some(end) if end <= longest => Step::Message(at_least_one(end)),
        _ if bytes.len() >= longest => Step::Message(at_least_one(longest)),
        _ if input.last => Step::Message(at_least_one(bytes.len())),
        _ => {
            known.event = bytes.len();
            Step::NeedMore(NonZeroUsize::MIN)
        }
    }
}

/// How many bits a start line with its head has that no other bytes have by chance.
const BITS: u32 = 64;

/// How long the message is that begins with these bytes.
pub(super) fn measure(reading: Reading, message: Captured<'_, '_>) -> Measure {
    let there = message.beginning();
    let more = if message.is_whole() { Measure::NeedMore } else { Measure::Unknown };
    let found = |length: usize, head: usize, bits: u32| Measure::Message {
        length: at_least_one(length),
        head: at_least_one(head),
        bits,
    };
    match reading {
        Reading::Body => {
            let input = Input {
                bytes: there,
                first_segment: there.len(),
                last: false,
                offset: 0,
                context: message.context(),
            };
            match progress(&input) {
                Progress { left: None, .. } => Measure::Unknown,
                progress => found(progress.step(), 1, 0),
            }
        }
        Reading::Chunk => match Chunk::read(there, 0) {
            Chunk::Data { end, .. } | Chunk::Last { end, .. } => found(end, end, 16),
            Chunk::More { size: Some((size @ 1.., line)), .. } => match usize::try_from(size) {
                Ok(size) if Chunk::is_row(size as u64) => found(line + size + 2, line, 16),
                _ => found(line, line, 16),
            },
            Chunk::More { .. } => more,
            Chunk::Bad => Measure::Nothing,
        },
        Reading::Event | Reading::Upgraded | Reading::Tunnel => Measure::Unknown,
        // An empty line may come before a message.
        _ => match Head::read(there.get(empty_lines(there)..).unwrap_or_default(), Versions::One) {
            Read::No => Measure::Nothing,
            Read::More(_) => more,
            Read::Whole(head) => match body_of(&head, reading.answers()) {
                Body::Length(length) if length <= MAX_WHOLE as u64 => {
                    found(head.end + usize::try_from(length).unwrap_or(0), head.end, BITS)
                }
                _ => found(head.end, head.end, BITS),
            },
        },
    }
}

/// Whether bytes that are no chunk, or follow CONNECT, begin a message with a start line. A long line is none here.
pub(super) fn begins_message(bytes: &[u8]) -> Found {
    const LONGEST: usize = 8 << 10;
    match start_line(bytes.get(..LONGEST).unwrap_or(bytes), Versions::One, 0) {
        Found::Maybe if bytes.len() > LONGEST => Found::No,
        found => found,
    }
}
