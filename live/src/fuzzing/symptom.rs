//! What shows that something is wrong with the peer.

use std::fmt;

use super::report;

/// How a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// The program ended.
    Crash,
    /// It reported a fault on standard error, and goes on.
    Report,
    /// It takes no connections any more.
    Refuses,
    /// It does not answer any more.
    Hang,
    /// It does not answer others while one connection stays open.
    Blocked,
    /// It computes although there is nothing to do.
    Busy,
    /// It takes more and more memory.
    Memory,
    /// It says what is no valid message.
    Reply,
    /// It accepts what it must refuse.
    Accepts,
    /// It answers otherwise than at the beginning.
    Otherwise,
    /// A message occurred that must never.
    Never,
}

impl Sign {
    /// One word, for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Sign::Crash => "crash",
            Sign::Report => "report",
            Sign::Refuses => "refuses",
            Sign::Hang => "hang",
            Sign::Blocked => "blocked",
            Sign::Busy => "busy",
            Sign::Memory => "memory",
            Sign::Reply => "reply",
            Sign::Accepts => "accepts",
            Sign::Otherwise => "otherwise",
            Sign::Never => "never",
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A fault as it showed.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// How it showed.
    pub sign: Sign,
    /// What it is, in a few words: the same words for the same fault.
    pub title: String,
    /// What the program said last on standard error.
    pub lines: Vec<String>,
}

impl Symptom {
    pub(super) fn new(sign: Sign, title: impl Into<String>) -> Symptom {
        Symptom { sign, title: title.into(), lines: Vec::new() }
    }

    /// What is the same whenever the fault shows.
    pub(super) fn key(&self) -> String {
        // Whether it ends after its report makes no other fault of it.
        let sign = if self.sign == Sign::Report { Sign::Crash } else { self.sign };
        format!("{sign} {}", report::key(&self.title))
    }
}
