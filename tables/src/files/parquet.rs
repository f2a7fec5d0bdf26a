//! A table as a Parquet file. Each thread makes and encodes whole row groups; they are written in their order.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriter, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::encodings::{self, Encoded};
use crate::error::TableError;
use crate::ordered::Ordered;
use crate::rows::{Run, Selected, interrupted};
use crate::table::{Inner, Table};

/// The most rows of a row group.
const GROUP_ROWS: u32 = 1 << 17;
/// A column with so many different values that their dictionary takes more bytes is written without one.
const DICTIONARY_BYTES: usize = 128 << 10;
const LEVEL: i32 = 3;
/// The first rows, which show how columns are best encoded: so many, or of so many bytes.
const SAMPLE_ROWS: u32 = 1 << 14;
const SAMPLE_BYTES: u64 = 4 << 20;

impl Table {
    /// Writes the table as a Parquet file, compressed by Zstandard. `progress` hears at intervals how many rows of the capture are done, and
    /// stops the work by returning false. Returns how many rows were written.
    ///
    /// # Errors
    /// The capture can't be read any more, `out` can't be written, or the work was stopped.
    pub fn write_parquet(
        &self,
        out: &mut (dyn Write + Send),
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<u64, TableError> {
        let options = ArrowWriterOptions::new().with_properties(properties(&self.0)?);
        let writer = ArrowWriter::try_new_with_options(out, self.schema(), options)?;
        let (mut writer, columns) = writer.into_serialized_writer()?;
        let inner = Arc::clone(&self.0);
        let work = move |run: Run, stop: &AtomicBool| {
            let end = run.end();
            row_group(&inner, &columns, &run, stop).map(|(rows, chunks)| (end, rows, chunks))
        };
        let mut ordered = Ordered::new(self.0.options.thread_count(), work);
        let mut runs = self.0.selected(GROUP_ROWS);
        let mut written = 0;
        while let Some(group) = ordered.next(&mut || runs.next())? {
            let (end, rows, chunks) = group?;
            if !progress(end) {
                return Err(interrupted().into());
            }
            let mut group = writer.next_row_group()?;
            for chunk in chunks {
                chunk.append_to_row_group(&mut group)?;
            }
            group.close()?;
            written += rows;
        }
        writer.close()?;
        Ok(written)
    }
}

/// The encoded columns of a run, and how many rows these have.
fn row_group(
    inner: &Inner,
    columns: &ArrowRowGroupWriterFactory,
    run: &Run,
    stop: &AtomicBool,
) -> Result<(u64, Vec<ArrowColumnChunk>), TableError> {
    let mut writers = columns.create_column_writers(0)?;
    let mut rows = 0;
    inner.each_batch(run, stop, &mut |batch| {
        rows += batch.num_rows() as u64;
        let mut writers = writers.iter_mut();
        for (field, array) in inner.layout.schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array)? {
                if let Some(writer) = writers.next() {
                    writer.write(&leaf)?;
                }
            }
        }
        Ok(())
    })?;
    let chunks = writers.into_iter().map(|writer| writer.close()).collect::<Result<_, _>>()?;
    Ok((rows, chunks))
}

impl Inner {
    /// How each column of a Parquet file is encoded, which the first rows decide.
    fn encodings(&self) -> Result<Vec<Encoded>, TableError> {
        let limits = (SAMPLE_ROWS, SAMPLE_BYTES);
        let first = Selected::new(&self.index, &self.rows, self.group.clone(), limits, 1).next()?;
        let mut sample = None;
        if let Some(run) = first {
            self.fill(&run, &AtomicBool::new(false), &mut |batch| {
                sample.get_or_insert(batch);
                Ok(())
            })?;
        }
        let sample = sample.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.layout.schema)));
        Ok(encodings::of_columns(sample.columns()))
    }
}

fn properties(inner: &Inner) -> Result<WriterProperties, TableError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(GROUP_ROWS as usize);
    let columns = ArrowSchemaConverter::new().convert(&inner.layout.schema)?;
    for (column, Encoded { dictionary, encoding }) in columns.columns().iter().zip(inner.encodings()?) {
        let path: &ColumnPath = column.path();
        properties = properties.set_column_dictionary_enabled(path.clone(), dictionary);
        if let Some(encoding) = encoding {
            properties = properties.set_column_encoding(path.clone(), encoding);
        }
    }
    Ok(properties.build())
}
