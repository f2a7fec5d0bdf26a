//! Reads captures from their beginnings to their ends, without the interpreter's lock.

use std::time::{Duration, Instant};

use framescope_capture::filter::Filter;
use framescope_capture::{Index, Options, ReadError, Source, read};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::capture::Capture;
use crate::errors;
use crate::source::{Given, Reopening, source};

/// How often it is looked whether Ctrl-C was pressed, and progress is reported.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Reads a capture to its end, without the interpreter's lock.
fn read_all(
    py: Python<'_>,
    source: Source,
    options: &Options,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Index> {
    let progress = progress.filter(|progress| !progress.is_none()).map(|progress| progress.clone().unbind());
    let length = source.length();
    if let Some(progress) = &progress {
        progress.call1(py, (0, length))?;
    }
    let mut stopped: Option<PyErr> = None;
    let mut looked = Instant::now();
    let mut watch = |index: &Index| {
        if looked.elapsed() < BETWEEN_LOOKS {
            return true;
        }
        looked = Instant::now();
        let look = |py: Python<'_>| {
            py.check_signals()?;
            match &progress {
                Some(progress) => progress.call1(py, (index.position(), length)).map(drop),
                None => Ok(()),
            }
        };
        match Python::attach(look) {
            Ok(()) => true,
            Err(error) => {
                stopped = Some(error);
                false
            }
        }
    };
    let index = py.detach(|| -> Result<Index, ReadError> { read(source, options, &mut watch) });
    let index = index.map_err(|error| errors::read(py, &error))?;
    if let Some(error) = stopped {
        return Err(error);
    }
    if let Some(progress) = &progress {
        progress.call1(py, (length, length))?;
    }
    py.check_signals()?;
    Ok(index)
}

/// Reads a capture, with the keywords that `framescope.open` has.
#[pyfunction]
#[pyo3(signature = (source, filter, progress, options))]
fn open_capture<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    filter: Option<&str>,
    progress: Option<&Bound<'py, PyAny>>,
    options: &Bound<'py, PyDict>,
) -> PyResult<Capture> {
    let (given, named) = Given(options.clone()).options_and_names(py)?;
    // What is wrong with a filter is said before the capture is read.
    let parsed = filter.map(|filter| Filter::parse(filter, &given.protocols));
    parsed.transpose().map_err(|error| errors::filter(py, &error))?;
    let reopening = Reopening::of(source, options)?;
    let opened = self::source(source)?;
    let index = read_all(py, opened, &given, progress)?;
    for damage in index.damages() {
        errors::warn(py, "DamageWarning", &damage.to_string())?;
    }
    let capture = Capture::new(index, given, named, reopening);
    match filter {
        Some(expression) => capture.filter(py, expression),
        None => Ok(capture),
    }
}

/// Reads a capture again.
pub(crate) fn open_capture_with<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    options: &Bound<'py, PyDict>,
) -> PyResult<Capture> {
    open_capture(py, source, None, None, options)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(open_capture, module)?)
}
