//! A conversation: which request a response answers, how far a body is, and what follows an upgrade or CONNECT.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Conversation, Nowhere, Passage, Role, Settings, Variables,
};

use super::bodies::BodyChannels;
use super::body::{Body, Chunk, MAX_WHOLE, body_of, is_stream, size_line};
use super::head::{Head, Read};
use super::known::{is_event_stream, request_settings, upgraded};
use super::stage::{Bodies, Progress, Reading, begins_message};
use super::start::{Found, Start, Versions};

/// More requests that wait for their responses are not kept apart: then none is known.
const MAX_PENDING: usize = 1024;

/// What is known of a request that was not answered yet.
#[derive(Clone, Debug)]
struct Pending {
    /// How the response to it is read.
    reading: Reading,
    /// What a channel is to know of it; None where it can have none.
    settings: Option<Arc<Settings>>,
}

/// What may come next beside a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Body,
    /// The data of a large chunk, and the line break after them.
    ChunkData,
    Chunk,
    Event,
    Upgraded,
    Tunnel,
}

impl Part {
    fn reading(self) -> Reading {
        match self {
            Part::Body | Part::ChunkData => Reading::Body,
            Part::Chunk => Reading::Chunk,
            Part::Event => Reading::Event,
            Part::Upgraded => Reading::Upgraded,
            Part::Tunnel => Reading::Tunnel,
        }
    }

    fn of(reading: Reading) -> Option<Part> {
        match reading {
            Reading::Body => Some(Part::Body),
            Reading::Chunk => Some(Part::Chunk),
            Reading::Event => Some(Part::Event),
            Reading::Upgraded => Some(Part::Upgraded),
            Reading::Tunnel => Some(Part::Tunnel),
            Reading::Request | Reading::Response | Reading::WithoutBody | Reading::ToConnect => None,
        }
    }
}

/// Where the two directions of a connection are. It takes some hundred bytes for each request that waits for its response, of which
/// there are at most 1,024, and what bodies take that are handed on.
#[derive(Clone)]
pub(super) struct Talk {
    settings: Arc<Settings>,
    /// What comes next of each role, if not a message.
    parts: [Option<Part>; 2],
    bodies: Bodies,
    /// The side that sends requests.
    requester: Role,
    pending: VecDeque<Pending>,
    /// Whether a response need not have a request here: one was lost, or came before the capture.
    may_lack_requests: bool,
    /// Whether the next request was answered before it was complete.
    is_answered_early: bool,
    /// Whether responses were lost, so that earlier requests may be answered.
    has_lost_responses: bool,
    is_channel_open: bool,
    /// What is known of the tunnel that CONNECT asked for.
    tunnel: Option<Arc<Settings>>,
    carried: Option<BodyChannels>,
}

/// The channel of what follows an upgrade or CONNECT.
const TUNNEL: u64 = 0;

impl Talk {
    pub(super) fn new(settings: &Settings, carry_bodies: bool) -> Talk {
        Talk {
            settings: Arc::new(settings.clone()),
            parts: [None; 2],
            bodies: Bodies::default(),
            requester: Role::Client,
            pending: VecDeque::new(),
            may_lack_requests: false,
            is_answered_early: false,
            has_lost_responses: false,
            is_channel_open: false,
            tunnel: None,
            carried: carry_bodies.then(BodyChannels::default),
        }
    }

    fn part(&self, role: Role) -> Option<Part> {
        self.parts.get(role.index()).copied().flatten()
    }

    fn reading(&self, role: Role) -> Reading {
        match self.part(role) {
            Some(part) => part.reading(),
            None if role == self.requester => Reading::Request,
            None => self.pending.front().map_or(Reading::Response, |pending| pending.reading),
        }
    }

    fn set(&mut self, role: Role, part: Option<Part>) {
        if let Some(known) = self.parts.get_mut(role.index()) {
            *known = part;
        }
    }

    fn body(&mut self, role: Role) -> &mut Progress {
        let [client, server] = &mut self.bodies;
        if role == Role::Client { client } else { server }
    }

    /// A message with a start line.
    fn start(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let reading = self.reading(role);
        let Read::Whole(head) = Head::read(message.beginning(), Versions::One) else { return };
        let body = body_of(&head, reading.answers());
        let settings = match head.start {
            Start::Response => {
                let request = self.response(role, &head);
                if head.status() == Some(101) {
                    self.upgrade(&head, request.as_deref().unwrap_or(&self.settings.clone()), to);
                    return;
                }
                request
            }
            Start::Request | Start::Trailers | Start::Body => self.request(role, &head),
        };
        let there = message.length().saturating_sub(head.end);
        self.begin_body(role, &head, body, there as u64);
        if let Some(carried) = &mut self.carried {
            let settings = settings.as_deref().unwrap_or(&self.settings);
            carried.begin(role, (&head, body), settings, message, to);
        }
    }

    /// A request, and what a channel is to know of it.
    fn request(&mut self, role: Role, head: &Head<'_>) -> Option<Arc<Settings>> {
        self.requester = role;
        let reading = match head.method() {
            b"HEAD" => Reading::WithoutBody,
            b"CONNECT" => Reading::ToConnect,
            _ => Reading::Response,
        };
        let is_upgrade = head.value("upgrade").is_some();
        let is_known = is_upgrade || reading == Reading::ToConnect || self.carried.is_some();
        let settings = is_known.then(|| Arc::new(request_settings(&self.settings, head)));
        if std::mem::take(&mut self.is_answered_early) {
            return settings;
        }
        if self.has_lost_responses || self.pending.len() >= MAX_PENDING {
            // Nearly no client sends the next request before it has the response.
            self.has_lost_responses = false;
            self.pending.clear();
        }
        self.pending.push_back(Pending { reading, settings: settings.clone() });
        settings
    }

    /// A response, and what is known of the request that it answers.
    fn response(&mut self, role: Role, head: &Head<'_>) -> Option<Arc<Settings>> {
        self.requester = role.reverse();
        let status = head.status().unwrap_or(0);
        if (100..200).contains(&status) && status != 101 {
            return None;
        }
        let Some(request) = self.pending.pop_front() else {
            // A server may refuse a request whose body still comes, and say that it waited too long for one.
            self.is_answered_early = status >= 400 && status != 408 && !self.may_lack_requests;
            return None;
        };
        if request.reading == Reading::ToConnect {
            let part = (200..300).contains(&status).then_some(Part::Tunnel);
            self.set(role, part);
            // What the client sent before this may have gone through the tunnel already.
            self.set(role.reverse(), part);
            self.tunnel = request.settings.clone();
        }
        request.settings
    }

    /// What follows the head in a direction.
    fn begin_body(&mut self, role: Role, head: &Head<'_>, body: Body, there: u64) {
        let (part, left) = match body {
            Body::Length(length) if length > MAX_WHOLE as u64 => (Part::Body, Some(length)),
            Body::Chunked if there == 0 => (Part::Chunk, None),
            Body::UntilEnd if is_stream(head) && head.value("content-type").is_some_and(is_event_stream) => {
                (Part::Event, None)
            }
            Body::UntilEnd => (Part::Body, None),
            Body::None | Body::Length(_) | Body::Chunked => return,
        };
        *self.body(role) = Progress { at: there, left };
        self.set(role, Some(part));
    }

    /// The server has agreed to speak something else.
    fn upgrade(&mut self, head: &Head<'_>, request: &Settings, to: &mut dyn Carried) {
        self.parts = [Some(Part::Upgraded); 2];
        to.open(TUNNEL, upgraded(head, request));
        self.is_channel_open = true;
    }

    /// Opens the channel of what follows an upgrade or CONNECT if it is not open yet: when a tunnel is first used.
    fn open_channel(&mut self, reading: Reading, to: &mut dyn Carried) {
        if std::mem::replace(&mut self.is_channel_open, true) {
            return;
        }
        let connect = self.pending.front().filter(|pending| pending.reading == Reading::ToConnect);
        let settings = connect.and_then(|pending| pending.settings.as_ref()).or(self.tunnel.as_ref());
        let settings = settings.unwrap_or(&self.settings).as_ref().clone();
        let is_tunnel = reading == Reading::Tunnel;
        let name = if is_tunnel { "http.connect" } else { "http.upgrade" }.into();
        let begins_inside = !is_tunnel;
        to.open(TUNNEL, Channel { name, settings, is_verbatim: true, begins_inside, ..Channel::default() });
    }

    /// What came of a body or a tunnel.
    fn go_on(&mut self, role: Role, part: Part, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let length = message.length();
        let left = self.body(role).left;
        let (next, data) = match part {
            Part::Upgraded | Part::Tunnel => {
                self.open_channel(part.reading(), to);
                to.verbatim(TUNNEL, role, 0, message.bytes());
                return;
            }
            Part::Chunk => match size_line(message.beginning()) {
                Some(Ok((0, _))) | Some(Err(())) | None => (None, 0..0),
                Some(Ok((size, _))) if !Chunk::is_row(size) => {
                    *self.body(role) = Progress { at: 0, left: Some(size.saturating_add(2)) };
                    (Some(Part::ChunkData), 0..0)
                }
                Some(Ok((size, line))) => {
                    (Some(part), line..line.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)))
                }
            },
            Part::ChunkData => {
                let data = left.unwrap_or(0).saturating_sub(2);
                let data = usize::try_from(data).unwrap_or(usize::MAX).min(length);
                let next = if self.advance(role, length as u64) { Part::Chunk } else { part };
                (Some(next), 0..data)
            }
            Part::Body | Part::Event => {
                let has_ended = self.advance(role, length as u64);
                ((!has_ended).then_some(part), 0..length)
            }
        };
        self.set(role, next);
        if let Some(carried) = &mut self.carried {
            carried.part(role, message, data, next.is_none(), to);
        }
    }

    /// So much more of a body has passed. Whether it has ended.
    fn advance(&mut self, role: Role, length: u64) -> bool {
        let body = self.body(role);
        body.at = body.at.saturating_add(length);
        let Some(left) = &mut body.left else { return false };
        *left = left.saturating_sub(length);
        *left == 0
    }

    /// So many bytes of a direction were lost or are no message.
    fn lose(&mut self, role: Role, length: u64, to: &mut dyn Carried) {
        match role == self.requester {
            true => self.may_lack_requests = true,
            false => self.has_lost_responses = true,
        }
        let next = match self.part(role) {
            None | Some(Part::Chunk) => None,
            Some(part @ (Part::Upgraded | Part::Tunnel)) => {
                self.open_channel(part.reading(), to);
                to.lost(TUNNEL, role, length.max(1));
                return;
            }
            Some(part) => {
                let left = self.body(role).left;
                let has_ended = self.advance(role, length);
                match part {
                    _ if !has_ended => Some(part),
                    Part::ChunkData if left == Some(length) => Some(Part::Chunk),
                    _ => None,
                }
            }
        };
        self.set(role, next);
        if let Some(carried) = &mut self.carried {
            carried.lose(role, length, next.is_none(), to);
        }
    }
}

impl Conversation for Talk {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let pending = self.pending.iter().map(|one| if one.settings.is_some() { 256 } else { 16 });
        size_of::<Talk>() + pending.sum::<usize>() + self.carried.as_ref().map_or(0, BodyChannels::size)
    }

    fn stage(&self, role: Role) -> u16 {
        self.reading(role).number()
    }

    fn variables(&self) -> Option<&Variables> {
        Some(&self.bodies)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        let reading = Reading::of(stage);
        if self.reading(role) == reading {
            return;
        }
        self.set(role, Part::of(reading));
        match reading {
            Reading::Request => self.requester = role,
            Reading::Response | Reading::WithoutBody | Reading::ToConnect => {
                self.requester = role.reverse();
                match self.pending.front_mut() {
                    Some(pending) => pending.reading = reading,
                    None => self.pending.push_back(Pending { reading, settings: None }),
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, role: Role, bytes: &[u8], _: bool) -> Option<NonZeroUsize> {
        if self.part(role) == Some(Part::Chunk)
            && Chunk::read(bytes, 0) == Chunk::Bad
            && matches!(begins_message(bytes), Found::Line(..))
        {
            // What was between is no chunk.
            self.set(role, None);
        }
        // A client need not wait for the answer to CONNECT.
        let is_asked = role == self.requester && self.part(role).is_none();
        let is_connecting = self.pending.back().is_some_and(|last| last.reading == Reading::ToConnect);
        if is_asked && is_connecting && begins_message(bytes) == Found::No {
            self.set(role, Some(Part::Tunnel));
        }
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn begins_inside(&mut self, _: Role) {
        self.may_lack_requests = true;
    }

    /// What was lost of a body, and whether requests or responses were, is taken into account when it is known how much.
    fn loss(&mut self, role: Role) {
        if self.part(role) == Some(Part::Chunk) {
            self.set(role, None);
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match (passage, self.part(role)) {
            (Passage::Message(message), None) => self.start(role, message, to),
            (Passage::Message(message), Some(part)) => self.go_on(role, part, message, to),
            (Passage::Lost(length), _) => self.lose(role, length, to),
            (Passage::End, Some(Part::Upgraded | Part::Tunnel)) => {
                self.open_channel(self.reading(role), to);
                to.end(TUNNEL, role);
            }
            (Passage::End, _) => {
                if let Some(carried) = &mut self.carried {
                    carried.end(role, to);
                }
            }
        }
    }
}
