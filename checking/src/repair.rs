//! Makes valid messages of random ones: where a value is wrong, one that the description names is tried.

use std::borrow::Cow;

use framescope_ksy::Described;
use framescope_parser::{Captured, Context, Dissection, Field, Kind, Protocol, Value};

use crate::random::Random;
use crate::verdict::is_refused;

/// The message with other values where they are wrong; None where no value was found that is right in so many `tries`.
pub(crate) fn repaired(
    protocol: &Described,
    context: &Context<'_>,
    mut bytes: Vec<u8>,
    tries: &mut usize,
    random: &mut Random,
) -> Option<Vec<u8>> {
    let (mut constants, mut at, mut in_vain) = (Vec::new(), 0, 0);
    loop {
        let mut message = read(protocol, context, &bytes);
        let Some(place) = wrong_at(&message) else { return Some(bytes) };
        *tries = tries.checked_sub(1)?;
        if constants.is_empty() {
            constants = protocol.constants();
            at = random.below(constants.len());
        }
        if in_vain > constants.len() {
            return None;
        }
        in_vain += 1;
        at = (at + 1) % constants.len().max(1);
        if !put(&mut message.fields, place, constants.get(at)?) {
            return None;
        }
        let mut out = Vec::new();
        let is_written = protocol.encode_in(context, &message, &mut out, &mut Vec::new()).is_ok();
        if is_written && wrong_at(&read(protocol, context, &out)).is_none_or(|other| other > place) {
            (bytes, in_vain) = (out, 0);
            at = random.below(constants.len());
        }
    }
}

fn read<'a>(protocol: &'a Described, context: &Context<'_>, bytes: &'a [u8]) -> Dissection<'a> {
    let mut found = Dissection::default();
    Captured::whole(bytes).in_context(Some(context)).dissect(protocol, &mut found);
    found
}

/// Where the first wrong value is.
fn wrong_at(message: &Dissection<'_>) -> Option<usize> {
    let wrong = message.problems.iter().filter(|problem| is_refused(problem.code));
    wrong.map(|problem| problem.range.start).min()
}

/// Gives the value at a place another one, of its own type.
fn put<'a>(fields: &mut [Field<'a>], place: usize, other: &Value<'a>) -> bool {
    let Some(field) = fields.iter_mut().find(|field| field.range.contains(&place)) else { return false };
    if !field.fields.is_empty() {
        return put(&mut field.fields, place, other);
    }
    let number = other.as_u64();
    match (&mut field.value, number) {
        (Value::Unsigned(own) | Value::Hex(own), Some(number)) => *own = number,
        (Value::Signed(own), Some(number)) => *own = i64::try_from(number).unwrap_or(i64::MAX),
        (Value::Bool(own), Some(number)) => *own = number != 0,
        (Value::Enum(own), Some(number)) => *own = Kind::new(number, None),
        (Value::Text(own), _) => {
            *own = Cow::Owned(match other {
                Value::Text(text) => text.to_string(),
                number => number.to_string(),
            });
        }
        (Value::Bytes(own), _) => {
            if let Some(bytes) = other.as_bytes() {
                *own = Cow::Owned(bytes.to_vec());
            }
        }
        _ => {}
    }
    true
}
