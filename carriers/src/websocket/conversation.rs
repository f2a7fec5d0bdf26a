//! Both directions of a WebSocket: joins the frames of a message, takes the mask off, unpacks it, and hands it on.
//!
//! The directions do not depend on each other. Of each no more is stored than the state of its last message, and the 32 KiB
//! that the next may refer to.

use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Conversation, Nowhere, Passage, Role, Sentence, Settings, Variables,
};

use super::codes;
use super::extensions::{Extensions, Parameters};
use super::header::{BINARY, CLOSE, CONTINUATION, Header, TEXT};
use super::message::Hand;
use super::rest::Remaining;
use super::side::{Open, Side};
use super::stages::{FrameStage, REST, Sender, State};

/// Subprotocols in which the messages are a stream: a message may have several of the inner protocol's, or a part of one.
const STREAMS: [&str; 6] = ["mqtt", "mqttv3.1", "amqp", "binary", "base64", "wamp.2.rawsocket"];

/// The number of the channel of texts, and that of the other one.
pub(super) const TEXT_CHANNEL: u64 = 0;
pub(super) const BINARY_CHANNEL: u64 = 1;

/// A conversation.
pub(super) struct Talk {
    settings: Arc<Settings>,
    extensions: Extensions,
    /// Whether each message is one of the inner protocol's.
    is_delimited: bool,
    sides: [Side; 2],
    remaining: Remaining,
    /// Which channels are open, and which directions have ended.
    is_open: [bool; 2],
    has_ended: [bool; 2],
    begins_inside: bool,
}

impl Talk {
    /// The beginning, with what HTTP knows of it.
    pub(super) fn new(settings: &Settings) -> Talk {
        let is_upgraded = ["path", "target", "host"].iter().any(|name| settings.get(name).is_some());
        let extensions = match settings.get("extensions") {
            Some(text) => Extensions::read(text),
            None if is_upgraded => Extensions::None,
            None => Extensions::Unknown,
        };
        Talk {
            settings: Arc::new(settings.clone()),
            extensions,
            is_delimited: settings.get("subprotocol").is_none_or(|name| !STREAMS.contains(&name)),
            sides: Role::BOTH.map(|role| Side::new(Sender::of(role))),
            remaining: Remaining::default(),
            is_open: [false; 2],
            has_ended: [false; 2],
            begins_inside: false,
        }
    }

    fn side(&self, role: Role) -> &Side {
        let [client, server] = &self.sides;
        if role == Role::Client { client } else { server }
    }

    fn side_mut(&mut self, role: Role) -> &mut Side {
        let [client, server] = &mut self.sides;
        if role == Role::Client { client } else { server }
    }

    fn about(&self, channel: u64) -> Channel {
        let is_text = channel == TEXT_CHANNEL && self.is_delimited;
        // What is agreed on is often called as the protocol is.
        let subprotocol = match self.settings.get("subprotocol") {
            Some("mqttv3.1") => Some("mqtt".to_owned()),
            other => other.map(str::to_owned),
        };
        Channel {
            name: if channel == TEXT_CHANNEL { "websocket.text" } else { "websocket.binary" }.into(),
            protocol: if is_text { Some("websocket-text".into()) } else { subprotocol.map(Into::into) },
            settings: Settings::clone(&self.settings),
            is_delimited: self.is_delimited,
            is_verbatim: false,
            begins_inside: self.begins_inside,
        }
    }

    fn open(&mut self, channel: u64, to: &mut dyn Carried) {
        let [text, binary] = &mut self.is_open;
        let is_open = if channel == TEXT_CHANNEL { text } else { binary };
        if std::mem::replace(is_open, true) {
            return;
        }
        to.open(channel, self.about(channel));
        for (role, has_ended) in Role::BOTH.into_iter().zip(self.has_ended) {
            if has_ended {
                to.end(channel, role);
            }
        }
    }

    fn open_channels(&self) -> impl Iterator<Item = u64> + use<> {
        let both = [TEXT_CHANNEL, BINARY_CHANNEL].into_iter().zip(self.is_open);
        both.filter(|(_, is_open)| *is_open).map(|(channel, _)| channel)
    }

    /// A message of the carrier: a frame, its header, or a part of its payload.
    fn take(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let remaining = *self.remaining.of(role);
        if remaining > 0 {
            let length = message.length() as u64;
            *self.remaining.of(role) = remaining.saturating_sub(length);
            let is_last = length >= remaining;
            return self.payload(role, message, 0, is_last, to);
        }
        let Ok(header) = Header::read(&message) else { return self.lose(role, message.length() as u64, to) };
        if header.opcode == CLOSE {
            self.side_mut(role).state = State::Closed;
        }
        if !matches!(header.opcode, CONTINUATION | TEXT | BINARY) {
            if header.is_split() {
                *self.remaining.of(role) = header.payload;
                self.side_mut(role).frame = None;
            }
            return;
        }
        if matches!(header.opcode, TEXT | BINARY) {
            self.begin(role, &header, to);
        }
        let key = header.key(&message);
        self.side_mut(role).frame = Some(Open { fin: header.fin, opcode: header.opcode, key, done: 0 });
        if header.is_split() {
            *self.remaining.of(role) = header.payload;
        } else {
            self.payload(role, message, header.length(), true, to);
        }
    }

    /// The first frame of a message.
    fn begin(&mut self, role: Role, header: &Header, to: &mut dyn Carried) {
        if let Some(interrupted) = self.side_mut(role).message.take() {
            interrupted.give_up(role, 1, to);
        }
        let channel = if header.opcode == TEXT { TEXT_CHANNEL } else { BINARY_CHANNEL };
        self.open(channel, to);
        let is_delimited = self.is_delimited;
        let parameters = self.extensions.of(role);
        let packed = parameters.filter(|_| header.is_compressed());
        if header.is_compressed() {
            self.remark(role, parameters, to);
        }
        self.side_mut(role).begin(channel, is_delimited, packed);
    }

    /// What the first reserved bit is taken for.
    fn remark(&mut self, role: Role, parameters: Option<Parameters>, to: &mut dyn Carried) {
        if parameters.is_none() {
            let text = "RSV1 is set, and the two sides agreed on no extension that is known here: the payload is shown as it is";
            to.problem(codes::RESERVED_BITS, Sentence::new(text));
        } else if self.extensions == Extensions::Unknown
            && !std::mem::replace(&mut self.side_mut(role).has_remarked, true)
        {
            let text = "RSV1 is set: the messages are taken to be compressed by permessage-deflate, each with reference to those before it";
            to.problem(codes::EXTENSIONS_UNKNOWN, Sentence::new(text));
        }
    }

    /// The payload of a data frame from `at` on, or a part of it.
    fn payload(
        &mut self,
        role: Role,
        message: Captured<'_, '_>,
        at: usize,
        is_last: bool,
        to: &mut dyn Carried,
    ) {
        let side = self.side_mut(role);
        let Some(mut frame) = side.frame.take() else { return };
        if let Some(joining) = &mut side.message {
            let mut hand = Hand { role, inflater: &mut side.inflater, scratch: &mut side.scratch, to };
            hand.payload(joining, message, at, &frame);
        }
        frame.done = frame.done.wrapping_add(message.length().saturating_sub(at) as u64);
        if !is_last {
            side.frame = Some(frame);
            return;
        }
        if side.state != State::Closed {
            side.state = state_after(&frame, side.state);
        }
        if frame.fin
            && let Some(joined) = side.message.take()
        {
            Hand { role, inflater: &mut side.inflater, scratch: &mut side.scratch, to }.end(joined);
        }
    }

    /// So many bytes are lost or are no frame: a message that is being joined ends there.
    fn lose(&mut self, role: Role, length: u64, to: &mut dyn Carried) {
        self.loss(role);
        let side = self.side_mut(role);
        side.frame = None;
        side.inflater.forget();
        match (side.message.take(), side.channel) {
            (Some(message), _) => message.give_up(role, length, to),
            (None, Some(channel)) => to.lost(channel, role, length.max(1)),
            (None, None) => {
                if let Some(channel) = self.open_channels().next() {
                    to.lost(channel, role, length.max(1));
                }
            }
        }
    }

    fn end(&mut self, role: Role, to: &mut dyn Carried) {
        if let Some(message) = self.side_mut(role).message.take() {
            message.give_up(role, 1, to);
        }
        let [client, server] = &mut self.has_ended;
        *(if role == Role::Client { client } else { server }) = true;
        for channel in self.open_channels() {
            to.end(channel, role);
        }
    }
}

/// What a data frame leaves behind.
fn state_after(frame: &Open, before: State) -> State {
    match (frame.fin, frame.opcode) {
        (true, _) => State::Between,
        (false, TEXT) => State::Text,
        (false, BINARY) => State::Binary,
        (false, _) => before,
    }
}

impl Conversation for Talk {
    fn copy(&self) -> Box<dyn Conversation> {
        let [client, server] = &self.sides;
        Box::new(Talk {
            settings: Arc::clone(&self.settings),
            extensions: self.extensions,
            is_delimited: self.is_delimited,
            sides: [client.copy(), server.copy()],
            remaining: self.remaining,
            is_open: self.is_open,
            has_ended: self.has_ended,
            begins_inside: self.begins_inside,
        })
    }

    fn size(&self) -> usize {
        size_of::<Talk>() + self.sides.iter().map(|side| side.inflater.size()).sum::<usize>()
    }

    fn stage(&self, role: Role) -> u16 {
        let side = self.side(role);
        let [client, server] = self.remaining.0;
        match if role == Role::Client { client } else { server } {
            0 => FrameStage { sender: side.sender, state: side.state }.number(),
            _ => REST,
        }
    }

    fn variables(&self) -> Option<&Variables> {
        (self.remaining != Remaining::default()).then_some(&self.remaining)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        if let Some(stage) = FrameStage::numbered(stage) {
            *self.remaining.of(role) = 0;
            let side = self.side_mut(role);
            (side.sender, side.state) = (stage.sender, stage.state);
        }
    }

    fn begins_inside(&mut self, role: Role) {
        let side = self.side_mut(role);
        (side.sender, side.state) = (Sender::Either, State::Unknown);
        side.inflater.forget();
        side.note = true;
        self.begins_inside = true;
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        *self.remaining.of(role) = 0;
        let side = self.side_mut(role);
        if side.state != State::Closed {
            side.state = State::Unknown;
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => self.take(role, message, to),
            Passage::Lost(length) => self.lose(role, length, to),
            Passage::End => self.end(role, to),
        }
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let note = std::mem::take(&mut self.side_mut(role).note);
        let text = "the capture begins inside this WebSocket: what the two sides agreed on, and what compressed messages refer to, is unknown";
        note.then(|| (Code::MidConversation, Sentence::new(text)))
    }
}
