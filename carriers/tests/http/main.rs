//! HTTP/1.x: messages, bodies, what follows an upgrade, and what is wrong with them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod bodies;
mod messages;
mod properties;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use framescope_carriers::http::Http;
use framescope_parser::Role;
use support::{Played, Player};

pub(crate) fn player() -> Player {
    Player::new(Arc::new(Http::default()))
}

/// With the bodies handed on.
pub(crate) fn carrying() -> Player {
    Player::new(Arc::new(Http::default().carry_bodies(true)))
}

/// The kinds of a direction's rows, `-` for rows without one.
pub(crate) fn kinds(played: &Played, role: Role) -> Vec<&str> {
    played.rows(role).iter().map(|row| row.kind.as_deref().unwrap_or("-")).collect()
}

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A response with a body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
