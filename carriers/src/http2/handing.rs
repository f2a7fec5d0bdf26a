//! What the streams of a connection carry, handed on: requests and responses as messages, and tunnels.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Captured, Carried, Channel, Code, Role, Sentence, Settings};

use super::codes;
use super::connection::{Connection, MESSAGES};
use super::frame;
use super::head::{Form, Head};
use super::streams::{Half, Request, State};

/// The longest body that is one message with its head.
const MAX_BODY: usize = 1 << 20;
/// What all streams of a connection may buffer.
pub(super) const MAX_BUFFERED: usize = 4 << 20;

impl Connection {
    pub(super) fn half(&mut self, role: Role, stream: u32) -> Option<&mut Half> {
        self.streams.get_mut(&stream)?.halves.get_mut(role.index())
    }

    /// Replaces what a half is in, and counts what is buffered.
    pub(super) fn change(&mut self, role: Role, stream: u32, state: State) -> Option<State> {
        let half = self.streams.get_mut(&stream)?.halves.get_mut(role.index())?;
        let before = half.buffered();
        let old = std::mem::replace(&mut half.state, state);
        self.buffered = self.buffered.saturating_sub(before).saturating_add(half.buffered());
        Some(old)
    }

    /// Hands on one message.
    fn hand_on(&mut self, role: Role, parts: &[&[u8]], to: &mut dyn Carried) {
        self.open_messages(to);
        whole(MESSAGES, role, parts, to);
    }

    /// A block of header fields of a stream is complete.
    pub(super) fn head(&mut self, role: Role, number: u32, mut head: Head, ends: bool, to: &mut dyn Carried) {
        let half = self.stream(role, number, to).halves.get(role.index());
        let is_later = half.is_some_and(|half| match half.state {
            State::Idle => half.may_lack && ends && !head.has_lost,
            _ => true,
        });
        let form = head.form(role == Role::Client, is_later);
        let text = head.text(form, number);
        if head.has_breaks {
            let text = "a header field contains a line break or a zero byte; it is shown with spaces instead";
            to.problem(codes::HEADER_CHARACTERS, Sentence::from(text));
        }
        if form == Form::Request {
            self.stream(role, number, to).request = Some(Arc::new(Request::of(&head)));
        }
        if form == Form::Response && !ends && matches!(head.status_number(), Some(100..=199)) {
            return self.hand_on(role, &[&text, b"\r\n"], to);
        }
        // What was begun before is complete, if it was begun.
        self.finish(role, number, None, to);
        let state = self.state_after(number, form, &head, &text, to);
        match ends || !matches!(state, State::Message { .. }) {
            true => self.hand_on(role, &[&text, b"\r\n"], to),
            false => self.make_room(role, number, text.len(), to),
        }
        self.change(role, number, if ends { State::Ended } else { state });
        if ends {
            self.close(role, number);
        }
    }

    /// How the body after a head is handed on.
    fn state_after(
        &mut self,
        number: u32,
        form: Form,
        head: &Head,
        text: &[u8],
        to: &mut dyn Carried,
    ) -> State {
        let request = self.streams.get(&number).and_then(|stream| stream.request.clone());
        let accepts = match form {
            Form::Request => true,
            Form::Response => matches!(head.status_number(), Some(200..=299)),
            Form::Trailers => return State::Parts,
        };
        if accepts && let Some(request) = request.as_ref().filter(|request| request.is_connect) {
            if form == Form::Response {
                self.open_tunnel(number, request, Some(head), to);
            }
            return State::Tunnel;
        }
        if head.is_grpc() {
            return self.grpc_after(request.as_deref(), head, to);
        }
        if head.is_event_stream() {
            return State::Parts;
        }
        let content_length = head.content_length;
        State::Message { head: Arc::new(text.to_vec()), body: Arc::default(), content_length }
    }

    /// A server says what a request would be, and that it answers that.
    pub(super) fn promise(&mut self, role: Role, on: u32, number: u32, mut head: Head, to: &mut dyn Carried) {
        let text = head.text(Form::Request, number);
        let stream = self.stream(role, number, to);
        stream.request = Some(Arc::new(Request::of(&head)));
        if let Some(half) = stream.halves.get_mut(role.reverse().index()) {
            half.state = State::Ended;
        }
        let end = match head.has_lost {
            true => format!(":pushed-on: {on}\r\n:incomplete: header fields were not captured\r\n\r\n"),
            false => format!(":pushed-on: {on}\r\n\r\n"),
        };
        self.hand_on(role, &[&text, end.as_bytes()], to);
    }

    /// Takes the data of a DATA frame, which is at a range of it.
    pub(super) fn body(
        &mut self,
        role: Role,
        number: u32,
        message: Captured<'_, '_>,
        range: Range<usize>,
        to: &mut dyn Carried,
    ) {
        let data = message.get(range.clone());
        if range.is_empty() {
            return;
        }
        let missing = match data {
            Some(_) => 0,
            None => range.len() - message.parts(range.clone()).map(|(_, part)| part.len()).sum::<usize>(),
        };
        let state = self.half(role, number).map(|half| {
            half.missing = half.missing.saturating_add(u64::try_from(missing).unwrap_or(u64::MAX));
            half.knows_loss = false;
            &half.state
        });
        match state {
            Some(State::Tunnel) => self.tunnelled(role, number, message, range, to),
            Some(State::Grpc(_)) => self.grpc_data(role, number, (data, missing), to),
            Some(State::Message { body, .. }) => {
                let length = body.len().saturating_add(range.len());
                if length > MAX_BODY || self.buffered.saturating_add(range.len()) > MAX_BUFFERED {
                    self.finish(role, number, None, to);
                    self.change(role, number, State::Parts);
                    return self.part(role, number, message, range, to);
                }
                self.buffered += range.len() - missing;
                let Some(State::Message { body, .. }) = self.half(role, number).map(|half| &mut half.state)
                else {
                    return;
                };
                let body = Arc::make_mut(body);
                message.parts(range).for_each(|(_, part)| body.extend_from_slice(part));
            }
            // Its head is not known, or it has ended: what it belongs to is shown by the number of the stream.
            _ => self.part(role, number, message, range, to),
        }
    }

    /// Hands on a part of a body.
    fn part(
        &mut self,
        role: Role,
        number: u32,
        message: Captured<'_, '_>,
        range: Range<usize>,
        to: &mut dyn Carried,
    ) {
        let mut bytes = format!("BODY HTTP/2\r\n:stream: {number}\r\n").into_bytes();
        let there = message.parts(range.clone()).map(|(_, part)| part.len()).sum::<usize>();
        if there < range.len() {
            let lack = format!(":incomplete: {} bytes were not captured\r\n", range.len() - there);
            bytes.extend_from_slice(lack.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        message.parts(range).for_each(|(_, part)| bytes.extend_from_slice(part));
        self.hand_on(role, &[&bytes], to);
    }

    /// Hands on the message that a half has begun, which is all of it unless `why` says why not.
    pub(super) fn finish(&mut self, role: Role, number: u32, why: Option<&str>, to: &mut dyn Carried) {
        let Some(half) = self.half(role, number) else { return };
        if !matches!(half.state, State::Message { .. } | State::Grpc(_)) {
            return;
        }
        let lacks = match &half.state {
            State::Message { body, content_length, .. } => {
                half.lack(u64::try_from(body.len()).unwrap_or(u64::MAX), *content_length)
            }
            _ => None,
        };
        match self.change(role, number, State::Parts) {
            Some(State::Message { head, body, .. }) => {
                if let Some(lacks) = &lacks {
                    let text = format!("the body on stream {number} is not complete: {lacks}");
                    to.problem(codes::BODY_LOST, Sentence::from(text));
                }
                let reasons: String = lacks
                    .as_deref()
                    .into_iter()
                    .chain(why)
                    .map(|why| format!(":incomplete: {why}\r\n"))
                    .collect();
                self.hand_on(role, &[&head, reasons.as_bytes(), b"\r\n", &body], to);
            }
            Some(State::Grpc(joined)) => super::grpc::rest(role, &joined, to),
            _ => {}
        }
    }

    /// A side has sent all that it sends on a stream.
    pub(super) fn end_half(&mut self, role: Role, number: u32, why: Option<&str>, to: &mut dyn Carried) {
        self.finish(role, number, why, to);
        if self.half(role, number).is_some_and(|half| matches!(half.state, State::Tunnel))
            && self.tunnels.contains(&number)
        {
            to.end(tunnel(number), role);
        }
        self.change(role, number, State::Ended);
        self.close(role, number);
    }

    /// Forgets a stream if both sides have ended.
    fn close(&mut self, role: Role, number: u32) {
        let other = self.half(role.reverse(), number).map(|half| matches!(half.state, State::Ended));
        if other == Some(true) {
            self.streams.remove(&number);
            self.tunnels.remove(&number);
        }
    }

    /// A side has reset a stream: neither sends any more. What the other side had begun is handed on with its next frame.
    pub(super) fn reset(&mut self, role: Role, number: u32, code: Option<u32>, to: &mut dyn Carried) {
        if !self.streams.contains_key(&number) {
            return;
        }
        let name = code.and_then(frame::error_code).unwrap_or("an unknown error");
        let why = format!("the stream was reset with {name}");
        let other = self.half(role.reverse(), number).map(|half| half.buffered() > 0);
        if other == Some(true) {
            self.cut_short.insert((role.reverse().index(), number));
        } else {
            self.end_half(role.reverse(), number, None, to);
        }
        self.end_half(role, number, Some(&why), to);
    }

    /// Hands on what a side had begun before its stream was reset or left aside.
    pub(super) fn finish_cut_short(&mut self, role: Role, to: &mut dyn Carried) {
        if self.cut_short.is_empty() {
            return;
        }
        let due: Vec<_> = self.cut_short.iter().copied().filter(|(side, _)| *side == role.index()).collect();
        for (side, number) in due {
            self.cut_short.remove(&(side, number));
            self.end_half(role, number, Some("the stream was reset, or left aside"), to);
        }
    }

    /// Where too much is buffered, what the side has begun on other streams is handed on as far as it is there.
    fn make_room(&mut self, role: Role, number: u32, length: usize, to: &mut dyn Carried) {
        let mut streams = self.streams.keys().copied().collect::<BTreeSet<u32>>();
        streams.remove(&number);
        while self.buffered.saturating_add(length) > MAX_BUFFERED {
            let Some(oldest) = streams.pop_first() else { return };
            self.finish(role, oldest, None, to);
        }
    }

    fn open_tunnel(&mut self, number: u32, request: &Request, answer: Option<&Head>, to: &mut dyn Carried) {
        if !self.tunnels.insert(number) {
            return;
        }
        let mut settings = (*self.given).clone().with("host", request.authority.clone());
        let protocol = request.protocol.clone();
        let name = if protocol.is_some() { "http.upgrade" } else { "http.connect" };
        match &protocol {
            Some(_) => settings = settings.with("path", request.path.clone()),
            None => settings = settings.with("target", request.authority.clone()),
        }
        let of = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let answered = answer.and_then(|head| of(head.subprotocol.as_ref()));
        if let Some(subprotocol) = answered.or_else(|| request.subprotocol.clone()) {
            settings = settings.with("subprotocol", subprotocol);
        }
        if let Some(extensions) = answer.and_then(|head| of(head.extensions.as_ref())) {
            settings = settings.with("extensions", extensions);
        }
        let about = Channel {
            name: name.into(),
            protocol: protocol.map(Into::into),
            settings,
            is_verbatim: true,
            ..Channel::default()
        };
        to.open(tunnel(number), about);
    }

    fn tunnelled(
        &mut self,
        role: Role,
        number: u32,
        message: Captured<'_, '_>,
        range: Range<usize>,
        to: &mut dyn Carried,
    ) {
        let request = self.streams.get(&number).and_then(|stream| stream.request.clone()).unwrap_or_default();
        self.open_tunnel(number, &request, None, to);
        let lost = |to: &mut dyn Carried, length: usize| {
            if length > 0 {
                to.lost(tunnel(number), role, u64::try_from(length).unwrap_or(u64::MAX));
            }
        };
        let mut at = range.start;
        for (begin, part) in message.parts(range.clone()) {
            lost(to, begin - at);
            to.verbatim(tunnel(number), role, begin, part);
            at = begin + part.len();
        }
        lost(to, range.end.saturating_sub(at));
    }
}

/// The channel of a tunnel: those of gRPC come before it, and the messages first.
pub(super) fn tunnel(stream: u32) -> u64 {
    1 << 32 | u64::from(stream)
}

/// Hands on one message of a channel, as far as there is room for it.
pub(super) fn whole(channel: u64, role: Role, parts: &[&[u8]], to: &mut dyn Carried) {
    let mut is_cut = false;
    for part in parts {
        let room = to.room();
        is_cut |= part.len() > room;
        to.bytes(channel, role, part.get(..room).unwrap_or(part));
    }
    if is_cut {
        let text =
            "what the header fields of this connection expand to is more than there is room for, and was cut";
        to.problem(Code::ExpandsTooMuch, Sentence::from(text));
    }
    to.end_message(channel, role);
}

/// The settings of a channel, with a text that is not empty.
pub(super) fn with(settings: Settings, name: &'static str, value: &str) -> Settings {
    if value.is_empty() { settings } else { settings.with(name, value) }
}
