//! `decode --follow`: messages of a capture that is still being written.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::{case, command, run, run_with_input, text};

fn sorted(output: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = text(output).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn rows_are_printed_while_the_capture_is_being_written() {
    let bytes = std::fs::read(case("missive-chat")).unwrap();
    let mut child = command()
        .args(["decode", "--follow", "-", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    stdin.write_all(half).unwrap();
    let mut lines = BufReader::new(stdout).lines();
    // These come while the program waits for more.
    let first: Vec<String> = lines.by_ref().take(4).map(Result::unwrap).collect();
    assert!(first[0].starts_with("row,time,flow") && first[1].starts_with("0,"), "{first:?}");
    stdin.write_all(rest).unwrap();
    drop(stdin);
    let rows = first.len() + lines.count() - 1;
    assert!(child.wait().unwrap().success());
    let whole = run(&["decode", case("missive-chat").to_str().unwrap(), "--format", "csv"]);
    assert_eq!(rows, text(&whole.stdout).lines().count() - 1);
}

#[test]
fn what_is_printed_of_an_input_that_ended_is_what_decode_prints() {
    let names = ["missive-chat", "missive-damaged", "text-echo"];
    for name in names {
        let (path, bytes) = (case(name), std::fs::read(case(name)).unwrap());
        let fields = ["--format", "json", "--fields", "time,flow,offset,length,type,kind,payload.content"];
        let whole = run(&[&["decode", path.to_str().unwrap()][..], &fields].concat());
        let followed = run_with_input(&[&["decode", "--follow", "-"][..], &fields].concat(), &bytes);
        assert_eq!(followed.status.code(), whole.status.code(), "{}", text(&followed.stderr));
        assert_eq!(sorted(&followed.stdout), sorted(&whole.stdout), "{name}");
        // With blank lines between the messages, but none before the first.
        let followed = run_with_input(&["decode", "--follow", "-"], &bytes);
        assert!(!text(&followed.stdout).starts_with('\n') && !text(&followed.stdout).contains("\n\n\n"));
    }
}

#[test]
fn a_file_is_followed_into_those_that_continue_it() {
    // In the corpus a conversation is one file: here its second half is in another, as `tcpdump -C` writes it.
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("x.pcapng0"), folder.path().join("x.pcapng1"));
    let bytes = std::fs::read(case("missive-chat")).unwrap();
    let length = |at: usize| u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    let (mut at, mut header) = (0, 0);
    while at < bytes.len() / 2 {
        // The section and its interface come first.
        header = if bytes[at] == 6 { header } else { at + length(at) };
        at += length(at);
    }
    std::fs::write(&first, &bytes[..at]).unwrap();
    let mut child = command()
        .args(["decode", "--follow", first.to_str().unwrap(), "--format", "csv"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let whole = run(&["decode", case("missive-chat").to_str().unwrap(), "--format", "csv"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut read: Vec<String> = lines.by_ref().take(4).map(Result::unwrap).collect();
    std::fs::write(&second, [&bytes[..header], &bytes[at..]].concat()).unwrap();
    let count = text(&whole.stdout).lines().count();
    read.extend(lines.by_ref().take(count - 4).map(Result::unwrap));
    child.kill().unwrap();
    child.wait().unwrap();
    // Time, flow and the numbers of rows depend on what came when.
    let columns = |lines: Vec<String>| {
        let of = |line: &String| line.split(',').skip(3).collect::<Vec<_>>().join(",");
        let mut lines: Vec<String> = lines.iter().map(of).collect();
        lines.sort();
        lines
    };
    let expected = text(&whole.stdout).lines().map(str::to_owned).collect();
    assert_eq!(columns(read), columns(expected));
}
