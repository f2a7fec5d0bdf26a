//! The records of TLS, to which a conversation may change: they are framed, and what is in them stays bytes.

use crate::Run;

/// A record has a kind, a version and the length of what follows.
const HEAD: usize = 5;
/// A record is no longer.
const LONGEST: usize = 18 << 10;

/// How long the record is that `bytes` begin with.
fn record(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x14..=0x18, 3, 0..=4, high, low, ..] => {
            let length = HEAD + usize::from(u16::from_be_bytes([*high, *low]));
            (length > HEAD && length <= LONGEST).then_some(length)
        }
        _ => None,
    }
}

/// Whether `bytes` begin with the first record of a client or a server.
fn is_hello(bytes: &[u8]) -> bool {
    record(bytes).is_some() && matches!(bytes, [0x16, _, _, _, _, 1 | 2, 0, ..])
}

/// Where records begin, and the last ends, if they begin at a place of a run or with one of the two segments behind it. The first is
/// the place itself.
pub(super) fn from(run: &Run, at: usize) -> Option<Vec<usize>> {
    let next = run.segments.partition_point(|&begin| begin <= at);
    let behind = run.segments.get(next..).unwrap_or_default().iter().take(2).copied();
    let begin = std::iter::once(at)
        .chain(behind)
        .find(|begin| is_hello(run.bytes.get(*begin..).unwrap_or_default()))?;
    let mut boundaries = if begin > at { vec![at, begin] } else { vec![at] };
    let mut end = begin;
    while let Some(length) = run.bytes.get(end..).and_then(record)
        && end + length <= run.bytes.len()
    {
        end += length;
        boundaries.push(end);
    }
    Some(boundaries)
}
