//! A protocol written in Rust whose messages depend on the direction and on what was said before.
//!
//! The client begins with a version, 1 or 2, which is how many bytes a length has from then on. Its requests are a length and text:
//! `key X` sets a key, `special` makes the server's next reply four bytes without a length, and `text` hands the client's direction
//! over to plain text. A reply is a length and text, whose first byte is shown with the key added.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_capture::{Index, Options};
use framescope_parser::{
    Captured, Code, Confidence, Conversation, Dissection, Error, Fault, Input, Kind, Measure, Memo, Protocol,
    Reads, Role, Sample, Sentence, Stage, Step, Value, Variables, Visit, with_built_in,
};

use super::{Tcp, read_with, tcp_pcap};

/// The whole protocol.
pub struct Turns {
    stages: Vec<Stage>,
}

const HELLO: u16 = 0;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const SPECIAL: u16 = 3;
const TEXT: u16 = 4;

impl Default for Turns {
    fn default() -> Turns {
        let own = |number: u16, name: &str| Stage {
            name: name.into(),
            reads: Reads::Own(Arc::new(Part { number })),
            needs_variables: matches!(number, REQUEST | REPLY),
            sets_variables: matches!(number, HELLO | REQUEST),
            carries: false,
        };
        let other = Stage {
            name: "text".into(),
            reads: Reads::Other("text".into()),
            needs_variables: false,
            sets_variables: false,
            carries: false,
        };
        Turns {
            stages: vec![
                own(HELLO, "hello"),
                own(REQUEST, "request"),
                own(REPLY, "reply"),
                own(SPECIAL, "special"),
                other,
            ],
        }
    }
}

#[derive(Clone, Copy)]
struct Set {
    length_bytes: usize,
    key: u8,
}

#[derive(Clone)]
struct Turn {
    set: Set,
    stages: [u16; 2],
    /// What the other direction's next message is.
    next: [Option<u16>; 2],
    has_begun: [bool; 2],
    notes: [Option<Code>; 2],
}

impl Conversation for Turn {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Turn>()
    }

    fn stage(&self, role: Role) -> u16 {
        self.stages[role.index()]
    }

    fn variables(&self) -> Option<&Variables> {
        Some(&self.set)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        self.stages[role.index()] = stage;
    }

    fn begins_inside(&mut self, role: Role) {
        self.stages[role.index()] = if role == Role::Client { REQUEST } else { REPLY };
        self.notes[role.index()] = Some(Code::MidConversation);
    }

    fn begin(&mut self, role: Role, _: &[u8], _: bool) -> Option<NonZeroUsize> {
        let at = role.index();
        if !std::mem::replace(&mut self.has_begun[at], true)
            && let Some(stage) = self.next[at].take()
        {
            self.stages[at] = stage;
        }
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        let at = role.index();
        self.has_begun[at] = false;
        let text = message.bytes().get(self.set.length_bytes..).unwrap_or_default();
        match (self.stages[at], text) {
            (HELLO, _) => {
                self.set.length_bytes = message.bytes().first().map_or(1, |version| usize::from(*version));
                self.stages[at] = REQUEST;
            }
            (REQUEST, [b'k', b'e', b'y', b' ', key]) => self.set.key = *key,
            (REQUEST, b"special") => self.next[1] = Some(SPECIAL),
            (REQUEST, b"text") => self.stages[at] = TEXT,
            (SPECIAL, _) => self.stages[at] = REPLY,
            _ => {}
        }
    }

    fn loss(&mut self, role: Role) {
        self.has_begun[role.index()] = false;
        // What the client says also decides how the server is read.
        self.notes[role.index()] = Some(Code::StateUnknown);
        if role == Role::Client {
            self.notes[1] = Some(Code::StateUnknown);
        }
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let code = self.notes[role.index()].take()?;
        Some((code, Sentence::new("read as {}").with([u64::from(self.stages[role.index()])])))
    }
}

/// The messages of a stage.
struct Part {
    number: u16,
}

impl Part {
    /// The length of the message that begins with these bytes, as far as they show it.
    fn length(&self, message: Captured<'_, '_>) -> Option<usize> {
        let set = set(message);
        match self.number {
            HELLO => Some(1),
            SPECIAL => Some(4),
            _ => {
                let length = message.get(0..set.length_bytes)?;
                let number = length.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
                Some(set.length_bytes + number)
            }
        }
    }
}

fn set(message: Captured<'_, '_>) -> Set {
    let variables = message.context().and_then(|context| context.variables);
    variables.and_then(|set| set.downcast_ref().copied()).unwrap_or(Set { length_bytes: 1, key: 0 })
}

impl Protocol for Part {
    fn name(&self) -> &str {
        "turns"
    }

    fn about(&self) -> &str {
        ""
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let present = input.bytes.len();
        let length =
            self.length(Captured::whole(input.bytes).in_context(input.context)).unwrap_or(present + 1);
        match NonZeroUsize::new(length.saturating_sub(present)) {
            None => Step::Message(NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)),
            Some(_) if input.last => Step::Partial(NonZeroUsize::new(present).unwrap()),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        match self.length(message).and_then(NonZeroUsize::new) {
            Some(length) => Measure::Message { length, head: NonZeroUsize::MIN, bits: 0 },
            None => Measure::Unknown,
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.dissect_incomplete(Captured::whole(message), visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        let set = set(message);
        let length = if matches!(self.number, HELLO | SPECIAL) { 0 } else { set.length_bytes };
        let text = message.beginning().get(length..).unwrap_or_default();
        visit.kind(Kind::new(self.number.into(), None));
        visit.field("text", length..length + text.len(), Value::utf8(text));
        if self.number == REPLY {
            let shifted = text.first().copied().unwrap_or(0).wrapping_add(set.key);
            visit.field("shifted", length..length, Value::Unsigned(shifted.into()));
        }
        visit.summary(format_args!("{}", String::from_utf8_lossy(text)));
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(0, "text", Fault::Missing))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

impl Protocol for Turns {
    fn name(&self) -> &str {
        "turns"
    }

    fn about(&self) -> &str {
        "a test's"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        Step::Message(NonZeroUsize::new(input.bytes.len()).unwrap())
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Turn {
            set: Set { length_bytes: 1, key: 0 },
            stages: [HELLO, REPLY],
            next: [None; 2],
            has_begun: [false; 2],
            notes: [None; 2],
        }))
    }

    fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(0, "text", Fault::Missing))
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        if sample.bytes.starts_with(b"\x02\0\x05key ") { Confidence::Certain } else { Confidence::No }
    }
}

/// What one side says, after a number of bytes of its own.
pub fn says(from_client: bool, offset: u32, payload: &[u8]) -> Tcp {
    let sequence = if from_client { 101 } else { 201 } + offset;
    Tcp { from_client, ..Tcp::data(sequence, payload) }
}

pub fn opening() -> [Tcp; 2] {
    let answer = Tcp { from_client: false, ack: true, ..Tcp::syn(200) };
    [Tcp::syn(100), answer]
}

/// A conversation in which nearly everything is said that can be.
pub fn conversation() -> Vec<Tcp> {
    let said: [(bool, &[u8]); 9] = [
        (true, b"\x02\0\x05key \x01"),
        (false, b"\0\x03abc"),
        (true, b"\0\x07special"),
        (false, b"9999\0\x01z"),
        (true, b"\0\x05key \x03"),
        (false, b"\0\x01a"),
        (true, b"\0\x04text"),
        (true, b"and more"),
        (false, b"\0\x01b"),
    ];
    let mut segments = opening().to_vec();
    let mut sent = [0, 0];
    for (from_client, payload) in said {
        let [client, server] = sent;
        let (own, acknowledged) = if from_client { (client, 201 + server) } else { (server, 101 + client) };
        segments.push(Tcp { acknowledged, ..says(from_client, own, payload) });
        sent[usize::from(!from_client)] += payload.len() as u32;
    }
    segments
}

/// The capture of a conversation on the protocol's port.
pub fn index_of(segments: &[Tcp]) -> Index {
    let options = Options {
        protocols: with_built_in(vec![Arc::new(Turns::default())]),
        decode_as: vec!["tcp.port=9000=turns".parse().unwrap()],
        ..Options::default()
    };
    read_with(tcp_pcap(segments), &options)
}

pub fn index() -> Index {
    index_of(&conversation())
}
