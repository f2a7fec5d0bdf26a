//! Compares the filter with the obvious way: each row dissected and searched.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use framescope_capture::filter::{Column, Evaluator, Filter, FilterError};
use framescope_capture::{FlowId, Index, Options, RowId, Source, read};
use framescope_ksy::Described;
use framescope_parser::{
    Captured, Code, Confidence, Conversation, Dissection, Error, Field, Input, Measure, Memo, Missing, Names,
    Observer, Protocol, Reads, Sample, Severity, SpanType, Stage, Step, Value, Visit,
};
use support::{cases, corpus, open};

fn parse(expression: &str) -> Result<Filter, FilterError> {
    Filter::parse(expression, &framescope_parser::built_in())
}

#[track_caller]
fn found(index: &Index, expression: &str) -> Vec<u32> {
    parse(expression)
        .unwrap_or_else(|error| panic!("{error}"))
        .rows(index)
        .unwrap()
        .into_iter()
        .map(RowId::number)
        .collect()
}

/// The rows of which `is` holds.
fn rows(index: &Index, is: impl Fn(RowId, &framescope_capture::Row) -> bool) -> Vec<u32> {
    index.rows().filter(|(number, row)| is(*number, row)).map(|(number, _)| number.number()).collect()
}

fn chat() -> Index {
    open(&corpus().join("captures/missive-chat/capture.pcapng"))
}

fn damaged() -> Index {
    open(&corpus().join("captures/missive-damaged/capture.pcapng"))
}

/// The fields of a row as text, by path.
fn fields_of(index: &Index, number: RowId) -> Vec<(String, String)> {
    fn collect(
        fields: &[Field<'_>],
        above: &str,
        message: Captured<'_, '_>,
        out: &mut Vec<(String, String)>,
    ) {
        for field in fields {
            let path =
                if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
            // The value of a group is compared by its bytes; of what was not captured nothing is known.
            let value = match &field.value {
                Value::Missing => None,
                Value::Group => message.get(field.range.clone()).map(|bytes| Value::Bytes(bytes.into())),
                value => Some(value.clone()),
            };
            out.extend(value.map(|value| (path.clone(), written(&value))));
            collect(&field.fields, &path, message, out);
        }
    }
    let row = index.row(number).unwrap();
    let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader()).unwrap();
    let missing = index.missing(&row).into_iter().map(|range| range.start as usize..range.end as usize);
    let missing = Missing::list(missing);
    let mut out = Vec::new();
    let message = Captured::with_missing(&bytes, &missing);
    collect(&index.dissect(number, &bytes).fields, "", message, &mut out);
    out
}

/// A value as an expression writes it.
fn written(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::Bytes(bytes) => {
            format!("x\"{}\"", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        Value::Enum(kind) => kind.name.map_or(kind.value.to_string(), str::to_owned),
        value => value.to_string(),
    }
}

#[test]
fn every_field_of_every_message_is_found_by_its_path_and_value() {
    for case in cases() {
        let index = open(&case.join("capture.pcapng"));
        let all: Vec<Vec<(String, String)>> =
            index.row_ids().map(|number| fields_of(&index, number)).collect();
        let mut asked = std::collections::BTreeSet::new();
        for (path, value) in all.iter().flatten() {
            // A column's name means the column; a protocol before it, the field.
            let name = match Column::from_name(path) {
                Some(_) => continue,
                None => path,
            };
            // Each path a few times is enough, and takes a second.
            if !asked.insert(format!("{name} == {value}")) || asked.len() > 400 {
                continue;
            }
            let ends = |(other, found): &(String, String)| {
                (other == path || other.ends_with(&format!(".{path}"))) && found == value
            };
            let expected = rows(&index, |number, _| all[number.index()].iter().any(ends));
            assert_eq!(
                found(&index, &format!("{name} == {value}")),
                expected,
                "{name} == {value} in {case:?}"
            );
        }
        assert!(asked.len() > 2, "{case:?}");
    }
}

#[test]
fn columns_say_what_the_index_says() {
    for index in [chat(), damaged()] {
        let severity = |number: RowId| index.row(number).unwrap().severity();
        let first = index.packet_time_ns(1.into()).unwrap();
        let time = |row: &framescope_capture::Row| index.time_ns(row).map(|time| time - first);
        let latency = |number| index.reply_to(number).and_then(|(_, latency)| latency);
        type Is<'i> = Box<dyn Fn(RowId, &framescope_capture::Row) -> bool + 'i>;
        let cases: Vec<(&str, Is<'_>)> = vec![
            ("row < 7", Box::new(|row, _| row.number() < 7)),
            ("row in {3, 5..6, 0x9..}", Box::new(|row, _| matches!(row.number(), 3 | 5 | 6 | 9..))),
            ("flow == 1", Box::new(|_, row| row.flow() == FlowId::from(1))),
            ("length in 20..40", Box::new(|_, row| (20..=40).contains(&row.length))),
            ("length > 20 and length <= 40", Box::new(|_, row| row.length > 20 && row.length <= 40)),
            ("offset != 0", Box::new(|_, row| row.offset != 0)),
            ("kind == DATA", Box::new(|_, row| index.kind(row) == Some("DATA"))),
            ("kind != DATA", Box::new(|_, row| index.kind(row).is_some_and(|kind| kind != "DATA"))),
            ("not kind == DATA", Box::new(|_, row| index.kind(row) != Some("DATA"))),
            (
                "kind matches \"^LOG\"",
                Box::new(|_, row| index.kind(row).is_some_and(|kind| kind.starts_with("LOG"))),
            ),
            ("type == message", Box::new(|_, row| row.span_type == SpanType::Message)),
            ("type in {gap, skipped}", Box::new(|_, row| ["gap", "skipped"].contains(&row.type_name()))),
            ("problems", Box::new(|_, row| !row.codes.is_empty())),
            ("severity >= warning", Box::new(|number, _| severity(number) >= Some(Severity::Warning))),
            ("severity == note", Box::new(|number, _| severity(number) == Some(Severity::Note))),
            ("direction == backward", Box::new(|_, row| index.direction(row).as_str() == "backward")),
            ("src.port == 9000", Box::new(|_, row| index.endpoints(row).unwrap().0.port() == 9000)),
            (
                "dst.port in {9000..9010}",
                Box::new(|_, row| (9000..=9010).contains(&index.endpoints(row).unwrap().1.port())),
            ),
            ("port == 9000 && ip == 127.0.0.0/8", Box::new(|_, _| true)),
            (
                "src contains \"127.0.0.1:9000\"",
                Box::new(|_, row| index.endpoints(row).unwrap().0.port() == 9000),
            ),
            ("time < 300ms", Box::new(|_, row| time(row).is_some_and(|time| time < 300_000_000))),
            ("time >= 2026-01-01 and time < 2100-01-01", Box::new(|_, row| time(row).is_some())),
            ("time < 2026-01-01", Box::new(|_, _| false)),
            ("latency > 50us", Box::new(|number, _| latency(number).is_some_and(|latency| latency > 50_000))),
            ("reply_to", Box::new(|number, _| index.reply_to(number).is_some())),
            (
                "answered_by and not reply_to",
                Box::new(|number, _| index.answered_by(number).is_some() && index.reply_to(number).is_none()),
            ),
            (
                "packet in 10..20",
                Box::new(|_, row| {
                    index.row_packets(row).iter().any(|packet| (10..=20).contains(&packet.number()))
                }),
            ),
            ("protocol == missive or protocol == bare", Box::new(|_, row| index.protocol(row).is_some())),
            ("transport == udp", Box::new(|_, _| false)),
            ("length < 0 or length > -1", Box::new(|_, _| true)),
        ];
        for (expression, is) in cases {
            assert_eq!(found(&index, expression), rows(&index, is), "{expression}");
        }
    }
}

#[test]
fn contained_text_is_found_whole_or_not_at_all() {
    for index in [chat(), damaged()] {
        let bytes =
            |row: &framescope_capture::Row| index.row_bytes(row, usize::MAX, &mut index.reader()).unwrap();
        let within = |row: &framescope_capture::Row, wanted: &[u8]| {
            bytes(row).windows(wanted.len()).any(|w| w == wanted)
        };
        for wanted in ["hello", "你好", "e", "nowhere in it"] {
            let in_bytes = rows(&index, |_, row| within(row, wanted.as_bytes()));
            assert_eq!(found(&index, &format!("bytes contains \"{wanted}\"")), in_bytes, "{wanted}");
            let in_payload = rows(&index, |number, row| {
                let bytes = bytes(row);
                let dissection = index.dissect(number, &bytes);
                let payload = dissection.field("payload").map(|field| bytes[field.range.clone()].to_vec());
                payload.is_some_and(|payload| payload.windows(wanted.len()).any(|w| w == wanted.as_bytes()))
            });
            assert_eq!(found(&index, &format!("payload contains \"{wanted}\"")), in_payload, "{wanted}");
            let summary =
                rows(&index, |number, row| index.dissect(number, &bytes(row)).summary.contains(wanted));
            assert_eq!(found(&index, &format!("summary contains \"{wanted}\"")), summary, "{wanted}");
        }
    }
}

#[test]
fn bytes_far_inside_a_long_skipped_row_are_found() {
    let mut noise = vec![b'.'; 3 << 20];
    noise[2_097_150..2_097_156].copy_from_slice(b"needle");
    noise[0] = 0xFF;
    let options = framescope_capture::Options {
        decode_as: vec!["file=missive".parse().unwrap()],
        ..framescope_capture::Options::default()
    };
    let index = support::read_with(noise, &options);
    assert_eq!(index.row_count(), 1);
    assert_eq!(found(&index, "bytes contains \"needle\""), [0]);
    assert_eq!(found(&index, "not bytes contains \"noodle\" and bytes matches \"n[e]+dle\""), [0]);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let index = chat();
    let all = |expression: &str| found(&index, expression);
    assert_eq!(all("row == 1 or row == 2 and row == 3"), [1]);
    assert_eq!(all("(row == 1 or row == 2) and row == 2"), [2]);
    assert_eq!(all("not row > 1 and row > 0"), [1]);
    assert_eq!(all("not (row > 1 or row < 1)"), [1]);
    assert_eq!(all("!row > 1 && row > 0 || row == 5"), [1, 5]);
    assert_eq!(all("NOT NOT row == 4"), [4]);
}

#[test]
fn what_is_not_understood_says_where_and_what_may_have_been_meant() {
    for (expression, place, words) in [
        ("", "", "expression is empty"),
        ("knd == LOGIN", "knd", "did you mean 'kind'?"),
        ("usr == \"ada\"", "usr", "did you mean 'user'?"),
        ("missive.payload.usr", "missive.payload.usr", "did you mean 'missive.payload.user'?"),
        ("missive.nothing_like_it", "missive.nothing_like_it", "missive has no field 'nothing_like_it'"),
        ("kind == LOGN", "LOGN", "did you mean 'LOGIN'?"),
        ("type == mesage", "mesage", "did you mean 'message'?"),
        ("type == 7", "7", "there are message, skipped, gap, partial"),
        ("problems contains checksum-mismach", "checksum-mismach", "did you mean 'checksum-mismatch'?"),
        ("severity > fatal", "fatal", "note, warning or error"),
        ("protocol == misive", "misive", "did you mean 'missive'?"),
        ("length > many", "many", "whole number"),
        ("length > 1.5", "1.5", "whole number"),
        ("latency > 5", "5", "a duration, such as"),
        ("time > noon", "noon", "2026-01-02T03:04:05Z"),
        ("src == localhost", "localhost", "not an address"),
        ("kind < DATA", "<", "has no order"),
        ("length contains 3", "3", "'length' contains nothing"),
        ("time matches \"3\"", "\"3\"", "is not text"),
        ("summary matches \"(\"", "\"(\"", "not a regular expression: unclosed group"),
        ("row == 1 row == 2", "row", "'and' or 'or' is missing"),
        ("row = = 1", "=", "a value is missing here"),
        ("row ==", "", "a value is missing here"),
        ("row == 1 and", "", "a test is missing"),
        ("and row == 1", "and", "no column or field 'and'"),
        ("== 1", "==", "a column or a field is missing"),
        ("(row == 1", "(", "the ')' for a '(' is missing"),
        ("row == 1)", ")", "opens this"),
        ("row in {1, 2", "{", "the '}' of a set is missing"),
        ("row in {1; 2}", ";", "';' means nothing here"),
        ("kind == 'DATA'", "'", "double quotes"),
        ("summary == \"a", "\"a", "the closing '\"' is missing"),
        ("bytes contains x\"f\"", "x\"f\"", "pairs of hexadecimal digits"),
        ("kind eqals DATA", "eqals", "is not an operator"),
        ("kind contain \"D\"", "contain", "did you mean 'contains'?"),
    ] {
        let error = parse(expression).expect_err(expression);
        assert_eq!(&expression[error.range.clone()], place, "{error}");
        assert!(error.text.contains(words), "{words:?} is not in {error}");
    }
    let error = parse("知 == 1").unwrap_err().to_string();
    assert_eq!(error.lines().nth(2), Some("    ^"), "a wide character counts as one");
    let deep = "(".repeat(200_000);
    assert!(parse(&deep).unwrap_err().text.contains("nested more than 100 deep"));
    assert!(parse(&"not ".repeat(200_000)).unwrap_err().text.contains("nested more than 100 deep"));
}

#[test]
fn every_column_is_understood_and_has_a_sentence() {
    let index = damaged();
    for (column, name, about) in Column::ALL {
        assert_eq!((Column::from_name(name), column.name()), (Some(*column), *name));
        assert!(!about.is_empty());
        // The field exists.
        found(&index, name);
    }
    assert_eq!(found(&index, "row").len(), index.row_count());
}

#[test]
fn a_whole_file_of_rows_is_found_as_each_row_by_itself() {
    use framescope_parser::missive::{FrameBuf, Kind};
    // Frames whose ends look like the beginnings of what is searched for, in segments that split some of them.
    let frame = |i: u32| {
        let text = match i % 7 {
            0 => "aa".to_owned(),
            1 => format!("b{i}b"),
            2 => "aaab".to_owned(),
            _ => "a".to_owned(),
        };
        FrameBuf::new(Kind::DATA).sequence(i).payload(text).to_bytes().unwrap()
    };
    let stream: Vec<u8> = (0..20_000).flat_map(frame).collect();
    let segments = stream.chunks(97).enumerate();
    let segments: Vec<support::Tcp> = std::iter::once(support::Tcp::syn(0))
        .chain(segments.map(|(i, part)| support::Tcp::data(1 + i as u32 * 97, part)))
        .collect();
    let index = support::read_bytes(support::tcp_pcap(&segments));
    assert_eq!(index.row_count(), 20_000);
    for wanted in ["\"aa\"", "\"a\"", "\"aaab\"", "\"b12\"", "\"nowhere\"", "\"\"", "x\"f54d01\""] {
        for expression in [
            format!("bytes contains {wanted}"),
            format!("payload contains {wanted}"),
            format!("not content contains {wanted} and row > 7"),
        ] {
            let searched = found(&index, &expression);
            let filter = parse(&expression).unwrap();
            let mut evaluator = Evaluator::new(&filter, &index);
            let matching = index.row_ids().filter(|&number| evaluator.matches(number).unwrap());
            let expected: Vec<u32> = matching.map(RowId::number).collect();
            assert_eq!(searched, expected, "{expression}");
        }
    }
}

/// A protocol that reports everything, whatever is wanted.
struct TellsAll(Arc<dyn Protocol>, Vec<Stage>);

impl TellsAll {
    fn of(protocol: &Arc<dyn Protocol>) -> Arc<dyn Protocol> {
        let stages = protocol.stages().iter().cloned().map(|stage| match stage.reads {
            Reads::Own(own) => Stage { reads: Reads::Own(TellsAll::of(&own)), ..stage },
            Reads::Other(_) => stage,
        });
        Arc::new(TellsAll(Arc::clone(protocol), stages.collect()))
    }
}

impl Protocol for TellsAll {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn about(&self) -> &str {
        self.0.about()
    }

    fn ends_with_segment(&self) -> bool {
        self.0.ends_with_segment()
    }

    fn can_resync(&self) -> bool {
        self.0.can_resync()
    }

    fn terminator(&self) -> Option<&[u8]> {
        self.0.terminator()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        self.0.measure(message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        self.0.next(input, memo)
    }

    fn names(&self) -> Names {
        self.0.names()
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.0.dissect(message, visit);
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        self.0.dissect_incomplete(message, visit);
    }

    fn dissect_skipped<'a>(&'a self, code: Code, bytes: &'a [u8], length: usize, visit: &mut dyn Visit<'a>) {
        self.0.dissect_skipped(code, bytes, length, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        self.0.detect(sample)
    }

    fn stages(&self) -> &[Stage] {
        &self.1
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        self.0.conversation()
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        self.0.observer()
    }
}

#[test]
fn a_protocol_that_reports_only_wanted_fields_gives_the_same_rows() {
    let formats = std::fs::read_dir(corpus().join("formats")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<(Option<PathBuf>, PathBuf)> = formats
        .filter(|path| path.is_dir())
        .map(|path| (Some(path.with_extension("ksy")), path.join("capture.pcapng")))
        .collect();
    let missive = corpus().join("formats/missive.ksy");
    for case in support::cases() {
        let capture = case.join("capture.pcapng");
        cases.push((Some(missive.clone()), capture.clone()));
        cases.push((None, capture));
    }
    let mut asked = 0;
    for (description, capture) in cases {
        let mut decode_as = Vec::new();
        let mut protocols = framescope_parser::built_in();
        if let Some(description) = &description {
            let described = Described::from_file(description).unwrap();
            let places = described.usual_places().into_iter();
            decode_as.extend(places.map(|place| format!("{place}={}", described.name()).parse().unwrap()));
            protocols.insert(0, Arc::new(described));
        }
        let index = |protocols: Vec<Arc<dyn Protocol>>| {
            let options = Options { protocols, decode_as: decode_as.clone(), ..Options::default() };
            read(Source::open(&capture).unwrap(), &options, &mut |_| true).unwrap()
        };
        let telling_all = protocols.iter().map(TellsAll::of);
        let (all, some) = (index(telling_all.collect()), index(protocols.clone()));
        assert_eq!(all.row_count(), some.row_count());
        let mut expressions = std::collections::BTreeSet::new();
        for number in all.row_ids() {
            for (path, value) in fields_of(&all, number) {
                let name = if Column::from_name(&path).is_some() { continue } else { path };
                // The whole path, and its end.
                let last = name.rsplit('.').next().filter(|last| Column::from_name(last).is_none());
                for name in [Some(name.as_str()), last].into_iter().flatten() {
                    expressions.insert(format!("{name} == {value}"));
                    expressions.insert(format!("{name} != {value} and {name} > 1"));
                    expressions.insert(format!("{name} contains \"a\""));
                    expressions.insert(format!("{name} or summary contains \"a\""));
                }
            }
        }
        // Some of many are enough, and take a second; fewer where there are many rows.
        let every = 1 + expressions.len() * all.row_count() / 3_000;
        for expression in expressions.iter().step_by(every) {
            let Ok(filter) = Filter::parse(expression, &protocols) else { continue };
            let expected = filter.rows(&all).unwrap();
            assert_eq!(filter.rows(&some).unwrap(), expected, "{expression} in {capture:?}, {description:?}");
            asked += 1;
        }
    }
    assert!(asked > 500, "{asked}");
}

#[test]
fn the_page_names_every_column() {
    let page = std::fs::read_to_string(corpus().join("../docs/filter.md")).unwrap();
    for (_, name, _) in Column::ALL {
        assert!(page.contains(&format!("`{name}`")), "docs/filter.md does not name {name}");
    }
}
