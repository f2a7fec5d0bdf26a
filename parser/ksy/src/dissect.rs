//! Tells what was read of a message: its fields, what is wrong with it, and what it is in a few words.

use std::borrow::Cow;

use framescope_parser::{Code, Value, Visit};

use crate::described::{kind_of, range};
use crate::plan::{Attr, Piece, Plan, Shape, Span, Style, Val};
use crate::run::Run;
use crate::run::arena::{NONE, Slot, State, Stop};

/// The name of bytes that a structure holds and its description does not explain.
const UNREAD: &str = "_unread";

/// How deeply instances are looked at that stand in structures of other instances.
const DEEPEST: u32 = 3;

impl<'p> Run<'p, '_> {
    /// Reads the message and all its instances. What is wrong is noted.
    pub(crate) fn read_fully(&mut self) {
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
                        Err(Stop::Fault(mut fault)) => {
                            if let Some(code) = attr.problem {
                                fault.code = code;
                            }
                            let is_limit = fault.code == Code::LimitExceeded;
                            // A value that is computed from what is not there is not there either.
                            if attr.value.is_none() || is_limit {
                                self.arena.faults.push(*fault);
                            }
                            if is_limit {
                                return;
                            }
                        }
                        Err(Stop::More(_)) | Ok(_) => {}
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
            steps += 1;
            at = object.parent;
        }
        false
    }

    /// Notes bytes that structures hold and no field explains.
    fn unread(&mut self) {
        for at in 0..self.arena.objects.len() {
            let id = u32::try_from(at).unwrap_or(NONE);
            if let Some(span) = self.rest_of(id)
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

    /// The bytes of a structure's own stream behind its last field.
    fn rest_of(&self, id: u32) -> Option<Span> {
        let object = self.arena.object(id)?;
        let io = self.arena.ios.get(object.io as usize)?;
        if io.open && self.stopped {
            return None;
        }
        let owns = object.start == io.base
            && self.arena.object(object.parent).is_none_or(|parent| parent.io != object.io);
        // Instances at places of their own may explain what fields do not.
        let explained = self.plan.type_of(object.ty)?.instances.iter().any(|attr| attr.pos.is_some());
        let was_whole = !self.arena.faults.iter().any(|fault| {
            fault.span.buffer == io.buffer
                && fault.span.start >= object.start
                && fault.span.end <= io.end
                && is_fatal(fault.code)
        });
        (owns && !explained && was_whole && object.end < io.end).then_some(Span {
            buffer: io.buffer,
            start: object.end,
            end: io.end,
        })
    }

    /// Tells every field.
    pub(crate) fn tell_fields<'a>(&mut self, message: &'a [u8], visit: &mut dyn Visit<'a>)
    where
        'p: 'a,
    {
        self.tell_object(0, message, visit, 0);
    }

    fn tell_object<'a>(&self, id: u32, message: &'a [u8], visit: &mut dyn Visit<'a>, depth: u32)
    where
        'p: 'a,
    {
        let plan: &'p Plan = self.plan;
        let Some(object) = self.arena.object(id) else { return };
        let Some(ty) = plan.type_of(object.ty) else { return };
        for attr in &ty.seq {
            self.tell_attr(id, attr, message, visit, depth);
        }
        if let Some(span) = self.rest_of(id)
            && let Some(place) = self.arena.in_message(span)
        {
            visit.field(UNREAD, range(place), Value::Bytes(self.lent(span, message)));
        }
        for attr in &ty.instances {
            self.tell_attr(id, attr, message, visit, depth);
        }
    }

    fn tell_attr<'a>(&self, id: u32, attr: &'p Attr, message: &'a [u8], visit: &mut dyn Visit<'a>, depth: u32)
    where
        'p: 'a,
    {
        let slot = self.arena.slot(id, attr.slot);
        match (slot.state, slot.val) {
            (State::Done, Val::Arr(array)) => {
                for item in self.arena.array(array) {
                    let slot = if item.end == 0 {
                        Slot { buffer: slot.buffer, start: slot.start, end: slot.end, ..*item }
                    } else {
                        *item
                    };
                    self.tell_value(id, attr, slot, message, visit, depth);
                }
            }
            (State::Done, _) => self.tell_value(id, attr, slot, message, visit, depth),
            _ => {}
        }
    }

    fn tell_value<'a>(
        &self,
        owner: u32,
        attr: &'p Attr,
        slot: Slot,
        message: &'a [u8],
        visit: &mut dyn Visit<'a>,
        depth: u32,
    ) where
        'p: 'a,
    {
        let plan: &'p Plan = self.plan;
        let name = plan.name(attr.sym);
        let end = self.arena.object(owner).map_or(0, |object| object.end);
        let span = match attr.value {
            Some(_) => Span { buffer: Span::MESSAGE, start: end, end },
            None => Span { buffer: slot.buffer, start: slot.start, end: slot.end },
        };
        let message_end = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let (start, end) = self.arena.in_message(span).unwrap_or((0, 0));
        let place = range((start.min(message_end), end.min(message_end)));
        let value = match slot.val {
            Val::Null | Val::Io(_) | Val::Arr(_) => return,
            Val::Obj(inner) => {
                let refers = attr.value.is_some() || depth > 100;
                visit.begin(name, place, Value::Group);
                // A value that is another's structure would show it twice.
                if !refers && !self.holds(owner, inner) {
                    self.tell_object(inner, message, visit, depth + 1);
                }
                visit.end();
                return;
            }
            Val::Int(n) => match (u64::try_from(n), i64::try_from(n)) {
                (Ok(n), _) if attr.hex => Value::Hex(n),
                (Ok(n), _) if !is_signed(&attr.shape) || attr.value.is_some() => Value::Unsigned(n),
                (_, Ok(n)) => Value::Signed(n),
                (Ok(n), _) => Value::Unsigned(n),
                #[allow(clippy::cast_precision_loss)] // There is no wider whole number to show it as.
                _ => Value::Float(n as f64),
            },
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
        visit.field(name, place, value);
    }

    /// Whether a structure stands, with its owners, in another.
    fn holds(&self, inside: u32, outer: u32) -> bool {
        let (mut at, mut steps) = (inside, 0);
        while let Some(object) = self.arena.object(at) {
            if at == outer || steps > 200 {
                return true;
            }
            steps += 1;
            at = object.parent;
        }
        false
    }

    /// Bytes for whoever looks on when reading is over.
    fn lent<'a>(&self, span: Span, message: &'a [u8]) -> Cow<'a, [u8]> {
        match span.buffer {
            Span::MESSAGE => {
                Cow::Borrowed(message.get(span.start as usize..span.end as usize).unwrap_or_default())
            }
            _ => Cow::Owned(self.bytes(span).to_vec()),
        }
    }

    /// Tells everything that is wrong.
    pub(crate) fn tell_problems(&mut self, visit: &mut dyn Visit<'_>) {
        let length = u32::try_from(self.message.len()).unwrap_or(u32::MAX);
        for fault in &self.arena.faults {
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
        for piece in &ty.summary {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(node, style) => {
                    let val = self.eval(*node, &crate::run::Scope::of(id)).unwrap_or(Val::Null);
                    let written = match (style, val) {
                        (Style::Hex, Val::Int(n)) => format!("{n:#x}"),
                        (_, Val::Obj(inner)) if inner != id => self.nested_summary(inner),
                        (Style::Str, Val::Bytes(span)) => {
                            String::from_utf8_lossy(self.bytes(span)).into_owned()
                        }
                        (_, Val::Str(_)) => self.short_text(val),
                        (_, Val::Bytes(_)) => self.short(val),
                        _ => self.written(val),
                    };
                    text.push_str(&written);
                }
            }
            if text.len() > 300 {
                break;
            }
        }
        text.trim().to_owned()
    }

    fn nested_summary(&mut self, id: u32) -> String {
        // Structures that sum each other up end here.
        if self.arena.work > 1 << 40 || self.spend(100).is_err() { String::new() } else { self.summary(id) }
    }

    fn short_text(&self, val: Val) -> String {
        let Val::Str(span) = val else { return String::new() };
        let text: String =
            self.text(span).chars().map(|c| if c.is_control() { ' ' } else { c }).take(81).collect();
        match text.char_indices().nth(80) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        }
    }
}

fn is_signed(shape: &Shape) -> bool {
    matches!(shape, Shape::Int { signed: true, .. })
}

/// Whether reading a structure ends with such a problem.
fn is_fatal(code: Code) -> bool {
    matches!(
        code,
        Code::EndOfStream
            | Code::Conversion
            | Code::NoMatch
            | Code::LimitExceeded
            | Code::UndecidedEndianness
            | Code::UnknownEncoding
    )
}
