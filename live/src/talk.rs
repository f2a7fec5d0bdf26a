//! A conversation that goes on: in which state its two sides are, so that the next message can be written, and which requests wait for
//! a reply. It follows the rows of one flow.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use framescope_capture::{BlockReader, FlowId, Index, RowId};
use framescope_parser::{
    Captured, Code, Context, Conversation, Dissection, Event, Observation, Observer, Protocol, Role, SpanType,
};
use serde_json::Value as Json;

use crate::encoding::{self, EncodeError};
use crate::{Edit, EditError};

/// How many stages that may be left out are left out to write a message of a later one.
const MOST_ABSENT: usize = 16;
/// Requests that may wait; more are forgotten.
const MOST_ASKED: usize = 100_000;

/// A conversation, as far as the rows of its flow were taken into account.
pub struct Talk {
    flow: FlowId,
    protocols: Vec<Arc<dyn Protocol>>,
    spoken: Option<Spoken>,
    reader: Option<BlockReader>,
    /// The side whose messages are taken into account when they are [said](Talk::say).
    ahead: Option<Role>,
    /// The protocol of messages that name none, before one is spoken.
    default: Option<Arc<dyn Protocol>>,
    /// The rows of requests that were not answered yet, by their sender.
    asked: [BTreeSet<u32>; 2],
    /// Whether any message asked for a reply, or was one.
    has_asked: bool,
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

    /// The message in the next stage in which it can be written: those before it have messages that may be left out.
    fn in_next_stage(
        &self,
        role: Role,
        next: &mut dyn Conversation,
        fields: &Dissection<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(u16, Vec<u8>), framescope_parser::Error> {
        let (mut first, mut out) = (None, Vec::new());
        for _ in 0..MOST_ABSENT {
            let stage = next.stage(role);
            match self.protocol.encode_in(&self.context(role, stage), fields, &mut out, notes) {
                Ok(()) => return Ok((stage, out)),
                Err(error) => first = first.or(Some(error)),
            }
            next.continue_in(role, stage);
            if !next.absent(role) {
                break;
            }
        }
        match first {
            Some(error) => Err(error),
            None => Ok((next.stage(role), out)),
        }
    }

    fn context(&self, role: Role, stage: u16) -> Context<'_> {
        let variables = self.conversation.as_ref().and_then(|conversation| conversation.variables());
        Context { stage, role: Some(role), variables, ..Context::default() }
    }
}

impl Talk {
    /// A conversation in a flow of an index that is read with these protocols.
    pub fn new(flow: FlowId, protocols: Vec<Arc<dyn Protocol>>) -> Talk {
        Talk {
            flow,
            protocols,
            spoken: None,
            reader: None,
            ahead: None,
            default: None,
            asked: Default::default(),
            has_asked: false,
            replies: Vec::new(),
        }
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
        let reader = self.reader.get_or_insert_with(|| index.reader());
        let bytes = index.row_bytes(&row, usize::MAX, reader)?;
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
                self.has_asked = true;
            }
            spoken.observer = Some(observer);
        }
        for observation in found {
            if let Observation::Reply { row, to, .. } = observation {
                self.asked.iter_mut().for_each(|asked| {
                    asked.remove(&to);
                });
                self.has_asked = true;
                self.replies.push((to.into(), row.into()));
            }
        }
        if let Some(conversation) = &mut spoken.conversation
            && self.ahead != Some(role)
        {
            conversation.continue_in(role, stage);
            conversation.message(role, message);
        }
        Ok(())
    }

    /// Whether the protocol says which messages ask for a reply, as far as is known.
    pub fn asks_for_replies(&self) -> bool {
        self.has_asked
    }

    /// How many requests of a side wait for a reply.
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
    /// message names. What could not be derived goes to `notes`. Then fields of it are changed; whether each of them was is returned.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn encode(
        &mut self,
        role: Role,
        message: &Json,
        edits: &[Edit],
        notes: &mut Vec<String>,
    ) -> Result<(Vec<u8>, Vec<bool>), EncodeError> {
        self.encode_in_stage(role, message, edits, notes).map(|(_, edited)| edited)
    }

    /// The same, of a message that is said now: the next one is written after it, before its row is there.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn say(
        &mut self,
        role: Role,
        message: &Json,
        edits: &[Edit],
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>, EncodeError> {
        let (stage, (bytes, _)) = self.encode_in_stage(role, message, edits, notes)?;
        let conversation = self.spoken.as_mut().and_then(|spoken| spoken.conversation.as_mut());
        if let (Some(stage), Some(conversation)) = (stage, conversation) {
            conversation.continue_in(role, stage);
            conversation.message(role, Captured::whole(&bytes));
            self.ahead = Some(role);
        }
        Ok(bytes)
    }

    fn encode_in_stage(
        &mut self,
        role: Role,
        message: &Json,
        edits: &[Edit],
        notes: &mut Vec<String>,
    ) -> Result<(Option<u16>, Edited), EncodeError> {
        if let Some(note) = encoding::no_message(message)? {
            notes.push(note);
            return Ok((None, (Vec::new(), vec![false; edits.len()])));
        }
        let spoken = self.spoken.as_ref().map(|spoken| Arc::clone(&spoken.protocol));
        let default = spoken.as_ref().or(self.default.as_ref());
        let protocol = Arc::clone(encoding::protocol_of(message, &self.protocols, default)?);
        let fields = Dissection::with_fields(encoding::fields_of(message)?);
        let named = message.get("fields").and_then(|_| message.get("stage")).and_then(Json::as_str);
        let spoken = speaks(&mut self.spoken, &self.protocols, protocol.name());
        // Another protocol than the conversation's has no state in it.
        let spoken = spoken.filter(|spoken| spoken.protocol.name() == protocol.name());
        let Some((spoken, conversation)) =
            spoken.and_then(|spoken| Some((&*spoken, spoken.conversation.as_ref()?)))
        else {
            let mut out = Vec::new();
            protocol.encode_noting(&fields, &mut out, notes)?;
            return Ok((None, edited(&*protocol, None, out, edits)?));
        };
        let (stage, out) = match named {
            Some(name) => {
                let stage = stage_named(&*protocol, &**conversation, role, name);
                let stage = stage.ok_or_else(|| encoding::unknown_stage(name.to_owned(), &*protocol))?;
                let mut out = Vec::new();
                protocol.encode_in(&spoken.context(role, stage), &fields, &mut out, notes)?;
                (stage, out)
            }
            None => spoken.in_next_stage(role, &mut *conversation.copy(), &fields, notes)?,
        };
        let own = protocol.stages().get(usize::from(stage)).and_then(|stage| stage.protocol(&self.protocols));
        let edited = edited(own.unwrap_or(&*protocol), Some(&spoken.context(role, stage)), out, edits)?;
        Ok((Some(stage), edited))
    }
}

/// The bytes of a message, and whether each change was made in it.
type Edited = (Vec<u8>, Vec<bool>);

/// A message with fields changed, those that it has.
fn edited(
    protocol: &dyn Protocol,
    context: Option<&Context<'_>>,
    mut bytes: Vec<u8>,
    edits: &[Edit],
) -> Result<Edited, EncodeError> {
    let mut made = Vec::new();
    for edit in edits {
        match edit.change(protocol, context, &bytes) {
            Ok(changed) => {
                bytes = changed;
                made.push(true);
            }
            Err(EditError::NoField { .. }) => made.push(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((bytes, made))
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
