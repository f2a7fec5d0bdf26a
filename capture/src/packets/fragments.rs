//! IP fragments reassembled. It stores places in the file, never bytes, and bounds how many packets may wait.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::ids::PacketId;
use crate::packets::endpoint::Endpoint;
use crate::packets::key::key;
use crate::packets::layer::Unusual;
use crate::packets::origin::{Origin, Piece};

/// What the fragments of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FragmentKey {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    /// The number of the protocol in it.
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
}

impl FragmentKey {
    /// The same in every capture.
    pub(crate) fn key(&self) -> u64 {
        let words = [self.source.words(), self.destination.words()];
        let others = [u64::from(self.protocol) << 32 | u64::from(self.identification)];
        key(words.into_iter().flatten().chain(others))
    }
}

/// A part of an IP packet's payload, as captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) of: FragmentKey,
    /// Where in the packet's payload it begins.
    pub(crate) offset: usize,
    /// Whether more of the payload follows it.
    pub(crate) more: bool,
    /// Where in the captured packet its bytes begin.
    pub(crate) start: usize,
    pub(crate) length: usize,
    pub(crate) unusual: Option<Unusual>,
}

/// A stretch of a payload for which a later packet brought other bytes; what was captured first stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dispute {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The packet that brought the other bytes.
    pub(crate) packet: PacketId,
}

/// What adding a fragment gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// What its place had before, the first pieces of it: the same bytes, or others.
    pub(crate) before: Vec<Piece>,
    /// Whether its place had more than these.
    pub(crate) and_more: bool,
    /// The packet, if that made it whole.
    pub(crate) whole: Option<Complete>,
}

/// The payload of a packet, complete.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complete {
    /// In order, without overlap.
    pub(crate) pieces: Vec<Piece>,
    /// In order, without overlap.
    pub(crate) disputes: Vec<Dispute>,
}

/// No more packets than this wait for their fragments: the oldest is given up.
const MOST_WAITING: usize = 1024;
/// After this long an identification may be that of another packet: RFC 8200 gives up after 60 seconds.
const PATIENCE_NS: i64 = 60_000_000_000;
/// A fragment that reaches over more pieces than this is compared with the first of them only: each has to be read again.
const MOST_COMPARED: usize = 8;
/// No more places of a packet than this are listed.
const MOST_DISPUTES: usize = 16;

#[derive(Debug, Default)]
struct Waiting {
    /// In order, without overlap.
    pieces: Vec<Piece>,
    /// In order, without overlap.
    disputes: Vec<Dispute>,
    /// How long the payload is, once its last fragment is there.
    length: Option<usize>,
    since_ns: Option<i64>,
}

/// The packets of which fragments are missing.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    waiting: HashMap<FragmentKey, Waiting, RandomState>,
    /// In the order in which they began to wait. May name some that wait no longer.
    order: VecDeque<FragmentKey>,
    /// Fragments that were given up, and the first of them.
    pub(crate) given_up: Option<(u64, Origin)>,
}

impl Fragments {
    /// The packets of which fragments are missing.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &FragmentKey> {
        self.waiting.keys()
    }

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
        let (before, and_more) = waiting.insert(fragment, origin);
        let mut whole = None;
        if waiting.is_whole()
            && let Some(Waiting { pieces, disputes, .. }) = self.waiting.remove(&fragment.of)
        {
            whole = Some(Complete { pieces, disputes });
        }
        Added { before, and_more, whole }
    }

    /// Notes that a packet which still waits has a place for which other bytes came.
    pub(crate) fn dispute(&mut self, of: &FragmentKey, dispute: Dispute) {
        if let Some(waiting) = self.waiting.get_mut(of) {
            add_dispute(&mut waiting.disputes, dispute);
        }
    }

    fn give_up(&mut self, of: &FragmentKey) {
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

/// Puts a place in between the others, joined with those that it touches.
pub(crate) fn add_dispute(disputes: &mut Vec<Dispute>, new: Dispute) {
    let first = disputes.partition_point(|known| known.end < new.start);
    let touched = disputes.iter().skip(first).take_while(|known| known.start <= new.end).count();
    let all = disputes.get(first..first + touched).unwrap_or_default();
    let joined = all.iter().fold(new, |joined, known| Dispute {
        start: joined.start.min(known.start),
        end: joined.end.max(known.end),
        packet: joined.packet.min(known.packet),
    });
    if touched > 0 || disputes.len() < MOST_DISPUTES {
        drop(disputes.splice(first..first + touched, [joined]));
    }
}

impl Waiting {
    /// Puts in what is not there yet of a fragment. Returns what was there of its place: the first pieces, and whether there
    /// were more.
    fn insert(&mut self, fragment: &Fragment, origin: Origin) -> (Vec<Piece>, bool) {
        let (start, end) = (fragment.offset, fragment.offset + fragment.length);
        if !fragment.more {
            self.length.get_or_insert(end);
        }
        let first = self.pieces.partition_point(|piece| piece.offset + piece.length <= start);
        let rest = self.pieces.get(first..).unwrap_or_default();
        let overlapping = rest.iter().take_while(|piece| piece.offset < end).count();
        let compared = rest.iter().take(overlapping.min(MOST_COMPARED));
        let before = compared.map(|piece| piece.cut(start, end)).collect();
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
        (before, overlapping > MOST_COMPARED)
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
