//! The state of a program that reads a message, and what longer steps do.

use std::cell::Cell;

use crate::checks;
use crate::program::evaluate::{pack, unpack};
use crate::program::records::{Content, Sink};
use crate::program::step::{Arg, Checked, Chunk, Kind, Load, NONE, Processing, Register};
use crate::program::{Found, Given, Program};
use crate::run::MOST_DERIVED;
use crate::run::extent::{find, is_tail, trimmed};
use crate::strings::Charset;

/// The state of a program that reads a message.
pub(super) struct Machine<'m, S, const N: usize> {
    pub(super) program: &'m Program,
    pub(super) message: &'m [u8],
    given: Given<'m>,
    pub(super) sink: &'m mut S,
    pub(super) values: [i64; N],
    /// Which registers have a value.
    pub(super) known: [bool; N],
    /// How much work is left, counted as the interpreter does, or more.
    fuel: Cell<u64>,
    /// How many bytes the interpreter would derive from others, or more.
    derived: usize,
    has_trailing_check: bool,
}

/// Fewer than eight bytes, and zeros.
#[cold]
pub(super) fn padded(bytes: &[u8]) -> [u8; 8] {
    let mut padded = [0; 8];
    padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    padded
}

/// Whether bytes are UTF-8. Most texts are ASCII, which is found out sooner.
fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

impl<'m, S: Sink, const N: usize> Machine<'m, S, N> {
    #[inline(always)]
    pub(super) fn new(
        program: &'m Program,
        given: Given<'m>,
        message: &'m [u8],
        sink: &'m mut S,
    ) -> Machine<'m, S, N> {
        Machine {
            program,
            message,
            given,
            sink,
            values: [0; N],
            known: [false; N],
            // A quarter of what the interpreter has, because not all is counted that it counts; and if it turns out that
            // there is too much work, little was done in vain.
            fuel: Cell::new((1 << 14) + 16 * message.len() as u64),
            derived: 0,
            has_trailing_check: false,
        }
    }

    #[inline]
    pub(super) fn run(&mut self) -> Option<Found> {
        let (_, end) = self.execute(self.message, 0)?;
        if let Some((kind, _)) = self.program.kind {
            let kind = self.value(kind)?;
            self.sink.notes().kind = kind;
        }
        let is_checked = self.has_trailing_check && self.sink.notes().is_empty();
        Some(Found { length: end, is_checked })
    }

    #[inline]
    pub(super) fn store(&mut self, to: Register, n: u64) {
        if let Some(value) = self.values.get_mut(usize::from(to)) {
            *value = n.cast_signed();
        }
    }

    pub(super) fn store_content(&mut self, to: Register, start: usize, length: usize) -> Option<()> {
        if to != NONE {
            self.store(to, pack(Content { is_constant: false, start, length })?.cast_unsigned());
        }
        Some(())
    }

    /// Counts work. None if there was too much of it.
    #[inline]
    pub(super) fn spend(&self, work: usize) -> Option<()> {
        self.fuel.set(self.fuel.get().checked_sub(work as u64)?);
        Some(())
    }

    /// Counts bytes that are derived from others.
    fn derive(&mut self, length: usize) -> Option<()> {
        self.derived += length;
        (self.derived <= MOST_DERIVED).then_some(())
    }

    /// The numbers of a block, all of which are there.
    #[inline]
    pub(super) fn block(&mut self, loads: &[Load], rest: &[u8], begin: usize) -> Option<()> {
        for load in loads {
            let own = rest.get(load.at.into()..)?;
            let n = load.of(own.first_chunk().copied().unwrap_or_else(|| padded(own)));
            if n.wrapping_sub(load.low) > load.span {
                return None;
            }
            self.store(load.to, n);
            if S::REPORTS {
                let at = begin + usize::from(load.at);
                self.sink.number(load.field, at, at + usize::from(load.bytes), n);
            }
        }
        Some(())
    }

    /// Text in UTF-8. When it is reported, it is tested with all others.
    pub(super) fn text(
        &mut self,
        to: Register,
        field: u16,
        own: &[u8],
        (start, end): (usize, usize),
    ) -> Option<()> {
        if !S::REPORTS && !is_utf8(own) {
            return None;
        }
        self.store_content(to, start, own.len())?;
        self.sink.text(field, start, end, own)
    }

    /// Counts an item of a list.
    #[inline]
    pub(super) fn item(&mut self, index: Register, pos: usize, cost: u16) -> Option<()> {
        // An empty item at the beginning is reported as the whole list is.
        if S::REPORTS && pos == 0 {
            return None;
        }
        self.spend(cost.into())?;
        if let Some(index) = self.values.get_mut(usize::from(index)) {
            *index += 1;
        }
        Some(())
    }

    /// How many bytes a chunk takes, and how many of them are its value.
    pub(super) fn chunk(&mut self, chunk: &Chunk, rest: &[u8]) -> Option<(usize, usize)> {
        let (taken, own, length) = match chunk.limit.terminator.as_ref().filter(|_| chunk.is_open) {
            Some(terminator) => {
                let found = find(rest, &terminator.bytes)?;
                let behind = found + terminator.bytes.len();
                let length = if terminator.include { behind } else { found };
                (if terminator.consume { behind } else { found }, rest, length)
            }
            None => {
                let size = chunk.size.map_or(Some(rest.len()), |size| self.size(size))?;
                let own = rest.get(..size)?;
                (size, own, trimmed(&chunk.limit, own))
            }
        };
        self.spend(taken / 16)?;
        let content = own.get(..length)?;
        match chunk.charset.filter(|_| chunk.is_tested) {
            None => {}
            Some(Charset::Utf8) if is_utf8(content) => {}
            Some(Charset::Ascii) if content.is_ascii() => {}
            Some(Charset::Utf8 | Charset::Ascii) => return None,
            Some(charset) => {
                self.derive(4 * length)?;
                let (text, valid) = charset.decode(content);
                let is_same = !chunk.is_told_apart
                    || charset == Charset::Latin1
                    || charset.encode(&text).is_some_and(|bytes| bytes == content);
                if !valid || !is_same {
                    return None;
                }
            }
        }
        // Bytes that can't be derived from the value are reported too.
        if S::REPORTS && chunk.is_told_apart && !chunk.is_open && !is_tail(&chunk.limit, own, length) {
            return None;
        }
        Some((taken, length))
    }

    /// Reports a computed value.
    pub(super) fn report(&mut self, field: u16, at: usize, arg: Arg, kind: Kind) -> Option<()> {
        let n = self.value(arg)?;
        match kind {
            Kind::Text | Kind::Bytes => {
                let content = unpack(n);
                self.spend(1 + content.length)?;
                self.sink.computed(field, at, content);
            }
            _ => self.sink.number(field, at, at, n.cast_unsigned()),
        }
        Some(())
    }

    pub(super) fn check(&mut self, check: &Checked, buffer: &[u8], pos: usize) -> Option<()> {
        let from = check.from.map_or(Some(0), |from| self.size(from))?;
        let own = check.own.map_or(pos.checked_sub(check.width), |own| self.size(own))?;
        let to = check.to.map_or(Some(own), |to| self.size(to))?;
        self.spend(to.checked_sub(from)? / 16)?;
        if check.algorithm.is_keyed() {
            let Some(key) = self.given.key else {
                return self.sink.notes().unverified(check.field, own, pos);
            };
            let covered = checks::covered(buffer, from, to, own..pos, self.then(check)?)?;
            return key.verifies_hmac_sha_256(&covered, self.content(check.value)?).then_some(());
        }
        self.has_trailing_check |= check.is_trailing;
        if self.given.checked {
            return Some(());
        }
        let width = u32::try_from(pos - own).ok()?;
        let covered = checks::covered(buffer, from, to, own..pos, self.then(check)?)?;
        let computed = check.algorithm.number(&covered, width)?;
        let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        (self.value(check.value)?.cast_unsigned() & mask == computed).then_some(())
    }

    /// The byte that a check covers though no message has it.
    fn then(&self, check: &Checked) -> Option<Option<u8>> {
        match check.then {
            None => Some(None),
            Some(then) => u8::try_from(self.value(then)?).ok().map(Some),
        }
    }

    /// Bytes with their processing undone.
    pub(super) fn derived(&mut self, how: Processing, bytes: &[u8]) -> Option<Vec<u8>> {
        self.spend(bytes.len() / 4)?;
        self.derive(bytes.len())?;
        let mut derived = bytes.to_vec();
        match how {
            Processing::Xor(key) => {
                let key = u8::try_from(self.value(key)?).ok()?;
                derived.iter_mut().for_each(|byte| *byte ^= key);
            }
            Processing::XorBytes(key) => {
                let key = self.content(key)?;
                if !key.is_empty() {
                    derived.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                }
            }
            Processing::Rotate(by, to_left) => {
                let by = u32::try_from(self.value(by)?.rem_euclid(8)).ok()?;
                let left = if to_left { by } else { 8 - by };
                derived.iter_mut().for_each(|byte| *byte = byte.rotate_left(left));
            }
        }
        Some(derived)
    }
}
