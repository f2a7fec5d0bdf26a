//! The payload of a frame that is too long for one row, in parts.

use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Confidence, Context, Dissection, Error, Fault, Input, Kind, Measure, Memo, Protocol, Role,
    Sample, Step, Value, Visit,
};

use super::frame::step;

/// How many bytes of payload a part has; the last one may have fewer. A multiple of the mask's four.
pub(super) const PART: usize = 1 << 20;

/// How many bytes of payload follow in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remaining(pub(super) [u64; 2]);

/// A part of the payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest;

/// The name of the only kind.
pub(super) const KIND: Kind<'static> = Kind::new(16, Some("REST"));

/// How long the next part is; unknown without the conversation.
fn part(context: Option<&Context<'_>>) -> Option<usize> {
    let context = context?;
    let Remaining(remaining) = context.variables?.downcast_ref()?;
    let remaining = remaining.get(context.role?.index())?;
    usize::try_from(*remaining).map_or(Some(PART), |remaining| Some(remaining.min(PART)))
}

impl Protocol for Rest {
    fn name(&self) -> &str {
        super::NAME
    }

    fn about(&self) -> &str {
        super::ABOUT
    }

    fn can_resync(&self) -> bool {
        false
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        step(part(input.context).unwrap_or(input.bytes.len()), input)
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        match part(message.context()).and_then(NonZeroUsize::new) {
            Some(length) => Measure::Message { length, head: length, bits: 0 },
            None => Measure::Unknown,
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        visit.kind(KIND);
        visit.field("payload", 0..message.len(), Value::Bytes(message.into()));
        visit.summary(format_args!("{} bytes of the frame before", message.len()));
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        if message.is_whole() {
            return self.dissect(message.bytes(), visit);
        }
        visit.kind(KIND);
        message.report_missing("payload", 0..message.length(), visit);
    }

    fn outline<'a>(&'a self, _: &'a [u8], _: bool, visit: &mut dyn Visit<'a>) {
        visit.kind(KIND);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let payload = message.field("payload").and_then(|payload| payload.value.as_bytes());
        out.extend_from_slice(payload.ok_or(Error::new(0, "payload", Fault::Missing))?);
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

impl Remaining {
    pub(super) fn of(&mut self, role: Role) -> &mut u64 {
        let [client, server] = &mut self.0;
        if role == Role::Client { client } else { server }
    }
}
