//! What a table is to hold.

use framescope_capture::export::Fields;
use framescope_capture::filter::Column;

/// What a table is to hold, and how it is made. By default: the usual columns of a row, and a column with the fields of each protocol
/// that is spoken.
///
/// ```
/// use framescope_capture::filter::Column;
/// use framescope_tables::TableOptions;
///
/// let options = TableOptions { also: vec![Column::Summary], threads: 1, ..TableOptions::default() };
/// assert!(options.fields.is_none() && options.named.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Only these columns and fields, each a column of its own. None: the usual columns.
    pub fields: Option<Fields>,
    /// Columns of rows beside the usual ones, such as [`Column::Summary`], [`Column::Bytes`] or [`Column::Packet`].
    pub also: Vec<Column>,
    /// Protocols that have a column with their fields whether or not they are spoken, so that captures of one description have
    /// the same columns.
    pub named: Vec<String>,
    /// Whether all other protocols that are spoken have one too.
    pub spoken: bool,
    /// Whether the columns `file` and `packet` say which file has the packet that brought the last bytes of a row, and its number
    /// there, from 1 on: of a capture that is several files, or of many captures in one data set.
    pub places: bool,
    /// The most rows of a batch.
    pub batch_rows: u32,
    /// How many threads make batches; 0 for one for each processor. With 1, all work is done in the thread that asks for batches.
    pub threads: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        TableOptions {
            fields: None,
            also: Vec::new(),
            named: Vec::new(),
            spoken: true,
            places: false,
            batch_rows: 1 << 16,
            threads: 0,
        }
    }
}

impl TableOptions {
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
