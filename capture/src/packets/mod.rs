//! The packet stage: from records to TCP segments and UDP datagrams, through link layers, tunnels and IP fragments.

pub(crate) mod assembler;
pub(crate) mod disputes;
pub(crate) mod endpoint;
pub(crate) mod fragments;
pub(crate) mod headers;
pub(crate) mod key;
pub(crate) mod layer;
pub(crate) mod origin;
pub(crate) mod packet;
pub(crate) mod segment;
