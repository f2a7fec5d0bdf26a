//! What notes have in common, which is stored once.

use framescope_parser::Code;

/// What notes have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) code: Code,
    /// The pattern of its sentence; None where each has its own text.
    pub(super) sentence: Option<&'static str>,
    /// How many numbers.
    pub(super) count: u8,
    /// Whether it is of some bytes of the row.
    pub(super) is_ranged: bool,
}

impl Kind {
    #[inline]
    pub(super) fn is(self, other: Kind) -> bool {
        let same = match (self.sentence, other.sentence) {
            (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
            (one, other) => one.is_none() && other.is_none(),
        };
        (self.code, self.count, self.is_ranged) == (other.code, other.count, other.is_ranged) && same
    }
}

/// A kind of notes, and the last one.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) kind: Kind,
    /// The block in which it was used last.
    pub(super) block: u64,
    pub(super) numbers: [u64; 3],
    pub(super) text: String,
}

impl Pattern {
    pub(super) fn new(kind: Kind) -> Pattern {
        Pattern { kind, block: 0, numbers: [0; 3], text: String::new() }
    }
}
