//! Where notes are written, one after another, and read again from the first of any block.

use super::numbers::{byte, sum, take, unzigzag};
use super::pattern::Pattern;
use super::{BYTES_A_BLOCK, BYTES_A_CHUNK, LONG, NOTES_A_BLOCK};

#[derive(Debug, Default)]
pub(super) struct Last {
    pub(super) pattern: u32,
    pub(super) row: u32,
    pub(super) step: u32,
    /// How many notes of the row follow each other.
    pub(super) of_row: u32,
    /// How many blocks were begun, and how many notes the last one has.
    pub(super) blocks: u64,
    pub(super) in_block: u32,
}

#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) blocks: Vec<Block>,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) first_row: u32,
    pub(super) start: u32,
}

/// A note about a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub(super) row: u32,
    /// The number of its pattern.
    pub(super) pattern: u32,
    pub(super) numbers: [u64; 3],
    /// Its text, if the pattern has none.
    pub(super) text: &'a str,
    /// Where in the row it is, and how many bytes, if the pattern has a range.
    pub(super) range: (u64, u64),
}

/// The note that a bit stands for.
pub(super) fn plain_note(row: u32, pattern: u32) -> Note<'static> {
    Note { row, pattern, numbers: [0; 3], text: "", range: (0, 0) }
}

/// Where a note is written to: a new block where the last one is full.
#[inline]
pub(super) fn begin_note<'c>(
    chunks: &'c mut Vec<Chunk>,
    last: &mut Last,
    row: u32,
) -> Option<&'c mut Vec<u8>> {
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
pub(super) fn begin_block(chunks: &mut Vec<Chunk>, last: &mut Last, row: u32) {
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
    pub(super) fn notes<'a>(&'a self, block: usize, patterns: &'a [Pattern]) -> Notes<'a> {
        let blocks = self.blocks.get(block..).unwrap_or_default();
        Notes { patterns, bytes: &self.bytes, blocks, rest: &[], row: 0, step: 0, states: Vec::new() }
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }
}

/// Reads the notes of a chunk.
pub(super) struct Notes<'a> {
    pub(super) patterns: &'a [Pattern],
    pub(super) bytes: &'a [u8],
    /// Those that were not begun.
    pub(super) blocks: &'a [Block],
    /// What was not read of the last one that was.
    pub(super) rest: &'a [u8],
    pub(super) row: u32,
    pub(super) step: u32,
    /// The last note of each pattern.
    pub(super) states: Vec<State<'a>>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct State<'a> {
    pub(super) numbers: [u64; 3],
    pub(super) text: &'a str,
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
        if mask != 0 && pattern.kind.sentence.is_none() {
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
