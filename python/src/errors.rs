//! Errors as Python's: what each of Framescope's becomes, with what it knows about the place.

use std::io;

use framescope_capture::filter::FilterError;
use framescope_capture::{OpenError, ReadError};
use framescope_ksy::LoadError;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// An error's class, by its name in `framescope/_errors.py`.
pub(crate) fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let module =
        ERRORS.get_or_try_init(py, || PyModule::import(py, "framescope._errors").map(Bound::unbind))?;
    module.bind(py).getattr(name)
}

/// An error of a class, with attributes.
pub(crate) fn error(py: Python<'_>, name: &str, text: &str, about: &[(&str, Py<PyAny>)]) -> PyErr {
    let make = || {
        let attributes = PyDict::new(py);
        for (name, value) in about {
            attributes.set_item(name, value)?;
        }
        class(py, name)?.call((text,), Some(&attributes))
    };
    match make() {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// A value as an attribute of an error.
pub(crate) fn attribute<'py, T: IntoPyObjectExt<'py>>(py: Python<'py>, value: T) -> Py<PyAny> {
    value.into_py_any(py).unwrap_or_else(|_| py.None())
}

/// A capture can't be opened.
pub(crate) fn open(py: Python<'_>, error_: &OpenError) -> PyErr {
    let text = error_.to_string();
    let (file, number) = match error_ {
        OpenError::Directory { name } => (Some(name.clone()), Some(21)),
        OpenError::Unreadable { name, error } => (Some(name.clone()), error.raw_os_error()),
        _ => (None, None),
    };
    let about = [
        ("file", attribute(py, file.clone())),
        ("filename", attribute(py, file)),
        ("errno", attribute(py, number)),
    ];
    let is_missing =
        matches!(error_, OpenError::Unreadable { error, .. } if error.kind() == io::ErrorKind::NotFound);
    error(py, if is_missing { "MissingError" } else { "OpenError" }, &text, &about)
}

/// A capture can't be read with the options that were given.
pub(crate) fn read(py: Python<'_>, error_: &ReadError) -> PyErr {
    let text = error_.to_string();
    match error_ {
        ReadError::UnknownProtocol { .. }
        | ReadError::UnknownCarrier { .. }
        | ReadError::UnusableProtocol { .. } => error(py, "OptionError", &text, &[]),
        ReadError::UnsupportedFormat(format) => {
            error(py, "OpenError", &text, &[("file", attribute(py, &format.name))])
        }
        ReadError::Conversion { name, .. } => error(py, "OpenError", &text, &[("file", attribute(py, name))]),
        _ => error(py, "OpenError", &text, &[]),
    }
}

/// A capture that was opened can't be read any more.
pub(crate) fn gone(py: Python<'_>, file: &str, error_: &io::Error) -> PyErr {
    let about = [("file", attribute(py, file)), ("errno", attribute(py, error_.raw_os_error()))];
    error(py, "ReadError", &error_.to_string(), &about)
}

/// An option is not what it has to be.
pub(crate) fn option(py: Python<'_>, text: &str) -> PyErr {
    error(py, "OptionError", text, &[])
}

/// A filter can't be understood.
pub(crate) fn filter(py: Python<'_>, error_: &FilterError) -> PyErr {
    // Python counts characters.
    let characters =
        |bytes: usize| error_.expression.get(..bytes).map_or(bytes, |before| before.chars().count());
    let about = [
        ("expression", attribute(py, &error_.expression)),
        ("start", attribute(py, characters(error_.range.start))),
        ("end", attribute(py, characters(error_.range.end))),
    ];
    error(py, "FilterError", &error_.to_string(), &about)
}

/// A description has mistakes.
pub(crate) fn description(py: Python<'_>, error_: &LoadError) -> PyErr {
    let all = error_.diagnostics();
    let listed: Vec<(&str, u32, u32, &str)> =
        all.iter().map(|one| (one.file.as_str(), one.line, one.column, one.text.as_str())).collect();
    let diagnostics = PyTuple::new(py, listed).map_or_else(|_| py.None(), |list| list.into_any().unbind());
    let about = [
        ("file", attribute(py, all.first().map(|first| first.file.as_str()))),
        ("line", attribute(py, error_.line())),
        ("column", attribute(py, error_.column())),
        ("diagnostics", diagnostics),
    ];
    error(py, "DescriptionError", &error_.to_string(), &about)
}

/// A message can't be written.
pub(crate) fn encode(py: Python<'_>, text: &str, field: Option<&str>) -> PyErr {
    error(py, "EncodeError", text, &[("field", attribute(py, field))])
}

/// Warns of something that is no error.
pub(crate) fn warn(py: Python<'_>, name: &str, text: &str) -> PyResult<()> {
    let category = class(py, name)?;
    // Captures are opened by a function in Python, around the one that warns.
    let level = if name == "DamageWarning" { 2 } else { 1 };
    PyModule::import(py, "warnings")?.getattr("warn")?.call1((text, category, level))?;
    Ok(())
}
