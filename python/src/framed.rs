//! A message of a stream, before anything of it is asked for: where it is, and what finding it has shown already. The messages that
//! became complete together share blocks of bytes, so that one that is kept keeps a few kilobytes at most.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use framescope_parser::{Captured, Code, Direction, Kind, Severity, Span, SpanType, Value, Visit};

use crate::decoder::Speech;
use crate::message::Message;
use crate::names;
use crate::repeated::Repeated;
use crate::tree::Tree;

/// Bytes of messages, and what they are spoken in.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) speech: Arc<Speech>,
    pub(crate) bytes: Vec<u8>,
}

/// The bytes of one message.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) block: Arc<Block>,
    pub(crate) range: Range<u32>,
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let range = self.range.start as usize..self.range.end as usize;
        self.block.bytes.get(range).unwrap_or_default()
    }
}

/// A message of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Framed {
    pub(crate) part: Part,
    pub(crate) known: Known,
}

/// What finding a message has shown.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) span_type: SpanType,
    pub(crate) stage: u16,
    pub(crate) direction: Direction,
    /// Whether it is a message, all of it is there, and none of its problems is an error.
    pub(crate) is_intact: bool,
    /// The name of its kind, by its number among all; None where only its fields show it.
    pub(crate) kind: Option<u32>,
}

impl Framed {
    /// A message that stands for itself.
    pub(crate) fn alone(speech: &Arc<Speech>, bytes: Vec<u8>, stage: u16, direction: Direction) -> Framed {
        let range = 0..u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let length = bytes.len() as u64;
        let (span_type, offset) = (SpanType::Message, 0);
        let span = Span { offset, length, span_type, checked: false };
        let outline = Outline::of(speech, stage, &span, Captured::whole(&bytes));
        let part = Part { block: Arc::new(Block { speech: Arc::clone(speech), bytes }), range };
        let is_intact = !outline.has_error;
        Framed {
            part,
            known: Known { offset, length, span_type, stage, direction, is_intact, kind: outline.kind },
        }
    }

    /// Whether both are the same message, not only the same bytes.
    pub(crate) fn is(&self, other: &Framed) -> bool {
        let place = |framed: &Framed| {
            (Arc::as_ptr(&framed.part.block), framed.part.range.clone(), framed.known.offset)
        };
        place(self) == place(other)
    }

    /// A number for each message: the same for the same one.
    pub(crate) fn place(&self) -> u64 {
        (Arc::as_ptr(&self.part.block).addr() as u64) ^ self.known.offset << 20
    }

    /// What it is spoken in.
    pub(crate) fn speech(&self) -> &Arc<Speech> {
        &self.part.block.speech
    }

    /// Which of its fields may occur several times.
    pub(crate) fn repeated(&self) -> Arc<Repeated> {
        let speech = self.speech();
        speech.repeated_in(speech.in_stage(self.known.stage))
    }

    /// Reports its fields.
    pub(crate) fn report<'a>(&'a self, visit: &mut dyn Visit<'a>) {
        let Known { stage, span_type, length, .. } = self.known;
        let protocol = self.speech().in_stage(stage);
        match span_type {
            SpanType::Message | SpanType::Partial => Captured::whole(&self.part).dissect(protocol, visit),
            SpanType::Skipped(code) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                protocol.dissect_skipped(code, &self.part, length, visit);
            }
            SpanType::Gap => {}
        }
    }
}

/// What is known of a message without reading its fields.
#[derive(Default)]
pub(crate) struct Outline {
    pub(crate) has_error: bool,
    pub(crate) kind: Option<u32>,
}

impl Outline {
    /// That of a message all of which is there, and which does not depend on earlier ones.
    pub(crate) fn of(speech: &Speech, stage: u16, span: &Span, captured: Captured<'_, '_>) -> Outline {
        let mut outline = Outline::default();
        speech.in_stage(stage).outline(captured.bytes(), span.checked, &mut outline);
        outline
    }

    /// That of a message that was dissected.
    pub(crate) fn dissected(tree: &Tree) -> Outline {
        let has_error = tree.problems.iter().any(|problem| problem.code.severity() == Severity::Error);
        Outline { has_error, kind: None }
    }
}

impl<'a> Visit<'a> for Outline {
    fn kind(&mut self, kind: Kind<'a>) {
        self.kind = kind.name.and_then(|name| names::lock().names().id(name));
    }

    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn end(&mut self) {}

    fn problem(&mut self, code: Code, _: Range<usize>, _: fmt::Arguments<'_>) {
        self.has_error |= code.severity() == Severity::Error;
    }

    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}

/// Collects the messages that become complete together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    blocks: Vec<Vec<u8>>,
    found: Vec<Found>,
}

/// A message, in which block its bytes are, and its fields if they were needed already.
#[derive(Debug)]
pub(crate) struct Found {
    block: usize,
    range: Range<u32>,
    known: Known,
    tree: Option<Arc<Tree>>,
}

/// A block is no larger, unless a message is.
const BLOCK: usize = 4096;

impl Batch {
    /// Adds a message, with its fields if they were needed already.
    pub(crate) fn push(&mut self, bytes: &[u8], known: Known, tree: Option<Tree>) {
        let has_room = self.blocks.last().is_some_and(|block| block.len() + bytes.len() <= BLOCK);
        if !has_room {
            self.blocks.push(Vec::with_capacity(bytes.len()));
        }
        let block = self.blocks.len() - 1;
        let Some(into) = self.blocks.last_mut() else { return };
        let start = into.len();
        into.extend_from_slice(bytes);
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let range = place(start)..place(into.len());
        self.found.push(Found { block, range, known, tree: tree.map(Arc::new) });
    }

    /// All of them, spoken in a protocol.
    pub(crate) fn finish(self, speech: &Arc<Speech>) -> Complete {
        let block = |bytes| Arc::new(Block { speech: Arc::clone(speech), bytes });
        Complete { blocks: self.blocks.into_iter().map(block).collect(), found: self.found }
    }
}

/// The messages that became complete together.
#[derive(Debug, Default)]
pub(crate) struct Complete {
    blocks: Vec<Arc<Block>>,
    found: Vec<Found>,
}

impl Complete {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether all of them are intact.
    pub(crate) fn is_intact(&self) -> bool {
        self.found.iter().all(|found| found.known.is_intact)
    }

    /// One of them.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<Message> {
        let Found { block, range, known, tree } = self.found.get(at)?;
        let part = Part { block: Arc::clone(self.blocks.get(*block)?), range: range.clone() };
        Some(Message::framed(Framed { part, known: known.clone() }, tree.as_deref().cloned()))
    }
}
