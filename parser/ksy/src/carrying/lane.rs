//! One direction of a channel.

use framescope_parser::{Carried, Channel, Code, Role, Sentence};

use super::found::{Found, Part};
use super::ordered::{FARTHEST, Ordered, check_of_parts, unit_of};
use super::parts::Joined;
use super::pieces::Segment;
use super::waiting::{Place, Waiting};
use crate::plan::{CarryRule, Ordering, Span, StreamPlan};
use crate::run::Run;

/// Where what is found goes.
pub(super) struct Out<'o> {
    pub(super) to: &'o mut dyn Carried,
    pub(super) number: u64,
    pub(super) role: Role,
    /// The description of the channel, until it is opened.
    pub(super) about: &'o mut Option<Channel>,
    pub(super) is_verbatim: bool,
}

impl Out<'_> {
    fn open(&mut self) {
        if let Some(about) = self.about.take() {
            self.to.open(self.number, about);
        }
    }

    pub(super) fn parts(&mut self, run: &Run<'_, '_>, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Unknown(length) => self.lost(*length),
                Part::Known(span) if span.len() == 0 => {}
                Part::Known(span) if !self.is_verbatim => self.bytes(run.bytes(*span)),
                Part::Known(span) if span.buffer == Span::MESSAGE => {
                    self.open();
                    self.to.verbatim(self.number, self.role, span.start as usize, run.bytes(*span));
                }
                Part::Known(span) => self.lost(span.len().into()),
            }
        }
    }

    pub(super) fn segments(&mut self, piece: &[Segment]) {
        for segment in piece {
            match segment {
                Segment::Known(bytes) => self.bytes(bytes),
                Segment::Unknown(length) => self.lost(*length),
            }
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.open();
        let taken = self.to.room().min(bytes.len());
        let (taken, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        if !taken.is_empty() {
            self.to.bytes(self.number, self.role, taken);
        }
        if !rest.is_empty() {
            self.to.lost(self.number, self.role, rest.len() as u64);
            let text = "what this carries is {} bytes more than are taken of it; they are left out";
            self.problem(Code::ExpandsTooMuch, Sentence::new(text).with([rest.len() as u64]));
        }
    }

    pub(super) fn lost(&mut self, length: u64) {
        self.open();
        self.to.lost(self.number, self.role, length.clamp(1, FARTHEST));
    }

    pub(super) fn end_message(&mut self) {
        self.open();
        self.to.end_message(self.number, self.role);
    }

    fn end(&mut self) {
        self.open();
        self.to.end(self.number, self.role);
    }

    pub(super) fn problem(&mut self, code: Code, text: Sentence) {
        self.to.problem(code, text);
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// How often bytes were lost, and how many, when it was used last.
    pub(super) known_losses: u64,
    pub(super) known_lost: u64,
    /// Whether the capture begins inside it.
    pub(super) is_inside: bool,
    pub(super) is_ended: bool,
    /// Whether anything of it was found.
    pub(super) has_any: bool,
    ordered: Option<Box<Ordered>>,
    joined: Option<Box<Joined>>,
}

/// A message that is taken.
pub(super) struct Taken<'t, 'p, 'm> {
    pub(super) rule: &'t CarryRule,
    pub(super) stream: &'t StreamPlan,
    pub(super) run: &'t Run<'p, 'm>,
    pub(super) found: &'t Found,
    /// How many bytes were lost since the last one, if any were.
    pub(super) lost: Option<u64>,
    pub(super) place: &'t Place,
}

impl Lane {
    /// A direction that begins after so many losses.
    pub(super) fn begun(known_losses: u64, known_lost: u64, is_inside: bool) -> Lane {
        Lane { known_losses, known_lost, is_inside, ..Lane::default() }
    }

    pub(super) fn size(&self) -> usize {
        let ordered = self.ordered.as_ref().map_or(0, |ordered| ordered.size());
        ordered + self.joined.as_ref().map_or(0, |joined| joined.size())
    }

    /// Whether what was found is what was handed on last: then it was sent again, as its confirmation was lost.
    pub(super) fn has_just_had(&self, run: &Run<'_, '_>, found: &Found) -> bool {
        let check = check_of_parts(run, found.parts.as_deref().unwrap_or_default());
        self.ordered.as_ref().is_some_and(|ordered| ordered.has_just_had(check))
    }

    pub(super) fn take(&mut self, taken: &Taken<'_, '_, '_>, waiting: &mut Waiting, out: &mut Out<'_>) {
        let Taken { stream, run, found, .. } = taken;
        let parts = found.parts.as_deref();
        match (stream.is_delimited, stream.order) {
            (true, _) => {
                let joined = self.joined.get_or_insert_default();
                joined.take(taken, waiting, out);
                if found.end {
                    joined.give_up_all(waiting, out);
                }
            }
            (false, Ordering::Sent) => {
                if let Some(lost) = taken.lost.filter(|_| parts.is_some() && !self.is_ended) {
                    out.lost(lost);
                }
                out.parts(run, parts.unwrap_or_default());
            }
            (false, _) => {
                let is_inside = self.is_inside;
                let ordered = self.ordered.get_or_insert_default();
                ordered.take(taken, is_inside, waiting, out);
                if ordered.is_complete() && !self.is_ended {
                    self.is_ended = true;
                    out.end();
                }
                self.has_any = true;
                return;
            }
        }
        self.has_any = true;
        if found.end && !self.is_ended {
            self.is_ended = true;
            out.end();
        }
    }

    /// What has waited for too long is handed on without what is missing before it.
    pub(super) fn give_up(
        &mut self,
        stream: &StreamPlan,
        waiting: &mut Waiting,
        place: &Place,
        out: &mut Out<'_>,
    ) {
        if let Some(joined) = self.joined.as_mut().filter(|_| stream.is_delimited) {
            return joined.give_up(waiting, place.message.as_ref(), out);
        }
        if let Some(ordered) = &mut self.ordered {
            ordered.give_up(unit_of(stream.order), waiting, out);
        }
    }

    /// Nothing comes any more, and what still waits has no message to be handed on with.
    pub(super) fn end_of_all(&mut self, stream: &StreamPlan, out: &mut Out<'_>) {
        if self.is_ended || out.about.is_some() {
            return;
        }
        self.is_ended = true;
        if let Some(joined) = &mut self.joined {
            joined.end_of_all(out);
        }
        let unit = unit_of(stream.order);
        if let Some(lost) = self.ordered.as_mut().and_then(|ordered| ordered.end_of_all(unit)) {
            out.lost(lost);
        }
        out.end();
    }
}
