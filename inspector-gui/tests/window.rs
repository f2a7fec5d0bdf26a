//! The window, driven without a display by the names that a screen reader would say.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{DroppedFile, Key, Modifiers, PointerButton, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{AccessKitNode, NodeT, Queryable};
use framescope_capture::Source;
use framescope_inspect::sample;
use framescope_inspect::{CustomProtocols, Reading};
use framescope_window::actions::Action;
use framescope_window::app::{App, Tab};
use framescope_window::background::Background;
use framescope_window::settings::SettingsFile;
use framescope_window::view::View;

type Window = Harness<'static, App>;

/// Only ends a test that hangs.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A window whose work and time go on as far as a test lets them.
fn empty(reading: Reading, settings: SettingsFile) -> Window {
    window_of(App::new(reading, settings, Background::by_hand()))
}

fn window_of(app: App) -> Window {
    Harness::builder()
        .with_size(Vec2::new(1400.0, 900.0))
        // Without a system's fonts there are no Chinese glyphs here.
        .allow_missing_glyphs()
        .build_ui_state(|ui, app: &mut App| app.show(ui), app)
}

/// A window with a capture in it, read to its end.
fn window(source: Source, is_sample: bool) -> Window {
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(source, is_sample, &ctx);
    settle(&mut harness);
    harness
}

fn sample_window() -> Window {
    window(sample::source(), true)
}

/// Runs until nothing goes on in the background, and what came of it is shown.
fn settle(harness: &mut Window) {
    harness.run_steps(2);
    until(harness, "that all is done", |harness| harness.state().is_settled());
    harness.run_steps(3);
}

/// Runs until something is so.
fn until(harness: &mut Window, what: &str, so: impl Fn(&Window) -> bool) {
    // Longer than anything is read or waited for: five seconds by the window's clock.
    for _ in 0..500 {
        if so(harness) {
            return;
        }
        let background = harness.state().background();
        background.pass(Duration::from_millis(10));
        background.step();
        harness.step();
    }
    panic!("it never came: {what}");
}

/// Runs for a time of the window's clock.
fn pass(harness: &mut Window, time: Duration) {
    let end = harness.state().background().now() + time;
    until(harness, "the end of a time", |harness| harness.state().background().now() >= end);
}

fn view(harness: &Window) -> &View {
    harness.state().view().unwrap()
}

fn shows(harness: &Window, label: &str) -> bool {
    harness.query_all_by_label_contains(label).next().is_some()
}

/// Clicks the first thing whose label has that in it.
fn click(harness: &mut Window, label: &str) {
    harness
        .query_all_by_label_contains(label)
        .next()
        .unwrap_or_else(|| panic!("nothing is called {label}"))
        .click();
    settle(harness);
}

fn press(harness: &mut Window, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    settle(harness);
}

/// The head of a column of the table.
fn head<'h>(harness: &'h Window, label: &'h str) -> egui_kittest::Node<'h> {
    harness.get_by_role_and_label(Role::ColumnHeader, label)
}

fn click_head(harness: &mut Window, label: &str) {
    head(harness, label).click();
    settle(harness);
}

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(path)
}

/// A file that a person dropped.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn the_sample_says_that_it_is_one_and_shows_its_messages() {
    let harness = sample_window();
    harness.get_by_label("Sample capture");
    harness.get_by_label_contains("LOGIN, 46, user lost");
    harness.get_by_label("All conversations (6)");
    harness.get_by_label("6 errors");
    harness.get_by_label("6 warnings");
}

#[test]
fn selecting_a_row_shows_its_fields() {
    let mut harness = sample_window();
    click(&mut harness, "to 0: welcome, lost");
    assert_eq!(view(&harness).selected(), Some(1));
    harness.get_by_label("#1 ACK");
    harness.get_by_label_contains("payload_length: ");
}

#[test]
fn selecting_a_field_marks_its_bytes_and_tells_all_of_it() {
    let mut harness = sample_window();
    click(&mut harness, "sequence: 0");
    assert_eq!(view(&harness).marked().unwrap().range, 12..16);
    harness.get_by_label("sequence: bytes 12 to 15 (4 bytes)");
    harness.get_by_label_contains("packet 4, file offset");
    harness.get_by_label("Unmark").click();
    settle(&mut harness);
    assert_eq!(view(&harness).marked(), None);
}

#[test]
fn selecting_bytes_marks_their_field() {
    let mut harness = sample_window();
    let line = harness.get_by_label_contains("00000000  f5 4d").rect();
    // The third byte of the first line: the version.
    let width = line.width() / 76.0;
    let at = line.left_center() + Vec2::new(width * (10.0 + 6.0 + 1.0), 0.0);
    harness.hover_at(at);
    harness.run_steps(3);
    assert_eq!(
        view(&harness).hovered().unwrap().path.as_deref(),
        Some("version"),
        "hovering leads to the field"
    );
    harness.drag_at(at);
    harness.drop_at(at);
    settle(&mut harness);
    assert_eq!(view(&harness).marked().unwrap().path.as_deref(), Some("version"));
    harness.get_by_label("version: byte 2");
}

#[test]
fn a_conversation_narrows_the_table_and_all_brings_it_back() {
    let mut harness = sample_window();
    let all = view(&harness).row_count();
    harness.get_all_by_label_contains(" - 127.0.0.1:9000").nth(2).unwrap().click();
    settle(&mut harness);
    assert_eq!(view(&harness).flow(), Some(2));
    assert!(view(&harness).row_count() < all);
    click(&mut harness, "All conversations (6)");
    assert_eq!(view(&harness).row_count(), all);
}

#[test]
fn a_filter_narrows_the_table_as_it_is_typed() {
    let mut harness = sample_window();
    let all = view(&harness).row_count();
    click(&mut harness, "Filter");
    harness.get_by_label("Filter").type_text("kind == LOGI");
    settle(&mut harness);
    harness.get_by_label("at character 9: no kind is called 'LOGI'; did you mean 'LOGIN'?");
    assert_eq!(view(&harness).row_count(), all, "half an expression changes nothing");
    harness.get_by_label("Filter").type_text("N");
    settle(&mut harness);
    assert!(!shows(&harness, "at character"));
    let logins: Vec<u32> =
        (0..view(&harness).row_count()).filter_map(|place| view(&harness).row_at(place)).collect();
    assert!(!logins.is_empty() && logins.len() < all);
    {
        let index = harness.state().document().unwrap().index();
        assert!(logins.iter().all(|&row| index.kind(&index.row(row).unwrap()) == Some("LOGIN")));
    }
    harness.get_by_label_contains(&format!("{} of {all} rows", logins.len()));
    // An arrow key belongs to who types.
    let selected = view(&harness).selected();
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(view(&harness).selected(), selected);
    click(&mut harness, "Clear");
    assert_eq!(view(&harness).row_count(), all);
    harness.state_mut().type_filter("length > 1000000");
    settle(&mut harness);
    harness.get_by_label("No row matches the filter.");
}

#[test]
fn a_filter_is_completed_from_what_the_capture_has() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::F);
    harness.get_by_label("Filter").type_text("payload.us");
    settle(&mut harness);
    harness.get_by_label("payload.user");
    press(&mut harness, Modifiers::NONE, Key::Tab);
    harness.get_by_label("Filter").type_text("== \"lost\" and kin");
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Tab);
    harness.get_by_label("Filter").type_text("== LO");
    settle(&mut harness);
    harness.get_by_label("LOGOUT");
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(
        view(&harness).narrowing().filter.as_deref().map(str::trim),
        Some("payload.user == \"lost\" and kind == LOGIN")
    );
    press(&mut harness, Modifiers::NONE, Key::Escape);
    // Enter leaves the line, and what was asked is remembered.
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(harness.state().settings().filters, ["payload.user == \"lost\" and kind == LOGIN"]);
    click(&mut harness, "Clear");
    click(&mut harness, "History");
    click(&mut harness, "payload.user == \"lost\" and kind == LOGIN");
    assert_eq!(view(&harness).row_count(), 1);
}

#[test]
fn a_completion_is_taken_by_a_click() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::F);
    harness.get_by_label("Filter").type_text("kind == LOG");
    settle(&mut harness);
    harness.get_by_label("LOGOUT").click();
    settle(&mut harness);
    assert_eq!(view(&harness).narrowing().filter.as_deref(), Some("kind == LOGOUT "), "it is taken once");
    harness.get_by_label("Filter").type_text("or");
    settle(&mut harness);
    assert!(shows(&harness, "at character 18"), "and typing goes on behind it");
}

#[test]
fn a_cell_and_a_field_are_added_to_the_filter() {
    let mut harness = sample_window();
    let cell = harness.get_by_label_contains("LOGIN, 46, user lost").rect();
    // The kind stands behind the row's number, its time, flow and endpoints.
    let at = cell.left_center() + Vec2::new(16.0 + 48.0 + 126.0 + 44.0 + 118.0 * 2.0 + 30.0, 0.0);
    secondary_click(&mut harness, at);
    click(&mut harness, "Add to filter: kind == LOGIN");
    assert_eq!(view(&harness).narrowing().filter.as_deref(), Some("kind == LOGIN"));
    let field = harness.get_by_label_contains("user: lost").rect().center();
    secondary_click(&mut harness, field);
    click(&mut harness, "Add to filter: payload.user == \"lost\"");
    assert_eq!(
        view(&harness).narrowing().filter.as_deref(),
        Some("kind == LOGIN and payload.user == \"lost\"")
    );
    assert_eq!(view(&harness).row_count(), 1);
}

fn secondary_click(harness: &mut Window, at: eframe::egui::Pos2) {
    harness.hover_at(at);
    harness.run_steps(2);
    for pressed in [true, false] {
        let modifiers = Modifiers::NONE;
        harness.event(eframe::egui::Event::PointerButton {
            pos: at,
            button: PointerButton::Secondary,
            pressed,
            modifiers,
        });
    }
    settle(harness);
}

#[test]
fn the_keyboard_moves_the_selection_and_finds_problems() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(view(&harness).selected(), Some(1));
    press(&mut harness, Modifiers::NONE, Key::F8);
    let wrong = view(&harness).selected().unwrap();
    {
        let index = harness.state().document().unwrap().index();
        assert!(index.row(wrong).unwrap().severity() >= Some(framescope_parser::Severity::Warning));
    }
    press(&mut harness, Modifiers::NONE, Key::F8);
    assert_ne!(view(&harness).selected(), Some(wrong));
    press(&mut harness, Modifiers::SHIFT, Key::F8);
    assert_eq!(view(&harness).selected(), Some(wrong), "and back");
    press(&mut harness, Modifiers::NONE, Key::End);
    let last = view(&harness).row_count() - 1;
    assert_eq!(view(&harness).selected(), u32::try_from(last).ok());
    press(&mut harness, Modifiers::NONE, Key::Home);
    press(&mut harness, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(view(&harness).marked().unwrap().path.as_deref(), Some("magic"));
    press(&mut harness, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(view(&harness).marked().unwrap().path.as_deref(), Some("version"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(view(&harness).marked(), None);
    press(&mut harness, Modifiers::COMMAND, Key::J);
    assert_eq!(view(&harness).selected(), Some(1), "the reply of the first request");
}

#[test]
fn a_row_is_gone_to_by_its_number_whatever_the_filter_says() {
    let mut harness = sample_window();
    harness.state_mut().type_filter("kind == LOGIN");
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::G);
    harness.get_by_label_contains("Go to row, 0 to").type_text("9999");
    settle(&mut harness);
    harness.get_by_label("There is no such row.");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::COMMAND, Key::G);
    harness.get_by_label_contains("Go to row, 0 to").type_text("200");
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!((view(&harness).selected(), view(&harness).is_narrowed()), (Some(200), false));
    assert!(shows(&harness, "200, 04:38"), "the row is in sight");
}

#[test]
fn the_palette_does_what_it_is_asked_and_the_sheet_shows_the_keys() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::K);
    harness.get_by_label("What shall be done?").type_text("show the lad");
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert!(shows(&harness, "#1 ACK  to 0: welcome, lost, to the left"));
    press(&mut harness, Modifiers::NONE, Key::Questionmark);
    harness.get_by_label("Move through the fields");
    harness.get_by_label("Previous problem");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!shows(&harness, "Move through the fields"));
}

#[test]
fn columns_sort_move_hide_and_come_back() {
    let mut harness = sample_window();
    click_head(&mut harness, "Bytes");
    let lengths = |harness: &Window| -> Vec<u64> {
        let index = harness.state().document().unwrap().index();
        let rows = (0..view(harness).row_count()).filter_map(|place| view(harness).row_at(place));
        rows.map(|row| index.row(row).unwrap().length).collect()
    };
    let rising = lengths(&harness);
    assert!(rising.is_sorted() && rising.first() != rising.last());
    click_head(&mut harness, "Bytes, sorted, least first");
    assert!(lengths(&harness).is_sorted_by(|a, b| a >= b));
    click_head(&mut harness, "Bytes, sorted, greatest first");
    assert_ne!(lengths(&harness), rising);
    assert_eq!(view(&harness).sort(), None);
    // Another column is chosen from the menu of the heads.
    let kind = head(&harness, "Kind").rect().center();
    secondary_click(&mut harness, kind);
    click(&mut harness, "Protocol");
    assert!(harness.state().settings().columns.iter().any(|column| column.name == "protocol"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::ResetColumns, &ctx);
    settle(&mut harness);
    assert!(harness.state().settings().columns.iter().all(|column| column.name != "protocol"));
    // A head that is dragged over another goes behind it.
    let (from, to) = (head(&harness, "Flow").rect(), head(&harness, "Destination").rect());
    harness.hover_at(from.center());
    harness.run_steps(2);
    harness.drag_at(from.center());
    harness.run_steps(2);
    harness.hover_at(to.center() + Vec2::new(10.0, 0.0));
    harness.run_steps(2);
    harness.drop_at(to.center() + Vec2::new(10.0, 0.0));
    settle(&mut harness);
    let names: Vec<&str> =
        harness.state().settings().columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..5], ["row", "time", "src", "dst", "flow"]);
}

#[test]
fn times_are_written_in_three_ways() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    assert!(shows(&harness, "1, 04:38:30.417583, 0"));
    harness.state_mut().act(Action::TimeDelta, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "1, 0.000210, 0"), "since the row before");
    harness.state_mut().act(Action::TimeRelative, &ctx);
    settle(&mut harness);
    let first = {
        let index = harness.state().document().unwrap().index();
        let time = index.time_ns(&index.row(1).unwrap()).unwrap() - index.first_time_ns().unwrap();
        format!("1, 0.{:06}, 0", time / 1000)
    };
    assert!(shows(&harness, &first), "since the first packet: {first}");
}

#[test]
fn a_request_and_its_reply_lead_to_each_other() {
    let mut harness = sample_window();
    assert!(shows(&harness, "ACK, 33, #0 after 210 µs"));
    harness.get_by_label_contains("answered by #1");
    click(&mut harness, "to 0: welcome, lost");
    harness.get_by_label_contains("replies to #0 after");
}

#[test]
fn problems_are_explained_and_lead_to_their_rows() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Problems);
    settle(&mut harness);
    harness.get_by_label("Errors: the bytes are not what the format says");
    click(&mut harness, "header-check-mismatch");
    harness.get_by_label("Usual cause:");
    harness.get_by_label_contains("Compute the check last, over the header");
    click(&mut harness, "First");
    let row = view(&harness).selected().unwrap();
    let has = |harness: &Window, row: u32| {
        let index = harness.state().document().unwrap().index();
        index.row(row).unwrap().codes.contains(framescope_parser::Code::HeaderCheckMismatch)
    };
    assert!(has(&harness, row));
    click(&mut harness, "Show only these rows");
    let rows: Vec<u32> =
        (0..view(&harness).row_count()).filter_map(|place| view(&harness).row_at(place)).collect();
    assert!(!rows.is_empty() && rows.iter().all(|&row| has(&harness, row)));
}

#[test]
fn the_timeline_is_dragged_over_to_look_at_a_part_and_brought_back() {
    let mut harness = sample_window();
    let all = view(&harness).row_count();
    let timeline = harness.get_by_label_contains("Timeline: ").rect();
    let at = |share: f32| timeline.left_top() + Vec2::new(timeline.width() * share, 10.0);
    harness.hover_at(at(0.05));
    harness.run_steps(2);
    harness.drag_at(at(0.05));
    harness.run_steps(2);
    harness.hover_at(at(0.15));
    harness.run_steps(2);
    harness.drop_at(at(0.15));
    settle(&mut harness);
    let span = view(&harness).narrowing().span.clone().unwrap();
    let rows = view(&harness).row_count();
    assert!(0 < rows && rows < all, "{rows} of {all}");
    {
        let index = harness.state().document().unwrap().index();
        let time = |place| index.time_ns(&index.row(view(&harness).row_at(place).unwrap()).unwrap()).unwrap();
        assert!((0..rows).all(|place| span.contains(&time(place))));
    }
    let pictured: u32 = view(&harness).pictures().timeline.buckets.iter().map(|bucket| bucket.rows).sum();
    assert_eq!(pictured as usize, rows, "the timeline shows that part");
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::WholeTime, &ctx);
    settle(&mut harness);
    assert_eq!(view(&harness).row_count(), all);
}

#[test]
fn statistics_lead_to_the_rows_of_a_bar() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Statistics);
    settle(&mut harness);
    click(&mut harness, "Length 20 B to 23 B");
    let filter = view(&harness).narrowing().filter.clone().unwrap();
    assert_eq!(filter, "length >= 20 and length <= 23");
    assert!(shows(&harness, "Latency of replies "));
}

#[test]
fn a_conversation_is_a_dialogue_that_can_be_searched() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Dialogue);
    settle(&mut harness);
    assert!(shows(&harness, "#0 LOGIN, 46 bytes\nuser lost"));
    harness.get_by_label("Text").click();
    settle(&mut harness);
    harness.get_by_label("Find").click();
    settle(&mut harness);
    harness.get_by_label("Find").type_text("welcome");
    settle(&mut harness);
    harness.get_by_label("1 match");
    click(&mut harness, "Next match");
    assert_eq!(view(&harness).selected(), Some(1));
    click(&mut harness, "Hex");
    assert!(shows(&harness, "000000  f5 4d 01 04"));
}

#[test]
fn the_ladder_shows_both_ways_gaps_and_what_came_again() {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Ladder);
    settle(&mut harness);
    assert!(shows(&harness, "#0 LOGIN  user lost, to the right"));
    let find = |harness: &Window, wanted: &dyn Fn(&framescope_capture::Row) -> bool| {
        let index = harness.state().document().unwrap().index();
        (0..).zip(index.rows()).find(|(_, row)| wanted(row)).map(|(number, _)| number)
    };
    let gap = find(&harness, &|row| row.span_type == framescope_parser::SpanType::Gap).unwrap();
    harness.state_mut().go_to(gap);
    settle(&mut harness);
    assert!(shows(&harness, &format!("#{gap} gap: ")), "the gap is in sight");
    let again = find(&harness, &|row| row.codes.contains(framescope_parser::Code::Retransmitted)).unwrap();
    harness.state_mut().go_to(again);
    settle(&mut harness);
    assert!(shows(&harness, "(sent again)"));
}

#[test]
fn two_messages_are_compared_field_by_field() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::D);
    click(&mut harness, "lost: message 0");
    harness.get_by_label_contains("#0 LOGIN and #2 DATA");
    harness.get_by_label("kind differs: LOGIN (1) / DATA (3)");
    harness.get_by_label("version same: 1 / 1");
    click(&mut harness, "Only what differs");
    assert!(!shows(&harness, "version same"));
    harness.get_by_label("payload.user differs: lost / not there");
}

#[test]
fn a_message_with_a_hole_is_compared_field_by_field_as_far_as_it_is_known() {
    // A whole one of flow 5, and one of the same length of which each packet was cut.
    let (mut harness, _) = holes_window(5, 3024);
    press(&mut harness, Modifiers::COMMAND, Key::D);
    let cut = {
        let index = harness.state().document().unwrap().index();
        (0..).zip(index.rows()).find(|(_, row)| row.flow() == 4 && row.length == 3024).unwrap().0
    };
    harness.state_mut().go_to(cut);
    settle(&mut harness);
    harness.get_by_label("payload_length same: 3000 / 3000");
    click(&mut harness, "Only what differs");
    assert!(shows(&harness, "payload.content differs: late-start 2, line 001"));
    assert!(shows(&harness, "payload (rest) differs: not there / not captured"));
    assert!(shows(&harness, "checksum differs: 0x5067f891 / not captured"));
}

#[test]
fn panels_hide_and_come_back_as_they_were_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = || SettingsFile::at(folder.path().join("settings.json"));
    let mut harness = empty(Reading::default(), file());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    assert!(!shows(&harness, "All conversations"));
    harness.state_mut().act(Action::ToggleBeside, &ctx);
    harness.state_mut().act(Action::ThemeLight, &ctx);
    settle(&mut harness);
    click(&mut harness, "No hints");
    harness.state_mut().save_settings();
    let kept = harness.state().settings().clone();
    drop(harness);
    let mut harness = empty(Reading::default(), file());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    assert_eq!(*harness.state().settings(), kept);
    assert!(!shows(&harness, "All conversations") && !shows(&harness, "This is a sample"));
    assert!(!harness.ctx.style_of(harness.ctx.theme()).visuals.dark_mode);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::C);
    assert!(shows(&harness, "All conversations"));
}

#[test]
fn settings_are_kept_soon_after_they_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let mut harness = empty(Reading::default(), SettingsFile::at(path.clone()));
    let ctx = harness.ctx.clone();
    pass(&mut harness, Duration::from_secs(2));
    harness.state_mut().act(Action::ThemeLight, &ctx);
    pass(&mut harness, Duration::from_millis(500));
    let kept = || SettingsFile::at(path.clone()).load().0;
    assert_ne!(kept().theme, harness.state().settings().theme);
    pass(&mut harness, Duration::from_secs(1));
    assert_eq!(kept(), *harness.state().settings());
}

#[test]
fn broken_settings_are_a_banner_and_no_failed_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    std::fs::write(&path, "{ \"theme\": ").unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::at(path));
    let ctx = harness.ctx.clone();
    harness.state_mut().open(sample::source(), true, &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("can't be understood");
    harness.get_by_label("Sample capture");
}

#[test]
fn the_first_time_there_are_five_hints() {
    let mut harness = sample_window();
    harness.get_by_label("This is a sample  (1 of 5)");
    for _ in 0..4 {
        click(&mut harness, "Next hint");
    }
    harness.get_by_label("Look at your own  (5 of 5)");
    click(&mut harness, "Done");
    assert!(harness.state().settings().tour_seen && !shows(&harness, "of 5)"));
}

#[test]
fn what_is_copied_is_in_the_clipboard() {
    let mut harness = sample_window();
    let field = harness.get_by_label_contains("user: lost").rect().center();
    secondary_click(&mut harness, field);
    harness.get_by_label("Copy as Python bytes").click();
    assert_eq!(copied(&mut harness), "b'lost'");
    // The key copies what is marked, or what the row says.
    for (path, text) in [(None, "#0 LOGIN user lost"), (Some("payload.user"), "lost")] {
        if let Some(path) = path {
            harness.state_mut().mark_field(path);
        }
        harness.event(eframe::egui::Event::Copy);
        assert_eq!(copied(&mut harness), text);
    }
}

/// What is put into the clipboard in one of the next frames.
fn copied(harness: &mut Window) -> String {
    for _ in 0..4 {
        harness.step();
        let commands = &harness.output().platform_output.commands;
        for command in commands {
            if let eframe::egui::OutputCommand::CopyText(text) = command {
                return text.clone();
            }
        }
    }
    panic!("nothing was copied");
}

#[test]
fn a_damaged_file_shows_what_could_be_read_and_says_where_it_is_damaged() {
    let bytes = include_bytes!("../../corpus/captures/missive-chat/capture.pcapng");
    let harness = window(Source::from_bytes("cut.pcapng", &bytes[..3000]), false);
    assert!(view(&harness).row_count() > 0);
    harness.get_by_label_contains("the file ends inside the block");
}

#[test]
fn what_is_no_capture_is_shown_as_the_bytes_of_one_stream() {
    let frame =
        framescope_parser::missive::FrameBuf::new(framescope_parser::missive::Kind::PING).to_bytes().unwrap();
    let harness = window(Source::from_bytes("crash-1", frame), false);
    harness.get_by_label_contains("begins with no capture's magic");
    harness.get_by_label("#0 PING");
}

#[test]
fn a_capture_that_is_not_read_is_a_banner_and_what_is_open_stays() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    let rows = view(&harness).row_count();
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/foreign");
    harness.state_mut().open_path(&foreign.join("named/k12text"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("is a K12 text file, which is not read: `editcap -F pcapng");
    assert_eq!(view(&harness).row_count(), rows);
    harness.state_mut().open_path(&foreign.join("read/text-echo.hexdump"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("is a hex dump");
    assert_eq!(view(&harness).row_count(), 10);
}

#[test]
fn reading_can_be_cancelled_and_what_was_read_stays() {
    // A capture of many packets: the sample's, over and over.
    let sample = include_bytes!("../../corpus/captures/missive-damaged/capture.pcapng");
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::from_bytes("long.pcapng", sample.repeat(1500)), false, &ctx);
    harness.state().background().step();
    harness.step();
    harness.get_by_label("Cancel").click();
    harness.step();
    settle(&mut harness);
    {
        let app = harness.state();
        let index = app.document().unwrap().index();
        assert!(index.row_count() > 0 && index.is_finished() && app.document().unwrap().is_cancelled());
        assert!(
            index.position() < index.source().length(),
            "it was read to its end before it could be cancelled"
        );
    }
    harness.get_by_label_contains("Reading was cancelled");
}

#[test]
fn a_file_that_can_not_be_opened_is_a_banner() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(Path::new("there/is/no.such"), &ctx);
    settle(&mut harness);
    harness.get_by_label_contains("there/is/no.such can't be read");
    click(&mut harness, "Dismiss");
    assert!(!shows(&harness, "there/is/no.such"));
    harness.get_by_label("Sample capture");
}

#[test]
fn a_dropped_file_is_opened_and_remembered() {
    let mut harness = sample_window();
    let path = corpus("captures/text-echo/capture.pcapng");
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
    harness.step();
    settle(&mut harness);
    harness.get_by_label("capture.pcapng");
    assert_eq!(view(&harness).row_count(), 10);
    assert!(!shows(&harness, "Sample capture"));
    assert_eq!(harness.state().settings().recent, [std::fs::canonicalize(path).unwrap()]);
}

#[test]
fn a_file_that_grows_is_read_again_and_place_and_filter_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(&path, &ctx);
    settle(&mut harness);
    let before = view(&harness).row_count();
    harness.state_mut().type_filter("kind == ACK");
    settle(&mut harness);
    let row = view(&harness).row_at(3).unwrap();
    harness.state_mut().go_to(row);
    settle(&mut harness);
    let summary = summary_of(&mut harness, row);
    std::fs::write(&path, &whole).unwrap();
    until(&mut harness, "the rest of the file", |harness| {
        harness.state().document().unwrap().index().row_count() > before
    });
    settle(&mut harness);
    assert_eq!(view(&harness).narrowing().filter.as_deref(), Some("kind == ACK"));
    let row = view(&harness).selected().unwrap();
    assert_eq!(summary_of(&mut harness, row), summary);
}

fn summary_of(harness: &mut Window, row: u32) -> Arc<str> {
    view(harness).lookup().want_lines(&[row]);
    until(harness, "the summary", |harness| view(harness).lookup().line(row).is_some());
    view(harness).lookup().line(row).unwrap().summary
}

#[test]
fn what_comes_in_live_is_shown_as_it_comes() {
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    let (tell, told) = channel();
    // A window that is gone needs no more.
    let source = Source::live("standard input", reader, move || tell.send(()).unwrap_or_default()).unwrap();
    harness.state_mut().open(source.clone(), false, &ctx);
    harness.run_steps(2);
    harness.get_by_label("Opening...");
    let write = |writer: &mut std::io::PipeWriter, bytes: &[u8], end: usize| {
        std::io::Write::write_all(writer, bytes).unwrap();
        // The thread that copies says when it has.
        while source.length() < end as u64 {
            told.recv_timeout(TOO_LONG).unwrap();
        }
    };
    write(&mut writer, &whole[..whole.len() / 2], whole.len() / 2);
    until(&mut harness, "the first half", |harness| {
        harness.state().view().is_some_and(|view| view.row_count() > 50) && harness.state().is_settled()
    });
    assert!(!shows(&harness, "the file ends inside"), "what is still coming is not damaged");
    let before = view(&harness).row_count();
    write(&mut writer, &whole[whole.len() / 2..], whole.len());
    drop(writer);
    while source.is_growing() {
        told.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "the rest", |harness| {
        view(harness).row_count() > before && harness.state().is_settled()
    });
    until(&mut harness, "all of it", |harness| {
        let index = harness.state().document().unwrap().index();
        index.position() == whole.len() as u64 && harness.state().is_settled()
    });
    assert_eq!(view(&harness).row_count(), sample_window().state().view().unwrap().row_count());
}

#[test]
fn what_comes_in_live_beyond_the_limit_is_told() {
    let whole = std::fs::read(corpus("captures/missive-damaged/capture.pcapng")).unwrap();
    let half = whole.len() / 2;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut harness = empty(Reading::default(), SettingsFile::default());
    let ctx = harness.ctx.clone();
    let (tell, told) = channel();
    let wake = move || tell.send(()).unwrap_or_default();
    let source = Source::live_within("standard input", reader, half as u64, wake).unwrap();
    harness.state_mut().open(source.clone(), false, &ctx);
    std::io::Write::write_all(&mut writer, &whole[..half]).unwrap();
    while source.length() < half as u64 {
        told.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "all that there is room for", |harness| {
        harness.state().view().is_some_and(|view| view.row_count() > 50) && harness.state().is_settled()
    });
    let before = view(&harness).row_count();
    assert!(!shows(&harness, "stopped at the limit"));
    // No byte of it is kept.
    std::io::Write::write_all(&mut writer, &whole[half..]).unwrap();
    while source.is_growing() {
        told.recv_timeout(TOO_LONG).unwrap();
    }
    until(&mut harness, "why there is no more", |harness| {
        shows(harness, "copying to the temporary folder stopped at the limit of")
            && harness.state().is_settled()
    });
    assert!(view(&harness).row_count() >= before);
}

/// A window with a capture of MQTT in it, and a description that a person may change.
fn described_window(text: &str) -> (Window, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, text).unwrap();
    let own = CustomProtocols::load(std::slice::from_ref(&path), &mut |_| {}).unwrap();
    let mut harness = empty(Reading { own, ..Reading::default() }, SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::open(&corpus("formats/mqtt/capture.pcapng")).unwrap(), false, &ctx);
    settle(&mut harness);
    (harness, folder)
}

#[test]
fn rows_follow_a_description_that_changes_and_the_place_is_kept() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    harness.state_mut().type_filter("kind == PUBLISH");
    settle(&mut harness);
    click(&mut harness, "house/hall/door: offen");
    let selected = view(&harness).selected();
    assert!(selected.is_some());
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, mqtt.replace("'{topic}: {message}'", "'{message} for {topic}'")).unwrap();
    until(&mut harness, "the new summary", |harness| shows(harness, "offen for house/hall/door"));
    settle(&mut harness);
    assert_eq!(view(&harness).selected(), selected);
    harness.get_by_label_contains("8 of 35 rows");
    // Half a change leaves the rows as they are, and says what is wrong where.
    std::fs::write(&path, mqtt.replace("type: b4", "type: b4q")).unwrap();
    until(&mut harness, "the mistake", |harness| shows(harness, "mine.ksy:15:11: there is no type 'b4q'"));
    assert!(shows(&harness, "offen for house/hall/door"));
    std::fs::write(&path, &mqtt).unwrap();
    until(&mut harness, "the first summary", |harness| shows(harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "there is no type"));
}

#[test]
fn rows_follow_what_is_typed_into_the_editor() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    harness.get_by_label("mine.ksy");
    harness.get_by_label("The rows are as it describes them.");
    let edit = |harness: &mut Window, from: &str, to: &str| {
        let editor = harness.state_mut().editor_mut().unwrap();
        editor.text = editor.text.replace(from, to);
        editor.typed();
        settle(harness);
    };
    edit(&mut harness, "'{topic}: {message}'", "'{message} for {topic}'");
    assert!(shows(&harness, "offen for house/hall/door"));
    harness.get_by_label("mine.ksy (changed)");
    edit(&mut harness, "type: b4", "type: b4q");
    assert!(shows(&harness, "mistakes; the rows stay") || shows(&harness, "mistake; the rows stay"));
    assert!(shows(&harness, "offen for house/hall/door"));
    edit(&mut harness, "type: b4q", "type: b4");
    click(&mut harness, "Save");
    let saved = std::fs::read_to_string(folder.path().join("mine.ksy")).unwrap();
    assert!(saved.contains("'{message} for {topic}'"));
    harness.get_by_label("mine.ksy");
    click(&mut harness, "Health");
    harness.get_by_label("How mqtt fits");
    harness.get_by_label_contains("100.0 % of their bytes are explained");
}

#[test]
fn what_is_saved_in_the_editor_is_not_read_again_and_what_others_save_is() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    let changed = mqtt.replace("'{topic}: {message}'", "'{message} for {topic}'");
    let editor = harness.state_mut().editor_mut().unwrap();
    editor.text.clone_from(&changed);
    editor.typed();
    settle(&mut harness);
    click(&mut harness, "Save");
    click(&mut harness, "Health");
    pass(&mut harness, Duration::from_secs(3));
    harness.get_by_label("How mqtt fits");
    assert!(shows(&harness, "offen for house/hall/door"));
    std::fs::write(folder.path().join("mine.ksy"), &mqtt).unwrap();
    until(&mut harness, "the first summary", |harness| shows(harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "How mqtt fits"), "it is of what was described before");
}

#[test]
fn rows_follow_what_is_saved_of_a_description_that_theirs_imports() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let inner = "meta: {id: inner}\nseq: [{id: first, type: u1}]\n";
    let outer = "meta: {id: outer, imports: [inner]}\nseq: [{id: one, type: inner}, {id: two, type: u1}]\n";
    std::fs::write(path("inner.ksy"), inner).unwrap();
    std::fs::write(path("outer.ksy"), outer).unwrap();
    let own = CustomProtocols::load(&[path("outer.ksy"), path("inner.ksy")], &mut |_| {}).unwrap();
    let decode_as = vec!["file=outer".parse().unwrap()];
    let mut harness = empty(Reading { own, decode_as, ..Reading::default() }, SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::from_bytes("bytes", *b"\x01\x02"), false, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "first: 1"));
    harness.state_mut().open_path(&path("inner.ksy"), &ctx);
    settle(&mut harness);
    let editor = harness.state_mut().editor_mut().unwrap();
    editor.text = editor.text.replace("first", "begin");
    editor.typed();
    settle(&mut harness);
    assert!(shows(&harness, "first: 1"), "it imports what is in the file");
    click(&mut harness, "Save");
    assert!(shows(&harness, "begin: 1"));
}

#[test]
fn a_description_begins_from_a_template() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::E);
    harness.get_by_label("unsaved.ksy (changed)");
    let first = framescope_ksy::TEMPLATES.last().unwrap();
    click(&mut harness, "Template");
    click(&mut harness, first.name);
    assert_eq!(harness.state_mut().editor_mut().unwrap().text, first.text);
}

#[test]
fn a_message_is_kept_as_a_seed() {
    let mut harness = sample_window();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus/seeds/frames/login");
    harness.state_mut().save_row_to(0, &path);
    settle(&mut harness);
    harness.get_by_label_contains("The 46 bytes of #0 are in");
    let bytes = std::fs::read(&path).unwrap();
    // And it opens as what it is.
    let harness = window(Source::from_bytes("login", bytes), false);
    harness.get_by_label("#0 LOGIN");
}

/// The window with the recorded messages that have holes, and the first row of that conversation and length selected.
fn holes_window(flow: u32, length: u64) -> (Window, u32) {
    let mut harness = window(Source::open(&corpus("captures/holes/capture.pcapng")).unwrap(), false);
    let row = {
        let index = harness.state().document().unwrap().index();
        let is_wanted = |row: &framescope_capture::Row| row.flow() == flow && row.length == length;
        (0..).zip(index.rows()).find(|(_, row)| is_wanted(row)).unwrap().0
    };
    harness.state_mut().go_to(row);
    settle(&mut harness);
    (harness, row)
}

#[test]
fn what_was_not_captured_is_one_line_and_bytes_behind_it_keep_their_offsets() {
    let (mut harness, _) = holes_window(0, 3038);
    harness.get_by_label_contains("cut where the lines are; 1,448 of them were not captured");
    harness.state_mut().mark_field("payload (rest)");
    settle(&mut harness);
    assert!(shows(&harness, "payload (rest): not captured"));
    harness.get_by_label("payload (rest): bytes 1448 to 3033 (1586 bytes)");
    assert!(shows(&harness, "bytes 1448 to 3033 (1586 bytes), 1,448 of them not captured"));
    let hole = "… 1,448 bytes not captured (1448 to 2895) …";
    click(&mut harness, hole);
    let marked = view(&harness).marked().unwrap();
    assert_eq!((marked.range.clone(), marked.path.as_deref()), (1448..2896, Some("payload (rest)")));
    // From bytes behind the hole to their field.
    let line = harness.get_by_label_contains("00000b50  ").rect();
    let width = line.width() / 76.0;
    let byte = |column: f32| line.left_center() + Vec2::new(width * (10.0 + column * 3.0 + 1.0), 0.0);
    harness.hover_at(byte(2.0));
    harness.run_steps(3);
    let hovered = view(&harness).hovered().unwrap();
    assert_eq!(hovered.path.as_deref(), Some("payload (rest)._captured"));
    assert_eq!(hovered.range, 2896..3034);
    // And from a field to its bytes: the checksum stands in the last four.
    harness.state_mut().mark_field("checksum");
    settle(&mut harness);
    harness.get_by_label("checksum: bytes 3034 to 3037 (4 bytes)");
    secondary_click(&mut harness, byte(2.0));
    harness.get_by_label("Hex").click();
    assert_eq!(copied(&mut harness), "638571af");
}

#[test]
fn bytes_stand_in_the_columns_of_their_offsets_on_both_sides_of_a_hole() {
    let (mut harness, _) = holes_window(4, 3024);
    harness.state_mut().mark_field("payload (rest)");
    settle(&mut harness);
    harness.get_by_label("… 1,418 bytes not captured (30 to 1447) …");
    // It ends in the middle of a line: " a long message" begins at 1448, which is 0x5a8.
    let line = harness.get_by_label_contains("000005a0  ").rect();
    let spoken = format!("000005a0  {}20 61 20 6c 6f 6e 67 20 {} a long ", " ".repeat(25), " ".repeat(9));
    harness.get_by_label(&spoken);
    let width = line.width() / 76.0;
    let column = |byte: f32| line.left_center() + Vec2::new(width * (10.0 + byte * 3.0 + 2.0), 0.0);
    harness.hover_at(column(8.0));
    harness.run_steps(3);
    assert_eq!(view(&harness).hovered().unwrap().path.as_deref(), Some("payload (rest)._captured[0]"));
    // The empty places before it are no bytes.
    harness.hover_at(column(3.0));
    harness.run_steps(3);
    assert_eq!(view(&harness).hovered(), None);
}

#[test]
fn bytes_with_a_hole_are_copied_with_it_or_not_at_all() {
    let (mut harness, _) = holes_window(0, 3038);
    let hole = "[1,448 bytes not captured (1448 to 2895)]";
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::CopyHex, &ctx);
    let hex = copied(&mut harness);
    assert!(hex.starts_with("f54d0103") && hex.ends_with("638571af") && hex.contains(hole), "{hex}");
    click(&mut harness, "Copy bytes");
    click(&mut harness, "Rust array");
    harness.get_by_label_contains("Not copied as Rust array: 1,448 bytes not captured");
    harness.state_mut().act(Action::CopyJson, &ctx);
    let json: serde_json::Value = serde_json::from_str(&copied(&mut harness)).unwrap();
    let behind = json["payload (rest)"]["_captured"].as_str().unwrap();
    assert!(behind.ends_with("one-segment, line 075 of a long message\n"), "{json}");
}

#[test]
fn a_message_with_a_hole_is_no_seed() {
    let (mut harness, row) = holes_window(0, 3038);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    harness.state_mut().save_row_to(row, &path);
    settle(&mut harness);
    harness.get_by_label_contains(&format!("#{row} is not kept: 1448 of its 3038 bytes were not captured"));
    assert!(!path.exists());
}

#[test]
fn what_both_sides_said_shows_holes_where_they_are() {
    let (mut harness, _) = holes_window(0, 3038);
    harness.state_mut().show_tab(Tab::Dialogue);
    settle(&mut harness);
    harness.get_by_label("Text").click();
    settle(&mut harness);
    // Of whoever logged in with 96 bytes of each packet the name was captured.
    let login = {
        let index = harness.state().document().unwrap().index();
        let is_login = |row: &framescope_capture::Row| row.flow() == 4 && index.kind(row) == Some("LOGIN");
        (0..).zip(index.rows()).find(|(_, row)| is_login(row)).unwrap().0
    };
    harness.state_mut().go_to(login);
    settle(&mut harness);
    assert!(shows(&harness, "snaplen"));
    assert!(shows(&harness, "[22 bytes not captured (30 to 51)]"));
}

#[test]
fn why_a_message_is_incomplete_is_explained() {
    let (mut harness, _) = holes_window(0, 3038);
    harness.state_mut().show_tab(Tab::Problems);
    settle(&mut harness);
    for code in ["incomplete", "continuation"] {
        click(&mut harness, code);
        assert!(shows(&harness, "Usual cause:") && shows(&harness, "What to do:"), "{code}");
        click(&mut harness, code);
    }
}

#[test]
fn where_there_is_no_dialog_a_path_is_typed() {
    let mut harness = sample_window();
    harness.state_mut().ask_for_path(false);
    settle(&mut harness);
    let path = corpus("captures/text-echo/capture.pcapng");
    harness.get_by_label("Open the file").type_text(path.to_str().unwrap());
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(view(&harness).row_count(), 10);
    press(&mut harness, Modifiers::COMMAND, Key::E);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mine.ksy");
    harness.state_mut().ask_for_path(true);
    settle(&mut harness);
    for _ in 0.."unsaved.ksy".len() {
        harness.key_press(Key::Backspace);
    }
    settle(&mut harness);
    harness.get_by_label("Save the description as").type_text(target.to_str().unwrap());
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert!(target.is_file());
    harness.get_by_label("mine.ksy");
}

#[test]
fn a_conversation_a_port_or_all_are_decoded_as_what_is_chosen() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, _folder) = described_window(&mqtt.replace("ports: 1883", "ports: 1"));
    assert!(!shows(&harness, "house/hall/door: offen"));
    click(&mut harness, "Decode as");
    harness.get_by_label("mqtt").click();
    settle(&mut harness);
    assert!(shows(&harness, "house/hall/door: offen"));
    click(&mut harness, "Decode as");
    click(&mut harness, "What it looks like");
    assert!(!shows(&harness, "house/hall/door: offen"));
    let choose = |harness: &mut Window, what: &str, protocol: &str| {
        let conversation =
            harness.get_all_by_label_contains(" - 127.0.0.1:1883").nth(2).unwrap().rect().center();
        secondary_click(harness, conversation);
        harness.get_all_by_label("Decode as").last().unwrap().click();
        settle(harness);
        click(harness, what);
        harness.get_by_label(protocol).click();
        settle(harness);
    };
    // One conversation only.
    choose(&mut harness, "This conversation", "mqtt");
    assert!(shows(&harness, "house/hall/door: offen"));
    assert!(!shows(&harness, "garden/bed1/soil"));
    // A port, from now on.
    choose(&mut harness, "Port 1883, from now on", "mqtt");
    assert!(shows(&harness, "garden/bed1/soil"));
    assert_eq!(harness.state().settings().decode_as, ["tcp.port=1883=mqtt"]);
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::open(&corpus("formats/mqtt/capture.pcapng")).unwrap(), false, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "garden/bed1/soil"), "it is remembered");
}

#[test]
fn a_description_that_is_dropped_is_known_and_used() {
    let mut harness = window(Source::open(&corpus("formats/someip/capture.pcapng")).unwrap(), false);
    assert!(!shows(&harness, "service 0x1234"));
    harness.input_mut().dropped_files.push(Arc::new(Dropped(corpus("formats/someip.ksy"))));
    harness.step();
    settle(&mut harness);
    harness.get_by_label_contains("someip is known now. It is used on tcp.port=30509");
    assert!(harness.query_all_by_label_contains("service 0x1234").count() > 5);
}

#[test]
fn the_end_of_whatever_goes_on_beside_the_window_wakes_it() {
    let mut harness =
        window_of(App::new(Reading::default(), SettingsFile::default(), Background::of_threads()));
    let ctx = harness.ctx.clone();
    let (tell, woken) = channel();
    ctx.set_request_repaint_callback(move |_| tell.send(()).unwrap_or_default());
    let run = |harness: &mut Window| {
        harness.step();
        while !harness.state().is_settled() {
            woken.recv_timeout(TOO_LONG).unwrap();
            harness.step();
        }
    };
    harness.state_mut().open(sample::source(), true, &ctx);
    run(&mut harness);
    harness.state_mut().type_filter("kind == LOGIN");
    run(&mut harness);
    assert!(view(&harness).row_count() > 0);
    harness.state_mut().open_path(&corpus("captures/text-echo/capture.pcapng"), &ctx);
    harness.state_mut().type_filter("");
    run(&mut harness);
    assert_eq!(view(&harness).row_count(), 10);
}

#[test]
fn nothing_is_shown_again_while_nobody_does_anything() {
    let mut harness = sample_window();
    settle(&mut harness);
    harness.step();
    let output = harness.output();
    let delay = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
    assert!(delay > Duration::from_secs(1), "it would be shown again in {delay:?}");
}

#[test]
fn every_control_has_a_name() {
    let mut harness = sample_window();
    for (tab, _) in [
        (Tab::Message, ()),
        (Tab::Dialogue, ()),
        (Tab::Ladder, ()),
        (Tab::Problems, ()),
        (Tab::Statistics, ()),
        (Tab::Comparison, ()),
    ] {
        harness.state_mut().show_tab(tab);
        settle(&mut harness);
        let has_name = |node: &AccessKitNode<'_>| {
            let some = |text: Option<String>| text.is_some_and(|text| !text.is_empty());
            some(node.label()) || some(node.value())
        };
        let nameless: Vec<String> = harness
            .root()
            .children_recursive()
            .map(|node| node.accesskit_node())
            .filter(|node| {
                node.data().supports_action(eframe::egui::accesskit::Action::Click) && !has_name(node)
            })
            .map(|node| format!("{:?}", node.role()))
            .collect();
        assert!(nameless.is_empty(), "{tab:?}: {nameless:?}");
    }
}

/// Numbers that look as if by chance, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn whatever_is_clicked_and_pressed_the_window_lives_on() {
    const KEYS: [(Modifiers, Key); 24] = [
        (Modifiers::NONE, Key::ArrowDown),
        (Modifiers::NONE, Key::ArrowUp),
        (Modifiers::NONE, Key::PageDown),
        (Modifiers::NONE, Key::Home),
        (Modifiers::NONE, Key::End),
        (Modifiers::NONE, Key::Escape),
        (Modifiers::NONE, Key::Tab),
        (Modifiers::NONE, Key::F8),
        (Modifiers::SHIFT, Key::F8),
        (Modifiers::NONE, Key::Questionmark),
        (Modifiers::ALT, Key::ArrowDown),
        (Modifiers::COMMAND, Key::F),
        (Modifiers::COMMAND, Key::G),
        (Modifiers::COMMAND, Key::K),
        (Modifiers::COMMAND, Key::J),
        (Modifiers::COMMAND, Key::L),
        (Modifiers::COMMAND, Key::D),
        (Modifiers::COMMAND, Key::R),
        (Modifiers::COMMAND, Key::Num2),
        (Modifiers::COMMAND, Key::Num3),
        (Modifiers::COMMAND, Key::Num4),
        (Modifiers::COMMAND, Key::Num5),
        (Modifiers::COMMAND, Key::Num6),
        (Modifiers::COMMAND, Key::Num1),
    ];
    for seed in 0..4 {
        let mut random = Random(seed);
        let mut harness = sample_window();
        for _ in 0..150 {
            // The menus on top open dialogs, which belong to the system.
            let at = eframe::egui::pos2(random.below(1400) as f32, 30.0 + random.below(870) as f32);
            match random.below(8) {
                0..3 => {
                    let (modifiers, key) = KEYS[random.below(KEYS.len())];
                    harness.key_press_modifiers(modifiers, key);
                }
                3 => {
                    let texts = ["kind == ", "DATA", "7", " and ", "\"", "lost", "\u{1F600}", "(", "x\"f5"];
                    let text = texts[random.below(texts.len())].to_owned();
                    harness.event(eframe::egui::Event::Text(text));
                }
                4 => {
                    harness.hover_at(at);
                    harness.step();
                    harness.drag_at(at);
                    harness.step();
                    let to = eframe::egui::pos2(random.below(1400) as f32, 30.0 + random.below(870) as f32);
                    harness.hover_at(to);
                    harness.step();
                    harness.drop_at(to);
                }
                5 => secondary_click(&mut harness, at),
                _ => {
                    harness.hover_at(at);
                    harness.drag_at(at);
                    harness.drop_at(at);
                }
            }
            for _ in 0..2 {
                harness.state().background().step();
                harness.step();
            }
        }
        settle(&mut harness);
        assert!(harness.state().document().unwrap().index().is_finished());
    }
}
