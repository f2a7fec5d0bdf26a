//! Holds a stream's beginning back until it is clear which protocol it speaks.
//!
//! The choice depends on the bytes, never on how they happened to be cut: what is held is laid out afterwards as if
//! the protocol had been known from the first.

use std::sync::Arc;

use framescope_parser::{Confidence, Protocol, Sample};

/// Bytes to look at before a choice is made with what there is.
const SAMPLE: usize = 64 << 10;
/// Bytes below which there is no use in looking.
const FIRST_LOOK: usize = 20;

/// What came of a stream so far.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    segment_ends: Vec<usize>,
    events: Vec<(Happened, u32)>,
    next_look: usize,
}

/// What happened in a stream. The bytes of data lie beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happened {
    Data(usize),
    Gap(u64),
    End,
}

impl Default for Held {
    fn default() -> Self {
        Held { bytes: Vec::new(), segment_ends: Vec::new(), events: Vec::new(), next_look: FIRST_LOOK }
    }
}

impl Held {
    /// Whether nothing happened yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn data(&mut self, bytes: &[u8], now: u32) {
        self.bytes.extend_from_slice(bytes);
        self.segment_ends.push(self.bytes.len());
        self.events.push((Happened::Data(bytes.len()), now));
    }

    pub(crate) fn event(&mut self, happened: Happened, now: u32) {
        self.events.push((happened, now));
    }

    /// Whether it is worth asking [`Held::best`] again.
    pub(crate) fn wants_look(&mut self) -> bool {
        // Looking again only when there is twice as much keeps the work linear.
        let wants = self.bytes.len() >= self.next_look;
        if wants {
            self.next_look = (self.bytes.len() * 2).min(SAMPLE.max(self.bytes.len() + 1));
        }
        wants
    }

    /// Whether there is as much as a choice is made from.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= SAMPLE
    }

    /// The protocol that is surest of the bytes so far.
    pub(crate) fn best(&self, protocols: &[Arc<dyn Protocol>]) -> Option<(usize, Confidence)> {
        let length = self.bytes.len().min(SAMPLE);
        let ends = self.segment_ends.partition_point(|&end| end <= length);
        let sample = Sample {
            bytes: self.bytes.get(..length).unwrap_or_default(),
            segment_ends: self.segment_ends.get(..ends).unwrap_or_default(),
        };
        surest(sample, protocols)
    }

    /// All that happened, in order, with the packets it happened with, and the bytes of the data.
    pub(crate) fn into_events(self) -> (Vec<(Happened, u32)>, Vec<u8>) {
        (self.events, self.bytes)
    }
}

/// The protocol that is certain of a stream, if its first segment is enough to tell.
pub(crate) fn first_look(bytes: &[u8], protocols: &[Arc<dyn Protocol>]) -> Option<usize> {
    if bytes.len() < FIRST_LOOK {
        return None;
    }
    let bytes = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    let sample = Sample { bytes, segment_ends: &[bytes.len()] };
    // Of those equally sure the first one wins: nobody need ask the others.
    protocols.iter().position(|protocol| protocol.detect(sample) == Confidence::Certain)
}

fn surest(sample: Sample<'_>, protocols: &[Arc<dyn Protocol>]) -> Option<(usize, Confidence)> {
    let sure = protocols.iter().enumerate().map(|(i, protocol)| (i, protocol.detect(sample)));
    // Of those equally sure the first one wins.
    sure.filter(|(_, confidence)| *confidence > Confidence::No)
        .rev()
        .max_by_key(|(_, confidence)| *confidence)
}
