//! Recording, with a tool that only acts as tcpdump does.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use framescope_live::capturing::{Request, Tool};
use tempfile::TempDir;

use super::*;

/// A tool that is a shell script, in a folder that is its own.
fn fake(script: &str) -> (TempDir, Tool) {
    let folder = tempfile::tempdir().unwrap();
    let (draft, path) = (folder.path().join("draft"), folder.path().join("tcpdump"));
    let lists = "[ \"$1\" = -D ] && { echo '1.eth7 [Up, Running]\n2.lo [Up, Running, Loopback]\n3.bus [none]'; exit; }";
    let script = format!("#!/bin/sh\ncd {}\n{lists}\n{script}", folder.path().display());
    fs::write(
        &draft,
        script.replace("CASE", corpus("captures/missive-chat/capture.pcapng").to_str().unwrap()),
    )
    .unwrap();
    fs::set_permissions(&draft, PermissionsExt::from_mode(0o755)).unwrap();
    // Another test's child may have the draft open for writing.
    assert!(Command::new("cp").args([&draft, &path]).status().unwrap().success());
    (folder, Tool::at(path).unwrap())
}

const LISTENING: &str = "echo 'tcpdump: listening on lo' >&2\n";

/// Runs until something holds that a child or a thread brings about.
fn eventually(harness: &mut Window, what: &str, so: impl Fn(&Window) -> bool) {
    let end = std::time::Instant::now() + TOO_LONG;
    while std::time::Instant::now() < end {
        if so(harness) {
            return;
        }
        step(harness);
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("waited in vain for {what}");
}

/// A window that records with a tool.
fn records(tool: &Tool) -> Window {
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    let request =
        Request { tool: Some(tool.clone()), interface: Some("lo".to_owned()), ..Request::default() };
    harness.state_mut().record(request, &ctx);
    harness
}

/// How many rows the capture has that the tool writes.
fn rows_of_case() -> usize {
    let bytes = fs::read(corpus("captures/missive-chat/capture.pcapng")).unwrap();
    window(Source::from_bytes("case", bytes), false).state().view().unwrap().row_count()
}

fn rows(harness: &Window) -> usize {
    harness.state().view().map_or(0, View::row_count)
}

fn click_now(harness: &mut Window, label: &str) {
    harness.query_all_by_label_contains(label).next().unwrap().click();
    harness.run_steps(2);
}

#[test]
fn an_interface_is_chosen_and_its_packets_are_rows_until_it_is_stopped_and_saved() {
    let (folder, tool) = fake(&format!("echo \"$@\" > arguments; {LISTENING}cat CASE; sleep 1000"));
    let mut harness = sample_window();
    harness.state_mut().record_with(Some(tool));
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::Record, &ctx);
    eventually(&mut harness, "the interfaces", |harness| shows(harness, "eth7"));
    assert!(!shows(&harness, "bus") && shows(&harness, "between programs on this machine"));
    click_now(&mut harness, "List unusual interfaces too");
    harness.run_steps(2);
    assert!(shows(&harness, "bus"));
    click_now(&mut harness, "eth7");
    let filter = |harness: &Window, text: Option<&str>| {
        let field = harness
            .get_by_role_and_label(Role::TextInput, "Only these packets (as for tcpdump; empty for all)");
        text.map_or_else(|| field.focus(), |text| field.type_text(text));
    };
    filter(&harness, None);
    harness.run_steps(2);
    filter(&harness, Some("tcp port 9000"));
    harness.run_steps(2);
    click_now(&mut harness, "Start");
    let all = rows_of_case();
    eventually(&mut harness, "all rows", |harness| shows(harness, "Stop") && rows(harness) == all);
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert!(arguments.contains("-i eth7 ") && arguments.ends_with(" -- tcp port 9000\n"), "{arguments}");
    harness.get_by_label("recording on eth7: 188 packets");
    assert_eq!(harness.state().settings().record_interface, "eth7");
    click_now(&mut harness, "Stop");
    eventually(&mut harness, "the end", |harness| shows(harness, "recorded on eth7: 188 packets"));
    settle(&mut harness);
    assert_eq!(rows(&harness), all);
    let saved = folder.path().join("saved.pcapng");
    harness.state_mut().save_recording_to(&saved);
    eventually(&mut harness, "the file", |harness| shows(harness, "Saved "));
    assert_eq!(fs::read(&saved).unwrap(), fs::read(corpus("captures/missive-chat/capture.pcapng")).unwrap());
    assert!(!shows(&harness, "Save..."));
}

#[test]
fn a_paused_recording_shows_no_new_rows_and_resumes_with_all_of_them() {
    let (folder, tool) = fake(&format!(
        "{LISTENING}head -c 3000 CASE; while [ ! -e more ]; do sleep 0.02; done; tail -c +3001 CASE; sleep 1000"
    ));
    let mut harness = records(&tool);
    eventually(&mut harness, "the first rows", |harness| rows(harness) > 0 && harness.state().is_settled());
    click_now(&mut harness, "Pause");
    harness.get_by_label_contains("paused on lo: ");
    let before = rows(&harness);
    fs::write(folder.path().join("more"), "").unwrap();
    eventually(&mut harness, "all packets", |harness| shows(harness, "paused on lo: 188 packets"));
    pass(&mut harness, Duration::from_secs(1));
    assert_eq!(rows(&harness), before);
    click_now(&mut harness, "Resume");
    let all = rows_of_case();
    eventually(&mut harness, "all rows", |harness| rows(harness) == all);
    // Opening something else ends it.
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    assert!(!shows(&harness, "Stop") && shows(&harness, "Record..."));
}

#[test]
fn the_newest_rows_are_followed_until_the_user_scrolls_away() {
    let (folder, tool) = fake(&format!(
        "{LISTENING}head -c 9000 CASE; while [ ! -e more ]; do sleep 0.02; done; tail -c +9001 CASE; sleep 1000"
    ));
    let mut harness = records(&tool);
    eventually(&mut harness, "the first rows", |harness| rows(harness) > 40 && harness.state().is_settled());
    harness.run_steps(2);
    let visible = |harness: &Window, row: usize| shows(harness, &format!("#{row} "));
    let before = rows(&harness);
    assert!(visible(&harness, before - 1) || shows(&harness, "Follow"));
    // Selecting the first row leads away from the end.
    press(&mut harness, Modifiers::NONE, Key::Home);
    fs::write(folder.path().join("more"), "").unwrap();
    let all = rows_of_case();
    eventually(&mut harness, "all rows", |harness| rows(harness) == all);
    harness.run_steps(3);
    harness.get_by_label(&format!("Messages: item 0 of {all}"));
    click_now(&mut harness, "Follow");
    harness.run_steps(2);
    assert!(!shows(&harness, &format!("Messages: item 0 of {all}")));
}

#[test]
fn why_it_can_t_record_is_in_the_dialog_and_why_it_ended_is_shown_above() {
    let denied =
        "echo \"tcpdump: lo: You don't have permission to perform this capture on that device\" >&2; exit 1";
    let (_folder, tool) = fake(denied);
    let mut harness = records(&tool);
    eventually(&mut harness, "the reason", |harness| shows(harness, "tcpdump may not capture on lo"));
    assert!(shows(&harness, "Record packets"));
    let (_folder, tool) =
        fake(&format!("{LISTENING}cat CASE; echo 'tcpdump: The interface went down' >&2; exit 1"));
    let mut harness = records(&tool);
    eventually(&mut harness, "the end", |harness| {
        shows(harness, "The recording ended early: tcpdump ended: The interface")
    });
    eventually(&mut harness, "its rows", |harness| rows(harness) == rows_of_case());
}

#[test]
fn a_recording_that_brings_nothing_says_so() {
    let (_folder, tool) = fake(&format!("{LISTENING}sleep 1000"));
    let mut harness = records(&tool);
    eventually(&mut harness, "the beginning", |harness| shows(harness, "No packets yet."));
    click_now(&mut harness, "Stop");
    eventually(&mut harness, "the end", |harness| shows(harness, "recorded on lo: 0 packets"));
}
