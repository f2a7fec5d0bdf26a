//! The window of Framescope.
//!
//! Shows what `framescope-capture` found: conversations, messages, fields and bytes. This crate knows the display and no
//! other part does; it never parses a message, a packet or a file itself.

pub mod actions;
pub mod app;
pub mod background;
mod colours;
pub mod compare;
pub mod copying;
pub mod details;
pub mod dialogue;
pub mod document;
pub mod editor;
pub mod holes;
mod json_tree;
pub mod lookup;
mod memory;
mod panels;
pub mod rows;
pub mod settings;
pub mod survey;
pub mod view;
mod watcher;
pub mod window;
