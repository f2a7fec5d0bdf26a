//! Fields that a program tells: noted while it runs, and told when it has come to its end.

use framescope_parser::{Value, Visit};

use super::Kind;
use crate::described::{kind_of, range};
use crate::dissect::whole_number;
use crate::plan::{Plan, TypeId, Val};

/// Fields that are noted of one message; one that tells more is read thoroughly.
const MOST_EVENTS: usize = 16;
/// How deeply they stand in each other.
const DEEPEST: usize = 8;

/// A field that is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The structure that it is a field of, and which.
    pub(super) ty: TypeId,
    pub(super) field: u16,
    pub(super) says: Says,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    Number(u8, Kind),
    Text,
    Bytes,
    Group,
}

/// Is told where the fields are that are to be told.
pub(super) trait Notes {
    fn begin(&mut self, told: u8, at: usize) -> Option<()>;
    /// Of the field that began last so many bytes are its text.
    fn says(&mut self, length: usize);
    fn end(&mut self, told: &[Told], at: usize, number: &dyn Fn(u8) -> Option<i64>) -> Option<()>;
}

/// Notes nothing.
pub(super) struct Nothing;

impl Notes for Nothing {
    #[inline]
    fn begin(&mut self, _: u8, _: usize) -> Option<()> {
        None
    }

    #[inline]
    fn says(&mut self, _: usize) {}

    #[inline]
    fn end(&mut self, _: &[Told], _: usize, _: &dyn Fn(u8) -> Option<i64>) -> Option<()> {
        None
    }
}

/// A field of a message, or the end of a group.
#[derive(Clone, Copy, Default)]
struct Event {
    /// Its place among those of the program; none for the end of a group.
    told: Option<u8>,
    start: u32,
    end: u32,
    /// The number that it is, or how many of its bytes are its text; less than none if all are.
    value: i64,
}

/// The fields of a message, in their order.
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

    /// Tells all that was noted.
    pub(super) fn tell<'a>(
        &self,
        told: &'a [Told],
        plan: &'a Plan,
        bytes: &'a [u8],
        visit: &mut dyn Visit<'a>,
    ) -> Option<()> {
        for event in self.all.get(..self.count)? {
            let Some(number) = event.told else {
                visit.end();
                continue;
            };
            let told = told.get(usize::from(number))?;
            let attr = plan.type_of(told.ty)?.seq.get(usize::from(told.field))?;
            let (name, place) = (plan.name(attr.sym), range((event.start, event.end)));
            let content = || {
                let own = bytes.get(place.clone()).unwrap_or_default();
                let length = usize::try_from(event.value).unwrap_or(own.len());
                own.get(..length).unwrap_or_default()
            };
            let n = event.value;
            let value = match told.says {
                Says::Group => {
                    visit.begin(name, place, Value::Group);
                    continue;
                }
                Says::Text => Value::utf8(content()),
                Says::Bytes => Value::Bytes(content().into()),
                Says::Number(_, Kind::Int) => whole_number(attr, n.into()),
                Says::Number(_, Kind::Bool) => Value::Bool(n != 0),
                Says::Number(_, Kind::Enum(of)) => match kind_of(plan, Val::Enum(of, n.into())) {
                    Some(kind) => Value::Enum(kind),
                    None => Value::Signed(n),
                },
            };
            visit.field(name, place, value);
        }
        Some(())
    }
}

impl Notes for Events {
    fn begin(&mut self, told: u8, at: usize) -> Option<()> {
        let at = u32::try_from(at).ok()?;
        let event = Event { told: Some(told), start: at, end: at, value: -1 };
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

    fn end(&mut self, told: &[Told], at: usize, number: &dyn Fn(u8) -> Option<i64>) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        let event = self.all.get_mut(*self.open.get(self.depth)?)?;
        event.end = u32::try_from(at).ok()?;
        match told.get(usize::from(event.told?))?.says {
            Says::Number(register, _) => event.value = number(register)?,
            Says::Group => {
                self.push(Event::default())?;
            }
            Says::Text | Says::Bytes => {}
        }
        Some(())
    }
}
