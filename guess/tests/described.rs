//! How often the boundaries of messages are found, in protocols whose descriptions are drawn at random, and whose messages the descriptions
//! encode themselves.
//!
//! `GUESS_DRAWS=1000 cargo test -p framescope-guess --test described -- --nocapture` draws more, and prints those that were missed.
#![expect(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::collections::HashSet;
use std::fmt::Write;

use framescope_checking::{Random, generate_valid};
use framescope_guess::Run;
use framescope_guess::framing::{Framed, of_both};
use framescope_ksy::Described;

/// A description: a head, a body that a field says the length or the end of, and perhaps a check.
fn description(random: &mut Random) -> String {
    let order = pick(random, &["be", "le"]);
    let mut text = format!("meta: {{id: mine, endian: {order}, encoding: ASCII}}\nseq:\n");
    let mut line = |field: &str| _ = writeln!(text, "  - {field}");
    let ends_with_line = random.one_in(10);
    if !ends_with_line && random.one_in(4) {
        line("{id: magic, contents: [0xf7, 0x4d]}");
    }
    let is_tagged = !ends_with_line && random.below(5) > 0;
    if is_tagged {
        line("{id: kind, type: u1, enum: kind, valid: {in-enum: true}}");
    }
    if !ends_with_line && random.one_in(3) {
        line("{id: flags, type: u1, valid: {max: 7}}");
    }
    let check = pick(random, &["", "", "", "u1 xor-8", "u2 crc-16/modbus", "u2 internet", "u4 crc-32"]);
    let check = if ends_with_line { "" } else { check };
    let check_size = check.get(1..2).and_then(|size| size.parse::<usize>().ok()).unwrap_or(0);
    let body = if is_tagged {
        "{switch-on: kind, cases: {kind::one: one, kind::two: two, kind::three: three}}"
    } else {
        "one"
    };
    if ends_with_line {
        // One of HELO, DATA, STAT and QUIT.
        line("{id: word, type: u4be, valid: {any-of: [0x48454c4f, 0x44415441, 0x53544154, 0x51554954]}}");
        line("{id: text, type: str, terminator: 0x0a}");
    } else if random.one_in(10) {
        line("{id: body, size: 12, type: fixed}");
    } else {
        let size = pick(random, &["u1", "u2", "u2", "u2", "u4"]);
        let more = pick(random, &[0, 0, 0, 2]);
        // What it counts beside the body.
        let beyond = pick(random, &[0, 0, check_size, 4 + more]);
        line(&format!("{{id: length, type: {size}}}"));
        if more > 0 {
            line("{id: sequence, type: u2}");
        }
        line(&format!("{{id: body, size: length - {beyond}, type: {body}}}"));
    }
    if let Some((of_type, algorithm)) = check.split_once(' ') {
        line(&format!("{{id: check, type: {of_type}, -check: {algorithm}}}"));
    }
    text.push_str("enums: {kind: {1: one, 2: two, 3: three}}\ntypes:\n");
    for name in ["one", "two", "three", "fixed"] {
        _ = writeln!(text, "  {name}:\n    seq:");
        for number in 0..1 + random.below(4) {
            let field = pick(
                random,
                &[
                    "type: u1",
                    "type: u2",
                    "type: u4",
                    "type: u1, valid: {max: 9}",
                    "type: u2, valid: {max: 500}",
                    "type: f8",
                    "size: 3",
                    "contents: [0, 0]",
                    "type: text",
                ],
            );
            let field = if name == "fixed" && field == "type: text" { "type: u1" } else { field };
            _ = writeln!(text, "      - {{id: f{number}, {field}}}");
        }
        if name != "fixed" && random.one_in(2) {
            let rest = pick(random, &["size-eos: true", "type: str, size-eos: true"]);
            _ = writeln!(text, "      - {{id: rest, {rest}}}");
        }
    }
    text.push_str("  text: {seq: [{id: size, type: u1}, {id: value, type: str, size: size}]}\n");
    text
}

fn pick<T: Copy>(random: &mut Random, all: &[T]) -> T {
    all[random.below(all.len())]
}

/// Conversations in which the client says messages, and where each message ends.
fn talks(protocol: &Described, count: usize, random: &mut Random) -> Vec<(Run, Vec<usize>)> {
    let style = random.below(3);
    let parts = 1 + random.below(4);
    let talk = |_| {
        let mut run = Run { begins: true, ends: true, ..Run::default() };
        let mut ends = Vec::new();
        for _ in 0..count * 4 {
            if ends.len() == count / parts {
                break;
            }
            let Some(message) = generate_valid(protocol, random) else { continue };
            // Each in a segment of its own; some share one; or segments are full.
            if (style == 0 || style == 1 && !random.one_in(3)) && !run.bytes.is_empty() {
                run.segments.push(run.bytes.len());
            }
            run.bytes.extend(message);
            ends.push(run.bytes.len());
        }
        if style == 2 {
            run.segments = (1448..run.bytes.len()).step_by(1448).collect();
        }
        run.segments.insert(0, 0);
        run.times = vec![0; run.segments.len()];
        (run, ends)
    };
    (0..parts).map(talk).collect()
}

/// Whether a description's messages are found; None if it encodes hardly any that are valid.
fn is_found(seed: u32, count: usize) -> Option<bool> {
    let random = &mut Random::new(seed.wrapping_mul(0x9E37_79B9));
    let text = description(random);
    let protocol = Described::from_ksy(&text).unwrap_or_else(|error| panic!("{seed}: {error}\n{text}"));
    let talks = talks(&protocol, count, random);
    let runs: Vec<&Run> = talks.iter().map(|(run, _)| run).collect();
    let all: usize = talks.iter().map(|(_, ends)| ends.len()).sum();
    if all < count / 2 {
        return None;
    }
    let [found, _] = of_both([&runs, &[]], 5000);
    let mut right = 0;
    for (run, ends) in &talks {
        let messages =
            |framed: &Framed| framed.framing.find(run, usize::MAX).messages().collect::<HashSet<_>>();
        let messages = found.first().map(messages).unwrap_or_default();
        let begins = std::iter::once(&0).chain(ends);
        right += begins.zip(ends).filter(|(begin, end)| messages.contains(&(**begin..**end))).count();
    }
    let share = right as f64 / all as f64;
    if share < 0.99 {
        println!("{seed}: {share:.2} of {all}: {text}{:?}", found.first());
    }
    Some(share >= 0.99)
}

#[test]
fn boundaries_are_found_in_what_descriptions_encode() {
    let draws = std::env::var("GUESS_DRAWS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let found: Vec<bool> = (0..).filter_map(|seed| is_found(seed, 200)).take(draws).collect();
    let right = found.iter().filter(|is_right| **is_right).count();
    println!("{right} of {draws}");
    assert!(right * 10 >= draws * 9, "{right} of {draws}");
}
