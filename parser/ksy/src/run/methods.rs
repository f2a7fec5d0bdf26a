//! Methods of values that are not structures.

use crate::plan::{ArrayId, Span};
use framescope_parser::Code;

use crate::plan::{Method, Val};
use crate::run::Run;
use crate::run::arena::{Slot, Stop};

use crate::strings::Charset;

impl<'p> Run<'p, '_> {
    pub(super) fn call(&mut self, of: Val, method: Method, arguments: &[Val]) -> Result<Val, Stop> {
        let integer = |n: usize| Val::Int(i128::try_from(n).unwrap_or(i128::MAX));
        let is_at_hand = matches!(
            (method, of),
            (Method::Size | Method::Length, Val::Arr(_) | Val::Bytes(_)) | (Method::First | Method::Last, _)
        );
        if !is_at_hand {
            self.count_contents(of)?;
        }
        match (method, of) {
            (Method::ToS, Val::Bytes(span)) => {
                let name = match arguments {
                    [Val::Str(name)] => self.text(*name).to_owned(),
                    _ => "UTF-8".to_owned(),
                };
                let charset = Charset::named(&name);
                if charset == Charset::Unknown {
                    return Err(self.wrong(Code::UnknownEncoding, format!("'{name}' is an unknown encoding")));
                }
                Ok(self.decode(span, charset)?.0)
            }
            (Method::ToS, Val::Str(_)) => Ok(of),
            (Method::ToS, Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Enum(..)) => {
                let text = self.written(of);
                Ok(Val::Str(self.make(text.as_bytes())?))
            }
            (Method::ToI, Val::Int(n) | Val::Enum(_, n)) => Ok(Val::Int(n)),
            (Method::ToI, Val::Bool(b)) => Ok(Val::Int(b.into())),
            (Method::ToI, Val::Float(n)) => self.truncated(n),
            (Method::ToI, Val::Str(span)) => self.parsed(span, arguments),
            (Method::Length, Val::Str(span)) => Ok(integer(self.text(span).chars().count())),
            (Method::Length | Method::Size, Val::Bytes(span)) => Ok(integer(self.bytes(span).len())),
            (Method::Size | Method::Length, Val::Arr(array)) => Ok(integer(self.arena.array(array).len())),
            (Method::Reverse, Val::Str(span)) => {
                let reversed: String = self.text(span).chars().rev().collect();
                Ok(Val::Str(self.make(reversed.as_bytes())?))
            }
            (Method::Reverse, Val::Bytes(span)) => {
                let reversed: Vec<u8> = self.bytes(span).iter().rev().copied().collect();
                Ok(Val::Bytes(self.make(&reversed)?))
            }
            (Method::Substring, Val::Str(span)) => {
                let [Val::Int(from), Val::Int(to)] = arguments else {
                    return Err(self.wrong(Code::Conversion, "'substring' needs two whole numbers"));
                };
                let (Ok(from), Ok(to)) = (usize::try_from(*from), usize::try_from(*to)) else {
                    return Err(self.wrong(Code::NoMatch, format!("text has no characters {from} to {to}")));
                };
                let part: String = self.text(span).chars().skip(from).take(to.saturating_sub(from)).collect();
                Ok(Val::Str(self.make(part.as_bytes())?))
            }
            (Method::First, Val::Arr(array)) => {
                self.arena.array(array).first().map(|item| item.val).ok_or_else(|| self.no_items())
            }
            (Method::Last, Val::Arr(array)) => {
                self.arena.array(array).last().map(|item| item.val).ok_or_else(|| self.no_items())
            }
            (Method::First, Val::Bytes(span)) => {
                self.bytes(span).first().map(|&b| Val::Int(b.into())).ok_or_else(|| self.no_items())
            }
            (Method::Last, Val::Bytes(span)) => {
                self.bytes(span).last().map(|&b| Val::Int(b.into())).ok_or_else(|| self.no_items())
            }
            (Method::Min | Method::Max, Val::Bytes(span)) => {
                let bytes = self.bytes(span).iter();
                let found = if method == Method::Min { bytes.min() } else { bytes.max() };
                found.map(|&byte| Val::Int(byte.into())).ok_or_else(|| self.no_items())
            }
            (Method::Min | Method::Max, Val::Arr(array)) => self.extreme(method, array),
            (Method::Eof, Val::Io(io)) => {
                let io = self.arena.io(io);
                Ok(Val::Bool(io.pos >= io.end && io.bit == 0))
            }
            (Method::Size, Val::Io(io)) => {
                let io = self.arena.io(io);
                Ok(Val::Int((io.end - io.base).into()))
            }
            (Method::Pos, Val::Io(io)) => {
                let io = self.arena.io(io);
                Ok(Val::Int((io.pos - io.base + u32::from(io.bit > 0)).into()))
            }
            _ => {
                let name =
                    Method::ALL.iter().find(|(_, known)| *known == method).map_or("", |(name, _)| name);
                Err(self.wrong(Code::NoMatch, format!("{} has no '{name}'", Self::what(of))))
            }
        }
    }

    fn no_items(&self) -> Stop {
        self.wrong(Code::NoMatch, "the list has no items")
    }

    fn truncated(&mut self, n: f64) -> Result<Val, Stop> {
        #[allow(clippy::cast_possible_truncation)] // What is too large saturates.
        let whole = n.trunc() as i128;
        if n.is_finite() {
            Ok(Val::Int(whole))
        } else {
            Err(self.wrong(Code::Conversion, "this number is not finite"))
        }
    }

    /// The number that a text is, in a radix if one is given.
    fn parsed(&mut self, span: Span, arguments: &[Val]) -> Result<Val, Stop> {
        let radix = match arguments {
            [Val::Int(radix)] => u32::try_from(*radix).ok().filter(|radix| (2..=36).contains(radix)),
            _ => Some(10),
        };
        let text = self.text(span);
        let number = radix.and_then(|radix| i128::from_str_radix(text, radix).ok());
        let shown: String = text.chars().take(20).collect();
        number
            .map(Val::Int)
            .ok_or_else(|| self.fault(Code::Conversion, span, format!("the text {shown:?} is not a number")))
    }

    /// The least or greatest item of a list.
    fn extreme(&mut self, method: Method, array: ArrayId) -> Result<Val, Stop> {
        let wanted =
            if method == Method::Min { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
        let item = |run: &Self, at: usize| run.arena.array(array).get(at).map(|item| item.val);
        let mut best = item(self, 0).ok_or_else(|| self.no_items())?;
        let mut at = 1;
        while let Some(other) = item(self, at) {
            if self.compare(other, best)? == Some(wanted) {
                best = other;
            }
            at += 1;
        }
        Ok(best)
    }

    /// A value as `to_s` and `f"…"` write it.
    pub(crate) fn written(&self, val: Val) -> String {
        match val {
            Val::Int(n) => n.to_string(),
            Val::Float(n) => n.to_string(),
            Val::Bool(b) => b.to_string(),
            Val::Str(span) => self.text(span).to_owned(),
            Val::Bytes(span) => self.bytes(span).iter().map(|byte| format!("{byte:02x}")).collect(),
            Val::Enum(of, n) => {
                let member = self.plan.member(of, n);
                member.map_or_else(|| n.to_string(), |member| member.shown.clone())
            }
            Val::Null | Val::Missing => String::new(),
            Val::Arr(array) => {
                let written = |item: &Slot| match item.val {
                    // Nested lists are not expanded: they may contain each other.
                    Val::Arr(_) => Self::what(item.val).to_owned(),
                    val => self.written(val),
                };
                let items: Vec<String> = self.arena.array(array).iter().take(16).map(written).collect();
                items.join(", ")
            }
            Val::Obj(_) | Val::Io(_) => Self::what(val).to_owned(),
        }
    }
}
