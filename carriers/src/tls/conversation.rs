//! Both directions of a connection: what they agreed on, with which keys each writes, and what is carried.
//!
//! A conversation takes a few hundred bytes, and up to 64 KiB while a hello is being joined. Keys are shared among its copies.

use core::num::NonZeroUsize;
use std::cell::Cell;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Code, Conversation, Nowhere, Passage, Role, Sentence, Settings,
};

use super::codes::{
    BEGINNING_NOT_CAPTURED, DOWNGRADED, ENCRYPTED_ALERT, NO_INNER_TYPE, NO_SECRETS, RECORD_TAG_MISMATCH,
    RENEGOTIATION, SECRETS_DO_NOT_FIT, UNSUPPORTED_CIPHER,
};
use super::epoch::{Epoch, Failure, Side};
use super::hello::Agreed;
use super::joiner::{
    CLIENT_HELLO, ENCRYPTED_EXTENSIONS, END_OF_EARLY_DATA, FINISHED, KEY_UPDATE, SERVER_HELLO, header,
};
use super::opener::inner;
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, HEARTBEAT, Header};
use super::secrets::Secrets;
use super::{CONTINUED, HANDSHAKES, PLAIN, PROTECTED, TlsHandshake, names};

/// The channel of application data.
pub(crate) const DATA_CHANNEL: u64 = 0;
/// The channel of handshake messages.
pub(crate) const HANDSHAKE_CHANNEL: u64 = 1;

thread_local! {
    /// Where records are decrypted, one after another. It is taken while it is used: what is carried may be TLS again.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Connection {
    secrets: Arc<Secrets>,
    /// What is known of the channel that it is in.
    outer: Settings,
    agreed: Arc<Agreed>,
    sides: [Side; 2],
    is_open: [bool; 2],
}

impl Connection {
    pub(crate) fn new(secrets: Arc<Secrets>, outer: Settings) -> Connection {
        let sides = [Side::default(), Side::default()];
        Connection { secrets, outer, agreed: Arc::default(), sides, is_open: [false; 2] }
    }

    fn side(&self, role: Role) -> &Side {
        let [client, server] = &self.sides;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    fn side_mut(&mut self, role: Role) -> &mut Side {
        let [client, server] = &mut self.sides;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    fn is_open(&mut self, channel: u64) -> &mut bool {
        let [data, handshake] = &mut self.is_open;
        if channel == DATA_CHANNEL { data } else { handshake }
    }

    /// A record.
    fn record(&mut self, role: Role, message: Captured<'_, '_>, to: &mut dyn Carried) {
        let stage = self.stage(role);
        self.side_mut(role).next_stage = None;
        let Some(header) = Header::read(message.beginning()) else { return };
        if !message.is_whole() {
            return self.cut_record(role, header, stage, to);
        }
        let record = message.bytes();
        let fragment = record.get(HEADER..).unwrap_or_default();
        match header.content_type {
            HANDSHAKE if stage != PROTECTED => {
                self.side_mut(role).is_unsure = false;
                self.handshake(role, fragment, to);
            }
            CHANGE_CIPHER_SPEC if fragment.len() == 1 => self.change_cipher(role),
            // An alert that is two bytes long is not encrypted.
            ALERT if fragment.len() == 2 => {}
            HEARTBEAT | ALERT if stage != PROTECTED && !self.agreed.is_13() => {}
            _ => self.encrypted(role, header, record, to),
        }
    }

    /// A record of which bytes are missing: it counts, and that is all.
    fn cut_record(&mut self, role: Role, header: Header, stage: u16, to: &mut dyn Carried) {
        let is_plain = header.content_type == HANDSHAKE && stage != PROTECTED;
        if is_plain {
            self.side_mut(role).joiner.lose();
            return self.lost_in(HANDSHAKE_CHANNEL, role, header.length as u64, to);
        }
        let overhead = self.side_mut(role).missed_record();
        self.lost(role, header.length.saturating_sub(overhead) as u64, to);
    }

    /// From now on a direction writes with other keys, up to TLS 1.2. In TLS 1.3 the record means nothing.
    fn change_cipher(&mut self, role: Role) {
        let may_be_13 = self.agreed.is_13() || self.agreed.version == 0 && self.agreed.offers_13;
        if !may_be_13 {
            self.side_mut(role).protect();
        }
    }

    /// A record that is encrypted.
    fn encrypted(&mut self, role: Role, header: Header, record: &[u8], to: &mut dyn Carried) {
        let mut buffer = BUFFER.take();
        let agreed = Arc::clone(&self.agreed);
        let opened =
            self.side_mut_with(role, |side, secrets| side.open(role, &agreed, secrets, record, &mut buffer));
        match opened {
            Ok(range) => {
                let plain = buffer.get(range).unwrap_or_default();
                self.opened(role, header, plain, to);
            }
            Err(failure) => self.closed(role, failure, header, to),
        }
        BUFFER.set(buffer);
    }

    fn side_mut_with<T>(&mut self, role: Role, run: impl FnOnce(&mut Side, &Secrets) -> T) -> T {
        let [client, server] = &mut self.sides;
        let side = if role == Role::Client { client } else { server };
        run(side, &self.secrets)
    }

    /// What a record held.
    #[inline]
    fn opened(&mut self, role: Role, header: Header, plain: &[u8], to: &mut dyn Carried) {
        let side = self.side(role);
        let (content_type, content) = if side.epoch.is_13() {
            match inner(plain) {
                Some(found) => found,
                None => {
                    return to.problem(
                        NO_INNER_TYPE,
                        Sentence::new("the decrypted record is {} bytes of zeros, and names no content type")
                            .with([plain.len() as u64]),
                    );
                }
            }
        } else {
            (header.content_type, plain)
        };
        match content_type {
            APPLICATION_DATA => self.hand_on(DATA_CHANNEL, role, content, to),
            HANDSHAKE => self.handshake(role, content, to),
            CHANGE_CIPHER_SPEC if content == [1] && !self.side(role).epoch.is_13() => {
                self.side_mut(role).protect()
            }
            ALERT => alert(content, to),
            _ => {}
        }
    }

    /// A record that was not decrypted.
    fn closed(&mut self, role: Role, failure: Failure, header: Header, to: &mut dyn Carried) {
        let side = self.side_mut(role);
        let length = header.length.saturating_sub(side.overhead()) as u64;
        let is_first = side.tell(failure);
        let said = match failure {
            Failure::NoSecrets => is_first.then(|| (NO_SECRETS, Sentence::new(
                "the secrets of this connection are not known: start the program with SSLKEYLOGFILE=keys.txt, and give that file with --keylog keys.txt",
            ))),
            Failure::NoBeginning => is_first.then(|| (BEGINNING_NOT_CAPTURED, Sentence::new(
                "the handshake was not captured, and with it the random number by which secrets are found: start the capture before the connection",
            ))),
            Failure::Unsupported => is_first.then(|| (UNSUPPORTED_CIPHER, unsupported(&self.agreed))),
            Failure::Mismatch(_) if !self.side(role).has_opened => is_first.then(|| (SECRETS_DO_NOT_FIT, Sentence::new(
                "the secrets that the key log has for this connection do not decrypt it: is the key log of the same run as the capture?",
            ))),
            Failure::Mismatch(sequence) => Some((RECORD_TAG_MISMATCH, Sentence::new(
                "the record is not the one with the sequence number {}, or it was changed: its tag does not fit",
            ).with([sequence]))),
        };
        if let Some((code, text)) = said {
            to.problem(code, text);
        }
        match failure {
            Failure::Mismatch(_) => self.lost(role, length, to),
            _ => self.side_mut(role).is_inside = true,
        }
    }

    /// Bytes of what is carried in the present epoch are lost.
    fn lost(&mut self, role: Role, length: u64, to: &mut dyn Carried) {
        let channel = match self.side(role).epoch {
            Epoch::Application | Epoch::Protected | Epoch::Early => DATA_CHANNEL,
            Epoch::Plain | Epoch::Handshake => HANDSHAKE_CHANNEL,
        };
        self.lost_in(channel, role, length, to);
        let has_begun = self.side(role).joiner.has_begun();
        self.side_mut(role).joiner.lose();
        if has_begun && channel != HANDSHAKE_CHANNEL {
            self.lost_in(HANDSHAKE_CHANNEL, role, 1, to);
        }
    }

    fn lost_in(&mut self, channel: u64, role: Role, length: u64, to: &mut dyn Carried) {
        match *self.is_open(channel) {
            true => to.lost(channel, role, length.max(1)),
            false => self.side_mut(role).is_inside = true,
        }
    }

    /// Hands on what a record held.
    #[inline]
    fn hand_on(&mut self, channel: u64, role: Role, content: &[u8], to: &mut dyn Carried) {
        if content.is_empty() {
            return;
        }
        if !*self.is_open(channel) {
            *self.is_open(channel) = true;
            to.open(channel, self.channel(channel));
        }
        let room = to.room();
        if content.len() <= room {
            return to.bytes(channel, role, content);
        }
        let (taken, rest) = content.split_at_checked(room).unwrap_or_default();
        if !taken.is_empty() {
            to.bytes(channel, role, taken);
        }
        to.problem(
            Code::ExpandsTooMuch,
            Sentence::new("{} decrypted bytes are left out").with([rest.len() as u64]),
        );
        to.lost(channel, role, (rest.len() as u64).max(1));
    }

    fn channel(&self, channel: u64) -> Channel {
        let agreed = &self.agreed;
        let begins_inside = self.sides.iter().any(|side| side.is_inside);
        if channel == HANDSHAKE_CHANNEL {
            return Channel {
                name: HANDSHAKES.into(),
                protocol: Some(TlsHandshake::NAME.into()),
                settings: self.outer.clone(),
                begins_inside,
                ..Channel::default()
            };
        }
        let mut settings = self.outer.clone();
        let known = [
            ("version", names::version(agreed.version)),
            ("cipher", names::cipher(agreed.cipher).filter(|_| agreed.cipher != 0)),
            ("sni", agreed.sni.as_deref()),
            ("alpn", agreed.application_protocol()),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                settings = settings.with(name, value);
            }
        }
        let protocol = match agreed.application_protocol() {
            Some("http/1.1" | "http/1.0") => Some("http".into()),
            Some("h2") => Some("http2".into()),
            _ => None,
        };
        Channel { name: "tls".into(), protocol, settings, begins_inside, ..Channel::default() }
    }

    /// Handshake messages, or parts of them.
    fn handshake(&mut self, role: Role, bytes: &[u8], to: &mut dyn Carried) {
        if !self.side_mut(role).joiner.may_take(bytes) {
            return self.lost_in(HANDSHAKE_CHANNEL, role, bytes.len() as u64, to);
        }
        self.hand_on(HANDSHAKE_CHANNEL, role, bytes, to);
        let mut rest = bytes;
        while let Some((kind, contents)) = self.side_mut(role).joiner.next(&mut rest) {
            self.handshake_message(role, kind, &contents, to);
        }
    }

    /// A whole handshake message; its contents are there if it is a hello.
    fn handshake_message(&mut self, role: Role, kind: u8, contents: &[u8], to: &mut dyn Carried) {
        match (kind, role) {
            (CLIENT_HELLO, Role::Client) => self.client_hello(contents, to),
            (SERVER_HELLO, Role::Server) => self.server_hello(contents, to),
            (ENCRYPTED_EXTENSIONS, Role::Server) => {
                Arc::make_mut(&mut self.agreed).encrypted_extensions(contents)
            }
            (END_OF_EARLY_DATA, Role::Client) => self.side_mut(role).enter_after(Epoch::Early),
            (FINISHED, _) => self.side_mut(role).enter_after(Epoch::Handshake),
            (KEY_UPDATE, _) => self.side_mut(role).update_keys(),
            _ => {}
        }
    }

    fn client_hello(&mut self, contents: &[u8], to: &mut dyn Carried) {
        let before = Arc::clone(&self.agreed);
        if !Arc::make_mut(&mut self.agreed).client_hello(contents) {
            return;
        }
        let side = self.side_mut(Role::Client);
        if side.epoch == Epoch::Protected {
            let text = "the client begins another handshake within the connection; the keys after it are found by its random number";
            to.problem(RENEGOTIATION, Sentence::new(text));
        } else if side.epoch == Epoch::Early {
            // The server wanted another ClientHello, and reads nothing that was sent early.
            side.leave_early();
        }
        let agreed = Arc::make_mut(&mut self.agreed);
        if before.client_random == agreed.client_random && before.is_13() {
            (agreed.version, agreed.cipher, agreed.early_data) = (before.version, before.cipher, false);
        }
    }

    fn server_hello(&mut self, contents: &[u8], to: &mut dyn Carried) {
        let agreed = Arc::make_mut(&mut self.agreed);
        match agreed.server_hello(contents) {
            Some(true) => {}
            Some(false) => {
                agreed.early_data = false;
                return;
            }
            None => return,
        }
        if agreed.is_downgraded() {
            let text = "the client offers TLS 1.3, the server knows it, and an older version was chosen: somebody changed the ClientHello on its way";
            to.problem(DOWNGRADED, Sentence::new(text));
        }
        if agreed.is_13() {
            let early = agreed.early_data;
            self.side_mut(Role::Server).enter(Epoch::Handshake);
            let client = self.side_mut(Role::Client);
            match client.epoch {
                Epoch::Early => {}
                Epoch::Plain if early => client.enter(Epoch::Early),
                _ => client.enter(Epoch::Handshake),
            }
        }
    }

    /// Bytes of a direction were lost.
    fn forget(&mut self, role: Role) {
        let side = self.side_mut(role);
        side.next_stage = None;
        side.is_unsure = true;
        side.joiner.cut();
    }
}

fn alert(content: &[u8], to: &mut dyn Carried) {
    let &[level, description] = content else { return };
    let name = names::alert(description).unwrap_or("an unknown alert");
    let text = match names::alert_level(level) {
        Some(level) => format!("{name} ({level})"),
        None => format!("{name} (level {level})"),
    };
    to.problem(ENCRYPTED_ALERT, Sentence::from(text));
}

fn unsupported(agreed: &Agreed) -> Sentence {
    let version = names::version(agreed.version).unwrap_or("an unknown version");
    let cipher = names::cipher(agreed.cipher);
    let cipher = cipher.map_or_else(|| format!("the cipher suite {:#06x}", agreed.cipher), Into::into);
    let compressed = if agreed.is_compressed { ", compressed" } else { "" };
    Sentence::from(format!(
        "{version} with {cipher}{compressed} is not decrypted here: let one side offer AES or ChaCha20-Poly1305 only"
    ))
}

impl Conversation for Connection {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        let sides = self.sides.iter().map(|side| side.joiner.size()).sum::<usize>();
        size_of::<Connection>() + sides + self.agreed.size()
    }

    fn stage(&self, role: Role) -> u16 {
        let side = self.side(role);
        side.next_stage.unwrap_or_else(|| match side.epoch {
            Epoch::Protected => PROTECTED,
            _ if side.joiner.is_within() => CONTINUED,
            _ => PLAIN,
        })
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        self.side_mut(role).next_stage = Some(stage);
    }

    fn begins_inside(&mut self, role: Role) {
        self.side_mut(role).begin_inside();
    }

    fn begin(&mut self, role: Role, bytes: &[u8], last: bool) -> Option<NonZeroUsize> {
        self.side_mut(role).next_stage = None;
        if bytes.first() != Some(&HANDSHAKE) {
            return None;
        }
        let stage = self.stage(role);
        let is_unsure = self.side(role).is_unsure || stage == PROTECTED;
        if !is_unsure || Header::read(bytes).is_some_and(|header| header.length < 4) {
            return None;
        }
        if let Some(missing) = (HEADER + 4).checked_sub(bytes.len()).and_then(NonZeroUsize::new)
            && !last
        {
            return Some(missing);
        }
        let length = Header::read(bytes).map_or(0, |header| header.length);
        let message = bytes.get(HEADER..).and_then(header);
        // In what is encrypted these bytes are chance.
        let looks_plain = match message {
            Some((_, inside)) if stage == PROTECTED => inside + 4 == length,
            Some(_) => true,
            None => false,
        };
        self.side_mut(role).next_stage = Some(match (looks_plain, stage) {
            (true, CONTINUED) => CONTINUED,
            (true, _) => PLAIN,
            (false, CONTINUED) => CONTINUED,
            (false, _) => PROTECTED,
        });
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.record(role, message, &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        self.forget(role);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) => self.record(role, message, to),
            Passage::Lost(length) => {
                self.forget(role);
                self.side_mut(role).lose(length);
                let side = self.side_mut(role);
                match side.has_opened || side.epoch == Epoch::Plain {
                    true => self.lost(role, length.saturating_sub(22), to),
                    false => side.is_inside = true,
                }
                self.side_mut(role).joiner.lose();
            }
            Passage::End => {
                for channel in [DATA_CHANNEL, HANDSHAKE_CHANNEL] {
                    if *self.is_open(channel) {
                        to.end(channel, role);
                    }
                }
            }
        }
    }
}
