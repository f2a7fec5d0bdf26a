//! Values as JSON.

use std::cell::Cell;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value as Json, json};

use crate::plan::{ObjectId, Val};
use crate::run::Run;
use crate::run::arena::State;

/// The most values in one result.
const MOST_VALUES: usize = 100_000;
/// How deeply they are nested.
const DEEPEST: u32 = 100;

impl<'p, 'm> Run<'p, 'm> {
    /// A value, with everything in it. A whole number beyond 64 bits is the nearest floating-point number, as this type has no other.
    pub(crate) fn json(&self, val: Val) -> Json {
        serde_json::to_value(self.shown(val, false, &Cell::new(0))).unwrap_or(Json::Null)
    }

    /// The same as text, with all digits of every number.
    pub(crate) fn json_text(&self, val: Val) -> String {
        serde_json::to_string(&self.shown(val, true, &Cell::new(0))).unwrap_or_else(|_| "null".to_owned())
    }

    fn shown<'r>(&'r self, val: Val, exact: bool, count: &'r Cell<usize>) -> Shown<'r, 'p, 'm> {
        Shown { run: self, val, depth: 0, exact, count }
    }
}

/// A value that is written.
#[derive(Clone, Copy)]
struct Shown<'r, 'p, 'm> {
    run: &'r Run<'p, 'm>,
    val: Val,
    depth: u32,
    /// Whether whole numbers may have more than 64 bits.
    exact: bool,
    /// How many values were written.
    count: &'r Cell<usize>,
}

impl Serialize for Shown<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MOST_VALUES || self.depth > DEEPEST {
            return to.serialize_none();
        }
        let run = self.run;
        let inner = |val: Val| Shown { val, depth: self.depth + 1, ..*self };
        match self.val {
            Val::Null | Val::Missing => to.serialize_none(),
            Val::Int(n) => self.number(n, to),
            Val::Float(n) => to.serialize_f64(n),
            Val::Bool(b) => to.serialize_bool(b),
            Val::Str(span) => to.serialize_str(run.text(span)),
            Val::Bytes(span) => {
                let hex: String = run.bytes(span).iter().map(|byte| format!("{byte:02x}")).collect();
                json!({ "bytes": hex }).serialize(to)
            }
            // A number without a name stays a number.
            Val::Enum(of, n) => match run.plan.member(of, n) {
                Some(member) => {
                    let mut map = to.serialize_map(Some(2))?;
                    map.serialize_entry("enum", &member.id)?;
                    map.serialize_entry("value", &inner(Val::Int(n)))?;
                    map.end()
                }
                None => self.number(n, to),
            },
            Val::Arr(array) => {
                let items = run.arena.array(array);
                let mut list = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&inner(item.val)))?;
                list.end()
            }
            Val::Obj(id) => self.fields(id, to),
            Val::Io(io) => {
                let io = run.arena.io(io);
                json!({ "size": io.end - io.base, "pos": io.pos - io.base }).serialize(to)
            }
        }
    }
}

impl Shown<'_, '_, '_> {
    fn number<S: Serializer>(&self, n: i128, to: S) -> Result<S::Ok, S::Error> {
        match (u64::try_from(n), i64::try_from(n)) {
            (Ok(n), _) => to.serialize_u64(n),
            (_, Ok(n)) => to.serialize_i64(n),
            _ if self.exact => to.serialize_i128(n),
            #[allow(clippy::cast_precision_loss)] // What it is written to has no wider whole numbers.
            _ => to.serialize_f64(n as f64),
        }
    }

    /// Fields by name. Parameters belong to the parent, and would repeat it.
    fn fields<S: Serializer>(&self, id: ObjectId, to: S) -> Result<S::Ok, S::Error> {
        let (arena, plan) = (&self.run.arena, self.run.plan);
        let ty = plan.type_of(arena.object(id).ty);
        let slots =
            ty.seq.iter().chain(&ty.instances).map(|attr| (plan.name(attr.sym), arena.slot(id, attr.slot)));
        let mut found: Vec<_> = slots.filter(|(_, slot)| slot.state == State::Done).collect();
        found.sort_unstable_by_key(|&(name, _)| name);
        let mut map = to.serialize_map(Some(found.len()))?;
        for (name, slot) in found {
            map.serialize_entry(name, &Shown { val: slot.val, depth: self.depth + 1, ..*self })?;
        }
        map.end()
    }
}
