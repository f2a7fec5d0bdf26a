//! What the small carriers have in common: a protocol that is a list of stages, a stage that is a few functions, and a stage whose
//! messages are whatever a segment holds. It knows no format.

use std::sync::Arc;

use framescope_parser::{
    CAPTURED, CodeDomain, Confidence, Context, Conversation, Dissection, Error, Fault, Input, Kind, Memo,
    Names, Protocol, Reads, Sample, Settings, Stage, Step, Transport, Usable, Value, Visit,
};

use crate::at_least_one;

/// Begins a conversation, in a channel of which this is known.
pub(super) type Start = Box<dyn Fn(&Settings) -> Box<dyn Conversation> + Send + Sync>;

/// A carrier that is a list of stages and a conversation that goes through them.
pub struct Staged {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) stages: Vec<Stage>,
    pub(super) names: Names,
    pub(super) codes: Option<&'static CodeDomain>,
    pub(super) detect: fn(Sample<'_>) -> Confidence,
    pub(super) start: Start,
    /// Why it can't be used on datagrams, if it can't.
    pub(super) not_on_datagrams: Option<&'static str>,
}

impl Staged {
    fn stage(&self, context: Option<&Context<'_>>) -> Option<&dyn Protocol> {
        let number = context.map_or(0, |context| context.stage);
        self.stages.get(usize::from(number))?.protocol(&[])
    }
}

impl Protocol for Staged {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        match self.not_on_datagrams.filter(|_| transport == Transport::Udp) {
            Some(why) => Usable::No(why),
            None => Usable::AsItIs,
        }
    }

    fn can_resync(&self) -> bool {
        self.stages.iter().all(|stage| stage.protocol(&[]).is_some_and(Protocol::can_resync))
    }

    fn terminator(&self) -> Option<&[u8]> {
        self.stage(None)?.terminator().filter(|_| self.stages.len() == 1)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        match self.stage(input.context) {
            Some(stage) => stage.next(input, memo),
            None => first_segment(input),
        }
    }

    fn names(&self) -> Names {
        self.names.clone()
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        self.codes
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        if let Some(stage) = self.stage(None) {
            stage.dissect(message, visit);
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.encode_in(&Context::default(), message, out, &mut Vec::new())
    }

    fn encode_in(
        &self,
        context: &Context<'_>,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        let begin = out.len();
        let written = match self.stage(Some(context)) {
            Some(stage) => stage.encode(message, out),
            None => Err(Error::new(0, "stage", Fault::Missing)),
        };
        if written.is_err() {
            out.truncate(begin);
        }
        written
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        (self.detect)(sample)
    }

    fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        Some((self.start)(settings))
    }
}

/// A stage whose messages carry others, or matter to what later ones carry.
pub(super) fn stage(name: &'static str, reads: impl Protocol + 'static) -> Stage {
    let reads = Reads::Own(Arc::new(reads));
    Stage { name: name.into(), reads, needs_variables: false, sets_variables: false, carries: true }
}

/// The names of all fields and kinds that a carrier shows. `verbatim` says whether each text or bytes value is a copy of bytes.
pub(super) fn names(fields: &[&str], kinds: &[&str], verbatim: bool) -> Names {
    Names {
        fields: fields.iter().map(|&field| field.into()).collect(),
        kinds: kinds.iter().map(|&kind| kind.into()).collect(),
        anywhere: vec![CAPTURED.into()],
        verbatim,
    }
}

/// A stage, as the functions that find, show and write its messages.
pub(super) struct Part {
    /// That of the carrier.
    pub(super) name: &'static str,
    pub(super) next: fn(Input<'_>) -> Step,
    pub(super) dissect: for<'a> fn(&'a [u8], &mut dyn Visit<'a>),
    pub(super) encode: fn(&Dissection<'_>, &mut Vec<u8>) -> Result<(), Error>,
}

impl Protocol for Part {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        "a stage of a carrier"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        (self.next)(input)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        (self.dissect)(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        (self.encode)(message, out)
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// A stage whose messages are whatever a segment holds, of one kind, so that what they carry comes at once.
pub(super) struct Segments {
    /// The name of the carrier.
    pub(super) of: &'static str,
    pub(super) kind: &'static str,
}

impl Protocol for Segments {
    fn name(&self) -> &str {
        self.of
    }

    fn about(&self) -> &str {
        "what one segment holds of a stream that is carried"
    }

    fn ends_with_segment(&self) -> bool {
        true
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        first_segment(input)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        visit.kind(Kind::new(0, Some(self.kind)));
        visit.field("data", 0..message.len(), Value::Bytes(message.into()));
        visit.summary(format_args!("{} byte{}", message.len(), plural(message.len())));
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(bytes_of(message, "data")?);
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// `s` unless there is one.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The message that is all of the first segment.
pub(super) fn first_segment(input: Input<'_>) -> Step {
    message(input.first_segment.min(input.bytes.len()))
}

/// A message of that many bytes, at least one.
pub(super) fn message(length: usize) -> Step {
    Step::Message(at_least_one(length))
}

/// The message of `length` bytes that is first in the input, once it is all there.
pub(super) fn sized(input: Input<'_>, length: usize) -> Step {
    match length.checked_sub(input.bytes.len()) {
        None | Some(0) => message(length),
        Some(_) if input.last => Step::Partial(at_least_one(input.bytes.len())),
        Some(missing) => Step::NeedMore(at_least_one(missing)),
    }
}

/// The bytes or the text of a field that a message is to be written from.
pub(super) fn bytes_of<'m>(message: &'m Dissection<'_>, path: &'static str) -> Result<&'m [u8], Error> {
    let field = message.field(path).and_then(|field| field.value.as_bytes());
    field.ok_or(Error::new(0, path, Fault::Missing))
}

/// The number in a field that a message is to be written from.
pub(super) fn number_of(message: &Dissection<'_>, path: &'static str) -> Result<u64, Error> {
    message.field(path).and_then(|field| field.value.as_u64()).ok_or(Error::new(0, path, Fault::Missing))
}

/// The same, in one byte.
pub(super) fn byte_of(message: &Dissection<'_>, path: &'static str) -> Result<u8, Error> {
    let number = number_of(message, path)?;
    u8::try_from(number).map_err(|_| Error::new(0, path, Fault::TooLong { limit: 255, found: number }))
}

/// The same, in two bytes.
pub(super) fn short_of(message: &Dissection<'_>, path: &'static str) -> Result<u16, Error> {
    let number = number_of(message, path)?;
    u16::try_from(number).map_err(|_| Error::new(0, path, Fault::TooLong { limit: 65535, found: number }))
}

/// A length in one byte.
pub(super) fn byte_length(bytes: &[u8], path: &'static str) -> Result<u8, Error> {
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    u8::try_from(found).map_err(|_| Error::new(0, path, Fault::TooLong { limit: 255, found }))
}

/// Why a field can't be written.
pub(super) fn not_writable(field: &'static str, why: impl Into<String>) -> Error {
    Error::new(0, field, Fault::NotWritable { why: why.into() })
}
