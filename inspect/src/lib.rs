//! What the command line and the window share: the protocols a user describes, what captures are read with, how well a
//! description fits a capture, and the sample.
//!
//! This crate never shows anything and knows no display; it reads descriptions, and captures only through
//! `framescope-capture`.

pub mod health;
pub mod protocols;
mod reading;
pub mod sample;
mod transcripts;

pub use framescope_carriers::protobuf;
pub use protocols::CustomProtocols;
pub use reading::Reading;
pub use transcripts::{all_transcripts, transcripts};
