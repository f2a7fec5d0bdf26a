//! Which rows an expression is true of.
//!
//! What depends on a row's label or stream only is answered once for each of these, what stands in the index is looked
//! up, and only where that does not decide are a row's bytes read; a message is taken apart only if the bytes that are
//! looked for are in it.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use framescope_parser::{Captured, Code, Kind, Protocol, TileType, Value, Visit};
use memchr::memmem::Finder;

use super::column::Column;
use super::parse::{Condition, Expression, Span, Subject, Test};
use super::value::{Literal, Number};
use crate::export::display_limit;
use crate::store::Entry;
use crate::{BlockReader, Index, Row, Times};

/// An expression that was understood, ready to be asked of rows.
///
/// It keeps what it found out of an index, so one is for one index; after [`Index::is_finished`] has become true, and for
/// another index, [`reset`](Filter::reset) it.
#[derive(Debug)]
pub struct Filter {
    pub(super) nodes: Node,
    pub(super) tests: Vec<Prepared>,
    reader: Option<BlockReader>,
    bytes: Vec<u8>,
    summary: String,
    times: Times,
}

/// An expression whose tests are numbers.
#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(usize),
}

#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) test: Test,
    tier: Tier,
    /// What is known by label or by stream.
    known: Vec<Option<bool>>,
    /// What the message must contain for the test to be true.
    needle: Option<Finder<'static>>,
    /// Where in the file it stands, in rising order, once the whole file was searched for it.
    places: Option<Vec<u64>>,
    /// What was said of the row at hand; None if its bytes decide.
    answer: Option<bool>,
    /// What the fields at its path say in the message at hand; None where there are none.
    found: Option<bool>,
}

/// What a test has to look at, what is known soonest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Label,
    Stream,
    Index,
    Bytes,
    Message,
}

fn tier(test: &Test) -> Tier {
    match &test.subject {
        Subject::Field { .. } => Tier::Message,
        Subject::Column(column) => match column {
            Column::Type | Column::Kind | Column::Problems | Column::Severity => Tier::Label,
            Column::Flow
            | Column::Direction
            | Column::Transport
            | Column::Protocol
            | Column::Src
            | Column::Dst
            | Column::Address
            | Column::SrcPort
            | Column::DstPort
            | Column::Port => Tier::Stream,
            Column::Row
            | Column::Packet
            | Column::Offset
            | Column::Length
            | Column::Time
            | Column::Latency
            | Column::ReplyTo
            | Column::AnsweredBy
            | Column::PartOf
            | Column::MissingBytes
            | Column::Comment => Tier::Index,
            Column::Bytes => Tier::Bytes,
            Column::Summary => Tier::Message,
        },
    }
}

impl Filter {
    pub(super) fn new(expression: Expression, protocols: &[Arc<dyn Protocol>]) -> Filter {
        let verbatim = protocols.iter().all(|protocol| protocol.names().verbatim);
        let mut tests = Vec::new();
        let nodes = nodes(expression, &mut tests);
        let prepare = |test: Test| {
            let needle = match (&test.subject, &test.condition) {
                (Subject::Field { .. }, Condition::Contains(bytes)) if verbatim => {
                    Some(Finder::new(bytes).into_owned())
                }
                (Subject::Column(Column::Bytes), Condition::Contains(bytes)) => {
                    Some(Finder::new(bytes).into_owned())
                }
                _ => None,
            };
            let (tier, known) = (tier(&test), Vec::new());
            Prepared { tier, test, known, needle, places: None, answer: None, found: None }
        };
        let tests = tests.into_iter().map(prepare).collect();
        Filter {
            nodes,
            tests,
            reader: None,
            bytes: Vec::new(),
            summary: String::new(),
            times: Times::default(),
        }
    }

    /// Forgets what it found out of an index.
    pub fn reset(&mut self) {
        for test in &mut self.tests {
            test.known.clear();
            test.places = None;
        }
        self.times = Times::default();
        self.reader = None;
    }

    /// The numbers of all rows of an index that it is true of.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows(&mut self, index: &Index) -> io::Result<Vec<u32>> {
        let mut rows = Vec::new();
        self.search(index)?;
        self.rows_from(index, 0..index.row_count(), &mut rows)?;
        Ok(rows)
    }

    /// Searches the whole file for what messages must contain, which for many rows is quicker than to look at each.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn search(&mut self, index: &Index) -> io::Result<()> {
        if index.row_count() < WORTH_A_SEARCH {
            return Ok(());
        }
        for prepared in &mut self.tests {
            if let Some(needle) = &prepared.needle
                && prepared.places.is_none()
            {
                prepared.places = places(index, needle)?;
            }
        }
        Ok(())
    }

    /// Appends the numbers of the rows in `range` that it is true of.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn rows_from(&mut self, index: &Index, range: Range<usize>, rows: &mut Vec<u32>) -> io::Result<()> {
        for number in range {
            let Ok(number) = u32::try_from(number) else { break };
            if self.is_true_of(index, number)? {
                rows.push(number);
            }
        }
        Ok(())
    }

    /// Whether it is true of a row. Quickest when rows are asked about in their order.
    ///
    /// # Errors
    /// The capture can't be read any more.
    pub fn is_true_of(&mut self, index: &Index, number: u32) -> io::Result<bool> {
        let Some(entry) = index.entries.get(number) else { return Ok(false) };
        let Filter { nodes, tests, times, .. } = self;
        let seen = evaluate(nodes, &mut |test| {
            let prepared = tests.get_mut(test)?;
            prepared.answer = match prepared.tier {
                Tier::Label => Some(prepared.by_group(index, number, entry.label)),
                Tier::Stream => Some(prepared.by_group(index, number, entry.stream)),
                Tier::Index => Some(in_index(&prepared.test, index, number, &entry, times)),
                Tier::Bytes | Tier::Message => match &prepared.places {
                    Some(places) => {
                        let row = index.row(number)?;
                        not_among(places, index, &row).then_some(false)
                    }
                    None => None,
                },
            };
            prepared.answer
        });
        match seen {
            Some(known) => Ok(known),
            None => self.is_true_of_message(index, number),
        }
    }

    /// Looks at the row's bytes: what else was asked does not decide.
    fn is_true_of_message(&mut self, index: &Index, number: u32) -> io::Result<bool> {
        let Some(row) = index.row(number) else { return Ok(false) };
        let Filter { nodes, tests, reader, bytes, summary, .. } = self;
        let reader = reader.get_or_insert_with(|| index.reader());
        bytes.clear();
        index.append_row_bytes(&row, display_limit(&row), reader, bytes)?;
        for prepared in tests.iter_mut() {
            match (prepared.tier, &prepared.needle) {
                (Tier::Bytes, _) if prepared.answer.is_none() => {
                    let condition = &prepared.test.condition;
                    prepared.answer = Some(of_all_bytes(condition, index, &row, bytes, reader)?);
                }
                (Tier::Message, Some(needle)) if prepared.answer.is_none() => {
                    prepared.answer = needle.find(bytes).is_none().then_some(false);
                }
                _ => {}
            }
            prepared.found = None;
        }
        let mut answer = |test: usize| tests.get(test)?.answer;
        if let Some(known) = evaluate(nodes, &mut answer) {
            return Ok(known);
        }
        summary.clear();
        let protocol = index.protocol(&row).map(|protocol| protocol.name());
        let missing = index.missing_before(&row, bytes.len());
        let message = Captured::with_missing(bytes, &missing);
        let mut fields = Fields { tests, protocol, path: Vec::new(), message, summary };
        index.visit(&row, bytes, &mut fields);
        index.summary_of_no_message(&row, &mut |text| replace(summary, text));
        let open = |prepared: &&mut Prepared| prepared.tier == Tier::Message && prepared.answer.is_none();
        for prepared in tests.iter_mut().filter(open) {
            prepared.answer = Some(match &prepared.test.subject {
                Subject::Column(_) => of_bytes(&prepared.test.condition, summary.as_bytes()),
                Subject::Field { .. } => prepared.found == Some(true),
            });
        }
        Ok(evaluate(nodes, &mut |test| tests.get(test)?.answer).unwrap_or(false))
    }
}

impl Prepared {
    /// The answer for a label or a stream, which is the same for all of their rows.
    fn by_group(&mut self, index: &Index, number: u32, group: u32) -> bool {
        let place = group as usize;
        if let Some(Some(known)) = self.known.get(place) {
            return *known;
        }
        let answer = index.row(number).is_some_and(|row| by_group(&self.test, index, &row));
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(answer);
        }
        answer
    }
}

/// Fewer rows than this are looked at one by one.
const WORTH_A_SEARCH: usize = 10_000;
/// Something that stands in more places than this is in too many rows for a search to spare much.
const MOST_PLACES: usize = 1 << 20;

/// Longer things are looked for row by row: places that reach over one another cost their length each.
const LONGEST_SEARCHED: usize = 4096;

/// Where in the file something stands, in rising order; None if that is in very many places, or of no length.
fn places(index: &Index, needle: &Finder<'_>) -> io::Result<Option<Vec<u64>>> {
    let length = needle.needle().len();
    if length == 0 || length > LONGEST_SEARCHED {
        return Ok(None);
    }
    let source = index.source();
    let (mut found, mut at) = (Vec::new(), 0);
    let mut block = vec![0; AT_ONCE + length - 1];
    while at < source.length() {
        let read = source.read_at(at, &mut block)?;
        let bytes = block.get(..read).unwrap_or_default();
        let mut from = 0;
        // Places may reach over one another, as one message ends and the next begins. What begins behind the block's end
        // begins the next one.
        while let Some(place) = bytes.get(from..).and_then(|rest| needle.find(rest)).map(|place| from + place)
            && place < AT_ONCE
        {
            found.push(at + place as u64);
            if found.len() > MOST_PLACES {
                return Ok(None);
            }
            from = place + 1;
        }
        if read < block.len() {
            break;
        }
        at += AT_ONCE as u64;
    }
    Ok(Some(found))
}

/// Whether none of these places is in a row. A row that came in several segments has to be looked at.
fn not_among(places: &[u64], index: &Index, row: &Row) -> bool {
    let mut segments = index.segments(row);
    match (segments.next(), segments.next()) {
        (Some(segment), None) if u64::from(segment.length) == row.length => {
            let from = segment.file_offset;
            let first = places.partition_point(|&place| place < from);
            places.get(first).is_none_or(|&place| place >= from + row.length)
        }
        _ => false,
    }
}

/// Puts other text in the place of a text.
fn replace(text: &mut String, with: fmt::Arguments<'_>) {
    text.clear();
    // Writing to a String does not fail.
    let _ = text.write_fmt(with);
}

/// Bytes of the file that are searched at once.
const AT_ONCE: usize = 1 << 20;

/// A test on all of a row's bytes, of which `first` are at hand. Of a row that is longer than a message can be, a regular
/// expression sees the first 16 MiB.
fn of_all_bytes(
    condition: &Condition,
    index: &Index,
    row: &Row,
    first: &[u8],
    reader: &mut BlockReader,
) -> io::Result<bool> {
    if first.len() as u64 >= row.length || row.tile_type == TileType::Gap {
        return Ok(of_bytes(condition, first));
    }
    Ok(match condition {
        Condition::There => true,
        Condition::Other(inner) => !of_all_bytes(inner, index, row, first, reader)?,
        Condition::Contains(wanted) => {
            let finder = Finder::new(wanted);
            let mut bytes = Vec::new();
            let found = index.for_each_piece(row, reader, &mut |piece| {
                bytes.extend_from_slice(piece);
                if finder.find(&bytes).is_some() {
                    return Ok(ControlFlow::Break(()));
                }
                // What stands over the border of two pieces is found too: the end of the last one stays.
                bytes.drain(..bytes.len().saturating_sub(wanted.len().saturating_sub(1)));
                Ok(ControlFlow::Continue(()))
            })?;
            found.is_break()
        }
        _ => of_bytes(condition, &index.row_bytes(row, 16 << 20, reader)?),
    })
}

fn nodes(expression: Expression, tests: &mut Vec<Test>) -> Node {
    // What is known soonest may spare the others.
    let mut sooner_first = |mut parts: Vec<Expression>| {
        parts.sort_by_key(latest);
        parts.into_iter().map(|part| nodes(part, tests)).collect()
    };
    match expression {
        Expression::All(parts) => Node::All(sooner_first(parts)),
        Expression::Any(parts) => Node::Any(sooner_first(parts)),
        Expression::Not(inner) => Node::Not(Box::new(nodes(*inner, tests))),
        Expression::Test(test) => {
            tests.push(test);
            Node::Test(tests.len() - 1)
        }
    }
}

/// What has to be looked at to know an expression for sure.
fn latest(expression: &Expression) -> Tier {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().map(latest).max().unwrap_or(Tier::Label)
        }
        Expression::Not(inner) => latest(inner),
        Expression::Test(test) => tier(test),
    }
}

/// What an expression is if some of its tests may not be known: true, false or not known either.
fn evaluate(node: &Node, test: &mut dyn FnMut(usize) -> Option<bool>) -> Option<bool> {
    match node {
        Node::Test(number) => test(*number),
        Node::Not(inner) => evaluate(inner, test).map(|known| !known),
        Node::All(parts) | Node::Any(parts) => {
            let decides = matches!(node, Node::Any(_));
            let mut all = Some(!decides);
            for part in parts {
                match evaluate(part, test) {
                    Some(known) if known == decides => return Some(decides),
                    Some(_) => {}
                    None => all = None,
                }
            }
            all
        }
    }
}

/// A test on what all rows of a label, or of a stream, have in common.
fn by_group(test: &Test, index: &Index, row: &Row) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let endpoints = index.endpoints(row);
    let condition = &test.condition;
    let name = |name: Option<&str>| of_names(condition, name.as_slice());
    let address = |all: &[std::net::SocketAddr]| of_addresses(condition, all);
    let port = |all: &[std::net::SocketAddr]| {
        let ports: Vec<i128> = all.iter().map(|endpoint| endpoint.port().into()).collect();
        of_numbers(condition, &ports)
    };
    let (src, dst) = endpoints.unzip();
    let both: Vec<_> = src.into_iter().chain(dst).collect();
    match column {
        Column::Type => name(Some(row.type_name())),
        Column::Kind => name(index.kind(row)),
        Column::Problems => {
            let names: Vec<&str> = row.codes.iter().map(Code::as_str).collect();
            of_names(condition, &names)
        }
        Column::Severity => of_severity(condition, row.severity()),
        Column::Flow => of_numbers(condition, &[row.flow().into()]),
        Column::Direction => name(Some(index.direction(row).as_str())),
        Column::Transport => name(index.flows().get(row.flow() as usize).map(|flow| flow.transport.as_str())),
        Column::Protocol => name(index.protocol(row).map(|protocol| protocol.name())),
        Column::Src => address(src.as_slice()),
        Column::Dst => address(dst.as_slice()),
        Column::Address => address(&both),
        Column::SrcPort => port(src.as_slice()),
        Column::DstPort => port(dst.as_slice()),
        Column::Port => port(&both),
        _ => false,
    }
}

/// A test on what stands in the index for each row. A row is resolved only for what its entry does not say.
fn in_index(test: &Test, index: &Index, number: u32, entry: &Entry, times: &mut Times) -> bool {
    let Subject::Column(column) = test.subject else { return false };
    let condition = &test.condition;
    let number_of = |value: Option<i128>| of_numbers(condition, value.as_slice());
    match column {
        Column::Row => return number_of(Some(number.into())),
        Column::Offset => return number_of(Some(entry.offset.into())),
        Column::Length => return number_of(Some(entry.length.into())),
        _ => {}
    }
    let Some(row) = &index.row(number) else { return false };
    match column {
        Column::Packet => {
            let packets: Vec<i128> = index.row_packets(row).into_iter().map(i128::from).collect();
            of_numbers(condition, &packets)
        }
        Column::Time => match times.time_ns(index, row) {
            Some(time) => of_time(condition, time, || times.first_ns(index).unwrap_or(0)),
            None => false,
        },
        Column::Latency => number_of(index.reply_to(number).and_then(|(_, latency)| latency).map(i128::from)),
        Column::ReplyTo => number_of(index.reply_to(number).map(|(to, _)| to.into())),
        Column::AnsweredBy => number_of(index.answered_by(number).map(i128::from)),
        Column::MissingBytes => number_of(index.missing_bytes(row).map(i128::from)),
        Column::PartOf => number_of(index.part_of(number).map(i128::from)),
        Column::Comment => index.comments(row).iter().any(|(_, text)| of_bytes(condition, text.as_bytes())),
        _ => false,
    }
}

fn of_numbers(condition: &Condition, values: &[i128]) -> bool {
    match condition {
        Condition::There => !values.is_empty(),
        Condition::Number(spans) => values.iter().any(|value| spans.iter().any(|span| span.holds(value))),
        Condition::Other(inner) => !values.is_empty() && !of_numbers(inner, values),
        _ => false,
    }
}

fn of_time(condition: &Condition, time: i64, mut first: impl FnMut() -> i64) -> bool {
    match condition {
        Condition::There => true,
        Condition::Time(spans) => spans.iter().any(|(span, relative)| {
            let since = if *relative { first() } else { 0 };
            span.holds(&(i128::from(time) - i128::from(since)))
        }),
        Condition::Other(inner) => !of_time(inner, time, first),
        _ => false,
    }
}

fn of_severity(condition: &Condition, severity: Option<framescope_parser::Severity>) -> bool {
    match (condition, severity) {
        (_, None) => false,
        (Condition::There, Some(_)) => true,
        (Condition::Severity(spans), Some(severity)) => spans.iter().any(|span| span.holds(&severity)),
        (Condition::Other(inner), some) => !of_severity(inner, some),
        _ => false,
    }
}

fn of_names(condition: &Condition, names: &[&str]) -> bool {
    match condition {
        Condition::There => !names.is_empty(),
        Condition::Name(wanted) => names.iter().any(|name| wanted.iter().any(|wanted| wanted == name)),
        Condition::Other(inner) => !names.is_empty() && !of_names(inner, names),
        text => names.iter().any(|name| of_bytes(text, name.as_bytes())),
    }
}

fn of_addresses(condition: &Condition, endpoints: &[std::net::SocketAddr]) -> bool {
    match condition {
        Condition::There => !endpoints.is_empty(),
        Condition::Address(wanted) => {
            endpoints.iter().any(|endpoint| wanted.iter().any(|wanted| wanted.is(*endpoint)))
        }
        Condition::Other(inner) => !endpoints.is_empty() && !of_addresses(inner, endpoints),
        text => endpoints.iter().any(|endpoint| of_bytes(text, endpoint.to_string().as_bytes())),
    }
}

fn of_bytes(condition: &Condition, bytes: &[u8]) -> bool {
    of_value(condition, &Value::Bytes(bytes.into()), bytes) == Some(true)
}

/// Whether a value fulfils a condition; None where it has none. `raw` are the bytes of its field.
fn of_value(condition: &Condition, value: &Value<'_>, raw: &[u8]) -> Option<bool> {
    // Of what was not captured nothing is known but that it is there.
    if *value == Value::Missing {
        return matches!(condition, Condition::There).then_some(true);
    }
    let bytes = value.as_bytes();
    Some(match condition {
        Condition::There => *value != Value::Bool(false),
        Condition::Value(spans) => spans.iter().any(|span| holds(span, value, raw)),
        Condition::Contains(wanted) => match (bytes, value) {
            (Some(bytes), _) => memchr::memmem::find(bytes, wanted).is_some(),
            (None, Value::Group) => memchr::memmem::find(raw, wanted).is_some(),
            (None, _) => false,
        },
        Condition::Matches(pattern) => match (bytes, value) {
            (Some(bytes), _) => pattern.is_match(bytes),
            (None, Value::Group) => pattern.is_match(raw),
            (None, Value::Enum(kind)) => pattern.is_match(kind.to_string().as_bytes()),
            (None, value) => pattern.is_match(value.to_string().as_bytes()),
        },
        Condition::Other(inner) => !of_value(inner, value, raw)?,
        _ => return None,
    })
}

fn holds(span: &Span<Literal>, value: &Value<'_>, raw: &[u8]) -> bool {
    let end = |end: &Option<(Literal, bool)>, far: Ordering| match end {
        None => true,
        Some((literal, within)) => match compare(value, raw, literal) {
            Some(Ordering::Equal) => *within,
            Some(order) => order == far,
            None => false,
        },
    };
    end(&span.low, Ordering::Greater) && end(&span.high, Ordering::Less)
}

/// How a field's value stands to one in the expression; None where they can't be compared.
fn compare(value: &Value<'_>, raw: &[u8], literal: &Literal) -> Option<Ordering> {
    let number = match *value {
        Value::Unsigned(n) | Value::Hex(n) => Some(Number::Whole(n.into())),
        Value::Signed(n) => Some(Number::Whole(n.into())),
        Value::Float(x) => Some(Number::Float(x)),
        Value::Enum(kind) => {
            if let Some(name) = kind.name
                && literal.text() == Some(name)
            {
                return Some(Ordering::Equal);
            }
            Some(Number::Whole(kind.value.into()))
        }
        Value::Bool(b) => match literal.text() {
            Some("true") => return Some(b.cmp(&true)),
            Some("false") => return Some(b.cmp(&false)),
            _ => Some(Number::Whole(b.into())),
        },
        Value::Text(_) | Value::Bytes(_) | Value::Group => None,
        Value::Missing => return None,
    };
    match number {
        Some(number) => number.partial_cmp(&literal.number()?),
        None => Some(value.as_bytes().unwrap_or(raw).cmp(literal.bytes())),
    }
}

/// The visitor that asks each field it is told.
struct Fields<'f, 't> {
    tests: &'t mut [Prepared],
    protocol: Option<&'f str>,
    /// The names of the fields that are open.
    path: Vec<&'f str>,
    message: Captured<'f, 't>,
    summary: &'t mut String,
}

impl Fields<'_, '_> {
    fn ask(&mut self, name: &str, range: Range<usize>, value: &Value<'_>) {
        for prepared in self.tests.iter_mut() {
            let Subject::Field { protocol, path } = &prepared.test.subject else { continue };
            if protocol.as_deref().is_some_and(|wanted| self.protocol != Some(wanted)) {
                continue;
            }
            // The last name decides nearly always.
            let Some((last, before)) = path.split_last() else { continue };
            let fits = self.path.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            if last != name || self.path.len() < before.len() || !fits {
                continue;
            }
            let condition = &prepared.test.condition;
            let of = |raw: &[u8]| of_value(condition, value, raw) == Some(true);
            let fulfils = match self.message.get(range.clone()) {
                Some(raw) => of(raw),
                // What is in a part that was captured is in the field; whether the field is that nobody knows.
                None if *value == Value::Group => {
                    let looks_inside = matches!(condition, Condition::Contains(_) | Condition::Matches(_));
                    looks_inside && self.message.parts(range.clone()).any(|(_, part)| of(part))
                }
                None => of(&[]),
            };
            prepared.found = Some(match (prepared.found, condition) {
                (None, _) => fulfils,
                // Of several fields one that is equal decides that they are not other.
                (Some(before), Condition::Other(_)) => before && fulfils,
                (Some(before), _) => before || fulfils,
            });
        }
    }
}

impl<'f> Visit<'f> for Fields<'f, '_> {
    fn kind(&mut self, _: Kind<'f>) {}

    fn field(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.ask(name, range, &value);
    }

    fn begin(&mut self, name: &'f str, range: Range<usize>, value: Value<'f>) {
        self.ask(name, range, &value);
        self.path.push(name);
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        replace(self.summary, text);
    }
}
