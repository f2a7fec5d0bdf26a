//! A capture that was read: its messages as a sequence, all of them or some.

use std::path::PathBuf;
use std::sync::Arc;

use framescope_capture::filter::{Evaluator, Filter};
use framescope_capture::{Index, Options, RowId, Source};
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList, PySlice, PyTuple};

use crate::errors;
use crate::follow::Follow;
use crate::message::Message;
use crate::opened::{Opened, Rows};
use crate::origin::Origin;
use crate::source::Reopening;
use crate::tables::Wanted;
use crate::{flow, problems, shown, tables};

/// The messages of a capture, or those that a filter or a slice leaves of them: a sequence whose messages are read when something of
/// them is asked for.
#[pyclass(frozen, sequence, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) opened: Arc<Opened>,
    pub(crate) rows: Rows,
    /// The filter that left these of all, if one did and nothing else.
    pub(crate) expression: Option<String>,
}

impl Capture {
    /// A capture that was read.
    pub(crate) fn new(
        index: Index,
        options: Options,
        named: Vec<String>,
        reopening: Option<Reopening>,
    ) -> Capture {
        let rows = Rows::Range(0..u32::try_from(index.row_count()).unwrap_or(u32::MAX));
        let opened = Arc::new(Opened::new(index, options, named, reopening));
        Capture { opened, rows, expression: None }
    }

    /// Other rows of the same capture.
    pub(crate) fn view(&self, rows: Rows) -> Capture {
        Capture { opened: Arc::clone(&self.opened), rows, expression: None }
    }

    /// The index, for those who read all of it.
    pub(crate) fn shared_index(&self) -> &Arc<Index> {
        &self.opened.index
    }

    /// Whether it is all of the capture.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(&self.rows, Rows::Range(range) if range.len() == self.opened.index.row_count())
    }

    fn message(&self, row: RowId) -> Message {
        Message::row_of(Arc::clone(&self.opened), row)
    }

    /// Those rows that match.
    fn matching(&self, py: Python<'_>, filter: &Filter) -> PyResult<Vec<RowId>> {
        let index = &*self.opened.index;
        let mut evaluator = Evaluator::new(filter, index);
        let gone = |error: std::io::Error| errors::gone(py, index.source().name(), &error);
        let mut found = Vec::new();
        match &self.rows {
            Rows::Range(range) => {
                let (mut at, end) = (range.start as usize, range.end as usize);
                while at < end {
                    let next = end.min(at + ROWS_AT_ONCE);
                    py.detach(|| evaluator.rows_in(at..next, &mut found)).map_err(gone)?;
                    py.check_signals()?;
                    at = next;
                }
            }
            Rows::Listed(rows) => {
                for part in rows.chunks(ROWS_AT_ONCE) {
                    let mut part = part.to_vec();
                    py.detach(|| evaluator.retain(&mut part)).map_err(gone)?;
                    py.check_signals()?;
                    found.append(&mut part);
                }
            }
        }
        Ok(found)
    }
}

/// Rows that a filter looks at between two looks at whether Ctrl-C was pressed.
const ROWS_AT_ONCE: usize = 1 << 19;

#[pymethods]
impl Capture {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    fn __bool__(&self) -> bool {
        self.rows.len() > 0
    }

    fn __getitem__<'py>(&self, py: Python<'py>, place: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(slice) = place.cast::<PySlice>() {
            let view = self.slice(slice)?;
            return Ok(Bound::new(py, view)?.into_any());
        }
        let length = self.rows.len();
        let place: isize = place.extract().map_err(|_| {
            PyTypeError::new_err("messages are found by their places, which are int, or by slices of these")
        })?;
        let from_start = if place < 0 { place.checked_add_unsigned(length) } else { Some(place) };
        let row = from_start.and_then(|place| self.rows.get(usize::try_from(place).ok()?));
        let row = row.ok_or_else(|| {
            PyIndexError::new_err(format!("there are {length} messages, and none at {place}"))
        })?;
        Ok(Bound::new(py, self.message(row))?.into_any())
    }

    fn __contains__(&self, message: &Bound<'_, PyAny>) -> bool {
        self.place_of(message).is_some()
    }

    /// The place of a message among these.
    #[pyo3(signature = (message, start=0, stop=None, /))]
    fn index(&self, message: &Bound<'_, PyAny>, start: isize, stop: Option<isize>) -> PyResult<usize> {
        let length = self.rows.len();
        let bound = |place: isize| match usize::try_from(place) {
            Ok(place) => place.min(length),
            Err(_) => length.saturating_sub(place.unsigned_abs()),
        };
        let range = bound(start)..stop.map_or(length, bound);
        let place = self.place_of(message).filter(|place| range.contains(place));
        place.ok_or_else(|| PyValueError::new_err("the message is not among these"))
    }

    /// How often a message is among these: 0 or 1.
    #[pyo3(signature = (message, /))]
    fn count(&self, message: &Bound<'_, PyAny>) -> usize {
        usize::from(self.place_of(message).is_some())
    }

    fn __iter__(&self) -> Messages {
        Messages { opened: Arc::clone(&self.opened), rows: self.rows.clone(), next: 0 }
    }

    /// The messages that match a filter, such as ``kind == DATA and payload contains "hello"``.
    #[pyo3(name = "filter")]
    pub(crate) fn filter(&self, py: Python<'_>, expression: &str) -> PyResult<Capture> {
        let protocols = &self.opened.options.protocols;
        let filter = Filter::parse(expression, protocols).map_err(|error| errors::filter(py, &error))?;
        let rows = self.matching(py, &filter)?;
        // Both filters in one, for those who look for the rows themselves.
        let both = match (&self.expression, self.is_whole()) {
            (Some(first), _) => Some(format!("({first}) and ({expression})")),
            (None, true) => Some(expression.to_owned()),
            (None, false) => None,
        };
        let both = both.filter(|both| Filter::parse(both, protocols).is_ok());
        let opened = Arc::clone(&self.opened);
        Ok(Capture { opened, rows: Rows::Listed(rows.into()), expression: both })
    }

    /// The messages as a table, for pandas, Polars, DuckDB and all that speaks the Arrow C stream interface.
    ///
    /// ``fields`` selects columns and fields, as ``--fields`` does: a str with commas, or a list. ``also`` adds columns of rows, such as
    /// ``summary``, ``bytes`` or ``packet``. ``protocols`` names those whose fields are columns: by default those that were given and those
    /// that are spoken. With ``by_kind``, a dict of tables, each with the fields of one kind of message.
    ///
    /// With ``places``, the columns ``file`` and ``packet`` say in which file the last packet of a row is, and its number there.
    #[pyo3(signature = (fields=None, *, by_kind=false, also=None, protocols=None, places=false, batch_rows=65536, threads=0))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn to_arrow<'py>(
        &self,
        py: Python<'py>,
        fields: Option<Bound<'py, PyAny>>,
        by_kind: bool,
        also: Option<Bound<'py, PyAny>>,
        protocols: Option<Vec<String>>,
        places: bool,
        batch_rows: u32,
        threads: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wanted = Wanted { fields, also, protocols, places, batch_rows, threads };
        match by_kind {
            true => Ok(tables::by_kind(py, self, &wanted)?.into_any()),
            false => Ok(Bound::new(py, tables::table(py, self, &wanted)?)?.into_any()),
        }
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        tables::table(py, self, &Wanted::default())?.stream(py)
    }

    /// The messages as a pandas frame, with the columns of ``to_arrow``.
    #[pyo3(signature = (fields=None))]
    fn to_pandas<'py>(
        &self,
        py: Python<'py>,
        fields: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = tables::table(py, self, &Wanted { fields, ..Wanted::default() })?;
        Bound::new(py, table)?.call_method0("to_pandas")
    }

    /// The messages as a Polars frame, with the columns of ``to_arrow``.
    #[pyo3(signature = (fields=None))]
    fn to_polars<'py>(
        &self,
        py: Python<'py>,
        fields: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = tables::table(py, self, &Wanted { fields, ..Wanted::default() })?;
        Bound::new(py, table)?.call_method0("to_polars")
    }

    /// Writes the messages as a Parquet file, with the columns of ``to_arrow``. Returns how many rows were written.
    #[pyo3(signature = (path, fields=None))]
    fn write_parquet(
        &self,
        py: Python<'_>,
        path: PathBuf,
        fields: Option<Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        tables::table(py, self, &Wanted { fields, ..Wanted::default() })?.write_parquet(py, path)
    }

    /// Goes through the messages that another program appends to the file after those that were read: until it is closed, or nothing
    /// came for ``timeout`` seconds.
    #[pyo3(signature = (*, timeout=None))]
    fn follow(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Follow> {
        self.follow_from_here(py, timeout)
    }

    /// What the file is called.
    #[getter]
    fn name(&self) -> &str {
        self.opened.index.source().name()
    }

    /// The names of the files, in their order, where several are read as one.
    #[getter]
    fn files(&self) -> Vec<&str> {
        self.opened.index.source().files().map(Source::name).collect()
    }

    /// The conversations, in the order of their first packets.
    #[getter]
    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        flow::flows(py, self)
    }

    /// What is wrong with these messages, counted by code, the worst first.
    #[getter]
    fn problems<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        problems::counts(py, self)
    }

    /// Where the file is damaged, and what that cost.
    #[getter]
    fn damages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        problems::damages(py, self)
    }

    /// Sentences about the capture as a whole.
    #[getter]
    fn notices(&self) -> Vec<String> {
        self.opened.index.notices().to_vec()
    }

    /// How many packets were read.
    #[getter]
    fn packets(&self) -> u32 {
        self.opened.index.packets()
    }

    /// The names of the protocols that are spoken in it.
    #[getter]
    fn protocols(&self) -> Vec<String> {
        let spoken = self.opened.index.spoken_protocols();
        spoken.iter().map(|protocol| protocol.name().to_owned()).collect()
    }

    /// The kinds of messages in all of the capture, in their order.
    #[getter]
    fn kinds(&self) -> Vec<String> {
        self.opened.index.kinds().into_iter().map(str::to_owned).collect()
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        shown::html(slf, "capture_html")
    }

    /// Draws its messages over time with matplotlib, and returns the axes.
    #[pyo3(signature = (ax=None))]
    fn timeline<'py>(slf: &Bound<'py, Self>, ax: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        shown::timeline(slf, ax)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        Ok((PyModule::import(py, "framescope._framescope")?.getattr("_capture")?, self.state(py)?))
    }

    fn __repr__(&self) -> String {
        let (name, count) = (self.opened.index.source().name(), self.rows.len());
        let s = if count == 1 { "" } else { "s" };
        match (&self.expression, self.is_whole()) {
            (Some(expression), _) => format!("<Capture {name}: {count} message{s} where {expression}>"),
            (None, true) => format!("<Capture {name}: {count} message{s}>"),
            (None, false) => {
                format!("<Capture {name}: {count} of {} messages>", self.opened.index.row_count())
            }
        }
    }
}

impl Capture {
    fn place_of(&self, message: &Bound<'_, PyAny>) -> Option<usize> {
        let message = message.cast::<Message>().ok()?;
        let Origin::Row { opened, row } = &message.get().origin else { return None };
        if !Arc::ptr_eq(opened, &self.opened) {
            return None;
        }
        match &self.rows {
            Rows::Range(range) => {
                range.contains(&row.number()).then(|| (row.number() - range.start) as usize)
            }
            Rows::Listed(rows) => rows.iter().position(|known| known == row),
        }
    }

    fn slice(&self, slice: &Bound<'_, PySlice>) -> PyResult<Capture> {
        let length = isize::try_from(self.rows.len()).unwrap_or(isize::MAX);
        let part = slice.indices(length)?;
        if let (Rows::Range(range), 1) = (&self.rows, part.step) {
            let at = |place: isize| range.start.saturating_add(u32::try_from(place).unwrap_or(0));
            let start = at(part.start);
            return Ok(self.view(Rows::Range(start..at(part.stop).max(start))));
        }
        let places = (0..part.slicelength).map(|n| part.start + n.cast_signed() * part.step);
        let rows = places.filter_map(|place| self.rows.get(usize::try_from(place).ok()?));
        Ok(self.view(Rows::Listed(rows.collect())))
    }
}

/// Goes through messages.
#[pyclass(module = "framescope")]
#[derive(Debug)]
pub(crate) struct Messages {
    opened: Arc<Opened>,
    rows: Rows,
    next: usize,
}

#[pymethods]
impl Messages {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self) -> Option<Message> {
        let row = self.rows.get(self.next)?;
        self.next += 1;
        Some(Message::row_of(Arc::clone(&self.opened), row))
    }

    fn __length_hint__(&self) -> usize {
        self.rows.len().saturating_sub(self.next)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Capture>()?;
    module.add_class::<Messages>()
}
