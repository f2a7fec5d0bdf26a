//! The loop: generates a conversation, plays it, looks at the peer, and follows up what it finds.

use std::collections::{HashMap, VecDeque};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_checking::{Random, Transcript};
use framescope_parser::Protocol;

use super::corpus::Corpus;
use super::oracles::Judge;
use super::peer::{Peer, PeerError, Target};
use super::playing::{End, Ending, Manners, NoConnection, Patience, Played, Player, Script};
use super::probe::{Probe, last_words, probe};
use super::speech::Speech;
use super::symptom::{Sign, Symptom};
use super::vitals;
use crate::{Limits, Pacer};

/// How many conversations are remembered since the program was started.
const HISTORY: usize = 2000;
/// How many connections stay open at a time.
const STAYING: usize = 8;
/// Conversations between two looks at whether the peer still works, where nothing is suspicious.
const BETWEEN_PROBES: u64 = 64;
/// How many conversations after which memory had grown are looked at.
const SUSPECTS: usize = 12;
/// Less growth than this is not looked into.
const GROWTH: u64 = 4 << 20;
/// How long the peer is watched to see whether it rests.
const REST: Duration = Duration::from_millis(30);

/// How a peer is fuzzed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Another seed generates other conversations.
    pub seed: u32,
    /// How many conversations to play; None for any number.
    pub runs: Option<u64>,
    /// How long to play; None for ever.
    pub time: Option<Duration>,
    /// A peer that does not answer for so long hangs.
    pub hang: Duration,
    /// How many bytes of memory a program may take more than after its start.
    pub memory: u64,
    /// What may be sent, and how fast.
    pub limits: Limits,
    /// Start the program again after so many conversations.
    pub restart_every: Option<u64>,
    /// Whether the peer serves one connection after another on purpose: then one that stays open may block it.
    pub one_at_a_time: bool,
    /// Whether to stop at the first finding.
    pub stop_at_first: bool,
    /// How long to make the conversations of one finding smaller.
    pub minimising: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: 1,
            runs: None,
            time: Some(Duration::from_secs(60)),
            hang: Duration::from_secs(2),
            memory: 256 << 20,
            limits: Limits { allow_remote: false, rate: None },
            restart_every: None,
            one_at_a_time: false,
            stop_at_first: false,
            minimising: Duration::from_secs(20),
        }
    }
}

/// A fault that was found, and what leads to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it showed.
    pub symptom: Symptom,
    /// The connections that lead to it, one after another, from a fresh start of the peer.
    pub scripts: Vec<Script>,
    /// What both sides said in them.
    pub said: Vec<Transcript>,
    /// How often the whole is repeated, where once does not show it.
    pub repeats: u32,
    /// What has to be answered afterwards.
    pub probe: Probe,
    /// How many conversations had been played.
    pub after: u64,
    /// And for how long.
    pub time: Duration,
    /// How many messages and bytes it had before it was made smaller.
    pub from: (usize, usize),
    /// How often it showed again, of so many tries from a fresh start.
    pub reproduced: (u32, u32),
}

/// What happens.
#[derive(Debug)]
pub enum Event<'e> {
    /// The peer answers: so many of so many valid conversations got an answer.
    Ready {
        /// Those that were answered.
        answered: usize,
        /// All that were tried.
        tried: usize,
    },
    /// So many conversations were played, of which so many are kept to be changed further.
    Played {
        /// All of them.
        conversations: u64,
        /// Those that are kept.
        kept: usize,
    },
    /// A finding is being looked into.
    Waiting,
    /// Something showed that a fault may be behind; it is being made smaller.
    Suspected(&'e Symptom),
    /// A fault was found.
    Found(&'e Finding),
}

/// The result.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many conversations were played, those for making others smaller left aside.
    pub conversations: u64,
    /// For how long.
    pub time: Duration,
    /// How many faults were found.
    pub findings: usize,
    /// How often the program was started.
    pub starts: u64,
    /// How many times a fault showed that was known already.
    pub again: u64,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

/// Fuzzes one peer.
pub struct Fuzzer<'p> {
    pub(super) speech: &'p Speech,
    pub(super) settings: Settings,
    pub(super) peer: Peer,
    pub(super) player: Player<'p>,
    pub(super) patience: Patience,
    /// How long an answer usually takes at most.
    pub(super) usual: Duration,
    pub(super) judge: Judge,
    pub(super) corpus: Corpus,
    pub(super) probe: Probe,
    pub(super) random: Random,
    pub(super) history: VecDeque<Script>,
    pub(super) staying: VecDeque<TcpStream>,
    /// How the memory was after the start, and the scripts after which it had grown most.
    pub(super) memory: Memory,
    /// A fault that showed while it was found out how the peer answers.
    pub(super) early: Option<(Symptom, VecDeque<Script>)>,
    pacer: Pacer,
    begun: Instant,
    conversations: u64,
    known: HashMap<String, u64>,
    rested: Instant,
    is_over: bool,
}

/// What is known of a program's memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How much it was when it had become steady, and how many conversations had been played then.
    pub(super) base: Option<u64>,
    last: u64,
    looked: u64,
    /// How much is reached before it is looked into.
    threshold: u64,
    /// The scripts with the greatest growth.
    pub(super) suspects: Vec<(u64, Script)>,
}

impl<'p> Fuzzer<'p> {
    /// A peer that runs and accepts connections. Protocols that its own hands over to are among `others`; a program has
    /// `variables` in its environment.
    ///
    /// # Errors
    /// It can't be started, or does not accept connections.
    pub fn new(
        speech: &'p Speech,
        others: &'p [Arc<dyn Protocol>],
        target: Target,
        settings: Settings,
    ) -> Result<Fuzzer<'p>, PeerError> {
        let peer = Peer::start(target, Vec::new())?;
        let player = Player { protocol: speech.protocol(), others, manners: Manners::default() };
        let first = Duration::from_millis(500).min(settings.hang);
        Ok(Fuzzer {
            speech,
            peer,
            player,
            patience: Patience { connect: settings.hang, answer: first },
            usual: Duration::ZERO,
            judge: Judge::default(),
            corpus: Corpus::default(),
            probe: Probe::default(),
            random: Random::new(settings.seed),
            history: VecDeque::new(),
            staying: VecDeque::new(),
            memory: Memory::default(),
            early: None,
            pacer: settings.limits.pacer(),
            begun: Instant::now(),
            conversations: 0,
            known: HashMap::new(),
            rested: Instant::now(),
            is_over: false,
            settings,
        })
    }

    /// Plays until the time is over, or `watch` returns false. `seeds` are conversations to begin with.
    ///
    /// # Errors
    /// The peer can't be started again, or does not accept connections any more.
    pub fn run(
        &mut self,
        seeds: Vec<Transcript>,
        watch: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<Outcome, PeerError> {
        self.begun = Instant::now();
        let (answered, tried) = self.calibrate(seeds)?;
        let mut goes_on = watch(Event::Ready { answered, tried });
        let mut findings = 0;
        while goes_on && !self.is_over() {
            let symptom = match self.early.take() {
                Some((symptom, history)) => {
                    self.history = history;
                    Some(symptom)
                }
                None => {
                    let said = self.corpus.next(self.speech, &mut self.random);
                    let script = self.speech.script(&said, &mut self.random);
                    self.turn(self.allowed(script))?
                }
            };
            if let Some(symptom) = symptom {
                let key = symptom.key();
                let times = self.known.entry(key.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    goes_on &= watch(Event::Suspected(&symptom));
                    match self.follow_up(symptom, &mut || watch(Event::Waiting))? {
                        Some(finding) => {
                            findings += 1;
                            goes_on &= watch(Event::Found(&finding));
                            self.is_over |= self.settings.stop_at_first;
                        }
                        None => drop(self.known.remove(&key)),
                    }
                }
                self.start_again()?;
            }
            goes_on &= watch(Event::Played { conversations: self.conversations, kept: self.corpus.len() });
        }
        let again = self.known.values().map(|times| times - 1).sum();
        Ok(Outcome {
            conversations: self.conversations,
            time: self.begun.elapsed(),
            findings,
            starts: self.peer.starts,
            again,
            stopped: !goes_on,
        })
    }

    /// How many conversations were played, and for how long.
    pub(super) fn so_far(&self) -> (u64, Duration) {
        (self.conversations, self.begun.elapsed())
    }

    /// Whether the program takes more memory than it may.
    pub(super) fn is_beyond_memory(&self) -> bool {
        let now = self.peer.memory().unwrap_or(0);
        self.memory.base.is_some_and(|base| now.saturating_sub(base) > self.settings.memory)
    }

    fn is_over(&self) -> bool {
        self.is_over
            || self.settings.runs.is_some_and(|runs| self.conversations >= runs)
            || self.settings.time.is_some_and(|time| self.begun.elapsed() >= time)
    }

    /// Nobody stays where it is known that this blocks the peer.
    fn allowed(&self, mut script: Script) -> Script {
        let is_blocked = self.known.keys().any(|key| key.starts_with(Sign::Blocked.as_str()));
        if script.ending == Ending::Stay && (self.settings.one_at_a_time || is_blocked) {
            script.ending = Ending::Finish;
        }
        script
    }

    /// How long a peer is waited for that may hang: not so long any more when it is known to.
    fn hang(&self) -> Duration {
        let is_known = self.known.keys().any(|key| key.starts_with(Sign::Hang.as_str()));
        if is_known { self.short() } else { self.settings.hang }
    }

    /// Much longer than any answer has taken.
    pub(super) fn short(&self) -> Duration {
        (self.usual * 20).max(Duration::from_millis(250)).min(self.settings.hang)
    }

    /// A fresh program. Returns what was said to the last one.
    pub(super) fn start_again(&mut self) -> Result<VecDeque<Script>, PeerError> {
        self.staying.clear();
        self.memory = Memory { threshold: self.memory.threshold, ..Memory::default() };
        self.peer.restart()?;
        Ok(std::mem::take(&mut self.history))
    }

    /// Plays a script and looks at the peer.
    fn turn(&mut self, script: Script) -> Result<Option<Symptom>, PeerError> {
        let is_due = |every: u64| self.conversations > 0 && self.conversations.is_multiple_of(every);
        if self.peer.is_program() && self.settings.restart_every.is_some_and(is_due) {
            self.start_again()?;
        }
        self.pacer.wait();
        self.conversations += 1;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(script.clone());
        match self.player.play(self.peer.address(), &script, self.patience) {
            Ok(played) => Ok(self.look(&script, played)),
            Err(NoConnection::Exhausted) => Ok(None),
            Err(NoConnection::Refused(_)) => {
                let died = last_words(&mut self.peer);
                Ok(died.or_else(|| self.ask(self.hang())))
            }
        }
    }

    fn look(&mut self, script: &Script, played: Played) -> Option<Symptom> {
        if let Some(symptom) = self.peer.symptom() {
            return Some(symptom);
        }
        self.learn_pace(played.slowest);
        if let Some(symptom) = self.judge.judge(&played.rows, script, played.end) {
            return Some(symptom);
        }
        self.judge.learn(&played.rows, script);
        self.corpus.offer(&played.said, &played.rows, played.end, false);
        if let Some(stays) = played.stays {
            if self.staying.len() == STAYING {
                self.staying.pop_front();
            }
            self.staying.push_back(stays);
        }
        if let Some(symptom) = self.look_at_memory(script) {
            return Some(symptom);
        }
        let is_quiet = played.end == End::Silent && self.player.manners.closes;
        let is_suspicious = is_quiet || played.end == End::Reset || script.ending == Ending::Stay;
        if (is_suspicious || self.conversations.is_multiple_of(BETWEEN_PROBES))
            && let Some(symptom) = self.is_well()
        {
            return Some(symptom);
        }
        (is_quiet || self.rested.elapsed() > Duration::from_secs(1)).then(|| self.look_at_rest()).flatten()
    }

    /// How long answers take: one in twenty takes longer than what is usual.
    fn learn_pace(&mut self, slowest: Duration) {
        if slowest.is_zero() {
            return;
        }
        self.usual = match slowest > self.usual {
            true => self.usual.mul_f64(1.2).min(slowest),
            false => self.usual.mul_f64(0.99).max(slowest),
        };
        let answer = self.usual * 4 + Duration::from_millis(3);
        self.patience.answer = answer.min(Duration::from_millis(200)).min(self.settings.hang / 2);
    }

    /// What is wrong with the peer, if it does not answer as it did within a time.
    pub(super) fn ask(&mut self, limit: Duration) -> Option<Symptom> {
        probe(&mut self.peer, &self.player, &self.probe, limit)
    }

    /// Whether the peer answers; and if it does not, whether it does when no connection stays.
    fn is_well(&mut self) -> Option<Symptom> {
        let symptom = self.ask(self.hang())?;
        if self.staying.is_empty() || symptom.sign == Sign::Crash {
            return Some(symptom);
        }
        self.staying.clear();
        match self.ask(self.hang()) {
            Some(still) => Some(still),
            None => Some(blocked()),
        }
    }

    /// Whether the program computes although nothing is asked of it.
    fn look_at_rest(&mut self) -> Option<Symptom> {
        self.rested = Instant::now();
        if !self.computes(REST) || !self.computes(REST * 5) {
            return None;
        }
        self.staying.clear();
        let is_known = self.known.keys().any(|key| key.starts_with(Sign::Busy.as_str()));
        let patience = if is_known { self.short() } else { self.settings.hang };
        self.computes(patience).then(busy)
    }

    /// Whether it computes for much of that time.
    pub(super) fn computes(&self, time: Duration) -> bool {
        let Some(before) = self.peer.processor_time() else { return false };
        let begun = Instant::now();
        std::thread::sleep(time);
        let after = self.peer.processor_time().unwrap_or(before);
        // Other programs may take most of the processors.
        after.saturating_sub(before) > begun.elapsed() / 5
    }

    /// Whether memory grows and does not come back.
    fn look_at_memory(&mut self, script: &Script) -> Option<Symptom> {
        let every = if vitals::are_cheap() { 1 } else { 200 };
        self.memory.looked += 1;
        if !self.memory.looked.is_multiple_of(every) {
            return None;
        }
        let now = self.peer.memory()?;
        let memory = &mut self.memory;
        let grown = now.saturating_sub(memory.last);
        if memory.looked > 100 && grown > 0 {
            memory.suspects.push((grown, script.clone()));
            memory.suspects.sort_by_key(|(grown, _)| std::cmp::Reverse(*grown));
            memory.suspects.truncate(SUSPECTS);
        }
        memory.last = now;
        if memory.looked <= 100 {
            memory.base = Some(now);
            return None;
        }
        let all = now.saturating_sub(memory.base?);
        if all > self.settings.memory {
            return Some(grows());
        }
        memory.threshold = memory.threshold.max(GROWTH);
        if all < memory.threshold {
            return None;
        }
        // It may be a buffer that is as long as the longest message: only what grows on and on is a fault.
        memory.threshold = all.saturating_mul(2);
        Some(grows())
    }
}

pub(super) fn blocked() -> Symptom {
    Symptom::new(Sign::Blocked, "it answers nobody else while one connection stays open")
}

pub(super) fn busy() -> Symptom {
    Symptom::new(Sign::Busy, "it computes although no connection is open")
}

pub(super) fn grows() -> Symptom {
    Symptom::new(Sign::Memory, "its memory grows and does not come back")
}
