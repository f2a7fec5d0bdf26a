//! Finds in a message what the rules of its description name: the bytes that are carried, and to what they belong.

use framescope_parser::Code;

use crate::conversation::values::Key;
use crate::plan::{CarriesPlan, CarryRule, NodeId, ObjectId, Span, Val};
use crate::run::arena::{State, Stop};
use crate::run::{Run, Scope};

/// The longest key, in bytes, that is kept as it is.
const LONGEST: usize = 64;

/// Bytes that are carried, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Known(Span),
    /// So many bytes of the message that are missing, or can't be read.
    Unknown(u64),
}

/// What a rule has found in a structure.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rule: usize,
    pub(super) stream: u16,
    pub(super) channel: Option<Key>,
    /// The channel as people write it.
    pub(super) shown: Option<String>,
    /// None if the field is absent, or there is none.
    pub(super) parts: Option<Vec<Part>>,
    pub(super) begin: bool,
    pub(super) end: bool,
    pub(super) position: Option<u64>,
    pub(super) message: Option<Key>,
    pub(super) first: Option<bool>,
    pub(super) last: Option<bool>,
    pub(super) count: Option<u64>,
    pub(super) length: Option<u64>,
}

impl Found {
    /// How many bytes it has, known or not.
    pub(super) fn length_of_parts(&self) -> u64 {
        let length = |part: &Part| match part {
            Part::Known(span) => u64::from(span.len()),
            Part::Unknown(length) => *length,
        };
        self.parts.iter().flatten().map(length).fold(0, u64::saturating_add)
    }
}

/// Everything that the rules find in a message, in the order of its structures, and whether that is all.
pub(super) fn find(run: &mut Run<'_, '_>, plan: &CarriesPlan) -> (Vec<Found>, bool) {
    let (mut found, mut all) = (Vec::new(), true);
    for object in (run.first_object..run.arena.object_count()).map(ObjectId::at) {
        let ty = run.arena.object(object).ty;
        for (at, rule) in plan.rules.iter().enumerate().filter(|(_, rule)| rule.ty == ty) {
            match one(run, at, rule, object) {
                Ok(Some(one)) => found.push(one),
                Ok(None) => {}
                Err(_) => all = false,
            }
        }
    }
    (found, all)
}

/// None if its condition does not hold. What is essential and not known is an error.
fn one(run: &mut Run<'_, '_>, at: usize, rule: &CarryRule, object: ObjectId) -> Result<Option<Found>, Stop> {
    let scope = Scope::of(object);
    if let Some(condition) = rule.condition
        && !run.truth(condition, &scope)?
    {
        return Ok(None);
    }
    let (channel, shown) = match rule.channel {
        None => (None, None),
        Some(node) => {
            let (key, shown) = key_of(run, node, &scope)?;
            (Some(key), Some(shown))
        }
    };
    let message = match rule.message {
        None => None,
        Some(node) => Some(key_of(run, node, &scope)?.0),
    };
    let position = match rule.position {
        None => None,
        Some(node) => Some(unsigned(run, node, &scope)?),
    };
    let parts = match &rule.path {
        None => None,
        Some(path) => parts_at(run, path, object),
    };
    let mut truth = |node: Option<NodeId>| node.map(|node| run.truth(node, &scope)).transpose();
    let (begin, end) = (truth(rule.begin)?, truth(rule.end)?);
    let (first, last) = (truth(rule.first)?, truth(rule.last)?);
    let mut number = |node: Option<NodeId>| node.map(|node| unsigned(run, node, &scope)).transpose();
    let (count, length) = (number(rule.count)?, number(rule.length)?);
    Ok(Some(Found {
        rule: at,
        stream: rule.stream,
        channel,
        shown,
        parts,
        begin: begin == Some(true),
        end: end == Some(true),
        position,
        message,
        first,
        last,
        count,
        length,
    }))
}

fn unsigned(run: &mut Run<'_, '_>, node: NodeId, scope: &Scope) -> Result<u64, Stop> {
    let number = run.number(node, scope)?;
    u64::try_from(number).map_err(|_| {
        run.wrong(Code::Conversion, format!("{number} is no place of bytes, and no number of them"))
    })
}

/// A value that distinguishes channels or messages, and how people write it.
fn key_of(run: &mut Run<'_, '_>, node: NodeId, scope: &Scope) -> Result<(Key, String), Stop> {
    let val = run.eval(node, scope)?;
    let Some(key) = run.key_of(val) else {
        return Err(run.wrong(Code::Conversion, "this can't distinguish channels"));
    };
    let shown = match (val, &key) {
        (Val::Str(text), _) => run.text(text).chars().take(LONGEST).collect(),
        (_, Key::Number(number)) => number.to_string(),
        (_, Key::Bytes(bytes)) => {
            let shown = bytes.get(..LONGEST).unwrap_or(bytes);
            shown.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    };
    Ok((shortened(key), shown))
}

/// A key that takes little memory. Of a long one, its beginning, length and a check.
fn shortened(key: Key) -> Key {
    match key {
        Key::Bytes(bytes) if bytes.len() > LONGEST => {
            let (length, check) = (bytes.len().to_be_bytes(), crc32fast::hash(&bytes).to_be_bytes());
            let beginning = bytes.get(..LONGEST).unwrap_or_default();
            Key::Bytes([beginning, &length, &check].concat().into())
        }
        key => key,
    }
}

/// The bytes of the field at a path; None if it is absent.
fn parts_at(run: &mut Run<'_, '_>, path: &[crate::plan::Sym], object: ObjectId) -> Option<Vec<Part>> {
    let (last, above) = path.split_last()?;
    let mut at = object;
    for &name in above {
        let slot = run.plan.type_of(run.arena.object(at).ty).slot(name)?;
        match run.value_of(at, slot) {
            Ok(Val::Obj(inner)) => at = inner,
            Ok(_) => return has_failed(run, at, slot).then(|| vec![Part::Unknown(1)]),
            Err(_) => return Some(vec![Part::Unknown(1)]),
        }
    }
    let slot = run.plan.type_of(run.arena.object(at).ty).slot(*last)?;
    // An instance is read now.
    let read = run.value_of(at, slot);
    let stored = *run.arena.slot(at, slot);
    let span = Span { buffer: stored.buffer, start: stored.start, end: stored.end };
    match (read, stored.val) {
        (Ok(Val::Arr(array)), _) => {
            let items = run.arena.array(array).to_vec();
            Some(
                items
                    .iter()
                    .flat_map(|item| {
                        let span = Span { buffer: item.buffer, start: item.start, end: item.end };
                        known(run, item.val, span)
                    })
                    .collect(),
            )
        }
        (Ok(Val::Null), _) => has_failed(run, at, slot).then(|| vec![Part::Unknown(1)]),
        (Ok(val), _) | (Err(_), val @ Val::Missing) => Some(known(run, val, span)),
        (Err(_), _) => Some(vec![Part::Unknown(1)]),
    }
}

/// Whether a field has no value because it could not be read, rather than because it is absent.
fn has_failed(run: &Run<'_, '_>, object: ObjectId, slot: u16) -> bool {
    run.arena.slot(object, slot).state != State::Absent
}

/// What is known of a value that is bytes, between what is missing.
fn known(run: &Run<'_, '_>, val: Val, raw: Span) -> Vec<Part> {
    let span = match val {
        Val::Bytes(span) => span,
        Val::Missing if raw.buffer == Span::MESSAGE => raw,
        _ => return Vec::new(),
    };
    if span.buffer != Span::MESSAGE || run.message.is_whole() {
        return vec![Part::Known(span)];
    }
    let (mut at, mut found) = (span.start, Vec::new());
    for (start, part) in run.message.parts(span.start as usize..span.end as usize) {
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let end = start.saturating_add(u32::try_from(part.len()).unwrap_or(u32::MAX));
        if start > at {
            found.push(Part::Unknown(u64::from(start - at)));
        }
        found.push(Part::Known(Span { buffer: Span::MESSAGE, start, end }));
        at = end;
    }
    if at < span.end {
        found.push(Part::Unknown(u64::from(span.end - at)));
    }
    found
}
