//! The sizes of fields and structures that differ between messages.

use framescope_parser::Code;

use crate::plan::{Cast, Node, NodeId, ObjectId, Sym, Unit, Val};
use crate::run::arena::{Slot, State, Stop};
use crate::run::{Run, Scope};

impl Run<'_, '_> {
    /// The size of what an expression names, or of the current structure.
    pub(super) fn size_of(&mut self, of: Option<NodeId>, unit: Unit, scope: &Scope) -> Result<Val, Stop> {
        let bytes = match of {
            None => self.object_size(scope.object)?,
            Some(of) => self.extent_of(of, scope)?,
        };
        Ok(Val::Int(unit.of_bits(u64::from(bytes) * 8).into()))
    }

    fn extent_of(&mut self, node: NodeId, scope: &Scope) -> Result<u32, Stop> {
        match *self.plan.expressions.node(node) {
            Node::Slot(slot) => self.slot_size(scope.object, slot),
            Node::Named(sym) => self.member_size(scope.object, sym),
            Node::Member(of, sym) => match self.eval(of, scope)? {
                Val::Obj(id) => self.member_size(id, sym),
                _ => self.eval(node, scope).and_then(|val| self.value_size(val)),
            },
            Node::Item(of, index) => {
                let (list, index) = (self.eval(of, scope)?, self.eval(index, scope)?);
                let (Val::Arr(array), Val::Int(at)) = (list, index) else {
                    return self.item(list, index).and_then(|val| self.value_size(val));
                };
                let item = usize::try_from(at).ok().and_then(|at| self.arena.array(array).get(at));
                match item {
                    Some(item) if item.end > 0 => Ok(length(item)),
                    _ => self.item(list, index).and_then(|val| self.value_size(val)),
                }
            }
            Node::Cast(of, Cast::Same) => self.extent_of(of, scope),
            _ => self.eval(node, scope).and_then(|val| self.value_size(val)),
        }
    }

    fn member_size(&mut self, id: ObjectId, sym: Sym) -> Result<u32, Stop> {
        match self.plan.type_of(self.arena.object(id).ty).slot(sym) {
            Some(slot) => self.slot_size(id, slot),
            None => {
                let val = match self.plan.name(sym) {
                    "_parent" => self.parent(id),
                    "_root" => self.root(id),
                    _ => Val::Null,
                };
                self.value_size(val)
            }
        }
    }

    fn slot_size(&mut self, id: ObjectId, slot: u16) -> Result<u32, Stop> {
        let ty = self.plan.type_of(self.arena.object(id).ty);
        let attr = ty.attr(slot);
        if self.arena.slot(id, slot).state == State::Empty && ty.is_instance(slot) {
            self.value_of(id, slot)?;
        }
        let stored = *self.arena.slot(id, slot);
        match stored.state {
            // What is computed, or given as an argument, was read elsewhere.
            _ if attr.is_none_or(|attr| attr.value.is_some()) => self.value_size(stored.val),
            State::Done => Ok(length(&stored)),
            State::Absent => Ok(0),
            State::Empty | State::Busy => Err(self.unfinished()),
        }
    }

    fn value_size(&self, val: Val) -> Result<u32, Stop> {
        match val {
            Val::Obj(id) => self.object_size(id),
            Val::Bytes(span) => Ok(span.len()),
            other => Err(self.wrong(
                Code::NoMatch,
                format!("{} has no size of its own: only what is read from bytes has", Self::what(other)),
            )),
        }
    }

    fn object_size(&self, id: ObjectId) -> Result<u32, Stop> {
        let object = self.arena.object(id);
        match object.whole || self.writes && object.end > object.start {
            true => Ok(object.end.saturating_sub(object.start)),
            false => Err(self.unfinished()),
        }
    }

    /// The stop where a size is asked of what is not read to its end.
    fn unfinished(&self) -> Stop {
        match self.message.is_whole() {
            true => self.wrong(Code::NoMatch, "its size is known only when it has been read to its end"),
            false => Stop::Missing,
        }
    }
}

fn length(slot: &Slot) -> u32 {
    slot.end.saturating_sub(slot.start)
}
