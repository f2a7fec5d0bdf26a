//! A message that is being composed: its bytes, and which of its fields are as given instead of derived.
//!
//! A draft never changes: each change makes another one. Fields are written by the message's protocol, which derives lengths and
//! checks. A field that is *as given* has bytes of its own in place of those, such as a false length; checks that cover it hold
//! all the same, unless they are as given too.

use std::collections::BTreeMap;
use std::ops::Range;

use framescope_parser::{Dissection, Field, Value};

use super::format::{Enumerations, Format};
use super::in_place;
use super::places;
use super::values::{ValueError, ValueKind, number_of};

/// Why a change can't be made. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// What was typed is no value of the field.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The message has no such field any more.
    #[error("the message has no field {0} any more")]
    NoField(String),
    /// The protocol can't write the message.
    #[error("{0}")]
    Encode(framescope_parser::Error),
    /// The protocol derives the field's value from others.
    #[error("{0} is derived from other fields: open its lock to give it another value")]
    Derived(String),
    /// No bytes have that value.
    #[error("{0} can't have that value: no bytes in its place have it")]
    NoBytes(String),
}

/// A message that is being composed.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    format: Format,
    /// The message as its protocol writes it.
    derived: Vec<u8>,
    /// The bytes of the fields that are as given, by their paths.
    given: BTreeMap<String, Vec<u8>>,
    /// The message as it is sent.
    bytes: Vec<u8>,
    /// What could not be derived when it was written.
    notes: Vec<String>,
    /// Why the protocol would not write these bytes, if so.
    unwritten: Option<String>,
}

impl Draft {
    /// A message of these bytes. The lengths and checks in it that are not as the protocol would derive them are as given.
    pub fn of_bytes(format: Format, bytes: Vec<u8>) -> Draft {
        let draft = Draft { derived: bytes.clone(), bytes, format, ..Draft::default() };
        let mut notes = Vec::new();
        let written = {
            let read = draft.format.dissect(&draft.bytes);
            draft.format.encode(&read, &mut notes)
        };
        match written {
            Ok(written) if written == draft.bytes => Draft { notes, ..draft },
            Ok(written) => draft.with_given_in(written, notes),
            Err(error) => Draft { unwritten: Some(error.to_string()), ..draft },
        }
    }

    /// The same bytes as a message that its protocol writes as `written`, with the fields that differ as given: none where the
    /// difference is not one of fields.
    fn with_given_in(self, written: Vec<u8>, notes: Vec<String>) -> Draft {
        let why = "its fields alone do not say what these bytes are".to_owned();
        let differing = {
            let read = self.format.dissect(&written);
            differing_leaves(&read, &written, &self.bytes)
        };
        let Some(differing) = differing else { return Draft { unwritten: Some(why), ..self } };
        let wanted = self.bytes.clone();
        let mut draft = Draft { derived: written, notes, ..self };
        for (path, range) in differing {
            draft.bytes = draft.composed();
            // A check that holds over what is given before it is not given itself.
            if let Some(bytes) =
                wanted.get(range.clone()).filter(|wanted| draft.bytes.get(range) != Some(*wanted))
            {
                draft.given.insert(path, bytes.to_vec());
            }
        }
        draft.bytes = draft.composed();
        if draft.bytes == wanted {
            return draft;
        }
        let (derived, given) = (wanted.clone(), BTreeMap::new());
        Draft { derived, given, bytes: wanted, unwritten: Some(why), ..draft }
    }

    /// With the names of numbers that a description declares.
    #[must_use]
    pub(crate) fn with_enumerations(self, enumerations: Enumerations) -> Draft {
        Draft { format: self.format.clone().with_enumerations(enumerations), ..self }
    }

    /// The message as it is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it is read and written with.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What could not be derived when it was written.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Why its protocol would not write these bytes: then a changed field derives all lengths and checks again.
    pub fn unwritten(&self) -> Option<&str> {
        self.unwritten.as_deref()
    }

    /// Whether a field is as given.
    pub fn is_given(&self, path: &str) -> bool {
        self.given.contains_key(path)
    }

    /// The paths of the fields that are as given.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    /// Whether any field is.
    pub fn has_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// The message as its protocol writes it.
    pub(crate) fn derived(&self) -> &[u8] {
        &self.derived
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        self.derived.len() + self.bytes.len() + 256
    }

    /// Gives a field the value that was typed.
    ///
    /// # Errors
    /// It is no value of the field, or the message can't be written with it.
    pub fn set_value(&self, path: &str, text: &str) -> Result<Draft, ChangeError> {
        let read = self.format.dissect(&self.derived);
        let field = places::field(&read, path).ok_or_else(|| ChangeError::NoField(path.to_owned()))?;
        let kind = ValueKind::of(&field.value).ok_or_else(|| ChangeError::NoField(path.to_owned()))?;
        let names = match kind {
            ValueKind::Enum => self.names_of(path),
            _ => Vec::new(),
        };
        let value = kind.parse(text, &names)?;
        if self.is_given(path) {
            return self.with_given(path, &field.range, &value);
        }
        if let Some((group, changed)) = self.flags_with(&read, path, &value) {
            return self.written_with(read, group, changed);
        }
        if value == field.value {
            return Ok(self.clone());
        }
        if self.unwritten.is_some()
            && let Some(bytes) = in_place::bytes_for(&self.format, &self.bytes, path, &field.range, &value)
            && bytes.len() == field.range.len()
        {
            let range = field.range.clone();
            return Ok(Draft::of_bytes(self.format.clone(), spliced(&self.bytes, range, &bytes)));
        }
        self.written_with(read, path, value)
    }

    /// The message with another value in a field, as its protocol writes it.
    fn written_with<'a>(
        &'a self,
        mut read: Dissection<'a>,
        path: &str,
        value: Value<'a>,
    ) -> Result<Draft, ChangeError> {
        let no_field = || ChangeError::NoField(path.to_owned());
        let place = places::locate(&read.fields, path).ok_or_else(no_field)?;
        places::at_mut(&mut read, &place).ok_or_else(no_field)?.value = value;
        let mut notes = Vec::new();
        let written = self.format.encode(&read, &mut notes).map_err(ChangeError::Encode);
        let derived = match written {
            Ok(derived) => derived,
            // Another kind of message may need fields that this one lacks: then its other bytes stay as they are.
            Err(error) => return self.with_bytes_of(&read, &place).ok_or(error),
        };
        drop(read);
        if derived == self.derived && self.unwritten.is_none() {
            return Err(ChangeError::Derived(path.to_owned()));
        }
        let given = self.given.clone();
        Ok(Draft { format: self.format.clone(), derived, given, notes, ..Draft::default() }.recomposed())
    }

    /// The message with the bytes of a changed field in their place, and all others as they are.
    fn with_bytes_of(&self, changed: &Dissection<'_>, place: &[usize]) -> Option<Draft> {
        let field = places::at(changed, place)?;
        let path = places::path_of(&changed.fields, place)?;
        let bytes = in_place::bytes_for(&self.format, &self.derived, &path, &field.range, &field.value)?;
        if bytes.len() != field.range.len() {
            return None;
        }
        let mut changed = spliced(&self.derived, field.range.clone(), &bytes);
        self.format.renew_checks(&self.derived, &mut changed, &[]);
        Some(Draft::of_bytes(self.format.clone(), changed))
    }

    /// The flags around a flag, and their value with the flag as it is wanted.
    fn flags_with<'p>(
        &self,
        read: &Dissection<'_>,
        path: &'p str,
        value: &Value<'_>,
    ) -> Option<(&'p str, Value<'static>)> {
        let place = places::locate(&read.fields, path)?;
        let (_, around) = place.split_last()?;
        let flags = places::at(read, around)?;
        if !places::is_leaf(flags) {
            return None;
        }
        let group = path.rsplit_once('.').map(|(group, _)| group)?;
        let bytes = in_place::with_bits(&self.format, &self.derived, path, &flags.range, number_of(value)?)?;
        let changed = spliced(&self.derived, flags.range.clone(), &bytes);
        let read = self.format.dissect(&changed);
        let value = match &places::field(&read, group)?.value {
            Value::Hex(n) => Value::Hex(*n),
            value => Value::Unsigned(value.as_u64()?),
        };
        Some((group, value))
    }

    fn with_given(&self, path: &str, range: &Range<usize>, value: &Value<'_>) -> Result<Draft, ChangeError> {
        let bytes = in_place::bytes_for(&self.format, &self.derived, path, range, value);
        let bytes = bytes.ok_or_else(|| ChangeError::NoBytes(path.to_owned()))?;
        let mut draft = self.clone();
        draft.given.insert(path.to_owned(), bytes);
        Ok(draft.recomposed())
    }

    /// Opens the lock of a derived field: it stays as it is until it gets another value.
    ///
    /// # Errors
    /// The message has no such field.
    pub fn give(&self, path: &str) -> Result<Draft, ChangeError> {
        let no_field = || ChangeError::NoField(path.to_owned());
        let range = {
            let read = self.format.dissect(&self.derived);
            places::field(&read, path).map(|field| field.range.clone()).ok_or_else(no_field)?
        };
        // What it is as sent: a check may have been computed over what is as given.
        let is_as_long = self.bytes.len() == self.derived.len();
        let from = if is_as_long { &self.bytes } else { &self.derived };
        let bytes = from.get(range).ok_or_else(no_field)?.to_vec();
        let mut draft = self.clone();
        draft.given.insert(path.to_owned(), bytes);
        Ok(draft.recomposed())
    }

    /// Closes the lock of a field: it is derived again.
    #[must_use]
    pub fn derive(&self, path: &str) -> Draft {
        let mut draft = self.clone();
        draft.given.remove(path);
        draft.recomposed()
    }

    /// Derives all fields again.
    ///
    /// # Errors
    /// The protocol can't write the message.
    pub fn derive_all(&self) -> Result<Draft, ChangeError> {
        let mut notes = Vec::new();
        let derived = {
            let read = self.format.dissect(&self.derived);
            self.format.encode(&read, &mut notes).map_err(ChangeError::Encode)?
        };
        Ok(Draft { format: self.format.clone(), bytes: derived.clone(), derived, notes, ..Draft::default() })
    }

    /// Puts other bytes in place of a range.
    #[must_use]
    pub fn splice(&self, range: Range<usize>, bytes: &[u8]) -> Draft {
        Draft::of_bytes(self.format.clone(), spliced(&self.bytes, range, bytes))
    }

    /// The names that a field's numbers can have.
    pub fn names_of(&self, path: &str) -> Vec<(i128, String)> {
        let alike = places::alike(path);
        match self.format.enumerations.iter().find(|(known, _)| *known == alike) {
            Some((_, members)) => members.clone(),
            None => in_place::names_of(&self.format, &self.derived, path),
        }
    }

    fn recomposed(mut self) -> Draft {
        self.bytes = self.composed();
        self
    }

    /// The bytes with what is as given in its place, and with the checks over that.
    fn composed(&self) -> Vec<u8> {
        let places = self.given_places();
        let mut bytes = self.derived.clone();
        for (range, own) in places.iter().rev() {
            bytes = spliced(&bytes, range.clone(), own);
        }
        if bytes != self.derived {
            self.format.renew_checks(&self.derived, &mut bytes, &places);
        }
        bytes
    }

    /// Where in the derived bytes the fields that are as given are, in rising order.
    pub(crate) fn given_places(&self) -> Vec<(Range<usize>, Vec<u8>)> {
        if self.given.is_empty() {
            return Vec::new();
        }
        let read = self.format.dissect(&self.derived);
        let place = |(path, bytes): (&String, &Vec<u8>)| {
            Some((places::field(&read, path)?.range.clone(), bytes.clone()))
        };
        let mut found: Vec<(Range<usize>, Vec<u8>)> = self.given.iter().filter_map(place).collect();
        found.sort_by_key(|(range, _)| (range.start, range.end));
        found
    }
}

/// The leaves in which two messages of one length differ; None if they differ elsewhere, or in their lengths.
fn differing_leaves(
    read: &Dissection<'_>,
    written: &[u8],
    wanted: &[u8],
) -> Option<Vec<(String, Range<usize>)>> {
    if written.len() != wanted.len() {
        return None;
    }
    let differs: Vec<usize> = (0..wanted.len()).filter(|&at| written.get(at) != wanted.get(at)).collect();
    let mut is_in_field = vec![false; differs.len()];
    let mut found = Vec::new();
    places::each_leaf(&read.fields, &mut |path, _, field: &Field<'_>| {
        let first = differs.partition_point(|at| *at < field.range.start);
        let behind = differs.partition_point(|at| *at < field.range.end);
        if let Some(own @ [_, ..]) = is_in_field.get_mut(first..behind) {
            own.fill(true);
            found.push((path.to_owned(), field.range.clone()));
        }
    });
    found.sort_by_key(|(_, range)| range.start);
    is_in_field.iter().all(|is| *is).then_some(found)
}

fn spliced(bytes: &[u8], range: Range<usize>, with: &[u8]) -> Vec<u8> {
    let before = bytes.get(..range.start.min(bytes.len())).unwrap_or_default();
    let after = bytes.get(range.end.max(range.start)..).unwrap_or_default();
    [before, with, after].concat()
}
