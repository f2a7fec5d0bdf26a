//! Instances with a position of their own, which are written into bytes that are already there.
//!
//! A message is first written without them: their bytes are also those of other fields, or are given as unexplained. Instances that
//! then read back otherwise than they are given are written, after the structure whose bytes they are in. Bytes that
//! another field has are not changed: where the two contradict each other, the field counts.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use framescope_parser::Field;

use crate::plan::{Attr, IoId, ObjectId, Plan, Repeat, Val};
use crate::run::Scope;
use crate::write::compare::is_same;
use crate::write::error::Halt;
use crate::write::{LARGEST, Writer};

/// The paths of instances to write, as [`without_first`] has them.
pub(crate) type Placed = BTreeSet<String>;

/// The most bytes between the end of what is written and an instance behind it.
const WIDEST_GAP: u32 = 1 << 16;

/// Whether any instance has bytes of its own.
pub(crate) fn has_places(plan: &Plan) -> bool {
    plan.types.iter().any(|ty| ty.instances.iter().any(|attr| attr.value.is_none()))
}

/// The instances that are given otherwise than they were found.
pub(crate) fn changed(plan: &Plan, given: &[Field<'_>], found: &[Field<'_>]) -> Placed {
    let instances = plan.types.iter().flat_map(|ty| &ty.instances);
    let all = plan.types.iter().flat_map(|ty| ty.seq.iter().chain(&ty.instances));
    let search = Search {
        placed: instances.filter(|attr| attr.value.is_none()).map(|attr| plan.name(attr.sym)).collect(),
        derived: all
            .filter(|attr| attr.check.is_some() || attr.value.is_some())
            .map(|attr| plan.name(attr.sym))
            .collect(),
    };
    let mut changed = Placed::new();
    search.compare(given, found, "", &mut changed);
    changed
}

/// Names of fields.
struct Search<'p> {
    /// Instances with bytes of their own.
    placed: HashSet<&'p str>,
    /// Fields that follow from others.
    derived: HashSet<&'p str>,
}

impl Search<'_> {
    fn compare(&self, given: &[Field<'_>], found: &[Field<'_>], above: &str, changed: &mut Placed) {
        for name in names(given) {
            let (own, others) = (named(given, name), named(found, name));
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
            if self.placed.contains(name) && !self.are_same(&own, &others) {
                changed.insert(path.clone());
            }
            for (at, field) in own.iter().enumerate() {
                let path = if at == 0 { path.clone() } else { format!("{path}[{at}]") };
                self.compare(
                    &field.fields,
                    others.get(at).map_or(&[], |other| &other.fields),
                    &path,
                    changed,
                );
            }
        }
    }

    /// Whether values with the same name are the same. What is derived, or not given, may be anything.
    fn are_same(&self, given: &[&Field<'_>], found: &[&Field<'_>]) -> bool {
        given.len() == found.len()
            && given.iter().zip(found).all(|(given, found)| {
                let inner = |name: &&str| !name.starts_with('_') && !self.derived.contains(name);
                is_same(&given.value, &found.value)
                    && names(&given.fields)
                        .filter(inner)
                        .all(|name| self.are_same(&named(&given.fields, name), &named(&found.fields, name)))
            })
    }
}

/// The names of fields, each once.
fn names<'f>(fields: &'f [Field<'_>]) -> impl Iterator<Item = &'f str> {
    let mut seen = HashSet::new();
    fields.iter().map(|field| field.name).filter(move |name| seen.insert(*name))
}

fn named<'f, 'a>(fields: &'f [Field<'a>], name: &str) -> Vec<&'f Field<'a>> {
    fields.iter().filter(|field| field.name == name).collect()
}

/// A path in which the first item of a list is named like a single value: without a description the two are the same.
fn without_first(path: &str) -> String {
    path.replace("[0]", "")
}

/// Why an instance is not written.
#[derive(Debug, thiserror::Error)]
enum NotPlaced {
    #[error("its position is not in the bytes that are written")]
    Elsewhere,
    #[error("other fields have these bytes")]
    Taken,
    #[error("it does not fit in the bytes around it")]
    TooLong,
    #[error("{0}")]
    Unwritten(String),
}

impl<'p> Writer<'p, '_> {
    /// Writes the instances of a structure, and of those in it, whose bytes are among its own.
    pub(super) fn place_instances(&mut self, owner: ObjectId, fields: &[Field<'_>]) -> Result<(), Halt> {
        if self.placed.is_empty() {
            return Ok(());
        }
        let io = self.run.io_of(owner);
        self.place_in(owner, fields, io)?;
        self.closed.insert(io, (self.part.number, self.part.position()));
        Ok(())
    }

    fn place_in(&mut self, id: ObjectId, fields: &[Field<'_>], io: IoId) -> Result<(), Halt> {
        let ty = self.run.plan.type_of(self.run.arena.object(id).ty);
        for attr in ty.instances.iter().filter(|attr| attr.value.is_none()) {
            let name = self.run.plan.name(attr.sym);
            let path = self.path(id, attr, None);
            if self.written.contains(&(id, attr.slot)) || !self.placed.contains(&without_first(&path)) {
                continue;
            }
            let Some(target) = self.target(id, attr) else { continue };
            let is_closed = self.closed.get(&target).is_some_and(|&(part, _)| part == self.part.number);
            if target != io && !is_closed {
                continue;
            }
            let given: Vec<Field<'_>> = fields.iter().filter(|field| field.name == name).cloned().collect();
            self.run
                .spend(1 + u64::from(self.part.position()) / 64)
                .map_err(|stop| self.stopped(stop, id))?;
            if let Err(why) = self.place_one(id, attr, &given, target) {
                self.note(format!("{path} is left unchanged: {why}"));
            }
        }
        for attr in ty.seq.iter().chain(&ty.instances) {
            let name = self.run.plan.name(attr.sym);
            let objects: Vec<ObjectId> = match self.run.arena.slot(id, attr.slot).val {
                _ if attr.value.is_some() => continue,
                Val::Obj(inner) => vec![inner],
                Val::Arr(array) => {
                    let items = self.run.arena.array(array).iter();
                    items
                        .filter_map(|item| if let Val::Obj(inner) = item.val { Some(inner) } else { None })
                        .collect()
                }
                _ => continue,
            };
            for (inner, field) in objects.into_iter().zip(fields.iter().filter(|field| field.name == name)) {
                self.run.spend(1).map_err(|stop| self.stopped(stop, id))?;
                self.place_in(inner, &field.fields, io)?;
            }
        }
        Ok(())
    }

    /// The bytes that an instance is in.
    fn target(&mut self, id: ObjectId, attr: &Attr) -> Option<IoId> {
        match attr.io {
            None => Some(self.run.io_of(id)),
            Some(node) => match self.run.eval(node, &Scope::of(id)) {
                Ok(Val::Io(io)) => Some(io),
                _ => None,
            },
        }
    }

    fn place_one(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        given: &[Field<'_>],
        target: IoId,
    ) -> Result<(), NotPlaced> {
        let at = self.place_of(id, attr, target).ok_or(NotPlaced::Elsewhere)?;
        self.part.align();
        let end = self.part.position();
        if at > end {
            self.part.bytes.resize(at as usize, 0);
            self.part.unexplained.push(end..at);
        }
        let limit = self.closed.get(&target).map(|&(_, limit)| limit);
        let before = self.part.bytes.split_off(at as usize);
        let marks = (self.measures.len(), self.part.checks.len(), self.part.unexplained.len());
        let shown = *self.run.arena.slot(id, attr.slot);
        let own_io = std::mem::replace(&mut self.run.arena.object_mut(id).io, target);
        let was_last = std::mem::replace(&mut self.is_last, false);
        let written = self.placed_values(id, attr, given);
        self.is_last = was_last;
        self.run.arena.object_mut(id).io = own_io;
        self.part.align();
        let new = at..self.part.position();
        let fits = match written {
            Err(halt) => Err(NotPlaced::Unwritten(halt.error().to_string())),
            Ok(()) if limit.is_some_and(|limit| new.end > limit) => Err(NotPlaced::TooLong),
            Ok(()) if self.takes(&new, &before) => Err(NotPlaced::Taken),
            Ok(()) => Ok(()),
        };
        if fits.is_err() {
            self.part.bytes.truncate(at as usize);
            self.part.bytes.extend_from_slice(&before);
            self.measures.truncate(marks.0);
            self.part.checks.truncate(marks.1);
            self.part.unexplained.truncate(marks.2);
            self.run.arena.set_slot(id, attr.slot, shown);
            return fits;
        }
        // What was at the end of the bytes ends with them, however long it is now.
        let last = given.last().map_or(0, |field| field.range.end);
        let old = last.saturating_sub(given.first().map_or(0, |field| field.range.start));
        let was_at_end = old == before.len() || last == at as usize + before.len();
        let rest = before.get(new.len()..).unwrap_or_default();
        let rest_end = new.end.saturating_add(u32::try_from(rest.len()).unwrap_or(u32::MAX));
        if limit.is_some() || !was_at_end || !self.is_unexplained(&(new.end..rest_end)) {
            self.part.bytes.extend_from_slice(rest);
        }
        self.explain(&new);
        self.written.insert((id, attr.slot));
        Ok(())
    }

    /// Where an instance begins, in the bytes that are being written.
    fn place_of(&mut self, id: ObjectId, attr: &Attr, target: IoId) -> Option<u32> {
        let scope = Scope::of(id);
        if let Some(condition) = attr.condition
            && !self.run.truth(condition, &scope).ok()?
        {
            return None;
        }
        let pos = self.run.number(attr.pos?, &scope).ok()?;
        let at = i128::from(self.run.io(target).base).checked_add(pos).filter(|_| pos >= 0)?;
        let at = u32::try_from(at).ok().filter(|&at| at as usize <= LARGEST)?;
        (at <= self.part.position().saturating_add(WIDEST_GAP)).then_some(at)
    }

    fn placed_values(&mut self, id: ObjectId, attr: &'p Attr, given: &[Field<'_>]) -> Result<(), Halt> {
        if !matches!(attr.repeat, Repeat::Once) {
            return self.list(id, attr, given);
        }
        self.place(id);
        let slot = self.one(id, attr, given.first(), &Scope::of(id))?;
        self.run.arena.set_slot(id, attr.slot, slot);
        if attr.check.is_some() {
            self.part.checks.push((id, attr.slot));
        }
        Ok(())
    }

    /// Whether new bytes differ from those before in places that other fields have.
    fn takes(&self, new: &Range<u32>, before: &[u8]) -> bool {
        let written = self.part.bytes.get(new.start as usize..).unwrap_or_default();
        let differs = (new.start..).zip(written.iter().zip(before)).filter(|(_, (new, old))| new != old);
        let mut places = differs.map(|(at, _)| at);
        places.any(|at| !self.part.unexplained.iter().any(|free| free.contains(&at)))
    }

    fn is_unexplained(&self, bytes: &Range<u32>) -> bool {
        let inside = |free: &Range<u32>| free.end.min(bytes.end).saturating_sub(free.start.max(bytes.start));
        self.part.unexplained.iter().map(inside).sum::<u32>() == bytes.end - bytes.start
    }

    /// Bytes that now belong to a field.
    fn explain(&mut self, new: &Range<u32>) {
        let parts = self
            .part
            .unexplained
            .iter()
            .flat_map(|free| [free.start..free.end.min(new.start), free.start.max(new.end)..free.end]);
        self.part.unexplained = parts.filter(|part| !part.is_empty()).collect();
    }
}
