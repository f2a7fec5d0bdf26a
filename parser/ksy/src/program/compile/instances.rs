//! Instances: values that are computed, or read at a position of their own. They are reported after the fields.

use crate::plan::{Attr, Node, NodeId, Repeat, Shape, TypePlan, UNREAD};
use crate::program::compile::{Compiler, MOST_SEEKS, Place, Stored};
use crate::program::report::{How, ReportedField};
use crate::program::step::{Kind, NONE, Step};

impl<'p> Compiler<'p> {
    pub(super) fn instances(&mut self, frame: usize, ty: &'p TypePlan, depth: u32) -> Option<()> {
        if ty.instances.is_empty() {
            return Some(());
        }
        let is_part = self.frame(frame)?.is_part;
        if is_part && ty.instances.iter().any(|attr| attr.pos.is_some()) {
            let id = self.frame(frame)?.ty;
            let unread = ReportedField { name: UNREAD.into(), ty: id, slot: NONE, how: How::Unread };
            self.program.fields.push(unread);
            let field = u16::try_from(self.program.fields.len() - 1).ok()?;
            self.push(Step::Unread(field))?;
        }
        let in_byte = self.in_byte;
        for attr in &ty.instances {
            match attr.value {
                Some(value) => self.computed(frame, attr, value)?,
                None => self.or_stop(|it| it.elsewhere(frame, ty, attr, depth)),
            }
            self.in_byte = in_byte;
        }
        // What instances explain need not be read in order.
        if frame == 0 && ty.instances.iter().any(|attr| attr.pos.is_some()) {
            self.align();
            self.push(Step::Rest { to: NONE, field: NONE })?;
        }
        Some(())
    }

    /// A computed instance. Without a test, it matters only if it is reported.
    fn computed(&mut self, frame: usize, attr: &'p Attr, value: NodeId) -> Option<()> {
        self.cost += 2;
        let before = (self.program.steps.len(), self.program.terms.len());
        let is_tested = attr.valid.is_some() || attr.check.is_some();
        if self.computed_steps(frame, attr, value).is_none() {
            self.program.steps.truncate(before.0);
            self.program.terms.truncate(before.1);
            self.barrier = self.barrier.min(before.0);
            self.push(if is_tested { Step::Stop } else { Step::StopReport })?;
        }
        Some(())
    }

    fn computed_steps(&mut self, frame: usize, attr: &'p Attr, value: NodeId) -> Option<()> {
        // Places in derived bytes are not those of the message.
        (self.derived == 0 && attr.check.is_none()).then_some(())?;
        let is_tested = attr.valid.is_some();
        let report_only = if is_tested { None } else { Some(self.push(Step::IfReported(NONE))?) };
        let jumps = match attr.condition {
            Some(condition) => self.jumps(condition, frame, false)?,
            None => Vec::new(),
        };
        self.conditional(|it| it.computed_value(frame, attr, value))?;
        self.land(jumps.into_iter().chain(report_only));
        Some(())
    }

    fn computed_value(&mut self, frame: usize, attr: &'p Attr, value: NodeId) -> Option<()> {
        if let Some(part) = self.part(value, frame, 0) {
            let how = How::Group(self.frame(part)?.ty);
            let field = self.reported(frame, attr, how)?;
            self.push(Step::Group(field))?;
            return attr.valid.is_none().then_some(());
        }
        let (arg, kind) = self.expression(value, frame, 0)?;
        let kind = match (attr.enumeration, kind) {
            (Some(of), Kind::Int | Kind::Bool) => Kind::Enum(of),
            _ => kind,
        };
        let how = match kind {
            Kind::Float => How::Float,
            Kind::Text => How::Text,
            Kind::Bytes => How::Bytes,
            kind => How::number(attr, kind, true),
        };
        let mut arg = arg;
        if let Some(valid) = &attr.valid {
            let register = self.register()?;
            self.push(Step::Set { to: register, arg })?;
            arg = crate::program::step::Arg(register);
            let stored = Stored { register, kind, block: self.block() };
            let before = self.element.replace(stored);
            let tested = self.test(frame, attr, valid, stored);
            self.element = before;
            tested?;
        }
        let field = self.reported(frame, attr, how)?;
        self.push(Step::Value { field, arg, kind })?;
        Some(())
    }

    /// An instance that is read at a position of its own.
    fn elsewhere(&mut self, frame: usize, ty: &'p TypePlan, attr: &'p Attr, depth: u32) -> Option<()> {
        let Some(condition) = attr.condition else { return self.sought(frame, ty, attr, depth) };
        let jumps = self.jumps(condition, frame, false)?;
        self.barrier = self.program.steps.len();
        self.conditional(|it| {
            it.or_stop(|it| it.sought(frame, ty, attr, depth));
            Some(())
        })?;
        self.land(jumps);
        Some(())
    }

    fn sought(&mut self, frame: usize, _: &'p TypePlan, attr: &'p Attr, depth: u32) -> Option<()> {
        (self.seeks < MOST_SEEKS && attr.process.is_none() && attr.check.is_none()).then_some(())?;
        // The reader knows when it is first asked for.
        (!self.asks_where_it_is(attr.pos?)).then_some(())?;
        let at = self.number(attr.pos?, frame)?;
        let root = match attr.io {
            None => false,
            Some(io) => self.is_root_stream(io, frame)?,
        };
        self.seeks += 1;
        self.push(Step::Seek { at, root })?;
        self.program.depends_on_end |= root;
        self.in_byte = None;
        self.cost += 2;
        let place = Place { frame, attr, depth };
        match attr.repeat {
            Repeat::Once => self.shape(place, &attr.shape)?,
            _ => self.list(place)?,
        }
        self.push(Step::Back)?;
        self.seeks -= 1;
        Some(())
    }

    /// Whether an expression depends on how far its stream is read when it is evaluated.
    fn asks_where_it_is(&self, node: NodeId) -> bool {
        let mut asks = false;
        self.plan.expressions.walk(node, &mut |_, node| {
            if let Node::Member(of, sym) = node {
                let is_io = matches!(self.plan.expressions.node(*of), Node::Io);
                asks |= is_io && matches!(self.plan.name(*sym), "pos" | "eof");
            }
        });
        asks
    }

    /// Whether an expression is the stream of the whole message; otherwise it must be that of the structure itself.
    fn is_root_stream(&self, io: NodeId, frame: usize) -> Option<bool> {
        match *self.plan.expressions.node(io) {
            Node::Io => Some(false),
            Node::Member(of, sym) if self.plan.name(sym) == "_io" => {
                let is_root = matches!(self.plan.expressions.node(of), Node::Root);
                (is_root && self.frame(frame)?.root == 0 && self.derived == 0).then_some(true)
            }
            _ => None,
        }
    }

    /// The steps that read an instance of a number for an expression, which is before it is reported.
    pub(super) fn read_early(&mut self, frame: usize, attr: &'p Attr) -> Option<Stored> {
        let is_simple = attr.condition.is_none()
            && attr.io.is_none()
            && !Self::is_repeated(attr)
            && matches!(attr.shape, Shape::Int { .. })
            && !attr.limit.is_bounded();
        (is_simple && self.seeks < MOST_SEEKS && self.derived == 0).then_some(())?;
        // Its position is one of the part that is being read.
        (self.frame(frame)?.window == self.window).then_some(())?;
        let at = self.number(attr.pos?, frame)?;
        let in_byte = self.in_byte.take();
        self.seeks += 1;
        self.push(Step::Seek { at, root: false })?;
        let (silent, whole) = (self.is_silent, self.whole);
        (self.is_silent, self.whole) = (true, false);
        let read = self.shape(Place { frame, attr, depth: 0 }, &attr.shape);
        (self.is_silent, self.whole) = (silent, whole);
        self.push(Step::Back)?;
        self.seeks -= 1;
        self.in_byte = in_byte;
        read?;
        self.frames.get_mut(frame)?.fields.remove(&attr.slot)
    }
}
