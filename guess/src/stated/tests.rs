//! Statements about messages: how far they hold, what they could be, and that each gives a description that is loaded.

use std::collections::BTreeMap;

use framescope_capture::FlowId;
use framescope_ksy::Described;
use proptest::prelude::*;

use super::*;
use crate::framing::{Enclosed, Framing, Lines, Preamble, Rule, Values};
use crate::{Run, Sample, Talk};

/// A conversation of which each message is a segment.
fn sample(sides: [&[Vec<u8>]; 2]) -> Sample {
    let run = |messages: &[Vec<u8>]| {
        let mut run = Run { begins: true, ends: true, ..Run::default() };
        for (message, time) in messages.iter().zip(0i64..) {
            run.segments.push(run.bytes.len());
            run.times.push(1_700_000_000_000_000_000 + time * 1_000_000_000);
            run.bytes.extend(message);
        }
        run
    };
    let talk = Talk { sides: sides.map(run), ..Talk::default() };
    Sample { talks: vec![talk] }
}

/// `AB`, a length of the rest, a kind, a counter, a text, and a CRC-16.
fn messages() -> Vec<Vec<u8>> {
    let of = |number: u8| {
        let kind = number % 3;
        let text = format!("text {}", "x".repeat(usize::from(number.wrapping_mul(7) % 11)));
        let mut message = vec![0xab, 0, 0, kind, 0, number + 10];
        message.extend(text.bytes());
        message[2] = u8::try_from(message.len() - 3 + 2).unwrap();
        let algorithm = framescope_ksy::checks::Algorithm::named("crc-16/modbus").unwrap();
        let check = u16::try_from(algorithm.number(&message, 2).unwrap()).unwrap();
        message.extend(check.to_le_bytes());
        message
    };
    (0..40).map(of).collect()
}

fn said(place: Place, what: What) -> Statement {
    Statement { place, what, side: None, kind: None }
}

fn length() -> Statement {
    said(Place::start(1, 2), What::Length { order: Order::Big, beyond: 0 })
}

#[test]
fn a_length_says_where_messages_end_that_come_in_one_segment() {
    let all = messages();
    let one = sample([&[all.concat()], &[]]);
    let basis = Basis::new(&one, &[None, None], &[]);
    assert_eq!(basis.messages.len(), 1);
    let basis = Basis::new(&one, &[None, None], &[length()]);
    let found: Vec<&[u8]> = basis.messages.iter().map(|one| one.message.bytes).collect();
    assert_eq!(found, all);
    let report = basis.report(&[length()], "mine", &|| false);
    assert_eq!(report.verdicts[0], Verdict { holds: 40, of: 40, failing: Vec::new() });
    let wrong = said(Place::start(1, 2), What::Length { order: Order::Little, beyond: 0 });
    let basis = Basis::new(&one, &[None, None], std::slice::from_ref(&wrong));
    assert_eq!(basis.report(&[wrong], "mine", &|| false).verdicts[0].failing, [(FlowId::default(), 0, 0)]);
}

#[test]
fn what_holds_in_all_messages_is_offered_first() {
    let (all, replies) = (messages(), Vec::new());
    let sample = sample([&all, &replies]);
    let basis = Basis::new(&sample, &[None, None], &[]);
    let first = |place: Place| {
        let offers = basis.offers(place, None, None, &[]);
        let first = offers.first().unwrap();
        (first.what.text(place.length), first.holds, first.of)
    };
    let of = |text: &str| (text.to_owned(), 40, 40);
    assert_eq!(first(Place::start(0, 1)), of("always ab"));
    assert_eq!(first(Place::start(1, 2)), of("length of what follows it, big-endian"));
    assert_eq!(first(Place::start(4, 2)), of("counter, big-endian"));
    let end = Place::end(2, 2);
    assert_eq!(first(end), of("crc-16/modbus of all bytes before it, little-endian"));
    let offers = basis.offers(Place::start(3, 1), None, None, &[]);
    assert!(offers.iter().any(|offer| offer.what == What::Kind && offer.holds == 40), "{offers:?}");
}

#[test]
fn what_was_said_is_in_the_description_and_the_next_guess_is_about_other_bytes() {
    let (all, replies) = (messages(), Vec::new());
    let sample = sample([&all, &replies]);
    let mut statements = vec![length(), said(Place::start(3, 1), What::Kind)];
    statements.push(said(Place::start(4, 2), What::Counter(Order::Big)));
    let basis = Basis::new(&sample, &[None, None], &statements);
    let report = basis.report(&statements, "mine", &|| false);
    let text = report.description.unwrap();
    Described::from_ksy(&text).unwrap();
    assert!(text.contains("- id: sequence\n    type: u2\n") || text.contains("id: sequence"), "{text}");
    assert!(text.contains("said by hand: counter, big-endian"), "{text}");
    assert!(text.contains("kind: kind"), "{text}");
    let next = &report.next;
    assert!(next.iter().any(|next| next.said.to_string().contains("crc-16/modbus")), "{next:?}");
    assert!(next.iter().all(|next| !statements.iter().any(|said| said.contradicts(&next.said))), "{next:?}");
    assert_eq!(report.kind, Some(3));
}

#[test]
fn where_a_statement_does_not_hold_is_listed() {
    let mut all = messages();
    all[7][0] = 0xac;
    let replies = Vec::new();
    let sample = sample([&all, &replies]);
    let statement = said(Place::start(0, 1), What::Constant(vec![0xab]));
    let basis = Basis::new(&sample, &[None, None], &[]);
    let verdict = basis.report(&[statement], "mine", &|| false).verdicts.remove(0);
    let offset = all[..7].iter().map(|message| message.len() as u64).sum();
    assert_eq!(verdict, Verdict { holds: 39, of: 40, failing: vec![(FlowId::default(), 0, offset)] });
}

#[test]
fn text_up_to_the_end_and_fields_of_one_kind_are_described() {
    let (all, replies) = (messages(), Vec::new());
    let sample = sample([&all, &replies]);
    let rest = Place::between(6, 2);
    let statements = [
        said(rest, What::Text(Encoding::Utf8)),
        Statement {
            kind: Some((3, 1)),
            ..said(Place::start(4, 2), What::Number(Number::binary(2, Order::Little)))
        },
    ];
    let basis = Basis::new(&sample, &[None, None], &statements);
    let report = basis.report(&statements, "mine", &|| false);
    assert_eq!((report.verdicts[0].holds, report.verdicts[0].of), (40, 40));
    let text = report.description.unwrap();
    Described::from_ksy(&text).unwrap();
    assert!(text.contains("-check: crc-16/modbus"), "{text}");
    assert!(text.contains("encoding: UTF-8") && text.contains("type: u2le"), "{text}");
}

fn any_place() -> impl Strategy<Value = Place> {
    let length =
        prop_oneof![9 => (0usize..12).prop_map(Some), 1 => Just(None), 1 => any::<usize>().prop_map(Some)];
    let offset = prop_oneof![9 => 0usize..16, 1 => any::<usize>()];
    (any::<bool>(), offset, length, prop_oneof![9 => 0usize..5, 1 => any::<usize>()]).prop_map(
        |(is_start, offset, length, back)| Place {
            back,
            edge: if is_start { Edge::Start } else { Edge::End },
            offset,
            length,
        },
    )
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Big), Just(Order::Little)]
}

fn any_what(place: Place) -> impl Strategy<Value = What> {
    let clocks =
        prop_oneof![Just(Clock::Unix(1)), Just(Clock::Ntp), Just(Clock::UnixFloat), Just(Clock::Elapsed(7))];
    let names: Vec<&'static str> = framescope_ksy::checks::Algorithm::names().collect();
    let checks = (proptest::sample::select(names), any::<bool>()).prop_map(move |(name, is_big)| {
        let form = if is_big { crate::checks::Form::Big } else { crate::checks::Form::Little };
        check_of(place, name, form).map_or(What::Bytes, What::Check)
    });
    prop_oneof![
        (1u8..=8, any_order(), any::<bool>()).prop_map(|(width, order, is_signed)| What::Number(Number {
            form: Form::Binary(width),
            order,
            is_signed
        })),
        any_order().prop_map(What::Float),
        (any_order(), prop_oneof![-20i64..20, any::<i64>()])
            .prop_map(|(order, beyond)| What::Length { order, beyond }),
        checks,
        prop_oneof![Just(Encoding::Ascii), Just(Encoding::Utf8), Just(Encoding::Utf16(Order::Little))]
            .prop_map(What::Text),
        Just(What::Kind),
        any_order().prop_map(What::Counter),
        (any_order(), clocks).prop_map(|(order, clock)| What::Time { order, clock }),
        any_order().prop_map(What::Flags),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(What::Constant),
        Just(What::Bytes),
    ]
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let what = any_place().prop_flat_map(|place| (Just(place), any_what(place)));
    let kind = proptest::option::weighted(0.3, (0usize..8, 0u8..4));
    (what, proptest::option::weighted(0.3, 0u8..2), kind).prop_map(|((place, what), side, kind)| Statement {
        place,
        what,
        side,
        kind,
    })
}

fn any_framing() -> impl Strategy<Value = Option<Framing>> {
    let rules = prop_oneof![
        Just(Rule::Segment),
        (1usize..20).prop_map(Rule::Fixed),
        Just(Rule::Terminator(b"\r\n".to_vec())),
        Just(Rule::Magic(vec![0xab, 0])),
        (any::<bool>(), 0usize..3).prop_map(|(is_doubled, after)| {
            Rule::Enclosed(Enclosed { start: vec![1, 2], end: vec![1, 3], is_doubled, after })
        }),
        Just(Rule::Value(Values::Resp)),
        Just(Rule::Lines(Lines { end: b"\n".to_vec(), mark: None, words: BTreeMap::new() })),
        (0usize..3, any::<bool>()).prop_map(|(offset, is_little)| {
            let encoding = if is_little { LengthEncoding::Leb128 } else { LengthEncoding::Ber };
            Rule::Length(LengthField { offset, encoding, unit: 1, beyond: 0 })
        }),
    ];
    proptest::option::of(rules.prop_map(|rule| Framing { preamble: Preamble::Bytes(0), rule }))
}

fn any_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        proptest::collection::vec(proptest::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..24), 0..12),
        Just(messages()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_statements_about_any_messages_give_a_description_that_is_loaded(
        one in any_messages(),
        other in any_messages(),
        framings in [any_framing(), any_framing()],
        statements in proptest::collection::vec(any_statement(), 0..6),
    ) {
        let sample = sample([&one, &other]);
        let basis = Basis::new(&sample, &framings, &statements);
        let report = basis.report(&statements, "mine", &|| false);
        prop_assert_eq!(report.verdicts.len(), statements.len());
        if let Some(text) = &report.description {
            let loaded = Described::from_ksy(text);
            prop_assert!(loaded.is_ok(), "{:?}\n{}", loaded.err(), text);
        }
        for said in statements.iter().chain(report.next.iter().map(|next| &next.said)) {
            for offer in basis.offers(said.place, said.side, said.kind, &report.checks) {
                prop_assert!(offer.holds <= offer.of && !offer.what.text(said.place.length).is_empty());
            }
        }
    }
}
