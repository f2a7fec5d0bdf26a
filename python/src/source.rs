//! Where a capture's bytes come from, and what it is read with: from what Python gives to what the program's own commands take.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use framescope_capture::{Client, DecodeAs, Options, Source, UNPACK_LIMIT};
use framescope_inspect::protobuf::Schema;
use framescope_inspect::protocols::{Notice, is_description};
use framescope_inspect::{CustomProtocols, Reading};
use framescope_ksy::Described;
use framescope_parser::{Key, Protocol as Speaks, Transport, Usable};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};

use crate::decoder::lent;
use crate::errors;
use crate::protocol::Protocol;

/// How often it is looked whether Ctrl-C was pressed.
const PATIENCE: Duration = Duration::from_millis(50);
/// Bytes that are read of a file object at a time.
const PIECE: usize = 1 << 20;

/// Does work in a thread, so that Ctrl-C ends the waiting for it at once; the work itself ends when it is done.
pub(crate) fn interruptibly<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (done, result) = sync_channel(1);
    let result = Mutex::new(result);
    let thread = std::thread::Builder::new().name("framescope-open".to_owned());
    thread.spawn(move || {
        // The waiting may have been ended.
        let _ = done.send(work());
    })?;
    loop {
        let waited =
            py.detach(|| result.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE));
        match waited {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err(
                    "a thread of Framescope ended unexpectedly; please report it",
                ));
            }
        }
    }
}

/// A path that was given as a str or by `os.PathLike`.
pub(crate) fn path_of(given: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if given.is_instance_of::<PyString>() || given.hasattr("__fspath__")? {
        return given.extract().map(Some);
    }
    Ok(None)
}

/// Opens what was given: a path, bytes, or a file object.
pub(crate) fn source(given: &Bound<'_, PyAny>) -> PyResult<Source> {
    let py = given.py();
    if let Some(path) = path_of(given)? {
        let opened = interruptibly(py, move || Source::open_within(&path, UNPACK_LIMIT))?;
        return opened.map_err(|error| errors::open(py, &error));
    }
    if let Some(bytes) = lent(given)? {
        return of_bytes(py, &bytes);
    }
    if given.hasattr("read")? {
        return of_file_object(given);
    }
    if let Some(several) = list_of(given)? {
        let sources: PyResult<Vec<Source>> = several.iter().map(source).collect();
        return Ok(Source::joined(sources?));
    }
    let text = format!(
        "a capture is given as a path, as bytes, as a file object or as a list of these, not as {}",
        given.get_type().name()?
    );
    Err(PyTypeError::new_err(text))
}

/// The captures of a list, of which there is at least one.
fn list_of<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    if !given.is_instance_of::<PyList>() && !given.is_instance_of::<PyTuple>() {
        return Ok(None);
    }
    let all: Vec<Bound<'py, PyAny>> = given.try_iter()?.collect::<PyResult<_>>()?;
    match all.is_empty() {
        true => Err(PyValueError::new_err("the list of captures is empty")),
        false => Ok(Some(all)),
    }
}

/// What errors call a capture in memory.
const BYTES: &str = "bytes";

fn is_packed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1F, 0x8B, 8, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..])
}

fn of_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Source> {
    if !is_packed(bytes) {
        return Ok(Source::from_bytes(BYTES, bytes));
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    of_file(py, BYTES.to_owned(), file)
}

fn of_file(py: Python<'_>, name: String, file: File) -> PyResult<Source> {
    let (called, opened) =
        interruptibly(py, move || (name.clone(), Source::of_file(name, file, UNPACK_LIMIT)))?;
    opened.map_err(|error| errors::gone(py, &called, &error))
}

/// A file object: what is left to read of it is copied to the temporary folder.
fn of_file_object(given: &Bound<'_, PyAny>) -> PyResult<Source> {
    let py = given.py();
    let name = given.getattr("name").ok().and_then(|name| name.extract::<String>().ok());
    let name = name.unwrap_or_else(|| "file object".to_owned());
    let mut file = tempfile::tempfile()?;
    loop {
        let piece = given.call_method1("read", (PIECE,))?;
        let Ok(piece) = piece.cast::<PyBytes>() else {
            let text = format!(
                "the file object gives {}, not bytes; open it with mode \"rb\"",
                piece.get_type().name()?
            );
            return Err(PyTypeError::new_err(text));
        };
        if piece.as_bytes().is_empty() {
            break;
        }
        let bytes = piece.as_bytes();
        py.detach(|| file.write_all(bytes))?;
        py.check_signals()?;
    }
    file.seek(SeekFrom::Start(0))?;
    of_file(py, name, file)
}

/// What captures are read with, as the keywords of `open` give it.
pub(crate) struct Given<'py>(pub(crate) Bound<'py, PyDict>);

/// One of something, or several.
fn several<'py>(given: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(Vec::new()) };
    if given.is_instance_of::<PyString>() || given.hasattr("__fspath__")? || given.cast::<Protocol>().is_ok()
    {
        return Ok(vec![given.clone()]);
    }
    given.try_iter()?.collect()
}

/// One path, or several.
pub(crate) fn paths(what: &str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<PathBuf>> {
    let path = |one: Bound<'_, PyAny>| {
        path_of(&one)?.ok_or_else(|| {
            let name = one.get_type().name().map_or_else(|_| String::new(), |name| name.to_string());
            PyTypeError::new_err(format!("{what} is a path or a list of paths, not {name}"))
        })
    };
    several(given)?.into_iter().map(path).collect()
}

/// The key of authenticated messages: bytes, or hexadecimal digits, also in a file after `@`.
pub(crate) fn key(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Key>> {
    let Some(given) = given.filter(|given| !given.is_none()) else { return Ok(None) };
    if let Ok(text) = given.cast::<PyString>() {
        let text = text.to_str()?;
        let hex = match text.strip_prefix('@') {
            Some(path) => std::fs::read_to_string(path)?,
            None => text.to_owned(),
        };
        return Key::from_hex(&hex).map(Some).map_err(|error| errors::option(py, &format!("key: {error}")));
    }
    match lent(given)? {
        Some(bytes) => Ok(Some(Key::new(bytes.to_vec()))),
        None => Err(PyTypeError::new_err("a key is bytes, or a str of hexadecimal digits")),
    }
}

/// Rules: a str, several, or a mapping from selectors to protocols.
fn rules(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<DecodeAs>> {
    let mut texts: Vec<String> = Vec::new();
    match given.and_then(|given| given.cast::<PyMapping>().ok()) {
        Some(map) => {
            for item in map.items()?.iter() {
                let (selector, protocol) = item.extract::<(String, Bound<'_, PyAny>)>()?;
                let protocol = match protocol.cast::<Protocol>() {
                    Ok(protocol) => protocol.get().speech.protocol.name().to_owned(),
                    Err(_) => protocol.extract()?,
                };
                texts.push(format!("{selector}={protocol}"));
            }
        }
        None => {
            for one in several(given)? {
                texts.push(one.extract()?);
            }
        }
    }
    let rule =
        |text: &String| text.parse().map_err(|error| errors::option(py, &format!("decode_as: {error}")));
    texts.iter().map(rule).collect()
}

/// The descriptions, objects and names that were given as protocols.
#[derive(Default)]
struct Protocols {
    files: Vec<PathBuf>,
    objects: Vec<Py<Protocol>>,
    names: Vec<String>,
}

fn protocols(given: Option<&Bound<'_, PyAny>>) -> PyResult<Protocols> {
    let mut all = Protocols::default();
    for one in several(given)? {
        if let Ok(protocol) = one.cast::<Protocol>() {
            all.objects.push(protocol.clone().unbind());
            continue;
        }
        let Some(path) = path_of(&one)? else {
            let text = format!(
                "a protocol is the path of a .ksy file, a name or a framescope.Protocol, not {}",
                one.get_type().name()?
            );
            return Err(PyTypeError::new_err(text));
        };
        let is_name =
            one.is_instance_of::<PyString>() && !is_description(&path) && path.components().count() == 1;
        match one.extract::<String>() {
            Ok(name) if is_name => all.names.push(name),
            _ => all.files.push(path),
        }
    }
    Ok(all)
}

impl<'py> Given<'py> {
    fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(name)?.filter(|given| !given.is_none()))
    }

    /// The options that an index is built with.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<Options> {
        Ok(self.options_and_names(py)?.0)
    }

    /// The same, and the names of the protocols that were given.
    pub(crate) fn options_and_names(&self, py: Python<'_>) -> PyResult<(Options, Vec<String>)> {
        let Protocols { files, objects, names } = protocols(self.get("protocol")?.as_ref())?;
        let include = paths("include", self.get("include")?.as_ref())?;
        let decode_as = rules(py, self.get("decode_as")?.as_ref())?;
        let mut clients: Vec<Client> = Vec::new();
        for one in several(self.get("clients")?.as_ref())? {
            let text = one.str()?.to_string();
            clients.push(text.parse().map_err(|error| errors::option(py, &format!("clients: {error}")))?);
        }
        let own = load(py, &files, &include)?;
        let mut named: Vec<String> =
            own.named().chain(names.iter().map(String::as_str)).map(str::to_owned).collect();
        named.extend(objects.iter().map(|object| object.get().speech.protocol.name().to_owned()));
        named.extend(decode_as.iter().map(|rule| rule.protocol().to_owned()));
        let keylogs = self.keylogs(py)?;
        let (key, schema) = (key(py, self.get("key")?.as_ref())?, self.schema(py)?);
        let reading = Reading { own, decode_as, clients, keylogs, schema, key, unpack_limit: None };
        let mut options = reading.options();
        let only = objects.len() + names.len() + files.len() == 1;
        add_objects(py, &mut options, &objects, only);
        for name in &names {
            add_name(py, &mut options, name, only)?;
        }
        Ok((options, named))
    }

    fn keylogs(&self, py: Python<'_>) -> PyResult<Vec<PathBuf>> {
        let named = paths("keylog", self.get("keylog")?.as_ref())?;
        for path in &named {
            File::open(path).map_err(|error| {
                let name = path.display().to_string();
                errors::open(py, &framescope_capture::OpenError::Unreadable { name, error })
            })?;
        }
        let of_programs = std::env::var_os("SSLKEYLOGFILE").map(PathBuf::from);
        let of_programs = of_programs.filter(|path| path.is_file() && !named.contains(path));
        Ok(named.into_iter().chain(of_programs).collect())
    }

    fn schema(&self, py: Python<'_>) -> PyResult<Option<Arc<Schema>>> {
        let (files, folders) = (
            paths("proto", self.get("proto")?.as_ref())?,
            paths("proto_path", self.get("proto_path")?.as_ref())?,
        );
        if files.is_empty() {
            return Ok(None);
        }
        let schema = Schema::from_files(&files, &folders);
        schema
            .map(|schema| Some(Arc::new(schema)))
            .map_err(|error| errors::option(py, &format!("proto: {error}")))
    }
}

/// Loads descriptions, those in the usual folders too. What is wrong with the latter is a warning.
pub(crate) fn load(py: Python<'_>, files: &[PathBuf], include: &[PathBuf]) -> PyResult<CustomProtocols> {
    let mut ignored = Vec::new();
    let mut report = |notice: Notice<'_>| {
        if matches!(notice, Notice::Ignored(_)) {
            ignored.push(notice.to_string());
        }
    };
    let own = CustomProtocols::load(files, include, &mut report)
        .map_err(|error| errors::description(py, &error))?;
    for text in ignored {
        errors::warn(py, "DescriptionWarning", &text)?;
    }
    Ok(own)
}

/// Adds protocols that are objects before all others: their names mean them.
fn add_objects(py: Python<'_>, options: &mut Options, objects: &[Py<Protocol>], only: bool) {
    let mut first: VecDeque<Arc<dyn Speaks>> = VecDeque::new();
    let mut defaults: Vec<DecodeAs> = Vec::new();
    for object in objects {
        let object = object.bind(py).get();
        let protocol = &object.speech.protocol;
        options.protocols.retain(|known| known.name() != protocol.name());
        first.push_back(Arc::clone(protocol));
        let places = object.described.as_ref().map(Described::usual_places).unwrap_or_default();
        defaults.extend(
            places.into_iter().filter_map(|place| format!("{place}={}", protocol.name()).parse().ok()),
        );
        if only {
            let rule: Option<DecodeAs> = format!("file={}", protocol.name()).parse().ok();
            defaults.extend(rule.map(DecodeAs::as_default));
        }
    }
    first.extend(std::mem::take(&mut options.protocols));
    options.protocols = first.into();
    defaults.append(&mut options.decode_as);
    options.decode_as = defaults;
}

/// What no rule says otherwise of is of the protocol with that name, if it is the only one.
fn add_name(py: Python<'_>, options: &mut Options, name: &str, only: bool) -> PyResult<()> {
    let Some(protocol) = options.protocols.iter().find(|known| known.name() == name) else {
        let known: Vec<&str> = options.protocols.iter().map(|known| known.name()).collect();
        let text = format!(
            "no protocol is called '{name}'; there are {}; a description is given by the path of its .ksy file",
            known.join(", ")
        );
        return Err(errors::option(py, &text));
    };
    if only {
        let everywhere = [(Transport::Tcp, "tcp"), (Transport::Udp, "udp"), (Transport::File, "file")];
        let usable = everywhere.into_iter().filter(|(on, _)| !matches!(protocol.usable(*on), Usable::No(_)));
        let rules: Vec<DecodeAs> =
            usable.filter_map(|(_, place)| format!("{place}={name}").parse().ok()).collect();
        options.decode_as.splice(0..0, rules.into_iter().map(DecodeAs::as_default));
    }
    Ok(())
}

/// What a capture is opened with, to open it again in another process.
#[derive(Debug)]
pub(crate) struct Reopening {
    /// One, or several that are read as one.
    paths: Vec<PathBuf>,
    is_list: bool,
    options: Py<PyDict>,
}

impl Reopening {
    /// How a capture of files is opened again; None for bytes and file objects, and for standard input.
    pub(crate) fn of(given: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Option<Reopening>> {
        let (given, is_list) = match list_of(given)? {
            Some(several) => (several, true),
            None => (vec![given.clone()], false),
        };
        let mut paths = Vec::new();
        for one in &given {
            let Some(path) = path_of(one)?.filter(|path| path != Path::new("-")) else { return Ok(None) };
            paths.push(std::path::absolute(&path).unwrap_or(path));
        }
        Ok(Some(Reopening { paths, is_list, options: options.copy()?.unbind() }))
    }

    /// The file, or the list of several.
    pub(crate) fn source<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match (self.paths.as_slice(), self.is_list) {
            ([path], false) => Ok(path.as_os_str().into_pyobject(py)?.into_any()),
            (paths, _) => {
                let paths = paths.iter().map(|path| path.as_os_str());
                Ok(PyList::new(py, paths.collect::<Vec<_>>())?.into_any())
            }
        }
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self.paths.as_slice() {
            [path] => Some(path),
            _ => None,
        }
    }

    /// The keywords of `open`.
    pub(crate) fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.options.bind(py).copy()
    }
}
