//! A decoded message as the window shows it, with nothing borrowed: its fields, problems and bytes, and where in the capture
//! the bytes are.

mod carriers;
mod problems;
mod tree;

use std::ops::Range;
use std::sync::Arc;

use framescope_capture::export::{display_limit, row_facts};
use framescope_capture::{BlockReader, Index, PacketId, RowId, SegmentRange};
use framescope_parser::{Captured, Code, Dissection, Field, Missing, Problem, Protocol, SpanType, Unclaimed};

pub use carriers::{CarriedRow, CarrierRow};
use carriers::{carried_in, carriers_of, no_secrets, unpacked_from};
use problems::{ProblemIndex, at_fault};
pub use tree::FieldNode;
use tree::{TreeBuilder, number_leaves, tints_of};
pub(crate) use tree::{one_line, under};

use super::text::grouped;

/// A decoded message.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The row's number.
    pub row: RowId,
    /// Which message it is, such as `#3 DATA`.
    pub title: String,
    /// Where its bytes come from, as a sentence.
    pub origin: String,
    /// Its captured bytes, one after another; of a skipped row only the first. In an incomplete message they are not at their
    /// offsets: see [`captured`](Details::captured).
    pub bytes: Vec<u8>,
    /// The offsets of bytes that were not captured.
    pub missing: Vec<Missing>,
    /// The segments that carried them, with offsets in the message.
    pub segments: Vec<SegmentRange>,
    /// The messages of carriers that brought it, the outermost first.
    pub carriers: Vec<CarrierRow>,
    /// How many more of them there are.
    pub more_carriers: usize,
    /// The rows that it brings bytes of.
    pub carried: Vec<CarriedRow>,
    /// Whether there are more of them.
    pub carries_more: bool,
    /// Its fields.
    pub fields: Vec<Arc<FieldNode>>,
    /// The ranges of the fields without fields inside, in rising order, each with its tint.
    pub tints: Vec<(Range<usize>, usize)>,
    /// Its problems.
    pub problems: Vec<Problem>,
    /// The bytes that problems concern, unless they concern the whole message: disjoint and in rising order.
    pub at_fault: Vec<Range<usize>>,
    /// The problem that says why it is not decrypted, if its secrets are not known.
    pub no_secrets: Option<Code>,
    /// Why the bytes could not be read.
    pub error: Option<String>,
}

/// The most packets that are listed for a message; a long one may have thousands.
const PACKETS_NAMED: usize = 8;
/// The most fields of a message that are shown.
const FIELDS_SHOWN: usize = 20_000;

impl Details {
    /// Decodes a row.
    pub(crate) fn of(number: RowId, index: &Index, reader: &mut BlockReader) -> Details {
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
        let fields = tree_of(protocol, &dissection.fields, &problems, missing.first().map(|hole| hole.start));
        let mut origin = row_facts(index, number, &row, PACKETS_NAMED);
        let shown = Captured::with_missing(&bytes, &missing).length();
        if (shown as u64) < row.length && row.span_type != SpanType::Gap {
            origin.push_str(", of which only the first are shown");
        }
        if let Some(by) = index.answered_by(number) {
            origin.push_str(&format!(", answered by #{by}"));
        }
        let in_message =
            |segment: SegmentRange| SegmentRange { offset: segment.offset - row.offset, ..segment };
        let segments = index.segments(&row).map(in_message);
        let segments = segments.take_while(|segment| segment.offset < shown as u64).collect();
        let at_fault = at_fault(&problems, shown);
        let (carriers, more_carriers) = carriers_of(index, &row);
        let (carried, carries_more) = carried_in(index, &row);
        let no_secrets = no_secrets(index, &row).filter(|_| carried.is_empty());
        Details {
            row: number,
            title,
            origin,
            segments,
            carriers,
            more_carriers,
            carried,
            carries_more,
            tints: tints_of(&fields),
            fields,
            problems,
            at_fault,
            bytes,
            missing,
            no_secrets,
            error: None,
        }
    }

    /// A message that is in no capture, with the fields and problems that its protocol shows in it.
    pub(crate) fn composed(
        title: String,
        bytes: Vec<u8>,
        read: &Dissection<'_>,
        protocol: &dyn Protocol,
    ) -> Details {
        let problems = read.problems.clone();
        let fields = tree_of(protocol, &read.fields, &problems, None);
        let (tints, at_fault) = (tints_of(&fields), at_fault(&problems, bytes.len()));
        Details { title, bytes, tints, fields, problems, at_fault, ..Details::default() }
    }

    /// Its bytes with their holes.
    pub fn captured(&self) -> Captured<'_, '_> {
        Captured::with_missing(&self.bytes, &self.missing)
    }

    /// Where in the capture a byte is: the packet, if there is one, and the file offset; of an unpacked one, where what it was
    /// unpacked from begins.
    pub fn source_of(&self, at: usize) -> Option<(PacketId, u64)> {
        let at = at as u64;
        let segment = self.segments.get(self.segments.partition_point(|segment| segment.end() <= at))?;
        let within = if self.is_unpacked() { 0 } else { at.checked_sub(segment.offset)? };
        (segment.offset <= at).then(|| (segment.packet, segment.file_offset + within))
    }

    /// Whether its bytes are in the capture only encrypted, compressed or otherwise packed.
    pub fn is_unpacked(&self) -> bool {
        self.carriers.iter().any(|carrier| carrier.relevant.is_none())
    }

    /// The message of a carrier that brought it.
    pub fn carrier(&self, row: RowId) -> Option<&CarrierRow> {
        self.carriers.iter().find(|carrier| carrier.row == row)
    }

    /// Whether a problem concerns a byte, and not the whole message.
    pub fn is_at_fault(&self, at: usize) -> bool {
        let behind = self.at_fault.partition_point(|range| range.start <= at);
        behind
            .checked_sub(1)
            .and_then(|last| self.at_fault.get(last))
            .is_some_and(|range| range.contains(&at))
    }

    /// Whether a byte is the first of another segment.
    pub fn is_cut_before(&self, at: usize) -> bool {
        at > 0 && self.segments.binary_search_by_key(&(at as u64), |segment| segment.offset).is_ok()
    }

    /// The field with that path.
    pub fn field(&self, path: &str) -> Option<&Arc<FieldNode>> {
        fn find<'f>(fields: &'f [Arc<FieldNode>], path: &str) -> Option<&'f Arc<FieldNode>> {
            fields.iter().find_map(|field| match path.strip_prefix(field.path.as_str()) {
                Some("") => Some(field),
                // A name in JSON may contain dots, so every field that fits is searched.
                Some(_) => find(&field.fields, path),
                None => None,
            })
        }
        find(&self.fields, path)
    }

    /// The smallest field that contains a range.
    pub fn smallest_field(&self, range: &Range<usize>) -> Option<&FieldNode> {
        smallest_field(&self.fields, range)
    }

    /// Describes a range: its offsets, its packets, and where in the file it is.
    pub fn describe(&self, range: &Range<usize>) -> String {
        let mut text = byte_range(range);
        let message = self.captured();
        let captured = message.captured_before(range.end) - message.captured_before(range.start);
        let missing = range.end.min(message.length()).saturating_sub(range.start).saturating_sub(captured);
        match missing {
            0 => {}
            _ if captured == 0 => text.push_str(", not captured"),
            missing => text.push_str(&format!(", {} of them not captured", grouped(missing))),
        }
        if let Some((packet, offset)) = self.source_of(range.start) {
            match packet {
                packet if self.is_unpacked() => text.push_str(&unpacked_from(packet, offset)),
                PacketId::NONE => text.push_str(&format!(", file offset {offset} (0x{offset:x})")),
                packet => text.push_str(&format!(", packet {packet}, file offset {offset} (0x{offset:x})")),
            }
            let last = range.end.checked_sub(1).and_then(|last| self.source_of(last));
            if let Some((other, _)) = last.filter(|(other, _)| *other != packet) {
                text.push_str(&format!(", to packet {other}"));
            }
        }
        text
    }

    /// The bytes of a range; empty if one of them was not captured.
    pub fn bytes_of(&self, range: &Range<usize>) -> &[u8] {
        self.captured().get(range.clone()).unwrap_or_default()
    }
}

/// The fields of a message as nodes: no more than are shown.
fn tree_of(
    protocol: &dyn Protocol,
    fields: &[Field<'_>],
    problems: &[Problem],
    first_hole: Option<usize>,
) -> Vec<Arc<FieldNode>> {
    let problems = ProblemIndex::new(problems);
    let mut tree = TreeBuilder { protocol, problems, first_hole, left: FIELDS_SHOWN, left_out: 0 };
    let mut nodes = tree.nodes(fields, ("", ""));
    if tree.left_out > 0 {
        let (name, path) = ("…".to_owned(), "…".to_owned());
        let value = format!("{} more fields are not shown", grouped(tree.left_out));
        nodes.push(Arc::new(FieldNode { name, path, value, ..FieldNode::default() }));
    }
    number_leaves(&mut nodes);
    nodes
}

fn smallest_field<'f>(fields: &'f [Arc<FieldNode>], range: &Range<usize>) -> Option<&'f FieldNode> {
    let holds = |field: &&Arc<FieldNode>| field.range.start <= range.start && range.end <= field.range.end;
    let field = fields.iter().find(|field| holds(field) && !field.range.is_empty())?;
    // Flags have the range of their field: then the field is meant.
    let inner = if field.is_flags() { None } else { smallest_field(&field.fields, range) };
    inner.or(Some(field))
}

/// Describes a range of bytes.
pub(crate) fn byte_range(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("no bytes at {}", range.start),
        1 => format!("byte {}", range.start),
        length => format!("bytes {} to {} ({length} bytes)", range.start, range.end - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, Source, read};
    use framescope_parser::Severity;
    use framescope_parser::missive::{FrameBuf, Kind};

    fn details(frames: &[Vec<u8>]) -> Details {
        let index =
            read(Source::from_bytes("bytes", frames.concat()), &Options::default(), &mut |_| true).unwrap();
        Details::of(0.into(), &index, &mut index.reader())
    }

    #[test]
    fn text_with_invalid_bytes_is_shown_with_the_bytes_escaped() {
        let frame = FrameBuf::new(Kind::DATA).payload(b"caf\xe9 au lait".as_slice()).to_bytes().unwrap();
        let details = details(&[frame]);
        let content = details.field("payload.content").unwrap();
        assert_eq!(content.value, "caf\\xe9 au lait  (not valid text)");
        assert_eq!(content.severity, Some(Severity::Error));
        assert_eq!(content.literal.as_deref(), Some("x\"636166e9206175206c616974\""));
    }

    #[test]
    fn json_in_a_text_is_a_tree_with_the_ranges_of_its_values() {
        let json = br#"{"user": "ada", "tags": [1, {"x.y": null}]}"#;
        let frame = FrameBuf::new(Kind::DATA).payload(json.as_slice()).to_bytes().unwrap();
        let details = details(&[frame]);
        let user = details.field("payload.content.user").unwrap();
        assert_eq!((user.value.as_str(), details.bytes_of(&user.range)), ("\"ada\"", b"\"ada\"".as_slice()));
        let inner = details.field("payload.content.tags[1].x.y").unwrap();
        assert_eq!((inner.value.as_str(), details.bytes_of(&inner.range)), ("null", b"null".as_slice()));
        assert_eq!(details.smallest_field(&(user.range.start..user.range.start + 1)), Some(&**user));
    }

    #[test]
    fn every_byte_leads_back_to_the_capture() {
        let holes = include_bytes!("../../../../corpus/captures/holes/capture.pcapng");
        for source in [framescope_inspect::sample::source(), Source::from_bytes("holes", *holes)] {
            let index = read(source.clone(), &Options::default(), &mut |_| true).unwrap();
            let (mut reader, mut missing) = (index.reader(), 0);
            for number in index.row_ids() {
                let details = Details::of(number, &index, &mut reader);
                let row = index.row(number).unwrap();
                let length = if row.span_type == SpanType::Gap { 0 } else { row.length };
                assert_eq!(details.captured().length() as u64, length, "row {number}");
                for at in 0..details.captured().length() {
                    let Some(&[byte]) = details.captured().get(at..at + 1) else {
                        assert_eq!(details.source_of(at), None, "byte {at} of row {number}");
                        missing += 1;
                        continue;
                    };
                    let (packet, offset) = details.source_of(at).unwrap();
                    let mut there = [0];
                    assert_eq!(source.read_at(offset, &mut there).unwrap(), 1);
                    assert_eq!(there[0], byte, "byte {at} of row {number}");
                    assert!(index.row_packets(&row).contains(&packet));
                }
                assert_eq!(details.source_of(details.captured().length()), None);
            }
            let known: u64 = index.rows().filter_map(|(_, row)| index.missing_bytes(&row)).sum();
            assert_eq!(missing, known);
        }
    }

    #[test]
    fn missing_bytes_are_no_fault_of_captured_ones() {
        let holes = include_bytes!("../../../../corpus/captures/holes/capture.pcapng");
        let index = read(Source::from_bytes("holes", *holes), &Options::default(), &mut |_| true).unwrap();
        let of = |flow, length| {
            let number = index.rows().find(|(_, row)| row.flow() == flow && row.length == length);
            Details::of(number.unwrap().0, &index, &mut index.reader())
        };
        // Three holes in a row.
        let details = of(4.into(), 3024);
        assert!(details.at_fault.is_empty() && details.problems[0].code == Code::Incomplete);
        let paths: Vec<&str> = details.fields.iter().skip(9).map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["payload", "payload (rest)", "checksum"]);
        let rest = details.field("payload (rest)").unwrap();
        assert!(rest.is_missing && rest.filter_path == "payload" && rest.severity.is_none());
        let parts: Vec<_> = rest.fields.iter().map(|part| (part.path.as_str(), part.range.clone())).collect();
        let captured = |number| format!("payload (rest)._captured[{number}]");
        assert_eq!(parts, [(&*captured(0), 1448..1478), (&*captured(1), 2896..2926)]);
        assert_eq!(details.bytes_of(&(1448..1452)), b" a l");
        assert_eq!(details.smallest_field(&(2900..2901)).unwrap().path, captured(1));
        // One that has no byte of its payload.
        let details = of(3.into(), 1024);
        assert!(details.field("payload").unwrap().is_missing && details.field("payload (rest)").is_none());
    }

    #[test]
    fn fields_without_fields_inside_have_tints_in_their_order() {
        let frame = FrameBuf::new(Kind::DATA).payload(b"hello".as_slice()).to_bytes().unwrap();
        let details = details(&[frame]);
        let tint = |path: &str| details.field(path).unwrap().tint;
        assert_eq!([tint("magic"), tint("version"), tint("kind")], [Some(0), Some(1), Some(2)]);
        // The flags are one field, and a group does not count.
        assert_eq!((tint("flags"), tint("flags.checksum"), tint("payload")), (Some(3), None, None));
        assert!(details.tints.is_sorted_by_key(|(range, _)| range.start));
        let content = details.field("payload.content").unwrap();
        assert!(details.tints.contains(&(content.range.clone(), content.tint.unwrap())));
    }
}
