//! Conversations of protocols with stages: who is the client, and in which order the two directions are read.
//!
//! What one side says may decide how the other is read. So what a side sent after it had received something, as its acknowledgements
//! show, is read after that: it waits where that is not there yet, until it comes or is given up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use framescope_parser::{Conversation, Direction, Framer, Protocol, Role, SpanType, Speaker};

use crate::DecodeAs;
use crate::ids::{FlowId, PacketId, Side, StreamId};
use crate::messages::detection::StreamEvent;
use crate::packets::endpoint::Endpoint;
use crate::streams::client::Client;
use crate::streams::flow::Flow;

/// What messages have set is stored after so many bytes, and so many times its own size.
const STORE_EACH: u64 = 16 << 10;
const STORE_FACTOR: u64 = 128;
/// How many bytes of a conversation may wait.
const LIMIT: usize = 1 << 20;
/// What an event that waits costs beside its bytes.
const PRICE: usize = 64;

/// When something of a stream came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The packet with which it became the next of its stream.
    pub(crate) packet: PacketId,
    /// The packet that brought it.
    pub(crate) brought_by: PacketId,
    /// How much of the other direction its sender had received by then, in a conversation; None if that is unknown: then it may be
    /// all that was captured before it.
    pub(crate) received: Option<u64>,
}

impl From<PacketId> for Arrival {
    fn from(packet: PacketId) -> Arrival {
        Arrival { packet, brought_by: packet, received: None }
    }
}

/// A conversation, as far as it was read.
pub(crate) struct Talk {
    pub(crate) conversation: Box<dyn Conversation>,
    pub(crate) client: Side,
    /// Whether its messages carry others.
    pub(crate) carries: bool,
    /// Whether its messages, or what they carry, depend on what others have set, so that this is stored.
    pub(crate) is_stored: bool,
    /// How many bytes were read since it was.
    pub(crate) unstored: u64,
    is_new: bool,
    /// Whether bytes were lost since, which may have changed what is known at another time than the rows show.
    pub(crate) has_lost: bool,
    waiting: Option<Box<Waiting>>,
}

/// What waits for a missing segment of the other direction.
#[derive(Default)]
struct Waiting {
    /// Of the first and the second side, in the order of their streams.
    events: [VecDeque<WaitingEvent>; 2],
    /// How much of each stream has waited so far, and how much of that was read.
    waited: [u64; 2],
    read: [u64; 2],
    cost: usize,
}

/// What happened in a stream, and waits.
pub(crate) struct WaitingEvent {
    pub(crate) stream: StreamId,
    pub(crate) event: StreamEvent,
    packet: PacketId,
    /// How much of the other direction it may depend on.
    received: u64,
    /// How much of its stream has waited up to its end.
    waited: u64,
    pub(crate) bytes: Box<[u8]>,
}

impl Talk {
    /// The beginning of a conversation; None if the protocol has none.
    pub(crate) fn new(
        protocol: &dyn Protocol,
        flow: (FlowId, &Flow),
        first: (StreamId, &[u8]),
        roles: &Roles<'_>,
    ) -> Option<Talk> {
        let carried = flow.1.carried();
        let mut conversation = match carried {
            Some(carried) => protocol.conversation_in(carried.settings())?,
            None => protocol.conversation()?,
        };
        let carries = protocol.is_carrier();
        let is_stored = carries || protocol.stages().iter().any(|stage| stage.needs_variables);
        let client = carried.map_or_else(|| roles.client(protocol, flow, first), |carried| carried.client);
        for side in Side::BOTH.into_iter().filter(|side| flow.1.begins_inside(*side)) {
            conversation.begins_inside(if side == client { Role::Client } else { Role::Server });
        }
        Some(Talk {
            conversation,
            client,
            carries,
            is_stored,
            unstored: 0,
            is_new: true,
            has_lost: false,
            waiting: None,
        })
    }

    pub(crate) fn role(&self, stream: StreamId) -> Role {
        if stream.side() == self.client { Role::Client } else { Role::Server }
    }

    /// Whether something of a stream has to wait: for what its sender had received, or for what is before it.
    pub(crate) fn must_wait(&self, stream: StreamId, received: u64, read: u64) -> bool {
        let waiting = self.waiting.as_deref();
        received > read || waiting.is_some_and(|waiting| !stream.side().of(&waiting.events).is_empty())
    }

    /// How much of a stream waits that came before a packet.
    pub(crate) fn waiting_before(&self, stream: StreamId, packet: PacketId) -> u64 {
        let Some(waiting) = self.waiting.as_deref() else { return 0 };
        let (side, events) = (stream.side(), stream.side().of(&waiting.events));
        let before = events.partition_point(|event| event.packet < packet).checked_sub(1);
        let waited = before.and_then(|last| events.get(last)).map(|last| last.waited);
        waited.map_or(0, |waited| waited.saturating_sub(*side.of(&waiting.read)))
    }

    /// Lets something wait.
    pub(crate) fn wait(
        &mut self,
        stream: StreamId,
        event: StreamEvent,
        bytes: &[u8],
        (packet, received): (PacketId, u64),
    ) {
        let waiting = self.waiting.get_or_insert_default();
        waiting.cost += bytes.len() + PRICE;
        let waited = stream.side().of_mut(&mut waiting.waited);
        *waited += match event {
            StreamEvent::Data(length) => length as u64,
            StreamEvent::Gap(length) => length,
            StreamEvent::End => 0,
        };
        let event = WaitingEvent { stream, event, packet, received, waited: *waited, bytes: bytes.into() };
        stream.side().of_mut(&mut waiting.events).push_back(event);
    }

    /// What waits and is read next, and whether that is before what its sender had received. `read` is how much of either stream was
    /// read. None where it is better to wait on, which is not so if `is_over`.
    pub(crate) fn next_waiting(
        &mut self,
        read: [u64; 2],
        is_searching: [bool; 2],
        is_over: bool,
    ) -> Option<(WaitingEvent, bool)> {
        let waiting = self.waiting.as_deref_mut()?;
        let front = |side: Side| side.of(&waiting.events).front();
        // What may show where the next message begins need not wait for what waits for that.
        let is_free = |side: &Side| {
            front(*side).is_some_and(|event| *side.of(&is_searching) || event.received <= other(*side, read))
        };
        let free = Side::BOTH.into_iter().find(is_free);
        // Two that wait for each other were sent more than once.
        let is_stuck = Side::BOTH.iter().all(|side| front(*side).is_some());
        let first = || {
            let packet = |side: &Side| front(*side).map_or(PacketId::from(u32::MAX), |event| event.packet);
            Side::BOTH.into_iter().min_by_key(packet)
        };
        let gives_up = is_over || is_stuck || waiting.cost > LIMIT;
        let side = free.or_else(|| if gives_up { first() } else { None })?;
        let event = side.of_mut(&mut waiting.events).pop_front()?;
        waiting.cost -= event.bytes.len() + PRICE;
        *side.of_mut(&mut waiting.read) = event.waited;
        if waiting.events.iter().all(VecDeque::is_empty) {
            self.waiting = None;
        }
        Some((event, free.is_none()))
    }

    /// Whether nothing was read of it; once.
    pub(crate) fn is_new(&mut self) -> bool {
        std::mem::replace(&mut self.is_new, false)
    }

    /// Whether what its messages have set is to be stored, so that a message can be read again without all before it: after enough
    /// bytes, and sooner after a loss.
    pub(crate) fn due(&mut self) -> Option<Due> {
        if !self.is_stored || (self.unstored < STORE_EACH && !self.has_lost) {
            return None;
        }
        let size = self.conversation.size() as u64;
        let due = match self.has_lost {
            _ if self.unstored >= STORE_EACH.max(size * STORE_FACTOR) => Due::Regular,
            true if self.unstored >= size => Due::AfterLoss(size),
            _ => return None,
        };
        (self.unstored, self.has_lost) = (0, false);
        Some(due)
    }
}

/// Why a conversation is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Regular,
    /// So many bytes of memory more than regularly.
    AfterLoss(u64),
}

/// How much was read of the stream of the other side.
fn other(side: Side, [first, second]: [u64; 2]) -> u64 {
    if side.is_second() { first } else { second }
}

/// What a side's role is known by.
pub(crate) struct Roles<'r> {
    pub(crate) rules: &'r [(DecodeAs, usize)],
    pub(crate) clients: &'r [Client],
    pub(crate) protocols: &'r [Arc<dyn Protocol>],
}

impl Roles<'_> {
    /// The side that opened a conversation: as a SYN shows or was given, else by the port that a rule names or that servers have, else
    /// as the first bytes fit, which are of that stream.
    fn client(&self, protocol: &dyn Protocol, (id, flow): (FlowId, &Flow), first: (StreamId, &[u8])) -> Side {
        let opener = flow.side(Direction::Forward);
        let Some(endpoints) = flow.endpoints else { return self.by_fit(protocol, flow, first) };
        if flow.syn_seen.contains(&true) {
            return opener;
        }
        let [one, other] = endpoints.map(Endpoint::socket_address);
        let is_client = |endpoint| self.clients.iter().any(|client| client.is(endpoint));
        match (is_client(one), is_client(other)) {
            (true, false) => return Side::First,
            (false, true) => return Side::Second,
            _ => {}
        }
        let rule = self.rules.iter().rev().find(|(rule, _)| rule.fits(id, flow));
        let port = rule.and_then(|(rule, _)| rule.port());
        let is_named = |endpoint: SocketAddr| Some(endpoint.port()) == port;
        let is_servers = |endpoint: SocketAddr| endpoint.port() < EPHEMERAL;
        if is_named(one) != is_named(other) {
            return Side::second_if(is_named(one));
        }
        if is_servers(one) != is_servers(other) {
            return Side::second_if(is_servers(one));
        }
        self.by_fit(protocol, flow, first)
    }

    /// The client, if the first bytes are better read as one side's: where both fit alike, their sender.
    fn by_fit(&self, protocol: &dyn Protocol, flow: &Flow, (stream, bytes): (StreamId, &[u8])) -> Side {
        let bytes = bytes.get(..MOST_TRIED).unwrap_or(bytes);
        let begins_inside = flow.begins_inside(stream.side());
        let [client, server] = Role::BOTH.map(|role| self.fit(protocol, role, bytes, begins_inside));
        Side::second_if(stream.side().is_second() != (server > client))
    }

    /// How many of the bytes are messages of a role.
    fn fit(&self, protocol: &dyn Protocol, role: Role, bytes: &[u8], begins_inside: bool) -> u64 {
        let Some(mut conversation) = protocol.conversation() else { return 0 };
        let speaker = Speaker::new(&mut *conversation, role, protocol, self.protocols);
        let (mut framer, mut read) = (Framer::default(), 0);
        if begins_inside {
            framer.begins_inside_of(&speaker);
        }
        framer.segment_of(&speaker, bytes, &mut |span, _| {
            if span.span_type == SpanType::Message {
                read += span.length;
            }
        });
        read
    }
}

/// The first of the ports that systems choose for clients.
const EPHEMERAL: u16 = 32_768;
/// As many of the first bytes are read as either side's.
const MOST_TRIED: usize = 4096;
