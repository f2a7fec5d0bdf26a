//! Dissected messages as data, in the shape that scripts know from `framescope decode --format json`.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::hex::Hex;
use crate::{Code, Direction, Dissection, Field, Kind, Problem, Severity, Value};

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Direction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `{"enum":"DATA","value":3}`, with null for a number without a name.
impl Serialize for Kind<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("enum", &self.name)?;
        match self.is_negative {
            true => map.serialize_entry("value", &self.value.cast_signed())?,
            false => map.serialize_entry("value", &self.value)?,
        }
        map.end()
    }
}

/// Numbers, booleans and text as they are, bytes as `{"bytes":"00ff"}`, a group and what is missing as null.
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unsigned(n) | Value::Hex(n) => serializer.serialize_u64(*n),
            Value::Signed(n) => serializer.serialize_i64(*n),
            Value::Wide(n) => serializer.serialize_i128(n.number()),
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("bytes", &format_args!("{}", Hex(bytes)))?;
                map.end()
            }
            Value::Enum(kind) => kind.serialize(serializer),
            Value::Group | Value::Missing => serializer.serialize_none(),
        }
    }
}

/// Name, offset and length; `value` unless it is a group, null if it is not known; `fields` if it is a group or has any.
impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_group = self.value == Value::Group;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name)?;
        map.serialize_entry("offset", &self.range.start)?;
        map.serialize_entry("length", &self.range.len())?;
        if !is_group {
            map.serialize_entry("value", &self.value)?;
        }
        if is_group || !self.fields.is_empty() {
            map.serialize_entry("fields", &self.fields)?;
        }
        map.end()
    }
}

/// Code, severity, offset, length and text.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut problem = serializer.serialize_struct("Problem", 5)?;
        problem.serialize_field("code", &self.code)?;
        problem.serialize_field("severity", &self.code.severity())?;
        problem.serialize_field("offset", &self.range.start)?;
        problem.serialize_field("length", &self.range.len())?;
        problem.serialize_field("text", &self.text)?;
        problem.end()
    }
}

/// Kind, summary, fields and problems.
impl Serialize for Dissection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("Dissection", 4)?;
        message.serialize_field("kind", &self.kind)?;
        message.serialize_field("summary", &self.summary)?;
        message.serialize_field("fields", &self.fields)?;
        message.serialize_field("problems", &self.problems)?;
        message.end()
    }
}
