//! What carries messages: TLS, HTTP, WebSocket, proxies and encodings, as protocols of
//! [`framescope-parser`](framescope_parser) that hand on what their messages carry.
//!
//! Each is a [`Protocol`] like any other, and shows its own messages field by field; what they carry goes
//! to [channels](framescope_parser::Channel), in which other protocols are read. No input and output but that the .proto
//! files of a [`Schema`](protobuf::Schema) are read, no clock, no panic; the work and the memory are bounded by the bytes that are there.

pub mod content;
pub mod grpc;
pub mod http;
pub mod http2;
pub mod json;
mod names;
mod preview;
pub mod protobuf;
pub mod shown;
pub mod small;
pub mod tls;
pub mod websocket;

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::Protocol;

/// What carriers are read with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The secrets that TLS is decrypted with.
    pub secrets: Arc<tls::Secrets>,
    /// The types of the messages of gRPC.
    pub schema: Option<Arc<protobuf::Schema>>,
    /// Whether the bodies of HTTP messages are handed on, as the channel `http.body`.
    pub carry_bodies: bool,
}

/// All of them, in the order in which detection prefers them.
pub fn all(options: &Options) -> Vec<Arc<dyn Protocol>> {
    // STARTTLS is before TLS, which recognises its records behind the clear text as well.
    let mut all = small::all();
    let large: Vec<Arc<dyn Protocol>> = vec![
        Arc::new(tls::Tls::new(Arc::clone(&options.secrets))),
        Arc::new(tls::TlsHandshake::default()),
        Arc::new(http::Http::default().carry_bodies(options.carry_bodies)),
        Arc::new(http2::Http2::default()),
        Arc::new(grpc::Grpc::new(options.schema.clone())),
        Arc::new(websocket::WebSocket::default()),
        Arc::new(websocket::WebSocketText),
    ];
    all.extend(large);
    // What nearly any bytes fit comes last.
    all.push(Arc::new(json::Json));
    all.push(Arc::new(protobuf::Protobuf::default()));
    all.push(Arc::new(protobuf::Protobuf::delimited()));
    all
}

/// A length, of which a step takes at least one byte.
fn at_least_one(length: usize) -> NonZeroUsize {
    NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)
}
