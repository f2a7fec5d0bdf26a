//! How many messages of recorded captures are found without their descriptions.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use framescope_capture::{FlowId, Index, Source, read};
use framescope_guess::framing::{Framed, of_both};
use framescope_guess::{Limits, Run, Sample, guess};
use framescope_inspect::{CustomProtocols, Reading};
use framescope_parser::{Direction, SpanType};

const SIDES: [Direction; 2] = [Direction::Forward, Direction::Backward];

/// The formats of the corpus, and how many of the client's and of the server's messages must be found, in percent. What is missed: replies of
/// several lines whose segments end in between, and what is compressed or encrypted otherwise than by TLS.
const LEAST: [(&str, [usize; 2]); 18] = [
    ("amqp", [100, 100]),
    ("dns_tcp", [100, 100]),
    ("game", [100, 100]),
    ("irc", [100, 100]),
    ("json_prefixed", [100, 100]),
    ("kafka", [100, 100]),
    ("minecraft", [90, 95]),
    ("modbus", [100, 100]),
    ("mqtt", [100, 100]),
    ("mysql", [98, 99]),
    ("postgresql", [100, 99]),
    ("resp", [100, 100]),
    ("smtp", [90, 75]),
    ("someip", [100, 100]),
    ("stomp", [100, 100]),
    ("thrift", [100, 100]),
    ("websocket", [100, 100]),
    ("zmtp", [100, 100]),
];

fn corpus(name: &str) -> (Index, Sample) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    let own = CustomProtocols::load(&[folder.join(format!("{name}.ksy"))], &[], &mut |_| {}).unwrap();
    let decode_as = ["tcp", "udp"].map(|transport| format!("{transport}={name}").parse().unwrap()).to_vec();
    let reading = Reading { own, decode_as, ..Reading::default() };
    let source = Source::open(&folder.join(name).join("capture.pcapng")).unwrap();
    let index = read(source, &reading.options(), &mut |_| true).unwrap();
    let wanted = |flow: FlowId| {
        index.flow(flow).is_some_and(|about| about.level() == 0)
            && SIDES.iter().any(|side| index.stream_protocol(flow, *side).is_some())
    };
    let sample = Sample::of(&index, Limits::default(), &wanted).unwrap();
    (index, sample)
}

fn right(index: &Index, sample: &Sample, side: usize, framed: &Framed) -> (usize, usize) {
    let (mut right, mut all) = (0, 0);
    for talk in &sample.talks {
        let Some(run) = talk.sides.get(side).filter(|run| !run.bytes.is_empty()) else { continue };
        let found = framed.framing.find(run, usize::MAX);
        let found: HashSet<(u64, u64)> =
            found.messages().map(|message| (message.start as u64, message.len() as u64)).collect();
        let direction = SIDES.get(side).copied().unwrap();
        for row in index.stream_rows(talk.flow, direction).filter_map(|row| index.row(row)) {
            if row.span_type == SpanType::Message && row.offset + row.length <= run.bytes.len() as u64 {
                all += 1;
                right += usize::from(found.contains(&(row.offset, row.length)));
            }
        }
    }
    (right, all)
}

#[test]
fn messages_of_the_corpus_are_found_without_its_descriptions() {
    let mut missed = HashMap::new();
    for (name, least) in &LEAST {
        let (index, sample) = corpus(name);
        let runs = [0, 1].map(|side| sample.side(side).collect::<Vec<&Run>>());
        let found = of_both([&runs[0], &runs[1]], 5000);
        for (side, least) in least.iter().enumerate() {
            let best = found.get(side).and_then(|found| found.first()).unwrap();
            let (right, all) = right(&index, &sample, side, best);
            println!("{name} {side}: {right} of {all}, {:?}", best.framing);
            if right * 100 < all * least {
                missed.insert((*name, side), (right, all));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn descriptions_of_the_corpus_are_loaded() {
    for (name, _) in &LEAST {
        let (_, sample) = corpus(name);
        let found = guess(&sample, "mine", &|_| true);
        assert!(!found.is_empty(), "{name}");
        for found in found {
            let loaded = framescope_ksy::Described::from_ksy(&found.description);
            let loaded = loaded.unwrap_or_else(|error| panic!("{name}: {error}\n{}", found.description));
            assert_eq!(loaded.warnings(), [], "{name}: {}", found.description);
        }
    }
}
