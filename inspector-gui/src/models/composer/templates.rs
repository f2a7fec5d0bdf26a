//! New messages, to be filled in: one of each kind that a protocol has.

use std::collections::BTreeMap;
use std::sync::Arc;

use framescope_checking::{Random, generate, generate_valid, made_valid};
use framescope_ksy::Described;
use framescope_parser::missive::{FrameBuf, Kind, Payload};
use framescope_parser::{Field, Protocol, Role, Severity};

use super::draft::Draft;
use super::format::{Enumerations, Format};

/// The protocols with templates that are built in.
pub(crate) const BUILT_IN: [&str; 4] = ["missive", "bare", "text", "http"];

/// The names of a described protocol's numbers.
pub(crate) fn enumerations(described: &Described) -> Enumerations {
    described.enumerations().into_iter().map(|one| (one.path, one.members)).collect()
}

/// How many messages are generated to find one of each kind.
const TRIES: u32 = 200;
/// How much worse a message is with something wrong in it than with more bytes.
const WRONG: usize = 100_000;
/// How many zeros may be what a length counts.
const FILLED: u8 = 40;
/// The name of bytes that no field of a described message explains.
const UNREAD: &str = "_unread";
/// The most kinds of one protocol.
const MOST_KINDS: usize = 60;

/// A message of each kind that could be generated from a description, without errors where possible, by the names of the kinds.
pub fn of_description(protocol: &Described, protocols: &[Arc<dyn Protocol>]) -> BTreeMap<String, Draft> {
    let shared: Arc<dyn Protocol> = Arc::new(protocol.clone());
    let format = Format::at_the_beginning(&shared, protocols).with_enumerations(enumerations(protocol));
    let mut found = Found { has_names: !protocol.names().kinds.is_empty(), format, best: BTreeMap::new() };
    let first = protocol.conversation().map(|conversation| conversation.stage(Role::Client));
    let part = first.and_then(|stage| protocol.in_stage(stage)).unwrap_or(protocol);
    let of_seed = |seed: u32| generate_valid(part, &mut Random::new(seed));
    (0..TRIES).filter_map(of_seed).for_each(|bytes| found.add(bytes));
    // Of a kind that chance did not make valid, one that is nearly so is a beginning.
    let of_seed = |seed: u32| generate(part, &mut Random::new(seed));
    (0..TRIES).filter_map(of_seed).for_each(|bytes| found.add(bytes));
    let beginnings: Vec<Vec<u8>> = found.wrong().map(<[u8]>::to_vec).collect();
    for message in beginnings.iter().flat_map(|bytes| with_lengths(bytes)) {
        made_valid(part, &message, &mut Random::new(1)).into_iter().for_each(|bytes| found.add(bytes));
    }
    let Found { format, best, .. } = found.without_chance();
    let draft = |(kind, (_, bytes))| (kind, without_rest(Draft::of_bytes(format.clone(), bytes)));
    best.into_iter().map(draft).collect()
}

/// The best message of each kind so far.
struct Found {
    format: Format,
    /// Whether kinds have names: others are chance then.
    has_names: bool,
    /// With how bad it is.
    best: BTreeMap<String, (usize, Vec<u8>)>,
}

impl Found {
    fn add(&mut self, bytes: Vec<u8>) {
        let Found { format, has_names, best } = self;
        let read = format.dissect(&bytes);
        let kind = match read.kind {
            Some(kind) if *has_names && kind.name.is_none() => return,
            Some(kind) => kind.to_string(),
            None if *has_names => return,
            None => "message".to_owned(),
        };
        // The one with the least that is wrong, and of those the shortest, with the fewest bits.
        let wrong = read.problems.iter().filter(|problem| problem.code.severity() > Severity::Note).count();
        let is_written = format.encode(&read, &mut Vec::new()).is_ok_and(|written| written == bytes);
        let bits = bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let size = bytes.len() * 32 + usize::try_from(bits).unwrap_or(usize::MAX);
        let rank = (wrong + usize::from(!is_written)) * WRONG + size.min(WRONG - 1);
        let is_better = best.get(&kind).is_none_or(|(known, _)| rank < *known);
        if is_better && (best.contains_key(&kind) || best.len() < MOST_KINDS) {
            best.insert(kind, (rank, bytes));
        }
    }

    /// Kinds without a name are chance where something is wrong in them, if there are others.
    fn without_chance(mut self) -> Found {
        let is_good = |(rank, bytes): &(usize, Vec<u8>)| {
            *rank < WRONG || self.format.dissect(bytes).kind.is_some_and(|kind| kind.name.is_some())
        };
        let bad: Vec<String> =
            self.best.iter().filter(|(_, found)| !is_good(found)).map(|(kind, _)| kind.clone()).collect();
        if bad.len() < self.best.len() {
            self.best.retain(|kind, _| !bad.contains(kind));
        }
        self
    }

    /// Those in which something is wrong.
    fn wrong(&self) -> impl Iterator<Item = &[u8]> {
        self.best.values().filter(|(rank, _)| *rank >= WRONG).map(|(_, bytes)| bytes.as_slice())
    }
}

/// The beginning of a message, and zeros after a byte that may be the length of them.
fn with_lengths(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len().min(12)).flat_map(move |at| {
        (0..4).map(move |less| {
            let mut message = bytes.get(..at).unwrap_or_default().to_vec();
            message.push(FILLED - less);
            message.resize(at + 1 + usize::from(FILLED), 0);
            message
        })
    })
}

/// The message without bytes that none of its fields explains, if it can be written so.
fn without_rest(draft: Draft) -> Draft {
    fn clear(fields: &mut Vec<Field<'_>>) {
        fields.retain(|field| field.name != UNREAD);
        fields.iter_mut().for_each(|field| clear(&mut field.fields));
    }
    let format = draft.format();
    let mut read = format.dissect(draft.bytes());
    clear(&mut read.fields);
    match format.encode(&read, &mut Vec::new()) {
        Ok(written) => Draft::of_bytes(format.clone(), written),
        Err(_) => draft,
    }
}

/// Messages of a protocol that is built in, with the names of their kinds; none of another.
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
