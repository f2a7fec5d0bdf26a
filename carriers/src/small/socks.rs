//! `socks`: a proxy is asked for a connection, in version 4, 4a or 5 of SOCKS; then the stream is whatever is spoken with the target.
//!
//! Each side's messages decide what it sends next; of the client's answer to the choice of a method its first byte says what it is, so
//! that a client that does not wait is read as well. After a loss a request or a reply is known by its bytes, or is past.

use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Carried, Confidence, Conversation, Nowhere, Passage, Role, Sample, Settings,
};

use super::channel::Only;
use super::socks_messages::*;
use super::staged::{Part, Segments, Staged, names, sized, stage};

const FIRST: u16 = 0;
const LOGIN: u16 = 1;
const REQUEST: u16 = 2;
const TUNNEL: u16 = 3;
const CHOICE: u16 = 4;
const STATUS: u16 = 5;
const REPLY: u16 = 6;
const REPLY_4: u16 = 7;
const OTHER: u16 = 8;

/// The carrier.
pub fn socks() -> Staged {
    let start = |settings: &Settings| {
        let mut channel = Only::named("socks", settings);
        channel.about_mut().is_verbatim = true;
        let conversation =
            Socks { stages: [FIRST, CHOICE], has_lost: [false; 2], command: None, is_bound: false, channel };
        Box::new(conversation) as Box<dyn Conversation>
    };
    let part = |name, next, dissect, encode| stage(name, Part { name: "socks", next, dissect, encode });
    Staged {
        name: "socks",
        about: "SOCKS 4, 4a and 5: a connection through a proxy, then any protocol",
        stages: vec![
            part("first", next_first, dissect_first, encode_first),
            part("login", next_login, dissect_login, encode_login),
            part("request", next_request, dissect_request, encode_request),
            stage("tunnel", Segments { of: "socks", kind: "TUNNEL" }),
            part("choice", |input| sized(input, 2), dissect_choice, encode_choice),
            part("status", |input| sized(input, 2), dissect_status, encode_status),
            part("reply", next_request, dissect_reply, encode_reply),
            part("reply-4", |input| sized(input, 8), dissect_reply_4, encode_reply_4),
            stage("other-method", Segments { of: "socks", kind: "OTHER_METHOD" }),
        ],
        names: names(&FIELDS, &[&KINDS[..], &["OTHER_METHOD"]].concat(), false),
        codes: None,
        detect,
        start: Box::new(start),
        not_on_datagrams: Some("the connection to a SOCKS proxy is a stream"),
    }
}

/// A greeting or a request is short, and the client waits then: as good as it gets, since neither has anything to recognise it by.
fn detect(sample: Sample<'_>) -> Confidence {
    let first = sample.bytes.get(..sample.segment_ends.first().copied().unwrap_or(0)).unwrap_or_default();
    let is_greeting = match *first {
        [5, count @ 1..=9, ref methods @ ..] => {
            methods.len() == usize::from(count) && methods.iter().all(|method| *method <= 9)
        }
        [4, 1 | 2, high, low, _, _, _, _, ref user @ .., 0] => {
            (high, low) != (0, 0) && user.iter().all(|byte| matches!(byte, 0 | b' '..=b'~'))
        }
        _ => false,
    };
    if is_greeting { Confidence::Possible } else { Confidence::No }
}

#[derive(Clone)]
struct Socks {
    stages: [u16; 2],
    /// Whether something of the negotiation was lost, so that the stage is not known.
    has_lost: [bool; 2],
    command: Option<u8>,
    /// Whether the first of the two replies to BIND came.
    is_bound: bool,
    channel: Only,
}

impl Socks {
    fn set(&mut self, role: Role, stage: u16) {
        if let Some(known) = self.stages.get_mut(role.index()) {
            *known = stage;
        }
    }

    fn has_lost(&self, role: Role) -> bool {
        self.has_lost.get(role.index()).copied().unwrap_or(false)
    }

    fn lose(&mut self, role: Role) {
        if let Some(lost) = self.has_lost.get_mut(role.index()) {
            *lost = true;
        }
    }

    /// What a client sends, whose stage is not known.
    fn client_stage(bytes: &[u8]) -> u16 {
        match bytes {
            [5, 1..=3, 0, 1 | 3 | 4, ..] => REQUEST,
            [4, 1 | 2, _, _, _, _, _, _, .., 0] => FIRST,
            [5, count, methods @ ..] if *count > 0 && methods.len() == usize::from(*count) => FIRST,
            _ => TUNNEL,
        }
    }

    /// The same of a server.
    fn server_stage(bytes: &[u8]) -> u16 {
        match bytes {
            [5, 0..=8, 0, 1 | 3 | 4, ..] => REPLY,
            [0, 0x5a..=0x5d, _, _, _, _, _, _] => REPLY_4,
            [5, 0..=9 | 255] => CHOICE,
            [1, 0] => STATUS,
            _ => TUNNEL,
        }
    }

    fn follow(&mut self, role: Role, message: &[u8]) {
        let second = message.get(1).copied();
        let next = match self.stage(role) {
            FIRST if message.first() == Some(&5) => LOGIN,
            LOGIN => REQUEST,
            FIRST | REQUEST => {
                if let Some((command, target)) = target(message) {
                    self.command = Some(command);
                    let about = self.channel.about_mut();
                    about.settings = std::mem::take(&mut about.settings).with("target", target);
                }
                TUNNEL
            }
            CHOICE => match second {
                Some(2) => STATUS,
                Some(0 | NO_METHOD) => REPLY,
                _ => {
                    self.set(Role::Client, OTHER);
                    OTHER
                }
            },
            STATUS => REPLY,
            stage @ (REPLY | REPLY_4) => {
                let has_succeeded = matches!((stage, second), (REPLY, Some(0)) | (REPLY_4, Some(0x5a)));
                let is_first = self.command == Some(BIND) && has_succeeded && !self.is_bound;
                self.is_bound |= is_first;
                if is_first { stage } else { TUNNEL }
            }
            stage => stage,
        };
        self.set(role, next);
    }
}

impl Conversation for Socks {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn stage(&self, role: Role) -> u16 {
        self.stages.get(role.index()).copied().unwrap_or(TUNNEL)
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        self.set(role, stage);
    }

    fn begins_inside(&mut self, role: Role) {
        self.channel.about_mut().begins_inside = true;
        self.lose(role);
    }

    fn begin(&mut self, role: Role, bytes: &[u8], _: bool) -> Option<NonZeroUsize> {
        let stage = self.stage(role);
        let first = bytes.first().copied().unwrap_or_default();
        if matches!(stage, TUNNEL | OTHER) {
            return None;
        }
        let known = match (role, stage) {
            _ if self.has_lost(role) => {
                // The shortest message that shows what it is has eight bytes, others are whole segments.
                match role {
                    Role::Client => Self::client_stage(bytes),
                    Role::Server => Self::server_stage(bytes),
                }
            }
            (_, FIRST) if !matches!(first, 4 | 5) => TUNNEL,
            (_, LOGIN) if first == 5 => REQUEST,
            (_, LOGIN) if first != 1 => TUNNEL,
            (_, REQUEST | REPLY) if first != 5 => TUNNEL,
            (_, REQUEST | REPLY) if bytes.get(3).is_some_and(|kind| !matches!(kind, 1 | 3 | 4)) => TUNNEL,
            (_, CHOICE) if first == 0 => REPLY_4,
            (_, CHOICE) if first != 5 => TUNNEL,
            (_, stage) => stage,
        };
        if known == TUNNEL {
            self.channel.about_mut().begins_inside = true;
        }
        self.set(role, known);
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        if !matches!(self.stage(role), TUNNEL | OTHER) {
            self.lose(role);
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => match self.stage(role) {
                TUNNEL => self.channel.verbatim(role, message.bytes(), to),
                OTHER => {}
                _ => {
                    if let Some(lost) = self.has_lost.get_mut(role.index()) {
                        *lost = false;
                    }
                    self.follow(role, message.bytes());
                }
            },
            Passage::Lost(length) => match self.stage(role) {
                TUNNEL => self.channel.lost(role, length, to),
                _ => {
                    self.channel.about_mut().begins_inside = true;
                    self.loss(role);
                }
            },
            Passage::End => self.channel.end(role, to),
        }
    }
}
