//! Programs that run, fuzzed: small servers with planted faults, over real sockets.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support;
use crate::{command, notifies, run, text};

/// The command line of a server in corpus/peers/planted; None where there is no Python.
fn server(name: &str) -> Option<String> {
    let python = support::python()?;
    let script = planted(&format!("{name}.py"));
    Some(format!("{} {script}", python.get_program().to_str()?))
}

fn planted(name: &str) -> String {
    support::repository().join("corpus/peers/planted").join(name).to_str().unwrap().to_owned()
}

/// Fuzzes a program until something is found; times are limits, which a slow machine may need.
fn fuzz(exec: &str, folder: &Path, more: &[&str]) -> Output {
    let folder = folder.to_str().unwrap();
    let usual = ["fuzz-peer", "--exec", exec, "--findings", folder, "--format", "json", "--first"];
    let limits = ["--time", "120", "--minimise", "2", "--hang", "0.5"];
    run(&[&usual[..], &limits[..], more].concat())
}

/// The finding, of a sign.
#[track_caller]
fn found(output: &Output, sign: &str) -> Value {
    found_by_any(output, &[sign])
}

/// The finding, of one of some signs.
#[track_caller]
fn found_by_any(output: &Output, signs: &[&str]) -> Value {
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}{}", text(&output.stderr));
    let finding: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert!(signs.iter().any(|sign| finding["sign"] == *sign), "{finding}");
    finding
}

#[test]
fn a_login_that_is_accepted_twice_is_found_and_written_so_that_it_can_be_repeated() {
    let Some(exec) = server("double_login") else { return };
    let folder = tempfile::tempdir().unwrap();
    let ksy = planted("board.ksy");
    let finding = found(&fuzz(&exec, folder.path(), &["--protocol", &ksy]), "accepts");
    let title = finding["title"].as_str().unwrap();
    assert!(title.starts_with("login is accepted where it must be refused"), "{title}");
    // The capture can be read like any other.
    let output =
        run(&["decode", "--protocol", &ksy, "--as", "tcp=board", finding["capture"].as_str().unwrap()]);
    assert!(text(&output.stdout).contains("login"), "{}", text(&output.stdout));
    let rows = std::fs::read_to_string(finding["json"].as_str().unwrap()).unwrap();
    assert!(rows.lines().count() >= 3 && rows.lines().all(|row| serde_json::from_str::<Value>(row).is_ok()));
    assert!(Path::new(finding["script"].as_str().unwrap()).is_file());
}

#[test]
fn use_after_logout_is_found_by_what_the_sequence_of_messages_shows() {
    let Some(exec) = server("use_after_logout") else { return };
    let folder = tempfile::tempdir().unwrap();
    let finding = found(&fuzz(&exec, folder.path(), &[]), "accepts");
    // The channel stays open to all that needs one, so a second LOGOUT shows the fault as well as DATA does.
    let title = finding["title"].as_str().unwrap();
    let (kind, fault) = title.split_once(' ').unwrap();
    assert!(["DATA", "LOGOUT"].contains(&kind), "{title}");
    assert_eq!(fault, "is accepted where it must be refused: data-after-logout");
}

#[test]
fn a_connection_that_stays_and_blocks_all_others_is_found_unless_that_is_meant() {
    let Some(exec) = server("slow_loris") else { return };
    let folder = tempfile::tempdir().unwrap();
    let finding = found(&fuzz(&exec, folder.path(), &[]), "blocked");
    assert_eq!(finding["connections"], 1);
    let output = fuzz(&exec, folder.path(), &["--one-at-a-time", "--runs", "50"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn memory_that_grows_is_found() {
    let Some(exec) = server("memory_growth") else { return };
    if cfg!(windows) {
        return println!("skipped: what a program takes of memory is not known here");
    }
    let folder = tempfile::tempdir().unwrap();
    found(&fuzz(&exec, folder.path(), &[]), "memory");
}

#[test]
fn a_message_that_must_never_occur_is_found_and_a_probe_must_be_answered_as_it_says() {
    let Some(exec) = server("missive_server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe.json");
    let login = r#"{"direction":"forward","fields":{"kind":{"enum":"LOGIN","value":1},"payload":{"user":"ada","credential":""}}}"#;
    std::fs::write(&probe, format!("{login}\n{{\"direction\":\"backward\",\"kind\":\"ACK\"}}\n")).unwrap();
    let probe_path = probe.to_str().unwrap();
    let never = ["--never", "kind == PONG and latency", "--probe", probe_path];
    let finding = found(&fuzz(&exec, folder.path(), &never), "never");
    assert_eq!(finding["title"], "a message occurs that must not: kind == PONG and latency");
    std::fs::write(&probe, format!("{login}\n{{\"direction\":\"backward\",\"kind\":\"ERROR\"}}\n")).unwrap();
    let output = fuzz(&exec, folder.path(), &["--probe", probe_path]);
    notifies(&output, 1, &["the probe is answered with ACK", "should be ERROR"]);
}

#[test]
fn a_server_without_a_known_fault_is_not_accused() {
    let Some(exec) = server("missive_server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = fuzz(&exec, folder.path(), &["--runs", "300"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_report_on_standard_error_names_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("off_by_one");
    let compiled = std::process::Command::new("cc")
        .args([
            "-g",
            "-fsanitize=address",
            "-pthread",
            &planted("off_by_one.c"),
            "-o",
            program.to_str().unwrap(),
        ])
        .output();
    if !compiled.is_ok_and(|output| output.status.success()) {
        return println!("skipped: there is no C compiler with an address sanitizer");
    }
    let ksy = planted("board.ksy");
    let output = fuzz(program.to_str().unwrap(), folder.path(), &["--protocol", &ksy]);
    // The program may take its time to end after what it reported.
    let finding = found_by_any(&output, &["crash", "report"]);
    let title = finding["title"].as_str().unwrap();
    assert!(title.starts_with("AddressSanitizer: heap-buffer-overflow off_by_one.c:"), "{title}");
}

#[test]
fn what_can_not_be_fuzzed_is_said_in_a_sentence() {
    let python = support::python().map(|python| python.get_program().to_str().unwrap().to_owned());
    if let Some(python) = python {
        let exec = format!("{python} -c \"import sys; sys.exit('no such setting')\"");
        notifies(
            &run(&["fuzz-peer", "--exec", &exec]),
            1,
            &["before it accepted a connection", "no such setting"],
        );
    }
    notifies(&run(&["fuzz-peer", "192.0.2.1:9"]), 2, &["192.0.2.1:9", "--yes-remote"]);
    notifies(&run(&["fuzz-peer", "nowhere"]), 2, &["'nowhere' is no address", "HOST:PORT"]);
    let neither = command().arg("fuzz-peer").output().unwrap();
    assert_eq!(neither.status.code(), Some(2));
}
