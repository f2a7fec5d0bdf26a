//! What is wrong with rows beside what their own bytes show: what the sequence of messages shows, and what reassembly saw
//! of their stretch of the stream. Told to the rows when a capture is read to its end.

use std::ops::Range;

use framescope_parser::{Code, Problem, TileType};

use crate::Index;
use crate::index::Mark;

/// More problems of one kind than this are not listed for a single row.
const PROBLEMS_A_ROW: usize = 4;

/// Problems of rows. Very many rows may have the same one: a text is kept once for all that have it one after another.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    all: Vec<Annotation>,
    texts: Vec<Box<str>>,
    /// The text that each code had last.
    last: Vec<(Code, u32)>,
}

#[derive(Clone, Debug)]
struct Annotation {
    row: u32,
    code: Code,
    /// The bytes of the row; all of them if that is more than it has.
    range: Range<u64>,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// One of the texts.
    Text(u32),
    /// A packet brought bytes for a place that has some, or had been given up.
    Packet(u32),
}

impl Annotations {
    /// Something is wrong with all of a row.
    pub(crate) fn add(&mut self, row: u32, code: Code, text: &str) {
        let place = self.last.iter().position(|(known, _)| *known == code);
        let last = place.and_then(|at| self.last.get(at)).map(|(_, text)| *text);
        let is_last = |number: u32| self.texts.get(number as usize).is_some_and(|known| **known == *text);
        let number = match last.filter(|&number| is_last(number)) {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
                self.texts.push(text.into());
                match place.and_then(|at| self.last.get_mut(at)) {
                    Some(last) => last.1 = number,
                    None => self.last.push((code, number)),
                }
                number
            }
        };
        self.all.push(Annotation { row, code, range: 0..u64::MAX, what: What::Text(number) });
    }

    /// Forgets what was said of some rows.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.all.retain(|one| keep(one.row));
    }

    /// The rows have got other numbers.
    pub(crate) fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        self.all.iter_mut().for_each(|one| one.row = new(one.row));
    }

    /// Takes what others said, behind what was said here.
    pub(crate) fn append(&mut self, other: Annotations) {
        let before = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.extend(other.texts);
        self.all.extend(other.all.into_iter().map(|one| match one.what {
            What::Text(number) => Annotation { what: What::Text(before.saturating_add(number)), ..one },
            What::Packet(_) => one,
        }));
        self.last.clear();
    }

    /// The problems of a row of that length, once all is [told](tell).
    pub(crate) fn of(&self, row: u32, length: u64) -> impl Iterator<Item = Problem> + '_ {
        let first = self.all.partition_point(|one| one.row < row);
        let of_row = self.all.get(first..).unwrap_or_default().iter().take_while(move |one| one.row == row);
        of_row.map(move |one| {
            let place = |at: u64| usize::try_from(at.min(length)).unwrap_or(usize::MAX);
            let text = match one.what {
                What::Text(number) => {
                    self.texts.get(number as usize).map(|text| text.to_string()).unwrap_or_default()
                }
                What::Packet(packet) => match one.code {
                    Code::ConflictingRetransmission => {
                        format!("packet {packet} brings other bytes for this place; the first captured stay")
                    }
                    Code::ConflictingFragment => format!(
                        "a fragment in packet {packet} brings other bytes for this place, or for the headers before it; the \
                         first captured stay"
                    ),
                    Code::Late => format!("packet {packet} brought bytes of this gap after it was given up"),
                    _ => format!("packet {packet} brings these bytes again"),
                },
            };
            Problem { code: one.code, range: place(one.range.start)..place(one.range.end), text }
        })
    }
}

/// All was said: puts it in the order of the rows, and counts it among their problems.
pub(crate) fn tell(index: &mut Index) {
    let all = &mut index.annotations.all;
    all.sort_by_key(|one| one.row);
    let mut of_row: (u32, Vec<(Code, usize)>) = (0, Vec::new());
    all.retain(|one| {
        if of_row.0 != one.row {
            of_row = (one.row, Vec::new());
        }
        let known = of_row.1.iter().position(|(code, _)| *code == one.code);
        let count = match known.and_then(|at| of_row.1.get_mut(at)) {
            Some((_, count)) => count,
            None => {
                of_row.1.push((one.code, 1));
                return true;
            }
        };
        *count += 1;
        *count <= PROBLEMS_A_ROW
    });
    all.shrink_to_fit();
    let Index { entries, labels, annotations, .. } = index;
    let codes = annotations.all.iter().map(|one| one.code);
    let mut codes = codes.into_iter();
    entries.relabel(annotations.all.iter().map(|one| one.row), |_, number| {
        let mut label = labels.get(number);
        match codes.next().filter(|code| !label.codes.contains(*code)) {
            Some(code) => {
                label.codes.insert(code);
                labels.number(label)
            }
            None => number,
        }
    });
}

/// Tells the rows what reassembly saw of their stretch of the stream.
pub(crate) fn mark_rows(index: &mut Index) {
    for stream in 0..index.streams.len() {
        let rest = index.streams.get_mut(stream).and_then(|known| known.rest.as_deref_mut());
        let marks = rest.map(|rest| std::mem::take(&mut rest.marks)).unwrap_or_default();
        let mut told = std::mem::take(&mut index.annotations);
        for mark in marks {
            mark_row(index, stream, &mark, &mut told);
        }
        index.annotations = told;
    }
}

/// Tells the rows of a stretch what reassembly saw of it, if they are all there; else says so, and tells nothing.
pub(crate) fn mark_rows_now(index: &Index, stream: usize, mark: &Mark, told: &mut Annotations) -> bool {
    let number = u32::try_from(stream).unwrap_or(u32::MAX);
    let mut rows = index.entries.of_stream_from(number, mark.offset);
    let Some((_, first)) = rows.next().filter(|(_, first)| first.offset <= mark.offset) else { return false };
    let mut end = first.offset + first.length;
    while end < mark.end() {
        let Some((_, next)) = rows.next() else { return false };
        end = next.offset + next.length;
    }
    mark_row(index, stream, mark, told);
    true
}

fn mark_row(index: &Index, stream: usize, mark: &Mark, told: &mut Annotations) {
    let number = u32::try_from(stream).unwrap_or(u32::MAX);
    for (number, entry) in index.entries.of_stream_from(number, mark.offset) {
        let row = index.resolved(entry);
        let start = mark.offset.max(row.offset);
        let end = mark.end().min(row.end());
        if start >= end {
            break;
        }
        // Late bytes belong to what is missing, the others to bytes that are there.
        let is_gap = row.tile_type == TileType::Gap;
        let is_told = match mark.code {
            Code::Late => is_gap || row.codes.contains(Code::Incomplete),
            _ => !is_gap,
        };
        if is_told {
            let range = start - row.offset..end - row.offset;
            let what = What::Packet(mark.packet);
            told.all.push(Annotation { row: number, code: mark.code, range, what });
        }
    }
}
