//! Which fields the messages of a protocol may have, and of which types: what a table needs to know before it sees a message.
//!
//! A shape says more than [`Names`](crate::Names): how fields nest, which occur several times, and how wide numbers are. It never
//! promises more than it can: a value that does not fit is the reader's to notice.

use alloc::string::String;
use alloc::vec::Vec;

/// The type of a field's own value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// No value of its own: the fields in it.
    Group,
    /// A whole number that is never negative, of this many bits (1 to 64).
    Unsigned {
        /// How many.
        bits: u8,
    },
    /// A whole number of this many bits (1 to 64) with its sign.
    Signed {
        /// How many.
        bits: u8,
    },
    /// A floating-point number of 32 or 64 bits.
    Float {
        /// How many.
        bits: u8,
    },
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A number that may have one of these names. Other numbers may occur.
    Enum {
        /// Each number and its name.
        names: Vec<(i128, String)>,
    },
    /// Values of several types, or what nests without a limit.
    Any,
}

/// A field that messages may have.
///
/// ```
/// use framescope_parser::{FieldShape, FieldType};
///
/// let number = |bits| FieldShape::new("n", FieldType::Unsigned { bits });
/// let either = |a: FieldShape, b: FieldShape| { let mut a = a; a.merge(b); a.kind };
/// assert_eq!(either(number(8), number(16)), FieldType::Unsigned { bits: 16 });
/// assert_eq!(either(number(8), FieldShape::new("n", FieldType::Signed { bits: 8 })), FieldType::Signed { bits: 9 });
/// assert_eq!(either(number(8), FieldShape::new("n", FieldType::Text)), FieldType::Any);
///
/// // What has a value in some messages and fields in others has both.
/// let mut payload = FieldShape::group("payload", vec![number(8)]);
/// payload.merge(FieldShape::new("payload", FieldType::Bytes));
/// assert_eq!((payload.kind, payload.fields.len()), (FieldType::Bytes, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name.
    pub name: String,
    /// Whether it may occur several times in what it is in.
    pub repeated: bool,
    /// The type of its value.
    pub kind: FieldType,
    /// The fields that may be in it, in their usual order. A field with a value may have some too.
    pub fields: Vec<FieldShape>,
}

impl FieldShape {
    /// A field that occurs at most once, with nothing in it.
    pub fn new(name: impl Into<String>, kind: FieldType) -> FieldShape {
        FieldShape { name: name.into(), repeated: false, kind, fields: Vec::new() }
    }

    /// A field that only holds others.
    pub fn group(name: impl Into<String>, fields: Vec<FieldShape>) -> FieldShape {
        FieldShape { fields, ..FieldShape::new(name, FieldType::Group) }
    }

    /// The same, which may occur several times.
    pub fn repeated(self) -> FieldShape {
        FieldShape { repeated: true, ..self }
    }

    /// Makes this the shape of a field that is either of these two. Their names are the same.
    pub fn merge(&mut self, other: FieldShape) {
        self.repeated |= other.repeated;
        self.kind = core::mem::replace(&mut self.kind, FieldType::Any).widened(other.kind);
        merge_fields(&mut self.fields, other.fields);
        if self.kind == FieldType::Any {
            self.fields.clear();
        }
    }
}

/// Adds fields to those of a group. One of the same name becomes as wide as both are.
pub fn merge_fields(fields: &mut Vec<FieldShape>, others: Vec<FieldShape>) {
    for other in others {
        match fields.iter_mut().find(|field| field.name == other.name) {
            Some(field) => field.merge(other),
            None => fields.push(other),
        }
    }
}

impl FieldType {
    /// The type of values that are of either type. A group has no value, so that the other is the type. Text that may be bytes is
    /// text, as it is where only some of it is not valid in its encoding.
    #[must_use]
    pub fn widened(self, other: FieldType) -> FieldType {
        use FieldType::{Any, Bytes, Enum, Float, Group, Signed, Text, Unsigned};
        match (self, other) {
            (Any, _) | (_, Any) => Any,
            (Group, kind) | (kind, Group) => kind,
            (Unsigned { bits: a }, Unsigned { bits: b }) => Unsigned { bits: a.max(b) },
            (Signed { bits: a }, Signed { bits: b }) => Signed { bits: a.max(b) },
            (Signed { bits: signed }, Unsigned { bits }) | (Unsigned { bits }, Signed { bits: signed }) => {
                Signed { bits: signed.max(bits.saturating_add(1)).min(64) }
            }
            (Float { bits: a }, Float { bits: b }) => Float { bits: a.max(b) },
            (Enum { names: mut all }, Enum { names }) => {
                for name in names {
                    if !all.contains(&name) {
                        all.push(name);
                    }
                }
                Enum { names: all }
            }
            (Text, Bytes) | (Bytes, Text) => Text,
            (a, b) if a == b => a,
            _ => Any,
        }
    }
}
