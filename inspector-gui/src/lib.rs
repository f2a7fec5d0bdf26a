//! The window of Framescope.
//!
//! Shows what `framescope-capture` found: conversations, messages, fields and bytes. This crate knows the display and no
//! other part does; it never parses a message, a packet or a file itself. [`models`] has what needs no pixels, `panels` what
//! is laid out and painted, and [`app`] changes the state.

pub mod app;
pub mod models;
mod panels;
pub mod window;
