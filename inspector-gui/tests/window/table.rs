//! The table of messages: selecting, sorting, going to a row.

use framescope_capture::RowId;

use super::*;

#[test]
fn the_sample_is_labelled_and_shows_its_messages() {
    let harness = sample_window();
    harness.get_by_label("Sample capture");
    harness.get_by_label_contains("LOGIN, 46, user lost");
    harness.get_by_label("All conversations (6)");
    harness.get_by_label("6 errors");
    harness.get_by_label("6 warnings");
}

#[test]
fn a_conversation_narrows_the_table_and_all_conversations_restore_it() {
    let mut harness = sample_window();
    let all = view(&harness).row_count();
    harness.get_all_by_label_contains(" - 127.0.0.1:9000").nth(2).unwrap().click();
    settle(&mut harness);
    assert_eq!(view(&harness).flow(), Some(2.into()));
    assert!(view(&harness).row_count() < all);
    click(&mut harness, "All conversations (6)");
    assert_eq!(view(&harness).row_count(), all);
}

#[test]
fn the_keyboard_moves_the_selection_and_finds_problems() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(view(&harness).selected(), Some(1.into()));
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
    assert_eq!(view(&harness).selected(), u32::try_from(last).ok().map(RowId::from));
    press(&mut harness, Modifiers::NONE, Key::Home);
    press(&mut harness, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(view(&harness).highlighted().unwrap().path.as_deref(), Some("magic"));
    press(&mut harness, Modifiers::ALT, Key::ArrowDown);
    assert_eq!(view(&harness).highlighted().unwrap().path.as_deref(), Some("version"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(view(&harness).highlighted(), None);
    press(&mut harness, Modifiers::COMMAND, Key::J);
    assert_eq!(view(&harness).selected(), Some(1.into()), "the reply of the first request");
}

#[test]
fn a_row_that_the_filter_hides_is_reached_by_its_number() {
    let mut harness = sample_window();
    harness.state_mut().type_filter("kind == LOGIN");
    settle(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::G);
    harness.get_by_label_contains("Go to row (0 to").type_text("9999");
    settle(&mut harness);
    harness.get_by_label("No such row.");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::COMMAND, Key::G);
    harness.get_by_label_contains("Go to row (0 to").type_text("200");
    settle(&mut harness);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!((view(&harness).selected(), view(&harness).is_narrowed()), (Some(200.into()), false));
    assert!(shows(&harness, "200, 04:38"), "the row is in sight");
}

#[test]
fn the_palette_runs_commands_and_the_list_of_shortcuts_shows_keys() {
    let mut harness = sample_window();
    press(&mut harness, Modifiers::COMMAND, Key::K);
    harness.get_by_label("Search commands").type_text("show the lad");
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
fn columns_sort_move_hide_and_are_reset() {
    let mut harness = sample_window();
    click_heading(&mut harness, "Bytes");
    let lengths = |harness: &Window| -> Vec<u64> {
        let index = harness.state().document().unwrap().index();
        let rows = (0..view(harness).row_count()).filter_map(|place| view(harness).row_at(place));
        rows.map(|row| index.row(row).unwrap().length).collect()
    };
    let rising = lengths(&harness);
    assert!(rising.is_sorted() && rising.first() != rising.last());
    click_heading(&mut harness, "Bytes, sorted ascending");
    assert!(lengths(&harness).is_sorted_by(|a, b| a >= b));
    click_heading(&mut harness, "Bytes, sorted descending");
    assert_ne!(lengths(&harness), rising);
    assert_eq!(view(&harness).sort(), None);
    // Another column is chosen from the menu of a heading.
    let kind = heading(&harness, "Kind").rect().center();
    secondary_click(&mut harness, kind);
    click(&mut harness, "Protocol");
    assert!(harness.state().settings().columns.iter().any(|column| column.name == "protocol"));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    let ctx = harness.ctx.clone();
    harness.state_mut().act(Action::ResetColumns, &ctx);
    settle(&mut harness);
    assert!(harness.state().settings().columns.iter().all(|column| column.name != "protocol"));
    // A heading that is dragged over another one goes behind it.
    let (from, to) = (heading(&harness, "Flow").rect(), heading(&harness, "Destination").rect());
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
fn times_have_three_formats() {
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
        let time = index.time_ns(&index.row(1.into()).unwrap()).unwrap() - index.first_time_ns().unwrap();
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
