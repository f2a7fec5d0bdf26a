//! Generates captures to measure with: the traffic of two sides over TCP over IPv4 over Ethernet, in as many messages,
//! connections and ways of going wrong as a [`Shape`] says. The same shape is the same bytes, and another seed is other
//! bytes of the same shape. [`Endless`] is a capture of which any part can be generated without what comes before it.

mod endless;
mod packets;
mod random;
mod recorder;
mod shape;
mod talk;

pub use endless::Endless;
pub use recorder::Container;
pub use shape::{Notes, Shape, Sizes};
pub use talk::{Made, write};

/// The text of messages, from any offset on, as often as it takes.
const WORDS: &str = "the quick brown fox jumps over the lazy dog and on ";

/// Text of which any `longest` bytes that begin within the first sentence can be taken.
fn text(longest: usize) -> String {
    WORDS.chars().cycle().take(WORDS.len() + longest).collect()
}
