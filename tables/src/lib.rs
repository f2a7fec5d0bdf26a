//! The messages of a capture as a table: Arrow record batches, Parquet files.
//!
//! A table has the columns that every row has, and for each protocol one with the fields of its messages: structures where fields
//! nest, lists where they occur several times, dictionaries where numbers have names. Its types follow the protocol's description, so
//! that all captures of one protocol have the same columns. This crate only makes columns of what the
//! [index](framescope_capture) holds; it never reads a packet itself, and never changes what is there.

mod by_kind;
mod columns;
mod error;
mod files;
mod fill;
mod flat;
mod layout;
mod observe;
mod options;
mod ordered;
mod rows;
mod table;
mod walk;

pub use arrow_array;
pub use arrow_schema;
pub use by_kind::KindTable;
pub use error::TableError;
pub use options::TableOptions;
pub use rows::TableRows;
pub use table::{Batches, Table};

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
