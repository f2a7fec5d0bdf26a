//! `proxy`: a connection that begins with a header of the PROXY protocol, and then is whatever it is.

use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Carried, Code, Confidence, Conversation, Nowhere, Passage, Role, Sentence, Settings,
};

use super::channel::Only;
use super::proxy::{CODES, FIELDS, HEADER_ABSENT, dissect, encode, is_certain, may_begin, next, said};
use super::staged::{Part, Segments, Staged, names, stage};

const HEADER: u16 = 0;
const TUNNEL: u16 = 1;

/// The carrier.
pub fn proxy() -> Staged {
    let start = |settings: &Settings| {
        let mut channel = Only::named("proxy", settings);
        channel.about_mut().is_verbatim = true;
        Box::new(Proxied { stage: HEADER, is_absent: false, channel }) as Box<dyn Conversation>
    };
    Staged {
        name: "proxy",
        about: "the PROXY protocol, versions 1 and 2: a header that says who opened the connection, then any protocol",
        stages: vec![
            stage("header", Part { name: "proxy", next, dissect, encode }),
            stage("tunnel", Segments { of: "proxy", kind: "TUNNEL" }),
        ],
        names: names(&FIELDS, &["PROXY", "LOCAL", "UNKNOWN", "TUNNEL"], false),
        codes: Some(&CODES),
        detect: |sample| if is_certain(sample.bytes) { Confidence::Certain } else { Confidence::No },
        start: Box::new(start),
        not_on_datagrams: Some("the header stands before the first bytes of a stream"),
    }
}

#[derive(Clone)]
struct Proxied {
    /// That of the client: the server says nothing of its own.
    stage: u16,
    is_absent: bool,
    channel: Only,
}

impl Conversation for Proxied {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn stage(&self, role: Role) -> u16 {
        if role == Role::Client { self.stage } else { TUNNEL }
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        if role == Role::Client {
            self.stage = stage;
        }
    }

    fn begins_inside(&mut self, _: Role) {
        self.channel.about_mut().begins_inside = true;
    }

    fn begin(&mut self, role: Role, bytes: &[u8], _: bool) -> Option<NonZeroUsize> {
        if role == Role::Client && self.stage == HEADER && !may_begin(bytes) {
            self.stage = TUNNEL;
            self.is_absent = !self.channel.about.begins_inside;
        }
        None
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let is_absent = role == Role::Client && std::mem::take(&mut self.is_absent);
        is_absent.then(|| (HEADER_ABSENT, "the connection does not begin with a PROXY header".into()))
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        if role == Role::Client && self.stage == HEADER {
            self.stage = TUNNEL;
        }
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) if role == Role::Client && self.stage == HEADER => {
                self.stage = TUNNEL;
                let said = said(message.bytes());
                let about = self.channel.about_mut();
                let known = [
                    ("src", said.source),
                    ("dst", said.destination),
                    ("alpn", said.alpn),
                    ("sni", said.authority),
                ];
                for (name, value) in known {
                    if let Some(value) = value {
                        about.settings = std::mem::take(&mut about.settings).with(name, value);
                    }
                }
            }
            Passage::Message(message) => self.channel.verbatim(role, message.bytes(), to),
            Passage::Lost(length) => {
                let is_header = role == Role::Client && self.stage == HEADER;
                self.loss(role);
                // What was lost may be the header only, or that and more.
                if is_header {
                    self.channel.about_mut().begins_inside = true;
                } else {
                    self.channel.lost(role, length, to);
                }
            }
            Passage::End => self.channel.end(role, to),
        }
    }
}
