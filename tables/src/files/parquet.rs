//! A table as a Parquet file. Each thread makes and encodes whole row groups; they are written in their order.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_schema::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriter, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::TableError;
use crate::ordered::Ordered;
use crate::rows::{Run, interrupted};
use crate::table::{Inner, Table};

/// The most rows of a row group.
const GROUP_ROWS: u32 = 1 << 17;
/// A column with so many different values that their dictionary takes more bytes is written without one.
const DICTIONARY_BYTES: usize = 128 << 10;
const LEVEL: i32 = 3;

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
        let options = ArrowWriterOptions::new().with_properties(properties(&self.schema())?);
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

/// How each column is encoded.
fn properties(schema: &Schema) -> Result<WriterProperties, TableError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None);
    let columns = ArrowSchemaConverter::new().convert(schema)?;
    for column in columns.columns() {
        let path: &ColumnPath = column.path();
        if RISING.iter().any(|name| *path.parts() == [(*name).to_owned()]) {
            properties = properties.set_column_dictionary_enabled(path.clone(), false);
        }
        // Without a dictionary: differences of numbers, the lengths of texts apart from their bytes.
        let encoding = match column.physical_type() {
            Type::INT32 | Type::INT64 => Encoding::DELTA_BINARY_PACKED,
            Type::BYTE_ARRAY => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            _ => continue,
        };
        properties = properties.set_column_encoding(path.clone(), encoding);
    }
    Ok(properties.build())
}

/// Columns whose values rise, or nearly: a dictionary of them is of no use.
const RISING: [&str; 6] = ["row", "time", "offset", "reply_to", "part_of", "latency"];
