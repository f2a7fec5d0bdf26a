//! What the messages of conversations could be that no protocol explains: hypotheses that are made and tried in the background.

use std::io;

use framescope_capture::{FlowId, Options, ReadError, read};
use framescope_guess::fit::{Fit, fit, options_with, outermost};
use framescope_guess::groups::Group;
use framescope_guess::{Guess, Limits, Sample, guess};
use framescope_ksy::Described;
use framescope_parser::Direction;

use super::background::{Background, Job, JobControl, JobError};
use super::document::SharedIndex;
use super::text::grouped;

/// How much of what is said is kept apart, to try each hypothesis on.
const HELD_OUT: u8 = 20;

/// A hypothesis, and how it fits.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    pub(crate) guess: Guess,
    /// All that is said.
    pub(crate) all: Fit,
    /// What was kept apart, which the hypothesis was not made of.
    pub(crate) held_out: Fit,
}

impl Hypothesis {
    /// How sure it is, in words.
    pub(crate) fn sureness(&self) -> String {
        let percent = self.guess.confidence * 100.0;
        let words = match percent {
            95.0.. => "Almost certain",
            80.0.. => "Very likely",
            60.0.. => "Likely",
            40.0.. => "Possible",
            _ => "Doubtful",
        };
        format!("{words}: {percent:.0} % sure of where messages begin and end")
    }

    /// How much it covers.
    pub(crate) fn coverage(&self) -> String {
        format!("It explains {}, as {}.", share(self.all), messages(self.all))
    }

    /// How well it fits what it was not made of; None if nothing was kept apart.
    pub(crate) fn test(&self) -> Option<String> {
        let Fit { bytes, .. } = self.held_out;
        let text =
            || format!("Of what was kept apart: {}, as {}.", share(self.held_out), messages(self.held_out));
        (bytes > 0).then(text)
    }
}

fn share(fit: Fit) -> String {
    let per_mille = u128::from(fit.explained) * 1000 / u128::from(fit.bytes.max(1));
    let bytes = grouped(usize::try_from(fit.bytes).unwrap_or(usize::MAX));
    format!("{}.{} % of {bytes} bytes", per_mille / 10, per_mille % 10)
}

fn messages(fit: Fit) -> String {
    let plural = if fit.messages == 1 { "" } else { "s" };
    let problems = match fit.problems {
        0 => " without a problem".to_owned(),
        problems if problems == fit.messages => " with a problem".to_owned(),
        problems => format!(", {} of them with a problem", grouped(problems)),
    };
    format!("{} message{plural}{problems}", grouped(fit.messages))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuessError {
    #[error("the capture can't be read any more: {0}")]
    Sample(#[from] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Job(#[from] JobError),
}

/// What the question has come to.
#[derive(Debug)]
pub(crate) enum State {
    Running(Job<Result<Vec<Hypothesis>, GuessError>>),
    Cancelled,
    Failed(String),
    /// The likeliest first.
    Done(Vec<Hypothesis>),
}

/// What some conversations could be.
#[derive(Debug)]
pub(crate) struct Guessing {
    pub(crate) group: Group,
    pub(crate) flows: Vec<FlowId>,
    pub(crate) state: State,
    /// The hypothesis whose description is used.
    pub(crate) used: Option<usize>,
}

impl Guessing {
    /// Starts to find out what conversations are, which all go to one place.
    pub(crate) fn start(
        (group, flows): (Group, Vec<FlowId>),
        index: SharedIndex,
        options: &Options,
        background: &Background,
    ) -> Guessing {
        let (options, of) = (options.clone(), flows.clone());
        let job = background.spawn("guess", move |control| find(group, &of, &index, &options, control));
        Guessing { group, flows, state: State::Running(job), used: None }
    }

    /// Takes over the answer once it is there.
    pub(crate) fn update(&mut self) {
        let State::Running(job) = &self.state else { return };
        match job.poll() {
            None => {}
            Some(Ok(Ok(found))) => self.state = State::Done(found),
            Some(Ok(Err(error))) => self.state = State::Failed(error.to_string()),
            Some(Err(error)) => self.state = State::Failed(error.to_string()),
        }
    }

    /// Ends the work without an answer.
    pub(crate) fn cancel(&mut self) {
        if self.is_running() {
            self.state = State::Cancelled;
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// A hypothesis.
    pub(crate) fn hypothesis(&self, number: usize) -> Option<&Hypothesis> {
        match &self.state {
            State::Done(found) => found.get(number),
            _ => None,
        }
    }

    /// What is looked at, in words.
    pub(crate) fn about(&self) -> String {
        match self.flows.len() {
            1 => "1 conversation".to_owned(),
            count => format!("{} conversations", grouped(count)),
        }
    }
}

/// The share of the progress that guessing takes; the rest is reading with what was guessed.
const GUESSED: u64 = 80;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
fn percent(share: f32) -> u64 {
    (share.clamp(0.0, 1.0) * 100.0) as u64
}

fn find(
    group: Group,
    flows: &[FlowId],
    index: &SharedIndex,
    options: &Options,
    control: &JobControl,
) -> Result<Vec<Hypothesis>, GuessError> {
    let (mut sample, before, source) = {
        let index = index.read();
        let wanted = |flow| flows.binary_search(&flow).is_ok();
        (Sample::of(&index, Limits::default(), &wanted)?, outermost(&index), index.source().clone())
    };
    let held = sample.hold_out(HELD_OUT);
    let guesses = guess(&sample, &group.id(), &|share| control.report(percent(share) * GUESSED / 100, 100));
    let mut found = Vec::new();
    let count = guesses.len() as u64;
    for (guess, number) in guesses.into_iter().zip(0u64..) {
        // Every description that is written can be loaded.
        let Ok(described) = Described::from_ksy(&guess.description) else { continue };
        let options = options_with(options, &described, group);
        let index = read(source.clone(), &options, &mut |index| {
            let (read, length) = (index.position() * 100, index.source().length().max(1));
            let tried = number * 100 + read / length;
            control.report(GUESSED + (100 - GUESSED) * tried / (count * 100).max(1), 100)
        })?;
        let sides = [Direction::Forward, Direction::Backward];
        let all = flows.iter().flat_map(|flow| sides.map(|side| (*flow, side, 0)));
        let (all, held_out) = (fit(&before, &index, all), fit(&before, &index, held.streams()));
        found.push(Hypothesis { guess, all, held_out });
    }
    Ok(found)
}
