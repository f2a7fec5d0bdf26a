//! Loop-free programs for what most messages are: numbers, then a part or two whose size they give, and a
//! check. A program is compiled when a description is loaded, with a register for each field, and takes a fraction of the
//! interpreter's time. There are three kinds: one finds the end of a message, one checks whether everything is valid, and one
//!
//! reports selected fields and skips whatever is not needed to locate them.
//!
//! A program gives a result for ordinary messages only. Anything unusual ends it without one: an invalid value,
//! missing bytes, a list, or whatever could not be compiled. The message is then read by the interpreter (`run`).

pub(crate) mod compile;
pub(crate) mod execute;
pub(crate) mod report;
pub(crate) mod selected;

use crate::plan::EnumId;
use crate::program::compile::{Compiler, Purpose};
use crate::program::report::{Events, NoRecorder, Recorder, Recording, ReportedField};
use crate::program::selected::Selected;
use framescope_parser::{FieldSelection, Visit};

use crate::checks::Algorithm;
use crate::expr::Binary;
use crate::plan::{Meta, Plan, Shape, TypeId, Val};

use crate::strings::Charset;

/// The most registers.
const REGISTERS: usize = 48;
/// How deeply parts are nested.
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
    /// Skips bytes.
    Skip(u32),
    /// Skips as many bytes as an expression says.
    SkipBy(u16),
    /// Bytes up to a terminator, which must be valid text in an encoding if one is given.
    Terminated(TypeId, u16, Option<Charset>),
    /// Text of a size, or up to the end of the part.
    Text(TypeId, u16, Option<u16>, Charset),
    /// Constant bytes.
    Same(Box<[u8]>),
    /// The rest of the part.
    Rest,
    /// Begins a part of a size, or of all remaining bytes.
    Enter(Option<u16>),
    /// Ends a part, all of which must be read.
    Leave,
    /// Stores the position.
    Mark(u8),
    /// A condition that must hold.
    Holds(u16),
    /// A number must be one of these.
    OneOf(u8, Box<[i64]>),
    /// Jumps unless a condition holds.
    Unless(u16, u16),
    Jump(u16),
    /// Jumps by a number, or to the last place if there is no case for it.
    Choose(u16, Box<[(i64, u16)]>, u16),
    /// The number just read, which begins at mark `own`, must be the check of the bytes from mark `from` up to it.
    Check {
        number: u8,
        algorithm: Algorithm,
        from: u8,
        own: u8,
    },
    /// Begins a reported field: at a whole byte, or possibly in the middle of one.
    Begin(u8),
    BeginInByte(u8),
    /// Ends a reported field.
    End,
    /// Leaves the message to the interpreter.
    Stop,
}

/// An expression over registers. Its result is a number or a boolean.
#[derive(Clone, Copy, Debug)]
enum Term {
    Constant(i64),
    Register(u8),
    Not(u16),
    Minus(u16),
    Invert(u16),
    Binary(Binary, u16, u16),
    /// An operator on a register and a constant.
    Short(Binary, u8, i64),
    Choice(u16, u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Enum(EnumId),
}

/// A compiled program, and the term that gives the kind of a message.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    terms: Vec<Term>,
    kind: Option<(u16, Kind)>,
    /// The fields that it reports.
    fields: Vec<ReportedField>,
}

/// The result of a program.
pub(crate) struct Found {
    /// Where the message ends.
    pub(crate) end: usize,
    /// Its kind.
    pub(crate) kind: Option<Val>,
}

impl Program {
    /// A program that finds where a message ends.
    pub(crate) fn ends(plan: &Plan) -> Option<Program> {
        Compiler::new(plan, Purpose::End).make(None)
    }

    /// A program that checks whether a message is entirely valid, and returns its kind.
    pub(crate) fn whole(plan: &Plan, meta: &Meta) -> Option<Program> {
        Compiler::new(plan, Purpose::Whole).make(meta.kind)
    }

    /// Whether a shape may contain a wanted field.
    pub(crate) fn may_hold(plan: &Plan, shape: &Shape, wanted: &FieldSelection) -> bool {
        Selected::named(wanted).is_in(plan, shape)
    }

    /// A program that reports the wanted fields. None if it would miss some of them.
    pub(crate) fn select(plan: &Plan, wanted: &FieldSelection) -> Option<Program> {
        let choice = Selected::new(plan, wanted)?;
        Compiler::new(plan, Purpose::Fields(&choice)).make(None)
    }

    /// Reports the fields that it was compiled for. If it has no result, it reports nothing and returns false.
    pub(crate) fn report<'a>(
        &'a self,
        plan: &'a Plan,
        bytes: &'a [u8],
        summary: bool,
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        let mut events = Events::default();
        if self.run_recording(plan, bytes, &mut events).is_none() {
            return false;
        }
        let noted = Recording { events: &events, fields: &self.fields, plan, bytes };
        noted.report(visit);
        if summary {
            visit.summary(format_args!("{}", noted.summary(plan.root, 0)));
        }
        true
    }

    /// Runs it. None if the message must be read by the interpreter.
    pub(crate) fn run(&self, plan: &Plan, bytes: &[u8]) -> Option<Found> {
        self.run_recording(plan, bytes, &mut NoRecorder)
    }
}

#[cfg(test)]
mod tests {
    use super::Program;
    use crate::load::testing::loaded;
    use crate::plan::Val;
    use crate::run::arena::Arena;
    use crate::run::{Mode, Run};

    const SIZED: &str = "{id: kind, type: u1, valid: {max: 3}}, {id: n, type: u2}, {id: body, type: str, size: n}, {id: sum, type: u1, -check: sum}";

    #[test]
    fn a_program_finds_the_end_that_the_interpreter_finds() {
        let (plan, _) = loaded(SIZED, "");
        let program = Program::ends(&plan).unwrap();
        for message in [&b"\x01\0\x02ab\xc6"[..], b"\x01\0\0\x01", b"\x01\0\x02ab\xc6more", b"\x01\0\x05ab"] {
            let mut arena = Arena::default();
            let read = Run::new(&plan, message, &mut arena, Mode::Frame).read().ok();
            let read = read.map(|end| end as usize).filter(|end| *end <= message.len());
            assert_eq!(program.run(&plan, message).map(|found| found.end), read, "{message:?}");
        }
    }

    #[test]
    fn only_a_valid_message_is_whole() {
        let (plan, meta) = loaded(SIZED, "");
        let program = Program::whole(&plan, &meta).unwrap();
        let is_whole = |message: &[u8]| program.run(&plan, message).is_some();
        assert!(is_whole(b"\x01\0\x02ab\xc6"));
        assert!(!is_whole(b"\x04\0\x02ab\xc9"), "the kind is not valid");
        assert!(!is_whole(b"\x01\0\x02ab\xc7"), "the check fails");
        assert!(!is_whole(b"\x01\0\x02\xff\xff\x01"), "the text is not UTF-8");
    }

    #[test]
    fn a_list_is_left_to_the_interpreter() {
        let (plan, _) = loaded("{id: n, type: u1}, {id: list, type: strz, repeat: expr, repeat-expr: n}", "");
        assert!(Program::ends(&plan).is_none_or(|program| program.run(&plan, b"\x01a\0").is_none()));
    }

    #[test]
    fn the_kind_is_an_expression_over_registers() {
        let text = crate::load::testing::described("{id: a, type: b4}, {id: b, type: b4}", "")
            .replace("id: t,", "id: t, -framescope: {kind: a * 16 + b},");
        let (plan, meta) = crate::load::load("t", &text, None).unwrap();
        let found = Program::whole(&plan, &meta).unwrap().run(&plan, b"\x2a").unwrap();
        assert_eq!((found.end, found.kind), (1, Some(Val::Int(42))));
    }
}
