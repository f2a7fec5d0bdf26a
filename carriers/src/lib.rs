//! What carries messages: TLS, HTTP, WebSocket, proxies and encodings, as protocols of
//! [`framescope-parser`](framescope_parser) that hand on what their messages carry.
//!
//! Each is a [`Protocol`](framescope_parser::Protocol) like any other, and shows its own messages field by field; what they carry goes
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

use std::sync::Arc;

use framescope_parser::Protocol;

/// All of them, in the order in which detection prefers them. TLS is decrypted with what `secrets` knows, and protobuf is read with the
/// names and types of `schema`, if there is one: each type of message is a protocol too.
pub fn all(secrets: &Arc<tls::Secrets>, schema: Option<&Arc<protobuf::Schema>>) -> Vec<Arc<dyn Protocol>> {
    let mut all: Vec<Arc<dyn Protocol>> = vec![
        Arc::new(tls::Tls::new(Arc::clone(secrets))),
        Arc::new(tls::TlsHandshake::default()),
        Arc::new(http2::Http2::default()),
        Arc::new(http::Http::default()),
        Arc::new(websocket::WebSocket::default()),
        Arc::new(grpc::Grpc::new(schema.cloned())),
        Arc::new(protobuf::Protobuf::default()),
        Arc::new(protobuf::Protobuf::delimited()),
    ];
    all.extend(small::all());
    if let Some(schema) = schema {
        let types = schema.message_names().filter_map(|name| protobuf::Protobuf::of(schema, name));
        all.extend(
            types
                .flat_map(|one| [one.clone(), one.with_lengths()])
                .map(|one| Arc::new(one) as Arc<dyn Protocol>),
        );
    }
    all
}
