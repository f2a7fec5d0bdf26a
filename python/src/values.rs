//! The fields of a message as Python values. Nothing is made before it is asked for.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::field::{Field, Problem};
use crate::framed::Part;
use crate::group::Group;
use crate::names;
use crate::tree::{self, Found, Name, Stored, Tree};

/// The bytes of a message, and its fields.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) bytes: Bytes,
    pub(crate) tree: Tree,
}

/// The bytes of a message.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// Its own.
    Own(Vec<u8>),
    /// In a block with those of others.
    Part(Part),
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::Own(Vec::new())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Part(part) => part,
        }
    }
}

impl Content {
    /// A message that was dissected.
    pub(crate) fn dissected(bytes: Vec<u8>, tree: Tree) -> Content {
        Content { bytes: Bytes::Own(bytes), tree }
    }

    /// Its fields.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }
}

/// A name as a Python string.
pub(crate) fn name<'py>(py: Python<'py>, tree: &Tree, name: Name) -> Bound<'py, PyString> {
    let mut lock = names::lock();
    let names = lock.names();
    match name {
        Name::Known(id) => names.python(py, id),
        Name::Rare(_) => PyString::new(py, tree.text(name, names)),
    }
}

static NAMED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A number that may have a name, as `framescope.Named`.
fn named<'py>(
    py: Python<'py>,
    number: i128,
    text: Option<Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = NAMED.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        Ok(PyModule::import(py, "framescope._values")?.getattr("named")?.unbind())
    })?;
    class.bind(py).call1((number, text))
}

static NAMED_CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The class `framescope.Named`.
pub(crate) fn named_class(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let class = NAMED_CLASS.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        Ok(PyModule::import(py, "framescope._values")?.getattr("Named")?.unbind())
    })?;
    Ok(class.bind(py).clone())
}

/// A field's own value; None for a group.
pub(crate) fn own_value<'py>(
    py: Python<'py>,
    content: &Content,
    value: &Stored,
) -> PyResult<Bound<'py, PyAny>> {
    let tree = content.tree();
    Ok(match value {
        Stored::Unsigned(n) | Stored::Hex(n) => n.into_pyobject(py)?.into_any(),
        Stored::Signed(n) => n.into_pyobject(py)?.into_any(),
        Stored::Wide(n) => n.number().into_pyobject(py)?.into_any(),
        Stored::Float(x) => x.into_pyobject(py)?.into_any(),
        Stored::Bool(b) => b.into_pyobject(py)?.to_owned().into_any(),
        Stored::Text(place) => {
            let bytes = tree.bytes(place, &content.bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => PyString::new(py, text).into_any(),
                Err(_) => PyBytes::new(py, bytes).into_any(),
            }
        }
        Stored::Bytes(place) => PyBytes::new(py, tree.bytes(place, &content.bytes)).into_any(),
        Stored::Enum { value, is_negative, name: text } => {
            let number = if *is_negative { i128::from(value.cast_signed()) } else { i128::from(*value) };
            named(py, number, text.map(|text| name(py, tree, text)))?
        }
        Stored::Group | Stored::Missing => py.None().into_bound(py),
    })
}

/// A field as a Python value.
pub(crate) fn value<'py>(py: Python<'py>, content: &Arc<Content>, at: u32) -> PyResult<Bound<'py, PyAny>> {
    let tree = content.tree();
    let Some(node) = tree.nodes.get(at as usize) else { return Ok(py.None().into_bound(py)) };
    match is_shown_as_group(at, node) {
        true => Ok(Bound::new(py, Group { content: Arc::clone(content), at })?.into_any()),
        false => own_value(py, content, &node.value),
    }
}

/// Whether a field is the fields in it rather than its own value: a number that has some has names for its bits.
fn is_shown_as_group(at: u32, node: &tree::Node) -> bool {
    let has_fields = node.end > at + 1;
    match node.value {
        Stored::Group => true,
        Stored::Unsigned(_) | Stored::Hex(_) | Stored::Signed(_) | Stored::Wide(_) => has_fields,
        _ => false,
    }
}

/// The value of the only field, or a list of those of several.
fn value_of<'py>(
    py: Python<'py>,
    content: &Arc<Content>,
    found: &Found,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match found.fields.as_slice() {
        [] if !found.is_list => Ok(None),
        [one] if !found.is_list => value(py, content, *one).map(Some),
        several => Ok(Some(list_of(py, content, several)?.into_any())),
    }
}

fn list_of<'py>(py: Python<'py>, content: &Arc<Content>, found: &[u32]) -> PyResult<Bound<'py, PyList>> {
    let values: PyResult<Vec<_>> = found.iter().map(|at| value(py, content, *at)).collect();
    PyList::new(py, values?)
}

/// What is at a path in a range of fields.
pub(crate) fn find<'py>(
    py: Python<'py>,
    content: &Arc<Content>,
    range: Range<u32>,
    path: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(only) = content.tree().only(range.clone(), path) {
        return value(py, content, only).map(Some);
    }
    value_of(py, content, &content.tree().find(range, path))
}

/// All that is at a path in a range of fields, in a list.
pub(crate) fn find_all<'py>(
    py: Python<'py>,
    content: &Arc<Content>,
    range: Range<u32>,
    path: &str,
) -> PyResult<Bound<'py, PyList>> {
    list_of(py, content, &content.tree().find(range, path).fields)
}

/// The names of a range of fields, each once.
pub(crate) fn keys<'py>(
    py: Python<'py>,
    content: &Content,
    range: Range<u32>,
) -> PyResult<Bound<'py, PyList>> {
    let tree = content.tree();
    let once = PyDict::new(py);
    for (_, node) in tree.beside(range) {
        once.set_item(name(py, tree, node.name), py.None())?;
    }
    Ok(once.keys())
}

/// A range of fields as a dictionary of plain values: groups are dictionaries, repeated names lists.
pub(crate) fn to_dict<'py>(
    py: Python<'py>,
    content: &Content,
    range: Range<u32>,
) -> PyResult<Bound<'py, PyDict>> {
    let tree = content.tree();
    let dict = PyDict::new(py);
    for (at, node) in tree.beside(range) {
        let value = match is_shown_as_group(at, node) {
            true => to_dict(py, content, at + 1..node.end)?.into_any(),
            false => own_value(py, content, &node.value)?,
        };
        let key = name(py, tree, node.name);
        match dict.get_item(&key)? {
            None if node.is_repeated => dict.set_item(key, PyList::new(py, [value])?)?,
            None => dict.set_item(key, value)?,
            Some(known) => match known.cast::<PyList>() {
                Ok(list) => list.append(value)?,
                Err(_) => dict.set_item(key, PyList::new(py, [known, value])?)?,
            },
        }
    }
    Ok(dict)
}

/// The fields of a range, as they are.
pub(crate) fn fields<'py>(
    py: Python<'py>,
    content: &Arc<Content>,
    range: Range<u32>,
) -> PyResult<Bound<'py, PyList>> {
    let of = |(at, _)| Bound::new(py, Field { content: Arc::clone(content), at });
    let fields: PyResult<Vec<_>> = content.tree().beside(range).map(of).collect();
    PyList::new(py, fields?)
}

/// What is wrong with a message.
pub(crate) fn problems<'py>(py: Python<'py>, content: &Content) -> PyResult<Bound<'py, PyList>> {
    let of = |problem: &tree::Problem| Bound::new(py, Problem(problem.clone()));
    let problems: PyResult<Vec<_>> = content.tree().problems.iter().map(of).collect();
    PyList::new(py, problems?)
}

static EPOCH: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

fn epoch(py: Python<'_>) -> PyResult<&(Py<PyAny>, Py<PyAny>)> {
    EPOCH.get_or_try_init(py, || {
        let module = PyModule::import(py, "datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        let epoch = module.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
        Ok((epoch.unbind(), module.getattr("timedelta")?.unbind()))
    })
}

/// A duration as ``datetime.timedelta``, which has microseconds.
pub(crate) fn duration(py: Python<'_>, nanoseconds: i64) -> PyResult<Bound<'_, PyAny>> {
    const DAY: i64 = 86_400_000_000;
    let microseconds = nanoseconds.div_euclid(1000);
    let (days, rest) = (microseconds.div_euclid(DAY), microseconds.rem_euclid(DAY));
    epoch(py)?.1.bind(py).call1((days, rest / 1_000_000, rest % 1_000_000))
}

/// A time as ``datetime.datetime`` in UTC.
pub(crate) fn time(py: Python<'_>, time_ns: i64) -> PyResult<Bound<'_, PyAny>> {
    epoch(py)?.0.bind(py).add(duration(py, time_ns)?)
}
