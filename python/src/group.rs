//! A field with fields in it, as Python sees it.

use std::ops::Range;
use std::sync::Arc;

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyAttributeError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyMapping, PyString};

use crate::tree::Stored;
use crate::values::{Content, fields, find, find_all, keys, own_value, to_dict};

/// A field with fields in it: a mapping from their names to their values, which are also its attributes.
///
/// It may have a value of its own as well, such as flags that are a number of which each bit has a name: then it compares as that
/// value, and ``int(group)`` is it.
#[pyclass(frozen, mapping, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) content: Arc<Content>,
    pub(crate) at: u32,
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

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
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

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Group>()
}
