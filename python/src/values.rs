//! The fields of a message as Python values. Nothing is made before it is asked for.

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyAttributeError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString};

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::framed::Part;
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
fn own_value<'py>(py: Python<'py>, content: &Content, value: &Stored) -> PyResult<Bound<'py, PyAny>> {
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

/// A field with fields in it: a mapping from their names to their values, which are also its attributes.
///
/// It may have a value of its own as well, such as flags that are a number of which each bit has a name: then it compares as that
/// value, and ``int(group)`` is it.
#[pyclass(frozen, mapping, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) content: Arc<Content>,
    at: u32,
}

impl Group {
    /// The fields in it.
    pub(crate) fn range(&self) -> Range<u32> {
        self.content.tree().inside(self.at)
    }

    fn own<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.content.tree().nodes.get(self.at as usize).map(|node| &node.value) {
            None | Some(Stored::Group) => Ok(None),
            Some(value) => own_value(py, &self.content, value).map(Some),
        }
    }
}

#[pymethods]
impl Group {
    fn __getitem__<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyAny>> {
        find(py, &self.content, self.range(), path)?.ok_or_else(|| PyKeyError::new_err(path.to_owned()))
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = match name.starts_with("__") {
            true => None,
            false => find(py, &self.content, self.range(), name)?,
        };
        found.ok_or_else(|| PyAttributeError::new_err(format!("there is no field '{name}' in this group")))
    }

    fn __contains__(&self, path: &Bound<'_, PyAny>) -> bool {
        path.cast::<PyString>()
            .ok()
            .and_then(|path| path.to_str().ok())
            .is_some_and(|path| !self.content.tree().find(self.range(), path).fields.is_empty())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(keys(py, &self.content, self.range())?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyIterator>> {
        keys(py, &self.content, self.range())?.try_iter()
    }

    /// The names of the fields in it, each once.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        keys(py, &self.content, self.range())
    }

    /// The values of the fields in it, by name.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let values = self.keys(py)?.iter().map(|key| self.__getitem__(py, key.cast::<PyString>()?.to_str()?));
        PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
    }

    /// The names of the fields in it with their values.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let items = self.keys(py)?.iter().map(|key| {
            let value = self.__getitem__(py, key.cast::<PyString>()?.to_str()?)?;
            Ok((key, value))
        });
        PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)
    }

    /// What is at a path, or else ``default``.
    #[pyo3(signature = (path, default=None))]
    fn get<'py>(
        &self,
        path: &str,
        default: Option<Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(find(py, &self.content, self.range(), path)?.or(default))
    }

    /// All that is at a path, in a list: empty where there is nothing.
    fn all<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyList>> {
        find_all(py, &self.content, self.range(), path)
    }

    /// A dictionary of plain values: groups are dictionaries, repeated names lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.content, self.range())
    }

    /// Its own value; where it has none, that of the field ``value`` in it.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.own(py)? {
            Some(value) => Ok(value),
            None => self.__getattr__(py, "value"),
        }
    }

    /// The fields in it, with their places.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields(py, &self.content, self.range())
    }

    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let value = self.own(py)?;
        let value =
            value.ok_or_else(|| PyTypeError::new_err("a group without a value of its own is no number"))?;
        PyModule::import(py, "operator")?.getattr("index")?.call1((value,))
    }

    fn __index__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.__int__(py)
    }

    fn __richcmp__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
        compare: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let other_group = other.cast::<Group>().ok();
        let (own, other): (Bound<'py, PyAny>, Bound<'py, PyAny>) = match (other_group, self.own(py)?) {
            (Some(group), _) => (self.to_dict(py)?.into_any(), group.get().to_dict(py)?.into_any()),
            (None, _) if other.cast::<PyMapping>().is_ok() => (self.to_dict(py)?.into_any(), other.clone()),
            (None, Some(own)) => (own, other.clone()),
            (None, None) => return Ok(py.NotImplemented()),
        };
        match compare {
            CompareOp::Eq | CompareOp::Ne => Ok(own.rich_compare(other, compare)?.unbind()),
            _ if own.cast::<PyDict>().is_ok() => Ok(py.NotImplemented()),
            _ => Ok(own.rich_compare(other, compare)?.unbind()),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        match self.own(py)? {
            Some(own) => own.hash(),
            None => Err(PyTypeError::new_err("a group is a mapping and has no hash")),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let fields = self.to_dict(py)?.repr()?;
        Ok(match self.own(py)? {
            Some(value) => format!("Group({}, {fields})", value.repr()?),
            None => format!("Group({fields})"),
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        // What is left of it without its message is a dictionary.
        let dict = PyModule::import(py, "builtins")?.getattr("dict")?;
        Ok((dict, (self.to_dict(py)?.into_any(),)))
    }
}

/// A field of a message, with its place.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Field {
    content: Arc<Content>,
    at: u32,
}

impl Field {
    fn node(&self) -> PyResult<&tree::Node> {
        self.content.tree().nodes.get(self.at as usize).ok_or_else(|| PyKeyError::new_err("the field"))
    }
}

#[pymethods]
impl Field {
    /// Its name.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(name(py, self.content.tree(), self.node()?.name))
    }

    /// Where in the message it begins.
    #[getter]
    fn offset(&self) -> PyResult<usize> {
        Ok(self.node()?.range.start)
    }

    /// How many bytes of the message it is.
    #[getter]
    fn length(&self) -> PyResult<usize> {
        Ok(self.node()?.range.len())
    }

    /// Its value; None for a group of other fields, and where bytes of it were not captured.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        own_value(py, &self.content, &self.node()?.value)
    }

    /// How its value is shown to people: ``0xf54d``, ``DATA (3)``.
    #[getter]
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match &self.node()?.value {
            Stored::Hex(n) => format!("{n:#x}"),
            Stored::Group => String::new(),
            Stored::Missing => "not captured".to_owned(),
            Stored::Bytes(place) => {
                framescope_capture::export::hex(self.content.tree().bytes(place, &self.content.bytes))
            }
            value @ Stored::Enum { name: Some(_), .. } => {
                let value = own_value(py, &self.content, value)?;
                format!("{} ({})", value.str()?, value.extract::<i128>()?)
            }
            value @ Stored::Text(_) => {
                let value = own_value(py, &self.content, value)?;
                value.extract::<String>().map_or_else(|_| String::new(), |text| format!("{text:?}"))
            }
            Stored::Bool(b) => b.to_string(),
            value => own_value(py, &self.content, value)?.str()?.to_string(),
        })
    }

    /// Whether it has no value but only fields in it.
    #[getter]
    fn is_group(&self) -> PyResult<bool> {
        Ok(matches!(self.node()?.value, Stored::Group))
    }

    /// Whether bytes of it were not captured.
    #[getter]
    fn is_missing(&self) -> PyResult<bool> {
        Ok(matches!(self.node()?.value, Stored::Missing))
    }

    /// The fields in it.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields(py, &self.content, self.content.tree().inside(self.at))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let node = self.node()?;
        let name = self.name(py)?;
        Ok(format!("<Field {name} [{}:{}] {}>", node.range.start, node.range.end, self.text(py)?)
            .replace(" >", ">"))
    }
}

/// Something that is wrong with a message.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Problem(tree::Problem);

#[pymethods]
impl Problem {
    /// Which fault it is: ``checksum-mismatch``.
    #[getter]
    fn code<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        names::python(py, self.0.code.as_str())
    }

    /// ``error``, ``warning`` or ``note``.
    #[getter]
    fn severity<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        names::python(py, self.0.code.severity().as_str())
    }

    /// Where in the message the bytes at fault begin.
    #[getter]
    fn offset(&self) -> usize {
        self.0.range.start
    }

    /// How many bytes are at fault.
    #[getter]
    fn length(&self) -> usize {
        self.0.range.len()
    }

    /// What was expected and what was found.
    #[getter]
    fn text(&self) -> &str {
        &self.0.text
    }

    /// What the code means.
    #[getter]
    fn meaning(&self) -> &'static str {
        self.0.code.meaning()
    }

    /// What usually causes it.
    #[getter]
    fn usual_cause(&self) -> &'static str {
        self.0.code.usual_cause()
    }

    /// What to do about it.
    #[getter]
    fn what_to_do(&self) -> &'static str {
        self.0.code.what_to_do()
    }

    fn __str__(&self) -> String {
        format!("{}: {}", self.0.code, self.0.text)
    }

    fn __repr__(&self) -> String {
        format!("<Problem {} [{}:{}]: {}>", self.0.code, self.0.range.start, self.0.range.end, self.0.text)
    }
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

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Group>()?;
    module.add_class::<Field>()?;
    module.add_class::<Problem>()
}
