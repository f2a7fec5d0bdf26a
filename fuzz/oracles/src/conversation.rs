//! A grammar of a conversation is generated, and what both sides say in it, together with a model that knows it: a plain
//! machine of states. Each message is read in the state that the model has, however the bytes are split. With bytes
//! lost or changed, the streams are still tiled, and the same however they are split.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use framescope_checking::{Piece, Random, Transcript, Verdict, hear};
use framescope_ksy::Described;
use framescope_parser::{
    Captured, Code, Conversation, Dissection, Framer, Protocol, Role, Span, SpanType, Speaker,
};

use crate::linear::Choices;

/// The most bytes that a conversation may take, whatever is said.
const LARGEST: usize = 68 << 10;
/// The kind of a message that is only in an optional state.
const OPTIONAL: u8 = 0xEE;

/// Takes `data` as choices, from which a grammar and what is said are generated.
pub fn conversation(data: &[u8]) {
    let mut choices = Choices::of_bytes(data);
    let grammar = Grammar::choose(&mut choices);
    let text = grammar.description();
    let described = match Described::from_ksy(&text) {
        Ok(described) => described,
        Err(error) => panic!("a generated description is refused: {error}\n{text}"),
    };
    let mut model = Model::new(&grammar);
    let (mut pieces, mut expected): (Vec<Piece>, Vec<(Role, String, usize)>) = (Vec::new(), Vec::new());
    for _ in 0..4 + choices.below(24) {
        let role = Role::BOTH[choices.below(2)];
        let (state, bytes) = model.says(role, &mut choices);
        expected.push((role, format!("s{state}"), bytes.len()));
        match pieces.last_mut() {
            Some(Piece::Segment(last, said)) if *last == role && choices.below(3) > 0 => said.extend(bytes),
            _ => pieces.push(Piece::Segment(role, bytes)),
        }
    }
    let mut random = Random::of(data);
    let rows = read(&described, &pieces);
    let found: Vec<(Role, String, usize)> = rows.iter().map(|row| row.place(&described)).collect();
    assert_eq!(found, expected, "{text}");
    for row in &rows {
        assert!(row.note.is_none() && row.problems.is_empty(), "{row:?} has a problem\n{text}");
    }
    check_tiles(&pieces, &rows);
    check_split(&described, &pieces, &rows, &mut random);
    check_damaged(&described, pieces, &mut random);
}

/// Checks the conversations of a described protocol, with `bytes` as a [`Transcript`].
pub fn check_conversation(described: &Described, bytes: &[u8]) {
    let pieces = Transcript::from_bytes(bytes).pieces().to_vec();
    let rows = read(described, &pieces);
    check_tiles(&pieces, &rows);
    check_heard(described, bytes, &rows);
    check_damaged(described, pieces, &mut Random::of(bytes));
}

/// Whether `data`, as a conversation, has a message that a receiver accepts.
pub fn holds_messages(described: &Described, data: &[u8]) -> bool {
    let mut any = false;
    hear(&Transcript::from_bytes(data), described, &[], &mut |heard| {
        any |= matches!(heard.verdict, Verdict::Valid(_));
    });
    any
}

/// What a receiver accepts, where nothing is lost, are the messages that are found first.
fn check_heard(described: &Described, bytes: &[u8], rows: &[Row]) {
    let said = Transcript::from_bytes(bytes);
    if said.pieces().iter().any(|piece| !matches!(piece, Piece::Segment(..))) {
        return;
    }
    let mut found = Role::BOTH.map(|role| rows.iter().filter(move |row| row.role == role));
    hear(&said, described, &[], &mut |heard| {
        if let Verdict::Valid(length) = heard.verdict {
            let row = found[heard.role.index()].next();
            let is_same =
                |row: &Row| row.span.span_type == SpanType::Message && row.span.length == length as u64;
            assert!(
                row.is_some_and(is_same),
                "{} says {length} bytes, and {row:?} is found",
                heard.role.as_str()
            );
        }
    });
}

/// Checks what is found where bytes were lost or changed.
fn check_damaged(described: &Described, mut pieces: Vec<Piece>, random: &mut Random) {
    damage(&mut pieces, random);
    let mut pieces = Transcript::new(pieces).pieces().to_vec();
    check_tiles(&pieces, &read(described, &pieces));
    // After a gap, how much is waited for depends on how the bytes arrive, and so does what the other side says meanwhile.
    let role = Role::BOTH[random.below(2)];
    pieces.retain(|piece| piece.role() == role);
    check_split(described, &pieces, &read(described, &pieces), random);
}

/// The streams are tiled by what was found.
fn check_tiles(pieces: &[Piece], rows: &[Row]) {
    for role in Role::BOTH {
        let mut at = 0;
        for row in rows.iter().filter(|row| row.role == role) {
            assert_eq!(row.span.offset, at, "{row:?} is not where the last one ends");
            at += row.span.length;
        }
        let sent: u64 = pieces.iter().filter(|piece| piece.role() == role).map(Piece::length).sum();
        assert_eq!(at, sent, "{}: rows do not end where the stream does", role.as_str());
    }
}

/// The same is found when the pieces are split.
fn check_split(described: &Described, pieces: &[Piece], rows: &[Row], random: &mut Random) {
    if described.stages().iter().any(ends_with_segment) {
        return;
    }
    let sizes = [1, 2 + random.below(9)];
    for size in sizes {
        let split: Vec<Piece> = pieces.iter().flat_map(|piece| split(piece, size)).collect();
        assert_eq!(read(described, &split), rows, "in pieces of {size}");
    }
}

fn ends_with_segment(stage: &framescope_parser::Stage) -> bool {
    stage.protocol(&[]).is_none_or(Protocol::ends_with_segment)
}

/// The same piece in several.
fn split(piece: &Piece, size: usize) -> Vec<Piece> {
    match piece {
        Piece::Segment(role, bytes) => {
            bytes.chunks(size).map(|part| Piece::Segment(*role, part.to_vec())).collect()
        }
        other => vec![other.clone()],
    }
}

/// Loses some bytes and changes others.
fn damage(pieces: &mut Vec<Piece>, random: &mut Random) {
    for _ in 0..random.below(4) {
        if pieces.is_empty() {
            return;
        }
        let at = random.below(pieces.len());
        let Piece::Segment(role, bytes) = &pieces[at] else { continue };
        let (role, mut bytes) = (*role, bytes.clone());
        let from = random.below(bytes.len());
        if random.one_in(3) {
            bytes[from] = random.byte();
            pieces[at] = Piece::Segment(role, bytes);
            continue;
        }
        let to = from + 1 + random.below((bytes.len() - from).min(6));
        let after = bytes.split_off(to);
        bytes.truncate(from);
        let lost = Piece::Gap(role, (to - from) as u64);
        let around = [Some(Piece::Segment(role, bytes)), Some(lost), Some(Piece::Segment(role, after))];
        let around = around.into_iter().flatten().filter(|piece| piece.length() > 0);
        pieces.splice(at..=at, around);
    }
    if random.one_in(4) {
        pieces.insert(0, Piece::Inside(Role::BOTH[random.below(2)]));
    }
}

/// What was found, and what was read of it.
#[derive(Debug, PartialEq)]
struct Row {
    role: Role,
    span: Span,
    stage: u16,
    note: Option<(Code, String)>,
    fields: Vec<String>,
    problems: Vec<(Code, String)>,
}

impl Row {
    fn place(&self, described: &Described) -> (Role, String, usize) {
        let is_message = self.span.span_type == SpanType::Message;
        let name = described.stages()[usize::from(self.stage)].name.clone();
        (
            self.role,
            if is_message { name } else { format!("{:?}", self.span.span_type) },
            self.span.length as usize,
        )
    }
}

fn read(described: &Described, pieces: &[Piece]) -> Vec<Row> {
    let mut conversation = described.conversation().expect("it has one");
    let (mut framers, mut rows) = ([Framer::default(), Framer::default()], Vec::new());
    let mut turn = |conversation: &mut Box<dyn Conversation>, role: Role, piece: Option<&Piece>| {
        let speaker = Speaker::new(&mut **conversation, role, described, &[]);
        let sink = &mut |span: Span, bytes: Captured<'_, '_>| rows.push(row(described, role, span, bytes));
        let framer = &mut framers[role.index()];
        match piece {
            Some(Piece::Segment(_, bytes)) => framer.segment_of(&speaker, bytes, sink),
            Some(Piece::Gap(_, length)) => framer.gap_of(&speaker, *length, sink),
            Some(Piece::Inside(_)) => framer.begins_inside_of(&speaker),
            Some(Piece::End(_)) | None => framer.end_of(&speaker, sink),
        }
        assert!(conversation.size() <= LARGEST, "the conversation takes {} bytes", conversation.size());
        // A copy goes on as the original would.
        *conversation = conversation.copy();
    };
    for piece in pieces {
        turn(&mut conversation, piece.role(), Some(piece));
    }
    for role in Role::BOTH {
        turn(&mut conversation, role, None);
    }
    rows
}

fn row(described: &Described, role: Role, span: Span, bytes: Captured<'_, '_>) -> Row {
    let context = bytes.context().expect("a message of a conversation has one");
    let stage = &described.stages()[usize::from(context.stage)];
    let mut found = Dissection::default();
    if let (Some(protocol), SpanType::Message | SpanType::Partial) = (stage.protocol(&[]), span.span_type) {
        bytes.dissect(protocol, &mut found);
    }
    Row {
        role,
        span,
        stage: context.stage,
        note: context.note.as_ref().map(|(code, text)| (*code, text.to_string())),
        fields: found.fields.iter().map(|field| format!("{} {}", field.name, field.value)).collect(),
        problems: found.problems.iter().map(|problem| (problem.code, problem.text.clone())).collect(),
    }
}

/// What a message of a state is.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Plain,
    Sized,
    Conditional,
    LookedUp,
    Line,
}

const LAYOUTS: [(Layout, &str); 5] = [
    (Layout::Plain, "plain"),
    (Layout::Sized, "sized"),
    (Layout::Conditional, "conditional"),
    (Layout::LookedUp, "looked_up"),
    (Layout::Line, "line"),
];

const TYPES: &str = "
types:
  plain: {seq: [{id: kind, type: u1}, {id: length, type: u1}, {id: body, size: length}]}
  sized: {seq: [{id: kind, type: u1}, {id: body, size: _conversation.size}]}
  conditional: {seq: [{id: kind, type: u1}, {id: extra, type: u1, if: _conversation.size > 4}, {id: mark, type: u1}]}
  looked_up: {seq: [{id: kind, type: u1}, {id: key, type: u1}, {id: body, size: '_conversation.sizes[key]'}]}
  line: {seq: [{id: kind, type: u1}, {id: text, terminator: 10}]}
";

/// When a rule applies.
#[derive(Clone, Copy, Debug)]
enum When {
    Kind(u8),
    Large,
    Always,
}

/// What is set.
#[derive(Clone, Copy, Debug)]
enum SetTo {
    Nothing,
    Size,
    Entry,
    Removed,
}

const SETS: [(SetTo, &str); 4] = [
    (SetTo::Nothing, ""),
    (SetTo::Size, "size: kind % 10"),
    (SetTo::Entry, "'sizes[kind]': _conversation.size + 1"),
    (SetTo::Removed, "'sizes[kind]': null"),
];

#[derive(Debug)]
struct RuleOf {
    when: When,
    set: usize,
    next: Option<usize>,
    peer: Option<usize>,
}

#[derive(Debug)]
struct StateOf {
    layout: usize,
    is_optional: bool,
    next: Option<usize>,
    set: usize,
    rules: Vec<RuleOf>,
}

#[derive(Debug)]
struct Grammar {
    states: Vec<StateOf>,
    first: [usize; 2],
}

impl Grammar {
    fn choose(choices: &mut Choices<'_>) -> Grammar {
        let count = 1 + choices.below(6);
        let mut states = Vec::new();
        for at in 0..count {
            let is_optional = at + 1 < count && choices.below(4) == 1;
            let next = match choices.below(3) {
                _ if is_optional => Some(at + 1),
                0 => None,
                _ => Some(choices.below(count)),
            };
            let mut rules = Vec::new();
            for _ in 0..choices.below(4) {
                let when = match choices.below(6) {
                    0 => When::Always,
                    1 => When::Large,
                    kind => When::Kind(kind as u8),
                };
                let mut state = || Some(choices.below(count + 1)).filter(|state| *state < count);
                let (next, peer) = (state(), state());
                let set = if next.or(peer).is_none() { 1 } else { choices.below(SETS.len()) };
                rules.push(RuleOf { when, set, next, peer });
                if matches!(when, When::Always) {
                    break;
                }
            }
            let layout = choices.below(LAYOUTS.len());
            states.push(StateOf { layout, is_optional, next, set: choices.below(SETS.len()), rules });
        }
        Grammar { states, first: [choices.below(count), choices.below(count)] }
    }

    /// The states that a direction can reach.
    fn reached(&self) -> BTreeSet<usize> {
        let (mut reached, mut left) = (BTreeSet::new(), self.first.to_vec());
        while let Some(at) = left.pop() {
            if reached.insert(at) {
                let state = &self.states[at];
                left.extend(state.next);
                left.extend(state.rules.iter().flat_map(|rule| [rule.next, rule.peer]).flatten());
            }
        }
        reached
    }

    fn description(&self) -> String {
        let mut text = String::from("meta:\n  id: made\n  endian: be\n  -framescope:\n    conversation:\n");
        let [client, server] = self.first;
        let mut put = |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("it is a text");
        put(format_args!("      variables: {{size: 3, sizes: {{default: 2}}}}\n"));
        put(format_args!("      client: s{client}\n      server: s{server}\n      states:\n"));
        for at in self.reached() {
            let state = &self.states[at];
            put(format_args!("        s{at}:\n          read: {}\n", LAYOUTS[state.layout].1));
            if state.is_optional {
                put(format_args!("          optional: true\n          if: kind == {OPTIONAL}\n"));
            }
            if let Some(next) = state.next {
                put(format_args!("          next: s{next}\n"));
            }
            put(format_args!("          set: {{{}}}\n          then:\n", SETS[state.set].1));
            for RuleOf { when, set, next, peer } in &state.rules {
                let when = match when {
                    When::Kind(kind) => format!("when: kind == {kind}, "),
                    When::Large => "when: _conversation.size > 4, ".to_owned(),
                    When::Always => String::new(),
                };
                let to = |key: &str, state: &Option<usize>| {
                    state.map_or(String::new(), |at| format!(", {key}: s{at}"))
                };
                let (next, peer) = (to("next", next), to("peer", peer));
                put(format_args!("            - {{{when}set: {{{}}}{next}{peer}}}\n", SETS[*set].1));
            }
            if state.rules.is_empty() {
                put(format_args!("            []\n"));
            }
        }
        text.push_str(TYPES);
        text
    }
}

/// A plain machine of states over the same messages.
struct Model<'g> {
    grammar: &'g Grammar,
    at: [usize; 2],
    size: usize,
    sizes: BTreeMap<u8, usize>,
}

impl<'g> Model<'g> {
    fn new(grammar: &'g Grammar) -> Self {
        Model { grammar, at: grammar.first, size: 3, sizes: BTreeMap::new() }
    }

    /// What a side says next, and in which state.
    fn says(&mut self, role: Role, choices: &mut Choices<'_>) -> (usize, Vec<u8>) {
        let mut at = self.at[role.index()];
        // The kind of an optional message is that of all of them: the first is there, or none is.
        let is_absent = choices.below(2) == 0;
        while self.grammar.states[at].is_optional && is_absent {
            at = self.grammar.states[at].next.expect("an optional state has one");
        }
        let state = &self.grammar.states[at];
        let kind = if state.is_optional { OPTIONAL } else { choices.below(8) as u8 };
        let bytes = self.message(kind, LAYOUTS[state.layout].0, choices);
        self.set(state.set, kind);
        let applies = |rule: &&RuleOf| match rule.when {
            When::Kind(wanted) => kind == wanted,
            When::Large => self.size > 4,
            When::Always => true,
        };
        let rule = state.rules.iter().find(applies);
        self.at[role.index()] = rule.and_then(|rule| rule.next).or(state.next).unwrap_or(at);
        if let Some(peer) = rule.and_then(|rule| rule.peer) {
            self.at[role.reverse().index()] = peer;
        }
        if let Some(rule) = rule {
            self.set(rule.set, kind);
        }
        (at, bytes)
    }

    fn message(&self, kind: u8, layout: Layout, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut body =
            |length: usize| (0..length).map(|_| b'a' + choices.below(26) as u8).collect::<Vec<u8>>();
        match layout {
            Layout::Plain => {
                let body = body(usize::from(kind) % 5);
                [&[kind, body.len() as u8][..], &body].concat()
            }
            Layout::Sized => [&[kind][..], &body(self.size)].concat(),
            Layout::Conditional => [&[kind][..], &body(1 + usize::from(self.size > 4))].concat(),
            Layout::LookedUp => {
                let key = choices.below(8) as u8;
                let size = self.sizes.get(&key).copied().unwrap_or(2);
                let mut body =
                    |length: usize| (0..length).map(|_| choices.below(256) as u8).collect::<Vec<u8>>();
                [&[kind, key][..], &body(size)].concat()
            }
            Layout::Line => [&[kind][..], &body(3), b"\n"].concat(),
        }
    }

    fn set(&mut self, set: usize, kind: u8) {
        match SETS[set].0 {
            SetTo::Nothing => {}
            SetTo::Size => self.size = usize::from(kind) % 10,
            SetTo::Entry => {
                self.sizes.insert(kind, self.size + 1);
            }
            SetTo::Removed => {
                self.sizes.remove(&kind);
            }
        }
    }
}
