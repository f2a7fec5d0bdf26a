//! `starttls`: lines (or XML, or PostgreSQL's request) in clear text up to where both sides agree on TLS, which follows.
//!
//! Where TLS is refused, or never asked for, lines follow as before; PostgreSQL's protocol, which others read, is handed on in the
//! channel. Whatever begins like TLS is handed on as TLS, so that it is read also where the agreement was not captured.

use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Carried, Code, CodeDomain, CodeInfo, Confidence, Conversation, Nowhere, Passage, Role, Sample,
    Sentence, Settings, Severity,
};

use super::channel::Only;
use super::staged::{Part, Segments, Staged, names, sized, stage};
use super::upgrade::*;

const COMMAND: u16 = 0;
const REPLY: u16 = 1;
const ANSWER: u16 = 2;
const CLIENT_TAG: u16 = 3;
const SERVER_TAG: u16 = 4;
const REQUEST: u16 = 5;
const LETTER: u16 = 6;
const TUNNEL: u16 = 7;

static CODES: CodeDomain = CodeDomain::new(
    "starttls",
    &[CodeInfo {
        name: "sent-too-early",
        severity: Severity::Warning,
        meaning: "Something in clear text follows the agreement on TLS, or the request for it, where TLS must begin.",
        usual_cause: "The client does not wait for the answer, or somebody on the way inserted commands that the server would take for a part of the protected conversation.",
        what_to_do: "Let the client wait for the answer, and let the server drop what it received before TLS began.",
    }],
);
const SENT_TOO_EARLY: Code = CODES.code(0);

/// The carrier.
pub fn starttls() -> Staged {
    let start = |settings: &Settings| {
        let mut channel = Only::named("starttls", settings);
        let about = channel.about_mut();
        (about.is_verbatim, about.protocol) = (true, Some("tls".into()));
        Box::new(StartTls {
            stages: [COMMAND, REPLY],
            asked: false,
            accepted: false,
            is_early: false,
            channel,
        }) as Box<dyn Conversation>
    };
    let part = |name, next, dissect, encode| stage(name, Part { name: "starttls", next, dissect, encode });
    Staged {
        name: "starttls",
        about: "SMTP, IMAP, POP3, FTP, XMPP or PostgreSQL up to where TLS begins",
        stages: vec![
            part("command", next_line, dissect_command, encode_line),
            part("reply", next_line, dissect_reply, encode_line),
            part("answer", next_line, dissect_answer, encode_line),
            part("client-tag", next_tag, dissect_client_tag, encode_line),
            part("server-tag", next_tag, dissect_server_tag, encode_line),
            part("request", |input| sized(input, 8), dissect_request, encode_request),
            part("letter", |input| sized(input, 1), dissect_letter, encode_letter),
            stage("tunnel", Segments { of: "starttls", kind: "TUNNEL" }),
        ],
        names: names(&FIELDS, &KINDS, true),
        codes: Some(&CODES),
        detect,
        start: Box::new(start),
        not_on_datagrams: Some("TLS follows on the same stream"),
    }
}

/// Lines with an upgrade among them and TLS behind them, or PostgreSQL's request with TLS behind it. All of a conversation that is not
/// upgraded is left to others.
fn detect(sample: Sample<'_>) -> Confidence {
    let bytes = sample.bytes;
    if bytes.starts_with(&SSL_REQUEST) && is_tls(bytes.get(8..).unwrap_or_default()) == Some(true) {
        return Confidence::Likely;
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~' | 0x80..);
    let Some(end) = bytes.iter().position(|byte| !is_text(byte)) else { return Confidence::No };
    let (text, rest) = bytes.split_at(end);
    if is_tls(rest) != Some(true) || text.is_empty() {
        return Confidence::No;
    }
    let last = text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_agreed = match text.first() {
        Some(b'<') => of_tag(last).is_some_and(|name| name != "REFUSED"),
        _ => text.ends_with(b"\n") && (asks(last) || answer(last) == Answer::Accepted),
    };
    if is_agreed { Confidence::Likely } else { Confidence::No }
}

#[derive(Clone)]
struct StartTls {
    stages: [u16; 2],
    asked: bool,
    accepted: bool,
    /// Whether the next message of the client is one that must not be.
    is_early: bool,
    channel: Only,
}

impl StartTls {
    fn set(&mut self, role: Role, stage: u16) {
        if let Some(known) = self.stages.get_mut(role.index()) {
            *known = stage;
        }
    }

    /// The protocol in clear text is handed on.
    fn goes_on(&mut self) {
        self.channel.about_mut().protocol = None;
        self.stages = [TUNNEL; 2];
    }

    fn follow(&mut self, role: Role, message: &[u8]) {
        match self.stage(role) {
            COMMAND if asks(message) => {
                (self.asked, self.accepted) = (true, false);
                self.set(Role::Server, ANSWER);
            }
            ANSWER => match answer(message) {
                Answer::Continued => {}
                Answer::Accepted => self.accepted = true,
                Answer::Refused => {
                    self.asked = false;
                    self.set(role, REPLY);
                }
            },
            CLIENT_TAG if of_tag(message) == Some("UPGRADE") => (self.asked, self.accepted) = (true, false),
            SERVER_TAG if self.asked => match of_tag(message) {
                Some("ACCEPTED") => self.accepted = true,
                Some("REFUSED") => self.asked = false,
                _ => {}
            },
            REQUEST => self.set(Role::Server, LETTER),
            LETTER => match message.first() {
                Some(b'S') => self.stages = [TUNNEL; 2],
                Some(b'G') => self.goes_on(),
                _ => self.set(Role::Server, TUNNEL),
            },
            _ => {}
        }
    }

    /// The stage of the next message of a direction, which begins with these bytes.
    fn chosen(&mut self, role: Role, bytes: &[u8]) -> u16 {
        let stage = self.stage(role);
        if stage == TUNNEL {
            return stage;
        }
        let is_request = [SSL_REQUEST, GSS_REQUEST].iter().any(|request| bytes.starts_with(request));
        match (role, stage) {
            (Role::Client, COMMAND | REQUEST) if is_request => REQUEST,
            (Role::Client, REQUEST) if is_tls(bytes) == Some(true) => TUNNEL,
            // It was refused, and is not asked for again.
            (Role::Client, REQUEST) => {
                self.goes_on();
                TUNNEL
            }
            (_, LETTER) => LETTER,
            _ if is_tls(bytes) == Some(true) => TUNNEL,
            (Role::Client, COMMAND) if bytes.first() == Some(&b'<') => CLIENT_TAG,
            (Role::Server, REPLY) if bytes.first() == Some(&b'<') => SERVER_TAG,
            _ => stage,
        }
    }
}

impl Conversation for StartTls {
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

    fn begins_inside(&mut self, _: Role) {
        self.channel.about_mut().begins_inside = true;
    }

    fn begin(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        let stage = self.stage(role);
        if stage == TUNNEL || stage == LETTER {
            return None;
        }
        let needs_more = is_tls(bytes).is_none() || role == Role::Client && SSL_REQUEST.starts_with(bytes);
        if needs_more && !last && bytes != SSL_REQUEST {
            return Some(NonZeroUsize::MIN);
        }
        let chosen = self.chosen(role, bytes);
        self.is_early = role == Role::Client && self.asked && chosen != TUNNEL;
        self.set(role, chosen);
        None
    }

    fn note(&mut self, role: Role) -> Option<(Code, Sentence)> {
        let is_early = role == Role::Client && std::mem::take(&mut self.is_early);
        let text = match self.accepted {
            true => "TLS was accepted, and this is not TLS",
            false => "TLS was asked for, and this was sent in clear text before the answer came",
        };
        is_early.then(|| (SENT_TOO_EARLY, text.into()))
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, _: Role) {
        // What was lost may have been an answer.
        self.asked = false;
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) if self.stage(role) == TUNNEL => {
                self.channel.verbatim(role, message.bytes(), to);
            }
            Passage::Message(message) => self.follow(role, message.bytes()),
            Passage::Lost(length) if self.stage(role) == TUNNEL => self.channel.lost(role, length, to),
            Passage::Lost(_) => self.loss(role),
            Passage::End => self.channel.end(role, to),
        }
    }
}
