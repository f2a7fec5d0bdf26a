//! The captures that are read, which are made where they are missing.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use framescope_traffic::{Container, Shape, Sizes, write};

use crate::measure::{scaled, seed};

/// A frame of 105 bytes a packet, both ways over 100 connections, each request with a reply.
pub fn small(messages: u64) -> Shape {
    Shape { messages: scaled(messages), seed: seed(), ..Shape::default() }
}

/// The same, without replies.
pub fn unanswered(messages: u64) -> Shape {
    Shape { answered: 0.0, ..small(messages) }
}

/// Connections that are opened, log in, log out and are closed.
pub fn short(connections: u64) -> Shape {
    Shape { connections: 1, short: 4, ..small(4 * connections) }
}

/// Segments of 1448 bytes, with frames of 100 to 8000 bytes that are split and joined by them, both ways.
pub fn full(bytes: u64) -> Shape {
    let sizes = Sizes::Uniform(100, 7999);
    let (messages, bytes) = (u64::MAX, scaled(bytes));
    Shape { messages, bytes, sizes, full_segments: true, connections: 10, ..unanswered(0) }
}

/// The same in one direction of one connection.
pub fn long(bytes: u64) -> Shape {
    Shape { connections: 1, one_way: true, ..full(bytes) }
}

/// Connections that are all open at the same time, each with one message.
pub fn open(connections: u64) -> Shape {
    let at_once = u32::try_from(scaled(connections)).expect("a number of connections");
    Shape { connections: at_once, one_way: true, ..unanswered(connections) }
}

/// A capture of that shape, generated if it is not there.
pub fn made(shape: &Shape) -> PathBuf {
    made_as(shape, Container::Pcap)
}

pub fn made_as(shape: &Shape, container: Container) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/traffic");
    std::fs::create_dir_all(&folder).expect("a folder for the captures");
    let mut digest = DefaultHasher::new();
    format!("{shape:?} {container:?}").hash(&mut digest);
    let path = folder.join(format!("{:016x}.pcap", digest.finish()));
    if !path.exists() {
        eprintln!("making {}: {shape:?} {container:?}", path.display());
        let half = folder.join("half");
        let file = File::create(&half).expect("a capture can be made");
        write(shape, container, file).expect("the capture can be written");
        std::fs::rename(half, &path).expect("the capture can be named");
    }
    path
}
