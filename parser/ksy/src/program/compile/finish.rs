//! The last pass over a program: registers that nothing uses are left out, and so are the steps that only fill them.

use std::collections::HashSet;

use crate::program::compile::Compiler;
use crate::program::step::{Arg, Load, NONE, Processing, Read, Register, Step, Term};
use crate::program::{MOST_REGISTERS, Program};

/// Which registers are used, and their new numbers.
struct Registers {
    numbers: Vec<Option<Register>>,
    count: usize,
}

impl Registers {
    fn used(program: &mut Program, count: usize) -> Registers {
        let mut used = vec![false; count];
        program.arguments(&mut |arg| {
            if let Some(used) = used.get_mut(usize::from(arg.0)).filter(|_| arg.as_term().is_none()) {
                *used = true;
            }
        });
        let mut next = 0u16;
        let numbers = used.iter().map(|used| {
            let number = used.then_some(next);
            next += u16::from(*used);
            number
        });
        Registers { numbers: numbers.collect(), count: next.into() }
    }

    fn number(&self, register: Register) -> Register {
        self.numbers.get(usize::from(register)).copied().flatten().unwrap_or(NONE)
    }

    /// The number of the first register that is used, from one on.
    fn from(&self, register: Register) -> Register {
        let rest = self.numbers.get(usize::from(register)..).unwrap_or_default();
        let first = rest.iter().find_map(|number| *number);
        first.unwrap_or(u16::try_from(self.count).unwrap_or(NONE))
    }
}

impl Compiler<'_> {
    pub(super) fn finished(self) -> Option<Program> {
        let mut program = self.program;
        let registers = Registers::used(&mut program, self.registers);
        let maybe: HashSet<Register> = program
            .terms
            .iter()
            .filter_map(|term| match term {
                Term::Register(register) => Some(registers.number(*register)),
                _ => None,
            })
            .collect();
        (registers.count <= MOST_REGISTERS).then_some(())?;
        program.registers = registers.count;
        program.arguments(&mut |arg| {
            if arg.as_term().is_none() {
                arg.0 = registers.number(arg.0);
            }
        });
        for step in &mut program.steps {
            if let Some(to) = step.stores() {
                *to = registers.number(*to);
            }
            if let Step::Forget(first, end) = step {
                (*first, *end) = (registers.from(*first), registers.from(*end));
            }
        }
        program.leave_out(Some(&maybe));
        Some(program)
    }
}

impl Program {
    /// Visits every argument, and every register that is read.
    fn arguments(&mut self, visit: &mut dyn FnMut(&mut Arg)) {
        let register = |register: &mut Register, visit: &mut dyn FnMut(&mut Arg)| {
            let mut arg = Arg(*register);
            visit(&mut arg);
            *register = arg.0;
        };
        for step in &mut self.steps {
            match step {
                Step::SkipBy(arg)
                | Step::Bytes { size: arg, .. }
                | Step::Utf8 { size: arg, .. }
                | Step::Enter(arg)
                | Step::If { condition: arg, .. }
                | Step::Choose { on: arg, .. }
                | Step::Set { arg, .. }
                | Step::Value { arg, .. }
                | Step::Seek { at: arg, .. } => visit(arg),
                Step::Compare { register: read, .. } => register(read, visit),
                Step::Times { times, limit, index } => {
                    visit(times);
                    register(limit, visit);
                    register(index, visit);
                }
                Step::Next { limit, index, .. } => {
                    register(limit, visit);
                    register(index, visit);
                }
                _ => {}
            }
        }
        for term in &mut self.terms {
            match term {
                Term::Constant(_) => {}
                Term::Register(read) | Term::Short(_, read, _) => register(read, visit),
                Term::Not(a)
                | Term::Minus(a)
                | Term::Invert(a)
                | Term::AsFloat(a)
                | Term::FloatMinus(a)
                | Term::Truncated(a)
                | Term::Characters(a)
                | Term::Length(a)
                | Term::Parsed(a, _)
                | Term::Text(a) => visit(a),
                Term::Binary(_, a, b) | Term::Compare(_, a, b) | Term::Float(_, a, b) | Term::Byte(a, b) => {
                    [a, b].into_iter().for_each(&mut *visit)
                }
                Term::Choice(a, b, c) => [a, b, c].into_iter().for_each(&mut *visit),
            }
        }
        self.chunks.iter_mut().filter_map(|chunk| chunk.size.as_mut()).for_each(&mut *visit);
        for check in &mut self.checks {
            visit(&mut check.value);
            [&mut check.from, &mut check.to, &mut check.own].into_iter().flatten().for_each(&mut *visit);
        }
        for process in &mut self.processes {
            process.size.iter_mut().for_each(&mut *visit);
            match &mut process.how {
                Processing::Xor(arg) | Processing::XorBytes(arg) | Processing::Rotate(arg, _) => visit(arg),
            }
        }
        if let Some((arg, _)) = &mut self.kind {
            visit(arg);
        }
    }

    /// The same program for messages that are not reported: it only skips what is of no use then.
    pub(crate) fn without_reports(&self) -> Program {
        let mut silent = self.clone();
        let skips = |to: Register, bytes| (to == NONE).then_some(Step::Skip(bytes));
        for step in &mut silent.steps {
            let instead = match *step {
                Step::U1 { to, .. } => skips(to, 1),
                Step::U2 { to, .. } | Step::U2Le { to, .. } => skips(to, 2),
                Step::U4 { to, .. } | Step::U4Le { to, .. } => skips(to, 4),
                Step::U8 { to, .. } | Step::U8Le { to, .. } => skips(to, 8),
                Step::Signed { to, bytes, .. } | Step::Float { to, bytes, .. } => skips(to, bytes.into()),
                Step::Bytes { to: NONE, size, .. } => Some(Step::SkipBy(size)),
                Step::IfReported(to) => Some(Step::Jump(to)),
                Step::Begin(_)
                | Step::End
                | Step::Group(_)
                | Step::Unread(_)
                | Step::Value { .. }
                | Step::StopReport => Some(Step::Skip(0)),
                _ => None,
            };
            *step = instead.unwrap_or(*step);
        }
        let targets = silent.targets();
        let mut last: Option<usize> = None;
        for at in 0..silent.steps.len() {
            let here = silent.steps.get(at).copied();
            let Some(Step::Skip(count)) = here else {
                last = None;
                continue;
            };
            match last.filter(|_| !targets.contains(&at)).and_then(|last| silent.steps.get_mut(last)) {
                Some(Step::Skip(before)) if before.checked_add(count).is_some() => {
                    *before += count;
                    silent.steps.iter_mut().skip(at).take(1).for_each(|step| *step = Step::Skip(0));
                }
                _ => last = Some(at),
            }
        }
        silent.leave_out(None);
        silent.kind_at = silent.only_number();
        silent.joined()
    }

    /// The number of the kind, if the program reads that and nothing behind it.
    fn only_number(&self) -> Option<Load> {
        let (first, number) = match *self.steps.as_slice() {
            [number, Step::Done] => (0, number),
            [Step::Skip(first), number, Step::Done] => (u16::try_from(first).ok()?, number),
            _ => return None,
        };
        let (kind, _) = self.kind?;
        number.load(first)?.0.filter(|load| load.to == kind.0)
    }

    /// Joins steps that read numbers one after another.
    pub(crate) fn joined(mut self) -> Program {
        let targets = self.targets();
        let mut at = 0;
        while at < self.steps.len() {
            let (first, mut bytes, mut length) = (self.loads.len(), 0u16, 0);
            for (index, step) in self.steps.iter().enumerate().skip(at) {
                let is_new = index > at && targets.contains(&index);
                let Some((load, size)) = step.load(bytes).filter(|_| !is_new) else { break };
                let load = load.filter(|load| load.to != NONE || load.field != NONE || load.span < u64::MAX);
                let Some(end) = bytes.checked_add(size) else { break };
                self.loads.extend(load);
                (bytes, length) = (end, length + 1);
            }
            let count = self.loads.len() - first;
            let ids = (u16::try_from(first), u16::try_from(count));
            match (ids, self.steps.get_mut(at..at + length)) {
                ((Ok(first), Ok(count @ 2..)), Some([block, others @ ..])) => {
                    *block = Step::Block { first, count, bytes };
                    others.fill(Step::Skip(0));
                }
                _ => self.loads.truncate(first),
            }
            at += length.max(1);
        }
        self.leave_out(None);
        self
    }

    /// The steps that others jump to.
    fn targets(&mut self) -> HashSet<usize> {
        let mut targets: HashSet<usize> =
            self.steps.iter_mut().filter_map(Step::target).map(|to| usize::from(*to)).collect();
        for cases in &self.choices {
            let all = cases.dense.iter().chain(cases.sparse.iter().map(|(_, to)| to));
            targets.extend(all.chain([&cases.otherwise]).map(|to| usize::from(*to)));
        }
        targets
    }

    /// Leaves out steps that have no effect. `maybe` are the registers that may have no value where they
    /// are used, unless those that do not matter are left out already.
    fn leave_out(&mut self, maybe: Option<&HashSet<Register>>) {
        let has_effect = |step: &Step| match *step {
            Step::Mark(to) | Step::Set { to, .. } | Step::Stream { to, .. } => to != NONE,
            Step::Skip(0) => false,
            Step::Forget(first, end) => {
                maybe.is_none_or(|maybe| (first..end).any(|register| maybe.contains(&register)))
            }
            Step::Known(register) => maybe.is_none_or(|maybe| maybe.contains(&register)),
            _ => true,
        };
        let mut places = Vec::with_capacity(self.steps.len() + 1);
        let mut place = 0u16;
        for step in &self.steps {
            places.push(place);
            place += u16::from(has_effect(step));
        }
        places.push(place);
        let moved = |to: &mut u16| *to = places.get(usize::from(*to)).copied().unwrap_or(NONE);
        self.steps.retain(has_effect);
        self.steps.iter_mut().filter_map(Step::target).for_each(moved);
        for cases in &mut self.choices {
            cases.dense.iter_mut().for_each(moved);
            cases.sparse.iter_mut().for_each(|(_, to)| moved(to));
            moved(&mut cases.otherwise);
        }
    }
}

impl Step {
    /// What a step that reads a number, or skips bytes, does at a place of a block, and how many bytes it takes.
    fn load(&self, at: u16) -> Option<(Option<Load>, u16)> {
        let (to, field, read) = match *self {
            Step::Skip(count) => return Some((None, u16::try_from(count).ok()?)),
            Step::U1 { to, field } => (to, field, (1, false)),
            Step::U2 { to, field } => (to, field, (2, false)),
            Step::U4 { to, field } => (to, field, (4, false)),
            // What may not fit in a register is read by itself.
            Step::U8 { to: NONE, field } => (NONE, field, (8, false)),
            Step::U2Le { to, field } => (to, field, (2, true)),
            Step::U4Le { to, field } => (to, field, (4, true)),
            Step::U8Le { to: NONE, field } => (NONE, field, (8, true)),
            Step::Within { to, field, read, .. } => {
                let read = match read {
                    Read::U1 => (1, false),
                    Read::U2 => (2, false),
                    Read::U4 => (4, false),
                    Read::U2Le => (2, true),
                    Read::U4Le => (4, true),
                };
                (to, field, read)
            }
            _ => return None,
        };
        let (low, span) = match *self {
            Step::Within { low, high, .. } if low <= high => (low.into(), u64::from(high - low)),
            // No number is in an empty range.
            Step::Within { .. } => (u64::MAX, 0),
            _ => (0, u64::MAX),
        };
        let (bytes, le) = read;
        Some((Some(Load { at, bytes, le, to, field, low, span }), bytes.into()))
    }

    /// The step that it may jump to.
    pub(super) fn target(&mut self) -> Option<&mut u16> {
        match self {
            Step::Compare { to, .. }
            | Step::If { to, .. }
            | Step::Jump(to)
            | Step::Next { to, .. }
            | Step::Again { to, .. }
            | Step::IfReported(to)
            | Step::AtEnd(to) => Some(to),
            _ => None,
        }
    }

    /// The register that it fills.
    fn stores(&mut self) -> Option<&mut Register> {
        match self {
            Step::U1 { to, .. }
            | Step::U2 { to, .. }
            | Step::U4 { to, .. }
            | Step::U8 { to, .. }
            | Step::U2Le { to, .. }
            | Step::U4Le { to, .. }
            | Step::U8Le { to, .. }
            | Step::Signed { to, .. }
            | Step::Float { to, .. }
            | Step::Bits { to, .. }
            | Step::Bytes { to, .. }
            | Step::Rest { to, .. }
            | Step::Utf8 { to, .. }
            | Step::Utf8Rest { to, .. }
            | Step::Chunk { to, .. }
            | Step::Within { to, .. }
            | Step::Known(to)
            | Step::Mark(to)
            | Step::Set { to, .. }
            | Step::Stream { to, .. }
            | Step::Again { index: to, .. } => Some(to),
            _ => None,
        }
    }
}
