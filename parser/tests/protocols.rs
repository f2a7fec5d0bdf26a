//! What every protocol reports, and the words that people and scripts know.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test says what is wrong by panicking

use framescope_parser::bare::Bare;
use framescope_parser::missive::{Flags, FrameBuf, Header, Key, Kind, Missive, Tag};
use framescope_parser::text::Text;
use framescope_parser::{
    Captured, Code, CodeSet, Confidence, Direction, Dissection, Error, Event, Fault, Field, Framer, Input,
    Memo, Names, Observation, Protocol, Sample, Severity, SpanType, Step, Unclaimed, Value, Visit,
};

#[test]
fn protocols_have_names_and_a_line_about_them() {
    let missive = Missive::default();
    let protocols: [&dyn Protocol; 4] = [&missive, &Bare, &Text, &Unclaimed];
    assert_eq!(protocols.map(|protocol| protocol.name()), ["missive", "bare", "text", "none"]);
    for (protocol, word) in protocols.iter().zip(["header", "kind byte", "UTF-8", "accounted"]) {
        assert!(protocol.about().contains(word), "{}: {}", protocol.name(), protocol.about());
        assert!(!protocol.about().contains('\n'));
    }
    assert_eq!(protocols.map(|protocol| protocol.observer().is_some()), [true, true, false, false]);
}

/// How sure `protocol` is of a direction that arrived in these segments.
fn detect(protocol: &dyn Protocol, segments: &[&[u8]]) -> Confidence {
    let bytes = segments.concat();
    let segment_ends: Vec<usize> = segments
        .iter()
        .scan(0, |end, segment| {
            *end += segment.len();
            Some(*end)
        })
        .collect();
    protocol.detect(Sample { bytes: &bytes, segment_ends: &segment_ends })
}

#[test]
fn bare_is_likely_where_most_segments_begin_with_a_kind_and_the_rest_is_text() {
    use Confidence::{Likely, No};
    for (segments, expected) in [
        (&[&b"\x01ada"[..]][..], Likely),
        (&[b"\x01ada", b"\x03hello", b"\x02"], Likely),
        // Half of them may be the later part of a message that was cut.
        (&[b"\x01ada", b" lovelace"], Likely),
        (&[b"\x01ada", b" love", b"lace"], No),
        (&[b"\x01ada", b" love", b"\x03hi", b"lace"], Likely),
        (&[b"ada", b"\x01ada", b"\x03hi"], No),
        (&[b"\x04ada"], No),
        (&[b"\x01"], No),
        (&[b"\x01a\xff"], No),
        (&[b"\x01a\x00b"], No),
        (&["\u{3}你".as_bytes()], Likely),
        // A character cut by the end of the sample is text all the same.
        (&[b"\x03\xe4\xbd"], Likely),
        (&[], No),
    ] {
        assert_eq!(detect(&Bare, segments), expected, "{segments:?}");
    }
}

#[test]
fn text_is_possible_where_nothing_speaks_against_it() {
    use Confidence::{No, Possible};
    for (bytes, expected) in [
        (&b"hello\r\n"[..], Possible),
        ("你好".as_bytes(), Possible),
        (b"a\xe4\xbd", Possible),
        (b"\xbd\xa0a", Possible),
        (b"\xe4\xbd", No),
        (b"a\xffb", No),
        (b"a\x00b", No),
        (b"a\x7f", No),
        (b"\x1b[1mbold\x1b[0m", Possible),
        (b"", No),
    ] {
        assert_eq!(detect(&Text, &[bytes]), expected, "{bytes:02x?}");
    }
    assert_eq!(detect(&Unclaimed, &[b"anything"]), No);
}

#[test]
fn missive_is_certain_with_a_header_and_likely_with_its_beginning() {
    use Confidence::{Certain, Likely, No};
    let missive = Missive::default();
    let ping = FrameBuf::new(Kind::PING).to_bytes().unwrap();
    assert_eq!(detect(&missive, &[&ping]), Certain);
    assert_eq!(detect(&missive, &[b"begins inside a frame \xf5\x4d \xf5", &ping]), Certain);
    assert_eq!(detect(&missive, &[&ping[..19]]), Likely);
    assert_eq!(detect(&missive, &[&ping[..2]]), Likely);
    assert_eq!(detect(&missive, &[&ping[..1]]), No);
    assert_eq!(detect(&missive, &[b"x", &ping[..19]]), No);
    assert_eq!(detect(&missive, &[b""]), No);
}

#[test]
fn bare_marks_the_first_part_of_a_message_when_its_rest_arrives() {
    let mut observer = Bare.observer().unwrap();
    let mut found = Vec::new();
    let (forward, backward) = (Direction::Forward, Direction::Backward);
    for (row, (direction, bytes)) in (0..).zip([
        (forward, &b"\x03hello"[..]),
        (backward, b"\x01bo"),
        (forward, b" world"), // continued by 0
        (forward, b"\x03a\xe4"),
        (forward, b"\xbd\xa0b"), // continued by 3, which says so itself
        (forward, b"\x03one"),
        (forward, b""), // a loss
        (forward, b"two"),
        (forward, b"three"), // continued by 7
    ]) {
        let event = match bytes {
            b"" => Event::Loss { direction },
            _ => Event::Message { direction, row, time_ns: None, bytes: Captured::whole(bytes) },
        };
        observer.observe(event, &mut found);
    }
    observer.finish(&mut found);
    let marked: Vec<(u32, Code)> = found
        .iter()
        .map(|one| match one {
            Observation::Problem { row, code, .. } => (*row, *code),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(marked, [(0, Code::Cut), (7, Code::Cut)]);
}

#[test]
fn without_a_length_the_segment_is_the_message() {
    for protocol in [&Bare as &dyn Protocol, &Text] {
        let (mut framer, mut spans) = (Framer::default(), Vec::new());
        let mut sink = |span: framescope_parser::Span, bytes: Captured<'_, '_>| {
            spans.push((span.span_type, bytes.bytes().to_vec()))
        };
        for segment in [&b"\x01ada"[..], b"\x03hello"] {
            framer.segment(protocol, segment, &mut sink);
        }
        framer.end(protocol, &mut sink);
        let message = SpanType::Message;
        assert_eq!(spans, [(message, b"\x01ada".to_vec()), (message, b"\x03hello".to_vec())]);
        // Also where the two are available together.
        let input =
            Input { bytes: b"\x01ada\x03hello", first_segment: 4, last: true, offset: 0, context: None };
        assert_eq!(protocol.next(input, &mut Memo::default()), Step::Message(4.try_into().unwrap()));
    }
}

fn field<'a>(name: &'a str, value: Value<'a>) -> Field<'a> {
    Field { name, range: 7..9, value, fields: Vec::new() }
}

fn message<'a>(fields: Vec<Field<'a>>) -> Dissection<'a> {
    let mut dissection = Dissection::default();
    dissection.fields = fields;
    dissection
}

#[test]
fn a_message_is_written_from_its_fields_or_says_which_it_lacks() {
    let mut out = Vec::new();
    Bare.encode(
        &message(vec![field("kind", Value::Unsigned(3)), field("text", Value::utf8(b"hi"))]),
        &mut out,
    )
    .unwrap();
    Text.encode(&message(vec![field("text", Value::utf8(b"!"))]), &mut out).unwrap();
    Unclaimed.encode(&message(vec![field("text", Value::utf8(b"!"))]), &mut out).unwrap();
    assert_eq!(out, b"\x03hi!");
    for kind in [Value::Unsigned(256), Value::utf8(b"3")] {
        let error = Bare.encode(&message(vec![field("kind", kind)]), &mut out).unwrap_err();
        assert_eq!((error.field, error.fault), ("kind", Fault::Missing));
    }

    let missive = Missive::default();
    let numbers = ["kind", "version", "flags", "sequence", "channel"];
    let limits = [0xFF, 0xFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF];
    let all = || numbers.iter().map(|name| field(name, Value::Unsigned(1))).collect::<Vec<_>>();
    out.clear();
    missive.encode(&message(all()), &mut out).unwrap();
    assert_eq!(Header::read(&out).unwrap().sequence, 1);
    out.clear();
    for (i, (name, limit)) in numbers.iter().zip(limits).enumerate() {
        let mut fields = all();
        fields[i].value = Value::Unsigned(limit);
        // AUTH is among all the flags, and has no tag.
        assert_eq!(missive.encode(&message(fields.clone()), &mut Vec::new()).is_ok(), *name != "flags");
        fields[i].value = Value::Unsigned(limit + 1);
        let error = missive.encode(&message(fields.clone()), &mut out).unwrap_err();
        assert_eq!(error, Error::new(7, name, Fault::TooLong { limit, found: limit + 1 }));
        fields[i].value = Value::utf8(b"1");
        assert_eq!(missive.encode(&message(fields.clone()), &mut out).unwrap_err().offset, 7);
    }
    // All but the kind are as in a plain frame if they are not given.
    missive.encode(&message(vec![field("kind", Value::utf8(b"PING"))]), &mut out).unwrap();
    assert_eq!(out, FrameBuf::new(framescope_parser::missive::Kind::PING).to_bytes().unwrap());
    out.clear();
    let error = missive.encode(&message(vec![field("sequence", Value::Unsigned(1))]), &mut out).unwrap_err();
    assert_eq!(error, Error::new(0, "kind", Fault::Missing));
    let with = |more: Field<'static>| message(all().into_iter().chain([more]).collect());
    let group = |name, fields| Field { fields, ..field(name, Value::Group) };
    for (wrong, name) in [
        (field("tag", Value::Bytes(vec![1, 2].into())), "tag"),
        (group("extensions", vec![group("x", vec![field("length", Value::Unsigned(1))])]), "tag"),
        (group("extensions", vec![group("x", vec![field("tag", Value::utf8(b"?"))])]), "tag"),
        (group("extensions", vec![group("x", vec![field("tag", Value::Unsigned(1))])]), "value"),
        (group("payload", vec![field("code", Value::Unsigned(65_536))]), "code"),
        (group("payload", vec![field("content", Value::Bool(true))]), "payload"),
        (group("payload", vec![field("user_length", Value::Unsigned(65_536))]), "payload"),
        (
            group(
                "extensions",
                vec![group(
                    "x",
                    vec![
                        field("tag", Value::Unsigned(3)),
                        field("value", Value::Bytes(vec![0; 65_536].into())),
                    ],
                )],
            ),
            "value",
        ),
    ] {
        let error = missive.encode(&with(wrong.clone()), &mut out).unwrap_err();
        assert_eq!((error.field, error.offset), (name, 7), "{wrong:?}");
    }
    assert!(out.is_empty(), "nothing is appended where something is wrong");
    let fits = group("payload", vec![field("code", Value::Unsigned(65_535))]);
    missive.encode(&with(fits), &mut out).unwrap();
    assert_eq!(out[20..22], [0xff, 0xff]);
}

#[test]
fn errors_say_where_what_was_found_and_what_to_do() {
    let said = |fault| Error::new(5, "field", fault).to_string();
    for (fault, words) in [
        (Fault::Incomplete { needed: 7 }, ["at least 7 more", "try again"]),
        (Fault::Mismatch { expected: 10, found: 11 }, ["expected 0xa, found 0xb", "changed on the way"]),
        (Fault::TooLong { limit: 10, found: 11 }, ["11 is more than the 10", "raise the limit"]),
        (Fault::InvalidUtf8 { found: 0xff }, ["byte 0xff", "encode the text as UTF-8"]),
        (Fault::CriticalUnknown { found: 0x41 }, ["extension 0x41", "refuse the message"]),
        (Fault::TagMismatch, ["the tag does not match", "compare both sides' keys"]),
        (Fault::KeyMissing, ["needs a key", "give one"]),
        (Fault::Missing, ["a value is needed", "of another type"]),
        (
            Fault::Skipped { code: Code::NotAFrame, length: 3 },
            ["3 bytes are not a message", "No message begins"],
        ),
    ] {
        let said = said(fault.clone());
        assert!(said.starts_with("field at offset 5: "), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        let needed = if let Fault::Incomplete { needed } = fault { Some(needed) } else { None };
        assert_eq!(Error::new(5, "field", fault).needed(), needed);
    }
}

#[test]
fn values_are_numbers_bytes_and_words() {
    let kind = framescope_parser::Kind::new(3, Some("DATA"));
    let unnamed = framescope_parser::Kind::new(0x2a, None);
    let negative = framescope_parser::Kind::signed(-1, Some("NONE"));
    for (value, number, bytes, shown) in [
        (Value::Unsigned(7), Some(7), None, "7"),
        (Value::Hex(255), Some(255), None, "0xff"),
        (Value::Signed(7), Some(7), None, "7"),
        (Value::Signed(-7), None, None, "-7"),
        (Value::Float(1.5), None, None, "1.5"),
        (Value::Bool(true), Some(1), None, "true"),
        (Value::Bool(false), Some(0), None, "false"),
        (Value::utf8(b"a\"b"), None, Some(&b"a\"b"[..]), "\"a\\\"b\""),
        (Value::utf8(b"\xff\x00"), None, Some(b"\xff\x00"), "ff00"),
        (Value::Enum(kind), Some(3), None, "DATA (3)"),
        (Value::Enum(unnamed), Some(0x2a), None, "0x2a"),
        (Value::Enum(negative), None, None, "NONE (-1)"),
        (Value::Wide(i128::MIN.into()), None, None, "-170141183460469231731687303715884105728"),
        (Value::Wide((1 << 64).into()), None, None, "18446744073709551616"),
        (Value::Group, None, None, ""),
    ] {
        assert_eq!(value.as_u64(), number, "{value:?}");
        assert_eq!(value.as_bytes(), bytes, "{value:?}");
        assert_eq!(value.to_string(), shown, "{value:?}");
    }
    assert_eq!(format!("{kind:>6}|{unnamed}"), "  DATA|0x2a");
}

#[test]
fn words_are_those_that_scripts_know() {
    assert_eq!(Severity::Note.to_string(), "note");
    assert_eq!([Severity::Warning, Severity::Error].map(Severity::as_str), ["warning", "error"]);
    assert_eq!(format!("{:>10}|{:<6}|", Severity::Error, Direction::Forward), "     error|forward|");
    assert_eq!(format!("{:>20}", Code::Unfinished), "          unfinished");
    assert_eq!([Direction::Forward, Direction::Backward].map(Direction::index), [0, 1]);
    assert_eq!(
        [Direction::Forward, Direction::Backward].map(Direction::reverse).map(Direction::as_str),
        ["backward", "forward"]
    );
    assert_eq!(Code::from_name("no such code"), None);
    let mut codes = CodeSet::EMPTY;
    assert!(codes.is_empty());
    let last = *Code::ALL.last().unwrap();
    codes.extend([last, Code::NotAFrame].into_iter().collect());
    codes.extend([last].into_iter().collect());
    assert!(!codes.is_empty() && codes.contains(last) && !codes.contains(Code::Late));
    assert_eq!(codes.iter().collect::<Vec<_>>(), [Code::NotAFrame, last]);
}

#[test]
fn a_message_is_data_as_the_command_line_shows_it() {
    let missive = Missive::default();
    let mut bytes = FrameBuf::new(Kind(0x90)).flags(Flags::CHECKSUM).payload("?").to_bytes().unwrap();
    bytes[20] ^= 1;
    let json = serde_json::to_value(Dissection::of(&missive, &bytes)).unwrap();
    assert_eq!(json["kind"], serde_json::json!({"enum": null, "value": 0x90}));
    assert_eq!(json["summary"], "1 byte");
    let flags = &json["fields"][3];
    assert_eq!(
        (&flags["name"], &flags["value"], &flags["fields"][0]["value"]),
        (&"flags".into(), &1.into(), &true.into())
    );
    let payload = serde_json::json!({"name": "payload", "offset": 20, "length": 1, "value": {"bytes": "3e"}});
    assert_eq!(json["fields"][9], payload);
    let problem = &json["problems"][0];
    assert_eq!((&problem["code"], &problem["severity"]), (&"checksum-mismatch".into(), &"error".into()));
    assert_eq!((&problem["offset"], &problem["length"]), (&21.into(), &4.into()));
    assert_eq!(serde_json::to_value(Direction::Backward).unwrap(), "backward");
    let group = Field {
        fields: vec![field("a", Value::Signed(-1)), field("b", Value::Float(0.5))],
        ..field("g", Value::Group)
    };
    assert_eq!(
        serde_json::to_string(&group).unwrap(),
        r#"{"name":"g","offset":7,"length":2,"fields":[{"name":"a","offset":7,"length":2,"value":-1},{"name":"b","offset":7,"length":2,"value":0.5}]}"#
    );
    assert_eq!(serde_json::to_string(&Value::utf8(b"hi")).unwrap(), "\"hi\"");
    let negative = Value::Enum(framescope_parser::Kind::signed(-1, Some("NONE")));
    assert_eq!(serde_json::to_string(&negative).unwrap(), r#"{"enum":"NONE","value":-1}"#);
    assert_eq!(serde_json::to_string(&Value::Wide((1 << 64).into())).unwrap(), "18446744073709551616");
}

#[test]
fn bytes_that_are_not_pairs_of_digits_are_no_frame() {
    let frame = serde_json::to_value(FrameBuf::new(Kind::DATA).payload("hi")).unwrap();
    assert_eq!((&frame["payload"], &frame["tag"]), (&"6869".into(), &"".into()));
    for (name, wrong) in [
        ("payload", serde_json::json!("686")),
        ("payload", serde_json::json!("+6+6")),
        ("payload", serde_json::json!("zz")),
        ("payload", serde_json::json!("é")),
        ("payload", serde_json::json!(7)),
        ("tag", serde_json::json!("00")),
    ] {
        let mut frame = frame.clone();
        frame[name] = wrong.clone();
        let error = serde_json::from_value::<FrameBuf>(frame).unwrap_err().to_string();
        assert!(error.contains("hexadecimal") || error.contains("a tag has 16 bytes; here are 1"), "{error}");
    }
}

/// Counts the fields that are reported.
#[derive(Default)]
struct Counted {
    fields: usize,
    kind: Option<String>,
    problems: usize,
}

impl<'a> Visit<'a> for Counted {
    fn kind(&mut self, kind: framescope_parser::Kind<'a>) {
        self.kind = Some(kind.to_string());
    }
    fn field(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {
        self.fields += 1;
    }
    fn begin(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {
        self.fields += 1;
    }
    fn end(&mut self) {}
    fn problem(&mut self, _: Code, _: std::ops::Range<usize>, _: std::fmt::Arguments<'_>) {
        self.problems += 1;
    }
    fn summary(&mut self, _: std::fmt::Arguments<'_>) {}
}

#[test]
fn a_plain_frame_reports_only_its_kind_and_any_other_everything() {
    let missive = Missive::default();
    let counted = |bytes: &[u8], checked: bool| {
        let mut counted = Counted::default();
        missive.outline(bytes, checked, &mut counted);
        counted
    };
    let frame = |kind: Kind, payload: &[u8]| FrameBuf::new(kind).payload(payload.to_vec());
    let summed = |kind: Kind, payload: &[u8]| frame(kind, payload).flags(Flags::CHECKSUM).to_bytes().unwrap();
    for (kind, payload) in [
        (Kind::DATA, "你好".as_bytes()),
        (Kind::ACK, b""),
        (Kind::LOGOUT, b"bye"),
        (Kind::PING, &[0xFF; 64]),
        (Kind::PONG, b""),
        (Kind(0x80), b"\xFF anything"),
    ] {
        for bytes in [frame(kind, payload).to_bytes().unwrap(), summed(kind, payload)] {
            let counted = counted(&bytes, false);
            assert_eq!((counted.fields, counted.problems), (0, 0), "{kind:?}");
            assert!(counted.kind.is_some());
        }
    }
    let mut broken = summed(Kind::DATA, b"hello");
    broken[22] ^= 1;
    assert_eq!(counted(&broken, true).fields, 0, "checks that were computed are not computed again");
    let with_header = |at: usize, value: u8| {
        let mut bytes = frame(Kind::DATA, b"hello").to_bytes().unwrap();
        bytes[at] = value;
        bytes
    };
    let whole = frame(Kind::DATA, b"hello").to_bytes().unwrap();
    for (what, bytes, problems) in [
        ("a checksum that fails", broken, 1),
        ("another version", with_header(2, 2), 1),
        ("reserved flags", with_header(4, 0x80), 1),
        ("invalid text", frame(Kind::DATA, b"\xFF").to_bytes().unwrap(), 1),
        ("a long ping", frame(Kind::PING, &[0; 65]).to_bytes().unwrap(), 1),
        ("a reserved kind", frame(Kind(0x20), b"").to_bytes().unwrap(), 1),
        ("a kind with a payload of parts", frame(Kind::LOGIN, b"\0\x01a\0\0").to_bytes().unwrap(), 0),
        (
            "an extension",
            frame(Kind::ACK, b"").extension(Tag::SENDER, false, b"ada").unwrap().to_bytes().unwrap(),
            0,
        ),
        ("a frame that is cut", whole[..22].to_vec(), 0),
    ] {
        let counted = counted(&bytes, false);
        assert!(counted.fields > 5, "{what}");
        assert_eq!(counted.problems, problems, "{what}");
    }
    // The tag is reported, and that it was not verified.
    let (key, mut signed) = (Key::new(*b"key"), Vec::new());
    frame(Kind::ACK, b"").flags(Flags::AUTH).encode(Some(&key), &mut signed).unwrap();
    let counted = counted(&signed, false);
    assert!(counted.fields > 5 && counted.problems == 1);
}

#[test]
fn a_segment_that_is_one_message_is_taken_as_a_whole_where_nothing_waits() {
    let missive = Missive::default();
    let bytes = FrameBuf::new(Kind::ACK).to_bytes().unwrap();
    let mut framer = Framer::default();
    let span = framer.message(20).unwrap();
    assert_eq!((span.offset, span.length, span.span_type, span.checked), (0, 20, SpanType::Message, true));
    assert_eq!(framer.end_offset(), 20);
    // Half a message waits.
    framer.segment(&missive, &bytes[..7], &mut |_, _| panic!("nothing is complete"));
    assert_eq!(framer.message(20), None);
    let mut spans = Vec::new();
    framer.segment(&missive, &bytes[7..], &mut |span, _| spans.push((span.offset, span.length)));
    assert_eq!(spans, [(20, 20)]);
    assert_eq!(framer.message(5).map(|span| span.offset), Some(40));
    // A run of skipped bytes has not ended.
    framer.segment(&missive, b"noise that isn't frame", &mut |_, _| {});
    assert_eq!(framer.message(20), None);
}

#[test]
fn protocols_say_their_names_and_what_ends_a_message() {
    let missive = Missive { kinds: vec![(Kind(0x80), "TYPING".into())], ..Missive::default() };
    let names = missive.names();
    for field in ["kind", "flags.reply", "payload.user", "extensions.timestamp.value", "checksum"] {
        assert!(names.fields.iter().any(|known| known == field), "{field}");
    }
    assert!(names.kinds.iter().any(|kind| kind == "DATA") && names.kinds.iter().any(|kind| kind == "TYPING"));
    assert!(names.verbatim && Bare.names().verbatim && Text.names().verbatim);
    assert_eq!((Bare.names().kinds.len(), Text.names().kinds.len()), (3, 0));
    assert!(Bare.ends_with_segment() && Text.ends_with_segment() && !missive.ends_with_segment());
    // A protocol that declares no names has none.
    assert_eq!(Unclaimed.names(), Names::default());
    let all = [Confidence::No, Confidence::Possible, Confidence::Likely, Confidence::Certain];
    assert_eq!(all.map(Confidence::as_str), ["no", "possible", "likely", "certain"]);
}
