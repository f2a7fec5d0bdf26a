//! Filtering: typed, completed, and added to by a click.

use super::*;

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
    let logins: Vec<_> =
        (0..view(&harness).row_count()).filter_map(|place| view(&harness).row_at(place)).collect();
    assert!(!logins.is_empty() && logins.len() < all);
    {
        let index = harness.state().document().unwrap().index();
        assert!(logins.iter().all(|&row| index.kind(&index.row(row).unwrap()) == Some("LOGIN")));
    }
    harness.get_by_label_contains(&format!("{} of {all} rows", logins.len()));
    // While typing an arrow key moves the cursor, not the selection.
    let selected = view(&harness).selected();
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(view(&harness).selected(), selected);
    click(&mut harness, "Clear");
    assert_eq!(view(&harness).row_count(), all);
    harness.state_mut().type_filter("length > 1000000");
    settle(&mut harness);
    harness.get_by_label("No rows match the filter.");
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
        view(&harness).scope().filter.as_deref().map(str::trim),
        Some("payload.user == \"lost\" and kind == LOGIN")
    );
    press(&mut harness, Modifiers::NONE, Key::Escape);
    // Enter leaves the line, and the filter is stored.
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
    assert_eq!(view(&harness).scope().filter.as_deref(), Some("kind == LOGOUT "), "it is taken once");
    harness.get_by_label("Filter").type_text("or");
    settle(&mut harness);
    assert!(shows(&harness, "at character 18"), "and typing continues after it");
}

#[test]
fn a_cell_and_a_field_are_added_to_the_filter() {
    let mut harness = sample_window();
    let cell = harness.get_by_label_contains("LOGIN, 46, user lost").rect();
    // The kind comes after the row's number, time, flow and endpoints.
    let at = cell.left_center() + Vec2::new(16.0 + 48.0 + 126.0 + 44.0 + 118.0 * 2.0 + 30.0, 0.0);
    secondary_click(&mut harness, at);
    click(&mut harness, "Add to filter: kind == LOGIN");
    assert_eq!(view(&harness).scope().filter.as_deref(), Some("kind == LOGIN"));
    let field = harness.get_by_label_contains("user: lost").rect().center();
    secondary_click(&mut harness, field);
    click(&mut harness, "Add to filter: payload.user == \"lost\"");
    assert_eq!(view(&harness).scope().filter.as_deref(), Some("kind == LOGIN and payload.user == \"lost\""));
    assert_eq!(view(&harness).row_count(), 1);
}
