//! `bare`: what a first socket program speaks. One kind byte, then UTF-8 text to the end of whatever was received.
//!
//! ```text
//! offset size field
//!      0    1 kind   1 login, 2 logout, 3 data
//!      1    … text   UTF-8, to the end of the segment
//! ```
//!
//! The format has no length, so the segment is the message, and TCP is free to cut segments elsewhere than the
//! sender wrote: that is what goes wrong in practice, and what the notes `cut` and `glued` show.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::preview::Preview;
use crate::text::{first_segment, of_datagrams, text_fields, text_shape};
use crate::utf8;
use crate::{
    Code, Confidence, Dissection, Error, Event, Fault, FieldReader, FieldSelection, FieldShape, FieldType,
    Input, Kind, Memo, Names, Observation, Observer, Protocol, Sample, Sentence, Step, Transport, Usable,
    Value, Visit,
};

/// The `bare` protocol.
///
/// ```
/// use framescope_parser::{Code, Dissection, bare::Bare};
///
/// // One `recv` brought two messages.
/// let message = Dissection::of(&Bare, b"\x01ada\x03hello");
/// assert_eq!(message.kind.unwrap().to_string(), "LOGIN");
/// assert!(message.has(Code::Glued));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare;

fn kind_name(kind: u8) -> Option<&'static str> {
    match kind {
        1 => Some("LOGIN"),
        2 => Some("LOGOUT"),
        3 => Some("DATA"),
        _ => None,
    }
}

/// Whether the bytes look like the later part of a cut message: text where a kind byte should be.
fn begins_inside(message: &[u8]) -> bool {
    message.first().is_some_and(|&byte| byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r'))
}

impl Protocol for Bare {
    fn name(&self) -> &str {
        "bare"
    }

    fn about(&self) -> &str {
        "a kind byte and UTF-8 text to the end of the segment, without a length"
    }

    fn ends_with_segment(&self) -> bool {
        true
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        of_datagrams(transport)
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        first_segment(input)
    }

    fn names(&self) -> Names {
        Names::fixed(["kind", "text", "continued", "unfinished"], &["LOGIN", "LOGOUT", "DATA"])
    }

    fn shape(&self) -> Option<Vec<FieldShape>> {
        let names = (1..=3).filter_map(|kind| Some((kind.into(), kind_name(kind)?.into()))).collect();
        let mut fields = vec![FieldShape::new("kind", FieldType::Enum { names })];
        fields.extend(text_shape());
        Some(fields)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        report(message, true, visit);
    }

    fn select(&self, _: &FieldSelection) -> Option<Box<dyn FieldReader>> {
        Some(Box::new(Bare))
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let kind = match message.field("kind") {
            Some(kind) => {
                let named = |name: &str| (1..=3).find(|kind| kind_name(*kind) == Some(name));
                let byte = match &kind.value {
                    Value::Text(name) => named(name),
                    value => value.as_u64().and_then(|kind| u8::try_from(kind).ok()),
                };
                Some(byte.ok_or(Error::new(0, "kind", Fault::Missing))?)
            }
            None => None,
        };
        out.extend(kind);
        crate::text::encode_text(message, out);
        Ok(())
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        let is_kind = |at: usize| sample.bytes.get(at).is_some_and(|&byte| kind_name(byte).is_some());
        // Each segment begins with a kind byte, except for those that a message was cut in.
        let starts = core::iter::once(0).chain(sample.segment_ends.iter().copied());
        let starts = starts.filter(|&start| start < sample.bytes.len());
        let (mut segments, mut with_kind) = (0, 0);
        for start in starts {
            segments += 1;
            with_kind += usize::from(is_kind(start));
        }
        let text: Vec<u8> = sample.bytes.iter().copied().filter(|&byte| kind_name(byte).is_none()).collect();
        let is_text = !text.is_empty() && utf8::pieces(&text).valid && !utf8::has_control(&text);
        if is_kind(0) && with_kind * 2 >= segments && is_text { Confidence::Likely } else { Confidence::No }
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(Cuts::default()))
    }
}

/// Reports all fields, as there are few, but no problems.
impl FieldReader for Bare {
    fn report<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        report(message, false, visit);
    }
}

/// Reports a message, and, if wanted, also the notes for which all of its text has to be scanned.
fn report<'a>(message: &'a [u8], notes: bool, visit: &mut dyn Visit<'a>) {
    let Some(&first) = message.first() else { return };
    if begins_inside(message) {
        // A message that begins inside a character says so where its text is reported.
        if notes && utf8::pieces(message).head == 0 {
            visit.problem(
                Code::Cut,
                0..1,
                format_args!(
                    "no kind byte comes first: this looks like the rest of a message that was cut in two"
                ),
            );
        }
        let text = text_fields("text", message, 0, visit);
        visit.summary(format_args!("…{}", Preview(text.unwrap_or_default())));
        return;
    }
    let kind = Kind::new(first.into(), kind_name(first));
    visit.kind(kind);
    visit.field("kind", 0..1, Value::Enum(kind));
    if kind.name.is_none() {
        visit.problem(
            Code::UnknownKind,
            0..1,
            format_args!("kind {first:#04x} is not 1 (login), 2 (logout) or 3 (data)"),
        );
    }
    let rest = message.get(1..).unwrap_or_default();
    let text = text_fields("text", rest, 1, visit);
    let is_kind = |&byte: &u8| kind_name(byte).is_some();
    if notes && let Some(at) = rest.iter().position(is_kind) {
        let byte = rest.get(at).copied().unwrap_or_default();
        visit.problem(
            Code::Glued,
            at + 1..at + 2,
            format_args!("a kind byte ({byte}) is in the text: two messages look joined in one segment"),
        );
    }
    visit.summary(format_args!("{}", Preview(text.unwrap_or_default())));
}

/// Marks the first part of a message once its rest shows that it was cut.
#[derive(Debug, Default)]
struct Cuts {
    previous: [Option<(u32, bool)>; 2],
}

impl Observer for Cuts {
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
        match event {
            Event::Message { direction, row, bytes, .. } => {
                let bytes = bytes.bytes();
                let Some(previous) = self.previous.get_mut(direction.index()) else { return };
                if let (true, Some((row, false))) = (begins_inside(bytes), *previous) {
                    let text = Sentence::new("the next segment continues this message's text");
                    found.push(Observation::Problem { row, code: Code::Cut, text });
                }
                // What ends inside a character says so itself.
                let ends_inside = utf8::pieces(bytes).tail < bytes.len();
                *previous = Some((row, ends_inside));
            }
            Event::Loss { direction } => {
                if let Some(previous) = self.previous.get_mut(direction.index()) {
                    *previous = None;
                }
            }
        }
    }
}
