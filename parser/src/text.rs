//! `text`: UTF-8 with nothing around it.
//!
//! The segment is the message. A character that two segments share shows as the bytes `continued` and `unfinished`
//! around the text, with the note `cut`.

use alloc::vec::Vec;

use core::num::NonZeroUsize;

use crate::field::Bytes;
use crate::preview::Preview;
use crate::utf8;
use crate::{
    Code, Confidence, Dissection, Error, Fault, FieldShape, FieldType, Input, Memo, Names, Protocol, Sample,
    Step, Transport, Usable, Value, Visit,
};

/// The `text` protocol.
///
/// ```
/// use framescope_parser::{Code, Dissection, text::Text};
///
/// // A segment that ends in the middle of a character.
/// let message = Dissection::of(&Text, b"hello \xe4\xbd");
/// assert_eq!(message.field("text").unwrap().value.to_string(), "\"hello \"");
/// assert!(message.has(Code::Cut));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl Protocol for Text {
    fn name(&self) -> &str {
        "text"
    }

    fn about(&self) -> &str {
        "UTF-8 text with nothing around it: what one segment holds is the message"
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
        Names::fixed(["text", "continued", "unfinished"], &[])
    }

    fn shape(&self) -> Option<Vec<FieldShape>> {
        Some(text_shape().into())
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        match text_fields("text", message, 0, visit) {
            Some(text) => visit.summary(format_args!("{}", Preview(text))),
            None => visit.summary(format_args!("{} that are not UTF-8", Bytes(message.len()))),
        }
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode_text(message, out);
        Ok(())
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        let pieces = utf8::pieces(sample.bytes);
        if pieces.valid && pieces.head < pieces.tail && !utf8::has_control(sample.bytes) {
            Confidence::Possible
        } else {
            Confidence::No
        }
    }
}

/// The message of a format in which the segment is the message.
pub(crate) fn first_segment(input: Input<'_>) -> Step {
    let length = input.first_segment.clamp(1, input.bytes.len().max(1));
    Step::Message(NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN))
}

/// A datagram is the message, however many pieces a carrier brings it in.
pub(crate) fn of_datagrams(transport: Transport) -> Usable<'static> {
    match transport {
        Transport::Udp => Usable::Whole(&Datagram),
        Transport::Tcp | Transport::File => Usable::AsItIs,
    }
}

/// Finds a message in a datagram: all of it.
struct Datagram;

impl Protocol for Datagram {
    fn name(&self) -> &str {
        "datagram"
    }

    fn about(&self) -> &str {
        "whatever a datagram holds"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let all = NonZeroUsize::new(input.bytes.len()).unwrap_or(NonZeroUsize::MIN);
        if input.last { Step::Message(all) } else { Step::NeedMore(NonZeroUsize::MIN) }
    }

    fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(0, "text", Fault::Missing))
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

/// The fields that [`text_fields`] reports.
pub(crate) fn text_shape() -> [FieldShape; 3] {
    [("continued", FieldType::Bytes), ("text", FieldType::Text), ("unfinished", FieldType::Bytes)]
        .map(|(name, kind)| FieldShape::new(name, kind))
}

/// Reports text that may be cut at both ends. Returns its whole characters, if that is what they are.
pub(crate) fn text_fields<'a>(
    name: &'a str,
    bytes: &'a [u8],
    start: usize,
    visit: &mut dyn Visit<'a>,
) -> Option<&'a str> {
    let pieces = utf8::pieces(bytes);
    let end = start + bytes.len();
    if !pieces.valid {
        visit.field(name, start..end, Value::Bytes(bytes.into()));
        let bad = start + pieces.tail;
        let byte = bytes.get(pieces.tail).copied().unwrap_or_default();
        visit.problem(
            Code::InvalidUtf8,
            bad..bad + 1,
            format_args!("{name} is not UTF-8: byte {byte:#04x} begins no character"),
        );
        return None;
    }
    if pieces.head > 0 {
        let range = start..start + pieces.head;
        visit.field(
            "continued",
            range.clone(),
            Value::Bytes(bytes.get(..pieces.head).unwrap_or_default().into()),
        );
        visit.problem(
            Code::Cut,
            range,
            format_args!("the segment begins inside a character whose first bytes came in the one before"),
        );
    }
    let whole = bytes.get(pieces.head..pieces.tail).unwrap_or_default();
    let text = core::str::from_utf8(whole).unwrap_or_default();
    visit.field(name, start + pieces.head..start + pieces.tail, Value::Text(text.into()));
    if pieces.tail < bytes.len() {
        let range = start + pieces.tail..end;
        visit.field(
            "unfinished",
            range.clone(),
            Value::Bytes(bytes.get(pieces.tail..).unwrap_or_default().into()),
        );
        let (found, first) = (range.len(), bytes.get(pieces.tail).copied().unwrap_or_default());
        let needed = first.leading_ones();
        visit.problem(
            Code::Cut,
            range,
            format_args!("the segment ends inside a character: {found} of its {needed} bytes are here"),
        );
    }
    Some(text)
}

/// Appends what [`text_fields`] reported.
pub(crate) fn encode_text(message: &Dissection<'_>, out: &mut Vec<u8>) {
    for name in ["continued", "text", "unfinished"] {
        if let Some(field) = message.field(name) {
            out.extend_from_slice(field.value.as_bytes().unwrap_or_default());
        }
    }
}
