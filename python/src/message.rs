//! A message: a row of a capture, a part of a stream that was framed, or one that stands for itself. It holds only where it is, and
//! what was asked for.

use std::sync::{Arc, OnceLock};

use framescope_capture::{Index, Row, RowId};
use framescope_parser::Direction;
use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple};

use crate::names;
use crate::origin::{Origin, kind_text};
use crate::quick::Asked;
use crate::shown;
use crate::values::{self, Content};

/// A message of a capture or a stream, or a stretch of bytes that is none: ``type`` says which.
///
/// Its fields are items by their paths, and attributes where nothing else has that name: ``m["payload.user"]``,
/// ``m["payload"]["user"]``, ``m.payload.user``. As in a filter, the first names of a path may be left out: ``m["user"]``.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) origin: Origin,
    pub(crate) content: OnceLock<Arc<Content>>,
    pub(crate) asked: Asked,
}

#[pymethods]
impl Message {
    /// Its number in the capture; None if it is of none.
    #[getter]
    fn row(&self) -> Option<u32> {
        match &self.origin {
            Origin::Row { row, .. } => Some(row.number()),
            Origin::Framed(_) => None,
            Origin::Apart(facts) => facts.row,
        }
    }

    /// When its last packet was captured, in nanoseconds since 1970; None where that is not known.
    #[getter]
    fn time_ns(&self) -> Option<i64> {
        self.in_row(|index, _, row| index.time_ns(row)).or_else(|| self.facts()?.time_ns)
    }

    /// The same as a ``datetime`` in UTC, which has microseconds.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.time_ns().map(|time_ns| values::time(py, time_ns)).transpose()
    }

    /// The number of its flow.
    #[getter]
    fn flow(&self) -> Option<u32> {
        self.in_row(|_, _, row| Some(row.flow().number())).or_else(|| self.facts()?.flow)
    }

    /// ``forward`` from the side that opened the connection, else ``backward``.
    #[getter]
    fn direction<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let direction = match &self.origin {
            Origin::Row { .. } => self.in_row(|index, _, row| Some(index.direction(row))),
            Origin::Framed(framed) => Some(framed.known.direction),
            Origin::Apart(facts) => Some(facts.direction),
        };
        names::python(py, direction.unwrap_or(Direction::Forward).as_str())
    }

    /// The address that it came from; None where that is not known.
    #[getter]
    fn src<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        match &self.origin {
            Origin::Row { opened, row } => opened.address(py, *row, false),
            Origin::Framed(_) => None,
            Origin::Apart(facts) => facts.src.as_ref().map(|address| PyString::new(py, address)),
        }
    }

    /// The address that it went to.
    #[getter]
    fn dst<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        match &self.origin {
            Origin::Row { opened, row } => opened.address(py, *row, true),
            Origin::Framed(_) => None,
            Origin::Apart(facts) => facts.dst.as_ref().map(|address| PyString::new(py, address)),
        }
    }

    /// Where in its stream it begins.
    #[getter]
    fn offset(&self) -> u64 {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.offset)).unwrap_or(0),
            Origin::Framed(framed) => framed.known.offset,
            Origin::Apart(facts) => facts.offset,
        }
    }

    /// How many bytes long it is, those included that were not captured.
    #[getter]
    pub(crate) fn length(&self) -> u64 {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.length)).unwrap_or(0),
            Origin::Framed(framed) => framed.known.length,
            Origin::Apart(facts) => facts.length,
        }
    }

    /// ``message``, ``skipped``, ``gap`` or ``partial``.
    #[getter(r#type)]
    fn type_<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        names::python(py, self.type_text())
    }

    /// The name of its protocol; None where none claims it.
    #[getter]
    fn protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|index, _, row| {
                index.protocol(row).map(|protocol| names::python(py, protocol.name()))
            }),
            Origin::Framed(framed) => {
                Some(names::python(py, framed.speech().in_stage(framed.known.stage).name()))
            }
            Origin::Apart(facts) => facts.protocol.as_ref().map(|name| names::python(py, name)),
        }
    }

    /// What kind of message it is: its name, or its number such as ``0x2a``.
    #[getter]
    pub(crate) fn kind<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        match &self.origin {
            Origin::Row { .. } => {
                Ok(self.in_row(|index, _, row| index.kind(row).map(|kind| names::python(py, kind))))
            }
            Origin::Framed(framed) => {
                if let Some(kind) = framed.known.kind {
                    return Ok(Some(names::lock().names().python(py, kind)));
                }
                let tree = self.content(py)?.tree();
                Ok(tree.kind.as_ref().map(|kind| names::python(py, &kind_text(tree, kind))))
            }
            Origin::Apart(facts) => Ok(facts.kind.as_ref().map(|kind| names::python(py, kind))),
        }
    }

    /// The stage of its conversation, in a protocol that has stages.
    #[getter]
    fn stage<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        match &self.origin {
            Origin::Row { .. } => {
                self.in_row(|index, _, row| index.stage(row).map(|stage| names::python(py, &stage.name)))
            }
            Origin::Framed(framed) => {
                let stage = framed.speech().protocol.stages().get(usize::from(framed.known.stage));
                stage.map(|stage| names::python(py, &stage.name))
            }
            Origin::Apart(facts) => facts.stage.as_ref().map(|name| names::python(py, name)),
        }
    }

    /// A summary in a few words.
    #[getter]
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        self.summary_text(py)
    }

    /// Its bytes, as far as they were captured.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if let Origin::Row { opened, row } = &self.origin {
            let whole = |content: &Arc<Content>| content.bytes.len() as u64 == self.length();
            if self.content.get().is_none_or(|content| !whole(content))
                && let Some(row) = opened.index.row(*row)
            {
                return Ok(PyBytes::new(py, &opened.row_bytes(py, &row, usize::MAX)?));
            }
        }
        Ok(PyBytes::new(
            py,
            match &self.origin {
                Origin::Framed(framed) => &framed.part,
                _ => self.content.get().map_or(&[], |content| &content.bytes),
            },
        ))
    }

    /// Which of its bytes were not captured: offsets and lengths.
    #[getter]
    fn missing(&self) -> Vec<(u64, u64)> {
        let of = |index: &Index, _: RowId, row: &Row| {
            Some(index.missing(row).into_iter().map(|range| (range.start, range.end - range.start)).collect())
        };
        self.in_row(of).or_else(|| Some(self.facts()?.missing.clone())).unwrap_or_default()
    }

    /// What is wrong with it.
    #[getter]
    fn problems<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        values::problems(py, self.content(py)?)
    }

    /// Whether it is a message, all of its bytes are there, and none of its problems is an error. It costs next to nothing.
    #[getter]
    fn is_intact(&self, py: Python<'_>) -> PyResult<bool> {
        self.intact(py)
    }

    /// The codes of its problems, which costs less than ``problems``.
    #[getter]
    fn codes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        let known = self.in_row(|_, _, row| Some(row.codes));
        if let Some(codes) = known {
            return Ok(codes.iter().map(|code| names::python(py, code.as_str())).collect());
        }
        let mut codes = Vec::new();
        for problem in &self.content(py)?.tree().problems {
            if !codes.contains(&problem.code) {
                codes.push(problem.code);
            }
        }
        Ok(codes.into_iter().map(|code| names::python(py, code.as_str())).collect())
    }

    /// The message that answers it, if one does.
    #[getter]
    fn reply(&self) -> Option<Message> {
        self.beside(self.reply_row())
    }

    /// The message that it answers, if it does.
    #[getter]
    fn request(&self) -> Option<Message> {
        self.beside(self.in_row(|index, id, _| index.reply_to(id).map(|(row, _)| row)))
    }

    /// The number of the message that it answers.
    #[getter]
    fn reply_to(&self) -> Option<u32> {
        let row = self.in_row(|index, id, _| index.reply_to(id).map(|(row, _)| row.number()));
        row.or_else(|| self.facts()?.reply_to)
    }

    /// How long after what it answers it came, in nanoseconds.
    #[getter]
    fn latency_ns(&self) -> Option<i64> {
        self.in_row(|index, id, _| index.reply_to(id)?.1).or_else(|| self.facts()?.latency_ns)
    }

    /// The same as a ``timedelta``.
    #[getter]
    fn latency<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.latency_ns().map(|latency_ns| values::duration(py, latency_ns)).transpose()
    }

    /// The number of the message that began the content which this one continues.
    #[getter]
    fn part_of(&self) -> Option<u32> {
        self.in_row(|index, id, _| index.part_of(id).map(RowId::number)).or_else(|| self.facts()?.part_of)
    }

    /// The numbers of the packets that carry its bytes, counted from 1.
    #[getter]
    fn packets(&self) -> Vec<u32> {
        let of = |index: &Index, _: RowId, row: &Row| {
            Some(index.row_packets(row).into_iter().map(|packet| packet.number()).collect())
        };
        self.in_row(of).or_else(|| Some(self.facts()?.packets.clone())).unwrap_or_default()
    }

    /// The name of the file that its last packet is in; None if it is of none.
    #[getter]
    fn file(&self) -> Option<String> {
        let of = |index: &Index, _: RowId, row: &Row| {
            let number = index.row_packets(row).last().map_or(0, |packet| index.packet_in_file(*packet).0);
            Some(index.source().files().nth(number)?.name().to_owned())
        };
        self.in_row(of).or_else(|| self.facts()?.file.clone())
    }

    /// The number of its last packet in that file, counted from 1.
    #[getter]
    fn packet(&self) -> Option<u32> {
        let of = |index: &Index, _: RowId, row: &Row| {
            Some(index.packet_in_file(*index.row_packets(row).last()?).1.number())
        };
        self.in_row(of).or_else(|| self.facts()?.packet)
    }

    /// What was written about its packets: their numbers and the texts.
    #[getter]
    fn comments(&self) -> Vec<(u32, String)> {
        let of = |index: &Index, _: RowId, row: &Row| {
            let comments = index.comments(row).into_iter();
            Some(comments.map(|(packet, text)| (packet.number(), text.to_owned())).collect())
        };
        self.in_row(of).or_else(|| Some(self.facts()?.comments.clone())).unwrap_or_default()
    }

    /// The channel that it is carried in, such as ``websocket.binary``; None if packets bring it.
    #[getter]
    fn carried_in(&self) -> Option<String> {
        let of =
            |index: &Index, _: RowId, row: &Row| Some(index.flow(row.flow())?.carried()?.path().to_owned());
        self.in_row(of).or_else(|| self.facts()?.carried_in.clone())
    }

    /// The numbers of the messages that it is carried in.
    #[getter]
    fn carried_by(&self) -> Vec<u32> {
        let of = |index: &Index, _: RowId, row: &Row| {
            (index.level(row) > 0).then(|| index.carried_by(row).into_iter().map(RowId::number).collect())
        };
        self.in_row(of).or_else(|| Some(self.facts()?.carried_by.clone())).unwrap_or_default()
    }

    /// All of its fields, with their places, as a tree.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let content = self.content(py)?;
        values::fields(py, content, Message::top(content))
    }

    /// Its fields as a dictionary of plain values: groups are dictionaries, repeated names lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let content = self.content(py)?;
        values::to_dict(py, content, Message::top(content))
    }

    /// What is at a path, or else ``default``.
    #[pyo3(signature = (path, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(py, path)?.or(default))
    }

    /// All that is at a path, in a list: empty where there is nothing.
    fn all<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyList>> {
        let content = self.content(py)?;
        values::find_all(py, content, Message::top(content), path)
    }

    /// The names of its outermost fields, each once.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let content = self.content(py)?;
        values::keys(py, content, Message::top(content))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = self.find(py, path)?;
        found.ok_or_else(|| PyKeyError::new_err(path.to_owned()))
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = match name.starts_with("__") {
            true => None,
            false => self.find(py, name)?,
        };
        found.ok_or_else(|| {
            PyAttributeError::new_err(format!("the message has no attribute and no field '{name}'"))
        })
    }

    fn __contains__(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(path) = path.cast::<PyString>() else { return Ok(false) };
        let tree = self.content(py)?.tree();
        Ok(!tree.find(tree.top(), path.to_str()?).fields.is_empty())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.keys(py)?.try_iter()
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> bool {
        if slf.is(other) {
            return true;
        }
        let Ok(other) = other.cast::<Message>() else { return false };
        match (&slf.get().origin, &other.get().origin) {
            (Origin::Row { opened, row }, Origin::Row { opened: of, row: other }) => {
                Arc::ptr_eq(opened, of) && row == other
            }
            (Origin::Framed(one), Origin::Framed(other)) => one.is(other),
            _ => false,
        }
    }

    fn __hash__(slf: &Bound<'_, Self>) -> u64 {
        match &slf.get().origin {
            Origin::Row { opened, row } => {
                (Arc::as_ptr(opened).addr() as u64) ^ u64::from(row.number()) << 20
            }
            Origin::Framed(framed) => framed.place(),
            Origin::Apart(_) => slf.as_ptr().addr() as u64 >> 4,
        }
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        shown::html(slf, "message_html")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        Ok((PyModule::import(py, "framescope._framescope")?.getattr("_message")?, self.state(py)?))
    }

    fn __copy__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: PyRef<'py, Self>, _memo: &Bound<'py, PyAny>) -> PyRef<'py, Self> {
        slf
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let row = self.row().map_or_else(String::new, |row| format!(" {row}"));
        let protocol = self.protocol(py).map_or_else(String::new, |name| format!(" {name}"));
        let kind = self.kind(py)?.map_or_else(String::new, |kind| format!(" {kind}"));
        let is = match self.type_text() {
            "message" => String::new(),
            other => format!(" ({other})"),
        };
        let summary = match self.summary_text(py)?.as_str() {
            "" => String::new(),
            summary => format!(": {summary}"),
        };
        Ok(format!("<Message{row}{protocol}{kind}{is}{summary}>"))
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Message>()
}
