//! Messages and streams as seeds of a fuzzer: one of each shape, named by their contents.

use std::collections::BTreeSet;
use std::io;

use framescope_parser::{Code, Direction, SpanType};

use super::selection::RowSelection;
use crate::Index;

/// Bytes that fuzzing begins with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    /// What the bytes are, and a digest of them: the same bytes always have the same name.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// A seed of these bytes. `what` describes them; in the name it has only lower-case letters, digits and dashes.
    ///
    /// ```
    /// use framescope_capture::export::Seed;
    ///
    /// assert_eq!(Seed::new("LOGIN, again?", b"".to_vec()).name, "login-again-cbf29ce484222325");
    /// ```
    pub fn new(what: &str, bytes: Vec<u8>) -> Seed {
        // FNV-1a: short, and the same for ever.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let dashed = what
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect::<String>();
        let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
        Seed { name: format!("{}-{hash:016x}", words.join("-")), bytes }
    }
}

/// One message of each shape (protocol, kind, problems, approximate length, flags) among the selected rows; where all rows are
/// selected, also every direction of a conversation. No seed is longer than `longest` bytes. The same capture always gives the
/// same seeds, in the order of their names. An incomplete message is not a seed: its captured bytes, joined, were never sent.
///
/// # Errors
/// The capture can't be read any more.
pub fn seeds(index: &Index, selection: &mut RowSelection<'_>, longest: usize) -> io::Result<Vec<Seed>> {
    let with_streams = selection.filter.is_none();
    let mut reader = index.reader();
    let (mut seen, mut seeds) = (BTreeSet::new(), BTreeSet::new());
    selection.for_each(index, &mut |_, row| {
        let is_incomplete = row.codes.contains(Code::Incomplete);
        if row.span_type == SpanType::Gap || is_incomplete || row.length > longest as u64 {
            return Ok(());
        }
        let bytes = index.row_bytes(row, longest, &mut reader)?;
        let kind = index.kind(row).unwrap_or(row.type_name());
        let protocol = index.protocol(row).map_or("unknown", |protocol| protocol.name()).to_owned();
        // Mostly these are the flags that decide which parts follow.
        let flags = bytes.get(4..8).map(<[u8]>::to_vec);
        let shape = (protocol, kind.to_owned(), row.codes, row.type_name(), row.length.max(1).ilog2(), flags);
        if seen.insert(shape) {
            seeds.insert(Seed::new(kind, bytes));
        }
        Ok(())
    })?;
    for (flow, _) in index.flows().filter(|_| with_streams) {
        for direction in [Direction::Forward, Direction::Backward] {
            let segments = || index.stream_segments(flow, direction);
            let length: u64 = segments().map(|segment| u64::from(segment.length)).sum();
            if length == 0 || length > longest as u64 {
                continue;
            }
            let mut bytes = Vec::new();
            for segment in segments() {
                let range = segment.offset..segment.end();
                index.read_stream((flow, direction), range, &mut reader, &mut bytes)?;
            }
            seeds.insert(Seed::new(&format!("stream {direction}"), bytes));
        }
    }
    Ok(seeds.into_iter().collect())
}
