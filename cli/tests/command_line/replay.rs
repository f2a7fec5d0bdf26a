//! `framescope replay`, with Python programs that answer as recorded or otherwise.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::peer::{Peer, kinds, rows};
use crate::{command, format, notifies, run, run_with_input, text};

/// A conversation with a peer, recorded to a file.
fn recorded(folder: &std::path::Path, target: &str, messages: &[String], more: &[&str]) -> PathBuf {
    let capture = folder.join("recorded.pcapng");
    let mut arguments = vec!["send", target, "--format", "json", "--write", capture.to_str().unwrap()];
    arguments.extend(more);
    notifies(&run_with_input(&arguments, messages.concat().as_bytes()), 0, &[]);
    capture
}

fn message(kind: &str, sequence: u32, payload: &str) -> String {
    format!(
        r#"{{"protocol":"missive","fields":{{"kind":"{kind}","sequence":{sequence},"flags":{{"checksum":true}},"payload":{{{payload}}}}}}}"#
    ) + "\n"
}

fn replay(capture: &std::path::Path, target: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["replay", capture.to_str().unwrap(), target];
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn answers_as_recorded_are_the_same_and_others_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("missive");
    let login = message("LOGIN", 1, r#""user":"ada""#);
    let messages: Vec<String> =
        std::iter::once(login).chain((2..9).map(|n| message("DATA", n, r#""content":"hello""#))).collect();
    let capture = recorded(folder.path(), &peer.target(), &messages, &[]);
    let again = folder.path().join("again.pcapng");
    let same = replay(&capture, &peer.target(), &["--write", again.to_str().unwrap()]);
    notifies(&same, 0, &["flow 0: 8 messages sent, 8 answers, as recorded"]);
    assert_eq!(text(&same.stdout), "");
    let decoded = run(&["decode", again.to_str().unwrap(), "--format", "json"]);
    assert_eq!(rows(&decoded).len(), 16);

    // A counter that goes on: the values, and their lengths, are others.
    let numbers = Peer::start("numbers");
    notifies(&replay(&capture, &numbers.target(), &[]), 0, &["as recorded"]);
    let differs = replay(&capture, &numbers.target(), &[]);
    notifies(&differs, 3, &["8 answers, 8 differ"]);
    let printed = text(&differs.stdout);
    assert!(printed.contains("row 1, ACK: payload.note was \"number 1\", is \"number 9\""), "{printed}");
    assert!(printed.contains("flow 0, row 3, ACK: payload_length was 8, is 9"), "{printed}");
    let ignoring = replay(&capture, &numbers.target(), &["--ignore", "note"]);
    notifies(&ignoring, 0, &["8 answers, as recorded"]);
    assert_eq!(text(&ignoring.stdout), "");
    let as_json = replay(&capture, &numbers.target(), &["--format", "json"]);
    let differences = rows(&as_json);
    assert_eq!((&differences[0]["kind"], &differences[0]["recorded_row"]), (&"ACK".into(), &1.into()));
}

#[test]
fn what_a_program_gave_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("tokens");
    let messages = [message("LOGIN", 1, r#""user":"ada""#), message("DATA", 2, r#""content":"number 1""#)];
    let capture = recorded(folder.path(), &peer.target(), &messages, &["--expect", "note == \"number 2\""]);
    let without = replay(&capture, &peer.target(), &["--ignore", "note"]);
    notifies(&without, 3, &["1 differs"]);
    assert_eq!(text(&without.stdout), "flow 0, row 3, ACK: was ACK, is ERROR\n");
    let with = replay(&capture, &peer.target(), &["--ignore", "note", "--carry", "note=content"]);
    notifies(&with, 0, &["2 answers, as recorded"]);
}

#[test]
fn datagrams_and_several_conversations_are_replayed_and_one_that_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("udp");
    let target = format!("udp:{}", peer.target());
    let ping = message("PING", 1, r#""content":"hi""#);
    let capture = recorded(folder.path(), &target, &[ping], &[]);
    notifies(&replay(&capture, &target, &[]), 0, &["flow 0: 1 message sent, 1 answer, as recorded"]);
    notifies(&replay(&capture, &peer.target(), &[]), 2, &["no conversation over TCP"]);
    let chat = crate::case("missive-chat");
    let peer = Peer::start("missive");
    let chosen = replay(&chat, &peer.target(), &["--flow", "1", "--wait", "1s"]);
    assert!(text(&chosen.stderr).contains("flow 1: "), "{}", text(&chosen.stderr));
    notifies(&replay(&chat, &peer.target(), &["--flow", "99"]), 2, &["has no conversation 99"]);
    let all = replay(&chat, &peer.target(), &["--wait", "1s", "--ignore", "note"]);
    assert!(text(&all.stderr).contains("flow 0: "), "{}", text(&all.stderr));
}

#[test]
fn the_servers_side_is_played_to_a_program_that_connects() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("missive");
    let ping = message("PING", 1, r#""content":"hi""#);
    let capture = recorded(folder.path(), &peer.target(), std::slice::from_ref(&ping), &[]);
    for transport in ["", "udp:"] {
        let capture = match transport {
            "" => capture.clone(),
            _ => {
                let peer = Peer::start("udp");
                let folder = folder.path().join("udp");
                std::fs::create_dir(&folder).unwrap();
                recorded(&folder, &format!("udp:{}", peer.target()), std::slice::from_ref(&ping), &[])
            }
        };
        let mut server = command()
            .args([
                "replay",
                capture.to_str().unwrap(),
                &format!("{transport}127.0.0.1:0"),
                "--side",
                "server",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        let address = line.split("listening at ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
        let sent =
            run_with_input(&["send", &format!("{transport}{address}"), "--format", "json"], ping.as_bytes());
        notifies(&sent, 0, &[]);
        assert_eq!(kinds(&rows(&sent)), ["PING", "PONG"]);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
        assert!(rest.contains("1 message sent, 1 answer, as recorded"), "{rest}");
        assert_eq!(server.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_program_that_fails_is_a_sentence_and_a_status() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("missive");
    let ping = message("PING", 1, r#""content":"hi""#);
    let capture = recorded(folder.path(), &peer.target(), &[ping], &[]);
    let target = peer.target();
    drop(peer);
    notifies(&replay(&capture, &target, &[]), 1, &["no program listens there"]);
    notifies(&replay(&capture, "192.0.2.1:9", &[]), 2, &["--yes-remote"]);
    for (mode, words) in [
        ("silent", "nothing came within 0.3 s where the recording has row 1, PONG"),
        ("close", "where the recording has row 1, PONG"),
    ] {
        let peer = Peer::start(mode);
        let failed = replay(&capture, &peer.target(), &["--wait", "300ms"]);
        let error = text(&failed.stderr);
        let is_refused = mode != "silent" && error.contains("can't be sent to");
        assert!(
            error.contains(words) || is_refused || error.contains("broke the connection off"),
            "{mode}: {error}"
        );
        assert_eq!(failed.status.code(), Some(1), "{mode}: {error}");
    }
    // What was cut off is a row once it is given up.
    let peer = Peer::start("cut");
    let differs = replay(&capture, &peer.target(), &["--wait", "300ms"]);
    assert!(matches!(differs.status.code(), Some(1 | 3)), "{}", text(&differs.stderr));
    let peer = Peer::start("garbage");
    let differs = replay(&capture, &peer.target(), &["--wait", "2s"]);
    assert!(matches!(differs.status.code(), Some(1 | 3)), "{}", text(&differs.stderr));
}

#[test]
fn a_recording_of_a_described_conversation_is_replayed() {
    let (description, capture) = format("smtp");
    let peer = Peer::start("greet");
    let arguments = ["replay", &capture, &peer.target(), "--protocol", &description, "--wait", "300ms"];
    let differs = run(&arguments);
    let error = text(&differs.stderr);
    assert!(error.contains("flow 0: "), "{error}");
    assert!(matches!(differs.status.code(), Some(1 | 3)), "{error}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start("missive");
    let ping = message("PING", 1, r#""content":"hi""#);
    let capture = recorded(folder.path(), &peer.target(), &[ping], &[]);
    let silent = Peer::start("silent");
    let written = folder.path().join("again.pcapng");
    let child = command()
        .args(["replay", capture.to_str().unwrap(), &silent.target(), "--wait", "100s"])
        .args(["--write", written.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    crate::peer::until("the message is sent", || {
        written.exists() && !rows(&run(&["decode", written.to_str().unwrap(), "--format", "json"])).is_empty()
    });
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    notifies(&child.wait_with_output().unwrap(), 130, &["interrupted"]);
}
