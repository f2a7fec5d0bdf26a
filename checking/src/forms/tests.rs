#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use framescope_ksy::Described;
use framescope_parser::Dissection;

use super::*;
use crate::{Random, Verdict, verdict};

/// Chooses anything that the parts allow.
fn choose(parts: &[Part], random: &mut Random) -> Vec<Chosen> {
    let one = |part: &Part| match part {
        Part::Value { domain, .. } => choose_value(domain, random),
        Part::Items { least, most, alternatives, .. } => {
            let count = least + random.below(most - least + 1);
            let mut items = Vec::new();
            for _ in 0..count {
                let at = random.below(alternatives.len());
                items.push((at, choose(&alternatives[at], random)));
            }
            Chosen::Items(items)
        }
    };
    parts.iter().map(one).collect()
}

fn choose_value(domain: &Domain, random: &mut Random) -> Chosen {
    match domain {
        Domain::Numbers(first, last) => Chosen::Number((first + i128::from(random.next())).min(*last)),
        Domain::OneNumber(numbers) => Chosen::Number(random.one_of(numbers)),
        Domain::Bool => Chosen::Bool(random.one_in(2)),
        Domain::Float(_) => Chosen::Float(1.5),
        Domain::Text { except, least, most, last } => {
            let any: Vec<char> = ('\0'..='\x7f').chain([*last]).filter(|one| !except.contains(one)).collect();
            let length = least + random.below((most - least).min(20) + 1);
            Chosen::Text((0..length).map(|_| random.one_of(&any)).collect())
        }
        Domain::OneText(texts) => Chosen::Text(texts[random.below(texts.len())].clone()),
        Domain::Bytes { except, least, most } => {
            let any: Vec<u8> = (0..=255).filter(|one| !except.contains(one)).collect();
            let length = least + random.below((most - least).min(20) + 1);
            Chosen::Bytes((0..length).map(|_| random.one_of(&any)).collect())
        }
    }
}

fn described(name: &str) -> Described {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    Described::from_file(&folder.join(name)).unwrap()
}

#[test]
fn whatever_is_chosen_the_message_is_valid_and_of_its_form() {
    for name in ["game.ksy", "modbus.ksy", "mqtt.ksy", "resp.ksy", "someip.ksy"] {
        let protocol = described(name);
        let forms = Forms::of(&protocol, 150);
        assert!(forms.all().len() >= 3, "{name}");
        let mut random = Random::new(1);
        let mut seen = BTreeSet::new();
        for form in forms.all() {
            let parts = form.parts();
            for _ in 0..10 {
                let bytes = form.write(&protocol, &Context::default(), &choose(&parts, &mut random));
                assert_eq!(verdict(&protocol, &bytes), Verdict::Valid(bytes.len()), "{name} {bytes:02x?}");
                let kind = Dissection::of(&protocol, &bytes).kind.map(|kind| kind.to_string());
                assert_eq!(kind.as_deref(), form.kind(), "{name} {bytes:02x?}");
                seen.insert(bytes);
            }
        }
        assert!(seen.len() > forms.all().len() * 2, "{name}: there is something to choose");
    }
}

#[test]
fn what_is_chosen_is_in_the_message_and_lengths_and_checks_are_never_chosen() {
    let game = described("game.ksy");
    let forms = Forms::of(&game, 800);
    let paths = |form: &Form| -> Vec<String> {
        let path = |part: Part| match part {
            Part::Value { path, .. } | Part::Items { path, .. } => path,
        };
        form.parts().into_iter().map(path).collect()
    };
    let all: BTreeSet<String> = forms.all().iter().flat_map(paths).collect();
    assert!(
        !["magic", "version", "kind", "length", "check"].iter().any(|path| all.contains(*path)),
        "{all:?}"
    );
    let joins = |form: &&Form| form.kind() == Some("join") && paths(form).contains(&"body.name".to_owned());
    let join = forms.all().iter().find(joins).unwrap();
    let chosen: Vec<Chosen> = join
        .parts()
        .iter()
        .map(|part| match part {
            Part::Value { path, .. } if path == "body.name" => Chosen::Text("ada".into()),
            Part::Value { domain: Domain::Bool, .. } => Chosen::Bool(false),
            _ => Chosen::Number(7),
        })
        .collect();
    let bytes = join.write(&game, &Context::default(), &chosen);
    let read = Dissection::of(&game, &bytes);
    assert_eq!(read.field("body.name").unwrap().value.to_string(), "\"ada\"");
    assert_eq!(read.field("body.colour.red").unwrap().value.as_u64(), Some(7));
    assert!(read.problems.is_empty());
}

#[test]
fn what_can_not_be_is_left_out_and_the_rest_is_kept() {
    let text = "{meta: {id: even, endian: be}, seq: [{id: a, type: u1, valid: {expr: _ % 2 == 0}}, {id: b, type: u2}]}";
    let protocol = Described::from_ksy(text).unwrap();
    let forms = Forms::of(&protocol, 100);
    let form = &forms.all()[0];
    let written = |a, b| form.write(&protocol, &Context::default(), &[Chosen::Number(a), Chosen::Number(b)]);
    assert_eq!((form.simplest(), form.parts().len()), (&[0, 0, 0][..], 2));
    assert_eq!((written(6, 300), written(7, 300)), (vec![6, 1, 44], vec![0, 1, 44]));
    assert_eq!(written(6, 1 << 40), [6, 0, 0], "too large");
    assert_eq!(form.write(&protocol, &Context::default(), &[]), [0, 0, 0]);
}

#[test]
fn the_same_tries_find_the_same_forms() {
    let found = || format!("{:?}", Forms::of(&described("resp.ksy"), 100));
    assert_eq!(found(), found());
}

#[test]
fn missive_and_messages_that_are_known_have_forms() {
    let missive = framescope_parser::missive::Missive::default();
    let kinds: BTreeSet<String> =
        Forms::of_missive(500).all().iter().filter_map(|form| form.kind().map(str::to_owned)).collect();
    assert!(["DATA", "PING", "ACK"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    let bare = framescope_parser::bare::Bare;
    let forms = Forms::of_messages(&bare, vec![b"\x01ada".to_vec()], 100);
    let [form] = forms.all() else { panic!("{forms:?}") };
    assert_eq!(form.write(&bare, &Context::default(), &[Chosen::Text("bob".into())]), b"\x01bob");
    assert!(Forms::of_messages(&missive, vec![b"nothing".to_vec()], 100).all().is_empty());
}
