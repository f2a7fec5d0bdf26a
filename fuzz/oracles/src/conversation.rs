//! A grammar of a conversation is generated, and what both sides say in it, together with a model that knows it: a plain
//! machine of states. Each message is read in the state that the model has, however the bytes are split. With bytes
//! lost or changed, the streams are still tiled, and the same however they are split.

mod model;

use framescope_checking::{Piece, Random, Transcript, Verdict, hear};
use framescope_ksy::Described;
use framescope_parser::{
    Captured, Code, Conversation, Dissection, Framer, Protocol, Role, Span, SpanType, Speaker,
};

use self::model::{Grammar, Model};
use crate::linear::Choices;

/// The most bytes that a conversation may take, whatever is said.
const LARGEST: usize = 68 << 10;

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
        let said = model.begins(role, &mut choices);
        let (first, rest) = said.bytes.split_at(said.held.min(said.bytes.len()));
        push(&mut pieces, role, first, &mut choices);
        if !rest.is_empty() {
            // The other side says something before the end of the message.
            let other = model.begins(role.reverse(), &mut choices);
            push(&mut pieces, role.reverse(), &other.bytes, &mut choices);
            expected.push((role.reverse(), format!("s{}", other.state), other.bytes.len()));
            model.ends(role.reverse(), &other);
            push(&mut pieces, role, rest, &mut choices);
        }
        expected.push((role, format!("s{}", said.state), said.bytes.len()));
        model.ends(role, &said);
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

/// Adds bytes to what was said, in a segment of their own or in the last one.
fn push(pieces: &mut Vec<Piece>, role: Role, bytes: &[u8], choices: &mut Choices<'_>) {
    match pieces.last_mut() {
        Some(Piece::Segment(last, said)) if *last == role && choices.below(3) > 0 => said.extend(bytes),
        _ => pieces.push(Piece::Segment(role, bytes.to_vec())),
    }
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
