//! The descriptions in corpus/formats with the captures beside them: their output, that they explain every byte and
//! write back what they read, and that tshark finds the same values where it knows the protocol.

// A test stops where an assumption of its helpers does not hold.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation
)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use framescope_capture::export::{Paint, RowSelection, write_text};
use framescope_capture::{Index, Options, Source, read};
use framescope_ksy::Described;
use framescope_oracles::{check_described, check_index};
use framescope_parser::{Dissection, Field, Names, Protocol, SpanType, Value, with_built_in};
use support::corpus;

/// The folders with a capture, and the descriptions beside them.
fn formats() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(corpus().join("formats")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<(String, PathBuf)> = folders
        .filter(|path| path.join("capture.pcapng").is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found
}

fn described(name: &str) -> Described {
    let path = corpus().join("formats").join(name).with_extension("ksy");
    Described::from_file(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn index(name: &str) -> Index {
    let described = described(name);
    let usual = described.usual_places().into_iter().map(|place| format!("{place}={name}").parse().unwrap());
    let options = Options {
        decode_as: usual.collect(),
        protocols: with_built_in(vec![Arc::new(described)]),
        ..Options::default()
    };
    let capture = corpus().join("formats").join(name).join("capture.pcapng");
    read(Source::open(&capture).unwrap(), &options, &mut |_| true).unwrap()
}

fn for_each_message(index: &Index, mut each: impl FnMut(&[u8], &Dissection<'_>)) {
    let mut reader = index.reader();
    for (number, row) in index.rows() {
        if row.span_type == SpanType::Message {
            let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
            each(&bytes, &index.dissect(number, &bytes));
        }
    }
}

#[test]
fn every_format_prints_what_was_accepted() {
    for (name, folder) in formats() {
        let index = index(&name);
        check_index(&index);
        // A filter can query exactly these fields.
        let named = described(&name).names();
        for_each_message(&index, |_, message| named_fields(&message.fields, "", &named));
        let mut printed = Vec::new();
        write_text(&index, &mut RowSelection::all(), Paint::Plain, &mut printed).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        let path = folder.join("expected.txt");
        let expected = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        if std::env::var_os("FRAMESCOPE_ACCEPT").is_some() {
            fs::write(&path, &printed).unwrap();
        } else {
            assert_eq!(printed, expected, "{name}: FRAMESCOPE_ACCEPT=1 accepts it; read it first");
        }
    }
}

fn named_fields(fields: &[Field<'_>], above: &str, names: &Names) {
    for field in fields.iter().filter(|field| !names.anywhere.iter().any(|name| name == field.name)) {
        let path = format!("{above}{}", field.name);
        // Types that contain themselves are followed only so far.
        assert!(names.fields.contains(&path) || path.matches('.').count() > 1, "{path} has no name");
        named_fields(&field.fields, &format!("{path}."), names);
    }
}

#[test]
fn every_byte_is_explained_and_every_message_written_back() {
    fn unexplained(fields: &[Field<'_>]) -> usize {
        let own = |field: &Field<'_>| if field.name == "_unread" { field.range.len() } else { 0 };
        fields.iter().map(|field| own(field) + unexplained(&field.fields)).sum()
    }
    for (name, _) in formats() {
        let (described, mut messages) = (described(&name), 0);
        let index = index(&name);
        assert!(
            index.rows().all(|(_, row)| row.span_type == SpanType::Message),
            "{name}: not all are messages"
        );
        for_each_message(&index, |bytes, message| {
            assert_eq!(unexplained(&message.fields), 0, "{name}: {:?}", message.fields);
            assert!(!message.fields.is_empty(), "{name}");
            messages += 1;
            if bytes.len() > 4096 {
                let mut written = Vec::new();
                described.encode(message, &mut written).unwrap();
                assert!(written == bytes, "{name}");
                return;
            }
            check_described(&described, bytes);
        });
        assert!(messages >= 10, "{name}: {messages}");
    }
}

/// Format, tshark's arguments for it, its field, and the end of the path of ours, which begins with `^`.
const SAME: [(&str, &str, &str, &[&str]); 29] = [
    ("modbus", "tcp.port==502,mbtcp", "mbtcp.trans_id", &["transaction"]),
    ("modbus", "tcp.port==502,mbtcp", "mbtcp.len", &["length"]),
    ("modbus", "tcp.port==502,mbtcp", "mbtcp.unit_id", &["unit"]),
    ("modbus", "tcp.port==502,mbtcp", "modbus.func_code", &["function"]),
    ("modbus", "tcp.port==502,mbtcp", "modbus.exception_code", &["body.code"]),
    ("modbus", "tcp.port==502,mbtcp", "modbus.byte_cnt", &["body.byte_count"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.msgtype", &["kind"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.len", &["^.length"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.topic", &["body.topic.text", "filter.topic.text"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.clientid", &["client.text"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.username", &["user.text"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.msgid", &["packet"]),
    ("mqtt", "tcp.port==1883,mqtt", "mqtt.willtopic", &["will_topic.text"]),
    ("resp", "tcp.port==6379,resp", "resp.bulk_string.value", &["bytes"]),
    ("dns_tcp", "tcp.port==53,dns", "dns.length", &["^.length"]),
    ("dns_tcp", "tcp.port==53,dns", "dns.id", &["message.id"]),
    ("dns_tcp", "tcp.port==53,dns", "dns.qry.type", &["question.type"]),
    ("dns_tcp", "tcp.port==53,dns", "dns.flags.opcode", &["opcode"]),
    ("dns_tcp", "tcp.port==53,dns", "dns.count.answers", &["answer_count"]),
    ("someip", "tcp.port==30509,someip", "someip.serviceid", &["service"]),
    ("someip", "tcp.port==30509,someip", "someip.methodid", &["method"]),
    ("someip", "tcp.port==30509,someip", "someip.length", &["length"]),
    ("someip", "tcp.port==30509,someip", "someip.sessionid", &["session"]),
    ("someip", "tcp.port==30509,someip", "someip.messagetype", &["message_type"]),
    ("someip", "tcp.port==30509,someip", "someip.returncode", &["return_code"]),
    ("someip", "tcp.port==30509,someip", "someip.payload", &["payload"]),
    ("websocket", "tcp.port==8765,http", "websocket.opcode", &["opcode"]),
    ("websocket", "tcp.port==8765,http", "websocket.masking_key", &["frame.key"]),
    ("websocket", "tcp.port==8765,http", "websocket.payload_length_ext_64", &["length_64"]),
];

#[test]
fn tshark_finds_the_same_values() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("there is no tshark to compare with");
        return;
    }
    let mut compared = 0;
    for (name, decode_as, field, ours) in SAME {
        let capture = corpus().join("formats").join(name).join("capture.pcapng");
        let output = Command::new("tshark")
            .args(["-n", "-d", decode_as, "-T", "fields", "-E", "aggregator=,", "-e", field])
            // The beginning of a command that was cut is shown again when the rest has arrived.
            .args(["-Y", "not resp.reassembled_in_next_frame", "-r"])
            .arg(&capture)
            .output()
            .unwrap();
        if !output.status.success() {
            eprintln!("this tshark has no field {field}");
            continue;
        }
        compared += 1;
        let printed = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<String> = printed
            .lines()
            .flat_map(|line| line.split(','))
            .filter(|value| !value.is_empty())
            .map(plain)
            .collect();
        let mut found = Vec::new();
        for_each_message(&index(name), |_, message| values(&message.fields, "^", ours, &mut found));
        assert!(!theirs.is_empty(), "{name}: tshark knows no {field}");
        assert_eq!(found, theirs, "{name}: {ours:?} and tshark's {field}");
    }
    assert!(compared > SAME.len() / 2, "{compared} fields are hardly a comparison");
}

/// A value as both sides write it: numbers in decimal, the rest as bytes.
fn plain(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.map_or_else(|| value.to_owned(), |number| number.to_string())
}

fn values(fields: &[Field<'_>], above: &str, wanted: &[&str], found: &mut Vec<String>) {
    for field in fields {
        let path = format!("{above}.{}", field.name);
        if wanted.iter().any(|end| path == *end || path.ends_with(&format!(".{end}"))) {
            match &field.value {
                // Texts that tshark shows as bytes.
                Value::Text(text) if field.name == "bytes" && !text.is_empty() => {
                    found.push(text.bytes().map(|byte| format!("{byte:02x}")).collect());
                }
                Value::Text(text) if text.is_empty() => {}
                Value::Text(text) => found.push(text.to_string()),
                Value::Bytes(bytes) if bytes.is_empty() => {}
                Value::Bytes(bytes) => found.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
                value => found.push(value.as_u64().unwrap().to_string()),
            }
        }
        values(&field.fields, &path, wanted, found);
    }
}
