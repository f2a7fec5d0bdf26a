//! The conversations of the messages that are encoded: in a protocol with stages, what a message is written as depends on
//! those before it.

use std::collections::HashMap;

use framescope_parser::{Captured, Conversation, Protocol, Role};
use serde_json::Value as Json;

/// The most conversations that are kept; a message of another is encoded without those before it.
const MOST: usize = 10_000;

/// The conversations so far, by flow and protocol.
#[derive(Default)]
pub struct Talks(HashMap<(Option<u64>, String), Talk>);

/// A conversation, and which direction is the client's.
struct Talk {
    conversation: Box<dyn Conversation>,
    client_is_forward: bool,
}

/// A message's place in its conversation.
pub struct Turn<'t> {
    /// The conversation, as it is before the message.
    pub conversation: &'t mut dyn Conversation,
    /// Its sender.
    pub role: Role,
    /// The stage that it is in.
    pub stage: u16,
}

impl Talks {
    /// Where a row belongs; None in a protocol without stages, and for a row without one of them.
    pub fn turn(&mut self, row: &Json, protocol: &dyn Protocol) -> Option<Turn<'_>> {
        let name = row.get("stage")?.as_str()?;
        let stage = protocol.stages().iter().position(|stage| stage.name == name)?;
        let stage = u16::try_from(stage).ok()?;
        let key = (row.get("flow").and_then(Json::as_u64), protocol.name().to_owned());
        let is_forward = row.get("direction").and_then(Json::as_str) != Some("backward");
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.clear();
        }
        let talk = match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let conversation = protocol.conversation()?;
                // The first message is of the side that begins in its stage; usually the client speaks first.
                let is_client =
                    conversation.stage(Role::Client) == stage || conversation.stage(Role::Server) != stage;
                new.insert(Talk { conversation, client_is_forward: is_client == is_forward })
            }
        };
        let role = if talk.client_is_forward == is_forward { Role::Client } else { Role::Server };
        // Stages may share a name, one for each side.
        let present = talk.conversation.stage(role);
        let is_of_that_name =
            protocol.stages().get(usize::from(present)).is_some_and(|stage| stage.name == name);
        let stage = if is_of_that_name { present } else { stage };
        Some(Turn { conversation: &mut *talk.conversation, role, stage })
    }
}

impl std::fmt::Debug for Talks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talks").field("conversations", &self.0.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("role", &self.role).field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Turn<'_> {
    /// The message was written: what it sets is known to those after it.
    pub fn said(&mut self, bytes: &[u8]) {
        self.conversation.continue_in(self.role, self.stage);
        self.conversation.message(self.role, Captured::whole(bytes));
    }
}
