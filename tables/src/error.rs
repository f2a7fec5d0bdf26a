//! Why a table could not be made or written.

use std::io;

use arrow_schema::ArrowError;
use thiserror::Error;

/// Why a table could not be made or written.
#[derive(Debug, Error)]
pub enum TableError {
    /// The capture can't be read any more, the output can't be written, or the work was stopped.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Columns could not be made.
    #[error("the columns could not be made: {0}")]
    Arrow(ArrowError),
    /// Parquet could not be written.
    #[error("Parquet could not be written: {0}")]
    Parquet(parquet::errors::ParquetError),
}

impl From<ArrowError> for TableError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => TableError::Io(error),
            ArrowError::ExternalError(error) => match error.downcast::<io::Error>() {
                Ok(error) => TableError::Io(*error),
                Err(error) => TableError::Arrow(ArrowError::ExternalError(error)),
            },
            error => TableError::Arrow(error),
        }
    }
}

impl From<parquet::errors::ParquetError> for TableError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        match error {
            parquet::errors::ParquetError::External(error) => match error.downcast::<io::Error>() {
                Ok(error) => TableError::Io(*error),
                Err(error) => TableError::Parquet(parquet::errors::ParquetError::External(error)),
            },
            error => TableError::Parquet(error),
        }
    }
}

impl From<TableError> for ArrowError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Io(error) => ArrowError::ExternalError(Box::new(error)),
            TableError::Arrow(error) => error,
            error @ TableError::Parquet(_) => ArrowError::ExternalError(Box::new(error)),
        }
    }
}
