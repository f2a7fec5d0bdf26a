//! Many captures for many workers: a quick look at each, how they are divided into shares, and reading a share.

mod divide;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use framescope_capture::{Options, Selection, Source, TransportType, read, rotated_name, scan};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::capture::Capture;
use crate::errors;
use crate::source::{Given, source};

/// How often it is looked whether Ctrl-C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Numbers, as many 64-bit ones in the byte order of all machines that run this.
fn packed<'py>(py: Python<'py>, numbers: impl IntoIterator<Item = u64>) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
    PyBytes::new(py, &bytes)
}

fn unpacked(bytes: &[u8]) -> impl ExactSizeIterator<Item = u64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk))
}

/// What several files are as one.
fn joined(sources: &Bound<'_, PyList>) -> PyResult<Source> {
    let sources: PyResult<Vec<Source>> = sources.iter().map(|one| source(&one)).collect();
    Ok(Source::joined(sources?))
}

/// Does work that looks now and then whether Ctrl-C was pressed.
fn watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&mut (dyn FnMut() -> bool + Send)) -> T + Send,
) -> PyResult<T> {
    let mut stopped: Option<PyErr> = None;
    let mut looked = Instant::now();
    let mut goes_on = || {
        if looked.elapsed() < BETWEEN_LOOKS {
            return true;
        }
        looked = Instant::now();
        match Python::attach(|py| py.check_signals()) {
            Ok(()) => true,
            Err(error) => {
                stopped = Some(error);
                false
            }
        }
    };
    let done = py.detach(|| work(&mut goes_on));
    match stopped {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// Looks at which conversations captures have that are read as one; with `begins`, only whether they are captures.
#[pyfunction]
fn scan_captures<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyList>,
    begins: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let source = joined(sources)?;
    let scanned = watched(py, move |goes_on| scan(&source, None, &mut |_| goes_on() && !begins))?;
    let mut found = scanned.map_err(|error| errors::read(py, &error))?;
    found.conversations.sort_unstable_by_key(|conversation| conversation.key);
    let conversations = &found.conversations;
    let report = PyDict::new(py);
    report.set_item("packets", found.packets)?;
    report.set_item("times_ns", found.times_ns)?;
    report.set_item("keys", packed(py, conversations.iter().map(|one| one.key)))?;
    // Also what carries nothing has to be read.
    let weights = conversations.iter().map(|one| one.bytes + 64 * u64::from(one.packets));
    report.set_item("weights", packed(py, weights))?;
    report.set_item("fragmented", packed(py, found.fragmented.iter().copied()))?;
    report.set_item("incomplete", packed(py, found.incomplete.iter().copied()))?;
    report.set_item("has_secrets", found.has_secrets)?;
    let damages: Vec<String> = found.damages.iter().map(ToString::to_string).collect();
    report.set_item("damages", damages)?;
    Ok(report)
}

/// What a name has in common with those of the files that continue it.
#[pyfunction]
fn rotated<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &rotated_name(name.as_bytes()))
}

fn selection(
    only: Option<&[u8]>,
    without: Option<&[u8]>,
    share: Option<(u32, u32)>,
) -> PyResult<Option<Selection>> {
    let selection = match (only, without) {
        (Some(keys), None) => Selection::only(unpacked(keys)),
        (None, Some(keys)) => Selection::except(unpacked(keys)),
        (None, None) if share.is_none() => return Ok(None),
        (None, None) => Selection::default(),
        (Some(_), Some(_)) => return Err(PyValueError::new_err("either only these, or all without these")),
    };
    let Some((part, of)) = share else { return Ok(Some(selection)) };
    let of = NonZeroU32::new(of).ok_or_else(|| PyValueError::new_err("a share is one of at least one"))?;
    Ok(Some(selection.share(part, of)))
}

/// Reads the conversations of a share, of captures that are read as one. `secrets` are captures before them whose secrets they are
/// decrypted with.
#[pyfunction]
#[pyo3(signature = (sources, options, *, only=None, without=None, share=None, secrets, read_ahead))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn read_share<'py>(
    py: Python<'py>,
    sources: &Bound<'py, PyList>,
    options: &Bound<'py, PyDict>,
    only: Option<&[u8]>,
    without: Option<&[u8]>,
    share: Option<(u32, u32)>,
    secrets: &Bound<'py, PyList>,
    read_ahead: bool,
) -> PyResult<Capture> {
    let (given, named) = Given(options.clone()).options_and_names(py)?;
    let selection = selection(only, without, share)?;
    let given = Options { selection, reads_ahead: read_ahead, ..given };
    if let Some(takes) = given.secrets.clone() {
        for one in secrets.iter() {
            let source = source(&one)?;
            let takes = takes.clone();
            // What is wrong with it is said where it is read itself.
            let _ = watched(py, move |goes_on| scan(&source, Some(&*takes), &mut |_| goes_on()))?;
        }
    }
    let source = joined(sources)?;
    let name = source.name().to_owned();
    let options = given.clone();
    let index = watched(py, move |goes_on| read(source, &options, &mut |_| goes_on()))?;
    let index = index.map_err(|error| errors::read(py, &error))?;
    if index.flows().any(|(_, flow)| flow.transport == TransportType::File) {
        let error = framescope_capture::ReadError::NoCapture { name };
        return Err(errors::read(py, &error));
    }
    Ok(Capture::new(index, given, named, None))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(scan_captures, module)?)?;
    module.add_function(wrap_pyfunction!(rotated, module)?)?;
    module.add_function(wrap_pyfunction!(divide::divide_captures, module)?)?;
    module.add_function(wrap_pyfunction!(read_share, module)?)
}
