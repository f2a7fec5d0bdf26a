//! Messages that are read from lines of JSON and sent, one after the other.

use std::sync::Arc;

use framescope_capture::{DecodeAs, Options};
use framescope_parser::Protocol;
use serde_json::Value as Json;
use thiserror::Error;

use crate::encoding::EncodeError;
use crate::{Edit, Exchange, ExchangeError, Target};

/// Why a line was not sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// It is not a message, or can't be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The peer does not take it.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was sent.
    Message,
    /// It is a row of the other side, or no message.
    LeftOut,
}

/// Sends lines.
#[derive(Debug)]
pub struct Lines {
    breaks: Vec<Edit>,
    /// Whether each was made in some message.
    made: Vec<bool>,
    /// How many rows of the other side were left out.
    others: u64,
}

impl Lines {
    /// Lines of which fields are changed after their messages were written.
    pub fn new(breaks: Vec<Edit>) -> Lines {
        Lines { made: vec![false; breaks.len()], breaks, others: 0 }
    }

    /// Sends the message in a line.
    ///
    /// # Errors
    /// It can't be written, or the peer does not take it.
    pub fn send(&mut self, line: &[u8], exchange: &mut Exchange) -> Result<Sent, SendError> {
        let row: Json = serde_json::from_slice(line).map_err(EncodeError::NotJson)?;
        if row.get("direction").and_then(Json::as_str) == Some("backward") && row.get("fields").is_some() {
            self.others += 1;
            return Ok(Sent::LeftOut);
        }
        let (bytes, made) = exchange.encode_edited(&row, &self.breaks)?;
        self.made.iter_mut().zip(made).for_each(|(all, made)| *all |= made);
        if bytes.is_empty() {
            return Ok(Sent::LeftOut);
        }
        exchange.send(&bytes)?;
        Ok(Sent::Message)
    }

    /// The changes that no message had the field for.
    pub fn not_made(&self) -> impl Iterator<Item = &str> {
        let all = self.breaks.iter().zip(&self.made);
        all.filter(|(_, made)| !**made).map(|(edit, _)| edit.path())
    }

    /// How many rows of the other side were left out.
    pub fn others(&self) -> u64 {
        self.others
    }
}

/// The same options, with which the conversations of a recording are read as this protocol unless a rule says otherwise.
#[must_use]
pub fn speaking(protocol: &dyn Protocol, target: &Target, mut options: Options) -> Options {
    let transport = if target.is_udp() { "udp" } else { "tcp" };
    let rule: Option<DecodeAs> = format!("{transport}={}", protocol.name()).parse().ok();
    options.decode_as.splice(0..0, rule.map(DecodeAs::as_default));
    options
}

/// The protocol that a line names.
pub fn named_in(line: &[u8], protocols: &[Arc<dyn Protocol>]) -> Option<Arc<dyn Protocol>> {
    let row: Json = serde_json::from_slice(line).ok()?;
    let name = row.get("protocol")?.as_str()?;
    protocols.iter().find(|protocol| protocol.name() == name).cloned()
}
