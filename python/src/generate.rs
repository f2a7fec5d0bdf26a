//! Messages and conversations from a description, for property tests and fuzzers: which values there are to choose, and what the
//! message with the chosen ones is. Who chooses, and makes what was chosen smaller, is in `framescope/strategies.py`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framescope_checking::forms::{Form, Forms};
use framescope_checking::{
    Piece, Random, Transcript, havoc, mutate_conversation, mutate_frames, mutate_messages,
};
use framescope_ksy::Described;
use framescope_parser::{Captured, Context, Conversation, Direction, Dissection, Protocol as Speaks, Role};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::choices::{chosen, parts};
use crate::decoder::{Speech, bytes_of};
use crate::errors;
use crate::flow::direction;
use crate::framed::Framed;
use crate::message::Message;
use crate::protocol::{Protocol, role_of};
use crate::tree::Tree;

/// How many random beginnings of messages forms are learned from: in all stages, and in one at least.
const TRIES: u32 = 1000;
const TRIES_OF_A_STAGE: u32 = 80;

/// Whatever panicked while it had the lock, the parts are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes messages of a protocol. Use `framescope.strategies` and `framescope.fuzzing`.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct Generator {
    speech: Arc<Speech>,
    described: Option<Described>,
    /// Messages that are known to be valid.
    known: Vec<Vec<u8>>,
    /// What was learned, by the number of the stage.
    forms: Mutex<HashMap<u16, Arc<Forms>>>,
}

/// What writes the messages of a stage.
struct Stage<'g> {
    protocol: &'g dyn Speaks,
    described: Option<&'g Described>,
    conversation: Option<Box<dyn Conversation>>,
    number: u16,
}

impl Stage<'_> {
    fn context(&self) -> Context<'_> {
        match &self.conversation {
            Some(conversation) => context(&**conversation, Role::Client, self.number),
            None => Context::default(),
        }
    }
}

fn context(conversation: &dyn Conversation, role: Role, stage: u16) -> Context<'_> {
    Context { stage, role: Some(role), variables: conversation.variables(), ..Context::default() }
}

impl Generator {
    fn stage(&self, number: u16) -> Option<Stage<'_>> {
        let own = &*self.speech.protocol;
        let described = self.described.as_ref();
        if own.stages().is_empty() {
            return Some(Stage { protocol: own, described, conversation: None, number: 0 });
        }
        let described = described?.in_stage(number)?;
        Some(Stage {
            protocol: described,
            described: Some(described),
            conversation: own.conversation(),
            number,
        })
    }

    /// What the messages of a stage look like. None where another protocol is spoken.
    fn learned(&self, number: u16) -> Arc<Forms> {
        if let Some(known) = lock(&self.forms).get(&number) {
            return Arc::clone(known);
        }
        let stages = u32::try_from(self.stages()).unwrap_or(u32::MAX);
        let tries = (TRIES / stages).max(TRIES_OF_A_STAGE);
        let learned = match self.stage(number) {
            None => Forms::default(),
            Some(stage) => match (stage.described, stage.protocol.name()) {
                (Some(described), _) => {
                    Forms::in_context(described, &stage.context(), self.known.clone(), tries)
                }
                (None, "missive") => Forms::of_missive(4 * TRIES),
                (None, "bare") => {
                    let known: [&[u8]; 3] = [b"\x01ada", b"\x02", b"\x03hello"];
                    Forms::of_messages(stage.protocol, known.map(<[u8]>::to_vec).into(), TRIES)
                }
                (None, "text") => Forms::of_messages(stage.protocol, vec![b"hello\n".to_vec()], TRIES),
                _ => Forms::of_messages(stage.protocol, self.known.clone(), TRIES),
            },
        };
        let learned = Arc::new(learned);
        lock(&self.forms).insert(number, Arc::clone(&learned));
        learned
    }

    fn form(&self, stage: u16, number: usize) -> PyResult<(Arc<Forms>, Stage<'_>)> {
        let forms = self.learned(stage);
        match self.stage(stage) {
            Some(stage) if number < forms.all().len() => Ok((forms, stage)),
            _ => Err(PyValueError::new_err("there is no such form")),
        }
    }
}

#[pymethods]
impl Generator {
    #[new]
    #[pyo3(signature = (protocol, known=Vec::new()))]
    fn new(protocol: &Protocol, known: Vec<Vec<u8>>) -> Generator {
        let (speech, described) = (Arc::clone(&protocol.speech), protocol.described.clone());
        Generator { speech, described, known, forms: Mutex::default() }
    }

    /// How many stages there are; one where the protocol has none.
    #[getter]
    fn stages(&self) -> usize {
        self.speech.protocol.stages().len().max(1)
    }

    /// The forms of a stage's messages: of each its kind and its parts.
    fn forms<'py>(&self, py: Python<'py>, stage: u16) -> PyResult<Bound<'py, PyList>> {
        let forms = py.detach(|| self.learned(stage));
        let form = |form: &Form| -> PyResult<Bound<'py, PyTuple>> {
            let kind = form.kind().into_pyobject(py)?;
            PyTuple::new(py, [kind.into_any(), parts(py, &form.parts())?.into_any()])
        };
        PyList::new(py, forms.all().iter().map(form).collect::<PyResult<Vec<_>>>()?)
    }

    /// The message of a form with chosen values.
    fn write<'py>(
        &self,
        py: Python<'py>,
        stage: u16,
        form: usize,
        values: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let values = chosen(values)?;
        let (forms, stage) = self.form(stage, form)?;
        let form = forms.all().get(form);
        let bytes = form.map(|form| form.write(stage.protocol, &stage.context(), &values));
        Ok(PyBytes::new(py, &bytes.unwrap_or_default()))
    }

    /// The bytes as a message of a stage, whatever is wrong with them.
    fn message(&self, data: &Bound<'_, PyAny>, stage: u16, towards: &str) -> PyResult<Message> {
        let bytes = bytes_of(data)?.to_vec();
        // With what the beginning of a conversation has set.
        let tree = self.stage(stage).map(|own| {
            let (context, repeated) = (own.context(), self.speech.repeated_in(own.protocol));
            let message = Captured::whole(&bytes).in_context(Some(&context));
            Tree::of(&bytes, Some(repeated), |visit| message.dissect(own.protocol, visit))
        });
        let framed = Framed::alone(&self.speech, bytes, stage, direction(towards)?);
        Ok(Message::framed(framed, tree))
    }

    /// The bytes with other ones in the place of one of the fields: so much more than was there. The checks over them are computed
    /// again, so that only this is wrong.
    fn with_lie<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        stage: u16,
        field: usize,
        more: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = bytes_of(data)?.to_vec();
        let mut changed = bytes.clone();
        if let Some(stage) = self.stage(stage) {
            lie(&stage, &bytes, &mut changed, field, more);
        }
        Ok(PyBytes::new(py, &changed))
    }

    /// A conversation that begins.
    fn talk(slf: PyRef<'_, Self>) -> Talk {
        let conversation = slf.speech.protocol.conversation();
        Talk { conversation: conversation.map(Mutex::new), generator: slf.into() }
    }

    /// Changes a stream of messages as messages. `bytes` is the fuzzer's own way to change some bytes.
    #[pyo3(signature = (data, max_size, seed, bytes=None))]
    fn mutate<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        max_size: usize,
        seed: u32,
        bytes: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = bytes_of(data)?;
        self.changed(py, &data, (max_size, seed), bytes, &mut |data, size, most, seed, bytes| match &self
            .described
        {
            Some(described) => mutate_messages(described, data, size, most, seed, bytes),
            None => mutate_frames(data, size, most, seed, bytes),
        })
    }

    /// Changes a conversation, as `said` reads it.
    #[pyo3(signature = (data, max_size, seed, bytes=None))]
    fn mutate_conversation<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        max_size: usize,
        seed: u32,
        bytes: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let Some(described) = self.described.as_ref().filter(|one| !one.stages().is_empty()) else {
            let name = self.speech.protocol.name();
            return Err(errors::option(
                py,
                &format!("{name} has no conversations; leave out conversations=True"),
            ));
        };
        let data = bytes_of(data)?;
        self.changed(py, &data, (max_size, seed), bytes, &mut |data, size, most, seed, bytes| {
            mutate_conversation(described, data, size, most, seed, bytes)
        })
    }

    /// Some messages of one stream and some of the other, each whole.
    fn cross<'py>(
        &self,
        py: Python<'py>,
        first: &Bound<'py, PyAny>,
        second: &Bound<'py, PyAny>,
        max_size: usize,
        seed: u32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (first, second) = (bytes_of(first)?, bytes_of(second)?);
        let mut random = Random::new(seed);
        let mut parts = [&*first, &*second].map(|stream| spans(&*self.speech.protocol, stream));
        let [mut from, mut to] = parts.each_mut().map(|part| part.drain(..).peekable());
        let mut out: Vec<u8> = Vec::new();
        while from.peek().is_some() || to.peek().is_some() {
            let next = if random.one_in(2) { from.next() } else { to.next() };
            if let Some(next) = next
                && !random.one_in(3)
                && out.len() + next.len() <= max_size
            {
                out.extend_from_slice(next);
            }
        }
        Ok(PyBytes::new(py, &out))
    }
}

/// How a fuzzer changes `data[..size]`: with the greatest size, a seed, and a way to change bytes.
type Change<'c> = &'c mut dyn FnMut(
    &mut [u8],
    usize,
    usize,
    u32,
    &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) -> usize;

/// The longest that anything is made, whatever a fuzzer allows.
const LONGEST: usize = 1 << 20;

impl Generator {
    fn changed<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        (max_size, seed): (usize, u32),
        own: Option<&Bound<'py, PyAny>>,
        change: Change<'_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let most = max_size.min(LONGEST);
        let size = data.len().min(most);
        let mut place = vec![0; most];
        if let (Some(to), Some(from)) = (place.get_mut(..size), data.get(..size)) {
            to.copy_from_slice(from);
        }
        let mut failed = None;
        let mut by_havoc = havoc(seed);
        let mut bytes = |data: &mut [u8], size: usize, most: usize| {
            let Some(own) = own else { return by_havoc(data, size, most) };
            let given = PyBytes::new(py, data.get(..size).unwrap_or_default());
            let made = own.call1((given, most)).and_then(|made| bytes_of(&made).map(|made| made.to_vec()));
            match made {
                Ok(made) => {
                    let length = made.len().min(most).min(data.len());
                    if let (Some(to), Some(from)) = (data.get_mut(..length), made.get(..length)) {
                        to.copy_from_slice(from);
                    }
                    length
                }
                Err(error) => {
                    failed = Some(error);
                    size
                }
            }
        };
        let length = change(&mut place, size, most, seed, &mut bytes);
        match failed {
            Some(error) => Err(error),
            None => Ok(PyBytes::new(py, place.get(..length).unwrap_or_default())),
        }
    }
}

/// The messages of a stream, and what is between them.
fn spans<'d>(protocol: &dyn Speaks, stream: &'d [u8]) -> Vec<&'d [u8]> {
    let (mut framer, mut found, mut rest) = (framescope_parser::Framer::default(), Vec::new(), stream);
    let mut sink = |span: framescope_parser::Span, _: Captured<'_, '_>| {
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        let (bytes, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        found.push(bytes);
    };
    framer.segment(protocol, stream, &mut sink);
    framer.end(protocol, &mut sink);
    found
}

/// Changes a number where its bytes are.
fn lie(stage: &Stage<'_>, bytes: &[u8], changed: &mut [u8], field: usize, more: u64) {
    let context = stage.context();
    let message = Captured::whole(bytes).in_context(Some(&context));
    let mut read = Dissection::default();
    message.dissect(stage.protocol, &mut read);
    let mut places = Vec::new();
    numbers(&read.fields, &mut places);
    let Some(place) = field.checked_rem(places.len()).and_then(|at| places.get(at)) else { return };
    let Some(own) = changed.get_mut(place.clone()) else { return };
    // Its last bytes: in numbers of either order something is changed that was right.
    let mut carry = more;
    for byte in own.iter_mut().rev() {
        let sum = u64::from(*byte) + carry % 256;
        *byte = sum.to_le_bytes().first().copied().unwrap_or(0);
        carry = carry / 256 + sum / 256;
    }
    stage.protocol.renew_checks(message, changed);
}

/// Where numbers are.
fn numbers(fields: &[framescope_parser::Field<'_>], places: &mut Vec<std::ops::Range<usize>>) {
    use framescope_parser::Value;
    for field in fields {
        let is_number =
            matches!(field.value, Value::Unsigned(_) | Value::Hex(_) | Value::Signed(_) | Value::Enum(_));
        if is_number && field.fields.is_empty() && !field.range.is_empty() {
            places.push(field.range.clone());
        }
        numbers(&field.fields, places);
    }
}

/// A conversation that is made message by message.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct Talk {
    conversation: Option<Mutex<Box<dyn Conversation>>>,
    generator: Py<Generator>,
}

/// Stages that may be left out one after another.
const MOST_ABSENT: usize = 16;

#[pymethods]
impl Talk {
    /// In which stages the next message of a side may be.
    fn stages(&self, side: &str) -> PyResult<Vec<u16>> {
        let role = role_of(direction(side)?);
        let Some(conversation) = &self.conversation else { return Ok(vec![0]) };
        let mut next = lock(conversation).copy();
        let mut found = Vec::new();
        for _ in 0..MOST_ABSENT {
            let stage = next.stage(role);
            if found.contains(&stage) {
                break;
            }
            found.push(stage);
            next.continue_in(role, stage);
            if !next.absent(role) {
                break;
            }
        }
        Ok(found)
    }

    /// The message of a form with chosen values, with what was said before, which is said now.
    fn say<'py>(
        &self,
        py: Python<'py>,
        side: &str,
        stage: u16,
        form: usize,
        values: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let role = role_of(direction(side)?);
        let values = chosen(values)?;
        let generator = self.generator.get();
        let (forms, own) = generator.form(stage, form)?;
        let Some(form) = forms.all().get(form) else { return Ok(PyBytes::new(py, b"")) };
        let Some(conversation) = &self.conversation else {
            return Ok(PyBytes::new(py, &form.write(own.protocol, &Context::default(), &values)));
        };
        let mut conversation = lock(conversation);
        conversation.continue_in(role, stage);
        let bytes = form.write(own.protocol, &context(&**conversation, role, stage), &values);
        conversation.message(role, Captured::whole(&bytes));
        Ok(PyBytes::new(py, &bytes))
    }
}

/// What a conversation of a fuzzer says, as `("forward", bytes)` and `("backward", bytes)`.
#[pyfunction]
fn said(data: &Bound<'_, PyAny>) -> PyResult<Vec<(&'static str, Vec<u8>)>> {
    let transcript = Transcript::from_bytes(&bytes_of(data)?);
    let piece = |piece: &Piece| match piece {
        Piece::Segment(role, bytes) => Some((name(*role), bytes.clone())),
        _ => None,
    };
    Ok(transcript.pieces().iter().filter_map(piece).collect())
}

/// The conversation of a fuzzer that says this.
#[pyfunction]
fn transcript<'py>(py: Python<'py>, said: Vec<(String, Vec<u8>)>) -> PyResult<Bound<'py, PyBytes>> {
    let piece = |(side, bytes): (String, Vec<u8>)| Ok(Piece::Segment(role_of(direction(&side)?), bytes));
    let pieces = said.into_iter().map(piece).collect::<PyResult<Vec<_>>>()?;
    Ok(PyBytes::new(py, &Transcript::new(pieces).to_bytes()))
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Client => Direction::Forward.as_str(),
        Role::Server => Direction::Backward.as_str(),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Generator>()?;
    module.add_class::<Talk>()?;
    module.add_function(wrap_pyfunction!(said, module)?)?;
    module.add_function(wrap_pyfunction!(transcript, module)?)
}
