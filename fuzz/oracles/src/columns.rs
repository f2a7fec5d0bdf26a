//! Any bytes are a program on what an index stores in packed blocks: numbers, packets, segments, rows and notes on
//! rows. What is read back, by number, by offset and in order, is what plain lists hold.

mod notes;
mod rows;

use arbitrary::{Arbitrary, Unstructured};
use framescope_capture::store::{Packed, Packets, Segments};
use framescope_capture::{PacketId, SegmentRange};

/// Takes the first byte of `data` as what is stored, and the others as a program of insertions.
pub fn columns(data: &[u8]) {
    let [kept, data @ ..] = data else { return };
    let program = &mut Unstructured::new(data);
    // Rows can do most.
    let done = match kept % 8 {
        0 => numbers(program),
        1 => packets(program),
        2 => segments(program),
        3 | 4 => notes::run(program),
        _ => rows::run(program),
    };
    // An incomplete program is not run.
    let _ = done;
}

/// At most this many steps are run.
const STEPS: usize = 64;

/// The steps of a program: as many as there are bytes for.
fn steps<'a, T: Arbitrary<'a>>(program: &mut Unstructured<'a>) -> arbitrary::Result<Vec<T>> {
    let mut steps = Vec::new();
    while !program.is_empty() && steps.len() < STEPS {
        steps.push(program.arbitrary()?);
    }
    Ok(steps)
}

/// How often something is done: a few bytes of program reach beyond a block.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Times {
    count: u8,
    doubled: u8,
}

impl Times {
    /// No more than is left of what a program may do in all.
    fn within(self, left: &mut usize) -> u64 {
        let count = ((usize::from(self.count) + 1) << self.doubled.trailing_ones()).min(*left);
        *left -= count;
        count as u64
    }
}

/// Pseudo-random numbers of up to this many bits.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Sizes {
    bits: u8,
    seed: u8,
}

impl Sizes {
    fn at(self, number: u64, most_bits: u8) -> u64 {
        let mixed = (number << 8 | u64::from(self.seed)).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed.checked_shr(64 - u32::from(self.bits % (most_bits + 1))).unwrap_or(0)
    }
}

#[derive(Arbitrary, Debug)]
struct Alike {
    times: Times,
    least: u64,
    beyond: Sizes,
}

fn numbers(program: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (mut model, mut left) = (Vec::new(), 1 << 14);
    for step in steps::<Alike>(program)? {
        let count = step.times.within(&mut left);
        model.extend((0..count).map(|number| step.least.wrapping_add(step.beyond.at(number, 64))));
    }
    let packed = Packed::of(model.iter().copied());
    assert_eq!(packed.len(), model.len());
    assert!(packed.iter().eq(model.iter().copied()), "in their order");
    assert!(packed.iter().rev().eq(model.iter().rev().copied()), "from the last to the first");
    for (at, number) in model.iter().enumerate() {
        assert_eq!(packed.get(at), Some(*number), "the one at {at}");
    }
    assert_eq!((packed.get(model.len()), packed.get(usize::MAX)), (None, None), "behind the last");
    for first in [1, model.len() / 2, model.len(), model.len() + 1] {
        assert!(packed.iter_from(first).eq(model.iter().skip(first).copied()), "from {first} on");
    }
    Ok(())
}

/// Packets one after another.
#[derive(Arbitrary, Debug)]
struct Captured {
    times: Times,
    clock: Clock,
    kept: Kept,
    payload: u64,
    payload_step: i32,
}

#[derive(Arbitrary, Debug)]
enum Clock {
    None,
    Steps(i32),
    Jumps(Sizes),
    At(i64),
    First,
    Last,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kept {
    None,
    All,
    Each(u8),
    AllBut(u8),
}

impl Kept {
    fn is(self, number: u64) -> bool {
        match self {
            Kept::None => false,
            Kept::All => true,
            Kept::Each(each) => number.is_multiple_of(u64::from(each) + 1),
            Kept::AllBut(each) => !number.is_multiple_of(u64::from(each) + 1),
        }
    }
}

fn packets(program: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (mut packets, mut model, mut first_ns) = (Packets::default(), Vec::new(), None);
    let (mut now, mut left) = (0_i64, 1 << 14);
    for step in steps::<Captured>(program)? {
        let mut payload = step.payload;
        for number in 0..step.times.within(&mut left) {
            now = match step.clock {
                Clock::None => now,
                Clock::Steps(by) => now.wrapping_add(by.into()),
                Clock::Jumps(by) => now.wrapping_add(by.at(number, 64).cast_signed()),
                Clock::At(time) => time,
                Clock::First => i64::MIN,
                Clock::Last => i64::MAX,
            };
            let time = (!matches!(step.clock, Clock::None)).then_some(now);
            payload = payload.wrapping_add_signed(step.payload_step.into());
            let kept = step.kept.is(number).then_some(payload);
            packets.push(time, kept);
            first_ns = first_ns.or(time);
            // The very first time stands for none, and becomes the next one.
            model.push((kept.and(time).map(|time| time.max(i64::MIN + 1)), kept));
        }
    }
    assert_eq!((packets.len() as usize, packets.first_ns()), (model.len(), first_ns));
    for (packet, expected) in (1..).map(PacketId::from).zip(&model) {
        assert_eq!((packets.time_ns(packet), packets.payload(packet)), *expected, "packet {packet}");
    }
    for packet in [0, packets.len() + 1, packets.len() + 65, u32::MAX].map(PacketId::from) {
        assert_eq!((packets.time_ns(packet), packets.payload(packet)), (None, None), "there is no {packet}");
    }
    Ok(())
}

/// Adjacent segments.
#[derive(Arbitrary, Debug)]
struct Listed {
    times: Times,
    gaps: Sizes,
    lengths: Sizes,
    file_jump: Option<u64>,
    file_step: i32,
    packet_step: i32,
    /// Segments that are removed immediately.
    taken_back: Kept,
}

fn segments(program: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (mut segments, mut model, mut left) = (Segments::default(), Vec::<SegmentRange>::new(), 1 << 12);
    let (mut end, mut file_offset, mut packet) = (0, 0_u64, 0_u32);
    for step in steps::<Listed>(program)? {
        file_offset = step.file_jump.unwrap_or(file_offset);
        for number in 0..step.times.within(&mut left) {
            file_offset = file_offset.wrapping_add_signed(step.file_step.into());
            packet = packet.wrapping_add_signed(step.packet_step);
            let length = (step.lengths.at(number, 32) as u32).max(1);
            let segment = SegmentRange {
                offset: end + step.gaps.at(number, 40),
                file_offset,
                length,
                packet: packet.into(),
            };
            segments.push(segment);
            assert_eq!((segments.last(), segments.len()), (Some(segment), model.len() + 1));
            if step.taken_back.is(number) {
                segments.pop();
            } else {
                end = segment.end();
                model.push(segment);
            }
        }
    }
    assert_eq!(segments.len(), model.len());
    for (at, segment) in model.iter().enumerate() {
        assert_eq!(segments.get(at), Some(*segment), "the one at {at}");
    }
    assert_eq!((segments.get(model.len()), segments.get(usize::MAX)), (None, None), "behind the last");
    for first in [0, 1, model.len() / 2, model.len(), model.len() + 1] {
        let expected = model.iter().skip(first).copied();
        assert!(segments.from(first).eq(expected), "from {first} on");
    }
    let borders = model.iter().flat_map(|segment| [segment.offset, segment.end() - 1, segment.end()]);
    for place in borders.chain([0, u64::MAX]) {
        let expected = model.partition_point(|segment| segment.end() <= place);
        assert_eq!(segments.first_behind(place), expected, "the first behind {place}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_checking::Random;

    #[test]
    fn random_columns_read_back_like_plain_lists() {
        let mut random = Random::new(11);
        for kept in 0..8 {
            for _ in 0..12 {
                let length = random.below(200);
                let data: Vec<u8> = (0..length).map(|_| random.byte()).collect();
                columns(&[&[kept], &data[..]].concat());
            }
        }
    }

    #[test]
    fn programs_that_reach_all_limits_read_back_too() {
        for kept in 0..8 {
            for byte in [7, 0x87, 0xFF] {
                columns(&[&[kept], &[byte; 8192][..]].concat());
            }
        }
    }
}
