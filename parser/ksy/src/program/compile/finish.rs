//! The last pass over a program: registers that nothing uses are left out, and so are the steps that only fill them.

use crate::program::compile::Compiler;
use crate::program::step::{Arg, NONE, Processing, Register, Step, Term};
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
        program.leave_out();
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
            [&mut check.value, &mut check.from, &mut check.own].into_iter().for_each(&mut *visit);
            check.to.iter_mut().for_each(&mut *visit);
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

    /// Leaves out steps that have no effect.
    fn leave_out(&mut self) {
        let has_effect = |step: &Step| match *step {
            Step::Mark(to) | Step::Set { to, .. } | Step::Stream { to, .. } => to != NONE,
            Step::Forget(first, end) => first != end,
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
            | Step::Mark(to)
            | Step::Set { to, .. }
            | Step::Stream { to, .. }
            | Step::Again { index: to, .. } => Some(to),
            _ => None,
        }
    }
}
