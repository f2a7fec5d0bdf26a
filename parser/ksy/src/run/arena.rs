//! What a message turns into while it is read: structures, lists, streams and the texts that are no bytes of it.
//! Everything is kept in flat tables that the next message uses again, so that reading costs no allocation.

use framescope_parser::Code;

use crate::plan::{Span, Sym, Val};

/// A structure that was read, or is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) ty: u32,
    /// Where its values begin in [`Arena::slots`].
    pub(crate) slots: u32,
    pub(crate) io: u32,
    /// [`NONE`] where there is none.
    pub(crate) parent: u32,
    pub(crate) root: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The byte order of numbers that name none, if it is known.
    pub(crate) le: Option<bool>,
    /// Whether all its fields could be read.
    pub(crate) whole: bool,
}

/// No structure.
pub(crate) const NONE: u32 = u32::MAX;

/// A value of a structure or list, and the bytes it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) val: Val,
    pub(crate) state: State,
    /// The buffer that `start` and `end` are places in.
    pub(crate) buffer: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not read yet, or passed over.
    Empty,
    /// An instance whose value is being found out.
    Busy,
    Done,
    /// Its condition says that it is not there.
    Absent,
}

impl Slot {
    pub(crate) const EMPTY: Slot = Slot { val: Val::Null, state: State::Empty, buffer: 0, start: 0, end: 0 };
}

/// A stretch of bytes that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Io {
    pub(crate) buffer: u32,
    pub(crate) base: u32,
    pub(crate) end: u32,
    pub(crate) pos: u32,
    /// Bits of the byte at `pos` that were read already.
    pub(crate) bit: u8,
    /// Whether more bytes may follow behind its end, so that reaching it is no fault.
    pub(crate) open: bool,
}

/// Something wrong in a message.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// Whether the code is one that the description gives it.
    pub(crate) is_renamed: bool,
    pub(crate) field: Option<Sym>,
    /// The bytes it is about.
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// Bits behind a field that belong to none, up to the next whole byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Padding {
    /// Whose field they stand behind.
    pub(crate) object: u32,
    pub(crate) slot: u16,
    /// The byte they are in.
    pub(crate) span: Span,
    /// As a number, in the order of the field's bits.
    pub(crate) value: u8,
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The message goes on for at least so many bytes behind what is there.
    More(u64),
    /// What would have to be known was not captured.
    Missing,
    Fault(Box<Fault>),
}

/// The buffer of texts and bytes that were made, not read.
pub(crate) const MADE: u32 = 1;

/// Where made bytes come from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    made: (u32, u32),
    from: Span,
    /// Whether each byte comes from the one at the same place.
    same_places: bool,
}

/// All that is known of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    pub(crate) objects: Vec<Object>,
    pub(crate) slots: Vec<Slot>,
    arrays: Vec<Vec<Slot>>,
    arrays_used: usize,
    pub(crate) ios: Vec<Io>,
    pub(crate) made: Vec<u8>,
    origins: Vec<Origin>,
    /// Texts that are not valid, and their bytes.
    invalid: Vec<(Span, Span)>,
    pub(crate) paddings: Vec<Padding>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) work: u64,
}

impl Arena {
    /// Forgets the last message, and keeps its memory unless that is large.
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
        self.slots.clear();
        self.ios.clear();
        self.made.clear();
        self.origins.clear();
        self.invalid.clear();
        self.paddings.clear();
        self.faults.clear();
        self.arrays_used = 0;
        self.work = 0;
        if self.made.capacity() > 1 << 20 || self.slots.capacity() > 1 << 14 || self.arrays.len() > 1 << 10 {
            *self = Arena::default();
        }
    }

    pub(crate) fn new_array(&mut self) -> u32 {
        match self.arrays.get_mut(self.arrays_used) {
            Some(array) => array.clear(),
            None => self.arrays.push(Vec::new()),
        }
        self.arrays_used += 1;
        u32::try_from(self.arrays_used - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn array(&self, id: u32) -> &[Slot] {
        self.arrays.get(id as usize).map_or(&[], |array| array)
    }

    pub(crate) fn array_mut(&mut self, id: u32) -> Option<&mut Vec<Slot>> {
        self.arrays.get_mut(id as usize)
    }

    pub(crate) fn object(&self, id: u32) -> Option<Object> {
        self.objects.get(id as usize).copied()
    }

    pub(crate) fn slot(&self, object: u32, slot: u16) -> Slot {
        let at = self.objects.get(object as usize).map(|object| object.slots as usize + usize::from(slot));
        at.and_then(|at| self.slots.get(at).copied()).unwrap_or(Slot::EMPTY)
    }

    #[inline]
    pub(crate) fn slot_ref(&self, object: u32, slot: u16) -> Option<&Slot> {
        let at = self.objects.get(object as usize)?.slots as usize + usize::from(slot);
        self.slots.get(at)
    }

    #[inline]
    pub(crate) fn set_slot(&mut self, object: u32, slot: u16, value: Slot) {
        let at = self.objects.get(object as usize).map(|object| object.slots as usize + usize::from(slot));
        if let Some(stored) = at.and_then(|at| self.slots.get_mut(at)) {
            *stored = value;
        }
    }

    pub(crate) fn new_io(&mut self, io: Io) -> u32 {
        self.ios.push(io);
        u32::try_from(self.ios.len() - 1).unwrap_or(u32::MAX)
    }

    /// Keeps bytes that are no bytes of the message.
    pub(crate) fn make(&mut self, bytes: &[u8]) -> Span {
        let start = self.made_length();
        self.made.extend_from_slice(bytes);
        Span { buffer: MADE, start, end: self.made_length() }
    }

    pub(crate) fn made_length(&self) -> u32 {
        u32::try_from(self.made.len()).unwrap_or(u32::MAX)
    }

    /// Says where made bytes come from.
    pub(crate) fn came_from(&mut self, made: Span, from: Span, same_places: bool) {
        self.origins.push(Origin { made: (made.start, made.end), from, same_places });
    }

    /// Says that a text was made of bytes that are not valid.
    pub(crate) fn is_invalid(&mut self, text: Span, from: Span) {
        self.invalid.push((text, from));
    }

    /// The bytes of a text that is not valid in its encoding.
    pub(crate) fn invalid_text(&self, text: Span) -> Option<Span> {
        self.invalid.iter().find(|(known, _)| *known == text).map(|&(_, from)| from)
    }

    /// The bytes of the message that some bytes are or come from.
    pub(crate) fn in_message(&self, span: Span) -> Option<(u32, u32)> {
        let mut span = span;
        // What comes from made bytes comes from ones that were made before.
        for _ in 0..self.origins.len() + 1 {
            if span.buffer == Span::MESSAGE {
                return Some((span.start, span.end));
            }
            if span.buffer != MADE {
                return None;
            }
            let origin = self
                .origins
                .iter()
                .rev()
                .find(|origin| origin.made.0 <= span.start && span.end <= origin.made.1)?;
            let offset = span.start - origin.made.0;
            span = match origin.same_places {
                true => Span {
                    start: origin.from.start + offset,
                    end: origin.from.start + offset + span.len(),
                    ..origin.from
                },
                false => origin.from,
            };
        }
        None
    }
}
