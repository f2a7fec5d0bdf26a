//! Where described messages begin and end in a stream, even a damaged one.
//!
//! The head, with which every message begins, distinguishes it from other bytes: constant contents, valid numbers, a
//! check over it. Bytes that are not a head are skipped up to the next head. If a message's check fails and no head
//! follows it, its length was false, and only its head is skipped. Without a distinctive head, the first bytes that are
//! not a message lose the rest of the stream, which is reported.

pub(crate) mod head;
pub(crate) mod whole;

use crate::plan::ObjectId;
use std::num::NonZeroUsize;

use framescope_parser::{Captured, Code, Input, Key, Measure, Memo, Step};

use crate::framing::head::Probe;
use crate::plan::{Meta, Order, Plan, Shape};
use crate::program::{Given, Programs};
use crate::run::arena::{Arena, State, Stop, with_arena};
use crate::run::numbers::integer;
use crate::run::{Mode, Run};

/// The longest message, in bytes, whose check decides whether its length is believed: many heads may claim the same
/// bytes, which would then be read again for each.
const SUSPECT: usize = 64 << 10;
/// As many bytes of a message are looked at where many places are searched for one.
const SEARCHED: usize = 512;
/// The longest message, in bytes, that is read again with each byte that arrives while its length is unknown.
const EAGER: usize = 1 << 10;
/// How many bytes are unmasked at first.
const FIRST_WINDOW: usize = 256;

/// What messages are found by: the structure of messages, how they begin, and programs for most of them.
#[derive(Clone, Copy)]
pub(crate) struct Framing<'f> {
    pub(crate) plan: &'f Plan,
    pub(crate) meta: &'f Meta,
    pub(crate) programs: &'f Programs,
    pub(crate) key: Option<&'f Key>,
}

fn some(length: usize) -> NonZeroUsize {
    NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)
}

/// Offset in the stream of a head found after the last message, so that it is not tested twice.
#[derive(Debug, Default)]
struct Seen(Option<u64>);

pub(crate) fn next(framing: Framing<'_>, input: Input<'_>, memo: &mut Memo) -> Step {
    let bytes = input.bytes;
    let meta = framing.meta;
    let head = &meta.head;
    if meta.ends_with_segment {
        return Step::Message(some(input.first_segment.min(bytes.len())));
    }
    if meta.waits {
        return whole::next(meta, input);
    }
    if let Some(step) = valid(framing, bytes) {
        return step;
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
                None if framing.plan.mask.is_some() => unmasked(framing, input, seen),
                None => believed(framing, input, seen),
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

/// A valid message whose checks hold, which is one whatever follows it.
#[inline]
fn valid(Framing { plan, meta, programs, key }: Framing<'_>, bytes: &[u8]) -> Option<Step> {
    let near = bytes.get(..bytes.len().min(SUSPECT).min(meta.limit as usize)).unwrap_or_default();
    let found = programs.finds()?.run(near, Given { key, checked: false })?;
    let length = NonZeroUsize::new(found.end())?;
    debug_assert!(matches!(meta.head.probe(bytes), Probe::Believed), "a valid message begins otherwise");
    debug_assert!(meta.head.refuse.iter().all(|(test, _)| test.holds(bytes)), "a valid message is refused");
    debug_assert_eq!(end_by_reader(plan, bytes), Some(found.end()));
    Some(if found.is_checked { Step::Checked(length) } else { Step::Message(length) })
}

/// No message of a sensible length begins here, though its head looks like one.
fn no_message(meta: &Meta, code: Code) -> Step {
    if !meta.head.is_sure() { Step::Lost } else { Step::Skipped(some(meta.head.length as usize), code) }
}

/// Of a message that has to be unmasked, as much is copied as it needs.
fn unmasked(framing: Framing<'_>, input: Input<'_>, seen: &mut Seen) -> Step {
    let mut window = FIRST_WINDOW;
    loop {
        let is_all = window >= input.bytes.len();
        let bytes = input.bytes.get(..window).unwrap_or(input.bytes);
        let step = believed(framing, Input { bytes, last: input.last && is_all, ..input }, seen);
        match step {
            Step::NeedMore(more) if !is_all => {
                window = window.saturating_mul(4).max(window.saturating_add(more.get()));
            }
            step => return step,
        }
    }
}

fn believed(framing: Framing<'_>, input: Input<'_>, seen: &mut Seen) -> Step {
    let Framing { plan, meta, programs, .. } = framing;
    let bytes = input.bytes;
    let limit = meta.limit as usize;
    let available = bytes.get(..bytes.len().min(limit + 1)).unwrap_or_default();
    if let Some(found) = programs.ends.as_ref().and_then(|ends| ends.run(available, Given::default()))
        && (1..=limit).contains(&found.end())
    {
        debug_assert_eq!(end_by_reader(plan, available), Some(found.end()));
        let behind = bytes.get(found.end()..).unwrap_or_default();
        if meta.trailing_checks.is_empty() {
            return Step::Message(some(found.end()));
        }
        // Otherwise its check decides whether its length is believed.
        if matches!(meta.head.probe(behind), Probe::Believed) {
            seen.0 = Some(input.offset + found.end() as u64);
            return Step::Message(some(found.end()));
        }
    }
    with_arena(|arena| {
        let message = Captured::whole(available).in_context(input.context);
        let mut run = Run::of(plan, message, arena, Mode::Frame);
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
            Err(Stop::NeedMore(more)) => (usize::try_from(more).unwrap_or(usize::MAX), false),
            // The bytes are complete.
            Err(Stop::Missing) => return no_message(meta, Code::NoMatch),
            // What would show where the message ends is not known: the next byte may be in another state.
            Err(Stop::Fault(fault)) if fault.code == Code::StateUnknown => {
                return Step::Searching(some(1), Code::StateUnknown);
            }
            Err(Stop::Fault(fault)) => return no_message(meta, fault.code),
        };
        if bytes.len().saturating_add(missing) > limit {
            return no_message(meta, Code::PayloadTooLong);
        }
        if input.last {
            return Step::Partial(some(bytes.len()));
        }
        // Waiting until there is markedly more keeps the work linear.
        let patience = if exact || bytes.len() <= EAGER { 0 } else { bytes.len() / 8 };
        Step::NeedMore(some(missing.max(patience)))
    })
}

/// The length of the message at the beginning of these bytes, some of which may be missing.
pub(crate) fn measure(framing: Framing<'_>, message: Captured<'_, '_>) -> Measure {
    let Framing { plan, meta, programs, .. } = framing;
    let head = &meta.head;
    if meta.ends_with_segment || meta.waits {
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
    let limit = meta.limit as usize;
    if message.is_whole()
        && let Some(found_end) =
            programs.ends.as_ref().and_then(|ends| ends.run(message.bytes(), Given::default()))
    {
        return if (1..=limit).contains(&found_end.end()) {
            found(found_end.end())
        } else {
            Measure::Nothing
        };
    }
    let read = |arena: &mut Arena| {
        let mut run = Run::of(plan, message, arena, Mode::Frame);
        // A search asks at each place of a stretch.
        if message.bytes().len() <= SEARCHED {
            run.begin_search();
        }
        run.read()
    };
    with_arena(|arena| match read(arena) {
        Ok(taken) if (1..=limit).contains(&(taken as usize)) => found(taken as usize),
        Ok(_) | Err(Stop::Fault(_)) => Measure::Nothing,
        // Only what is before a gap is unmasked.
        Err(Stop::NeedMore(_)) if plan.mask.is_some() && !message.is_whole() => Measure::Unknown,
        Err(Stop::NeedMore(_)) => Measure::NeedMore,
        Err(Stop::Missing) => Measure::Unknown,
    })
}

/// Where the reader finds the end of a complete message.
fn end_by_reader(plan: &Plan, bytes: &[u8]) -> Option<usize> {
    with_arena(|arena| Run::new(plan, bytes, arena, Mode::Frame).read().ok()).map(|end| end as usize)
}

/// A message whose check decides whether its length is believed.
fn suspected(meta: &Meta, run: &Run<'_, '_>, input: Input<'_>, end: usize, seen: &mut Seen) -> Step {
    let behind = input.bytes.get(end..).unwrap_or_default();
    let root = run.plan.root();
    let present = meta.trailing_checks.iter().filter_map(|&slot| {
        let is_there = run.arena.slot(ObjectId::ROOT, slot).state == State::Done;
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
        let stored = *run.arena.slot(ObjectId::ROOT, slot);
        let own = input.bytes.get(stored.start as usize..stored.end as usize).unwrap_or_default();
        let le = matches!(attr.shape, Shape::Int { order: Order::Le, .. } | Shape::Bits { le: true, .. });
        let covered = run.covered(ObjectId::ROOT, attr, stored).and_then(|(span, own)| {
            crate::checks::covered(
                input.bytes.get(span.start as usize..span.end as usize)?,
                0,
                span.len() as usize,
                own,
                None,
            )
        });
        // A check that can't be computed from what was read decides nothing.
        let (Some(covered), Some(check)) = (covered, &attr.check) else { return true };
        let found = match check.digits {
            None => Some(integer(own, false, le)),
            Some(digits) => digits.read(own).map(i128::from),
        };
        found.is_some() && check.number(&covered, own.len()).map(i128::from) == found
    });
    match (holds, follows) {
        // Its checks are computed again, because it is not known to be valid otherwise.
        (true, _) => Step::Message(some(end)),
        (false, None) => Step::NeedMore(some((meta.head.length as usize).saturating_sub(behind.len()))),
        (false, Some(_)) => Step::Skipped(some(meta.head.length as usize), Code::LengthSuspect),
    }
}
