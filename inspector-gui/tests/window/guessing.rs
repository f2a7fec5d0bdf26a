//! What conversations could be that no protocol explains: asked, used, and found out by hand.

use super::*;

fn modbus_window() -> Window {
    window(Source::open(&corpus("formats/modbus/capture.pcapng")).unwrap(), false)
}

/// How many rows are messages.
fn messages(harness: &Window) -> usize {
    let index = harness.state().document().unwrap().index();
    index.rows().filter(|(_, row)| row.span_type == framescope_parser::SpanType::Message).count()
}

#[test]
fn a_conversation_without_a_protocol_is_described_by_what_is_guessed() {
    let mut harness = modbus_window();
    assert_eq!(messages(&harness), 0);
    click(&mut harness, "What could this be?");
    harness.get_by_label("What could TCP port 502 be?");
    harness.get_by_label_contains(
        "Of what it was not made of, it explains 100.0 % of 74 bytes kept apart, in 6 messages",
    );
    click(&mut harness, "Use 1");
    harness.get_by_label("guessed_tcp_502.ksy (modified)");
    assert_eq!(messages(&harness), 20);
    // What was used can be taken back.
    click(&mut harness, "Close");
    assert_eq!(messages(&harness), 0);
}

#[test]
fn a_text_in_the_editor_is_not_lost_to_a_guess() {
    let mut harness = modbus_window();
    press(&mut harness, Modifiers::COMMAND, Key::E);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::G);
    let before = harness.state_mut().editor_mut().unwrap().text.clone();
    click(&mut harness, "Use 1");
    harness.get_by_label_contains("The editor has a description that is not saved.");
    assert_eq!(harness.state_mut().editor_mut().unwrap().text, before);
}

#[test]
fn random_bytes_are_said_to_be_nothing_that_is_known_and_lead_to_the_bytes() {
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let bytes: Vec<u8> = (0..4000).map(|_| byte()).collect();
    let mut harness = window(Source::from_bytes("random", bytes), false);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::G);
    harness.get_by_label("Nothing was found.");
    click(&mut harness, "Look at the bytes (Align)");
    assert!(shows(&harness, " skipped: ") || shows(&harness, "#0 "));
}

#[test]
fn a_question_can_be_cancelled_and_asked_again() {
    let mut harness = modbus_window();
    harness.get_all_by_label("What could this be?").next().unwrap().click();
    harness.run_steps(2);
    click(&mut harness, "Cancel");
    harness.get_by_label("Cancelled.");
    click(&mut harness, "What could this be?");
    assert!(shows(&harness, "Use 1"));
}
