//! What is wrong with a capture: its messages' problems counted, and where its file is damaged.

use std::collections::BTreeMap;

use framescope_capture::{Damage as Damaged, RowId};
use framescope_parser::Code;
use pyo3::prelude::*;
use pyo3::types::PyList;

use std::sync::Arc;

use crate::capture::Capture;
use crate::opened::{Opened, Rows};

/// How often a problem occurs in a capture.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct ProblemCount {
    opened: Arc<Opened>,
    code: Code,
    rows: Arc<[RowId]>,
}

/// The problems of messages, the worst first, and of the same severity the most frequent.
pub(crate) fn counts<'py>(py: Python<'py>, capture: &Capture) -> PyResult<Bound<'py, PyList>> {
    let mut found: BTreeMap<Code, Vec<RowId>> = BTreeMap::new();
    let (index, rows) = (&*capture.opened.index, &capture.rows);
    py.detach(|| {
        for place in 0..rows.len() {
            let Some((id, row)) = rows.get(place).and_then(|id| Some((id, index.row(id)?))) else { break };
            for code in row.codes.iter() {
                found.entry(code).or_default().push(id);
            }
        }
    });
    let mut counts: Vec<ProblemCount> = found
        .into_iter()
        .map(|(code, rows)| ProblemCount { opened: Arc::clone(&capture.opened), code, rows: rows.into() })
        .collect();
    counts
        .sort_by_key(|count| (std::cmp::Reverse(count.code.severity()), std::cmp::Reverse(count.rows.len())));
    PyList::new(py, counts.into_iter().map(|count| Bound::new(py, count)).collect::<PyResult<Vec<_>>>()?)
}

#[pymethods]
impl ProblemCount {
    /// Which fault it is: ``checksum-mismatch``.
    #[getter]
    fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// ``error``, ``warning`` or ``note``.
    #[getter]
    fn severity(&self) -> &'static str {
        self.code.severity().as_str()
    }

    /// How many messages have it.
    #[getter]
    fn count(&self) -> usize {
        self.rows.len()
    }

    /// The messages that have it.
    #[getter]
    fn messages(&self) -> Capture {
        let rows = Rows::Listed(Arc::clone(&self.rows));
        Capture { opened: Arc::clone(&self.opened), rows, expression: None }
    }

    /// What the code means.
    #[getter]
    fn meaning(&self) -> &'static str {
        self.code.meaning()
    }

    /// What usually causes it.
    #[getter]
    fn usual_cause(&self) -> &'static str {
        self.code.usual_cause()
    }

    /// What to do about it.
    #[getter]
    fn what_to_do(&self) -> &'static str {
        self.code.what_to_do()
    }

    fn __repr__(&self) -> String {
        format!("<ProblemCount {} {}: {}>", self.code.severity(), self.code, self.rows.len())
    }
}

/// Where a file is damaged.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Damage(Damaged);

/// Where the file of a capture is damaged.
pub(crate) fn damages<'py>(py: Python<'py>, capture: &Capture) -> PyResult<Bound<'py, PyList>> {
    let all = capture.opened.index.damages().iter();
    PyList::new(py, all.map(|damage| Bound::new(py, Damage(damage.clone()))).collect::<PyResult<Vec<_>>>()?)
}

#[pymethods]
impl Damage {
    /// The file's name.
    #[getter]
    fn file(&self) -> &str {
        &self.0.file
    }

    /// Where in the file the damaged part begins.
    #[getter]
    fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The number that the packet there would have; None in the file's header.
    #[getter]
    fn packet(&self) -> Option<u32> {
        self.0.packet.map(|packet| packet.number())
    }

    /// Where in the file reading resumed; None if nothing readable follows.
    #[getter]
    fn resumed(&self) -> Option<u64> {
        self.0.resumed
    }

    /// How many packets were read before it.
    #[getter]
    fn packets_read(&self) -> u32 {
        self.0.packets_read
    }

    /// What is wrong.
    #[getter]
    fn what(&self) -> &str {
        &self.0.what
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Damage {}>", self.0)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ProblemCount>()?;
    module.add_class::<Damage>()
}
