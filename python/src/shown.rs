//! How objects show themselves in a notebook and in a picture: by functions of the package, which are in Python.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// What a function of `framescope.display` makes of an object.
pub(crate) fn html<'py>(object: &Bound<'py, PyAny>, function: &str) -> PyResult<Bound<'py, PyAny>> {
    PyModule::import(object.py(), "framescope.display")?.getattr(function)?.call1((object,))
}

/// Messages drawn over time, on matplotlib's axes if there are any.
pub(crate) fn timeline<'py>(
    messages: &Bound<'py, PyAny>,
    ax: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = messages.py();
    let arguments = PyTuple::new(py, [messages.clone(), ax.unwrap_or_else(|| py.None().into_bound(py))])?;
    PyModule::import(py, "framescope.timeline")?.getattr("timeline")?.call1(arguments)
}
