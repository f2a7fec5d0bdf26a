//! Waits for replies, as long as some are to be expected.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use framescope_capture::Index;

use super::{Exchange, Received};

/// How long it is waited at a time.
const SLICE: Duration = Duration::from_millis(50);
/// So long after it was sent a message is a row, even if its protocol has to be recognised.
const SHOWN: Duration = Duration::from_millis(150);

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// No longer than this.
    pub limit: Duration,
    /// Where nothing says which messages ask for a reply: until nothing came for so long after the last that did.
    pub quiet: Duration,
    /// Whether in that case something has to be received at all, or silence is enough.
    pub for_some: bool,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// All that asks for a reply has one, or nothing more came for a while.
    Answered,
    /// Some of it has none in time.
    TimedOut,
    /// The peer sends no more.
    Closed,
    /// The peer broke the connection off.
    Reset,
    /// The peer has sent more than is kept of one conversation.
    Flooded,
    /// The caller wants no more.
    Stopped,
}

/// Takes new rows.
pub type TakeRows<'t> = dyn FnMut(&Index, Range<usize>) -> io::Result<()> + 't;

impl Exchange {
    /// Waits for replies to what was sent, and hands on new rows. `goes_on` is asked at intervals and ends it by returning false.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn wait(
        &mut self,
        wait: &Wait,
        each: &mut TakeRows<'_>,
        goes_on: &mut dyn FnMut(&Exchange) -> bool,
    ) -> io::Result<Waited> {
        let begin = Instant::now();
        let until = begin + wait.limit;
        // Rows that were handed out before the last message was sent are no reply to it.
        let (mut last, mut has_received, mut has_sent) = (begin, false, false);
        loop {
            let now = Instant::now();
            match self.receive(until.min(now + SLICE)) {
                Received::Rows(rows) => {
                    for (_, row) in rows.clone().filter_map(|at| self.row(at)) {
                        match self.index().direction(&row) == self.direction() {
                            true => has_sent = true,
                            false => (has_received, last) = (true, Instant::now()),
                        }
                    }
                    each(self.index(), rows)?;
                }
                Received::Closed => return Ok(Waited::Closed),
                Received::Reset => return Ok(Waited::Reset),
                Received::Flooded => return Ok(Waited::Flooded),
                Received::TimedOut => {}
            }
            if !goes_on(self) {
                return Ok(Waited::Stopped);
            }
            let now = Instant::now();
            let is_shown = has_sent || now >= begin + SHOWN;
            let is_done = match self.asks_for_replies() {
                true => is_shown && self.unanswered() == 0,
                false => (has_received || !wait.for_some) && now >= last + wait.quiet,
            };
            if is_done {
                return Ok(Waited::Answered);
            }
            if now >= until {
                return Ok(Waited::TimedOut);
            }
        }
    }
}
