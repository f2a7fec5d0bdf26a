//! Compares selected fields with the whole row: what each column and each field of a message is, and that it is the
//! same alone and among others.

// A test stops where an assumption of its helpers does not hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use framescope_capture::export::{
    Fields, RowSelection, display_limit, hex, write_csv_fields, write_json, write_json_fields,
};
use framescope_capture::filter::Column;
use framescope_capture::{Index, Options, RowId, Source, read};
use framescope_ksy::Described;
use framescope_oracles::mux::{self, Mux};
use framescope_parser::{Captured, Missing, Protocol, built_in, with_built_in};
use serde_json::{Map, Value as Json, json};
use support::{Tcp, cases, corpus, open, read_with, tcp_pcap};

/// The lines of the whole rows.
fn whole(index: &Index) -> Vec<Json> {
    let mut out = Vec::new();
    write_json(index, &mut RowSelection::all(), &mut out).unwrap();
    lines(&out).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines(out: &[u8]) -> impl Iterator<Item = &str> {
    str::from_utf8(out).unwrap().lines()
}

/// The lines of selected fields, which are objects of just these names, in their order.
fn chosen(index: &Index, names: &[&str]) -> Vec<Map<String, Json>> {
    let fields = Fields::parse(&names.join(","), index.protocols()).unwrap();
    let mut out = Vec::new();
    write_json_fields(index, &mut RowSelection::all(), &fields, &mut out).unwrap();
    let object = |line: &str| {
        let object: Map<String, Json> = serde_json::from_str(line).unwrap();
        let mut from = 0;
        for name in names {
            let key = format!("{}{}:", if from == 0 { "{" } else { "," }, json!(name));
            from = line[from..].find(&key).unwrap_or_else(|| panic!("{key} is not in {line}")) + from + 1;
        }
        assert_eq!(object.len(), names.len());
        object
    };
    let objects: Vec<_> = lines(&out).map(object).collect();
    assert_eq!(objects.len(), index.row_count());
    objects
}

fn strings<'j>(values: impl IntoIterator<Item = &'j Json>) -> Json {
    values.into_iter().filter(|value| !value.is_null()).cloned().collect()
}

fn port(address: &Json) -> Json {
    address
        .as_str()
        .map_or(Json::Null, |text| text.rsplit_once(':').unwrap().1.parse::<u16>().unwrap().into())
}

/// The value of a column in a row, found in the whole rows.
fn expected(column: Column, rows: &[Json], number: usize, index: &Index) -> Json {
    let row = &rows[number];
    let problems = row["problems"].as_array().unwrap();
    let known = index.row(RowId::from(number as u32)).unwrap();
    match column {
        Column::Packet => row["packets"].clone(),
        Column::Latency => row["latency_ns"].clone(),
        Column::Transport => index.flow(known.flow()).unwrap().transport.as_str().into(),
        Column::Address => strings([&row["src"], &row["dst"]]),
        Column::SrcPort => port(&row["src"]),
        Column::DstPort => port(&row["dst"]),
        Column::Port => strings(&[port(&row["src"]), port(&row["dst"])]),
        Column::Problems => {
            // Each once, in the order of their declaration.
            let codes: BTreeSet<_> =
                problems.iter().map(|problem| problem["code"].as_str().unwrap()).collect();
            let all = framescope_parser::Code::ALL.iter().map(|code| code.as_str());
            all.filter(|code| codes.contains(code)).map(Json::from).collect()
        }
        Column::Severity => {
            let severities = ["error", "warning", "note"].map(Json::from);
            let has = |severity: &&Json| problems.iter().any(|problem| problem["severity"] == **severity);
            severities.iter().find(has).cloned().unwrap_or_default()
        }
        Column::CarriedIn => row.get("carried_in").cloned().unwrap_or(Json::Null),
        Column::Carries => {
            let is_brought =
                |row: &RowId| index.carried_by(&index.row(*row).unwrap()).contains(&(number as u32).into());
            let flows: BTreeSet<_> =
                index.row_ids().filter(is_brought).map(|row| index.row(row).unwrap().flow()).collect();
            flows.into_iter().map(|flow| index.flow(flow).unwrap().carried().unwrap().name()).collect()
        }
        Column::Level => {
            let path = row.get("carried_in").and_then(Json::as_str);
            path.map_or(0, |path| path.split('/').count()).into()
        }
        Column::AnsweredBy => {
            let answer = rows.iter().find(|other| other["reply_to"] == row["row"]);
            answer.map_or(Json::Null, |answer| answer["row"].clone())
        }
        Column::MissingBytes => row.get("missing").map_or(Json::Null, |missing| {
            missing.as_array().unwrap().iter().map(|range| range[1].as_u64().unwrap()).sum::<u64>().into()
        }),
        Column::Comment => {
            let comments = row.get("comments").and_then(Json::as_array);
            comments.into_iter().flatten().map(|comment| comment["text"].clone()).collect()
        }
        Column::Bytes => {
            let bytes = index.row_bytes(&known, display_limit(&known), &mut index.reader()).unwrap();
            json!({"bytes": hex(&bytes)})
        }
        column => row[column.name()].clone(),
    }
}

/// The captures of the corpus, and those of described protocols.
fn captures() -> Vec<(String, Index)> {
    let mut captures: Vec<(String, Index)> =
        cases().iter().map(|case| (case.display().to_string(), open(&case.join("capture.pcapng")))).collect();
    for name in ["mqtt", "dns_tcp", "resp"] {
        let formats = corpus().join("formats");
        let described = Described::from_file(&formats.join(format!("{name}.ksy"))).unwrap();
        let options = Options { protocols: with_built_in(vec![Arc::new(described)]), ..Options::default() };
        let source = Source::open(&formats.join(name).join("capture.pcapng")).unwrap();
        captures.push((name.to_owned(), read(source, &options, &mut |_| true).unwrap()));
    }
    captures.push(("turns".to_owned(), support::turns::index()));
    captures.push(("carried".to_owned(), carried()));
    captures
}

/// A capture of what a carrier carries, some of it in another carrier.
fn carried() -> Index {
    let nested = mux::message(0x3f, &[mux::message(1, b"inner"), mux::added(0x80, 1, b"added")].concat());
    let messages = [mux::message(0x41, b"\x01ada"), nested, mux::message(0xc1, b"\x03xy")].concat();
    let segments = [Tcp::syn(100), Tcp::data(101, messages)];
    let protocols = with_built_in(vec![Arc::new(Mux::default()) as Arc<dyn Protocol>]);
    let decode_as = ["tcp=mux", "mux.message=bare"].iter().map(|rule| rule.parse().unwrap()).collect();
    read_with(tcp_pcap(&segments), &Options { protocols, decode_as, ..Options::default() })
}

#[test]
fn each_column_is_what_the_whole_row_says_by_itself_and_among_all() {
    let mut some = BTreeSet::new();
    for (name, index) in captures() {
        let rows = whole(&index);
        let names: Vec<&str> = Column::ALL.iter().map(|(_, name, _)| *name).collect();
        let all = chosen(&index, &names);
        for &(column, column_name, _) in Column::ALL {
            let alone = chosen(&index, &[column_name]);
            for number in 0..rows.len() {
                let expected = expected(column, &rows, number, &index);
                assert_eq!(alone[number][column_name], expected, "{name}: {column_name} of {number}");
                assert_eq!(all[number][column_name], expected, "{name}: {column_name} of {number} among all");
                if !matches!(&expected, Json::Null) && expected != json!([]) {
                    some.insert(column_name);
                }
            }
        }
    }
    assert_eq!(some.len(), Column::ALL.len(), "{some:?}");
}

/// The values of the fields of a row by their paths, groups as their bytes.
fn fields_of(index: &Index, number: usize, row: &Json) -> Vec<(Vec<String>, Json)> {
    fn collect(
        fields: &Json,
        above: &[String],
        message: Captured<'_, '_>,
        out: &mut Vec<(Vec<String>, Json)>,
    ) {
        for field in fields.as_array().into_iter().flatten() {
            let name = field["name"].as_str().unwrap().to_owned();
            let path: Vec<String> = above.iter().cloned().chain([name]).collect();
            let (offset, length) =
                (field["offset"].as_u64().unwrap() as usize, field["length"].as_u64().unwrap() as usize);
            let value = match field.get("value") {
                Some(value) => value.clone(),
                None => message
                    .get(offset..offset + length)
                    .map_or(Json::Null, |bytes| json!({"bytes": hex(bytes)})),
            };
            out.push((path.clone(), value));
            collect(&field["fields"], &path, message, out);
        }
    }
    let known = index.row(RowId::from(number as u32)).unwrap();
    let bytes = index.row_bytes(&known, usize::MAX, &mut index.reader()).unwrap();
    let missing = index.missing(&known).into_iter().map(|range| range.start as usize..range.end as usize);
    let missing = Missing::list(missing);
    let mut out = Vec::new();
    collect(&row["fields"], &[], Captured::with_missing(&bytes, &missing), &mut out);
    out
}

#[test]
fn each_field_is_what_the_whole_row_says_under_its_path_and_its_last_name() {
    let (mut paths, mut several) = (0, 0);
    for (name, index) in captures() {
        let rows = whole(&index);
        let mut names: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            let Some(protocol) = row["protocol"].as_str() else { continue };
            for (path, _) in fields_of(&index, number, row) {
                for path in [&path[..], &path[path.len() - 1..]] {
                    let name = format!("{protocol}.{}", path.join("."));
                    names.insert(name, (protocol.to_owned(), path.to_vec()));
                }
            }
        }
        let known = |name: &&String| Fields::parse(name, index.protocols()).is_ok();
        let all: Vec<&str> = names.keys().filter(known).map(String::as_str).collect();
        if all.is_empty() {
            continue;
        }
        let among_all = chosen(&index, &all);
        paths += all.len();
        for (number, row) in rows.iter().enumerate() {
            let fields = fields_of(&index, number, row);
            for &one in &all {
                let (protocol, path) = &names[one];
                let mut values: Vec<Json> = Vec::new();
                if row["protocol"] == protocol.as_str() {
                    let fits = fields.iter().filter(|(known, _)| known.ends_with(path));
                    values.extend(fits.map(|(_, value)| value.clone()));
                }
                several += usize::from(values.len() > 1);
                let expected = match values.len() {
                    0 => Json::Null,
                    1 => values.remove(0),
                    _ => values.into(),
                };
                assert_eq!(among_all[number][one], expected, "{name}: {one} of {number}");
            }
        }
        for one in all {
            let alone = chosen(&index, &[one]);
            assert!(alone.iter().zip(&among_all).all(|(alone, all)| alone[one] == all[one]), "{name}: {one}");
        }
    }
    assert!(paths > 100 && several > 50, "{paths} paths, {several} times several values");
}

/// A cell for a JSON value.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        Json::Object(object) => match (object.get("bytes"), object.get("enum"), object.get("value")) {
            (Some(bytes), ..) => cell(bytes),
            (_, Some(Json::String(name)), _) => name.clone(),
            (.., Some(value)) => format!("{:#04x}", value.as_u64().unwrap()),
            _ => panic!("{value}"),
        },
        value => value.to_string(),
    }
}

#[test]
fn the_cells_of_csv_are_the_values_of_json() {
    for (name, index) in captures() {
        let protocol_names = index.spoken_protocols();
        let fields = protocol_names.iter().flat_map(|protocol| {
            let names = protocol.names();
            names.fields.into_iter().chain(names.anywhere).map(|field| format!("{}.{field}", protocol.name()))
        });
        let names: Vec<String> = Column::ALL
            .iter()
            .map(|(_, name, _)| (*name).to_owned())
            .chain(fields.collect::<BTreeSet<_>>())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut out = Vec::new();
        let fields = Fields::parse(&names.join(","), index.protocols()).unwrap();
        write_csv_fields(&index, &mut RowSelection::all(), &fields, &mut out).unwrap();
        let mut csv = csv::Reader::from_reader(&out[..]);
        assert_eq!(csv.headers().unwrap(), names);
        let json = chosen(&index, &names);
        let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), json.len());
        for (record, object) in records.iter().zip(&json) {
            for (column, found) in names.iter().zip(record) {
                assert_eq!(found, cell(&object[*column]), "{name}: {column}");
            }
        }
    }
}

#[test]
fn a_name_means_the_same_as_in_a_filter() {
    let wrong = |names: &str| Fields::parse(names, &built_in()).unwrap_err();
    let error = wrong("time, sequnce");
    assert_eq!(
        (error.range, &*error.text),
        (6..13, "there is no column or field 'sequnce'; did you mean 'sequence'?")
    );
    let error = wrong("row,missive.sequnce");
    assert_eq!(error.text, "missive has no field 'sequnce'; did you mean 'missive.sequence'?");
    assert_eq!(wrong("").range, 0..0);
    assert_eq!(wrong("row,").range, 4..4);
    assert_eq!(wrong("row,kind, row").text, "'row' is named twice; remove one");
    // The code of a problem is a test, not a column.
    assert!(wrong("incomplete").text.starts_with("there is no column or field 'incomplete'"));
    let fields = Fields::parse(" time,missive.kind , payload.user", &built_in()).unwrap();
    assert_eq!(fields.names().collect::<Vec<_>>(), ["time", "missive.kind", "payload.user"]);
}
