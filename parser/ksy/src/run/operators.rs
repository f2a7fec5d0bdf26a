//! Operators on values.

use framescope_parser::Code;

use crate::expr::Binary;
use crate::plan::{NodeId, Val};
use crate::run::arena::Stop;

use crate::run::{Run, Scope};

impl<'p> Run<'p, '_> {
    pub(super) fn binary(
        &mut self,
        operator: Binary,
        left: NodeId,
        right: NodeId,
        scope: &Scope,
    ) -> Result<Val, Stop> {
        match operator {
            Binary::Or => return Ok(Val::Bool(self.truth(left, scope)? || self.truth(right, scope)?)),
            Binary::And => return Ok(Val::Bool(self.truth(left, scope)? && self.truth(right, scope)?)),
            _ => {}
        }
        let left = self.eval(left, scope)?;
        let right = self.eval(right, scope)?;
        let ordering = |run: &mut Self| {
            run.compare(left, right)?.ok_or_else(|| {
                run.wrong(
                    Code::Conversion,
                    format!("{} and {} can't be compared", Self::what(left), Self::what(right)),
                )
            })
        };
        match operator {
            Binary::Equal => return Ok(Val::Bool(self.equal(left, right)?)),
            Binary::NotEqual => return Ok(Val::Bool(!self.equal(left, right)?)),
            Binary::Less => return Ok(Val::Bool(ordering(self)?.is_lt())),
            Binary::LessEqual => return Ok(Val::Bool(ordering(self)?.is_le())),
            Binary::Greater => return Ok(Val::Bool(ordering(self)?.is_gt())),
            Binary::GreaterEqual => return Ok(Val::Bool(ordering(self)?.is_ge())),
            _ => {}
        }
        match (left, right) {
            (Val::Int(a), Val::Int(b)) => self.integers(operator, a, b),
            (Val::Str(a), Val::Str(b)) if operator == Binary::Plus => Ok(Val::Str(self.join(a, b)?)),
            (Val::Int(_) | Val::Float(_), Val::Int(_) | Val::Float(_)) => {
                #[allow(clippy::cast_precision_loss)] // An operation with a float is inexact anyway.
                let float = |val: Val| match val {
                    Val::Int(n) => n as f64,
                    Val::Float(n) => n,
                    _ => f64::NAN,
                };
                let (a, b) = (float(left), float(right));
                Ok(Val::Float(match operator {
                    Binary::Plus => a + b,
                    Binary::Minus => a - b,
                    Binary::Times => a * b,
                    Binary::Divide => a / b,
                    Binary::Modulo => a - b * (a / b).floor(),
                    _ => {
                        return Err(self
                            .wrong(Code::Conversion, format!("'{}' needs whole numbers", operator.sign())));
                    }
                }))
            }
            _ => {
                let (a, b) = (Self::what(left), Self::what(right));
                Err(self.wrong(
                    Code::Conversion,
                    format!("'{}' can't be applied to {a} and {b}", operator.sign()),
                ))
            }
        }
    }

    fn integers(&mut self, operator: Binary, a: i128, b: i128) -> Result<Val, Stop> {
        operator.of_integers(a, b).map(Val::Int).ok_or_else(|| match operator {
            Binary::Divide | Binary::Modulo if b == 0 => self.wrong(Code::Conversion, "division by zero"),
            _ => self.wrong(Code::Conversion, "the result is too large"),
        })
    }
}
