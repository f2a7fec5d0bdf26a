//! The stream stage: which flow a packet belongs to, and what happens in each direction, in its order.

pub(crate) mod carried;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod endpoint_pairs;
pub(crate) mod flow;
pub(crate) mod flow_table;
pub(crate) mod newest;
pub mod reassembly;
pub(crate) mod selection;
pub(crate) mod selector;
pub(crate) mod tracker;
