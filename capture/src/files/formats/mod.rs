//! Formats other than pcap and pcapng. Some are read where they are in their file ([`Foreign`]), texts become a pcapng when they
//! are opened ([`convert`]), and some are only recognised by name ([`recognise`]).
//!
//! A file that is not a capture is the bytes of one stream, so nothing is taken for a capture by a guess: either a format's magic is in
//! its place, or everything at the beginning is consistent.

mod convert;
mod erf;
mod error;
mod foreign;
mod hexdump;
mod layout;
mod modified_pcap;
mod netmon;
pub(crate) mod recognise;
mod snoop;
mod strace;
mod text;

pub(crate) use convert::convert;
pub(crate) use error::FormatError;
pub(crate) use foreign::{Foreign, Opened};
pub(crate) use layout::{u16_at, u32_at};
pub(crate) use modified_pcap::ModifiedPcap;
