//! What is shown of messages with and without a schema, and of the messages of gRPC around them.

use framescope_parser::{Code, Field, Role, Settings};
use proptest::prelude::*;

use super::*;
use crate::grpc::Grpc;

const PROTO: &str = r#"
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
enum State { NEW = 0; SENT = 3; }
message Order {
    string customer = 1;
    repeated sint32 items = 2;
    map<string, double> prices = 3;
    State state = 4;
    oneof payment { string card = 5; uint64 cash = 6; }
    google.protobuf.Timestamp at = 7;
    Order previous = 8;
    fixed32 check = 9;
    bool gift = 10;
}
message Receipt { int64 number = 1; }
service Shop { rpc Buy (Order) returns (Receipt); }
"#;

fn schema() -> Arc<Schema> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.proto");
    std::fs::write(&file, PROTO).unwrap();
    Arc::new(Schema::from_files(&[file], &[]).unwrap())
}

/// A message with most of the fields, as the library of protobuf writes it.
const ORDER: &[u8] =
    b"\x0a\x03ada\x12\x03\x01\x02\x05\x1a\x0e\x0a\x03pie\x11\0\0\0\0\0\0\x04\x40\x20\x03\x32\0\
    \x30\x07\x3a\x02\x08\x05\x4d\x01\0\0\0\x50\x01";

fn lines(fields: &[Field<'_>]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| {
            let inside = lines(&field.fields);
            let own = format!("{}@{}..{} {}", field.name, field.range.start, field.range.end, field.value);
            std::iter::once(own.trim_end().to_owned())
                .chain(inside.into_iter().map(|line| format!(" {line}")))
        })
        .collect()
}

#[test]
fn with_a_schema_fields_have_their_names_types_and_places() {
    // Without the member of the oneof that is a text of no bytes where a card is meant.
    let order = [&ORDER[..28], &ORDER[30..]].concat();
    let protobuf = Protobuf::of(&schema(), "shop.Order").unwrap();
    let shown = Dissection::of(&protobuf, &order);
    assert_eq!(
        lines(&shown.fields),
        [
            "customer@0..5 \"ada\"",
            "items@5..10",
            " items@7..8 -1",
            " items@8..9 1",
            " items@9..10 -3",
            "prices@10..26",
            " key@12..17 \"pie\"",
            " value@17..26 2.5",
            "state@26..28 SENT (3)",
            "cash@28..30 7",
            "at@30..34",
            " seconds@32..34 5",
            "check@34..39 1",
            "gift@39..41 true",
        ]
    );
    assert_eq!(shown.problems, []);
    assert_eq!(
        (shown.kind.unwrap().name, shown.summary.as_str()),
        (Some("Order"), "customer \"ada\", state SENT (3), cash 7, check 1")
    );
}

#[test]
fn without_a_schema_numbers_and_likely_values_are_shown() {
    let any = Protobuf::default();
    let shown = Dissection::of(&any, &ORDER[..28]);
    assert_eq!(shown.problems, []);
    let lines = lines(&shown.fields);
    assert_eq!(lines[0], "field_1@0..5 \"ada\"");
    assert_eq!(lines[1], "field_2@5..10 010205");
    assert_eq!(
        lines[2..6],
        [
            "field_3@10..26",
            " field_1@12..17 \"pie\"",
            " field_2@17..26 4612811918334230528",
            "  as_float@17..26 2.5"
        ]
    );
    let negative = [&[0x08][..], &[0xff; 9], &[1]].concat();
    assert_eq!(Dissection::of(&any, &negative).fields[0].value, Value::Signed(-1));
    let group = b"\x0b\x08\x01\x0c\x10\x02";
    assert_eq!(
        self::lines(&Dissection::of(&any, group).fields),
        ["field_1@0..4", " field_1@1..3 1", "field_2@4..6 2"]
    );
}

#[test]
fn what_does_not_fit_the_schema_is_a_problem_and_shown_by_its_number() {
    let schema = schema();
    let order = Protobuf::of(&schema, "shop.Order").unwrap();
    let codes = |bytes: &[u8]| {
        Dissection::of(&order, bytes).problems.iter().map(|one| one.code.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(codes(b"\x08\x01"), ["wire-type"]);
    assert_eq!(codes(b"\x2a\x00\x30\x01"), ["oneof-repeated"]);
    assert_eq!(codes(b"\x0a\x01\xff"), [Code::InvalidUtf8.as_str()]);
    assert_eq!(codes(b"\x0a\x05a"), ["not-a-field"]);
    assert_eq!(codes(b"\xa0\x06\x01"), Vec::<&str>::new());
    assert_eq!(Dissection::of(&order, b"\xa0\x06\x01").fields[0].name, "field_100");
    assert_eq!(codes(b"\x12\x02\x01\x80"), ["not-a-field"], "a packed number that is cut off");
}

#[test]
fn what_is_very_deep_is_shown_as_bytes() {
    let mut order = b"\x50\x01".to_vec();
    for _ in 0..100 {
        let mut outer = vec![0x42];
        let length = order.len();
        if length >= 128 {
            outer.extend([u8::try_from(length % 128).unwrap() | 0x80, u8::try_from(length / 128).unwrap()]);
        } else {
            outer.push(u8::try_from(length).unwrap());
        }
        outer.extend(order);
        order = outer;
    }
    let protobuf = Protobuf::of(&schema(), "shop.Order").unwrap();
    assert!(Dissection::of(&protobuf, &order).problems.iter().any(|one| one.code.as_str() == "too-deep"));
    assert_eq!(Dissection::of(&Protobuf::default(), &order).problems, []);
}

#[test]
fn mistakes_in_a_schema_are_reported_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.proto");
    std::fs::write(&file, "syntax = \"proto3\";\nmessage A {\n    Missing b = 1;\n}\n").unwrap();
    let error = Schema::from_files(&[&file], &[]).unwrap_err().to_string();
    assert!(error.starts_with("bad.proto:3:5:") && error.contains("Missing"), "{error}");
    std::fs::write(&file, "syntax = \"proto3\";\nmessage {\n").unwrap();
    let error = Schema::from_files(&[&file], &[]).unwrap_err().to_string();
    assert!(error.starts_with("bad.proto:2:9:"), "{error}");
    let missing = Schema::from_files(&[folder.path().join("none.proto")], &[]).unwrap_err().to_string();
    assert!(missing.contains("none.proto"), "{missing}");
}

#[test]
fn a_method_says_the_types_of_both_directions() {
    let grpc = Grpc::new(Some(schema()));
    let call = grpc.conversation_in(&Settings::NONE.with("path", "/shop.Shop/Buy")).unwrap();
    let message = b"\0\0\0\0\x05\x0a\x03ada";
    let of = |role: Role| grpc.stages()[usize::from(call.stage(role))].protocol(&[]).unwrap();
    let request = Dissection::of(of(Role::Client), message);
    assert_eq!(
        (request.kind.unwrap().name, request.field("payload.customer").unwrap().range.clone()),
        (Some("Order"), 5..10)
    );
    let response = Dissection::of(of(Role::Server), message);
    assert_eq!(response.kind.unwrap().name, Some("Receipt"));
    assert!(response.problems.iter().any(|one| one.code.as_str() == "wire-type"));
    let other = grpc.conversation_in(&Settings::NONE.with("path", "/shop.Shop/Sell")).unwrap();
    assert_eq!(other.stage(Role::Client), 0);
}

#[test]
fn a_compressed_message_is_shown_unpacked_and_a_bomb_is_cut() {
    use std::io::Write;
    let zip = |bytes: &[u8]| {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        zip.write_all(bytes).unwrap();
        let zipped = zip.finish().unwrap();
        [&[1][..], &u32::try_from(zipped.len()).unwrap().to_be_bytes(), &zipped].concat()
    };
    let grpc = Grpc::default();
    let message = zip(b"\x0a\x03ada");
    let shown = Dissection::of(&grpc, &message);
    let customer = shown.field("payload.field_1").unwrap();
    assert_eq!((customer.value.to_string(), customer.range.clone()), ("\"ada\"".into(), 5..message.len()));
    assert_eq!(shown.problems, []);
    let bomb = zip(&vec![8; 17 << 20]);
    let shown = Dissection::of(&grpc, &bomb);
    let has = |name: &str| shown.problems.iter().any(|one| one.code.as_str() == name);
    assert!(shown.has(Code::ExpandsTooMuch) && has("too-many-fields"));
    let mut broken = zip(b"\x0a\x03ada");
    let end = broken.len();
    broken[end - 6] ^= 1;
    assert!(Dissection::of(&grpc, &broken).has(Code::UnpackingFailed));
    assert!(Dissection::of(&grpc, b"\x01\0\0\0\x01x").has(Code::UnpackingFailed));
    assert!(Dissection::of(&grpc, b"\x02\0\0\0\0").has(GRPC_FLAG));
}

#[test]
fn messages_with_lengths_follow_each_other() {
    let delimited = Protobuf::delimited();
    let bytes = b"\x02\x08\x01\x05\x0a\x03ada\x04\x08";
    let (mut framer, mut spans) = (framescope_parser::Framer::default(), Vec::new());
    framer.segment(&delimited, bytes, &mut |span, _| spans.push((span.span_type, span.length)));
    framer.end(&delimited, &mut |span, _| spans.push((span.span_type, span.length)));
    use framescope_parser::SpanType::{Message, Partial};
    assert_eq!(spans, [(Message, 3), (Message, 6), (Partial, 2)]);
    let typed = Protobuf::of(&schema(), "shop.Order-delimited").unwrap();
    assert_eq!(Dissection::of(&typed, &bytes[3..9]).field("customer").unwrap().range, 1..6);
    assert_eq!(Dissection::of(&delimited, &bytes[3..9]).field("field_1").unwrap().range, 1..6);
}

proptest! {
    #[test]
    fn any_bytes_are_shown_and_fields_follow_each_other(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let typed = Protobuf::of(&SCHEMA, "shop.Order").unwrap();
        for protobuf in [&Protobuf::default(), &typed] {
            let shown = Dissection::of(protobuf, &bytes);
            let mut end = 0;
            for field in &shown.fields {
                prop_assert_eq!(field.range.start, end);
                end = field.range.end;
            }
            prop_assert_eq!(end, bytes.len());
        }
        Dissection::of(&Grpc::default(), &bytes);
    }
}

static SCHEMA: std::sync::LazyLock<Arc<Schema>> = std::sync::LazyLock::new(schema);

#[test]
#[allow(clippy::cast_possible_truncation, clippy::indexing_slicing)]
fn messages_with_their_lengths_are_found_whatever_their_fields_and_lengths_are() {
    let mut state = 7_u64;
    let mut below = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let varint = |mut number: u64, out: &mut Vec<u8>| {
        while number > 0x7f {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    };
    for _ in 0..300 {
        let (mut stream, mut lengths) = (Vec::new(), Vec::new());
        for _ in 0..1 + below(6) {
            let mut message = Vec::new();
            for _ in 0..below(40) {
                let (number, wire) = (1 + below(20), [0, 1, 2, 5][below(4) as usize]);
                varint(number << 3 | wire, &mut message);
                match wire {
                    0 => varint(below(300), &mut message),
                    1 => message.extend(below(200).to_le_bytes()),
                    2 => {
                        let length = below(9);
                        varint(length, &mut message);
                        message.extend((0..length).map(|at| b'a' + at as u8));
                    }
                    _ => message.extend((below(200) as u32).to_le_bytes()),
                }
            }
            let start = stream.len();
            varint(message.len() as u64, &mut stream);
            stream.extend(message);
            lengths.push((stream.len() - start) as u64);
        }
        let (protocol, mut found) = (Protobuf::delimited(), Vec::new());
        let mut framer = framescope_parser::Framer::default();
        let mut sink =
            |span: framescope_parser::Span, _: Captured<'_, '_>| found.push((span.span_type, span.length));
        framer.segment(&protocol, &stream, &mut sink);
        framer.end(&protocol, &mut sink);
        let expected: Vec<_> =
            lengths.into_iter().map(|length| (framescope_parser::SpanType::Message, length)).collect();
        assert_eq!(found, expected, "{stream:02x?}");
    }
}
