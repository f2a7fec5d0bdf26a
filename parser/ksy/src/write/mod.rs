//! Writes a message from its fields.
//!
//! The tree of fields is gone through as the reader goes through bytes: conditions, choices and parameters are
//! evaluated on the values that were written so far. What a size or count is computed from is found by solving its
//! expression; then all is written once more with what was found, until nothing changes. Checks are computed last.
//!
//! What reading gives is written back byte for byte: bytes that no field explains stand in the tree under names that
//! begin with `_`, and are taken from there.

pub(crate) mod leaf;
mod solve;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use framescope_parser::missive::Key;
use framescope_parser::{Dissection, Error, Fault, Field, Value};

use crate::checks;
use crate::described::Described;
use crate::dissect::{PADDING, RAW, UNREAD};
use crate::framing::with_arena;
use crate::plan::{Attr, Edge, Node, NodeId, Plan, Repeat, Shape, Size, Span, TypePlan, UserType, Val};
use crate::run::arena::{Arena, Io, NONE, Slot, State, Stop};
use crate::run::shape::{find, zeros};
use crate::run::{Mode, Run, Scope};

/// How often a message is written until its lengths are right. Each time settles at least one of them.
const MOST_PASSES: usize = 32;
/// Bytes of a message that is written.
const LARGEST: usize = 64 << 20;
/// What is measured of a list.
const COUNT: &str = "number of items";
/// Things that are noted at most.
const MOST_NOTES: usize = 100;

/// What a number must be so that a size or count is right, by the field's path.
pub(crate) type Solved = BTreeMap<String, Number>;

/// A number that a field must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    value: i128,
    /// Of a number that is written as text.
    radix: u32,
}

/// Why writing stopped.
enum Halt {
    /// This field is not given. Where the bytes that follow were not understood when they were read, they stand in the tree
    /// instead of it.
    Missing(String),
    /// It can't be written, and why.
    Failed(String),
}

impl Halt {
    fn error(self) -> Error {
        let why = match self {
            Halt::Missing(path) => format!("'{path}' is not given"),
            Halt::Failed(why) => why,
        };
        Error::new(0, "message", Fault::NotWritable { why })
    }
}

/// Writes a message. What could not be derived is noted.
pub(crate) fn write(
    described: &Described,
    message: &Dissection<'_>,
    out: &mut Vec<u8>,
    notes: Option<&mut Vec<String>>,
) -> Result<(), Error> {
    let (plan, key) = (&*described.format.plan, described.key());
    let (bytes, solved, mut found) = with_arena(|arena| -> Result<_, Error> {
        let mut solved = Solved::new();
        for _ in 0..MOST_PASSES {
            let mut writer = Writer::new(plan, arena, &solved, key);
            writer.message(&message.fields).map_err(Halt::error)?;
            let more = writer.solve();
            let is_more = more.iter().any(|(path, number)| solved.get(path) != Some(number));
            if !is_more {
                writer.check();
                let Writer { part, notes, .. } = writer;
                return Ok((part.bytes, solved, notes));
            }
            solved.extend(more);
        }
        let why = "its lengths depend on each other and never come to rest".to_owned();
        Err(Halt::Failed(why).error())
    })?;
    if let Some(notes) = notes {
        verify::verify(described, message, &bytes, &solved, &mut found);
        notes.append(&mut found);
    }
    out.extend_from_slice(&bytes);
    Ok(())
}

/// Bytes that are written one after another: the message, or what is packed into it.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    /// Bits of the last byte that are written.
    bit: u8,
    /// What stands in the bits that no field has.
    padding: u8,
    le: bool,
    /// Fields that are derived from others' bytes.
    checks: Vec<(u32, u16)>,
    is_message: bool,
}

impl Part {
    fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn align(&mut self) {
        if self.bit > 0 {
            if let Some(last) = self.bytes.last_mut() {
                *last |= if self.le { self.padding << self.bit } else { self.padding & 0xff >> self.bit };
            }
            self.bit = 0;
        }
        self.padding = 0;
    }

    fn put_bits(&mut self, number: u64, count: u32, le: bool) {
        self.le = le;
        self.padding = 0;
        for done in 0..count {
            if self.bit == 0 {
                self.bytes.push(0);
            }
            let which = if le { done } else { count - 1 - done };
            let one = u8::from(number >> which & 1 == 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= if le { one << self.bit } else { one << (7 - self.bit) };
            }
            self.bit = (self.bit + 1) % 8;
        }
    }
}

/// A size or count that is said by an expression, and what it is.
struct Measure {
    node: NodeId,
    scope: Scope,
    path: String,
    found: u64,
    what: &'static str,
}

struct Writer<'p, 's> {
    run: Run<'p, 's>,
    part: Part,
    solved: &'s Solved,
    key: Option<&'s Key>,
    measures: Vec<Measure>,
    notes: Vec<String>,
    /// Where each structure stands in the tree; those of instances stand nowhere.
    paths: BTreeMap<u32, String>,
    /// What structures were given, and by whom.
    calls: BTreeMap<u32, (&'p UserType, Scope)>,
    /// Fields that were not given and may have any value that fits.
    free: BTreeSet<String>,
    /// Structures around the one at hand of which bytes are given that were not understood.
    rests: u32,
}

impl<'p, 's> Writer<'p, 's> {
    fn new(plan: &'p Plan, arena: &'s mut Arena, solved: &'s Solved, key: Option<&'s Key>) -> Self {
        let mut run = Run::new(plan, &[], arena, Mode::Full);
        run.begin_writing(LARGEST as u64);
        Writer {
            run,
            part: Part { is_message: true, ..Part::default() },
            solved,
            key,
            measures: Vec::new(),
            notes: Vec::new(),
            paths: BTreeMap::new(),
            calls: BTreeMap::new(),
            free: BTreeSet::new(),
            rests: 0,
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    fn message(&mut self, fields: &[Field<'_>]) -> Result<(), Halt> {
        let io = self.new_io();
        let id = self.run.begin_object(0, io, NONE, None);
        self.paths.insert(id, String::new());
        self.whole_object(id, fields)
    }

    fn new_io(&mut self) -> u32 {
        let pos = self.part.position();
        let buffer = if self.part.is_message { Span::MESSAGE } else { Span::CONSTANTS };
        self.run.arena.new_io(Io { buffer, base: pos, end: u32::MAX, pos, bit: 0, open: true })
    }

    /// A structure that has bytes of its own, and those in them that no field explains.
    fn whole_object(&mut self, id: u32, fields: &[Field<'_>]) -> Result<(), Halt> {
        let rest = fields.iter().find(|field| field.name == UNREAD).and_then(|rest| rest.value.as_bytes());
        self.rests += u32::from(rest.is_some());
        let written = self.object(id, fields);
        self.rests -= u32::from(rest.is_some());
        self.part.align();
        match (written, rest) {
            (Ok(()), None) => Ok(()),
            (Ok(()) | Err(Halt::Missing(_)), Some(rest)) => {
                self.part.bytes.extend_from_slice(rest);
                Ok(())
            }
            (Err(halt), _) => Err(halt),
        }
    }

    fn object(&mut self, id: u32, fields: &[Field<'_>]) -> Result<(), Halt> {
        let plan = self.run.plan;
        let Some(object) = self.run.arena.object(id) else { return Ok(()) };
        let Some(ty) = plan.type_of(object.ty) else { return Ok(()) };
        self.run.spend(1).map_err(|stop| self.stopped(stop, id))?;
        self.run.choose_order(id, ty).map_err(|stop| self.stopped(stop, id))?;
        // Where it begins with bits, these may go on in the byte that others ended in.
        let start = self.part.position() - u32::from(self.part.bit > 0);
        if let Some(object) = self.run.arena.objects.get_mut(id as usize) {
            object.start = start;
        }
        let depth = self.run.deeper().map_err(|stop| self.stopped(stop, id))?;
        let written = self.fields(id, ty, fields);
        self.run.depth_is(depth);
        let end = self.part.position();
        if let Some(object) = self.run.arena.objects.get_mut(id as usize) {
            object.end = end;
        }
        written
    }

    fn fields(&mut self, id: u32, ty: &'p TypePlan, fields: &[Field<'_>]) -> Result<(), Halt> {
        let mut were_bits = false;
        for attr in &ty.seq {
            let bits = matches!(attr.shape, Shape::Bits { .. });
            if were_bits && !bits {
                self.part.align();
            }
            were_bits = bits;
            self.attr(id, attr, fields)?;
        }
        Ok(())
    }

    /// What an evaluation says that came to no end, as a sentence.
    fn stopped(&self, stop: Stop, id: u32) -> Halt {
        let at = self.paths.get(&id).map_or("", String::as_str);
        // Reading came to no end here either.
        if self.rests > 0 {
            return Halt::Missing(at.to_owned());
        }
        let at = if at.is_empty() { String::new() } else { format!("{at}: ") };
        match stop {
            Stop::Fault(fault) => Halt::Failed(format!("{at}{}", fault.text)),
            Stop::More(_) | Stop::Missing => {
                Halt::Failed(format!("{at}an expression asks for bytes that are not written yet"))
            }
        }
    }

    fn path(&self, id: u32, attr: &Attr, item: Option<u32>) -> String {
        let name = self.run.plan.name(attr.sym);
        let mut path = match self.paths.get(&id).map(String::as_str) {
            None | Some("") => name.to_owned(),
            Some(owner) => format!("{owner}.{name}"),
        };
        if let Some(item) = item {
            path.push_str(&format!("[{item}]"));
        }
        path
    }

    /// Lets expressions see where in the bytes they are.
    fn place(&mut self, id: u32) {
        let (pos, bit) = (self.part.position(), self.part.bit);
        let io = self.run.io_of(id);
        if let Some(io) = self.run.arena.ios.get_mut(io as usize) {
            (io.pos, io.bit) = (pos.saturating_sub(u32::from(bit > 0)), bit);
        }
    }

    /// Whether what an expression says depends on where the bytes end, which is not known before they are written.
    fn asks_for_the_end(&self, node: NodeId) -> bool {
        let mut asks = false;
        self.run.plan.expressions.walk(node, &mut |_, node| asks |= matches!(node, Node::Io));
        asks
    }

    fn attr(&mut self, id: u32, attr: &'p Attr, fields: &[Field<'_>]) -> Result<(), Halt> {
        let name = self.run.plan.name(attr.sym);
        let given = |field: &&Field<'_>| field.name == name;
        let is_given = fields.iter().any(|field| given(&field));
        self.place(id);
        if let Some(condition) = attr.condition {
            let known = match self.asks_for_the_end(condition) {
                true => None,
                false => self.run.truth(condition, &Scope::of(id)).ok(),
            };
            if !known.unwrap_or(is_given) {
                let absent = Slot { state: State::Absent, ..Slot::EMPTY };
                self.run.arena.set_slot(id, attr.slot, absent);
                return Ok(());
            }
        }
        if matches!(attr.repeat, Repeat::Once) {
            let slot = match fields.iter().find(given) {
                Some(field) => self.one(id, attr, Some(field), &Scope::of(id))?,
                None => self.not_given(id, attr)?,
            };
            self.run.arena.set_slot(id, attr.slot, slot);
            if attr.check.is_some() {
                self.part.checks.push((id, attr.slot));
            }
        } else {
            self.list(id, attr, fields)?;
        }
        // Bits that stood behind it and belong to no field.
        let last = fields.iter().rposition(|field| field.name == name);
        if let Some(behind) = last.and_then(|at| fields.get(at + 1)).filter(|field| field.name == PADDING) {
            self.part.padding = behind.value.as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        }
        Ok(())
    }

    fn list(&mut self, id: u32, attr: &'p Attr, fields: &[Field<'_>]) -> Result<(), Halt> {
        let name = self.run.plan.name(attr.sym);
        let array = self.run.arena.new_array();
        let start = self.part.position();
        let slot = Slot { val: Val::Arr(array), state: State::Done, buffer: 0, start, end: start };
        self.run.arena.set_slot(id, attr.slot, slot);
        let mut count = 0u32;
        for field in fields.iter().filter(|field| field.name == name) {
            self.run.spend(2).map_err(|stop| self.stopped(stop, id))?;
            self.place(id);
            let scope = Scope { index: Some(count), ..Scope::of(id) };
            let item = self.one(id, attr, Some(field), &scope)?;
            if let Some(items) = self.run.arena.array_mut(array) {
                items.push(item);
            }
            count += 1;
        }
        let end = self.part.position();
        self.run.arena.set_slot(id, attr.slot, Slot { end, ..slot });
        if let Repeat::Times(node) = attr.repeat {
            // Items that could not be read when the tree was made stand behind it as bytes.
            if fields.iter().any(|field| field.name == UNREAD) && self.counts(id, node) > u64::from(count) {
                return Err(Halt::Missing(self.path(id, attr, Some(count))));
            }
            self.measure(node, Scope::of(id), self.path(id, attr, None), count.into(), COUNT);
        }
        Ok(())
    }

    fn counts(&mut self, id: u32, node: NodeId) -> u64 {
        self.run.number(node, &Scope::of(id)).ok().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    fn measure(&mut self, node: NodeId, scope: Scope, path: String, found: u64, what: &'static str) {
        self.measures.push(Measure { node, scope, path, found, what });
    }

    /// A field that the tree does not hold: what it always is, or what follows from others.
    fn not_given(&mut self, id: u32, attr: &'p Attr) -> Result<Slot, Halt> {
        let scope = Scope::of(id);
        let missing = Halt::Missing(self.path(id, attr, None));
        let field = |value| Field { name: "", range: 0..0, value, fields: Vec::new() };
        let Ok(shape) = self.run.chosen(&attr.shape, &scope) else { return Err(missing) };
        match shape {
            // Reading stopped here.
            Some(_) if self.rests > 0 => Err(missing),
            Some(Shape::Contents(_)) => self.one(id, attr, None, &scope),
            // Where no case fits nothing is read.
            None if !attr.limit.is_bounded() => Ok(Slot { state: State::Done, ..Slot::EMPTY }),
            Some(Shape::Int { .. } | Shape::Bits { .. }) => {
                let constant = match &attr.valid {
                    Some(crate::plan::Valid::Equal(node)) => self.run.number(*node, &scope).ok(),
                    _ => None,
                };
                let path = self.path(id, attr, None);
                let value = match constant.and_then(|n| u64::try_from(n).ok()) {
                    Some(constant) => constant,
                    None if attr.check.is_some() => 0,
                    // Nothing else than a length is asked for, as a rule; if no length gives it a value that is said.
                    None if attr.needed => {
                        self.free.insert(path);
                        0
                    }
                    None => return Err(missing),
                };
                self.one(id, attr, Some(&field(Value::Unsigned(value))), &scope)
            }
            _ => Err(missing),
        }
    }

    /// One value of a field.
    fn one(
        &mut self,
        id: u32,
        attr: &'p Attr,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Slot, Halt> {
        let shape = match self.run.chosen(&attr.shape, scope) {
            Ok(shape) => shape,
            // What could not be chosen when it was read is bytes.
            Err(_)
                if attr.limit.is_bounded() && field.is_some_and(|field| field.value.as_bytes().is_some()) =>
            {
                None
            }
            Err(stop) => return Err(self.stopped(stop, id)),
        };
        if attr.limit.is_bounded() {
            return self.bounded(id, attr, shape, field, scope);
        }
        let Some(shape) = shape else { return Ok(Slot { state: State::Done, ..Slot::EMPTY }) };
        let is_bits = match shape {
            Shape::Bits { .. } => true,
            Shape::User(user) => self.run.begins_with_bits(user),
            _ => false,
        };
        if !is_bits {
            self.part.align();
        }
        let start = self.part.position() - u32::from(self.part.bit > 0);
        let val = self.shape(id, attr, shape, field, scope)?;
        if let (Shape::Float { .. }, Some(raw)) = (shape, field.and_then(raw_of)) {
            self.keep_raw(start, raw, |writer, raw| {
                let same = writer.run.float(raw, shape, scope);
                same.is_some_and(|n| !n.is_finite()) && !matches!(val, Val::Float(n) if n.is_finite())
            });
        }
        self.too_large(id)?;
        let end = self.part.position();
        Ok(Slot { val: self.run.as_enum(val, attr), state: State::Done, buffer: 0, start, end })
    }

    fn too_large(&self, id: u32) -> Result<(), Halt> {
        match self.part.bytes.len() > LARGEST {
            true => Err(self.failed(id, format!("the message is larger than {LARGEST} bytes"))),
            false => Ok(()),
        }
    }

    fn failed(&self, id: u32, why: String) -> Halt {
        match self.paths.get(&id).map(String::as_str) {
            None | Some("") => Halt::Failed(why),
            Some(path) => Halt::Failed(format!("{path}: {why}")),
        }
    }

    /// Puts the bytes that a value was read from in the place of those written for it, if they say the same.
    fn keep_raw(&mut self, start: u32, raw: &[u8], same: impl FnOnce(&mut Self, &[u8]) -> bool) -> bool {
        let keep = same(self, raw);
        if keep {
            self.part.bytes.truncate(start as usize);
            self.part.bytes.extend_from_slice(raw);
        }
        keep
    }

    /// Bytes whose extent is said, and what is in them.
    fn bounded(
        &mut self,
        id: u32,
        attr: &'p Attr,
        shape: Option<&'p Shape>,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Slot, Halt> {
        self.part.align();
        let start = self.part.position();
        let outer = attr.process.map(|_| std::mem::take(&mut self.part));
        let inner_start = self.part.position();
        let val = match (shape, field) {
            // What could not be taken apart when it was read is bytes.
            (Some(Shape::User(_)), Some(Field { value: Value::Bytes(bytes), .. })) => {
                self.part.bytes.extend_from_slice(bytes);
                Val::Null
            }
            (Some(shape), _) => self.shape(id, attr, shape, field, scope)?,
            (None, _) => self.shape(id, attr, &Shape::Bytes, field, scope)?,
        };
        self.part.align();
        let raw = field.and_then(raw_of);
        // What stands for the value: its bytes, or what those are packed into.
        let content = match outer {
            None => self.part.bytes.get(inner_start as usize..).unwrap_or_default().to_vec(),
            Some(outer) => {
                self.check();
                std::mem::replace(&mut self.part, outer).bytes
            }
        };
        let packed = attr.process.map(|process| {
            // What it is done with may depend on where the bytes end.
            let length = raw.map_or(content.len(), <[u8]>::len);
            self.run.ends_at(id, start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX)));
            leaf::process(&mut self.run, process, &content, scope)
        });
        // What was packed by another program than this one is not packed again, if that is what it holds.
        let is_same = |writer: &mut Self, raw: &[u8]| match writer.run.trimmed_and_undone(attr, raw, scope) {
            Some(undone) => says_the_same(shape, &undone, &content),
            None => raw == content,
        };
        if !raw.is_some_and(|raw| self.keep_raw(start, raw, is_same)) {
            match packed {
                None => {}
                Some(Ok(packed)) => self.part.bytes.extend_from_slice(&packed),
                Some(Err(stop)) => return Err(self.stopped(stop, id)),
            }
            self.fill(id, attr, start, scope)?;
        }
        self.extent(id, attr, start, scope);
        self.too_large(id)?;
        let end = self.part.position();
        Ok(Slot { val: self.run.as_enum(val, attr), state: State::Done, buffer: 0, start, end })
    }

    /// The terminator and padding behind a value.
    fn fill(&mut self, id: u32, attr: &Attr, start: u32, scope: &Scope) -> Result<(), Halt> {
        let size = match attr.limit.size {
            Size::Of(node) if !self.asks_for_the_end(node) => {
                let size = self.run.number(node, scope).map_err(|stop| self.stopped(stop, id))?;
                usize::try_from(size).ok().filter(|&size| size <= LARGEST)
            }
            _ => None,
        };
        let content = self.part.bytes.get(start as usize..).unwrap_or_default();
        let tail = leaf::tail(attr, content.len(), size);
        self.part.bytes.extend_from_slice(&tail);
        Ok(())
    }

    /// Notes how many bytes a field has, for the expression that says it.
    fn extent(&mut self, id: u32, attr: &Attr, start: u32, scope: &Scope) {
        if let Size::Of(node) = attr.limit.size
            && !self.asks_for_the_end(node)
        {
            let found = self.part.position() - start;
            let path = self.path(id, attr, scope.index);
            self.measure(node, *scope, path, found.into(), "size");
        }
    }

    fn shape(
        &mut self,
        id: u32,
        attr: &'p Attr,
        shape: &'p Shape,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Val, Halt> {
        if let Shape::User(user) = shape {
            return self.user(id, attr, user, field, scope);
        }
        let path = self.path(id, attr, scope.index);
        let solved = self.solved.get(&path).copied();
        self.leaf(attr, shape, field, solved, scope).map_err(|why| Halt::Failed(format!("{path}: {why}")))
    }

    fn user(
        &mut self,
        id: u32,
        attr: &'p Attr,
        user: &'p UserType,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Val, Halt> {
        let path = self.path(id, attr, scope.index);
        let Some(field) = field else { return Err(Halt::Missing(path)) };
        let owns = attr.limit.is_bounded();
        let io = if owns { self.new_io() } else { self.run.io_of(id) };
        let inner = self.run.open_user(user, io, scope).map_err(|stop| self.stopped(stop, id))?;
        self.paths.insert(inner, path);
        self.calls.insert(inner, (user, *scope));
        let written =
            if owns { self.whole_object(inner, &field.fields) } else { self.object(inner, &field.fields) };
        written.map(|()| Val::Obj(inner))
    }

    /// Computes the checks of the bytes at hand. Those that cover others come to rest after them.
    fn check(&mut self) {
        let checks = std::mem::take(&mut self.part.checks);
        for _ in 0..=checks.len().min(8) {
            let mut changed = false;
            for &(id, slot) in &checks {
                changed |= self.check_one(id, slot);
            }
            if !changed {
                break;
            }
        }
    }

    fn check_one(&mut self, id: u32, at: u16) -> bool {
        let plan = self.run.plan;
        let slot = self.run.arena.slot(id, at);
        let attr = self.run.arena.object(id).and_then(|object| plan.type_of(object.ty)?.attr(at));
        let Some((attr, check)) = attr.and_then(|attr| Some((attr, attr.check.as_ref()?))) else {
            return false;
        };
        if slot.state != State::Done {
            return false;
        }
        if check.from == Edge::Message && !self.part.is_message {
            let path = self.path(id, attr, None);
            self.note(format!("{path} covers bytes around what it is packed into: it is left as it is"));
            return false;
        }
        let covered = self.run.covered(id, attr, slot).and_then(|(span, own)| {
            // Each of many fields may cover all of the message.
            self.run.spend(u64::from(span.len()) / 16).ok()?;
            let bytes = self.part.bytes.get(span.start as usize..span.end as usize)?;
            Some(checks::covered(bytes, 0, bytes.len(), own)?.into_owned())
        });
        let Some(covered) = covered else { return false };
        let width = slot.end - slot.start;
        let computed = if check.algorithm.is_keyed() {
            match self.key {
                Some(key) => key.hmac_sha_256(&covered).get(..width as usize).unwrap_or_default().to_vec(),
                None => {
                    let path = self.path(id, attr, None);
                    self.note(format!("{path} is left as it is: no key was given to compute it with"));
                    return false;
                }
            }
        } else {
            let Some(number) = check.algorithm.number(&covered, width) else { return false };
            let Shape::Int { bytes, order, .. } = attr.shape else { return false };
            let Ok(le) = self.run.order(order, &Scope::of(id)) else { return false };
            leaf::number_bytes(number.into(), bytes.into(), le)
        };
        let Some(own) = self.part.bytes.get_mut(slot.start as usize..slot.end as usize) else { return false };
        if own == computed || own.len() != computed.len() {
            return false;
        }
        own.copy_from_slice(&computed);
        true
    }
}

/// Whether bytes hold the value that others were written for.
fn says_the_same(shape: Option<&Shape>, bytes: &[u8], written: &[u8]) -> bool {
    let text = |bytes: &[u8]| match shape {
        Some(Shape::Str(charset)) => Some(charset.decode(bytes).0.into_owned()),
        Some(Shape::Strz(charset)) => {
            let end = find(bytes, zeros(*charset)).unwrap_or(bytes.len());
            Some(charset.decode(bytes.get(..end).unwrap_or_default()).0.into_owned())
        }
        _ => None,
    };
    match shape {
        Some(Shape::Str(_) | Shape::Strz(_)) => bytes == written || text(bytes) == text(written),
        // A number may have more bytes than it takes.
        Some(Shape::Int { .. } | Shape::Float { .. } | Shape::Bits { .. }) => bytes.starts_with(written),
        _ => bytes == written,
    }
}

/// The bytes that a field was read from, where its value does not say them.
fn raw_of<'f>(field: &'f Field<'_>) -> Option<&'f [u8]> {
    field.field(RAW)?.value.as_bytes()
}
