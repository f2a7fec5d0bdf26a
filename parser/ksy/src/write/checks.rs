//! Computes the checks of what was written.

use crate::checks;
use crate::plan::ObjectId;
use crate::plan::{Edge, Shape};
use crate::run::Scope;
use crate::run::arena::State;
use crate::write::Writer;
use crate::write::error::WriteError;

impl<'p> Writer<'p, '_> {
    /// Computes the checks of the current part, until checks that cover other checks settle too.
    pub(super) fn check(&mut self) {
        let checks = std::mem::take(&mut self.part.checks);
        for _ in 0..=checks.len().min(8) {
            let mut changed = false;
            for &(id, slot) in &checks {
                changed |= self.check_one(id, slot);
            }
            if !changed {
                break;
            }
        }
    }

    fn check_one(&mut self, id: ObjectId, at: u16) -> bool {
        let plan = self.run.plan;
        let slot = *self.run.arena.slot(id, at);
        let attr = plan.type_of(self.run.arena.object(id).ty).attr(at);
        let Some((attr, check)) = attr.and_then(|attr| Some((attr, attr.check.as_ref()?))) else {
            return false;
        };
        if slot.state != State::Done {
            return false;
        }
        if check.from == Edge::Message && !self.part.is_message {
            let path = self.path(id, attr, None);
            self.note(format!("{path} covers bytes around its own processed part: it is left unchanged"));
            return false;
        }
        let then = match self.run.then(id, check) {
            Ok(then) => then,
            Err(stop) => {
                let path = self.path(id, attr, None);
                self.note(format!("{path} is left unchanged: {}", WriteError::from(stop)));
                return false;
            }
        };
        let covered = self.run.covered(id, attr, slot).and_then(|(span, own)| {
            // Each of many fields may cover all of the message.
            self.run.spend(u64::from(span.len()) / 16).ok()?;
            let bytes = self.part.bytes.get(span.start as usize..span.end as usize)?;
            Some(checks::covered(bytes, 0, bytes.len(), own, then)?.into_owned())
        });
        let Some(covered) = covered else { return false };
        let width = slot.end - slot.start;
        let computed = if check.algorithm.is_keyed() {
            match self.key {
                Some(key) => key.hmac_sha_256(&covered).get(..width as usize).unwrap_or_default().to_vec(),
                None => {
                    let path = self.path(id, attr, None);
                    self.note(format!("{path} is left unchanged: no key was given to compute it"));
                    return false;
                }
            }
        } else {
            let Some(number) = check.number(&covered, width as usize) else { return false };
            let le = match attr.shape {
                Shape::Int { order, .. } => self.run.order(order, &Scope::of(id)).ok(),
                Shape::Bits { le, .. } => Some(le),
                _ => check.digits.map(|_| false),
            };
            let Some(le) = le else { return false };
            check.bytes(number, width as usize, le)
        };
        let Some(own) = self.part.bytes.get_mut(slot.start as usize..slot.end as usize) else { return false };
        if own == computed || own.len() != computed.len() {
            return false;
        }
        own.copy_from_slice(&computed);
        true
    }
}
