//! The steps for one value: how its bytes are read, and what must hold for it.

use std::collections::HashMap;

use crate::expr::Binary;
use crate::plan::{Attr, Edge, Node, NodeId, Order, Parent, Plan, Shape, Size, TypeId, UserType, Val, Valid};
use crate::program::compile::{Compiler, Frame, Purpose};
use crate::program::report::{Content, ReportedField};
use crate::program::{Kind, Step, Term};
use crate::strings::Charset;

impl<'p> Compiler<'p> {
    pub(super) fn shape(
        &mut self,
        frame: usize,
        ty: TypeId,
        at: u16,
        attr: &'p Attr,
        shape: &'p Shape,
        depth: u32,
    ) -> Option<()> {
        let Purpose::Fields(choice) = self.purpose else {
            return self.shape_itself(frame, ty, at, attr, shape, depth);
        };
        let is_wanted = choice.is_of(&self.path, self.plan.name(attr.sym), ty, attr.slot);
        let holds = choice.is_in(self.plan, shape);
        if matches!(shape, Shape::Switch(..)) || !is_wanted && !holds {
            return self.shape_itself(frame, ty, at, attr, shape, depth);
        }
        let number = u8::try_from(self.fields.len()).ok()?;
        self.fields.push(ReportedField { ty, field: at, says: Content::Bytes });
        let in_byte = match shape {
            Shape::Bits { .. } => true,
            Shape::User(user) => !attr.limit.is_bounded() && begins_with_bits(self.plan, user),
            _ => false,
        };
        self.steps.push(if in_byte { Step::BeginInByte(number) } else { Step::Begin(number) });
        let is_plain = attr.limit.terminator.is_none() && attr.limit.pad_right.is_none();
        let is_open = matches!(attr.limit.size, Size::Open);
        let says = match shape {
            Shape::User(user) => {
                let simple = user.arguments.is_empty() && matches!(user.parent, Parent::Here);
                match attr.limit.size {
                    // Whatever it contains, the structure has this size.
                    Size::Of(size) if !holds && simple && is_plain => {
                        let (term, Kind::Int) = self.expression(size, frame, 0)? else { return None };
                        self.steps.push(Step::SkipBy(term));
                    }
                    Size::Eos if !holds && simple && is_plain => self.steps.push(Step::Rest),
                    _ => self.shape_itself(frame, ty, at, attr, shape, depth)?,
                }
                Content::Group(user.id)
            }
            Shape::Int { .. } | Shape::Bits { .. } => {
                self.shape_itself(frame, ty, at, attr, shape, depth)?;
                let &(register, kind) = self.frames.get(frame)?.fields.get(&attr.slot)?;
                Content::Number(register, kind)
            }
            Shape::Str(Charset::Utf8 | Charset::Ascii) => {
                self.shape_itself(frame, ty, at, attr, shape, depth)?;
                Content::Text
            }
            Shape::Contents(_) => {
                self.shape_itself(frame, ty, at, attr, shape, depth)?;
                Content::Bytes
            }
            Shape::Bytes if is_plain || is_open => {
                self.shape_itself(frame, ty, at, attr, shape, depth)?;
                Content::Bytes
            }
            _ => return None,
        };
        if let Some(reported) = self.fields.get_mut(usize::from(number)) {
            reported.says = says;
        }
        self.steps.push(Step::End);
        // A reported field ends here: later steps are not merged with its own.
        self.barrier = self.steps.len();
        Some(())
    }

    fn shape_itself(
        &mut self,
        frame: usize,
        ty: TypeId,
        at: u16,
        attr: &'p Attr,
        shape: &'p Shape,
        depth: u32,
    ) -> Option<()> {
        // Fields are reported whether or not they are valid.
        let is_selection = matches!(self.purpose, Purpose::Fields(_));
        let is_untested = is_selection || attr.valid.is_none();
        let is_unchecked = is_selection || attr.valid.is_none() && attr.check.is_none();
        let size = match attr.limit.size {
            Size::Of(size) => match self.expression(size, frame, 0)? {
                (term, Kind::Int) => Some(term),
                _ => return None,
            },
            Size::Open | Size::Eos => None,
        };
        let bounded = attr.limit.is_bounded();
        let (is_eos, is_plain) = (
            matches!(attr.limit.size, Size::Eos),
            attr.limit.terminator.is_none() && attr.limit.pad_right.is_none(),
        );
        match shape {
            Shape::Int { bytes, signed, order } if !bounded => {
                let le = match order {
                    Order::Le => true,
                    Order::Be => false,
                    Order::Structure => self.frames.get(frame)?.le?,
                };
                let own = match attr.check {
                    Some(_) if self.whole => {
                        let own = self.register()?;
                        self.steps.push(Step::Mark(own));
                        Some(own)
                    }
                    _ => None,
                };
                let to = self.register()?;
                self.steps.push(Step::Number { to, bytes: *bytes, signed: *signed, le });
                self.number(frame, attr, to, Kind::Int, own)
            }
            Shape::Bits { count, le } if !bounded => {
                let to = self.register()?;
                self.steps.push(Step::Bits { to, count: *count, le: *le });
                let kind = if *count == 1 { Kind::Bool } else { Kind::Int };
                self.number(frame, attr, to, kind, None)
            }
            Shape::Float { bytes, order } if !bounded && is_untested => {
                let is_known = *order != Order::Structure || self.frames.get(frame)?.le.is_some();
                is_known.then_some(())?;
                self.steps.push(Step::Skip((*bytes).into()));
                Some(())
            }
            Shape::Contents(span) if !bounded => {
                let constants = &self.plan.expressions.constants;
                let wanted = constants.get(span.start as usize..span.end as usize)?;
                self.steps.push(match self.whole {
                    true => Step::Same(wanted.into()),
                    false => Step::Skip(span.len()),
                });
                is_untested.then_some(())
            }
            Shape::Bytes if is_unchecked => {
                self.steps.push(match (size, is_eos) {
                    (Some(size), _) => Step::SkipBy(size),
                    (None, true) => Step::Rest,
                    (None, false) => Step::Terminated(ty, at, None),
                });
                Some(())
            }
            Shape::Str(charset) if is_untested => {
                self.steps.push(match (size, is_eos) {
                    (None, false) => {
                        let is_tested = self.whole || is_selection;
                        Step::Terminated(ty, at, is_tested.then_some(*charset))
                    }
                    _ => Step::Text(ty, at, size, *charset),
                });
                Some(())
            }
            Shape::User(user) if is_untested && (!bounded || is_plain) => {
                if bounded {
                    self.steps.push(Step::Enter(size));
                }
                self.user(frame, attr, user, depth)?;
                if bounded {
                    self.steps.push(Step::Leave);
                }
                Some(())
            }
            Shape::Switch(on, cases) if is_unchecked && is_plain => {
                self.choice(frame, ty, at, attr, (*on, cases), depth)
            }
            _ => None,
        }
    }

    /// Assigns a number that was read to its field, and tests what must hold for it.
    fn number(&mut self, frame: usize, attr: &Attr, to: u8, kind: Kind, own: Option<u8>) -> Option<()> {
        let kind = attr.enumeration.map_or(kind, Kind::Enum);
        self.frames.get_mut(frame)?.fields.insert(attr.slot, (to, kind));
        if !self.whole {
            return Some(());
        }
        if let Some(valid) = &attr.valid {
            self.element = Some((to, kind));
            let tested = self.test(frame, attr, valid, to, kind);
            self.element = None;
            tested?;
        }
        if let (Some(check), Some(own)) = (&attr.check, own) {
            let from = match check.from {
                Edge::Message => 0,
                Edge::Structure => self.frames.get(frame)?.begin,
                Edge::Field(_) => return None,
            };
            let algorithm = check.algorithm.clone();
            self.steps.push(Step::Check { number: to, algorithm, from, own });
        }
        Some(())
    }

    fn test(&mut self, frame: usize, attr: &Attr, valid: &Valid, to: u8, kind: Kind) -> Option<()> {
        let own = self.term(Term::Register(to))?;
        let compared = |maker: &mut Self, operator, node| {
            let (other, other_kind) = maker.expression(node, frame, 0)?;
            // Members of different enums differ, whatever their numbers.
            let same = !matches!((kind, other_kind), (Kind::Enum(a), Kind::Enum(b)) if a != b);
            same.then_some(())?;
            maker.term(Term::Binary(operator, own, other))
        };
        match valid {
            Valid::Equal(node) => {
                let term = compared(self, Binary::Equal, *node)?;
                self.steps.push(Step::Holds(term));
            }
            Valid::Range(low, high) => {
                for (operator, node) in [(Binary::GreaterEqual, low), (Binary::LessEqual, high)] {
                    if let Some(node) = node {
                        let term = compared(self, operator, *node)?;
                        self.steps.push(Step::Holds(term));
                    }
                }
            }
            Valid::AnyOf(nodes) => {
                let mut any = None;
                for node in nodes {
                    let term = compared(self, Binary::Equal, *node)?;
                    any = match any {
                        None => Some(term),
                        Some(any) => Some(self.term(Term::Binary(Binary::Or, any, term))?),
                    };
                }
                self.steps.push(Step::Holds(any?));
            }
            Valid::Expr(node) => match self.expression(*node, frame, 0)? {
                (term, Kind::Bool) => self.steps.push(Step::Holds(term)),
                _ => return None,
            },
            Valid::InEnum => {
                let of = self.plan.enum_of(attr.enumeration?);
                let members: Vec<i64> =
                    of.by_value.iter().filter_map(|(value, _)| i64::try_from(*value).ok()).collect();
                self.steps.push(Step::OneOf(to, members.into()));
            }
        }
        Some(())
    }

    fn user(&mut self, frame: usize, attr: &Attr, user: &'p UserType, depth: u32) -> Option<()> {
        let is_nested_elsewhere = user.foreign && self.plan.type_of(user.id).outer.is_some();
        if matches!(user.parent, Parent::Given(_)) || is_nested_elsewhere {
            return None;
        }
        let around = matches!(user.parent, Parent::Here).then_some(frame);
        let inner = self.frames.len();
        let begin = self.register()?;
        let root = if user.foreign { inner } else { self.frames.get(frame)?.root };
        let le = self.frames.get(frame)?.le.filter(|_| !user.foreign);
        self.frames.push(Frame {
            ty: user.id,
            around,
            root,
            le,
            fields: HashMap::new(),
            parts: HashMap::new(),
            arguments: user.arguments.clone(),
            caller: frame,
            begin,
        });
        self.frames.get_mut(frame)?.parts.insert(attr.slot, inner);
        self.path.push(self.plan.name(attr.sym));
        let made = self.structure(inner, depth + 1);
        self.path.pop();
        made
    }

    fn choice(
        &mut self,
        frame: usize,
        ty: TypeId,
        at: u16,
        attr: &'p Attr,
        (on, cases): (NodeId, &'p [(Option<NodeId>, Shape)]),
        depth: u32,
    ) -> Option<()> {
        let (term, kind) = self.expression(on, frame, 0)?;
        let chooses = self.steps.len();
        self.steps.push(Step::Stop);
        let (mut keys, mut otherwise, mut ends) = (Vec::new(), None, Vec::new());
        for (key, shape) in cases {
            let here = self.here();
            match key {
                None => otherwise = Some(here),
                Some(key) => {
                    let constant = match self.plan.expressions.node(*key) {
                        Node::Const(Val::Int(n)) => *n,
                        Node::Const(Val::Bool(b)) => (*b).into(),
                        Node::Const(Val::Enum(of, n)) => match kind {
                            Kind::Enum(own) if own != *of => continue,
                            _ => *n,
                        },
                        _ => return None,
                    };
                    keys.push((i64::try_from(constant).ok()?, here));
                }
            }
            let before = (self.steps.len(), self.terms.len());
            if self.shape(frame, ty, at, attr, shape, depth + 1).is_none() {
                self.steps.truncate(before.0);
                self.terms.truncate(before.1);
                self.steps.push(Step::Stop);
            }
            // The value of one case is not always present.
            self.frames.get_mut(frame)?.fields.remove(&attr.slot);
            self.frames.get_mut(frame)?.parts.remove(&attr.slot);
            ends.push(self.steps.len());
            self.steps.push(Step::Jump(0));
        }
        let otherwise = match otherwise {
            Some(otherwise) => otherwise,
            None => {
                let here = self.here();
                // If no case matches, sized bytes stay bytes, and without a size nothing is read.
                if attr.limit.is_bounded() {
                    self.shape(frame, ty, at, attr, &Shape::Bytes, depth + 1)?;
                }
                here
            }
        };
        let here = self.here();
        for end in ends {
            if let Some(Step::Jump(to)) = self.steps.get_mut(end) {
                *to = here;
            }
        }
        self.barrier = usize::from(here);
        // Of two cases with the same key the first counts.
        keys.sort_by_key(|&(key, _)| key);
        keys.dedup_by_key(|&mut (key, _)| key);
        *self.steps.get_mut(chooses)? = Step::Choose(term, keys.into(), otherwise);
        Some(())
    }
}

/// Whether a structure begins with a bit field, and so possibly in the middle of a byte.
fn begins_with_bits(plan: &Plan, user: &UserType) -> bool {
    let first = plan.type_of(user.id).seq.first();
    first.is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }))
}
