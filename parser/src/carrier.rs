//! Protocols whose messages carry others: TLS, WebSocket, a tunnel, a multiplexer.
//!
//! A carrier is a [`Protocol`](crate::Protocol) with a [`Conversation`](crate::Conversation) that hands on what its messages
//! carry, as one or more [channels](Channel). Each channel has two streams of its own, one in each direction, in which
//! other protocols are read, and these may be carriers too. A carrier never reads what it hands on.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Captured, Code, Role, Sentence};

/// What comes next in one direction of a carrier.
#[derive(Clone, Copy, Debug)]
pub enum Passage<'a, 'm> {
    /// A message of the carrier, in its context.
    Message(Captured<'a, 'm>),
    /// So many bytes that were not captured, or are no message.
    Lost(u64),
    /// Nothing comes after this.
    End,
}

/// What a carrier says of a channel before it hands on its first bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// What rules and people call it, such as `tls` or `websocket.text`: the carrier's name, and what distinguishes its channels.
    pub name: Cow<'static, str>,
    /// The name of the protocol that is spoken in it, if the carrier knows it.
    pub protocol: Option<Cow<'static, str>>,
    /// What else is known of it, such as the path of a WebSocket. Rules select by it, and the conversation of its protocol is
    /// [given it](crate::Protocol::conversation_in).
    pub settings: Settings,
    /// Whether each message that is handed on is a message of its own, as in a datagram, rather than some bytes of a stream.
    pub is_delimited: bool,
    /// Whether all that is handed on are stretches of the carrier's own messages, as they are.
    pub is_verbatim: bool,
    /// Whether what was carried before the first bytes is unknown.
    pub begins_inside: bool,
}

/// What is known of a channel, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(Vec<(Cow<'static, str>, String)>);

impl Settings {
    /// Nothing.
    pub const NONE: Settings = Settings(Vec::new());

    /// With one more, which takes the place of one with the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Settings {
        let name = name.into();
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
        self
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All of them, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}

/// Takes what a carrier hands on. Channels are told apart by numbers that the carrier chooses: a connection, a session, 0. A message
/// brings bytes of its sender's direction only.
pub trait Carried {
    /// How many bytes it takes at present beyond those that are [verbatim](Channel::is_verbatim). What unpacks to more is to be
    /// cut off there, and reported as [`Code::ExpandsTooMuch`].
    fn room(&self) -> usize;

    /// Says what a channel is, before its first bytes. What it says of one again is ignored.
    fn open(&mut self, channel: u64, about: Channel);

    /// The next bytes of a direction of a channel, which are in the carrier's message as they are, and where in it they begin.
    /// Only of a [verbatim](Channel::is_verbatim) channel.
    fn verbatim(&mut self, channel: u64, from: Role, at: usize, bytes: &[u8]);

    /// The next bytes of a direction of a channel, which are not in the carrier's message as they are. Only with a message, not with
    /// what was lost or the end.
    fn bytes(&mut self, channel: u64, from: Role, bytes: &[u8]);

    /// What was handed on of a direction since the last such call is one message, also if that is nothing. Only of a
    /// [delimited](Channel::is_delimited) channel.
    fn end_message(&mut self, channel: u64, from: Role);

    /// So many bytes of a direction are missing here, as far as is known; at least 1.
    fn lost(&mut self, channel: u64, from: Role, length: u64);

    /// Nothing comes after this in a direction.
    fn end(&mut self, channel: u64, from: Role);

    /// Something is wrong with the carrier's message that is taken at present: that only shows where it is unpacked. Of bytes that
    /// were lost nothing can be said.
    fn problem(&mut self, code: Code, text: Sentence);
}

/// What is carried goes nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Carried for Nowhere {
    fn room(&self) -> usize {
        0
    }

    fn open(&mut self, _: u64, _: Channel) {}
    fn verbatim(&mut self, _: u64, _: Role, _: usize, _: &[u8]) {}
    fn bytes(&mut self, _: u64, _: Role, _: &[u8]) {}
    fn end_message(&mut self, _: u64, _: Role) {}
    fn lost(&mut self, _: u64, _: Role, _: u64) {}
    fn end(&mut self, _: u64, _: Role) {}
    fn problem(&mut self, _: Code, _: Sentence) {}
}

/// What happened in a direction of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// These bytes came, however many calls brought them.
    Bytes(Vec<u8>),
    /// The message before this is complete.
    EndOfMessage,
    /// So many bytes are missing.
    Lost(u64),
    /// Nothing comes after this.
    End,
}

/// Collects all that is carried, for tests and for programs that want just that.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// What the carrier said of each channel.
    pub channels: BTreeMap<u64, Channel>,
    /// What happened in each direction of each.
    pub heard: BTreeMap<(u64, Role), Vec<Heard>>,
    /// What was wrong.
    pub problems: Vec<(Code, String)>,
    /// The most that it takes beyond what is verbatim; all if it is None.
    pub limit: Option<usize>,
    taken: usize,
}

impl Collected {
    /// All bytes of a direction of a channel, without gaps and ends.
    pub fn all(&self, channel: u64, from: Role) -> Vec<u8> {
        let bytes = |heard: &Heard| match heard {
            Heard::Bytes(bytes) => bytes.clone(),
            _ => Vec::new(),
        };
        self.heard.get(&(channel, from)).into_iter().flatten().flat_map(bytes).collect()
    }

    /// The messages of a direction of a delimited channel.
    pub fn messages(&self, channel: u64, from: Role) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut message = Vec::new();
        for heard in self.heard.get(&(channel, from)).into_iter().flatten() {
            match heard {
                Heard::Bytes(bytes) => message.extend_from_slice(bytes),
                Heard::EndOfMessage => messages.push(core::mem::take(&mut message)),
                Heard::Lost(_) | Heard::End => {}
            }
        }
        messages
    }

    fn push(&mut self, channel: u64, from: Role, heard: Heard) {
        debug_assert!(self.channels.contains_key(&channel), "channel {channel} is opened before it is used");
        self.heard.entry((channel, from)).or_default().push(heard);
    }

    fn append(&mut self, channel: u64, from: Role, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.heard.entry((channel, from)).or_default().last_mut() {
            Some(Heard::Bytes(known)) => known.extend_from_slice(bytes),
            _ => self.push(channel, from, Heard::Bytes(bytes.to_vec())),
        }
    }
}

impl Carried for Collected {
    fn room(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.taken))
    }

    fn open(&mut self, channel: u64, about: Channel) {
        self.channels.entry(channel).or_insert(about);
    }

    fn verbatim(&mut self, channel: u64, from: Role, _: usize, bytes: &[u8]) {
        self.append(channel, from, bytes);
    }

    fn bytes(&mut self, channel: u64, from: Role, bytes: &[u8]) {
        self.taken = self.taken.saturating_add(bytes.len());
        self.append(channel, from, bytes);
    }

    fn end_message(&mut self, channel: u64, from: Role) {
        self.push(channel, from, Heard::EndOfMessage);
    }

    fn lost(&mut self, channel: u64, from: Role, length: u64) {
        self.push(channel, from, Heard::Lost(length));
    }

    fn end(&mut self, channel: u64, from: Role) {
        self.push(channel, from, Heard::End);
    }

    fn problem(&mut self, code: Code, text: Sentence) {
        self.problems.push((code, alloc::format!("{text}")));
    }
}
