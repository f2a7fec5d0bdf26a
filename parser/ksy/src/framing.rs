//! Where described messages begin and end in a stream, also in a damaged one.
//!
//! What every message begins with, its head, tells it from other bytes: constant contents, numbers that are valid, a
//! check over it. Bytes that are no head are skipped up to the next one. A message whose check fails and that no head
//! follows had a false length: only its head is skipped. Without anything to tell a head by, the first bytes that are
//! no message lose the rest of the stream, and that is said.

use std::cell::RefCell;
use std::num::NonZeroUsize;

use framescope_parser::{Captured, Code, Input, Measure, Memo, Step};

use crate::described::Described;
use crate::load::{Head, HeadTest, HeadWhat, Meta};
use crate::plan::{Order, Shape};
use crate::run::arena::{Arena, State, Stop};
use crate::run::shape::{bits_of, integer};
use crate::run::{Mode, Run};

thread_local! {
    /// What the last message turned into; its memory serves the next.
    static ARENA: RefCell<Arena> = RefCell::new(Arena::default());
}

/// Lends an arena. One that is lent already, as it is where a visitor reads another message, is made anew.
pub(crate) fn with_arena<T>(use_it: impl FnOnce(&mut Arena) -> T) -> T {
    ARENA.with(|arena| match arena.try_borrow_mut() {
        Ok(mut arena) => use_it(&mut arena),
        Err(_) => use_it(&mut Arena::default()),
    })
}

/// Bytes of a message up to which its check decides whether its length is believed: many heads may claim the same
/// bytes, and each would have them read again.
const SUSPECT: usize = 64 << 10;

/// Bytes up to which a message whose length is not known yet is read again with every byte that comes.
const EAGER: usize = 1 << 10;

enum Probe {
    Believed,
    /// Too few bytes to say, and those there are could begin a message.
    Short,
    Nothing,
}

impl HeadTest {
    fn holds(&self, bytes: &[u8]) -> bool {
        let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize).unwrap_or_default();
        let within =
            |ranges: &[(i128, i128)], n: i128| ranges.iter().any(|&(low, high)| low <= n && n <= high);
        match &self.what {
            HeadWhat::Contents(wanted) => own == wanted.as_slice(),
            HeadWhat::Number { signed, le, ranges } => within(ranges, integer(own, *signed, *le)),
            HeadWhat::Bits { shift, count, ranges } => {
                let all = u32::try_from(own.len() * 8).unwrap_or(0);
                let skip = all.saturating_sub(shift + count);
                within(ranges, bits_of(own, skip, *count, false).into())
            }
            HeadWhat::Check { algorithm, le, from, to } => {
                let covered = bytes.get(*from as usize..*to as usize).unwrap_or_default();
                let found = integer(own, false, *le);
                algorithm.number(covered, self.length).map(i128::from) == Some(found)
            }
        }
    }
}

impl HeadTest {
    /// Makes the test hold for bytes that are long enough. `pick` chooses one of so many values.
    fn put(&self, bytes: &mut [u8], pick: &mut dyn FnMut(usize) -> usize) {
        let mut one_of = |ranges: &[(i128, i128)]| {
            let (low, high) = ranges.get(pick(ranges.len())).copied().unwrap_or((0, 0));
            let values = usize::try_from(high.saturating_sub(low)).unwrap_or(usize::MAX).saturating_add(1);
            low.saturating_add(i128::try_from(pick(values)).unwrap_or(0))
        };
        let (number, le) = match &self.what {
            HeadWhat::Contents(wanted) => {
                let own = bytes.iter_mut().skip(self.offset as usize);
                return own.zip(wanted).for_each(|(byte, wanted)| *byte = *wanted);
            }
            HeadWhat::Number { le, ranges, .. } => (one_of(ranges), *le),
            HeadWhat::Bits { shift, count, ranges } => {
                let own = bytes.get(self.offset as usize..(self.offset + self.length) as usize);
                let mask = ((1_i128 << count) - 1) << shift;
                let rest = integer(own.unwrap_or_default(), false, false) & !mask;
                (rest | one_of(ranges) << shift & mask, false)
            }
            HeadWhat::Check { algorithm, le, from, to } => {
                let covered = bytes.get(*from as usize..*to as usize).unwrap_or_default();
                let check = algorithm.number(covered, self.length).map_or(0, i128::from);
                (check, *le)
            }
        };
        let length = self.length.min(16) as usize;
        let big = number.to_be_bytes();
        let low_bytes = big.get(big.len() - length..).unwrap_or_default();
        let own = bytes.iter_mut().skip(self.offset as usize).take(length);
        match le {
            true => own.zip(low_bytes.iter().rev()).for_each(|(byte, new)| *byte = *new),
            false => own.zip(low_bytes).for_each(|(byte, new)| *byte = *new),
        }
    }
}

impl Head {
    /// Makes bytes begin as a message does.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>, pick: &mut dyn FnMut(usize) -> usize) {
        bytes.resize(bytes.len().max(self.length as usize), 0);
        let tests = || self.believe.iter().chain(self.refuse.iter().map(|(test, _)| test));
        let is_check = |test: &&HeadTest| matches!(test.what, HeadWhat::Check { .. });
        bytes.iter_mut().zip(&self.magic).for_each(|(byte, magic)| *byte = *magic);
        tests().filter(|test| !is_check(test)).for_each(|test| test.put(bytes, pick));
        // A check is over the others.
        tests().filter(is_check).for_each(|test| test.put(bytes, pick));
    }

    fn probe(&self, bytes: &[u8]) -> Probe {
        if bytes.len() >= self.length as usize {
            let believed = self.believe.iter().all(|test| test.holds(bytes));
            return if believed { Probe::Believed } else { Probe::Nothing };
        }
        if self.may_begin(bytes) { Probe::Short } else { Probe::Nothing }
    }

    /// Whether bytes that are too few for a head could be the first of one.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let magic = bytes.iter().zip(&self.magic).all(|(byte, wanted)| byte == wanted);
        let whole = |test: &&HeadTest| {
            let covers_more = matches!(test.what, HeadWhat::Check { .. });
            (test.offset + test.length) as usize <= bytes.len() && !covers_more
        };
        magic && self.believe.iter().filter(whole).all(|test| test.holds(bytes))
    }

    /// Where the next head begins, or what could be one and is cut off.
    fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let could = |at: usize| {
            matches!(self.probe(bytes.get(at..).unwrap_or_default()), Probe::Believed | Probe::Short)
        };
        if self.magic.is_empty() {
            return (from..bytes.len()).find(|&at| could(at));
        }
        let finder = memchr::memmem::Finder::new(&self.magic);
        let mut from = from;
        while let Some(found) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
            if could(from + found) {
                return Some(from + found);
            }
            from += found + 1;
        }
        // The first bytes of a magic may stand last.
        let last = bytes.len().saturating_sub(self.magic.len() - 1).max(from);
        (last..bytes.len()).find(|&at| could(at))
    }
}

fn some(length: usize) -> NonZeroUsize {
    NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)
}

/// Where a head was found behind the last message, in the stream, so that it is not looked at twice.
#[derive(Debug, Default)]
struct Seen(Option<u64>);

pub(crate) fn next(described: &Described, input: Input<'_>, memo: &mut Memo) -> Step {
    let bytes = input.bytes;
    let meta = &described.format.meta;
    let head = &meta.head;
    if meta.ends_with_segment {
        return Step::Message(some(input.first_segment.min(bytes.len())));
    }
    let seen = memo.get_or_default::<Seen>();
    let probed = match seen.0.take() {
        Some(at) if at == input.offset && bytes.len() >= head.length as usize => Probe::Believed,
        _ => head.probe(bytes),
    };
    match probed {
        Probe::Believed => {
            let refused = head.refuse.iter().find(|(test, _)| !test.holds(bytes));
            match refused {
                Some((_, code)) => Step::Skipped(some(head.length as usize), *code),
                None => believed(described, meta, input, seen),
            }
        }
        Probe::Short if !input.last => Step::NeedMore(some(head.length as usize - bytes.len())),
        Probe::Short if bytes.len() >= head.magic.len() => Step::Partial(some(bytes.len())),
        Probe::Short | Probe::Nothing if !head.is_sure() => Step::Lost,
        Probe::Short | Probe::Nothing => {
            let is_head = !head.magic.is_empty() && bytes.starts_with(&head.magic);
            let code = if is_head { Code::HeaderCheckMismatch } else { Code::NotAFrame };
            Step::Searching(some(head.find(bytes, 1).unwrap_or(bytes.len())), code)
        }
    }
}

/// No message of a sensible length begins here, though its head looks like one.
fn no_message(meta: &Meta, code: Code) -> Step {
    if !meta.head.is_sure() { Step::Lost } else { Step::Skipped(some(meta.head.length as usize), code) }
}

fn believed(described: &Described, meta: &Meta, input: Input<'_>, seen: &mut Seen) -> Step {
    let bytes = input.bytes;
    let limit = meta.limit as usize;
    let available = bytes.get(..bytes.len().min(limit + 1)).unwrap_or_default();
    let plan = &described.format.plan;
    if let Some(found) = described.ends.as_ref().and_then(|ends| ends.run(plan, available))
        && (1..=limit).contains(&found.end)
    {
        debug_assert_eq!(thorough_end(described, available), Some(found.end));
        let behind = bytes.get(found.end..).unwrap_or_default();
        if meta.trailing_checks.is_empty() {
            return Step::Message(some(found.end));
        }
        // Else its check says whether its length is believed.
        if matches!(meta.head.probe(behind), Probe::Believed) {
            seen.0 = Some(input.offset + found.end as u64);
            return Step::Message(some(found.end));
        }
    }
    with_arena(|arena| {
        let mut run = Run::new(plan, available, arena, Mode::Skim);
        let (missing, exact) = match run.read() {
            Ok(0) => return no_message(meta, Code::NoMatch),
            Ok(taken) if taken as usize > limit => return no_message(meta, Code::PayloadTooLong),
            Ok(taken) if taken as usize <= bytes.len() => {
                let step = match meta.trailing_checks.is_empty() {
                    true => Step::Message(some(taken as usize)),
                    false => suspected(meta, &run, input, taken as usize, seen),
                };
                return step;
            }
            Ok(taken) => (taken as usize - bytes.len(), true),
            Err(Stop::More(more)) => (usize::try_from(more).unwrap_or(usize::MAX), false),
            // All of it is there.
            Err(Stop::Missing) => return no_message(meta, Code::NoMatch),
            Err(Stop::Fault(fault)) => return no_message(meta, fault.code),
        };
        if bytes.len().saturating_add(missing) > limit {
            return no_message(meta, Code::PayloadTooLong);
        }
        if input.last {
            return Step::Partial(some(bytes.len()));
        }
        // Asking again only when there is markedly more keeps the work linear.
        let patience = if exact || bytes.len() <= EAGER { 0 } else { bytes.len() / 8 };
        Step::NeedMore(some(missing.max(patience)))
    })
}

/// How long the message is that begins these bytes, some of which may be missing.
pub(crate) fn measure(described: &Described, message: Captured<'_, '_>) -> Measure {
    let meta = &described.format.meta;
    let head = &meta.head;
    if meta.ends_with_segment {
        return Measure::Unknown;
    }
    let beginning = message.beginning();
    let hinted =
        head.hints.iter().filter(|(test, _)| test.holds(beginning)).map(|(_, bits)| bits).sum::<u32>();
    let found = |length: usize| Measure::Message {
        length: some(length),
        head: some(head.length as usize),
        bits: head.bits + hinted,
    };
    let Some(bytes) = message.get(0..head.length as usize) else {
        return match message.length() < head.length as usize {
            _ if !head.may_begin(beginning) => Measure::Nothing,
            true if message.is_whole() => Measure::NeedMore,
            _ => Measure::Unknown,
        };
    };
    if !matches!(head.probe(bytes), Probe::Believed) {
        return Measure::Nothing;
    }
    if head.refuse.iter().any(|(test, _)| !test.holds(bytes)) {
        return found(head.length as usize);
    }
    let (plan, limit) = (&described.format.plan, meta.limit as usize);
    if message.is_whole()
        && let Some(straight) = described.ends.as_ref().and_then(|ends| ends.run(plan, message.bytes()))
    {
        return if (1..=limit).contains(&straight.end) { found(straight.end) } else { Measure::Nothing };
    }
    with_arena(|arena| match Run::of(plan, message, arena, Mode::Skim).read() {
        Ok(taken) if (1..=limit).contains(&(taken as usize)) => found(taken as usize),
        Ok(_) | Err(Stop::Fault(_)) => Measure::Nothing,
        Err(Stop::More(_)) => Measure::NeedMore,
        Err(Stop::Missing) => Measure::Unknown,
    })
}

/// Where the thorough reader finds the end of a message that is there whole.
fn thorough_end(described: &Described, bytes: &[u8]) -> Option<usize> {
    with_arena(|arena| Run::new(&described.format.plan, bytes, arena, Mode::Skim).read().ok())
        .map(|end| end as usize)
}

/// A message whose check decides whether its length is believed.
fn suspected(meta: &Meta, run: &Run<'_, '_>, input: Input<'_>, end: usize, seen: &mut Seen) -> Step {
    let behind = input.bytes.get(end..).unwrap_or_default();
    let Some(root) = run.plan.root() else { return Step::Message(some(end)) };
    let present = meta.trailing_checks.iter().filter_map(|&slot| {
        let is_there = run.arena.slot_ref(0, slot)?.state == State::Done;
        is_there.then_some((root.attr(slot)?, slot))
    });
    let mut present = present.peekable();
    if present.peek().is_none() || end > SUSPECT {
        return Step::Message(some(end));
    }
    let follows = match meta.head.probe(behind) {
        Probe::Believed => {
            seen.0 = Some(input.offset + end as u64);
            Some(true)
        }
        _ if behind.is_empty() && input.last => Some(true),
        Probe::Short if !input.last => None,
        _ => Some(false),
    };
    if follows == Some(true) {
        return Step::Message(some(end));
    }
    let holds = present.all(|(attr, slot)| {
        let stored = run.arena.slot(0, slot);
        let own = input.bytes.get(stored.start as usize..stored.end as usize).unwrap_or_default();
        let le = matches!(attr.shape, Shape::Int { order: Order::Le, .. });
        let covered = run.covered(0, attr, stored).and_then(|(span, own)| {
            crate::checks::covered(
                input.bytes.get(span.start as usize..span.end as usize)?,
                0,
                span.len() as usize,
                own,
            )
        });
        // What can't be computed from what was read here says nothing.
        let (Some(covered), Some(check)) = (covered, &attr.check) else { return true };
        let computed = check.algorithm.number(&covered, stored.end - stored.start);
        computed.map(i128::from) == Some(integer(own, false, le))
    });
    match (holds, follows) {
        (true, _) => Step::Checked(some(end)),
        (false, None) => Step::NeedMore(some((meta.head.length as usize).saturating_sub(behind.len()))),
        (false, Some(_)) => Step::Skipped(some(meta.head.length as usize), Code::LengthSuspect),
    }
}
