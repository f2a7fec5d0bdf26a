//! What this side says: conversations generated from the protocol, and changed as messages, as numbers, and as
//! sequences.

use std::borrow::Cow;
use std::sync::Arc;

use framescope_checking::{
    Piece, Random, Transcript, generate, havoc, mutate_conversation, mutate_frames, mutate_messages,
    with_changed_field,
};
use framescope_ksy::Described;
use framescope_parser::{
    Captured, Context, Dissection, Field, Framer, Input, Memo, Protocol, Role, Step, Value,
};

use super::frames;
use super::playing::{Ending, Script};

/// The longest conversation that is generated, in bytes.
const LONGEST: usize = 8 << 10;
/// And in messages.
const MOST_MESSAGES: usize = 24;

/// What is spoken.
#[derive(Clone)]
pub struct Speech {
    protocol: Arc<dyn Protocol>,
    sort: Sort,
}

/// How messages are generated.
#[derive(Clone)]
enum Sort {
    /// From a description with states.
    Talk(Arc<Described>),
    /// From a description.
    Messages(Arc<Described>),
    /// As frames of Missive.
    Frames,
    /// From messages that are known: nothing says how others would look.
    Known,
}

/// A message of a side, as it was read.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    /// Where its numbers are.
    numbers: Vec<(usize, usize)>,
}

impl Speech {
    /// A protocol that is described.
    pub fn described(described: Described) -> Speech {
        let described = Arc::new(described);
        let protocol: Arc<dyn Protocol> = Arc::clone(&described) as Arc<dyn Protocol>;
        let has_states = !described.stages().is_empty();
        let sort = if has_states { Sort::Talk(described) } else { Sort::Messages(described) };
        Speech { protocol, sort }
    }

    /// A built-in protocol. Messages of others than Missive are made of those that are known.
    pub fn built_in(protocol: Arc<dyn Protocol>) -> Speech {
        let sort = if protocol.name() == "missive" { Sort::Frames } else { Sort::Known };
        Speech { protocol, sort }
    }

    /// What reads it.
    pub fn protocol(&self) -> &dyn Protocol {
        &*self.protocol
    }

    /// A generated conversation.
    pub(super) fn fresh(&self, random: &mut Random) -> Transcript {
        match &self.sort {
            Sort::Talk(_) => self.changed(&Transcript::default(), random),
            Sort::Messages(described) => {
                let count = 1 + random.below(6);
                said((0..count).filter_map(|_| generate(described, random)))
            }
            Sort::Frames => said(frames::conversation(random)),
            Sort::Known => {
                let texts = (0..1 + random.below(4)).map(|_| random.text()).collect::<Vec<_>>();
                said(texts)
            }
        }
    }

    /// Another conversation, much like a known one.
    pub(super) fn changed(&self, known: &Transcript, random: &mut Random) -> Transcript {
        if matches!(self.sort, Sort::Frames) && random.one_in(2) {
            return said(frames::changed(
                &self.messages(known).into_iter().map(|said| said.bytes).collect::<Vec<_>>(),
                random,
            ));
        }
        let seed = u32::try_from(random.next()).unwrap_or_default();
        let mut bytes = havoc(seed);
        let (known, is_talk) = match &self.sort {
            Sort::Talk(_) => (known.to_bytes(), true),
            _ => (known.said_by(Role::Client), false),
        };
        let size = known.len().min(LONGEST);
        let mut data = known;
        data.resize(LONGEST, 0);
        let length = match &self.sort {
            Sort::Talk(described) => {
                mutate_conversation(described, &mut data, size, LONGEST, seed, &mut bytes)
            }
            Sort::Messages(described) => {
                mutate_messages(described, &mut data, size, LONGEST, seed, &mut bytes)
            }
            Sort::Frames => mutate_frames(&mut data, size, LONGEST, seed, &mut bytes),
            Sort::Known => {
                data.truncate(size);
                return self.with_other_message(&data, random);
            }
        };
        data.truncate(length);
        match is_talk {
            true => Transcript::from_bytes(&data),
            false => Transcript::new([Piece::Segment(Role::Client, data)]),
        }
    }

    fn with_other_message(&self, stream: &[u8], random: &mut Random) -> Transcript {
        let known = Transcript::new([Piece::Segment(Role::Client, stream.to_vec())]);
        let mut says: Vec<Vec<u8>> = self.messages(&known).into_iter().map(|said| said.bytes).collect();
        let at = random.below(says.len());
        if let Some(message) = says.get_mut(at) {
            match with_changed_field(self.protocol(), message, random) {
                Some(other) if !random.one_in(4) => *message = other,
                _ => {
                    let (size, most) = (message.len(), message.len() + 16);
                    message.resize(most, 0);
                    let length = havoc(u32::try_from(random.next()).unwrap_or_default())(message, size, most);
                    message.truncate(length);
                }
            }
        }
        said(says)
    }

    /// What the client says in a conversation, message by message. Other bytes count as one.
    pub(super) fn messages(&self, said: &Transcript) -> Vec<Said> {
        let (stream, mut messages, mut at) = (said.said_by(Role::Client), Vec::new(), 0);
        let mut take = |length: u64, bytes: Captured<'_, '_>| {
            let end = at + usize::try_from(length).unwrap_or(usize::MAX).min(stream.len() - at);
            let stage = bytes.context().map_or(0, |context| context.stage);
            let reads = match self.protocol.stages() {
                [] => Some(self.protocol()),
                stages => stages.get(usize::from(stage)).and_then(|stage| stage.protocol(&[])),
            };
            let mut message = Dissection::default();
            if let Some(reads) = reads {
                bytes.dissect(reads, &mut message);
            }
            let mut numbers = Vec::new();
            places(&message.fields, &mut numbers);
            messages.push(Said { bytes: stream.get(at..end).unwrap_or_default().to_vec(), numbers });
            at = end;
        };
        if self.protocol.stages().is_empty() {
            let mut framer = Framer::default();
            framer.segment(self.protocol(), &stream, &mut |span, bytes| take(span.length, bytes));
            framer.end(self.protocol(), &mut |span, bytes| take(span.length, bytes));
        } else {
            said.read(self.protocol(), &[], &mut |role, span, bytes| {
                let is_there = span.span_type != framescope_parser::SpanType::Gap;
                if role == Role::Client && is_there {
                    take(span.length, bytes);
                }
            });
        }
        messages
    }

    /// Simpler messages in the place of one of those that the client says, each as the protocol writes it.
    pub(super) fn simpler(&self, said: &Transcript, number: usize) -> Vec<Vec<u8>> {
        let (mut found, mut at) = (Vec::new(), 0);
        let mut look = |role: Role, bytes: Captured<'_, '_>| {
            if role == Role::Client {
                if at == number {
                    found = self.simpler_than(bytes);
                }
                at += 1;
            }
        };
        if self.protocol.stages().is_empty() {
            let stream = said.said_by(Role::Client);
            let mut framer = Framer::default();
            framer.segment(self.protocol(), &stream, &mut |_, bytes| look(Role::Client, bytes));
            framer.end(self.protocol(), &mut |_, bytes| look(Role::Client, bytes));
        } else {
            said.read(self.protocol(), &[], &mut |role, span, bytes| {
                if span.span_type != framescope_parser::SpanType::Gap {
                    look(role, bytes);
                }
            });
        }
        found
    }

    /// Simpler messages than one that is of another state than the conversation is in.
    pub(super) fn simpler_elsewhere(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        for (stage, other) in (0..).zip(self.protocol.stages()) {
            let Some(protocol) = other.protocol(&[]) else { continue };
            let context = Context { stage, role: Some(Role::Client), ..Context::default() };
            let input =
                Input { bytes, first_segment: bytes.len(), last: true, offset: 0, context: Some(&context) };
            let step = protocol.next(input, &mut Memo::default());
            if matches!(step, Step::Message(length) | Step::Checked(length) if length.get() == bytes.len()) {
                return self.simpler_than(Captured::whole(bytes).in_context(Some(&context)));
            }
        }
        Vec::new()
    }

    fn simpler_than(&self, bytes: Captured<'_, '_>) -> Vec<Vec<u8>> {
        let context = bytes.context().cloned().unwrap_or_default();
        let reads = match self.protocol.stages() {
            [] => Some(self.protocol()),
            stages => stages.get(usize::from(context.stage)).and_then(|stage| stage.protocol(&[])),
        };
        let Some(reads) = reads else { return Vec::new() };
        let mut message = Dissection::default();
        bytes.dissect(reads, &mut message);
        let mut found: Vec<Vec<u8>> = Vec::new();
        for at in 0..leaves(&mut message.fields.clone(), usize::MAX, &|_| {}) {
            for simple in SIMPLER {
                let mut other = message.clone();
                leaves(&mut other.fields, at, simple);
                let mut out = Vec::new();
                let is_written = other.fields != message.fields
                    && self.protocol.encode_in(&context, &other, &mut out, &mut Vec::new()).is_ok();
                if is_written && out.len() <= bytes.length() && out != bytes.beginning() {
                    found.push(out);
                }
            }
        }
        found.sort_by_key(Vec::len);
        found.dedup();
        found
    }

    /// What is said in one connection, in one of the ways in which it can be said.
    pub(super) fn script(&self, said: &Transcript, random: &mut Random) -> Script {
        let mut messages = self.messages(said);
        if random.one_in(4) {
            lie(&mut messages, random);
        }
        spoken(messages.into_iter().map(|said| said.bytes).collect(), random)
    }
}

/// The messages of a conversation in another order, with some of another: also such as their state does not have.
pub(super) fn rearranged(known: &Transcript, other: &Transcript, random: &mut Random) -> Script {
    let own = |said: &Transcript| -> Vec<Vec<u8>> {
        let pieces = said.pieces().iter();
        let own = pieces.filter_map(|piece| match piece {
            Piece::Segment(Role::Client, bytes) => Some(bytes.clone()),
            _ => None,
        });
        own.collect()
    };
    let (mut says, others) = (own(known), own(other));
    for _ in 0..=random.below(3) {
        let at = random.below(says.len() + 1);
        let from = if random.one_in(3) { &says } else { &others };
        let more = from.get(random.below(from.len())).cloned();
        match (random.below(5), more) {
            (0..3, Some(more)) => says.insert(at, more),
            (3, _) if at < says.len() => {
                let other = random.below(says.len());
                says.swap(at, other);
            }
            _ if at < says.len() && says.len() > 1 => drop(says.remove(at)),
            _ => {}
        }
    }
    says.truncate(MOST_MESSAGES);
    spoken(says, random)
}

/// Messages as they are said in one connection, in one of the ways in which that can be done.
pub(super) fn spoken(mut says: Vec<Vec<u8>>, random: &mut Random) -> Script {
    let in_turn = random.one_in(2);
    if !in_turn {
        match random.below(4) {
            0 => says = vec![says.concat()],
            1 => cut(&mut says, random),
            _ => {}
        }
    }
    let ending = match random.below(16) {
        0 => Ending::Leave,
        1 | 2 => {
            // Whoever stays is mostly in the middle of something.
            if let Some(last) = says.last_mut().filter(|last| last.len() > 1 && !random.one_in(4)) {
                last.truncate(1 + random.below(last.len() - 1));
            }
            Ending::Stay
        }
        _ => Ending::Finish,
    };
    says.retain(|says| !says.is_empty());
    Script { says, in_turn, ending }
}

/// What the client says, and nothing of the server.
fn said(says: impl IntoIterator<Item = Vec<u8>>) -> Transcript {
    Transcript::new(says.into_iter().map(|says| Piece::Segment(Role::Client, says)))
}

/// Ways to make a value simpler.
const SIMPLER: [&dyn Fn(&mut Value<'_>); 3] = [
    &|value| match value {
        Value::Unsigned(n) | Value::Hex(n) => *n = 0,
        Value::Signed(n) => *n = 0,
        Value::Text(text) => *text = Cow::Borrowed(""),
        Value::Bytes(bytes) => *bytes = Cow::Borrowed(b""),
        _ => {}
    },
    &|value| match value {
        Value::Unsigned(n) | Value::Hex(n) => *n /= 2,
        Value::Text(text) => *text = text.chars().take(text.chars().count() / 2).collect::<String>().into(),
        Value::Bytes(bytes) => {
            *bytes = bytes.iter().copied().take(bytes.len() / 2).collect::<Vec<_>>().into()
        }
        _ => {}
    },
    &|value| match value {
        Value::Text(text) => drop(text.to_mut().pop()),
        Value::Bytes(bytes) => drop(bytes.to_mut().pop()),
        _ => {}
    },
];

/// Counts the values that have no fields in them, and changes that with a number.
fn leaves(fields: &mut [Field<'_>], number: usize, change: &dyn Fn(&mut Value<'_>)) -> usize {
    let mut at = 0;
    for field in fields {
        if field.fields.is_empty() {
            if at == number {
                change(&mut field.value);
            }
            at += 1;
        } else {
            let inner = leaves(&mut field.fields, number.wrapping_sub(at), change);
            at += inner;
        }
    }
    at
}

/// The beginning of one conversation and the end of another.
pub(super) fn spliced(one: &Transcript, other: &Transcript, random: &mut Random) -> Transcript {
    let begin = one.pieces().iter().take(1 + random.below(one.pieces().len()));
    let end = other.pieces().iter().skip(random.below(other.pieces().len()));
    Transcript::new(begin.chain(end).filter(|piece| matches!(piece, Piece::Segment(..))).cloned())
}

/// Where numbers are that take whole bytes.
fn places(fields: &[Field<'_>], numbers: &mut Vec<(usize, usize)>) {
    for field in fields {
        let is_number = matches!(
            field.value,
            Value::Unsigned(_) | Value::Hex(_) | Value::Signed(_) | Value::Enum(_) | Value::Bool(_)
        );
        if is_number && field.fields.is_empty() && (1..=8).contains(&field.range.len()) {
            numbers.push((field.range.start, field.range.end));
        }
        places(&field.fields, numbers);
    }
}

/// Writes another number in the place of one, and changes nothing else: a length that lies, a kind that does not fit.
fn lie(messages: &mut [Said], random: &mut Random) {
    let at = random.below(messages.len());
    let Some(Said { bytes, numbers, .. }) = messages.get_mut(at) else { return };
    let Some(&(begin, end)) = numbers.get(random.below(numbers.len())) else { return };
    let Some(place) = bytes.get_mut(begin..end) else { return };
    let way = random.below(8);
    let (first, last) = (0, place.len().saturating_sub(1));
    let one = if random.one_in(2) { first } else { last };
    match way {
        0 => place.fill(0),
        1 | 2 => {
            // The greatest numbers: something is added to them, and they are small.
            place.fill(0xFF);
            if let Some(byte) = place.get_mut(one) {
                *byte -= random.byte() % 8;
            }
        }
        3 => {
            // The greatest and the smallest signed number, in either order of bytes.
            let edge = random.one_of(&[0x7F, 0x80]);
            place.fill(if edge == 0x7F { 0xFF } else { 0 });
            if let Some(byte) = place.get_mut(one) {
                *byte = edge;
            }
        }
        4 | 5 => {
            let by = random.one_of(&[1, 0xFF]);
            if let Some(byte) = place.get_mut(one) {
                *byte = byte.wrapping_add(by);
            }
        }
        _ => place.iter_mut().for_each(|byte| *byte = random.byte()),
    }
}

/// Cuts what is said into pieces that are no messages.
fn cut(says: &mut Vec<Vec<u8>>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(says.len());
        let Some(piece) = says.get_mut(at).filter(|piece| piece.len() > 1) else { continue };
        let rest = piece.split_off(1 + random.below(piece.len() - 1));
        says.insert(at + 1, rest);
    }
}
