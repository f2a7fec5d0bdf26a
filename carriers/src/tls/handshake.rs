//! Handshake messages by themselves: the protocol of the channel `tls.handshake`.

use core::num::NonZeroUsize;

use framescope_parser::{
    Captured, Code, CodeDomain, Confidence, Dissection, Error, Fault, Input, Kind, Measure, Memo, Names,
    Protocol, Sample, Step, Visit,
};

use super::codes::{CODES, HANDSHAKE_TOO_LONG};
use super::cursor::Cursor;
use super::joiner::{MAX_HANDSHAKE, header};
use super::messages::{HEAD, Summary, field_names, fields};
use super::{HANDSHAKES, names};
use crate::at_least_one;

/// Handshake messages of TLS, joined over records.
#[derive(Clone, Debug)]
pub struct TlsHandshake {
    carried_by: Vec<String>,
}

impl TlsHandshake {
    /// The name of the protocol.
    pub(crate) const NAME: &'static str = "tls-handshake";
}

impl Default for TlsHandshake {
    fn default() -> TlsHandshake {
        TlsHandshake { carried_by: vec![HANDSHAKES.into()] }
    }
}

/// Whether a message may begin with these bytes, of which there are too few to be sure.
fn may_begin(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|&kind| names::handshake(kind).is_some())
        && bytes.get(1).is_none_or(|&high| usize::from(high) << 16 <= MAX_HANDSHAKE)
}

impl Protocol for TlsHandshake {
    fn name(&self) -> &str {
        TlsHandshake::NAME
    }

    fn about(&self) -> &str {
        "handshake messages of TLS, joined over its records"
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        let beginning = message.beginning();
        match header(beginning) {
            Some((_, length)) => {
                Measure::Message { length: at_least_one(HEAD + length), head: at_least_one(HEAD), bits: 9 }
            }
            None if beginning.len() >= HEAD || !may_begin(beginning) => Measure::Nothing,
            None if message.is_whole() => Measure::NeedMore,
            None => Measure::Unknown,
        }
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let bytes = input.bytes;
        if let Some((_, length)) = header(bytes) {
            let total = HEAD + length;
            return match total.checked_sub(bytes.len()).and_then(NonZeroUsize::new) {
                None => Step::Message(at_least_one(total)),
                Some(_) if input.last => Step::Partial(at_least_one(bytes.len())),
                Some(missing) => Step::NeedMore(missing),
            };
        }
        if bytes.len() < HEAD && may_begin(bytes) {
            return match input.last {
                true => Step::Partial(at_least_one(bytes.len())),
                false => Step::NeedMore(at_least_one(HEAD - bytes.len())),
            };
        }
        let code =
            if may_begin(bytes.get(..1).unwrap_or_default()) { HANDSHAKE_TOO_LONG } else { Code::NotAFrame };
        let begins = |at: &usize| {
            let rest = bytes.get(*at..).unwrap_or_default();
            header(rest).is_some() || rest.len() < HEAD && may_begin(rest)
        };
        match (1..bytes.len()).find(begins) {
            Some(at) => Step::Searching(at_least_one(at), code),
            None if input.last => Step::Skipped(at_least_one(bytes.len()), code),
            None => Step::Searching(at_least_one(bytes.len()), code),
        }
    }

    fn names(&self) -> Names {
        let kinds = (0..=u8::MAX).filter_map(names::handshake).map(Into::into).collect();
        let anywhere = vec![framescope_parser::CAPTURED.into()];
        Names { fields: field_names(""), anywhere, kinds, verbatim: false }
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let Some(&kind) = message.first() else { return };
        visit.kind(Kind::new(kind.into(), names::handshake(kind)));
        let contents = message.get(HEAD..).unwrap_or_default();
        visit.summary(format_args!("{}", Summary { kind, contents }));
        fields(&mut Cursor::new(message, 0..message.len()), visit);
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        let why = "handshake messages are only read: let a TLS library write them".into();
        Err(Error::new(0, "type", Fault::NotWritable { why }))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        // It is spoken nowhere but in its channel.
        Confidence::No
    }

    fn carried_by(&self) -> &[String] {
        &self.carried_by
    }
}
