//! How often the claims on random layouts are right.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of the tests' own")]

use std::collections::BTreeMap;

use super::random::{Chance, Made, Talks, judge, made, parts};
use super::resolve::{compare, resolve};
use super::variable::{Tail, message, tail};
use super::{Edge, Field, Meaning, Taken, layout};
use crate::Message;

fn messages(parts: &[super::random::Part], count: u64, chance: &mut Chance) -> Vec<Made> {
    let talks = [1, 3, 8][chance.below(3) as usize].min(count / 6 + 1);
    let mut all = Vec::new();
    for talk in 0..talks {
        let mut state = Talks::new(chance);
        for _ in 0..count / talks {
            state.advance(chance);
            let mut message = made(talk as u32, state.time, chance);
            for (number, part) in parts.iter().enumerate() {
                state.write(number, part, &mut message, chance);
            }
            all.push(message);
        }
    }
    all
}

#[test]
fn claims_on_random_fixed_layouts_are_right_as_often_as_they_say() {
    let draws: u64 = std::env::var("DRAWS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let verbose = std::env::var("V").is_ok();
    let (mut right, mut all) = (0, 0);
    let mut sure = (0, 0);
    let mut buckets: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut kinds: BTreeMap<(&str, u32), (usize, usize)> = BTreeMap::new();
    let first = std::env::var("FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for seed in first..first + draws {
        let mut chance = Chance(seed);
        let parts = parts(&mut chance);
        let count = [12, 30, 100, 400][chance.below(4) as usize];
        let made = messages(&parts, count, &mut chance);
        let messages: Vec<Message<'_>> = made.iter().map(Made::message).collect();
        let found = layout(&messages, &[], &|| false);
        let (good, bytes, judged) = judge(&parts, &found);
        if std::env::var("FIELDS").is_ok() {
            println!("{parts:?}\n{:#?}", found.fields);
        }
        right += good;
        all += bytes;
        for claim in judged {
            let bucket = (claim.field.confidence * 10.0) as u32;
            let (is_sure, right) = (claim.field.confidence > 0.9, usize::from(claim.is_right));
            let entry = buckets.entry(bucket).or_default();
            *entry = (entry.0 + right, entry.1 + 1);
            let entry = kinds.entry((super::random::kind(&claim.field.meaning), bucket)).or_default();
            *entry = (entry.0 + right, entry.1 + 1);
            if is_sure {
                sure = (sure.0 + 1 - right, sure.1 + 1);
            }
            if verbose && (is_sure || claim.field.confidence > 0.7) && right == 0 {
                println!("{seed} {count} {:?}\n     really {}", claim.field, claim.really);
            }
        }
    }
    println!(
        "{right} of {all} bytes in the right kind of field; {} of {} sure claims are false",
        sure.0, sure.1
    );
    println!("{buckets:?}");
    for (kind, (right, all)) in &kinds {
        println!("{kind:?} {right}/{all} {:.2}", *right as f64 / *all as f64);
    }
    assert!(right * 10 >= all * 7, "{right} of {all} bytes in the right kind of field");
    assert!(sure.0 * 50 < sure.1, "{} of {} sure claims are false", sure.0, sure.1);
}

#[test]
fn random_messages_give_no_story() {
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let mut all = Vec::new();
        for number in 0..60 {
            let mut message =
                made(number % 3, 1_750_000_000_000_000_000 + i64::from(number) * 1_000_000_000, &mut chance);
            message.bytes = (0..64).map(|_| chance.next() as u8).collect();
            message.answers = (0..64).map(|_| chance.next() as u8).collect();
            all.push(message);
        }
        let messages: Vec<Message<'_>> = all.iter().map(Made::message).collect();
        let found = layout(&messages, &[], &|| false);
        for field in found.fields {
            let is_story = !matches!(field.meaning, Meaning::Random | Meaning::Bytes | Meaning::Integer(_));
            assert!(
                !is_story && (field.confidence < 0.6 || !matches!(field.meaning, Meaning::Integer(_))),
                "{field:?}"
            );
        }
    }
}

#[test]
fn claims_on_random_layouts_of_parts_that_differ_in_size_are_right_as_often_as_they_say() {
    let draws: u64 = std::env::var("DRAWS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let first = std::env::var("FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let verbose = std::env::var("V").is_ok();
    let (mut right, mut all, mut read, mut unread) = (0, 0, 0, 0);
    let mut buckets: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut kinds: BTreeMap<(&str, u32), (usize, usize)> = BTreeMap::new();
    let mut shapes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut sure = (0, 0);
    for seed in first..first + draws {
        let mut chance = Chance(seed ^ 0x5555_0000);
        let header: Vec<_> = parts(&mut chance).into_iter().take(4).collect();
        let shape = tail(&mut chance);
        let count = [16, 40, 100, 300][chance.below(4) as usize];
        let talks = [1, 3][chance.below(2) as usize];
        let mut made = Vec::new();
        for talk in 0..talks {
            let mut state = Talks::new(&mut chance);
            for _ in 0..count / talks {
                state.advance(&mut chance);
                made.push(message(&header, &shape, talk, &mut state, &mut chance));
            }
        }
        let messages: Vec<Message<'_>> = made.iter().map(|sent| sent.made.message()).collect();
        let taken = match shape {
            Tail::Rest { tail, .. } if tail > 0 => {
                vec![Taken { edge: Edge::End, offset: tail, length: tail }]
            }
            _ => Vec::new(),
        };
        let found = layout(&messages, &taken, &|| false);
        let mut claims: Vec<(&Field, usize, usize)> = Vec::new();
        let (mut good, mut bytes) = (0, 0);
        for sent in &made {
            bytes += sent.made.bytes.len();
            match resolve(&found, &sent.made.bytes) {
                Some(fields) => {
                    read += 1;
                    good += compare(&sent.truths, &fields, &mut claims);
                }
                None => unread += 1,
            }
        }
        // Each draw counts as much.
        right += good * 1000 / bytes;
        all += 1000;
        let name = format!("{shape:?}");
        let entry = shapes.entry(name.split([' ', '{']).next().unwrap_or_default().to_owned()).or_default();
        *entry = (entry.0 + good * 1000 / bytes, entry.1 + 1000);
        if std::env::var("FIELDS").is_ok() || verbose && good * 10 < bytes * 7 {
            println!("{seed} {count} messages {good}/{bytes}\n  {header:?}\n  {shape:?}");
            for field in &found.fields {
                println!(
                    "    {:?} {:?} {:?} {:.2} {}",
                    field.place, field.size, field.meaning, field.confidence, field.evidence
                );
            }
        }
        for (field, right, times) in claims {
            if matches!(field.meaning, Meaning::Bytes | Meaning::Taken(_)) {
                continue;
            }
            let is_right = right * 100 >= times * 95;
            let bucket = (field.confidence * 10.0) as u32;
            let entry = buckets.entry(bucket).or_default();
            *entry = (entry.0 + usize::from(is_right), entry.1 + 1);
            let entry = kinds.entry((super::random::kind(&field.meaning), bucket)).or_default();
            *entry = (entry.0 + usize::from(is_right), entry.1 + 1);
            if field.confidence > 0.9 {
                sure = (sure.0 + usize::from(!is_right), sure.1 + 1);
                if verbose && !is_right {
                    println!("FALSE {seed} {right}/{times} {field:?}\n  {header:?}\n  {shape:?}");
                }
            }
        }
    }
    println!(
        "{right} of {all} thousandths of bytes in the right kind of field; {} of {} sure claims are false; {read} messages read, {unread} not",
        sure.0, sure.1
    );
    println!("{buckets:?}\n{shapes:?}");
    for (kind, (right, all)) in &kinds {
        println!("{kind:?} {right}/{all} {:.2}", *right as f64 / *all as f64);
    }
    assert!(right * 10 >= all * 7, "{right} of {all} thousandths of bytes in the right kind of field");
    assert!(sure.0 * 50 < sure.1, "{} of {} sure claims are false", sure.0, sure.1);
}

/// Bytes of any kind: random, of few values, numbers, zeros.
fn any_bytes(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..chance.below(8) {
        let count = chance.below(12);
        match chance.below(5) {
            0 => bytes.extend((0..count).map(|_| chance.next() as u8)),
            1 => bytes.extend((0..count).map(|_| chance.below(3) as u8)),
            2 => bytes.extend((0..count).map(|_| b'a' + chance.below(20) as u8)),
            3 => bytes.extend((0..count).map(|_| 0)),
            _ => bytes.extend([0, 0, 0, count as u8]),
        }
    }
    bytes
}

#[test]
fn fields_leave_out_no_byte_of_any_messages() {
    for seed in 0..400 {
        let mut chance = Chance(seed);
        let count = chance.below(40);
        let mut all = Vec::new();
        let pattern = any_bytes(&mut chance);
        for number in 0..count {
            let mut message = made(number as u32 % 3, i64::from(number as u32) * 1_000_000, &mut chance);
            message.bytes = if chance.one_in(3) { pattern.clone() } else { any_bytes(&mut chance) };
            message.answers = any_bytes(&mut chance);
            all.push(message);
        }
        let messages: Vec<Message<'_>> = all.iter().map(Made::message).collect();
        let end = chance.below(5) as usize;
        let taken = [
            Taken { edge: Edge::Start, offset: chance.below(6) as usize, length: chance.below(4) as usize },
            Taken { edge: Edge::End, offset: end, length: end.min(2) },
        ];
        let found = layout(&messages, &taken, &|| false);
        // Reading asserts that each field begins where the one before it ends.
        let read = messages.iter().filter(|message| resolve(&found, message.bytes).is_some()).count();
        assert!(
            messages.is_empty() || read * 2 > messages.len(),
            "seed {seed}: {read} of {} have the fields",
            messages.len()
        );
    }
}

#[test]
fn a_layout_that_is_cancelled_leaves_bytes() {
    let message = made(0, 0, &mut Chance(0));
    let bytes = Made { bytes: vec![1, 2, 3], ..message };
    let found = layout(&[bytes.message(); 9], &[], &|| true);
    assert!(found.fields.iter().all(|field| field.meaning == Meaning::Bytes), "{found:?}");
}

#[test]
#[ignore = "shows how long it takes"]
fn time() {
    for (name, width, is_equal) in [("equal", 1400, true), ("different", 1400, false), ("short", 100, false)]
    {
        let mut chance = Chance(1);
        let mut all = Vec::new();
        for number in 0..10_000 {
            let mut message = made(number % 3, i64::from(number) * 1_000_000, &mut chance);
            let length = if is_equal { width } else { chance.range(width / 2, width) };
            message.bytes = (0..length).map(|_| chance.below(40) as u8 * 3).collect();
            message.answers = message.bytes.clone();
            all.push(message);
        }
        let messages: Vec<Message<'_>> = all.iter().map(Made::message).collect();
        let begin = std::time::Instant::now();
        let found = layout(&messages, &[], &|| false);
        println!("{name}: {:?}, {} fields", begin.elapsed(), found.fields.len());
    }
}
