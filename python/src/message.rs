//! A message: a row of a capture, a part of a stream that was framed, or one that stands for itself. It holds only where it is, and
//! what was asked for.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use framescope_capture::export::display_limit;
use framescope_capture::{Index, Row, RowId};
use framescope_parser::{Direction, Kind, Severity, SpanType};
use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple};

use crate::capture::Opened;
use crate::facts::Facts;
use crate::framed::{Framed, Outline};
use crate::names;
use crate::shown;
use crate::tree::{Numbered, Summary, Tree};
use crate::values::{self, Bytes, Content};

/// A message of a capture or a stream, or a stretch of bytes that is none: ``type`` says which.
///
/// Its fields are items by their paths, and attributes where nothing else has that name: ``m["payload.user"]``,
/// ``m["payload"]["user"]``, ``m.payload.user``. As in a filter, the first names of a path may be left out: ``m["user"]``.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) origin: Origin,
    pub(crate) content: OnceLock<Arc<Content>>,
}

/// Where a message is.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A row of a capture.
    Row { opened: Arc<Opened>, row: RowId },
    /// A part of a stream.
    Framed(Framed),
    /// Nowhere: what is known of it is here.
    Apart(Box<Facts>),
}

/// `message`, `skipped`, `gap` or `partial`.
pub(crate) fn type_name(span_type: SpanType) -> &'static str {
    match span_type {
        SpanType::Message => "message",
        SpanType::Partial => "partial",
        SpanType::Skipped(_) => "skipped",
        SpanType::Gap => "gap",
    }
}

impl Message {
    /// A row of a capture.
    #[inline]
    pub(crate) fn row_of(opened: Arc<Opened>, row: RowId) -> Message {
        Message { origin: Origin::Row { opened, row }, content: OnceLock::new() }
    }

    /// A message of a stream, with its fields if they were needed already.
    pub(crate) fn framed(framed: Framed, tree: Option<Tree>) -> Message {
        let content = OnceLock::new();
        if let Some(tree) = tree {
            let _ = content.set(Arc::new(Content { bytes: Bytes::Part(framed.part.clone()), tree }));
        }
        Message { origin: Origin::Framed(framed), content }
    }

    /// A message with its bytes.
    pub(crate) fn with_content(origin: Origin, content: Content) -> Message {
        Message { origin, content: OnceLock::from(Arc::new(content)) }
    }

    /// What is known of the row; None if it is no row of a capture.
    fn in_row<T>(&self, ask: impl FnOnce(&Index, RowId, &Row) -> Option<T>) -> Option<T> {
        let Origin::Row { opened, row } = &self.origin else { return None };
        let index = &*opened.index;
        ask(index, *row, &index.row(*row)?)
    }

    /// The facts, where it stands for itself.
    fn facts(&self) -> Option<&Facts> {
        match &self.origin {
            Origin::Apart(facts) => Some(facts),
            _ => None,
        }
    }

    /// Its fields and the bytes that they are of, which are read now if they were not before.
    pub(crate) fn content(&self, py: Python<'_>) -> PyResult<&Arc<Content>> {
        match &self.origin {
            Origin::Row { opened, row } => {
                if let Some(known) = self.content.get() {
                    return Ok(known);
                }
                let content = Arc::new(opened.read_row(py, *row)?);
                Ok(self.content.get_or_init(|| content))
            }
            Origin::Framed(framed) => Ok(self.content.get_or_init(|| {
                let tree =
                    Tree::of_fields(&framed.part, Some(framed.repeated()), |visit| framed.report(visit));
                Arc::new(Content { bytes: Bytes::Part(framed.part.clone()), tree })
            })),
            Origin::Apart(_) => Ok(self.content.get_or_init(Arc::default)),
        }
    }

    /// A summary in a few words.
    pub(crate) fn summary_text(&self, py: Python<'_>) -> PyResult<String> {
        let content = self.content(py)?;
        if let Some(known) = &content.tree().summary {
            return Ok(known.clone());
        }
        let mut summary = Summary::default();
        match &self.origin {
            Origin::Row { opened, row: id } => {
                if let Some(row) = opened.index.row(*id) {
                    opened.index.report(*id, &row, &content.bytes, &mut summary);
                }
            }
            Origin::Framed(framed) => framed.report(&mut summary),
            Origin::Apart(_) => {}
        }
        Ok(summary.0)
    }

    /// Whether it is a message, all of its bytes are there, and none of its problems is an error.
    fn intact(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(match &self.origin {
            Origin::Framed(framed) => framed.known.is_intact,
            Origin::Row { opened, row } => opened.index.row(*row).is_some_and(|row| {
                row.span_type == SpanType::Message
                    && !row.codes.iter().any(|code| code.severity() == Severity::Error)
                    && opened.index.missing(&row).is_empty()
            }),
            Origin::Apart(facts) => {
                facts.span_type == SpanType::Message
                    && facts.missing.is_empty()
                    && !Outline::dissected(self.content(py)?.tree()).has_error
            }
        })
    }

    /// Its outermost fields.
    fn top(content: &Content) -> Range<u32> {
        content.tree().top()
    }

    fn reply_row(&self) -> Option<RowId> {
        self.in_row(|index, id, _| index.answered_by(id))
    }

    fn beside(&self, row: Option<RowId>) -> Option<Message> {
        let Origin::Row { opened, .. } = &self.origin else { return None };
        row.map(|row| Message::row_of(Arc::clone(opened), row))
    }
}

impl Opened {
    /// Reads a row and dissects it.
    pub(crate) fn read_row(&self, py: Python<'_>, id: RowId) -> PyResult<Content> {
        let index = &*self.index;
        let Some(row) = index.row(id) else { return Ok(Content::default()) };
        let bytes = self.row_bytes(py, &row, display_limit(&row))?;
        let repeated = index.protocol(&row).map(|protocol| self.repeated.of(protocol));
        let tree = Tree::of_fields(&bytes, repeated, |visit| index.report(id, &row, &bytes, visit));
        Ok(Content::dissected(bytes, tree))
    }
}

/// The name of a kind, or its number.
pub(crate) fn kind_text(tree: &Tree, kind: &Numbered) -> String {
    let mut lock = names::lock();
    let name = kind.name.map(|name| tree.text(name, lock.names()).to_owned());
    match (name, u64::try_from(kind.number), i64::try_from(kind.number)) {
        (Some(name), ..) => name,
        (None, Ok(number), _) => Kind::new(number, None).to_string(),
        (None, _, Ok(number)) => Kind::signed(number, None).to_string(),
        _ => kind.number.to_string(),
    }
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
        let content = self.content(py)?;
        Ok(values::find(py, content, Message::top(content), path)?.or(default))
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
        let content = self.content(py)?;
        let found = values::find(py, content, Message::top(content), path)?;
        found.ok_or_else(|| PyKeyError::new_err(path.to_owned()))
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = match name.starts_with("__") {
            true => None,
            false => {
                let content = self.content(py)?;
                values::find(py, content, Message::top(content), name)?
            }
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

impl Message {
    /// What it is.
    pub(crate) fn span_type(&self) -> SpanType {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.span_type)).unwrap_or(SpanType::Gap),
            Origin::Framed(framed) => framed.known.span_type,
            Origin::Apart(facts) => facts.span_type,
        }
    }

    /// `message`, `skipped`, `gap` or `partial`.
    pub(crate) fn type_text(&self) -> &'static str {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.type_name())).unwrap_or("gap"),
            Origin::Framed(framed) => type_name(framed.known.span_type),
            Origin::Apart(facts) => type_name(facts.span_type),
        }
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Message>()
}
