//! `framescope send`, to Python programs that answer well and badly.

use std::fs;
use std::process::Stdio;

use crate::peer::{Peer, kinds, rows, until};
use crate::{command, format, notifies, run, run_with_input, text};

const LOGIN: &str =
    r#"{"protocol":"missive","fields":{"kind":"LOGIN","sequence":1,"payload":{"user":"ada"}}}"#;
const PING: &str = r#"{"protocol":"missive","fields":{"kind":"PING","sequence":2,"flags":{"checksum":true},"payload":{"content":"hi"}}}"#;
const ACK: &str = r#"{"protocol":"missive","fields":{"kind":"ACK","sequence":3,"flags":4}}"#;

fn lines(lines: &[&str]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

#[test]
fn messages_are_sent_and_the_replies_printed() {
    let peer = Peer::start("missive");
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("said.pcapng");
    let capture = capture.to_str().unwrap();
    let arguments =
        ["send", &peer.target(), "--format", "json", "--write", capture, "--expect", "kind == PONG"];
    let sent = run_with_input(&arguments, &lines(&[LOGIN, "", PING, ACK]));
    notifies(&sent, 0, &[]);
    assert_eq!(text(&sent.stderr), "");
    let rows = rows(&sent);
    assert_eq!(kinds(&rows), ["LOGIN", "ACK", "PING", "PONG", "ACK"]);
    assert_eq!(rows[1]["fields"].as_array().unwrap().last().unwrap()["fields"][0]["value"], "number 1");
    assert_eq!((&rows[3]["reply_to"], &rows[2]["problems"][0]), (&2.into(), &serde_json::Value::Null));
    // The recording holds the same, and is a whole capture.
    let decoded = run(&["decode", capture, "--format", "json"]);
    notifies(&decoded, 0, &[]);
    assert_eq!(kinds(&crate::peer::rows(&decoded)), kinds(&rows));
    // What was printed is sent again: the rows of the other side are left out.
    let printed = folder.path().join("rows.jsonl");
    fs::write(&printed, &sent.stdout).unwrap();
    let again = run(&["send", &peer.target(), printed.to_str().unwrap(), "--format", "json"]);
    notifies(&again, 0, &["2 rows of the other side"]);
    assert_eq!(kinds(&crate::peer::rows(&again)), kinds(&rows));
}

#[test]
fn datagrams_are_sent_too() {
    let peer = Peer::start("udp");
    let target = format!("udp:{}", peer.target());
    let sent = run_with_input(&["send", &target, "--format", "json"], &lines(&[PING]));
    notifies(&sent, 0, &[]);
    assert_eq!(kinds(&rows(&sent)), ["PING", "PONG"]);
}

#[test]
fn what_is_derived_is_made_wrong_and_the_rest_is_right() {
    let peer = Peer::start("missive");
    let broken = |breaks: &[&str], more: &[&str]| {
        let mut arguments = vec!["send".to_owned(), peer.target(), "--format".into(), "json".into()];
        arguments.extend(breaks.iter().flat_map(|one| ["--break".to_owned(), (*one).to_owned()]));
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run_with_input(&arguments, &lines(&[PING]))
    };
    let wrong = broken(&["checksum"], &["--wait", "200ms"]);
    notifies(&wrong, 1, &["sent nothing within 0.2 s"]);
    let problems = rows(&wrong)[0]["problems"].to_string();
    assert!(problems.contains("checksum-mismatch") && !problems.contains("header-check"), "{problems}");
    let right = broken(&["sequence = 77"], &[]);
    notifies(&right, 0, &[]);
    assert_eq!(rows(&right)[1]["reply_to"], 0);
    notifies(&broken(&["user = \"x\""], &[]), 0, &["--break user: no message has this field"]);
    notifies(&broken(&["sequnce"], &[]), 2, &["--break", "did you mean 'sequence'?"]);
    notifies(&broken(&["kind == PING: sequence"], &[]), 2, &["a filter is for captures"]);
    notifies(&broken(&["sequence+5000000000"], &[]), 1, &["line 1", "sequence"]);
}

#[test]
fn bytes_are_sent_as_they_are_to_a_first_socket_program() {
    let peer = Peer::start("echo");
    let sent = run_with_input(
        &["send", &peer.target(), "--raw", "--as", "tcp=text", "--format", "json", "--quiet", "50ms"],
        "收到了吗？".as_bytes(),
    );
    notifies(&sent, 0, &[]);
    assert_eq!(rows(&sent)[1]["fields"][0]["value"], "echo: 收到了吗？");
    let text_of = |value: &str| format!(r#"{{"fields":{{"text":"{value}"}}}}"#);
    let sent = run_with_input(
        &["send", &peer.target(), "--as", "tcp=text", "--format", "json", "--quiet", "50ms"],
        &lines(&[&text_of("one"), &text_of("two")]),
    );
    notifies(&sent, 0, &[]);
    let rows = rows(&sent);
    let said: Vec<&str> = rows.iter().map(|row| row["fields"][0]["value"].as_str().unwrap()).collect();
    assert_eq!(said, ["one", "echo: one", "two", "echo: two"]);
}

#[test]
fn a_described_protocol_whose_server_speaks_first_is_spoken() {
    let peer = Peer::start("greet");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.ksy");
    let description = "{meta: {id: lines}, seq: [{id: said, type: str, terminator: 10, encoding: UTF-8}]}";
    fs::write(&path, description).unwrap();
    let arguments = [
        "send",
        &peer.target(),
        "--protocol",
        path.to_str().unwrap(),
        "--format",
        "json",
        "--quiet",
        "100ms",
    ];
    let sent = run_with_input(&arguments, &lines(&[r#"{"said":"one"}"#, r#"{"said":"two"}"#]));
    notifies(&sent, 0, &[]);
    let rows = rows(&sent);
    let mut said: Vec<&str> = rows.iter().map(|row| row["fields"][0]["value"].as_str().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said, ["hello", "ok 1", "ok 2", "one", "two"]);
}

#[test]
fn a_peer_that_answers_badly_is_a_sentence_and_a_status() {
    for (mode, status, words) in [
        ("silent", 1, "1 message had no reply within 0.3 s"),
        ("cut", 1, "closed the connection before 1 message had a reply"),
        ("reset", 1, "broke the connection off"),
        ("flood", 1, ""),
        ("garbage", 1, "had no reply within"),
        ("close", 1, "closed the connection"),
    ] {
        let peer = Peer::start(mode);
        let arguments =
            ["send", &peer.target(), "--wait", "300ms", "--format", "csv", "--fields", "row,type,kind"];
        let sent = run_with_input(&arguments, &lines(&[PING]));
        let error = text(&sent.stderr);
        assert_eq!(sent.status.code(), Some(status), "{mode}: {error}");
        let is_reset = mode == "close" && error.contains("broke the connection off");
        assert!(
            error.contains(words) || is_reset || mode == "cut" && error.contains("closed"),
            "{mode}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{mode}: {error}");
        match mode {
            "cut" => assert!(text(&sent.stdout).contains("partial"), "{}", text(&sent.stdout)),
            "garbage" => assert!(text(&sent.stdout).contains("skipped"), "{}", text(&sent.stdout)),
            _ => {}
        }
    }
    let peer = Peer::start("deaf");
    let arguments = ["send", &peer.target(), "--raw", "--wait", "1s"];
    let sent = run_with_input(&arguments, &vec![b'x'; 64 << 20]);
    notifies(&sent, 1, &["can't be sent to: it took", "bytes and no more in time"]);
}

#[test]
fn wrong_targets_and_lines_are_sentences() {
    let target = {
        let peer = Peer::start("missive");
        peer.target()
    };
    notifies(&run_with_input(&["send", &target], &lines(&[PING])), 1, &["no program listens there"]);
    notifies(&run_with_input(&["send", "localhost"], b""), 2, &["write HOST:PORT"]);
    notifies(&run_with_input(&["send", "192.0.2.1:9"], &lines(&[PING])), 2, &["add --yes-remote"]);
    notifies(
        &run_with_input(&["send", "unix:/no/such/socket"], &lines(&[PING])),
        1,
        &["can't be connected to"],
    );
    notifies(&run(&["send", &target, "/no/such/file"]), 2, &["/no/such/file can't be read"]);
    notifies(&run(&["send", &target, "--expect", "knid == ACK"]), 2, &["--expect", "did you mean 'kind'?"]);
    let peer = Peer::start("missive");
    let (description, _) = format("modbus");
    let sent = run_with_input(&["send", &peer.target()], &lines(&["{", PING, r#"{"fields":{}}"#]));
    notifies(&sent, 1, &["line 1: not valid JSON", "line 3: kind"]);
    assert!(text(&sent.stdout).contains("PONG"), "{}", text(&sent.stdout));
    let sent =
        run_with_input(&["send", &peer.target(), "--protocol", &description], &lines(&[r#"{"fields":[]}"#]));
    notifies(&sent, 1, &["line 1", "'transaction' is not given"]);
    let sent = run_with_input(&["send", &peer.target(), "--expect", "kind == ERROR"], &lines(&[PING]));
    notifies(&sent, 3, &["--expect: no reply matches kind == ERROR"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_waiting_and_the_file_is_whole() {
    let peer = Peer::start("silent");
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("said.pcapng");
    let mut child = command()
        .args([
            "send",
            &peer.target(),
            "--wait",
            "100s",
            "--format",
            "json",
            "--write",
            capture.to_str().unwrap(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), &lines(&[PING])).unwrap();
    until("the message is in the file", || {
        let decoded = run(&["decode", capture.to_str().unwrap(), "--format", "json"]);
        kinds(&rows(&decoded)) == ["PING"]
    });
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    notifies(&output, 130, &["interrupted: 1 message sent"]);
    let decoded = run(&["decode", capture.to_str().unwrap(), "--format", "json"]);
    notifies(&decoded, 0, &[]);
    assert_eq!(kinds(&rows(&decoded)), ["PING"]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_sent_to() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut said = [0; 3];
        stream.read_exact(&mut said).unwrap();
        stream.write_all(&[&said[..], b" too"].concat()).unwrap();
    });
    let target = format!("unix:{}", path.display());
    let sent = run_with_input(
        &["send", &target, "--as", "tcp=text", "--format", "json"],
        &lines(&[r#"{"text":"you"}"#]),
    );
    peer.join().unwrap();
    notifies(&sent, 0, &[]);
    assert_eq!(rows(&sent)[1]["fields"][0]["value"], "you too");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_sentence() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let peer = Peer::start("missive");
    let sent = run_with_input(&["send", &peer.target(), "--write", "/dev/full"], &lines(&[PING]));
    let error = text(&sent.stderr);
    assert!(matches!(sent.status.code(), Some(1 | 2)) && error.contains("/dev/full"), "{error}");
}
