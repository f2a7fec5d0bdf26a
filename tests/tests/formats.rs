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
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use framescope_capture::{Index, Options, Row, Source, read};
use framescope_ksy::Described;
use framescope_oracles::{check_described, check_index};
use framescope_parser::{Dissection, Field, Names, Protocol, SpanType, Value, with_built_in};
use support::{assert_accepted, corpus, printed};

/// The folders with a capture, and the descriptions beside them.
fn formats() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(corpus().join("formats")).unwrap().map(|entry| entry.unwrap().path());
    let only = std::env::var_os("FRAMESCOPE_FORMAT");
    let mut found: Vec<(String, PathBuf)> = folders
        .filter(|path| path.join("capture.pcapng").is_file())
        .filter(|path| only.as_deref().is_none_or(|only| path.file_name() == Some(only)))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    found.sort();
    assert!(found.len() >= 8 || only.is_some() && !found.is_empty(), "{found:?}");
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

fn for_each_message(index: &Index, mut each: impl FnMut(&Row, &[u8], &Dissection<'_>)) {
    let mut reader = index.reader();
    for (number, row) in index.rows() {
        if row.span_type == SpanType::Message {
            let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
            each(&row, &bytes, &index.dissect(number, &bytes));
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
        for_each_message(&index, |_, _, message| named_fields(&message.fields, "", &named));
        assert_accepted(&printed(&index), &folder.join("expected.txt"));
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
        for_each_message(&index, |row, bytes, message| {
            assert_eq!(unexplained(&message.fields), 0, "{name}: {:?}", message.fields);
            assert!(!message.fields.is_empty(), "{name}");
            messages += 1;
            if !described.stages().is_empty() || bytes.len() > 4096 {
                let mut written = Vec::new();
                let encoded = index.with_context(row, |context| match context {
                    Some(context) => described.encode_in(context, message, &mut written, &mut Vec::new()),
                    None => described.encode(message, &mut written),
                });
                encoded.unwrap_or_else(|error| panic!("{name} at {}: {error}", row.offset));
                assert!(written == bytes, "{name} at {}", row.offset);
                return;
            }
            check_described(&described, bytes);
        });
        assert!(messages >= 10, "{name}: {messages}");
    }
}

/// What `tshark.txt` beside a capture says: how tshark decodes the capture, and the names of its fields, each with the
/// ends of the paths of ours, in which `^` is the message, and with a `!` before it the number of each stream that
/// tshark misreads.
struct Same {
    decode_as: String,
    fields: Vec<SameField>,
}

struct SameField {
    theirs: String,
    ours: Vec<String>,
    misread: Vec<u32>,
}

impl Same {
    fn read(text: &str) -> Same {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let decode_as = lines.next().and_then(|line| line.strip_prefix("decode-as ")).unwrap().to_owned();
        let field = |line: &str| {
            let (misread, names): (Vec<&str>, Vec<&str>) =
                line.split_whitespace().partition(|word| word.starts_with('!'));
            let mut names = names.into_iter().map(str::to_owned);
            SameField {
                theirs: names.next().unwrap(),
                ours: names.collect(),
                misread: misread
                    .iter()
                    .map(|stream| stream.trim_start_matches('!').parse().unwrap())
                    .collect(),
            }
        };
        Same { decode_as, fields: lines.map(field).collect() }
    }

    /// The values that tshark finds, a list for each field; none for a field that this tshark does not know.
    fn tshark(&self, capture: &Path) -> Vec<Option<Vec<String>>> {
        let mut unknown: Vec<String> = Vec::new();
        loop {
            let asked = || self.fields.iter().filter(|field| !unknown.contains(&field.theirs));
            let output = Command::new("tshark")
                .args(["-n", "-T", "fields", "-E", "aggregator=\u{1f}", "-E", "separator=/t"])
                .args(["-d", &self.decode_as])
                .args(asked().flat_map(|field| ["-e", &field.theirs]))
                // The beginning of a command that was cut is shown again when the rest has arrived.
                .args(["-e", "tcp.stream", "-Y", "not resp.reassembled_in_next_frame", "-r"])
                .arg(capture)
                .output()
                .unwrap();
            if !output.status.success() {
                let complaint = String::from_utf8(output.stderr).unwrap();
                let before = unknown.len();
                unknown
                    .extend(complaint.lines().filter_map(|line| line.strip_prefix('\t')).map(str::to_owned));
                assert!(unknown.len() > before, "{complaint}");
                continue;
            }
            let mut found: Vec<Vec<String>> = asked().map(|_| Vec::new()).collect();
            for line in String::from_utf8(output.stdout).unwrap().lines() {
                let (values, stream) = line.rsplit_once('\t').unwrap();
                let stream = stream.parse().ok();
                for ((field, found), values) in asked().zip(&mut found).zip(values.split('\t')) {
                    if !stream.is_some_and(|stream| field.misread.contains(&stream)) {
                        // NULL is a value that is not there.
                        let is_there = |value: &&str| !value.is_empty() && *value != "NULL";
                        found.extend(values.split('\u{1f}').filter(is_there).map(str::to_owned));
                    }
                }
            }
            let mut found = found.into_iter();
            let known = |field: &SameField| !unknown.contains(&field.theirs);
            return self.fields.iter().map(|field| known(field).then(|| found.next()).flatten()).collect();
        }
    }

    /// The values that we find, each as tshark may write it.
    fn ours(&self, index: &Index) -> Vec<Vec<[String; 3]>> {
        let mut found = vec![Vec::new(); self.fields.len()];
        let mut reader = index.reader();
        for (number, row) in index.rows() {
            if row.span_type == SpanType::Message {
                let bytes = index.row_bytes(&row, usize::MAX, &mut reader).unwrap();
                self.add(&index.dissect(number, &bytes).fields, "^", row.flow().number(), &mut found);
            }
        }
        found
    }

    fn add(&self, fields: &[Field<'_>], above: &str, stream: u32, found: &mut [Vec<[String; 3]>]) {
        for field in fields {
            let path = format!("{above}.{}", field.name);
            for (same, found) in self.fields.iter().zip(&mut *found) {
                let is_same = same.ours.iter().any(|end| path == *end || path.ends_with(&format!(".{end}")));
                if is_same && !same.misread.contains(&stream) {
                    found.extend(written(&field.value));
                }
            }
            self.add(&field.fields, &path, stream, found);
        }
    }
}

/// The ways in which tshark may write a value: texts as they are, as bytes, or without what is not ASCII. None if it is
/// empty.
fn written(value: &Value<'_>) -> Option<[String; 3]> {
    let bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ascii = |bytes: &[u8]| {
        let replaced = bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '\u{fffd}' });
        escaped(&replaced.collect::<String>())
    };
    let always = |text: String| [text.clone(), text.clone(), text];
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) => Some([escaped(text), bytes(text.as_bytes()), ascii(text.as_bytes())]),
        Value::Bytes(value) if value.is_empty() => None,
        Value::Bytes(value) => Some([bytes(value), bytes(value), ascii(value)]),
        Value::Float(number) => Some(always(number.to_string())),
        Value::Signed(number) => Some(always(number.to_string())),
        value => value.as_u64().map(|number| always(number.to_string())),
    }
}

/// As tshark writes texts of more than one line.
fn escaped(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

#[test]
fn tshark_finds_the_same_values() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("there is no tshark to compare with");
        return;
    }
    let (mut compared, mut named, mut different) = (0, 0, Vec::new());
    for (name, folder) in formats() {
        let Ok(text) = fs::read_to_string(folder.join("tshark.txt")) else { continue };
        let same = Same::read(&text);
        let ours = same.ours(&index(&name));
        for ((SameField { theirs: field, ours: paths, .. }, theirs), ours) in
            same.fields.iter().zip(same.tshark(&folder.join("capture.pcapng"))).zip(ours)
        {
            named += 1;
            let Some(theirs) = theirs else {
                eprintln!("this tshark has no field {field}");
                continue;
            };
            compared += 1;
            if theirs.is_empty() {
                different.push(format!("{name}: tshark finds no {field}"));
            }
            let place = theirs.iter().zip(&ours).position(|(theirs, ours)| !ours.contains(&plain(theirs)));
            let place = place.or((theirs.len() != ours.len()).then_some(theirs.len().min(ours.len())));
            if let Some(place) = place {
                different.push(format!(
                    "{name}: {paths:?} and tshark's {field} differ at {place} of {} and {}: {:?} and {:?}",
                    ours.len(),
                    theirs.len(),
                    ours.iter().skip(place).take(3).collect::<Vec<_>>(),
                    theirs.iter().skip(place).take(3).collect::<Vec<_>>(),
                ));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(compared > named / 2, "{compared} of {named} fields are hardly a comparison");
}

/// A value of tshark's, its numbers in decimal.
fn plain(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.map_or_else(|| value.to_owned(), |number| number.to_string())
}
