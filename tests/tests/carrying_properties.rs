//! What described carriers promise, on generated conversations: how the outer stream is cut does not matter, a loss costs only what it touches, a
//! copy hands on the same, and all of it is what a plain reader with a dictionary of channels finds.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use framescope_ksy::Described;
use framescope_parser::{
    Captured, Carried, Collected, Conversation, Framer, Heard, Passage, Protocol, Role, Speaker,
};
use proptest::collection::vec;
use proptest::prelude::*;

const DESCRIPTION: &str = "
meta: {id: mux, endian: be, -framescope: {carries: CARRIES}}
seq:
  - {id: magic, contents: [0xf5, 0xa7, 0x01]}
  - {id: channel, type: u1}
  - {id: flags, type: u1}
  - {id: number, type: u2}
  - {id: length, type: u1}
  - {id: payload, size: length}
instances:
  fin: {value: flags & 1 != 0}
";

const CHANNELS: &str = "{field: payload, channel: channel, end: fin}";
const BLOCKS: &str = "{field: payload, channel: channel, index: number, end: fin}";
const OFFSETS: &str = "{field: payload, channel: channel, offset: number}";
const PARTS: &str =
    "{field: payload, channel: channel, message: number >> 8, index: number & 255, count: flags}";

fn mux(carries: &str) -> Described {
    Described::from_ksy(&DESCRIPTION.replace("CARRIES", carries)).unwrap()
}

/// A frame of the multiplexer.
#[derive(Clone, Debug)]
struct Frame {
    role: Role,
    channel: u8,
    flags: u8,
    number: u16,
    payload: Vec<u8>,
}

impl Frame {
    fn bytes(&self) -> Vec<u8> {
        let [high, low] = self.number.to_be_bytes();
        let head = [0xf5, 0xa7, 1, self.channel, self.flags, high, low, self.payload.len() as u8];
        [&head[..], &self.payload].concat()
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

/// Letters, so that a payload contains no magic.
fn payload(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(b'a'..=b'z', 0..most)
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (role(), 0..4u8, payload(20));
    let frame =
        frame.prop_map(|(role, channel, payload)| Frame { role, channel, flags: 0, number: 0, payload });
    vec(frame, 0..40)
}

/// Runs both directions, each cut at the given places, frame by frame in turn.
fn run(protocol: &Described, frames: &[Frame], cut: usize) -> Collected {
    let mut talk = Talk::new(protocol);
    for frame in frames {
        frame.bytes().chunks(cut).for_each(|part| talk.bytes(frame.role, part));
    }
    Role::BOTH.iter().for_each(|&role| talk.end(role));
    talk.carried
}

struct Talk<'p> {
    protocol: &'p Described,
    conversation: Box<dyn Conversation>,
    framers: [Framer; 2],
    carried: Collected,
}

impl<'p> Talk<'p> {
    fn new(protocol: &'p Described) -> Self {
        let conversation = protocol.conversation().unwrap();
        Talk { protocol, conversation, framers: Default::default(), carried: Collected::default() }
    }

    fn with(&mut self, role: Role, act: impl FnOnce(&mut Framer, &Speaker<'_>)) {
        let speaker =
            Speaker::new(&mut *self.conversation, role, self.protocol, &[]).carrying(&mut self.carried);
        act(&mut self.framers[role.index()], &speaker);
    }

    fn bytes(&mut self, role: Role, bytes: &[u8]) {
        self.with(role, |framer, speaker| framer.segment_of(speaker, bytes, &mut |_, _| {}));
    }

    fn gap(&mut self, role: Role, length: u64) {
        self.with(role, |framer, speaker| framer.gap_of(speaker, length, &mut |_, _| {}));
    }

    fn end(&mut self, role: Role) {
        self.with(role, |framer, speaker| framer.end_of(speaker, &mut |_, _| {}));
        self.conversation.carry(role, Passage::End, &mut self.carried);
    }
}

/// What is heard in each direction of each channel of the description, by the value of `channel`.
fn by_channel(carried: &Collected) -> BTreeMap<(String, Role), Vec<Heard>> {
    let mut found: BTreeMap<(String, Role), Vec<Heard>> = BTreeMap::new();
    for ((number, role), heard) in &carried.heard {
        let channel = carried.channels[number].settings.get("channel").unwrap().to_owned();
        found.entry((channel, *role)).or_default().extend(heard.iter().cloned());
    }
    found
}

fn bytes_of(heard: &[Heard]) -> Vec<u8> {
    let bytes = |heard: &Heard| if let Heard::Bytes(bytes) = heard { bytes.clone() } else { Vec::new() };
    heard.iter().flat_map(bytes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn channels_are_what_a_dictionary_of_them_has(frames in frames(), cut in 1..40usize) {
        let carried = run(&mux(CHANNELS), &frames, cut);
        let mut expected: BTreeMap<(String, Role), Vec<u8>> = BTreeMap::new();
        for frame in &frames {
            expected.entry((frame.channel.to_string(), frame.role)).or_default().extend(&frame.payload);
        }
        expected.retain(|_, bytes| !bytes.is_empty());
        let mut found: BTreeMap<(String, Role), Vec<u8>> =
            by_channel(&carried).into_iter().map(|(key, heard)| (key, bytes_of(&heard))).collect();
        found.retain(|_, bytes| !bytes.is_empty());
        prop_assert_eq!(found, expected);
        prop_assert!(carried.problems.is_empty());
    }

    #[test]
    fn blocks_in_any_order_within_a_window_and_sent_twice_are_the_file(
        file in vec(payload(20), 1..60), window in 1..20usize, seed in any::<u64>(), twice in vec(any::<bool>(), 60),
    ) {
        let mut blocks = numbered(&file, &twice);
        // The last comes last: it ends the file.
        let last = blocks.pop().unwrap();
        shuffle(&mut blocks, window, seed);
        blocks.push(Frame { flags: 1, ..last });
        let carried = run(&mux(BLOCKS), &blocks, 7);
        let all = file.concat();
        let heard = by_channel(&carried).remove(&("0".to_owned(), Role::Client)).unwrap();
        let expected = if all.is_empty() { vec![Heard::End] } else { vec![Heard::Bytes(all), Heard::End] };
        prop_assert_eq!(heard, expected);
        prop_assert!(carried.problems.is_empty());
    }

    #[test]
    fn pieces_at_offsets_that_overlap_are_the_file(
        file in payload(200), pieces in vec((0..200usize, 1..40usize), 0..60),
    ) {
        let file = [&file[..], b"x"].concat();
        let mut frames: Vec<Frame> = Vec::new();
        for (start, length) in pieces {
            let start = start.min(file.len() - 1);
            let payload = file[start..file.len().min(start + length)].to_vec();
            frames.push(Frame { role: Role::Client, channel: 0, flags: 0, number: start as u16, payload });
        }
        // All of it, at last.
        for start in (0..file.len()).step_by(30) {
            let payload = file[start..file.len().min(start + 30)].to_vec();
            frames.push(Frame { role: Role::Client, channel: 0, flags: 0, number: start as u16, payload });
        }
        let carried = run(&mux(OFFSETS), &frames, 50);
        let heard = by_channel(&carried).remove(&("0".to_owned(), Role::Client)).unwrap();
        prop_assert_eq!(heard, vec![Heard::Bytes(file), Heard::End]);
        prop_assert!(carried.problems.is_empty());
    }

    #[test]
    fn parts_of_many_messages_in_any_order_are_the_messages(
        messages in vec(vec(payload(12), 1..6), 1..12), seed in any::<u64>(), twice in vec(any::<bool>(), 80),
    ) {
        let mut frames = Vec::new();
        for (id, parts) in messages.iter().enumerate() {
            for (part, payload) in parts.iter().enumerate() {
                let number = (id << 8 | part) as u16;
                let frame = Frame { role: Role::Client, channel: 0, flags: parts.len() as u8, number, payload: payload.clone() };
                frames.extend(std::iter::repeat_n(frame, 1 + usize::from(twice[frames.len() % 80])));
            }
        }
        shuffle(&mut frames, 20, seed);
        let carried = run(&mux(PARTS), &frames, 11);
        let mut found = carried.messages(0, Role::Client);
        let mut expected: Vec<Vec<u8>> = messages.iter().map(|parts| parts.concat()).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_lost_frame_costs_its_channel_only_its_bytes(frames in frames(), lost in any::<prop::sample::Index>()) {
        prop_assume!(!frames.is_empty());
        let lost = lost.index(frames.len());
        let protocol = mux(CHANNELS);
        let mut talk = Talk::new(&protocol);
        let mut expected: BTreeMap<(String, Role), Vec<u8>> = BTreeMap::new();
        for (at, frame) in frames.iter().enumerate() {
            if at == lost {
                talk.gap(frame.role, frame.bytes().len() as u64);
                continue;
            }
            talk.bytes(frame.role, &frame.bytes());
            expected.entry((frame.channel.to_string(), frame.role)).or_default().extend(&frame.payload);
        }
        Role::BOTH.iter().for_each(|&role| talk.end(role));
        for (key, heard) in by_channel(&talk.carried) {
            prop_assert_eq!(bytes_of(&heard), expected.get(&key).cloned().unwrap_or_default());
            // Only the direction that lost bytes lacks any.
            let lacks = heard.iter().any(|one| matches!(one, Heard::Lost(_)));
            prop_assert!(!lacks || key.1 == frames[lost].role);
        }
    }

    #[test]
    fn a_copy_hands_on_the_same(
        file in vec(payload(20), 1..40), seed in any::<u64>(), at in any::<prop::sample::Index>(), which in 0..4usize,
    ) {
        let carries = [CHANNELS, BLOCKS, OFFSETS, PARTS][which];
        let protocol = mux(carries);
        let mut frames = numbered(&file, &[false; 60]);
        shuffle(&mut frames, 9, seed);
        let at = at.index(frames.len());
        let mut conversation = protocol.conversation().unwrap();
        let give = |conversation: &mut dyn Conversation, frame: &Frame, to: &mut dyn Carried| {
            let bytes = frame.bytes();
            conversation.continue_in(frame.role, 0);
            conversation.carry(frame.role, Passage::Message(Captured::whole(&bytes)), to);
        };
        let mut before = Collected::default();
        frames[..at].iter().for_each(|frame| give(&mut *conversation, frame, &mut before));
        let mut copy = conversation.copy();
        let [mut one, mut other] = [before.clone(), before];
        frames[at..].iter().for_each(|frame| give(&mut *conversation, frame, &mut one));
        frames[at..].iter().for_each(|frame| give(&mut *copy, frame, &mut other));
        prop_assert_eq!(one.heard, other.heard);
    }

    #[test]
    fn any_bytes_are_read_to_the_end_in_bounded_memory(
        heads in vec((any::<[u8; 5]>(), payload(30)), 0..300), which in 0..4usize,
    ) {
        let protocol = mux([CHANNELS, BLOCKS, OFFSETS, PARTS][which]);
        let mut talk = Talk::new(&protocol);
        for ([channel, flags, high, low, other], payload) in heads {
            let number = u16::from_be_bytes([high, low]);
            talk.bytes(Role::Client, &Frame { role: Role::Client, channel, flags, number, payload }.bytes());
            talk.bytes(Role::Client, &[other][..usize::from(other > 200)]);
        }
        prop_assert!(talk.conversation.size() < 1 << 20);
        talk.end(Role::Client);
    }
}

/// The pieces of a file with their numbers, some of them twice.
fn numbered(file: &[Vec<u8>], twice: &[bool]) -> Vec<Frame> {
    let frame = |(at, payload): (usize, &Vec<u8>)| {
        let frame =
            Frame { role: Role::Client, channel: 0, flags: 0, number: at as u16, payload: payload.clone() };
        std::iter::repeat_n(frame, 1 + usize::from(twice[at] && at + 1 < file.len()))
    };
    file.iter().enumerate().flat_map(frame).collect()
}

/// Changes the order within stretches of so many.
fn shuffle(frames: &mut [Frame], window: usize, mut seed: u64) {
    for stretch in frames.chunks_mut(window) {
        for at in (1..stretch.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            stretch.swap(at, (seed >> 33) as usize % (at + 1));
        }
    }
}
