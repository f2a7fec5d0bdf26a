//! New messages, to be filled in: one of each kind that a protocol has.

use std::collections::BTreeMap;
use std::sync::Arc;

use framescope_checking::{Piece, Random, conversations, generate};
use framescope_ksy::Described;
use framescope_parser::missive::{FrameBuf, Kind, Payload};
use framescope_parser::{Protocol, Role};

use super::draft::Draft;
use super::format::{Enumerations, Format};

/// The protocols with templates that are built in.
pub(crate) const BUILT_IN: [&str; 4] = ["missive", "bare", "text", "http"];

/// The names of a described protocol's numbers.
pub(crate) fn enumerations(described: &Described) -> Enumerations {
    described.enumerations().into_iter().map(|one| (one.path, one.members)).collect()
}

/// How many messages are generated to find one of each kind.
const TRIES: u32 = 400;
/// The most kinds of one protocol.
const MOST_KINDS: usize = 60;

/// A message of each kind that could be generated from a description, without errors where possible, by the names of the kinds.
pub fn of_description(protocol: &Described, protocols: &[Arc<dyn Protocol>]) -> BTreeMap<String, Draft> {
    let shared: Arc<dyn Protocol> = Arc::new(protocol.clone());
    let format = Format::at_the_beginning(&shared, protocols).with_enumerations(enumerations(protocol));
    let mut found: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
    let mut add = |bytes: Vec<u8>| {
        let read = format.dissect(&bytes);
        let kind = read.kind.map_or_else(|| "message".to_owned(), |kind| kind.to_string());
        // The one with the least that is wrong, and of those the shortest that says something.
        let wrong = read.problems.len() * 10_000 + bytes.len();
        let is_better = found.get(&kind).is_none_or(|(known, _)| wrong < *known);
        if is_better && (found.contains_key(&kind) || found.len() < MOST_KINDS) {
            found.insert(kind, (wrong, bytes));
        }
    };
    if protocol.stages().is_empty() {
        (0..TRIES).filter_map(|seed| generate(protocol, &mut Random::new(seed))).for_each(&mut add);
    } else {
        for said in conversations(protocol, Vec::new(), 1).take(TRIES as usize / 2) {
            let first = said.pieces().iter().find_map(|piece| match piece {
                Piece::Segment(Role::Client, bytes) => Some(bytes.clone()),
                _ => None,
            });
            first.into_iter().for_each(&mut add);
        }
    }
    let draft = |(kind, (_, bytes))| (kind, Draft::of_bytes(format.clone(), bytes));
    found.into_iter().map(draft).collect()
}

/// Messages of a protocol that is [built in](BUILT_IN), with the names of their kinds; none of another.
pub fn of_built_in(protocol: &Arc<dyn Protocol>) -> Vec<(String, Draft)> {
    let missive =
        |payload: Payload<'_>| FrameBuf::of(payload).and_then(|frame| frame.to_bytes()).unwrap_or_default();
    let all: Vec<(&str, Vec<u8>)> = match protocol.name() {
        "missive" => {
            let frame = |kind| FrameBuf::new(kind).to_bytes().unwrap_or_default();
            vec![
                ("LOGIN", missive(Payload::Login { user: "ada", credential: b"secret" })),
                ("DATA", FrameBuf::new(Kind::DATA).payload("hello").to_bytes().unwrap_or_default()),
                ("PING", frame(Kind::PING)),
                ("LOGOUT", frame(Kind::LOGOUT)),
                ("ACK", frame(Kind::ACK)),
                ("ERROR", missive(Payload::Error { code: 1, text: "no" })),
            ]
        }
        "bare" => {
            vec![("LOGIN", b"\x01ada".into()), ("DATA", b"\x03hello".into()), ("LOGOUT", b"\x02".into())]
        }
        "text" => vec![("text", b"hello\n".into())],
        "http" => vec![
            ("GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".into()),
            ("POST", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello".into()),
        ],
        _ => Vec::new(),
    };
    let protocols = std::slice::from_ref(protocol);
    let format = Format::at_the_beginning(protocol, protocols);
    all.into_iter().map(|(kind, bytes)| (kind.to_owned(), Draft::of_bytes(format.clone(), bytes))).collect()
}
