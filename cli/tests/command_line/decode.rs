//! What the commands that read a capture print.

use std::fs;
use std::process::Output;

use crate::{case, notifies, run, text};

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
    assert_eq!(names[..3], ["missive", "bare", "text"]);
    for carrier in ["tls", "http", "http2", "websocket", "gzip"] {
        assert!(names.contains(&carrier), "{carrier} of {names:?}");
    }
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
    let printed = text(&run(&["problems", path]).stdout);
    assert_eq!(printed.lines().count(), 2 * json.lines().count());
    assert!(printed.contains("length-suspect on 1 row: #"), "{printed}");
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
fn columns_lists_all_columns_and_fields() {
    let listed = text(&run(&["columns"]).stdout);
    for name in ["kind ", "latency ", "missive.payload.user\n", "missive.flags.reply\n", "bare.text\n"] {
        assert!(listed.contains(name), "{name:?}");
    }
}
