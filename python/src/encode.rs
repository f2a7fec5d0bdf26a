//! From Python's dictionaries to the fields of a message that is to be written. Nothing is derived here; a protocol does that.

use std::borrow::Cow;
use std::ops::Range;

use framescope_parser::{Dissection, Field, Kind, Value};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::decoder::lent;
use crate::errors;
use crate::group::Group;
use crate::message::Message;
use crate::names;
use crate::tree::{self, Stored};
use crate::values::Content;

/// A field that was given.
#[derive(Debug)]
struct Given {
    name: String,
    /// Where it was, if it was dissected.
    place: (usize, usize),
    value: GivenValue,
    fields: Vec<Given>,
}

#[derive(Debug)]
enum GivenValue {
    Group,
    Unsigned(u64),
    Signed(i64),
    Wide(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Enum(i128, Option<String>),
}

/// A message that was given by its fields.
#[derive(Debug)]
pub(crate) struct GivenMessage(Vec<Given>);

/// Groups in groups, deeper than any message has.
const DEEPEST: usize = 200;

impl GivenMessage {
    /// The fields of a mapping from names to values, or of a message.
    pub(crate) fn of(message: &Bound<'_, PyAny>) -> PyResult<GivenMessage> {
        let py = message.py();
        if let Ok(message) = message.cast::<Message>() {
            let content = message.get().content(py)?;
            return Ok(GivenMessage(dissected(content, content.tree().top())));
        }
        if let Ok(group) = message.cast::<Group>() {
            let group = group.get();
            return Ok(GivenMessage(dissected(&group.content, group.range())));
        }
        let Ok(map) = message.cast::<PyMapping>() else {
            let text = format!(
                "a message is given as a mapping from names to values, not as {}",
                message.get_type().name()?
            );
            return Err(pyo3::exceptions::PyTypeError::new_err(text));
        };
        Ok(GivenMessage(mapping(py, map, "", 0)?))
    }

    /// The same as the parser knows it.
    pub(crate) fn dissection(&self) -> Dissection<'_> {
        Dissection::with_fields(self.0.iter().map(Given::field).collect())
    }
}

impl Given {
    fn field(&self) -> Field<'_> {
        let value = match &self.value {
            GivenValue::Group => Value::Group,
            GivenValue::Unsigned(n) => Value::Unsigned(*n),
            GivenValue::Signed(n) => Value::Signed(*n),
            GivenValue::Wide(n) => Value::Wide((*n).into()),
            GivenValue::Float(x) => Value::Float(*x),
            GivenValue::Bool(b) => Value::Bool(*b),
            GivenValue::Text(text) => Value::Text(Cow::Borrowed(text)),
            GivenValue::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            GivenValue::Enum(number, name) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(n), _) => Value::Enum(Kind::new(n, name.as_deref())),
                (_, Ok(n)) => Value::Enum(Kind::signed(n, name.as_deref())),
                _ => Value::Wide((*number).into()),
            },
        };
        Field {
            name: &self.name,
            range: self.place.0..self.place.1,
            value,
            fields: self.fields.iter().map(Given::field).collect(),
        }
    }
}

/// The fields of a message as they were dissected, values that have fields in them too.
fn dissected(content: &Content, range: Range<u32>) -> Vec<Given> {
    let tree = content.tree();
    let text = |name| tree.text(name, names::lock().names()).to_owned();
    let of = |(at, node): (u32, &tree::Node)| {
        let value = match &node.value {
            Stored::Unsigned(n) | Stored::Hex(n) => GivenValue::Unsigned(*n),
            Stored::Signed(n) => GivenValue::Signed(*n),
            Stored::Wide(n) => GivenValue::Wide(n.number()),
            Stored::Float(x) => GivenValue::Float(*x),
            Stored::Bool(b) => GivenValue::Bool(*b),
            Stored::Text(place) => match String::from_utf8(tree.bytes(place, &content.bytes).to_vec()) {
                Ok(text) => GivenValue::Text(text),
                Err(error) => GivenValue::Bytes(error.into_bytes()),
            },
            Stored::Bytes(place) => GivenValue::Bytes(tree.bytes(place, &content.bytes).to_vec()),
            Stored::Enum { value, is_negative, name } => {
                let number = if *is_negative { i128::from(value.cast_signed()) } else { i128::from(*value) };
                GivenValue::Enum(number, name.map(text))
            }
            Stored::Group => GivenValue::Group,
            Stored::Missing => return None,
        };
        let place = (node.range.start, node.range.end);
        let fields = dissected(content, at + 1..node.end);
        Some(Given { name: text(node.name), place, value, fields })
    };
    tree.beside(range).filter_map(of).collect()
}

fn mapping(py: Python<'_>, map: &Bound<'_, PyMapping>, above: &str, depth: usize) -> PyResult<Vec<Given>> {
    if depth > DEEPEST {
        return Err(errors::encode(
            py,
            &format!("{above}: groups are nested deeper than any message has them"),
            Some(above),
        ));
    }
    let mut fields = Vec::new();
    for item in map.items()?.iter() {
        let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let Ok(name) = name.cast::<PyString>() else {
            let text = format!("a field's name is a str, not {}", name.get_type().name()?);
            return Err(pyo3::exceptions::PyTypeError::new_err(text));
        };
        add(py, name.to_str()?, &value, above, depth, &mut fields)?;
    }
    Ok(fields)
}

/// Adds the field of a name, or those of a list.
fn add(
    py: Python<'_>,
    name: &str,
    given: &Bound<'_, PyAny>,
    above: &str,
    depth: usize,
    fields: &mut Vec<Given>,
) -> PyResult<()> {
    if given.is_none() {
        return Ok(());
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        for item in given.try_iter()? {
            fields.push(one(py, name, &item?, above, depth)?);
        }
        return Ok(());
    }
    fields.push(one(py, name, given, above, depth)?);
    Ok(())
}

fn one(py: Python<'_>, name: &str, given: &Bound<'_, PyAny>, above: &str, depth: usize) -> PyResult<Given> {
    let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    let (value, fields) = if given.is_instance_of::<PyDict>() {
        (GivenValue::Group, mapping(py, given.cast::<PyMapping>().map_err(PyErr::from)?, &path, depth + 1)?)
    } else if let Some(value) = plain(given, &path)? {
        (value, Vec::new())
    } else if let Ok(map) = given.cast::<PyMapping>() {
        (GivenValue::Group, mapping(py, map, &path, depth + 1)?)
    } else {
        let text = format!(
            "{path}: a value is an int, float, bool, str, bytes, a mapping or a list of these, not {}",
            given.get_type().name()?
        );
        return Err(errors::encode(py, &text, Some(&path)));
    };
    Ok(Given { name: name.to_owned(), place: (0, 0), value, fields })
}

/// A value that is no group.
fn plain(given: &Bound<'_, PyAny>, path: &str) -> PyResult<Option<GivenValue>> {
    let py = given.py();
    if let Ok(b) = given.cast::<PyBool>() {
        return Ok(Some(GivenValue::Bool(b.is_true())));
    }
    if given.is_instance_of::<PyInt>() {
        let number: i128 = given
            .extract()
            .map_err(|_| errors::encode(py, &format!("{path}: the number is out of range"), Some(path)))?;
        // What has a name is written by its number; without one it is a number as any other.
        if given.is_instance(&crate::values::named_class(py)?)? {
            let name = given.getattr("name")?.extract()?;
            return Ok(Some(GivenValue::Enum(number, name)));
        }
        return Ok(Some(match (u64::try_from(number), i64::try_from(number)) {
            (Ok(n), _) => GivenValue::Unsigned(n),
            (_, Ok(n)) => GivenValue::Signed(n),
            _ => GivenValue::Wide(number),
        }));
    }
    if let Ok(x) = given.cast::<PyFloat>() {
        return Ok(Some(GivenValue::Float(x.value())));
    }
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Some(GivenValue::Text(text.to_str()?.to_owned())));
    }
    Ok(lent(given)?.map(|bytes| GivenValue::Bytes(bytes.to_vec())))
}
