//! What a program consists of: steps, and expressions over registers.

use crate::checks::Algorithm;
use crate::expr::Binary;
use crate::plan::{EnumId, Limit};
use crate::strings::Charset;

/// The number of a register. One that does not exist is written by what no expression uses.
pub(super) type Register = u16;
/// No register, or no field.
pub(super) const NONE: u16 = u16::MAX;

/// A value: that of a register, or of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arg(pub(super) u16);

/// From here on, an [`Arg`] is a term.
const TERMS: u16 = 1 << 15;

impl Arg {
    pub(super) fn term(at: usize) -> Option<Arg> {
        u16::try_from(at).ok().filter(|&at| at < TERMS - 1).map(|at| Arg(at | TERMS))
    }

    /// The term; none for a register.
    #[inline]
    pub(super) fn as_term(self) -> Option<usize> {
        self.0.checked_sub(TERMS).map(usize::from)
    }
}

/// A step of a program. `to` is the register that a value is stored in, `field` the field that it is reported as, and a jump's
/// `to` is the number of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    U1 {
        to: Register,
        field: u16,
    },
    U2 {
        to: Register,
        field: u16,
    },
    U4 {
        to: Register,
        field: u16,
    },
    U8 {
        to: Register,
        field: u16,
    },
    U2Le {
        to: Register,
        field: u16,
    },
    U4Le {
        to: Register,
        field: u16,
    },
    U8Le {
        to: Register,
        field: u16,
    },
    Signed {
        to: Register,
        field: u16,
        bytes: u8,
        le: bool,
    },
    Float {
        to: Register,
        field: u16,
        bytes: u8,
        le: bool,
    },
    Bits {
        to: Register,
        field: u16,
        count: u8,
        le: bool,
    },
    /// A number of 1, 2 or 4 bytes that must be in a range.
    Within {
        to: Register,
        field: u16,
        read: Read,
        low: u32,
        high: u32,
    },
    /// Several numbers at once: those of `loads` from one on, in so many bytes.
    Block {
        first: u16,
        count: u16,
        bytes: u16,
    },
    /// Goes to the next whole byte. The bits before it are the lowest ones if `le`.
    Align {
        le: bool,
    },
    Skip(u32),
    SkipBy(Arg),
    /// Constant bytes.
    Same {
        at: u32,
        length: u16,
        field: u16,
    },
    /// As many bytes as an argument says.
    Bytes {
        to: Register,
        field: u16,
        size: Arg,
    },
    /// The rest of the part.
    Rest {
        to: Register,
        field: u16,
    },
    /// UTF-8 of a size, or to the end of the part.
    Utf8 {
        to: Register,
        field: u16,
        size: Arg,
    },
    Utf8Rest {
        to: Register,
        field: u16,
    },
    /// Bytes or text with a terminator, padding or another encoding.
    Chunk {
        to: Register,
        field: u16,
        chunk: u16,
    },
    /// Begins a part of a size, or of all remaining bytes.
    Enter(Arg),
    EnterRest,
    /// Ends a part, all of which must be read if it is `whole`.
    Leave {
        whole: bool,
    },
    /// Reports bytes that no field of a structure explains, and goes to the end of the part.
    Unread(u16),
    /// Begins a group of fields.
    Begin(u16),
    End,
    /// A group without fields: a structure that is shown elsewhere.
    Group(u16),
    /// Stores the position.
    Mark(Register),
    /// Jumps if a register, masked, equals a number or is less, as `want` says.
    Compare {
        equal: bool,
        want: bool,
        register: Register,
        mask: i32,
        number: i32,
        to: u16,
    },
    /// Jumps if a condition is what `want` says.
    If {
        condition: Arg,
        want: bool,
        to: u16,
    },
    Jump(u16),
    /// Jumps to the case of a number.
    Choose {
        on: Arg,
        table: u16,
    },
    Set {
        to: Register,
        arg: Arg,
    },
    /// Reports a computed value.
    Value {
        field: u16,
        arg: Arg,
        kind: Kind,
    },
    Check(u16),
    /// Begins a list of that many items.
    Times {
        times: Arg,
        limit: Register,
        index: Register,
    },
    /// Continues with the next item, if there is one.
    Next {
        limit: Register,
        index: Register,
        to: u16,
        cost: u16,
    },
    /// Continues with another item.
    Again {
        index: Register,
        to: u16,
        cost: u16,
    },
    /// Jumps at the end of the part.
    AtEnd(u16),
    /// Jumps unless fields are reported.
    IfReported(u16),
    /// From now on a register has a value.
    Known(Register),
    /// Forgets the values of registers, from the first up to the second.
    Forget(Register, Register),
    /// Goes to a position of the part, or of the message, until `Back`.
    Seek {
        at: Arg,
        root: bool,
    },
    Back,
    /// Stores what is known of the part: where it is read, its size, whether it ends here.
    Stream {
        what: Stream,
        to: Register,
    },
    /// Reads bytes derived from these, up to `Done`.
    Process(u16),
    /// The end of the program, or of derived bytes.
    Done,
    /// Leaves the message to the interpreter: always, or only if it is reported.
    Stop,
    StopReport,
}

/// How a number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    U1,
    U2,
    U4,
    U2Le,
    U4Le,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Pos,
    Size,
    Eof,
}

/// An expression over registers. Its value is a number, a boolean, the bits of a float, or the place of text or bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    Constant(i64),
    /// A register that may not have a value.
    Register(Register),
    Not(Arg),
    Minus(Arg),
    Invert(Arg),
    Binary(Binary, Arg, Arg),
    /// An operator on a register and a constant.
    Short(Binary, Register, i64),
    Choice(Arg, Arg, Arg),
    /// Compares texts or bytes.
    Compare(Binary, Arg, Arg),
    /// An operator on floats.
    Float(Binary, Arg, Arg),
    AsFloat(Arg),
    FloatMinus(Arg),
    Truncated(Arg),
    /// The number of characters, or of bytes.
    Characters(Arg),
    Length(Arg),
    /// A byte of bytes.
    Byte(Arg, Arg),
    /// The number that a text is.
    Parsed(Arg, u8),
    /// Bytes, which must be UTF-8, as text.
    Text(Arg),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Enum(EnumId),
    Float,
    Text,
    Bytes,
}

impl Kind {
    /// Whether it is a number or a boolean.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Kind::Int | Kind::Bool | Kind::Enum(_))
    }
}

/// A number of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Where in the block it is, and its size in bytes.
    pub(super) at: u16,
    pub(super) bytes: u8,
    pub(super) le: bool,
    pub(super) to: Register,
    pub(super) field: u16,
    /// The least that it may be, and how much more.
    pub(super) low: u64,
    pub(super) span: u64,
}

impl Load {
    /// The number at the beginning of eight bytes.
    #[inline]
    pub(super) fn of(&self, bytes: [u8; 8]) -> u64 {
        let shift = 64 - 8 * u32::from(self.bytes);
        match self.le {
            true => u64::from_le_bytes(bytes) << shift >> shift,
            false => u64::from_be_bytes(bytes) >> shift,
        }
    }
}

/// Bytes or text whose extent is not simply a size.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) limit: Limit,
    /// Its size; otherwise it ends with the part, or with its terminator if it is `is_open`.
    pub(super) size: Option<Arg>,
    pub(super) is_open: bool,
    pub(super) charset: Option<Charset>,
    /// Whether text must be valid.
    pub(super) is_tested: bool,
    /// Whether bytes are reported that can't be derived from the value.
    pub(super) is_told_apart: bool,
}

/// A check of other bytes.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) algorithm: Algorithm,
    /// The field's value.
    pub(super) value: Arg,
    /// Where the covered bytes begin, if not with the message.
    pub(super) from: Option<Arg>,
    /// Where they end, if not before the field.
    pub(super) to: Option<Arg>,
    /// The byte that it covers after them.
    pub(super) then: Option<Arg>,
    /// The size of the field, if that is fixed, or else where it begins.
    pub(super) width: usize,
    pub(super) own: Option<Arg>,
    /// Its field, if its note is reported.
    pub(super) field: u16,
    /// Whether it decides about the length of the message.
    pub(super) is_trailing: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Processing {
    Xor(Arg),
    XorBytes(Arg),
    /// Rotates to the left.
    Rotate(Arg, bool),
}

/// Derived bytes: how, and from how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Derived {
    pub(super) size: Option<Arg>,
    pub(super) how: Processing,
}

/// The cases of a choice.
#[derive(Clone, Debug, Default)]
pub(super) struct Cases {
    /// The number of the first case of `dense`.
    pub(super) first: i64,
    pub(super) dense: Vec<u16>,
    /// Sorted.
    pub(super) sparse: Vec<(i64, u16)>,
    pub(super) otherwise: u16,
}

/// The most numbers from the first to the last of cases that are in a table.
const DENSE: i64 = 256;

impl Cases {
    /// Of two cases with the same number, the first counts.
    pub(super) fn new(mut cases: Vec<(i64, u16)>, otherwise: u16) -> Cases {
        cases.sort_by_key(|&(key, _)| key);
        cases.dedup_by_key(|&mut (key, _)| key);
        let ends = cases.first().zip(cases.last()).map(|(first, last)| (first.0, last.0));
        let is_dense =
            |&(first, last): &(i64, i64)| last.checked_sub(first).is_some_and(|count| count < DENSE);
        let Some((first, last)) = ends.filter(is_dense) else {
            return Cases { sparse: cases, otherwise, ..Cases::default() };
        };
        let case = |n: i64| cases.binary_search_by_key(&n, |&(key, _)| key).ok();
        let to = |n| case(n).and_then(|at| cases.get(at)).map_or(otherwise, |&(_, to)| to);
        Cases { first, dense: (first..=last).map(to).collect(), sparse: Vec::new(), otherwise }
    }

    /// The step of a number's case.
    #[inline]
    pub(super) fn of(&self, n: i64) -> u16 {
        let at = usize::try_from(n.wrapping_sub(self.first)).ok();
        if let Some(&to) = at.and_then(|at| self.dense.get(at)) {
            return to;
        }
        let case = self.sparse.binary_search_by_key(&n, |&(key, _)| key).ok();
        case.and_then(|case| self.sparse.get(case)).map_or(self.otherwise, |&(_, to)| to)
    }
}
