//! What a message is read and written with: its protocol, and where in a conversation it is.

use std::ops::Range;
use std::sync::Arc;

use framescope_capture::{Index, Row};
use framescope_parser::{
    Captured, Context, Conversation, Dissection, Error, Input, Memo, Protocol, Reads, Role, Stage, Step,
    Unclaimed,
};

use crate::models::text::grouped;

/// The members of a field's enum, by its path of names: numbers and names.
pub(crate) type Enumerations = Vec<(String, Vec<(i128, String)>)>;

/// A protocol, and the stage of its conversations that a message is in.
#[derive(Clone)]
pub struct Format {
    /// What reads and writes the message.
    protocol: Arc<dyn Protocol>,
    /// The name of the protocol of the conversation.
    name: String,
    place: Option<Place>,
    /// Where numbers have names, as far as a description says so.
    pub(crate) enumerations: Arc<Enumerations>,
}

/// A place in a conversation.
#[derive(Clone)]
struct Place {
    stage: u16,
    /// The stage's name.
    name: String,
    role: Option<Role>,
    /// What was said before.
    conversation: Option<Arc<dyn Conversation>>,
}

impl Format {
    /// A protocol whose messages do not depend on others.
    pub fn of(protocol: Arc<dyn Protocol>) -> Format {
        let name = protocol.name().to_owned();
        Format { protocol, name, place: None, enumerations: Arc::default() }
    }

    /// What a row is read with. None if nothing reads it.
    pub fn of_row(index: &Index, row: &Row) -> Option<Format> {
        let protocol = index.protocol(row)?;
        let Some(stage) = index.stage(row) else {
            // Several may have one name.
            let is_it = |known: &&Arc<dyn Protocol>| std::ptr::addr_eq(&***known, protocol);
            return index.protocols().iter().find(is_it).map(|known| Format::of(Arc::clone(known)));
        };
        let stream = index.stream_protocol(row.flow(), index.direction(row));
        let name = stream.map_or_else(|| protocol.name().to_owned(), |stream| stream.name().to_owned());
        let (role, conversation) = match index.conversation_before(row) {
            Some((role, conversation)) => (Some(role), Some(Arc::from(conversation))),
            None => (None, None),
        };
        let number = index.with_context(row, |context| context.map_or(0, |context| context.stage));
        let place = Place { stage: number, name: stage.name.clone(), role, conversation };
        Some(Format { name, place: Some(place), ..Format::of(of_stage(stage, index.protocols())?) })
    }

    /// The first stage of the client in a protocol with stages, else the protocol itself.
    pub fn at_the_beginning(protocol: &Arc<dyn Protocol>, protocols: &[Arc<dyn Protocol>]) -> Format {
        let beginning = protocol.conversation().and_then(|conversation| {
            let number = conversation.stage(Role::Client);
            let stage = protocol.stages().get(usize::from(number))?;
            let reads = of_stage(stage, protocols)?;
            let role = Some(Role::Client);
            let conversation = stage.needs_variables.then(|| Arc::from(conversation));
            let place = Place { stage: number, name: stage.name.clone(), role, conversation };
            Some(Format { name: protocol.name().to_owned(), place: Some(place), ..Format::of(reads) })
        });
        beginning.unwrap_or_else(|| Format::of(Arc::clone(protocol)))
    }

    /// With the names of numbers that a description declares.
    #[must_use]
    pub(crate) fn with_enumerations(self, enumerations: Enumerations) -> Format {
        Format { enumerations: Arc::new(enumerations), ..self }
    }

    /// The name of the conversation's protocol.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the stage, in a protocol with stages.
    pub fn stage(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.name.as_str())
    }

    /// Whether what the message's bytes mean depends on messages before it.
    pub(crate) fn depends_on_others(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.conversation.is_some())
    }

    /// What reads and writes the message.
    pub fn protocol(&self) -> &dyn Protocol {
        &*self.protocol
    }

    /// Dissects bytes as this message.
    pub fn dissect<'a>(&'a self, bytes: &'a [u8]) -> Dissection<'a> {
        let mut found = Dissection::default();
        self.with_context(|context| {
            Captured::whole(bytes).in_context(context).dissect(&*self.protocol, &mut found);
        });
        found
    }

    /// What a receiver takes these bytes for, if that is not one whole message.
    pub fn doubt(&self, bytes: &[u8]) -> Option<String> {
        if bytes.is_empty() {
            return Some("There are no bytes to send.".to_owned());
        }
        let step = self.with_context(|context| {
            let input = Input { bytes, first_segment: bytes.len(), last: true, offset: 0, context };
            self.protocol.next(input, &mut Memo::default())
        });
        let length = grouped(bytes.len());
        Some(match step {
            Step::Message(own) | Step::Checked(own) if own.get() >= bytes.len() => return None,
            Step::Message(own) | Step::Checked(own) => {
                let (own, rest) = (grouped(own.get()), grouped(bytes.len() - own.get()));
                format!(
                    "A receiver takes the first {own} bytes for the message, and {rest} more for the next one."
                )
            }
            Step::Partial(_) | Step::NeedMore(_) => {
                format!("A receiver waits for more: the message claims to be longer than its {length} bytes.")
            }
            Step::Skipped(_, code) | Step::Searching(_, code) => {
                format!("A receiver takes this for no message ({code}): {}", code.meaning())
            }
            Step::Lost => "A receiver takes this for no message.".to_owned(),
        })
    }

    /// Writes the message that these fields describe. What could not be derived goes to `notes`.
    ///
    /// # Errors
    /// A field is missing or can't be written.
    pub fn encode(&self, message: &Dissection<'_>, notes: &mut Vec<String>) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.with_context(|context| match context {
            Some(context) => self.protocol.encode_in(context, message, &mut out, notes),
            None => self.protocol.encode_noting(message, &mut out, notes),
        })?;
        Ok(out)
    }

    /// Computes the checks anew over bytes that are as given at some places, in a message that is as long as the derived one.
    /// A check that is as given itself stays.
    pub(crate) fn renew_checks(&self, derived: &[u8], changed: &mut [u8], given: &[(Range<usize>, Vec<u8>)]) {
        if derived.len() != changed.len() {
            return;
        }
        self.with_context(|context| {
            self.protocol.renew_checks(Captured::whole(derived).in_context(context), changed);
        });
        for (range, bytes) in given {
            if let Some(own) = changed.get_mut(range.clone()).filter(|own| own.len() == bytes.len()) {
                own.copy_from_slice(bytes);
            }
        }
    }

    fn with_context<T>(&self, run: impl FnOnce(Option<&Context<'_>>) -> T) -> T {
        let Some(Place { stage, role, conversation, .. }) = &self.place else { return run(None) };
        let variables = conversation.as_ref().and_then(|conversation| conversation.variables());
        run(Some(&Context { stage: *stage, role: *role, variables, ..Context::default() }))
    }
}

impl Default for Format {
    fn default() -> Self {
        Format::of(Arc::new(Unclaimed))
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format")
            .field("name", &self.name)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}

fn of_stage(stage: &Stage, protocols: &[Arc<dyn Protocol>]) -> Option<Arc<dyn Protocol>> {
    match &stage.reads {
        Reads::Own(protocol) => Some(Arc::clone(protocol)),
        Reads::Other(name) => protocols.iter().find(|known| known.name() == name).cloned(),
    }
}
