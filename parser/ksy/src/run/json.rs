//! Values as JSON.

use serde_json::{Map, Value as Json, json};

use crate::plan::Val;
use crate::run::Run;
use crate::run::arena::State;

/// The most values in one result.
const MOST_VALUES: usize = 100_000;

impl Run<'_, '_> {
    /// A value, with everything in it.
    pub(crate) fn json(&self, val: Val) -> Json {
        self.json_in(val, 0, &mut 0)
    }

    fn json_in(&self, val: Val, depth: u32, count: &mut usize) -> Json {
        *count += 1;
        if *count > MOST_VALUES || depth > 100 {
            return Json::Null;
        }
        match val {
            Val::Null | Val::Missing => Json::Null,
            Val::Int(n) => number(n),
            Val::Float(n) => json!(n),
            Val::Bool(b) => json!(b),
            Val::Str(span) => json!(self.text(span)),
            Val::Bytes(span) => {
                let hex: String = self.bytes(span).iter().map(|byte| format!("{byte:02x}")).collect();
                json!({ "bytes": hex })
            }
            // A number without a name stays a number.
            Val::Enum(of, n) => match self.plan.member(of, n) {
                Some(member) => json!({ "enum": member.id, "value": number(n) }),
                None => number(n),
            },
            Val::Arr(array) => {
                self.arena.array(array).iter().map(|item| self.json_in(item.val, depth + 1, count)).collect()
            }
            Val::Obj(id) => {
                let mut map = Map::new();
                let object = self.arena.object(id);
                let ty = self.plan.type_of(object.ty);
                // Parameters belong to the parent, and would repeat it.
                for attr in ty.seq.iter().chain(&ty.instances) {
                    let slot = self.arena.slot(id, attr.slot);
                    if slot.state == State::Done {
                        map.insert(
                            self.plan.name(attr.sym).to_owned(),
                            self.json_in(slot.val, depth + 1, count),
                        );
                    }
                }
                Json::Object(map)
            }
            Val::Io(io) => {
                let io = self.arena.io(io);
                json!({ "size": io.end - io.base, "pos": io.pos - io.base })
            }
        }
    }
}

pub(super) fn number(n: i128) -> Json {
    match (u64::try_from(n), i64::try_from(n)) {
        (Ok(n), _) => json!(n),
        (_, Ok(n)) => json!(n),
        #[allow(clippy::cast_precision_loss)] // JSON readers support no larger whole numbers.
        _ => json!(n as f64),
    }
}
