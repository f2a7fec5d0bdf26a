//! Frames from bytes as they arrive, without any input or output.

use alloc::vec::Vec;

use super::Missive;
use super::decode::{Item, Received};
use crate::framer::Cursor;

/// Takes bytes as they arrive, in whatever pieces, and returns the frames in them.
///
/// It does no input or output itself: push what was read, then take what has become complete. It buffers at most one
/// incomplete frame, beside the bytes pushed last: [`Missive::payload_limit`] bounds its memory. After damage in the
/// stream it resumes at the next frame.
///
/// ```
/// use framescope_parser::missive::{Decoder, FrameBuf, Item, Kind, Missive};
///
/// let bytes = FrameBuf::new(Kind::PING).sequence(3).to_bytes()?;
/// let mut decoder = Decoder::new(Missive::default());
/// decoder.push(&bytes[..7]);
/// assert!(decoder.receive().is_none());
/// decoder.push(&bytes[7..]);
/// while let Some(received) = decoder.receive() {
///     match received.item {
///         Item::Frame(frame) => assert_eq!(frame.sequence, 3),
///         other => panic!("{other:?}"),
///     }
/// }
/// decoder.end();
/// assert!(decoder.receive().is_none(), "nothing was cut off");
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    missive: Missive,
    cursor: Cursor,
    /// The unread bytes are those from `start` to `end`; the rest is spare room.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(missive: Missive) -> Self {
        Decoder { missive, cursor: Cursor::default(), buffer: Vec::new(), start: 0, end: 0, ended: false }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.end += bytes.len();
        }
    }

    /// Reads once from `reader` and takes the bytes. Returns how many there were; 0 is the [end](Decoder::end) of the
    /// stream.
    ///
    /// # Errors
    /// Those of the reader.
    ///
    /// ```
    /// use framescope_parser::missive::{Decoder, FrameBuf, Item, Kind, Missive};
    ///
    /// let bytes = FrameBuf::new(Kind::PING).to_bytes()?;
    /// let mut socket = &bytes[..];
    /// let mut decoder = Decoder::new(Missive::default());
    /// while decoder.read_from(&mut socket)? > 0 {
    ///     while let Some(received) = decoder.receive() {
    ///         assert!(matches!(received.item, Item::Frame(_)));
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn read_from(&mut self, reader: &mut impl std::io::Read) -> std::io::Result<usize> {
        const AT_ONCE: usize = 64 << 10;
        let read = reader.read(self.room(AT_ONCE))?;
        self.end += read;
        self.ended = read == 0;
        Ok(read)
    }

    /// Says that the stream has ended: an incomplete frame is returned as [`Partial`](super::Item::Partial).
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next complete item; None where more bytes are needed, or all were returned.
    #[inline]
    pub fn receive(&mut self) -> Option<Received<'_>> {
        let offset = self.cursor.offset();
        let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
        if !self.ended && self.cursor.needs_more_than(unread.len()) {
            return None;
        }
        let received = self.missive.receive(&mut self.cursor, unread, self.ended);
        self.start += usize::try_from(self.cursor.offset() - offset).unwrap_or(0);
        received
    }

    /// The bytes being skipped while the search for the next header continues: where they begin, how many there are so
    /// far, and why. [`receive`](Decoder::receive) returns them when the search has ended; a caller that would rather
    /// end the connection need not wait.
    ///
    /// ```
    /// use framescope_parser::missive::{Decoder, Item, Missive};
    ///
    /// let mut decoder = Decoder::new(Missive::default());
    /// decoder.push(b"GET / HTTP/1.1\r\n");
    /// assert!(decoder.receive().is_none());
    /// let skipped = decoder.skipping().unwrap();
    /// assert_eq!((skipped.offset, skipped.length), (0, 16));
    /// assert!(matches!(skipped.item, Item::Skipped(_)));
    /// ```
    pub fn skipping(&self) -> Option<Received<'static>> {
        let (offset, length, code) = self.cursor.run()?;
        Some(Received { offset, length, item: Item::Skipped(code) })
    }

    /// How many bytes wait for more.
    ///
    /// ```
    /// use framescope_parser::missive::{Decoder, Missive};
    ///
    /// let mut decoder = Decoder::new(Missive::default());
    /// decoder.push(b"\xf5\x4d\x01");
    /// assert!(decoder.receive().is_none());
    /// assert_eq!(decoder.buffered(), 3);
    /// ```
    pub fn buffered(&self) -> usize {
        self.end - self.start
    }

    /// Makes room for at least `length` bytes after the unread ones.
    fn room(&mut self, length: usize) -> &mut [u8] {
        if self.buffer.len() - self.end < length {
            // Moving the unread bytes to the front only when they are the smaller part keeps the work linear.
            let unread = self.end - self.start;
            if self.start >= unread {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, unread);
            }
            let needed = self.end + length;
            if self.buffer.len() < needed {
                self.buffer.resize(needed.max(2 * self.buffer.len()), 0);
            }
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::missive::{FrameBuf, Kind};

    #[test]
    fn memory_follows_what_waits_and_not_what_arrived() {
        let frame = FrameBuf::new(Kind::DATA).payload([b'x'; 980]).to_bytes().unwrap();
        for at_once in [1, 7, 999, 1000, 1001, 3500] {
            let mut decoder = Decoder::new(Missive::default());
            let mut received = 0;
            let stream = frame.repeat(100);
            for piece in stream.chunks(at_once) {
                decoder.push(piece);
                while decoder.receive().is_some() {
                    received += 1;
                }
                let most = 4 * (frame.len() + at_once);
                assert!(decoder.buffer.len() <= most, "{} bytes for {at_once} at once", decoder.buffer.len());
            }
            assert_eq!(received, 100);
        }
    }

    #[test]
    fn a_long_frame_is_not_moved_for_each_piece_of_it() {
        let mut decoder = Decoder::new(Missive::default());
        let frame = FrameBuf::new(Kind::DATA).payload(alloc::vec![b'x'; 1 << 20]).to_bytes().unwrap();
        let mut grown = 0;
        for piece in frame.chunks(64) {
            let before = decoder.buffer.len();
            decoder.push(piece);
            grown += usize::from(decoder.buffer.len() != before);
            if decoder.buffered() < frame.len() {
                assert!(decoder.receive().is_none());
            }
        }
        assert!(decoder.receive().is_some());
        assert!(grown < 40, "the buffer grew {grown} times");
    }
}
