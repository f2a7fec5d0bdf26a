//! IP fragments put together. What is kept are places in the file, not bytes, and how many packets may wait is bounded.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::endpoint::Endpoint;
use crate::packet::Odd;
use crate::reassembly::Origin;

/// What the fragments of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    /// The number of the protocol in it.
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
}

/// A part of an IP packet's payload, as captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) of: Whole,
    /// Where in the packet's payload it begins.
    pub(crate) offset: usize,
    /// Whether more of the payload follows it.
    pub(crate) more: bool,
    /// Where in the captured packet its bytes begin.
    pub(crate) start: usize,
    pub(crate) length: usize,
    pub(crate) odd: Option<Odd>,
}

/// A stretch of a payload that stands in one place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: usize,
    pub(crate) length: usize,
    pub(crate) origin: Origin,
}

/// What came of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Others are missing.
    Waits,
    /// It has the place of one that is there already: the same bytes again, or others.
    Repeats(Piece),
    /// It reaches over others; what was captured first stays. The pieces are there if that made the packet whole.
    Overlaps(Option<Vec<Piece>>),
    /// The packet is whole: its payload's pieces, in order.
    Complete(Vec<Piece>),
}

/// More packets than this do not wait for their fragments: the oldest is given up.
const MOST_WAITING: usize = 1024;
/// After so long a number may stand for another packet: RFC 8200 gives up after 60 seconds.
const PATIENCE_NS: i64 = 60_000_000_000;

#[derive(Debug, Default)]
struct Waiting {
    /// In order, without overlap.
    pieces: Vec<Piece>,
    /// How long the payload is, once its last fragment is there.
    length: Option<usize>,
    since_ns: Option<i64>,
}

/// The packets of which fragments are missing.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    waiting: HashMap<Whole, Waiting, RandomState>,
    /// In the order in which they began to wait. May name some that wait no longer.
    order: VecDeque<Whole>,
    /// Fragments that were given up, and the first of them.
    pub(crate) given_up: Option<(u64, Origin)>,
}

impl Fragments {
    /// Takes the next fragment, which was captured at that time and place.
    pub(crate) fn add(&mut self, fragment: &Fragment, origin: Origin, time_ns: Option<i64>) -> Added {
        let expired = |waiting: &Waiting| {
            let waited = waiting.since_ns.zip(time_ns).map(|(since, now)| now.saturating_sub(since));
            waited.is_some_and(|waited| waited > PATIENCE_NS)
        };
        if self.waiting.get(&fragment.of).is_some_and(expired) {
            self.give_up(&fragment.of);
        }
        if !self.waiting.contains_key(&fragment.of) {
            while self.waiting.len() >= MOST_WAITING
                && let Some(oldest) = self.order.pop_front()
            {
                self.give_up(&oldest);
            }
            self.order.push_back(fragment.of);
        }
        // Those that became whole in the meantime are forgotten before their names take over.
        if self.order.len() > 4 * MOST_WAITING {
            let waiting = &self.waiting;
            self.order.retain(|of| waiting.contains_key(of) || *of == fragment.of);
        }
        let waiting = self
            .waiting
            .entry(fragment.of)
            .or_insert_with(|| Waiting { since_ns: time_ns, ..Waiting::default() });
        let overlaps = match waiting.insert(fragment, origin) {
            Overlap::Repeat(piece) => return Added::Repeats(piece),
            overlap => overlap == Overlap::Other,
        };
        let whole = waiting.is_whole().then(|| std::mem::take(&mut waiting.pieces));
        if whole.is_some() {
            self.waiting.remove(&fragment.of);
        }
        match whole {
            whole if overlaps => Added::Overlaps(whole),
            Some(pieces) => Added::Complete(pieces),
            None => Added::Waits,
        }
    }

    fn give_up(&mut self, of: &Whole) {
        let Some(waiting) = self.waiting.remove(of) else { return };
        let Some(first) = waiting.pieces.first() else { return };
        let (count, _) = self.given_up.get_or_insert((0, first.origin));
        *count += waiting.pieces.len() as u64;
    }

    /// The capture has ended: gives up all that wait.
    pub(crate) fn finish(&mut self) {
        while let Some(oldest) = self.order.pop_front() {
            self.give_up(&oldest);
        }
    }
}

/// How a fragment lies to those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlap {
    None,
    /// In the place of this one.
    Repeat(Piece),
    Other,
}

impl Waiting {
    /// Puts in what is not there yet of a fragment.
    fn insert(&mut self, fragment: &Fragment, origin: Origin) -> Overlap {
        let (start, end) = (fragment.offset, fragment.offset + fragment.length);
        if !fragment.more {
            self.length.get_or_insert(end);
        }
        let first = self.pieces.partition_point(|piece| piece.offset + piece.length <= start);
        let rest = self.pieces.get(first..).unwrap_or_default();
        let overlapping = rest.iter().take_while(|piece| piece.offset < end).count();
        if let (1, Some(&piece)) = (overlapping, rest.first())
            && (piece.offset, piece.length) == (start, end - start)
        {
            return Overlap::Repeat(piece);
        }
        // The holes between those that are there.
        let mut holes = Vec::new();
        let mut at = start;
        for piece in rest.iter().take(overlapping) {
            if piece.offset > at {
                holes.push((at, piece.offset));
            }
            at = at.max(piece.offset + piece.length);
        }
        if end > at {
            holes.push((at, end));
        }
        let new = holes.into_iter().map(|(from, to)| {
            let file_offset = origin.file_offset + (from - start) as u64;
            Piece { offset: from, length: to - from, origin: Origin { file_offset, ..origin } }
        });
        let tail = self.pieces.split_off(first);
        let mut merged: Vec<Piece> = tail.into_iter().chain(new).collect();
        merged.sort_by_key(|piece| piece.offset);
        self.pieces.append(&mut merged);
        if overlapping > 0 { Overlap::Other } else { Overlap::None }
    }

    fn is_whole(&self) -> bool {
        let mut at = 0;
        for piece in &self.pieces {
            if piece.offset != at {
                return false;
            }
            at += piece.length;
        }
        self.length.is_some_and(|length| at >= length)
    }
}

/// The pieces of a stretch of a payload.
pub(crate) fn part(pieces: &[Piece], start: usize, end: usize) -> Vec<Piece> {
    let cut = |piece: &Piece| {
        let from = piece.offset.max(start);
        let to = (piece.offset + piece.length).min(end);
        let file_offset = piece.origin.file_offset + from.saturating_sub(piece.offset) as u64;
        (from < to).then(|| Piece {
            offset: from - start,
            length: to - from,
            origin: Origin { file_offset, ..piece.origin },
        })
    };
    pieces.iter().filter_map(cut).collect()
}
