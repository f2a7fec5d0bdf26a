//! The window and the command line of Framescope.
//!
//! Shows what `framescope-capture` found: conversations, messages, fields and bytes in a window, or the same as text,
//! JSON and CSV. This crate knows clocks and the display and no other part does; it never parses a message, a packet
//! or a file itself.

pub mod app;
pub mod cli;
mod colours;
pub mod document;
mod encode;
pub mod health;
pub mod own_protocols;
mod panels;
mod progress;
pub mod sample;
pub mod view;
mod watcher;
pub mod window;
