//! Evaluates expressions.

use crate::plan::ObjectId;
use framescope_parser::Code;

use crate::expr::Unary;
use crate::plan::{Cast, Method, Node, NodeId, Nodes, Sym, Val};
use crate::run::arena::{Slot, State, Stop};
use crate::run::{DEEPEST, Run, Scope};

impl<'p> Run<'p, '_> {
    /// The value of an expression.
    pub(crate) fn eval(&mut self, node: NodeId, scope: &Scope) -> Result<Val, Stop> {
        let plan = self.plan;
        let found = *plan.expressions.node(node);
        match found {
            Node::Const(val) => Ok(val),
            Node::Slot(slot) => self.value_of(scope.object, slot),
            Node::Named(sym) => self.member(Val::Obj(scope.object), sym),
            Node::Parent => Ok(self.parent(scope.object)),
            Node::Root => Ok(self.root(scope.object)),
            Node::Io => Ok(Val::Io(self.arena.object(scope.object).io)),
            Node::Element if scope.element == Val::Missing => Err(Stop::Missing),
            Node::Element => Ok(scope.element),
            Node::Index => Ok(scope.index.map_or(Val::Null, |index| Val::Int(index.into()))),
            Node::IsLe => Ok(self.arena.object(scope.object).le.map_or(Val::Null, Val::Bool)),
            Node::Variable(variable) => self.variable(variable),
            Node::Entry(table, key) => {
                let key = self.eval(key, scope)?;
                self.entry(table, key)
            }
            Node::List(items) => {
                let array = self.arena.new_array();
                for item in self.list(items) {
                    self.spend(1)?;
                    let val = self.eval(*item, scope)?;
                    let slot = Slot { val, state: State::Done, ..Slot::EMPTY };
                    self.arena.array_mut(array).push(slot);
                }
                Ok(Val::Arr(array))
            }
            Node::Format(parts) => {
                let mut text = String::new();
                for part in self.list(parts) {
                    let val = self.eval(*part, scope)?;
                    self.count_contents(val)?;
                    text.push_str(&self.written(val));
                }
                Ok(Val::Str(self.make(text.as_bytes())?))
            }
            Node::Member(of, sym) => {
                let of = self.eval(of, scope)?;
                self.member(of, sym)
            }
            Node::Call(of, method, arguments) => {
                let of = self.eval(of, scope)?;
                let mut values = [Val::Null; 2];
                let given = self.list(arguments);
                for (value, argument) in values.iter_mut().zip(given) {
                    *value = self.eval(*argument, scope)?;
                }
                self.call(of, method, values.get(..given.len().min(2)).unwrap_or_default())
            }
            Node::Item(of, index) => {
                let of = self.eval(of, scope)?;
                let index = self.eval(index, scope)?;
                self.item(of, index)
            }
            Node::Cast(of, cast) => {
                let of = self.eval(of, scope)?;
                match cast {
                    Cast::Same => Ok(of),
                    Cast::Bytes => match self.as_bytes(of) {
                        Some(span) => Ok(Val::Bytes(span)),
                        None => Err(self.wrong(
                            Code::Conversion,
                            format!("{} can't be converted to bytes", Self::what(of)),
                        )),
                    },
                }
            }
            Node::SizeOf(of, unit) => self.size_of(of, unit, scope),
            Node::Unary(operator, operand) => {
                let operand = self.eval(operand, scope)?;
                match (operator, operand) {
                    (Unary::Not, Val::Bool(b)) => Ok(Val::Bool(!b)),
                    (Unary::Minus, Val::Float(n)) => Ok(Val::Float(-n)),
                    (Unary::Minus | Unary::Invert, Val::Int(n)) => operator
                        .of_integer(n)
                        .map(Val::Int)
                        .ok_or_else(|| self.wrong(Code::Conversion, "the result is too large")),
                    (_, other) => Err(self.wrong(
                        Code::Conversion,
                        format!("this operator can't be applied to {}", Self::what(other)),
                    )),
                }
            }
            Node::Binary(operator, left, right) => self.binary(operator, left, right, scope),
            Node::Ternary(condition, then, otherwise) => {
                if self.truth(condition, scope)? {
                    self.eval(then, scope)
                } else {
                    self.eval(otherwise, scope)
                }
            }
        }
    }

    fn list(&self, nodes: Nodes) -> &'p [NodeId] {
        self.plan.expressions.list(nodes)
    }

    /// A value that must be a boolean.
    pub(crate) fn truth(&mut self, node: NodeId, scope: &Scope) -> Result<bool, Stop> {
        if let Some(known) = self.plain(node, scope).as_bool() {
            return Ok(known);
        }
        match self.eval(node, scope)? {
            Val::Bool(b) => Ok(b),
            other => {
                Err(self.wrong(Code::Conversion, format!("expected a boolean, not {}", Self::what(other))))
            }
        }
    }

    /// A value that must be a whole number.
    pub(crate) fn number(&mut self, node: NodeId, scope: &Scope) -> Result<i128, Stop> {
        if let Some(known) = self.plain(node, scope).as_number() {
            return Ok(known.into());
        }
        match self.eval(node, scope)? {
            Val::Int(n) | Val::Enum(_, n) => Ok(n),
            other => {
                Err(self
                    .wrong(Code::Conversion, format!("expected a whole number, not {}", Self::what(other))))
            }
        }
    }

    pub(super) fn parent(&self, object: ObjectId) -> Val {
        Run::structure(self.arena.object(object).parent)
    }

    pub(super) fn root(&self, object: ObjectId) -> Val {
        Run::structure(self.arena.object(object).root)
    }

    fn structure(id: ObjectId) -> Val {
        if id == ObjectId::NONE { Val::Null } else { Val::Obj(id) }
    }

    /// The value in a structure's slot; an instance is read now.
    pub(crate) fn value_of(&mut self, object: ObjectId, slot: u16) -> Result<Val, Stop> {
        let stored = self.arena.slot(object, slot);
        match stored.state {
            State::Done if stored.val == Val::Missing => return Err(Stop::Missing),
            State::Done | State::Absent => return Ok(stored.val),
            State::Busy => return Err(self.wrong(Code::LimitExceeded, "the instance uses its own value")),
            State::Empty => {}
        }
        let plan = self.plan;
        let ty = plan.type_of(self.arena.object(object).ty);
        let Some(attr) = ty.attr(slot).filter(|_| ty.is_instance(slot)) else {
            // What was not read of an incomplete message is after a gap.
            return if self.message.is_whole() { Ok(Val::Null) } else { Err(Stop::Missing) };
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            self.depth -= 1;
            return Err(self.wrong(Code::LimitExceeded, "instances use each other too deeply"));
        }
        let read = self.read_instance(object, attr);
        self.depth -= 1;
        if let Err(stop) = read {
            self.interrupted = None;
            self.arena.set_slot(object, slot, Slot::EMPTY);
            return Err(self.named(stop, attr));
        }
        Ok(self.arena.slot(object, slot).val)
    }

    /// A member or method of a value, by name.
    fn member(&mut self, of: Val, sym: Sym) -> Result<Val, Stop> {
        let plan = self.plan;
        let name = plan.name(sym);
        if let Val::Obj(id) = of {
            let object = self.arena.object(id);
            if let Some(slot) = plan.type_of(object.ty).slot(sym) {
                return self.value_of(id, slot);
            }
            return match name {
                "_io" => Ok(Val::Io(object.io)),
                "_parent" => Ok(self.parent(id)),
                "_root" => Ok(self.root(id)),
                "_is_le" => Ok(object.le.map_or(Val::Null, Val::Bool)),
                _ => {
                    let known = &plan.type_of(object.ty).name;
                    Err(self.wrong(Code::NoMatch, format!("a structure of the type {known} has no '{name}'")))
                }
            };
        }
        match Method::of(sym) {
            Some(method) => self.call(of, method, &[]),
            None => Err(self.wrong(Code::NoMatch, format!("{} has no '{name}'", Self::what(of)))),
        }
    }

    pub(super) fn item(&mut self, of: Val, index: Val) -> Result<Val, Stop> {
        let Val::Int(index) = index else {
            return Err(self.wrong(
                Code::Conversion,
                format!("an index must be a whole number, not {}", Self::what(index)),
            ));
        };
        let at = usize::try_from(index).ok();
        let found = match of {
            Val::Arr(array) => at.and_then(|at| self.arena.array(array).get(at)).map(|item| item.val),
            Val::Bytes(span) => at.and_then(|at| self.bytes(span).get(at)).map(|&byte| Val::Int(byte.into())),
            _ => return Err(self.wrong(Code::Conversion, format!("{} has no items", Self::what(of)))),
        };
        match found {
            Some(Val::Missing) => Err(Stop::Missing),
            Some(found) => Ok(found),
            None if !self.message.is_whole() => Err(Stop::Missing),
            None => Err(self.wrong(Code::NoMatch, format!("there is no item {index}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use framescope_parser::Code;
    use serde_json::json;

    use crate::format::Format;
    use crate::load::testing::described;

    #[test]
    fn operators_and_methods_have_their_values() {
        let format = Format::from_ksy(&described(
            "{id: n, type: s1}, {id: t, type: str, size: 3}, {id: b, size: 2}",
            "",
        ))
        .unwrap();
        let mut message = format.read(b"\xf9abc\x01\xff");
        for (text, expected) in [
            ("n", json!(-7)),
            ("n / 2", json!(-4)),
            ("n % 3", json!(2)),
            ("t.reverse + '!'", json!("cba!")),
            ("t.substring(1, 3).length", json!(2)),
            ("b.max", json!(255)),
            ("b[0] == 1 ? 'yes' : 'no'", json!("yes")),
            ("f\"{t}-{n}\"", json!("abc--7")),
            ("[1, 2, 300].size", json!(3)),
            ("0x7fffffffffffffff + 1", json!(9_223_372_036_854_775_808_u64)),
            ("_io.size", json!(6)),
        ] {
            assert_eq!(message.eval(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_a_fault_with_a_code() {
        let format =
            Format::from_ksy(&described("{id: n, type: u1}, {id: t, type: str, size: 1}", "")).unwrap();
        let mut message = format.read(b"\0x");
        for (text, code) in [
            ("1 / n", Code::Conversion),
            ("t.to_i", Code::Conversion),
            ("[1, 2][n + 2]", Code::NoMatch),
            ("t.first", Code::NoMatch),
            ("n and true", Code::Conversion),
        ] {
            assert_eq!(message.eval(text).unwrap_err().code, code, "{text}");
        }
    }
}
