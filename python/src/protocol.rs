//! A protocol as an object: made of a description, or one that is built in. It decodes and encodes messages by itself, and captures
//! are read with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use framescope_inspect::Reading;
use framescope_ksy::{Described, LoadError};
use framescope_parser::missive::Missive;
use framescope_parser::{
    Context, Direction, Error, Input, Key, Memo, Protocol as Speaks, Role, SpanType, Step,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::decoder::{Decoder, Frames, Speech, bytes_of};
use crate::encode::GivenMessage;
use crate::message::Message;
use crate::source::{key, load, paths};
use crate::{errors, flow};

/// A protocol: how a stream divides into messages, and a message into fields.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct Protocol {
    pub(crate) speech: Arc<Speech>,
    /// If a description says what it is.
    pub(crate) described: Option<Described>,
    made: Made,
}

/// What it was made of, to be made again.
#[derive(Clone, Debug)]
enum Made {
    /// A description: its text, where it is, where imports are looked up, and the key.
    Text {
        text: String,
        path: Option<PathBuf>,
        include: Vec<PathBuf>,
        key: Option<Vec<u8>>,
    },
    Missive {
        key: Option<Vec<u8>>,
    },
    Named(String),
}

impl std::fmt::Debug for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protocol").field("name", &self.speech.protocol.name()).finish_non_exhaustive()
    }
}

/// The bytes of a key, however it was given.
fn key_bytes(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<u8>>> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(None) };
    // Checks it.
    key(py, Some(given))?;
    match given.extract::<String>() {
        Ok(text) => {
            let hex = match text.strip_prefix('@') {
                Some(path) => std::fs::read_to_string(path)?,
                None => text,
            };
            Ok(framescope_parser::hex::decode(hex.trim()))
        }
        Err(_) => bytes_of(given).map(|bytes| Some(bytes.to_vec())),
    }
}

impl Protocol {
    fn of_text(
        py: Python<'_>,
        text: String,
        path: Option<PathBuf>,
        include: Vec<PathBuf>,
        key: Option<Vec<u8>>,
    ) -> PyResult<Protocol> {
        let loaded: Result<Described, LoadError> = match &path {
            Some(path) => Described::from_text_in(&text, path, &include),
            None => Described::from_ksy(&text),
        };
        let described = loaded.map_err(|error| errors::description(py, &error))?;
        for warning in described.warnings() {
            errors::warn(py, "DescriptionWarning", &warning.to_string())?;
        }
        let described = described.with_key(key.as_ref().map(|key| Key::new(key.as_slice())));
        let protocol: Arc<dyn Speaks> = Arc::new(described.clone());
        let others = Reading::default().options().protocols;
        let speech = Arc::new(Speech::new(protocol, others));
        Ok(Protocol { speech, described: Some(described), made: Made::Text { text, path, include, key } })
    }

    fn protocol(&self) -> &dyn Speaks {
        &*self.speech.protocol
    }

    /// Why bytes are not exactly one message.
    fn no_message(&self, py: Python<'_>, bytes: &[u8], parts: &[Message]) -> PyErr {
        let decode = |text: String, offset: u64, needed: Option<usize>| {
            let about =
                [("offset", errors::attribute(py, offset)), ("needed", errors::attribute(py, needed))];
            errors::error(py, "DecodeError", &text, &about)
        };
        let name = self.protocol().name();
        let Some(first) = parts.first() else {
            return decode(format!("there are no bytes, so they are no message of {name}"), 0, Some(1));
        };
        match first.span_type() {
            SpanType::Message => {
                let (length, rest) = (first.length(), (bytes.len() as u64).saturating_sub(first.length()));
                let s = if rest == 1 { "" } else { "s" };
                decode(
                    format!(
                        "a message of {length} bytes is followed by {rest} more byte{s}; frames() reads several"
                    ),
                    length,
                    None,
                )
            }
            SpanType::Partial => {
                let needed = self.needed(bytes);
                let more =
                    needed.map_or_else(String::new, |needed| format!("; at least {needed} more are needed"));
                decode(
                    format!("the {} bytes end before the message of {name} does{more}", bytes.len()),
                    bytes.len() as u64,
                    needed,
                )
            }
            SpanType::Skipped(code) => {
                decode(format!("the bytes are no message of {name} ({code}): {}", code.meaning()), 0, None)
            }
            SpanType::Gap => decode(format!("the bytes are no message of {name}"), 0, None),
        }
    }

    fn needed(&self, bytes: &[u8]) -> Option<usize> {
        if !self.protocol().stages().is_empty() {
            return None;
        }
        let input = Input { bytes, first_segment: bytes.len(), last: false, offset: 0, context: None };
        match self.protocol().next(input, &mut Memo::default()) {
            Step::NeedMore(more) => Some(more.get()),
            _ => None,
        }
    }
}

#[pymethods]
impl Protocol {
    /// The protocol that a ``.ksy`` file describes. What it imports by absolute path is looked up in the folders of ``include`` first.
    #[staticmethod]
    #[pyo3(signature = (path, *, include=None, key=None))]
    fn from_ksy(
        py: Python<'_>,
        path: PathBuf,
        include: Option<&Bound<'_, PyAny>>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Protocol> {
        let include = paths("include", include)?;
        let bytes = std::fs::read(&path).map_err(|error| {
            let name = path.display().to_string();
            errors::open(py, &framescope_capture::OpenError::Unreadable { name, error })
        })?;
        let Ok(text) = String::from_utf8(bytes) else {
            // Its own loader says where.
            let loaded = Described::from_file_in(&path, &include);
            return Err(match loaded {
                Err(error) => errors::description(py, &error),
                Ok(_) => errors::option(py, "the description is not UTF-8"),
            });
        };
        Protocol::of_text(py, text, Some(path), include, key_bytes(py, key)?)
    }

    /// The protocol that a description's text describes; ``path`` is where it is or will be, from where its imports are found.
    #[staticmethod]
    #[pyo3(signature = (text, *, path=None, include=None, key=None))]
    fn from_text(
        py: Python<'_>,
        text: String,
        path: Option<PathBuf>,
        include: Option<&Bound<'_, PyAny>>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Protocol> {
        Protocol::of_text(py, text, path, paths("include", include)?, key_bytes(py, key)?)
    }

    /// Missive, Framescope's own protocol; authenticated frames are verified and signed with ``key``.
    #[staticmethod]
    #[pyo3(signature = (*, key=None))]
    fn missive(py: Python<'_>, key: Option<&Bound<'_, PyAny>>) -> PyResult<Protocol> {
        let key = key_bytes(py, key)?;
        let missive = Missive { key: key.as_ref().map(|key| Key::new(key.as_slice())), ..Missive::default() };
        let speech = Arc::new(Speech::new(Arc::new(missive), Vec::new()));
        Ok(Protocol { speech, described: None, made: Made::Missive { key } })
    }

    /// A protocol by its name: one that is built in, such as ``bare``, ``text`` or ``http``, or that a description in one of the usual
    /// folders has.
    #[staticmethod]
    fn named(py: Python<'_>, name: &str) -> PyResult<Protocol> {
        let own = load(py, &[], &[])?;
        let described = own.iter().map(|(_, described)| described).find(|described| described.name() == name);
        let described = described.cloned();
        let known = Reading { own, ..Reading::default() }.options().protocols;
        let Some(protocol) = known.iter().find(|known| known.name() == name).cloned() else {
            let names: Vec<&str> = known.iter().map(|known| known.name()).collect();
            let text = format!("no protocol is called '{name}'; there are {}", names.join(", "));
            return Err(errors::option(py, &text));
        };
        let speech = Arc::new(Speech::new(protocol, known));
        Ok(Protocol { speech, described, made: Made::Named(name.to_owned()) })
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        self.protocol().name()
    }

    /// What it is, in a line.
    #[getter]
    fn about(&self) -> &str {
        self.protocol().about()
    }

    /// The file that describes it, if one does.
    #[getter]
    fn path(&self) -> Option<&Path> {
        match &self.made {
            Made::Text { path, .. } => path.as_deref(),
            _ => None,
        }
    }

    /// The paths of the fields that its messages may have.
    #[getter]
    fn field_names(&self) -> Vec<String> {
        self.protocol().names().fields
    }

    /// The names of the kinds of its messages.
    #[getter]
    fn kinds(&self) -> Vec<String> {
        self.protocol().names().kinds
    }

    /// The names of the stages of its conversations.
    #[getter]
    fn stages(&self) -> Vec<String> {
        self.protocol().stages().iter().map(|stage| stage.name.clone()).collect()
    }

    /// The message that these bytes are: exactly one, whatever is wrong with its contents.
    #[pyo3(signature = (data, *, direction="forward"))]
    fn decode(&self, py: Python<'_>, data: &Bound<'_, PyAny>, direction: &str) -> PyResult<Message> {
        let bytes = bytes_of(data)?;
        let decoder = Decoder::of(&self.speech, flow::direction(direction)?);
        let mut parts = decoder.take(py, Some(&bytes))?;
        parts.append(&mut decoder.take(py, None)?);
        match parts.as_slice() {
            [one] if one.span_type() == SpanType::Message => {
                parts.pop().ok_or_else(|| self.no_message(py, &bytes, &[]))
            }
            all => Err(self.no_message(py, &bytes, all)),
        }
    }

    /// The messages of a stream, one after another, and the bytes between them that are none.
    #[pyo3(signature = (data, *, direction="forward"))]
    fn frames(&self, data: &Bound<'_, PyAny>, direction: &str) -> PyResult<Frames> {
        let decoder = Decoder::of(&self.speech, flow::direction(direction)?);
        Ok(Frames::new(decoder, bytes_of(data)?, self.protocol().ends_with_segment()))
    }

    /// A decoder of one direction of a stream.
    #[pyo3(signature = (direction="forward"))]
    fn decoder(&self, direction: &str) -> PyResult<Decoder> {
        Ok(Decoder::of(&self.speech, flow::direction(direction)?))
    }

    /// The bytes of a message that is given by its fields: a mapping from names to values. Lengths and checks are derived.
    ///
    /// What could not be derived, or is other than it was given, is an ``EncodeWarning``.
    #[pyo3(signature = (message, *, direction="forward", stage=None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        message: &Bound<'py, PyAny>,
        direction: &str,
        stage: Option<&str>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let role = role_of(flow::direction(direction)?);
        let given = GivenMessage::of(message)?;
        let stage = stage.map(|name| self.stage_named(py, name)).transpose()?;
        let (bytes, notes) =
            self.speech.encode(&given, role, stage).map_err(|error| encode_error(py, &error))?;
        for note in notes {
            errors::warn(py, "EncodeWarning", &note)?;
        }
        Ok(PyBytes::new(py, &bytes))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let restore = PyModule::import(py, "framescope._framescope")?.getattr("_protocol")?;
        let arguments = match &self.made {
            Made::Text { text, path, include, key } => {
                let path =
                    path.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
                (
                    "text",
                    text.as_str(),
                    path,
                    include.clone(),
                    key.as_deref().map(|key| PyBytes::new(py, key)),
                )
            }
            Made::Missive { key } => {
                ("missive", "", None, Vec::new(), key.as_deref().map(|key| PyBytes::new(py, key)))
            }
            Made::Named(name) => ("named", name.as_str(), None, Vec::new(), None),
        };
        Ok((restore, arguments.into_pyobject(py)?.into_any()))
    }

    fn __repr__(&self) -> String {
        format!("<Protocol {}: {}>", self.protocol().name(), self.protocol().about())
    }
}

impl Protocol {
    fn stage_named(&self, py: Python<'_>, name: &str) -> PyResult<u16> {
        let stages = self.protocol().stages();
        let found = stages.iter().position(|stage| stage.name == name).and_then(|at| u16::try_from(at).ok());
        found.ok_or_else(|| {
            let known: Vec<&str> = stages.iter().map(|stage| &*stage.name).collect();
            let text = format!(
                "'{name}' is no stage of {}, which has: {}",
                self.protocol().name(),
                known.join(", ")
            );
            errors::option(py, &text)
        })
    }
}

/// The forward direction is the client's.
pub(crate) fn role_of(direction: Direction) -> Role {
    match direction {
        Direction::Forward => Role::Client,
        Direction::Backward => Role::Server,
    }
}

/// Why a message can't be written.
pub(crate) fn encode_error(py: Python<'_>, error: &Error) -> PyErr {
    errors::encode(py, &error.to_string(), Some(error.field))
}

impl Speech {
    /// The bytes of a message in a stage: the given one, or else that in which the conversation of its sender begins.
    fn encode(
        &self,
        given: &GivenMessage,
        role: Role,
        stage: Option<u16>,
    ) -> Result<(Vec<u8>, Vec<String>), Error> {
        let (mut bytes, mut notes) = (Vec::new(), Vec::new());
        let message = given.dissection();
        let Some(conversation) = self.protocol.conversation() else {
            self.protocol.encode_noting(&message, &mut bytes, &mut notes)?;
            return Ok((bytes, notes));
        };
        if let Some(stage) = stage {
            let context = Context {
                stage,
                role: Some(role),
                variables: conversation.variables(),
                ..Context::default()
            };
            self.protocol.encode_in(&context, &message, &mut bytes, &mut notes)?;
            return Ok((bytes, notes));
        }
        let (_, bytes) = self.encode_next(&*conversation, role, given, &mut notes)?;
        Ok((bytes, notes))
    }
}

#[pyfunction]
fn _protocol(
    py: Python<'_>,
    made: &str,
    text: String,
    path: Option<PathBuf>,
    include: Vec<PathBuf>,
    key: Option<Bound<'_, PyAny>>,
) -> PyResult<Protocol> {
    match made {
        "text" => Protocol::of_text(py, text, path, include, key_bytes(py, key.as_ref())?),
        "missive" => Protocol::missive(py, key.as_ref()),
        _ => Protocol::named(py, &text),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Protocol>()?;
    module.add_function(wrap_pyfunction!(_protocol, module)?)
}
