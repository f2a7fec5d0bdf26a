//! Messages of which some bytes were not captured.

use framescope_capture::FlowId;

use super::*;

#[test]
fn a_hole_is_one_line_and_bytes_after_it_keep_their_offsets() {
    let (mut harness, _) = holes_window(0.into(), 3038);
    harness.get_by_label_contains("which end at the vertical lines; 1,448 of them were not captured");
    harness.state_mut().highlight_field("payload (rest)");
    settle(&mut harness);
    assert!(shows(&harness, "payload (rest): not captured"));
    harness.get_by_label("payload (rest): bytes 1448 to 3033 (1586 bytes)");
    assert!(shows(&harness, "bytes 1448 to 3033 (1586 bytes), 1,448 of them not captured"));
    let hole = "… 1,448 bytes not captured (1448 to 2895) …";
    click(&mut harness, hole);
    let marked = view(&harness).highlighted().unwrap();
    assert_eq!((marked.range.clone(), marked.path.as_deref()), (1448..2896, Some("payload (rest)")));
    // From bytes after the hole to their field.
    let line = harness.get_by_label_contains("00000b50  ").rect();
    let width = line.width() / 76.0;
    let byte = |column: f32| line.left_center() + Vec2::new(width * (10.0 + column * 3.0 + 1.0), 0.0);
    harness.hover_at(byte(2.0));
    harness.run_steps(3);
    let hovered = view(&harness).hovered().unwrap();
    assert_eq!(hovered.path.as_deref(), Some("payload (rest)._captured"));
    assert_eq!(hovered.range, 2896..3034);
    // And from a field to its bytes: the checksum is the last four.
    harness.state_mut().highlight_field("checksum");
    settle(&mut harness);
    harness.get_by_label("checksum: bytes 3034 to 3037 (4 bytes)");
    secondary_click(&mut harness, byte(2.0));
    harness.get_by_label("Hex").click();
    assert_eq!(copied(&mut harness), "638571af");
}

#[test]
fn bytes_on_both_sides_of_a_hole_are_in_the_columns_of_their_offsets() {
    let (mut harness, _) = holes_window(4.into(), 3024);
    harness.state_mut().highlight_field("payload (rest)");
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
    // The empty columns before it are not bytes.
    harness.hover_at(column(3.0));
    harness.run_steps(3);
    assert_eq!(view(&harness).hovered(), None);
}

#[test]
fn a_hole_is_copied_as_a_hole_or_not_at_all() {
    let (mut harness, _) = holes_window(0.into(), 3038);
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
    let (mut harness, row) = holes_window(0.into(), 3038);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    harness.state_mut().save_row_to(row, &path);
    settle(&mut harness);
    harness.get_by_label_contains(&format!(
        "#{row} was not saved: 1448 of its 3038 bytes are missing from the capture"
    ));
    assert!(!path.exists());
}

#[test]
fn the_transcript_shows_holes() {
    let (mut harness, _) = holes_window(0.into(), 3038);
    harness.state_mut().show_tab(Tab::Transcript);
    settle(&mut harness);
    harness.get_by_label("Text").click();
    settle(&mut harness);
    // Of the login with 96 captured bytes of each packet the name is there.
    let login = {
        let index = harness.state().document().unwrap().index();
        let is_login =
            |row: &framescope_capture::Row| row.flow() == FlowId::from(4) && index.kind(row) == Some("LOGIN");
        index.rows().find(|(_, row)| is_login(row)).unwrap().0
    };
    harness.state_mut().go_to(login);
    settle(&mut harness);
    assert!(shows(&harness, "snaplen"));
    assert!(shows(&harness, "[22 bytes not captured (30 to 51)]"));
}

#[test]
fn why_a_message_is_incomplete_is_explained() {
    let (mut harness, _) = holes_window(0.into(), 3038);
    harness.state_mut().show_tab(Tab::Problems);
    settle(&mut harness);
    for code in ["incomplete", "continuation"] {
        click(&mut harness, code);
        assert!(shows(&harness, "Usual cause:") && shows(&harness, "What to do:"), "{code}");
        click(&mut harness, code);
    }
}

#[test]
fn a_message_with_a_hole_is_compared_as_far_as_it_was_captured() {
    // A whole message of flow 5, and one of the same length whose packets were cut.
    let (mut harness, _) = holes_window(5.into(), 3024);
    press(&mut harness, Modifiers::COMMAND, Key::D);
    let cut = {
        let index = harness.state().document().unwrap().index();
        index.rows().find(|(_, row)| row.flow() == FlowId::from(4) && row.length == 3024).unwrap().0
    };
    harness.state_mut().go_to(cut);
    settle(&mut harness);
    harness.get_by_label("payload_length same: 3000 / 3000");
    click(&mut harness, "Only differences");
    assert!(shows(&harness, "payload.content differs: late-start 2, line 001"));
    assert!(shows(&harness, "payload (rest) differs: absent / not captured"));
    assert!(shows(&harness, "checksum differs: 0x5067f891 / not captured"));
}
