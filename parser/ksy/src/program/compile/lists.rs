//! Lists: a field that is read again and again.

use crate::plan::Repeat;
use crate::program::compile::{Compiler, Patch, Place};
use crate::program::step::{NONE, Register, Step};

impl<'p> Compiler<'p> {
    pub(super) fn list(&mut self, place: Place<'p>) -> Option<()> {
        let (index, limit) = (self.register()?, self.register()?);
        let mut exits = Vec::new();
        match place.attr.repeat {
            Repeat::Times(times) => {
                let times = self.number(times, place.frame)?;
                self.push(Step::Times { times, limit, index })?;
                let (mask, number) = (-1, 1);
                let is_empty =
                    Step::Compare { equal: false, want: true, register: limit, mask, number, to: NONE };
                exits.push(self.push(is_empty)?);
            }
            _ => {
                let none = self.constant(0)?;
                self.push(Step::Set { to: index, arg: none })?;
            }
        }
        let before = self.in_byte;
        let (steps, cost) = (self.program.steps.len(), self.cost);
        let exit = self.items(place, (index, limit))?;
        // The next item begins where this one ends.
        let exit = match (before, self.in_byte) {
            (None, Some(le)) => {
                self.program.steps.truncate(steps);
                self.cost = cost;
                self.in_byte = Some(le);
                self.items(place, (index, limit))?
            }
            (Some(before), Some(after)) if before != after => return None,
            _ => exit,
        };
        self.in_byte = before.or(self.in_byte);
        exits.extend(exit);
        self.land(exits);
        Some(())
    }

    /// The steps of an item, and the jump back. Returns the jumps to what follows.
    fn items(&mut self, place: Place<'p>, (index, limit): (Register, Register)) -> Option<Vec<Patch>> {
        let (top, mut exits) = (self.here(), Vec::new());
        self.barrier = usize::from(top);
        (self.tests, self.number) = (None, None);
        if matches!(place.attr.repeat, Repeat::Eos) {
            exits.push(self.push(Step::AtEnd(NONE))?);
        }
        let cost = self.cost;
        let forgets = self.push(Step::Forget(0, 0))?;
        let first = u16::try_from(self.registers).ok()?;
        let outer = self.frames.get_mut(place.frame)?.index.replace(index);
        let ends = self.conditional(|it| {
            it.item = (None, None);
            it.shape(place, &place.attr.shape)?;
            let Repeat::Until(until) = place.attr.repeat else { return Some(Vec::new()) };
            let before = (it.element.take(), it.element_part.take());
            (it.element, it.element_part) = it.item;
            let ends = it.jumps(until, place.frame, true);
            (it.element, it.element_part) = before;
            ends
        })?;
        exits.extend(ends);
        self.frames.get_mut(place.frame)?.index = outer;
        let end = u16::try_from(self.registers).ok()?;
        *self.program.steps.get_mut(forgets)? = Step::Forget(first, end);
        let cost = u16::try_from(self.cost - cost + 4).ok()?;
        self.push(match place.attr.repeat {
            Repeat::Times(_) => Step::Next { limit, index, to: top, cost },
            _ => Step::Again { index, to: top, cost },
        })?;
        Some(exits)
    }
}
