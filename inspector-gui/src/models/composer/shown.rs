//! What is shown of a draft: its fields with what may be typed for each, which of them are derived, its problems, and the bytes
//! that differ from those it began with. Made once for a draft, off the window's thread.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Dissection, Field, Value};

use super::draft::Draft;
use super::places;
use super::values::{ValueKind, edited_text, enum_of};
use crate::models::details::Details;

/// How a field of a draft gets its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// By typing.
    Free,
    /// Derived from other fields: a length, a check, a constant.
    Derived,
    /// It would be derived, but is as given.
    Given,
    /// It has no bytes of its own.
    Computed,
    /// Its value is too long for a line: its bytes can be changed.
    TooLong,
}

/// A field of a draft that has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct EditedField {
    /// What may be typed for it.
    pub kind: ValueKind,
    /// Its value as it is edited; empty if that is too long.
    pub text: String,
    /// How it gets its value.
    pub state: FieldState,
}

/// What is shown of a draft.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Its fields, problems and bytes.
    pub details: Arc<Details>,
    /// The fields that have values, by their paths.
    pub fields: HashMap<String, EditedField>,
    /// The bytes that differ from those that it began with: disjoint and in rising order.
    pub changed: Vec<Range<usize>>,
    /// Its kind.
    pub kind: Option<String>,
    /// It in a few words.
    pub summary: String,
    /// What a receiver takes it for, if that is not one whole message.
    pub doubt: Option<String>,
    /// What is known of its fields; that mostly holds in other drafts of the same format too.
    pub(crate) known: Arc<Known>,
}

/// What is known of a format's fields, by their paths without the numbers of items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Whether they are derived.
    derived: BTreeMap<String, bool>,
    /// The names that their numbers can have.
    names: BTreeMap<String, Arc<[(i128, String)]>>,
}

impl Known {
    fn is_derived(&self, path: &str) -> bool {
        self.derived.get(&places::alike(path)) == Some(&true)
    }
}

/// How much may be written, in bytes and fields, to find out which fields are derived.
const EFFORT: usize = 24 << 20;

impl Shown {
    /// The names that a field's number can have; none of a field that has no names.
    pub fn names_of(&self, path: &str) -> &[(i128, String)] {
        self.known.names.get(&places::alike(path)).map_or(&[], |names| names)
    }

    /// What is shown of a draft that began with other bytes. `known` is what is known of messages like it.
    pub(crate) fn of(draft: &Draft, began_with: &[u8], known: &Known) -> Shown {
        let format = draft.format();
        let known = found_out(draft, known);
        let sent = format.dissect(draft.bytes());
        let written;
        let mut read = sent.clone();
        if draft.has_given() {
            written = format.dissect(draft.derived());
            read = as_sent(draft, &written, &sent);
        }
        let mut fields = HashMap::new();
        add_fields(&read.fields, "", draft, &known, &mut fields);
        let kind = sent.kind.map(|kind| kind.to_string());
        let title = kind.clone().unwrap_or_else(|| "message".to_owned());
        let changed = changed_bytes(draft, &read, began_with);
        let details = Details::composed(title, draft.bytes().to_vec(), &read, format.protocol());
        Shown {
            details: Arc::new(details),
            fields,
            changed,
            kind,
            summary: sent.summary.clone(),
            doubt: format.doubt(draft.bytes()),
            known: Arc::new(known),
        }
    }
}

/// The fields as the protocol writes them, where they are in the bytes that are sent, with the values that they have there.
fn as_sent<'a>(draft: &'a Draft, written: &Dissection<'a>, sent: &Dissection<'a>) -> Dissection<'a> {
    let places = draft.given_places();
    let moved = |at: usize, is_end: bool| {
        let behind = |range: &Range<usize>| range.end <= at && (range.end < at || is_end || range.start < at);
        places
            .iter()
            .filter(|(range, _)| behind(range))
            .fold(at, |at, (range, own)| at + own.len() - range.len())
    };
    let mut read = written.clone();
    read.problems.clone_from(&sent.problems);
    let mut leaves = Vec::new();
    places::each_leaf(&written.fields, &mut |path, place, field| {
        let range = moved(field.range.start, false)..moved(field.range.end, true);
        let is_same = draft.bytes().get(range.clone()) == draft.derived().get(field.range.clone());
        if !is_same {
            let found = places::field(sent, path).filter(|found| found.range == range);
            let bytes = || Value::Bytes(draft.bytes().get(range.clone()).unwrap_or_default().into());
            leaves.push((place.to_vec(), found.cloned(), bytes()));
        }
    });
    for (place, found, bytes) in leaves {
        if let Some(own) = places::at_mut(&mut read, &place) {
            match found {
                Some(found) => *own = Field { range: own.range.clone(), ..found },
                None => own.value = bytes,
            }
        }
    }
    move_all(&mut read.fields, &moved);
    read
}

fn move_all(fields: &mut [Field<'_>], moved: &dyn Fn(usize, bool) -> usize) {
    for field in fields {
        field.range = moved(field.range.start, false)..moved(field.range.end, true);
        move_all(&mut field.fields, moved);
    }
}

fn add_fields(
    fields: &[Field<'_>],
    above: &str,
    draft: &Draft,
    known: &Known,
    all: &mut HashMap<String, EditedField>,
) {
    for (name, field) in places::shown_names(fields).zip(fields) {
        let path = crate::models::details::under(above, &name);
        add_fields(&field.fields, &path, draft, known, all);
        let Some(kind) = ValueKind::of(&field.value) else { continue };
        let text = edited_text(&field.value);
        let state = match &text {
            _ if draft.is_given(&path) => FieldState::Given,
            _ if known.is_derived(&path) && field.range.is_empty() => FieldState::Computed,
            _ if known.is_derived(&path) => FieldState::Derived,
            None => FieldState::TooLong,
            Some(_) => FieldState::Free,
        };
        all.insert(path, EditedField { kind, text: text.unwrap_or_default(), state });
    }
}

/// Finds out which fields are derived: those whose value makes no difference to what is written. One of those that are alike is
/// tried.
fn found_out(draft: &Draft, known: &Known) -> Known {
    let format = draft.format();
    let mut known = known.clone();
    let mut read = format.dissect(draft.derived());
    let mut unknown: Vec<(String, Vec<usize>)> = Vec::new();
    let mut count = 0;
    places::each_leaf(&read.fields, &mut |path, place, field| {
        count += 1;
        let alike = places::alike(path);
        if matches!(field.value, Value::Enum(_)) && !known.names.contains_key(&alike) {
            known.names.insert(alike.clone(), draft.names_of(path).into());
        }
        if !known.derived.contains_key(&alike) {
            known.derived.insert(alike.clone(), false);
            unknown.push((alike, place.to_vec()));
        }
    });
    let mut left = EFFORT;
    let Ok(written) = format.encode(&read, &mut Vec::new()) else {
        known.derived.retain(|path, _| unknown.iter().all(|(new, _)| new != path));
        return known;
    };
    for (path, place) in unknown {
        let Some(rest) = left.checked_sub(draft.derived().len() + 64 * count) else {
            known.derived.remove(&path);
            continue;
        };
        left = rest;
        let Some(field) = places::at_mut(&mut read, &place) else { continue };
        let Some(other) = another(&field.value) else { continue };
        let own = std::mem::replace(&mut field.value, other);
        let with_other = format.encode(&read, &mut Vec::new());
        if let Some(field) = places::at_mut(&mut read, &place) {
            field.value = own;
        }
        known.derived.insert(path, with_other.is_ok_and(|with_other| with_other == written));
    }
    known
}

/// Another value of the same kind; None of a value that can't be typed.
fn another<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    Some(match value {
        Value::Unsigned(n) => Value::Unsigned(n ^ 1),
        Value::Hex(n) => Value::Hex(n ^ 1),
        Value::Signed(n) => Value::Signed(n ^ 1),
        Value::Wide(n) => Value::Wide((n.number() ^ 1).into()),
        Value::Float(x) => Value::Float(if x.to_bits() == 0 { 1.0 } else { 0.0 }),
        Value::Bool(b) => Value::Bool(!b),
        Value::Text(text) => {
            let mut other = text.to_string();
            // As long, where that can be.
            let last = other.pop().filter(char::is_ascii);
            other.push(if last == Some('1') { '2' } else { '1' });
            Value::Text(other.into())
        }
        Value::Bytes(bytes) => {
            let mut other = bytes.to_vec();
            *other.last_mut()? ^= 1;
            Value::Bytes(other.into())
        }
        Value::Enum(kind) => enum_of(kind.number() ^ 1)?,
        Value::Group | Value::Missing => return None,
    })
}

/// The bytes that differ from those that the draft began with: in each field, as fields may have moved.
fn changed_bytes(draft: &Draft, read: &Dissection<'_>, began_with: &[u8]) -> Vec<Range<usize>> {
    let bytes = draft.bytes();
    if bytes == began_with {
        return Vec::new();
    }
    let mut changed = Vec::new();
    if bytes.len() == began_with.len() {
        add_changed(began_with, bytes, 0, &mut changed);
        return changed;
    }
    let before = draft.format().dissect(began_with);
    let mut old: HashMap<String, Range<usize>> = HashMap::new();
    places::each_leaf(&before.fields, &mut |path, _, field| {
        old.insert(path.to_owned(), field.range.clone());
    });
    places::each_leaf(&read.fields, &mut |path, _, field| {
        let own = bytes.get(field.range.clone()).unwrap_or_default();
        let old = old.get(path).and_then(|range| began_with.get(range.clone())).unwrap_or_default();
        if old.len() == own.len() {
            return add_changed(old, own, field.range.start, &mut changed);
        }
        // What was put into a text, or all of it.
        let same_start = own.iter().zip(old).take_while(|(own, old)| own == old).count();
        let rest = own.len().min(old.len()) - same_start;
        let same_end =
            own.iter().rev().zip(old.iter().rev()).take(rest).take_while(|(own, old)| own == old).count();
        changed.push(field.range.start + same_start..field.range.end - same_end);
    });
    changed.retain(|range| !range.is_empty());
    changed.sort_by_key(|range| range.start);
    changed
}

fn add_changed(old: &[u8], new: &[u8], start: usize, changed: &mut Vec<Range<usize>>) {
    for (at, _) in new.iter().zip(old).enumerate().filter(|(_, (new, old))| new != old) {
        let at = start + at;
        match changed.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => changed.push(at..at + 1),
        }
    }
}
