//! The first field that is asked for of a message: only it is read, without the others, checks and problems. If a second is asked for, all
//! fields are read and kept, and those of the messages after it at once.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use framescope_capture::export::display_limit;
use framescope_parser::{Code, FieldReader, FieldSelection, Kind, Protocol, SpanType, Value, Visit};
use pyo3::prelude::*;

use crate::message::Message;
use crate::origin::Origin;
use crate::tree::{Stored, Tree};
use crate::values::{self, Bytes, Content};

/// The readers of single fields that were made.
#[derive(Default)]
pub(crate) struct Readers {
    /// By where in memory the protocol is, and the field's path.
    known: Mutex<HashMap<usize, HashMap<Box<str>, Reader>>>,
    /// For how many messages more all fields are read at once, as the program asks for several of each.
    whole: AtomicU32,
}

type Reader = Option<Arc<dyn FieldReader>>;

/// So many names are kept for a protocol: a program asks for few.
const MOST: usize = 256;
/// So many messages are like the last of which several fields were asked for.
const ALIKE: u32 = 1000;

impl Readers {
    fn of(&self, protocol: &dyn Protocol, path: &str) -> Reader {
        let at = std::ptr::from_ref(protocol).cast::<()>().addr();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(at).or_default();
        if let Some(reader) = known.get(path) {
            return reader.clone();
        }
        if known.len() >= MOST {
            return None;
        }
        let reader: Reader = protocol.select(&FieldSelection::default().field(path)).map(Into::into);
        known.insert(path.into(), reader.clone());
        reader
    }

    /// Whether all fields of a message are better read at once.
    fn prefers_whole(&self, asked: &Asked) -> bool {
        if asked.0.swap(true, Ordering::Relaxed) {
            self.whole.store(ALIKE, Ordering::Relaxed);
            return true;
        }
        let left = self.whole.load(Ordering::Relaxed);
        self.whole.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// Whether a message was read for a single field before.
#[derive(Debug, Default)]
pub(crate) struct Asked(AtomicBool);

impl Message {
    /// What is at a path; None if there is nothing.
    pub(crate) fn find<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.content.get().is_none()
            && let Some(content) = self.read_only(py, path)?
        {
            return values::find(py, &content, Message::top(&content), path);
        }
        let content = self.content(py)?;
        values::find(py, content, Message::top(content), path)
    }

    /// The message with no other fields than those at a path. None if all fields are needed to say what is there.
    fn read_only(&self, py: Python<'_>, path: &str) -> PyResult<Option<Arc<Content>>> {
        let (bytes, repeated, reader) = match &self.origin {
            Origin::Framed(framed) if framed.known.span_type == SpanType::Message => {
                let speech = framed.speech();
                if !speech.protocol.stages().is_empty() || speech.readers.prefers_whole(&self.asked) {
                    return Ok(None);
                }
                let Some(reader) = speech.readers.of(&*speech.protocol, path) else { return Ok(None) };
                (Bytes::Part(framed.part.clone()), framed.repeated(), reader)
            }
            Origin::Row { opened, row } => {
                let Some(row) = opened.index.row(*row) else { return Ok(None) };
                let protocol = opened.index.protocol(&row).filter(|protocol| protocol.stages().is_empty());
                let is_whole = row.span_type == SpanType::Message && !row.codes.contains(Code::Incomplete);
                let Some(protocol) = protocol.filter(|_| is_whole) else { return Ok(None) };
                if row.length > SHORT || opened.readers.prefers_whole(&self.asked) {
                    return Ok(None);
                }
                let Some(reader) = opened.readers.of(protocol, path) else { return Ok(None) };
                let bytes = opened.row_bytes(py, &row, display_limit(&row))?;
                (Bytes::Own(bytes), opened.repeated.of(protocol), reader)
            }
            _ => return Ok(None),
        };
        let mut has_empty_group = false;
        let tree = Tree::of_fields(&bytes, Some(repeated), |visit| {
            let mut watch = Watch { visit, is_begun: false, has_empty_group: false };
            reader.report(&bytes, &mut watch);
            has_empty_group = watch.has_empty_group;
        });
        let found = tree.find(tree.top(), path);
        // What is in a group was not asked for, and a name that is nowhere may be a list without a value.
        let is_plain = |at: &u32| {
            let node = tree.nodes.get(*at as usize);
            node.is_some_and(|node| !matches!(node.value, Stored::Group) && node.end == at + 1)
        };
        let is_all = !has_empty_group && !found.fields.is_empty() && found.fields.iter().all(is_plain);
        Ok(is_all.then(|| Arc::new(Content { bytes, tree })))
    }
}

/// Longer messages are read once.
const SHORT: u64 = 4096;

/// Notices groups of which no field was reported: a number whose bits have names looks like one without.
struct Watch<'v, 'a> {
    visit: &'v mut dyn Visit<'a>,
    is_begun: bool,
    has_empty_group: bool,
}

impl<'a> Visit<'a> for Watch<'_, 'a> {
    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.is_begun = false;
        self.visit.field(name, range, value);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.is_begun = true;
        self.visit.begin(name, range, value);
    }

    fn end(&mut self) {
        self.has_empty_group |= self.is_begun;
        self.is_begun = false;
        self.visit.end();
    }

    fn kind(&mut self, _: Kind<'a>) {}
    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}
    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}
