//! The stream stage: which flow a packet belongs to, and the bytes of each direction in their order.

pub(crate) mod conversations;
pub(crate) mod flows;
pub mod reassembly;
pub(crate) mod selector;
pub(crate) mod state;
