//! A message that is being composed, edited by its fields or its bytes, to be sent.
//!
//! Changes are carried out one after the other in the background, so that a message of any size never stops the window. What is
//! quick is there in the same frame.

pub mod desk;
pub mod draft;
mod exporting;
pub mod format;
mod in_place;
pub mod peer;
pub(crate) mod places;
pub mod shown;
pub mod templates;
pub mod values;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub use desk::{Desk, OpenError};
pub use draft::{ChangeError, Draft};
pub use exporting::{as_command, as_json};
pub use format::Format;
pub use shown::{EditedField, FieldState, Shown};
pub use values::ValueKind;

use super::background::{Background, Job, JobError};

/// A change of a message.
#[derive(Clone, Debug)]
pub enum Change {
    /// A field has the value that was typed.
    Value {
        /// The field.
        path: String,
        /// Its value, as it was typed.
        text: String,
    },
    /// A derived field is as given from now on.
    Give(String),
    /// A field that was as given is derived again.
    Derive(String),
    /// All fields are.
    DeriveAll,
    /// A hexadecimal digit of a byte; of the byte behind the last one, it adds that.
    Digit {
        /// The byte.
        at: usize,
        /// Whether it is the byte's first digit.
        is_first: bool,
        /// The digit, below 16.
        digit: u8,
    },
    /// Other bytes in place of a range.
    Splice(Range<usize>, Vec<u8>),
    /// Everything is as in another draft.
    Replace(Arc<Draft>),
}

/// Changes with equal keys that follow each other are undone together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Field(String),
    Byte(usize),
}

impl Change {
    fn key(&self) -> Option<Key> {
        match self {
            Change::Value { path, .. } => Some(Key::Field(path.clone())),
            Change::Digit { at, .. } => Some(Key::Byte(*at)),
            _ => None,
        }
    }

    /// The field that it changes.
    fn path(&self) -> Option<&str> {
        match self {
            Change::Value { path, .. } | Change::Give(path) | Change::Derive(path) => Some(path),
            _ => None,
        }
    }

    fn apply(&self, draft: &Draft) -> Result<Draft, ChangeError> {
        match self {
            Change::Value { path, text } => draft.set_value(path, text),
            Change::Give(path) => draft.give(path),
            Change::Derive(path) => Ok(draft.derive(path)),
            Change::DeriveAll => draft.derive_all(),
            Change::Replace(other) => Ok(Draft::clone(other)),
            Change::Splice(range, bytes) => Ok(draft.splice(range.clone(), bytes)),
            &Change::Digit { at, is_first, digit } => {
                let digit = digit & 0xF;
                let old = draft.bytes().get(at).copied();
                let byte = old.unwrap_or_default();
                let byte = if is_first { byte & 0xF | digit << 4 } else { byte & 0xF0 | digit };
                Ok(draft.splice(at..at + usize::from(old.is_some()), &[byte]))
            }
        }
    }
}

/// A message that is being composed.
#[derive(Debug)]
pub struct Composer {
    background: Background,
    /// Where the message is from, in a few words.
    origin: String,
    /// The bytes that it began with.
    began_with: Arc<[u8]>,
    draft: Arc<Draft>,
    shown: Arc<Shown>,
    undo: Vec<Arc<Draft>>,
    redo: Vec<Arc<Draft>>,
    last: Option<Key>,
    waiting: VecDeque<Asked>,
    job: Option<Job<Outcome>>,
    error: Option<(Option<String>, String)>,
}

/// What was asked for.
#[derive(Clone, Debug)]
enum Asked {
    Change(Change),
    Undo,
    Redo,
}

/// What the background made of the changes.
#[derive(Debug)]
struct Outcome {
    draft: Arc<Draft>,
    shown: Arc<Shown>,
    undo: Vec<Arc<Draft>>,
    redo: Vec<Arc<Draft>>,
    last: Option<Key>,
    error: Option<(Option<String>, String)>,
}

/// How long the window waits for a change.
const PATIENCE: Duration = Duration::from_millis(8);
/// The most changes that can be undone, and how many bytes they may take.
const MOST_UNDONE: usize = 500;
const UNDONE_BYTES: usize = 64 << 20;

impl Composer {
    /// Begins with a draft. `origin` says in a few words where it is from.
    pub fn new(draft: Draft, origin: impl Into<String>, background: &Background) -> Composer {
        let (began_with, draft) = (Arc::from(draft.bytes()), Arc::new(draft));
        let mut composer = Composer {
            background: background.clone(),
            origin: origin.into(),
            began_with,
            shown: Arc::default(),
            undo: Vec::new(),
            redo: Vec::new(),
            last: None,
            waiting: VecDeque::new(),
            job: None,
            error: None,
            draft: Arc::clone(&draft),
        };
        composer.run(VecDeque::new());
        composer
    }

    /// Where the message is from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The message as it is now.
    pub fn draft(&self) -> &Arc<Draft> {
        &self.draft
    }

    /// What is shown of it.
    pub fn shown(&self) -> &Arc<Shown> {
        &self.shown
    }

    /// Why the last change was not made, and the field that it was to change.
    pub fn error(&self) -> Option<(Option<&str>, &str)> {
        self.error.as_ref().map(|(path, text)| (path.as_deref(), text.as_str()))
    }

    /// Whether nothing is being worked on.
    pub fn is_settled(&self) -> bool {
        self.job.is_none() && self.waiting.is_empty()
    }

    /// Whether there is a change to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is one to make again.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Changes the message.
    pub fn change(&mut self, change: Change) {
        self.ask(Asked::Change(change));
    }

    /// Undoes the last change.
    pub fn undo(&mut self) {
        self.ask(Asked::Undo);
    }

    /// Makes the change again that was undone last.
    pub fn redo(&mut self) {
        self.ask(Asked::Redo);
    }

    /// The next change is undone by itself.
    pub fn end_step(&mut self) {
        self.last = None;
    }

    fn ask(&mut self, asked: Asked) {
        self.waiting.push_back(asked);
        self.update();
        if self.job.is_none() {
            let waiting = std::mem::take(&mut self.waiting);
            self.run(waiting);
        }
    }

    /// Takes over what the background made. Call in each frame.
    pub fn update(&mut self) {
        let Some(result) = self.job.as_ref().and_then(Job::poll) else { return };
        self.take(result);
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.run(waiting);
        }
    }

    fn take(&mut self, result: Result<Outcome, JobError>) {
        self.job = None;
        match result {
            Ok(made) => {
                (self.draft, self.shown) = (made.draft, made.shown);
                (self.undo, self.redo, self.last, self.error) = (made.undo, made.redo, made.last, made.error);
            }
            Err(error) => self.error = Some((None, error.to_string())),
        }
    }

    fn run(&mut self, asked: VecDeque<Asked>) {
        let (mut made, began_with) = (
            Outcome {
                draft: Arc::clone(&self.draft),
                shown: Arc::clone(&self.shown),
                undo: self.undo.clone(),
                redo: self.redo.clone(),
                last: self.last.clone(),
                error: None,
            },
            Arc::clone(&self.began_with),
        );
        let job = self.background.spawn("compose", move |_| {
            for asked in asked {
                made.carry_out(asked);
            }
            made.shown = Arc::new(Shown::of(&made.draft, &began_with, &made.shown.known));
            made
        });
        match self.background.wait(&job, PATIENCE) {
            Some(result) => self.take(result),
            None => self.job = Some(job),
        }
    }
}

impl Outcome {
    fn carry_out(&mut self, asked: Asked) {
        let change = match asked {
            Asked::Change(change) => change,
            Asked::Undo => {
                if let Some(before) = self.undo.pop() {
                    self.redo.push(std::mem::replace(&mut self.draft, before));
                }
                return self.last = None;
            }
            Asked::Redo => {
                if let Some(behind) = self.redo.pop() {
                    self.undo.push(std::mem::replace(&mut self.draft, behind));
                }
                return self.last = None;
            }
        };
        match change.apply(&self.draft) {
            Ok(draft) => {
                let key = change.key();
                let before = std::mem::replace(&mut self.draft, Arc::new(draft));
                if key.is_none() || key != self.last || self.undo.is_empty() {
                    self.undo.push(before);
                }
                (self.last, self.error) = (key, None);
                self.redo.clear();
                self.forget();
            }
            Err(error) => self.error = Some((change.path().map(str::to_owned), error.to_string())),
        }
    }

    /// Forgets the oldest changes where they take too much memory.
    fn forget(&mut self) {
        let mut left = UNDONE_BYTES;
        let fits = |draft: &&Arc<Draft>| {
            left = left.saturating_sub(draft.size());
            left > 0
        };
        let kept = self.undo.iter().rev().take(MOST_UNDONE).take_while(fits).count();
        self.undo.drain(..self.undo.len() - kept);
    }
}

#[cfg(test)]
mod tests;
