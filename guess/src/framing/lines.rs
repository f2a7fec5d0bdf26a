//! Messages of lines: a first line, and the lines or bytes that a mark in it or its first word says to follow.

use std::collections::BTreeMap;

use super::Next;

/// How messages are made of lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lines {
    /// What ends a line.
    pub end: Vec<u8>,
    /// What says that lines follow, up to one that begins alike and does not have it.
    pub mark: Option<Mark>,
    /// What follows a line that begins with one of these words.
    pub words: BTreeMap<Vec<u8>, Follow>,
}

/// A byte of a line, behind a code of several bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// How many bytes come before it.
    pub at: usize,
    /// It.
    pub byte: u8,
}

/// What follows a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Follow {
    /// Bytes, and the end of a line: as many as this word of the line says.
    pub counted: Option<Word>,
    /// More lines, up to this one.
    pub through: Option<Vec<u8>>,
    /// A message of its own: lines up to this one.
    pub apart: Option<Vec<u8>>,
}

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// The one after so many others.
    At(usize),
    /// The last.
    Last,
}

/// A line, and the bytes that it says to follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit<'b> {
    /// Without its end.
    pub(super) line: &'b [u8],
    /// All of it.
    pub(super) length: usize,
}

/// More digits are no count of bytes.
const DIGITS: usize = 8;

/// The first word of a line.
pub(super) fn first_word(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// The number that a word is.
pub(super) fn decimal(word: &[u8]) -> Option<usize> {
    if word.is_empty() || word.len() > DIGITS || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

impl Word {
    /// The word in a line.
    pub(super) fn of(self, line: &[u8]) -> Option<&[u8]> {
        let mut words = line.split(|byte| *byte == b' ');
        match self {
            Word::At(number) => words.nth(number),
            Word::Last => words.next_back(),
        }
    }
}

impl Lines {
    /// Lines of which each is a message.
    pub(super) fn plain(end: &[u8]) -> Lines {
        Lines { end: end.to_vec(), mark: None, words: BTreeMap::new() }
    }

    /// The line that `bytes` begin with, with what it says to follow. None if it is cut.
    pub(super) fn unit<'b>(&self, bytes: &'b [u8]) -> Option<Unit<'b>> {
        let at = memchr::memmem::find(bytes, &self.end)?;
        let line = bytes.get(..at)?;
        let mut length = at + self.end.len();
        let follow = if self.words.is_empty() { None } else { self.words.get(first_word(line)) };
        if let Some(count) = follow.and_then(|follow| follow.counted).and_then(|word| decimal(word.of(line)?))
        {
            length += count;
            if !bytes.get(length..)?.starts_with(&self.end) {
                return None;
            }
            length += self.end.len();
        }
        Some(Unit { line, length })
    }

    /// The message that `bytes` begin with, after the message `before`.
    pub(super) fn next(&self, bytes: &[u8], before: &[u8]) -> Next {
        self.total(bytes, before).map_or(Next::Cut, Next::Message)
    }

    fn total(&self, bytes: &[u8], before: &[u8]) -> Option<usize> {
        let follow = |line: &[u8]| self.words.get(first_word(line));
        let mut at = 0;
        if let Some(last) = self.unit(before).and_then(|unit| follow(unit.line)?.apart.as_deref()) {
            let plain = Lines::plain(&self.end);
            loop {
                let unit = plain.unit(bytes.get(at..)?)?;
                at += unit.length;
                if unit.line == last {
                    return Some(at);
                }
            }
        }
        let first = self.unit(bytes)?;
        at += first.length;
        if let Some(mark) = self.mark.filter(|mark| first.line.get(mark.at) == Some(&mark.byte)) {
            let code = first.line.get(..mark.at)?;
            loop {
                let unit = self.unit(bytes.get(at..)?)?;
                at += unit.length;
                if unit.line.starts_with(code) && unit.line.get(mark.at) != Some(&mark.byte) {
                    return Some(at);
                }
            }
        }
        if let Some(last) = follow(first.line).and_then(|follow| follow.through.as_deref()) {
            loop {
                let unit = self.unit(bytes.get(at..)?)?;
                at += unit.length;
                if unit.line == last {
                    return Some(at);
                }
            }
        }
        Some(at)
    }
}
