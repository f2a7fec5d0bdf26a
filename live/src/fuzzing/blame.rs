//! Which conversations lead to a fault, and how little of them is needed.

use std::time::{Duration, Instant};

use framescope_checking::Transcript;

use super::engine::{Finding, Fuzzer};
use super::peer::PeerError;
use super::playing::Script;
use super::smaller::smaller;
use super::symptom::{Sign, Symptom};
use super::watching::{blocked, busy};

/// How many conversations are given where nothing shows which of them matter.
const LAST: usize = 32;
/// How often a conversation is repeated to see whether memory grows.
const REPEATS: u32 = 40;
/// Memory grows if so much is added by that.
const GROWTH: u64 = 128 << 10;
/// How long is spent on finding out which conversations matter.
const BLAME: Duration = Duration::from_secs(30);

/// Tries whether conversations lead to a fault.
pub(super) struct Trial<'f, 'p> {
    pub(super) fuzzer: &'f mut Fuzzer<'p>,
    wanted: Symptom,
    until: Instant,
    goes_on: &'f mut dyn FnMut() -> bool,
    /// What was said when the fault showed last.
    pub(super) said: Vec<Transcript>,
    error: Option<PeerError>,
    is_spoilt: bool,
}

impl Trial<'_, '_> {
    /// Whether the conversations lead to the fault; false when the time is over.
    pub(super) fn shows(&mut self, scripts: &[Script]) -> bool {
        Instant::now() < self.until && (self.goes_on)() && self.shows_from(scripts, false)
    }

    fn shows_from(&mut self, scripts: &[Script], is_fresh: bool) -> bool {
        if self.error.is_some() {
            return false;
        }
        match self.try_to_show(scripts, is_fresh) {
            Ok(shows) => shows,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    fn try_to_show(&mut self, scripts: &[Script], is_fresh: bool) -> Result<bool, PeerError> {
        let fuzzer = &mut *self.fuzzer;
        if is_fresh || self.is_spoilt || self.wanted.sign == Sign::Memory {
            fuzzer.start_again()?;
        }
        self.is_spoilt = false;
        if self.wanted.sign == Sign::Memory {
            let (shows, said) = grows_with(fuzzer, scripts);
            if shows {
                self.said = said;
            }
            return Ok(shows);
        }
        let (symptom, said) = fuzzer.replay(scripts, self.wanted.sign);
        let Some(symptom) = symptom else { return Ok(false) };
        self.is_spoilt = !matches!(symptom.sign, Sign::Reply | Sign::Accepts | Sign::Never);
        let shows = symptom.key() == self.wanted.key();
        if shows {
            self.said = said;
        }
        Ok(shows)
    }

    /// How often the conversations show the fault, each time from a fresh start.
    fn count(&mut self, scripts: &[Script], tries: u32) -> u32 {
        (0..tries).map(|_| u32::from((self.goes_on)() && self.shows_from(scripts, true))).sum()
    }
}

impl<'p> Fuzzer<'p> {
    /// Plays conversations again and looks at the peer.
    fn replay(&mut self, scripts: &[Script], wanted: Sign) -> (Option<Symptom>, Vec<Transcript>) {
        let (mut said, mut staying) = (Vec::new(), Vec::new());
        for script in scripts {
            let Ok(played) = self.player.play(self.peer.address(), script, self.patience) else { break };
            said.push(played.said);
            let symptom = self.peer.symptom().or_else(|| {
                let is_about_answers = matches!(wanted, Sign::Reply | Sign::Accepts);
                is_about_answers.then(|| self.judge.judge(&played.rows, script, played.end)).flatten()
            });
            if symptom.is_some() {
                return (symptom, said);
            }
            staying.extend(played.stays);
        }
        if matches!(wanted, Sign::Reply | Sign::Accepts) {
            return (None, said);
        }
        if wanted == Sign::Never {
            return (self.must_not(&said), said);
        }
        let limit = self.short();
        if wanted == Sign::Busy {
            drop(staying);
            return (self.computes(limit).then(busy), said);
        }
        let mut symptom = self.ask(limit);
        if !staying.is_empty() && symptom.as_ref().is_some_and(|symptom| symptom.sign != Sign::Crash) {
            drop(staying);
            symptom = self.ask(limit).or_else(|| Some(blocked()));
        }
        (symptom.or_else(|| self.peer.symptom()), said)
    }

    /// Finds out which conversations lead to a fault, and makes them smaller. None if it was none.
    pub(super) fn follow_up(
        &mut self,
        symptom: Symptom,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Finding>, PeerError> {
        let history: Vec<Script> = self.history.iter().cloned().collect();
        let (after, time) = self.so_far();
        let suspects: Vec<Script> =
            std::mem::take(&mut self.memory.suspects).into_iter().map(|(_, script)| script).collect();
        let is_memory = symptom.sign == Sign::Memory;
        let is_beyond = is_memory && self.is_beyond_memory();
        let mut finding = Finding {
            symptom: symptom.clone(),
            scripts: history.iter().skip(history.len().saturating_sub(LAST)).cloned().collect(),
            said: Vec::new(),
            repeats: if is_memory { 2 * REPEATS } else { 1 },
            probe: self.probe.clone(),
            after,
            time,
            from: (0, 0),
            reproduced: (0, 1),
        };
        finding.from = size(&finding.scripts);
        if !self.peer.is_program() && matches!(symptom.sign, Sign::Refuses | Sign::Hang) {
            // It can't be started again, so nothing can be tried.
            return Ok(Some(finding));
        }
        let (until, minimising) = (Instant::now() + BLAME, self.settings.minimising);
        let speech = self.speech;
        let mut trial = Trial {
            fuzzer: self,
            wanted: symptom,
            until,
            goes_on,
            said: Vec::new(),
            error: None,
            is_spoilt: true,
        };
        let blamed = match is_memory {
            true => suspects.into_iter().map(|script| vec![script]).find(|scripts| trial.shows(scripts)),
            false => {
                let mut counts: Vec<usize> =
                    (0..).map(|power| 1 << power).take_while(|count| *count < history.len()).collect();
                counts.push(history.len());
                let last = |count: usize| history.get(history.len() - count..).unwrap_or_default().to_vec();
                counts.into_iter().map(last).find(|scripts| trial.shows_from(scripts, true))
            }
        };
        if let Some(blamed) = blamed {
            finding.from = size(&blamed);
            finding.scripts.clone_from(&blamed);
            trial.until = Instant::now() + minimising;
            let small = smaller(speech, blamed, &mut trial);
            let tries =
                if matches!(finding.symptom.sign, Sign::Memory | Sign::Hang | Sign::Blocked) { 3 } else { 5 };
            let shown = trial.count(&small, tries);
            if shown > 0 {
                (finding.scripts, finding.reproduced) = (small, (shown, tries));
            } else {
                finding.reproduced = (trial.count(&finding.scripts, tries), tries);
            }
            finding.said = std::mem::take(&mut trial.said);
        } else if is_memory && !is_beyond {
            return Ok(None);
        }
        match trial.error.take() {
            Some(error) if finding.said.is_empty() => Err(error),
            _ => Ok(Some(finding)),
        }
    }
}

/// How many messages and bytes conversations have.
fn size(scripts: &[Script]) -> (usize, usize) {
    (scripts.iter().map(|script| script.says.len()).sum(), scripts.iter().map(Script::length).sum())
}

/// Whether memory grows each time when conversations are played again and again.
fn grows_with(fuzzer: &mut Fuzzer<'_>, scripts: &[Script]) -> (bool, Vec<Transcript>) {
    let mut said = Vec::new();
    let mut play = |times: u32| {
        let until = Instant::now() + Duration::from_secs(2);
        for _ in (0..times).take_while(|_| Instant::now() < until) {
            said.clear();
            for script in scripts {
                let played = fuzzer.player.play(fuzzer.peer.address(), script, fuzzer.patience);
                said.extend(played.map(|played| played.said));
            }
        }
        fuzzer.peer.memory().unwrap_or(0)
    };
    let at_first = play(REPEATS / 4);
    let then = play(REPEATS);
    let first = then.saturating_sub(at_first);
    if first < GROWTH {
        return (false, said);
    }
    let second = play(REPEATS).saturating_sub(then);
    let shows = second >= GROWTH && second > first / 3 && fuzzer.peer.symptom().is_none();
    (shows, said)
}
