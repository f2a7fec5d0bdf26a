//! Messages under each other, and the data inspector.

use super::*;

fn aligned_window() -> Window {
    let mut harness = sample_window();
    harness.state_mut().show_tab(Tab::Aligned);
    settle(&mut harness);
    harness
}

#[test]
fn the_data_inspector_shows_and_copies_what_the_bytes_at_the_cursor_are() {
    let mut harness = sample_window();
    assert!(!shows(&harness, "uint32"));
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    assert!(harness.state().settings().panels.inspector);
    // Nothing is selected: the first byte.
    harness.get_by_label("uint16 big-endian: 62797");
    harness.get_by_label("Little-endian").click();
    settle(&mut harness);
    harness.get_by_label("uint16 little-endian: 19957").click();
    assert_eq!(copied(&mut harness), "19957");
    click(&mut harness, "payload_length: ");
    harness.get_by_label_contains("byte 8 (0x8); 4 bytes selected");
    press(&mut harness, Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(view(&harness).cursor(), Some(7));
    assert_eq!(view(&harness).highlighted().unwrap().path.as_deref(), Some("extensions_length"));
}

#[test]
fn messages_of_a_kind_are_under_each_other_and_a_click_selects_a_byte() {
    let mut harness = aligned_window();
    harness.get_by_label("Kind: all").click();
    settle(&mut harness);
    harness.get_by_label("DATA").click();
    settle(&mut harness);
    assert!(shows(&harness, "#2 DATA: f5 4d 01 03"), "the bytes of a message");
    assert!(!shows(&harness, "#0 LOGIN: f5"));
    let line = harness.get_by_label_contains("#2 DATA: f5 4d").rect();
    let header = harness.get_by_label_contains("Columns 0 to ").rect();
    // The fourth cell, behind the gutter.
    let cell = Vec2::new(190.0 + 3.4 * 3.0 * 7.8, 0.0);
    let at = line.left_center() + cell;
    harness.hover_at(at);
    harness.run_steps(2);
    harness.drag_at(at);
    harness.drop_at(at);
    settle(&mut harness);
    assert_eq!((view(&harness).selected(), view(&harness).cursor()), (Some(2.into()), Some(3)));
    assert_eq!(view(&harness).highlighted().unwrap().path.as_deref(), Some("kind"));
    // The column is chosen, and can be followed.
    harness.get_by_label("Correlation with: length").click();
    settle(&mut harness);
    click(&mut harness, "The chosen column: byte 3");
    harness.hover_at(header.left_top() + cell + Vec2::new(0.0, 30.0));
    harness.run_steps(3);
    harness.get_by_label("Correlation with: position 3");
}

#[test]
fn the_selected_message_stays_visible_when_others_are_filtered_out() {
    let mut harness = aligned_window();
    harness.state_mut().go_to(200.into());
    settle(&mut harness);
    assert!(shows(&harness, "#200 ACK: f5 4d"));
    harness.state_mut().type_filter("row >= 150");
    settle(&mut harness);
    assert!(shows(&harness, "#200 ACK: f5 4d"));
}

#[test]
fn a_byte_leads_to_the_messages_that_have_it_at_its_place() {
    let mut harness = aligned_window();
    let all = view(&harness).row_count();
    let line = harness.get_by_label_contains("#2 DATA: f5 4d").rect();
    secondary_click(&mut harness, line.left_center() + Vec2::new(190.0 + 3.4 * 3.0 * 7.8, 0.0));
    harness.get_by_label("Messages with 03 here");
    click(&mut harness, "Add to filter: ");
    assert_eq!(view(&harness).scope().filter.as_deref(), Some(r#"bytes matches "(?s-u)^.{3}\\x03""#));
    let index = harness.state().document().unwrap().index();
    let rows: Vec<RowId> =
        (0..view(&harness).row_count()).filter_map(|at| view(&harness).row_at(at)).collect();
    assert!(!rows.is_empty() && rows.len() < all);
    let has_kind =
        |row: &RowId| index.row(*row).is_some_and(|row| index.kind(&row).is_none_or(|kind| kind == "DATA"));
    assert!(rows.iter().all(has_kind));
}

#[test]
fn messages_are_aligned_at_their_ends_or_where_selected_bytes_occur() {
    let mut harness = aligned_window();
    harness.get_by_label("Align at: start").click();
    settle(&mut harness);
    click(&mut harness, "The end of each message");
    assert!(shows(&harness, " to -1 of "), "the last byte is visible");
    harness.state_mut().highlight_field("payload.user");
    settle(&mut harness);
    harness.get_by_label("Align at: end").click();
    settle(&mut harness);
    click(&mut harness, "The first \"lost\" (the selected bytes)");
    assert!(shows(&harness, "does not have") || shows(&harness, "#0 LOGIN: "));
    assert!(shows(&harness, "Align at: \"lost\""));
}

#[test]
fn kept_messages_are_compared_with_those_of_another_capture() {
    let mut harness = aligned_window();
    harness.state_mut().type_filter("kind == DATA");
    settle(&mut harness);
    click(&mut harness, "Keep to compare");
    harness.get_by_label("No position differs between the two sets more than within them.");
    harness.state_mut().type_filter("kind == ACK");
    settle(&mut harness);
    assert!(shows(&harness, "between the two sets more than within them:"));
    click(&mut harness, "3: 03 \u{2192} 04");
    let ctx = harness.ctx.clone();
    harness.state_mut().type_filter("");
    let other = Source::open(&corpus("captures/missive-chat/capture.pcapng")).unwrap();
    harness.state_mut().open(other, false, &ctx);
    settle(&mut harness);
    assert!(shows(&harness, "Kept: "), "it is there for another file");
    click(&mut harness, "Stop comparing");
    assert!(!shows(&harness, "Kept: "));
}

#[test]
fn a_choice_without_messages_says_how_to_get_some() {
    let mut harness = aligned_window();
    harness.state_mut().type_filter("type == skipped");
    settle(&mut harness);
    click(&mut harness, "Show skipped bytes too");
    assert!(shows(&harness, " skipped: "));
}
