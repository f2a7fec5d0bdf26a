//! Descriptions that are proposed for conversations that no protocol explains.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{notifies, run, text};

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats").join(name)
}

#[test]
fn a_description_is_proposed_as_the_documentation_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (out, capture) = (folder.path().join("guessed"), corpus("modbus/capture.pcapng"));
    let (out, capture) = (out.to_str().unwrap(), capture.to_str().unwrap());
    let guessed = run(&["guess", capture, "-o", out, "--holdout", "20%"]);
    assert_eq!(guessed.status.code(), Some(0), "{}", text(&guessed.stderr));
    let page = fs::read_to_string(corpus("../../docs/unknown.md")).unwrap();
    let shown = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let printed = text(&guessed.stdout).replace(out, "guessed").replace('\\', "/");
    assert!(printed.starts_with(shown), "{printed}");
    let description = Path::new(out).join("guessed_tcp_502.ksy");
    let checked = run(&["check", description.to_str().unwrap(), capture]);
    let shown = page.split("```text\n").nth(2).unwrap().split("```").next().unwrap();
    let printed = text(&checked.stdout);
    assert!(shown.lines().all(|line| printed.lines().any(|printed| printed.ends_with(line))), "{printed}");
}

#[test]
fn hypotheses_are_printed_as_json() {
    let capture = corpus("someip/capture.pcapng");
    let guessed = run(&["guess", capture.to_str().unwrap(), "--format", "json"]);
    assert_eq!(guessed.status.code(), Some(0));
    for line in text(&guessed.stdout).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["confidence"].as_f64().unwrap() < 1.0 && line["messages"].as_u64().unwrap() > 5,
            "{line}"
        );
        assert!(line["description"].as_str().unwrap().contains("id: guessed_tcp_30509"), "{line}");
    }
}

#[test]
fn what_a_protocol_explains_is_looked_at_if_it_is_named() {
    let (capture, description) = (corpus("modbus/capture.pcapng"), corpus("modbus.ksy"));
    let known = ["guess", capture.to_str().unwrap(), "--protocol", description.to_str().unwrap()];
    let nothing = run(&known);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stdout).contains("a protocol explains every conversation"));
    let named = run(&[&known[..], &["--flow", "0"]].concat());
    assert_eq!(named.status.code(), Some(0));
    assert!(text(&named.stdout).contains("a length at offset"), "{}", text(&named.stdout));
    notifies(
        &run(&[&known[..], &["--flow", "7"]].concat()),
        2,
        &["no conversation 7", "the only one in it is 0"],
    );
    let wrong = run(&[&known[..], &["--holdout", "95"]].concat());
    notifies(&wrong, 2, &["a share from 1% to 90% is needed"]);
}
