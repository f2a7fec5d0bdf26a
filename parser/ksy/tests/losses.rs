//! Bytes of a conversation that are lost or damaged: in which state what follows them is read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test that finds none of what it looks for fails.

mod talk;

use framescope_ksy::Described;
use framescope_parser::{Confidence, Protocol, Sample};
use talk::{CLIENT, Gap, Row, SERVER, rows, says, short, split};

/// Lines until one says that packets follow, then packets until one says that lines do.
const TWO: &str = "
meta:
  id: two
  endian: be
  -framescope:
    conversation:
      both: line
      states:
        line: {then: [{when: 'text == \"packets\"', next: packet, peer: packet}]}
        packet: {then: [{when: kind == 9, next: line, peer: line}]}
types:
  line: {seq: [{id: text, type: str, encoding: ASCII, terminator: 10}]}
  packet: {seq: [{id: mark, contents: [0xaa, 0x55]}, {id: kind, type: u1, valid: {max: 9}}, {id: length, type: u1}, {id: body, size: length}]}
";

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xaa, 0x55, kind, u8::try_from(body.len()).unwrap()], body].concat()
}

#[test]
fn after_a_loss_the_state_that_fits_is_chosen_and_named() {
    let two = Described::from_ksy(TWO).unwrap();
    let packets = [packet(1, b"abc"), packet(2, b"\n\n"), packet(3, b"")].concat();
    let pieces = [says(CLIENT, "hello\n"), Gap(CLIENT, 8), says(CLIENT, &packets)];
    for size in [1, 2, 100] {
        let rows = rows(&two, &split(&pieces, size));
        let found: Vec<String> = rows.iter().map(Row::short).collect();
        let expected = [
            "client line Message 6",
            "client line Gap 8",
            "client packet Message 7 state-unknown",
            "client packet Message 6",
            "client packet Message 4",
        ];
        assert_eq!(found, expected, "{size}");
        let (_, text) = rows[2].note.as_ref().unwrap();
        assert!(text.ends_with("read as 'packet'"), "{text}");
    }
}

#[test]
fn a_loss_may_hide_what_the_other_direction_was_told() {
    let two = Described::from_ksy(TWO).unwrap();
    let pieces = [
        says(CLIENT, "hello\n"),
        Gap(CLIENT, 8),
        says(SERVER, packet(1, b"")),
        says(CLIENT, packet(1, b"")),
        says(SERVER, packet(1, b"")),
    ];
    let expected = [
        "client line Message 6",
        "client line Gap 8",
        "client packet Message 4 state-unknown",
        "server packet Message 4 state-unknown",
        "server packet Message 4",
    ];
    assert_eq!(short(&two, &pieces), expected);
}

#[test]
fn the_present_state_stays_if_it_fits() {
    let two = Described::from_ksy(TWO).unwrap();
    let pieces = [says(CLIENT, "hello\n"), Gap(CLIENT, 8), says(CLIENT, "still\nlines\n")];
    let expected = [
        "client line Message 6",
        "client line Gap 8",
        "client line Message 6 state-unknown",
        "client line Message 6",
    ];
    assert_eq!(short(&two, &pieces), expected);
}

#[test]
fn a_rule_over_missing_bytes_may_have_applied() {
    let fields = "{id: kind, type: u1, valid: {max: 9}}, {id: length, type: u1}";
    let two =
        Described::from_ksy(&TWO.replace(fields, "{id: length, type: u1}, {id: kind, type: u1}")).unwrap();
    let whole = b"\xaa\x55\x0a\x020123456789";
    let begin = says(CLIENT, b"packets\n\xaa\x55\x03\x01abc");
    let end = says(CLIENT, b"\xaa\x55\x00\x04");
    // Bytes of the body are missing, or the one that the rule is about.
    let cut = |at: usize, to: usize| {
        let middle = [says(CLIENT, &whole[..at]), Gap(CLIENT, (to - at) as u64), says(CLIENT, &whole[to..])];
        [std::slice::from_ref(&begin), &middle, std::slice::from_ref(&end)].concat()
    };
    let expected = ["line Message 8", "packet Message 7", "packet Message 14", "packet Message 4"];
    let expected = expected.map(|row| format!("client {row}"));
    assert_eq!(short(&two, &cut(6, 9)), expected);
    let found = short(&two, &cut(3, 4));
    assert_eq!(found[..3], expected[..3]);
    assert_eq!(found[3], format!("{} state-unknown", expected[3]));
}

#[test]
fn damage_that_hides_nothing_is_not_mentioned() {
    let text = TWO.replace("kind == 9, next: line, peer: line", "kind == 9, next: packet");
    let two = Described::from_ksy(&text).unwrap();
    let stream = [&b"packets\n"[..], &packet(1, b"abc"), b"noise", &packet(2, b"")].concat();
    let found = short(&two, &[says(CLIENT, &stream)]);
    let expected = ["line Message 8", "packet Message 7", "packet Skipped(NotAFrame) 5", "packet Message 4"];
    assert_eq!(found, expected.map(|row| format!("client {row}")));
}

#[test]
fn the_first_message_of_either_side_shows_the_protocol() {
    let two = Described::from_ksy(&TWO.replace("both: line", "client: line\n      server: packet")).unwrap();
    let packets = packet(1, b"").repeat(3);
    let sample = |bytes| Sample { bytes, segment_ends: &[] };
    assert_eq!(two.detect(sample(&packets)), Confidence::Certain);
    assert_eq!(two.detect(sample(b"hello\n")), Confidence::No);
}

#[test]
fn a_direction_without_variables_takes_little_memory() {
    let two = Described::from_ksy(TWO).unwrap();
    assert!(two.conversation().unwrap().size() <= 200, "{}", two.conversation().unwrap().size());
}
