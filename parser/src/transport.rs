//! What carries the messages of a protocol, and whether their ends are known there.

use core::fmt;

use crate::Protocol;

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A TCP connection: a stream of bytes that does not show where a message ends.
    Tcp,
    /// UDP: each datagram ends a message.
    Udp,
    /// A file that is read as bytes, such as a stream that was saved: its end is known.
    File,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::File];

    /// `tcp`, `udp` or `file`.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::File => "file",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a protocol can be used on a transport.
#[derive(Clone, Copy)]
pub enum Usable<'p> {
    /// As it is: its messages show where they end.
    AsItIs,
    /// A datagram, or the whole file, is one message: this protocol finds it, without the conversation. Its messages are
    /// dissected by the protocol itself.
    Whole(&'p dyn Protocol),
    /// Not at all: a sentence says why, and where it can be used.
    No(&'p str),
}

impl fmt::Debug for Usable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Usable::AsItIs => f.write_str("AsItIs"),
            Usable::Whole(_) => f.write_str("Whole"),
            Usable::No(why) => f.debug_tuple("No").field(why).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Transport;
    use crate::{Protocol, Unclaimed};
    use alloc::format;

    #[test]
    fn a_protocol_is_usable_everywhere_unless_it_says_otherwise() {
        for transport in Transport::ALL {
            assert_eq!(
                format!("{transport} {:?}", Unclaimed.usable(transport)).split_once(' ').unwrap().1,
                "AsItIs"
            );
        }
        assert_eq!(Transport::ALL.map(Transport::as_str), ["tcp", "udp", "file"]);
    }
}
