//! The command line, run as a person or a script runs it: output, exit status, and one clear sentence for bad input.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures").join(name).join("capture.pcapng")
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs with bytes on standard input.
fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
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
fn complains(output: &Output, status: i32, words: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn decode_prints_what_was_accepted() {
    let output = run(&["decode", case("text-echo").to_str().unwrap()]);
    let expected = fs::read_to_string(case("text-echo").with_file_name("expected.txt")).unwrap();
    assert_eq!(text(&output.stdout), expected.replace("\r\n", "\n"));
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty() && !output.stdout.contains(&0x1b), "a pipe gets no colours");
}

#[test]
fn decode_as_json_keeps_its_contract() {
    let output = run(&["decode", "--format", "json", case("missive-chat").to_str().unwrap()]);
    let first = text(&output.stdout).lines().next().unwrap().to_owned();
    let keys = [
        "row",
        "time",
        "flow",
        "direction",
        "src",
        "dst",
        "offset",
        "length",
        "packets",
        "protocol",
        "type",
        "kind",
        "summary",
        "reply_to",
        "latency_ns",
        "part_of",
        "fields",
        "problems",
    ];
    let mut from = 0;
    for key in keys {
        let at = first[from..]
            .find(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("{key} after {from} in {first}"));
        from += at;
    }
    assert!(first.starts_with("{\"row\":0,\"time\":\"20"));
    assert!(first.contains("{\"name\":\"magic\",\"offset\":0,\"length\":2,\"value\":62797}"), "{first}");
    assert!(first.contains(
        "{\"name\":\"kind\",\"offset\":3,\"length\":1,\"value\":{\"enum\":\"LOGIN\",\"value\":1}}"
    ));
    assert!(first.contains("\"summary\":\"user ada\""));
    let again = run(&["decode", "--format", "json", case("missive-chat").to_str().unwrap()]);
    assert_eq!(output.stdout, again.stdout, "two runs differ");
}

#[test]
fn decode_as_csv_has_a_line_a_row_under_its_columns() {
    let output = run(&["decode", "--format", "csv", case("bare-login").to_str().unwrap()]);
    let out = text(&output.stdout);
    let first = "row,time,flow,direction,src,dst,offset,length,protocol,type,kind,summary,problems";
    assert_eq!(out.lines().next(), Some(first));
    assert_eq!(out.lines().count(), 17);
    assert!(out.contains(",bare,message,DATA,\"first\\u{3}second, right behind it\",glued"), "{out}");
}

#[test]
fn fail_on_decides_the_exit_status() {
    let damaged = case("missive-damaged");
    let (damaged, chat) = (damaged.to_str().unwrap(), case("missive-chat"));
    complains(&run(&["decode", "--fail-on", "error", damaged]), 3, &["--fail-on: 7 of 276 rows"]);
    complains(&run(&["decode", "--fail-on", "warning", damaged]), 3, &["--fail-on: 13 of 276 rows"]);
    complains(&run(&["decode", "--fail-on", "warning", chat.to_str().unwrap()]), 0, &[]);
    complains(&run(&["decode", damaged]), 0, &[]);
}

#[test]
fn flows_and_follow_and_protocols() {
    let echo = case("text-echo");
    let flows = run(&["flows", "--format", "json", echo.to_str().unwrap()]);
    let line = text(&flows.stdout);
    assert!(line.starts_with("{\"flow\":0,\"transport\":\"tcp\",\"a\":\"127.0.0.1:"), "{line}");
    assert!(line.contains("\"forward\":{\"protocol\":\"text\",\"bytes\":58,\"sha256\":\""), "{line}");
    let raw = run(&["follow", echo.to_str().unwrap(), "0", "--direction", "forward", "--raw"]);
    assert_eq!(text(&raw.stdout), "你好，世界\n今天天气很好\n收到了吗？\n再见\n");
    let dialogue = text(&run(&["follow", echo.to_str().unwrap(), "0"]).stdout);
    assert!(dialogue.starts_with("> 127.0.0.1:") && dialogue.contains("\n< 127.0.0.1:9002"), "{dialogue}");
    complains(
        &run(&["follow", echo.to_str().unwrap(), "7"]),
        2,
        &["has no flow 7", "the only one in it is 0"],
    );
    let protocols = text(&run(&["protocols"]).stdout);
    let names: Vec<&str> = protocols.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["missive", "bare", "text"]);
}

#[test]
fn without_a_display_the_messages_are_printed_and_why_is_said() {
    let sample = run(&[]);
    complains(&sample, 0, &["no window can be shown", "this is the sample capture"]);
    assert!(text(&sample.stdout).contains("LOGIN: user lost"));
    let echo = case("text-echo");
    let printed = run(&[echo.to_str().unwrap()]);
    complains(&printed, 0, &["no window can be shown"]);
    assert_eq!(printed.stdout, run(&["decode", echo.to_str().unwrap()]).stdout);
}

#[test]
fn bad_input_gets_one_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chat = fs::read(case("missive-chat")).unwrap();

    complains(&run(&["decode", &file("empty.pcap", b"")]), 1, &["empty.pcap", "the file is empty"]);
    complains(&run(&["decode", folder.path().to_str().unwrap()]), 2, &["is a directory"]);
    complains(&run(&["decode", "there/is/no.such"]), 2, &["there/is/no.such can't be read"]);

    let noise = run(&["decode", &file("noise", &[0x80, 0xFF, 0x00, 0x17, 0x99])]);
    complains(&noise, 0, &["begins with no capture's magic", "5 bytes"]);
    assert!(text(&noise.stdout).contains("no-protocol"));

    let cut = run(&["decode", &file("cut.pcapng", &chat[..chat.len() / 2])]);
    complains(
        &cut,
        1,
        &["cut.pcapng: packet ", " at byte ", "the file ends inside", "packets before it were read"],
    );
    assert!(text(&cut.stdout).contains("LOGIN: user ada"), "what stands before the cut is printed");

    let header = run(&["decode", &file("header.pcap", b"\xd4\xc3\xb2\xa1\x02\x00")]);
    complains(&header, 1, &["the pcap header needs 24 bytes and the file has 6"]);

    let mut claims = chat.clone();
    // The captured length of the first packet: behind the section's and the interface's block.
    let first_packet = chat.windows(4).position(|bytes| bytes == [6, 0, 0, 0]).unwrap();
    claims[first_packet + 20..first_packet + 24].copy_from_slice(&u32::MAX.to_le_bytes());
    complains(
        &run(&["decode", &file("claims.pcapng", &claims)]),
        1,
        &["packet 1 ", "too short for the packet it claims"],
    );

    let mut link = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x93\0\0\0".to_vec();
    link.extend([0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    complains(
        &run(&["decode", &file("link.pcap", &link)]),
        0,
        &["link.pcap: packet 1 at byte 40 carries no stream: link type 147, which is not read"],
    );
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_gets_one_clear_sentence() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.pcap");
    fs::write(&path, b"secret").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    // Root reads what it likes: then there is nothing to test.
    if fs::read(&path).is_err() {
        complains(&run(&["decode", path.to_str().unwrap()]), 2, &["secret.pcap can't be read"]);
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let bytes = fs::read(case("text-echo")).unwrap();
    let piped = run_with_input(&["decode", "-"], &bytes);
    assert_eq!(piped.stdout, run(&["decode", case("text-echo").to_str().unwrap()]).stdout);
    complains(&run_with_input(&["decode", "-"], b""), 1, &["standard input", "the file is empty"]);
    complains(
        &run_with_input(&["decode", "-"], b"\x00nonsense"),
        0,
        &["standard input begins with no capture's magic"],
    );
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let echo = case("text-echo");
    let echo = echo.to_str().unwrap();
    complains(&run(&["decode"]), 2, &["<FILE>"]);
    complains(&run(&["decode", "--as", "port=1=text", echo]), 2, &["a selector is tcp, udp, tcp.port=N"]);
    complains(
        &run(&["decode", "--as", "tcp=smtp", echo]),
        2,
        &["no protocol is called 'smtp'; there are missive, bare, text"],
    );
    complains(&run(&["decode", "--key", "xyz", echo]), 2, &["hexadecimal"]);
    complains(&run(&["decode", "--key", "@no/such/file", echo]), 2, &["no/such/file can't be read"]);
    let help = text(&run(&["--help"]).stdout);
    for word in ["decode", "flows", "problems", "follow", "protocols", "Exit status"] {
        assert!(help.contains(word), "{word} is not in the help");
    }
}

#[test]
fn a_reader_that_has_had_enough_ends_the_program_quietly() {
    let chat = case("missive-chat");
    let mut child = command()
        .args(["decode", "--format", "json", chat.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    complains(&child.wait_with_output().unwrap(), 0, &[]);
}

#[test]
fn problems_are_counted_with_their_first_rows() {
    let damaged = case("missive-damaged");
    let path = damaged.to_str().unwrap();
    // The same numbers from the rows themselves.
    let rows = text(&run(&["decode", "--format", "csv", path]).stdout);
    let with = |code: &str| {
        let has = |line: &&str| line.rsplit(',').next().unwrap().split(' ').any(|one| one == code);
        rows.lines().filter(has).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let json = text(&run(&["problems", "--format", "json", path]).stdout);
    let mut severities = Vec::new();
    for line in json.lines() {
        let value = |key: &str| {
            let from = line.split_once(&format!("\"{key}\":")).unwrap().1;
            from.trim_start_matches('"').split(['"', ',', '}', ']']).next().unwrap().to_owned()
        };
        let expected = with(&value("code"));
        assert!(!expected.is_empty(), "{line}");
        assert_eq!(value("rows"), expected.len().to_string(), "{line}");
        assert!(
            line.contains(&format!("\"first\":[{}", expected[..expected.len().min(5)].join(","))),
            "{line}"
        );
        severities.push(value("severity"));
    }
    assert!(severities.len() > 5, "{json}");
    assert!(severities.is_sorted_by_key(|severity| match severity.as_str() {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    }));
    let told = text(&run(&["problems", path]).stdout);
    assert_eq!(told.lines().count(), 2 * json.lines().count());
    assert!(told.contains("length-suspect on 1 row: #"), "{told}");
    let clean = run(&["problems", case("missive-ipv6").to_str().unwrap()]);
    assert!(text(&clean.stdout).contains("rows"), "{}", text(&clean.stdout));
}
