//! Programs that run: forwards, records, sends, answers and fuzzes their messages.
//!
//! Whatever passes is [recorded](Recorder) as packets into a capture that grows, and read by the same indexer as any capture
//! ([`LiveIndex`]): nothing here parses a message. What is sent goes only where the user said, within [`Limits`].

pub mod capturing;
mod duration;
mod edit;
pub mod encoding;
mod exchange;
mod following;
pub mod fuzzing;
mod limits;
mod live_index;
pub mod proxy;
mod recorder;
pub mod replay;
pub mod send;
pub mod serve;
mod talk;
mod target;

pub use duration::{DurationError, parse_duration};
pub use edit::{Edit, EditError, EditParseError};
pub use exchange::{Exchange, ExchangeError, Listener, Received, TakeRows, Wait, Waited};
pub use following::Following;
pub use limits::{Limits, Pacer, Refused};
pub use live_index::LiveIndex;
pub use recorder::{Leg, Recorded, Recorder};
pub use talk::Talk;
pub use target::{Target, TargetError};
