//! A capture that was read, which its messages share; and which of its rows are meant.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use framescope_capture::export::display_limit;
use framescope_capture::{BlockReader, Index, Options, Row, RowId};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors;
use crate::quick::Readers;
use crate::repeated::Known;
use crate::source::Reopening;
use crate::tree::Tree;
use crate::values::Content;

/// A capture that was read, which its messages share.
pub(crate) struct Opened {
    pub(crate) index: Arc<Index>,
    pub(crate) options: Options,
    /// The names of the protocols that were given.
    pub(crate) named: Vec<String>,
    /// How it is opened again in another process, if it can be.
    pub(crate) reopening: Option<Reopening>,
    /// Reads rows in their order with few calls of the system.
    reader: Mutex<BlockReader>,
    addresses: Mutex<HashMap<(u32, bool), Addresses>>,
    pub(crate) repeated: Known,
    pub(crate) readers: Readers,
}

/// Where the messages of a stream come from and go to.
type Addresses = (Py<PyString>, Py<PyString>);

/// Bytes that are read of the file at a time.
const BLOCK: usize = 64 << 10;
/// Streams whose addresses are kept.
const MOST_ADDRESSES: usize = 10_000;
impl Opened {
    /// A capture that was read with these options.
    pub(crate) fn new(
        index: Index,
        options: Options,
        named: Vec<String>,
        reopening: Option<Reopening>,
    ) -> Opened {
        let reader = Mutex::new(BlockReader::new(index.source().clone(), BLOCK));
        Opened {
            index: Arc::new(index),
            options,
            named,
            reopening,
            reader,
            addresses: Mutex::default(),
            repeated: Known::default(),
            readers: Readers::default(),
        }
    }

    /// The first bytes of a row that are there.
    pub(crate) fn row_bytes(&self, py: Python<'_>, row: &Row, limit: usize) -> PyResult<Vec<u8>> {
        // No other thread that holds the interpreter's lock holds this one.
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.index.row_bytes(row, limit, &mut reader);
        bytes.map_err(|error| errors::gone(py, self.index.source().name(), &error))
    }

    /// The address that a row came from, or went to.
    pub(crate) fn address<'py>(&self, py: Python<'py>, row: RowId, to: bool) -> Option<Bound<'py, PyString>> {
        let row = self.index.row(row)?;
        let stream = (row.flow().number(), self.index.direction(&row).index() == 1);
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&stream) {
            let (src, dst) = self.index.endpoints(&row)?;
            if known.len() >= MOST_ADDRESSES {
                known.clear();
            }
            let text = |address: String| PyString::intern(py, &address).unbind();
            known.insert(stream, (text(src.to_string()), text(dst.to_string())));
        }
        let (src, dst) = known.get(&stream)?;
        Some(if to { dst } else { src }.bind(py).clone())
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Which rows of a capture.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Those of a range of numbers.
    Range(Range<u32>),
    /// These, in rising order unless a slice put them in another.
    Listed(Arc<[RowId]>),
}

impl Rows {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Range(range) => range.len(),
            Rows::Listed(rows) => rows.len(),
        }
    }

    /// The one at a place.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<RowId> {
        match self {
            Rows::Range(range) => {
                let number = range.start.checked_add(u32::try_from(place).ok()?)?;
                (number < range.end).then(|| RowId::from(number))
            }
            Rows::Listed(rows) => rows.get(place).copied(),
        }
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
