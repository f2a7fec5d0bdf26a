//! Messages of a capture to which another program still writes, as they arrive. Never waits with the interpreter's lock.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use framescope_capture::export::display_limit;
use framescope_capture::filter::{Evaluator, Filter};
use framescope_capture::{BlockReader, Followed, Index, Options, RowId, Source, UNPACK_LIMIT};
use framescope_live::Following;
use framescope_live::capturing::{Tail, TailEnd};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::capture::Capture;
use crate::errors;
use crate::facts::Facts;
use crate::message::Message;
use crate::origin::Origin;
use crate::repeated::Known;
use crate::source::{Given, path_of};
use crate::tree::Tree;
use crate::values::Content;

/// The pause while nothing comes.
const PAUSE: Duration = Duration::from_millis(5);

/// Goes through the messages of a growing capture as they arrive: until it is closed, or nothing came for `timeout` seconds.
#[pyclass(frozen, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Follow {
    state: Mutex<State>,
    /// The process that it was made in: threads that read for it are in no other.
    process: u32,
}

#[derive(Debug)]
struct State {
    name: String,
    options: Options,
    filter: Option<Filter>,
    /// Rows that end with these packets or before were read already.
    after: u32,
    timeout: Option<Duration>,
    source: Option<Source>,
    following: Option<Following>,
    /// Keeps the file being followed.
    followed: Option<Kept>,
    reader: Option<BlockReader>,
    ready: VecDeque<Message>,
    last: Instant,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are there to be dropped")]
enum Kept {
    File(Followed),
    Tail(TailEnd),
    Nothing,
}

/// What one look at the source brought.
enum Look {
    Message(Message),
    Nothing,
    End,
}

impl State {
    /// Looks once, and waits no longer than for a moment.
    fn look(&mut self) -> Result<Look, Failure> {
        if let Some(message) = self.ready.pop_front() {
            self.last = Instant::now();
            return Ok(Look::Message(message));
        }
        let Some(following) = &mut self.following else { return self.begin() };
        let is_over = self.timeout.is_some_and(|timeout| self.last.elapsed() >= timeout);
        if is_over {
            self.followed = None;
        }
        if following.has_ended() || is_over {
            return self.finish();
        }
        let rows = following.read_some();
        let is_caught_up = following.is_caught_up();
        let new = (rows.start, rows.end);
        if new.0 < new.1 {
            let index = following.index();
            let messages = messages(index, new, self.filter.as_ref(), self.after, &mut self.reader)?;
            self.ready.extend(messages);
        } else if is_caught_up {
            thread::sleep(PAUSE);
        }
        Ok(Look::Nothing)
    }

    /// Begins to read once there is enough to recognise the capture.
    fn begin(&mut self) -> Result<Look, Failure> {
        let Some(source) = &self.source else { return Ok(Look::End) };
        let is_over = self.timeout.is_some_and(|timeout| self.last.elapsed() >= timeout);
        if is_over {
            self.followed = None;
        }
        if !source.is_recognisable() && !is_over {
            thread::sleep(PAUSE);
            return Ok(Look::Nothing);
        }
        if let Some(source) = self.source.take() {
            let following =
                Following::new(source, &self.options).map_err(|error| Failure::Read(Box::new(error)))?;
            self.following = Some(following);
        }
        Ok(Look::Nothing)
    }

    /// Reads no further: what waits becomes messages.
    fn finish(&mut self) -> Result<Look, Failure> {
        let Some(mut following) = self.following.take() else { return Ok(Look::End) };
        let (filter, after) = (self.filter.as_ref(), self.after);
        let mut last = Vec::new();
        let mut failed = None;
        while !following.has_ended() {
            let rows = following.read_some();
            match messages(following.index(), (rows.start, rows.end), filter, after, &mut self.reader) {
                Ok(mut more) => last.append(&mut more),
                Err(error) => return Err(error),
            }
            if following.index().source().is_growing() {
                break;
            }
        }
        let reader = &mut self.reader;
        let mut take = |index: &Index, rows: std::ops::Range<usize>| match messages(
            index,
            (rows.start, rows.end),
            filter,
            after,
            reader,
        ) {
            Ok(mut more) => last.append(&mut more),
            Err(error) => failed = Some(error),
        };
        following.finish(&mut take);
        self.ready.extend(last);
        match failed {
            Some(error) => Err(error),
            None => Ok(Look::Nothing),
        }
    }
}

/// Why nothing more can be read.
enum Failure {
    Read(Box<framescope_capture::ReadError>),
    Gone(std::io::Error),
}

/// The rows of a range as messages that stand for themselves, for rows of a growing capture get other numbers.
fn messages(
    index: &Index,
    (start, end): (usize, usize),
    filter: Option<&Filter>,
    after: u32,
    reader: &mut Option<BlockReader>,
) -> Result<Vec<Message>, Failure> {
    let mut rows: Vec<RowId> = Vec::new();
    match filter {
        Some(filter) => {
            Evaluator::new(filter, index).rows_in(start..end, &mut rows).map_err(Failure::Gone)?
        }
        None => rows.extend(index.row_ids_in(start..end)),
    }
    let reader = reader.get_or_insert_with(|| index.reader());
    let (known, mut all) = (Known::default(), Vec::new());
    for id in rows {
        let Some(row) = index.row(id) else { continue };
        let facts = Facts::of(index, id, &row);
        if after > 0 && facts.packets.last().is_some_and(|packet| *packet <= after) {
            continue;
        }
        let bytes = index.row_bytes(&row, display_limit(&row), reader).map_err(Failure::Gone)?;
        let repeated = index.protocol(&row).map(|protocol| known.of(protocol));
        let tree = Tree::of(&bytes, repeated, |visit| index.report(id, &row, &bytes, visit));
        all.push(Message::with_content(Origin::Apart(Box::new(facts)), Content::dissected(bytes, tree)));
    }
    Ok(all)
}

#[pymethods]
impl Follow {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        if std::process::id() != self.process {
            return Err(PyRuntimeError::new_err(
                "a capture can't be followed in a forked process: open it there, or start processes with 'spawn'",
            ));
        }
        loop {
            let looked = py.detach(|| {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.look().map_err(|failure| (failure, state.name.clone()))
            });
            match looked {
                Ok(Look::Message(message)) => return Ok(Some(message)),
                Ok(Look::End) => return Ok(None),
                Ok(Look::Nothing) => py.check_signals()?,
                Err((Failure::Read(error), _)) => return Err(errors::read(py, &error)),
                Err((Failure::Gone(error), name)) => return Err(errors::gone(py, &name, &error)),
            }
        }
    }

    /// Follows no further: the messages that are complete or were begun are still given.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.followed = None;
            state.timeout = Some(Duration::ZERO);
        });
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        format!("<Follow {}>", state.name)
    }
}

/// The capture at a path, and what keeps it being followed.
fn growing(py: Python<'_>, path: &Path) -> PyResult<(Source, Kept)> {
    let name = path.display().to_string();
    let failed = |error| {
        let name = path.display().to_string();
        errors::open(py, &framescope_capture::OpenError::Unreadable { name, error })
    };
    if path == Path::new("-") {
        let source =
            Source::live_within("standard input", std::io::stdin(), UNPACK_LIMIT, || {}).map_err(failed)?;
        return Ok((source, Kept::Nothing));
    }
    if Tail::is_for(path).unwrap_or(false) {
        let (tail, end) = Tail::new(path).map_err(failed)?;
        let source = Source::live_within(name, tail, UNPACK_LIMIT, || {}).map_err(failed)?;
        return Ok((source, Kept::Tail(end)));
    }
    let opened = Source::open_within(path, UNPACK_LIMIT).map_err(|error| errors::open(py, &error))?;
    let (source, followed) = opened.follow();
    Ok((source, Kept::File(followed)))
}

fn follow(
    py: Python<'_>,
    path: &Path,
    options: Options,
    filter: Option<&str>,
    after: u32,
    timeout: Option<f64>,
) -> PyResult<Follow> {
    let filter = filter.map(|filter| Filter::parse(filter, &options.protocols)).transpose();
    let filter = filter.map_err(|error| errors::filter(py, &error))?;
    let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
    let timeout = timeout.map_err(|_| PyValueError::new_err("timeout is a number of seconds, 0 or more"))?;
    let (source, followed) = growing(py, path)?;
    let state = State {
        name: path.display().to_string(),
        options,
        filter,
        after,
        timeout,
        source: Some(source),
        following: None,
        followed: Some(followed),
        reader: None,
        ready: VecDeque::new(),
        last: Instant::now(),
    };
    Ok(Follow { state: Mutex::new(state), process: std::process::id() })
}

/// Follows a capture from its beginning, with the keywords that `framescope.open` has.
#[pyfunction]
#[pyo3(signature = (source, filter, options, timeout=None))]
fn follow_capture(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    filter: Option<&str>,
    options: &Bound<'_, PyDict>,
    timeout: Option<f64>,
) -> PyResult<Follow> {
    let Some(path) = path_of(source)? else {
        return Err(PyTypeError::new_err(
            "only a capture at a path, or standard input as '-', can be followed",
        ));
    };
    let options = Given(options.clone()).options(py)?;
    follow(py, &path, options, filter, 0, timeout)
}

impl Capture {
    /// The messages that are appended to its file after those that were read.
    pub(crate) fn follow_from_here(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Follow> {
        let path = self.opened.reopening.as_ref().and_then(|reopening| reopening.path());
        let Some(path) = path else {
            return Err(PyTypeError::new_err("only the capture of one file can be followed"));
        };
        let after = self.opened.index.packets();
        follow(py, path, self.opened.options.clone(), self.expression.as_deref(), after, timeout)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Follow>()?;
    module.add_function(wrap_pyfunction!(follow_capture, module)?)
}
