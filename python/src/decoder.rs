//! Messages from bytes as they arrive. Whatever the bytes are cut into, the messages are the same.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use framescope_parser::{
    Captured, Conversation as Talks, Direction, Error, Framer, Protocol as Speaks, Role, Span, SpanType,
    Speaker, Unclaimed,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use crate::batch;
use crate::encode::GivenMessage;
use crate::errors;
use crate::framed::{Batch, Complete, Known, Outline};
use crate::message::Message;
use crate::protocol::{Protocol, encode_error, role_of};
use crate::quick::Readers;
use crate::repeated::{self, Repeated};
use crate::tree::Tree;

/// A protocol, and those that it may hand over to.
pub(crate) struct Speech {
    pub(crate) protocol: Arc<dyn Speaks>,
    pub(crate) protocols: Vec<Arc<dyn Speaks>>,
    repeated: repeated::Known,
    pub(crate) readers: Readers,
    /// Those of the protocol itself, which most messages are of.
    first: OnceLock<Arc<Repeated>>,
}

impl Speech {
    /// A protocol among others, of which those with its name are not meant.
    pub(crate) fn new(protocol: Arc<dyn Speaks>, mut others: Vec<Arc<dyn Speaks>>) -> Speech {
        others.retain(|other| other.name() != protocol.name());
        others.insert(0, Arc::clone(&protocol));
        let (repeated, readers) = (repeated::Known::default(), Readers::default());
        Speech { protocol, protocols: others, repeated, readers, first: OnceLock::new() }
    }

    /// Which fields of a protocol in it may occur several times.
    pub(crate) fn repeated_in(&self, protocol: &dyn Speaks) -> Arc<Repeated> {
        match self.protocol.stages() {
            [] => Arc::clone(self.first.get_or_init(|| self.repeated.of(&*self.protocol))),
            _ => self.repeated.of(protocol),
        }
    }

    /// The protocol of messages in a stage.
    pub(crate) fn in_stage(&self, stage: u16) -> &dyn Speaks {
        match self.protocol.stages() {
            [] => &*self.protocol,
            stages => {
                let stage = stages.get(usize::from(stage));
                stage.and_then(|stage| stage.protocol(&self.protocols)).unwrap_or(&Unclaimed)
            }
        }
    }

    /// The message in the next stage in which it can be written: those before it have messages that may be left out.
    pub(crate) fn encode_next(
        &self,
        conversation: &dyn Talks,
        role: Role,
        given: &GivenMessage,
        notes: &mut Vec<String>,
    ) -> Result<(u16, Vec<u8>), Error> {
        use framescope_parser::Context;
        let message = given.dissection();
        let mut next = conversation.copy();
        let (mut first, mut bytes) = (None, Vec::new());
        for _ in 0..MOST_ABSENT {
            let stage = next.stage(role);
            let variables = conversation.variables();
            let context = Context { stage, role: Some(role), variables, ..Context::default() };
            match self.protocol.encode_in(&context, &message, &mut bytes, notes) {
                Ok(()) => return Ok((stage, bytes)),
                Err(error) => first = first.or(Some(error)),
            }
            next.continue_in(role, stage);
            if !next.absent(role) {
                break;
            }
        }
        match first {
            Some(error) => Err(error),
            None => Ok((next.stage(role), bytes)),
        }
    }
}

/// How many stages that may be left out are left out to write a message of a later one.
const MOST_ABSENT: usize = 16;

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speech").field("protocol", &self.protocol.name()).finish_non_exhaustive()
    }
}

/// Bytes that were given: as they lie in a `bytes`, else a copy.
pub(crate) enum Lent {
    Python(PyBackedBytes),
    Copy(Vec<u8>),
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Lent::Python(bytes) => bytes,
            Lent::Copy(bytes) => bytes,
        }
    }
}

/// The bytes of anything that has some; None of what is no bytes.
pub(crate) fn lent(given: &Bound<'_, PyAny>) -> PyResult<Option<Lent>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(Some(Lent::Python(bytes.clone().into())));
    }
    if let Ok(bytes) = given.cast::<PyByteArray>() {
        return Ok(Some(Lent::Copy(bytes.to_vec())));
    }
    match PyMemoryView::from(given) {
        Ok(view) => Ok(Some(Lent::Python(view.call_method0("tobytes")?.cast_into::<PyBytes>()?.into()))),
        Err(_) => Ok(None),
    }
}

/// The bytes of anything that has some.
pub(crate) fn bytes_of(given: &Bound<'_, PyAny>) -> PyResult<Lent> {
    match lent(given)? {
        Some(bytes) => Ok(bytes),
        None => Err(PyTypeError::new_err(format!("bytes are needed, not {}", given.get_type().name()?))),
    }
}

/// The state of a conversation, which its two directions share; None in a protocol without stages.
type Talk = Arc<Mutex<Option<Box<dyn Talks>>>>;

/// Decodes one direction of a stream from bytes as they arrive.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct Decoder {
    speech: Arc<Speech>,
    talk: Talk,
    direction: Direction,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    framer: Framer,
    /// The first of the bytes that are in no part yet: those that are skipped are shown.
    held: Vec<u8>,
    has_ended: bool,
}

/// Bytes of a skipped part that are kept.
const MOST_HELD: usize = 4096;
/// More bytes than these are framed without the interpreter's lock.
const MANY: usize = 64 << 10;

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("speech", &self.speech).finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder of the first bytes of one direction.
    pub(crate) fn of(speech: &Arc<Speech>, direction: Direction) -> Decoder {
        let talk = Arc::new(Mutex::new(speech.protocol.conversation()));
        Decoder::in_talk(speech, &talk, direction)
    }

    fn in_talk(speech: &Arc<Speech>, talk: &Talk, direction: Direction) -> Decoder {
        Decoder { speech: Arc::clone(speech), talk: Arc::clone(talk), direction, state: Mutex::default() }
    }

    /// Takes bytes, or the end, and returns the parts that are complete.
    pub(crate) fn take(&self, py: Python<'_>, bytes: Option<&[u8]>) -> PyResult<Vec<Message>> {
        let complete = self.complete(py, bytes)?;
        Ok((0..complete.len()).filter_map(|at| complete.get(at)).collect())
    }

    fn complete(&self, py: Python<'_>, bytes: Option<&[u8]>) -> PyResult<Complete> {
        let mut batch = Batch::default();
        let taken = match bytes {
            Some(many) if many.len() > MANY => py.detach(|| self.frame(bytes, &mut batch)),
            _ => self.frame(bytes, &mut batch),
        };
        if !taken {
            return Err(PyValueError::new_err("the decoder was ended; make another for another stream"));
        }
        Ok(batch.finish(&self.speech))
    }

    /// False if the stream has ended before.
    fn frame(&self, bytes: Option<&[u8]>, batch: &mut Batch) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { framer, held, has_ended } = &mut *state;
        if *has_ended && bytes.is_some() {
            return false;
        }
        let data = bytes.unwrap_or_default();
        // Where in the stream the held bytes and the new ones begin.
        let (held_at, data_at) = (framer.offset(), framer.end_offset());
        let there = Lately { held, held_at, data, data_at };
        let mut sink = |span: Span, captured: Captured<'_, '_>| self.part(&span, captured, &there, batch);
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        match (talk.as_deref_mut(), bytes) {
            (Some(talk), bytes) => {
                let Speech { protocol, protocols, .. } = &*self.speech;
                let speaker = Speaker::new(talk, role_of(self.direction), &**protocol, protocols);
                match bytes {
                    Some(bytes) => framer.segment_of(&speaker, bytes, &mut sink),
                    None => framer.end_of(&speaker, &mut sink),
                }
            }
            (None, Some(bytes)) => framer.segment(&*self.speech.protocol, bytes, &mut sink),
            (None, None) => framer.end(&*self.speech.protocol, &mut sink),
        }
        drop(talk);
        let left = there.at(framer.offset(), MOST_HELD);
        *held = left;
        *has_ended |= bytes.is_none();
        true
    }

    /// Adds a part of the stream to those that are complete.
    fn part(&self, span: &Span, captured: Captured<'_, '_>, there: &Lately<'_>, batch: &mut Batch) {
        let Span { offset, length, span_type, .. } = *span;
        let context = captured.context();
        let stage = context.map_or(0, |context| context.stage);
        let is_message = span_type == SpanType::Message && captured.is_whole();
        let mut known = Known {
            offset,
            length,
            span_type,
            stage,
            direction: self.direction,
            is_intact: false,
            kind: None,
        };
        if !matches!(span_type, SpanType::Message | SpanType::Partial) {
            let skipped = there.at(offset, usize::try_from(length).unwrap_or(MOST_HELD));
            return batch.push(&skipped, known, None);
        }
        let bytes = captured.bytes();
        // What earlier messages have set is known only now.
        let mut tree = None;
        let outline = if context.is_some_and(|context| context.variables.is_some()) {
            let protocol = self.speech.in_stage(stage);
            let whole = Captured::whole(bytes).in_context(context);
            let read = Tree::of(bytes, Some(self.speech.repeated_in(protocol)), |visit| {
                whole.dissect(protocol, visit)
            });
            let outline = Outline::dissected(&read);
            tree = Some(read);
            outline
        } else if is_message {
            Outline::of(&self.speech, stage, span, captured)
        } else {
            Outline::default()
        };
        known.is_intact = is_message && !outline.has_error;
        known.kind = outline.kind;
        batch.push(bytes, known, tree);
    }
}

/// The bytes that arrived last, and the first of those that waited before them.
struct Lately<'a> {
    held: &'a [u8],
    held_at: u64,
    data: &'a [u8],
    data_at: u64,
}

impl Lately<'_> {
    /// The bytes at an offset of the stream, at most so many and as far as they are still there.
    fn at(&self, offset: u64, most: usize) -> Vec<u8> {
        let from = |start: u64, bytes: &'_ [u8]| {
            let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            skip.min(bytes.len())
        };
        let mut found = Vec::new();
        if offset < self.data_at {
            let held = self.held.get(from(self.held_at, self.held)..).unwrap_or_default();
            found.extend_from_slice(held.get(..most).unwrap_or(held));
            // Where not all that waited was held, what follows is not the next.
            if self.held_at + (self.held.len() as u64) < self.data_at {
                return found;
            }
        }
        let data = self.data.get(from(self.data_at, self.data)..).unwrap_or_default();
        let left = most - found.len();
        found.extend_from_slice(data.get(..left).unwrap_or(data));
        found
    }
}

#[pymethods]
impl Decoder {
    /// Takes the next bytes of the stream, and returns the messages that are complete now, and skipped bytes.
    fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<batch::Batch> {
        let bytes = bytes_of(data)?;
        self.complete(data.py(), Some(&bytes)).map(batch::Batch::new)
    }

    /// The stream has ended: returns what was still incomplete.
    fn end(&self, py: Python<'_>) -> PyResult<batch::Batch> {
        self.complete(py, None).map(batch::Batch::new)
    }

    /// How many bytes wait for the rest of their message.
    #[getter]
    fn waiting(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.framer.end_offset().saturating_sub(state.framer.offset())
    }

    /// Where in the stream the next byte is.
    #[getter]
    fn offset(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).framer.end_offset()
    }

    /// ``forward`` or ``backward``.
    #[getter]
    fn direction(&self) -> &'static str {
        self.direction.as_str()
    }

    /// The stage that the next message of this direction is read in, in a protocol that has stages.
    #[getter]
    fn stage(&self) -> Option<String> {
        let talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = talk.as_ref()?.stage(role_of(self.direction));
        Some(self.speech.protocol.stages().get(usize::from(stage))?.name.clone())
    }

    /// The bytes of the next message of this direction, which is taken as sent: what it sets is known to those after it.
    fn encode<'py>(&self, py: Python<'py>, message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let given = GivenMessage::of(message)?;
        let role = role_of(self.direction);
        let mut notes = Vec::new();
        let written = {
            let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
            match talk.as_deref_mut() {
                None => {
                    let mut bytes = Vec::new();
                    let protocol = &self.speech.protocol;
                    protocol.encode_noting(&given.dissection(), &mut bytes, &mut notes).map(|()| bytes)
                }
                Some(talk) => {
                    self.speech.encode_next(talk, role, &given, &mut notes).map(|(stage, bytes)| {
                        talk.continue_in(role, stage);
                        talk.message(role, Captured::whole(&bytes));
                        bytes
                    })
                }
            }
        };
        let bytes = written.map_err(|error| encode_error(py, &error))?;
        for note in notes {
            errors::warn(py, "EncodeWarning", &note)?;
        }
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        format!("<Decoder {} {}>", self.speech.protocol.name(), self.direction.as_str())
    }
}

/// The two directions of a conversation, which share its state: what one says may change how the other is read.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Conversation {
    client: Py<Decoder>,
    server: Py<Decoder>,
}

#[pymethods]
impl Conversation {
    #[new]
    fn new(py: Python<'_>, protocol: &Bound<'_, Protocol>) -> PyResult<Conversation> {
        let speech = &protocol.get().speech;
        let talk: Talk = Arc::new(Mutex::new(speech.protocol.conversation()));
        let side = |direction| Py::new(py, Decoder::in_talk(speech, &talk, direction));
        Ok(Conversation { client: side(Direction::Forward)?, server: side(Direction::Backward)? })
    }

    /// Decodes what the side says that opened the conversation.
    #[getter]
    fn client(&self, py: Python<'_>) -> Py<Decoder> {
        self.client.clone_ref(py)
    }

    /// Decodes what the side says that accepted it.
    #[getter]
    fn server(&self, py: Python<'_>) -> Py<Decoder> {
        self.server.clone_ref(py)
    }
}

/// Goes through the messages of a stream.
#[pyclass(module = "framescope")]
pub(crate) struct Frames {
    decoder: Decoder,
    bytes: Lent,
    at: usize,
    /// Bytes that are framed at a time.
    step: usize,
    parts: VecDeque<Message>,
    has_ended: bool,
}

impl Frames {
    /// The messages of a stream. Where a message is whatever a segment holds, all is one.
    pub(crate) fn new(decoder: Decoder, bytes: Lent, is_one: bool) -> Frames {
        let step = if is_one { usize::MAX } else { MANY };
        Frames { decoder, bytes, at: 0, step, parts: VecDeque::new(), has_ended: false }
    }
}

#[pymethods]
impl Frames {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Message>> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Ok(Some(part));
            }
            if self.has_ended {
                return Ok(None);
            }
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let piece = rest.get(..self.step).unwrap_or(rest);
            self.at += piece.len();
            self.has_ended = piece.is_empty();
            let piece = (!piece.is_empty()).then_some(piece);
            self.parts = self.decoder.take(py, piece)?.into();
        }
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Decoder>()?;
    module.add_class::<Conversation>()?;
    module.add_class::<Frames>()
}
