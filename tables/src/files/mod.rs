//! Tables in files: Parquet, and Arrow's own format.

mod dictionaries;
mod ipc;
mod parquet;
