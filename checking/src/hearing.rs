//! What a receiver should say of the messages of a conversation, one after another.

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{Captured, Code, Context, Conversation, Input, Memo, Protocol, Role, Stage, Step};

use crate::verdict::{Refusal, Verdict, wrong_in};
use crate::{Piece, Transcript};

/// A message, or what stands where one should, and what a receiver should say of it.
pub struct Heard<'h> {
    /// The side that says it.
    pub role: Role,
    /// What a receiver should say.
    pub verdict: Verdict,
    /// The bytes of a message; else all that arrived since the last one.
    pub message: Captured<'h, 'h>,
    /// What reads it.
    pub protocol: &'h dyn Protocol,
}

/// One direction.
#[derive(Default)]
struct Side {
    /// What arrived and is in no message.
    bytes: Vec<u8>,
    /// How many of them each segment had.
    segments: Vec<usize>,
    offset: u64,
}

impl Side {
    fn input<'a>(&'a self, last: bool, context: &'a Context<'a>) -> Input<'a> {
        let first_segment = self.segments.first().copied().unwrap_or(self.bytes.len());
        Input { bytes: &self.bytes, first_segment, last, offset: self.offset, context: Some(context) }
    }

    fn take(&mut self, mut length: usize) {
        self.bytes.drain(..length.min(self.bytes.len()));
        self.offset += length as u64;
        while length > 0 && !self.segments.is_empty() {
            let first = self.segments.first().copied().unwrap_or(0);
            if first > length {
                self.segments.iter_mut().take(1).for_each(|first| *first -= length);
                return;
            }
            self.segments.remove(0);
            length -= first;
        }
    }
}

/// What comes next in a direction.
enum Next {
    Message(NonZeroUsize),
    Wait,
    Unfinished(Verdict),
}

/// Passes on each message of a conversation of `protocol`, in the order in which they are complete, and at the end what is
/// incomplete. After the first that is refused nothing more is said: what follows it means nothing. Of the pieces only
/// segments count: a receiver sees no gap. Protocols that it hands over to are among `others`.
pub fn hear(
    transcript: &Transcript,
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    each: &mut dyn FnMut(&Heard<'_>),
) {
    let Some(conversation) = protocol.conversation() else { return };
    let mut hearing = Hearing { conversation, stages: protocol.stages(), others };
    let (mut client, mut server) = (Side::default(), Side::default());
    for piece in transcript.pieces() {
        let Piece::Segment(role, bytes) = piece else { continue };
        let side = if *role == Role::Client { &mut client } else { &mut server };
        side.bytes.extend_from_slice(bytes);
        side.segments.push(bytes.len());
        if !hearing.messages(side, *role, false, each) {
            return;
        }
    }
    for (role, mut side) in Role::BOTH.into_iter().zip([client, server]) {
        if !hearing.messages(&mut side, role, true, each) {
            return;
        }
    }
}

/// The conversation that is heard.
struct Hearing<'p> {
    conversation: Box<dyn Conversation>,
    stages: &'p [Stage],
    others: &'p [Arc<dyn Protocol>],
}

impl<'p> Hearing<'p> {
    /// The messages that have arrived in one direction. False after one that is refused.
    fn messages(
        &mut self,
        side: &mut Side,
        role: Role,
        last: bool,
        each: &mut dyn FnMut(&Heard<'_>),
    ) -> bool {
        while !side.bytes.is_empty() {
            let next = self.next(side, role, last);
            let context = self.context(role);
            let Some(protocol) = self.reads(context.stage) else { return false };
            let mut heard = |bytes: &[u8], verdict: Verdict| {
                let is_refused = matches!(verdict, Verdict::Refused(_));
                let message = Captured::whole(bytes).in_context(Some(&context));
                each(&Heard { role, verdict, message, protocol });
                !is_refused
            };
            let length = match next {
                Next::Wait => return true,
                Next::Unfinished(verdict) => return heard(&side.bytes, verdict),
                Next::Message(length) => length.get().min(side.bytes.len()),
            };
            let bytes = side.bytes.get(..length).unwrap_or(&side.bytes);
            let wrong = wrong_in(protocol, Captured::whole(bytes).in_context(Some(&context)));
            if !heard(bytes, wrong.map_or(Verdict::Valid(length), Verdict::Refused)) {
                return false;
            }
            self.conversation.message(role, Captured::whole(bytes));
            side.take(length);
        }
        true
    }

    fn context(&self, role: Role) -> Context<'_> {
        let stage = self.conversation.stage(role);
        Context { stage, role: Some(role), variables: self.conversation.variables(), ..Context::default() }
    }

    /// What reads the messages of a stage; None where a protocol does that is not here.
    fn reads(&self, stage: u16) -> Option<&'p dyn Protocol> {
        self.stages.get(usize::from(stage))?.protocol(self.others)
    }

    fn next(&mut self, side: &Side, role: Role, last: bool) -> Next {
        if self.conversation.begin(role, &side.bytes, last).is_some() {
            return Next::Wait;
        }
        loop {
            let context = self.context(role);
            let Some(protocol) = self.reads(context.stage) else { return Next::Wait };
            let wrong = || wrong_in(protocol, Captured::whole(&side.bytes).in_context(Some(&context)));
            let step = |last| protocol.next(side.input(last, &context), &mut Memo::default());
            let code = match step(last) {
                Step::Message(length) | Step::Checked(length) => return Next::Message(length),
                Step::NeedMore(_) => return Next::Wait,
                Step::Partial(_) => return Next::Unfinished(Verdict::Incomplete(wrong())),
                // Too little to be part of a message, though it may become one.
                Step::Skipped(..) | Step::Searching(..)
                    if last && matches!(step(false), Step::NeedMore(_)) =>
                {
                    return Next::Unfinished(Verdict::Incomplete(wrong()));
                }
                Step::Skipped(_, code) | Step::Searching(_, code) => code,
                Step::Lost => Code::CannotResync,
            };
            if !self.conversation.absent(role) {
                return Next::Unfinished(Verdict::Refused(Refusal::from(code)));
            }
        }
    }
}
