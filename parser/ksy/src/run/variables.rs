//! What earlier messages of the conversation have set, as values of expressions.

use framescope_parser::Code;

use crate::conversation::values::{Key, Stored, Values};
use crate::plan::{Span, Val};
use crate::run::Run;
use crate::run::arena::Stop;
use crate::run::inflate::Inflation;

impl<'m> Run<'_, 'm> {
    /// The value of a variable. It is a fault if it is not known.
    pub(crate) fn variable(&mut self, variable: u16) -> Result<Val, Stop> {
        match self.values() {
            Some(values) => self.loaded(values.one(variable), variable),
            None => Err(self.unset(variable)),
        }
    }

    /// The value of an entry of a table. It is a fault if it is not known.
    pub(crate) fn entry(&mut self, table: u16, key: Val) -> Result<Val, Stop> {
        let Some(key) = self.key_of(key) else {
            let what = Self::what(key);
            return Err(self.wrong(Code::Conversion, format!("the key of a table can't be {what}")));
        };
        match self.values() {
            Some(values) => self.loaded(values.entry(table, &key), table),
            None => Err(self.unset(table)),
        }
    }

    /// What the conversation has set, if the message is read in one.
    fn values(&self) -> Option<&'m Values> {
        self.message.context()?.variables?.downcast_ref()
    }

    /// Where the compressed data of the message's direction is.
    pub(super) fn inflation(&self) -> Inflation {
        let role = self.message.context().and_then(|context| context.role);
        let known = role.and_then(|role| self.values()?.inflation(role));
        known.cloned().unwrap_or(Inflation::Lost)
    }

    fn unset(&self, variable: u16) -> Stop {
        let text = match self.plan.variables.get(usize::from(variable)) {
            Some(name) => format!("_conversation.{name} is not known here"),
            None => "where in the key these bytes are is not known here".to_owned(),
        };
        self.fault(Code::StateUnknown, Span { buffer: Span::CONSTANTS, start: 0, end: 0 }, text)
    }

    fn loaded(&mut self, stored: &Stored, variable: u16) -> Result<Val, Stop> {
        Ok(match stored {
            Stored::Unknown => return Err(self.unset(variable)),
            Stored::Int(n) => Val::Int((*n).into()),
            Stored::Enum(of, n) => Val::Enum(*of, (*n).into()),
            Stored::Wide(wide) => match **wide {
                (None, n) => Val::Int(n),
                (Some(of), n) => Val::Enum(of, n),
            },
            Stored::Float(n) => Val::Float(*n),
            Stored::Bool(b) => Val::Bool(*b),
            Stored::Text(text) => {
                self.spend(text.len() as u64 / 8)?;
                Val::Str(self.make(text.as_bytes())?)
            }
            Stored::Bytes(bytes) => {
                self.spend(bytes.len() as u64 / 8)?;
                Val::Bytes(self.make(bytes)?)
            }
        })
    }

    /// A value as the key of a table; None if it can't be one.
    pub(crate) fn key_of(&mut self, val: Val) -> Option<Key> {
        match val {
            Val::Int(n) | Val::Enum(_, n) => Some(Key::Number(n)),
            Val::Bool(b) => Some(Key::Number(b.into())),
            _ => self.as_bytes(val).map(|span| Key::Bytes(self.bytes(span).into())),
        }
    }

    /// A value as it is kept; unknown if it is nothing that can be.
    pub(crate) fn stored(&mut self, val: Val) -> Stored {
        match val {
            Val::Int(n) => Stored::number(None, n),
            Val::Enum(of, n) => Stored::number(Some(of), n),
            Val::Float(n) => Stored::Float(n),
            Val::Bool(b) => Stored::Bool(b),
            Val::Str(text) => Stored::Text(self.text(text).into()),
            Val::Bytes(_) | Val::Arr(_) => match self.as_bytes(val) {
                Some(span) => Stored::Bytes(self.bytes(span).into()),
                None => Stored::Unknown,
            },
            Val::Null | Val::Obj(_) | Val::Io(_) | Val::Missing => Stored::Unknown,
        }
    }
}
