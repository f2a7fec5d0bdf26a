//! The command line, run as a person or a script runs it: output, exit status, and one clear sentence for bad input.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

#[path = "../../parser/tests/support/mod.rs"]
mod support;

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
fn notifies(output: &Output, status: i32, words: &[&str]) {
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
fn chosen_fields_are_printed_in_their_order() {
    let chat = case("missive-chat");
    let decode = |format: &str, fields: &str| {
        let filter = "row < 3";
        let output = run(&[
            "decode",
            chat.to_str().unwrap(),
            "--format",
            format,
            "--fields",
            fields,
            "--filter",
            filter,
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let fields =
        "kind,row, time,missive.sequence,payload.user,flags.reply,missive.kind,latency,problems,payload";
    assert_eq!(decode("json", fields), JSON_OF_FIELDS);
    assert_eq!(decode("csv", fields), CSV_OF_FIELDS);
    // A line for each row also where there is nothing in it.
    assert_eq!(decode("csv", "latency"), "latency\n\"\"\n264084\n\"\"\n");
}

const JSON_OF_FIELDS: &str = r#"{"kind":"LOGIN","row":0,"time":"2026-11-21T04:38:28.092182284Z","missive.sequence":0,"payload.user":"ada","flags.reply":false,"missive.kind":{"enum":"LOGIN","value":1},"latency":null,"problems":[],"payload":{"bytes":"0003616461000d736563726574206f6620616461"}}
{"kind":"ACK","row":1,"time":"2026-11-21T04:38:28.092446368Z","missive.sequence":0,"payload.user":null,"flags.reply":true,"missive.kind":{"enum":"ACK","value":4},"latency":264084,"problems":[],"payload":{"bytes":"77656c636f6d652c20616461"}}
{"kind":"LOGIN","row":2,"time":"2026-11-21T04:38:28.092605826Z","missive.sequence":0,"payload.user":"bo","flags.reply":false,"missive.kind":{"enum":"LOGIN","value":1},"latency":null,"problems":[],"payload":{"bytes":"0002626f000c736563726574206f6620626f"}}
"#;

const CSV_OF_FIELDS: &str = "\
kind,row,time,missive.sequence,payload.user,flags.reply,missive.kind,latency,problems,payload
LOGIN,0,2026-11-21T04:38:28.092182284Z,0,ada,false,LOGIN,,,0003616461000d736563726574206f6620616461
ACK,1,2026-11-21T04:38:28.092446368Z,0,,true,ACK,264084,,77656c636f6d652c20616461
LOGIN,2,2026-11-21T04:38:28.092605826Z,0,bo,false,LOGIN,,,0002626f000c736563726574206f6620626f
";

#[test]
fn an_unknown_field_is_named_with_the_nearest_known_one() {
    let chat = case("missive-chat");
    let decode = |rest: &[&str]| run(&[&["decode", chat.to_str().unwrap(), "--fields"], rest].concat());
    let unknown = decode(&["time,sequnce", "--format", "json"]);
    notifies(
        &unknown,
        2,
        &["--fields: there is no column or field 'sequnce'; did you mean 'sequence'?", "     ^^^^^^^"],
    );
    assert!(unknown.stdout.is_empty());
    notifies(&decode(&["missive.usr", "--format", "csv"]), 2, &["missive has no field 'usr'"]);
    notifies(&decode(&["kind,,row", "--format", "csv"]), 2, &["a column or a field is missing here"]);
    notifies(&decode(&["kind,row,kind", "--format", "csv"]), 2, &["'kind' is named twice; remove one"]);
    notifies(&decode(&["kind"]), 2, &["--fields", "--format json"]);
    notifies(&decode(&["kind", "--format", "text"]), 2, &["--fields", "--format csv"]);
}

#[test]
fn chosen_fields_are_exported_as_decode_prints_them() {
    let folder = tempfile::tempdir().unwrap();
    let chat = case("missive-chat");
    let chat = chat.to_str().unwrap();
    let chosen = ["--fields", "row,kind,content", "--filter", "kind == DATA"];
    for format in ["json", "csv"] {
        let path = folder.path().join(format!("out.{format}"));
        let output = run(&[&["export", chat, path.to_str().unwrap()], &chosen[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let printed = run(&[&["decode", chat, "--format", format], &chosen[..]].concat()).stdout;
        assert!(!printed.is_empty() && fs::read(&path).unwrap() == printed);
    }
    let packets = folder.path().join("out.pcapng");
    notifies(&run(&[&["export", chat, packets.to_str().unwrap()], &chosen[..]].concat()), 2, &["--fields"]);
    assert!(!packets.exists());
}

#[test]
fn fail_on_decides_the_exit_status() {
    let damaged = case("missive-damaged");
    let (damaged, chat) = (damaged.to_str().unwrap(), case("missive-chat"));
    notifies(&run(&["decode", "--fail-on", "error", damaged]), 3, &["--fail-on: 6 of 276 rows"]);
    notifies(&run(&["decode", "--fail-on", "warning", damaged]), 3, &["--fail-on: 12 of 276 rows"]);
    notifies(&run(&["decode", "--fail-on", "warning", chat.to_str().unwrap()]), 0, &[]);
    notifies(&run(&["decode", damaged]), 0, &[]);
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
    notifies(
        &run(&["follow", echo.to_str().unwrap(), "7"]),
        2,
        &["has no conversation 7", "the only one in it is 0"],
    );
    let protocols = text(&run(&["protocols"]).stdout);
    let names: Vec<&str> = protocols.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["missive", "bare", "text"]);
}

#[test]
fn without_a_display_the_messages_are_printed_with_the_reason() {
    let sample = run(&[]);
    notifies(&sample, 0, &["can't open a window", "this is the sample capture"]);
    assert!(text(&sample.stdout).contains("LOGIN: user lost"));
    let echo = case("text-echo");
    let printed = run(&[echo.to_str().unwrap()]);
    notifies(&printed, 0, &["can't open a window"]);
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

    notifies(&run(&["decode", &file("empty.pcap", b"")]), 1, &["empty.pcap", "the file is empty"]);
    notifies(&run(&["decode", folder.path().to_str().unwrap()]), 2, &["is a directory"]);
    notifies(&run(&["decode", "there/is/no.such"]), 2, &["there/is/no.such can't be read"]);

    let noise = run(&["decode", &file("noise", &[0x80, 0xFF, 0x00, 0x17, 0x99])]);
    notifies(&noise, 0, &["begins with no capture's magic", "5 bytes"]);
    assert!(text(&noise.stdout).contains("no-protocol"));

    let cut = run(&["decode", &file("cut.pcapng", &chat[..chat.len() / 2])]);
    notifies(
        &cut,
        1,
        &["cut.pcapng: packet ", " at byte ", "the file ends inside", "packets before it were read"],
    );
    assert!(text(&cut.stdout).contains("LOGIN: user ada"), "what stands before the cut is printed");

    let header = run(&["decode", &file("header.pcap", b"\xd4\xc3\xb2\xa1\x02\x00")]);
    notifies(&header, 1, &["the pcap header needs 24 bytes and the file has 6"]);

    let mut claims = chat.clone();
    // The captured length of the first packet: behind the section's and the interface's block.
    let first_packet = chat.windows(4).position(|bytes| bytes == [6, 0, 0, 0]).unwrap();
    claims[first_packet + 20..first_packet + 24].copy_from_slice(&u32::MAX.to_le_bytes());
    notifies(
        &run(&["decode", &file("claims.pcapng", &claims)]),
        1,
        &["packet 1 ", "too short for the packet it claims"],
    );

    let mut link = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x93\0\0\0".to_vec();
    link.extend([0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    notifies(
        &run(&["decode", &file("link.pcap", &link)]),
        0,
        &["link.pcap: packet 1 at byte 40 carries no stream: link type 147, which is not read"],
    );
}

fn foreign(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/foreign").join(file);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_capture_of_another_kind_is_read_like_a_pcapng() {
    let expected = text(&run(&["follow", case("text-echo").to_str().unwrap(), "0"]).stdout);
    for kind in ["snoop", "netmon1", "erf", "hexdump"] {
        let output = run(&["follow", &foreign(&format!("read/text-echo.{kind}")), "0"]);
        assert_eq!((text(&output.stdout), output.status.code()), (expected.clone(), Some(0)), "{kind}");
    }
}

#[test]
fn an_unsupported_capture_is_named_with_the_command_that_converts_it() {
    let file = foreign("named/k12text");
    let command = format!("`editcap -F pcapng {file} out.pcapng`");
    for arguments in [&["decode", &file][..], &["flows", &file], &[&file]] {
        let output = run(arguments);
        notifies(&output, 2, &[&file, "is a K12 text file, which is not read", &command]);
        assert!(output.stdout.is_empty());
    }
    // Who says so has it as bytes, also where only text would be a capture.
    for file in [file, foreign("read/text-echo.hexdump")] {
        notifies(&run(&["decode", "--as", "file=text", &file]), 0, &["begins with no capture's magic"]);
    }
}

#[test]
fn a_description_is_checked_against_a_dump_as_against_its_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ksy");
    fs::write(&path, text(&run(&["template", "length-prefixed"]).stdout)).unwrap();
    let path = path.to_str().unwrap();
    let check =
        |file: &str| text(&run(&["check", path, file, "--as", "tcp=my_protocol", "--format", "json"]).stdout);
    let expected = check(case("text-echo").to_str().unwrap());
    assert!(expected.contains("\"bytes\":116,"), "{expected}");
    assert_eq!(check(&foreign("read/text-echo.hexdump")), expected);
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
        notifies(&run(&["decode", path.to_str().unwrap()]), 2, &["secret.pcap can't be read"]);
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let bytes = fs::read(case("text-echo")).unwrap();
    let piped = run_with_input(&["decode", "-"], &bytes);
    assert_eq!(piped.stdout, run(&["decode", case("text-echo").to_str().unwrap()]).stdout);
    notifies(&run_with_input(&["decode", "-"], b""), 1, &["standard input", "the file is empty"]);
    notifies(
        &run_with_input(&["decode", "-"], b"\x00nonsense"),
        0,
        &["standard input begins with no capture's magic"],
    );
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let echo = case("text-echo");
    let echo = echo.to_str().unwrap();
    notifies(&run(&["decode"]), 2, &["<FILE>"]);
    notifies(&run(&["decode", "--as", "port=1=text", echo]), 2, &["a selector is tcp, udp, tcp.port=N"]);
    notifies(
        &run(&["decode", "--as", "tcp=smtp", echo]),
        2,
        &["no protocol is called 'smtp'; there are missive, bare, text"],
    );
    notifies(&run(&["decode", "--key", "xyz", echo]), 2, &["hexadecimal"]);
    notifies(&run(&["decode", "--key", "@no/such/file", echo]), 2, &["no/such/file can't be read"]);
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
    notifies(&child.wait_with_output().unwrap(), 0, &[]);
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

#[test]
fn a_filter_chooses_what_is_printed_and_counted() {
    let chat = case("missive-chat");
    let chat = chat.to_str().unwrap();
    let output = run(&["decode", chat, "--filter", "kind == LOGIN", "--format", "csv"]);
    let printed = text(&output.stdout);
    assert!(printed.lines().skip(1).all(|line| line.contains(",LOGIN,")) && printed.lines().count() > 3);
    let output = run(&["problems", chat, "--filter", "kind == LOGIN", "--format", "json"]);
    let rows = |output: &Output| -> usize {
        let lines = text(&output.stdout);
        lines
            .lines()
            .map(|line| {
                line.split("\"rows\":").nth(1).unwrap().split(',').next().unwrap().parse::<usize>().unwrap()
            })
            .sum()
    };
    assert!(rows(&output) > 0 && rows(&output) < rows(&run(&["problems", chat, "--format", "json"])));
    let wrong = run(&["decode", chat, "--filter", "knd == LOGIN"]);
    notifies(
        &wrong,
        2,
        &["--filter: there is no column or field 'knd'; did you mean 'kind'?", "    knd == LOGIN\n    ^^^"],
    );
    assert!(wrong.stdout.is_empty());
}

#[test]
fn columns_lists_what_can_be_asked_about() {
    let listed = text(&run(&["columns"]).stdout);
    for name in ["kind ", "latency ", "missive.payload.user\n", "missive.flags.reply\n", "bare.text\n"] {
        assert!(listed.contains(name), "{name:?}");
    }
}

#[test]
fn what_is_exported_is_what_decode_prints() {
    let folder = tempfile::tempdir().unwrap();
    let chat = case("missive-chat");
    let chat = chat.to_str().unwrap();
    let filter = ["--filter", "kind == DATA and direction == forward"];
    for format in ["json", "csv"] {
        let path = folder.path().join(format!("out.{format}"));
        let output = run(&[&["export", chat, path.to_str().unwrap()], &filter[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
        let printed = run(&[&["decode", chat, "--format", format], &filter[..]].concat()).stdout;
        assert!(!printed.is_empty() && fs::read(&path).unwrap() == printed);
    }
    // The bytes of the messages, one after another, open like any other file.
    let raw = folder.path().join("out.bin");
    run(&[&["export", chat, raw.to_str().unwrap()], &filter[..]].concat());
    let kinds = run(&["decode", raw.to_str().unwrap(), "--format", "csv"]).stdout;
    let kinds = text(&kinds);
    assert!(kinds.lines().skip(1).all(|line| line.contains(",message,DATA,")), "{kinds}");
    assert_eq!(
        kinds.lines().count(),
        text(&fs::read(folder.path().join("out.csv")).unwrap()).lines().count()
    );
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "no temporary file is left behind: {left:?}");
}

#[test]
fn exported_packets_are_a_capture_with_the_same_messages() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missive-chat", "missive-ipv6", "missive-udp", "missive-damaged", "bare-login"] {
        let capture = case(name);
        let capture = capture.to_str().unwrap();
        let path = folder.path().join(format!("{name}.pcapng"));
        let path = path.to_str().unwrap();
        let output = run(&["export", capture, path, "--filter", "flow == 0 and type == message"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        // The same conversation: times, addresses, bytes.
        let messages = |file: &str| -> Vec<String> {
            let all =
                run(&["decode", file, "--filter", "flow == 0 and type == message", "--format", "csv"]).stdout;
            let column = |line: &str, at: usize| line.split(',').nth(at).unwrap().to_owned();
            text(&all).lines().map(|line| [1, 4, 5, 7, 8, 10].map(|at| column(line, at)).join(",")).collect()
        };
        assert!(messages(capture).len() > 1);
        assert_eq!(messages(path), messages(capture), "{name}");
    }
}

#[test]
fn nothing_is_exported_where_that_can_not_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let chat = case("missive-chat");
    let chat = chat.to_str().unwrap();
    let there = folder.path().join("there.csv");
    fs::write(&there, "as it was").unwrap();
    let there = there.to_str().unwrap();
    notifies(&run(&["export", chat, there, "--filter", "knd"]), 2, &["there is no column or field 'knd'"]);
    notifies(&run(&["export", "/nowhere/at/all", there]), 2, &["/nowhere/at/all can't be read"]);
    assert_eq!(fs::read_to_string(there).unwrap(), "as it was");
    let no_ending = folder.path().join("out");
    notifies(&run(&["export", chat, no_ending.to_str().unwrap()]), 2, &["add --format", ".pcapng"]);
    let nowhere = folder.path().join("no/folder/out.csv");
    notifies(&run(&["export", chat, nowhere.to_str().unwrap()]), 2, &["out.csv can't be written"]);
    let copy = folder.path().join("capture.pcapng");
    fs::copy(chat, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    notifies(&run(&["export", copy, copy]), 2, &["is the capture itself: name another file"]);
    // What is no capture has no packets.
    let bytes = folder.path().join("crash");
    fs::write(&bytes, b"\x01ada").unwrap();
    let packets = folder.path().join("out.pcapng");
    let packets = packets.to_str().unwrap();
    notifies(&run(&["export", bytes.to_str().unwrap(), packets]), 2, &["is no capture: it has no packets"]);
    assert!(!Path::new(packets).exists());
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

fn format(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    (path(folder.join(name).with_extension("ksy")), path(folder.join(name).join("capture.pcapng")))
}

#[test]
fn templates_are_listed_printed_and_have_no_mistakes() {
    let listed = text(&run(&["template"]).stdout);
    assert!(listed.lines().count() >= 6, "{listed}");
    let folder = tempfile::tempdir().unwrap();
    for line in listed.lines() {
        let name = line.split(' ').next().unwrap();
        let template = run(&["template", name]);
        assert_eq!(template.status.code(), Some(0));
        let path = folder.path().join("mine.ksy");
        fs::write(&path, &template.stdout).unwrap();
        let checked = run(&["check", path.to_str().unwrap()]);
        assert_eq!(checked.status.code(), Some(0), "{name}: {}", text(&checked.stderr));
        assert!(checked.stderr.is_empty(), "{name}: {}", text(&checked.stderr));
    }
    notifies(&run(&["template", "nothing"]), 2, &["no template is called 'nothing'", "length-prefixed"]);
}

#[test]
fn a_description_is_checked_against_a_capture() {
    let (description, capture) = format("mqtt");
    let checked = run(&["check", &description, &capture]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    let page = text(&checked.stdout);
    for line in ["35 messages of mqtt", "(100.00 %)", "kind: UNSUBSCRIBE", "body.protocol.text = \"MQTT\""] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    // One with a check that does not hold.
    let (description, capture) = format("game");
    let checked = run(&["check", &description, &capture, "--format", "json"]);
    assert_eq!(checked.status.code(), Some(3));
    let page: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(page["problems"][0]["field"], "check");
    assert_eq!(page["problems"][0]["rows"], serde_json::json!([10]));
    assert_eq!((&page["messages"], &page["not_written_back"]), (&11.into(), &0.into()));
    // What was not captured is neither explained nor left unexplained, and never the same: all but what is skipped.
    let missive = format!("{}/../corpus/formats/missive.ksy", env!("CARGO_MANIFEST_DIR"));
    let checked = run(&["check", &missive, case("holes").to_str().unwrap(), "--format", "json"]);
    let page: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let (captured, skipped) = (24_081, 1576 + 228 + 1152 + 1004 + 1012);
    assert_eq!((&page["bytes"], &page["explained_bytes"]), (&captured.into(), &(captured - skipped).into()));
    assert_eq!(page["not_written_back"], 0);
    assert!(!text(&checked.stdout).contains("not captured"), "{page}");
    // One that leaves something unsaid, and one that is wrong.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.ksy");
    let short = fs::read_to_string(&description)
        .unwrap()
        .replace("{id: sequence, type: u2}", "{id: sequence, type: u1}");
    fs::write(&path, short).unwrap();
    assert_eq!(run(&["check", path.to_str().unwrap(), &capture]).status.code(), Some(3));
    fs::write(&path, "meta:\n  id: mine\nseq:\n  - {id: a, typ: u1}\n").unwrap();
    notifies(&run(&["check", path.to_str().unwrap()]), 2, &["short.ksy:4:13", "did you mean 'type'?"]);
    // A capture that has none of it.
    let other = run(&["check", &format("modbus").0, &capture]);
    assert_eq!(other.status.code(), Some(3));
    assert!(text(&other.stdout).contains("No stream of the capture is modbus"));
}

#[test]
fn every_command_reports_a_suspicious_description_once() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("short.ksy");
    let text = "meta: {id: short}\nseq:\n  - id: a\n    type: u1\n    -hxe: true\n";
    fs::write(&description, text).unwrap();
    let data = folder.path().join("data.bin");
    fs::write(&data, [1, 2]).unwrap();
    let (description, data) = (description.to_str().unwrap(), data.to_str().unwrap());
    let commands: [&[&str]; 6] = [
        &["check", description],
        &["check", description, data],
        &["decode", data, "--protocol", description],
        &["protocols", "--protocol", description],
        &["eval", description, data],
        &["encode", "--protocol", description, "/dev/null"],
    ];
    for arguments in commands {
        let output = run(arguments);
        let said = self::text(&output.stderr);
        assert_eq!(
            said.matches("short.ksy:5:5: '-hxe' is not known here; did you mean '-hex'?").count(),
            1,
            "{arguments:?}: {said}"
        );
        assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {said}");
    }
}

#[test]
fn what_decode_prints_is_written_back() {
    for name in ["modbus", "mqtt", "resp", "dns_tcp", "json_prefixed", "someip", "websocket"] {
        let (description, capture) = format(name);
        let decoded = run(&["decode", &capture, "--protocol", &description, "--format", "json"]);
        let raw = tempfile::tempdir().unwrap();
        let bytes = raw.path().join("all.bin");
        let exported = run(&["export", &capture, bytes.to_str().unwrap(), "--protocol", &description]);
        assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
        let encoded = run_with_input(&["encode", "--protocol", &description], &decoded.stdout);
        assert_eq!(text(&encoded.stderr), "", "{name}");
        assert!(encoded.stdout == fs::read(&bytes).unwrap(), "{name} is written otherwise than it was read");
    }
    // Missive without any description, by its name and by the rows'.
    let case = case("missive-ipv6");
    let decoded = run(&["decode", case.to_str().unwrap(), "--format", "json"]);
    let by_rows = run_with_input(&["encode"], &decoded.stdout);
    assert_eq!(by_rows.status.code(), Some(0), "{}", text(&by_rows.stderr));
    assert!(by_rows.stdout.starts_with(&[0xf5, 0x4d]));
}

#[test]
fn lengths_and_checks_of_what_is_changed_follow() {
    let (description, _) = format("game");
    let message = r#"{"fields":[{"name":"version","value":2},{"name":"is_reliable","value":false},
        {"name":"is_fragment","value":false},{"name":"reserved","value":0},{"name":"kind","value":{"enum":"chat"}},
        {"name":"sequence","value":9},{"name":"body","fields":[{"name":"to","value":"eve"},{"name":"text","value":"hi"}]}]}"#;
    let encoded =
        run_with_input(&["encode", "--protocol", &description], message.replace('\n', "").as_bytes());
    assert_eq!(text(&encoded.stderr), "");
    assert_eq!(encoded.stdout[..16], *b"GM\x02\x03\x09\0\x08\0eve\0h\0i\0");
    assert_eq!(encoded.stdout.len(), 18);
    // What it reads back as has no problems.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("message.bin");
    fs::write(&path, &encoded.stdout).unwrap();
    let checked = run(&["check", &description, path.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
}

#[test]
fn a_message_that_can_not_be_encoded_is_reported() {
    let (description, _) = format("modbus");
    let encode = |input: &str| run_with_input(&["encode", "--protocol", &description], input.as_bytes());
    notifies(
        &encode("{\"fields\":[{\"name\":\"transaction\",\"value\":70000}]}"),
        1,
        &["line 1", "transaction: 70000 does not fit"],
    );
    notifies(&encode("{\"fields\":[]}"), 1, &["'transaction' is not given"]);
    notifies(&encode("[1"), 1, &["line 1: not valid JSON"]);
    notifies(
        &run_with_input(&["encode", "--protocol", "nothing"], b""),
        2,
        &["no protocol is called 'nothing'", "missive"],
    );
    notifies(&run_with_input(&["encode"], b"{\"fields\":[]}"), 1, &["names no protocol"]);
    let skipped = encode("{\"type\":\"skipped\",\"fields\":[]}");
    notifies(&skipped, 0, &["a row of type skipped is not a message"]);
}

#[test]
fn seeds_are_one_of_each_shape_and_the_same_in_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("seeds/decode");
    let capture = case("missive-chat");
    let arguments = ["seeds", capture.to_str().unwrap(), "-o", target.to_str().unwrap()];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(&target).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let first = names();
    assert!(first.iter().any(|name| name.starts_with("login-")), "{first:?}");
    assert!(first.iter().any(|name| name.starts_with("stream-forward-")), "{first:?}");
    let output = run(&arguments);
    assert!(text(&output.stderr).contains("0 seeds written"), "{}", text(&output.stderr));
    assert_eq!(names(), first);
    // A filter chooses messages, and streams are none.
    let pings = folder.path().join("pings");
    let output = run(&[&arguments[..3], &[pings.to_str().unwrap(), "--filter", "kind == PING"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for entry in std::fs::read_dir(&pings).unwrap() {
        let path = entry.unwrap().path();
        let output = run(&["decode", path.to_str().unwrap(), "--format", "json"]);
        assert!(text(&output.stdout).contains("\"kind\":\"PING\""), "{}", text(&output.stdout));
    }
    notifies(&run(&["seeds", capture.to_str().unwrap()]), 2, &["--output <DIR>"]);
}

/// Programs that answer do so in time, however busy the machine is: this only ends a test that hangs.
const TIMEOUT: &str = "--timeout=60";

/// The command line of a program that answers `check-peer`; None where there is no Python.
fn peer(script: &Path) -> Option<String> {
    let python = support::python()?;
    Some(format!("{} {}", python.get_program().to_str().unwrap(), script.to_str().unwrap()))
}

#[test]
fn the_python_peer_says_the_same_of_every_input() {
    let Some(peer) = peer(&support::repository().join("corpus/peers/verdicts.py")) else { return };
    let output = run(&["check-peer", TIMEOUT, "--count", "3000", "--exec", &peer]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("The program agrees on all 3000 inputs: "), "{said}");
    // Also from a capture on, with its key.
    let (capture, key) = (case("missive-chat"), "6672616d6573636f706520746573742d6b6579");
    let capture = capture.to_str().unwrap();
    let output = run(&["check-peer", TIMEOUT, "--count", "500", "--exec", &peer, capture]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // Which the peer does not have.
    let with_key = run(&["check-peer", TIMEOUT, "--key", key, "--count", "5000", "--exec", &peer, capture]);
    assert_eq!(with_key.status.code(), Some(3), "{}", text(&with_key.stdout));
    assert!(text(&with_key.stdout).contains("refused: tag-mismatch"), "{}", text(&with_key.stdout));
}

/// Faults of a peer, as lines that spoil missive.py, and what is told of them.
#[test]
fn a_peer_with_a_fault_is_shown_the_smallest_input_on_which_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let peers = support::repository().join("corpus/peers");
    for (name, fault, told) in [
        ("critical", "missive.CRITICAL = 0x100", "refused: critical-extension"),
        ("limit", "missive.PAYLOAD_LIMIT = 1 << 40", "refused: payload-too-long"),
        (
            "utf8",
            "missive.utf8 = lambda data, field, offset: data.decode(errors='replace')",
            "refused: invalid-utf8",
        ),
        ("checksum", "missive.checksum_holds = lambda frame: True", "refused: checksum-mismatch"),
        (
            "sequence",
            "def spoil(self, data, init=missive.Frame.__init__):\n    init(self, data)\n    self.sequence &= 3\n\
             missive.Frame.__init__ = spoil",
            "sequence is",
        ),
        (
            "gone",
            "def spoil(data, field, offset, utf8=missive.utf8):\n    return sys.exit(9) if field == 'reason' else \
             utf8(data, field, offset)\nmissive.utf8 = spoil",
            "no reply: the program ended with",
        ),
        ("wordy", "print('ready')", "none of: valid LENGTH, refused, incomplete"),
    ] {
        let script = folder.path().join(format!("{name}.py"));
        let spoiled = format!(
            "import sys\nsys.path.insert(0, {peers:?})\nimport missive\n{fault}\nexec(open({:?}).read())\n",
            peers.join("verdicts.py")
        );
        fs::write(&script, spoiled).unwrap();
        let Some(peer) = peer(&script) else { return };
        let found = folder.path().join("found");
        let output = run(&["check-peer", TIMEOUT, "--exec", &peer, "--output", found.to_str().unwrap()]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{name}: {said}{}", text(&output.stderr));
        assert!(said.contains(told), "{name}: {told:?} is not in {said}");
        let bytes = fs::read(&found).unwrap();
        assert!(bytes.len() <= 46, "{name}: {} bytes, {said}", bytes.len());
        assert!(said.contains("To inspect it: framescope "), "{said}");
    }
}

#[test]
fn a_program_that_does_not_answer_is_no_peer() {
    let folder = tempfile::tempdir().unwrap();
    for (program, timeout, told) in [
        ("import time; time.sleep(600)", "--timeout=1", "no reply within 1 s"),
        ("raise SystemExit(9)", TIMEOUT, "the program ended with"),
    ] {
        let script = folder.path().join("mute.py");
        fs::write(&script, program).unwrap();
        let Some(peer) = peer(&script) else { return };
        notifies(&run(&["check-peer", timeout, "--exec", &peer]), 2, &["can't compare with", told]);
    }
    notifies(&run(&["check-peer", "--exec", "no-such-program-anywhere"]), 2, &["can't compare with"]);
    notifies(&run(&["check-peer", "--timeout=-1", "--exec", "x"]), 2, &["--timeout"]);
}

#[test]
fn a_peer_of_a_described_protocol_gets_generated_messages() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("short.ksy");
    let text_of = "{meta: {id: short}, seq: [{id: magic, contents: SH}, {id: length, type: u1}, {id: text, type: str, size: length, encoding: UTF-8}]}";
    fs::write(&description, text_of).unwrap();
    let script = folder.path().join("short.py");
    let program = |valid: &str| {
        format!(
            "import sys\nfor line in sys.stdin:\n    data = bytes.fromhex(line)\n    end = 3 + data[2] if len(data) > 2 else 3\n    \
             if not b'SH'.startswith(data[:2]): said = 'refused'\n    elif len(data) < end: said = 'incomplete'\n    else:\n        \
             try: data[3:end].decode(); said = {valid}\n        except UnicodeDecodeError: said = 'refused'\n    \
             print(said, flush=True)\n"
        )
    };
    for (valid, status) in [
        ("f'valid {end} length={data[2]} text={data[3:end].hex()}'", 0),
        ("f'valid {end} length={data[2] & 0x7F}'", 3),
    ] {
        fs::write(&script, program(valid)).unwrap();
        let Some(peer) = peer(&script) else { return };
        let output = run(&[
            "check-peer",
            TIMEOUT,
            "--protocol",
            description.to_str().unwrap(),
            "--exec",
            &peer,
            "--count",
            "4000",
        ]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{said}{}", text(&output.stderr));
        assert!(if status == 0 { !said.contains(" 0 valid") } else { said.contains("length is ") }, "{said}");
    }
    let missing = folder.path().join("none.ksy");
    notifies(&run(&["check-peer", "--exec", "x", "--protocol", missing.to_str().unwrap()]), 2, &["none.ksy"]);
}

#[test]
fn what_is_copied_to_the_temporary_folder_has_a_limit() {
    let path = case("missive-chat");
    let bytes = fs::read(&path).unwrap();
    let whole = run_with_input(&["decode", "--format", "csv", "-"], &bytes);
    notifies(&whole, 0, &[]);
    for command in [&["decode", "--format", "csv"][..], &["flows"], &["problems"], &["export"]] {
        let output = tempfile::tempdir().unwrap();
        let to = output.path().join("out.csv");
        let mut arguments = command.to_vec();
        arguments.extend(["--unpack-limit", "2KiB", "-"]);
        if command == ["export"] {
            arguments.push(to.to_str().unwrap());
        }
        let cut = run_with_input(&arguments, &bytes);
        let why = "standard input: at byte 2048: copying to the temporary folder stopped at the limit of 2.0 KiB; \
                   --unpack-limit sets a higher one; the ";
        notifies(&cut, 1, &[why]);
        if command[0] == "decode" {
            let (cut, whole) = (text(&cut.stdout), text(&whole.stdout));
            let lines = cut.lines().count();
            assert!(lines > 2 && lines < whole.lines().count(), "{cut}");
        }
    }
    // A file that is not packed is not copied.
    notifies(&run(&["decode", "--unpack-limit", "1", path.to_str().unwrap()]), 0, &[]);
    let odd = run(&["decode", "--unpack-limit", "much", path.to_str().unwrap()]);
    notifies(&odd, 2, &["'much' is not a size; write it as 4GiB, 500MB or 1000000"]);
}
