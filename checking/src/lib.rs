//! Compares a reader of messages with the protocol that it is meant to read.
//!
//! [`inputs`] generates what to try, [`verdict`] gives the reply that a receiver should make, and [`minimise`] finds
//! the smallest input that still shows a difference. `framescope check-peer` is made of these three; so is a test of
//! your parser. A fuzzer generates its own inputs, and changes them with [`mutate_frames`] or [`mutate_messages`]: as
//! messages, so that lengths and checks mostly hold.
//!
//! Of a protocol with conversations, an input is a whole one: a [`Transcript`] says which side says what, in which segments.
//! [`conversations`] generates them, [`hear`] gives the verdict on each message, [`minimise_conversation`] finds the smallest,
//! and a fuzzer changes them with [`mutate_conversation`].
//!
//! A property test chooses values itself, to make them small when they show a fault: [`forms`] says which there are to choose.
//!
//! The same seed always gives the same result. Nothing here does input or output, or panics, whatever the bytes are:
//! results are returned. Work is bounded by the number of bytes and of tries.
//!
//! ```
//! use framescope_checking::{Verdict, inputs, minimise, verdict};
//! use framescope_parser::missive::Missive;
//!
//! // The reader under test forgets that a PING has at most 64 bytes.
//! let reader = |bytes: &[u8]| matches!(verdict(&Missive::default(), bytes), Verdict::Valid(_));
//! let mut differs = |bytes: &[u8]| reader(bytes) && bytes[3] == 6;
//! let found = inputs(None, Vec::new(), 1).find(|bytes| differs(bytes)).unwrap();
//! assert_eq!(minimise(&found, &mut differs, 2000).len(), 20);
//! ```

mod conversations;
pub mod forms;
mod frames;
mod hearing;
mod inputs;
mod messages;
mod minimise;
mod random;
mod repair;
mod spans;
mod transcript;
mod verdict;

pub use conversations::{conversations, mutate_conversation};
pub use frames::mutate_frames;
pub use hearing::{Heard, hear};
pub use inputs::inputs;
pub use messages::{change_field, generate, generate_valid, made_valid, mutate_messages, with_changed_field};
pub use minimise::{minimise, minimise_conversation};
pub use random::{Random, havoc};
pub use transcript::{Piece, Transcript};
pub use verdict::{Refusal, Verdict, is_refused, verdict};

/// One message in this many has a length that is false or a check that does not hold. A reader that rarely meets such
/// messages is rarely tested on them; but after a false check nothing more of the message is reached, so most must
/// hold.
const BROKEN: usize = 8;

/// The README's examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
