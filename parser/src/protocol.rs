//! The interface of every protocol. Code that shows, filters or fuzzes messages knows nothing else about it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::any::Any;
use core::num::NonZeroUsize;

use crate::{
    Captured, Code, CodeDomain, Context, Conversation, Dissection, Error, FieldReader, FieldSelection,
    FieldShape, Observer, Settings, Stage, Transport, Usable, Visit,
};

/// A message format: how a stream divides into messages, and a message into fields.
///
/// ```
/// use core::num::NonZeroUsize;
/// use framescope_parser::{
///     Captured, Confidence, Dissection, Error, Fault, Framer, Input, Measure, Memo, Protocol, Sample, Step, SpanType, Value,
///     Visit,
/// };
///
/// /// A length byte, and as much text.
/// struct Short;
///
/// impl Protocol for Short {
///     fn name(&self) -> &str { "short" }
///     fn about(&self) -> &str { "a length byte and as much text" }
///
///     fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
///         let length = 1 + usize::from(input.bytes[0]);
///         let missing = length.saturating_sub(input.bytes.len());
///         let all = NonZeroUsize::new(length - missing).unwrap();
///         match NonZeroUsize::new(missing) {
///             None => Step::Message(all),
///             Some(_) if input.last => Step::Partial(all),
///             Some(missing) => Step::NeedMore(missing),
///         }
///     }
///
///     fn measure(&self, message: Captured<'_, '_>) -> Measure {
///         let Some(&[length]) = message.get(0..1) else { return Measure::Unknown };
///         let (length, head) = (NonZeroUsize::new(1 + usize::from(length)).unwrap(), NonZeroUsize::MIN);
///         Measure::Message { length, head, bits: 0 }
///     }
///
///     fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
///         let Some((&length, text)) = message.split_first() else { return };
///         visit.field("length", 0..1, Value::Unsigned(length.into()));
///         visit.field("text", 1..message.len(), Value::utf8(text));
///     }
///
///     fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
///         let text = message.field("text").and_then(|text| text.value.as_bytes());
///         let text = text.ok_or(Error::new(0, "text", Fault::Missing))?;
///         out.push(u8::try_from(text.len()).map_err(|_| {
///             Error::new(0, "text", Fault::TooLong { limit: 255, found: text.len() as u64 })
///         })?);
///         out.extend_from_slice(text);
///         Ok(())
///     }
///
///     fn detect(&self, _: Sample<'_>) -> Confidence { Confidence::Possible }
/// }
///
/// let (mut framer, mut spans) = (Framer::default(), Vec::new());
/// framer.segment(&Short, b"\x05hello\x09c", &mut |span, _| spans.push((span.span_type, span.length)));
/// framer.gap(&Short, 8, &mut |span, _| spans.push((span.span_type, span.length)));
/// framer.segment(&Short, b"\x02h", &mut |span, _| spans.push((span.span_type, span.length)));
/// framer.end(&Short, &mut |span, _| spans.push((span.span_type, span.length)));
/// // The second message lacks eight bytes, and its length is known all the same.
/// assert_eq!(spans, [(SpanType::Message, 6), (SpanType::Message, 10), (SpanType::Partial, 2)]);
/// assert_eq!(Dissection::of(&Short, b"\x05hello").field("text").unwrap().value.to_string(), "\"hello\"");
/// ```
pub trait Protocol: Send + Sync {
    /// The protocol's name, as selectors and filters write it.
    fn name(&self) -> &str;

    /// What it is, in a line for a person.
    fn about(&self) -> &str;

    /// Whether a message is whatever one segment or datagram holds, so that its bytes do not say where it ends.
    fn ends_with_segment(&self) -> bool {
        false
    }

    /// How it can be used on a transport: not at all, where its messages end only where something else says so. By default it
    /// is usable everywhere.
    fn usable(&self, transport: Transport) -> Usable<'_> {
        let _ = transport;
        Usable::AsItIs
    }

    /// Whether [`next`](Protocol::next) can find a message after invalid or missing bytes, because every message begins
    /// with something that no other bytes do. If not, the framer resumes where most messages [follow each
    /// other](Protocol::measure), or after a [terminator](Protocol::terminator).
    fn can_resync(&self) -> bool {
        true
    }

    /// What every message ends with, such as a line break: after missing bytes, a message begins after the next one. If a
    /// message contains it elsewhere, what follows it there must be as good as a message. None by default.
    fn terminator(&self) -> Option<&[u8]> {
        None
    }

    /// How long the message is that begins with these bytes, some of which may be missing or not have arrived yet.
    ///
    /// Total, and never reads missing bytes. Called when a gap follows the beginning of a message, so that the message
    /// keeps its length, and when the framer looks for a place to resume. By default, a message that a gap cuts is a
    /// partial one, and nothing is found after the gap unless [`can_resync`](Protocol::can_resync).
    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        let _ = message;
        Measure::Unknown
    }

    /// What comes first in the unread bytes of one direction.
    ///
    /// Total, and always advancing. Every [`Step`] but [`Step::NeedMore`] and [`Step::Lost`] takes at least one byte
    /// and at most `input.bytes.len()`; `NeedMore` is never returned when `input.last`. The result depends on `input`
    /// alone: `memo` only saves work. Over a whole stream the work is linear in its bytes, whatever they claim.
    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step;

    /// The names that its messages may show, to check or complete what a person types. Unknown by default.
    fn names(&self) -> Names {
        Names::default()
    }

    /// The fields that its messages may have, with their types, in the order in which they are reported. Unknown by default.
    ///
    /// A protocol with [`stages`](Protocol::stages) names the fields of all of its own.
    fn shape(&self) -> Option<Vec<FieldShape>> {
        None
    }

    /// The problems that only this protocol reports, to check or complete the name of one. By default, all that it
    /// reports are built in.
    fn codes(&self) -> Option<&'static CodeDomain> {
        None
    }

    /// The format author's note on a field, by its path of names joined by dots.
    fn about_field(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// Reports the fields and problems of one message to `visit`.
    ///
    /// Total: any bytes may be given. Fields that a cut-off message lacks are left out, without a problem.
    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>);

    /// Reports the fields of a message of which some bytes are missing, as far as they are known: those that lie in a
    /// gap as [`Value::Missing`](crate::Value::Missing), checks over missing bytes not at all. [`Captured::dissect`]
    /// calls it, and reports what is missing. By default, only the fields before the first gap are reported.
    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        self.dissect(message.beginning(), visit);
    }

    /// A reader of only the wanted fields, for callers that read very many messages and little of each. None by
    /// default; then [`dissect`](Protocol::dissect) reports everything.
    fn select(&self, wanted: &FieldSelection) -> Option<Box<dyn FieldReader>> {
        let _ = wanted;
        None
    }

    /// Reports the kind and the problem codes of one message, which is what an index stores of it.
    ///
    /// `checked` says that [`next`](Protocol::next) returned [`Step::Checked`]. By default, this is
    /// [`dissect`](Protocol::dissect); a quicker implementation must report the same kind and the same codes.
    fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
        let _ = checked;
        self.dissect(message, visit);
    }

    /// Reports what can be known of bytes that [`next`](Protocol::next) skipped for the reason `code`. `skipped` are
    /// the first of them; the problem ranges over `length`.
    fn dissect_skipped<'a>(
        &'a self,
        code: Code,
        skipped: &'a [u8],
        length: usize,
        visit: &mut dyn Visit<'a>,
    ) {
        let _ = skipped;
        visit.problem(code, 0..length, format_args!("{}", code.meaning()));
    }

    /// Appends the bytes of a message given by its fields. Lengths and checks are derived, never taken from them.
    ///
    /// # Errors
    /// Names the field that is missing or can't be written. Nothing is appended then.
    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Like [`encode`](Protocol::encode), and appends a sentence to `notes` for whatever could not be derived and is
    /// left as it is, and for each field whose value is not the one given. By default, nothing is noted.
    ///
    /// # Errors
    /// Those of [`encode`](Protocol::encode).
    fn encode_noting(
        &self,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let _ = notes;
        self.encode(message, out)
    }

    /// Like [`encode_noting`](Protocol::encode_noting), in a context: in a stage of its conversation, with what earlier
    /// messages have set. By default, the context is left aside.
    ///
    /// # Errors
    /// Those of [`encode`](Protocol::encode).
    fn encode_in(
        &self,
        context: &Context<'_>,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let _ = context;
        self.encode_noting(message, out, notes)
    }

    /// Computes anew the checks over bytes that were changed: `changed` is the message with other bytes in some places, and as
    /// long. A check that was itself changed, or that covers nothing that was, stays as it is. By default, there are no checks.
    fn renew_checks(&self, message: Captured<'_, '_>, changed: &mut [u8]) {
        let _ = (message, changed);
    }

    /// How sure the protocol is that this direction speaks it.
    fn detect(&self, sample: Sample<'_>) -> Confidence;

    /// The states in which a direction of its conversations can be, where messages depend on the direction or on what was
    /// said before: each has a protocol of its own. None by default: all messages are read alike.
    fn stages(&self) -> &[Stage] {
        &[]
    }

    /// Whether messages of any of its stages [carry](Stage::carries) others.
    fn is_carrier(&self) -> bool {
        self.stages().iter().any(|stage| stage.carries)
    }

    /// The beginning of a conversation, in a protocol with [`stages`](Protocol::stages).
    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        None
    }

    /// The same, in a channel of a carrier that knows more about it. By default, that is left aside.
    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        let _ = settings;
        self.conversation()
    }

    /// The names of the channels that it is spoken in, as [rules](crate::Channel::name) name them: it need not be detected
    /// there. None by default.
    fn carried_by(&self) -> &[String] {
        &[]
    }

    /// A fresh observer for one conversation, where the sequence of messages means something.
    fn observer(&self) -> Option<Box<dyn Observer>> {
        None
    }
}

/// The unread bytes of one direction, up to the next gap, the end, or as far as they have arrived.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The bytes. Not empty.
    pub bytes: &'a [u8],
    /// How many of them arrived in the first segment or datagram; at least 1.
    pub first_segment: usize,
    /// Whether a gap or the end follows them.
    pub last: bool,
    /// Where in the stream they begin.
    pub offset: u64,
    /// What is known around the message, in a conversation with stages.
    pub context: Option<&'a Context<'a>>,
}

/// What comes first in an [`Input`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message of this many bytes.
    Message(NonZeroUsize),
    /// A message of this many bytes, whose checks had to be computed to be sure of it, and hold.
    Checked(NonZeroUsize),
    /// This many bytes of a message that a gap or the end cuts off.
    Partial(NonZeroUsize),
    /// This many bytes that are not a message, and why.
    Skipped(NonZeroUsize, Code),
    /// This many bytes that are not a message; the search for the next continues after them, and what it skips belongs
    /// to the same run, whose reason is the first one.
    Searching(NonZeroUsize, Code),
    /// A complete message needs at least this many more bytes.
    NeedMore(NonZeroUsize),
    /// No message begins here, and nothing shows where the next one does: it has to be [guessed](crate::Guess).
    Lost,
}

/// How long a message is, as far as some of its bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A message of this many bytes, including those that are missing or have not arrived.
    Message {
        /// How many.
        length: NonZeroUsize,
        /// How many bytes of its beginning are skipped if no message follows it, so that its length was false.
        head: NonZeroUsize,
        /// How many bits of other bytes would have to match by chance to look like the beginning of a message.
        bits: u32,
    },
    /// More bytes after these may show it.
    NeedMore,
    /// The bytes that would show it are missing.
    Unknown,
    /// No message begins with these bytes.
    Nothing,
}

/// What a protocol may keep between two calls of [`Protocol::next`] on one stream, to save work.
///
/// No result depends on it: it may be dropped at any time.
#[derive(Default)]
pub struct Memo(Option<Box<dyn Any + Send + Sync>>);

impl Memo {
    /// What is stored, if it is of that type.
    #[inline]
    pub(crate) fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        self.0.as_mut()?.downcast_mut()
    }

    /// What is stored, created anew where nothing (or another protocol's) is.
    ///
    /// ```
    /// use framescope_parser::Memo;
    ///
    /// let mut memo = Memo::default();
    /// *memo.get_or_default::<u32>() += 2;
    /// assert_eq!(*memo.get_or_default::<u32>(), 2);
    /// assert_eq!(*memo.get_or_default::<u64>(), 0, "another protocol's");
    /// ```
    pub fn get_or_default<T: Any + Send + Sync + Default>(&mut self) -> &mut T {
        if !self.0.as_ref().is_some_and(|kept| kept.is::<T>()) {
            self.0 = None;
        }
        let kept = self.0.get_or_insert_with(|| Box::<T>::default());
        match kept.downcast_mut() {
            Some(kept) => kept,
            // The type was checked above, and a fresh one is of that type.
            None => unreachable!(),
        }
    }
}

impl core::fmt::Debug for Memo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.0.is_some() { "Memo(kept)" } else { "Memo(empty)" })
    }
}

/// The names that the messages of a protocol may show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The paths of all fields, names joined by dots. None are known if it is empty. One whose last name is `*` says that the
    /// message names what is in it, such as `headers.*`.
    pub fields: Vec<String>,
    /// Names that may occur beside or inside any of these.
    pub anywhere: Vec<String>,
    /// The names of the kinds of messages.
    pub kinds: Vec<String>,
    /// Whether the value of every text or bytes field is a copy of bytes of the message, so that a value that the
    /// message does not contain is in no field.
    pub verbatim: bool,
}

impl Names {
    /// Whether a field may be at a path, of which the first names may be left out: those around the place where the message
    /// gives the names may not.
    ///
    /// ```
    /// use framescope_parser::Names;
    ///
    /// let names = Names { fields: vec!["start.version".into(), "headers.*".into()], ..Names::default() };
    /// assert!(names.may_have("version") && names.may_have("headers.x-request-id") && names.may_have("headers"));
    /// assert!(!names.may_have("start.vers") && !names.may_have("x-request-id"));
    /// ```
    pub fn may_have(&self, path: &str) -> bool {
        let ends_with = |known: &str, end: &str| {
            known.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let is_in = |group: &str| {
            let at = path.rmatch_indices(group).map(|(at, _)| at);
            at.filter_map(|at| Some((path.get(..at)?, path.get(at + group.len()..)?)))
                .any(|(before, after)| (before.is_empty() || before.ends_with('.')) && after.starts_with('.'))
        };
        self.fields.iter().any(|known| match known.strip_suffix(".*") {
            Some(group) => ends_with(group, path) || is_in(group.rsplit('.').next().unwrap_or(group)),
            None => ends_with(known, path),
        })
    }

    /// Whether messages name some of their fields themselves.
    pub fn are_open(&self) -> bool {
        self.fields.iter().any(|path| path == "*" || path.ends_with(".*"))
    }

    /// Names that are known beforehand, of fields whose values are copies of bytes of the message.
    pub(crate) fn fixed<'n>(fields: impl IntoIterator<Item = &'n str>, kinds: &[&str]) -> Names {
        let fields = fields.into_iter().map(Into::into).collect();
        let kinds = kinds.iter().map(|&kind| kind.into()).collect();
        let anywhere = vec![crate::CAPTURED.into()];
        Names { fields, kinds, anywhere, verbatim: true }
    }
}

/// The beginning of one direction, to recognise its protocol by.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The first bytes, gaps left out.
    pub bytes: &'a [u8],
    /// Where in `bytes` each segment or datagram ends, in rising order.
    pub segment_ends: &'a [usize],
}

/// How sure a protocol is that a direction speaks it. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It does not.
    No,
    /// It may: nothing speaks against it.
    Possible,
    /// It looks like it.
    Likely,
    /// It does: these bytes are hardly chance.
    Certain,
}

impl Confidence {
    /// `no`, `possible`, `likely` or `certain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::No => "no",
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}
