#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;

use framescope_ksy::Described;

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

#[test]
fn explore() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ksy"));
    paths.sort();
    for path in paths {
        if std::env::var("ONLY").is_ok_and(|only| !path.to_str().unwrap().contains(&only)) {
            continue;
        }
        let protocol = Described::from_file(&path).unwrap();
        let begun = std::time::Instant::now();
        let forms = Forms::of(&protocol, 300);
        let took = begun.elapsed();
        let begun = std::time::Instant::now();
        let mut random = Random::new(1);
        let (mut valid, mut all) = (0, 0);
        for form in forms.all() {
            let parts = form.parts();
            for _ in 0..20 {
                let bytes = form.write(&protocol, &Context::default(), &choose(&parts, &mut random));
                all += 1;
                valid += usize::from(verdict(&protocol, &bytes) == Verdict::Valid(bytes.len()));
            }
        }
        let mut kinds: Vec<String> = forms.all().iter().filter_map(|form| form.kind.clone()).collect();
        kinds.dedup();
        kinds.sort();
        kinds.dedup();
        println!(
            "{}: {} forms {took:?}, {valid} of {all} valid {:?}; {} kinds of {}; stages {}",
            path.file_stem().unwrap().display(),
            forms.all().len(),
            begun.elapsed(),
            kinds.len(),
            protocol.names().kinds.len(),
            protocol.stages().len()
        );
        if std::env::var("ONLY").is_ok() {
            for form in forms.all() {
                println!("  {:?} {:02x?}", form.kind, form.simplest);
                for part in form.parts() {
                    println!("      {part:?}");
                }
            }
        }
    }
}
