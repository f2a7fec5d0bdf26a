//! `framescope serve`, with `framescope send` and plain sockets as its clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::peer::{Peer, kinds, rows, until};
use crate::{command, notifies, run, run_with_input, text};

/// A server that runs, and where it listens.
struct Serving {
    child: Child,
    /// What it prints is read all the time: a pipe that is full would stop it.
    printed: std::thread::JoinHandle<Vec<u8>>,
    notices: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Serving {
    fn start(arguments: &[&str]) -> Serving {
        let mut child = command()
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut notices = BufReader::new(child.stderr.take().unwrap());
        let mut printed = child.stdout.take().unwrap();
        let printed = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            printed.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut said = String::new();
        while !said.contains("listening at ") {
            assert!(notices.read_line(&mut said).unwrap() > 0, "{said}");
        }
        let address = said.split("listening at ").nth(1).and_then(|rest| rest.split(';').next());
        Serving { address: address.unwrap().to_owned(), child, printed, notices }
    }

    fn by(folder: &Path, script: &str, more: &[&str]) -> Serving {
        let path = folder.join("peer.toml");
        std::fs::write(&path, script).unwrap();
        let mut arguments = vec!["127.0.0.1:0", "--script", path.to_str().unwrap(), "--format", "json"];
        arguments.extend(more);
        Serving::start(&arguments)
    }

    /// What it printed and said until its end.
    fn end(mut self) -> (Output, String) {
        let mut said = String::new();
        self.notices.read_to_string(&mut said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (Output { stdout: self.printed.join().unwrap(), ..output }, said)
    }

    fn interrupt(self) -> (Output, String) {
        assert!(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
        self.end()
    }
}

fn message(kind: &str, sequence: u32, payload: &str) -> String {
    format!(
        r#"{{"protocol":"missive","fields":{{"kind":"{kind}","sequence":{sequence},"payload":{{{payload}}}}}}}"#
    ) + "\n"
}

fn send(address: &str, messages: &[String], more: &[&str]) -> Output {
    let mut arguments = vec!["send", address, "--format", "json"];
    arguments.extend(more);
    run_with_input(&arguments, messages.concat().as_bytes())
}

const CHAT: &str = r#"
protocol = "missive"

[[rule]]
when = "kind == LOGIN and user == \"mallory\""
send = { kind = "ERROR", flags = { reply = true }, sequence = "{request.sequence}", payload = { code = 403, text = "not you" } }
close = true

[[rule]]
when = "kind == LOGIN"
send = { kind = "ACK", flags = { reply = true, checksum = true }, sequence = "{request.sequence}", payload = { note = "welcome, {request.user}" } }

[[rule]]
when = "kind == DATA"
times = 1
ignore = true

[[rule]]
when = "kind == DATA"
send = [
  { kind = "ACK", flags = 4, sequence = "{request.sequence}" },
  { kind = "DATA", sequence = "{request.sequence + 100}", payload = { content = "{request.content}, you say" } },
]
delay = "10ms"
cut = 7

[[rule]]
when = "kind == PING"
send = { kind = "PONG", flags = 4, sequence = "{request.sequence}" }
break = "header_check"
"#;

#[test]
fn messages_are_answered_by_the_first_rule_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("said.pcapng");
    let server =
        Serving::by(folder.path(), CHAT, &["--connections", "3", "--write", written.to_str().unwrap()]);
    let login = |user: &str| message("LOGIN", 1, &format!(r#""user":"{user}""#));
    let said = send(&server.address, &[login("ada")], &[]);
    notifies(&said, 0, &[]);
    let welcome = &rows(&said)[1];
    assert_eq!(
        (welcome["summary"].as_str().unwrap(), &welcome["reply_to"]),
        ("to 1: welcome, ada", &0.into())
    );
    let said = send(&server.address, &[login("mallory")], &[]);
    notifies(&said, 0, &[]);
    assert_eq!(kinds(&rows(&said)), ["LOGIN", "ERROR"]);
    // The first DATA of a connection is ignored.
    let data = |n: u32| message("DATA", n, r#""content":"hi""#);
    let said = send(
        &server.address,
        &[login("bo"), data(2), data(3)],
        &["--together", "--expect", "content == \"hi, you say\"", "--wait", "3s"],
    );
    notifies(&said, 0, &[]);
    let (output, notices) = server.end();
    assert!(notices.contains("3 connections, 5 messages, 5 of them answered"), "{notices}");
    assert_eq!(output.status.code(), Some(0));
    let printed = rows(&output);
    assert!(kinds(&printed).ends_with(&["ACK", "DATA"]), "{:?}", kinds(&printed));
    // It was sent in pieces of seven bytes.
    assert!(printed.last().unwrap()["packets"].as_array().unwrap().len() > 2, "{}", printed.last().unwrap());
    let decoded = run(&["decode", written.to_str().unwrap(), "--format", "json"]);
    assert_eq!(rows(&decoded).len(), printed.len());
}

#[test]
fn an_answer_is_broken_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::by(folder.path(), CHAT, &["--once"]);
    let said = send(&server.address, &[message("PING", 9, "")], &["--wait", "300ms"]);
    assert_eq!(said.status.code(), Some(1));
    let (output, _) = server.end();
    assert!(text(&output.stdout).contains("header-check-mismatch"), "{}", text(&output.stdout));
}

#[test]
fn a_server_speaks_first_and_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let script = "[start]\nraw = \"68 69 0a\"\n[[rule]]\nwhen = \"text contains \\\"quit\\\"\"\nreset = true\n\
        [[rule]]\nsend = { text = \"you said {request.text}\" }\n";
    let server = Serving::by(folder.path(), script, &["--once", "--as", "tcp=text"]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let mut said = [0; 3];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"hi\n");
    stream.write_all("你好".as_bytes()).unwrap();
    let expected = "you said 你好";
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), expected);
    stream.write_all(b"quit").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let (output, _) = server.end();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(rows(&output).len(), 4);
}

#[test]
fn many_connections_are_answered_side_by_side_and_one_that_does_not_read_keeps_none_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer.toml");
    std::fs::write(&path, "[[rule]]\nsend = { text = \"{request.text}!\" }\n").unwrap();
    let path = path.to_str().unwrap();
    let more = ["--connections", "41", "--as", "tcp=text", "--format", "csv", "--fields", "row,type"];
    let server = Serving::start(&[&["127.0.0.1:0", "--script", path], &more[..]].concat());
    let mut deaf = TcpStream::connect(&server.address).unwrap();
    let writer = std::thread::spawn(move || {
        // It is given up before it has written all, or its answers are more than the system buffers.
        let _ = deaf.write_all(&vec![b'x'; 32 << 20]);
        deaf
    });
    let clients: Vec<_> = (0..40)
        .map(|number| {
            let address = server.address.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                for round in 0..5 {
                    let said = format!("{number} says {round}");
                    stream.write_all(said.as_bytes()).unwrap();
                    let mut answer = vec![0; said.len() + 1];
                    stream.read_exact(&mut answer).unwrap();
                    assert_eq!(String::from_utf8(answer).unwrap(), format!("{said}!"));
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    drop(writer.join().unwrap());
    let (output, notices) = server.end();
    assert!(notices.contains("41 connections"), "{notices}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn datagrams_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer.toml");
    std::fs::write(&path, CHAT).unwrap();
    let server = Serving::start(&["udp:127.0.0.1:0", "--script", path.to_str().unwrap(), "--format", "json"]);
    let target = format!("udp:{}", server.address);
    for user in ["ada", "bo"] {
        let said = send(&target, &[message("LOGIN", 1, &format!(r#""user":"{user}""#))], &[]);
        notifies(&said, 0, &[]);
        assert_eq!(kinds(&rows(&said)), ["LOGIN", "ACK"]);
    }
    #[cfg(unix)]
    {
        let (output, notices) = server.interrupt();
        assert_eq!(output.status.code(), Some(0), "{notices}");
        assert!(notices.contains("2 connections, 2 messages"), "{notices}");
    }
}

#[test]
fn requests_are_answered_as_they_were_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("recorded.pcapng");
    let peer = Peer::start("missive");
    let messages = [
        message("LOGIN", 1, r#""user":"ada""#),
        message("DATA", 2, r#""content":"same""#),
        message("DATA", 3, r#""content":"same""#),
        message("PING", 4, r#""content":"hi""#),
    ];
    notifies(&send(&peer.target(), &messages, &["--write", capture.to_str().unwrap()]), 0, &[]);
    drop(peer);
    let capture = capture.to_str().unwrap();
    let arguments = [
        "127.0.0.1:0",
        "--from",
        capture,
        "--ignore",
        "sequence",
        "--carry",
        "sequence",
        "--once",
        "--format",
        "json",
    ];
    let server = Serving::start(&arguments);
    let other = [
        message("DATA", 12, r#""content":"same""#),
        message("DATA", 13, r#""content":"same""#),
        message("PING", 14, r#""content":"hi""#),
        message("LOGIN", 15, r#""user":"ada""#),
    ];
    let said = send(&server.address, &other, &[]);
    notifies(&said, 0, &[]);
    let summaries: Vec<String> = rows(&said)
        .iter()
        .skip(1)
        .step_by(2)
        .map(|row| row["summary"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(summaries, ["to 12: number 2", "to 13: number 3", "2 bytes", "to 15: number 1"]);
    let (output, notices) = server.end();
    assert!(notices.contains("4 messages, 4 of them answered") && output.status.success(), "{notices}");
    // The recording itself can be replayed to it.
    let server = Serving::start(&["127.0.0.1:0", "--from", capture, "--once"]);
    notifies(&run(&["replay", capture, &server.address]), 0, &["4 answers, as recorded"]);
    server.end();
    let server = Serving::start(&["127.0.0.1:0", "--from", capture, "--once"]);
    let unknown = send(&server.address, &[message("DATA", 2, r#""content":"other""#)], &["--wait", "300ms"]);
    notifies(&unknown, 1, &["no reply within 0.3 s"]);
    server.end();
}

#[test]
fn mistakes_are_sentences_with_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer.toml");
    let serve = |script: &str| {
        std::fs::write(&path, script).unwrap();
        run(&["serve", "127.0.0.1:0", "--script", path.to_str().unwrap()])
    };
    notifies(
        &serve("[[rule]]\nwhen = \"knd == LOGIN\"\nclose = true"),
        2,
        &["peer.toml, line 2, column 8", "did you mean 'kind'?"],
    );
    notifies(&serve("[[rule]]\nsent = {}"), 2, &["line 2, column 1: unknown field `sent`", "`send`"]);
    notifies(&serve("[[rule]]\nsend = 3"), 2, &["line 2"]);
    notifies(&run(&["serve", "127.0.0.1:0"]), 2, &["--script"]);
    notifies(&run(&["serve", "127.0.0.1:0", "--script", "/no/such/file"]), 2, &["can't be read"]);
    notifies(&run(&["serve", "192.0.2.1:9", "--script", path.to_str().unwrap()]), 2, &["line 2"]);
    std::fs::write(&path, "[[rule]]\nclose = true").unwrap();
    notifies(
        &run(&["serve", "192.0.2.1:9", "--script", path.to_str().unwrap()]),
        2,
        &["192.0.2.1:9 can't be listened at"],
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_its_usual_end() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("said.pcapng");
    let server = Serving::by(folder.path(), CHAT, &["--write", written.to_str().unwrap()]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let ping = framescope_parser::missive::FrameBuf::new(framescope_parser::missive::Kind::DATA);
    stream.write_all(&ping.to_bytes().unwrap()).unwrap();
    until("the message is in the file", || {
        !rows(&run(&["decode", written.to_str().unwrap(), "--format", "json"])).is_empty()
    });
    let (output, notices) = server.interrupt();
    assert_eq!(output.status.code(), Some(0), "{notices}");
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "the connection is closed");
    notifies(&run(&["decode", written.to_str().unwrap()]), 0, &[]);
}
