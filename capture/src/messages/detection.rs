//! Buffers a stream's beginning until its protocol is known.
//!
//! The choice depends on the bytes, never on how they happened to be split: what was buffered is framed afterwards as if
//! the protocol had been known from the first.

use std::sync::Arc;

use framescope_parser::{Confidence, Protocol, Sample, Transport, Usable};

use crate::ids::PacketId;

/// With this many bytes a choice is made from what there is.
const SAMPLE: usize = 64 << 10;
/// After so many calls of [`DetectionBuffer::settle`] a choice is made even if nothing recognises what there is.
const PATIENCE: u8 = 20;
/// Fewer bytes than this are too few to choose from.
const FIRST_CHOICE: usize = 20;

/// The beginning of a stream.
#[derive(Debug)]
pub(crate) struct DetectionBuffer {
    bytes: Vec<u8>,
    segment_ends: Vec<usize>,
    events: Vec<(StreamEvent, PacketId)>,
    next_choice: usize,
    /// How often it was asked whether to settle.
    calls: u8,
}

/// What happened in a stream. The bytes of data are beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamEvent {
    Data(usize),
    Gap(u64),
    End,
}

impl Default for DetectionBuffer {
    fn default() -> Self {
        DetectionBuffer {
            bytes: Vec::new(),
            segment_ends: Vec::new(),
            events: Vec::new(),
            next_choice: FIRST_CHOICE,
            calls: 0,
        }
    }
}

impl DetectionBuffer {
    /// Whether nothing happened yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn data(&mut self, bytes: &[u8], packet: PacketId) {
        self.bytes.extend_from_slice(bytes);
        self.segment_ends.push(self.bytes.len());
        self.events.push((StreamEvent::Data(bytes.len()), packet));
    }

    pub(crate) fn event(&mut self, event: StreamEvent, packet: PacketId) {
        self.events.push((event, packet));
    }

    /// Whether there is enough more to call [`DetectionBuffer::best`] again.
    pub(crate) fn is_due(&mut self) -> bool {
        // Doing so only when there is twice as much keeps the work linear.
        let is_due = self.bytes.len() >= self.next_choice;
        if is_due {
            self.next_choice = (self.bytes.len() * 2).min(SAMPLE.max(self.bytes.len() + 1));
        }
        is_due
    }

    /// How clear the protocol must be to choose one now, in a stream that goes on: None if it is too early. Called at intervals of
    /// some 50 ms.
    pub(crate) fn settle(&mut self) -> Option<Confidence> {
        self.calls = self.calls.saturating_add(1);
        match self.calls {
            0 | 1 => None,
            2 => Some(Confidence::Likely),
            calls if calls < PATIENCE => Some(Confidence::Possible),
            _ => Some(Confidence::No),
        }
    }

    /// Whether there is as much as a choice is made from.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= SAMPLE
    }

    /// The protocol that is surest of the bytes so far.
    pub(crate) fn best(
        &self,
        protocols: &[Arc<dyn Protocol>],
        transport: Transport,
    ) -> Option<(usize, Confidence)> {
        let length = self.bytes.len().min(SAMPLE);
        let ends = self.segment_ends.partition_point(|&end| end <= length);
        let sample = Sample {
            bytes: self.bytes.get(..length).unwrap_or_default(),
            segment_ends: self.segment_ends.get(..ends).unwrap_or_default(),
        };
        surest(sample, protocols, transport)
    }

    /// All that happened, in order, with the packets it happened with, and the bytes of the data.
    pub(crate) fn into_events(self) -> (Vec<(StreamEvent, PacketId)>, Vec<u8>) {
        (self.events, self.bytes)
    }
}

/// The protocol that is certain of a stream, if its first segment is enough to know.
pub(crate) fn certain_from(
    bytes: &[u8],
    protocols: &[Arc<dyn Protocol>],
    transport: Transport,
) -> Option<usize> {
    if bytes.len() < FIRST_CHOICE {
        return None;
    }
    let bytes = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    let sample = Sample { bytes, segment_ends: &[bytes.len()] };
    // Of those equally sure the first one wins, so the others need not be tried.
    let is_certain = |protocol: &Arc<dyn Protocol>| protocol.detect(sample) == Confidence::Certain;
    protocols.iter().position(|protocol| is_certain(protocol) && is_usable(&**protocol, transport))
}

/// Whether a protocol can be used on a transport.
pub(crate) fn is_usable(protocol: &dyn Protocol, transport: Transport) -> bool {
    !matches!(protocol.usable(transport), Usable::No(_))
}

fn surest(
    sample: Sample<'_>,
    protocols: &[Arc<dyn Protocol>],
    transport: Transport,
) -> Option<(usize, Confidence)> {
    let usable = protocols.iter().enumerate().filter(|(_, protocol)| is_usable(&***protocol, transport));
    let sure: Vec<_> = usable.map(|(i, protocol)| (i, protocol.detect(sample))).collect();
    // Of those equally sure the first one wins.
    sure.into_iter()
        .filter(|(_, confidence)| *confidence > Confidence::No)
        .rev()
        .max_by_key(|(_, confidence)| *confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::missive::{FrameBuf, Kind};

    fn frames(count: u32) -> Vec<u8> {
        let frame = |sequence| FrameBuf { sequence, ..FrameBuf::new(Kind::PING) }.to_bytes().unwrap();
        (0..count).flat_map(frame).collect()
    }

    #[test]
    fn the_choice_is_the_same_however_the_bytes_were_split() {
        let (protocols, bytes) = (framescope_parser::built_in(), frames(3));
        for size in [1, 7, 20, 60] {
            let mut buffer = DetectionBuffer::default();
            bytes.chunks(size).for_each(|chunk| buffer.data(chunk, 1.into()));
            assert_eq!(buffer.best(&protocols, Transport::Tcp), Some((0, Confidence::Certain)), "by {size}");
            let (events, buffered) = buffer.into_events();
            assert_eq!((events.len(), buffered), (60_usize.div_ceil(size), bytes.clone()));
        }
        assert_eq!(certain_from(&bytes, &protocols, Transport::Tcp), Some(0));
        assert_eq!(certain_from(&bytes[..FIRST_CHOICE - 1], &protocols, Transport::Tcp), None);
    }

    #[test]
    fn a_choice_is_due_only_when_the_bytes_have_doubled() {
        let mut buffer = DetectionBuffer::default();
        let due = (0..1 << 14).filter(|_| {
            buffer.data(b"x", 1.into());
            buffer.is_due()
        });
        assert_eq!(due.count(), 10);
    }
}
