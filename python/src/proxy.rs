//! What tests record with: a proxy between two programs, and a capture from an interface. Both write a file, which is opened as any
//! other capture.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framescope_live::capturing::{CaptureError, Recording, Request};
use framescope_live::proxy::{Address, Authority, Fault, Faults, Proxy as Forwards, Settings, Target, Trust};
use framescope_live::{Edit, Limits, Recorder};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::errors;
use crate::source::Given;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sits between a client and a server, from when it is made until it is stopped, and records what they say to a file.
///
/// ``target`` is a port of this machine or HOST:PORT; clients connect to ``address``. Faults are words of ``framescope proxy``, such as
/// ``cut=1``: for what both sides send, for what clients send, or for what the target sends. ``reading`` is what a capture is read
/// with, where messages have to be found.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct Proxy {
    forwards: Mutex<Forwards>,
    address: (String, u16),
    recorder: Recorder,
    path: PathBuf,
    target: String,
    is_changed: bool,
    seed: u64,
    notices: Arc<Mutex<Vec<String>>>,
}

/// One text or several.
fn texts(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    match given {
        None => Ok(Vec::new()),
        Some(one) if one.is_none() => Ok(Vec::new()),
        Some(one) if one.is_instance_of::<PyString>() => Ok(vec![one.extract()?]),
        Some(several) => several.try_iter()?.map(|one| one?.extract()).collect(),
    }
}

fn faults(py: Python<'_>, what: &str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Fault>> {
    let fault = |text: &String| text.parse().map_err(|error| errors::option(py, &format!("{what}: {error}")));
    texts(given)?.iter().map(fault).collect()
}

#[pymethods]
impl Proxy {
    #[new]
    #[pyo3(signature = (
        target, path, *, listen="127.0.0.1:0", reading=None, udp=false, fault=None, to_target=None,
        to_client=None, set=None, seed=None, remote=false, tls_listen=false, authority=None, tls_target=false, tls_ca=None,
        tls_insecure=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        target: &Bound<'_, PyAny>,
        path: PathBuf,
        listen: &str,
        reading: Option<Bound<'_, PyDict>>,
        udp: bool,
        fault: Option<&Bound<'_, PyAny>>,
        to_target: Option<&Bound<'_, PyAny>>,
        to_client: Option<&Bound<'_, PyAny>>,
        set: Option<&Bound<'_, PyAny>>,
        seed: Option<u64>,
        remote: bool,
        tls_listen: bool,
        authority: Option<PathBuf>,
        tls_target: bool,
        tls_ca: Option<PathBuf>,
        tls_insecure: bool,
    ) -> PyResult<Proxy> {
        let refused = |error: &dyn std::fmt::Display| errors::option(py, &error.to_string());
        let given = Given(reading.unwrap_or_else(|| PyDict::new(py)));
        let options = given.options(py)?;
        let target = place(target)?;
        let to: Target = target.parse().map_err(|error| refused(&error))?;
        let listen: Address = listen.parse().map_err(|error| refused(&error))?;
        let both = faults(py, "fault", fault)?;
        let with = |own: Vec<Fault>| both.iter().copied().chain(own).collect::<Vec<_>>();
        let faults = Faults {
            to_target: with(faults(py, "to_target", to_target)?),
            to_client: with(faults(py, "to_client", to_client)?),
            seed: seed.unwrap_or_default(),
        };
        let edit = |text: &String| Edit::parse(text, &options).map_err(|error| refused(&error));
        let edits = texts(set)?.iter().map(edit).collect::<PyResult<Vec<_>>>()?;
        let is_changed = !(edits.is_empty() && faults.to_target.is_empty() && faults.to_client.is_empty());
        let seed = faults.seed;
        let tls_listen = match (tls_listen, authority.or_else(Authority::default_folder)) {
            (false, _) => None,
            (true, Some(folder)) => {
                Some(Arc::new(Authority::open(&folder).map_err(|error| refused(&error))?))
            }
            (true, None) => {
                return Err(errors::option(py, "name the folder of the authority: authority=FOLDER"));
            }
        };
        let trust = match tls_ca {
            Some(path) => Trust::File(path),
            None if tls_insecure => Trust::Anything,
            None => Trust::System,
        };
        let settings = Settings {
            udp,
            limits: Limits { allow_remote: remote, ..Limits::default() },
            faults,
            edits,
            tls_listen,
            tls_target,
            trust,
            ..Settings::new(listen, to)
        };
        let (recorder, source) = Recorder::to_file(&path)?;
        let notices: Arc<Mutex<Vec<String>>> = Arc::default();
        let notify = {
            let notices = Arc::clone(&notices);
            move |text: &str| lock(&notices).push(text.to_owned())
        };
        let forwards = py
            .detach(|| Forwards::start(&settings, recorder.clone(), (&source, &options), notify))
            .map_err(|error| refused(&error))?;
        let address = (forwards.address().ip().to_string(), forwards.address().port());
        Ok(Proxy {
            forwards: Mutex::new(forwards),
            address,
            recorder,
            path,
            target,
            is_changed,
            seed,
            notices,
        })
    }

    /// Where clients connect to: a host and a port.
    #[getter]
    fn address(&self) -> (String, u16) {
        self.address.clone()
    }

    /// Where what they send goes.
    #[getter]
    fn target(&self) -> &str {
        &self.target
    }

    /// The recording, which any tool opens.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The seed of random faults.
    #[getter]
    fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether what one side receives is not what the other has sent; both are recorded then.
    #[getter]
    fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Sentences about what went wrong.
    #[getter]
    fn notices(&self) -> Vec<String> {
        let mut all = lock(&self.notices).clone();
        all.extend(self.recorder.failure());
        all
    }

    /// What was forwarded, in a sentence.
    #[getter]
    fn summary(&self) -> String {
        lock(&self.forwards).summary().to_string()
    }

    /// Writes what was recorded, so that it is in the file when this returns.
    fn flush(&self, py: Python<'_>) {
        py.detach(|| self.recorder.flush());
    }

    /// What was recorded so far, as a pcapng: as the ``client`` sees it, as the ``target`` does, or ``both``. They differ where faults
    /// change what passes.
    #[pyo3(signature = (side="both"))]
    fn recording<'py>(&self, py: Python<'py>, side: &str) -> PyResult<Bound<'py, PyBytes>> {
        let leg = match side {
            "both" => None,
            "client" => Some("client side"),
            "target" => Some("server side"),
            _ => return Err(errors::option(py, &format!("a side is client, target or both, not {side}"))),
        };
        let bytes = py.detach(|| {
            self.recorder.flush();
            std::fs::read(&self.path)
        })?;
        match leg.filter(|_| self.is_changed) {
            Some(leg) => Ok(PyBytes::new(py, &only_of(leg, &bytes))),
            None => Ok(PyBytes::new(py, &bytes)),
        }
    }

    /// Closes all connections, and waits until that is done. The recording remains.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            lock(&self.forwards).stop();
            self.recorder.flush();
        });
    }

    fn __repr__(&self) -> String {
        format!("<Proxy {}:{} to {}>", self.address.0, self.address.1, self.target)
    }
}

const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

/// The blocks of a recording without the packets of other interfaces than the one with that name.
fn only_of(name: &str, recording: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8], at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_le_bytes)
    };
    let (mut rest, mut out, mut interfaces) = (recording, Vec::new(), Vec::new());
    while let (Some(block_type), Some(length)) = (number(rest, 0), number(rest, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((block, behind)) = rest.split_at_checked(length).filter(|_| length > 0) else { break };
        rest = behind;
        if block_type == INTERFACE {
            interfaces.push(block.windows(name.len()).any(|part| part == name.as_bytes()));
        }
        let of = number(block, 8).and_then(|of| usize::try_from(of).ok());
        let is_other = block_type == PACKET && !of.and_then(|of| interfaces.get(of)).copied().unwrap_or(true);
        if !is_other {
            out.extend_from_slice(block);
        }
    }
    out
}

/// A target as it is written: `HOST:PORT`, a port, or a pair of these as sockets have.
fn place(given: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok((host, port)) = given.extract::<(String, u16)>() {
        return Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") });
    }
    if let Ok((host, port, _, _)) = given.extract::<(String, u16, u32, u32)>() {
        return Ok(format!("[{host}]:{port}"));
    }
    match given.extract::<u16>() {
        Ok(port) => Ok(port.to_string()),
        Err(_) => given.extract(),
    }
}

/// A capture from an interface by tcpdump or dumpcap, to a file.
#[pyclass(frozen, module = "framescope")]
pub(crate) struct InterfaceCapture {
    recording: Mutex<Recording>,
    path: PathBuf,
}

#[pymethods]
impl InterfaceCapture {
    #[new]
    #[pyo3(signature = (path, *, interface=None, filter=""))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        interface: Option<String>,
        filter: &str,
    ) -> PyResult<InterfaceCapture> {
        let request =
            Request { interface, filter: filter.to_owned(), file: Some(path.clone()), ..Request::default() };
        let started = py.detach(|| Recording::start(&request, || {}));
        let recording = started.map_err(|error| not_permitted(py, &error))?;
        Ok(InterfaceCapture { recording: Mutex::new(recording), path })
    }

    /// What is captured, which is complete when it was stopped.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// How many packets there are so far.
    #[getter]
    fn packets(&self) -> u64 {
        lock(&self.recording).packets()
    }

    /// Stops capturing, and waits until all is in the file.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| {
            let mut recording = lock(&self.recording);
            recording.finish().and_then(|ended| ended.error.as_ref()).map(ToString::to_string)
        })
        .map_or(Ok(()), |error| Err(errors::error(py, "Error", &error, &[])))
    }
}

fn not_permitted(py: Python<'_>, error: &CaptureError) -> PyErr {
    errors::error(py, "OpenError", &error.to_string(), &[])
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Proxy>()?;
    module.add_class::<InterfaceCapture>()
}
