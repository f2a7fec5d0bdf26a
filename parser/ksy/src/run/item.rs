//! Reads an item of a stream as the last field of the root: the fields before it are read from the preamble, which is not part of the
//! message.

use framescope_parser::Code;

use crate::plan::{Before, IoId, Item, ObjectId, Repeat, Span, Val};
use crate::run::arena::{Around, Io, Stop};
use crate::run::{Mode, Run, Scope};
use crate::stream::preamble;

impl Run<'_, '_> {
    /// Reads what stands before an item from the preamble of its stream, as far as the item needs it. The structure around it is
    /// the root.
    pub(crate) fn begin_item(&mut self, item: Item) -> Result<(), Stop> {
        let before = match item.before {
            Before::Unneeded | Before::Empty => Some(&[][..]),
            Before::Needed => preamble(self.message.context()),
        };
        let made = self.arena.make(before.unwrap_or_default());
        let io =
            Io { buffer: made.buffer, base: made.start, end: made.end, pos: made.start, bit: 0, open: false };
        let io = self.arena.new_io(io);
        let id = self.begin_object(self.plan.root, io, Around::MESSAGE, None);
        if before.is_none() {
            let text = "what stands before the first item was not captured, and the items need it";
            return Err(self.wrong(Code::StateUnknown, text));
        }
        let plan = self.plan;
        let ty = plan.root();
        let fields = ty.seq.split_last().map_or(&[][..], |(_, fields)| fields);
        if item.before != Before::Unneeded {
            self.choose_order(id, ty)?;
            self.read_seq(id, fields)?;
        }
        // What is wrong before the item was reported there.
        self.arena.faults.clear();
        self.arena.paddings.clear();
        self.first_object = self.arena.object_count();
        Ok(())
    }

    /// Reads an item, whose stream is the message. Returns how many bytes it takes.
    pub(super) fn read_item(&mut self, item: Item) -> Result<u32, Stop> {
        self.begin_item(item)?;
        let (plan, id) = (self.plan, ObjectId::ROOT);
        let Some(list) = plan.root().seq.last() else { return Ok(0) };
        let scope = Scope { index: Some(0), ..Scope::of(id) };
        let read = self.read_one(list, IoId::MESSAGE, &scope);
        self.aligned(IoId::MESSAGE);
        let (slot, read) = match read {
            Ok(slot) => (Some(slot), Ok(slot)),
            Err(stop) => (self.interrupted(), Err(stop)),
        };
        if let Some(slot) = slot {
            self.arena.set_slot(id, list.slot, slot);
        }
        let slot = read.map_err(|stop| self.named(stop, list))?;
        if self.mode != Mode::Frame {
            self.test(id, list, slot, &scope)?;
        }
        Ok(self.arena.io(IoId::MESSAGE).pos)
    }

    /// The structure that a message's kind and summary are about.
    pub(crate) fn subject(&self) -> ObjectId {
        match self.item_value() {
            Some(Val::Obj(id)) => id,
            _ => ObjectId::ROOT,
        }
    }

    /// The value of the item, if the message is one.
    pub(crate) fn item_value(&self) -> Option<Val> {
        self.plan.item?;
        let list = self.plan.root().seq.last()?;
        debug_assert!(matches!(list.repeat, Repeat::Eos), "an item is of a list");
        Some(self.arena.slot(ObjectId::ROOT, list.slot).val)
    }
}

/// The stream of a message.
pub(super) fn stream_of(end: u32, open: bool) -> Io {
    Io { buffer: Span::MESSAGE, base: 0, end, pos: 0, bit: 0, open }
}
