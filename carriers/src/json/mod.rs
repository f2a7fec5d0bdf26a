//! `json`: JSON texts one after another, such as one a line, or one a message of what carries them.
//!
//! In a stream each message is an object or array with the blanks before it; carried in messages of their own, any value is one.

mod scan;
mod tree;

use std::num::NonZeroUsize;

use framescope_parser::{
    Code, CodeDomain, CodeInfo, Confidence, Dissection, Error, Fault, Field, Input, Kind, Memo, Names,
    Protocol, Sample, Severity, Step, Transport, Usable, Value, Visit,
};
use serde_json::value::RawValue;

use self::scan::{Scan, blanks, next_beginning};
pub use self::tree::{NotJson, check, report};
use crate::preview::Preview;
use crate::shown::Shown;

static CODES: CodeDomain = CodeDomain::new(
    "json",
    &[CodeInfo {
        name: "invalid-json",
        severity: Severity::Error,
        meaning: "The text is said to be JSON, or begins like it, and is not valid.",
        usual_cause: "The text was cut off, or written by hand, with a comma too many or single quotes.",
        what_to_do: "Write JSON with a library, and send its whole text.",
    }],
);

/// The text is not valid JSON.
pub const INVALID_JSON: Code = CODES.code(0);

/// A longer text in a stream is skipped.
const MAX_MESSAGE: usize = 16 << 20;

/// The `json` protocol.
///
/// ```
/// use framescope_carriers::json::Json;
/// use framescope_parser::Dissection;
///
/// let message = Dissection::of(&Json, br#"{"user": "ada", "tags": ["a", "b"]}"#);
/// assert_eq!(message.field("user").unwrap().value.to_string(), "\"ada\"");
/// assert_eq!(message.field("tags.item").unwrap().range, 25..28);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// A text that is a message of what carries it.
struct Whole;

impl Protocol for Json {
    fn name(&self) -> &str {
        "json"
    }

    fn about(&self) -> &str {
        "JSON texts, one after another"
    }

    fn usable(&self, transport: Transport) -> Usable<'_> {
        match transport {
            Transport::Udp => Usable::Whole(&Whole),
            Transport::Tcp | Transport::File => Usable::AsItIs,
        }
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        next(input, memo)
    }

    fn names(&self) -> Names {
        Names {
            fields: vec!["*".to_owned()],
            anywhere: vec![framescope_parser::CAPTURED.to_owned()],
            kinds: KINDS.iter().map(|&kind| kind.to_owned()).collect(),
            verbatim: false,
        }
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        detect(sample)
    }
}

impl Protocol for Whole {
    fn name(&self) -> &str {
        "json"
    }

    fn about(&self) -> &str {
        "one JSON text"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let all = NonZeroUsize::new(input.bytes.len()).unwrap_or(NonZeroUsize::MIN);
        if input.last { Step::Message(all) } else { Step::NeedMore(NonZeroUsize::MIN) }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        dissect(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        detect(sample)
    }
}

/// How far the text was read that begins at an offset in the stream.
#[derive(Default)]
struct Known {
    offset: u64,
    scan: Scan,
}

fn next(input: Input<'_>, memo: &mut Memo) -> Step {
    let count = |length: usize| NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN);
    let all = count(input.bytes.len());
    match input.bytes.get(blanks(input.bytes)) {
        None if input.last => return Step::Skipped(all, Code::NotAFrame),
        None => return Step::NeedMore(NonZeroUsize::MIN),
        Some(b'{' | b'[') => {}
        Some(_) => return Step::Searching(count(next_beginning(input.bytes)), Code::NotAFrame),
    }
    let known = memo.get_or_default::<Known>();
    if known.offset != input.offset || known.scan.read > input.bytes.len() {
        *known = Known { offset: input.offset, scan: Scan::default() };
    }
    match known.scan.advance(input.bytes) {
        Some(length) => {
            *known = Known::default();
            Step::Message(count(length))
        }
        None if input.bytes.len() > MAX_MESSAGE => {
            Step::Searching(count(next_beginning(input.bytes)), Code::LimitExceeded)
        }
        None if input.last => Step::Partial(all),
        None => Step::NeedMore(NonZeroUsize::MIN),
    }
}

const KINDS: [&str; 4] = ["object", "array", "value", "invalid"];

fn dissect<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    let start = blanks(message);
    let text = message.get(start..).unwrap_or_default();
    let number = |name: &str| KINDS.iter().position(|&kind| kind == name).unwrap_or(0) as u64;
    let kind = |name: &'static str, visit: &mut dyn Visit<'a>| {
        visit.kind(Kind::new(number(name), Some(name)));
    };
    match report(&Shown::AsItIs(text, start), visit) {
        Ok(()) => match text.first() {
            Some(b'{') => kind("object", visit),
            Some(b'[') => kind("array", visit),
            _ => kind("value", visit),
        },
        Err(fault) => {
            kind("invalid", visit);
            visit.field("text", start..message.len(), Value::utf8(text));
            problem(&fault, start, message.len(), visit);
        }
    }
    visit.summary(format_args!("{}", Preview(text)));
}

/// Reports that the text at an offset in the message is not JSON.
pub(crate) fn problem(fault: &NotJson, start: usize, end: usize, visit: &mut dyn Visit<'_>) {
    let at = (start + fault.at).min(end);
    visit.problem(INVALID_JSON, at..end.min(at + 1), format_args!("this is not valid JSON: {fault}"));
}

/// Whether the bytes begin as a JSON object or array does.
pub(crate) fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.get(blanks(bytes)), Some(b'{' | b'['))
}

fn detect(sample: Sample<'_>) -> Confidence {
    if !looks_like_json(sample.bytes) {
        return Confidence::No;
    }
    let mut complete = 0;
    for value in serde_json::Deserializer::from_slice(sample.bytes).into_iter::<&RawValue>() {
        match value {
            Ok(value) if looks_like_json(value.get().as_bytes()) => complete += 1,
            // The last one may be cut.
            Err(error) if error.is_eof() => break,
            _ => return Confidence::No,
        }
    }
    if complete > 0 { Confidence::Likely } else { Confidence::Possible }
}

fn encode(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    write(&message.fields, out)
}

/// Appends the text whose members, items or value these fields are.
pub(crate) fn write(fields: &[Field<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
    let value = match fields {
        [only] if only.name == "value" => json_of(only)?,
        fields => json_of_group(fields)?,
    };
    out.extend_from_slice(value.to_string().as_bytes());
    Ok(())
}

fn json_of_group(fields: &[Field<'_>]) -> Result<serde_json::Value, Error> {
    if !fields.is_empty() && fields.iter().all(|field| field.name == "item") {
        return fields.iter().map(json_of).collect::<Result<Vec<_>, _>>().map(Into::into);
    }
    let member = |field: &Field<'_>| Ok((field.name.to_owned(), json_of(field)?));
    fields.iter().map(member).collect::<Result<serde_json::Map<_, _>, _>>().map(Into::into)
}

fn json_of(field: &Field<'_>) -> Result<serde_json::Value, Error> {
    let cant =
        |why: &str| Error::new(0, "value", Fault::NotWritable { why: format!("{}: {why}", field.name) });
    Ok(match &field.value {
        Value::Unsigned(n) | Value::Hex(n) => (*n).into(),
        Value::Signed(n) => (*n).into(),
        Value::Float(n) => (*n).into(),
        Value::Bool(b) => (*b).into(),
        Value::Text(text) => text.clone().into_owned().into(),
        Value::Enum(kind) if kind.name == Some("null") => serde_json::Value::Null,
        Value::Enum(kind) => kind.value.into(),
        Value::Group => json_of_group(&field.fields)?,
        Value::Wide(n) => {
            serde_json::from_str(&n.number().to_string()).map_err(|_| cant("the number is too large"))?
        }
        Value::Bytes(_) => return Err(cant("JSON has no bytes; give it as text")),
        Value::Missing => return Err(cant("its value is not known")),
    })
}

#[cfg(test)]
mod tests {
    use framescope_parser::{Framer, SpanType};

    use super::*;

    fn spans(pieces: &[&[u8]]) -> Vec<(SpanType, u64)> {
        let (mut framer, mut spans) = (Framer::default(), Vec::new());
        for piece in pieces {
            framer.segment(&Json, piece, &mut |span, _| spans.push((span.span_type, span.length)));
        }
        framer.end(&Json, &mut |span, _| spans.push((span.span_type, span.length)));
        spans
    }

    #[test]
    fn texts_in_a_stream_are_divided_however_they_are_cut() {
        let stream = b"{\"a\":\"}\\\"\"}\n[1,[2]]{} \n";
        let whole = spans(&[stream]);
        let message = SpanType::Message;
        assert_eq!(
            whole,
            [(message, 11), (message, 8), (message, 2), (SpanType::Skipped(Code::NotAFrame), 2)]
        );
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(spans(&bytes), whole);
    }

    #[test]
    fn after_other_bytes_the_next_line_is_found() {
        let found = spans(&[b"noise {\nmore\n{\"a\":1}\n{\"b\":"]);
        let skipped = SpanType::Skipped(Code::NotAFrame);
        assert_eq!(found, [(skipped, 13), (SpanType::Message, 7), (SpanType::Partial, 6)]);
    }

    #[test]
    fn json_is_recognised_by_whole_texts() {
        let detect = |bytes: &[u8]| Json.detect(Sample { bytes, segment_ends: &[bytes.len()] });
        assert_eq!(detect(b"{\"a\":1}\n{\"b\""), Confidence::Likely);
        assert_eq!(detect(b"{\"a\":1"), Confidence::Possible);
        assert_eq!(detect(b"[12:00] started"), Confidence::No);
        assert_eq!(detect(b"hello"), Confidence::No);
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        for text in [r#"{"a":[1,-2,null,{"b":true}],"c":"\n"}"#, "[1,2]", "7", "{}"] {
            let mut out = Vec::new();
            Json.encode(&Dissection::of(&Json, text.as_bytes()), &mut out).unwrap();
            assert_eq!(std::str::from_utf8(&out), Ok(text));
        }
    }

    #[test]
    fn invalid_json_is_a_problem_at_its_place() {
        let message = Dissection::of(&Json, b"{\"a\": 1,}");
        assert!(message.has(INVALID_JSON));
        assert_eq!(message.problems[0].range, 8..9);
    }
}
