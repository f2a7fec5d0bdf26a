//! Changes streams of any protocol as a stream of messages: one field's value is another, and the message is written by its
//! protocol, so that lengths and checks follow.

use std::borrow::Cow;

use framescope_ksy::Described;
use framescope_parser::{Captured, Context, Dissection, Field, Input, Memo, Protocol, SpanType, Step, Value};

use crate::BROKEN;
use crate::frames::{rearrange, store};
use crate::random::Random;
use crate::repair::repaired;
use crate::spans::{holds_message, spans};
use crate::verdict::wrong_in;

/// How many values are tried to make one valid message.
const MOST_REPAIRS: usize = 500;

/// Changes the stream in `data[..size]` and returns its new length, at most `max_size`; a change that can't be written
/// is dropped. `bytes` is the fuzzer's own way to change some bytes: one change in eight is left to it. Where there is
/// no message yet, or in one change of sixteen, one is generated from the description. The same `seed` makes the same
/// change.
pub fn mutate_messages(
    protocol: &Described,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut random = Random::new(seed);
    let mut pieces: Vec<(bool, Vec<u8>)> = Vec::new();
    for (span, bytes) in spans(protocol, data.get(..size).unwrap_or(data)) {
        let is_message = span.span_type == SpanType::Message;
        // Damage does not accumulate: half the time, what is not a message is removed.
        if is_message || random.one_in(2) {
            pieces.push((is_message, bytes.to_vec()));
        }
    }
    if random.one_in(BROKEN) {
        return bytes(data, size, max_size);
    }
    if random.one_in(16) || !pieces.iter().any(|(is_message, _)| *is_message) {
        match generate(protocol, &mut random) {
            Some(message) => pieces.insert(random.below(pieces.len() + 1), (true, message)),
            None if pieces.is_empty() => return bytes(data, size, max_size),
            None => {}
        }
    }
    for _ in 0..=random.below(3) {
        let at = random.below(pieces.len());
        match random.below(8) {
            way @ ..3 if rearrange(&mut pieces, at, way, &mut random) => {}
            _ => {
                let Some((_, piece)) = pieces.get_mut(at) else { continue };
                if let Some(changed) = with_changed_field(protocol, piece, &mut random) {
                    *piece = changed;
                }
            }
        }
    }
    let mut out = pieces.into_iter().flat_map(|(_, piece)| piece).collect::<Vec<u8>>();
    if random.one_in(BROKEN) && !out.is_empty() {
        let at = random.below(out.len());
        let bit = random.below(8);
        out.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
    }
    store(&out, data, max_size)
}

/// A message from nothing: what the protocol writes of the fields that it sees in random bytes, with valid constants,
/// lengths and checks. None if the random bytes did not yield one.
pub fn generate(protocol: &Described, random: &mut Random) -> Option<Vec<u8>> {
    generate_in(protocol, None, random)
}

/// The same without an error, if the first one that is tried can be [made so](made_valid).
pub fn generate_valid(protocol: &Described, random: &mut Random) -> Option<Vec<u8>> {
    made_valid(protocol, &random_head(protocol, 100, random), random)
}

/// The message that some bytes begin with, without an error: with values that the description names in place of those that are
/// wrong, with valid lengths and checks, and without bytes that no field explains. None where no value was found that is right.
pub fn made_valid(protocol: &Described, bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    made_valid_in(protocol, &Context::default(), bytes, &mut { MOST_REPAIRS }, random)
}

/// The same, in a context, with so many `tries`, of which those that are left over are left.
pub(crate) fn made_valid_in(
    protocol: &Described,
    context: &Context<'_>,
    bytes: &[u8],
    tries: &mut usize,
    random: &mut Random,
) -> Option<Vec<u8>> {
    let (mut read, mut out) = (Dissection::default(), Vec::new());
    Captured::whole(bytes).in_context(Some(context)).dissect(protocol, &mut read);
    drop_unread(&mut read.fields);
    protocol.encode_in(context, &read, &mut out, &mut Vec::new()).ok()?;
    let valid = repaired(protocol, context, out, tries, random)?;
    only_message(protocol, context, valid)
}

fn drop_unread(fields: &mut Vec<Field<'_>>) {
    fields.retain(|field| field.name != "_unread");
    fields.iter_mut().for_each(|field| drop_unread(&mut field.fields));
}

/// The same, in a context: if possible one without an error.
pub(crate) fn generate_in(
    protocol: &Described,
    context: Option<&Context<'_>>,
    random: &mut Random,
) -> Option<Vec<u8>> {
    let (mut found, mut tries) = (None, MOST_REPAIRS);
    for _ in 0..32 {
        let longest = if context.is_some() { 100 } else { 40 };
        let bytes = random_head(protocol, longest, random);
        let mut dissection = Dissection::default();
        Captured::whole(&bytes).in_context(context).dissect(protocol, &mut dissection);
        for _ in 0..random.below(3) {
            change_field(&mut dissection, random);
        }
        let mut out = Vec::new();
        let written = match context {
            None => protocol.encode(&dissection, &mut out),
            Some(context) => protocol.encode_in(context, &dissection, &mut out, &mut Vec::new()),
        };
        let Some(context) = context else {
            match written.is_ok() && holds_message(protocol, &out) {
                true => return Some(out),
                false => continue,
            }
        };
        if written.is_err() {
            continue;
        }
        if let Some(valid) = repaired(protocol, context, out.clone(), &mut tries, random)
            && let Some(message) = only_message(protocol, context, valid)
        {
            return Some(message);
        }
        found = found.or_else(|| only_message(protocol, context, out));
    }
    found
}

/// The message that the bytes begin with, with its terminator if it lacks that.
pub(crate) fn only_message(
    protocol: &dyn Protocol,
    context: &Context<'_>,
    mut bytes: Vec<u8>,
) -> Option<Vec<u8>> {
    let step = |bytes: &[u8]| {
        let input =
            Input { bytes, first_segment: bytes.len(), last: true, offset: 0, context: Some(context) };
        if bytes.is_empty() { Step::Lost } else { protocol.next(input, &mut Memo::default()) }
    };
    let mut is_completed = false;
    if let (Step::Partial(_), Some(terminator)) = (step(&bytes), protocol.terminator()) {
        bytes.extend_from_slice(terminator);
        is_completed = true;
    }
    let (Step::Message(length) | Step::Checked(length)) = step(&bytes) else { return None };
    bytes.truncate(length.get());
    // Any bytes can be completed: only those that make a valid message are of use.
    let is_of_use =
        !is_completed || wrong_in(protocol, Captured::whole(&bytes).in_context(Some(context))).is_none();
    is_of_use.then_some(bytes)
}

/// Random bytes that begin like a message.
pub(crate) fn random_head(protocol: &Described, longest: usize, random: &mut Random) -> Vec<u8> {
    let longest = if random.one_in(4) { 200 } else { longest };
    let length = random.below(longest);
    let byte = random.byte();
    // Zeros, one byte over and over, any, or lines of text.
    let way = random.below(4);
    let mut bytes: Vec<u8> = (0..length)
        .flat_map(|_| match way {
            0 => vec![0],
            1 => vec![byte],
            2 => vec![random.byte()],
            _ => random.one_of(&["\r\n", "\r\n", "\n", " ", "0", "7", "-", "a", "B", "."]).into(),
        })
        .collect();
    protocol.put_head(&mut bytes, &mut |choices| random.below(choices));
    bytes
}

/// A message with another value in one of its fields, as its protocol writes it. None if it can't be written so.
pub fn with_changed_field(protocol: &dyn Protocol, message: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut dissection = Dissection::of(protocol, message);
    change_field(&mut dissection, random);
    let mut out = Vec::new();
    protocol.encode(&dissection, &mut out).ok()?;
    (!out.is_empty()).then_some(out)
}

/// Changes the value of one of its fields.
pub fn change_field(message: &mut Dissection<'_>, random: &mut Random) {
    let count = leaves(&mut message.fields, &mut |_| {});
    let (wanted, mut at) = (random.below(count), 0);
    leaves(&mut message.fields, &mut |value| {
        if at == wanted {
            change(value, random);
        }
        at += 1;
    });
}

/// Visits each value of the fields that have no fields in them, and counts them.
fn leaves<'a>(fields: &mut [Field<'a>], each: &mut dyn FnMut(&mut Value<'a>)) -> usize {
    fields
        .iter_mut()
        .map(|field| {
            if field.fields.is_empty() {
                each(&mut field.value);
                1
            } else {
                leaves(&mut field.fields, each)
            }
        })
        .sum()
}

fn change(value: &mut Value<'_>, random: &mut Random) {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => {
            *n = if random.one_in(2) { n.wrapping_add(random.small().into()) } else { random.edge().into() };
        }
        Value::Signed(n) => *n = n.wrapping_neg().wrapping_add(random.small().into()),
        Value::Wide(n) => *n = n.number().wrapping_add(random.small().into()).into(),
        Value::Float(x) => *x = random.one_of(&[0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, -1.5]),
        Value::Bool(b) => *b = !*b,
        Value::Enum(kind) => {
            // Its name would take precedence over the number.
            kind.name = None;
            kind.is_negative = false;
            kind.value = if random.one_in(3) { random.edge().into() } else { random.below(16) as u64 };
        }
        Value::Text(text) => {
            let other = String::from_utf8_lossy(&random.text()).into_owned();
            *text = Cow::Owned(match random.below(16) {
                0 => "x".repeat(random.length()),
                1..8 => format!("{text}{other}"),
                _ => other,
            });
        }
        Value::Bytes(bytes) => {
            let mut other = bytes.to_vec();
            match (random.below(3), other.len()) {
                _ if random.one_in(16) => other.resize(random.length(), b'x'),
                (0, _) | (_, 0) => other.extend(random.text()),
                (1, length) => other.truncate(random.below(length)),
                (_, length) => {
                    let byte = random.byte();
                    let at = random.below(length);
                    other.iter_mut().skip(at).take(1).for_each(|place| *place = byte);
                }
            }
            *bytes = Cow::Owned(other);
        }
        Value::Group | Value::Missing => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Each described format gets messages out of nothing.
    #[test]
    fn messages_are_generated_from_descriptions() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
        let mut all = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "ksy") {
                continue;
            }
            let described = Described::from_file(&path).unwrap();
            let made = (0..100).filter_map(|seed| generate(&described, &mut Random::new(seed)));
            let made: std::collections::BTreeSet<Vec<u8>> = made.collect();
            assert!(made.len() > 25, "{}: {} of 100", path.display(), made.len());
            all += 1;
        }
        assert!(all > 5, "the descriptions are not there");
    }
}
