//! Unpacks the messages of one side: `permessage-deflate` of RFC 7692.
//!
//! A message is one or more deflate blocks without the four bytes that would end them; it may refer to up to 32 KiB of the
//! messages before it. Between two messages nothing is stored but these.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};

/// The furthest that a message can refer back.
const HISTORY: usize = 32 << 10;
/// The first size of the memory for the history and what comes out; it is doubled when it is full, up to twice the history.
const FIRST: usize = 4 << 10;
/// What ends a block of no bytes; senders leave it out at the end of a message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// Why no more of a message is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// These are not compressed bytes, or they refer to earlier ones that are not known.
    Failed,
    /// There is more than there is room for.
    TooMuch,
}

/// Unpacks the messages of one side, one after another.
#[derive(Default)]
pub(super) struct Inflater {
    /// The last bytes that came out, up to `filled`; from there on it is free.
    memory: Vec<u8>,
    filled: usize,
    decompressor: Option<Box<DecompressorOxide>>,
    /// Whether a message has begun and not ended.
    is_inside: bool,
    /// Whether it has brought any bytes so far.
    has_bytes: bool,
    /// Whether there were messages whose contents are unknown.
    has_forgotten: bool,
}

impl Inflater {
    /// A copy, to return to this point later. It is as small as can be.
    pub(super) fn copy(&self) -> Inflater {
        let known = self.memory.get(..self.filled).unwrap_or_default();
        let history = known.get(known.len().saturating_sub(HISTORY)..).unwrap_or_default();
        Inflater {
            memory: history.to_vec(),
            filled: history.len(),
            decompressor: self.decompressor.clone().filter(|_| self.is_inside),
            is_inside: self.is_inside,
            has_bytes: self.has_bytes,
            has_forgotten: self.has_forgotten,
        }
    }

    /// How many bytes of memory a copy takes.
    pub(super) fn size(&self) -> usize {
        let decompressor = if self.is_inside { size_of::<DecompressorOxide>() } else { 0 };
        self.filled.min(HISTORY) + decompressor
    }

    /// A message begins, which refers to at most so many bytes before it.
    pub(super) fn begin(&mut self, history: usize) {
        if history < HISTORY && self.filled > history {
            self.memory.copy_within(self.filled - history..self.filled, 0);
            self.filled = history;
        }
        self.decompressor.get_or_insert_default().init();
        (self.is_inside, self.has_bytes) = (true, false);
    }

    /// What was said before is not known any more.
    pub(super) fn forget(&mut self) {
        (self.filled, self.is_inside, self.has_forgotten) = (0, false, true);
    }

    /// Whether all is known that a message may refer to.
    pub(super) fn is_whole(&self) -> bool {
        !self.has_forgotten || self.filled >= HISTORY
    }

    /// Unpacks the next bytes of the message. `room` says how many bytes `to` takes at present.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        room: &mut usize,
        to: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Stopped> {
        self.has_bytes |= !bytes.is_empty();
        self.unpack(bytes, FLAGS, room, to).map(|_| ())
    }

    /// The message has ended. It is an error if it ends inside a block. Some senders compress nothing to nothing.
    pub(super) fn end(&mut self, room: &mut usize, to: &mut dyn FnMut(&[u8])) -> Result<(), Stopped> {
        if !self.has_bytes {
            self.is_inside = false;
            return Ok(());
        }
        let status = self.unpack(&TAIL, FLAGS | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, room, to)?;
        let is_between = self.decompressor.as_ref().and_then(|one| one.block_boundary_state());
        self.is_inside = false;
        match (status, is_between) {
            (TINFLStatus::BlockBoundary, Some(state)) if state.num_bits == 0 => Ok(()),
            _ => Err(Stopped::Failed),
        }
    }

    fn unpack(
        &mut self,
        mut bytes: &[u8],
        flags: u32,
        room: &mut usize,
        to: &mut dyn FnMut(&[u8]),
    ) -> Result<TINFLStatus, Stopped> {
        loop {
            self.make_space();
            let Some(decompressor) = &mut self.decompressor else { return Err(Stopped::Failed) };
            // One more than there is room for shows whether there is more.
            let most = room.saturating_add(1);
            let (status, read, written) =
                decompress_with_limit(decompressor, bytes, &mut self.memory, self.filled, most, flags);
            bytes = bytes.get(read..).unwrap_or_default();
            let end = self.filled.saturating_add(written.min(*room));
            if let Some(out) = self.memory.get(self.filled..end).filter(|out| !out.is_empty()) {
                to(out);
            }
            if written > *room {
                return Err(Stopped::TooMuch);
            }
            (self.filled, *room) = (end, room.saturating_sub(written));
            match status {
                TINFLStatus::NeedsMoreInput => return Ok(status),
                TINFLStatus::BlockBoundary if bytes.is_empty() => return Ok(status),
                TINFLStatus::BlockBoundary => {}
                TINFLStatus::HasMoreOutput => {}
                // A last block may be followed by others all the same (section 7.2.3.4).
                TINFLStatus::Done => {
                    decompressor.init();
                    if bytes.is_empty() {
                        return Ok(TINFLStatus::NeedsMoreInput);
                    }
                }
                _ => return Err(Stopped::Failed),
            }
        }
    }

    /// Makes space for what comes out, and forgets what is too far back.
    fn make_space(&mut self) {
        if self.filled < self.memory.len() {
            return;
        }
        if self.filled < 2 * HISTORY {
            self.memory.resize((2 * self.filled).clamp(FIRST, 2 * HISTORY), 0);
        } else {
            self.memory.copy_within(self.filled - HISTORY..self.filled, 0);
            self.filled = HISTORY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// Compresses messages as a sender does.
    pub(super) struct Sender(Compress);

    impl Sender {
        pub(super) fn new() -> Sender {
            Sender(Compress::new(Compression::default(), false))
        }

        pub(super) fn message(&mut self, text: &[u8]) -> Vec<u8> {
            let mut out = Vec::with_capacity(text.len() + 1000);
            self.0.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
            assert_eq!(out.split_off(out.len() - 4), TAIL);
            out
        }
    }

    fn unpack(inflater: &mut Inflater, message: &[u8], room: usize) -> (Vec<u8>, Result<(), Stopped>) {
        let (mut out, mut room) = (Vec::new(), room);
        inflater.begin(HISTORY);
        let mut to = |bytes: &[u8]| out.extend_from_slice(bytes);
        let taken = message.chunks(7).try_for_each(|part| inflater.take(part, &mut room, &mut to));
        let result = taken.and_then(|()| inflater.end(&mut room, &mut to));
        if result.is_err() {
            inflater.forget();
        }
        (out, result)
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let next = |_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 24) as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn messages_refer_to_those_before_them_also_after_a_copy() {
        let mut sender = Sender::new();
        let texts = [&b"hello hello"[..], b"", &noise(100_000), b"hello hello", &noise(100_000)];
        let messages: Vec<Vec<u8>> = texts.iter().map(|text| sender.message(text)).collect();
        let mut inflater = Inflater::default();
        for (i, (message, text)) in messages.iter().zip(texts).enumerate() {
            let mut copy = inflater.copy();
            assert!(copy.memory.len() <= HISTORY && copy.decompressor.is_none());
            for (later, expected) in messages.iter().zip(texts).skip(i) {
                assert_eq!(unpack(&mut copy, later, usize::MAX), (expected.to_vec(), Ok(())));
            }
            assert_eq!(unpack(&mut inflater, message, usize::MAX), (text.to_vec(), Ok(())));
        }
    }

    #[test]
    fn a_reference_to_what_is_not_known_fails_and_a_message_by_itself_does_not() {
        let mut sender = Sender::new();
        let (first, second) = (sender.message(b"hello hello"), sender.message(b"hello hello"));
        let mut inflater = Inflater::default();
        assert_eq!(unpack(&mut inflater, &second, usize::MAX).1, Err(Stopped::Failed));
        assert_eq!(unpack(&mut inflater, &first, usize::MAX), (b"hello hello".to_vec(), Ok(())));
        assert_eq!(unpack(&mut inflater, &second, usize::MAX), (b"hello hello".to_vec(), Ok(())));
    }

    #[test]
    fn what_ends_inside_a_block_is_damaged() {
        let message = Sender::new().message("to be or not to be ".repeat(20).as_bytes());
        assert_eq!(unpack(&mut Inflater::default(), b"", 0), (Vec::new(), Ok(())));
        for end in 1..message.len() {
            let result = unpack(&mut Inflater::default(), &message[..end], usize::MAX).1;
            assert_eq!(result, Err(Stopped::Failed), "{end} of {} bytes", message.len());
        }
    }

    #[test]
    fn a_last_block_may_be_followed_by_others() {
        let mut out = Vec::with_capacity(100);
        Compress::new(Compression::default(), false)
            .compress_vec(b"hello", &mut out, FlushCompress::Finish)
            .unwrap();
        out.push(0);
        assert_eq!(unpack(&mut Inflater::default(), &out, usize::MAX), (b"hello".to_vec(), Ok(())));
    }

    #[test]
    fn no_more_comes_out_than_there_is_room_for() {
        let message = Sender::new().message(&[b'a'; 1_000_000]);
        let (out, result) = unpack(&mut Inflater::default(), &message, 70_001);
        assert_eq!((out.len(), result), (70_001, Err(Stopped::TooMuch)));
        let (out, result) = unpack(&mut Inflater::default(), &message, 1_000_000);
        assert_eq!((out.len(), result), (1_000_000, Ok(())));
    }
}
