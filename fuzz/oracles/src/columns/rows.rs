//! Rows of streams, their links and labels, also in another order.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use framescope_capture::store::{Entry, Link, Rows};
use framescope_capture::{RowId, StreamId};

use super::{Sizes, Times, steps};

const LINKS: [Link; 3] = [Link::Answers, Link::AnsweredBy, Link::GoesOnWith];
/// At most this many rows, and this many links.
const MOST: usize = 10_000;
/// At most this many passes over all rows.
const PASSES: u32 = 6;
/// At most this many streams are checked for where their rows are.
const STREAMS: usize = 16;

#[derive(Arbitrary, Debug)]
enum Step {
    Rows(Listed),
    Links { times: Times, kind: u8, row: u16, step: i8, other: Other },
    Settle,
    Relabel { first: u16, each: u8, by: u32 },
    Unlink { streams: u8 },
    Reorder(Order),
}

/// Adjacent rows, of streams in turn.
#[derive(Arbitrary, Debug)]
struct Listed {
    times: Times,
    first_stream: u16,
    streams: u8,
    /// Whether a stream gets as many rows as there are streams before it is another's turn.
    in_runs: bool,
    lengths: Sizes,
    labels: Sizes,
    packet: u32,
    packet_step: i32,
    payloads: u8,
}

/// The row that a row is linked to.
#[derive(Arbitrary, Debug)]
enum Other {
    Near(i8),
    Far(i16),
    At(u32),
}

/// An order that keeps that of each stream.
#[derive(Arbitrary, Debug)]
enum Order {
    ByStream { bits: u16 },
    ByOffset { shift: u8 },
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    links: Vec<[Option<u32>; 3]>,
    /// Where each stream ends.
    ends: BTreeMap<u32, u64>,
}

pub(super) fn run(program: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (mut rows, mut model) = (Rows::default(), Model::default());
    let (mut rows_left, mut links_left, mut passes_left) = (MOST, MOST, PASSES);
    for step in steps::<Step>(program)? {
        let is_pass = matches!(step, Step::Relabel { .. } | Step::Unlink { .. } | Step::Reorder(_));
        if is_pass && passes_left == 0 {
            continue;
        }
        passes_left -= u32::from(is_pass);
        match step {
            Step::Rows(step) => {
                let times = step.times.within(&mut rows_left);
                model.put(&mut rows, &step, times);
            }
            Step::Links { times, kind, row, step, other } => {
                let link = LINKS[usize::from(kind % 3)];
                for number in 0..times.within(&mut links_left) {
                    model.link(&mut rows, link, i64::from(row) + i64::from(step) * number as i64, &other);
                }
            }
            Step::Settle => rows.settle_links(),
            Step::Relabel { first, each, by } => {
                let chosen = (u32::from(first)..model.entries.len() as u32).step_by(usize::from(each) + 1);
                let ids = chosen.clone().map(RowId::from);
                rows.relabel(ids, |row, label| relabelled(row.number(), label, by));
                for row in chosen {
                    let label = &mut model.entries[row as usize].label;
                    *label = relabelled(row, *label, by);
                }
            }
            Step::Unlink { streams } => {
                let is_one = |stream: StreamId| stream.number().is_multiple_of(u32::from(streams) + 1);
                rows.unlink(is_one);
                let all = model.entries.iter().zip(&mut model.links);
                all.filter(|(entry, _)| is_one(entry.stream)).for_each(|(_, links)| *links = [None; 3]);
            }
            Step::Reorder(order) => rows = model.reorder(&rows, &order),
        }
    }
    rows.settle_links();
    model.check(&rows);
    Ok(())
}

/// Labels have 31 bits.
fn relabelled(row: u32, label: u32, by: u32) -> u32 {
    label.wrapping_add(by).wrapping_add(row % 3) & u32::MAX >> 1
}

impl Model {
    fn put(&mut self, rows: &mut Rows, step: &Listed, times: u64) {
        let mut packet = step.packet;
        let streams = u64::from(step.streams) + 1;
        for number in 0..times {
            let turn = if step.in_runs { number / streams } else { number } % streams;
            let stream = u32::from(step.first_stream % 1024) + turn as u32;
            let end = self.ends.entry(stream).or_default();
            let length = step.lengths.at(number, 41).max(1);
            packet = packet.wrapping_add_signed(step.packet_step);
            let label = step.labels.at(number, 31) as u32;
            let is_payload = number & u64::from(step.payloads) == 0;
            let entry = Entry {
                offset: *end,
                length,
                stream: stream.into(),
                label,
                packet: packet.into(),
                is_payload,
            };
            *end += length;
            assert_eq!(rows.push(entry).index(), self.entries.len(), "the number of a row");
            self.entries.push(entry);
            self.links.push([None; 3]);
        }
    }

    /// The first link of a kind stays.
    fn link(&mut self, rows: &mut Rows, link: Link, row: i64, other: &Other) {
        let count = self.entries.len() as i64;
        let Some(row) = row.checked_rem_euclid(count) else { return };
        let other = match *other {
            Other::Near(by) => row + i64::from(by),
            Other::Far(by) => row + i64::from(by),
            Other::At(row) => i64::from(row),
        };
        // No row is linked to itself.
        if row != other
            && let (Ok(row), Ok(other)) = (u32::try_from(row), u32::try_from(other))
        {
            rows.link(row.into(), link, other.into());
            self.links[row as usize][link as usize].get_or_insert(other);
        }
    }

    fn reorder(&mut self, rows: &Rows, order: &Order) -> Rows {
        let mut old: Vec<u32> = (0..self.entries.len() as u32).collect();
        old.sort_by_key(|&row| {
            let entry = self.entries[row as usize];
            match *order {
                Order::ByStream { bits } => u64::from(entry.stream.number() & u32::from(bits)),
                Order::ByOffset { shift } => entry.offset >> (shift % 64),
            }
        });
        let mut numbers = vec![0; old.len()];
        (0..).zip(&old).for_each(|(new, &old)| numbers[old as usize] = new);
        // What comes after the last row stays there.
        let new = |old: u32| numbers.get(old as usize).copied().unwrap_or(old);
        let ids = old.iter().map(|&row| RowId::from(row));
        let reordered = rows.reordered(ids, |old| new(old.number()).into());
        self.entries = old.iter().map(|&row| self.entries[row as usize]).collect();
        self.links = old.iter().map(|&row| self.links[row as usize].map(|other| other.map(new))).collect();
        reordered
    }

    fn check(&self, rows: &Rows) {
        assert_eq!(rows.len(), self.entries.len());
        let mut streams: BTreeMap<StreamId, Vec<u32>> = BTreeMap::new();
        for ((number, entry), links) in (0..).zip(&self.entries).zip(&self.links) {
            let row = RowId::from(number);
            assert_eq!(rows.get(row), Some(*entry), "row {number}");
            let parts = (rows.stream(row), rows.length(row), rows.label(row), rows.packet(row));
            let expected = (entry.stream, entry.length, entry.label, entry.packet);
            assert_eq!(parts, (Some(expected.0), Some(expected.1), Some(expected.2), Some(expected.3)));
            let linked = LINKS.map(|link| rows.linked(row, link).map(RowId::number));
            assert_eq!(linked, *links, "the links of row {number}");
            streams.entry(entry.stream).or_default().push(number);
        }
        for behind in [rows.len() as u32, u32::MAX].map(RowId::from) {
            assert_eq!((rows.get(behind), rows.label(behind), rows.stream(behind)), (None, None, None));
            assert_eq!((rows.length(behind), rows.packet(behind)), (None, None));
            assert_eq!(LINKS.map(|link| rows.linked(behind, link)), [None; 3], "there is no row {behind}");
        }
        // Those in a block are read one by one, so that checking each of many takes long.
        for (&stream, numbers) in streams.iter().step_by(streams.len() / STREAMS + 1) {
            assert!(rows.of_stream(stream).map(RowId::number).eq(numbers.iter().copied()), "stream {stream}");
            for &number in numbers.iter().step_by(numbers.len() / 4 + 1).chain(numbers.last()) {
                let Entry { offset, length, .. } = self.entries[number as usize];
                for place in [offset, offset + length - 1, offset + length] {
                    self.from(rows, stream, numbers, place, 3);
                }
            }
            let middle = self.entries[numbers[numbers.len() / 2] as usize].offset;
            self.from(rows, stream, numbers, middle, usize::MAX);
            self.from(rows, stream, numbers, 0, 3);
            self.from(rows, stream, numbers, u64::MAX, 3);
        }
        let absent = (0..).map(StreamId::from).find(|stream| !streams.contains_key(stream));
        for stream in absent.into_iter().chain([u32::MAX.into()]) {
            assert_eq!(rows.of_stream(stream).next(), None, "there is no stream {stream}");
            assert_eq!(rows.of_stream_from(stream, 0).next(), None, "there is no stream {stream}");
        }
    }

    /// The first `most` rows of a stream from an offset in it on.
    fn from(&self, rows: &Rows, stream: StreamId, numbers: &[u32], place: u64, most: usize) {
        let entry = |number: u32| self.entries[number as usize];
        let first = numbers.partition_point(|&number| entry(number).offset + entry(number).length <= place);
        let expected = numbers[first..].iter().map(|&number| (RowId::from(number), entry(number)));
        let found = rows.of_stream_from(stream, place);
        assert!(found.take(most).eq(expected.take(most)), "stream {stream} from {place} on");
    }
}
