//! The messages that statements are about: where they begin and end by what was guessed and said.

use framescope_capture::FlowId;

use super::{Place, Statement, What};
use crate::description::fixed_length;
use crate::framing::{Framing, Preamble, Rule};
use crate::{Message, Run, Sample};

/// A message, and where it is in its stream.
#[derive(Clone, Copy, Debug)]
pub struct Located<'s> {
    /// It.
    pub message: Message<'s>,
    /// Its conversation.
    pub flow: FlowId,
    /// Where in what its side says it begins.
    pub offset: u64,
}

/// The messages of a sample, and where those of each side end.
#[derive(Clone, Debug)]
pub struct Basis<'s> {
    /// What was looked at.
    pub sample: &'s Sample,
    /// Where messages end; None for a side that says nothing.
    pub framings: [Option<Framing>; 2],
    /// The messages: of each conversation first those of the client, then those of the server.
    pub messages: Vec<Located<'s>>,
    /// Where each stream stops to be messages before it ends: its conversation and side, and the offset.
    pub broken: Vec<(FlowId, u8, u64)>,
}

impl<'s> Basis<'s> {
    /// Finds the messages. A statement of a length says where they end; else that is as it was guessed, or if nothing was guessed, each
    /// segment is one.
    pub fn new(sample: &'s Sample, guessed: &[Option<Framing>; 2], statements: &[Statement]) -> Basis<'s> {
        let framings = [0u8, 1].map(|side| {
            let at = usize::from(side);
            sample.side(at).next()?;
            let guessed = guessed.get(at).cloned().flatten();
            let is_of_side = |said: &&Statement| said.side.is_none_or(|own| own == side);
            let said = statements.iter().filter(is_of_side).filter_map(Statement::length_field).next_back();
            let preamble = guessed.as_ref().map_or(Preamble::Bytes(0), |framing| framing.preamble.clone());
            match (said, guessed) {
                (Some(field), _) => Some(Framing { preamble, rule: Rule::Length(field) }),
                (None, Some(guessed)) => Some(guessed),
                (None, None) => Some(Framing { preamble, rule: Rule::Segment }),
            }
        });
        let mut basis = Basis { sample, framings, messages: Vec::new(), broken: Vec::new() };
        for (talk, number) in sample.talks.iter().zip(0u32..) {
            let mut sides = [Vec::new(), Vec::new()];
            for (side, (run, found)) in (0u8..).zip(talk.sides.iter().zip(&mut sides)) {
                let Some(Some(framing)) = basis.framings.get(usize::from(side)) else { continue };
                let endpoint = |side: usize| talk.endpoints.get(side).copied().flatten();
                let (source, target) = (endpoint(usize::from(side)), endpoint(1 - usize::from(side.min(1))));
                let ranges = framing.find(run, usize::MAX);
                let end = ranges.boundaries.last().copied().unwrap_or(0);
                if end < run.bytes.len() && (ranges.is_wrong || run.ends) {
                    basis.broken.push((talk.flow, side, end as u64));
                }
                *found = ranges
                    .messages()
                    .map(|range| Message {
                        bytes: run.bytes.get(range.clone()).unwrap_or_default(),
                        time: run.time(range.start),
                        talk: number,
                        side,
                        answers: None,
                        source,
                        target,
                    })
                    .collect();
            }
            let [one, other] = &mut sides;
            crate::guess::answers(one, other);
            crate::guess::answers(other, one);
            for (messages, run) in sides.iter().zip(&talk.sides) {
                basis.messages.extend(messages.iter().map(|message| Located {
                    message: *message,
                    flow: talk.flow,
                    offset: offset_in(run, message.bytes),
                }));
            }
        }
        basis
    }

    /// The messages that a statement is about.
    pub(super) fn about<'b>(&'b self, said: &'b Statement) -> impl Iterator<Item = &'b Located<'s>> {
        self.messages.iter().filter(|located| is_about(said, &located.message))
    }

    /// The bytes of messages of one side, or of both.
    pub(super) fn bytes(&self, side: Option<u8>) -> Vec<&'s [u8]> {
        let is_wanted = |message: &&Located<'s>| side.is_none_or(|side| message.message.side == side);
        self.messages.iter().filter(is_wanted).map(|located| located.message.bytes).collect()
    }

    /// Where the length field of both sides is, if it is the same and always as wide.
    pub(super) fn length_field(&self) -> Option<Place> {
        let mut fields = self.framings.iter().flatten().map(|framing| {
            let range = fixed_length(&framing.rule).filter(|range| !range.is_empty())?;
            Some(Place::start(range.start, range.len()))
        });
        let first = fields.next()??;
        fields.all(|other| other == Some(first)).then_some(first)
    }
}

/// Whether a statement is about a message.
pub(super) fn is_about(said: &Statement, message: &Message<'_>) -> bool {
    said.side.is_none_or(|side| side == message.side)
        && said.kind.is_none_or(|(at, value)| message.bytes.get(at) == Some(&value))
}

/// Where bytes of a run begin in it.
fn offset_in(run: &Run, part: &[u8]) -> u64 {
    let (all, part) = (run.bytes.as_ptr().addr(), part.as_ptr().addr());
    part.saturating_sub(all) as u64
}

/// Whether a statement says where messages end.
pub(super) fn is_framing(said: &Statement) -> bool {
    matches!(said.what, What::Length { .. }) && said.length_field().is_some()
}
