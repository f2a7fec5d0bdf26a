//! The window, driven without a display by the names that a screen reader would say.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{DroppedFile, Key, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use framescope::app::App;
use framescope::own_protocols::{OwnProtocols, Reading};
use framescope::sample;
use framescope_capture::Source;

/// A window with a capture in it, read to its end.
fn window(source: Source, is_sample: bool) -> Harness<'static, App> {
    let mut harness = Harness::builder()
        .with_size(Vec2::new(1400.0, 900.0))
        // Without a system's fonts there are no Chinese glyphs here.
        .allow_missing_glyphs()
        .build_ui_state(|ui, app: &mut App| app.show(ui), App::new(Reading::default()));
    let ctx = harness.ctx.clone();
    harness.state_mut().open(source, is_sample, &ctx);
    harness.state_mut().document_mut().unwrap().wait();
    harness.run();
    harness
}

fn sample_window() -> Harness<'static, App> {
    window(sample::source(), true)
}

#[test]
fn the_sample_says_that_it_is_one_and_shows_its_messages() {
    let harness = sample_window();
    harness.get_by_label("Sample capture");
    harness.get_by_label("user lost");
    harness.get_by_label("All conversations (6)");
    harness.get_by_label("7 errors");
    harness.get_by_label("6 warnings");
}

#[test]
fn selecting_a_row_shows_its_fields() {
    let mut harness = sample_window();
    harness.get_by_label("to 0: welcome, lost").click();
    harness.run();
    assert_eq!(harness.state().view().selected(), Some(1));
    harness.get_by_label("#1 ACK");
    harness.get_by_label_contains("payload_length");
}

#[test]
fn selecting_a_field_marks_its_bytes() {
    let mut harness = sample_window();
    harness.get_by_label_contains("sequence").click();
    harness.run();
    assert_eq!(harness.state().view().selected_bytes(), Some(12..16));
    harness.get_by_label("sequence: bytes 12 to 15 (4 bytes)");
}

#[test]
fn selecting_bytes_marks_their_field() {
    let mut harness = sample_window();
    let line = harness.get_by_label_contains("00000000").rect();
    // The third byte of the first line: the version.
    let width = line.width() / 76.0;
    let at = line.left_center() + Vec2::new(width * (10.0 + 6.0 + 1.0), 0.0);
    harness.hover_at(at);
    harness.drag_at(at);
    harness.drop_at(at);
    harness.run();
    assert_eq!(harness.state().view().selected_path(), Some("version"));
    harness.get_by_label("version: byte 2");
}

#[test]
fn a_conversation_narrows_the_table_and_all_brings_it_back() {
    let mut harness = sample_window();
    let all = harness.state().view().row_count();
    let conversation = harness.get_all_by_label_contains(" - 127.0.0.1:9000").nth(2).unwrap();
    conversation.click();
    harness.run();
    let view = harness.state().view();
    assert_eq!(view.flow(), Some(2));
    assert!(view.row_count() < all);
    harness.get_by_label("All conversations (6)").click();
    harness.run();
    assert_eq!(harness.state().view().row_count(), all);
}

#[test]
fn a_filter_narrows_the_table_as_it_is_typed() {
    let mut harness = sample_window();
    let all = harness.state().view().row_count();
    harness.get_by_label("Filter").click();
    harness.run();
    harness.get_by_label("Filter").type_text("kind == LOGI");
    harness.run();
    harness.get_by_label("at character 9: no kind is called 'LOGI'; did you mean 'LOGIN'?");
    assert_eq!(harness.state().view().row_count(), all, "half an expression changes nothing");
    harness.get_by_label("Filter").type_text("N");
    harness.run();
    assert!(harness.query_by_label_contains("at character").is_none());
    let app = harness.state();
    let logins: Vec<u32> = (0..app.view().row_count()).filter_map(|place| app.view().row_at(place)).collect();
    assert!(!logins.is_empty() && logins.len() < all);
    let document = app.document().unwrap();
    let kinds = logins
        .iter()
        .map(|&row| document.index().kind(&document.index().row(row).unwrap()).map(str::to_owned));
    assert!(kinds.into_iter().all(|kind| kind.as_deref() == Some("LOGIN")));
    harness.get_by_label_contains(&format!("{} of {all} rows", logins.len()));
    // An arrow key belongs to who types.
    let selected = harness.state().view().selected();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().view().selected(), selected);
    harness.get_by_label("Clear").click();
    harness.run();
    assert_eq!(harness.state().view().row_count(), all);
    harness.state_mut().type_filter("length > 1000000");
    harness.run();
    harness.get_by_label("No row matches the filter.");
}

#[test]
fn the_keyboard_moves_the_selection_and_finds_the_next_problem() {
    let mut harness = sample_window();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().view().selected(), Some(1));
    harness.key_press(Key::F8);
    harness.run();
    let app = harness.state();
    let (document, row) = (app.document().unwrap(), app.view().selected().unwrap());
    assert!(document.index().row(row).unwrap().severity() >= Some(framescope_parser::Severity::Warning));
    harness.key_press(Key::End);
    harness.run();
    let last = harness.state().view().row_count() - 1;
    assert_eq!(harness.state().view().selected(), u32::try_from(last).ok());
}

#[test]
fn a_damaged_file_shows_what_could_be_read_and_says_where_it_is_damaged() {
    let bytes = include_bytes!("../../corpus/captures/missive-chat/capture.pcapng");
    let harness = window(Source::from_bytes("cut.pcapng", &bytes[..3000]), false);
    assert!(harness.state().view().row_count() > 0);
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
fn reading_can_be_cancelled_and_what_was_read_stays() {
    // A capture of many packets: the sample's, over and over.
    let sample = include_bytes!("../../corpus/captures/missive-damaged/capture.pcapng");
    let mut harness = Harness::builder()
        .with_size(Vec2::new(1400.0, 900.0))
        .allow_missing_glyphs()
        .build_ui_state(|ui, app: &mut App| app.show(ui), App::new(Reading::default()));
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::from_bytes("long.pcapng", sample.repeat(1500)), false, &ctx);
    harness.step();
    harness.get_by_label("Cancel").click();
    harness.step();
    harness.step();
    harness.state_mut().document_mut().unwrap().wait();
    harness.run();
    let app = harness.state();
    let index = app.document().unwrap().index();
    assert!(index.is_finished() && app.document().unwrap().is_cancelled());
    assert!(
        index.position() < index.source().length(),
        "it was read to its end before it could be cancelled"
    );
    harness.get_by_label_contains("Reading was cancelled");
}

#[test]
fn a_file_that_can_not_be_opened_is_a_banner() {
    let mut harness = sample_window();
    let ctx = harness.ctx.clone();
    harness.state_mut().open_path(Path::new("there/is/no.such"), &ctx);
    harness.run();
    harness.get_by_label_contains("there/is/no.such can't be read");
    harness.get_by_label("Dismiss").click();
    harness.run();
    assert!(harness.query_by_label_contains("there/is/no.such").is_none());
    harness.get_by_label("Sample capture");
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
fn a_dropped_file_is_opened() {
    let mut harness = sample_window();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures/text-echo/capture.pcapng");
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
    harness.step();
    harness.state_mut().document_mut().unwrap().wait();
    harness.run();
    harness.get_by_label(path.to_str().unwrap());
    assert_eq!(harness.state().view().row_count(), 10);
    assert!(harness.query_by_label("Sample capture").is_none());
}

/// A window with a capture of MQTT in it, and a description that a person may change.
fn described_window(text: &str) -> (Harness<'static, App>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, text).unwrap();
    let own = OwnProtocols::load(std::slice::from_ref(&path), &mut |_| {}).unwrap();
    let mut harness = Harness::builder()
        .with_size(Vec2::new(1400.0, 900.0))
        .allow_missing_glyphs()
        .build_ui_state(|ui, app: &mut App| app.show(ui), App::new(Reading { own, ..Reading::default() }));
    let ctx = harness.ctx.clone();
    let capture = corpus("formats/mqtt/capture.pcapng");
    harness.state_mut().open(Source::open(&capture).unwrap(), false, &ctx);
    read_to_end(&mut harness);
    (harness, folder)
}

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(path)
}

fn read_to_end(harness: &mut Harness<'static, App>) {
    harness.state_mut().document_mut().unwrap().wait();
    // Threads that wake the window do so when they come to it.
    harness.run_steps(8);
}

/// Runs until something is so; the watcher of files has a pace of its own.
fn until(harness: &mut Harness<'static, App>, what: &str, so: impl Fn(&Harness<'static, App>) -> bool) {
    for _ in 0..400 {
        if so(harness) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        harness.step();
        read_to_end(harness);
    }
    panic!("it never came: {what}");
}

fn shows(harness: &Harness<'static, App>, label: &str) -> bool {
    harness.query_all_by_label(label).next().is_some()
}

#[test]
fn rows_follow_a_description_that_changes_and_the_place_is_kept() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, folder) = described_window(&mqtt);
    harness.state_mut().type_filter("kind == PUBLISH");
    harness.run();
    harness.get_all_by_label("house/hall/door: offen").next().unwrap().click();
    harness.run();
    let selected = harness.state().view().selected();
    assert!(selected.is_some());
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, mqtt.replace("'{topic}: {message}'", "'{message} for {topic}'")).unwrap();
    until(&mut harness, "the new summary", |harness| shows(harness, "offen for house/hall/door"));
    assert_eq!(harness.state().view().selected(), selected);
    harness.get_by_label_contains("8 of 35 rows");
    // Half a change leaves the rows as they are, and says what is wrong where.
    std::fs::write(&path, mqtt.replace("type: b4", "type: b4q")).unwrap();
    until(&mut harness, "the mistake", |harness| {
        harness.query_by_label_contains("mine.ksy:15:11: there is no type 'b4q'").is_some()
    });
    assert!(shows(&harness, "offen for house/hall/door"));
    std::fs::write(&path, &mqtt).unwrap();
    until(&mut harness, "the first summary", |harness| shows(harness, "house/hall/door: offen"));
    assert!(harness.query_by_label_contains("there is no type").is_none());
}

#[test]
fn a_conversation_is_decoded_as_what_is_chosen() {
    let mqtt = std::fs::read_to_string(corpus("formats/mqtt.ksy")).unwrap();
    let (mut harness, _folder) = described_window(&mqtt.replace("ports: 1883", "ports: 1"));
    assert!(!shows(&harness, "house/hall/door: offen"));
    harness.get_by_label("Decode as").click();
    harness.run();
    harness.get_by_label("mqtt").click();
    harness.step();
    read_to_end(&mut harness);
    assert!(shows(&harness, "house/hall/door: offen"));
    harness.get_by_label("Decode as").click();
    harness.run();
    harness.get_by_label("What it looks like").click();
    harness.step();
    read_to_end(&mut harness);
    assert!(!shows(&harness, "house/hall/door: offen"));
    // One conversation only.
    harness.get_all_by_label_contains(" - 127.0.0.1:1883").nth(2).unwrap().click_secondary();
    harness.run();
    harness.get_all_by_label("Decode as").last().unwrap().click();
    harness.run();
    harness.get_by_label("mqtt").click();
    harness.step();
    read_to_end(&mut harness);
    assert!(shows(&harness, "house/hall/door: offen"));
    assert!(harness.query_by_label_contains("garden/bed1/soil").is_none());
}

#[test]
fn a_description_that_is_dropped_is_known_and_used() {
    let mut harness = window(Source::open(&corpus("formats/someip/capture.pcapng")).unwrap(), false);
    assert!(harness.query_by_label_contains("service 0x1234").is_none());
    harness.input_mut().dropped_files.push(Arc::new(Dropped(corpus("formats/someip.ksy"))));
    harness.step();
    read_to_end(&mut harness);
    harness.get_by_label_contains("someip is known now. It is used on tcp.port=30509");
    assert!(harness.query_all_by_label_contains("service 0x1234").count() > 5);
}
