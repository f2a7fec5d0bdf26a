//! Compiles descriptions into programs: structures in place, one after another. What can't be compiled becomes a step that leaves
//! the message to the interpreter, if it is ever reached.

mod conditions;
mod expressions;
mod finish;
mod instances;
mod lists;
mod parts;
mod shapes;
mod structures;
mod validity;

use std::collections::HashMap;

use crate::plan::{Attr, Meta, Method, Node, NodeId, Plan, TypeId};
use crate::program::report::ReportedField;
use crate::program::selected::Selected;
use crate::program::step::{Arg, Cases, Checked, Chunk, Derived, Kind, NONE, Register, Step, Stream, Term};
use crate::program::{MOST_REGISTERS, Program};

/// The most expressions that are compiled, counted each time they are used.
const MOST_WORK: u32 = 50_000;
/// How deeply nested expressions and types are followed.
const DEEPEST: u32 = 24;
/// The most steps of a program; what needs more is left to the interpreter.
const MOST_STEPS: usize = 20_000;
/// How deeply values at other positions are nested.
const MOST_SEEKS: u32 = 2;

/// What a program is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'p> {
    /// Finding where a message ends.
    End,
    /// Reading all of a message, and finding out whether it is valid.
    Whole(&'p Meta),
    /// Finding the kind of a valid message.
    Kind,
    /// Reporting some fields.
    Fields(&'p Selected<'p>),
}

/// A value of a structure that is in a register.
#[derive(Clone, Copy)]
struct Stored {
    register: Register,
    kind: Kind,
    /// The conditional part of the program in which it is stored: elsewhere it may have no value.
    block: u32,
}

/// A structure whose fields are read.
struct Frame {
    ty: TypeId,
    around: Option<usize>,
    root: usize,
    le: Option<bool>,
    /// Whether it is declared in another file, so that it has no byte order but its own.
    is_foreign: bool,
    fields: HashMap<u16, Stored>,
    parts: HashMap<u16, usize>,
    arguments: Vec<NodeId>,
    /// The frame in which they are evaluated.
    caller: usize,
    /// Where it begins.
    begin: Register,
    /// Where fields begin and end that checks name.
    edges: HashMap<(u16, bool), Stored>,
    /// The index of the list that is being read.
    index: Option<Register>,
    /// Whether its bytes are a part of their own, or the message.
    is_part: bool,
    /// The number of the part that it is read in.
    window: u32,
}

/// A jump whose place is not known yet.
type Patch = usize;

/// The field that is being compiled.
#[derive(Clone, Copy)]
struct Place<'p> {
    frame: usize,
    attr: &'p Attr,
    depth: u32,
}

pub(super) struct Compiler<'p> {
    plan: &'p Plan,
    purpose: Purpose<'p>,
    /// Whether everything is validated.
    whole: bool,
    /// The names of the fields around the current one.
    path: Vec<&'p str>,
    program: Program,
    frames: Vec<Frame>,
    registers: usize,
    /// The register of `_`, and the structure that it is.
    element: Option<Stored>,
    element_part: Option<usize>,
    /// The item of a list that was compiled last: in its register, or its structure.
    item: (Option<Stored>, Option<usize>),
    /// The target of the last jump: steps are not merged across it.
    barrier: usize,
    /// How many expressions were compiled.
    work: u32,
    /// The conditional parts that are open, and how many there were.
    blocks: Vec<u32>,
    last_block: u32,
    /// The byte order of the last bits, if reading may be in the middle of a byte.
    in_byte: Option<bool>,
    /// How many steps the interpreter counts for what was compiled.
    cost: usize,
    /// The tests of numbers that were compiled last, if nothing else follows them, and the last step that read one.
    tests: Option<(usize, usize)>,
    number: Option<usize>,
    /// How many fields of the message are read, if only its first ones are.
    last: Option<usize>,
    /// How many of the fields around are derived from other bytes, or at a position of their own.
    derived: u32,
    seeks: u32,
    /// The number of the part that is being read, and of the last one.
    window: u32,
    windows: u32,
    /// Whether what is read is not reported, because it is read for an expression.
    is_silent: bool,
}

impl<'p> Compiler<'p> {
    pub(super) fn new(plan: &'p Plan, purpose: Purpose<'p>) -> Compiler<'p> {
        Compiler {
            plan,
            purpose,
            whole: matches!(purpose, Purpose::Whole(_)),
            path: Vec::new(),
            program: Program::empty(plan.root),
            frames: Vec::new(),
            registers: 0,
            element: None,
            element_part: None,
            item: (None, None),
            barrier: 0,
            work: 0,
            blocks: Vec::new(),
            last_block: 0,
            in_byte: None,
            cost: 0,
            tests: None,
            number: None,
            last: None,
            derived: 0,
            seeks: 0,
            window: 0,
            windows: 0,
            is_silent: false,
        }
    }

    /// The fields of the message whose check decides about its length.
    fn trailing_checks(&self) -> &'p [u16] {
        match self.purpose {
            Purpose::Whole(meta) => &meta.trailing_checks,
            _ => &[],
        }
    }

    /// The program. `kind` is the expression that is the kind of a message.
    pub(super) fn make(self, kind: Option<NodeId>) -> Option<Program> {
        self.make_plain(kind).map(Program::joined)
    }

    /// The same, with a step for each number.
    pub(super) fn make_plain(mut self, kind: Option<NodeId>) -> Option<Program> {
        let begin = self.register()?;
        self.frames.push(Frame::new(self.plan.root, 0, begin));
        self.last = kind.filter(|_| matches!(self.purpose, Purpose::Kind)).map(|kind| self.last_of(kind));
        self.structure(0, 0)?;
        let kind = match kind {
            None => None,
            Some(kind) => Some(self.expression(kind, 0, 0)?),
        };
        self.align();
        self.push(Step::Done)?;
        self.program.kind = kind;
        let is_useful = !matches!(self.program.steps.first(), None | Some(Step::Stop | Step::Done));
        is_useful.then_some(())?;
        self.program.sums_up = Selected::sums_up(self.plan);
        self.finished()
    }

    /// How many fields of the message an expression needs.
    fn last_of(&self, node: NodeId) -> usize {
        let root = self.plan.root();
        let (all, mut last) = (root.seq.len(), 0);
        self.plan.expressions.walk(node, &mut |_, node| match node {
            Node::Slot(slot) if !root.is_instance(*slot) => {
                last = last.max(usize::from(slot.saturating_sub(root.parameters)) + 1);
            }
            Node::Const(_) | Node::Unary(..) | Node::Binary(..) | Node::Ternary(..) => {}
            Node::Call(_, Method::ToI, _) => {}
            _ => last = all,
        });
        last.min(all)
    }

    fn register(&mut self) -> Option<Register> {
        self.registers += 1;
        u16::try_from(self.registers - 1).ok().filter(|&register| register < NONE >> 1)
    }

    /// The number of the next step.
    fn here(&self) -> u16 {
        u16::try_from(self.program.steps.len()).unwrap_or(NONE)
    }

    fn push(&mut self, step: Step) -> Option<Patch> {
        self.program.depends_on_end |= self.window == 0 && self.depends_on_end(&step);
        self.program.steps.push(step);
        (self.program.steps.len() <= MOST_STEPS).then_some(self.program.steps.len() - 1)
    }

    /// Whether it matters for a step where the part ends that is read.
    fn depends_on_end(&self, step: &Step) -> bool {
        let is_rest = |at: u16, rest: fn(&Program, usize) -> Option<bool>| {
            rest(&self.program, usize::from(at)).unwrap_or(true)
        };
        match *step {
            Step::AtEnd(_)
            | Step::Rest { .. }
            | Step::Utf8Rest { .. }
            | Step::EnterRest
            | Step::Seek { .. }
            | Step::Unread(_) => true,
            Step::Stream { what, .. } => what != Stream::Pos,
            Step::Chunk { chunk, .. } => is_rest(chunk, |program, at| {
                program.chunks.get(at).map(|chunk| chunk.size.is_none() && !chunk.is_open)
            }),
            Step::Process(process) => is_rest(process, |program, at| {
                program.processes.get(at).map(|process| process.size.is_none())
            }),
            _ => false,
        }
    }

    fn frame(&self, frame: usize) -> Option<&Frame> {
        self.frames.get(frame)
    }

    fn term(&mut self, term: Term) -> Option<Arg> {
        let terms = &mut self.program.terms;
        terms.push(term);
        Arg::term(terms.len() - 1)
    }

    fn constant(&mut self, n: i64) -> Option<Arg> {
        self.term(Term::Constant(n))
    }

    /// Lets jumps lead to the next step.
    fn land(&mut self, jumps: impl IntoIterator<Item = Patch>) {
        let here = self.here();
        for jump in jumps {
            if let Some(to) = self.program.steps.get_mut(jump).and_then(Step::target) {
                *to = here;
                self.barrier = usize::from(here);
            }
        }
    }

    /// Goes to a whole byte, if reading may be inside of one.
    fn align(&mut self) {
        if let Some(le) = self.in_byte.take() {
            self.program.steps.push(Step::Align { le });
        }
    }

    /// Compiles a part that is not always executed. What it stores may have no value afterwards.
    fn conditional<T>(&mut self, part: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.last_block += 1;
        self.blocks.push(self.last_block);
        let made = part(self);
        self.blocks.pop();
        (self.tests, self.number) = (None, None);
        made
    }

    fn block(&self) -> u32 {
        self.blocks.last().copied().unwrap_or(0)
    }

    /// The argument that is a stored value.
    fn stored(&mut self, stored: Stored) -> Option<Arg> {
        if stored.block == 0 || self.blocks.contains(&stored.block) {
            return Some(Arg(stored.register));
        }
        self.term(Term::Register(stored.register))
    }

    /// Compiles something, or puts a step in its place that leaves the message to the interpreter.
    fn or_stop(&mut self, part: impl FnOnce(&mut Self) -> Option<()>) {
        let before = (self.program.steps.len(), self.program.terms.len());
        let depth = (self.blocks.len(), self.path.len(), self.derived, self.seeks);
        let (window, is_silent, whole) = (self.window, self.is_silent, self.whole);
        if part(self).is_none() {
            self.program.steps.truncate(before.0);
            self.program.terms.truncate(before.1);
            self.blocks.truncate(depth.0);
            self.path.truncate(depth.1);
            (self.derived, self.seeks) = (depth.2, depth.3);
            (self.element, self.element_part) = (None, None);
            (self.window, self.is_silent, self.whole) = (window, is_silent, whole);
            self.barrier = self.barrier.min(before.0);
            (self.tests, self.number) = (None, None);
            self.program.steps.push(Step::Stop);
        }
    }
}

impl Frame {
    fn new(ty: TypeId, root: usize, begin: Register) -> Frame {
        Frame {
            ty,
            around: None,
            root,
            le: None,
            is_foreign: false,
            fields: HashMap::new(),
            parts: HashMap::new(),
            arguments: Vec::new(),
            caller: 0,
            begin,
            edges: HashMap::new(),
            index: None,
            is_part: true,
            window: 0,
        }
    }
}

impl Program {
    fn empty(root: TypeId) -> Program {
        Program {
            steps: Vec::new(),
            terms: Vec::new(),
            loads: Vec::new(),
            chunks: Vec::<Chunk>::new(),
            choices: Vec::<Cases>::new(),
            checks: Vec::<Checked>::new(),
            processes: Vec::<Derived>::new(),
            constants: Vec::new(),
            kind: None,
            kind_at: None,
            fields: Vec::<ReportedField>::new(),
            registers: MOST_REGISTERS,
            root,
            sums_up: false,
            depends_on_end: false,
        }
    }
}
