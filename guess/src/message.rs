//! A message as the guesses see it: its bytes, and what the capture knows of it.

use std::net::SocketAddr;
use std::slice::SliceIndex;

/// A message of a conversation, as far as a guess looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'s> {
    /// Its bytes.
    pub bytes: &'s [u8],
    /// When its first byte was captured, in nanoseconds since the Unix epoch; 0 if unknown.
    pub time: i64,
    /// Which conversation.
    pub talk: u32,
    /// Which side of it said it (0 the client).
    pub side: u8,
    /// The message of the other side that came last before this one, if any: what it may answer.
    pub answers: Option<&'s [u8]>,
    /// Address and port of the side that said it.
    pub source: Option<SocketAddr>,
    /// Address and port of the other side.
    pub target: Option<SocketAddr>,
}

impl<'s> Message<'s> {
    /// The same with other bytes.
    pub(crate) fn with<'b>(&self, bytes: &'b [u8]) -> Message<'b>
    where
        's: 'b,
    {
        Message { bytes, ..*self }
    }

    /// A range of its bytes as if they were all. None if it has fewer.
    pub(crate) fn part(&self, range: impl SliceIndex<[u8], Output = [u8]>) -> Option<Message<'s>> {
        self.bytes.get(range).map(|bytes| self.with(bytes))
    }
}
