//! One direction of a WebSocket between two frames.

use super::extensions::Parameters;
use super::inflate::Inflater;
use super::message::Joining;
use super::stages::{Sender, State};

/// What is known of one direction.
pub(super) struct Side {
    pub(super) sender: Sender,
    pub(super) state: State,
    /// The frame whose payload follows.
    pub(super) frame: Option<Open>,
    /// The message that is being joined.
    pub(super) message: Option<Joining>,
    /// The channel of the last one.
    pub(super) channel: Option<u64>,
    pub(super) inflater: Inflater,
    /// Memory for bytes without the mask. Nothing depends on it.
    pub(super) scratch: Vec<u8>,
    /// Whether it was said that the extensions are guessed.
    pub(super) has_remarked: bool,
    /// Whether the next message is to say that the capture begins inside.
    pub(super) note: bool,
}

/// A data frame whose payload has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) fin: bool,
    pub(super) opcode: u8,
    /// The key of its mask, unless that was lost.
    pub(super) key: Option<[u8; 4]>,
    /// How many bytes of the payload came before.
    pub(super) done: u64,
}

impl Side {
    pub(super) fn new(sender: Sender) -> Side {
        Side {
            sender,
            state: State::Between,
            frame: None,
            message: None,
            channel: None,
            inflater: Inflater::default(),
            scratch: Vec::new(),
            has_remarked: false,
            note: false,
        }
    }

    pub(super) fn copy(&self) -> Side {
        Side { inflater: self.inflater.copy(), scratch: Vec::new(), ..*self }
    }

    /// A message begins.
    pub(super) fn begin(&mut self, channel: u64, is_delimited: bool, packed: Option<Parameters>) {
        if let Some(parameters) = packed {
            self.inflater.begin(parameters.history());
        }
        self.channel = Some(channel);
        self.message = Some(Joining::new(channel, is_delimited, packed));
    }
}
