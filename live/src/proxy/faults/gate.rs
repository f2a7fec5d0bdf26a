//! Holds the bytes of one direction of a connection back until their message is whole, and lets messages through: changed, twice,
//! late or not at all.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::messages::{Ends, Found, Messages};
use super::{Fault, Purpose};

/// So much is buffered at most.
const MOST_BYTES: usize = 4 << 20;
/// What does not become a message in this time is passed on as it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// One direction of a connection, as messages.
pub(in super::super) struct Gate {
    messages: Messages,
    found: UnboundedReceiver<Found>,
    /// What was received and not passed on.
    held: Vec<u8>,
    /// Where in the stream that begins.
    passed: u64,
    /// A message that waits for the one after it.
    overtaken: Option<Vec<u8>>,
    /// When what waits is waited for no longer.
    deadline: Instant,
    has_ended: bool,
    faults: Vec<Fault>,
    purpose: Purpose,
    /// How many messages there were.
    count: u64,
}

/// What a gate lets through.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Through {
    pub(in super::super) bytes: Vec<u8>,
    /// Whether the connection is to be reset after it.
    pub(in super::super) then_reset: bool,
    /// Whether it was passed on because no message was found in it.
    pub(in super::super) unread: bool,
}

impl Gate {
    pub(in super::super) fn new(messages: &Messages, ends: Ends, faults: &[Fault], purpose: Purpose) -> Gate {
        Gate {
            found: messages.watch(ends),
            messages: messages.clone(),
            held: Vec::new(),
            passed: 0,
            overtaken: None,
            deadline: Instant::now(),
            has_ended: false,
            faults: faults.iter().copied().filter(Fault::is_of_messages).collect(),
            purpose,
            count: 0,
        }
    }

    /// Whether more may be received.
    pub(in super::super) fn has_room(&self) -> bool {
        !self.has_ended && self.held.len() < MOST_BYTES
    }

    /// Whether something waits here.
    pub(in super::super) fn holds(&self) -> bool {
        !self.held.is_empty() || self.overtaken.is_some()
    }

    /// Takes what was received and recorded.
    pub(in super::super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        self.deadline = Instant::now() + PATIENCE;
        self.messages.recorded();
    }

    /// The sender sends no more.
    pub(in super::super) fn end(&mut self) {
        self.has_ended = true;
        self.deadline = Instant::now() + PATIENCE;
        self.messages.recorded();
    }

    /// Waits for a message, or for the end of patience. Where it is abandoned nothing is lost.
    pub(in super::super) async fn next(&mut self) -> Through {
        let waits_in_vain = self.held.len() >= MOST_BYTES && self.found.is_empty();
        let deadline = if waits_in_vain { Instant::now() + PATIENCE } else { self.deadline };
        match timeout_at(deadline, self.found.recv()).await {
            Ok(Some(found)) => self.through(found),
            Ok(None) | Err(_) => self.rest(),
        }
    }

    /// Everything that waits, as it is.
    fn rest(&mut self) -> Through {
        let unread = !self.held.is_empty();
        self.passed += self.held.len() as u64;
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend(self.overtaken.take().unwrap_or_default());
        Through { bytes, unread, ..Through::default() }
    }

    fn through(&mut self, found: Found) -> Through {
        let was_passed = found.begin < self.passed;
        let mut through = Through { bytes: self.take_until(found.begin), ..Through::default() };
        let message = self.take_until(found.end);
        if !found.is_message || was_passed {
            through.bytes.extend(message);
            return through;
        }
        let message = found.changed.unwrap_or(message);
        self.count += 1;
        let mut times = 1;
        let mut is_late = false;
        for (number, fault) in (0..).zip(&self.faults) {
            let mut random = self.purpose.random(number).and(self.count);
            match *fault {
                Fault::Drop(share) if random.happens(share) => times = 0,
                Fault::Duplicate(share) if random.happens(share) => times *= 2,
                Fault::Reorder(share) if random.happens(share) => is_late = true,
                Fault::ResetAfterMessages(messages) if messages <= self.count => through.then_reset = true,
                _ => {}
            }
        }
        let message = message.repeat(times);
        match self.overtaken.take() {
            None if is_late && !through.then_reset => {
                self.overtaken = Some(message);
                self.deadline = Instant::now() + PATIENCE;
            }
            overtaken => {
                through.bytes.extend(message);
                through.bytes.extend(overtaken.unwrap_or_default());
            }
        }
        through
    }

    /// Takes what is held up to a place of the stream.
    fn take_until(&mut self, end: u64) -> Vec<u8> {
        let length =
            usize::try_from(end.saturating_sub(self.passed)).unwrap_or(usize::MAX).min(self.held.len());
        self.passed += length as u64;
        self.held.drain(..length).collect()
    }
}
