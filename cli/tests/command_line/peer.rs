//! A Python program to send to, and what the tests of live commands share.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::python;
use crate::text;

/// `corpus/peers/answering.py`, which ends with the test.
pub(crate) struct Peer {
    child: Child,
    port: String,
}

impl Peer {
    pub(crate) fn start(mode: &str) -> Peer {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/peers/answering.py");
        let mut command = python().unwrap();
        let command = command.arg("-B").arg(script).arg(mode);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().to_owned();
        assert!(port.parse::<u16>().is_ok(), "{port}");
        Peer { child, port }
    }

    /// Where it listens.
    pub(crate) fn target(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows that were printed as JSON.
#[track_caller]
pub(crate) fn rows(output: &Output) -> Vec<Json> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The kinds of rows.
pub(crate) fn kinds(rows: &[Json]) -> Vec<&str> {
    rows.iter().map(|row| row["kind"].as_str().unwrap_or("-")).collect()
}

/// Waits until something holds, for no longer than a test may hang.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what} is never so");
        std::thread::sleep(Duration::from_millis(10));
    }
}
