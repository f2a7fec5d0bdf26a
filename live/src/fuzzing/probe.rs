//! Whether the peer still works: a conversation that worked at the beginning has to work again.

use std::time::Duration;

use framescope_parser::Role;

use super::peer::Peer;
use super::playing::{End, Ending, NoConnection, Patience, Played, Player, Script};
use super::symptom::{Sign, Symptom};

/// A conversation that is given, and the kinds of its answers.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What this side says, message by message.
    pub says: Vec<Vec<u8>>,
    /// The kind of each answer; none if any will do.
    pub kinds: Vec<String>,
}

/// A conversation and how the peer answers it.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// What this side says.
    pub(super) script: Script,
    /// What the answers say; none if the peer answers nothing, and only has to accept a connection.
    pub(super) answers: Vec<String>,
}

impl Asked {
    /// How it is played.
    pub(super) fn script(&self) -> Script {
        Script { says: self.says.clone(), in_turn: true, ending: Ending::Finish }
    }

    /// Whether these answers are those that it wants.
    pub(super) fn is_answered(&self, played: &Played) -> bool {
        let answers = played.rows.iter().filter(|row| row.role == Role::Server);
        let kinds: Vec<&str> = answers.map(|row| &row.kind[..]).collect();
        !kinds.is_empty() && (self.kinds.is_empty() || kinds == self.kinds)
    }
}

impl Probe {
    /// Whether anything is asked.
    pub(super) fn asks(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// What the peer's answers in a conversation say.
pub(super) fn answers(played: &Played) -> Vec<String> {
    played.rows.iter().filter(|row| row.role == Role::Server).map(|row| row.says.clone()).collect()
}

/// How long the program may take to end after its connections broke.
const LAST_BREATH: Duration = Duration::from_millis(300);

/// What is wrong with the peer, if it does not answer as it did within a time.
pub(super) fn probe(peer: &mut Peer, player: &Player<'_>, probe: &Probe, limit: Duration) -> Option<Symptom> {
    let before = peer.processor_time();
    let patience = Patience { connect: limit, answer: limit };
    let played = match player.play(peer.address(), &probe.script, patience) {
        Ok(played) => played,
        Err(NoConnection::Exhausted) => return None,
        Err(NoConnection::Refused(error)) => {
            let is_silence =
                matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock);
            return Some(last_words(peer).unwrap_or_else(|| match is_silence {
                true => hang(peer, before, limit),
                false => Symptom::new(Sign::Refuses, "it takes no connections any more"),
            }));
        }
    };
    if let Some(symptom) = peer.symptom() {
        return Some(symptom);
    }
    if !probe.asks() {
        return None;
    }
    let said = answers(&played);
    if said == probe.answers {
        return None;
    }
    if matches!(played.end, End::Reset | End::Closed)
        && let Some(symptom) = last_words(peer)
    {
        return Some(symptom);
    }
    if played.end == End::Silent && said.len() < probe.answers.len() {
        return Some(hang(peer, before, limit));
    }
    let shown =
        |answers: &[String]| if answers.is_empty() { "nothing".to_owned() } else { answers.join(", ") };
    let title =
        format!("what it answered with {} it now answers with {}", shown(&probe.answers), shown(&said));
    Some(Symptom::new(Sign::Otherwise, title))
}

/// Why its connections broke, if it has ended or ends in a moment.
pub(super) fn last_words(peer: &mut Peer) -> Option<Symptom> {
    if !peer.is_program() {
        return None;
    }
    let begun = std::time::Instant::now();
    loop {
        if let Some(symptom) = peer.symptom() {
            return Some(symptom);
        }
        if begun.elapsed() > LAST_BREATH {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn hang(peer: &Peer, before: Option<Duration>, limit: Duration) -> Symptom {
    let used = peer.processor_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    let computes = used.is_some_and(|used| used > limit / 4);
    let title = match computes {
        true => "it does not answer any more, and computes all the time",
        false => "it does not answer any more",
    };
    Symptom::new(Sign::Hang, title)
}
