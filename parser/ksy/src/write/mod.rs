//! Writes a message from its fields.
//!
//! The tree of fields is traversed as the reader traverses bytes: conditions, choices and parameters are
//! evaluated with the values written so far. The numbers that a size or count is computed from are found by solving its
//! expression; then the message is written again with them, until nothing changes. Instances with a position of their own are
//! written into the bytes of the fields. Checks are computed last.
//!
//! A dissected message is written back byte for byte: bytes that no field explains are in the tree under names that
//! begin with `_`, and are copied from there.

pub(crate) mod bounded;
pub(crate) mod checks;
pub(crate) mod compare;
pub(crate) mod conditions;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod item;
pub(crate) mod leaf;
pub(crate) mod part;
pub(crate) mod placed;
pub(crate) mod solve;

use crate::plan::IoId;
use crate::plan::ObjectId;
use crate::plan::{Attr, Node, NodeId, Plan, Span, UserType, Val};
use crate::run::arena::{Arena, Around, Io, Stop, with_arena};
use crate::run::mask::apply;
use crate::run::{Mode, Run, Scope};
use crate::write::error::{Halt, WriteError};
use crate::write::part::Part;
use crate::write::placed::Placed;
use framescope_parser::Key;
use framescope_parser::{Captured, Context, Error, Field};
use std::collections::{BTreeMap, BTreeSet};

/// How often a message is written until its lengths are right. Each pass settles at least one of them.
const MOST_PASSES: usize = 32;
/// The largest message in bytes.
const LARGEST: usize = 64 << 20;
/// What is measured of a list, for a note.
const COUNT: &str = "number of items";
/// How deeply instances are followed through others.
const DEEPEST: u32 = 40;
/// The most notes.
const MOST_NOTES: usize = 100;

/// What a number must be so that a size or count is right, by the field's path.
pub(crate) type Solution = BTreeMap<String, Number>;

/// A number that a field must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    value: i128,
    /// Of a number that is written as text.
    radix: u32,
}

/// A message that was written.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    solution: Solution,
    /// What could not be derived.
    notes: Vec<String>,
}

impl Written {
    /// What could not be derived, and where `found`, which is the bytes dissected again, differs from what was wanted.
    pub(crate) fn notes_beside(&self, plan: &Plan, wanted: &[Field<'_>], found: &[Field<'_>]) -> Vec<String> {
        let mut notes = self.notes.clone();
        compare::compare_fields(plan, wanted, found, &self.solution, &mut notes);
        notes
    }
}

/// Writes a message from its fields, and those of its instances with a position that are `placed`.
pub(crate) fn write(
    plan: &Plan,
    (key, context): (Option<&Key>, Option<&Context<'_>>),
    fields: &[Field<'_>],
    placed: &Placed,
) -> Result<Written, Error> {
    with_arena(|arena| {
        let mut solution = Solution::new();
        for _ in 0..MOST_PASSES {
            let mut writer = Writer::new(plan, arena, (&solution, placed), (key, context));
            writer.message(fields).map_err(Halt::error)?;
            let more = writer.solve();
            let is_more = more.iter().any(|(path, number)| solution.get(path) != Some(number));
            if !is_more {
                writer.check();
                let Writer { part, notes, .. } = writer;
                return Ok(Written { bytes: part.bytes, solution, notes });
            }
            solution.extend(more);
        }
        Err(Halt::Failed { path: String::new(), why: WriteError::Unsettled }.error())
    })
}

/// The same message as it is sent, if its bytes are xored with a key.
pub(crate) fn masked(
    plan: &Plan,
    context: Option<&Context<'_>>,
    mut written: Written,
) -> Result<Written, Error> {
    let Some(mask) = plan.mask else { return Ok(written) };
    let key = with_arena(|arena| {
        let message = Captured::whole(&[]).in_context(context);
        Run::of(plan, message, arena, Mode::Full).mask_key(mask)
    });
    match key {
        Ok(key) => apply(&key, &mut written.bytes),
        Err(stop) => return Err(Halt::Failed { path: String::new(), why: stop.into() }.error()),
    }
    Ok(written)
}

/// A size or count that an expression gives, and what it turned out to be.
struct Measure {
    node: NodeId,
    scope: Scope,
    path: String,
    found: u64,
    what: &'static str,
}

struct Writer<'p, 's> {
    run: Run<'p, 's>,
    part: Part,
    solution: &'s Solution,
    placed: &'s Placed,
    key: Option<&'s Key>,
    measures: Vec<Measure>,
    notes: Vec<String>,
    /// The path of each structure in the tree.
    paths: BTreeMap<ObjectId, String>,
    /// The arguments of structures, and where they are evaluated.
    calls: BTreeMap<ObjectId, (&'p UserType, Scope)>,
    /// Fields that were not given and may have any suitable value.
    free: BTreeSet<String>,
    /// How many of the enclosing structures have unexplained bytes.
    rests: u32,
    /// Whether no field is given after the current one, in any structure.
    is_last: bool,
    /// Where the bytes of a stream ended, and the part that they are in.
    closed: BTreeMap<IoId, (u32, u32)>,
    /// Computed instances, and whether they depend on where the bytes end.
    ends: BTreeMap<(ObjectId, u16), bool>,
    /// Instances with a position that are written.
    written: BTreeSet<(ObjectId, u16)>,
    /// How many parts there were.
    parts: u32,
}

impl<'p, 's> Writer<'p, 's> {
    fn new(
        plan: &'p Plan,
        arena: &'s mut Arena,
        (solution, placed): (&'s Solution, &'s Placed),
        (key, context): (Option<&'s Key>, Option<&'s Context<'s>>),
    ) -> Self {
        let mut run = Run::of(plan, Captured::whole(&[]).in_context(context), arena, Mode::Full);
        run.begin_writing(LARGEST as u64);
        Writer {
            run,
            part: Part { is_message: true, ..Part::default() },
            solution,
            placed,
            key,
            measures: Vec::new(),
            notes: Vec::new(),
            paths: BTreeMap::new(),
            calls: BTreeMap::new(),
            free: BTreeSet::new(),
            rests: 0,
            is_last: true,
            closed: BTreeMap::new(),
            ends: BTreeMap::new(),
            written: BTreeSet::new(),
            parts: 0,
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    fn message(&mut self, fields: &[Field<'_>]) -> Result<(), Halt> {
        if let Some(item) = self.run.plan.item {
            return self.item(item, fields);
        }
        let io = self.new_io();
        let id = self.run.begin_object(self.run.plan.root, io, Around::MESSAGE, None);
        self.paths.insert(id, String::new());
        self.whole_object(id, fields)
    }

    fn new_io(&mut self) -> IoId {
        let pos = self.part.position();
        let buffer = if self.part.is_message { Span::MESSAGE } else { Span::CONSTANTS };
        self.run.arena.new_io(Io { buffer, base: pos, end: u32::MAX, pos, bit: 0, open: true })
    }

    /// Why writing stops where an evaluation failed.
    fn stopped(&self, stop: Stop, id: ObjectId) -> Halt {
        // Reading stopped here too.
        if self.rests > 0 {
            return Halt::Missing(self.paths.get(&id).cloned().unwrap_or_default());
        }
        self.failed(id, stop.into())
    }

    fn path(&self, id: ObjectId, attr: &Attr, item: Option<u32>) -> String {
        let name = self.run.plan.name(attr.sym);
        let mut path = match self.paths.get(&id).map(String::as_str) {
            None | Some("") => name.to_owned(),
            Some(owner) => format!("{owner}.{name}"),
        };
        if let Some(item) = item {
            path.push_str(&format!("[{item}]"));
        }
        path
    }

    /// Lets expressions see where in the bytes they are.
    fn place(&mut self, id: ObjectId) {
        let (pos, bit) = (self.part.position(), self.part.bit);
        let io = self.run.io_of(id);
        let io = self.run.arena.io_mut(io);
        (io.pos, io.bit) = (pos.saturating_sub(u32::from(bit > 0)), bit);
    }

    /// Whether an expression depends on where the bytes end, which is not known before they are written.
    fn asks_for_the_end(&mut self, node: NodeId, scope: &Scope) -> bool {
        let mut asks = false;
        self.run.plan.expressions.walk(node, &mut |_, node| asks |= matches!(node, Node::Io));
        asks || self.computes_the_end(node, scope, 0)
    }

    /// The same through computed instances, which keep the position that they were computed at.
    fn computes_the_end(&mut self, node: NodeId, scope: &Scope, depth: u32) -> bool {
        if depth > DEEPEST || self.run.spend(1).is_err() {
            return false;
        }
        let plan = self.run.plan;
        let depth = depth + 1;
        match *plan.expressions.node(node) {
            Node::Member(of, sym) => {
                if depth > 1 && matches!(plan.expressions.node(of), Node::Io) {
                    return matches!(plan.name(sym), "size" | "eof");
                }
                match self.run.eval(of, scope) {
                    Ok(Val::Obj(id)) => {
                        let slot = plan.type_of(self.run.arena.object(id).ty).slot(sym);
                        slot.is_some_and(|slot| self.slot_computes_the_end(id, slot, depth))
                    }
                    _ => self.computes_the_end(of, scope, depth),
                }
            }
            Node::Slot(slot) => self.slot_computes_the_end(scope.object, slot, depth),
            Node::Unary(_, of) | Node::Cast(of, _) => self.computes_the_end(of, scope, depth),
            Node::Binary(_, left, right) => {
                self.computes_the_end(left, scope, depth) || self.computes_the_end(right, scope, depth)
            }
            // Only the branch that is taken counts.
            Node::Ternary(condition, then, otherwise) => {
                let taken = match self.run.truth(condition, scope) {
                    Ok(true) => then,
                    _ => otherwise,
                };
                self.computes_the_end(condition, scope, depth) || self.computes_the_end(taken, scope, depth)
            }
            _ => false,
        }
    }

    fn slot_computes_the_end(&mut self, id: ObjectId, slot: u16, depth: u32) -> bool {
        let ty = self.run.plan.type_of(self.run.arena.object(id).ty);
        let Some(value) = ty.attr(slot).and_then(|attr| attr.value) else { return false };
        if let Some(&known) = self.ends.get(&(id, slot)) {
            return known;
        }
        // Many may use the same one, and some themselves.
        self.ends.insert((id, slot), false);
        let computes = self.computes_the_end(value, &Scope::of(id), depth);
        self.ends.insert((id, slot), computes);
        computes
    }

    fn measure(&mut self, node: NodeId, scope: Scope, path: String, found: u64, what: &'static str) {
        self.measures.push(Measure { node, scope, path, found, what });
    }

    fn too_large(&self, id: ObjectId) -> Result<(), Halt> {
        match self.part.bytes.len() > LARGEST {
            true => Err(self.failed(id, WriteError::TooLarge(LARGEST))),
            false => Ok(()),
        }
    }

    fn failed(&self, id: ObjectId, why: WriteError) -> Halt {
        Halt::Failed { path: self.paths.get(&id).cloned().unwrap_or_default(), why }
    }
}
