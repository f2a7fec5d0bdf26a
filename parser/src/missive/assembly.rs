//! Long content, reassembled from the DATA frames that carry its parts.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::frame::Frame;
use super::header::{Flags, Kind};
use crate::{Error, Fault};

/// Reassembles the parts of long DATA: a part with MORE continues in the next DATA of its channel.
///
/// One assembly serves one direction. It buffers at most `limit` bytes, all channels together.
///
/// ```
/// use framescope_parser::missive::{Assembly, Flags, Frame, Kind};
///
/// let mut assembly = Assembly::new(1 << 20);
/// let part = Frame { flags: Flags::MORE, payload: b"one, ", ..Frame::new(Kind::DATA) };
/// assert_eq!(assembly.push(&part)?, None);
/// let last = Frame { payload: b"two", ..Frame::new(Kind::DATA) };
/// assert_eq!(assembly.push(&last)?.as_deref(), Some(&b"one, two"[..]));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    limit: usize,
    kept: usize,
    channels: BTreeMap<u16, Vec<u8>>,
}

impl Assembly {
    /// An assembly that buffers at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Assembly { limit, kept: 0, channels: BTreeMap::new() }
    }

    /// Takes the next frame of its direction. Returns the whole content if it is a DATA that completes one; the content
    /// of a DATA of one part is borrowed from the frame.
    ///
    /// # Errors
    /// The parts together are longer than the limit. What was buffered of that channel is dropped.
    pub fn push<'f>(&mut self, frame: &Frame<'f>) -> Result<Option<Cow<'f, [u8]>>, Error> {
        if frame.kind != Kind::DATA || frame.flags.contains(Flags::REPLY) {
            return Ok(None);
        }
        let more = frame.flags.contains(Flags::MORE);
        let begun = self.channels.remove(&frame.channel);
        self.kept -= begun.as_ref().map_or(0, Vec::len);
        let mut whole = match begun {
            None if !more => return Ok(Some(Cow::Borrowed(frame.payload))),
            begun => begun.unwrap_or_default(),
        };
        let total = self.kept.saturating_add(whole.len()).saturating_add(frame.payload.len());
        if total > self.limit {
            let fault = Fault::TooLong { limit: self.limit as u64, found: total as u64 };
            return Err(Error::new(0, "content", fault));
        }
        whole.extend_from_slice(frame.payload);
        if !more {
            return Ok(Some(Cow::Owned(whole)));
        }
        self.kept += whole.len();
        self.channels.insert(frame.channel, whole);
        Ok(None)
    }

    /// Whether parts are buffered whose content is not complete.
    pub fn is_open(&self) -> bool {
        !self.channels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(channel: u16, more: bool, payload: &'static [u8]) -> Frame<'static> {
        let flags = if more { Flags::MORE } else { Flags::default() };
        Frame { channel, flags, payload, ..Frame::new(Kind::DATA) }
    }

    #[test]
    fn channels_are_put_together_side_by_side_and_other_kinds_do_not_disturb() {
        let mut assembly = Assembly::new(100);
        assert_eq!(assembly.push(&data(1, true, b"a")), Ok(None));
        assert_eq!(assembly.push(&data(2, true, b"x")), Ok(None));
        assert!(assembly.is_open());
        let ping = Frame { channel: 1, payload: b"no part", ..Frame::new(Kind::PING) };
        assert_eq!(assembly.push(&ping), Ok(None));
        let reply = Frame { flags: Flags::REPLY, ..data(1, false, b"no part") };
        assert_eq!(assembly.push(&reply), Ok(None));
        assert_eq!(assembly.push(&data(1, true, b"b")), Ok(None));
        // Content of one part is not copied.
        let short = data(3, false, b"short");
        assert!(matches!(assembly.push(&short), Ok(Some(Cow::Borrowed(b"short")))));
        assert_eq!(assembly.push(&data(1, false, b"c")), Ok(Some(Cow::Owned(b"abc".to_vec()))));
        assert_eq!(assembly.push(&data(2, false, b"")), Ok(Some(Cow::Owned(b"x".to_vec()))));
        assert!(!assembly.is_open());
    }

    #[test]
    fn what_is_kept_stays_within_the_limit() {
        let mut assembly = Assembly::new(4);
        assert_eq!(assembly.push(&data(1, true, b"abc")), Ok(None));
        let error = assembly.push(&data(2, true, b"xy")).unwrap_err();
        assert_eq!(error.fault, Fault::TooLong { limit: 4, found: 5 });
        assert_eq!(assembly.push(&data(1, false, b"d")), Ok(Some(Cow::Owned(b"abcd".to_vec()))));
        // An empty part opens the content as any other does.
        assert_eq!(assembly.push(&data(1, true, b"")), Ok(None));
        assert!(assembly.is_open());
        assert!(assembly.push(&data(1, true, b"abcde")).is_err());
        assert!(!assembly.is_open(), "what failed is dropped");
    }
}
