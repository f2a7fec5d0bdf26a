//! The messages of a share as a table whose columns `file` and `packet` lead back to the captures.

use std::sync::Arc;

use framescope_capture::export::Fields;
use framescope_capture::filter::{Column, Filter};
use framescope_capture::{Options, Source, read};
use framescope_tables::arrow_array::RecordBatchReader;
use framescope_tables::arrow_array::ffi::FFI_ArrowSchema;
use framescope_tables::arrow_array::ffi_stream::FFI_ArrowArrayStream;
use framescope_tables::{Table, TableOptions};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::capture::Capture;
use crate::errors;
use crate::source::Given;

/// A table: what Arrow's C interface calls a stream, as often as it is asked for.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
struct ShareTable {
    table: Table,
}

fn table_options(
    py: Python<'_>,
    options: &Options,
    wanted: &Bound<'_, PyDict>,
) -> PyResult<(Option<Filter>, TableOptions)> {
    let text = |name: &str| -> PyResult<Option<String>> {
        wanted.get_item(name)?.filter(|value| !value.is_none()).map(|value| value.extract()).transpose()
    };
    let list = |name: &str| -> PyResult<Vec<String>> {
        let given = wanted.get_item(name)?.filter(|value| !value.is_none());
        given.map_or_else(|| Ok(Vec::new()), |value| value.extract())
    };
    let filter = text("filter")?.map(|filter| Filter::parse(&filter, &options.protocols)).transpose();
    let filter = filter.map_err(|error| errors::filter(py, &error))?;
    let fields = text("fields")?.map(|fields| Fields::parse(&fields, &options.protocols)).transpose();
    let fields = fields.map_err(|error| errors::filter(py, &error))?;
    let also = list("also")?;
    let also: Option<Vec<Column>> = also.iter().map(|name| Column::from_name(name)).collect();
    let also = also.ok_or_else(|| PyValueError::new_err("a column that is to be added does not exist"))?;
    let named = list("named")?;
    let threads = wanted.get_item("threads")?.map_or(Ok(0), |threads| threads.extract())?;
    let spoken = named.is_empty();
    let usual = TableOptions::default();
    Ok((filter, TableOptions { fields, also, named, spoken, threads, places: true, ..usual }))
}

/// The table of a share that was read.
#[pyfunction]
fn share_table(py: Python<'_>, capture: &Capture, wanted: &Bound<'_, PyDict>) -> PyResult<ShareTable> {
    let (filter, options) = table_options(py, &capture.opened.options, wanted)?;
    let index = Arc::clone(capture.shared_index());
    let table = py.detach(|| Table::new(index, filter, options));
    Ok(ShareTable { table: table.map_err(|error| failed(&error))? })
}

/// The columns that the tables of all shares have: those of a capture without any packets.
#[pyfunction]
fn empty_table(
    py: Python<'_>,
    options: &Bound<'_, PyDict>,
    wanted: &Bound<'_, PyDict>,
) -> PyResult<ShareTable> {
    let given = Given(options.clone()).options(py)?;
    let (filter, wanted) = table_options(py, &given, wanted)?;
    let none = Source::joined([]);
    let index = read(none, &given, &mut |_| true).map_err(|error| errors::read(py, &error))?;
    let table = Table::new(Arc::new(index), filter, wanted).map_err(|error| failed(&error))?;
    Ok(ShareTable { table })
}

fn failed(error: &dyn std::fmt::Display) -> PyErr {
    PyOSError::new_err(error.to_string())
}

#[pymethods]
impl ShareTable {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.table.schema()).map_err(|error| failed(&error))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // What is wanted may be converted by who wants it.
        let _ = requested_schema;
        let reader: Box<dyn RecordBatchReader + Send> = Box::new(self.table.batches());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ShareTable>()?;
    module.add_function(wrap_pyfunction!(share_table, module)?)?;
    module.add_function(wrap_pyfunction!(empty_table, module)?)
}
