//! What is written is read back the same: generated frames, and messages with generated fields.

use arbitrary::{Arbitrary, Unstructured};
use framescope_checking::{Random, change_field};
use framescope_parser::missive::{FrameBuf, Key, Missive, Payload};
use framescope_parser::{Code, Dissection, Field, Protocol, SpanType, bare::Bare, text::Text};

use crate::decode::MISSIVE;
use crate::roundtrip::canonical;
use crate::spans;

/// Takes `data` as the value of a frame.
pub fn encode(data: &[u8]) {
    let mut unstructured = Unstructured::new(data);
    let Ok(frame) = FrameBuf::arbitrary(&mut unstructured) else { return };
    let bytes = written(&frame);
    changed(&MISSIVE[0], &bytes, &mut Random::of(data));
    // Random bytes are seldom a consistent payload.
    let payload = frame.as_frame().payload;
    let text = String::from_utf8_lossy(payload);
    let sound = [
        Payload::Login { user: &text, credential: payload },
        Payload::Error { code: payload.len() as u16, text: &text },
    ];
    if let Ok(sound) = FrameBuf::of(sound[data.len() % 2]).and_then(|frame| frame.to_bytes()) {
        changed(&MISSIVE[0], &sound, &mut Random::of(data));
    }
    for protocol in [&Bare as &dyn Protocol, &Text] {
        changed(protocol, &[&[1], text.as_bytes()].concat(), &mut Random::of(data));
    }
}

/// The frame that `data` stands for, as it goes over the wire.
pub(crate) fn frame_of(data: &[u8]) -> Option<Vec<u8>> {
    let frame = FrameBuf::arbitrary(&mut Unstructured::new(data)).ok()?;
    let mut bytes = Vec::new();
    frame.as_frame().encode(Some(&key()), &mut bytes).ok()?;
    Some(bytes)
}

fn key() -> Key {
    Key::new(*b"a key of the oracle")
}

/// A frame that was written is read back equal, unless its contents must be refused.
fn written(frame: &FrameBuf) -> Vec<u8> {
    let (frame, key) = (frame.as_frame(), key());
    let mut bytes = Vec::new();
    frame.encode(Some(&key), &mut bytes).expect("nothing in it is too long");
    assert_eq!(bytes.len(), frame.encoded_length());
    let mut slice = vec![0; bytes.len()];
    assert_eq!(frame.encode_to_slice(Some(&key), &mut slice), Ok(bytes.len()));
    assert_eq!(slice, bytes);
    if let Some(short) = slice.len().checked_sub(1) {
        assert!(frame.encode_to_slice(Some(&key), &mut slice[..short]).is_err());
    }

    let missive = Missive { key: Some(key), ..Missive::default() };
    let dissection = Dissection::of(&missive, &bytes);
    match missive.decode(&bytes) {
        Ok((mut read, rest)) => {
            assert!(rest.is_empty());
            read.tag = None;
            assert_eq!(read, frame);
        }
        Err(error) => assert!(
            [Code::ExtensionSize, Code::InvalidUtf8, Code::CriticalExtension]
                .iter()
                .any(|&code| dissection.has(code)),
            "{error}"
        ),
    }
    let found = spans(&missive, &bytes, &[]);
    assert!(matches!(found[..], [span] if span.span_type == SpanType::Message), "{found:?}");
    assert!(!dissection.has(Code::TagMismatch) && !dissection.has(Code::ChecksumMismatch));
    let number = |path: &str| dissection.field(path).and_then(|field| field.value.as_u64());
    assert_eq!(number("kind"), Some(frame.kind.0.into()));
    assert_eq!(number("sequence"), Some(frame.sequence.into()));
    assert_eq!(number("channel"), Some(frame.channel.into()));
    assert_eq!(number("payload_length"), Some(frame.payload.len() as u64));
    let extensions = dissection.field("extensions").map_or(&[][..], |field| &field.fields);
    assert_eq!(extensions.len(), frame.extensions().count());
    bytes
}

/// A message with other values in its fields can be written, and then is valid; or is refused, and leaves nothing
/// behind.
fn changed(protocol: &dyn Protocol, message: &[u8], random: &mut Random) {
    let mut dissection = Dissection::of(protocol, message);
    for _ in 0..=random.below(3) {
        change_field(&mut dissection, random);
    }
    let mut out = Vec::new();
    match protocol.encode(&dissection, &mut out) {
        Ok(()) if protocol.ends_with_segment() => drop(again(protocol, &out)),
        // Fields that do not fit the kind are bytes the first time, and fields of that kind, with lengths, the second.
        Ok(()) => {
            has_given_values(
                &dissection,
                &Dissection::of(protocol, message),
                &Dissection::of(protocol, &out),
            );
            canonical(protocol, &again(protocol, &out));
        }
        Err(error) => {
            assert!(out.is_empty(), "an error leaves nothing behind");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// Lengths are derived: if the message is of the same kind, and its payload was valid, its fields have the values that
/// they were given.
fn has_given_values(wanted: &Dissection<'_>, before: &Dissection<'_>, found: &Dissection<'_>) {
    let number = |message: &Dissection<'_>, name| message.field(name).and_then(|field| field.value.as_u64());
    for name in ["sequence", "channel", "kind", "flags", "version"] {
        assert_eq!(number(wanted, name), number(found, name), "{name}");
    }
    let is_same = |name| number(before, name) == number(found, name);
    let odd = [Code::PayloadOverrun, Code::PayloadTrailing];
    if !is_same("kind") || !is_same("version") || odd.iter().any(|&code| before.has(code)) {
        return;
    }
    let fields = wanted.field("payload").map_or(&[][..], |payload| &payload.fields);
    for field in fields.iter().filter(|field| !field.name.ends_with("_length")) {
        let other = found.field("payload").and_then(|payload| payload.field(field.name));
        let said = |field: &Field<'_>| (field.value.as_bytes().map(<[u8]>::to_vec), field.value.as_u64());
        assert_eq!(Some(said(field)), other.map(said), "payload.{}", field.name);
    }
}

/// A written message, written again.
fn again(protocol: &dyn Protocol, written: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    protocol.encode(&Dissection::of(protocol, written), &mut out).expect("what was written can be written");
    out
}
