//! The window and the command line of Framescope.
//!
//! Shows what `framescope-capture` found: conversations, messages, fields and bytes in a window, or the same as text,
//! JSON and CSV. This crate knows clocks and the display and no other part does; it never parses a message, a packet
//! or a file itself.

pub mod actions;
pub mod app;
pub mod background;
mod check_peer;
pub mod cli;
mod colours;
pub mod compare;
pub mod copying;
pub mod details;
pub mod dialogue;
pub mod document;
pub mod editor;
mod encode;
pub mod health;
pub mod holes;
mod json_tree;
pub mod lookup;
mod memory;
pub mod own_protocols;
mod panels;
mod progress;
pub mod rows;
pub mod sample;
pub mod settings;
pub mod survey;
pub mod view;
mod watcher;
pub mod window;
