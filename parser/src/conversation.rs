//! Protocols whose messages depend on the direction, or on what was said before.
//!
//! A [`Conversation`] is where both directions of one conversation are in their protocol's grammar: it says in which
//! [`Stage`] the next message is read, and takes each message into account when its bytes are known. It does not frame:
//! a [`Speaker`] lends one of its directions to the framer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;
use core::cell::RefCell;
use core::fmt;
use core::num::NonZeroUsize;

use crate::framer::Framing;
use crate::{
    Captured, Carried, Code, Guess, Input, Measure, Memo, Passage, Protocol, Sentence, Span, SpanType, Step,
    Unclaimed, Visit,
};

/// Which end of a conversation sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one that opened the conversation.
    Client,
    /// The one that accepted it.
    Server,
}

impl Role {
    /// Both, the client first.
    pub const BOTH: [Role; 2] = [Role::Client, Role::Server];

    /// `client` or `server`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
        }
    }

    /// The other one.
    pub fn reverse(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// 0 or 1.
    pub fn index(self) -> usize {
        usize::from(self == Role::Server)
    }
}

/// What earlier messages of a conversation have set, for the protocol that set it.
pub type Variables = dyn Any + Send + Sync;

/// What is known around a message: the stage of its conversation that it is read in, and why it is taken to begin where it does.
#[derive(Clone, Default)]
pub struct Context<'c> {
    /// The number of its stage among [`Protocol::stages`]; 0 in a protocol without any.
    pub stage: u16,
    /// Which side sent it, in a conversation with stages.
    pub role: Option<Role>,
    /// What earlier messages have set.
    pub variables: Option<&'c Variables>,
    /// If its beginning was guessed: why it is the likeliest.
    pub guess: Option<Guess>,
    /// What the conversation has to say about it.
    pub note: Option<(Code, Sentence)>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// A state in which a direction of a conversation can be.
#[derive(Clone)]
pub struct Stage {
    /// Its name, as the description has it.
    pub name: String,
    /// What its messages are read as.
    pub reads: Reads,
    /// Whether the fields of its messages depend on variables.
    pub needs_variables: bool,
    /// Whether its messages may set variables.
    pub sets_variables: bool,
    /// Whether its messages may carry others, or matter to what later ones carry.
    pub carries: bool,
}

/// What the messages of a stage are read as.
#[derive(Clone)]
pub enum Reads {
    /// A part of the protocol itself.
    Own(Arc<dyn Protocol>),
    /// Another protocol, by its name.
    Other(String),
}

impl Stage {
    /// The protocol of its messages, among `protocols` if it is another one.
    pub fn protocol<'p>(&'p self, protocols: &'p [Arc<dyn Protocol>]) -> Option<&'p dyn Protocol> {
        match &self.reads {
            Reads::Own(protocol) => Some(&**protocol),
            Reads::Other(name) => protocols.iter().find(|one| one.name() == name).map(|one| &**one),
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where the two directions of a conversation are in their protocol's grammar.
///
/// It is the same after the same messages in the same order, however their bytes were split.
pub trait Conversation: Send + Sync {
    /// A copy, to return to this point later.
    fn copy(&self) -> Box<dyn Conversation>;

    /// How many bytes of memory it takes.
    fn size(&self) -> usize;

    /// The stage, among [`Protocol::stages`], in which the next message of a direction is read.
    fn stage(&self, role: Role) -> u16;

    /// What the messages so far have set.
    fn variables(&self) -> Option<&Variables> {
        None
    }

    /// The next message of a direction is read in that stage, as was found when the conversation was read before.
    fn continue_in(&mut self, role: Role, stage: u16);

    /// The capture begins inside the conversation: what that direction sent before is unknown.
    fn begins_inside(&mut self, role: Role) {
        let _ = role;
    }

    /// The next message of a direction begins with these bytes, of which `last` says that none follow them. What the
    /// other direction changed takes effect now, and after a loss the stage that fits the bytes is chosen.
    ///
    /// Returns how many more bytes are needed for that, never when `last`. It may be called again with more of the same
    /// bytes before [`message`](Conversation::message) or [`loss`](Conversation::loss); nothing changes then.
    fn begin(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        let _ = (role, bytes, last);
        None
    }

    /// The bytes are no message of the stage. True if that message is optional, and the stage is the one after it now.
    fn absent(&mut self, role: Role) -> bool {
        let _ = role;
        false
    }

    /// A message of the stage was read.
    fn message(&mut self, role: Role, message: Captured<'_, '_>);

    /// Bytes of a direction were lost or are not a message: they may have changed the stage. Of bytes that are searched for
    /// a message it is called when the search begins, and again when they are delivered: the message that was found may have
    /// [begun](Conversation::begin) by then.
    fn loss(&mut self, role: Role) {
        let _ = role;
    }

    /// In a protocol that [carries](Stage::carries) others: takes what comes next of a direction, instead of
    /// [`message`](Conversation::message) or [`loss`](Conversation::loss), and hands on what it carries. It hands on the same
    /// from a [copy](Conversation::copy) after the same messages. By default, nothing is carried.
    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        let _ = to;
        match passage {
            Passage::Message(message) => self.message(role, message),
            Passage::Lost(_) => self.loss(role),
            Passage::End => {}
        }
    }

    /// Whether the next message of a direction may be read in a stage, as far as is known: after a loss in several.
    fn may_be(&self, role: Role, stage: u16) -> bool {
        stage == self.stage(role)
    }

    /// What has to be said about the next message of a direction; once.
    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let _ = role;
        None
    }
}

/// One direction of a conversation, for a [`Framer`](crate::Framer).
pub struct Speaker<'c> {
    conversation: RefCell<&'c mut dyn Conversation>,
    role: Role,
    stages: &'c [Stage],
    protocols: &'c [Arc<dyn Protocol>],
    /// Where what it carries goes.
    carried: Option<RefCell<&'c mut dyn Carried>>,
}

/// What a protocol keeps between two steps, while the stage is the same.
#[derive(Default)]
struct StageMemo {
    stage: u16,
    memo: Memo,
}

impl<'c> Speaker<'c> {
    /// The direction of `role` in a conversation of `protocol`. Other protocols that it hands over to are among `protocols`.
    pub fn new(
        conversation: &'c mut dyn Conversation,
        role: Role,
        protocol: &'c dyn Protocol,
        protocols: &'c [Arc<dyn Protocol>],
    ) -> Speaker<'c> {
        let (conversation, stages) = (RefCell::new(conversation), protocol.stages());
        Speaker { conversation, role, stages, protocols, carried: None }
    }

    /// Hands on what the messages carry. The framer's caller says itself when the direction has [ended](Passage::End).
    #[must_use]
    pub fn carrying(self, carried: &'c mut dyn Carried) -> Speaker<'c> {
        Speaker { carried: Some(RefCell::new(carried)), ..self }
    }

    /// The protocol of the next message.
    fn protocol(&self) -> &'c dyn Protocol {
        let stage = self.conversation.borrow().stage(self.role);
        self.protocol_of(stage)
    }

    fn protocol_of(&self, stage: u16) -> &'c dyn Protocol {
        let known = self.stages.get(usize::from(stage)).and_then(|stage| stage.protocol(self.protocols));
        known.unwrap_or(&Unclaimed)
    }

    /// The capture begins inside this direction.
    pub(crate) fn begins_inside(&self) {
        self.conversation.borrow_mut().begins_inside(self.role);
    }

    /// Passes a span on with its context, and takes it into account.
    pub(crate) fn deliver(
        &self,
        span: Span,
        bytes: Captured<'_, '_>,
        sink: &mut dyn FnMut(Span, Captured<'_, '_>),
    ) {
        let role = self.role;
        let note = match span.span_type {
            SpanType::Gap => None,
            _ => self.conversation.borrow_mut().note(role),
        };
        {
            let conversation = self.conversation.borrow();
            let (stage, variables) = (conversation.stage(role), conversation.variables());
            let guess = bytes.guess().copied();
            let context = Context { stage, role: Some(role), variables, guess, note };
            sink(span, bytes.in_context(Some(&context)));
        }
        let mut conversation = self.conversation.borrow_mut();
        if let Some(carried) = &self.carried {
            let passage = match span.span_type {
                SpanType::Message => Passage::Message(bytes),
                SpanType::Partial | SpanType::Gap | SpanType::Skipped(_) => Passage::Lost(span.length),
            };
            return conversation.carry(role, passage, *carried.borrow_mut());
        }
        match span.span_type {
            SpanType::Message => conversation.message(role, bytes),
            SpanType::Partial | SpanType::Gap | SpanType::Skipped(_) => conversation.loss(role),
        }
    }

    /// The protocols that the next message may be of, each with its stage, the present one first.
    fn possible(&self) -> impl Iterator<Item = (u16, &'c dyn Protocol)> {
        let present = self.conversation.borrow().stage(self.role);
        let all = 0..u16::try_from(self.stages.len()).unwrap_or(u16::MAX);
        let others =
            all.filter(move |&stage| stage != present && self.conversation.borrow().may_be(self.role, stage));
        core::iter::once(present).chain(others).map(|stage| (stage, self.protocol_of(stage)))
    }

    /// How long the message is that begins with these bytes, and in which stage: the present one unless there is more
    /// evidence for another.
    fn measured(&self, message: Captured<'_, '_>) -> (Measure, &'c dyn Protocol) {
        let weight = |measure: &Measure| match measure {
            Measure::Message { bits, .. } => (3, *bits),
            Measure::NeedMore => (2, 0),
            Measure::Unknown => (1, 0),
            Measure::Nothing => (0, 0),
        };
        let mut best: Option<(Measure, &'c dyn Protocol)> = None;
        for (stage, protocol) in self.possible() {
            let measure = self.in_stage(stage, |context| protocol.measure(message.in_context(Some(context))));
            if best.as_ref().is_none_or(|(known, _)| weight(&measure) > weight(known)) {
                best = Some((measure, protocol));
            }
        }
        best.unwrap_or((Measure::Unknown, &Unclaimed))
    }

    /// The search for the next message goes on after bytes that begin none: up to where a message of any of the possible
    /// stages may begin.
    fn searched(&self, input: Input<'_>, step: Step) -> Step {
        let Step::Searching(mut length, code) = step else { return step };
        for (stage, protocol) in self.possible().skip(1) {
            let next = |context: &Context<'_>| {
                protocol.next(Input { context: Some(context), ..input }, &mut Memo::default())
            };
            match self.in_stage(stage, next) {
                Step::Searching(other, _) => length = length.min(other),
                // It may begin at any byte.
                _ => length = NonZeroUsize::MIN,
            }
        }
        Step::Searching(length, code)
    }

    fn in_stage<T>(&self, stage: u16, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let conversation = self.conversation.borrow();
        let variables = conversation.variables();
        run(&Context { stage, role: Some(self.role), variables, ..Context::default() })
    }

    fn with_context<T>(&self, run: impl FnOnce(&'c dyn Protocol, &Context<'_>) -> T) -> T {
        let conversation = self.conversation.borrow();
        let stage = conversation.stage(self.role);
        let variables = conversation.variables();
        let context = Context { stage, role: Some(self.role), variables, ..Context::default() };
        run(self.protocol_of(stage), &context)
    }
}

impl Framing for Speaker<'_> {
    fn can_resync(&self) -> bool {
        self.possible().all(|(_, protocol)| protocol.can_resync())
    }

    fn doubts_lengths(&self) -> bool {
        // What follows a message may be of another stage, so that it neither supports a length nor speaks against it.
        false
    }

    fn terminator(&self) -> Option<&[u8]> {
        let terminator = self.protocol().terminator()?;
        let is_of = |protocol: &dyn Protocol| protocol.terminator() == Some(terminator);
        self.possible().all(|(_, protocol)| is_of(protocol)).then_some(terminator)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        self.measured(message).0
    }

    fn outline<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.measured(Captured::whole(message)).1.outline(message, false, visit);
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        if let Some(more) = self.conversation.borrow_mut().begin(self.role, input.bytes, input.last) {
            return Step::NeedMore(more);
        }
        loop {
            let step = self.with_context(|protocol, context| {
                let known = memo.get_or_default::<StageMemo>();
                if known.stage != context.stage {
                    *known = StageMemo { stage: context.stage, memo: Memo::default() };
                }
                protocol.next(Input { context: Some(context), ..input }, &mut known.memo)
            });
            let is_message =
                matches!(step, Step::Message(_) | Step::Checked(_) | Step::NeedMore(_) | Step::Partial(_));
            if is_message {
                return step;
            }
            let mut conversation = self.conversation.borrow_mut();
            if !conversation.absent(self.role) {
                // Bytes that are searched are in no span before the next message is found.
                conversation.loss(self.role);
                drop(conversation);
                return self.searched(input, step);
            }
        }
    }
}

impl fmt::Debug for Speaker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker").field("role", &self.role).finish_non_exhaustive()
    }
}
