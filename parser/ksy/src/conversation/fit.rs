//! In which state a direction is after bytes that may have changed it: the one that fits what follows best.

use std::num::NonZeroUsize;

use framescope_parser::{Captured, Code, Kind, Measure, Protocol, Role, Severity, Value, Visit};

use super::Talk;
use super::members;
use core::fmt;
use core::ops::Range;

/// How many bytes are looked at, at most.
const WINDOW: usize = 4096;

/// How well bytes fit a state. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// No message begins here.
    None,
    /// A message does, and something is wrong in it.
    Faulty(u32),
    /// A message does, which is too long to look at all of it.
    Open(u32),
    /// A message does, without a fault. The number is the evidence in bits.
    Whole(u32),
}

impl Talk {
    /// Chooses the state in which the next message of a direction is read, the present one first. Returns how many more
    /// bytes are needed for that: it is the same choice however the bytes are split.
    pub(super) fn decide(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        let window = bytes.get(..WINDOW).unwrap_or(bytes);
        let is_all = last && window.len() == bytes.len() || window.len() == WINDOW;
        let side = self.side(role);
        let present = side.state;
        let own = match self.fit(role, present, window, is_all) {
            Ok(Fit::Whole(_)) => {
                self.decided(role, present);
                return None;
            }
            Ok(fit) => fit,
            Err(more) => return Some(more),
        };
        let (mut best, mut chosen) = (own, present);
        for state in members(side.may_be).filter(|&state| state != present) {
            match self.fit(role, state, window, is_all) {
                Ok(fit) if fit > best => (best, chosen) = (fit, state),
                Ok(_) => {}
                Err(more) => return Some(more),
            }
        }
        // Where nothing fits, the bytes are no message of any of them, and nothing is known after them either.
        if best != Fit::None {
            self.decided(role, chosen);
        }
        None
    }

    fn fit(&self, role: Role, state: u16, window: &[u8], is_all: bool) -> Result<Fit, NonZeroUsize> {
        let Some(own) = self.grammar.part(state) else { return Ok(Fit::Open(0)) };
        let context = self.context(role, state);
        let more = |more: usize| NonZeroUsize::new(more.max(1)).unwrap_or(NonZeroUsize::MIN);
        let (length, bits) = match own.measure(Captured::whole(window).in_context(Some(&context))) {
            Measure::Nothing => return Ok(Fit::None),
            Measure::NeedMore if !is_all => return Err(more(window.len() / 8)),
            Measure::NeedMore | Measure::Unknown => return Ok(Fit::Open(0)),
            Measure::Message { length, bits, .. } => (length.get(), bits),
        };
        let Some(message) = window.get(..length) else {
            return match is_all || length > WINDOW {
                true => Ok(Fit::Open(bits)),
                false => Err(more(length - window.len())),
            };
        };
        let mut faults = Faults::default();
        own.dissect_incomplete(Captured::whole(message).in_context(Some(&context)), &mut faults);
        Ok(if faults.any { Fit::Faulty(bits) } else { Fit::Whole(bits) })
    }
}

/// Whether anything is wrong in a message.
#[derive(Default)]
struct Faults {
    any: bool,
}

impl<'a> Visit<'a> for Faults {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn end(&mut self) {}

    fn problem(&mut self, code: Code, _: Range<usize>, _: fmt::Arguments<'_>) {
        self.any |= code.info().severity == Severity::Error;
    }

    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}
