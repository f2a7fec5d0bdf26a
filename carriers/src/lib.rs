//! What carries messages: TLS, HTTP, WebSocket, proxies and encodings, as protocols of
//! [`framescope-parser`](framescope_parser) that hand on what their messages carry.
//!
//! Each is a [`Protocol`](framescope_parser::Protocol) like any other, and shows its own messages field by field; what they carry goes
//! to [channels](framescope_parser::Channel), in which other protocols are read. No input and output, no clock, no panic; the work and
//! the memory are bounded by the bytes that are there.

pub mod content;
pub mod http2;
pub mod json;
mod names;
mod preview;
pub mod shown;
pub mod small;
pub mod tls;
pub mod websocket;
