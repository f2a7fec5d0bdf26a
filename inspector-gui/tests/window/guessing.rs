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
    // Of the other answers, another may fit as well.
    assert!(shows(&harness, "Of what was kept apart: 100.0 % of 74 bytes, as 6 messages without a problem."));
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

/// Bytes of the selected message.
fn mark(harness: &mut Window, range: std::ops::Range<usize>) {
    let line = harness.get_by_label_contains("#0 ").rect();
    let cell = |at: usize| {
        let at = u16::try_from(at).unwrap();
        line.left_center() + Vec2::new(190.0 + (f32::from(at) + 0.3) * 3.0 * 7.8, 0.0)
    };
    let (from, to) = (cell(range.start), cell(range.end - 1));
    harness.hover_at(from);
    harness.run_steps(2);
    harness.drag_at(from);
    if from != to {
        harness.run_steps(2);
        harness.hover_at(to);
        harness.run_steps(2);
    }
    harness.drop_at(to);
    settle(harness);
    let marked = view(harness).highlighted().map(|what| what.range.clone());
    assert_eq!(marked, Some(range), "{line:?} {:?}", view(harness).selected());
}

#[test]
fn marked_bytes_are_said_to_be_something_which_is_taken_back_and_used() {
    let mut harness = modbus_window();
    // No description, and nothing was guessed: the rows are the bytes of each direction.
    harness.state_mut().show_tab(Tab::Aligned);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    click(&mut harness, "Show skipped bytes too");
    assert!(shows(&harness, "20 messages with 250 of 250 bytes"));
    mark(&mut harness, 4..6);
    harness.get_by_label("Bytes 4 to 5 of each message");
    assert!(shows(&harness, "as all 20 messages agree"));
    click(&mut harness, "length of what follows it, big-endian");
    harness.get_by_label("bytes 4 to 5: length of what follows it, big-endian");
    harness.get_by_label("holds in 20 of 20");
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert!(!shows(&harness, "holds in 20 of 20"));
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    harness.get_by_label("holds in 20 of 20");
    mark(&mut harness, 2..4);
    click(&mut harness, "always 00 00");
    mark(&mut harness, 7..8);
    click(&mut harness, "kind of the message");
    harness.get_by_label("Use").click();
    settle(&mut harness);
    assert_eq!(messages(&harness), 20);
    let text = harness.state_mut().editor_mut().unwrap().text.clone();
    assert!(
        text.contains("- id: length\n    type: u2\n") && text.contains("said by hand: always 00 00"),
        "{text}"
    );
    assert!(text.contains("kind: kind"), "{text}");
}

#[test]
fn what_does_not_hold_leads_to_the_message() {
    let mut harness = modbus_window();
    click(&mut harness, "What could this be?");
    click(&mut harness, "Use 1");
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    mark(&mut harness, 7..8);
    click(&mut harness, "always 03 (holds in ");
    harness.get_by_label("holds in 5 of 20");
    harness.get_by_label("#2").click_accesskit();
    settle(&mut harness);
    assert_eq!(view(&harness).selected(), Some(2.into()));
    harness.get_by_label("Remove").click_accesskit();
    settle(&mut harness);
    assert!(!shows(&harness, "and not in"));
}

#[test]
fn the_next_best_guess_is_accepted() {
    let mut harness = modbus_window();
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    assert!(shows(&harness, "bytes 0 to 1: counter, big-endian ("));
    click(&mut harness, "Accept");
    harness.get_by_label("bytes 0 to 1: counter, big-endian");
    assert!(!shows(&harness, "bytes 0 to 1: counter, big-endian ("), "it is proposed no more");
}

#[test]
fn messages_of_a_guessed_description_are_kept_and_compared_with_those_of_another_capture() {
    let mut harness = modbus_window();
    // Without a protocol what is kept are the bytes of each direction.
    harness.state_mut().show_tab(Tab::Aligned);
    settle(&mut harness);
    click(&mut harness, "Show skipped bytes too");
    click(&mut harness, "Keep to compare");
    assert!(shows(&harness, "(2 messages, 121 to 129 bytes)"));
    click(&mut harness, "What could this be?");
    click(&mut harness, "Use 1");
    harness.state_mut().show_tab(Tab::Aligned);
    settle(&mut harness);
    assert!(shows(&harness, "now: 9 to 19 bytes."));
    click(&mut harness, "Keep to compare");
    let ctx = harness.ctx.clone();
    let again = Source::open(&corpus("formats/modbus/capture.pcapng")).unwrap();
    harness.state_mut().open(again, false, &ctx);
    settle(&mut harness);
    assert_eq!(messages(&harness), 20, "the description is still in the editor");
    assert!(shows(&harness, "(20 messages, 9 to 19 bytes)"));
    harness.get_by_label("No position differs between the two sets more than within them.");
    harness.state_mut().type_filter("direction == backward");
    settle(&mut harness);
    assert!(shows(&harness, "now: 9 to 17 bytes."));
}
