//! Reports what was read of a message to a visitor: its fields, and what is wrong with it.

use crate::plan::ObjectId;
use std::borrow::Cow;

use framescope_parser::{Captured, Value, Visit};

use crate::display::whole_number;
use crate::plan::{Attr, PADDING, Plan, RAW, Shape, Span, UNREAD, Val, kind_of, range};
use crate::run::arena::{Slot, State};
use crate::run::extent::{find, tail, zeros};
use crate::run::process::processed_again;
use crate::run::{Run, Scope};

impl<'p> Run<'p, '_> {
    /// Reports every field.
    pub(crate) fn report_fields<'a>(&mut self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>)
    where
        'p: 'a,
    {
        self.arena.sort_paddings();
        let plan = self.plan;
        let Some(item) = plan.item else { return self.report_object(ObjectId::ROOT, message, visit, 0) };
        match self.item_value() {
            Some(Val::Obj(id)) if item.own_type.is_some() => self.report_object(id, message, visit, 0),
            _ => {
                let list = plan.root().seq.last();
                list.into_iter().for_each(|list| self.report_attr(ObjectId::ROOT, list, message, visit, 0));
            }
        }
    }

    fn report_object<'a>(
        &mut self,
        id: ObjectId,
        message: Captured<'a, '_>,
        visit: &mut dyn Visit<'a>,
        depth: u32,
    ) where
        'p: 'a,
    {
        let plan: &'p Plan = self.plan;
        let object = self.arena.object(id);
        let ty = plan.type_of(object.ty);
        self.arena.count_lookups(ty.slot_count() as u64);
        for attr in &ty.seq {
            self.report_attr(id, attr, message, visit, depth);
        }
        if let Some(span) = self.rest_of(id)
            && let Some(place) = self.arena.in_message(span)
        {
            match self.lacks(span) {
                true => message.report_missing(UNREAD, range(place), visit),
                false => visit.field(UNREAD, range(place), Value::Bytes(self.lent(span, message))),
            }
        }
        for attr in &ty.instances {
            self.report_attr(id, attr, message, visit, depth);
        }
    }

    fn report_attr<'a>(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        message: Captured<'a, '_>,
        visit: &mut dyn Visit<'a>,
        depth: u32,
    ) where
        'p: 'a,
    {
        let slot = *self.arena.slot(id, attr.slot);
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
                    self.report_value(&scope, attr, slot, message, visit, depth);
                    index += 1;
                }
            }
            (State::Done, _) => self.report_value(&Scope::of(id), attr, slot, message, visit, depth),
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

    fn report_value<'a>(
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
        self.arena.count_lookups(1);
        let end = self.arena.object(owner).end;
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
            Val::Missing => return message.report_missing(name, place, visit),
            Val::Null if attr.value.is_none() && self.lacks(span) => {
                return message.report_missing(name, place, visit);
            }
            // What could not be dissected is bytes.
            Val::Null if attr.limit.is_bounded() && attr.value.is_none() => {
                Value::Bytes(self.lent(span, message))
            }
            Val::Null | Val::Io(_) | Val::Arr(_) => return,
            Val::Obj(inner) => {
                let refers = attr.value.is_some() || depth > 100;
                visit.begin(name, place.clone(), Value::Group);
                // A structure that belongs to another field would be shown twice.
                if !refers && !self.holds(owner, inner) {
                    self.report_object(inner, message, visit, depth + 1);
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
                None => Value::Wide(n.into()),
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

    /// The bytes of a field, if they differ from those that would be written for its value.
    fn raw(&mut self, scope: &Scope, attr: &'p Attr, slot: Slot) -> Option<Span> {
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if self.lacks(span) {
            return None;
        }
        // What was compressed before can't be compressed again.
        if attr.continues {
            return Some(span);
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
                // The text and the zero after it.
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
                let object = self.arena.object(id);
                let io = self.arena.io(object.io);
                self.bytes(Span { buffer: io.buffer, start: io.base, end: io.end }).to_vec()
            }
            Val::Null => match is_plain {
                true => return None,
                false => self.bytes(span).to_vec(),
            },
            _ => {
                // A number, which may be shorter than its field.
                let content = self.width_of(attr, scope)?;
                let own = self.bytes(span);
                own.get(..content.min(own.len()))?.to_vec()
            }
        };
        self.arena.count_lookups(u64::from(span.len()) / 8);
        let own = self.bytes(span).to_vec();
        let mut written = match attr.process {
            None => content,
            Some(process) => {
                let io = self.io_of(scope.object);
                let before = self.io(io);
                self.ends_at(scope.object, slot.end);
                let written = processed_again(self, process, &content, scope);
                *self.arena.io_mut(io) = before;
                match written {
                    Ok(written) => written,
                    Err(_) => return Some(span),
                }
            }
        };
        let tail = tail(attr, written.len(), Some(own.len()));
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

    /// Whether a structure is enclosed by another.
    fn holds(&self, inside: ObjectId, outer: ObjectId) -> bool {
        let (mut at, mut steps) = (inside, 0);
        while at != ObjectId::NONE {
            if at == outer || steps > 200 {
                return true;
            }
            self.arena.count_lookups(1);
            steps += 1;
            at = self.arena.object(at).holder;
        }
        false
    }

    /// Bytes that may outlive the reading.
    fn lent<'a>(&self, span: Span, message: Captured<'a, '_>) -> Cow<'a, [u8]> {
        match span.buffer {
            Span::MESSAGE => {
                Cow::Borrowed(message.get(span.start as usize..span.end as usize).unwrap_or_default())
            }
            _ => {
                self.arena.count_lookups(u64::from(span.len()) / 8);
                Cow::Owned(self.bytes(span).to_vec())
            }
        }
    }

    /// Reports all faults.
    pub(crate) fn report_problems(&mut self, visit: &mut dyn Visit<'_>) {
        let length = u32::try_from(self.message.length()).unwrap_or(u32::MAX);
        for fault in &self.arena.faults {
            self.arena.count_lookups(1);
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
}
