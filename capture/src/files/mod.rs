//! The file stage: bytes by position, and the records of a capture file in them, whatever its format.
//!
//! The only part of the crate that reads. It never looks into a packet.

pub(crate) mod buffer;
pub(crate) mod formats;
pub(crate) mod linktype;
pub(crate) mod metadata;
mod open;
pub(crate) mod pcapng_writer;
pub(crate) mod records;
pub(crate) mod rotated;
pub(crate) mod source;
pub(crate) mod unpack;
