//! Writes values that are not structures.

use crate::write::bounded::raw_of;
use crate::write::error::WriteError;
use framescope_parser::{Field, Value};

use crate::plan::{Attr, Shape, Size, Val};

use crate::run::extent::zeros;
use crate::run::numbers::{fits, number_bytes};
use crate::run::{Run, Scope};
use crate::write::{Number, Writer};

impl<'p> Writer<'p, '_> {
    /// Writes a value that is not a structure.
    pub(super) fn leaf(
        &mut self,
        attr: &'p Attr,
        shape: &'p Shape,
        field: Option<&Field<'_>>,
        solution: Option<Number>,
        scope: &Scope,
    ) -> Result<Val, WriteError> {
        let value = field.map(|field| &field.value);
        match shape {
            Shape::Int { bytes, signed, order } => {
                let n = match solution {
                    Some(number) => number.value,
                    None => self.whole_number(attr, value)?,
                };
                let bits = 8 * u32::from(*bytes);
                if !fits(n, bits, *signed) {
                    return Err(WriteError::DoesNotFit { number: n, bits });
                }
                let le = self.run.order(*order, scope)?;
                self.part.bytes.extend(number_bytes(n, (*bytes).into(), le));
                Ok(Val::Int(n))
            }
            Shape::Bits { count, le } => {
                let n = match solution {
                    Some(number) => number.value,
                    None => self.whole_number(attr, value)?,
                };
                if !fits(n, (*count).into(), false) {
                    return Err(WriteError::DoesNotFit { number: n, bits: (*count).into() });
                }
                self.part.put_bits(u64::try_from(n).unwrap_or(0), (*count).into(), *le);
                Ok(if *count == 1 { Val::Bool(n == 1) } else { Val::Int(n) })
            }
            Shape::Float { bytes, order } => {
                #[allow(clippy::cast_precision_loss)] // A float is what the field holds.
                let n = match value {
                    Some(Value::Float(n)) => *n,
                    Some(Value::Unsigned(n) | Value::Hex(n)) => *n as f64,
                    Some(Value::Signed(n)) => *n as f64,
                    // JSON has no notation for it.
                    Some(Value::Group) => f64::NAN,
                    other => return Err(WriteError::wrong_kind("a number", other)),
                };
                let le = self.run.order(*order, scope)?;
                #[allow(clippy::cast_possible_truncation)] // The field is no wider.
                let bits = if *bytes == 4 { u64::from((n as f32).to_bits()) } else { n.to_bits() };
                self.part.bytes.extend(number_bytes(bits.into(), (*bytes).into(), le));
                Ok(Val::Float(n))
            }
            Shape::Str(charset) | Shape::Strz(charset) => {
                let mut bytes = match (solution, value) {
                    (Some(number), _) => digits(number, value, attr, self.run.plan).into_bytes(),
                    (None, Some(Value::Text(text))) => {
                        // It may have been read from bytes that its encoding would not produce.
                        let raw = field.and_then(raw_of);
                        let raw = raw.and_then(|raw| self.run.trimmed_and_undone(attr, raw, scope));
                        let raw = raw.filter(|raw| charset.decode(raw).0 == *text);
                        raw.or_else(|| charset.encode(text)).ok_or(WriteError::Unencodable)?
                    }
                    (None, Some(Value::Bytes(bytes))) => bytes.to_vec(),
                    (None, other) => return Err(WriteError::wrong_kind("text", other)),
                };
                let text = charset.decode(&bytes).0.into_owned();
                self.part.bytes.append(&mut bytes);
                if matches!(shape, Shape::Strz(_)) {
                    self.part.bytes.extend_from_slice(zeros(*charset));
                }
                Ok(Val::Str(self.run.make(text.as_bytes())?))
            }
            Shape::Contents(constant) => {
                let bytes = match value.and_then(Value::as_bytes) {
                    Some(bytes) => bytes.to_vec(),
                    None => self.run.bytes(*constant).to_vec(),
                };
                self.part.bytes.extend_from_slice(&bytes);
                Ok(Val::Bytes(self.run.make(&bytes)?))
            }
            Shape::Bytes | Shape::User(_) | Shape::Switch(..) => {
                let Some(bytes) = value.and_then(Value::as_bytes) else {
                    return Err(WriteError::wrong_kind("bytes", value));
                };
                self.part.bytes.extend_from_slice(bytes);
                Ok(Val::Bytes(self.run.make(bytes)?))
            }
        }
    }

    pub(super) fn whole_number(&self, attr: &Attr, value: Option<&Value<'_>>) -> Result<i128, WriteError> {
        match value {
            Some(Value::Unsigned(n) | Value::Hex(n)) => Ok((*n).into()),
            Some(Value::Signed(n)) => Ok((*n).into()),
            Some(Value::Bool(b)) => Ok((*b).into()),
            Some(Value::Wide(n)) => Ok(n.number()),
            Some(Value::Enum(kind)) => Ok(kind.number()),
            Some(Value::Text(text)) => {
                let of = attr.enumeration.map(|of| self.run.plan.enum_of(of));
                let member = of.and_then(|of| {
                    of.members.iter().find(|member| member.shown == **text || member.id == **text)
                });
                member.map(|member| member.value).ok_or_else(|| match of {
                    Some(of) => WriteError::not_a_member(text, of),
                    None => WriteError::wrong_kind("a whole number", value),
                })
            }
            other => Err(WriteError::wrong_kind("a whole number", other)),
        }
    }
}

impl Run<'_, '_> {
    /// The floating-point number in some bytes.
    pub(super) fn float(&mut self, bytes: &[u8], shape: &Shape, scope: &Scope) -> Option<f64> {
        let Shape::Float { bytes: width, order } = shape else { return None };
        let le = self.order(*order, scope).ok()?;
        (bytes.len() == usize::from(*width)).then_some(())?;
        Some(crate::run::numbers::float(bytes, le))
    }
}

/// A number as text, as wide as the text before if that began with a zero.
fn digits(number: Number, before: Option<&Value<'_>>, attr: &Attr, plan: &crate::plan::Plan) -> String {
    let upper = match before {
        Some(Value::Text(text)) => text.chars().any(|c| c.is_ascii_uppercase()),
        _ => false,
    };
    let (mut n, mut text) = (number.value.unsigned_abs(), Vec::new());
    loop {
        let digit = u32::try_from(n % u128::from(number.radix)).unwrap_or(0);
        let digit = char::from_digit(digit, number.radix).unwrap_or('0');
        text.push(if upper { digit.to_ascii_uppercase() } else { digit });
        n /= u128::from(number.radix);
        if n == 0 {
            break;
        }
    }
    let fixed = match attr.limit.size {
        Size::Of(node) if attr.limit.pad_right.is_none() && attr.limit.terminator.is_none() => {
            plan.expressions.constant(node).and_then(|size| usize::try_from(size).ok())
        }
        _ => None,
    };
    let width = match before {
        Some(Value::Text(text)) if text.starts_with('0') && text.len() > 1 => text.len(),
        _ => 0,
    };
    let width = fixed.unwrap_or(width).min(64);
    while text.len() < width {
        text.push('0');
    }
    if number.value < 0 {
        text.push('-');
    }
    text.iter().rev().collect()
}
