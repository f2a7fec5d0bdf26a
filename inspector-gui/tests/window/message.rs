//! The selected message: its fields, its bytes, and copying them.

use super::*;

#[test]
fn selecting_a_row_shows_its_fields() {
    let mut harness = sample_window();
    click(&mut harness, "to 0: welcome, lost");
    assert_eq!(view(&harness).selected(), Some(1.into()));
    harness.get_by_label("#1 ACK");
    harness.get_by_label_contains("payload_length: ");
}

#[test]
fn selecting_a_field_highlights_its_bytes_and_shows_all_of_it() {
    let mut harness = sample_window();
    click(&mut harness, "sequence: 0");
    assert_eq!(view(&harness).highlighted().unwrap().range, 12..16);
    harness.get_by_label("sequence: bytes 12 to 15 (4 bytes)");
    harness.get_by_label_contains("packet 4, file offset");
    harness.get_by_label("Deselect").click();
    settle(&mut harness);
    assert_eq!(view(&harness).highlighted(), None);
}

#[test]
fn selecting_a_byte_highlights_its_field() {
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
    assert_eq!(view(&harness).highlighted().unwrap().path.as_deref(), Some("version"));
    harness.get_by_label("version: byte 2");
}

#[test]
fn copied_text_is_in_the_clipboard() {
    let mut harness = sample_window();
    let field = harness.get_by_label_contains("user: lost").rect().center();
    secondary_click(&mut harness, field);
    harness.get_by_label("Copy as Python bytes").click();
    assert_eq!(copied(&mut harness), "b'lost'");
    // The key copies what is highlighted, or the row's summary.
    for (path, text) in [(None, "#0 LOGIN user lost"), (Some("payload.user"), "lost")] {
        if let Some(path) = path {
            harness.state_mut().highlight_field(path);
        }
        harness.event(eframe::egui::Event::Copy);
        assert_eq!(copied(&mut harness), text);
    }
}

#[test]
fn a_message_is_saved_as_a_seed() {
    let mut harness = sample_window();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus/seeds/frames/login");
    harness.state_mut().save_row_to(0.into(), &path);
    settle(&mut harness);
    harness.get_by_label_contains("Saved the 46 bytes of #0 as");
    let bytes = std::fs::read(&path).unwrap();
    // The seed opens as what it is.
    let harness = window(Source::from_bytes("login", bytes), false);
    harness.get_by_label("#0 LOGIN");
}
