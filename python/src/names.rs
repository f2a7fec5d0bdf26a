//! Names of fields and kinds: each is one Python string in the whole process, made once. Never knows what they name.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// So many names are kept. Messages may bring names of their own, such as those of HTTP headers, of which there is no end.
const MOST: usize = 1 << 16;
/// Places where the names that were looked up last are found without hashing them.
const RECENT: usize = 1 << 10;

/// All names that were seen.
#[derive(Default)]
pub(crate) struct Names {
    ids: HashMap<Box<str>, u32>,
    known: Vec<Known>,
    /// By where in memory a name was: most are parts of descriptions, which stay where they are.
    recent: Vec<u32>,
    /// How many fields the message had that was dissected last.
    pub(crate) fields_of_last: usize,
}

struct Known {
    text: Box<str>,
    python: Option<Py<PyString>>,
}

static NAMES: Mutex<Option<Names>> = Mutex::new(None);

/// The names, which no other thread sees meanwhile: nothing that runs Python code may be done with them.
pub(crate) struct Lock(MutexGuard<'static, Option<Names>>);

/// Locks the names.
pub(crate) fn lock() -> Lock {
    Lock(NAMES.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Lock {
    /// The names.
    pub(crate) fn names(&mut self) -> &mut Names {
        self.0.get_or_insert_default()
    }
}

/// The Python string of a name.
pub(crate) fn python<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyString> {
    let mut lock = lock();
    let names = lock.names();
    match names.id(name) {
        Some(id) => names.python(py, id),
        None => PyString::new(py, name),
    }
}

impl Names {
    /// The number of a name; None where there are too many.
    #[inline]
    pub(crate) fn id(&mut self, name: &str) -> Option<u32> {
        let place = (name.as_ptr().addr() >> 1 ^ name.len() << 5) % RECENT;
        if let Some(id) = self.recent.get(place)
            && let Some(known) = self.known.get(*id as usize)
            && *known.text == *name
        {
            return Some(*id);
        }
        self.look_up(name, place)
    }

    #[cold]
    fn look_up(&mut self, name: &str, place: usize) -> Option<u32> {
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None if self.known.len() >= MOST => return None,
            None => {
                let id = u32::try_from(self.known.len()).ok()?;
                self.known.push(Known { text: name.into(), python: None });
                self.ids.insert(name.into(), id);
                id
            }
        };
        if self.recent.is_empty() {
            self.recent.resize(RECENT, u32::MAX);
        }
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = id;
        }
        Some(id)
    }

    /// A name by its number.
    pub(crate) fn text(&self, id: u32) -> &str {
        self.known.get(id as usize).map_or("", |known| &known.text)
    }

    /// The same as a Python string.
    pub(crate) fn python<'py>(&mut self, py: Python<'py>, id: u32) -> Bound<'py, PyString> {
        let Some(known) = self.known.get_mut(id as usize) else { return PyString::new(py, "") };
        known.python.get_or_insert_with(|| PyString::intern(py, &known.text).unbind()).bind(py).clone()
    }
}
