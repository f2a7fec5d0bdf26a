//! Writes messages and reads them again, to find out which values a field may have.

use std::cell::Cell;

use framescope_parser::{Captured, Context, Dissection, Field, Protocol, Value};

use crate::messages::only_message;

/// Writes messages of a protocol, in a context.
pub(super) struct Writer<'p> {
    pub(super) protocol: &'p dyn Protocol,
    pub(super) context: &'p Context<'p>,
    /// How many messages were written.
    written: Cell<usize>,
}

impl<'p> Writer<'p> {
    pub(super) fn new(protocol: &'p dyn Protocol, context: &'p Context<'p>) -> Writer<'p> {
        Writer { protocol, context, written: Cell::new(0) }
    }
}

impl Writer<'_> {
    /// How many messages were written.
    pub(super) fn count(&self) -> usize {
        self.written.get()
    }

    /// The bytes of a message of a kind, if nothing is wrong with it.
    pub(super) fn valid(&self, fields: &[Field<'_>], kind: Option<&str>) -> Option<Vec<u8>> {
        let bytes = self.written(fields)?;
        let read = self.read(&bytes);
        (read.problems.is_empty() && read.kind.map(|kind| kind.to_string()).as_deref() == kind)
            .then_some(bytes)
    }

    /// Whether a message is valid in which the leaf of a number has the value that is given.
    pub(super) fn keeps(&self, fields: &[Field<'_>], kind: Option<&str>, leaf: usize) -> bool {
        let Some(bytes) = self.written(fields) else { return false };
        let read = self.read(&bytes);
        if !read.problems.is_empty() || read.kind.map(|kind| kind.to_string()).as_deref() != kind {
            return false;
        }
        let (given, found) = (leaves(fields), leaves(&read.fields));
        let (Some((name, value)), Some((as_read, found_value))) = (given.get(leaf), found.get(leaf)) else {
            return false;
        };
        given.len() == found.len() && name == as_read && is_same(value, found_value)
    }

    fn written(&self, fields: &[Field<'_>]) -> Option<Vec<u8>> {
        self.written.set(self.written.get() + 1);
        let (message, mut out) = (Dissection::with_fields(fields.to_vec()), Vec::new());
        self.protocol.encode_in(self.context, &message, &mut out, &mut Vec::new()).ok()?;
        let length = out.len();
        let message = only_message(self.protocol, self.context, out)?;
        // One with a terminator is longer.
        (message.len() >= length).then_some(message)
    }

    pub(super) fn read<'b>(&'b self, bytes: &'b [u8]) -> Dissection<'b> {
        let mut found = Dissection::default();
        Captured::whole(bytes).in_context(Some(self.context)).dissect(self.protocol, &mut found);
        found
    }
}

/// The names and values of the fields that have none in them.
fn leaves<'f>(fields: &'f [Field<'_>]) -> Vec<(&'f str, &'f Value<'f>)> {
    fn add<'f>(fields: &'f [Field<'_>], out: &mut Vec<(&'f str, &'f Value<'f>)>) {
        for field in fields {
            if field.fields.is_empty() {
                out.push((field.name, &field.value));
            } else {
                add(&field.fields, out);
            }
        }
    }
    let mut out = Vec::new();
    add(fields, &mut out);
    out
}

fn is_same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Enum(one), Value::Enum(other)) => one.number() == other.number(),
        (Value::Text(_) | Value::Bytes(_), _) => one.as_bytes() == other.as_bytes(),
        _ => one == other,
    }
}
