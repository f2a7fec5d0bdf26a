//! What the integration tests share.

#![allow(dead_code)] // each test uses a part

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A command that runs Python 3, if it is installed. Where CI runs the tests it must be; elsewhere the tests say that
/// they left the Python peers out.
pub(crate) fn python() -> Option<Command> {
    for name in ["python3", "python"] {
        let version = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        if version.is_ok_and(|output| output.stdout.starts_with(b"Python 3")) {
            return Some(Command::new(name));
        }
    }
    assert!(std::env::var_os("CI").is_none(), "Python 3 is not installed");
    eprintln!("Python 3 is not installed: the Python peers are left out");
    None
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
