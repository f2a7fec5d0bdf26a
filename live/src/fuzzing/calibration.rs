//! How the peer answers what is valid: found out at the beginning, to know later whether it still does.

use std::time::{Duration, Instant};

use framescope_checking::{Piece, Transcript};
use framescope_parser::Role;

use super::engine::Fuzzer;
use super::peer::PeerError;
use super::playing::{End, Ending, Manners, Patience, Played, Script};
use super::probe::{Asked, Probe, answers, last_words};
use super::reading::{Reader, Row};

/// How many conversations are tried.
const TRIES: usize = 400;
/// How long.
const TIME: Duration = Duration::from_secs(6);
/// So many messages without an answer make a peer one that does not answer soon.
const UNANSWERED: usize = 5;
/// When so many were answered, the peer is known well enough.
const ENOUGH: usize = 25;

impl Fuzzer<'_> {
    /// Plays valid conversations. Returns how many of them were answered, and how many were tried.
    pub(super) fn calibrate(&mut self, seeds: Vec<Transcript>) -> Result<(usize, usize), PeerError> {
        let begun = Instant::now();
        self.judge.has_states = !self.speech.protocol().stages().is_empty();
        self.judge.reads_replies = true;
        self.find_greeting()?;
        for seed in &seeds {
            self.corpus.keep(seed.clone());
        }
        let (mut answered, mut tried, mut looked_at, mut seeds) = (0, 0, 0, seeds.into_iter());
        while tried < TRIES && looked_at < 10 * TRIES && answered < ENOUGH && begun.elapsed() < TIME {
            looked_at += 1;
            if self.early.is_some() && (answered > 0 || tried > UNANSWERED) {
                break;
            }
            let known = seeds.next();
            let is_known = known.is_some();
            let said = known.unwrap_or_else(|| self.speech.fresh(&mut self.random));
            let script = self.in_turn(&said);
            if script.says.is_empty() || !is_known && !self.is_valid(&said) {
                continue;
            }
            tried += 1;
            if answered == 0 && tried == UNANSWERED {
                self.patience.answer = self.patience.answer.min(Duration::from_millis(100));
            }
            let Some(played) = self.try_out(&script)? else { continue };
            if answers(&played).is_empty() {
                continue;
            }
            answered += 1;
            self.take(&script, &played)?;
        }
        if let Some(asked) = self.settings.probe.clone() {
            self.try_probe(&asked)?;
        }
        Ok((answered, tried))
    }

    /// The probe that was given, which has to work now.
    fn try_probe(&mut self, asked: &Asked) -> Result<(), PeerError> {
        let (script, usual) = (asked.script(), self.patience.answer);
        self.patience.answer = self.settings.hang;
        let played = self.try_out(&script)?;
        self.patience.answer = usual;
        let answered = played.as_ref().map(answers).unwrap_or_default();
        match played.filter(|played| asked.is_answered(played)) {
            Some(_) => {
                self.probe = Probe { script, answers: answered };
                Ok(())
            }
            None => {
                let shown =
                    |kinds: &[String]| if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
                let wanted = if asked.kinds.is_empty() { "anything".to_owned() } else { shown(&asked.kinds) };
                Err(PeerError::Probe { found: shown(&answered), wanted })
            }
        }
    }

    /// What was answered: how it is answered becomes what is usual, and the probe if it is simpler than the one so far.
    fn take(&mut self, script: &Script, played: &Played) -> Result<(), PeerError> {
        if self.usual.is_zero() && played.end == End::Silent {
            // Does it answer, and close, when it is said that nothing follows?
            self.player.manners.closes = true;
            let again = self.try_out(script)?;
            let is_same = |again: &Played| answers(again) == answers(played) && again.end == End::Closed;
            self.player.manners.closes = again.as_ref().is_some_and(is_same);
        } else if self.usual.is_zero() {
            self.player.manners.closes = true;
        }
        self.usual = self.usual.max(played.slowest).max(Duration::from_micros(200));
        self.patience.answer = (self.usual * 20).max(Duration::from_millis(50)).min(self.settings.hang);
        let is_read = |row: &Row| row.role == Role::Client || row.refused.is_none() && !row.is_cut;
        self.judge.reads_replies &= played.rows.iter().all(is_read);
        self.judge.learn(&played.rows, script);
        self.offer(played);
        self.corpus.take_messages(self.speech, &played.said, &played.rows);
        let said = answers(played);
        let weight = |script: &Script| (script.says.len().max(2), script.length());
        let is_better = !self.probe.asks() || weight(script) < weight(&self.probe.script);
        if !is_better || said.len() != script.says.len() + usize::from(self.player.manners.greets) {
            return Ok(());
        }
        for _ in 0..2 {
            let again = self.try_out(script)?;
            if again.is_none_or(|again| answers(&again) != said) {
                return Ok(());
            }
        }
        self.probe = Probe { script: script.clone(), answers: said };
        Ok(())
    }

    /// Whether it speaks first.
    fn find_greeting(&mut self) -> Result<(), PeerError> {
        self.player.manners = Manners { greets: true, closes: false };
        let played = self.try_out(&Script { in_turn: true, ending: Ending::Leave, ..Script::default() })?;
        self.player.manners.greets = played.is_some_and(|played| played.said.length() > 0);
        Ok(())
    }

    fn in_turn(&self, said: &Transcript) -> Script {
        let says =
            self.speech.messages(said).into_iter().map(|said| said.bytes).filter(|says| !says.is_empty());
        Script { says: says.collect(), in_turn: true, ending: Ending::Finish }
    }

    /// Whether all that the client says is valid as far as this side can know.
    fn is_valid(&self, said: &Transcript) -> bool {
        let mut reader = Reader::new(self.speech.protocol(), self.player.others);
        for piece in said.pieces() {
            if let Piece::Segment(role, bytes) = piece {
                reader.said(*role, bytes);
            }
        }
        let rows = reader.finish();
        let mut own = rows.iter().filter(|row| row.role == Role::Client);
        own.all(|row| row.refused.is_none() && row.misplaced.is_none() && !row.is_cut)
    }

    /// Plays a script; None where the peer did not survive it, and was started again.
    fn try_out(&mut self, script: &Script) -> Result<Option<Played>, PeerError> {
        let patience = Patience { connect: self.settings.hang, answer: self.patience.answer };
        self.history.push_back(script.clone());
        let played = self.player.play(self.peer.address(), script, patience);
        let broke = played.as_ref().map_or(true, |played| played.end == End::Reset);
        let symptom = if broke { last_words(&mut self.peer) } else { self.peer.symptom() };
        if let Some(symptom) = symptom {
            // It did not survive what is valid.
            let history = self.start_again()?;
            if self.early.is_none() {
                self.early = Some((symptom, history));
            }
            return Ok(None);
        }
        Ok(played.ok())
    }
}
