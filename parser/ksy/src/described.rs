//! A described protocol: answers the [`Protocol`] trait by calling framing, dissection and writing. It does no such work
//! itself.

mod shape;
mod states;

use crate::names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framescope_parser::Key;
use framescope_parser::{
    Captured, Confidence, Context, Conversation, Dissection, Error, FieldReader, FieldSelection, FieldShape,
    Framer, Input, Measure, Memo, Names, Observer, Protocol, Sample, Settings, SpanType, Stage, Step,
    Transport, Usable, Value, Visit,
};

use crate::conversation::{Grammar, Talk};
use crate::dissect::Ignore;
use crate::error::{LoadError, Located};
use crate::format::Format;
use crate::framing::Framing;
use crate::names::Enumeration;
use crate::pairs::Pairs;
use crate::plan::{Meta, Plan, Reading};
use crate::program::{Given, Programs};
use crate::select::Selection;
use crate::stream::Stages;
use crate::write::Written;
use crate::write::placed::{self, Placed};
use crate::{dissect, framing, renew, stream, write};

/// A protocol whose messages a `.ksy` file describes.
///
/// Messages that your program sent, dissected in a test:
///
/// ```
/// use framescope_ksy::Described;
/// use framescope_parser::{Dissection, Framer, SpanType};
///
/// let mine = Described::from_ksy("
/// meta: {id: mine, endian: be}
/// seq:
///   - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
///   - {id: length, type: u4, valid: {max: 65536}}
///   - {id: text, type: str, size: length, encoding: UTF-8}
/// enums:
///   kind: {1: hello, 2: bye}
/// ")?;
/// let sent = b"\x01\0\0\0\x03ada\x02\0\0\0\x01?";
/// let (mut framer, mut said) = (Framer::default(), Vec::new());
/// framer.segment(&mine, sent, &mut |span, bytes| {
///     assert_eq!(span.span_type, SpanType::Message);
///     let message = Dissection::of(&mine, bytes.bytes());
///     assert!(message.problems.is_empty(), "{:?}", message.problems);
///     said.push(message.field("text").unwrap().value.to_string());
/// });
/// assert_eq!(said, [r#""ada""#, r#""?""#]);
/// # Ok::<(), framescope_ksy::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Described {
    format: Format,
    names: Arc<Names>,
    /// Read most messages.
    programs: Arc<Programs>,
    key: Option<Key>,
    /// The states of its conversations, each with a protocol of its own.
    grammar: Option<Arc<Grammar>>,
    /// How a stream's messages are read, where a preamble comes before its items.
    stream: Option<Stages>,
    /// The same messages where a datagram or a whole file is one.
    whole: Option<Arc<Described>>,
    /// Why it can't be used on TCP, or anywhere.
    limit: Option<Arc<Limit>>,
}

impl Described {
    /// Loads a description from text, such as `include_str!("mine.ksy")`. It can't import others.
    ///
    /// # Errors
    /// All mistakes in it, each with its line and column.
    pub fn from_ksy(text: &str) -> Result<Described, LoadError> {
        Described::new(Format::from_ksy(text)?)
    }

    /// Loads a description and its imports from files.
    ///
    /// # Errors
    /// As [`Described::from_ksy`]; or a file can't be read.
    pub fn from_file(path: &Path) -> Result<Described, LoadError> {
        Described::from_file_in(path, &[])
    }

    /// The same; imports by absolute path (`/common/x`) are looked up in these folders first: see [`Format::from_file_in`].
    ///
    /// # Errors
    /// As [`Described::from_file`].
    pub fn from_file_in(path: &Path, folders: &[PathBuf]) -> Result<Described, LoadError> {
        Described::new(Format::from_file_in(path, folders)?)
    }

    /// Loads the text of a description that is, or will be, in a file: its imports are resolved from there.
    ///
    /// # Errors
    /// As [`Described::from_file`].
    pub fn from_text(text: &str, path: &Path) -> Result<Described, LoadError> {
        Described::from_text_in(text, path, &[])
    }

    /// The same; imports by absolute path are looked up in these folders first: see [`Format::from_file_in`].
    ///
    /// # Errors
    /// As [`Described::from_file`].
    pub fn from_text_in(text: &str, path: &Path, folders: &[PathBuf]) -> Result<Described, LoadError> {
        Described::new(Format::load(&path.display().to_string(), text, Some(path), folders)?)
    }

    fn new(format: Format) -> Result<Described, LoadError> {
        let Some(plan) = format.meta.conversation.clone() else {
            let carries = format.meta.carries.clone();
            return Ok(Described::outermost(format).carrying(carries.as_ref()));
        };
        let mut own: Vec<Option<Arc<Described>>> = Vec::new();
        for state in &plan.states {
            own.push(match &state.reads {
                Reading::Own(root, meta) => {
                    Some(Arc::new(Described::part(format.of_messages(*root, state.mask, meta))))
                }
                Reading::Other(_) => None,
            });
        }
        let limit = own.iter().flatten().find_map(|part| Limit::of(&part.format.meta)).map(Arc::new);
        Ok(Described { limit, ..Described::with_states(format, &plan, own, None) })
    }

    /// The protocol whose messages are of the outermost type, or the items of its last list.
    fn outermost(format: Format) -> Described {
        let Some(stream) = &format.meta.stream else {
            let limit = Limit::of(&format.meta).map(Arc::new);
            let whole = (limit.is_none() && format.plan.reads_elsewhere).then(|| {
                let meta = Meta { waits: true, ..(*format.meta).clone() };
                Arc::new(Described::part(Format::new(format.plan.clone(), Arc::new(meta))))
            });
            return Described { limit, whole, ..Described::part(format) };
        };
        if stream.preamble.is_none() {
            return stream::item(&format, stream);
        }
        let stages = Stages::new(&format, stream);
        let mut described = Described::part(format);
        if let Some(stages) = &stages {
            described.names = Arc::new(stages.names(&described.names));
        }
        Described { whole: Some(Arc::new(described.clone())), stream: stages, ..described }
    }

    /// The protocol whose messages are all of one type.
    pub(crate) fn part(format: Format) -> Described {
        let names = Arc::new(names::names(&format));
        // A program reads whole structures as they are sent, and no item of another.
        let programs = match format.plan.item.is_none() && format.plan.mask.is_none() {
            true => Arc::new(Programs::new(&format.plan, &format.meta)),
            false => Arc::default(),
        };
        Described {
            format,
            names,
            programs,
            key: None,
            grammar: None,
            stream: None,
            whole: None,
            limit: None,
        }
    }

    /// Writes a message. If instances with a position are then other than they are given, it is written again with them.
    fn written(&self, context: Option<&Context<'_>>, message: &Dissection<'_>) -> Result<Written, Error> {
        let plan = &self.format.plan;
        let write = |placed: &Placed| {
            let written = write::write(plan, (self.key.as_ref(), context), &message.fields, placed)?;
            write::masked(plan, context, written)
        };
        let written = write(&Placed::new())?;
        if !placed::has_places(plan) {
            return Ok(written);
        }
        let mut found = Dissection::default();
        let bytes = Captured::whole(&written.bytes).in_context(context);
        self.dissect_all(bytes, false, &mut found, true);
        let changed = placed::changed(plan, &message.fields, &found.fields);
        match changed.is_empty() {
            true => Ok(written),
            false => write(&changed),
        }
    }

    fn write_noting(
        &self,
        context: Option<&Context<'_>>,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let written = self.written(context, message)?;
        let mut found = Dissection::default();
        self.dissect_incomplete(Captured::whole(&written.bytes).in_context(context), &mut found);
        notes.extend(written.notes_beside(&self.format.plan, &message.fields, &found.fields));
        out.extend_from_slice(&written.bytes);
        Ok(())
    }

    /// Changes bytes so that they begin like a message, for generators: constants, valid numbers and a check over them are put where
    /// the description has them, and the rest is unchanged. `pick(n)` returns a number below `n`.
    ///
    /// ```
    /// let mine = "{meta: {id: mine}, seq: [{id: magic, contents: MY}, {id: kind, type: u1, valid: {any-of: [3, 9]}}, {id: at, type: u1}]}";
    /// let described = framescope_ksy::Described::from_ksy(mine)?;
    /// let mut bytes = vec![7; 4];
    /// described.put_head(&mut bytes, &mut |choices| choices - 1);
    /// assert_eq!(bytes, b"MY\x09\x07");
    /// # Ok::<(), framescope_ksy::LoadError>(())
    /// ```
    pub fn put_head(&self, bytes: &mut Vec<u8>, pick: &mut dyn FnMut(usize) -> usize) {
        self.of_stage(None).format.meta.head.put(bytes, pick);
    }

    /// What reads the messages of a stage of its conversations; None where another protocol does, and where it has none.
    pub fn in_stage(&self, stage: u16) -> Option<&Described> {
        match (&self.grammar, &self.stream) {
            (Some(grammar), _) => grammar.part(stage).map(|part| &**part),
            (None, Some(stream)) => Some(stream.part(stage)),
            (None, None) => None,
        }
    }

    /// The numbers, texts and bytes that the description names, in its expressions, constants and enumerations, each once: for
    /// generators.
    pub fn constants(&self) -> Vec<Value<'_>> {
        self.format.plan.constants()
    }

    /// What is probably a mistake in the description, each with its line and column.
    pub fn warnings(&self) -> &[Located] {
        self.format.warnings()
    }

    /// Why messages can't be found on a transport, and where they can; None where it can be used everywhere, or wherever it says
    /// that it is.
    pub fn limits(&self) -> Option<&Located> {
        let said = &self.format.meta.transports;
        let is_expected = !said.is_empty() && said.iter().all(|transport| transport == "udp");
        self.limit.as_deref().filter(|limit| !(limit.only_tcp && is_expected)).map(|limit| &limit.located)
    }

    /// Whether a field may be read at another position, so that its bytes need not be within those of its parent.
    pub fn reads_elsewhere(&self) -> bool {
        let types = &self.format.plan.types;
        types.iter().any(|ty| ty.instances.iter().any(|attr| attr.value.is_none()))
    }

    /// How many steps it takes to dissect a message: what is read and evaluated, searched and reported, each a step or a block
    /// of bytes. It grows no faster than the length of the message, which tests check.
    pub fn steps(&self, message: &[u8]) -> u64 {
        self.of_stage(None).dissect_all(Captured::whole(message), false, &mut Ignore, true)
    }

    /// Dissects a message by the interpreter alone, for tests that compare it with the program that dissects most messages.
    #[doc(hidden)]
    pub fn dissect_by_interpreter<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.of_stage(None).dissect_all(Captured::whole(message), false, visit, true);
    }

    /// The description.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The usual ports of the protocol, as selectors for `--as`: `tcp.port=502`.
    pub fn usual_places(&self) -> Vec<String> {
        let meta = &self.format.meta;
        let both = ["tcp".to_owned(), "udp".to_owned()];
        let transports = if meta.transports.is_empty() { &both[..] } else { &meta.transports };
        let usable = |transport: &&String| {
            self.limit.as_ref().is_none_or(|limit| limit.only_tcp && *transport != "tcp")
        };
        let places = transports
            .iter()
            .filter(usable)
            .flat_map(|transport| meta.ports.iter().map(move |port| format!("{transport}.port={port}")));
        places.collect()
    }

    /// The fields whose numbers have names, by their paths, each with the members of its enum.
    pub fn enumerations(&self) -> Vec<Enumeration> {
        let mut found: Vec<Enumeration> = Vec::new();
        for one in self.parts().flat_map(|part| names::enumerations(&part.format.plan)) {
            match found.iter_mut().find(|known| known.path == one.path) {
                Some(known) => known.members.extend(one.members),
                None => found.push(one),
            }
        }
        found
    }

    /// The structures that end with a terminator, which none of their fields has: its bytes by their paths.
    pub fn terminators(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        self.parts().for_each(|part| names::terminators(&part.format.plan, &mut found));
        found
    }

    /// The names of the channels that its messages carry, as rules select them; none if they carry nothing.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        let of_grammar = self.grammar.as_ref().and_then(|grammar| grammar.carries.as_deref());
        let carries = of_grammar.or(self.format.meta.carries.as_deref());
        carries.into_iter().flat_map(|carries| &carries.streams).map(|stream| stream.name.as_str())
    }

    /// The transports that the description names; none if it says nothing of them.
    pub fn transports(&self) -> &[String] {
        &self.format.meta.transports
    }

    fn framing(&self) -> Framing<'_> {
        Framing {
            plan: &self.format.plan,
            meta: &self.format.meta,
            programs: &self.programs,
            key: self.key.as_ref(),
        }
    }

    fn dissect_message<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        let format = (&*self.format.plan, &*self.format.meta, self.key.as_ref());
        if let Some(whole) = self.programs.whole.as_ref().filter(|_| message.is_whole())
            && whole.dissect(format, message.bytes(), visit)
        {
            return;
        }
        self.dissect_all(message, false, visit, true);
    }

    fn dissect_all<'a>(
        &'a self,
        message: Captured<'a, '_>,
        checked: bool,
        visit: &mut dyn Visit<'a>,
        all: bool,
    ) -> u64 {
        let format = (&*self.format.plan, &*self.format.meta, self.key.as_ref());
        dissect::dissect(format, message, checked, visit, all)
    }
}

impl Protocol for Described {
    fn name(&self) -> &str {
        &self.format.meta.name
    }

    fn about(&self) -> &str {
        &self.format.meta.about
    }

    fn ends_with_segment(&self) -> bool {
        self.parts().all(|part| part.format.meta.ends_with_segment)
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        match (transport, &self.limit, &self.whole) {
            (Transport::Tcp, Some(limit), _) => Usable::No(&limit.sentence),
            (_, Some(limit), _) if !limit.only_tcp => Usable::No(&limit.sentence),
            // A datagram is no part of a stream, but has a preamble and items of its own.
            (Transport::Udp, _, Some(whole)) if self.stream.is_some() => Usable::Whole(&**whole),
            (Transport::File, _, Some(whole)) if self.stream.is_none() => Usable::Whole(&**whole),
            _ => Usable::AsItIs,
        }
    }

    fn can_resync(&self) -> bool {
        self.parts().all(|part| {
            let meta = &part.format.meta;
            !meta.waits && (meta.ends_with_segment || meta.head.is_sure())
        })
    }

    fn terminator(&self) -> Option<&[u8]> {
        let mut terminators = self.parts().map(|part| part.format.meta.terminator.as_deref());
        let first = terminators.next().flatten().filter(|_| !self.can_resync())?;
        terminators.all(|other| other == Some(first)).then_some(first)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        framing::measure(self.of_stage(message.context()).framing(), message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        framing::next(self.of_stage(input.context).framing(), input, memo)
    }

    fn names(&self) -> Names {
        (*self.names).clone()
    }

    fn shape(&self) -> Option<Vec<FieldShape>> {
        Some(shape::fields(self))
    }

    fn about_field(&self, path: &str) -> Option<String> {
        let path: Vec<&str> = path.split('.').collect();
        let doc = self.parts().find_map(|part| {
            let plan = &part.format.plan;
            names::about(plan, plan.message_type(), &path)
        })?;
        let parts = std::iter::once(doc.text.as_str()).chain(doc.references.iter().map(String::as_str));
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.of_stage(None).dissect_message(Captured::whole(message), visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        self.of_stage(message.context()).dissect_message(message, visit);
    }

    fn select(&self, wanted: &FieldSelection) -> Option<Box<dyn FieldReader>> {
        // What a conversation has set is known to the dissection only.
        let part = self.single_part().unwrap_or(self);
        let is_plain = part.format.plan.item.is_none() && part.format.plan.mask.is_none();
        if !is_plain || part.grammar.is_some() || names::uses_variables(&part.format) {
            return None;
        }
        Some(Box::new(Selection::new(&part.format, wanted)))
    }

    fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
        let part = self.of_stage(None);
        let plan: &'a Plan = &part.format.plan;
        let given = Given { key: part.key.as_ref(), checked };
        let Programs { silent, kind, .. } = &*part.programs;
        // What was checked is valid.
        let kind = kind.as_ref().filter(|_| checked);
        if kind.is_some_and(|kind| kind.report_kind(plan, message, visit))
            || silent.as_ref().is_some_and(|silent| silent.outline(plan, given, message, visit))
        {
            return;
        }
        part.dissect_all(Captured::whole(message), checked, visit, false);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut first = None;
        for part in self.parts_with(message) {
            match part.written(None, message) {
                Ok(written) => {
                    out.extend_from_slice(&written.bytes);
                    return Ok(());
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            Some(error) => Err(error),
            // Its fields are those of no type: the first type says which are missing.
            None => self
                .of_stage(None)
                .written(None, message)
                .map(|written| out.extend_from_slice(&written.bytes)),
        }
    }

    fn encode_noting(
        &self,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        if self.grammar.is_some() {
            return self.encode(message, out);
        }
        self.of_stage(None).write_noting(None, message, out, notes)
    }

    fn encode_in(
        &self,
        context: &Context<'_>,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let part = match &self.stream {
            Some(stream) => stream.part(context.stage),
            None => self.of_stage(Some(context)),
        };
        part.write_noting(Some(context), message, out, notes)
    }

    fn renew_checks(&self, message: Captured<'_, '_>, changed: &mut [u8]) {
        let part = match (&self.stream, message.context()) {
            (Some(stream), Some(context)) => stream.part(context.stage),
            (_, context) => self.of_stage(context),
        };
        renew::renew_checks((&part.format.plan, &part.format.meta, part.key.as_ref()), message, changed);
    }

    /// By the evidence of each message's head, and how many messages follow each other.
    fn detect(&self, sample: Sample<'_>) -> Confidence {
        if let Some(grammar) = &self.grammar {
            // Which side it is is not known here.
            let first = grammar.beginnings().map(|part| part.detect(sample));
            return first.max().unwrap_or(Confidence::No);
        }
        let meta = &self.format.meta;
        if meta.ends_with_segment || meta.head.bits < 8 {
            return Confidence::No;
        }
        if meta.waits {
            return framing::whole::detect(meta, sample.bytes);
        }
        let (mut framer, mut messages, mut other) = (Framer::default(), 0u32, false);
        let sample = sample.bytes.get(..sample.bytes.len().min(4096)).unwrap_or_default();
        let input =
            Input { bytes: sample, first_segment: sample.len(), last: false, offset: 0, context: None };
        let begins = matches!(
            framing::next(self.framing(), input, &mut Memo::default()),
            Step::Message(_) | Step::Checked(_) | Step::NeedMore(_)
        );
        if sample.is_empty() || !begins {
            return Confidence::No;
        }
        framer.segment(self, sample, &mut |span, _| match span.span_type {
            SpanType::Message => messages += 1,
            _ => other = true,
        });
        other |= framer.is_searching();
        // A message may have begun and not ended yet: what is buffered looks like one.
        let bits = meta
            .head
            .bits
            .saturating_mul(messages + u32::from(!other && messages == 0 && meta.head.bits >= 16));
        match bits {
            _ if other => Confidence::No,
            0..16 => Confidence::No,
            16..32 => Confidence::Likely,
            _ => Confidence::Certain,
        }
    }

    fn stages(&self) -> &[Stage] {
        match (&self.grammar, &self.stream) {
            (Some(grammar), _) => &grammar.stages,
            (None, Some(stream)) => &stream.stages,
            (None, None) => &[],
        }
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.conversation_in(&Settings::NONE)
    }

    fn conversation_in(&self, settings: &Settings) -> Option<Box<dyn Conversation>> {
        match (&self.grammar, &self.stream) {
            (Some(grammar), _) => Some(Box::new(Talk::new(grammar, settings))),
            (None, Some(stream)) => Some(stream.begin(settings)),
            (None, None) => None,
        }
    }

    fn carried_by(&self) -> &[String] {
        &self.format.meta.carried_by
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        let formats = match &self.grammar {
            None => vec![Some(self.format.clone())],
            Some(grammar) => {
                let states = 0..u16::try_from(grammar.stages.len()).unwrap_or(u16::MAX);
                states.map(|state| grammar.part(state).map(|part| part.format.clone())).collect()
            }
        };
        let pairs = formats.iter().flatten().any(|format| format.meta.id.is_some());
        pairs.then(|| Box::new(Pairs::new(formats)) as Box<dyn Observer>)
    }
}

/// Why a description can't be used on every transport.
#[derive(Debug)]
struct Limit {
    /// Where in the description the reason is.
    located: Located,
    /// The same as one sentence.
    sentence: String,
    only_tcp: bool,
}

impl Limit {
    fn of(meta: &Meta) -> Option<Limit> {
        let name = &meta.name;
        let (found, text) = match (&meta.parameters, &meta.end) {
            (Some(found), _) => (found, format!("{}, so that {name} can't be used by itself", found.text)),
            (None, Some(found)) => {
                let text = format!(
                    "{}, so that {name} can be used on udp and file, where each datagram or the whole file is one message, and not \
                     on tcp: for that add a 'size', or 'segment-delimited: true' under '-framescope' if each segment is one message",
                    found.text
                );
                (found, text)
            }
            (None, None) => return None,
        };
        let located = Located { text, ..found.clone() };
        Some(Limit { sentence: located.to_string(), located, only_tcp: meta.parameters.is_none() })
    }
}
