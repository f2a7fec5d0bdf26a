//! The fields that a program reports: recorded while it runs, and reported when it has finished.

use framescope_parser::{Value, Visit};

use crate::display::{self, short_bytes, short_text, whole_number};
use crate::plan::{Attr, Node, NodeId, Plan, Style, TypeId, Val, kind_of, range};
use crate::program::Kind;

/// The most fields recorded of a message; with more, it is left to the interpreter.
const MOST_EVENTS: usize = 24;
/// How deeply they are nested.
const DEEPEST: usize = 8;

/// A field that is reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportedField {
    /// The structure that it belongs to, and its index there.
    pub(super) ty: TypeId,
    pub(super) field: u16,
    pub(super) says: Content,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Number(u8, Kind),
    Text,
    Bytes,
    /// A structure of this type.
    Group(TypeId),
}

/// Records where the reported fields are.
pub(super) trait Recorder {
    fn begin(&mut self, field: u8, at: usize) -> Option<()>;
    /// The text of the innermost open field has this length.
    fn says(&mut self, length: usize);
    fn end(&mut self, fields: &[ReportedField], at: usize, number: &dyn Fn(u8) -> Option<i64>) -> Option<()>;
}

/// Records nothing.
pub(super) struct NoRecorder;

impl Recorder for NoRecorder {
    #[inline]
    fn begin(&mut self, _: u8, _: usize) -> Option<()> {
        None
    }

    #[inline]
    fn says(&mut self, _: usize) {}

    #[inline]
    fn end(&mut self, _: &[ReportedField], _: usize, _: &dyn Fn(u8) -> Option<i64>) -> Option<()> {
        None
    }
}

/// A field of a message, or the end of a group.
#[derive(Clone, Copy, Default)]
struct Event {
    /// Its index among the fields of the program; none for the end of a group.
    field: Option<u8>,
    start: u32,
    end: u32,
    /// Its number, or the length of its text; negative if all of its bytes are text.
    value: i64,
}

/// The recorded fields of a message, in order.
#[derive(Default)]
pub(super) struct Events {
    all: [Event; MOST_EVENTS],
    count: usize,
    open: [usize; DEEPEST],
    depth: usize,
}

impl Events {
    fn push(&mut self, event: Event) -> Option<usize> {
        *self.all.get_mut(self.count)? = event;
        self.count += 1;
        Some(self.count - 1)
    }
}

/// What was recorded of a message, with what is needed to report it.
pub(super) struct Recording<'e, 'a> {
    pub(super) events: &'e Events,
    pub(super) fields: &'a [ReportedField],
    pub(super) plan: &'a Plan,
    pub(super) bytes: &'a [u8],
}

impl<'a> Recording<'_, 'a> {
    fn all(&self) -> &[Event] {
        self.events.all.get(..self.events.count).unwrap_or_default()
    }

    /// The field that an event is of.
    fn field(&self, event: &Event) -> Option<(&'a ReportedField, &'a Attr)> {
        let reported = self.fields.get(usize::from(event.field?))?;
        Some((reported, self.plan.type_of(reported.ty).seq.get(usize::from(reported.field))?))
    }

    /// The bytes of a text or of bytes.
    fn content(&self, event: &Event) -> &'a [u8] {
        let own = self.bytes.get(range((event.start, event.end))).unwrap_or_default();
        let length = usize::try_from(event.value).unwrap_or(own.len());
        own.get(..length).unwrap_or_default()
    }

    /// Reports everything that was recorded.
    pub(super) fn report(&self, visit: &mut dyn Visit<'a>) {
        for event in self.all() {
            let Some((reported, attr)) = self.field(event) else {
                visit.end();
                continue;
            };
            let (name, place, n) = (self.plan.name(attr.sym), range((event.start, event.end)), event.value);
            let value = match reported.says {
                Content::Group(_) => {
                    visit.begin(name, place, Value::Group);
                    continue;
                }
                Content::Text => Value::utf8(self.content(event)),
                Content::Bytes => Value::Bytes(self.content(event).into()),
                Content::Number(_, Kind::Int) => whole_number(attr, n.into()),
                Content::Number(_, Kind::Bool) => Value::Bool(n != 0),
                Content::Number(_, Kind::Enum(of)) => match kind_of(self.plan, Val::Enum(of, n.into())) {
                    Some(kind) => Value::Enum(kind),
                    None => Value::Signed(n),
                },
            };
            visit.field(name, place, value);
        }
    }

    /// The summary of a structure whose fields begin at an event.
    pub(super) fn summary(&self, ty: TypeId, from: usize) -> String {
        display::summary(self.plan, ty, |node, style| self.summed_up(ty, from, node, style))
    }

    /// A field as it appears in a summary; empty if it is not present.
    fn summed_up(&self, ty: TypeId, from: usize, node: NodeId, style: &Style) -> String {
        let Node::Slot(slot) = self.plan.expressions.node(node) else {
            return String::new();
        };
        let mut depth = 0usize;
        for (at, event) in self.all().iter().enumerate().skip(from) {
            let Some((reported, attr)) = self.field(event) else {
                // The structure itself has ended.
                if depth == 0 {
                    break;
                }
                depth -= 1;
                continue;
            };
            if depth == 0 && reported.ty == ty && attr.slot == *slot {
                return self.written(at, event, reported.says, style);
            }
            depth += usize::from(matches!(reported.says, Content::Group(_)));
        }
        String::new()
    }

    fn written(&self, at: usize, event: &Event, says: Content, style: &Style) -> String {
        let n = event.value;
        match (says, style) {
            (Content::Group(inner), _) => self.summary(inner, at + 1),
            (Content::Text, _) => {
                std::str::from_utf8(self.content(event)).map(short_text).unwrap_or_default()
            }
            (Content::Bytes, Style::Str) => String::from_utf8_lossy(self.content(event)).into_owned(),
            (Content::Bytes, _) => short_bytes(self.content(event)),
            (Content::Number(_, Kind::Int), Style::Hex) => format!("{:#x}", i128::from(n)),
            (Content::Number(_, Kind::Int), _) => n.to_string(),
            (Content::Number(_, Kind::Bool), _) => (n != 0).to_string(),
            (Content::Number(_, Kind::Enum(of)), _) => {
                let member = self.plan.member(of, n.into());
                member.map_or_else(|| n.to_string(), |member| member.shown.clone())
            }
        }
    }
}

impl Recorder for Events {
    fn begin(&mut self, field: u8, at: usize) -> Option<()> {
        let at = u32::try_from(at).ok()?;
        let event = Event { field: Some(field), start: at, end: at, value: -1 };
        let number = self.push(event)?;
        *self.open.get_mut(self.depth)? = number;
        self.depth += 1;
        Some(())
    }

    fn says(&mut self, length: usize) {
        let last = self.depth.checked_sub(1).and_then(|depth| self.open.get(depth));
        if let Some(event) = last.and_then(|&last| self.all.get_mut(last)) {
            event.value = i64::try_from(length).unwrap_or(-1);
        }
    }

    fn end(&mut self, fields: &[ReportedField], at: usize, number: &dyn Fn(u8) -> Option<i64>) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        let event = self.all.get_mut(*self.open.get(self.depth)?)?;
        event.end = u32::try_from(at).ok()?;
        match fields.get(usize::from(event.field?))?.says {
            Content::Number(register, _) => event.value = number(register)?,
            Content::Group(_) => {
                self.push(Event::default())?;
            }
            Content::Text | Content::Bytes => {}
        }
        Some(())
    }
}
