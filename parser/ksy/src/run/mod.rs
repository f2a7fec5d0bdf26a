//! Interprets a plan: reads a message into an arena and evaluates expressions in it.

pub(crate) mod arena;
pub(crate) mod eval;
pub(crate) mod extent;
pub(crate) mod field;
pub(crate) mod inflate;
pub(crate) mod instance;
pub(crate) mod item;
pub(crate) mod json;
pub(crate) mod mask;
pub(crate) mod methods;
pub(crate) mod numbers;
pub(crate) mod operators;
pub(crate) mod plain;
pub(crate) mod position;
pub(crate) mod process;
pub(crate) mod read;
pub(crate) mod shape;
pub(crate) mod sizeof;
pub(crate) mod valid;
pub(crate) mod value;
pub(crate) mod variables;

use crate::plan::{IoId, ObjectId};
use arena::{Arena, Around, Stop};
use framescope_parser::Captured;
use framescope_parser::Key;
use miniz_oxide::inflate::stream::InflateState;

use crate::plan::{Plan, Span, Val};

/// How a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only as much as is needed to know where it ends.
    Frame,
    /// All of it; faults are recorded, and reading continues where possible.
    Full,
    /// All of it, up to the first fault.
    Strict,
}

/// One message being read.
pub(crate) struct Run<'p, 'm> {
    pub(crate) plan: &'p Plan,
    pub(crate) message: Captured<'m, 'm>,
    pub(crate) arena: &'m mut Arena,
    pub(crate) mode: Mode,
    pub(crate) key: Option<&'p Key>,
    /// Whether checks are known to hold, so that they need not be computed.
    pub(crate) checked: bool,
    /// Whether these are all bytes, so that missing ones are a fault.
    pub(crate) closed: bool,
    /// Whether a message is being written, so that there are no bytes to read yet.
    pub(crate) writes: bool,
    /// Whether reading stopped before the end of the outermost structure.
    pub(crate) stopped: bool,
    /// How many structures were read before the message, from what stands before it.
    pub(crate) first_object: usize,
    /// The compressed data of the direction, as far as the message has continued it.
    pub(crate) inflating: Option<Box<InflateState>>,
    depth: u32,
    work_limit: u64,
    /// What an item of a list costs that takes no bytes.
    pub(super) empty_item: u64,
    /// The field whose bits were read last, and whether the lowest come first.
    last_bits: (ObjectId, u16, bool),
    /// A structure in which reading stopped, until it is stored in its field.
    interrupted: Option<ObjectId>,
}

/// How deeply structures may be nested, and instances may use each other.
const DEEPEST: u32 = 64;
/// The most bytes derived from one message, by decompressing or joining.
pub(crate) const MOST_DERIVED: usize = 16 << 20;

/// What an expression is evaluated in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) object: ObjectId,
    pub(crate) index: Option<u32>,
    pub(crate) element: Val,
}

impl Scope {
    pub(crate) fn of(object: ObjectId) -> Scope {
        Scope { object, index: None, element: Val::Null }
    }
}

impl<'p, 'm> Run<'p, 'm> {
    pub(crate) fn new(plan: &'p Plan, message: &'m [u8], arena: &'m mut Arena, mode: Mode) -> Run<'p, 'm> {
        Run::of(plan, Captured::whole(message), arena, mode)
    }

    /// The same for a message of which bytes may be missing.
    pub(crate) fn of(
        plan: &'p Plan,
        message: Captured<'m, 'm>,
        arena: &'m mut Arena,
        mode: Mode,
    ) -> Run<'p, 'm> {
        arena.clear();
        Run::started(plan, message, arena, mode)
    }

    /// Continues with a message that was read.
    pub(crate) fn resume(plan: &'p Plan, message: &'m [u8], arena: &'m mut Arena, mode: Mode) -> Run<'p, 'm> {
        Run::started(plan, Captured::whole(message), arena, mode)
    }

    /// The same in another context, with what was read.
    pub(crate) fn again(plan: &'p Plan, message: Captured<'m, 'm>, arena: &'m mut Arena) -> Run<'p, 'm> {
        Run { closed: true, ..Run::started(plan, message, arena, Mode::Frame) }
    }

    fn started(plan: &'p Plan, message: Captured<'m, 'm>, arena: &'m mut Arena, mode: Mode) -> Run<'p, 'm> {
        let work_limit = arena.work + (1 << 18) + 64 * message.bytes().len() as u64;
        Run {
            plan,
            message,
            arena,
            mode,
            key: None,
            checked: false,
            closed: mode == Mode::Strict,
            writes: false,
            stopped: false,
            first_object: 0,
            inflating: None,
            depth: 0,
            work_limit,
            empty_item: 0,
            last_bits: (ObjectId::NONE, 0, false),
            interrupted: None,
        }
    }

    /// Reads the message as the outermost type. Returns how many bytes it takes; more than there are if it continues beyond
    /// them.
    pub(crate) fn read(&mut self) -> Result<u32, Stop> {
        let end = u32::try_from(self.message.length()).unwrap_or(u32::MAX);
        let open = !self.closed;
        let unmasked = self.plan.mask.map(|mask| self.unmasked(mask, open));
        let (io, unknown) = match unmasked {
            Some(Ok(io)) => (io, None),
            Some(Err(stop)) => (self.arena.new_io(item::stream_of(end, open)), Some(stop)),
            None => (self.arena.new_io(item::stream_of(end, open)), None),
        };
        if let Some(item) = self.plan.item {
            return self.read_item(item);
        }
        self.begin_object(self.plan.root, io, Around::MESSAGE, None);
        // Without its key nothing of the message is read.
        if let Some(stop) = unknown {
            return Err(stop);
        }
        let read = self.read_object(ObjectId::ROOT);
        self.aligned(IoId::MESSAGE);
        read?;
        Ok(self.arena.io(IoId::MESSAGE).pos)
    }

    /// Prepares for one of very many places at which a message may begin: a message there has little to do before its length is
    /// known, and lists of nothing are not followed far.
    pub(crate) fn begin_search(&mut self) {
        self.work_limit = self.arena.work + (1 << 11) + 16 * self.message.bytes().len() as u64;
        self.empty_item = 64;
    }

    /// Prepares for a message that has no bytes yet.
    pub(crate) fn begin_writing(&mut self, work: u64) {
        self.work_limit += work;
        self.writes = true;
    }

    /// Enters a nested structure. Returns the depth before.
    pub(crate) fn deeper(&mut self) -> Result<u32, Stop> {
        let before = self.depth;
        if before >= DEEPEST {
            return Err(self.wrong(
                framescope_parser::Code::LimitExceeded,
                format!("structures are nested more than {DEEPEST} deep"),
            ));
        }
        self.depth += 1;
        Ok(before)
    }

    pub(crate) fn restore_depth(&mut self, depth: u32) {
        self.depth = depth;
    }

    /// Counts work; too much of it ends the reading.
    #[inline]
    pub(crate) fn spend(&mut self, work: u64) -> Result<(), Stop> {
        self.arena.work += work;
        if self.arena.work > self.work_limit {
            return Err(
                self.too_much("the description takes more work for this message than its bytes justify")
            );
        }
        Ok(())
    }

    #[cold]
    fn too_much(&self, text: &str) -> Stop {
        self.fault(framescope_parser::Code::LimitExceeded, Span { buffer: 0, start: 0, end: 0 }, text)
    }
}
