//! What a carrier's messages carry, in each other and however they are cut into segments, is in the index as if it were walked in memory:
//! the same rows of each channel with the same bytes from the same packets, in whatever order they are looked at.

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use framescope_capture::{FlowId, Index, Options, Row as IndexRow, RowId, Source, read};
use framescope_checking::Random;
use framescope_parser::bare::Bare;
use framescope_parser::missive::{FrameBuf, Kind, Missive};
use framescope_parser::text::Text;
use framescope_parser::{Channel, Direction, Protocol, Role, with_built_in};

use self::reference::{Byte, Event, Flows, Row, walk};
use crate::capture::check_index;
use crate::linear::Choices;
use crate::mux::{self, Mux};
use crate::traffic::{ACK, FIN, RAW_IP, SYN, pcap, tcp_turn};

static MUX: LazyLock<Mux> = LazyLock::new(Mux::default);
static MISSIVE: LazyLock<Missive> = LazyLock::new(Missive::default);

/// The channels whose messages are generated; those of the first carry messages of the carrier again.
const CHANNELS: [u8; 10] = [0x3f, 1, 2, 0x41, 0x42, 0x80, 0x81, 0xc0, 0xc1, 0xff];
const RULES: [&str; 5] =
    ["tcp=mux", "mux.plain=missive", "mux.message=bare", "mux.added=missive", "mux.double=text"];

static OPTIONS: LazyLock<Options> = LazyLock::new(|| Options {
    protocols: with_built_in(vec![Arc::new(Mux::default()) as Arc<dyn Protocol>]),
    decode_as: RULES.iter().map(|rule| rule.parse().expect("a selector and a protocol")).collect(),
    ..Options::default()
});

/// What is read in a channel, as the rules have it.
fn protocol(channel: &Channel) -> &'static dyn Protocol {
    match &*channel.name {
        "mux.mux" => &*MUX,
        "mux.message" => &Bare,
        "mux.double" => &Text,
        _ => &*MISSIVE,
    }
}

/// Takes `data` as choices, from which is generated what both sides say, and which segments it is in.
pub fn carriers(data: &[u8]) {
    let mut choices = Choices::of_bytes(data);
    let said = said(&mut choices);
    let mut random = Random::of(data);
    let (packets, events) = sent(&said, &mut random);
    let mut flows = Flows::new();
    walk(&[], &events, &*MUX, &protocol, &mut flows);
    let source = Source::from_bytes("fuzzed", pcap(RAW_IP, &packets, usize::MAX));
    let index = read(source, &OPTIONS, &mut |_| true).expect("it is a capture");
    check_index(&index);
    check_carries(&index);
    check_found(&index, &flows, &mut random);
    check_damaged(packets, &mut random);
}

/// What is in the index is what was found in memory.
fn check_found(index: &Index, flows: &Flows, random: &mut Random) {
    let known = known_flows(index);
    let (found, expected): (Vec<_>, Vec<_>) = (known.keys().collect(), flows.keys().collect());
    assert_eq!(found, expected, "the flows, by the channels that they are in");
    let mut looks = Vec::new();
    for (path, both) in flows {
        for (role, rows) in Role::BOTH.into_iter().zip(both) {
            let direction = if role == Role::Client { Direction::Forward } else { Direction::Backward };
            let numbers: Vec<RowId> = index.stream_rows(known[path], direction).collect();
            let places = |row: &Row| (row.span.offset, row.span.length, row.span.span_type);
            let place =
                |number: &RowId| index.row(*number).map(|row| (row.offset, row.length, row.span_type));
            let found: Vec<_> = numbers.iter().filter_map(place).collect();
            assert_eq!(found, rows.iter().map(places).collect::<Vec<_>>(), "rows in {path:?}, {role:?}");
            looks.extend(numbers.into_iter().zip(rows));
        }
    }
    // They are looked at in any order.
    for at in 0..looks.len() {
        let other = random.below(looks.len());
        looks.swap(at, other);
    }
    for (number, row) in &looks {
        check_row(index, *number, row);
    }
}

/// Whatever is lost, the promises of an index hold, and rows read alike in any order.
fn check_damaged(mut packets: Vec<Vec<u8>>, random: &mut Random) {
    packets.remove(random.below(packets.len()));
    let source = Source::from_bytes("damaged", pcap(RAW_IP, &packets, usize::MAX));
    let index = read(source, &OPTIONS, &mut |_| true).expect("it is a capture");
    check_index(&index);
    check_carries(&index);
    let bytes = |number: RowId| {
        let row = index.row(number).expect("a number of a row");
        index.row_bytes(&row, usize::MAX, &mut index.reader()).expect("it is unpacked again")
    };
    let forward: Vec<Vec<u8>> = index.row_ids().map(bytes).collect();
    assert!(index.row_ids().rev().map(bytes).eq(forward.into_iter().rev()), "the order of looking matters");
}

/// The flows by the numbers of the channels that they are in, the outermost first.
fn known_flows(index: &Index) -> BTreeMap<Vec<u64>, FlowId> {
    let mut known = BTreeMap::new();
    for (id, flow) in index.flows() {
        let (mut path, mut at) = (Vec::new(), Some(flow));
        while let Some(carried) = at.and_then(|flow| flow.carried()) {
            let number = carried.settings().get("number").expect("the carrier says it");
            path.insert(0, number.parse().expect("it is a number"));
            at = index.flow(carried.by());
        }
        assert_eq!(usize::from(flow.level()), path.len());
        assert!(known.insert(path, id).is_none(), "a channel has one flow");
    }
    known
}

fn check_row(index: &Index, number: RowId, expected: &Row) {
    let row = index.row(number).expect("a row of a stream is a row");
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).expect("it is unpacked again");
    assert!(expected.bytes.iter().map(|byte| byte.value).eq(bytes), "row {number} has other bytes");
    let packets: BTreeSet<u32> =
        expected.bytes.iter().flat_map(|byte| byte.packets.iter().copied()).collect();
    let found: Vec<u32> = index.row_packets(&row).iter().map(|packet| packet.number()).collect();
    assert!(packets.iter().eq(&found), "row {number} is from {packets:?}, and not from {found:?}");
    let carried = index.flow(row.flow()).and_then(|flow| flow.carried().map(|carried| carried.by()));
    let place = |unit: &RowId| index.row(*unit).map(|unit| unit.offset);
    let units: Vec<u64> = index.carried_by(&row).iter().filter_map(place).collect();
    let mut expected: Vec<u64> = expected.bytes.iter().map(|byte| byte.unit).collect();
    expected.dedup();
    if carried.is_none() {
        expected.clear();
    }
    assert_eq!(units, expected, "row {number} is carried by other messages");
}

/// What carries a row says that it does.
fn check_carries(index: &Index) {
    let mut carried: BTreeMap<RowId, BTreeSet<RowId>> = BTreeMap::new();
    let row = |number: RowId| -> IndexRow { index.row(number).expect("it is one of the rows") };
    for number in index.row_ids() {
        for by in index.carried_by(&row(number)) {
            carried.entry(by).or_default().insert(number);
        }
    }
    for number in index.row_ids() {
        let carries = index.carries(&row(number), usize::MAX).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(carries, carried.remove(&number).unwrap_or_default(), "what row {number} carries");
    }
}

/// Generates what both sides say in turn, with now and then something that is not a message.
fn said(choices: &mut Choices<'_>) -> Vec<(Role, Vec<u8>)> {
    // The beginnings of messages inside, whose rest comes later.
    let mut held = [Vec::new(), Vec::new()];
    let mut before = 0_u8;
    let one_sided = choices.below(4) == 1;
    (0..1 + choices.below(16))
        .flat_map(|_| {
            let role = Role::BOTH[if one_sided { 0 } else { choices.below(2) }];
            let said = match choices.below(12) {
                // How long the other side waits for the end of what is not a message is another question.
                11 if one_sided => filler(choices),
                _ => {
                    before = before.wrapping_add(1);
                    message(before.wrapping_sub(1), 0, &mut held[role.index()], choices)
                }
            };
            // Many bytes, so that there are several places from which a conversation is read again.
            let times = if choices.below(16) == 1 && held.iter().all(Vec::is_empty) { 40 } else { 1 };
            before = before.wrapping_add(times - 1);
            std::iter::repeat_n((role, said), times.into())
        })
        .collect()
}

fn message(before: u8, depth: u8, held: &mut Vec<u8>, choices: &mut Choices<'_>) -> Vec<u8> {
    let channel = CHANNELS[choices.below(CHANNELS.len())];
    let payload = match channel {
        0x3f if depth == 3 => Vec::new(),
        0x3f => {
            let mut inside = std::mem::take(held);
            for _ in 0..choices.below(4) {
                inside.extend(message(0, depth + 1, &mut Vec::new(), choices));
            }
            if depth == 0 && choices.below(2) == 1 {
                *held = inside.split_off(choices.below(inside.len() + 1));
            }
            inside
        }
        _ => filler(choices),
    };
    match channel {
        0x80..0xc0 => mux::added(channel, before, &payload),
        _ => mux::message(channel, &payload),
    }
}

/// What protocols inside may read, whole or cut off.
fn filler(choices: &mut Choices<'_>) -> Vec<u8> {
    let length = choices.below(12);
    let mut text: Vec<u8> = (0..length).map(|_| b'a' + choices.below(26) as u8).collect();
    match choices.below(6) {
        0 => text.insert(0, 1 + choices.below(4) as u8),
        1 => text.push(b'\n'),
        2 => text = FrameBuf::new(Kind::DATA).payload(text).to_bytes().expect("it is short"),
        3 => text = (0..length).map(|_| choices.below(256) as u8).collect(),
        _ => {}
    }
    if choices.below(8) == 1 {
        text = text.repeat(8);
    }
    if choices.below(4) == 1 {
        text.truncate(choices.below(text.len() + 1));
    }
    text
}

/// The packets of what is said, and what arrives with them. Where only one side says something, a segment may be lost: after a gap,
/// the order of the two sides depends on how long is waited.
fn sent(said: &[(Role, Vec<u8>)], random: &mut Random) -> (Vec<Vec<u8>>, Vec<(Role, Event)>) {
    let mut turns: Vec<(Role, Vec<u8>)> = Vec::new();
    for (role, bytes) in said {
        match turns.last_mut() {
            Some((last, all)) if last == role => all.extend(bytes),
            _ => turns.push((*role, bytes.clone())),
        }
    }
    let mut next = [100_u32, 200];
    let mut packets =
        vec![segment(Role::Client, next, SYN, &[]), segment(Role::Server, next, SYN | ACK, &[])];
    next = [101, 201];
    let mut events = Vec::new();
    let is_one_sided = said.iter().all(|(role, _)| *role == Role::Client);
    let longest = [1, 3, 9, 60, 1460][random.below(5)];
    for (role, bytes) in turns {
        let segments = cut(bytes.len(), longest, random);
        let lost = (is_one_sided && random.one_in(2)).then(|| random.below(segments.len()));
        let mut order: Vec<usize> = (0..segments.len()).filter(|one| Some(*one) != lost).collect();
        for at in 1..order.len() {
            match random.below(12) {
                0 => order.swap(at - 1, at),
                1 => order.push(at),
                _ => {}
            }
        }
        let mut of_byte: Vec<Option<Byte>> = vec![None; bytes.len()];
        for at in order {
            let (start, end) = segments[at];
            let numbers = [next[0].wrapping_add(start as u32), next[1].wrapping_add(start as u32)];
            let numbers = match role {
                Role::Client => [numbers[0], next[1]],
                Role::Server => [next[0], numbers[1]],
            };
            packets.push(segment(role, numbers, ACK, &bytes[start..end]));
            let source = Rc::new(BTreeSet::from([packets.len() as u32]));
            for (place, value) in of_byte[start..end].iter_mut().zip(&bytes[start..end]) {
                place.get_or_insert_with(|| Byte { value: *value, packets: Rc::clone(&source), unit: 0 });
            }
        }
        next[role.index()] = next[role.index()].wrapping_add(bytes.len() as u32);
        for run in of_byte.chunk_by(|one, other| one.is_some() == other.is_some()) {
            let there: Vec<Byte> = run.iter().flatten().cloned().collect();
            let event = if there.is_empty() { Event::Lost(run.len() as u64) } else { Event::Bytes(there) };
            events.push((role, event));
        }
    }
    packets.extend(Role::BOTH.map(|role| segment(role, next, FIN | ACK, &[])));
    (packets, events)
}

/// Where segments begin and end.
fn cut(length: usize, longest: usize, random: &mut Random) -> Vec<(usize, usize)> {
    let (mut segments, mut at) = (Vec::new(), 0);
    while at < length {
        let end = (at + 1 + random.below(longest)).min(length);
        segments.push((at, end));
        at = end;
    }
    segments
}

fn segment(role: Role, [client, server]: [u32; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    match role {
        Role::Client => tcp_turn(false, (client, server), flags, payload),
        Role::Server => tcp_turn(true, (server, client), flags, payload),
    }
}

#[test]
fn what_is_carried_is_in_the_index_as_it_is_when_walked_in_memory() {
    crate::try_on_random_bytes(carriers, 40);
}
