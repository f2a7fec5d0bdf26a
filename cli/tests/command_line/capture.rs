//! `capture`: with tools that only act as tcpdump and dumpcap do, and with the real ones where they may capture.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use framescope_capture::{Options, Source, read};
use tempfile::TempDir;

use crate::{case, command, notifies, run, text};

/// A folder with a tool that is a shell script.
struct Fake {
    folder: TempDir,
    tool: PathBuf,
}

impl Fake {
    fn new(name: &str, script: &str) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let tool = Fake::add(&folder, name, script);
        Fake { folder, tool }
    }

    fn add(folder: &TempDir, name: &str, script: &str) -> PathBuf {
        let tool = folder.path().join(name);
        let script = script.replace("CASE", case("missive-chat").to_str().unwrap());
        // Another test's child may have it open for writing at this moment: written elsewhere, it can be run at once.
        let draft = folder.path().join("draft");
        fs::write(&draft, format!("#!/bin/sh\ncd {}\n{script}", folder.path().display())).unwrap();
        fs::set_permissions(&draft, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(Command::new("cp").args([&draft, &tool]).status().unwrap().success());
        tool
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.args(["capture", "--tool", self.tool.to_str().unwrap(), "-i", "lo"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

const LISTENING: &str = "echo 'tcpdump: listening on lo, link-type EN10MB (Ethernet)' >&2\n";

/// A capture that runs, whose first rows have been printed.
struct Running {
    child: Child,
    rows: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(mut command: Command, rows: usize) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut running = Running { rows: BufReader::new(child.stdout.take().unwrap()), child };
        for _ in 0..rows {
            let mut line = String::new();
            running.rows.read_line(&mut line).unwrap();
            assert!(line.starts_with('{'), "{line}");
        }
        running
    }

    /// Ends it as Ctrl-C does, and returns its exit status and what it said.
    fn interrupt(mut self) -> Output {
        let number = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &number]).status().unwrap().success());
        let mut stdout = Vec::new();
        self.rows.read_to_end(&mut stdout).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stdout = stdout;
        output
    }
}

fn is_alive(number: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", number.trim()]).output().unwrap();
    let state = text(&state.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

/// Waits until something holds.
fn eventually(holds: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn rows_are_printed_as_they_come_and_ctrl_c_leaves_a_whole_file_and_no_child() {
    // It has a child of its own, and writes half a block before it waits.
    let script = format!(
        "{LISTENING}cat CASE; printf '\\006\\000\\000\\000\\200\\000\\000\\000half'; sleep 1000 & echo $! > child; wait"
    );
    let fake = Fake::new("tcpdump", &script);
    let file = fake.path("out.pcapng");
    let rows = text(&run(&["decode", case("missive-chat").to_str().unwrap(), "--format", "json"]).stdout);
    let running = Running::start(fake.command(&["--write", &file, "--format", "json"]), rows.lines().count());
    assert!(eventually(|| fs::read_to_string(fake.path("child")).is_ok_and(|child| child.ends_with('\n'))));
    let child = fs::read_to_string(fake.path("child")).unwrap();
    assert!(is_alive(&child));
    let output = running.interrupt();
    notifies(&output, 0, &["packets captured on lo in ", "written to "]);
    assert!(eventually(|| !is_alive(&child)));
    assert_eq!(fs::read(&file).unwrap(), fs::read(case("missive-chat")).unwrap());
}

#[test]
fn a_tool_does_not_outlive_the_program_even_if_that_is_killed() {
    let fake = Fake::new("tcpdump", &format!("echo $$ > number; {LISTENING}cat CASE; exec sleep 1000"));
    let mut running = Running::start(fake.command(&["--format", "json"]), 1);
    let tool = fs::read_to_string(fake.path("number")).unwrap();
    assert!(is_alive(&tool));
    running.child.kill().unwrap();
    assert!(eventually(|| !is_alive(&tool)));
    running.child.wait().unwrap();
}

#[test]
fn a_tool_that_does_not_end_is_killed() {
    let fake = Fake::new("tcpdump", &format!("trap '' TERM\n{LISTENING}cat CASE; while :; do sleep 1; done"));
    let running = Running::start(fake.command(&["--format", "json"]), 1);
    notifies(&running.interrupt(), 0, &["packets captured on lo"]);
}

#[test]
fn a_tool_that_may_not_capture_is_explained_with_a_command_and_another_one_is_tried() {
    let denied = "echo 'tcpdump: lo: You don'\"'\"'t have permission to perform this capture on that device' >&2; exit 1";
    let fake = Fake::new("tcpdump", denied);
    let output = fake.run(&["--write", &fake.path("out.pcapng")]);
    notifies(&output, 2, &["tcpdump may not capture on lo (lo: You don't have permission", "sudo"]);
    assert_eq!(text(&output.stderr).lines().count(), 1);
    // What was there before stays.
    assert!(!Path::new(&fake.path("out.pcapng")).exists());
    Fake::add(&fake.folder, "dumpcap", "echo 'Capturing on '\"'\"'lo'\"'\"'\nFile: -' >&2\ncat CASE");
    let path = std::env::var("PATH").unwrap();
    let output = command()
        .args(["capture", "-i", "lo", "--format", "csv"])
        .env("PATH", format!("{}:{path}", fake.folder.path().display()))
        .output()
        .unwrap();
    notifies(&output, 0, &["capturing on lo with dumpcap"]);
    let decoded = run(&["decode", case("missive-chat").to_str().unwrap(), "--format", "csv"]);
    assert_eq!(output.stdout, decoded.stdout);
}

#[test]
fn where_no_window_can_be_opened_the_messages_are_printed() {
    let fake = Fake::new("tcpdump", &format!("{LISTENING}cat CASE"));
    let output = fake.run(&["--window", "--format", "csv"]);
    notifies(&output, 0, &["can't open a window (", "), so the messages are printed instead"]);
    assert!(text(&output.stdout).lines().count() > 3);
}

#[test]
fn wrong_interfaces_and_filters_are_explained() {
    let lists = "[ \"$1\" = -D ] && { echo '1.lo [Up, Running, Loopback]'; exit; }\n";
    let fake =
        Fake::new("tcpdump", &format!("{lists}echo 'tcpdump: nope: No such device exists' >&2; exit 1"));
    notifies(&fake.run(&["-i", "lo"]), 2, &["cannot be used multiple times"]);
    let mut nope = command();
    let output =
        nope.args(["capture", "--tool", fake.tool.to_str().unwrap(), "-i", "nope"]).output().unwrap();
    notifies(&output, 2, &["there is no interface 'nope' here; there are lo"]);
    let fake = Fake::new("tcpdump", "echo 'tcpdump: unknown port '\"'\"'nix'\"'\" >&2; exit 1");
    let output = fake.run(&["port", "nix"]);
    notifies(&output, 2, &["'port nix' is not a filter for packets: unknown port 'nix'", "tcp port 9000"]);
    let fake = Fake::new("tcpdump", lists);
    assert_eq!(text(&fake.command(&["--list"]).output().unwrap().stdout), "lo    loopback\n");
    let output = fake.command(&["-D", "--format", "json"]).output().unwrap();
    let line = "{\"addresses\":[],\"description\":\"\",\"loopback\":true,\"name\":\"lo\"}\n";
    assert_eq!(text(&output.stdout), line);
}

#[test]
fn a_tool_that_ends_early_or_writes_garbage_is_reported_and_what_it_wrote_stays() {
    let gone = "echo 'tcpdump: pcap_loop: The interface disappeared\n9 packets captured' >&2; exit 1";
    let fake = Fake::new("tcpdump", &format!("{LISTENING}cat CASE; {gone}"));
    let file = fake.path("out.pcapng");
    let output = fake.run(&["--write", &file, "--format", "csv"]);
    notifies(&output, 1, &["tcpdump ended: pcap_loop: The interface disappeared\n"]);
    assert_eq!(fs::read(&file).unwrap(), fs::read(case("missive-chat")).unwrap());
    assert!(text(&output.stdout).lines().count() > 3);
    let fake =
        Fake::new("tcpdump", &format!("{LISTENING}cat CASE; head -c 100 CASE | tail -c 60; sleep 1000"));
    let output = fake.run(&["--write", &file, "--quiet"]);
    notifies(
        &output,
        1,
        &["tcpdump wrote something that is not a capture: a block of an impossible length at byte "],
    );
    let fake = Fake::new("tcpdump", "echo hello; exit 3");
    notifies(&fake.run(&[]), 2, &["tcpdump ended: it said nothing"]);
    let fake = Fake::new("dumpcap", "echo 'File: -' >&2");
    notifies(&fake.run(&[]), 0, &["0 packets captured on lo"]);
    notifies(&run(&["capture", "--tool", "/bin/cat"]), 2, &["/bin/cat", "tcpdump", "dumpcap"]);
    let output = fake.run(&["--write", "/nowhere/out.pcapng"]);
    notifies(&output, 2, &["/nowhere/out.pcapng can't be written: "]);
}

/// Writes the same capture for ever.
fn endless() -> Fake {
    Fake::new("tcpdump", &format!("{LISTENING}while cat CASE; do :; done"))
}

#[test]
fn a_capture_stops_after_packets_bytes_time_or_a_row() {
    let fake = endless();
    let file = fake.path("out.pcapng");
    let packets = || {
        let source = Source::from_bytes("out", fs::read(&file).unwrap());
        let index = read(source, &Options::default(), &mut |_| true).unwrap();
        assert!(index.damages().is_empty());
        index.packets()
    };
    let output =
        fake.run(&["--write", &file, "--quiet", "--stop-after", "1000packets", "--stop-after", "1h"]);
    notifies(&output, 0, &["1000 packets captured on lo"]);
    assert_eq!(packets(), 1000);
    notifies(&fake.run(&["--write", &file, "-q", "--stop-after", "10kB"]), 0, &["captured on lo"]);
    let length = fs::metadata(&file).unwrap().len();
    assert!(length <= 10_000 && length > 8_000 && packets() > 10, "{length}");
    notifies(&fake.run(&["-q", "--write", &file, "--stop-after", "10ms"]), 0, &["captured on lo"]);
    let output = fake.run(&["--stop-after", "kind == LOGIN", "--format", "csv", "--filter", "kind == LOGIN"]);
    notifies(&output, 0, &["captured on lo"]);
    assert!(text(&output.stdout).lines().nth(1).unwrap().contains(",LOGIN,"));
    notifies(&fake.run(&["--stop-after", "100"]), 2, &["'100' lacks a unit"]);
    notifies(&fake.run(&["--stop-after", "kind = ="]), 2, &["--stop-after: "]);
}

#[test]
fn a_ring_keeps_as_many_files_as_it_should_and_each_is_a_capture() {
    let fake = endless();
    let arguments =
        ["--write", &fake.path("out.pcapng"), "--ring", "3:200kB", "-q", "--stop-after", "20000packets"];
    let output = fake.run(&arguments);
    notifies(&output, 0, &["20000 packets captured on lo", "the newest in 3 files from "]);
    let names = fs::read_dir(fake.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("out_"));
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let output = run(&["decode", &fake.path(&name), "--format", "csv"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(fs::metadata(fake.path(&name)).unwrap().len() <= 200_000);
    }
    let output = fake.run(&["--ring", "3:200kB"]);
    notifies(&output, 2, &["--write"]);
}

#[test]
fn a_machine_without_tools_says_how_to_get_one_and_what_needs_none() {
    let has_some =
        ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"].iter().any(
            |folder| Path::new(folder).join("tcpdump").exists() || Path::new(folder).join("dumpcap").exists(),
        );
    if has_some {
        eprintln!("skipped: this machine has a tool outside of PATH");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["capture"][..], &["capture", "-i", "lo"], &["capture", "--list"]] {
        let output = command().args(arguments).env("PATH", folder.path()).output().unwrap();
        notifies(
            &output,
            2,
            &["neither tcpdump nor dumpcap is installed", "`framescope proxy` needs neither"],
        );
    }
}

/// Real traffic over loopback, and a tool that captures it.
fn captures_with(tool: &str) {
    let mut probe = command();
    probe.args(["capture", "--tool", tool, "-q", "--write", "/dev/null", "--stop-after", "1ms"]);
    let probe = probe.output().unwrap();
    let said = text(&probe.stderr);
    if said.contains("may not capture") || said.contains("is not an installed") {
        eprintln!("skipped: {said}");
        return;
    }
    assert_eq!(probe.status.code(), Some(0), "{said}");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.pcapng");
    let mut capture = command();
    capture.args([
        "capture",
        "--tool",
        tool,
        "-i",
        "lo",
        "--format",
        "json",
        "--write",
        file.to_str().unwrap(),
    ]);
    capture.args(["--as", &format!("udp.port={port}=text"), "udp", "port", &port.to_string()]);
    let mut child = capture.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains(&format!("on lo with {tool}")), "{line}");
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    for number in 0..3 {
        socket.send_to(format!("hello {number}").as_bytes(), ("127.0.0.1", port)).unwrap();
        let mut row = String::new();
        rows.read_line(&mut row).unwrap();
        assert!(row.contains(&format!("hello {number}")), "{row}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(said.contains("3 packets captured on lo") && said.contains("none were dropped"), "{said}");
    let decoded = run(&["decode", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(text(&decoded.stdout).lines().count(), 3, "{}", text(&decoded.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn tcpdump_captures_what_passes_over_loopback() {
    captures_with("tcpdump");
}

#[test]
#[cfg(target_os = "linux")]
fn dumpcap_captures_what_passes_over_loopback() {
    captures_with("dumpcap");
}
