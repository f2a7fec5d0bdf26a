//! A described protocol: a description, and what all protocols answer.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use framescope_parser::missive::Key;
use framescope_parser::{
    CAPTURED, Captured, Code, Confidence, Dissection, Error, Event, FieldReader, FieldSelection, Framer,
    Input, Kind, Measure, Memo, Names, Observation, Observer, Protocol, Sample, Sentence, SpanType, Step,
    Value, Visit,
};

use crate::dissect::{PADDING, RAW, UNREAD};
use crate::error::{LoadError, Located};
use crate::format::Format;
use crate::framing::{self, with_arena};
use crate::plan::{Doc, Node, Plan, Shape, TypeId, Val};
use crate::run::{Mode, Run, Scope};
use crate::select::{Selection, Thoroughly};
use crate::straight::Straight;
use crate::strings::Charset;

/// A protocol whose messages a `.ksy` file describes.
///
/// What your program sent, taken apart in a test of your own:
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
    pub(crate) format: Format,
    names: Arc<Names>,
    /// Finds where most messages end.
    pub(crate) ends: Option<Arc<Straight>>,
    /// Finds out whether a message is as it should be.
    whole: Option<Arc<Straight>>,
    key: Option<Key>,
}

impl Described {
    /// Takes a description that is at hand as text, such as `include_str!("mine.ksy")`. It can't import others.
    ///
    /// # Errors
    /// All mistakes in it, each with its line and column; among them whatever depends on where a stream ends, as that
    /// does not say where a message does.
    pub fn from_ksy(text: &str) -> Result<Described, LoadError> {
        Described::new(Format::from_ksy(text)?)
    }

    /// Reads a description, and what it imports, from files.
    ///
    /// # Errors
    /// As [`Described::from_ksy`]; or a file can't be read.
    pub fn from_file(path: &Path) -> Result<Described, LoadError> {
        Described::new(Format::from_file(path)?)
    }

    /// Takes a description that is being written and stands, or will stand, in a file: what it imports is found from there.
    ///
    /// # Errors
    /// As [`Described::from_file`].
    pub fn from_text(text: &str, path: &Path) -> Result<Described, LoadError> {
        Described::new(Format::load(&path.display().to_string(), text, Some(path))?)
    }

    fn new(format: Format) -> Result<Described, LoadError> {
        if !format.meta.stream_mistakes.is_empty() {
            return Err(LoadError::new(format.meta.stream_mistakes.clone()));
        }
        let names = Arc::new(names(&format));
        let ends = Straight::ends(&format.plan).map(Arc::new);
        let whole = Straight::whole(&format.plan, &format.meta).map(Arc::new);
        Ok(Described { format, names, ends, whole, key: None })
    }

    /// Verifies what the description says is authenticated with this key.
    #[must_use]
    pub fn with_key(self, key: Option<Key>) -> Described {
        Described { key, ..self }
    }

    /// Makes bytes begin as a message does, for who makes messages up: constants, valid numbers and a check over them stand where
    /// the description has them, and the rest is as it was. `pick` gives a number below the one that it is given.
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
        self.format.meta.head.put(bytes, pick);
    }

    /// What is probably not meant as it stands in the description, each with its line and column.
    pub fn warnings(&self) -> &[Located] {
        self.format.warnings()
    }

    /// Whether a field may be read at a place of its own, so that its bytes need not lie within those of what it is in.
    pub fn reads_elsewhere(&self) -> bool {
        let types = &self.format.plan.types;
        types.iter().any(|ty| ty.instances.iter().any(|attr| attr.value.is_none()))
    }

    /// How many steps it takes to take a message apart: what is read and evaluated, searched and told, each a step or a block
    /// of bytes. That it grows with the bytes of the message and no faster is a promise that a test can hold it to.
    pub fn steps(&self, message: &[u8]) -> u64 {
        self.tell(Captured::whole(message), false, &mut Nobody, true)
    }

    /// The description itself.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Where the protocol usually is, as selectors of `--as` write it: `tcp.port=502`.
    pub fn usual_places(&self) -> Vec<String> {
        let meta = &self.format.meta;
        let both = ["tcp".to_owned(), "udp".to_owned()];
        let transports = if meta.transports.is_empty() { &both[..] } else { &meta.transports };
        let places = transports
            .iter()
            .flat_map(|transport| meta.ports.iter().map(move |port| format!("{transport}.port={port}")));
        places.collect()
    }

    /// The fields whose numbers have names, by their paths, each with the members of its enum.
    pub fn enumerations(&self) -> Vec<Enumeration> {
        let plan = &self.format.plan;
        let mut found = Vec::new();
        enumerations(plan, 0, "", &mut Vec::new(), &mut found, &mut 0);
        found
    }

    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Reads all of a message and tells it. Gives how many steps that took.
    fn tell<'a>(
        &'a self,
        message: Captured<'a, '_>,
        checked: bool,
        visit: &mut dyn Visit<'a>,
        all: bool,
    ) -> u64 {
        with_arena(|arena| {
            let plan: &'a Plan = &self.format.plan;
            // The arena is lent for less long than the message lives.
            let mut run = Run::of(plan, message, arena, Mode::Full);
            run.key = self.key.as_ref();
            run.checked = checked;
            run.closed = self.format.meta.ends_with_segment;
            run.read_fully();
            if let Some(kind) = self.format.meta.kind
                && let Ok(val) = run.eval(kind, &Scope::of(0))
                && let Some(kind) = kind_of(plan, val)
            {
                visit.kind(kind);
            }
            if all {
                run.tell_fields(message, visit);
                // Who does not look at it need not wait for it.
                let lazy = Lazy(RefCell::new(&mut run));
                visit.summary(format_args!("{lazy}"));
            }
            run.tell_problems(visit);
            run.arena.steps()
        })
    }
}

impl Described {
    /// Reads a message and tells chosen parts of it, without its problems.
    pub(crate) fn tell_selected<'a>(
        &'a self,
        message: Captured<'a, '_>,
        what: Thoroughly,
        visit: &mut dyn Visit<'a>,
    ) {
        with_arena(|arena| {
            let plan: &'a Plan = &self.format.plan;
            let mut run = Run::of(plan, message, arena, Mode::Full);
            // Nobody asks whether checks hold.
            run.checked = true;
            run.closed = self.format.meta.ends_with_segment;
            match what.instances {
                true => run.read_fully(),
                false => run.read_fields_only(),
            }
            if what.fields {
                run.tell_fields(message, visit);
            }
            if what.summary {
                let lazy = Lazy(RefCell::new(&mut run));
                visit.summary(format_args!("{lazy}"));
            }
        });
    }
}

/// Is told a message and keeps nothing of it.
struct Nobody;

impl<'a> Visit<'a> for Nobody {
    fn kind(&mut self, _: Kind<'a>) {}
    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn end(&mut self) {}
    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}
    fn summary(&mut self, text: fmt::Arguments<'_>) {
        // It is made only for who writes it.
        let _ = text.to_string();
    }
}

/// A summary that is made when it is looked at.
struct Lazy<'l, 'p, 'm>(RefCell<&'l mut Run<'p, 'm>>);

impl fmt::Display for Lazy<'_, '_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.borrow_mut().summary(0))
    }
}

/// The number of a value and its name.
pub(crate) fn kind_of(plan: &Plan, val: Val) -> Option<Kind<'_>> {
    match val {
        Val::Int(n) => Some(Kind { value: u64::try_from(n).ok()?, name: None }),
        Val::Bool(b) => Some(Kind { value: b.into(), name: Some(if b { "true" } else { "false" }) }),
        Val::Enum(of, n) => {
            let name = plan
                .enums
                .get(of as usize)
                .and_then(|plan| plan.member(n))
                .map(|member| member.shown.as_str());
            Some(Kind { value: u64::try_from(n).ok()?, name })
        }
        _ => None,
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
        self.format.meta.ends_with_segment
    }

    fn can_resync(&self) -> bool {
        self.format.meta.ends_with_segment || self.format.meta.head.is_sure()
    }

    fn terminator(&self) -> Option<&[u8]> {
        self.format.meta.terminator.as_deref().filter(|_| !self.can_resync())
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        framing::measure(self, message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        framing::next(self, input, memo)
    }

    fn names(&self) -> Names {
        (*self.names).clone()
    }

    fn about_field(&self, path: &str) -> Option<String> {
        let plan = &self.format.plan;
        let doc = about(plan, 0, &path.split('.').collect::<Vec<_>>())?;
        let parts = std::iter::once(doc.text.as_str()).chain(doc.references.iter().map(String::as_str));
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.tell(Captured::whole(message), false, visit, true);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        self.tell(message, false, visit, true);
    }

    fn select(&self, wanted: &FieldSelection) -> Option<Box<dyn FieldReader>> {
        Some(Box::new(Selection::new(self, wanted)))
    }

    fn outline<'a>(&'a self, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
        let plan: &'a Plan = &self.format.plan;
        // A message that is as it should be has a kind and no problems.
        if let Some(found) = self.whole.as_ref().and_then(|whole| whole.run(plan, message))
            && found.end == message.len()
        {
            if let Some(kind) = found.kind.and_then(|kind| kind_of(plan, kind)) {
                visit.kind(kind);
            }
            return;
        }
        self.tell(Captured::whole(message), checked, visit, false);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        crate::write::write(self, message, out, None)
    }

    fn encode_noting(
        &self,
        message: &Dissection<'_>,
        out: &mut Vec<u8>,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        crate::write::write(self, message, out, Some(notes))
    }

    /// By what must be true of each message's beginning, and how many messages follow each other.
    fn detect(&self, sample: Sample<'_>) -> Confidence {
        let meta = &self.format.meta;
        if meta.ends_with_segment || meta.head.bits < 8 {
            return Confidence::No;
        }
        let (mut framer, mut messages, mut other) = (Framer::default(), 0u32, false);
        let sample = sample.bytes.get(..sample.bytes.len().min(4096)).unwrap_or_default();
        let input = Input { bytes: sample, first_segment: sample.len(), last: false, offset: 0 };
        let begins = matches!(
            framing::next(self, input, &mut Memo::default()),
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
        // A message may have begun and not ended yet: what is held back looks like one.
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

    fn observer(&self) -> Option<Box<dyn Observer>> {
        let meta = &self.format.meta;
        meta.id.is_some().then(|| {
            Box::new(Pairs { format: self.format.clone(), open: HashMap::new() }) as Box<dyn Observer>
        })
    }
}

/// Pairs replies with requests by the value that both carry.
struct Pairs {
    format: Format,
    /// What waits for an answer, by the direction it went and its value.
    open: HashMap<(usize, Id), (u32, Option<i64>)>,
}

/// A value as it is written. Most are numbers, which need no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Id {
    Number(u64),
    /// Of anything else, also of numbers that are written in another way.
    Text(Box<str>),
}

impl Id {
    fn of(run: &Run<'_, '_>, val: Val) -> Id {
        if let Val::Int(n) = val
            && let Ok(number) = u64::try_from(n)
        {
            return Id::Number(number);
        }
        let text = run.written(val);
        match text.parse::<u64>().ok().filter(|number| number.to_string() == text) {
            Some(number) => Id::Number(number),
            None => Id::Text(text.into()),
        }
    }

    /// A sentence about it, which has one place for it.
    fn say(&self, pattern: &'static str) -> Sentence {
        match self {
            Id::Number(number) => Sentence::new(pattern).with([*number]),
            Id::Text(text) => pattern.replacen("{}", text, 1).into(),
        }
    }
}

/// Requests that may wait for an answer at once.
const MOST_OPEN: usize = 100_000;

impl Observer for Pairs {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        let Event::Message { direction, row, time_ns, bytes } = event else { return };
        let (plan, meta) = (&self.format.plan, &self.format.meta);
        let said = with_arena(|arena| {
            let mut run = Run::of(plan, bytes, arena, Mode::Full);
            let _ = run.read();
            let scope = Scope::of(0);
            let id = run.eval(meta.id?, &scope).ok().filter(|val| *val != Val::Null)?;
            let is_reply = match meta.reply {
                Some(reply) => Some(run.truth(reply, &scope).ok()?),
                None => None,
            };
            let is_request = match meta.request {
                Some(request) => run.truth(request, &scope).ok()?,
                None => is_reply != Some(true),
            };
            Some((Id::of(&run, id), is_reply, is_request))
        });
        let Some((id, is_reply, is_request)) = said else { return };
        // Where no reply is marked as one, it is what carries the value of a request that waits on the other side.
        let asked = (direction.reverse().index(), id);
        if is_reply != Some(false) {
            if let Some((to, asked_ns)) = self.open.remove(&asked) {
                let latency_ns = time_ns.zip(asked_ns).map(|(now, then)| now.saturating_sub(then));
                found.push(Observation::Reply { row, to, latency_ns });
                return;
            }
            if is_reply == Some(true) {
                let text = asked.1.say("no request with {} is open");
                found.push(Observation::Problem { row, code: Code::ReplyToNothing, text });
                return;
            }
        }
        if is_request && self.open.len() < MOST_OPEN {
            self.open.insert((direction.index(), asked.1), (row, time_ns));
        }
    }

    fn finish(&mut self, found: &mut Vec<Observation>) {
        // Only who says which messages are requests says that they want an answer.
        if self.format.meta.request.is_none() {
            return;
        }
        let mut open: Vec<(u32, Id)> = self.open.drain().map(|((_, id), (row, _))| (row, id)).collect();
        open.sort_unstable();
        found.extend(open.into_iter().map(|(row, id)| Observation::Problem {
            row,
            code: Code::Unanswered,
            text: id.say("no reply with {} came"),
        }));
    }
}

/// A field whose numbers have names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// Its path of names joined by dots.
    pub path: String,
    /// Each member's number and name.
    pub members: Vec<(i128, String)>,
}

fn enumerations(
    plan: &Plan,
    id: TypeId,
    above: &str,
    around: &mut Vec<TypeId>,
    found: &mut Vec<Enumeration>,
    looked: &mut usize,
) {
    let Some(ty) = plan.type_of(id) else { return };
    if around.contains(&id) || around.len() >= DEEPEST || *looked >= MOST_NAMES {
        return;
    }
    around.push(id);
    for attr in ty.seq.iter().chain(&ty.instances) {
        *looked += 1;
        let name = plan.name(attr.sym);
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        if let Some(of) = attr.enumeration.and_then(|of| plan.enums.get(of as usize)) {
            let members = of.members.iter().map(|member| (member.value, member.shown.clone()));
            // What a switch chooses may have fields of one name.
            match found.iter_mut().find(|known| known.path == path) {
                Some(known) => known.members.extend(members),
                None => found.push(Enumeration { path: path.clone(), members: members.collect() }),
            }
        }
        let mut shapes = vec![&attr.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => enumerations(plan, user.id, &path, around, found, looked),
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }
    around.pop();
}

/// How deeply fields are named that stand in each other.
const DEEPEST: usize = 8;
/// Field names that are told at most.
const MOST_NAMES: usize = 5000;

/// The names that messages may show.
fn names(format: &Format) -> Names {
    let plan = &format.plan;
    let mut names = Names { verbatim: true, ..Names::default() };
    let mut seen = HashSet::new();
    type_names(plan, 0, &mut Vec::new(), &mut names, &mut seen);
    names.anywhere = [UNREAD, RAW, PADDING, CAPTURED].map(str::to_owned).to_vec();
    if let Some(kind) = format.meta.kind
        && let Some(Node::Slot(slot)) = plan.expressions.nodes.get(kind as usize)
        && let Some(of) = plan.root().and_then(|root| root.attr(*slot)?.enumeration)
        && let Some(of) = plan.enums.get(of as usize)
    {
        names.kinds = of.members.iter().map(|member| member.shown.clone()).collect();
    }
    names
}

fn type_names(
    plan: &Plan,
    id: TypeId,
    path: &mut Vec<TypeId>,
    names: &mut Names,
    seen: &mut HashSet<String>,
) {
    fn within(
        plan: &Plan,
        shape: &Shape,
        prefix: &str,
        path: &mut Vec<TypeId>,
        names: &mut Names,
        seen: &mut HashSet<String>,
    ) {
        match shape {
            Shape::User(user) if !path.contains(&user.id) && path.len() < DEEPEST => {
                let (mut inner, from) = (Names { verbatim: true, ..Names::default() }, names.fields.len());
                if from < MOST_NAMES {
                    type_names(plan, user.id, path, &mut inner, &mut HashSet::new());
                }
                names.verbatim &= inner.verbatim;
                names.fields.extend(
                    inner
                        .fields
                        .into_iter()
                        .map(|name| format!("{prefix}.{name}"))
                        .filter(|name| seen.insert(name.clone())),
                );
            }
            Shape::Str(charset) | Shape::Strz(charset) => {
                names.verbatim &= matches!(charset, Charset::Utf8 | Charset::Ascii)
            }
            Shape::Switch(_, cases) => {
                cases.iter().for_each(|(_, shape)| within(plan, shape, prefix, path, names, seen))
            }
            _ => {}
        }
    }
    let Some(ty) = plan.type_of(id) else { return };
    path.push(id);
    for attr in ty.seq.iter().chain(&ty.instances) {
        let name = plan.name(attr.sym).to_owned();
        if seen.insert(name.clone()) {
            names.fields.push(name.clone());
        }
        names.verbatim &= attr.value.is_none() && attr.process.is_none();
        within(plan, &attr.shape, &name, path, names, seen);
    }
    path.pop();
}

/// What is said of a field, or where nothing is, of its type.
fn about<'p>(plan: &'p Plan, id: TypeId, path: &[&str]) -> Option<&'p Doc> {
    let (name, rest) = path.split_first()?;
    let ty = plan.type_of(id)?;
    let attr = ty.attr(ty.slot(*plan.symbols.get(*name)?)?)?;
    let mut shapes = vec![&attr.shape];
    let mut types = Vec::new();
    while let Some(shape) = shapes.pop() {
        match shape {
            Shape::User(user) => types.push(user.id),
            Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
            _ => {}
        }
    }
    if !rest.is_empty() {
        return types.into_iter().find_map(|id| about(plan, id, rest));
    }
    let is_said = |doc: &&Doc| !doc.text.is_empty() || !doc.references.is_empty();
    let of_type = || match types.as_slice() {
        [id] => plan.type_of(*id).map(|ty| &ty.doc),
        _ => None,
    };
    Some(&attr.doc).filter(is_said).or_else(of_type)
}

/// A place in a message, as its users count.
pub(crate) fn range(span: (u32, u32)) -> Range<usize> {
    span.0 as usize..span.1.max(span.0) as usize
}
