//! A capture as a table: an object that pyarrow, pandas, Polars and DuckDB take by the Arrow C stream interface, without a copy.

use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::export::Fields;
use framescope_capture::filter::Column;
use framescope_tables::arrow_array::ffi_stream::FFI_ArrowArrayStream;
use framescope_tables::arrow_array::{RecordBatch, RecordBatchReader};
use framescope_tables::arrow_schema::ffi::FFI_ArrowSchema;
use framescope_tables::arrow_schema::{ArrowError, SchemaRef};
use framescope_tables::{Batches, Table as Rows, TableError, TableOptions, TableRows};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString};

use crate::capture::Capture;
use crate::{errors, opened};

/// The messages of a capture as a table, which is made when something reads it: with `pyarrow.table(t)`, `polars.DataFrame(t)`, in a query
/// of DuckDB. It may be read several times.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Table {
    rows: Rows,
}

/// How often it is looked whether Ctrl-C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The batches of a table. A panic while one is made is an error: it may not pass through the caller, which is not Rust.
struct Guarded(Batches);

impl Iterator for Guarded {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = catch_unwind(AssertUnwindSafe(|| self.0.next()));
        made.unwrap_or_else(|_| Some(Err(ArrowError::ComputeError(PANIC.to_owned()))))
    }
}

const PANIC: &str = "Framescope failed while it made a batch; please report it";

impl RecordBatchReader for Guarded {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

#[pymethods]
impl Table {
    /// The names of its columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.rows.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // Another schema is a wish that need not be fulfilled.
        let _ = requested_schema;
        self.stream(py)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema(py, &self.rows)
    }

    /// As a `pyarrow.Table`.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        PyModule::import(slf.py(), "pyarrow")?.getattr("table")?.call1((slf,))
    }

    /// As a pandas frame. The keywords are those of `pyarrow.Table.to_pandas`.
    #[pyo3(signature = (**keywords))]
    fn to_pandas<'py>(
        slf: &Bound<'py, Self>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Table::to_pyarrow(slf)?.call_method("to_pandas", (), keywords)
    }

    /// As a Polars frame.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        PyModule::import(slf.py(), "polars")?.getattr("DataFrame")?.call1((slf,))
    }

    /// Writes it as a Parquet file. One that exists is replaced once everything is written. Returns how many rows were written.
    pub(crate) fn write_parquet(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        write(py, &path, |out, watch| self.rows.write_parquet(out, watch))
    }

    /// The same as an Arrow file, also called Feather.
    fn write_arrow(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        write(py, &path, |out, watch| self.rows.write_arrow(out, watch))
    }

    fn __repr__(&self) -> String {
        format!("<Table of {}>", self.column_names().join(", "))
    }
}

impl Table {
    /// A stream of its batches.
    pub(crate) fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let stream = FFI_ArrowArrayStream::new(Box::new(Guarded(self.rows.batches())));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

fn schema<'py>(py: Python<'py>, rows: &Rows) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&*rows.schema())
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// Writes a file that has its name only once it is complete, without the interpreter's lock.
fn write(
    py: Python<'_>,
    path: &Path,
    work: impl FnOnce(&mut (dyn Write + Send), &mut dyn FnMut(usize) -> bool) -> Result<u64, TableError> + Send,
) -> PyResult<u64> {
    let mut stopped = None;
    let mut looked = Instant::now();
    let mut watch = |_| {
        if looked.elapsed() < BETWEEN_LOOKS {
            return true;
        }
        looked = Instant::now();
        stopped = Python::attach(|py| py.check_signals()).err();
        stopped.is_none()
    };
    let written = py.detach(|| -> Result<u64, TableError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".framescope-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut out = BufWriter::with_capacity(1 << 16, builder.tempfile_in(folder)?);
        let rows = work(&mut out, &mut watch)?;
        let file = out.into_inner().map_err(|error| error.into_error())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(rows)
    });
    match (written, stopped) {
        (_, Some(error)) => Err(error),
        (Ok(rows), None) => Ok(rows),
        (Err(error), None) => Err(unwritten(py, path, error)),
    }
}

/// A table that can't be made or written, as Python's error.
fn unwritten(py: Python<'_>, path: &Path, error: TableError) -> PyErr {
    match error {
        TableError::Io(error) if error.raw_os_error().is_some() => {
            let number = error.raw_os_error();
            let of_system = PyModule::import(py, "builtins").and_then(|builtins| {
                let text = PyModule::import(py, "os")?.call_method1("strerror", (number,))?;
                builtins.getattr("OSError")?.call1((number, text, path))
            });
            of_system.map_or_else(|error| error, PyErr::from_value)
        }
        TableError::Io(error) => PyErr::from(error),
        error => PyRuntimeError::new_err(error.to_string()),
    }
}

/// What a table is to hold, as the keywords of `Capture.to_arrow` give it.
pub(crate) struct Wanted<'py> {
    pub(crate) fields: Option<Bound<'py, PyAny>>,
    pub(crate) also: Option<Bound<'py, PyAny>>,
    pub(crate) protocols: Option<Vec<String>>,
    /// Whether columns lead to the files.
    pub(crate) places: bool,
    pub(crate) batch_rows: u32,
    pub(crate) threads: usize,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        let TableOptions { batch_rows, threads, .. } = TableOptions::default();
        Wanted { fields: None, also: None, protocols: None, places: false, batch_rows, threads }
    }
}

impl Wanted<'_> {
    fn options(&self, py: Python<'_>, capture: &Capture) -> PyResult<TableOptions> {
        let protocols = &capture.opened.options.protocols;
        let fields = match &self.fields {
            None => None,
            Some(fields) => {
                let names = names(fields)?.join(",");
                Some(Fields::parse(&names, protocols).map_err(|error| errors::filter(py, &error))?)
            }
        };
        let mut also = Vec::new();
        for name in self.also.as_ref().map(names).transpose()?.unwrap_or_default() {
            let unknown = || PyValueError::new_err(format!("also: there is no column '{name}'"));
            also.push(Column::from_name(&name).ok_or_else(unknown)?);
        }
        if let Some(unknown) =
            self.protocols.iter().flatten().find(|name| !protocols.iter().any(|known| known.name() == **name))
        {
            return Err(PyValueError::new_err(format!("protocols: none is called '{unknown}'")));
        }
        if self.batch_rows == 0 {
            return Err(PyValueError::new_err("batch_rows: a batch has at least one row"));
        }
        let spoken = self.protocols.is_none();
        let named = self.protocols.clone().unwrap_or_else(|| capture.opened.named.clone());
        let &Wanted { places, batch_rows, threads, .. } = self;
        Ok(TableOptions { fields, also, named, spoken, places, batch_rows, threads })
    }
}

/// Names between commas, or a list of names.
fn names(given: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(text.to_str()?.split(',').map(|name| name.trim().to_owned()).collect());
    }
    given.extract().map_err(|_| PyTypeError::new_err("names are a str with commas or a list of str"))
}

/// The messages of a capture as a table.
pub(crate) fn table(py: Python<'_>, capture: &Capture, wanted: &Wanted<'_>) -> PyResult<Table> {
    let options = wanted.options(py, capture)?;
    let (index, rows) = (Arc::clone(capture.shared_index()), rows_of(capture));
    let rows = py.detach(|| Rows::new(index, rows, options)).map_err(|error| unread(py, capture, error))?;
    Ok(Table { rows })
}

/// A table for each kind of message, by its name.
pub(crate) fn by_kind<'py>(
    py: Python<'py>,
    capture: &Capture,
    wanted: &Wanted<'_>,
) -> PyResult<Bound<'py, PyDict>> {
    if wanted.fields.is_some() {
        return Err(PyValueError::new_err(
            "fields selects the columns of one table, and by_kind makes several",
        ));
    }
    let options = wanted.options(py, capture)?;
    let (index, rows) = (capture.shared_index(), rows_of(capture));
    let tables =
        py.detach(|| Rows::by_kind(index, &rows, &options)).map_err(|error| unread(py, capture, error))?;
    let all = PyDict::new(py);
    for kind in tables {
        let mut name = kind.name();
        while all.contains(&name)? {
            name.push('_');
        }
        all.set_item(name, Bound::new(py, Table { rows: kind.table })?)?;
    }
    Ok(all)
}

fn rows_of(capture: &Capture) -> TableRows {
    match &capture.rows {
        opened::Rows::Range(_) if capture.is_whole() => TableRows::All,
        opened::Rows::Range(range) => TableRows::Range(range.clone()),
        opened::Rows::Listed(rows) => TableRows::These(Arc::clone(rows)),
    }
}

fn unread(py: Python<'_>, capture: &Capture, error: TableError) -> PyErr {
    let error = match error {
        TableError::Io(error) => error,
        error => io::Error::other(error.to_string()),
    };
    errors::gone(py, capture.shared_index().source().name(), &error)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Table>()
}
