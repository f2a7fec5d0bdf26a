//! Tells what was read of a message: its fields, what is wrong with it, and what it is in a few words.

use std::borrow::Cow;

use framescope_parser::{Captured, Code, Value, Visit};

use crate::described::{kind_of, range};
use crate::plan::{Attr, NodeId, Piece, Plan, Shape, Span, Style, Val};
use crate::run::arena::{NONE, Slot, State, Stop};
use crate::run::shape::{find, zeros};
use crate::run::{Run, Scope};

/// The name of bytes that a structure holds and its description does not explain.
pub(crate) const UNREAD: &str = "_unread";
/// The name of bits behind a field, up to the next byte, that no field has and that are not zero.
pub(crate) const PADDING: &str = "_padding";
/// The name of the bytes of a field, where its value does not say what they are.
pub(crate) const RAW: &str = "_raw";

/// Values that a summary names where the author says none.
pub(crate) const MOST_NAMED: u32 = 4;
/// A summary of more bytes does not go on.
pub(crate) const LONGEST_SUMMARY: usize = 300;

/// How deeply instances are looked at that stand in structures of other instances.
const DEEPEST: u32 = 3;

impl<'p> Run<'p, '_> {
    /// Reads the message and all its instances. What is wrong is noted.
    pub(crate) fn read_fully(&mut self) {
        self.read_all();
        // What a gap made unreadable is no fault of the message.
        if !self.message.is_whole() {
            let mut faults = std::mem::take(&mut self.arena.faults);
            faults.retain(|fault| {
                let follows = matches!(fault.code, Code::EndOfStream | Code::NoMatch | Code::Conversion);
                !follows && !self.lacks(fault.span)
            });
            self.arena.faults = faults;
        }
    }

    /// Reads the message as far as its fields themselves go: no instance is computed that no other field asks for.
    pub(crate) fn read_fields_only(&mut self) {
        self.stopped = self.read().is_err();
    }

    fn read_all(&mut self) {
        if let Err(stop) = self.read() {
            self.stopped = true;
            if let Stop::Fault(fault) = stop {
                self.arena.faults.push(*fault);
            }
        }
        let plan = self.plan;
        if plan.types.iter().any(|ty| !ty.instances.is_empty()) {
            let mut at = 0;
            // Instances make structures, which have instances.
            while let Some(object) = self.arena.objects.get(at).copied() {
                let id = u32::try_from(at).unwrap_or(NONE);
                at += 1;
                let Some(ty) = plan.type_of(object.ty) else { continue };
                if self.generation(id) > DEEPEST || self.repeats(id) {
                    continue;
                }
                for attr in &ty.instances {
                    match self.value_of(id, attr.slot) {
                        Err(Stop::Fault(fault)) => {
                            let is_limit = fault.code == Code::LimitExceeded;
                            // A value that is computed from what is not there is not there either.
                            if attr.value.is_none() || is_limit {
                                self.arena.faults.push(*fault);
                            }
                            if is_limit {
                                return;
                            }
                        }
                        Err(Stop::More(_) | Stop::Missing) | Ok(_) => {}
                    }
                }
            }
        }
        self.unread();
    }

    /// How many instances the structure stands in.
    fn generation(&self, id: u32) -> u32 {
        let (mut at, mut count, mut steps) = (id, 0, 0);
        while let Some(object) = self.arena.object(at) {
            self.arena.look(1);
            steps += 1;
            if object.parent == NONE || steps > 200 {
                break;
            }
            let parent = self.arena.object(object.parent);
            // What stands behind its owner's last field, or before it, is an instance's.
            let inside = parent.is_some_and(|parent| {
                parent.io != object.io || parent.start <= object.start && object.end <= parent.end
            });
            count += u32::from(!inside);
            at = object.parent;
        }
        count
    }

    /// Whether a structure of the same type at the same place holds this one.
    fn repeats(&self, id: u32) -> bool {
        let Some(own) = self.arena.object(id) else { return true };
        let (mut at, mut steps) = (own.parent, 0);
        while let Some(object) = self.arena.object(at) {
            if object.ty == own.ty && object.io == own.io && object.start == own.start || steps > 200 {
                return true;
            }
            self.arena.look(1);
            steps += 1;
            at = object.parent;
        }
        false
    }

    /// Notes bytes that structures hold and no field explains.
    fn unread(&mut self) {
        for at in 0..self.arena.objects.len() {
            let id = u32::try_from(at).unwrap_or(NONE);
            if let Some(span) = self.rest_of(id).filter(|span| span.len() > 0)
                && self.is_unexplained(id)
                && let Some(place) = self.arena.in_message(span)
            {
                let span = Span { buffer: Span::MESSAGE, start: place.0, end: place.1 };
                let plural = if span.len() == 1 { " is" } else { "s are" };
                let text = format!("{} byte{plural} left that the description does not explain", span.len());
                if let Stop::Fault(fault) = self.fault(Code::PayloadTrailing, span, text) {
                    self.arena.faults.push(*fault);
                }
            }
        }
    }

    /// The bytes of a structure's own stream behind its last field. There are none, but they are told, where reading stopped
    /// at their end.
    fn rest_of(&self, id: u32) -> Option<Span> {
        let object = self.arena.object(id)?;
        let io = self.arena.ios.get(object.io as usize)?;
        let owns = object.start == io.base
            && self.arena.object(object.parent).is_none_or(|parent| parent.io != object.io);
        let is_told = object.end < io.end || !(object.whole || io.open && self.stopped);
        (owns && is_told).then_some(Span { buffer: io.buffer, start: object.end.min(io.end), end: io.end })
    }

    /// Whether bytes behind a structure's last field are there though nothing that is told already, or an instance at a
    /// place of its own, is the reason.
    fn is_unexplained(&self, id: u32) -> bool {
        let Some(object) = self.arena.object(id) else { return false };
        let Some(io) = self.arena.ios.get(object.io as usize) else { return false };
        if io.open && self.stopped {
            return false;
        }
        let explained =
            self.plan.type_of(object.ty).is_none_or(|ty| ty.instances.iter().any(|attr| attr.pos.is_some()));
        !explained && object.whole
    }

    /// Tells every field.
    pub(crate) fn tell_fields<'a>(&mut self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>)
    where
        'p: 'a,
    {
        self.arena.sort_paddings();
        self.tell_object(0, message, visit, 0);
    }

    fn tell_object<'a>(&mut self, id: u32, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>, depth: u32)
    where
        'p: 'a,
    {
        let plan: &'p Plan = self.plan;
        let Some(object) = self.arena.object(id) else { return };
        let Some(ty) = plan.type_of(object.ty) else { return };
        self.arena.look(ty.slot_count() as u64);
        for attr in &ty.seq {
            self.tell_attr(id, attr, message, visit, depth);
        }
        if let Some(span) = self.rest_of(id)
            && let Some(place) = self.arena.in_message(span)
        {
            match self.lacks(span) {
                true => message.tell_missing(UNREAD, range(place), visit),
                false => visit.field(UNREAD, range(place), Value::Bytes(self.lent(span, message))),
            }
        }
        for attr in &ty.instances {
            self.tell_attr(id, attr, message, visit, depth);
        }
    }

    fn tell_attr<'a>(
        &mut self,
        id: u32,
        attr: &'p Attr,
        message: Captured<'a, '_>,
        visit: &mut dyn Visit<'a>,
        depth: u32,
    ) where
        'p: 'a,
    {
        let slot = self.arena.slot(id, attr.slot);
        match (slot.state, slot.val) {
            (State::Done, Val::Arr(array)) => {
                let mut index = 0u32;
                while let Some(&item) = self.arena.array(array).get(index as usize) {
                    let slot = if item.end == 0 {
                        Slot { buffer: slot.buffer, start: slot.start, end: slot.end, ..item }
                    } else {
                        item
                    };
                    let scope = Scope { index: Some(index), ..Scope::of(id) };
                    self.tell_value(&scope, attr, slot, message, visit, depth);
                    index += 1;
                }
            }
            (State::Done, _) => self.tell_value(&Scope::of(id), attr, slot, message, visit, depth),
            _ => {}
        }
        if self.arena.paddings.is_empty() {
            return;
        }
        if let Some(padding) = self.arena.padding(id, attr.slot)
            && let Some(place) = self.arena.in_message(padding.span)
        {
            visit.field(PADDING, range(place), Value::Unsigned(padding.value.into()));
        }
    }

    fn tell_value<'a>(
        &mut self,
        scope: &Scope,
        attr: &'p Attr,
        slot: Slot,
        message: Captured<'a, '_>,
        visit: &mut dyn Visit<'a>,
        depth: u32,
    ) where
        'p: 'a,
    {
        let plan: &'p Plan = self.plan;
        let owner = scope.object;
        let name = plan.name(attr.sym);
        self.arena.look(1);
        let end = self.arena.object(owner).map_or(0, |object| object.end);
        let span = match attr.value {
            Some(_) => Span { buffer: Span::MESSAGE, start: end, end },
            None => Span { buffer: slot.buffer, start: slot.start, end: slot.end },
        };
        let message_end = u32::try_from(message.length()).unwrap_or(u32::MAX);
        let (start, end) = self.arena.in_message(span).unwrap_or((0, 0));
        let place = range((start.min(message_end), end.min(message_end)));
        let is_told_apart = attr.limit.is_bounded() || matches!(slot.val, Val::Float(_));
        let raw = match is_told_apart && attr.value.is_none() && attr.pos.is_none() {
            true => self.raw(scope, attr, slot),
            false => None,
        };
        let value = match slot.val {
            Val::Missing => return message.tell_missing(name, place, visit),
            Val::Null if attr.value.is_none() && self.lacks(span) => {
                return message.tell_missing(name, place, visit);
            }
            // What could not be taken apart is bytes.
            Val::Null if attr.limit.is_bounded() && attr.value.is_none() => {
                Value::Bytes(self.lent(span, message))
            }
            Val::Null | Val::Io(_) | Val::Arr(_) => return,
            Val::Obj(inner) => {
                let refers = attr.value.is_some() || depth > 100;
                visit.begin(name, place.clone(), Value::Group);
                // A value that is another's structure would show it twice.
                if !refers && !self.holds(owner, inner) {
                    self.tell_object(inner, message, visit, depth + 1);
                }
                if let Some(raw) = raw {
                    visit.field(RAW, place, Value::Bytes(self.lent(raw, message)));
                }
                visit.end();
                return;
            }
            Val::Int(n) => whole_number(attr, n),
            Val::Enum(_, n) => match kind_of(plan, slot.val) {
                Some(kind) => Value::Enum(kind),
                None => i64::try_from(n).map_or(Value::Group, Value::Signed),
            },
            Val::Float(n) => Value::Float(n),
            Val::Bool(b) => Value::Bool(b),
            Val::Bytes(span) => Value::Bytes(self.lent(span, message)),
            Val::Str(text) => match self.arena.invalid_text(text) {
                Some(raw) => Value::Bytes(self.lent(raw, message)),
                None => match self.lent(text, message) {
                    Cow::Borrowed(bytes) => Value::utf8(bytes),
                    Cow::Owned(bytes) => Value::Text(String::from_utf8(bytes).unwrap_or_default().into()),
                },
            },
        };
        match raw {
            None => visit.field(name, place, value),
            Some(raw) => {
                visit.begin(name, place.clone(), value);
                visit.field(RAW, place, Value::Bytes(self.lent(raw, message)));
                visit.end();
            }
        }
    }

    /// The bytes of a field, if they are not those that would be written for its value.
    fn raw(&mut self, scope: &Scope, attr: &'p Attr, slot: Slot) -> Option<Span> {
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if self.lacks(span) {
            return None;
        }
        if let Val::Float(n) = slot.val
            && !n.is_finite()
        {
            return Some(span);
        }
        let limit = &attr.limit;
        if !limit.is_bounded() {
            return None;
        }
        let is_plain = limit.terminator.is_none() && limit.pad_right.is_none() && attr.process.is_none();
        let content = match slot.val {
            Val::Str(text) => match (self.chosen(&attr.shape, scope), self.arena.invalid_text(text)) {
                // A zero behind the text, and what stands behind that.
                (Ok(Some(Shape::Strz(charset))), _) => {
                    let (own, zeros) = (self.bytes(span), zeros(*charset));
                    let text = find(own, zeros).and_then(|at| own.get(..at + zeros.len()));
                    text.unwrap_or_default().to_vec()
                }
                (_, Some(invalid)) => self.bytes(invalid).to_vec(),
                (_, None) if text.buffer == slot.buffer && is_plain => return None,
                (Ok(Some(Shape::Str(charset))), None) => match charset.encode(self.text(text)) {
                    Some(bytes) => bytes,
                    None => return Some(span),
                },
                _ => return None,
            },
            Val::Bytes(bytes) if is_plain && bytes.len() == span.len() => return None,
            Val::Bytes(bytes) => self.bytes(bytes).to_vec(),
            Val::Obj(id) => {
                if attr.process.is_none() && is_plain {
                    return None;
                }
                let object = self.arena.object(id)?;
                let io = self.arena.ios.get(object.io as usize)?;
                self.bytes(Span { buffer: io.buffer, start: io.base, end: io.end }).to_vec()
            }
            Val::Null => match is_plain {
                true => return None,
                false => self.bytes(span).to_vec(),
            },
            _ => {
                // A number, which may be shorter than what it stands in.
                let content = self.width_of(attr, scope)?;
                let own = self.bytes(span);
                own.get(..content.min(own.len()))?.to_vec()
            }
        };
        self.arena.look(u64::from(span.len()) / 8);
        let own = self.bytes(span).to_vec();
        let mut written = match attr.process {
            None => content,
            Some(process) => {
                let io = self.io_of(scope.object);
                let before = self.io(io);
                self.ends_at(scope.object, slot.end);
                let written = crate::write::leaf::process(self, process, &content, scope);
                if let Some(stored) = self.arena.ios.get_mut(io as usize) {
                    *stored = before;
                }
                match written {
                    Ok(written) => written,
                    Err(_) => return Some(span),
                }
            }
        };
        let tail = crate::write::leaf::tail(attr, written.len(), Some(own.len()));
        written.extend(tail);
        (written != own).then_some(span)
    }

    fn width_of(&mut self, attr: &'p Attr, scope: &Scope) -> Option<usize> {
        match self.chosen(&attr.shape, scope).ok()?? {
            Shape::Int { bytes, .. } | Shape::Float { bytes, .. } => Some((*bytes).into()),
            Shape::Bits { count, .. } => Some(usize::from(*count).div_ceil(8)),
            _ => None,
        }
    }

    /// Whether a structure stands, with its owners, in another.
    fn holds(&self, inside: u32, outer: u32) -> bool {
        let (mut at, mut steps) = (inside, 0);
        while let Some(object) = self.arena.object(at) {
            if at == outer || steps > 200 {
                return true;
            }
            self.arena.look(1);
            steps += 1;
            at = object.parent;
        }
        false
    }

    /// Bytes for whoever looks on when reading is over.
    fn lent<'a>(&self, span: Span, message: Captured<'a, '_>) -> Cow<'a, [u8]> {
        match span.buffer {
            Span::MESSAGE => {
                Cow::Borrowed(message.get(span.start as usize..span.end as usize).unwrap_or_default())
            }
            _ => {
                self.arena.look(u64::from(span.len()) / 8);
                Cow::Owned(self.bytes(span).to_vec())
            }
        }
    }

    /// Tells everything that is wrong.
    pub(crate) fn tell_problems(&mut self, visit: &mut dyn Visit<'_>) {
        let length = u32::try_from(self.message.length()).unwrap_or(u32::MAX);
        for fault in &self.arena.faults {
            self.arena.look(1);
            let (start, end) = self.arena.in_message(fault.span).unwrap_or((0, 0));
            let place = range((start.min(length), end.min(length)));
            match fault.field {
                Some(sym) => {
                    visit.problem(fault.code, place, format_args!("{}: {}", self.plan.name(sym), fault.text))
                }
                None => visit.problem(fault.code, place, format_args!("{}", fault.text)),
            }
        }
    }

    /// A structure in a few words.
    pub(crate) fn summary(&mut self, id: u32) -> String {
        let plan = self.plan;
        let mut text = String::new();
        let Some(ty) = self.arena.object(id).and_then(|object| plan.type_of(object.ty)) else { return text };
        let mut named = 0;
        for piece in &ty.summary {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(node, style) => text.push_str(&self.summed_up(id, *node, style)),
                Piece::Named(sym, node) => {
                    let written = self.summed_up(id, *node, &Style::Plain);
                    if !written.is_empty() {
                        let comma = if named == 0 { "" } else { ", " };
                        text.push_str(&format!("{comma}{} {written}", plan.name(*sym)));
                        named += 1;
                    }
                }
            }
            if text.len() > LONGEST_SUMMARY || named == MOST_NAMED {
                break;
            }
        }
        text.trim().to_owned()
    }

    /// A value as a summary has it; nothing where it is not there.
    fn summed_up(&mut self, id: u32, node: NodeId, style: &Style) -> String {
        let val = self.eval(node, &Scope::of(id)).unwrap_or(Val::Null);
        match (style, val) {
            (Style::Hex, Val::Int(n)) => format!("{n:#x}"),
            (_, Val::Obj(inner)) if inner != id => self.nested_summary(inner),
            (Style::Str, Val::Bytes(span)) => String::from_utf8_lossy(self.bytes(span)).into_owned(),
            (_, Val::Str(_)) => self.short_text(val),
            (_, Val::Bytes(_)) => self.short(val),
            _ => self.written(val),
        }
    }

    fn nested_summary(&mut self, id: u32) -> String {
        // Structures that sum each other up end here.
        if self.arena.work > 1 << 40 || self.spend(100).is_err() { String::new() } else { self.summary(id) }
    }

    fn short_text(&self, val: Val) -> String {
        let Val::Str(span) = val else { return String::new() };
        short_text(self.text(span))
    }
}

/// A text as a summary has it.
pub(crate) fn short_text(text: &str) -> String {
    const LONGEST: usize = 80;
    let end = match text.len() > LONGEST {
        true => text.char_indices().nth(LONGEST).map(|(at, _)| at),
        false => None,
    };
    let shown = end.and_then(|end| text.get(..end)).unwrap_or(text);
    // Nearly always nothing is to be replaced.
    let is_plain = shown.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    let mut short = match is_plain {
        true => shown.to_owned(),
        false => shown.replace(char::is_control, " "),
    };
    if end.is_some() {
        short.push('…');
    }
    short
}

/// A whole number as it is told.
pub(crate) fn whole_number(attr: &Attr, n: i128) -> Value<'static> {
    match (u64::try_from(n), i64::try_from(n)) {
        (Ok(n), _) if attr.hex => Value::Hex(n),
        (Ok(n), _) if !is_signed(&attr.shape) || attr.value.is_some() => Value::Unsigned(n),
        (_, Ok(n)) => Value::Signed(n),
        (Ok(n), _) => Value::Unsigned(n),
        #[allow(clippy::cast_precision_loss)] // There is no wider whole number to show it as.
        _ => Value::Float(n as f64),
    }
}

fn is_signed(shape: &Shape) -> bool {
    matches!(shape, Shape::Int { signed: true, .. })
}
