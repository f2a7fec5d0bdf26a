//! What most messages are, as a program without loops: numbers at the front, a part or two of a size that they say, a
//! check. It is made from a description when that is loaded, with every field a register, and runs in a fraction of the
//! time that the thorough reader takes.
//!
//! A third kind of program tells chosen fields, and passes over all that does not say where they are.
//!
//! It answers only for messages that are as they should be. Whatever is unusual ends it without an answer: a value that
//! is not valid, bytes that are missing, a list, anything it was not made for. Then the thorough reader says what is what.

pub(crate) mod compile;
pub(crate) mod execute;
pub(crate) mod report;
pub(crate) mod selected;

use crate::plan::EnumId;
use crate::program::compile::{Compiler, Purpose};
use crate::program::report::{Events, Noted, Notes, Nothing, Told};
use crate::program::selected::Choice;
use framescope_parser::{FieldSelection, Visit};

use crate::checks::Algorithm;
use crate::expr::Binary;
use crate::plan::{Meta, Plan, Shape, TypeId, Val};

use crate::strings::Charset;

/// Fields whose values are kept.
const REGISTERS: usize = 48;
/// How deeply parts stand in each other.
const PARTS: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    Number {
        to: u8,
        bytes: u8,
        signed: bool,
        le: bool,
    },
    Bits {
        to: u8,
        count: u8,
        le: bool,
    },
    /// So many bytes.
    Skip(u32),
    /// As many bytes as an expression says.
    SkipBy(u16),
    /// Bytes up to a terminator, and what they must be as text.
    Terminated(TypeId, u16, Option<Charset>),
    /// Text of so many bytes, or up to the end of the part.
    Text(TypeId, u16, Option<u16>, Charset),
    /// Bytes that are always the same.
    Same(Box<[u8]>),
    /// The rest of the part.
    Rest,
    /// A part of so many bytes, or all that is left, begins.
    Enter(Option<u16>),
    /// It ends, and all of it was read.
    Leave,
    /// Keeps where it is.
    Mark(u8),
    /// What must be true.
    Holds(u16),
    /// A number must be one of these.
    OneOf(u8, Box<[i64]>),
    /// Goes on elsewhere unless this is true.
    Unless(u16, u16),
    Jump(u16),
    /// Goes on where the number says, else at the last.
    Choose(u16, Box<[(i64, u16)]>, u16),
    /// The number before, which began at a mark, is the check of what stands from another mark to it.
    Check {
        number: u8,
        algorithm: Algorithm,
        from: u8,
        own: u8,
    },
    /// A field begins that is told: at a whole byte, or in the middle of one.
    Begin(u8),
    BeginInByte(u8),
    /// It ends.
    End,
    /// This is for the thorough reader.
    Stop,
}

/// An expression over registers. What it gives is known to be a number or a boolean.
#[derive(Clone, Copy, Debug)]
enum Term {
    Constant(i64),
    Register(u8),
    Not(u16),
    Minus(u16),
    Invert(u16),
    Binary(Binary, u16, u16),
    /// A register and a constant.
    Short(Binary, u8, i64),
    Choice(u16, u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Enum(EnumId),
}

/// A program, and what names the kind of a message when it has run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    terms: Vec<Term>,
    kind: Option<(u16, Kind)>,
    /// The fields that are told.
    told: Vec<Told>,
}

/// What a program found out.
pub(crate) struct Found {
    /// Where the message ends.
    pub(crate) end: usize,
    /// What names its kind.
    pub(crate) kind: Option<Val>,
}

impl Program {
    /// A program that finds where a message ends.
    pub(crate) fn ends(plan: &Plan) -> Option<Program> {
        Compiler::new(plan, Purpose::End).make(None)
    }

    /// A program that finds out whether a message is just as it should be, and of what kind.
    pub(crate) fn whole(plan: &Plan, meta: &Meta) -> Option<Program> {
        Compiler::new(plan, Purpose::Whole).make(meta.kind)
    }

    /// Whether a wanted field may stand in what is of this shape.
    pub(crate) fn may_hold(plan: &Plan, shape: &Shape, wanted: &FieldSelection) -> bool {
        Choice::named(wanted).is_in(plan, shape)
    }

    /// A program that tells chosen fields. Nothing where it would not find all of them.
    pub(crate) fn select(plan: &Plan, wanted: &FieldSelection) -> Option<Program> {
        let choice = Choice::new(plan, wanted)?;
        Compiler::new(plan, Purpose::Fields(&choice)).make(None)
    }

    /// Tells the fields that it was made for. Nothing is told, and false given, if it does not know.
    pub(crate) fn tell<'a>(
        &'a self,
        plan: &'a Plan,
        bytes: &'a [u8],
        summary: bool,
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        let mut events = Events::default();
        if self.run_noting(plan, bytes, &mut events).is_none() {
            return false;
        }
        let noted = Noted { events: &events, told: &self.told, plan, bytes };
        noted.tell(visit);
        if summary {
            visit.summary(format_args!("{}", noted.summary(TypeId::ROOT, 0)));
        }
        true
    }

    /// Runs it. Nothing if that is not enough to say what the message is.
    pub(crate) fn run(&self, plan: &Plan, bytes: &[u8]) -> Option<Found> {
        self.run_noting(plan, bytes, &mut Nothing)
    }
}
