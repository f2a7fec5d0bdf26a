//! Files that are written.

use std::fs;
use std::path::Path;

use crate::{case, notifies, run, text};

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
    // A file that is not a capture has no packets.
    let bytes = folder.path().join("crash");
    fs::write(&bytes, b"\x01ada").unwrap();
    let packets = folder.path().join("out.pcapng");
    let packets = packets.to_str().unwrap();
    notifies(
        &run(&["export", bytes.to_str().unwrap(), packets]),
        2,
        &["is not a capture: it has no packets"],
    );
    assert!(!Path::new(packets).exists());
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
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
    // A filter selects messages, not streams.
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

/// What is in these files the tests of `framescope-tables` read.
#[cfg(feature = "tables")]
#[test]
fn tables_are_exported_one_for_all_messages_or_for_each_kind() {
    let folder = tempfile::tempdir().unwrap();
    let chat = case("missive-chat");
    let chat = chat.to_str().unwrap();
    for (name, magic) in [("all.parquet", &b"PAR1"[..]), ("all.arrow", b"ARROW1"), ("all.feather", b"ARROW1")]
    {
        let path = folder.path().join(name);
        let output = run(&["export", chat, path.to_str().unwrap(), "--filter", "kind == DATA"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
        let written = fs::read(&path).unwrap();
        assert!(written.starts_with(magic) && written.ends_with(magic), "{name}");
    }
    let kinds = folder.path().join("kinds");
    let output = run(&["export", chat, kinds.to_str().unwrap(), "--by-kind"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut names: Vec<String> =
        fs::read_dir(&kinds).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    assert!(names.contains(&"missive.DATA.parquet".to_owned()) && names.len() > 4, "{names:?}");
    notifies(
        &run(&["export", chat, kinds.to_str().unwrap(), "--by-kind", "--format", "json"]),
        2,
        &["--by-kind writes tables"],
    );
}

/// Text with bytes that are none does not fit a column of texts, and there is no other column.
#[cfg(feature = "tables")]
#[test]
fn values_that_selected_fields_can_not_hold_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = folder.path().join("bytes");
    fs::write(&bytes, b"\x03caf\xe9 ok").unwrap();
    let path = folder.path().join("text.parquet");
    let arguments = ["export", bytes.to_str().unwrap(), path.to_str().unwrap(), "--as", "file=bare"];
    notifies(
        &run(&[&arguments[..], &["--fields", "bare.text"]].concat()),
        0,
        &["1 value does not fit", "extra"],
    );
    let output = run(&arguments);
    assert!(output.status.success() && !text(&output.stderr).contains("not fit"), "{}", text(&output.stderr));
}
