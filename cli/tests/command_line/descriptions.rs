//! Descriptions checked, and messages encoded by them.

use std::fs;

use crate::{case, foreign, format, notifies, run, run_with_input, text};

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
fn check_says_on_which_transports_a_description_can_be_used_and_exits_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ksy");
    let checked = |seq: &str, more: &[&str]| {
        fs::write(&path, format!("meta: {{id: mine, -framescope: {{ports: 9}}}}\n{seq}\n")).unwrap();
        let output = run(&[&["check", path.to_str().unwrap()], more].concat());
        (output.status.code(), text(&output.stdout))
    };
    let (status, page) = checked("seq: [{id: n, type: u1}, {id: list, type: u2le, repeat: eos}]", &[]);
    assert!(
        status == Some(0) && page.ends_with("mine.ksy: mine has no mistakes\nusable: tcp, udp, file\n"),
        "{page}"
    );
    let (status, page) = checked("seq:\n  - {id: all, size-eos: true}", &[]);
    assert_eq!(status, Some(0));
    assert!(
        page.contains("usable: udp, file\n  not on tcp: ")
            && page.contains("mine.ksy:3:5: 'size-eos' depends"),
        "{page}"
    );
    let (_, page) = checked("seq:\n  - {id: all, size-eos: true}", &["--format", "json"]);
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        (&page["usable"], &page["limits"][0]["transport"]),
        (&serde_json::json!(["udp", "file"]), &"tcp".into())
    );
    // Transports that the description does not name are of no interest.
    let ksy = "meta: {id: mine, -framescope: {transport: udp}}\nseq: [{id: all, size-eos: true}]";
    let other = folder.path().join("other.ksy");
    fs::write(&other, ksy).unwrap();
    let page = text(&run(&["check", other.to_str().unwrap()]).stdout);
    assert!(page.ends_with("has no mistakes\nusable: udp\n"), "{page}");
    // The same sentence beside every other command, and as the answer to a rule.
    let file = folder.path().join("it.bin");
    fs::write(&file, b"all of it").unwrap();
    let (description, file) = (path.to_str().unwrap(), file.to_str().unwrap());
    let decoded = run(&["decode", file, "--protocol", description, "--format", "csv"]);
    assert!(text(&decoded.stdout).contains("mine"), "a plain file is what the only description describes");
    notifies(&decoded, 0, &["'size-eos' depends on where the stream ends", "can be used on udp and file"]);
    let ruled = run(&["decode", file, "--protocol", description, "--as", "tcp.port=9000=mine"]);
    notifies(&ruled, 2, &["mine can't be used there", "can be used on udp and file"]);
    let (status, page) = checked("params: [{id: p, type: u1}]\nseq: [{id: n, type: u1}]", &[]);
    assert!(
        status == Some(2)
            && page.contains("usable: nowhere\n")
            && page.contains("another description imports"),
        "{page}"
    );
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
        let said = crate::text(&output.stderr);
        assert_eq!(
            said.matches("short.ksy:5:5: '-hxe' is an unknown key; did you mean '-hex'?").count(),
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
fn the_messages_of_a_conversation_are_encoded_with_what_those_before_them_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sized.ksy");
    let sized = "{meta: {id: sized, -framescope: {conversation: {variables: {size: 1}, client: [hello, data], server: data, \
        states: {hello: {set: {size: size}}}}}}, types: {hello: {seq: [{id: size, type: u1}]}, \
        data: {seq: [{id: length, type: u1}, {id: body, size: length * _conversation.size}]}}}";
    fs::write(&path, sized).unwrap();
    let row = |stage: &str, direction: &str, fields: &str| {
        format!(
            "{{\"flow\":3,\"direction\":\"{direction}\",\"protocol\":\"sized\",\"stage\":\"{stage}\",\"fields\":[{fields}]}}\n"
        )
    };
    let rows = [
        row("hello", "backward", "{\"name\":\"size\",\"value\":2}"),
        row("data", "forward", "{\"name\":\"body\",\"value\":\"abcd\"}"),
        row("data", "backward", "{\"name\":\"body\",\"value\":\"xy\"}"),
    ];
    let path = path.to_str().unwrap();
    let encoded = run_with_input(&["encode", "--protocol", path], rows.concat().as_bytes());
    assert_eq!(text(&encoded.stderr), "");
    assert_eq!(encoded.stdout, b"\x02\x02abcd\x01xy");
    // Without the first, the size of the others is that of the beginning.
    let encoded = run_with_input(&["encode", "--protocol", path], rows[1].as_bytes());
    assert_eq!(encoded.stdout, b"\x04abcd");
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
fn a_description_without_a_capture_and_a_display_is_an_error() {
    let (description, _) = format("mqtt");
    let refused = run(&[&description]);
    notifies(
        &refused,
        2,
        &["mqtt.ksy describes a protocol; name a capture to decode: framescope CAPTURE --protocol "],
    );
    assert!(refused.stdout.is_empty());
}

#[test]
fn what_is_imported_by_absolute_path_is_found_in_the_folders_given() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    write("lib/common/it.ksy", "meta: {id: it}\nseq: [{id: n, type: u1}]\n");
    // As far from the library as a folder around the description is not.
    let description =
        write("a/b/c/d/e/f.ksy", "meta: {id: far, imports: [/common/it]}\nseq: [{id: a, type: it}]\n");
    let data = write("data.bin", "AB");
    let library = folder.path().join("lib").to_str().unwrap().to_owned();
    let commands: [&[&str]; 5] = [
        &["check", &description],
        &["decode", &data, "--protocol", &description, "--as", "file=far"],
        &["protocols", "--protocol", &description],
        &["eval", &description, &data],
        &["encode", "--protocol", &description, "/dev/null"],
    ];
    for arguments in commands {
        let missing = run(arguments);
        crate::notifies(&missing, 2, &["'/common/it' can't be imported", "--ksy-path", "KSYPATH"]);
        let (name, rest) = arguments.split_first().unwrap();
        let given = [&[*name, "--ksy-path", "/no/such", "--ksy-path", &library], rest].concat();
        let found = run(&given);
        assert!(matches!(found.status.code(), Some(0 | 1)), "{given:?}: {}", text(&found.stderr));
        let listed = std::env::join_paths(["/no/such", library.as_str()]).unwrap();
        let found = crate::command().args(arguments).env("KSYPATH", listed).output().unwrap();
        assert!(matches!(found.status.code(), Some(0 | 1)), "{arguments:?}: {}", text(&found.stderr));
    }
}

#[test]
fn negative_members_have_names_and_whole_numbers_all_their_digits() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("signed.ksy");
    let text = "\
meta: {id: signed, -framescope: {kind: code}}
seq:
  - {id: code, type: s1, enum: code}
instances:
  wide: {value: 0xffff_ffff_ffff_ffff * (code.to_i + 6)}
enums:
  code: {-1: none, 1: {id: one, -orig-id: ONE}}
";
    fs::write(&description, text).unwrap();
    let data = folder.path().join("data.bin");
    fs::write(&data, [0xff, 1, 0xfb]).unwrap();
    let (description, data) = (description.to_str().unwrap(), data.to_str().unwrap());
    let reading = [data, "--protocol", description, "--as", "file=signed"];
    let decode = |more: &[&str]| {
        let output = run(&[&["decode"], &reading[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", crate::text(&output.stderr));
        crate::text(&output.stdout)
    };
    let fields = decode(&["--format", "json", "--fields", "kind,code,wide"]);
    let lines: Vec<&str> = fields.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"kind":"none","code":{"enum":"none","value":-1},"wide":92233720368547758075}"#,
            r#"{"kind":"ONE","code":{"enum":"ONE","value":1},"wide":129127208515966861305}"#,
            r#"{"kind":"-5","code":{"enum":null,"value":-5},"wide":18446744073709551615}"#,
        ]
    );
    assert_eq!(decode(&["--format", "csv", "--fields", "code"]), "code\nnone\nONE\n-5\n");
    for (filter, rows) in [
        ("code == none", "0"),
        ("code == -1", "0"),
        ("code < 0", "0 2"),
        ("kind == none", "0"),
        ("code == ONE", "1"),
        ("wide == 92233720368547758075", "0"),
        ("wide > 92233720368547758075", "1"),
    ] {
        let found = decode(&["--format", "csv", "--fields", "row", "--filter", filter]);
        assert_eq!(found.lines().skip(1).collect::<Vec<_>>().join(" "), rows, "{filter}");
    }
    let evaluated = run(&["eval", description, data, "code", "wide", "code.to_i * 2"]);
    assert_eq!(
        crate::text(&evaluated.stdout),
        r#"{"expr":"code","value":{"enum":"none","value":-1}}
{"expr":"wide","value":92233720368547758075}
{"expr":"code.to_i * 2","value":-2}
"#
    );
    let encoded =
        run_with_input(&["encode", "--protocol", description], decode(&["--format", "json"]).as_bytes());
    assert_eq!((crate::text(&encoded.stderr), encoded.stdout), (String::new(), vec![0xff, 1, 0xfb]));
    let by_name = br#"{"fields":[{"name":"code","value":{"enum":"none"}}]}"#;
    assert_eq!(run_with_input(&["encode", "--protocol", description], by_name).stdout, [0xff]);
    let checked = crate::text(&run(&["check", description, data, "--format", "json"]).stdout);
    assert!(checked.contains(r#""undeclared":[{"field":"code","value":-5,"count":1}]"#), "{checked}");
}

#[test]
fn check_names_an_enum_once_and_counts_the_terminators_of_structures() {
    let folder = tempfile::tempdir().unwrap();
    let (ksy, file) = (folder.path().join("mine.ksy"), folder.path().join("it.bin"));
    let text_of = "
meta: {id: mine, encoding: UTF-8}
seq: [{id: a, type: u1, enum: kind}, {id: b, type: u1, enum: kind}, {id: line, type: line, terminator: [13, 10]}]
types: {line: {seq: [{id: word, type: str, terminator: 0x20}, {id: rest, type: str, size-eos: true}]}}
enums: {kind: {1: one, 2: two, 3: three}}
";
    fs::write(&ksy, text_of).unwrap();
    fs::write(&file, b"\x01\x02say hello\r\n").unwrap();
    let page = text(&run(&["check", ksy.to_str().unwrap(), file.to_str().unwrap()]).stdout);
    assert!(page.contains("13 of 13 bytes explained"), "{page}");
    assert!(page.contains("\n  a and another field: three\n"), "{page}");
}
