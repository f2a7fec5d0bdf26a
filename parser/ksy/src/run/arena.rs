//! The state of reading a message: structures, lists, streams, and texts that are not bytes of it.
//! Everything is in flat tables that are reused for the next message, so that reading does not allocate.

use crate::plan::entry;
use crate::plan::{ArrayId, IoId, ObjectId, TypeId};
use std::cell::Cell;
use std::cell::RefCell;

use framescope_parser::Code;

use crate::plan::{Span, Sym, Val};

/// A structure that was read, or is being read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object {
    pub(crate) ty: TypeId,
    /// Where its values begin in the arena's slots.
    slots: u32,
    pub(crate) io: IoId,
    /// The structure with the field that it is in. Like the next two, [`ObjectId::NONE`] where there is none.
    pub(crate) holder: ObjectId,
    /// What expressions call `_parent`.
    pub(crate) parent: ObjectId,
    /// What expressions call `_root`.
    pub(crate) root: ObjectId,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The byte order of numbers that name none, if it is known.
    pub(crate) le: Option<bool>,
    /// Whether all its fields could be read.
    pub(crate) whole: bool,
}

impl Object {
    /// A structure that begins at a place and has no values yet.
    pub(crate) fn begun(ty: TypeId, io: IoId, around: Around, start: u32, le: Option<bool>) -> Object {
        let Around { holder, parent, root } = around;
        Object { ty, slots: 0, io, holder, parent, root, start, end: start, le, whole: false }
    }
}

/// The structures around one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    pub(crate) holder: ObjectId,
    pub(crate) parent: ObjectId,
    pub(crate) root: ObjectId,
}

impl Around {
    /// Around the outermost structure.
    pub(crate) const MESSAGE: Around =
        Around { holder: ObjectId::NONE, parent: ObjectId::NONE, root: ObjectId::ROOT };
}

/// A value of a structure or list, and the bytes that it came from.
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
    /// Not read yet, or skipped.
    Empty,
    /// An instance that is being read.
    Busy,
    Done,
    /// Not present, by its condition.
    Absent,
}

impl Slot {
    pub(crate) const EMPTY: Slot = Slot { val: Val::Null, state: State::Empty, buffer: 0, start: 0, end: 0 };
}

/// A stream: a span of bytes that is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Io {
    pub(crate) buffer: u32,
    pub(crate) base: u32,
    pub(crate) end: u32,
    pub(crate) pos: u32,
    /// How many bits of the byte at `pos` are already read.
    pub(crate) bit: u8,
    /// Whether more bytes may follow, so that reaching the end is not a fault.
    pub(crate) open: bool,
}

/// Something wrong in a message.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// Whether the code was chosen by the description.
    pub(crate) is_renamed: bool,
    pub(crate) field: Option<Sym>,
    /// The bytes that it is about.
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// Bits after a field, up to the next whole byte, that belong to no field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Padding {
    /// The structure of the field before them.
    pub(crate) object: ObjectId,
    pub(crate) slot: u16,
    /// The byte they are in.
    pub(crate) span: Span,
    /// As a number, in the order of the field's bits.
    pub(crate) value: u8,
}

const NO_OBJECT: Object = Object {
    ty: TypeId::ROOT,
    slots: u32::MAX,
    io: IoId::MESSAGE,
    holder: ObjectId::NONE,
    parent: ObjectId::NONE,
    root: ObjectId::ROOT,
    start: 0,
    end: 0,
    le: None,
    whole: false,
};
const NO_IO: Io = Io { buffer: 0, base: 0, end: 0, pos: 0, bit: 0, open: false };

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The message extends at least this many bytes beyond those present.
    NeedMore(u64),
    /// Needed bytes were not captured.
    Missing,
    Fault(Box<Fault>),
}

/// The buffer of derived bytes, which are not part of the message.
pub(crate) const DERIVED: u32 = 1;

/// Where derived bytes come from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    made: (u32, u32),
    /// The bytes of the message; none if they come from others.
    from: Option<(u32, u32)>,
    /// Whether each byte comes from the byte at the same offset.
    same_places: bool,
}

/// Everything known about a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    objects: Vec<Object>,
    slots: Vec<Slot>,
    arrays: Vec<Vec<Slot>>,
    arrays_used: usize,
    ios: Vec<Io>,
    pub(crate) made: Vec<u8>,
    /// In order of their place.
    origins: Vec<Origin>,
    /// Invalid texts and their bytes, in order of their place.
    invalid: Vec<(Span, Span)>,
    /// In order of reading, until [`Arena::sort_paddings`].
    pub(crate) paddings: Vec<Padding>,
    pub(crate) faults: Vec<Fault>,
    /// The steps that reading took so far.
    pub(crate) work: u64,
    /// The steps of looking up and reporting, which are not limited: tests promise that they are few.
    lookups: Cell<u64>,
    /// What is changed where an id names nothing, which is a bug.
    spare: Spare,
}

#[derive(Clone, Debug, Default)]
struct Spare {
    object: Object,
    io: Io,
    array: Vec<Slot>,
}

impl Arena {
    /// Forgets the last message, and keeps its memory unless it is large.
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
        self.lookups.set(0);
        if self.made.capacity() > 1 << 20 || self.slots.capacity() > 1 << 14 || self.arrays.len() > 1 << 10 {
            *self = Arena::default();
        }
    }

    pub(crate) fn new_array(&mut self) -> ArrayId {
        match self.arrays.get_mut(self.arrays_used) {
            Some(array) => array.clear(),
            None => self.arrays.push(Vec::new()),
        }
        self.arrays_used += 1;
        ArrayId::at(self.arrays_used - 1)
    }

    pub(crate) fn array(&self, id: ArrayId) -> &[Slot] {
        let found = self.arrays.get(id.index());
        debug_assert!(found.is_some() && id.index() < self.arrays_used, "{id:?} of {}", self.arrays_used);
        found.map_or(&[], |array| array)
    }

    pub(crate) fn array_mut(&mut self, id: ArrayId) -> &mut Vec<Slot> {
        debug_assert!(id.index() < self.arrays_used, "{id:?} of {}", self.arrays_used);
        self.arrays.get_mut(id.index()).unwrap_or(&mut self.spare.array)
    }

    /// Adds a structure with this many slots, which are empty.
    pub(crate) fn new_object(&mut self, object: Object, slots: usize) -> ObjectId {
        let first = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.resize(self.slots.len() + slots, Slot::EMPTY);
        self.objects.push(Object { slots: first, ..object });
        ObjectId::at(self.objects.len() - 1)
    }

    /// How many structures there are: their ids are the numbers below it.
    pub(crate) fn object_count(&self) -> usize {
        self.objects.len()
    }

    #[inline]
    pub(crate) fn object(&self, id: ObjectId) -> Object {
        *entry(&self.objects, id.index(), || &NO_OBJECT)
    }

    /// The structure that holds another, unless that is [`ObjectId::NONE`].
    pub(crate) fn owner(&self, of: &Object) -> Option<Object> {
        (of.holder != ObjectId::NONE).then(|| self.object(of.holder))
    }

    #[inline]
    pub(crate) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        debug_assert!(id.index() < self.objects.len(), "{id:?} of {}", self.objects.len());
        self.objects.get_mut(id.index()).unwrap_or(&mut self.spare.object)
    }

    #[inline]
    fn slot_index(&self, object: ObjectId, slot: u16) -> usize {
        entry(&self.objects, object.index(), || &NO_OBJECT).slots as usize + usize::from(slot)
    }

    /// The value in a slot of a structure. Types have at least the slots that their expressions name.
    #[inline]
    pub(crate) fn slot(&self, object: ObjectId, slot: u16) -> &Slot {
        entry(&self.slots, self.slot_index(object, slot), || &Slot::EMPTY)
    }

    #[inline]
    pub(crate) fn set_slot(&mut self, object: ObjectId, slot: u16, value: Slot) {
        let index = self.slot_index(object, slot);
        debug_assert!(index < self.slots.len(), "slot {slot} of {object:?}");
        if let Some(stored) = self.slots.get_mut(index) {
            *stored = value;
        }
    }

    pub(crate) fn new_io(&mut self, io: Io) -> IoId {
        self.ios.push(io);
        IoId::at(self.ios.len() - 1)
    }

    #[inline]
    pub(crate) fn io(&self, id: IoId) -> &Io {
        entry(&self.ios, id.index(), || &NO_IO)
    }

    #[inline]
    pub(crate) fn io_mut(&mut self, id: IoId) -> &mut Io {
        debug_assert!(id.index() < self.ios.len(), "{id:?} of {}", self.ios.len());
        self.ios.get_mut(id.index()).unwrap_or(&mut self.spare.io)
    }

    /// Stores bytes that are not part of the message.
    pub(crate) fn make(&mut self, bytes: &[u8]) -> Span {
        let start = self.derived_length();
        self.made.extend_from_slice(bytes);
        Span { buffer: DERIVED, start, end: self.derived_length() }
    }

    pub(crate) fn derived_length(&self) -> u32 {
        u32::try_from(self.made.len()).unwrap_or(u32::MAX)
    }

    /// Records where bytes that were just stored come from.
    pub(crate) fn set_origin(&mut self, made: Span, from: Span, same_places: bool) {
        // Derived bytes come from earlier ones: they are traced back once, here.
        let same_places = same_places && self.origin_of(from).is_none_or(|origin| origin.same_places);
        let from = self.in_message(from);
        self.origins.push(Origin { made: (made.start, made.end), from, same_places });
    }

    /// Counts steps of looking up or reporting.
    #[inline]
    pub(crate) fn count_lookups(&self, steps: u64) {
        self.lookups.set(self.lookups.get() + steps);
    }

    /// The steps that the message took so far.
    pub(crate) fn steps(&self) -> u64 {
        self.work + self.lookups.get()
    }

    /// Counts a step of a search, and returns its answer.
    fn counted(&self, answer: bool) -> bool {
        self.count_lookups(1);
        answer
    }

    /// Records that a text comes from invalid bytes.
    pub(crate) fn is_invalid(&mut self, text: Span, from: Span) {
        self.invalid.push((text, from));
    }

    /// The bytes of an invalid text.
    pub(crate) fn invalid_text(&self, text: Span) -> Option<Span> {
        let at = self.invalid.partition_point(|(known, _)| self.counted(known.start < text.start));
        self.invalid.get(at).filter(|(known, _)| *known == text).map(|&(_, from)| from)
    }

    /// Sorts the padding for [`Arena::padding`].
    pub(crate) fn sort_paddings(&mut self) {
        self.paddings.sort_by_key(|padding| (padding.object, padding.slot));
    }

    /// The bits after a field that belong to no field.
    pub(crate) fn padding(&self, object: ObjectId, slot: u16) -> Option<Padding> {
        let wanted = (object, slot);
        let at = self.paddings.partition_point(|found| self.counted((found.object, found.slot) < wanted));
        self.paddings.get(at).filter(|found| (found.object, found.slot) == wanted).copied()
    }

    /// Where derived bytes come from, if they come from others.
    fn origin_of(&self, span: Span) -> Option<Origin> {
        if span.buffer != DERIVED {
            return None;
        }
        let behind = self.origins.partition_point(|origin| self.counted(origin.made.0 <= span.start));
        let origin = self.origins.get(behind.checked_sub(1)?)?;
        (span.end <= origin.made.1).then_some(*origin)
    }

    /// The bytes of the message that some bytes are, or come from.
    pub(crate) fn in_message(&self, span: Span) -> Option<(u32, u32)> {
        if span.buffer == Span::MESSAGE {
            return Some((span.start, span.end));
        }
        let origin = self.origin_of(span)?;
        let (start, end) = origin.from?;
        let offset = span.start - origin.made.0;
        Some(if origin.same_places { (start + offset, start + offset + span.len()) } else { (start, end) })
    }
}

thread_local! {
    /// Its memory is reused for each message.
    static ARENA: RefCell<Arena> = RefCell::new(Arena::default());
}

/// Lends an arena: a new one if the thread's is in use, as where a visitor reads another message.
pub(crate) fn with_arena<T>(use_it: impl FnOnce(&mut Arena) -> T) -> T {
    ARENA.with(|arena| match arena.try_borrow_mut() {
        Ok(mut arena) => use_it(&mut arena),
        Err(_) => use_it(&mut Arena::default()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Arena, Around, Object, Padding, Slot, State, with_arena};
    use crate::plan::{IoId, ObjectId, Span, TypeId, Val};

    fn object(holder: ObjectId) -> Object {
        let around = Around { holder, ..Around::MESSAGE };
        Object::begun(TypeId::ROOT, IoId::MESSAGE, around, 0, None)
    }

    #[test]
    fn each_structure_has_slots_of_its_own() {
        let mut arena = Arena::default();
        let first = arena.new_object(object(ObjectId::NONE), 2);
        let second = arena.new_object(object(first), 1);
        let one = Slot { val: Val::Int(1), state: State::Done, ..Slot::EMPTY };
        arena.set_slot(second, 0, one);
        assert_eq!((arena.slot(first, 1).val, arena.slot(second, 0).val), (Val::Null, Val::Int(1)));
        assert!(arena.owner(&arena.object(second)).is_some() && arena.owner(&arena.object(first)).is_none());
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "an id names entry 0 of 0")]
    fn a_structure_of_the_last_message_is_gone() {
        let mut arena = Arena::default();
        let id = arena.new_object(object(ObjectId::NONE), 0);
        arena.clear();
        arena.object(id);
    }

    #[test]
    fn derived_bytes_are_traced_to_the_message() {
        let mut arena = Arena::default();
        let from = Span { buffer: Span::MESSAGE, start: 10, end: 14 };
        let unmasked = arena.make(b"abcd");
        arena.set_origin(unmasked, from, true);
        let inner = Span { start: unmasked.start + 1, end: unmasked.start + 3, ..unmasked };
        assert_eq!(arena.in_message(inner), Some((11, 13)));
        let unpacked = arena.make(b"abcdefgh");
        arena.set_origin(unpacked, inner, false);
        let part = Span { start: unpacked.start + 5, end: unpacked.end, ..unpacked };
        assert_eq!(arena.in_message(part), Some((11, 13)), "compressed bytes are traced as a whole");
        assert_eq!(arena.in_message(Span { buffer: Span::CONSTANTS, start: 0, end: 1 }), None);
    }

    #[test]
    fn padding_is_found_by_its_field() {
        let mut arena = Arena::default();
        let span = Span { buffer: Span::MESSAGE, start: 0, end: 1 };
        for (object, slot) in [(1, 0), (0, 3)] {
            arena.paddings.push(Padding { object: ObjectId::at(object), slot, span, value: 5 });
        }
        arena.sort_paddings();
        assert_eq!(arena.padding(ObjectId::at(0), 3).map(|found| found.value), Some(5));
        assert!(arena.padding(ObjectId::at(0), 4).is_none());
    }

    #[test]
    fn a_visitor_that_reads_another_message_gets_an_arena_of_its_own() {
        with_arena(|outer| {
            outer.make(b"outer");
            with_arena(|inner| assert_eq!(inner.made.len(), 0));
            assert_eq!(outer.made, b"outer");
        });
    }
}
