//! What is needed to read each direction of a conversation on. Most streams only ever bring one whole message a packet, in
//! order: such a stream needs a few words. What else it may need is made when something else comes.

use framescope_parser::Framer;

use crate::messages::detection::Held;
use crate::streams::reassembly::Reassembler;

/// One direction of a conversation.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    /// Where in the stream the next byte belongs, as long as nothing is out of order.
    pub(crate) next: u64,
    /// The sequence number of that byte, once the stream has begun.
    pub(crate) next_sequence: u32,
    /// The last packet that brought bytes of it.
    pub(crate) last_packet: u32,
    /// Whether its beginning was seen.
    pub(crate) has_begun: bool,
    /// Whether its sender is done and every byte was given out.
    pub(crate) has_ended: bool,
    /// Whether its protocol is certain.
    pub(crate) is_certain: bool,
    pub(crate) more: Option<Box<More>>,
}

/// What a stream needs that is not just one message a packet, in order.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) reassembler: Reassembler,
    pub(crate) framer: Framer,
    /// The beginning, until the protocol is chosen.
    pub(crate) held: Option<Held>,
    /// The first listed segment that the rows so far do not use up, and the last packet up to there.
    pub(crate) laid_out: (usize, u32),
    /// How many segments in a row were just one message.
    pub(crate) plain: u8,
}

/// After so many segments that were just one message a stream needs no more than a few words again.
const CALM: u8 = 16;

impl StreamState {
    /// Begins behind a SYN with that sequence number, if it has not begun.
    pub(crate) fn begin(&mut self, syn: u32) {
        if self.more.is_none() && !self.has_begun {
            (self.next_sequence, self.has_begun) = (syn.wrapping_add(1), true);
        }
    }

    /// Whether a SYN with that sequence number can't belong to this connection.
    pub(crate) fn contradicts(&self, syn: u32) -> bool {
        match &self.more {
            Some(more) => more.reassembler.contradicts(syn),
            None => {
                self.has_begun && self.next_sequence != syn.wrapping_add(1).wrapping_add(low_bits(self.next))
            }
        }
    }

    /// Whether a payload is simply what comes next.
    #[inline]
    pub(crate) fn is_next(&self, sequence: u32) -> bool {
        self.more.is_none() && self.has_begun && !self.has_ended && self.next_sequence == sequence
    }

    /// Goes behind bytes that were laid out, and came in that packet.
    #[inline]
    pub(crate) fn advance(&mut self, length: u64, packet: u32) {
        self.next += length;
        self.next_sequence = self.next_sequence.wrapping_add(low_bits(length));
        self.last_packet = self.last_packet.max(packet);
    }

    /// Another segment was just one message, in a protocol whose messages tell where they begin: gives up what that does not
    /// need.
    pub(crate) fn calm_down(&mut self) {
        let Some(more) = &mut self.more else { return };
        more.plain = more.plain.saturating_add(1);
        if more.plain >= CALM
            && let Some((sequence, next)) = more.reassembler.plain_place()
        {
            (self.next_sequence, self.next, self.has_begun) = (sequence, next, true);
            self.last_packet = more.laid_out.1;
            self.more = None;
        }
    }

    /// What it needs for anything else. `is_chosen` says that its protocol is known, `listed` how many segments of it are.
    pub(crate) fn more(&mut self, limit: u64, is_chosen: bool, listed: usize) -> &mut More {
        let &mut StreamState { next, next_sequence, last_packet, has_begun, has_ended, .. } = self;
        self.more.get_or_insert_with(|| {
            let reassembler = match has_begun {
                true => Reassembler::resumed(limit, next_sequence, next, has_ended),
                false => Reassembler::with_limit(limit),
            };
            let held = (!is_chosen).then(Held::default);
            let laid_out = (listed, last_packet);
            Box::new(More { reassembler, framer: Framer::at(next), held, laid_out, plain: 0 })
        })
    }
}

/// A number's low 32 bits.
pub(crate) fn low_bits(n: u64) -> u32 {
    let [a, b, c, d, ..] = n.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
