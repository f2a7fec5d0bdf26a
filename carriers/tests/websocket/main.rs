//! WebSockets: frames, the messages that they carry, and what is wrong with them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod compressed;
mod faults;
mod frames;
mod losses;
mod messages;
mod properties;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use framescope_carriers::websocket::WebSocket;
use framescope_parser::Role;
use support::{Piece, Player};

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CONTINUATION: u8 = 0x80;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// The frame is not the last of its message.
pub(crate) const MORE: u8 = 0x80;
/// The message is compressed.
pub(crate) const RSV1: u8 = 0x40;

pub(crate) fn player() -> Player {
    Player::new(Arc::new(WebSocket::default()))
}

/// In a conversation that HTTP began.
pub(crate) fn deflating(parameters: &str) -> Player {
    player().with("path", "/chat").with("extensions", &format!("permessage-deflate{parameters}"))
}

/// A frame, whose first byte is given, as that side sends it.
pub(crate) fn frame(from: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let key = (from == Role::Client).then_some([0x11, 0xa2, 0x33, 0xc4]);
    frame_with(first, key, payload)
}

pub(crate) fn frame_with(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length @ 126..0x10000 => {
            frame.push(masked | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend(key.into_iter().flatten());
    let key = key.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A segment that is a frame.
pub(crate) fn sends(from: Role, first: u8, payload: &[u8]) -> (Role, Piece) {
    (from, Piece::Bytes(frame(from, first, payload)))
}

/// Compresses the messages of one side.
pub(crate) struct Sender(flate2::Compress);

impl Sender {
    pub(crate) fn new() -> Sender {
        Sender(flate2::Compress::new(flate2::Compression::default(), false))
    }

    /// A message without the four bytes that senders leave out.
    pub(crate) fn pack(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 1000);
        self.0.compress_vec(text, &mut out, flate2::FlushCompress::Sync).unwrap();
        assert_eq!(out.split_off(out.len() - 4), [0, 0, 0xff, 0xff]);
        out
    }
}
