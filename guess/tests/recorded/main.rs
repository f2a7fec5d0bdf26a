//! How well formats are guessed of which there is real traffic: those of the corpus without their descriptions, and those of `formats`
//! beside this, that were never described.
//!
//! `cargo test -p framescope-guess --test recorded -- --nocapture` prints a table. `GUESS_FORMAT=NAME` looks at one format, and says more.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::panic,
    reason = "a test"
)]

mod claims;
mod known;
mod table;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use known::Known;
use table::{Measured, Totals, percent};

/// What must be reached with 20, with 200 and with all messages, in percent: formats of which 99 % of the messages are found, bytes in the right
/// kind of field, and checks.
const LEAST: [(usize, [usize; 3]); 3] = [(20, [77, 41, 90]), (200, [88, 70, 95]), (usize::MAX, [88, 70, 95])];

/// A format guessed from 20, from 200 and from all messages.
fn measured(known: &Known) -> [Arc<Measured>; 3] {
    let all = Arc::new(Measured::of(known));
    LEAST.map(|(count, _)| match known.count() {
        messages if messages > count => Arc::new(Measured::of(&known.first(count))),
        _ => all.clone(),
    })
}

fn all() -> Vec<Known> {
    let wanted = std::env::var("GUESS_FORMAT").ok();
    let is_wanted = |name: &&String| wanted.as_ref().is_none_or(|wanted| wanted == *name);
    let described = known::names("../corpus/formats");
    let recorded = known::names("tests/formats");
    let described = described.iter().filter(is_wanted).map(|name| known::described(name));
    described.chain(recorded.iter().filter(is_wanted).map(|name| known::recorded(name))).collect()
}

#[test]
fn messages_fields_and_checks_of_recorded_formats_are_found_in_descriptions_that_are_loaded() {
    let all = all();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, [Arc<Measured>; 3])>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((number, known)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    all.get(number).map(|known| (number, known))
                } {
                    let measured = measured(known);
                    results.lock().unwrap().push((number, measured));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(number, _)| *number);
    println!(
        "format | messages | 20: client, server, bytes | 200: client, server, bytes | all: client, server, bytes, checks, sure and wrong, confidence"
    );
    for (number, [few, many, most]) in &results {
        let known = &all[*number];
        let of = |one: &Measured| format!("{} {} {}", one.share(0), one.share(1), percent(one.bytes));
        println!(
            "{} | {} | {} | {} | {} {} of {}, {} of {}, {:.2}",
            known.name,
            known.count(),
            of(few),
            of(many),
            of(most),
            most.checks.0,
            most.checks.1,
            most.sure.0,
            most.sure.1,
            most.confidence
        );
        if std::env::var_os("GUESS_FORMAT").is_some() {
            for one in [few, many, most] {
                for framed in one.framings.iter().flatten() {
                    println!("{:?} {:?} {:?}", framed.framing.preamble, framed.framing.rule, framed.weight);
                }
                println!(
                    "{:.2} {:#?} {:#?} {:#?} {:?}",
                    one.confidence, one.evidence, one.false_claims, one.missed, one.confused
                );
            }
        }
    }
    let mut missed = Vec::new();
    for (at, (count, least)) in LEAST.iter().enumerate() {
        let measured: Vec<&Measured> = results.iter().map(|(_, measured)| &*measured[at]).collect();
        let totals = Totals::of(&measured);
        println!(
            "{}: 99 % of the messages found in {} of {} formats ({}), bytes in the right kind of field {}, checks {} of {}, sure and wrong {} of {} ({})",
            if *count == usize::MAX { "all".to_owned() } else { count.to_string() },
            totals.found.0,
            totals.found.1,
            percent(totals.found),
            percent(totals.bytes),
            totals.checks.0,
            totals.checks.1,
            totals.sure.0,
            totals.sure.1,
            percent(totals.sure)
        );
        for (bin, (all, right, confidence)) in totals.bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0) {
            println!(
                "    confidence 0.{bin} to 0.{}: {right} of {all} right, {:.2} on average",
                bin + 1,
                confidence / *all as f64
            );
        }
        for (least, (right, of)) in least.iter().zip([totals.found, totals.bytes, totals.checks]) {
            if right * 100 < of * least {
                missed.push((count, right, of, least));
            }
        }
    }
    assert!(missed.is_empty() || std::env::var_os("GUESS_FORMAT").is_some(), "{missed:?}");
}
