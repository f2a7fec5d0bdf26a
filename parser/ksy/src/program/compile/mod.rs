//! Compiles descriptions into programs.

pub(crate) mod expressions;
pub(crate) mod shapes;

use std::collections::HashMap;

use crate::expr::Binary;
use crate::plan::{Attr, Endian, NodeId, Plan, Repeat, Shape, Size, TypeId};
use crate::program::report::ReportedField;
use crate::program::selected::Selected;
use crate::program::{Kind, Program, REGISTERS, Step, Term};

/// The most expressions that are compiled, counted each time they are used.
const MOST_WORK: u32 = 50_000;
/// How deeply nested expressions and types are followed.
const DEEPEST: u32 = 24;
/// The most steps of a program; a description that needs more is left to the interpreter.
const MOST_STEPS: usize = 1000;

/// A structure whose fields are registers.
struct Frame {
    ty: TypeId,
    around: Option<usize>,
    root: usize,
    le: Option<bool>,
    fields: HashMap<u16, (u8, Kind)>,
    parts: HashMap<u16, usize>,
    arguments: Vec<NodeId>,
    /// The frame in which they are evaluated.
    caller: usize,
    begin: u8,
}

/// What a program is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'p> {
    /// Finding where a message ends.
    End,
    /// Finding out whether everything is valid.
    Whole,
    /// Reporting some fields.
    Fields(&'p Selected<'p>),
}

pub(super) struct Compiler<'p> {
    plan: &'p Plan,
    purpose: Purpose<'p>,
    /// Whether everything is validated.
    whole: bool,
    /// The names of the fields around the current one.
    path: Vec<&'p str>,
    fields: Vec<ReportedField>,
    steps: Vec<Step>,
    terms: Vec<Term>,
    frames: Vec<Frame>,
    registers: usize,
    /// The register of `_`.
    element: Option<(u8, Kind)>,
    /// The target of the last jump: steps are not merged across it.
    barrier: usize,
    /// How many expressions were compiled.
    work: u32,
}

impl<'p> Compiler<'p> {
    pub(super) fn new(plan: &'p Plan, purpose: Purpose<'p>) -> Compiler<'p> {
        Compiler {
            plan,
            purpose,
            whole: matches!(purpose, Purpose::Whole),
            path: Vec::new(),
            fields: Vec::new(),
            steps: Vec::new(),
            terms: Vec::new(),
            frames: Vec::new(),
            registers: 0,
            element: None,
            barrier: 0,
            work: 0,
        }
    }

    pub(super) fn make(mut self, kind: Option<NodeId>) -> Option<Program> {
        // Instances can be read anywhere, and may explain bytes that no field does.
        if self.whole && self.plan.types.iter().any(|ty| ty.instances.iter().any(|attr| attr.value.is_none()))
        {
            return None;
        }
        let begin = self.register()?;
        self.frames.push(Frame {
            ty: self.plan.root,
            around: None,
            root: 0,
            le: None,
            fields: HashMap::new(),
            parts: HashMap::new(),
            arguments: Vec::new(),
            caller: 0,
            begin,
        });
        self.structure(0, 0)?;
        let kind = match kind {
            None => None,
            Some(kind) => Some(self.expression(kind, 0, 0)?),
        };
        let is_useful =
            !matches!(self.steps.first(), None | Some(Step::Stop)) && self.steps.len() <= MOST_STEPS;
        is_useful.then_some(Program { steps: self.steps, terms: self.terms, kind, fields: self.fields })
    }

    fn register(&mut self) -> Option<u8> {
        self.registers += 1;
        u8::try_from(self.registers - 1).ok().filter(|&register| usize::from(register) < REGISTERS)
    }

    fn here(&self) -> u16 {
        u16::try_from(self.steps.len()).unwrap_or(u16::MAX)
    }

    fn term(&mut self, term: Term) -> Option<u16> {
        let short = match term {
            Term::Binary(operator, left, right) if !matches!(operator, Binary::And | Binary::Or) => {
                match (self.terms.get(usize::from(left))?, self.terms.get(usize::from(right))?) {
                    (Term::Register(register), Term::Constant(n)) => {
                        Some(Term::Short(operator, *register, *n))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        self.terms.push(short.unwrap_or(term));
        u16::try_from(self.terms.len() - 1).ok()
    }

    /// The steps of a structure. None if it can't be compiled at all.
    fn structure(&mut self, frame: usize, depth: u32) -> Option<()> {
        if depth > DEEPEST || self.steps.len() > MOST_STEPS {
            return None;
        }
        let plan = self.plan;
        let (ty, begin) = self.frames.get(frame).map(|frame| (frame.ty, frame.begin))?;
        let plan = plan.type_of(ty);
        let around = self.frames.get(frame)?.around.and_then(|around| self.frames.get(around)?.le);
        self.frames.get_mut(frame)?.le = match plan.endian {
            Endian::Le => Some(true),
            Endian::Be => Some(false),
            Endian::Inherit => around,
            Endian::Switch(..) => {
                self.steps.push(Step::Stop);
                return Some(());
            }
        };
        let begins_with_bits = plan.seq.first().is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }));
        // The bytes that a check covers may begin here, or with the message.
        let is_covered = frame == 0 || plan.seq.iter().any(|attr| attr.check.is_some());
        if self.whole && is_covered && !begins_with_bits {
            self.steps.push(Step::Mark(begin));
        }
        if self.whole && plan.instances.iter().any(|attr| attr.valid.is_some() || attr.check.is_some()) {
            self.steps.push(Step::Stop);
        }
        let length = match self.purpose {
            // Nothing after the last reported field affects the fields before it.
            Purpose::Fields(choice) if frame == 0 => {
                let last = plan.seq.iter().rposition(|attr| self.matters(choice, ty, attr));
                last.map_or(0, |last| last + 1)
            }
            _ => plan.seq.len(),
        };
        for at in 0..length {
            let attr = plan.seq.get(at)?;
            let condition = match attr.condition {
                None => None,
                Some(condition) => match self.expression(condition, frame, 0) {
                    Some((term, Kind::Bool)) => {
                        self.steps.push(Step::Unless(term, 0));
                        Some(self.steps.len() - 1)
                    }
                    _ => {
                        self.steps.push(Step::Stop);
                        continue;
                    }
                },
            };
            let before = (self.steps.len(), self.terms.len());
            if self.field(frame, ty, u16::try_from(at).ok()?, attr, depth).is_none() {
                // What can't be compiled is left to the interpreter, if it is ever reached.
                self.steps.truncate(before.0);
                self.terms.truncate(before.1);
                self.steps.push(Step::Stop);
            }
            let here = self.here();
            if let Some(Step::Unless(_, to)) = condition.and_then(|condition| self.steps.get_mut(condition)) {
                *to = here;
                self.barrier = usize::from(here);
            }
        }
        Some(())
    }

    fn field(&mut self, frame: usize, ty: TypeId, at: u16, attr: &'p Attr, depth: u32) -> Option<()> {
        let is_passed_over = match self.purpose {
            Purpose::Whole => false,
            Purpose::End => !attr.needed,
            Purpose::Fields(choice) => {
                // Expressions may use any number, and reading one costs no more than skipping it.
                let is_number = matches!(attr.shape, Shape::Int { .. } | Shape::Bits { .. });
                let is_cheap = is_number && self.registers < REGISTERS / 2;
                !attr.needed && !is_cheap && !self.matters(choice, ty, attr)
            }
        };
        if is_passed_over {
            if let Some(bits) = attr.unit_bits.filter(|bits| bits % 8 == 0)
                && !matches!(attr.shape, Shape::Bits { .. })
                && !attr.begins_with_bits(self.plan)
            {
                let is_joined = self.steps.len() > self.barrier;
                match self.steps.last_mut() {
                    // Nothing jumps between the two.
                    Some(Step::Skip(count)) if is_joined => {
                        *count = count.checked_add(u32::try_from(bits / 8).ok()?)?;
                    }
                    _ => self.steps.push(Step::Skip(u32::try_from(bits / 8).ok()?)),
                }
                return Some(());
            }
            if let (Size::Of(size), Repeat::Once) = (attr.limit.size, attr.repeat) {
                let (term, Kind::Int) = self.expression(size, frame, 0)? else { return None };
                self.steps.push(Step::SkipBy(term));
                return Some(());
            }
        }
        if !matches!(attr.repeat, Repeat::Once) || attr.process.is_some() {
            return None;
        }
        if matches!(self.purpose, Purpose::End) && attr.needed && attr.limit.is_bounded() {
            return None;
        }
        if attr.check.as_ref().is_some_and(|check| check.algorithm.is_keyed() || check.to.is_some())
            && self.whole
        {
            return None;
        }
        self.shape(frame, ty, at, attr, &attr.shape, depth)
    }

    /// Whether a field is reported, or may contain one that is.
    fn matters(&self, selected: &Selected<'_>, ty: TypeId, attr: &'p Attr) -> bool {
        selected.is_of(&self.path, self.plan.name(attr.sym), ty, attr.slot)
            || selected.is_in(self.plan, &attr.shape)
    }
}
