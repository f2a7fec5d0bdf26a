//! What both sides of a conversation say, and what is read of it.
// Not every test uses all of it.
#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;

use framescope_ksy::Described;
use framescope_parser::{
    Captured, Code, Collected, Conversation, Dissection, Framer, Missing, Passage, Protocol, Role, Span,
    SpanType, Speaker,
};

/// A piece of a conversation, in the order of the capture.
#[derive(Clone, Debug)]
pub enum Piece {
    Bytes(Role, Vec<u8>),
    Gap(Role, u64),
    End(Role),
    Inside(Role),
}
pub use Piece::{Bytes, End, Gap, Inside};

pub fn says(role: Role, bytes: impl AsRef<[u8]>) -> Piece {
    Bytes(role, bytes.as_ref().to_vec())
}

/// A span of a conversation, and what was read.
#[derive(Debug)]
pub struct Row {
    pub role: Role,
    pub span: Span,
    pub stage: String,
    pub note: Option<(Code, String)>,
    pub fields: Vec<(String, String)>,
    pub kind: Option<String>,
    pub problems: Vec<(Code, String)>,
}

impl Row {
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    /// What the tests of the order compare.
    pub fn short(&self) -> String {
        let note = self.note.as_ref().map_or(String::new(), |(code, _)| format!(" {code}"));
        format!("{} {} {:?} {}{note}", self.role.as_str(), self.stage, self.span.span_type, self.span.length)
    }
}

pub struct Talk<'p> {
    pub protocol: &'p Described,
    pub conversation: Box<dyn Conversation>,
    pub framers: [Framer; 2],
    pub rows: Vec<Row>,
    pub largest: usize,
}

impl<'p> Talk<'p> {
    pub fn new(protocol: &'p Described) -> Self {
        let conversation = protocol.conversation().unwrap();
        Talk { protocol, conversation, framers: Default::default(), rows: Vec::new(), largest: 0 }
    }

    pub fn take(&mut self, piece: &Piece) {
        let (Bytes(role, _) | Gap(role, _) | End(role) | Inside(role)) = *piece;
        let others: Vec<Arc<dyn Protocol>> = vec![Arc::new(framescope_parser::text::Text)];
        let speaker = Speaker::new(&mut *self.conversation, role, self.protocol, &others);
        let (protocol, rows) = (self.protocol, &mut self.rows);
        let sink = &mut |span: Span, bytes: Captured<'_, '_>| {
            rows.push(row(protocol, &others, role, span, bytes));
        };
        let framer = &mut self.framers[role.index()];
        match piece {
            Bytes(_, bytes) => framer.segment_of(&speaker, bytes, sink),
            Gap(_, length) => framer.gap_of(&speaker, *length, sink),
            End(_) => framer.end_of(&speaker, sink),
            Inside(_) => framer.begins_inside_of(&speaker),
        }
        self.largest = self.largest.max(self.conversation.size());
    }
}

pub fn row(
    protocol: &Described,
    others: &[Arc<dyn Protocol>],
    role: Role,
    span: Span,
    bytes: Captured<'_, '_>,
) -> Row {
    let context = bytes.context().unwrap();
    let stage = &protocol.stages()[usize::from(context.stage)];
    let mut found = Dissection::default();
    if matches!(span.span_type, SpanType::Message | SpanType::Partial) {
        bytes.dissect(stage.protocol(others).unwrap(), &mut found);
    }
    let fields = found.fields.iter().map(|field| (field.name.to_string(), field.value.to_string())).collect();
    Row {
        role,
        span,
        stage: stage.name.clone(),
        note: context.note.as_ref().map(|(code, text)| (*code, text.to_string())),
        fields,
        kind: found.kind.and_then(|kind| kind.name.map(str::to_owned)),
        problems: found.problems.iter().map(|problem| (problem.code, problem.text.clone())).collect(),
    }
}

pub fn rows(protocol: &Described, pieces: &[Piece]) -> Vec<Row> {
    let mut talk = Talk::new(protocol);
    pieces.iter().for_each(|piece| talk.take(piece));
    for role in Role::BOTH {
        talk.take(&End(role));
    }
    talk.rows
}

pub fn short(protocol: &Described, pieces: &[Piece]) -> Vec<String> {
    rows(protocol, pieces).iter().map(Row::short).collect()
}

pub const CLIENT: Role = Role::Client;
pub const SERVER: Role = Role::Server;

/// The same pieces, in segments of a few bytes.
pub fn split(pieces: &[Piece], size: usize) -> Vec<Piece> {
    let split = |piece: &Piece| match piece {
        Bytes(role, bytes) => bytes.chunks(size).map(|part| Bytes(*role, part.to_vec())).collect(),
        other => vec![other.clone()],
    };
    pieces.iter().flat_map(split).collect()
}

/// What the messages of a conversation carry.
pub struct Carried<'p> {
    pub protocol: &'p Described,
    pub conversation: Box<dyn Conversation>,
    pub framers: [Framer; 2],
    pub carried: Collected,
    /// What was given to the conversation, message by message.
    pub log: Vec<Passed>,
    pub largest: usize,
}

/// What a conversation was given.
#[derive(Clone, Debug)]
pub enum Passed {
    Message(Role, u16, Vec<u8>, Vec<std::ops::Range<usize>>),
    Lost(Role, u64),
    End(Role),
}

impl<'p> Carried<'p> {
    pub fn new(protocol: &'p Described) -> Self {
        Carried::with(protocol, protocol.conversation().unwrap())
    }

    pub fn with(protocol: &'p Described, conversation: Box<dyn Conversation>) -> Self {
        let carried = Collected::default();
        Carried { protocol, conversation, framers: Default::default(), carried, log: Vec::new(), largest: 0 }
    }

    pub fn take(&mut self, piece: &Piece) {
        let (Bytes(role, _) | Gap(role, _) | End(role) | Inside(role)) = *piece;
        let speaker =
            Speaker::new(&mut *self.conversation, role, self.protocol, &[]).carrying(&mut self.carried);
        let log = &mut self.log;
        let sink = &mut |span: Span, bytes: Captured<'_, '_>| {
            let stage = bytes.context().unwrap().stage;
            let missing = bytes.missing().iter().map(|gap| gap.start..gap.end).collect();
            log.push(match span.span_type {
                SpanType::Message => Passed::Message(role, stage, bytes.bytes().to_vec(), missing),
                _ => Passed::Lost(role, span.length),
            });
        };
        let framer = &mut self.framers[role.index()];
        match piece {
            Bytes(_, bytes) => framer.segment_of(&speaker, bytes, sink),
            Gap(_, length) => framer.gap_of(&speaker, *length, sink),
            End(_) => framer.end_of(&speaker, sink),
            Inside(_) => framer.begins_inside_of(&speaker),
        }
        if let End(role) = *piece {
            self.pass(&Passed::End(role));
            self.log.push(Passed::End(role));
        }
        self.largest = self.largest.max(self.conversation.size());
    }

    /// Gives the conversation what it was given before.
    pub fn pass(&mut self, passed: &Passed) {
        match passed {
            Passed::Message(role, stage, bytes, missing) => {
                self.conversation.continue_in(*role, *stage);
                let missing = Missing::list(missing.iter().cloned());
                let message = Passage::Message(Captured::with_missing(bytes, &missing));
                self.conversation.carry(*role, message, &mut self.carried);
            }
            Passed::Lost(role, length) => {
                self.conversation.carry(*role, Passage::Lost(*length), &mut self.carried)
            }
            Passed::End(role) => self.conversation.carry(*role, Passage::End, &mut self.carried),
        }
    }
}
