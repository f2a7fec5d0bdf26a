//! The command line, run as a person or a script runs it: output, exit status, and one clear sentence for bad input.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod capture;
mod check_peer;
mod conversations;
mod decode;
mod descriptions;
mod export;
mod following;
mod fuzz_peer;
mod guess;
mod input;
mod packaging;
mod peer;
#[cfg(unix)] // Ctrl-C is sent as a signal.
mod proxy;
mod replay;
mod send;
mod serve;
#[path = "../../../parser/tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures").join(name).join("capture.pcapng")
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs with bytes on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that fails early reads no further.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Exit status, one sentence on standard error that says all of `words`, and never a panic.
#[track_caller]
pub(crate) fn notifies(output: &Output, status: i32, words: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

pub(crate) fn foreign(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/foreign").join(file);
    path.to_str().unwrap().to_owned()
}

pub(crate) fn format(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    (path(folder.join(name).with_extension("ksy")), path(folder.join(name).join("capture.pcapng")))
}
