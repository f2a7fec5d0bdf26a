//! What is said of rows, in a few bytes each: as differences from what was said before.
//!
//! Notes are kept in the order in which they are said, in blocks that are read on their own, each with its first row in a
//! directory. A note is
//!
//! ```text
//! 1 byte   pattern (4 bits; 15: as a number behind it), which numbers differ (3 bits), whether the row is as far on as the last was (1 bit)
//! number   how many rows on from the last note's, if that differs
//! numbers  how much more than in the last note of the pattern, those that differ
//! text     if it is none of a pattern and not the last one: its length, and it
//! range    of the row's bytes, if it is not all of them: start and length
//! ```
//!
//! where numbers are LEB128, and signed ones have their sign in the lowest bit. The third number is taken as far on as the second.
//! What is said of all of a row in words that are always the same is a bit instead.

use std::ops::Range;

use framescope_parser::{Code, Problem, Sentence};

use super::plain::{Plain, Said};

/// More problems of one kind than this are not listed for a single row.
const PROBLEMS_A_ROW: usize = 4;

/// A block ends with this many notes, or with so many bytes.
const NOTES_A_BLOCK: u32 = 128;
const BYTES_A_BLOCK: usize = 4096;
/// No block begins in a chunk behind this many bytes.
const BYTES_A_CHUNK: usize = 60 << 10;
/// More patterns are kept as texts.
const MOST_PATTERNS: usize = 256;
/// The pattern that says that its number follows.
const LONG: u8 = 15;
/// So many notes are put in order at once.
const SORTED_AT_ONCE: u64 = 1 << 16;

/// Problems of rows beside what their own bytes show.
#[derive(Debug, Default)]
pub struct Annotations {
    patterns: Vec<Pattern>,
    /// What was said last of a row, if it is always the same of such rows.
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
}

/// What notes have in common.
#[derive(Clone, Copy, Debug)]
struct Kind {
    code: Code,
    /// None where each has its own text.
    said: Option<&'static str>,
    /// How many numbers.
    count: u8,
    /// Whether it is of some bytes of the row.
    is_ranged: bool,
}

impl Kind {
    #[inline]
    fn is(self, other: Kind) -> bool {
        let same = match (self.said, other.said) {
            (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
            (one, other) => one.is_none() && other.is_none(),
        };
        (self.code, self.count, self.is_ranged) == (other.code, other.count, other.is_ranged) && same
    }
}

/// A kind of notes, and what the last one said.
#[derive(Debug)]
struct Pattern {
    kind: Kind,
    /// The block in which it was used last.
    block: u64,
    numbers: [u64; 3],
    text: String,
}

impl Pattern {
    fn new(kind: Kind) -> Pattern {
        Pattern { kind, block: 0, numbers: [0; 3], text: String::new() }
    }
}

#[derive(Debug, Default)]
struct Last {
    pattern: u32,
    row: u32,
    step: u32,
    /// How many notes of the row stand one after another.
    of_row: u32,
    /// How many blocks were begun, and how many notes the last one has.
    blocks: u64,
    in_block: u32,
}

#[derive(Debug, Default)]
struct Chunk {
    blocks: Vec<Block>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    first_row: u32,
    start: u32,
}

/// Something that is said of a row.
#[derive(Clone, Copy, Debug)]
struct Note<'a> {
    row: u32,
    /// The number of its pattern.
    pattern: u32,
    numbers: [u64; 3],
    /// What is said, if the pattern does not say it.
    text: &'a str,
    /// Where in the row it is, and how many bytes, if the pattern has a range.
    range: (u64, u64),
}

impl Annotations {
    /// Something is wrong with all of a row.
    #[inline]
    pub fn add(&mut self, row: u32, code: Code, text: &Sentence) {
        self.add_range(row, code, text, None);
    }

    /// Something is wrong with a row, or with these of its bytes.
    pub fn add_range(&mut self, row: u32, code: Code, text: &Sentence, range: Option<Range<u64>>) {
        let is_ranged = range.is_some();
        let range = range.map_or((0, 0), |range| (range.start, range.end.saturating_sub(range.start)));
        let (mut numbers, mut owned) = ([0; 3], String::new());
        let found = text.pattern().and_then(|(pattern, given)| {
            numbers.iter_mut().zip(given).for_each(|(number, given)| *number = *given);
            let count = u8::try_from(given.len()).unwrap_or(3);
            self.pattern_of(Kind { code, said: Some(pattern), count, is_ranged })
        });
        let found = found.or_else(|| {
            (numbers, owned) = ([0; 3], text.to_string());
            self.pattern_of(Kind { code, said: None, count: 0, is_ranged })
        });
        if let Some(pattern) = found {
            self.say(&Note { row, pattern, numbers, text: &owned, range });
        }
    }

    /// Takes a note behind all others.
    fn say(&mut self, note: &Note<'_>) {
        let kind = self.patterns.get(note.pattern as usize).map(|pattern| pattern.kind);
        let is_plain = kind.is_some_and(|kind| kind.said.is_some() && kind.count == 0 && !kind.is_ranged);
        let before = if is_plain {
            match self.plain.say(note.row, note.pattern) {
                Said::Kept => return,
                Said::Instead(before) => return self.push(&plain_note(note.row, before)),
                Said::Not(before) => before,
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

    /// Forgets what was said of some rows.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.plain.retain(&keep);
        let all = self.take();
        all.drain(|note| {
            if keep(note.row) {
                self.push(note);
            }
        });
    }

    /// The rows have got other numbers.
    pub fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        self.plain.renumber(&new);
        let all = self.take();
        all.drain(|note| self.push(&Note { row: new(note.row), ..*note }));
    }

    /// Takes what others said, behind what was said here.
    pub fn append(&mut self, other: Annotations) {
        if self.count == 0 && self.plain.is_empty() {
            *self = other;
            return;
        }
        // What others said of the same rows was said later.
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
                self.say(&Note { pattern, ..*note });
            } else if let Some(said) = kind.said {
                let numbers = note.numbers.get(..usize::from(kind.count)).unwrap_or_default();
                let (start, length) = note.range;
                let range = kind.is_ranged.then_some(start..start.saturating_add(length));
                self.add_range(note.row, kind.code, &Sentence::of(said, numbers), range);
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

    /// All was said: puts it in the order of the rows, and leaves out what is too much for a single row.
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

    /// What has a bit was said last: not where the same is said of the row too often already.
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

    /// The rows and what is said of them, in the order in which it is kept.
    pub fn codes(&self) -> impl Iterator<Item = (u32, Code)> + '_ {
        let notes = self.chunks.iter().flat_map(|chunk| chunk.notes(0, &self.patterns));
        let mut notes = notes.map(|note| (note.row, note.pattern)).peekable();
        let mut plain = self.plain.iter().peekable();
        let all = std::iter::from_fn(move || match (notes.peek(), plain.peek()) {
            (Some((row, _)), Some((bit, _))) if bit < row => plain.next(),
            (Some(_), _) => notes.next(),
            (None, _) => plain.next(),
        });
        all.filter_map(|(row, pattern)| Some((row, self.patterns.get(pattern as usize)?.kind.code)))
    }

    /// The problems of a row of that length, once all is [sorted](Annotations::sort).
    pub fn of(&self, row: u32, length: u64) -> impl Iterator<Item = Problem> + '_ {
        let plain = self.plain.of(row).and_then(|pattern| {
            let kind = self.patterns.get(pattern as usize)?.kind;
            let range = 0..usize::try_from(length).unwrap_or(usize::MAX);
            Some(Problem { code: kind.code, range, text: kind.said?.to_owned() })
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
            let Kind { code, said, count, is_ranged } = self.patterns.get(note.pattern as usize)?.kind;
            let place = |at: u64| usize::try_from(at.min(length)).unwrap_or(usize::MAX);
            let (start, bytes) = if is_ranged { note.range } else { (0, length) };
            let numbers = note.numbers.get(..usize::from(count)).unwrap_or_default();
            let text =
                said.map_or_else(|| note.text.to_owned(), |said| Sentence::of(said, numbers).to_string());
            Some(Problem { code, range: place(start)..place(start.saturating_add(bytes)), text })
        })
    }

    /// Gives all, in an order in which it may have been said.
    fn drain_all(mut self, mut take: impl FnMut(&Note<'_>)) {
        let plain = std::mem::take(&mut self.plain);
        self.drain(&mut take);
        plain.iter().for_each(|(row, pattern)| take(&plain_note(row, pattern)));
    }

    /// Gives all that has no bit and keeps none: memory is given back on the way.
    fn drain(self, mut take: impl FnMut(&Note<'_>)) {
        for chunk in self.chunks {
            chunk.notes(0, &self.patterns).for_each(|note| take(&note));
        }
    }

    #[inline]
    fn push(&mut self, note: &Note<'_>) {
        self.count_in(note.row);
        let Some(bytes) = begin_note(&mut self.chunks, &mut self.last, note.row) else { return };
        let Some(pattern) = self.patterns.get_mut(note.pattern as usize) else { return };
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
        } else if pattern.kind.said.is_none() && pattern.text != note.text {
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
        if known.is_none() && kind.said.is_some() && self.patterns.len() >= MOST_PATTERNS {
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

/// What a bit says.
fn plain_note(row: u32, pattern: u32) -> Note<'static> {
    Note { row, pattern, numbers: [0; 3], text: "", range: (0, 0) }
}

/// Where a note is written to: a new block where the last one is full.
#[inline]
fn begin_note<'c>(chunks: &'c mut Vec<Chunk>, last: &mut Last, row: u32) -> Option<&'c mut Vec<u8>> {
    let is_full = |chunk: &Chunk| {
        let start = chunk.blocks.last().map_or(0, |block| block.start as usize);
        last.in_block >= NOTES_A_BLOCK || chunk.bytes.len() - start >= BYTES_A_BLOCK
    };
    if chunks.last().is_none_or(is_full) {
        begin_block(chunks, last, row);
    }
    last.in_block += 1;
    chunks.last_mut().map(|chunk| &mut chunk.bytes)
}

#[cold]
fn begin_block(chunks: &mut Vec<Chunk>, last: &mut Last, row: u32) {
    let is_full = |chunk: &Chunk| chunk.bytes.len() >= BYTES_A_CHUNK;
    if chunks.last().is_none_or(is_full) {
        chunks.last_mut().into_iter().for_each(Chunk::shrink);
        chunks.push(Chunk::default());
    }
    if let Some(chunk) = chunks.last_mut() {
        let start = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
        chunk.blocks.push(Block { first_row: row, start });
    }
    *last = Last { row: row.wrapping_sub(1), step: 1, blocks: last.blocks + 1, in_block: 0, ..*last };
}

impl Chunk {
    /// Its notes from a block on.
    fn notes<'a>(&'a self, block: usize, patterns: &'a [Pattern]) -> Notes<'a> {
        let blocks = self.blocks.get(block..).unwrap_or_default();
        Notes { patterns, bytes: &self.bytes, blocks, rest: &[], row: 0, step: 0, states: Vec::new() }
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }
}

/// Reads the notes of a chunk.
struct Notes<'a> {
    patterns: &'a [Pattern],
    bytes: &'a [u8],
    /// Those that were not begun.
    blocks: &'a [Block],
    /// What was not read of the last one that was.
    rest: &'a [u8],
    row: u32,
    step: u32,
    /// What each pattern said last.
    states: Vec<State<'a>>,
}

#[derive(Clone, Copy, Default)]
struct State<'a> {
    numbers: [u64; 3],
    text: &'a str,
}

impl<'a> Iterator for Notes<'a> {
    type Item = Note<'a>;

    fn next(&mut self) -> Option<Note<'a>> {
        if self.rest.is_empty() {
            let (block, others) = self.blocks.split_first()?;
            let end = others.first().map_or(self.bytes.len(), |next| next.start as usize);
            self.rest = self.bytes.get(block.start as usize..end)?;
            self.blocks = others;
            (self.row, self.step) = (block.first_row.wrapping_sub(1), 1);
            self.states.clear();
            self.states.resize(self.patterns.len(), State::default());
        }
        let rest = &mut self.rest;
        let first = byte(rest)?;
        let number = match first >> 4 {
            LONG => usize::try_from(take(rest)).ok()?,
            short => usize::from(short),
        };
        let (pattern, state) = (self.patterns.get(number)?, self.states.get_mut(number)?);
        if first & 1 == 0 {
            self.step = u32::try_from(unzigzag(take(rest)) & i64::from(u32::MAX)).ok()?;
        }
        self.row = self.row.wrapping_add(self.step);
        let mask = first >> 1 & 7;
        if mask != 0 && pattern.kind.said.is_none() {
            let length = usize::try_from(take(rest)).ok()?;
            let (text, others) = rest.split_at_checked(length)?;
            state.text = std::str::from_utf8(text).ok()?;
            *rest = others;
        } else if mask != 0 {
            let mut rests = [0; 3];
            for (bit, number) in rests.iter_mut().enumerate() {
                if mask >> bit & 1 == 1 {
                    *number = take(rest);
                }
            }
            state.numbers = sum(state.numbers, rests);
        }
        let State { numbers, text } = *state;
        let range = if pattern.kind.is_ranged { (take(rest), take(rest)) } else { (0, 0) };
        let pattern = u32::try_from(number).ok()?;
        Some(Note { row: self.row, pattern, numbers, text, range })
    }
}

/// Notes that are put in order.
struct Sorted {
    all: Annotations,
    row: u32,
    /// The codes of the row, each as often as it was said.
    codes: Vec<Code>,
}

impl Sorted {
    /// Takes notes whose rows are all greater than those before. Where they are too many to be put in order at once, by parts of
    /// their rows.
    fn take(&mut self, notes: Annotations) {
        if !notes.is_unsorted {
            notes.drain(|note| self.push(note));
            return;
        }
        let least = notes.least;
        let rows = notes.greatest.abs_diff(least);
        if notes.count <= SORTED_AT_ONCE {
            let mut all: Vec<Note<'_>> = Vec::with_capacity(usize::try_from(notes.count).unwrap_or(0));
            for chunk in &notes.chunks {
                chunk.notes(0, &notes.patterns).for_each(|note| all.push(note));
            }
            for place in order(&all, least, rows) {
                all.get(place as usize).into_iter().for_each(|note| self.push(note));
            }
            return;
        }
        // Parts as large as can be put in order at once, if they are about the same.
        let bits = (notes.count / (SORTED_AT_ONCE / 2)).ilog2().clamp(1, 8);
        let shift = (u32::BITS - rows.leading_zeros()).saturating_sub(bits);
        let mut parts: Vec<Annotations> = (0..=rows >> shift).map(|_| notes.emptied()).collect();
        notes.drain(|note| {
            if let Some(part) = parts.get_mut((note.row.abs_diff(least) >> shift) as usize) {
                part.push(note);
            }
        });
        parts.into_iter().for_each(|part| self.take(part));
    }

    #[inline]
    fn push(&mut self, note: &Note<'_>) {
        let Some(pattern) = self.all.patterns.get(note.pattern as usize) else { return };
        let code = pattern.kind.code;
        if note.row != self.row {
            self.row = note.row;
            self.codes.clear();
        }
        let is_much = self.codes.len() >= PROBLEMS_A_ROW
            && self.codes.iter().filter(|one| **one == code).count() >= PROBLEMS_A_ROW;
        if !is_much {
            self.codes.push(code);
            self.all.push(note);
        }
    }
}

/// The places of notes in the order of their rows, which are up to `rows` from the least: those of each row are counted, unless the
/// rows are far apart.
fn order(notes: &[Note<'_>], least: u32, rows: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(notes.len()).unwrap_or(u32::MAX)).collect();
    if rows as usize > notes.len().saturating_mul(4) {
        order.sort_by_key(|&place| notes.get(place as usize).map(|note| note.row));
        return order;
    }
    let mut begins = vec![0u32; rows as usize + 2];
    for note in notes {
        begins.get_mut(note.row.abs_diff(least) as usize + 1).into_iter().for_each(|count| *count += 1);
    }
    let mut sum = 0;
    for begin in &mut begins {
        sum += *begin;
        *begin = sum;
    }
    for (note, place) in notes.iter().zip(0..) {
        let Some(begin) = begins.get_mut(note.row.abs_diff(least) as usize) else { continue };
        order.get_mut(*begin as usize).into_iter().for_each(|there| *there = place);
        *begin += 1;
    }
    order
}

/// How much further on numbers are; zero for each that is as far on as is expected.
fn difference(numbers: [u64; 3], before: [u64; 3]) -> [u64; 3] {
    let ([a, b, c], [x, y, z]) = (numbers, before);
    let (second, third) = (b.wrapping_sub(y), c.wrapping_sub(z));
    let steps = [a.wrapping_sub(x), second, third.wrapping_sub(second)];
    steps.map(|step| zigzag(step.cast_signed()))
}

/// What [`difference`] was made of.
fn sum(before: [u64; 3], difference: [u64; 3]) -> [u64; 3] {
    let [x, y, z] = before;
    let [first, second, third] = difference.map(|step| unzigzag(step).cast_unsigned());
    [x.wrapping_add(first), y.wrapping_add(second), z.wrapping_add(second).wrapping_add(third)]
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[inline]
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

#[inline]
fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[inline]
fn take(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = byte(bytes) {
        number |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    number
}

#[cfg(test)]
mod tests;
