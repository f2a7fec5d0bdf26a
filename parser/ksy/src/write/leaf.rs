//! Values as bytes: numbers, texts, and what stands around them.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use framescope_parser::{Field, Value};
use std::io::Write;

use super::{Number, Writer};
use crate::plan::{Attr, Process, Shape, Size, Val};
use crate::run::arena::Stop;
use crate::run::shape::{find, trimmed, zeros};
use crate::run::{Run, Scope};
use crate::strings::Charset;

impl<'p> Writer<'p, '_> {
    /// Writes a value that is no structure.
    pub(super) fn leaf(
        &mut self,
        attr: &'p Attr,
        shape: &'p Shape,
        field: Option<&Field<'_>>,
        solved: Option<Number>,
        scope: &Scope,
    ) -> Result<Val, String> {
        let value = field.map(|field| &field.value);
        let made = |stop: Stop| match stop {
            Stop::Fault(fault) => fault.text,
            Stop::More(_) | Stop::Missing => String::new(),
        };
        match shape {
            Shape::Int { bytes, signed, order } => {
                let n = match solved {
                    Some(number) => number.value,
                    None => self.whole_number(attr, value)?,
                };
                let bits = 8 * u32::from(*bytes);
                if !fits(n, bits, *signed) {
                    return Err(format!("{n} does not fit in {bits} bits"));
                }
                let le = self.run.order(*order, scope).map_err(made)?;
                self.part.bytes.extend(number_bytes(n, (*bytes).into(), le));
                Ok(Val::Int(n))
            }
            Shape::Bits { count, le } => {
                let n = match solved {
                    Some(number) => number.value,
                    None => self.whole_number(attr, value)?,
                };
                if !fits(n, (*count).into(), false) {
                    return Err(format!("{n} does not fit in {count} bits"));
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
                    // As JSON has what is no number.
                    Some(Value::Group) => f64::NAN,
                    other => return Err(wanted("a number", other)),
                };
                let le = self.run.order(*order, scope).map_err(made)?;
                #[allow(clippy::cast_possible_truncation)] // The field is no wider.
                let bits = if *bytes == 4 { u64::from((n as f32).to_bits()) } else { n.to_bits() };
                self.part.bytes.extend(number_bytes(bits.into(), (*bytes).into(), le));
                Ok(Val::Float(n))
            }
            Shape::Str(charset) | Shape::Strz(charset) => {
                let mut bytes = match (solved, value) {
                    (Some(number), _) => digits(number, value, attr, self.run.plan).into_bytes(),
                    (None, Some(Value::Text(text))) => {
                        // It may have been read from bytes that its encoding does not write.
                        let raw = field.and_then(super::raw_of);
                        let raw = raw.and_then(|raw| self.run.trimmed_and_undone(attr, raw, scope));
                        let raw = raw.filter(|raw| charset.decode(raw).0 == *text);
                        raw.or_else(|| charset.encode(text)).ok_or_else(|| {
                            "the text has characters that its encoding does not have".to_owned()
                        })?
                    }
                    (None, Some(Value::Bytes(bytes))) => bytes.to_vec(),
                    (None, other) => return Err(wanted("a text", other)),
                };
                let text = charset.decode(&bytes).0.into_owned();
                self.part.bytes.append(&mut bytes);
                if matches!(shape, Shape::Strz(_)) {
                    self.part.bytes.extend_from_slice(zeros(*charset));
                }
                Ok(Val::Str(self.run.make(text.as_bytes()).map_err(made)?))
            }
            Shape::Contents(constant) => {
                let bytes = match value.and_then(Value::as_bytes) {
                    Some(bytes) => bytes.to_vec(),
                    None => self.run.bytes(*constant).to_vec(),
                };
                self.part.bytes.extend_from_slice(&bytes);
                Ok(Val::Bytes(self.run.make(&bytes).map_err(made)?))
            }
            Shape::Bytes | Shape::User(_) | Shape::Switch(..) => {
                let Some(bytes) = value.and_then(Value::as_bytes) else { return Err(wanted("bytes", value)) };
                self.part.bytes.extend_from_slice(bytes);
                Ok(Val::Bytes(self.run.make(bytes).map_err(made)?))
            }
        }
    }

    fn whole_number(&self, attr: &Attr, value: Option<&Value<'_>>) -> Result<i128, String> {
        match value {
            Some(Value::Unsigned(n) | Value::Hex(n)) => Ok((*n).into()),
            Some(Value::Signed(n)) => Ok((*n).into()),
            Some(Value::Bool(b)) => Ok((*b).into()),
            Some(Value::Enum(kind)) => Ok(kind.value.into()),
            Some(Value::Text(text)) => {
                let of = attr.enumeration.and_then(|of| self.run.plan.enums.get(of as usize));
                let member = of.and_then(|of| {
                    of.members.iter().find(|member| member.shown == **text || member.id == **text)
                });
                member.map(|member| member.value).ok_or_else(|| match of {
                    Some(of) => format!(
                        "{text:?} is no member of the enum {}{}",
                        of.name,
                        crate::error::nearest(text, of.members.iter().map(|member| member.shown.as_str()))
                    ),
                    None => wanted("a whole number", value),
                })
            }
            other => Err(wanted("a whole number", other)),
        }
    }
}

impl Run<'_, '_> {
    /// The floating-point number in some bytes.
    pub(super) fn float(&mut self, bytes: &[u8], shape: &Shape, scope: &Scope) -> Option<f64> {
        let Shape::Float { bytes: width, order } = shape else { return None };
        let le = self.order(*order, scope).ok()?;
        (bytes.len() == usize::from(*width)).then_some(())?;
        Some(crate::run::shape::float(bytes, le))
    }

    /// What is in the bytes of a field when terminator and padding are taken away and what was done to them is undone.
    pub(crate) fn trimmed_and_undone(&mut self, attr: &Attr, raw: &[u8], scope: &Scope) -> Option<Vec<u8>> {
        let content = match (&attr.limit.size, &attr.limit.terminator) {
            (Size::Open, Some(terminator)) => {
                let end = find(raw, &terminator.bytes);
                end.map_or(raw.len(), |at| if terminator.include { at + terminator.bytes.len() } else { at })
            }
            _ => trimmed(attr, raw),
        };
        let content = raw.get(..content)?.to_vec();
        match attr.process {
            None => Some(content),
            Some(process) => self.undone(process, content, scope).ok(),
        }
    }
}

/// What stands behind the content of a field: its terminator and its padding.
pub(crate) fn tail(attr: &Attr, content: usize, size: Option<usize>) -> Vec<u8> {
    let limit = &attr.limit;
    let terminator = limit.terminator.as_ref().filter(|terminator| !terminator.include);
    match (&limit.size, size) {
        (Size::Open, _) => {
            terminator.filter(|terminator| terminator.consume).map_or(Vec::new(), |found| found.bytes.clone())
        }
        (Size::Of(_), Some(size)) if content < size => {
            if terminator.is_none() && limit.terminator.is_none() && limit.pad_right.is_none() {
                return Vec::new();
            }
            let mut tail = terminator.map_or(Vec::new(), |terminator| terminator.bytes.clone());
            tail.resize(size - content, limit.pad_right.unwrap_or(0));
            tail
        }
        _ => Vec::new(),
    }
}

/// Does to bytes what the reader undoes.
pub(crate) fn process(
    run: &mut Run<'_, '_>,
    process: Process,
    bytes: &[u8],
    scope: &Scope,
) -> Result<Vec<u8>, Stop> {
    match process {
        Process::Zlib => {
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
            // Writing to memory does not fail.
            let _ = packed.write_all(bytes);
            Ok(packed.finish().unwrap_or_default())
        }
        Process::Xor(_) => run.undone(process, bytes.to_vec(), scope),
        Process::Rol(by) => run.undone(Process::Ror(by), bytes.to_vec(), scope),
        Process::Ror(by) => run.undone(Process::Rol(by), bytes.to_vec(), scope),
    }
}

/// Whether a number can be written in so many bits.
pub(super) fn fits(n: i128, bits: u32, signed: bool) -> bool {
    let bits = bits.min(64);
    if signed { n >= -(1i128 << (bits - 1)) && n < 1i128 << (bits - 1) } else { n >= 0 && n < 1i128 << bits }
}

pub(crate) fn number_bytes(n: i128, width: usize, le: bool) -> Vec<u8> {
    let all = n.to_le_bytes();
    let mut bytes = all.get(..width).unwrap_or(&all).to_vec();
    if !le {
        bytes.reverse();
    }
    bytes
}

/// A number as text, as wide as what stood there if that began with a zero.
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

fn wanted(what: &str, found: Option<&Value<'_>>) -> String {
    let found = match found {
        None => "nothing".to_owned(),
        Some(Value::Group) => "fields".to_owned(),
        Some(Value::Bytes(_)) => "bytes".to_owned(),
        Some(Value::Text(_)) => "a text".to_owned(),
        Some(other) => other.to_string(),
    };
    format!("{what} is wanted, and {found} is given")
}

impl Charset {
    /// The bytes of a text, if the encoding has all its characters.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        let single = |high: &dyn Fn(char) -> Option<u8>| -> Option<Vec<u8>> {
            text.chars()
                .map(|c| if c.is_ascii() { u8::try_from(u32::from(c)).ok() } else { high(c) })
                .collect()
        };
        match self {
            Charset::Utf8 => Some(text.as_bytes().to_vec()),
            Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Charset::Utf16 { le } => Some(
                text.encode_utf16()
                    .flat_map(|unit| if le { unit.to_le_bytes() } else { unit.to_be_bytes() })
                    .collect(),
            ),
            Charset::Utf32 { le } => Some(
                text.chars()
                    .flat_map(|c| if le { u32::from(c).to_le_bytes() } else { u32::from(c).to_be_bytes() })
                    .collect(),
            ),
            Charset::Other(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
            Charset::Latin1 | Charset::Latin5 | Charset::Ibm437 => {
                single(&|wanted| (0x80..=0xff).find(|&byte| self.decode(&[byte]).0.starts_with(wanted)))
            }
            Charset::Unknown => None,
        }
    }
}
