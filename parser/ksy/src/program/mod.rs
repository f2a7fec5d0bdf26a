//! What a description says, as one compact program: steps that read values, test them, and report them. It is compiled when a
//! description is loaded, with a register for each value that an expression names; all other values are only reported.
//! There are three kinds of program: one finds the end of a message, one reads all of it, and one reads selected fields.
//!
//! A program gives a result for ordinary messages only. Anything unusual ends it without one, before anything is reported: an
//! invalid value, missing bytes, or what could not be compiled. The message is then read by the interpreter (`run`), which
//! every result of a program agrees with.

mod compile;
mod evaluate;
mod execute;
mod machine;
mod records;
mod report;
mod selected;
mod step;

use framescope_parser::{FieldSelection, Key, Visit};

use crate::plan::{Meta, Plan, Shape, TypeId};
use crate::program::compile::{Compiler, Purpose};
use crate::program::machine::{Machine, padded};
use crate::program::records::{NotReported, Notes, with_records};
use crate::program::report::{Recorded, ReportedField, Texts};
use crate::program::selected::Selected;
use crate::program::step::{Arg, Cases, Checked, Chunk, Derived, Kind, Load, Step, Term};

/// How many registers programs have. Most need few, and all are cleared for each message.
const FEW_REGISTERS: usize = 16;
const MANY_REGISTERS: usize = 64;
const MOST_REGISTERS: usize = 512;

/// A compiled program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    terms: Vec<Term>,
    loads: Vec<Load>,
    chunks: Vec<Chunk>,
    choices: Vec<Cases>,
    checks: Vec<Checked>,
    processes: Vec<Derived>,
    /// The texts and bytes of the description.
    constants: Vec<u8>,
    /// The value that is the kind of a message.
    kind: Option<(Arg, Kind)>,
    /// The number that the kind is, if it is all that is read.
    kind_at: Option<Load>,
    fields: Vec<ReportedField>,
    registers: usize,
    root: TypeId,
    /// Whether the summary consists of reported fields.
    sums_up: bool,
    /// Whether it matters where the bytes end, so that it only reads what is known to be one message.
    depends_on_end: bool,
}

/// The result of a program.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    length: u32,
    /// Whether a check held that decides about the length of the message, and there is nothing to note.
    pub(crate) is_checked: bool,
}

impl Found {
    /// Where the message ends.
    #[inline]
    pub(crate) fn end(self) -> usize {
        self.length as usize
    }
}

/// The programs of a description. Those that could not be compiled are missing.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    /// Finds where a message ends.
    pub(crate) ends: Option<Program>,
    /// Dissects a message.
    pub(crate) whole: Option<Program>,
    /// The same without reporting its fields.
    pub(crate) silent: Option<Program>,
    /// Finds the kind of a message that is valid.
    pub(crate) kind: Option<Program>,
}

impl Programs {
    /// The program that finds a valid message in bytes that more may follow.
    pub(crate) fn finds(&self) -> Option<&Program> {
        self.silent.as_ref().filter(|silent| !silent.depends_on_end)
    }

    pub(crate) fn new(plan: &Plan, meta: &Meta) -> Programs {
        let whole = Compiler::new(plan, Purpose::Whole(meta)).make_plain(meta.kind);
        let kind = Compiler::new(plan, Purpose::Kind).make_plain(meta.kind);
        Programs {
            ends: Compiler::new(plan, Purpose::End).make(None),
            silent: whole.as_ref().map(Program::without_reports),
            kind: kind.map(|kind| kind.without_reports()),
            whole: whole.map(Program::joined),
        }
    }
}

/// What a message is read with, apart from its bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Given<'c> {
    pub(crate) key: Option<&'c Key>,
    /// Whether checks are known to hold.
    pub(crate) checked: bool,
}

impl Program {
    /// Whether a shape may contain a wanted field.
    pub(crate) fn may_hold(plan: &Plan, shape: &Shape, wanted: &FieldSelection) -> bool {
        Selected::named(wanted).is_in(plan, shape)
    }

    /// A program that reports the wanted fields. None if it would miss some of them.
    pub(crate) fn select(plan: &Plan, wanted: &FieldSelection) -> Option<Program> {
        let choice = Selected::new(plan, wanted)?;
        Compiler::new(plan, Purpose::Fields(&choice)).make(None)
    }

    /// Reports the kind, fields and summary of a message, and what is to be noted of it. If it has no result, it reports
    /// nothing and returns false.
    pub(crate) fn dissect<'a>(
        &'a self,
        (plan, meta, key): (&'a Plan, &Meta, Option<&Key>),
        bytes: &'a [u8],
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        with_records(|records| {
            let given = Given { key, checked: false };
            if self.run_with(bytes, given, records).map(Found::end) != Some(bytes.len()) {
                return false;
            }
            let recorded = Recorded { records, program: self, plan, bytes };
            let mut texts = Texts::default();
            if recorded.test_texts(&mut texts).is_none() {
                return false;
            }
            self.report_kind_of(plan, &records.notes, visit);
            recorded.report_fields(&texts, visit);
            recorded.report_summary(meta, visit);
            records.notes.report(self, visit);
            true
        })
    }

    /// Reports the kind of a message that is known to be valid.
    pub(crate) fn report_kind<'a>(&self, plan: &'a Plan, bytes: &'a [u8], visit: &mut dyn Visit<'a>) -> bool {
        let mut notes = Notes::default();
        match &self.kind_at {
            // It is a number that has the same place in every message.
            Some(load) => {
                let Some(own) = bytes.get(load.at.into()..) else { return false };
                notes.kind = load.of(own.first_chunk().copied().unwrap_or_else(|| padded(own))).cast_signed();
            }
            None => {
                let mut sink = NotReported::default();
                if self.run_with(bytes, Given::default(), &mut sink).is_none() {
                    return false;
                }
                notes = sink.notes;
            }
        }
        self.report_kind_of(plan, &notes, visit);
        true
    }

    /// Reports the kind of a message, and the codes of what is to be noted of it.
    pub(crate) fn outline<'a>(
        &'a self,
        plan: &'a Plan,
        given: Given<'_>,
        bytes: &'a [u8],
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        let mut sink = NotReported::default();
        if self.run_with(bytes, given, &mut sink).map(Found::end) != Some(bytes.len()) {
            return false;
        }
        self.report_kind_of(plan, &sink.notes, visit);
        sink.notes.report(self, visit);
        true
    }

    /// Reports the fields that it was compiled for. If it has no result, it reports nothing and returns false.
    pub(crate) fn report<'a>(
        &'a self,
        (plan, meta): (&'a Plan, &Meta),
        bytes: &'a [u8],
        summary: bool,
        visit: &mut dyn Visit<'a>,
    ) -> bool {
        with_records(|records| {
            if self.run_with(bytes, Given::default(), records).is_none() {
                return false;
            }
            let recorded = Recorded { records, program: self, plan, bytes };
            let mut texts = Texts::default();
            if recorded.test_texts(&mut texts).is_none() {
                return false;
            }
            recorded.report_fields(&texts, visit);
            if summary {
                recorded.report_summary(meta, visit);
            }
            true
        })
    }

    /// Runs it without reporting anything. None if the message must be read by the interpreter.
    pub(crate) fn run(&self, bytes: &[u8], given: Given<'_>) -> Option<Found> {
        self.run_with(bytes, given, &mut NotReported::default())
    }

    #[inline]
    fn run_with(&self, bytes: &[u8], given: Given<'_>, sink: &mut impl records::Sink) -> Option<Found> {
        // A place is stored in 31 bits.
        if bytes.len() >= 1 << 31 {
            return None;
        }
        if self.registers <= FEW_REGISTERS {
            Machine::<_, FEW_REGISTERS>::new(self, given, bytes, sink).run()
        } else if self.registers <= MANY_REGISTERS {
            Machine::<_, MANY_REGISTERS>::new(self, given, bytes, sink).run()
        } else {
            Machine::<_, MOST_REGISTERS>::new(self, given, bytes, sink).run()
        }
    }
}

#[cfg(test)]
mod tests;
