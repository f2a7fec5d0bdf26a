//! Structures as values, and choices between shapes.

use crate::expr::Binary;
use crate::plan::{Attr, Node, NodeId, Parent, Shape, UserType, Val};
use crate::program::compile::{Compiler, Frame, Place, Purpose};
use crate::program::report::{How, ReportedField};
use crate::program::step::{Arg, Cases, Kind, NONE, Step};

impl<'p> Compiler<'p> {
    /// Whether a structure begins with a bit field, and so possibly in the middle of a byte.
    fn begins_with_bits(&self, user: &UserType) -> bool {
        let first = self.plan.type_of(user.id).seq.first();
        first.is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }))
    }

    pub(super) fn user(&mut self, place: Place<'p>, user: &'p UserType, shape: &'p Shape) -> Option<()> {
        let Place { frame, attr, .. } = place;
        let limit = &attr.limit;
        let is_part = limit.is_bounded() || attr.process.is_some();
        if is_part || !self.begins_with_bits(user) {
            self.align();
        }
        (!self.whole || attr.valid.is_none() && attr.check.is_none()).then_some(())?;
        (limit.terminator.is_none() && limit.pad_right.is_none()).then_some(())?;
        let size = self.sized(place)?;
        let holds = match self.purpose {
            Purpose::Fields(choice) => choice.is_in(self.plan, shape),
            Purpose::End | Purpose::Kind | Purpose::Whole(_) => true,
        };
        let field = match self.purpose {
            Purpose::Fields(_) if holds => self.group(frame, attr, user)?,
            _ => self.reported(frame, attr, How::Group(user.id))?,
        };
        if field != NONE {
            self.push(Step::Begin(field))?;
        }
        let is_simple =
            user.arguments.is_empty() && matches!(user.parent, Parent::Here) && attr.process.is_none();
        match size {
            // Whatever it contains, the structure has this size.
            Some(size) if !holds && is_simple && !attr.needed => {
                self.push(Step::SkipBy(size))?;
            }
            None if is_part && !holds && is_simple && !attr.needed => {
                self.push(Step::Rest { to: NONE, field: NONE })?;
            }
            _ => self.user_itself(place, user, size, is_part)?,
        }
        if field != NONE {
            self.push(Step::End)?;
        }
        Some(())
    }

    /// A group that contains a selected field is reported even if it is not selected itself.
    fn group(&mut self, frame: usize, attr: &Attr, user: &UserType) -> Option<u16> {
        let ty = self.frame(frame)?.ty;
        let how = How::Group(user.id);
        let fields = &mut self.program.fields;
        fields.push(ReportedField { name: self.plan.name(attr.sym).into(), ty, slot: attr.slot, how });
        u16::try_from(fields.len() - 1).ok()
    }

    fn user_itself(
        &mut self,
        place: Place<'p>,
        user: &'p UserType,
        size: Option<Arg>,
        is_part: bool,
    ) -> Option<()> {
        let Place { frame, attr, depth } = place;
        if user.foreign && self.plan.type_of(user.id).outer.is_some() {
            return None;
        }
        let around = match user.parent {
            Parent::Here => Some(frame),
            Parent::Nothing => None,
            Parent::Given(parent) => Some(self.part(parent, frame, 0)?),
        };
        // A structure that contains itself has no end that could be compiled.
        let mut within = Some(frame);
        while let Some(outer) = within {
            let outer = self.frame(outer)?;
            (outer.ty != user.id).then_some(())?;
            within = outer.around;
        }
        let process = self.begin_process(place, size)?;
        if is_part && !process {
            self.push(size.map_or(Step::EnterRest, Step::Enter))?;
        }
        let (inner, begin) = (self.frames.len(), self.register()?);
        let root = if user.foreign { inner } else { self.frame(frame)?.root };
        let mut made = Frame::new(user.id, root, begin);
        (made.around, made.caller, made.is_part) = (around, frame, is_part);
        made.is_foreign = user.foreign;
        let window = self.window;
        if is_part {
            self.windows += 1;
            self.window = self.windows;
        }
        made.window = self.window;
        made.arguments.clone_from(&user.arguments);
        self.frames.push(made);
        self.path.push(self.plan.name(attr.sym));
        let compiled = self.structure(inner, depth + 1);
        self.path.pop();
        self.window = window;
        compiled?;
        // While it is being read, it is not the value of its field.
        match Self::is_repeated(attr) {
            true => self.item = (None, Some(inner)),
            false => {
                self.frames.get_mut(frame)?.parts.insert(attr.slot, inner);
            }
        }
        if is_part {
            self.align();
            let explained = self.plan.type_of(user.id).instances.iter().any(|attr| attr.pos.is_some());
            match process {
                true => self.end_process()?,
                false => {
                    self.push(Step::Leave { whole: self.whole && !explained })?;
                }
            }
        }
        Some(())
    }

    pub(super) fn choice(
        &mut self,
        place: Place<'p>,
        on: NodeId,
        cases: &'p [(Option<NodeId>, Shape)],
    ) -> Option<()> {
        let (attr, before) = (place.attr, self.in_byte);
        let (on, kind) = self.expression(on, place.frame, 0)?;
        let chooses = self.push(Step::Stop)?;
        let (mut table, mut ends, mut after) = (Vec::new(), Vec::new(), before);
        let mut tests = Vec::new();
        let mut otherwise = None;
        for (key, shape) in cases {
            let here = self.here();
            self.barrier = usize::from(here);
            match key {
                None => otherwise = Some(here),
                Some(key) => match self.case(*key, kind) {
                    Some(Some(number)) => table.push((number, here)),
                    Some(None) => continue,
                    None => tests.push((*key, here)),
                },
            }
            self.in_byte = before;
            self.conditional(|it| {
                it.or_stop(|it| it.shape(place, shape));
                Some(())
            })?;
            after = after.or(self.in_byte);
            // The value of one case is not always present.
            self.frames.get_mut(place.frame)?.fields.remove(&attr.slot);
            self.frames.get_mut(place.frame)?.parts.remove(&attr.slot);
            self.item = (None, None);
            ends.push(self.push(Step::Jump(NONE))?);
        }
        let otherwise = match otherwise {
            Some(otherwise) => otherwise,
            None => {
                let here = self.here();
                self.barrier = usize::from(here);
                self.in_byte = before;
                // If no case matches, sized bytes stay bytes, and without a size nothing is read.
                if attr.limit.is_bounded() {
                    self.conditional(|it| {
                        it.or_stop(|it| it.shape(place, &Shape::Bytes));
                        Some(())
                    })?;
                    self.frames.get_mut(place.frame)?.fields.remove(&attr.slot);
                    self.item = (None, None);
                    after = after.or(self.in_byte);
                }
                ends.push(self.push(Step::Jump(NONE))?);
                here
            }
        };
        self.in_byte = after;
        let first = self.chosen(on, table, tests, otherwise, (place.frame, kind))?;
        *self.program.steps.get_mut(chooses)? = first;
        self.land(ends);
        Some(())
    }

    /// The number of a case, if it is one. None inside if no value is equal to it.
    fn case(&self, key: NodeId, kind: Kind) -> Option<Option<i64>> {
        let number = match *self.plan.expressions.node(key) {
            Node::Const(Val::Int(n)) if kind.is_plain() => n,
            Node::Const(Val::Bool(b)) if kind.is_plain() => b.into(),
            Node::Const(Val::Enum(of, n)) => match kind {
                Kind::Enum(own) if own != of => return Some(None),
                kind if kind.is_plain() => n,
                _ => return None,
            },
            _ => return None,
        };
        Some(i64::try_from(number).ok())
    }

    /// The step that chooses a case: by a table, or by comparing one after another, which are appended.
    fn chosen(
        &mut self,
        on: Arg,
        table: Vec<(i64, u16)>,
        tests: Vec<(NodeId, u16)>,
        otherwise: u16,
        (frame, kind): (usize, Kind),
    ) -> Option<Step> {
        if tests.is_empty() {
            self.program.choices.push(Cases::new(table, otherwise));
            return Some(Step::Choose { on, table: u16::try_from(self.program.choices.len() - 1).ok()? });
        }
        // Texts, and whatever is known only while reading.
        table.is_empty().then_some(())?;
        let first = self.here();
        for (key, to) in tests {
            let (key, other) = self.expression(key, frame, 0)?;
            let equal = self.compared(Binary::Equal, (on, kind), (key, other))?;
            self.push(Step::If { condition: equal, want: true, to })?;
        }
        self.push(Step::Jump(otherwise))?;
        Some(Step::Jump(first))
    }
}
