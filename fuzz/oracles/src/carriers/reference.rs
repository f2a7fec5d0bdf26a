//! What is carried, found by walking the conversation in memory, with the packets that each byte comes from.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Framer, Passage, Protocol, Role, Sentence, Span, Speaker,
};

/// A byte of a stream.
#[derive(Clone, Debug)]
pub(super) struct Byte {
    pub(super) value: u8,
    /// The packets that it came from: of one that was unpacked, those of all that it was unpacked from.
    pub(super) packets: Rc<BTreeSet<u32>>,
    /// Where the message of the carrier begins that brought it.
    pub(super) unit: u64,
}

/// What comes next in a stream.
#[derive(Debug)]
pub(super) enum Event {
    Bytes(Vec<Byte>),
    Lost(u64),
    EndOfMessage,
    End,
}

/// A row of a flow, as it is to be in the index.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) span: Span,
    /// Those that there are.
    pub(super) bytes: Vec<Byte>,
}

/// The rows of each direction of a flow, and of those that it carries, each named by the numbers of the channels around it.
pub(super) type Flows = BTreeMap<Vec<u64>, [Vec<Row>; 2]>;

/// Reads what both sides send in a flow, and in those that it carries. `protocol` gives that of a channel.
pub(super) fn walk<'p>(
    path: &[u64],
    events: &[(Role, Event)],
    own: &'p dyn Protocol,
    protocol: &dyn Fn(&Channel) -> &'p dyn Protocol,
    flows: &mut Flows,
) {
    let mut streams: [Vec<Option<Byte>>; 2] = Default::default();
    let mut framers = [Framer::default(), Framer::default()];
    let mut conversation = own.conversation();
    let (unit, mut carried) = (Cell::new((0, 0)), BTreeMap::new());
    let mut rows: [Vec<Row>; 2] = Default::default();
    for (role, event) in events.iter().chain(&Role::BOTH.map(|role| (role, Event::End))) {
        let (role, stream) = (*role, &mut streams[role.index()]);
        let values = append(stream, event);
        let (framer, stream) = (&mut framers[role.index()], &*stream);
        let mut sink = |span: Span, _: Captured<'_, '_>| {
            let range = span.offset as usize..(span.offset + span.length) as usize;
            unit.set((range.start, range.end));
            let bytes = stream[range].iter().flatten().cloned().collect();
            rows[role.index()].push(Row { span: Span { checked: false, ..span }, bytes });
        };
        let Some(conversation) = &mut conversation else {
            match event {
                Event::Bytes(_) => framer.segment(own, &values, &mut sink),
                Event::Lost(length) => framer.gap(own, *length, &mut sink),
                Event::EndOfMessage | Event::End => framer.end(own, &mut sink),
            }
            continue;
        };
        let mut receiver = Receiver { unit: &unit, stream, role, carried: &mut carried };
        {
            let speaker = Speaker::new(&mut **conversation, role, own, &[]).carrying(&mut receiver);
            match event {
                Event::Bytes(_) => framer.segment_of(&speaker, &values, &mut sink),
                Event::Lost(length) => framer.gap_of(&speaker, *length, &mut sink),
                Event::EndOfMessage | Event::End => framer.end_of(&speaker, &mut sink),
            }
        }
        if matches!(event, Event::End) {
            conversation.carry(role, Passage::End, &mut receiver);
        }
    }
    flows.insert(path.to_vec(), rows);
    for (number, (about, events)) in carried {
        walk(&[path, &[number]].concat(), &events, protocol(&about), protocol, flows);
    }
}

/// Adds what comes next to a stream, and gives the bytes.
fn append(stream: &mut Vec<Option<Byte>>, event: &Event) -> Vec<u8> {
    match event {
        Event::Bytes(bytes) => {
            stream.extend(bytes.iter().cloned().map(Some));
            bytes.iter().map(|byte| byte.value).collect()
        }
        Event::Lost(length) => {
            stream.extend((0..*length).map(|_| None));
            Vec::new()
        }
        Event::EndOfMessage | Event::End => Vec::new(),
    }
}

/// What each channel brought.
type Brought = BTreeMap<u64, (Channel, Vec<(Role, Event)>)>;

/// Takes what the messages of a direction carry.
struct Receiver<'w> {
    /// Where the present message is.
    unit: &'w Cell<(usize, usize)>,
    stream: &'w [Option<Byte>],
    role: Role,
    carried: &'w mut Brought,
}

impl Receiver<'_> {
    fn push(&mut self, channel: u64, from: Role, event: Event) {
        self.carried.get_mut(&channel).expect("a channel is opened before it is used").1.push((from, event));
    }

    fn captured(&self, range: Range<usize>) -> impl Iterator<Item = &Byte> {
        self.stream[range].iter().flatten()
    }
}

impl Carried for Receiver<'_> {
    fn room(&self) -> usize {
        usize::MAX
    }

    fn open(&mut self, channel: u64, about: Channel) {
        self.carried.entry(channel).or_insert_with(|| (about, Vec::new()));
    }

    fn verbatim(&mut self, channel: u64, from: Role, at: usize, bytes: &[u8]) {
        let start = self.unit.get().0;
        let there = self.captured(start + at..start + at + bytes.len());
        let brought: Vec<Byte> = there.map(|byte| Byte { unit: start as u64, ..byte.clone() }).collect();
        assert!(from == self.role && brought.iter().map(|byte| byte.value).eq(bytes.iter().copied()));
        self.push(channel, from, Event::Bytes(brought));
    }

    fn bytes(&mut self, channel: u64, from: Role, bytes: &[u8]) {
        let (start, end) = self.unit.get();
        let packets = self.captured(start..end).flat_map(|byte| byte.packets.iter().copied()).collect();
        let (packets, unit) = (Rc::new(packets), start as u64);
        let brought = bytes.iter().map(|&value| Byte { value, packets: Rc::clone(&packets), unit }).collect();
        self.push(channel, from, Event::Bytes(brought));
    }

    fn end_message(&mut self, channel: u64, from: Role) {
        self.push(channel, from, Event::EndOfMessage);
    }

    fn lost(&mut self, channel: u64, from: Role, length: u64) {
        self.push(channel, from, Event::Lost(length));
    }

    fn end(&mut self, channel: u64, from: Role) {
        self.push(channel, from, Event::End);
    }

    fn problem(&mut self, _: Code, _: Sentence) {}
}
