//! With which keys one direction writes at present, and at which place in the sequence it is.
//!
//! A record is the next one unless bytes were lost before it. Then it may be one of those after that, or the first ones of the
//! next epoch, as many as fit into what was lost; how many are tried is bounded by the bytes that came.

use core::ops::Range;
use std::sync::Arc;

use framescope_parser::Role;

use super::hello::Agreed;
use super::joiner::Joiner;
use super::keylog::Label;
use super::opener::{Block, Opener};
use super::schedule::{keys_12, updated};
use super::secrets::{Secret, Secrets};
use super::suite::Suite;

/// A record takes at least so many bytes: header, tag and a byte.
const LEAST_RECORD: u64 = 22;
/// The most places in a sequence that are tried beyond the next.
const MOST_SKIPPED: u64 = 1 << 16;
/// So many places on either side of the likeliest one are tried first.
const NEAR: u64 = 32;
/// So many bytes may be decrypted in vain for each that came.
const TRIES: u64 = 4;
/// So many may be before any came, and are saved up at most.
const FIRST_TRIES: u64 = 1 << 22;
const MOST_TRIES: u64 = 1 << 25;

/// After so many records of which none was decrypted, the keys are taken for those of another connection.
const MOST_FAILED: u64 = 64;

/// Which keys a direction writes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// None yet.
    #[default]
    Plain,
    /// Those up to TLS 1.2.
    Protected,
    /// TLS 1.3: those of data that the client sends before the server's answer.
    Early,
    /// TLS 1.3: those of the handshake.
    Handshake,
    /// TLS 1.3: those of application data.
    Application,
}

impl Epoch {
    /// Whether it is one of TLS 1.3.
    pub(crate) fn is_13(self) -> bool {
        matches!(self, Epoch::Early | Epoch::Handshake | Epoch::Application)
    }

    fn index(self) -> usize {
        match self {
            Epoch::Plain | Epoch::Protected => 0,
            Epoch::Early => 1,
            Epoch::Handshake => 2,
            Epoch::Application => 3,
        }
    }
}

/// Why a record was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NoSecrets,
    /// It is not known what the two sides agreed on.
    NoBeginning,
    Unsupported,
    /// With the keys that are known it is not the record at this place in the sequence.
    Mismatch(u64),
}

/// The keys of an epoch.
struct Keyed {
    opener: Opener,
    /// From what the next ones are derived.
    next: Option<(Suite, u16, Secret)>,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
enum Slot {
    #[default]
    Unknown,
    Missing(Failure),
    Ready(Arc<Keyed>),
}

/// A direction of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) joiner: Joiner,
    pub(crate) epoch: Epoch,
    /// The stage of the next message, where it is not the one that follows from what is known.
    pub(crate) next_stage: Option<u16>,
    /// Whether bytes were lost, so that the next record may be encrypted without notice.
    pub(crate) is_unsure: bool,
    /// Whether what was carried before is not known in full.
    pub(crate) is_inside: bool,
    /// Whether any record was decrypted.
    pub(crate) has_opened: bool,
    slots: [Slot; 4],
    /// The least sequence number that the next record can have.
    sequence: u64,
    /// How many records came since that were not decrypted.
    failed: u64,
    /// To how many of all records the keys did not fit.
    mismatched: u64,
    /// How many more may have been lost.
    slack: u64,
    /// How many bytes were lost with them.
    lost: u64,
    /// The last block of the record before, where the next one is decrypted with it.
    before: Option<Block>,
    /// How many bytes may still be decrypted in vain.
    tries: u64,
    /// Which failures were said already.
    said: u8,
}

impl Default for Side {
    fn default() -> Side {
        Side {
            joiner: Joiner::default(),
            epoch: Epoch::Plain,
            next_stage: None,
            is_unsure: false,
            is_inside: false,
            has_opened: false,
            slots: Default::default(),
            sequence: 0,
            failed: 0,
            mismatched: 0,
            slack: 0,
            lost: 0,
            before: None,
            tries: FIRST_TRIES,
            said: 0,
        }
    }
}

impl Side {
    /// The capture begins inside this direction.
    pub(crate) fn begin_inside(&mut self) {
        (self.is_unsure, self.is_inside, self.slack) = (true, true, MOST_SKIPPED);
        self.joiner.cut();
    }

    /// So many bytes were lost.
    pub(crate) fn lose(&mut self, length: u64) {
        self.slack = self.slack.saturating_add(length / LEAST_RECORD).saturating_add(1).min(MOST_SKIPPED);
        self.lost = self.lost.saturating_add(length);
        self.before = None;
    }

    /// A record came of which bytes are missing. Returns how many of its bytes are no content.
    pub(crate) fn missed_record(&mut self) -> usize {
        if self.epoch != Epoch::Plain {
            self.failed += 1;
        }
        self.before = None;
        self.overhead()
    }

    /// How many bytes of a fragment are at least no content.
    pub(crate) fn overhead(&self) -> usize {
        match self.slots.get(self.epoch.index()) {
            Some(Slot::Ready(keyed)) => keyed.opener.overhead(),
            _ => 17,
        }
    }

    /// Whether a failure is said now, since it was not before.
    pub(crate) fn tell(&mut self, failure: Failure) -> bool {
        let bit = match failure {
            Failure::NoSecrets => 1,
            Failure::NoBeginning => 2,
            Failure::Unsupported => 4,
            Failure::Mismatch(_) => 8,
        };
        let is_new = self.said & bit == 0;
        self.said |= bit;
        is_new
    }

    /// It writes with the first keys, or with others, up to TLS 1.2.
    pub(crate) fn protect(&mut self) {
        self.enter(Epoch::Protected);
        if let Some(slot) = self.slots.first_mut() {
            *slot = Slot::Unknown;
        }
    }

    /// It writes with other keys.
    pub(crate) fn enter(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.restart();
    }

    fn restart(&mut self) {
        (self.sequence, self.failed, self.slack, self.lost) = (0, 0, 0, 0);
        self.before = None;
        self.is_unsure = false;
    }

    /// The epoch after `epoch`, if that is the present one.
    pub(crate) fn enter_after(&mut self, epoch: Epoch) {
        match epoch {
            _ if self.epoch != epoch => {}
            Epoch::Early => self.enter(Epoch::Handshake),
            Epoch::Handshake => self.enter(Epoch::Application),
            Epoch::Plain | Epoch::Protected | Epoch::Application => {}
        }
    }

    /// What was sent early is over without notice: a plain hello follows.
    pub(crate) fn leave_early(&mut self) {
        self.enter(Epoch::Plain);
    }

    /// The keys of application data are followed by the next ones.
    pub(crate) fn update_keys(&mut self) {
        if self.epoch != Epoch::Application {
            return;
        }
        if let Some(keyed) = self.next_keys() {
            self.set(Epoch::Application, Slot::Ready(keyed));
            self.restart();
        }
    }

    fn set(&mut self, epoch: Epoch, slot: Slot) {
        if let Some(place) = self.slots.get_mut(epoch.index()) {
            *place = slot;
        }
    }

    /// The keys after those of application data.
    fn next_keys(&self) -> Option<Arc<Keyed>> {
        let Some(Slot::Ready(keyed)) = self.slots.get(Epoch::Application.index()) else { return None };
        let (suite, version, secret) = keyed.next.as_ref()?;
        let secret = updated(suite.hash, *version, secret)?;
        let opener = Opener::of_13(*suite, *version, secret.bytes())?;
        Some(Arc::new(Keyed { opener, next: Some((*suite, *version, secret)) }))
    }

    /// Decrypts a record into `buffer`, and says where in it the content is.
    #[inline]
    pub(crate) fn open(
        &mut self,
        role: Role,
        agreed: &Agreed,
        secrets: &Secrets,
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Range<usize>, Failure> {
        if self.mismatched > MOST_FAILED && !self.has_opened {
            return Err(Failure::Mismatch(self.failed));
        }
        self.tries = (self.tries + TRIES * record.len() as u64).min(MOST_TRIES);
        if self.slack == 0
            && self.failed == 0
            && let Some(Slot::Ready(keyed)) = self.slots.get(self.epoch.index())
            && self.epoch != Epoch::Plain
        {
            let before = self.before.unwrap_or_else(|| keyed.opener.first_block());
            if let Some(range) = keyed.opener.open(record, self.sequence, &before, buffer) {
                self.sequence += 1;
                self.before = keyed.opener.last_block(record);
                return Ok(range);
            }
        }
        self.search(role, agreed, secrets, record, buffer)
    }

    /// Decrypts a record that may be another one than the next.
    fn search(
        &mut self,
        role: Role,
        agreed: &Agreed,
        secrets: &Secrets,
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Range<usize>, Failure> {
        let mut failure = None;
        let expected = self.sequence.saturating_add(self.failed);
        for epoch in self.possible(role, agreed) {
            let keyed = match self.keys(epoch, role, agreed, secrets, record, buffer) {
                Ok(keyed) => keyed,
                Err(why) => {
                    failure = failure.or(Some(why));
                    continue;
                }
            };
            if let Some((sequence, range)) = self.try_places(epoch, &keyed, record, buffer) {
                if epoch != self.epoch {
                    self.enter(epoch);
                }
                self.opened_at(sequence, &keyed, record);
                return Ok(range);
            }
            failure = failure.or(Some(Failure::Mismatch(expected)));
        }
        if self.epoch == Epoch::Application
            && self.slack > 0
            && let Some(keyed) = self.next_keys()
            && let Some((sequence, range)) = self.try_from(0, self.slack, &keyed, record, buffer)
        {
            self.set(Epoch::Application, Slot::Ready(Arc::clone(&keyed)));
            self.opened_at(sequence, &keyed, record);
            return Ok(range);
        }
        self.failed = self.failed.saturating_add(1).min(MOST_SKIPPED);
        if let Some(Slot::Ready(keyed)) = self.slots.get(self.epoch.index()) {
            self.before = keyed.opener.last_block(record);
        }
        let failure = failure.unwrap_or(Failure::NoBeginning);
        self.mismatched += u64::from(matches!(failure, Failure::Mismatch(_)));
        Err(failure)
    }

    fn opened_at(&mut self, sequence: u64, keyed: &Keyed, record: &[u8]) {
        self.restart();
        self.sequence = sequence.saturating_add(1);
        self.before = keyed.opener.last_block(record);
        self.has_opened = true;
    }

    /// The epochs that the next record may be of, the likeliest first.
    fn possible(&self, role: Role, agreed: &Agreed) -> impl Iterator<Item = Epoch> + use<> {
        let has_lost = self.slack > 0;
        let epochs: [Option<Epoch>; 3] = match self.epoch {
            Epoch::Protected => [Some(Epoch::Protected), None, None],
            Epoch::Early => {
                [Some(Epoch::Early), Some(Epoch::Handshake), has_lost.then_some(Epoch::Application)]
            }
            Epoch::Handshake => [Some(Epoch::Handshake), Some(Epoch::Application), None],
            Epoch::Application => [Some(Epoch::Application), None, None],
            Epoch::Plain if agreed.is_13() => [Some(Epoch::Handshake), Some(Epoch::Application), None],
            Epoch::Plain if agreed.version == 0 && agreed.early_data && role == Role::Client => {
                [Some(Epoch::Early), None, None]
            }
            // The record that says so was lost.
            Epoch::Plain if agreed.version != 0 => [Some(Epoch::Protected), None, None],
            Epoch::Plain => [None, None, None],
        };
        epochs.into_iter().flatten()
    }

    /// Tries the places in the sequence that a record of an epoch may have.
    fn try_places(
        &mut self,
        epoch: Epoch,
        keyed: &Keyed,
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Option<(u64, Range<usize>)> {
        if epoch != self.epoch {
            return self.try_from(0, self.slack, keyed, record, buffer);
        }
        let before = self.before.unwrap_or_else(|| keyed.opener.first_block());
        let expected = self.sequence.saturating_add(self.failed);
        if let Some(range) = keyed.opener.open(record, expected, &before, buffer) {
            return Some((expected, range));
        }
        if self.slack == 0 && self.failed == 0 {
            return None;
        }
        // Mostly what was lost is much like what follows.
        let likely = expected.saturating_add(self.lost / record.len().max(1) as u64);
        let most = self.failed.saturating_add(self.slack);
        self.try_from(
            likely.saturating_sub(NEAR).max(self.sequence),
            (2 * NEAR).min(most),
            keyed,
            record,
            buffer,
        )
        .or_else(|| self.try_from(self.sequence, most, keyed, record, buffer))
    }

    /// Tries a place and so many after it.
    fn try_from(
        &mut self,
        first: u64,
        more: u64,
        keyed: &Keyed,
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Option<(u64, Range<usize>)> {
        let before = self.before.unwrap_or_else(|| keyed.opener.first_block());
        for sequence in first..=first.saturating_add(more.min(MOST_SKIPPED)) {
            self.tries = self.tries.checked_sub(record.len() as u64)?;
            if let Some(range) = keyed.opener.open(record, sequence, &before, buffer) {
                return Some((sequence, range));
            }
        }
        None
    }

    /// The keys of an epoch.
    fn keys(
        &mut self,
        epoch: Epoch,
        role: Role,
        agreed: &Agreed,
        secrets: &Secrets,
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Arc<Keyed>, Failure> {
        match self.slots.get(epoch.index()) {
            Some(Slot::Ready(keyed)) => return Ok(Arc::clone(keyed)),
            Some(Slot::Missing(failure)) => return Err(*failure),
            _ => {}
        }
        let found = match epoch {
            Epoch::Plain | Epoch::Protected => protected(role, agreed, secrets),
            Epoch::Early => early(agreed, secrets, record, buffer),
            Epoch::Handshake | Epoch::Application => of_13(epoch, role, agreed, secrets),
        };
        let found = found.map(Arc::new);
        let slot = match &found {
            Ok(keyed) => Slot::Ready(Arc::clone(keyed)),
            Err(failure) => Slot::Missing(*failure),
        };
        self.set(epoch, slot);
        found
    }
}

/// The keys up to TLS 1.2.
fn protected(role: Role, agreed: &Agreed, secrets: &Secrets) -> Result<Keyed, Failure> {
    let (Some(client), Some(server)) = (&agreed.client_random, &agreed.server_random) else {
        return Err(Failure::NoBeginning);
    };
    let suite = agreed.suite().filter(|_| agreed.version >= 0x0301).ok_or(Failure::Unsupported)?;
    let master = secrets.find(client, Label::Master).ok_or(Failure::NoSecrets)?;
    let [of_client, of_server] = keys_12(suite, agreed.version, master.bytes(), client, server);
    let keys = if role == Role::Client { of_client } else { of_server };
    let opener =
        Opener::of_12(suite, agreed.version, &keys, agreed.mac_is_last).ok_or(Failure::Unsupported)?;
    Ok(Keyed { opener, next: None })
}

/// The keys of early data. Their suite is that of the session before: the one of those offered that decrypts the record.
fn early(agreed: &Agreed, secrets: &Secrets, record: &[u8], buffer: &mut Vec<u8>) -> Result<Keyed, Failure> {
    let random = agreed.client_random.as_ref().ok_or(Failure::NoBeginning)?;
    let secret = secrets.find(random, Label::ClientEarly).ok_or(Failure::NoSecrets)?;
    let suites = agreed.offered.iter().filter_map(|&suite| Suite::of(suite));
    let mut openers =
        suites.filter(|suite| suite.hash.length() == secret.bytes().len()).filter_map(|suite| {
            let version = if agreed.version == 0 { 0x0304 } else { agreed.version };
            Opener::of_13(suite, version, secret.bytes())
        });
    let opener = openers.find(|opener| opener.open(record, 0, &[0; 16], buffer).is_some());
    let opener = opener.ok_or(Failure::Mismatch(0))?;
    Ok(Keyed { opener, next: None })
}

/// The keys of the handshake or of application data in TLS 1.3.
fn of_13(epoch: Epoch, role: Role, agreed: &Agreed, secrets: &Secrets) -> Result<Keyed, Failure> {
    let random = agreed.client_random.as_ref().ok_or(Failure::NoBeginning)?;
    if agreed.cipher == 0 {
        return Err(Failure::NoBeginning);
    }
    let suite = agreed.suite().ok_or(Failure::Unsupported)?;
    let label = match (epoch, role) {
        (Epoch::Handshake, Role::Client) => Label::ClientHandshake,
        (Epoch::Handshake, Role::Server) => Label::ServerHandshake,
        (_, Role::Client) => Label::ClientTraffic,
        (_, Role::Server) => Label::ServerTraffic,
    };
    let secret = secrets.find(random, label).ok_or(Failure::NoSecrets)?;
    if secret.bytes().len() != suite.hash.length() {
        return Err(Failure::Mismatch(0));
    }
    let opener = Opener::of_13(suite, agreed.version, secret.bytes()).ok_or(Failure::Unsupported)?;
    Ok(Keyed { opener, next: Some((suite, agreed.version, secret)) })
}
