//! A conversation that goes on: in which state its two sides are, so that the next message can be written, and which requests wait for
//! a reply. It follows the rows of one flow.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use framescope_capture::{FlowId, Index, RowId};
use framescope_parser::{
    Captured, Code, Context, Conversation, Dissection, Event, Observation, Observer, Protocol, Role, SpanType,
};
use serde_json::Value as Json;

use crate::encoding::{self, EncodeError};

/// How many stages that may be left out are left out to write a message of a later one.
const MOST_ABSENT: usize = 16;
/// Requests that may wait; more are forgotten.
const MOST_ASKED: usize = 100_000;

/// A conversation, as far as the rows of its flow were taken into account.
pub struct Talk {
    flow: FlowId,
    protocols: Vec<Arc<dyn Protocol>>,
    spoken: Option<Spoken>,
    /// The protocol of messages that name none, before one is spoken.
    default: Option<Arc<dyn Protocol>>,
    /// The rows of requests that were not answered yet, by their sender.
    asked: [BTreeSet<u32>; 2],
    /// Which rows were answered by which since this was last taken.
    replies: Vec<(RowId, RowId)>,
}

struct Spoken {
    protocol: Arc<dyn Protocol>,
    conversation: Option<Box<dyn Conversation>>,
    observer: Option<Box<dyn Observer>>,
}

impl Spoken {
    fn new(protocol: Arc<dyn Protocol>) -> Spoken {
        let (conversation, observer) = (protocol.conversation(), protocol.observer());
        Spoken { protocol, conversation, observer }
    }

    fn context(&self, role: Role, stage: u16) -> Context<'_> {
        let variables = self.conversation.as_ref().and_then(|conversation| conversation.variables());
        Context { stage, role: Some(role), variables, ..Context::default() }
    }
}

impl Talk {
    /// A conversation in a flow of an index that is read with these protocols.
    pub fn new(flow: FlowId, protocols: Vec<Arc<dyn Protocol>>) -> Talk {
        Talk { flow, protocols, spoken: None, default: None, asked: Default::default(), replies: Vec::new() }
    }

    /// Messages that name no protocol are of this one, until one is spoken.
    pub fn set_default(&mut self, protocol: Arc<dyn Protocol>) {
        self.default = Some(protocol);
    }

    /// The flow.
    pub fn flow(&self) -> FlowId {
        self.flow
    }

    /// Takes a row of the flow into account; those of other flows are ignored.
    ///
    /// # Errors
    /// The recording can't be read.
    pub fn take(&mut self, index: &Index, id: RowId) -> io::Result<()> {
        let Some(row) = index.row(id).filter(|row| row.flow() == self.flow) else { return Ok(()) };
        let direction = index.direction(&row);
        let role = match direction {
            framescope_parser::Direction::Forward => Role::Client,
            framescope_parser::Direction::Backward => Role::Server,
        };
        let Some(name) = index.stream_protocol(self.flow, direction).map(|protocol| protocol.name()) else {
            return Ok(());
        };
        let Some(spoken) = speaks(&mut self.spoken, &self.protocols, name) else { return Ok(()) };
        let stages = spoken.protocol.stages();
        let stage =
            index.stage(&row).and_then(|stage| stages.iter().position(|one| std::ptr::eq(one, stage)));
        let stage = stage.and_then(|stage| u16::try_from(stage).ok()).unwrap_or(0);
        if row.span_type != SpanType::Message {
            if let Some(conversation) = &mut spoken.conversation {
                conversation.continue_in(role, stage);
                conversation.loss(role);
            }
            if let Some(observer) = &mut spoken.observer {
                observer.observe(Event::Loss { direction }, &mut Vec::new());
            }
            return Ok(());
        }
        let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader())?;
        let missing = index.missing_before(&row, bytes.len());
        let message = Captured::with_missing(&bytes, &missing);
        let mut found = Vec::new();
        if let Some(mut observer) = spoken.observer.take() {
            let context = spoken.context(role, stage);
            let time_ns = index.time_ns(&row);
            let bytes = message.in_context(Some(&context));
            observer.observe(Event::Message { direction, row: id.number(), time_ns, bytes }, &mut found);
            let asked = self.asked.get_mut(role.index());
            if let Some(asked) = asked.filter(|asked| asked.len() < MOST_ASKED)
                && asks(&*spoken.protocol, &context, &bytes, direction)
            {
                asked.insert(id.number());
            }
            spoken.observer = Some(observer);
        }
        for observation in found {
            if let Observation::Reply { row, to, .. } = observation {
                self.asked.iter_mut().for_each(|asked| {
                    asked.remove(&to);
                });
                self.replies.push((to.into(), row.into()));
            }
        }
        if let Some(conversation) = &mut spoken.conversation {
            conversation.continue_in(role, stage);
            conversation.message(role, message);
        }
        Ok(())
    }

    /// How many requests of a side wait for a reply. None where the protocol does not say which messages ask for one.
    pub fn waiting(&self, sender: Role) -> usize {
        self.asked.get(sender.index()).map_or(0, BTreeSet::len)
    }

    /// Which rows were answered by which, since this was called last.
    pub fn take_replies(&mut self) -> Vec<(RowId, RowId)> {
        std::mem::take(&mut self.replies)
    }

    /// Whether the protocol has states, so that the next message depends on those before it.
    pub fn has_states(&self) -> bool {
        self.spoken.as_ref().is_some_and(|spoken| spoken.conversation.is_some())
    }

    /// The bytes of the next message of a side, given in JSON: in the state that the conversation is in, or in the one that the
    /// message names. What could not be derived goes to `notes`.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn encode(
        &mut self,
        role: Role,
        message: &Json,
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>, EncodeError> {
        if let Some(note) = encoding::no_message(message)? {
            notes.push(note);
            return Ok(Vec::new());
        }
        let spoken = self.spoken.as_ref().map(|spoken| Arc::clone(&spoken.protocol));
        let default = spoken.as_ref().or(self.default.as_ref());
        let protocol = Arc::clone(encoding::protocol_of(message, &self.protocols, default)?);
        let fields = Dissection::with_fields(encoding::fields_of(message)?);
        let (named, mut out) = (message.get("fields").and_then(|_| message.get("stage")), Vec::new());
        let Some(spoken) = speaks(&mut self.spoken, &self.protocols, protocol.name())
            .filter(|spoken| spoken.protocol.name() == protocol.name())
        else {
            // Another protocol than the conversation's.
            protocol.encode_noting(&fields, &mut out, notes)?;
            return Ok(out);
        };
        let Some(conversation) = &spoken.conversation else {
            protocol.encode_noting(&fields, &mut out, notes)?;
            return Ok(out);
        };
        let mut next = conversation.copy();
        if let Some(name) = named.and_then(Json::as_str) {
            let stage = stage_named(&*protocol, &*next, role, name);
            let stage = stage.ok_or_else(|| encoding::unknown_stage(name.to_owned(), &*protocol))?;
            protocol.encode_in(&spoken.context(role, stage), &fields, &mut out, notes)?;
            return Ok(out);
        }
        let mut first = None;
        for _ in 0..MOST_ABSENT {
            let stage = next.stage(role);
            match protocol.encode_in(&spoken.context(role, stage), &fields, &mut out, notes) {
                Ok(()) => return Ok(out),
                Err(error) => first = first.or(Some(error)),
            }
            // The message of this stage may be left out.
            next.continue_in(role, stage);
            if !next.absent(role) {
                break;
            }
        }
        match first {
            Some(error) => Err(error.into()),
            None => Ok(out),
        }
    }
}

/// What is spoken, which the first message shows.
fn speaks<'s>(
    spoken: &'s mut Option<Spoken>,
    protocols: &[Arc<dyn Protocol>],
    name: &str,
) -> Option<&'s mut Spoken> {
    if spoken.is_none() {
        let protocol = protocols.iter().find(|protocol| protocol.name() == name)?;
        *spoken = Some(Spoken::new(Arc::clone(protocol)));
    }
    spoken.as_mut()
}

/// The stage with a name: stages may share one, so that of the present one is preferred.
fn stage_named(
    protocol: &dyn Protocol,
    conversation: &dyn Conversation,
    role: Role,
    name: &str,
) -> Option<u16> {
    let present = conversation.stage(role);
    let is_it =
        |stage: u16| protocol.stages().get(usize::from(stage)).is_some_and(|stage| stage.name == name);
    if is_it(present) {
        return Some(present);
    }
    let all = 0..u16::try_from(protocol.stages().len()).unwrap_or(u16::MAX);
    all.into_iter().find(|stage| is_it(*stage))
}

/// Whether a message asks for a reply: alone in a conversation, it is reported as unanswered.
fn asks(
    protocol: &dyn Protocol,
    context: &Context<'_>,
    message: &Captured<'_, '_>,
    direction: framescope_parser::Direction,
) -> bool {
    let Some(mut observer) = protocol.observer() else { return false };
    let mut found = Vec::new();
    let bytes = message.in_context(Some(context));
    observer.observe(Event::Message { direction, row: 0, time_ns: None, bytes }, &mut found);
    found.clear();
    observer.finish(&mut found);
    let is_unanswered = |observation: &Observation| {
        matches!(observation, Observation::Problem { code: Code::Unanswered, .. })
    };
    found.iter().any(is_unanswered)
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.spoken.as_ref().map(|spoken| spoken.protocol.name());
        f.debug_struct("Talk").field("flow", &self.flow).field("protocol", &protocol).finish_non_exhaustive()
    }
}
