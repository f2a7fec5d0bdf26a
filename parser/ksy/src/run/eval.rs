//! Evaluates expressions.

use framescope_parser::Code;

use super::arena::{NONE, Slot, State, Stop};
use super::{DEEPEST, Run, Scope};
use crate::expr::{Binary, Unary};
use crate::plan::{Cast, Method, Node, NodeId, Nodes, Sym, Val};
use crate::strings::Charset;

impl<'p> Run<'p, '_> {
    /// The value of an expression.
    pub(crate) fn eval(&mut self, node: NodeId, scope: &Scope) -> Result<Val, Stop> {
        let plan = self.plan;
        let Some(&found) = plan.expressions.nodes.get(node as usize) else { return Ok(Val::Null) };
        match found {
            Node::Const(val) => Ok(val),
            Node::Slot(slot) => self.value_of(scope.object, slot),
            Node::Named(sym) => self.member(Val::Obj(scope.object), sym),
            Node::Parent => Ok(self.parent(scope.object)),
            Node::Root => {
                Ok(self.arena.object(scope.object).map_or(Val::Null, |object| Val::Obj(object.root)))
            }
            Node::Io => Ok(self.arena.object(scope.object).map_or(Val::Null, |object| Val::Io(object.io))),
            Node::Element if scope.element == Val::Missing => Err(Stop::Missing),
            Node::Element => Ok(scope.element),
            Node::Index => Ok(scope.index.map_or(Val::Null, |index| Val::Int(index.into()))),
            Node::IsLe => {
                Ok(self.arena.object(scope.object).and_then(|object| object.le).map_or(Val::Null, Val::Bool))
            }
            Node::List(items) => {
                let array = self.arena.new_array();
                for item in self.list(items) {
                    self.spend(1)?;
                    let val = self.eval(*item, scope)?;
                    let slot = Slot { val, state: State::Done, ..Slot::EMPTY };
                    if let Some(items) = self.arena.array_mut(array) {
                        items.push(slot);
                    }
                }
                Ok(Val::Arr(array))
            }
            Node::Format(parts) => {
                let mut text = String::new();
                for part in self.list(parts) {
                    let val = self.eval(*part, scope)?;
                    self.look_through(val)?;
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
                        None => Err(self
                            .wrong(Code::Conversion, format!("{} can't be taken as bytes", Self::what(of)))),
                    },
                }
            }
            Node::Unary(operator, operand) => {
                let operand = self.eval(operand, scope)?;
                match (operator, operand) {
                    (Unary::Not, Val::Bool(b)) => Ok(Val::Bool(!b)),
                    (Unary::Minus, Val::Int(n)) => Ok(Val::Int(n.wrapping_neg())),
                    (Unary::Minus, Val::Float(n)) => Ok(Val::Float(-n)),
                    (Unary::Invert, Val::Int(n)) => Ok(Val::Int(!n)),
                    (_, other) => Err(self.wrong(
                        Code::Conversion,
                        format!("this operator does not take {}", Self::what(other)),
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
        let from = nodes.from as usize;
        self.plan.expressions.lists.get(from..from + nodes.length as usize).unwrap_or_default()
    }

    /// A value that must be a boolean.
    pub(crate) fn truth(&mut self, node: NodeId, scope: &Scope) -> Result<bool, Stop> {
        if let Some(known) = self.quick(node, scope).as_bool() {
            return Ok(known);
        }
        match self.eval(node, scope)? {
            Val::Bool(b) => Ok(b),
            other => Err(self
                .wrong(Code::Conversion, format!("a boolean is wanted, and there is {}", Self::what(other)))),
        }
    }

    /// A value that must be a whole number.
    pub(crate) fn number(&mut self, node: NodeId, scope: &Scope) -> Result<i128, Stop> {
        if let Some(known) = self.quick(node, scope).as_number() {
            return Ok(known.into());
        }
        match self.eval(node, scope)? {
            Val::Int(n) | Val::Enum(_, n) => Ok(n),
            other => Err(self.wrong(
                Code::Conversion,
                format!("a whole number is wanted, and there is {}", Self::what(other)),
            )),
        }
    }

    fn parent(&self, object: u32) -> Val {
        match self.arena.object(object) {
            Some(object) if object.parent != NONE => Val::Obj(object.parent),
            _ => Val::Null,
        }
    }

    /// The value of a structure's slot; an instance's is found out now.
    pub(crate) fn value_of(&mut self, object: u32, slot: u16) -> Result<Val, Stop> {
        let stored = self.arena.slot(object, slot);
        match stored.state {
            State::Done if stored.val == Val::Missing => return Err(Stop::Missing),
            State::Done | State::Absent => return Ok(stored.val),
            State::Busy => return Err(self.wrong(Code::LimitExceeded, "this instance needs its own value")),
            State::Empty => {}
        }
        let plan = self.plan;
        let Some(ty) = self.arena.object(object).and_then(|object| plan.type_of(object.ty)) else {
            return Ok(Val::Null);
        };
        let Some(attr) = ty.attr(slot).filter(|_| ty.is_instance(slot)) else {
            // What was not read of an incomplete message stood behind a gap.
            return if self.message.is_whole() { Ok(Val::Null) } else { Err(Stop::Missing) };
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            self.depth -= 1;
            return Err(self.wrong(Code::LimitExceeded, "instances need each other too deeply"));
        }
        let read = self.read_instance(object, attr);
        self.depth -= 1;
        if let Err(stop) = read {
            self.begun = None;
            self.arena.set_slot(object, slot, Slot::EMPTY);
            return Err(self.named(stop, attr));
        }
        Ok(self.arena.slot(object, slot).val)
    }

    /// A member by its name, of whatever the value is.
    fn member(&mut self, of: Val, sym: Sym) -> Result<Val, Stop> {
        let plan = self.plan;
        let name = plan.name(sym);
        if let Val::Obj(id) = of {
            let Some(object) = self.arena.object(id) else { return Ok(Val::Null) };
            if let Some(slot) = plan.type_of(object.ty).and_then(|ty| ty.slot(sym)) {
                return self.value_of(id, slot);
            }
            return match name {
                "_io" => Ok(Val::Io(object.io)),
                "_parent" => Ok(self.parent(id)),
                "_root" => Ok(Val::Obj(object.root)),
                "_is_le" => Ok(object.le.map_or(Val::Null, Val::Bool)),
                _ => {
                    let known = plan.type_of(object.ty).map_or("", |ty| &ty.name);
                    Err(self.wrong(
                        Code::NoMatch,
                        format!("'{name}' is asked of a structure of the type {known}, which has none"),
                    ))
                }
            };
        }
        match Method::of(sym) {
            Some(method) => self.call(of, method, &[]),
            None => Err(self.wrong(Code::NoMatch, format!("'{name}' is asked of {}", Self::what(of)))),
        }
    }

    fn item(&mut self, of: Val, index: Val) -> Result<Val, Stop> {
        let Val::Int(index) = index else {
            return Err(self
                .wrong(Code::Conversion, format!("an index is a whole number, not {}", Self::what(index))));
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

    fn binary(&mut self, operator: Binary, left: NodeId, right: NodeId, scope: &Scope) -> Result<Val, Stop> {
        match operator {
            Binary::Or => return Ok(Val::Bool(self.truth(left, scope)? || self.truth(right, scope)?)),
            Binary::And => return Ok(Val::Bool(self.truth(left, scope)? && self.truth(right, scope)?)),
            _ => {}
        }
        let left = self.eval(left, scope)?;
        let right = self.eval(right, scope)?;
        let ordering = |run: &mut Self| {
            run.compare(left, right)?.ok_or_else(|| {
                run.wrong(
                    Code::Conversion,
                    format!("{} and {} can't be compared", Self::what(left), Self::what(right)),
                )
            })
        };
        match operator {
            Binary::Equal => return Ok(Val::Bool(self.equal(left, right)?)),
            Binary::NotEqual => return Ok(Val::Bool(!self.equal(left, right)?)),
            Binary::Less => return Ok(Val::Bool(ordering(self)?.is_lt())),
            Binary::LessEqual => return Ok(Val::Bool(ordering(self)?.is_le())),
            Binary::Greater => return Ok(Val::Bool(ordering(self)?.is_gt())),
            Binary::GreaterEqual => return Ok(Val::Bool(ordering(self)?.is_ge())),
            _ => {}
        }
        match (left, right) {
            (Val::Int(a), Val::Int(b)) => self.integers(operator, a, b),
            (Val::Str(a), Val::Str(b)) if operator == Binary::Plus => Ok(Val::Str(self.join(a, b)?)),
            (Val::Int(_) | Val::Float(_), Val::Int(_) | Val::Float(_)) => {
                #[allow(clippy::cast_precision_loss)] // Joined with a float it is inexact by itself.
                let float = |val: Val| match val {
                    Val::Int(n) => n as f64,
                    Val::Float(n) => n,
                    _ => f64::NAN,
                };
                let (a, b) = (float(left), float(right));
                Ok(Val::Float(match operator {
                    Binary::Plus => a + b,
                    Binary::Minus => a - b,
                    Binary::Times => a * b,
                    Binary::Divide => a / b,
                    Binary::Modulo => a - b * (a / b).floor(),
                    _ => {
                        return Err(self
                            .wrong(Code::Conversion, format!("'{}' takes whole numbers", operator.sign())));
                    }
                }))
            }
            _ => {
                let (a, b) = (Self::what(left), Self::what(right));
                Err(self.wrong(Code::Conversion, format!("'{}' does not join {a} and {b}", operator.sign())))
            }
        }
    }

    fn integers(&mut self, operator: Binary, a: i128, b: i128) -> Result<Val, Stop> {
        let result = match operator {
            Binary::Plus => a.checked_add(b),
            Binary::Minus => a.checked_sub(b),
            Binary::Times => a.checked_mul(b),
            // Rounded down, as most of the language's targets do.
            Binary::Divide if b != 0 => a
                .checked_div(b)
                .map(|quotient| if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }),
            Binary::Modulo if b != 0 => {
                a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            Binary::Divide | Binary::Modulo => {
                return Err(self.wrong(Code::Conversion, "a number is divided by zero"));
            }
            Binary::BitOr => Some(a | b),
            Binary::BitXor => Some(a ^ b),
            Binary::BitAnd => Some(a & b),
            Binary::Left => u32::try_from(b).ok().filter(|&b| b < 64).and_then(|b| a.checked_mul(1 << b)),
            Binary::Right => u32::try_from(b).ok().map(|b| a >> b.min(127)),
            _ => None,
        };
        result
            .map(Val::Int)
            .ok_or_else(|| self.wrong(Code::Conversion, "the result is no number that fits here"))
    }

    /// A value as `to_s` and `f"…"` write it.
    pub(crate) fn written(&self, val: Val) -> String {
        match val {
            Val::Int(n) => n.to_string(),
            Val::Float(n) => n.to_string(),
            Val::Bool(b) => b.to_string(),
            Val::Str(span) => self.text(span).to_owned(),
            Val::Bytes(span) => self.bytes(span).iter().map(|byte| format!("{byte:02x}")).collect(),
            Val::Enum(of, n) => {
                let member = self.plan.enums.get(of as usize).and_then(|plan| plan.member(n));
                member.map_or_else(|| n.to_string(), |member| member.shown.clone())
            }
            Val::Null | Val::Missing => String::new(),
            Val::Arr(array) => {
                let written = |item: &Slot| match item.val {
                    // Lists may hold one another more often than anybody reads.
                    Val::Arr(_) => Self::what(item.val).to_owned(),
                    val => self.written(val),
                };
                let items: Vec<String> = self.arena.array(array).iter().take(16).map(written).collect();
                items.join(", ")
            }
            Val::Obj(_) | Val::Io(_) => Self::what(val).to_owned(),
        }
    }

    fn call(&mut self, of: Val, method: Method, arguments: &[Val]) -> Result<Val, Stop> {
        let integer = |n: usize| Val::Int(i128::try_from(n).unwrap_or(i128::MAX));
        let none = |run: &Self| run.wrong(Code::NoMatch, "the list has no items");
        let is_at_hand = matches!(
            (method, of),
            (Method::Size | Method::Length, Val::Arr(_) | Val::Bytes(_)) | (Method::First | Method::Last, _)
        );
        if !is_at_hand {
            self.look_through(of)?;
        }
        match (method, of) {
            (Method::ToS, Val::Bytes(span)) => {
                let name = match arguments {
                    [Val::Str(name)] => self.text(*name).to_owned(),
                    _ => "UTF-8".to_owned(),
                };
                let charset = Charset::named(&name);
                if charset == Charset::Unknown {
                    return Err(self.wrong(Code::UnknownEncoding, format!("no encoding is called '{name}'")));
                }
                Ok(self.decode(span, charset)?.0)
            }
            (Method::ToS, Val::Str(_)) => Ok(of),
            (Method::ToS, Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Enum(..)) => {
                let text = self.written(of);
                Ok(Val::Str(self.make(text.as_bytes())?))
            }
            (Method::ToI, Val::Int(n) | Val::Enum(_, n)) => Ok(Val::Int(n)),
            (Method::ToI, Val::Bool(b)) => Ok(Val::Int(b.into())),
            (Method::ToI, Val::Float(n)) => {
                #[allow(clippy::cast_possible_truncation)] // What is too large becomes the largest.
                let whole = n.trunc() as i128;
                if n.is_finite() {
                    Ok(Val::Int(whole))
                } else {
                    Err(self.wrong(Code::Conversion, "this number is not finite"))
                }
            }
            (Method::ToI, Val::Str(span)) => {
                let radix = match arguments {
                    [Val::Int(radix)] => u32::try_from(*radix).ok().filter(|radix| (2..=36).contains(radix)),
                    _ => Some(10),
                };
                let text = self.text(span);
                let number = radix.and_then(|radix| i128::from_str_radix(text, radix).ok());
                let shown: String = text.chars().take(20).collect();
                number.map(Val::Int).ok_or_else(|| {
                    self.fault(Code::Conversion, span, format!("the text {shown:?} is no number"))
                })
            }
            (Method::Length, Val::Str(span)) => Ok(integer(self.text(span).chars().count())),
            (Method::Length | Method::Size, Val::Bytes(span)) => Ok(integer(self.bytes(span).len())),
            (Method::Size | Method::Length, Val::Arr(array)) => Ok(integer(self.arena.array(array).len())),
            (Method::Reverse, Val::Str(span)) => {
                let reversed: String = self.text(span).chars().rev().collect();
                Ok(Val::Str(self.make(reversed.as_bytes())?))
            }
            (Method::Reverse, Val::Bytes(span)) => {
                let reversed: Vec<u8> = self.bytes(span).iter().rev().copied().collect();
                Ok(Val::Bytes(self.make(&reversed)?))
            }
            (Method::Substring, Val::Str(span)) => {
                let [Val::Int(from), Val::Int(to)] = arguments else {
                    return Err(self.wrong(Code::Conversion, "'substring' takes two whole numbers"));
                };
                let (Ok(from), Ok(to)) = (usize::try_from(*from), usize::try_from(*to)) else {
                    return Err(self.wrong(Code::NoMatch, format!("a text has no characters {from} to {to}")));
                };
                let part: String = self.text(span).chars().skip(from).take(to.saturating_sub(from)).collect();
                Ok(Val::Str(self.make(part.as_bytes())?))
            }
            (Method::First, Val::Arr(array)) => {
                self.arena.array(array).first().map(|item| item.val).ok_or_else(|| none(self))
            }
            (Method::Last, Val::Arr(array)) => {
                self.arena.array(array).last().map(|item| item.val).ok_or_else(|| none(self))
            }
            (Method::First, Val::Bytes(span)) => {
                self.bytes(span).first().map(|&b| Val::Int(b.into())).ok_or_else(|| none(self))
            }
            (Method::Last, Val::Bytes(span)) => {
                self.bytes(span).last().map(|&b| Val::Int(b.into())).ok_or_else(|| none(self))
            }
            (Method::Min | Method::Max, Val::Bytes(span)) => {
                let bytes = self.bytes(span).iter();
                let found = if method == Method::Min { bytes.min() } else { bytes.max() };
                found.map(|&byte| Val::Int(byte.into())).ok_or_else(|| none(self))
            }
            (Method::Min | Method::Max, Val::Arr(array)) => {
                let wanted = if method == Method::Min {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                };
                let item = |run: &Self, at: usize| run.arena.array(array).get(at).map(|item| item.val);
                let mut best = item(self, 0).ok_or_else(|| none(self))?;
                let mut at = 1;
                while let Some(other) = item(self, at) {
                    if self.compare(other, best)? == Some(wanted) {
                        best = other;
                    }
                    at += 1;
                }
                Ok(best)
            }
            (Method::Eof, Val::Io(io)) => {
                let io = self.arena.ios.get(io as usize).copied();
                Ok(Val::Bool(io.is_none_or(|io| io.pos >= io.end && io.bit == 0)))
            }
            (Method::Size, Val::Io(io)) => Ok(self
                .arena
                .ios
                .get(io as usize)
                .map_or(Val::Null, |io| Val::Int((io.end - io.base).into()))),
            (Method::Pos, Val::Io(io)) => {
                let io = self.arena.ios.get(io as usize).copied();
                Ok(io.map_or(Val::Null, |io| Val::Int((io.pos - io.base + u32::from(io.bit > 0)).into())))
            }
            _ => {
                let name =
                    Method::ALL.iter().find(|(_, known)| *known == method).map_or("", |(name, _)| name);
                Err(self.wrong(Code::NoMatch, format!("'{name}' is asked of {}", Self::what(of))))
            }
        }
    }
}
