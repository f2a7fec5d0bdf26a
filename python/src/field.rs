//! A field with its place, and a problem with its place, as Python sees them.

use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::names;
use crate::tree::{self, Stored};
use crate::values::{Content, fields, name, own_value};

/// A field of a message, with its place.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) content: Arc<Content>,
    pub(crate) at: u32,
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
pub(crate) struct Problem(pub(crate) tree::Problem);

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

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Field>()?;
    module.add_class::<Problem>()
}
