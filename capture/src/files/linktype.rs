//! What a packet begins with: the LINKTYPE numbers of pcap files, which the other formats' own numbers are translated to.

pub(crate) const NULL: u32 = 0;
pub(crate) const ETHERNET: u32 = 1;
pub(crate) const TOKEN_RING: u32 = 6;
pub(crate) const PPP: u32 = 9;
pub(crate) const FDDI: u32 = 10;
pub(crate) const RAW_BSD: u32 = 12;
pub(crate) const RAW_OPENBSD: u32 = 14;
pub(crate) const PPP_HDLC: u32 = 50;
pub(crate) const PPPOE: u32 = 51;
pub(crate) const RAW: u32 = 101;
pub(crate) const CISCO_HDLC: u32 = 104;
pub(crate) const IEEE_802_11: u32 = 105;
pub(crate) const LOOP: u32 = 108;
pub(crate) const LINUX_SLL: u32 = 113;
pub(crate) const IP_OVER_FC: u32 = 122;
pub(crate) const SUNATM: u32 = 123;
pub(crate) const ERF: u32 = 197;
pub(crate) const MPLS: u32 = 219;
pub(crate) const IPNET: u32 = 226;
pub(crate) const IPV4: u32 = 228;
pub(crate) const IPV6: u32 = 229;
pub(crate) const NFLOG: u32 = 239;
pub(crate) const IP_OVER_INFINIBAND: u32 = 242;
pub(crate) const LINUX_SLL2: u32 = 276;
