//! The stages of a conversation: the sender, and what the frames before have begun.
//!
//! What is wrong with the order of frames is part of the stage, so that a row shows it without the frames before it.

use std::sync::Arc;

use framescope_parser::{Reads, Role, Stage};

use super::frame::Frame;
use super::rest::Rest;

/// The sender of the frames of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
    /// The capture begins inside, and does not show who opened the connection.
    Either,
}

/// What the frames of a side before this one have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: a new message is to come.
    Between,
    /// A text that goes on.
    Text,
    /// A binary message that goes on.
    Binary,
    /// The end: a CLOSE frame was sent.
    Closed,
    /// It is not known.
    Unknown,
}

/// A stage of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameStage {
    pub(super) sender: Sender,
    pub(super) state: State,
}

const SENDERS: [(Sender, &str); 3] =
    [(Sender::Client, "client"), (Sender::Server, "server"), (Sender::Either, "")];
const STATES: [(State, &str); EACH as usize] = [
    (State::Between, "frame"),
    (State::Text, "frame inside a text"),
    (State::Binary, "frame inside a binary message"),
    (State::Closed, "frame after the end"),
    (State::Unknown, "frame after an unknown one"),
];

/// How many stages each sender has.
const EACH: u16 = 5;
/// The number of the stage in which a longer frame's payload is read.
pub(super) const REST: u16 = 15;

impl FrameStage {
    /// The number of the stage.
    pub(super) fn number(self) -> u16 {
        self.sender as u16 * EACH + self.state as u16
    }

    /// The stage with that number, unless it is [`REST`].
    pub(super) fn numbered(number: u16) -> Option<FrameStage> {
        let number = usize::from(number);
        let (sender, _) = *SENDERS.get(number / STATES.len())?;
        let (state, _) = *STATES.get(number % STATES.len())?;
        Some(FrameStage { sender, state })
    }
}

impl Sender {
    pub(super) fn of(role: Role) -> Sender {
        if role == Role::Client { Sender::Client } else { Sender::Server }
    }
}

/// All stages but [`REST`], with their names, in the order of their numbers.
fn all() -> impl Iterator<Item = (FrameStage, String)> {
    SENDERS.into_iter().flat_map(|(sender, who)| {
        STATES.into_iter().map(move |(state, what)| {
            let name = format!("{who} {what}").trim_start().to_owned();
            (FrameStage { sender, state }, name)
        })
    })
}

/// The stages as a protocol lists them.
pub(super) fn stages() -> Vec<Stage> {
    let stage = |name: String, reads: Reads| Stage {
        name,
        reads,
        needs_variables: false,
        sets_variables: false,
        carries: true,
    };
    let mut stages: Vec<Stage> =
        all().map(|(number, name)| stage(name, Reads::Own(Arc::new(Frame(number))))).collect();
    stages.push(stage("rest of a frame".into(), Reads::Own(Arc::new(Rest))));
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_found_by_its_number() {
        let stages = stages();
        assert_eq!(stages.len(), usize::from(REST) + 1);
        for (number, (stage, name)) in (0..).zip(all()) {
            assert_eq!((stage.number(), FrameStage::numbered(number)), (number, Some(stage)));
            assert_eq!(stages[usize::from(number)].name, name);
        }
        assert_eq!(FrameStage::numbered(REST), None);
    }
}
