//! Tests values: constants, `valid`, and checks of other bytes.

use crate::plan::IoId;
use crate::plan::{NodeId, ObjectId};
use framescope_parser::Code;

use crate::checks;
use crate::display::short_bytes;
use crate::plan::{Attr, Check, Edge, Shape, Span, Val, Valid};
use crate::run::arena::{Fault, Slot, State, Stop};
use crate::run::plain::Plain;
use crate::run::{Mode, Run, Scope};

/// Why the check of a tag says nothing.
pub(crate) const NO_KEY: &str = "no key was given to verify it with";

impl<'p> Run<'p, '_> {
    /// Tests a value.
    pub(crate) fn test(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        slot: Slot,
        scope: &Scope,
    ) -> Result<(), Stop> {
        if slot.val == Val::Missing {
            return Ok(());
        }
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if let Shape::Contents(expected) = attr.shape
            && let Val::Bytes(found) = slot.val
            && self.bytes(found) != self.bytes(expected)
        {
            let text =
                format!("it must be {}, and is {}", self.short(Val::Bytes(expected)), self.short(slot.val));
            let stop = self.fault(Code::ValidationNotEqual, span, text);
            self.tolerate(stop, attr)?;
        }
        if let Some(valid) = &attr.valid
            && let Err(stop) = self.validate(valid, slot.val, span, scope)
        {
            self.tolerate(stop, attr)?;
        }
        if attr.check.is_some() && self.mode == Mode::Full {
            self.verify(id, attr, slot)?;
        }
        Ok(())
    }

    /// Computes a check and compares it with the field's value.
    fn verify(&mut self, id: ObjectId, attr: &Attr, slot: Slot) -> Result<(), Stop> {
        let Some((covered, own)) = self.covered(id, attr, slot) else { return Ok(()) };
        if self.lacks(covered) {
            return Ok(());
        }
        let Some(check) = &attr.check else { return Ok(()) };
        // Each of many fields may cover all of the message.
        self.spend(u64::from(covered.len()) / 16)?;
        let is_keyed = check.algorithm.is_keyed();
        if self.checked && !is_keyed {
            return Ok(());
        }
        let then = match self.then(id, check) {
            Ok(then) => then,
            Err(Stop::Fault(fault)) if fault.code == Code::LimitExceeded => return Err(Stop::Fault(fault)),
            // A check that can't be computed says nothing.
            Err(_) => return Ok(()),
        };
        let span = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
        if is_keyed && self.key.is_none() {
            self.note(Code::TagUnverified, attr, span, NO_KEY);
            return Ok(());
        }
        let bytes = checks::covered(self.bytes(covered), 0, covered.len() as usize, own, then);
        let Some(wrong) = bytes.and_then(|bytes| self.mismatch(check, slot, &bytes)) else { return Ok(()) };
        let code = if is_keyed { Code::TagMismatch } else { Code::ChecksumMismatch };
        self.note(attr.problem.unwrap_or(code), attr, span, wrong);
        Ok(())
    }

    /// The byte that a check covers though no message has it.
    pub(crate) fn then(&mut self, id: ObjectId, check: &Check) -> Result<Option<u8>, Stop> {
        let Some(then) = check.then else { return Ok(None) };
        let number = self.number(then, &Scope::of(id))?;
        match u8::try_from(number) {
            Ok(byte) => Ok(Some(byte)),
            Err(_) => Err(self.wrong(Code::Conversion, format!("'then' must be a byte, and is {number}"))),
        }
    }

    /// How a value differs from what a check of some bytes gives.
    fn mismatch(&self, check: &Check, slot: Slot, bytes: &[u8]) -> Option<String> {
        if let Some(key) = self.key.filter(|_| check.algorithm.is_keyed()) {
            let Val::Bytes(tag) = slot.val else { return None };
            let differs = !key.verifies_hmac_sha_256(bytes, self.bytes(tag));
            return differs.then(|| "it does not match the message and the key".to_owned());
        }
        let width = slot.end.saturating_sub(slot.start) as usize;
        let computed = check.number(bytes, width);
        if let Some(digits) = check.digits {
            let Some(computed) = computed else {
                return Some(format!("{width} bytes are no digits of a check"));
            };
            let found = Span { buffer: slot.buffer, start: slot.start, end: slot.end };
            return (digits.read(self.bytes(found)) != Some(computed)).then(|| {
                format!("it is not {}, which the bytes give", digits.write(computed, width).escape_ascii())
            });
        }
        let (Val::Int(found), Some(computed)) = (slot.val, computed) else { return None };
        let mask = if width >= 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let found = u64::try_from(found & i128::from(mask)).unwrap_or(0);
        let digits = 2 + 2 * width;
        (found != computed)
            .then(|| format!("it is {found:#0digits$x}, but the bytes give {computed:#0digits$x}"))
    }

    pub(crate) fn note(&mut self, code: Code, attr: &Attr, span: Span, text: impl Into<String>) {
        self.arena.faults.push(Fault {
            code,
            is_renamed: true,
            field: Some(attr.sym),
            span,
            text: text.into(),
        });
    }

    /// The bytes that a check covers, and the range of the check itself among them.
    pub(crate) fn covered(
        &self,
        id: ObjectId,
        attr: &Attr,
        slot: Slot,
    ) -> Option<(Span, std::ops::Range<usize>)> {
        let check = attr.check.as_ref()?;
        let object = self.arena.object(id);
        let start = match check.from {
            Edge::Message => self.io(IoId::MESSAGE).base,
            Edge::Structure => object.start,
            Edge::Field(from) => {
                let from = self.arena.slot(id, from);
                (from.state == State::Done).then_some(from.start)?
            }
        };
        let end = match check.to {
            None => slot.start,
            Some(to) => {
                let to = self.arena.slot(id, to);
                (to.state == State::Done).then_some(to.end)?
            }
        };
        let buffer = if check.from == Edge::Message { self.io(IoId::MESSAGE).buffer } else { slot.buffer };
        let own = slot.start.checked_sub(start)? as usize..slot.end.checked_sub(start)? as usize;
        (start <= end).then_some((Span { buffer, start, end }, own))
    }

    /// Whether a plain value is plainly valid.
    pub(crate) fn is_plainly_valid(&self, valid: &Valid, own: Plain, scope: &Scope) -> bool {
        let known = |node: &NodeId| self.plain_with(*node, scope, own);
        let is = |node: &NodeId, holds: &dyn Fn(Plain) -> bool| {
            let known = known(node);
            known.is_something() && holds(known)
        };
        match valid {
            Valid::Equal(node) => is(node, &|wanted| own.equals(wanted)),
            Valid::Range(low, high) => {
                low.as_ref().is_none_or(|low| is(low, &|low| !own.less(low)))
                    && high.as_ref().is_none_or(|high| is(high, &|high| !high.less(own)))
            }
            Valid::AnyOf(nodes) => nodes.iter().any(|node| is(node, &|wanted| own.equals(wanted))),
            Valid::Expr(node) => known(node).as_bool() == Some(true),
            Valid::InEnum => false,
        }
    }

    pub(crate) fn validate(
        &mut self,
        valid: &'p Valid,
        val: Val,
        span: Span,
        scope: &Scope,
    ) -> Result<(), Stop> {
        let scope = Scope { element: val, ..*scope };
        let own = Plain::of(&val);
        if own.is_something() && self.is_plainly_valid(valid, own, &scope) {
            return Ok(());
        }
        match valid {
            Valid::Equal(node) => {
                let wanted = self.eval(*node, &scope)?;
                if !self.equal(val, wanted)? {
                    self.count_contents(wanted)?;
                    let text = format!("it must be {}, and is {}", self.short(wanted), self.short(val));
                    return Err(self.fault(Code::ValidationNotEqual, span, text));
                }
            }
            Valid::Range(low, high) => {
                if let Some(low) = low {
                    let low = self.eval(*low, &scope)?;
                    if self.compare(val, low)?.is_none_or(std::cmp::Ordering::is_lt) {
                        let text =
                            format!("it must be at least {}, and is {}", self.short(low), self.short(val));
                        return Err(self.fault(Code::ValidationLessThan, span, text));
                    }
                }
                if let Some(high) = high {
                    let high = self.eval(*high, &scope)?;
                    if self.compare(val, high)?.is_none_or(std::cmp::Ordering::is_gt) {
                        let text =
                            format!("it must be at most {}, and is {}", self.short(high), self.short(val));
                        return Err(self.fault(Code::ValidationGreaterThan, span, text));
                    }
                }
            }
            Valid::AnyOf(nodes) => {
                let mut known = Vec::new();
                for node in nodes {
                    let wanted = self.eval(*node, &scope)?;
                    if self.equal(val, wanted)? {
                        return Ok(());
                    }
                    self.count_contents(wanted)?;
                    known.push(self.short(wanted));
                }
                let text = format!("it must be one of {}, and is {}", known.join(", "), self.short(val));
                return Err(self.fault(Code::ValidationNotAnyOf, span, text));
            }
            Valid::InEnum => {
                if let Val::Enum(of, n) = val
                    && self.plan.member(of, n).is_none()
                {
                    let name = &self.plan.enum_of(of).name;
                    return Err(self.fault(
                        Code::ValidationNotInEnum,
                        span,
                        format!("{n} is not a member of the enum {name}"),
                    ));
                }
            }
            Valid::Expr(node) => {
                if !self.truth(*node, &scope)? {
                    let text = format!("{} does not satisfy the condition", self.short(val));
                    return Err(self.fault(Code::ValidationExpr, span, text));
                }
            }
        }
        Ok(())
    }

    /// A value, shortened.
    pub(crate) fn short(&self, val: Val) -> String {
        match val {
            Val::Str(span) => {
                let text: String = self.text(span).chars().take(30).collect();
                format!("{text:?}")
            }
            Val::Bytes(span) => short_bytes(self.bytes(span)),
            _ => self.written(val),
        }
    }
}
