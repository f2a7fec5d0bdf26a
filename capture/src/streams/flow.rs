//! A conversation of two endpoints, whose two directions are streams.

use std::net::SocketAddr;

use framescope_parser::{Direction, Transport};

use crate::ids::{FlowId, Side, StreamId, Table};
use crate::packets::endpoint::Endpoint;
use crate::streams::carried::CarriedIn;
use crate::streams::connection::{Connection, Lifecycle};
use crate::streams::endpoint_pairs::Pair;

/// What carries a flow; one that is carried in another has that one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransportType {
    /// A TCP connection.
    Tcp,
    /// The datagrams between two UDP ports.
    Udp,
    /// A file that is not a capture, taken as the bytes of one stream.
    #[default]
    File,
}

impl TransportType {
    /// `tcp`, `udp` or `file`.
    pub fn as_str(self) -> &'static str {
        match self {
            TransportType::Tcp => "tcp",
            TransportType::Udp => "udp",
            TransportType::File => "file",
        }
    }

    /// The same, as protocols know it.
    pub(crate) fn carrier(self) -> Transport {
        match self {
            TransportType::Tcp => Transport::Tcp,
            TransportType::Udp => Transport::Udp,
            TransportType::File => Transport::File,
        }
    }
}

/// A conversation of two endpoints.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// What carries it.
    pub transport: TransportType,
    /// Those of the first and the second side; None for a file.
    pub(crate) endpoints: Option<[Endpoint; 2]>,
    /// Whether the second side sent the first SYN, so that its direction is forward.
    pub(crate) is_swapped: bool,
    /// Whether the first side is the higher endpoint.
    pub(crate) first_is_high: bool,
    /// Whether a side's SYN was captured.
    pub(crate) syn_seen: [bool; 2],
    /// How many packets it has.
    pub packets: u32,
    /// The interface that its first packet was captured on.
    pub(crate) interface: Option<u16>,
    pub(crate) lifecycle: Lifecycle,
    /// What it is carried in, if that is another flow.
    pub(crate) carried: Option<Box<CarriedIn>>,
}

/// The flows by their ids, in the order of their first packets.
pub(crate) type Flows = Table<FlowId, Flow>;

impl Flow {
    /// The endpoint that a direction comes from; None for a file.
    pub fn source(&self, direction: Direction) -> Option<SocketAddr> {
        let side = self.side(direction);
        self.endpoints.map(|endpoints| side.of(&endpoints).socket_address())
    }

    /// A number of the two endpoints and the transport, whichever way packets go: the same in every capture, on every machine and in
    /// every version, to [select](crate::Selection) conversations by. Those that follow each other between the same ports share it. None
    /// for a file.
    pub fn conversation(&self) -> Option<u64> {
        self.pair().map(|pair| pair.key())
    }

    /// How a TCP connection was opened and closed; None if it is not a connection.
    pub fn connection(&self) -> Option<Connection> {
        self.is_connection().then(|| self.lifecycle.connection(self.syn_seen, |side| self.direction_of(side)))
    }

    /// Whether a side's stream was not captured from its beginning.
    pub(crate) fn begins_inside(&self, side: Side) -> bool {
        let is_stream = self.carrier() == Transport::Tcp;
        is_stream && !side.of(&self.syn_seen)
    }

    /// What it is carried in, if that is another flow.
    pub fn carried(&self) -> Option<&CarriedIn> {
        self.carried.as_deref()
    }

    /// How many carriers are around it: 0 for one that packets bring.
    pub fn level(&self) -> u8 {
        self.carried().map_or(0, CarriedIn::level)
    }

    /// Whether it is a TCP connection.
    pub(crate) fn is_connection(&self) -> bool {
        self.transport == TransportType::Tcp && self.carried.is_none()
    }

    /// What its protocol takes it for: a carrier hands on a stream, or messages like datagrams.
    #[inline]
    pub(crate) fn carrier(&self) -> Transport {
        match self.carried() {
            None => self.transport.carrier(),
            Some(carried) if carried.about.is_delimited => Transport::Udp,
            Some(_) => Transport::Tcp,
        }
    }

    /// The side that sent a packet.
    #[inline]
    pub(crate) fn sender(&self, from_high: bool) -> Side {
        Side::second_if(self.first_is_high != from_high)
    }

    /// Its endpoints without their order; None for a file.
    pub(crate) fn pair(&self) -> Option<Pair> {
        let [first, second] = self.endpoints?;
        Some(Pair::of(first, second, self.transport == TransportType::Tcp).0)
    }

    /// The side that sends a direction.
    pub(crate) fn side(&self, direction: Direction) -> Side {
        Side::second_if((direction == Direction::Backward) != self.is_swapped)
    }

    #[inline]
    pub(crate) fn direction_of(&self, side: Side) -> Direction {
        if side.is_second() == self.is_swapped { Direction::Forward } else { Direction::Backward }
    }

    /// The streams of this flow, which has that id: forward, backward.
    pub(crate) fn streams(&self, id: FlowId) -> [StreamId; 2] {
        id.streams_from(self.side(Direction::Forward))
    }
}
