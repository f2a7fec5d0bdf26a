//! The loop: generates a conversation, plays it, looks at the peer, and follows up what it finds.

use std::collections::{HashMap, VecDeque};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_checking::{Random, Transcript};
use framescope_parser::Protocol;

use super::corpus::Corpus;
use super::coverage::Coverage;
use super::never::Never;
use super::oracles::Judge;
use super::peer::{Peer, PeerError, Target};
use super::playing::{End, Ending, Manners, NoConnection, Patience, Played, Player, Script};
use super::probe::{Asked, Probe, last_words};
use super::speech::Speech;
use super::symptom::{Sign, Symptom};
use super::watching::Memory;
use crate::{Limits, Pacer};

/// How many conversations are remembered since the program was started.
const HISTORY: usize = 2000;
/// How many conversations are looked at together for messages that must never occur.
const READ_TOGETHER: usize = 50;
/// How many connections stay open at a time.
const STAYING: usize = 8;
/// Conversations between two looks at whether the peer still works, where nothing is suspicious.
const BETWEEN_PROBES: u64 = 64;

/// How a peer is fuzzed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Another seed generates other conversations.
    pub seed: u32,
    /// How many conversations to play; None for any number.
    pub runs: Option<u64>,
    /// How long to play, the time for making findings smaller left aside; None for ever.
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
    /// Messages that must never occur.
    pub never: Vec<Never>,
    /// A conversation that must get its answers after whatever else was said; without it, one that is found at the beginning.
    pub probe: Option<Asked>,
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
            never: Vec::new(),
            probe: None,
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
        /// How many branches of the program were reached; None if it does not say.
        branches: Option<usize>,
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
    /// How many branches of the program were reached; None if it does not say.
    pub branches: Option<usize>,
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
    /// What was said and has not been looked at for messages that must never occur.
    unread: Vec<Transcript>,
    /// How long findings were looked into: that counts for nothing.
    spent: Duration,
    coverage: Option<Coverage>,
    pacer: Pacer,
    begun: Instant,
    conversations: u64,
    pub(super) known: HashMap<String, u64>,
    pub(super) rested: Instant,
    is_over: bool,
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
        // Without a place for the file nothing is seen of the program's code.
        let coverage = matches!(target, Target::Program { .. }).then(Coverage::new).and_then(Result::ok);
        let peer = Peer::start(target, coverage.iter().map(Coverage::variable).collect())?;
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
            unread: Vec::new(),
            spent: Duration::ZERO,
            coverage,
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
        let mut goes_on = watch(Event::Ready { answered, tried, branches: self.branches() });
        let mut findings = 0;
        while goes_on && !self.is_over() {
            let symptom = match self.early.take() {
                Some((symptom, history)) => {
                    self.history = history;
                    Some(symptom)
                }
                None => {
                    let script = self.corpus.next(self.speech, &mut self.random);
                    self.turn(self.allowed(script))?
                }
            };
            if let Some(symptom) = symptom {
                let key = symptom.key();
                let times = self.known.entry(key.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    goes_on &= watch(Event::Suspected(&symptom));
                    let begun = Instant::now();
                    let followed = self.follow_up(symptom, &mut || watch(Event::Waiting))?;
                    self.spent += begun.elapsed();
                    match followed {
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
            branches: self.branches(),
            stopped: !goes_on,
        })
    }

    /// How many branches of the program were reached; None if it does not say.
    fn branches(&self) -> Option<usize> {
        self.coverage.as_ref().map(Coverage::count).filter(|count| *count > 0)
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
            || self.settings.time.is_some_and(|time| self.begun.elapsed() >= time + self.spent)
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
    pub(super) fn hang(&self) -> Duration {
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
        self.unread.clear();
        self.memory = self.memory.again();
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
        self.offer(&played);
        if !self.settings.never.is_empty() {
            self.unread.push(played.said);
            if self.unread.len() == READ_TOGETHER {
                let unread = std::mem::take(&mut self.unread);
                if let Some(symptom) = self.must_not(&unread) {
                    return Some(symptom);
                }
            }
        }
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

    /// Keeps a conversation in which the program did something new.
    pub(super) fn offer(&mut self, played: &Played) {
        let is_new = self.coverage.as_mut().is_some_and(Coverage::is_new);
        if self.corpus.offer(&played.said, &played.rows, played.end, is_new) {
            self.corpus.take_messages(self.speech, &played.said, &played.rows);
        }
    }

    /// Whether a message occurs that must not.
    pub(super) fn must_not(&self, said: &[Transcript]) -> Option<Symptom> {
        self.settings.never.iter().find_map(|never| never.occurs(said))
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
}
