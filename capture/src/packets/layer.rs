//! What a header announces, and what stops a packet from being read.

use std::borrow::Cow;

/// What comes next in a packet; each is announced by what comes before it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layer<'a> {
    Ethernet(&'a [u8]),
    /// What an EtherType announces.
    EtherType(u16, &'a [u8]),
    /// IEEE 802.2 logical link control.
    Llc(&'a [u8]),
    /// PPP after its framing: a protocol number, and what it announces.
    Ppp(&'a [u8]),
    Pppoe(&'a [u8]),
    Mpls(&'a [u8]),
    Gre(&'a [u8]),
    Vxlan(&'a [u8]),
    Ip(&'a [u8]),
}

/// What is unusual about how a packet is wrapped, though it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusual {
    VxlanBits,
}

impl Unusual {
    /// It is shown after a count of packets.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Unusual::VxlanBits => "VXLAN header whose fixed bits are not those of RFC 7348",
        }
    }
}

/// Why a packet contributes no bytes to a stream. It is shown after a count.
pub(crate) type SkipReason = Cow<'static, str>;

/// More nested headers than this are an attack, or damage.
pub(crate) const DEEPEST: usize = 16;
