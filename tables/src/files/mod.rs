//! Tables in files: Parquet, and Arrow's own format.

mod dictionaries;
mod encodings;
mod ipc;
mod parquet;
