//! How many of a capture's messages a guess finds, where a description says where they are.
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use framescope_capture::{Source, read};
use framescope_guess::{Limits, Sample};
use framescope_inspect::{CustomProtocols, Reading};
use framescope_parser::{Direction, SpanType};

fn main() {
    let most: usize = std::env::var("MOST").ok().and_then(|text| text.parse().ok()).unwrap_or(5000);
    let verbose = std::env::var("V").is_ok();
    for path in std::env::args().skip(1) {
        let path = PathBuf::from(path);
        let name = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let ksy = path.parent().unwrap().with_extension("ksy");
        let named = if ksy.exists() { vec![ksy.clone()] } else { vec![] };
        let own = CustomProtocols::load(&named, &[], &mut |_| {}).unwrap();
        let mut decode_as = Vec::new();
        if ksy.exists() {
            decode_as =
                vec![format!("tcp={}", name).parse().unwrap(), format!("udp={}", name).parse().unwrap()];
        }
        let reading = Reading { own, decode_as, ..Reading::default() };
        let Ok(source) = Source::open(&path) else {
            println!("{name}: can't open");
            continue;
        };
        let index = read(source, &reading.options(), &mut |_| true).unwrap();
        let spoken: Vec<bool> = index
            .flows()
            .map(|(flow, _)| {
                index
                    .stream_protocol(flow, Direction::Forward)
                    .or(index.stream_protocol(flow, Direction::Backward))
                    .is_some()
            })
            .collect();
        let level0 =
            |flow: framescope_capture::FlowId| index.flow(flow).is_some_and(|about| about.level() == 0);
        let sample =
            Sample::of(&index, Limits::default(), &|flow| level0(flow) && spoken[flow.number() as usize])
                .unwrap();
        let begin = Instant::now();
        let sides = [0, 1].map(|side| sample.side(side).collect::<Vec<_>>());
        let both = framescope_guess::framing::of_both([&sides[0], &sides[1]], most);
        let took = begin.elapsed();
        for (side, direction) in [Direction::Forward, Direction::Backward].into_iter().enumerate() {
            let framed = &both[side];
            if sides[side].is_empty() {
                continue;
            }
            let score = |framing: &framescope_guess::framing::Framing| {
                let (mut right, mut all) = (0, 0);
                for talk in &sample.talks {
                    let run = &talk.sides[side];
                    if run.bytes.is_empty() {
                        continue;
                    }
                    let found: HashSet<(u64, u64)> = framing
                        .find(run, usize::MAX)
                        .messages()
                        .map(|m| (m.start as u64, m.len() as u64))
                        .collect();
                    for row in index.stream_rows(talk.flow, direction) {
                        let row = index.row(row).unwrap();
                        if row.span_type == SpanType::Message
                            && row.offset + row.length <= run.bytes.len() as u64
                        {
                            all += 1;
                            right += usize::from(found.contains(&(row.offset, row.length)));
                        }
                    }
                }
                (right, all)
            };
            let Some(best) = framed.first() else {
                println!("{name} {direction:?}: nothing");
                continue;
            };
            let (right, all) = score(&best.framing);
            println!(
                "{name:14} {direction:?} {right}/{all} {:.0?} {:.0} bits {:?}",
                took,
                best.weight.bits(),
                best.framing
            );
            if verbose {
                for framed in framed.iter().take(6) {
                    let (right, _) = score(&framed.framing);
                    println!(
                        "      {right} {:.0} {:?} {:?}",
                        framed.weight.bits(),
                        framed.framing,
                        framed.weight
                    );
                }
            }
        }
    }
}
