//! The index in the forms that people and programs read: text, JSON lines and CSV, with all that is known of a row or with selected
//! [`Fields`]. Several threads write rows, in their order.

mod csv;
mod fields;
mod flows;
mod follow;
mod json;
mod packets;
mod problems;
mod put;
mod raw;
#[cfg(test)]
mod reference;
mod rows;
mod seeds;
mod selection;
mod text;

pub use self::csv::write_csv;
pub use crate::display::{display_limit, hex, rfc3339};
#[doc(hidden)]
pub use fields::{ColumnValue, FieldsReader, NamedField, TakeFields, column_value};
pub use fields::{Fields, write_csv_fields, write_json_fields};
pub use flows::{write_flows_json, write_flows_text};
pub use follow::{write_follow_raw, write_follow_text};
#[doc(hidden)]
pub use json::JsonDissection;
pub use json::write_json;
pub use packets::write_packets;
pub use problems::{write_problems_json, write_problems_text};
#[doc(hidden)]
pub use put::json_value;
pub use raw::write_raw;
#[doc(hidden)]
pub use rows::{Content, Runs, shown_bytes};
pub use seeds::{Seed, seeds};
pub use selection::RowSelection;
pub use text::{Paint, row_facts, write_text};
