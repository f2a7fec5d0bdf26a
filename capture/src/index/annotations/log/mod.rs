//! Notes about rows, in a few bytes each: as differences from the notes before.
//!
//! Notes are stored in the order in which they are taken, in blocks that are read on their own, each with its first row in a
//! directory. A note is
//!
//! ```text
//! 1 byte   pattern (4 bits; 15: as a number after it), which numbers differ (3 bits), whether the row is as far on as the last was (1 bit)
//! number   how many rows on from the last note's, if that differs
//! numbers  how much more than in the last note of the pattern, those that differ
//! text     if it is none of a pattern and not the last one: its length, and it
//! range    of the row's bytes, if it is not all of them: start and length
//! ```
//!
//! where numbers are LEB128, and signed ones have their sign in the lowest bit. The third number is taken as far on as the second.
//! A note about all of a row whose words are always the same is a bit instead.

mod chunk;
mod numbers;
mod pattern;
mod sorted;
#[cfg(test)]
mod tests;

use std::ops::Range;

use framescope_parser::{Code, Problem, Sentence};

use self::chunk::{Chunk, Last, Note, begin_note, plain_note};
use self::numbers::{difference, put, zigzag};
use self::pattern::{Kind, Pattern};
use self::sorted::Sorted;
use super::plain::{BitChange, Plain};
use crate::ids::RowId;

/// More problems of one kind than this are not listed for a single row.
const PROBLEMS_A_ROW: usize = 4;

/// A block ends with this many notes, or with this many bytes.
const NOTES_A_BLOCK: u32 = 128;
const BYTES_A_BLOCK: usize = 4096;
/// No block begins in a chunk after this many bytes.
const BYTES_A_CHUNK: usize = 60 << 10;
/// The notes of more patterns are stored as texts.
const MOST_PATTERNS: usize = 256;
/// The pattern that says that its number follows.
const LONG: u8 = 15;
/// This many notes are sorted in one go.
const SORTED_AT_ONCE: u64 = 1 << 16;

/// Problems of rows beside what their own bytes show.
#[derive(Debug, Default)]
pub struct Annotations {
    patterns: Vec<Pattern>,
    /// The last note of a row, if it is always the same for such rows.
    plain: Plain,
    chunks: Vec<Chunk>,
    /// The state of writing.
    last: Last,
    count: u64,
    least: u32,
    greatest: u32,
    is_unsorted: bool,
    /// Some row has more than [`PROBLEMS_A_ROW`], or as many.
    is_crowded: bool,
    is_full: bool,
    /// Copies of the last notes, if they are wanted.
    fresh: Option<Box<Annotations>>,
}

impl Annotations {
    /// None, of which copies of the notes are kept that are added, until they are [taken](Annotations::take_fresh).
    pub(crate) fn with_copies() -> Annotations {
        Annotations { fresh: Some(Box::default()), ..Annotations::default() }
    }

    /// Copies of the notes that were added since this was last called.
    pub(crate) fn take_fresh(&mut self) -> Option<Annotations> {
        let fresh = self.fresh.as_mut().filter(|fresh| fresh.len() > 0)?;
        Some(std::mem::take(fresh))
    }

    /// How many notes there are.
    pub(crate) fn len(&self) -> u64 {
        self.count + self.plain.len()
    }

    /// Something is wrong with all of a row.
    #[inline]
    pub fn add(&mut self, row: RowId, code: Code, text: &Sentence) {
        self.add_range(row, code, text, None);
    }

    /// Something is wrong with a row, or with these of its bytes.
    pub fn add_range(&mut self, row: RowId, code: Code, text: &Sentence, range: Option<Range<u64>>) {
        if let Some(fresh) = &mut self.fresh {
            fresh.add_range(row, code, text, range.clone());
        }
        let is_ranged = range.is_some();
        let range = range.map_or((0, 0), |range| (range.start, range.end.saturating_sub(range.start)));
        let (mut numbers, mut owned) = ([0; 3], String::new());
        let found = text.pattern().and_then(|(pattern, given)| {
            numbers.iter_mut().zip(given).for_each(|(number, given)| *number = *given);
            let count = u8::try_from(given.len()).unwrap_or(3);
            self.pattern_of(Kind { code, sentence: Some(pattern), count, is_ranged })
        });
        let found = found.or_else(|| {
            (numbers, owned) = ([0; 3], text.to_string());
            self.pattern_of(Kind { code, sentence: None, count: 0, is_ranged })
        });
        if let Some(pattern) = found {
            self.record(&Note { row: row.number(), pattern, numbers, text: &owned, range });
        }
    }

    /// Appends a note.
    fn record(&mut self, note: &Note<'_>) {
        let kind = self.patterns.get(note.pattern as usize).map(|pattern| pattern.kind);
        let is_plain = kind.is_some_and(|kind| kind.sentence.is_some() && kind.count == 0 && !kind.is_ranged);
        let before = if is_plain {
            match self.plain.set(note.row, note.pattern) {
                BitChange::Set => return,
                BitChange::Replaced(before) => return self.push(&plain_note(note.row, before)),
                BitChange::Full(before) => before,
            }
        } else if self.plain.is_empty() {
            None
        } else {
            self.plain.take(note.row)
        };
        if let Some(before) = before {
            self.push(&plain_note(note.row, before));
        }
        self.push(note);
    }

    /// Drops the notes about some rows.
    pub fn retain(&mut self, keep: impl Fn(RowId) -> bool) {
        let keep = |row: u32| keep(row.into());
        self.plain.retain(keep);
        let all = self.take();
        all.drain(|note| {
            if keep(note.row) {
                self.push(note);
            }
        });
    }

    /// The rows have got other numbers.
    pub fn renumber(&mut self, new: impl Fn(RowId) -> RowId) {
        let new = |row: u32| new(row.into()).number();
        self.plain.renumber(new);
        let all = self.take();
        all.drain(|note| self.push(&Note { row: new(note.row), ..*note }));
    }

    /// Appends the notes of another log.
    pub fn append(&mut self, other: Annotations) {
        if self.count == 0 && self.plain.is_empty() {
            *self = other;
            return;
        }
        // The notes of others about the same rows are later.
        let plain = std::mem::take(&mut self.plain);
        plain.iter().for_each(|(row, pattern)| self.push(&plain_note(row, pattern)));
        let kinds: Vec<Kind> = other.patterns.iter().map(|pattern| pattern.kind).collect();
        let mut numbers: Vec<Option<u32>> = vec![None; kinds.len()];
        other.drain_all(|note| {
            let place = note.pattern as usize;
            let (Some(kind), Some(number)) = (kinds.get(place), numbers.get_mut(place)) else { return };
            if number.is_none() {
                *number = self.pattern_of(*kind);
            }
            if let Some(pattern) = *number {
                self.record(&Note { pattern, ..*note });
            } else if let Some(pattern) = kind.sentence {
                let numbers = note.numbers.get(..usize::from(kind.count)).unwrap_or_default();
                let (start, length) = note.range;
                let range = kind.is_ranged.then_some(start..start.saturating_add(length));
                self.add_range(note.row.into(), kind.code, &Sentence::of(pattern, numbers), range);
            }
        });
    }

    /// None of its notes, and the same patterns under the same numbers.
    fn emptied(&self) -> Annotations {
        let new = |known: &Pattern| Pattern::new(known.kind);
        Annotations { patterns: self.patterns.iter().map(new).collect(), ..Annotations::default() }
    }

    /// Takes all that has no bit.
    fn take(&mut self) -> Annotations {
        let empty = Annotations { plain: std::mem::take(&mut self.plain), ..self.emptied() };
        std::mem::replace(self, empty)
    }

    /// All was sentence: puts it in the order of the rows, and leaves out what is too much for a single row.
    pub fn sort(&mut self) {
        if self.is_unsorted || self.is_crowded {
            let mut sorted = Sorted { all: self.emptied(), row: 0, codes: Vec::new() };
            sorted.take(self.take());
            sorted.all.plain = std::mem::take(&mut self.plain);
            *self = sorted.all;
        }
        self.thin_out();
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.shrink();
        }
        self.chunks.shrink_to_fit();
    }

    /// A bit is the last note of its row: it is cleared where the row has too many notes of its code already.
    fn thin_out(&mut self) {
        if self.plain.is_empty() || !self.is_full {
            return;
        }
        let code_of = |pattern: u32| self.patterns.get(pattern as usize).map(|known| known.kind.code);
        let (mut row, mut count, mut much) = (0, 0, Vec::new());
        for note in self.chunks.iter().flat_map(|chunk| chunk.notes(0, &self.patterns)) {
            count = if note.row == row { count + 1 } else { 1 };
            row = note.row;
            if count == PROBLEMS_A_ROW
                && let Some(pattern) = self.plain.of(row)
            {
                much.push((row, code_of(pattern)));
            }
        }
        for (row, code) in much {
            let before = self.of_log(row, 0).filter(|problem| Some(problem.code) == code).count();
            if before >= PROBLEMS_A_ROW {
                self.plain.take(row);
            }
        }
    }

    /// The rows with the codes of their notes, in the order in which these are stored.
    pub fn codes(&self) -> impl Iterator<Item = (RowId, Code)> + '_ {
        let notes = self.chunks.iter().flat_map(|chunk| chunk.notes(0, &self.patterns));
        let mut notes = notes.map(|note| (note.row, note.pattern)).peekable();
        let mut plain = self.plain.iter().peekable();
        let all = std::iter::from_fn(move || match (notes.peek(), plain.peek()) {
            (Some((row, _)), Some((bit, _))) if bit < row => plain.next(),
            (Some(_), _) => notes.next(),
            (None, _) => plain.next(),
        });
        all.filter_map(|(row, pattern)| Some((row.into(), self.patterns.get(pattern as usize)?.kind.code)))
    }

    /// The problems of a row of that length, once all is [sorted](Annotations::sort).
    pub fn of(&self, row: RowId, length: u64) -> impl Iterator<Item = Problem> + '_ {
        let row = row.number();
        let plain = self.plain.of(row).and_then(|pattern| {
            let kind = self.patterns.get(pattern as usize)?.kind;
            let range = 0..usize::try_from(length).unwrap_or(usize::MAX);
            Some(Problem { code: kind.code, range, text: kind.sentence?.to_owned() })
        });
        self.of_log(row, length).chain(plain)
    }

    fn of_log(&self, row: u32, length: u64) -> impl Iterator<Item = Problem> + '_ {
        let is_before = |chunk: &Chunk| chunk.blocks.first().is_some_and(|block| block.first_row < row);
        let chunk = self.chunks.partition_point(is_before).saturating_sub(1);
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        let begins = move |chunk: &&Chunk| chunk.blocks.first().is_some_and(|block| block.first_row <= row);
        let notes = chunks.iter().take_while(begins).flat_map(move |chunk| {
            let block = chunk.blocks.partition_point(|block| block.first_row < row).saturating_sub(1);
            chunk.notes(block, &self.patterns)
        });
        let of_row = notes.skip_while(move |note| note.row < row).take_while(move |note| note.row == row);
        of_row.filter_map(move |note| {
            let Kind { code, sentence, count, is_ranged } = self.patterns.get(note.pattern as usize)?.kind;
            let place = |at: u64| usize::try_from(at.min(length)).unwrap_or(usize::MAX);
            let (start, bytes) = if is_ranged { note.range } else { (0, length) };
            let numbers = note.numbers.get(..usize::from(count)).unwrap_or_default();
            let text = sentence
                .map_or_else(|| note.text.to_owned(), |pattern| Sentence::of(pattern, numbers).to_string());
            Some(Problem { code, range: place(start)..place(start.saturating_add(bytes)), text })
        })
    }

    /// Gives all notes, those of each row in their order.
    fn drain_all(mut self, mut take: impl FnMut(&Note<'_>)) {
        let plain = std::mem::take(&mut self.plain);
        self.drain(&mut take);
        plain.iter().for_each(|(row, pattern)| take(&plain_note(row, pattern)));
    }

    /// Gives all that has no bit and stores none: memory is given back on the way.
    fn drain(self, mut take: impl FnMut(&Note<'_>)) {
        for chunk in self.chunks {
            chunk.notes(0, &self.patterns).for_each(|note| take(&note));
        }
    }

    #[inline]
    fn push(&mut self, note: &Note<'_>) {
        self.count_in(note.row);
        let Some(bytes) = begin_note(&mut self.chunks, &mut self.last, note.row) else { return };
        let Some(pattern) = self.patterns.get_mut(note.pattern as usize) else {
            debug_assert!(false, "pattern {} of {}", note.pattern, self.patterns.len());
            return;
        };
        if pattern.block != self.last.blocks {
            pattern.block = self.last.blocks;
            pattern.numbers = [0; 3];
            pattern.text.clear();
        }
        let step = note.row.wrapping_sub(self.last.row);
        let short = u8::try_from(note.pattern).unwrap_or(LONG).min(LONG);
        let first = short << 4 | u8::from(step == self.last.step);
        let first_place = bytes.len();
        bytes.push(first);
        if short == LONG {
            put(bytes, note.pattern.into());
        }
        if step != self.last.step {
            put(bytes, zigzag(i64::from(step.cast_signed())));
        }
        (self.last.row, self.last.step) = (note.row, step);
        let mut mask = 0;
        if pattern.kind.count > 0 {
            for (bit, rest) in difference(note.numbers, pattern.numbers).into_iter().enumerate() {
                if rest != 0 {
                    mask |= 1 << bit;
                    put(bytes, rest);
                }
            }
            pattern.numbers = note.numbers;
        } else if pattern.kind.sentence.is_none() && pattern.text != note.text {
            mask = 1;
            put(bytes, note.text.len() as u64);
            bytes.extend_from_slice(note.text.as_bytes());
            note.text.clone_into(&mut pattern.text);
        }
        if mask != 0
            && let Some(place) = bytes.get_mut(first_place)
        {
            *place = first | mask << 1;
        }
        if pattern.kind.is_ranged {
            put(bytes, note.range.0);
            put(bytes, note.range.1);
        }
    }

    /// The number of a pattern; None if there are too many.
    #[inline]
    fn pattern_of(&mut self, kind: Kind) -> Option<u32> {
        if self.patterns.get(self.last.pattern as usize).is_some_and(|known| known.kind.is(kind)) {
            return Some(self.last.pattern);
        }
        self.other_pattern(kind)
    }

    fn other_pattern(&mut self, kind: Kind) -> Option<u32> {
        let known = self.patterns.iter().position(|known| known.kind.is(kind));
        if known.is_none() && kind.sentence.is_some() && self.patterns.len() >= MOST_PATTERNS {
            return None;
        }
        let number = known.unwrap_or_else(|| {
            self.patterns.push(Pattern::new(kind));
            self.patterns.len() - 1
        });
        self.last.pattern = u32::try_from(number).ok()?;
        Some(self.last.pattern)
    }

    #[inline]
    fn count_in(&mut self, row: u32) {
        if self.count == 0 {
            (self.least, self.greatest, self.last.of_row) = (row, row, 0);
        } else if row != self.last.row {
            self.is_unsorted |= row < self.last.row;
            (self.least, self.greatest) = (self.least.min(row), self.greatest.max(row));
            self.last.of_row = 0;
        }
        self.count += 1;
        self.last.of_row = self.last.of_row.saturating_add(1);
        self.is_crowded |= self.last.of_row as usize > PROBLEMS_A_ROW;
        self.is_full |= self.last.of_row as usize >= PROBLEMS_A_ROW;
    }
}
