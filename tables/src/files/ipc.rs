//! A table as a file in Arrow's own format, which programs map into memory as it is.

use std::io::Write;

use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};

use super::dictionaries::Dictionaries;
use crate::error::TableError;
use crate::rows::interrupted;
use crate::table::Table;

impl Table {
    /// Writes the table as an Arrow file (also called Feather, version 2). `progress` hears at intervals how many rows of the capture
    /// are done, and stops the work by returning false. Returns how many rows were written.
    ///
    /// # Errors
    /// The capture can't be read any more, `out` can't be written, or the work was stopped.
    pub fn write_arrow(
        &self,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<u64, TableError> {
        let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
        let mut writer = FileWriter::try_new_with_options(out, &self.schema(), options)?;
        let mut dictionaries = Dictionaries::default();
        let mut batches = self.batches();
        let mut written = 0;
        while let Some(batch) = batches.next() {
            let batch = dictionaries.unify(&batch?)?;
            if !progress(batches.position()) {
                return Err(interrupted().into());
            }
            writer.write(&batch)?;
            written += batch.num_rows() as u64;
        }
        writer.finish()?;
        Ok(written)
    }
}
