//! What only the sequence of messages shows.

use alloc::vec::Vec;

use crate::{Captured, Code, Sentence};

/// Which way a message went in its conversation.
///
/// ```
/// use framescope_parser::Direction;
///
/// assert_eq!(Direction::Forward.reverse(), Direction::Backward);
/// assert_eq!((Direction::Backward.index(), Direction::Backward.as_str()), (1, "backward"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the side that opened the conversation.
    Forward,
    /// Back to it.
    Backward,
}

impl Direction {
    /// `forward` or `backward`.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        }
    }

    /// The other one.
    pub fn reverse(self) -> Direction {
        match self {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        }
    }

    /// 0 or 1.
    pub fn index(self) -> usize {
        usize::from(self == Direction::Backward)
    }
}

impl core::fmt::Display for Direction {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The events that an [`Observer`] receives, in the order in which they happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message.
    Message {
        /// Which way it went.
        direction: Direction,
        /// The caller's name for it; returned in the [`Observation`]s.
        row: u32,
        /// When it was sent or captured, nanoseconds from any epoch, if that is known.
        time_ns: Option<i64>,
        /// Its bytes, as far as they were captured.
        bytes: Captured<'a, 'a>,
    },
    /// Something in that direction was lost: skipped, cut off or never captured.
    Loss {
        /// Which way it would have gone.
        direction: Direction,
    },
}

/// What the sequence shows of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Something is wrong with the message's place in the sequence.
    Problem {
        /// The message.
        row: u32,
        /// What is wrong.
        code: Code,
        /// A sentence with what was expected and what was found.
        text: Sentence,
    },
    /// The message replies to another.
    Reply {
        /// The reply.
        row: u32,
        /// What it replies to.
        to: u32,
        /// How long after the request the reply was sent, if the times of both are known.
        latency_ns: Option<i64>,
    },
    /// The message continues content that another began.
    Part {
        /// The message.
        row: u32,
        /// The one that began the content.
        first: u32,
        /// Where in the content the message's part begins, in bytes.
        offset: u64,
    },
}

/// Watches one conversation: receives both directions' messages in order, and reports what only the sequence shows.
///
/// A plain state machine without a clock; the caller knows the times. [`Session`](crate::missive::Session) shows one at
/// work. There is one for each open conversation, and a capture may have a million: it should be small.
///
/// ```
/// use framescope_parser::{Captured, Code, Direction, Event, Observation, Observer, Sentence};
///
/// /// The first byte of each message counts up.
/// #[derive(Default)]
/// struct Counted([Option<u8>; 2]);
///
/// impl Observer for Counted {
///     fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>) {
///         let Event::Message { direction, row, bytes, .. } = event else { return };
///         let Some(&count) = bytes.beginning().first() else { return };
///         let next = &mut self.0[direction.index()];
///         if let Some(next) = *next && next != count {
///             let text = Sentence::new("the next count is {}; this one is {}").with([next.into(), count.into()]);
///             found.push(Observation::Problem { row, code: Code::SequenceJump, text });
///         }
///         *next = Some(count.wrapping_add(1));
///     }
/// }
///
/// let (mut counted, mut found) = (Counted::default(), Vec::new());
/// for (row, bytes) in (0..).zip([b"\x01a", b"\x02b", b"\x07c"]) {
///     let (direction, bytes) = (Direction::Forward, Captured::whole(bytes));
///     counted.observe(Event::Message { direction, row, time_ns: None, bytes }, &mut found);
/// }
/// let text = Sentence::from("the next count is 3; this one is 7");
/// assert_eq!(found, [Observation::Problem { row: 2, code: Code::SequenceJump, text }]);
/// ```
pub trait Observer: Send {
    /// Takes the next event and appends what it shows.
    fn observe(&mut self, event: Event<'_>, found: &mut Vec<Observation>);

    /// The conversation has ended: appends what is still open.
    fn finish(&mut self, found: &mut Vec<Observation>) {
        let _ = found;
    }

    /// Like [`finish`](Observer::finish), one at a time: an observer with very many open messages makes no list of
    /// them.
    fn finish_each(&mut self, report: &mut dyn FnMut(Observation)) {
        let mut found = Vec::new();
        self.finish(&mut found);
        found.into_iter().for_each(report);
    }
}
