//! The window, driven without a display by the names that a screen reader reads out.

// Helpers panic if what a test assumes is not so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod aligned;
mod carriers;
mod composing;
mod descriptions;
mod files;
mod filter;
mod guessing;
mod holes;
mod message;
mod recording;
mod robustness;
mod settings;
mod table;
mod tabs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{DroppedFile, Key, Modifiers, PointerButton, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{AccessKitNode, NodeT, Queryable};
use framescope_capture::{FlowId, RowId, Source};
use framescope_inspect::sample;
use framescope_inspect::{CustomProtocols, Reading};
use framescope_window::app::{App, Tab};
use framescope_window::models::actions::Action;
use framescope_window::models::background::Background;
use framescope_window::models::settings::SettingsFile;
use framescope_window::models::view::View;

type Window = Harness<'static, App>;

/// A limit that only a hanging test reaches.
const TOO_LONG: Duration = Duration::from_secs(60);

/// An empty window whose background work and clock the test drives.
fn empty(reading: Reading, settings: SettingsFile) -> Window {
    window_of(App::new(reading, settings, Background::manual()))
}

fn window_of(app: App) -> Window {
    Harness::builder()
        .with_size(Vec2::new(1400.0, 900.0))
        // The test has no system fonts, so no Chinese glyphs.
        .allow_missing_glyphs()
        .build_ui_state(|ui, app: &mut App| app.show(ui), app)
}

/// A window with a capture that was read completely.
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

/// Runs until all background work is done and its results are shown.
fn settle(harness: &mut Window) {
    harness.run_steps(2);
    until(harness, "all work to be done", |harness| harness.state().is_settled());
    harness.run_steps(3);
}

/// Lets a hundredth of a second pass by the window's clock.
fn step(harness: &mut Window) {
    let background = harness.state().background();
    background.advance(Duration::from_millis(10));
    background.step();
    harness.step();
}

/// Runs until a condition holds.
fn until(harness: &mut Window, what: &str, so: impl Fn(&Window) -> bool) {
    // Five seconds by the window's clock, longer than anything takes.
    for _ in 0..500 {
        if so(harness) {
            return;
        }
        step(harness);
    }
    panic!("waited in vain for {what}");
}

/// Runs for a time by the window's clock.
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

/// Clicks the first node whose label contains a text.
fn click(harness: &mut Window, label: &str) {
    harness
        .query_all_by_label_contains(label)
        .next()
        .unwrap_or_else(|| panic!("no node is labelled {label}"))
        .click();
    settle(harness);
}

fn press(harness: &mut Window, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    settle(harness);
}

/// The heading of a column.
fn heading<'h>(harness: &'h Window, label: &'h str) -> egui_kittest::Node<'h> {
    harness.get_by_role_and_label(Role::ColumnHeader, label)
}

fn click_heading(harness: &mut Window, label: &str) {
    heading(harness, label).click();
    settle(harness);
}

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(path)
}

/// A file that was dropped on the window.
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

/// The text that is copied in one of the next frames.
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

/// A window with a capture of MQTT, and a description that the test may change.
fn described_window(text: &str) -> (Window, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ksy");
    std::fs::write(&path, text).unwrap();
    let own = CustomProtocols::load(std::slice::from_ref(&path), &[], &mut |_| {}).unwrap();
    let mut harness = empty(Reading { own, ..Reading::default() }, SettingsFile::default());
    let ctx = harness.ctx.clone();
    harness.state_mut().open(Source::open(&corpus("formats/mqtt/capture.pcapng")).unwrap(), false, &ctx);
    settle(&mut harness);
    (harness, folder)
}

/// A window with the recorded messages that have holes. Selects the first row of that conversation and length.
fn holes_window(flow: FlowId, length: u64) -> (Window, RowId) {
    let mut harness = window(Source::open(&corpus("captures/holes/capture.pcapng")).unwrap(), false);
    let row = {
        let index = harness.state().document().unwrap().index();
        let is_wanted = |row: &framescope_capture::Row| row.flow() == flow && row.length == length;
        index.rows().find(|(_, row)| is_wanted(row)).unwrap().0
    };
    harness.state_mut().go_to(row);
    settle(&mut harness);
    (harness, row)
}
