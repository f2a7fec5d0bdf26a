//! A conversation of two endpoints: who they are, what they said, and the bytes of each side.

use std::sync::Arc;

use framescope_capture::{Flow as Conversation, FlowId, Index, PacketId, RowId, Stream as Counts};
use framescope_parser::Direction;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::capture::Capture;
use crate::opened::{Opened, Rows};
use crate::shown;
use crate::{errors, values};

/// A conversation of two endpoints.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Flow {
    opened: Arc<Opened>,
    id: FlowId,
}

/// One direction of a flow.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Stream {
    opened: Arc<Opened>,
    id: FlowId,
    direction: Direction,
}

/// A direction by its name.
pub(crate) fn direction(text: &str) -> PyResult<Direction> {
    match text {
        "forward" => Ok(Direction::Forward),
        "backward" => Ok(Direction::Backward),
        other => Err(PyValueError::new_err(format!("a direction is 'forward' or 'backward', not '{other}'"))),
    }
}

/// The flows of a capture.
pub(crate) fn flows<'py>(py: Python<'py>, capture: &Capture) -> PyResult<Bound<'py, PyList>> {
    let of = |(id, _)| Bound::new(py, Flow { opened: Arc::clone(&capture.opened), id });
    PyList::new(py, capture.opened.index.flows().map(of).collect::<PyResult<Vec<_>>>()?)
}

impl Flow {
    fn index(&self) -> &Index {
        &self.opened.index
    }

    fn known(&self) -> Option<&Conversation> {
        self.index().flow(self.id)
    }

    fn time<'py>(&self, py: Python<'py>, packet: Option<PacketId>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let time_ns = packet.and_then(|packet| self.index().packet_time_ns(packet));
        time_ns.map(|time_ns| values::time(py, time_ns)).transpose()
    }

    fn packet_of(
        &self,
        of: impl Fn(&framescope_capture::Connection) -> Option<PacketId>,
    ) -> Option<PacketId> {
        self.known()?.connection().as_ref().and_then(of)
    }

    fn name(&self, direction: Direction) -> Option<String> {
        Some(self.index().host(self.known()?.source(direction)?.ip())?.to_owned())
    }

    fn side(&self, direction: Direction) -> Stream {
        Stream { opened: Arc::clone(&self.opened), id: self.id, direction }
    }
}

#[pymethods]
impl Flow {
    /// Its number, as messages have it in ``flow``.
    #[getter]
    fn number(&self) -> u32 {
        self.id.number()
    }

    /// ``tcp``, ``udp`` or ``file``.
    #[getter]
    fn transport(&self) -> Option<&'static str> {
        self.known().map(|flow| flow.transport.as_str())
    }

    /// The endpoint that forward messages come from; None for a file that is not a capture.
    #[getter]
    fn a(&self) -> Option<String> {
        Some(self.known()?.source(Direction::Forward)?.to_string())
    }

    /// The endpoint that backward messages come from.
    #[getter]
    fn b(&self) -> Option<String> {
        Some(self.known()?.source(Direction::Backward)?.to_string())
    }

    /// What the capture says that the host of ``a`` is called.
    #[getter]
    fn a_name(&self) -> Option<String> {
        self.name(Direction::Forward)
    }

    /// What the capture says that the host of ``b`` is called.
    #[getter]
    fn b_name(&self) -> Option<String> {
        self.name(Direction::Backward)
    }

    /// How many packets it has.
    #[getter]
    fn packets(&self) -> u32 {
        self.known().map_or(0, |flow| flow.packets)
    }

    /// The interface that its first packet was captured on.
    #[getter]
    fn interface(&self) -> Option<&str> {
        self.index().interface(self.id)
    }

    /// The state of a TCP connection at the end of the capture.
    #[getter]
    fn state(&self) -> Option<&'static str> {
        self.known()?.connection().map(|connection| connection.state.as_str())
    }

    /// When a TCP connection was opened, where that was captured.
    #[getter]
    fn opened<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.time(py, self.packet_of(|connection| connection.opened))
    }

    /// When a TCP connection ended, where that was captured.
    #[getter]
    fn ended<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.time(py, self.packet_of(|connection| connection.ended))
    }

    /// The direction of the side that ended a TCP connection.
    #[getter]
    fn ended_by(&self) -> Option<&'static str> {
        self.known()?.connection()?.ended_by.map(Direction::as_str)
    }

    /// The number of the flow that it is carried by; None if packets bring it.
    #[getter]
    fn carried_by(&self) -> Option<u32> {
        Some(self.known()?.carried()?.by().number())
    }

    /// The channel that it is carried in.
    #[getter]
    fn carried_in(&self) -> Option<&str> {
        Some(self.known()?.carried()?.path())
    }

    /// What went from ``a`` to ``b``.
    #[getter]
    fn forward(&self) -> Stream {
        self.side(Direction::Forward)
    }

    /// What went from ``b`` to ``a``.
    #[getter]
    fn backward(&self) -> Stream {
        self.side(Direction::Backward)
    }

    /// Its messages, or those of one direction, in the order of the capture.
    #[pyo3(signature = (direction=None))]
    fn messages(&self, py: Python<'_>, direction: Option<&str>) -> PyResult<Capture> {
        let directions = match direction {
            Some(text) => vec![self::direction(text)?],
            None => vec![Direction::Forward, Direction::Backward],
        };
        let (index, id) = (self.index(), self.id);
        let rows = py.detach(|| {
            let mut rows: Vec<RowId> =
                directions.iter().flat_map(|one| index.stream_rows(id, *one)).collect();
            rows.sort_unstable();
            rows
        });
        let rows = Rows::Listed(rows.into());
        Ok(Capture { opened: Arc::clone(&self.opened), rows, expression: None })
    }

    /// The bytes of one direction, gaps left out.
    #[pyo3(signature = (direction="forward", start=0, end=None))]
    fn stream<'py>(
        &self,
        py: Python<'py>,
        direction: &str,
        start: u64,
        end: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let direction = self::direction(direction)?;
        let (index, id) = (self.index(), self.id);
        let range = start..end.unwrap_or(u64::MAX);
        let read = py.detach(|| {
            let mut bytes = Vec::new();
            index.read_stream((id, direction), range, &mut index.reader(), &mut bytes).map(|()| bytes)
        });
        let bytes = read.map_err(|error| errors::gone(py, index.source().name(), &error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        shown::html(slf, "flow_html")
    }

    /// Draws its messages over time with matplotlib, and returns the axes.
    #[pyo3(signature = (ax=None))]
    fn timeline<'py>(slf: &Bound<'py, Self>, ax: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        shown::timeline(&slf.call_method0("messages")?, ax)
    }

    fn __repr__(&self) -> String {
        let transport = self.transport().unwrap_or_default();
        let ends = match (self.a(), self.b()) {
            (Some(a), Some(b)) => format!(" {a} <> {b}"),
            _ => String::new(),
        };
        format!("<Flow {} {transport}{ends}>", self.id)
    }
}

impl Stream {
    fn counts(&self) -> Option<&Counts> {
        self.opened.index.stream(self.id, self.direction)
    }
}

#[pymethods]
impl Stream {
    /// ``forward`` or ``backward``.
    #[getter]
    fn direction(&self) -> &'static str {
        self.direction.as_str()
    }

    /// The name of its protocol; None where none claims it.
    #[getter]
    fn protocol(&self) -> Option<&str> {
        self.opened.index.stream_protocol(self.id, self.direction).map(|protocol| protocol.name())
    }

    /// How sure that is: ``possible``, ``likely`` or ``certain``; None where a rule says so.
    #[getter]
    fn confidence(&self) -> Option<&'static str> {
        self.counts()?.confidence.map(|confidence| confidence.as_str())
    }

    /// How many messages.
    #[getter]
    fn messages(&self) -> u64 {
        self.counts().map_or(0, |counts| counts.messages)
    }

    /// How many bytes are there, gaps left out.
    #[getter]
    fn bytes(&self) -> u64 {
        self.counts().map_or(0, |counts| counts.bytes)
    }

    /// How many gaps.
    #[getter]
    fn gaps(&self) -> u64 {
        self.counts().map_or(0, Counts::gaps)
    }

    /// How many bytes are missing in them.
    #[getter]
    fn gap_bytes(&self) -> u64 {
        self.counts().map_or(0, Counts::gap_bytes)
    }

    /// How many retransmissions brought other bytes than those captured first.
    #[getter]
    fn conflicts(&self) -> u64 {
        self.counts().map_or(0, Counts::conflicts)
    }

    /// How many of its packets the capture cut short.
    #[getter]
    fn cut_packets(&self) -> u64 {
        self.counts().map_or(0, Counts::cut_packets)
    }

    /// How many bytes turned up after their place had been given up.
    #[getter]
    fn late_bytes(&self) -> u64 {
        self.counts().map_or(0, Counts::late_bytes)
    }

    fn __repr__(&self) -> String {
        let protocol = self.protocol().unwrap_or("no protocol");
        let (messages, bytes) = (self.messages(), self.bytes());
        format!(
            "<Stream {} of flow {}: {protocol}, {messages} messages, {bytes} bytes>",
            self.direction(),
            self.id
        )
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Flow>()?;
    module.add_class::<Stream>()
}
