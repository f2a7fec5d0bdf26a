//! A message taken apart for a person: its fields as a tree with nothing borrowed, and where its bytes come from.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use framescope_capture::export::{display_limit, row_facts};
use framescope_capture::filter::literal;
use framescope_capture::{BlockReader, Index, SegmentRange};
use framescope_parser::{
    Captured, Code, Field, Missing, Problem, Protocol, Severity, SpanType, Unclaimed, Value,
};

use crate::json_tree;

/// A field as the tree shows it, with nothing borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldNode {
    /// The names from the top, joined by dots, items of lists by their numbers.
    pub path: String,
    /// The same as a filter writes it: without the numbers. Empty for what no filter can ask about.
    pub known_as: String,
    /// Its own name.
    pub name: String,
    /// Its value on one line; empty for a field that is only the sum of others.
    pub value: String,
    /// All of its text, if it is one, up to a limit.
    pub text: Option<String>,
    /// Its value as a filter compares it.
    pub literal: Option<String>,
    /// Its bytes, as offsets in the message.
    pub range: Range<usize>,
    /// Whether bytes of it were not captured, so that its value is not known. The fields in it are what was.
    pub is_missing: bool,
    /// The worst problem that touches its own bytes.
    pub severity: Option<Severity>,
    /// What the format's author says of it.
    pub about: String,
    /// The fields in it.
    pub fields: Vec<FieldNode>,
}

impl FieldNode {
    /// Whether the fields in it only say what its own bytes mean, as flags do.
    pub fn is_flags(&self) -> bool {
        !self.value.is_empty()
            && !self.fields.is_empty()
            && self.fields.iter().all(|inner| inner.range == self.range)
    }
}

/// The message that is looked at, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The row's number.
    pub row: u32,
    /// A line that says which message it is.
    pub title: String,
    /// Where its bytes come from, in words.
    pub origin: String,
    /// Its bytes that were captured, one behind the other; of skipped ones only the first. Of an incomplete message they do
    /// not stand at their offsets: see [`captured`](Details::captured).
    pub bytes: Vec<u8>,
    /// Which of its bytes were not captured.
    pub missing: Vec<Missing>,
    /// The segments that they came in, with offsets in the message.
    pub segments: Vec<SegmentRange>,
    /// Its fields.
    pub fields: Vec<FieldNode>,
    /// Its problems.
    pub problems: Vec<Problem>,
    /// The bytes that problems are about which are not the whole message's: in rising order, and apart from each other.
    pub at_fault: Vec<Range<usize>>,
    /// Why the bytes could not be read, if so.
    pub error: Option<String>,
}

/// Packets that are named of a message; a long one may have thousands.
const PACKETS_NAMED: usize = 8;
/// Fields that are shown of a message at most.
const FIELDS_SHOWN: usize = 20_000;
/// Characters of a text that are kept of a field.
const TEXT_KEPT: usize = 64 << 10;

impl Details {
    pub(crate) fn of(number: u32, index: &Index, reader: &mut BlockReader) -> Details {
        let Some(row) = index.row(number) else { return Details::default() };
        let title = format!("#{number} {}", index.kind(&row).unwrap_or(row.type_name()));
        let bytes = match index.row_bytes(&row, display_limit(&row), reader) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Details { row: number, title, error: Some(error.to_string()), ..Details::default() };
            }
        };
        let missing = index.missing_before(&row, bytes.len());
        let dissection = index.dissect(number, &bytes);
        let problems = dissection.problems.clone();
        let protocol = index.protocol(&row).unwrap_or(&Unclaimed);
        let touched = Touched::by(&problems);
        let first_hole = missing.first().map(|hole| hole.start);
        let mut tree = Tree { protocol, touched, first_hole, left: FIELDS_SHOWN, left_out: 0 };
        let mut fields = tree.nodes(&dissection.fields, ("", ""));
        if tree.left_out > 0 {
            let value = format!("{} more fields are not shown", tree.left_out);
            fields.push(FieldNode {
                name: "…".to_owned(),
                path: "…".to_owned(),
                value,
                ..FieldNode::default()
            });
        }
        let mut origin = row_facts(index, number, &row, PACKETS_NAMED);
        let shown = Captured::with_missing(&bytes, &missing).length();
        if (shown as u64) < row.length && row.span_type != SpanType::Gap {
            origin.push_str(", of which the first are shown");
        }
        if let Some(by) = index.answered_by(number) {
            origin.push_str(&format!(", answered by #{by}"));
        }
        let in_message =
            |segment: SegmentRange| SegmentRange { offset: segment.offset - row.offset, ..segment };
        let segments = index.segments(&row).map(in_message);
        let segments = segments.take_while(|segment| segment.offset < shown as u64).collect();
        let at_fault = at_fault(&problems, shown);
        Details {
            row: number,
            title,
            origin,
            segments,
            fields,
            problems,
            at_fault,
            bytes,
            missing,
            error: None,
        }
    }

    /// Its bytes with what is missing of them.
    pub fn captured(&self) -> Captured<'_, '_> {
        Captured::with_missing(&self.bytes, &self.missing)
    }

    /// Where in the capture a byte stands: the packet, 0 for none, and the file offset.
    pub fn place_of(&self, at: usize) -> Option<(u32, u64)> {
        let at = at as u64;
        let segment = self.segments.get(self.segments.partition_point(|segment| segment.end() <= at))?;
        (segment.offset <= at).then(|| (segment.packet, segment.file_offset + (at - segment.offset)))
    }

    /// Whether a problem is about a byte, and not about the whole message.
    pub fn is_at_fault(&self, at: usize) -> bool {
        let behind = self.at_fault.partition_point(|range| range.start <= at);
        behind
            .checked_sub(1)
            .and_then(|last| self.at_fault.get(last))
            .is_some_and(|range| range.contains(&at))
    }

    /// Whether another segment begins at a byte.
    pub fn is_cut_before(&self, at: usize) -> bool {
        at > 0 && self.segments.binary_search_by_key(&(at as u64), |segment| segment.offset).is_ok()
    }

    /// The field with that path.
    pub fn field(&self, path: &str) -> Option<&FieldNode> {
        fn find<'f>(fields: &'f [FieldNode], path: &str) -> Option<&'f FieldNode> {
            fields.iter().find_map(|field| match path.strip_prefix(field.path.as_str()) {
                Some("") => Some(field),
                // Names in JSON may have dots themselves: so all that fit are looked into.
                Some(_) => find(&field.fields, path),
                None => None,
            })
        }
        find(&self.fields, path)
    }

    /// The smallest field that holds some bytes.
    pub fn smallest_field(&self, range: &Range<usize>) -> Option<&FieldNode> {
        smallest_field(&self.fields, range)
    }

    /// The bytes of a field; none where one of them is missing.
    pub fn bytes_of(&self, range: &Range<usize>) -> &[u8] {
        self.captured().get(range.clone()).unwrap_or_default()
    }
}

fn smallest_field<'f>(fields: &'f [FieldNode], range: &Range<usize>) -> Option<&'f FieldNode> {
    let holds = |field: &&FieldNode| field.range.start <= range.start && range.end <= field.range.end;
    let field = fields.iter().find(|field| holds(field) && !field.range.is_empty())?;
    // Flags share the bytes of the field they are bits of: then that one is meant.
    let inner = if field.is_flags() { None } else { smallest_field(&field.fields, range) };
    Some(inner.unwrap_or(field))
}

/// Problems that are about bytes that are there. That some are not is no fault of those between them.
fn about_bytes(problems: &[Problem]) -> impl Iterator<Item = &Problem> {
    problems.iter().filter(|problem| problem.code != Code::Incomplete)
}

/// The bytes that problems are about, joined where they touch. Those of the whole message say nothing of any byte.
fn at_fault(problems: &[Problem], all: usize) -> Vec<Range<usize>> {
    let parts = about_bytes(problems).map(|problem| problem.range.clone());
    let mut parts: Vec<Range<usize>> = parts.filter(|range| !range.is_empty() && range.len() < all).collect();
    parts.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => joined.push(part),
        }
    }
    joined
}

/// Finds the worst problem within some bytes, however many problems and fields there are.
struct Touched {
    /// For each severity, the worst first: the starts of its problems in rising order, each with the first end of those that
    /// start there or behind.
    by_severity: Vec<(Severity, Vec<(usize, usize)>)>,
}

impl Touched {
    fn by(problems: &[Problem]) -> Touched {
        let with = |severity: Severity| {
            let own = about_bytes(problems).filter(|problem| problem.code.severity() == severity);
            let mut places: Vec<(usize, usize)> =
                own.map(|problem| (problem.range.start, problem.range.end)).collect();
            places.sort_unstable();
            places.iter_mut().rev().fold(usize::MAX, |first, (_, end)| {
                *end = first.min(*end);
                *end
            });
            (severity, places)
        };
        Touched { by_severity: [Severity::Error, Severity::Warning, Severity::Note].map(with).to_vec() }
    }

    fn worst_within(&self, range: &Range<usize>) -> Option<Severity> {
        let is_within = |places: &[(usize, usize)]| {
            let at = places.partition_point(|&(start, _)| start < range.start);
            places.get(at).is_some_and(|&(_, end)| end <= range.end)
        };
        self.by_severity.iter().find(|(_, places)| is_within(places)).map(|&(severity, _)| severity)
    }
}

struct Tree<'d> {
    protocol: &'d dyn Protocol,
    touched: Touched,
    /// Where the message's first hole begins.
    first_hole: Option<usize>,
    left: usize,
    left_out: usize,
}

impl Tree<'_> {
    /// `place` is where the fields stand: the names above them, as a person sees them and as the protocol knows them.
    fn nodes(&mut self, fields: &[Field<'_>], place: (&str, &str)) -> Vec<FieldNode> {
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        // A part of a message that a hole cuts is told up to there, and then what is not known of it: those are no list.
        let is_cut_at = |other: &Field<'_>, at| other.range.end == at && other.range.start < at;
        let is_rest = |number: usize, field: &Field<'_>| {
            field.value == Value::Missing
                && self.first_hole == Some(field.range.start)
                && number
                    .checked_sub(1)
                    .and_then(|before| fields.get(before))
                    .is_some_and(|before| before.name == field.name && is_cut_at(before, field.range.start))
        };
        let rests: Vec<bool> =
            fields.iter().enumerate().map(|(number, field)| is_rest(number, field)).collect();
        for (field, _) in fields.iter().zip(&rests).filter(|(_, is_rest)| !**is_rest) {
            counts.entry(field.name).or_default().0 += 1;
        }
        let mut found = Vec::with_capacity(fields.len().min(self.left));
        for (field, is_rest) in fields.iter().zip(rests) {
            let name = match counts.get_mut(field.name) {
                _ if is_rest => format!("{} (rest)", field.name),
                // Fields of one name are a list's items.
                Some((count, seen)) if *count > 1 => {
                    *seen += 1;
                    format!("{}[{}]", field.name, *seen - 1)
                }
                _ => field.name.to_owned(),
            };
            if self.left == 0 {
                self.left_out += 1;
                continue;
            }
            self.left -= 1;
            let (path, known_as) = (under(place.0, &name), under(place.1, field.name));
            // A problem of the whole message is not the fault of each of its fields.
            let severity = self.touched.worst_within(&field.range);
            let mut inner = self.nodes(&field.fields, (&path, &known_as));
            if let Value::Text(text) = &field.value
                && inner.is_empty()
            {
                // Where the text is not as it stands in the message, its places are not known.
                let is_verbatim = text.len() == field.range.len();
                inner = json_tree::nodes(text, &path, &field.range, is_verbatim, &mut self.left);
            }
            found.push(FieldNode {
                severity,
                name,
                value: value_text(&field.value),
                text: text_of(&field.value),
                is_missing: field.value == Value::Missing,
                literal: literal(&field.value).filter(|literal| literal.len() <= 4096),
                range: field.range.clone(),
                fields: inner,
                about: self.protocol.about_field(&known_as).unwrap_or_default(),
                path,
                known_as,
            });
        }
        found
    }
}

pub(crate) fn under(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// A value on one line, no longer than a person reads at a glance.
fn value_text(value: &Value<'_>) -> String {
    const LIMIT: usize = 400;
    let text = match value {
        Value::Bytes(bytes) => match almost_text(bytes) {
            Some(text) => format!("{text}  (not valid text)"),
            None => {
                let shown = bytes.get(..bytes.len().min(64)).unwrap_or_default();
                let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                let more = if shown.len() < bytes.len() { " …" } else { "" };
                format!("{}{more} ({} bytes)", digits.join(" "), bytes.len())
            }
        },
        Value::Text(text) => one_line(text.chars().take(LIMIT + 1)),
        value => value.to_string(),
    };
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Characters with the control characters among them as they are written in programs.
pub(crate) fn one_line(chars: impl Iterator<Item = char>) -> String {
    chars.fold(String::new(), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default())
        } else {
            line.push(c)
        }
        line
    })
}

/// Text that is valid but for some of its bytes, with these as numbers; None where it is hardly text at all.
fn almost_text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let (mut out, mut invalid, mut strange) = (String::new(), 0, 0);
    for chunk in bytes.utf8_chunks() {
        strange += chunk.valid().chars().filter(|c| c.is_control() && !c.is_ascii_whitespace()).count();
        out.push_str(&one_line(chunk.valid().chars()));
        invalid += chunk.invalid().len();
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    (invalid > 0 && strange == 0 && invalid * 4 <= bytes.len()).then_some(out)
}

fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => match text.char_indices().nth(TEXT_KEPT) {
            Some((end, _)) => Some(format!("{}…", text.get(..end).unwrap_or_default())),
            None => Some(text.clone().into_owned()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, Source, read};
    use framescope_parser::Code;
    use framescope_parser::missive::{FrameBuf, Kind};

    fn details(frames: &[Vec<u8>]) -> Details {
        let index =
            read(Source::from_bytes("bytes", frames.concat()), &Options::default(), &mut |_| true).unwrap();
        Details::of(0, &index, &mut index.reader())
    }

    #[test]
    fn text_with_bytes_that_are_none_is_shown_with_them() {
        let frame = FrameBuf::new(Kind::DATA).payload(b"caf\xe9 au lait".as_slice()).to_bytes().unwrap();
        let details = details(&[frame]);
        let content = details.field("payload.content").unwrap();
        assert_eq!(content.value, "caf\\xe9 au lait  (not valid text)");
        assert_eq!(content.severity, Some(Severity::Error));
        assert_eq!(content.literal.as_deref(), Some("x\"636166e9206175206c616974\""));
    }

    #[test]
    fn json_in_a_text_is_a_tree_with_the_places_of_its_values() {
        let json = br#"{"user": "ada", "tags": [1, {"x.y": null}]}"#;
        let frame = FrameBuf::new(Kind::DATA).payload(json.as_slice()).to_bytes().unwrap();
        let details = details(&[frame]);
        let user = details.field("payload.content.user").unwrap();
        assert_eq!((user.value.as_str(), details.bytes_of(&user.range)), ("\"ada\"", b"\"ada\"".as_slice()));
        let inner = details.field("payload.content.tags[1].x.y").unwrap();
        assert_eq!((inner.value.as_str(), details.bytes_of(&inner.range)), ("null", b"null".as_slice()));
        assert_eq!(details.smallest_field(&(user.range.start..user.range.start + 1)), Some(user));
    }

    /// Problems at places that look as if by chance, one within another and side by side.
    fn problems() -> Vec<Problem> {
        let codes = [Code::InvalidUtf8, Code::Cut, Code::Glued, Code::ReservedFlags];
        let places = (0..60usize).map(|number| (number * 37 % 50, number * 11 % 7));
        let problem = |(number, (start, length)): (usize, (usize, usize))| Problem {
            code: codes[number % codes.len()],
            range: start..start + length,
            text: String::new(),
        };
        places.enumerate().map(problem).collect()
    }

    #[test]
    fn a_field_shows_the_worst_problem_within_it() {
        for count in [0, 1, 5, 60] {
            let problems = &problems()[..count];
            let touched = Touched::by(problems);
            for start in 0..58 {
                for end in start..58 {
                    let within = problems
                        .iter()
                        .filter(|problem| start <= problem.range.start && problem.range.end <= end);
                    let worst = within.map(|problem| problem.code.severity()).max();
                    assert_eq!(touched.worst_within(&(start..end)), worst, "{start}..{end} of {count}");
                }
            }
        }
    }

    #[test]
    fn a_byte_is_at_fault_where_a_problem_is_about_less_than_the_message() {
        let problems = problems();
        let details = Details { at_fault: at_fault(&problems, 6), ..Details::default() };
        for at in 0..60 {
            let told = problems.iter().any(|problem| problem.range.contains(&at) && problem.range.len() < 6);
            assert_eq!(details.is_at_fault(at), told, "{at}");
        }
    }

    #[test]
    fn every_byte_has_its_place_in_the_capture() {
        let holes = include_bytes!("../../corpus/captures/holes/capture.pcapng");
        for source in [framescope_inspect::sample::source(), Source::from_bytes("holes", *holes)] {
            let index = read(source.clone(), &Options::default(), &mut |_| true).unwrap();
            let (mut reader, mut missing) = (index.reader(), 0);
            for number in 0..u32::try_from(index.row_count()).unwrap() {
                let details = Details::of(number, &index, &mut reader);
                let row = index.row(number).unwrap();
                let length = if row.span_type == SpanType::Gap { 0 } else { row.length };
                assert_eq!(details.captured().length() as u64, length, "row {number}");
                for at in 0..details.captured().length() {
                    let Some(&[byte]) = details.captured().get(at..at + 1) else {
                        assert_eq!(details.place_of(at), None, "byte {at} of row {number}");
                        missing += 1;
                        continue;
                    };
                    let (packet, offset) = details.place_of(at).unwrap();
                    let mut there = [0];
                    assert_eq!(source.read_at(offset, &mut there).unwrap(), 1);
                    assert_eq!(there[0], byte, "byte {at} of row {number}");
                    assert!(index.row_packets(&row).contains(&packet));
                }
                assert_eq!(details.place_of(details.captured().length()), None);
            }
            let known: u64 = index.rows().filter_map(|row| index.missing_bytes(&row)).sum();
            assert_eq!(missing, known);
        }
    }

    #[test]
    fn what_is_missing_is_no_fault_of_what_is_there() {
        let holes = include_bytes!("../../corpus/captures/holes/capture.pcapng");
        let index = read(Source::from_bytes("holes", *holes), &Options::default(), &mut |_| true).unwrap();
        let of = |flow, length| {
            let number = (0..).zip(index.rows()).find(|(_, row)| row.flow() == flow && row.length == length);
            Details::of(number.unwrap().0, &index, &mut index.reader())
        };
        // Three holes in a row.
        let details = of(4, 3024);
        assert!(details.at_fault.is_empty() && details.problems[0].code == Code::Incomplete);
        let paths: Vec<&str> = details.fields.iter().skip(9).map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["payload", "payload (rest)", "checksum"]);
        let rest = details.field("payload (rest)").unwrap();
        assert!(rest.is_missing && rest.known_as == "payload" && rest.severity.is_none());
        let parts: Vec<_> = rest.fields.iter().map(|part| (part.path.as_str(), part.range.clone())).collect();
        let captured = |number| format!("payload (rest)._captured[{number}]");
        assert_eq!(parts, [(&*captured(0), 1448..1478), (&*captured(1), 2896..2926)]);
        assert_eq!(details.bytes_of(&(1448..1452)), b" a l");
        assert_eq!(details.smallest_field(&(2900..2901)).unwrap().path, captured(1));
        // One that has no byte of its payload.
        let details = of(3, 1024);
        assert!(details.field("payload").unwrap().is_missing && details.field("payload (rest)").is_none());
    }
}
