//! How a TCP connection was opened and closed, as far as that was captured.

use framescope_parser::Direction;

use crate::ids::{PacketId, Side};

/// How far a TCP connection's life was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// A side asked to open it, and got no reply.
    HalfOpen,
    /// It was open when the capture ended, as far as is known.
    Open,
    /// One side is done.
    HalfClosed,
    /// Both sides are done.
    Closed,
    /// A side has broken it off.
    Reset,
}

impl ConnectionState {
    /// `half-open`, `open`, `half-closed`, `closed` or `reset`.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionState::HalfOpen => "half-open",
            ConnectionState::Open => "open",
            ConnectionState::HalfClosed => "half-closed",
            ConnectionState::Closed => "closed",
            ConnectionState::Reset => "reset",
        }
    }
}

/// The life of a TCP connection, as far as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// How far it came.
    pub state: ConnectionState,
    /// The packet with its first SYN; None if the capture begins later.
    pub opened: Option<PacketId>,
    /// The packet that closed it: the reset, or the last FIN.
    pub ended: Option<PacketId>,
    /// The side that reset it, or was done first.
    pub ended_by: Option<Direction>,
}

/// The flags of a segment that open or close its connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
}

/// The packets that opened and closed a TCP connection, as far as there are such.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lifecycle {
    opened: PacketId,
    answered: PacketId,
    /// Each side's FIN.
    fins: [PacketId; 2],
    reset: PacketId,
    /// Whether the second side reset it.
    is_reset_by_second: bool,
}

impl Lifecycle {
    pub(crate) fn is_opened(&self) -> bool {
        self.opened != PacketId::NONE
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.reset != PacketId::NONE
    }

    /// Takes note of a packet that one side sent.
    pub(crate) fn record(&mut self, packet: PacketId, side: Side, flags: Flags) {
        let first = |place: &mut PacketId| {
            if *place == PacketId::NONE {
                *place = packet;
            }
        };
        match (flags.syn, flags.ack) {
            (true, false) => first(&mut self.opened),
            (true, true) => first(&mut self.answered),
            _ => {}
        }
        if flags.fin {
            first(side.of_mut(&mut self.fins));
        }
        if flags.rst && self.reset == PacketId::NONE {
            (self.reset, self.is_reset_by_second) = (packet, side.is_second());
        }
    }

    /// How far the connection came. `syn_seen` is of which sides a SYN was captured, `direction_of` which way a side sends.
    pub(crate) fn connection(
        &self,
        syn_seen: [bool; 2],
        direction_of: impl Fn(Side) -> Direction,
    ) -> Connection {
        let &Lifecycle { opened, answered, fins, reset, is_reset_by_second } = self;
        let some = |packet: PacketId| Some(packet).filter(|&packet| packet != PacketId::NONE);
        let opened = some(opened);
        let first_done = match fins.map(some) {
            [None, None] => None,
            [Some(first), Some(second)] => Some(Side::second_if(second < first)),
            [_, second] => Some(Side::second_if(second.is_some())),
        };
        match (some(reset), first_done) {
            (Some(reset), _) => {
                let ended_by = Some(direction_of(Side::second_if(is_reset_by_second)));
                Connection { state: ConnectionState::Reset, opened, ended: Some(reset), ended_by }
            }
            (None, Some(side)) => {
                let both = !fins.contains(&PacketId::NONE);
                let state = if both { ConnectionState::Closed } else { ConnectionState::HalfClosed };
                let ended = fins.into_iter().max().filter(|_| both);
                Connection { state, opened, ended, ended_by: Some(direction_of(side)) }
            }
            (None, None) => {
                let only_asked = opened.is_some() && answered == PacketId::NONE && syn_seen != [true; 2];
                let state = if only_asked { ConnectionState::HalfOpen } else { ConnectionState::Open };
                Connection { state, opened, ended: None, ended_by: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: Flags = Flags { syn: true, ack: false, fin: false, rst: false };
    const SYN_ACK: Flags = Flags { ack: true, ..SYN };
    const FIN: Flags = Flags { syn: false, ack: true, fin: true, rst: false };
    const RST: Flags = Flags { syn: false, ack: false, fin: false, rst: true };

    /// The connection after packets of the two sides, numbered from 1.
    fn after(packets: &[(Side, Flags)]) -> Connection {
        let (mut lifecycle, mut syn_seen) = (Lifecycle::default(), [false; 2]);
        for (packet, &(side, flags)) in (1..).zip(packets) {
            lifecycle.record(PacketId::from(packet), side, flags);
            *side.of_mut(&mut syn_seen) |= flags.syn;
        }
        let direction = |side: Side| if side.is_second() { Direction::Backward } else { Direction::Forward };
        lifecycle.connection(syn_seen, direction)
    }

    #[test]
    fn a_connection_goes_from_half_open_to_closed_and_says_which_side_was_done_first() {
        use Side::{First, Second};
        let states = [
            (&[(First, SYN)][..], ConnectionState::HalfOpen, None, None),
            (&[(First, SYN), (Second, SYN_ACK)], ConnectionState::Open, None, None),
            (
                &[(First, SYN), (Second, SYN_ACK), (Second, FIN)],
                ConnectionState::HalfClosed,
                None,
                Some(Second),
            ),
            (
                &[(First, SYN), (Second, FIN), (First, FIN)],
                ConnectionState::Closed,
                Some(3.into()),
                Some(Second),
            ),
            (
                &[(First, FIN), (Second, FIN), (First, RST)],
                ConnectionState::Reset,
                Some(3.into()),
                Some(First),
            ),
        ];
        for (packets, state, ended, by) in states {
            let ended_by =
                by.map(|side| if side == First { Direction::Forward } else { Direction::Backward });
            let opened = packets.first().filter(|(_, flags)| flags.syn).map(|_| 1.into());
            assert_eq!(after(packets), Connection { state, opened, ended, ended_by }, "{packets:?}");
        }
    }
}
