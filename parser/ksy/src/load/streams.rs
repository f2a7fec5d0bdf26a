//! What in a description depends on where the stream ends, outside of a sized part: its messages do not show where they end.

use std::collections::HashSet;

use crate::error::{Diagnostic, Place};
use crate::load::Loader;
use crate::plan::{
    Attr, Endian, Node, NodeId, Repeat, Shape, Size, TypeId, TypePlan, framing_expressions, shape_expressions,
};

/// Searches for what depends on where the stream ends, which is not where a message ends.
pub(super) struct Streams<'l> {
    loader: &'l Loader,
    seen: HashSet<(TypeId, bool)>,
    first: Option<Diagnostic>,
}

impl<'l> Streams<'l> {
    pub(super) fn of(loader: &'l Loader) -> Streams<'l> {
        Streams { loader, seen: HashSet::new(), first: None }
    }

    /// The first that was found.
    pub(super) fn first(&self) -> Option<&Diagnostic> {
        self.first.as_ref()
    }

    fn say(&mut self, place: Place, what: &str) {
        self.first.get_or_insert_with(|| {
            Diagnostic::new(place, format!("{what} depends on where the stream ends"))
        });
    }

    /// Everything in a message of a type.
    pub(super) fn message(&mut self, id: TypeId) {
        let root = self.loader.plan.type_of(id).clone();
        if root.fixed_bits == Some(0) {
            let place = self.loader.declared(id).map_or(Place::default(), |declared| declared.node.place);
            self.first = Some(Diagnostic::new(place, "nothing in 'seq' shows where a message ends"));
        }
        self.type_of(id, false);
    }

    fn type_of(&mut self, id: TypeId, bounded: bool) {
        if self.first.is_some() || !self.seen.insert((id, bounded)) {
            return;
        }
        let plan = self.loader.plan.type_of(id).clone();
        if !bounded {
            self.endian(&plan, &plan.seq);
        }
        let needed = plan.instances.iter().filter(|attr| attr.needed);
        plan.seq.iter().chain(needed).for_each(|attr| self.field(attr, bounded));
    }

    /// The expression that chooses the byte order of a type.
    pub(super) fn endian(&mut self, plan: &TypePlan, seq: &[Attr]) {
        if let Endian::Switch(on, _) = &plan.endian {
            self.expression(*on, seq.first().map_or(Place::default(), |attr| attr.place), false);
        }
    }

    /// A field outside of any sized part.
    pub(super) fn attr(&mut self, attr: &Attr) {
        self.field(attr, false);
    }

    /// The items of a list outside of any sized part, wherever the list ends.
    pub(super) fn item(&mut self, list: &Attr) {
        self.field(&Attr { repeat: Repeat::Once, ..list.clone() }, false);
    }

    fn field(&mut self, attr: &Attr, bounded: bool) {
        if !bounded {
            if matches!(attr.limit.size, Size::Eos) && attr.pos.is_none() {
                self.say(attr.place, "'size-eos'");
            }
            if matches!(attr.repeat, Repeat::Eos) {
                self.say(attr.place, "'repeat: eos'");
            }
        }
        let nodes = framing_expressions(attr).into_iter().chain(shape_expressions(attr));
        nodes.for_each(|node| self.expression(node, attr.place, bounded));
        self.shape(&attr.shape, bounded || attr.limit.is_bounded());
    }

    fn shape(&mut self, shape: &Shape, bounded: bool) {
        match shape {
            Shape::User(user) => self.type_of(user.id, bounded),
            Shape::Switch(_, cases) => cases.iter().for_each(|(_, shape)| self.shape(shape, bounded)),
            _ => {}
        }
    }

    fn expression(&mut self, node: NodeId, place: Place, bounded: bool) {
        let expressions = &self.loader.plan.expressions;
        let mut found = None;
        expressions.walk(node, &mut |_, node| {
            let Node::Member(of, sym) = node else { return };
            let name = self.loader.plan.name(*sym);
            if name != "eof" && name != "size" {
                return;
            }
            match expressions.node(*of) {
                Node::Io if !bounded => found = Some(format!("'_io.{name}'")),
                Node::Member(of, io)
                    if self.loader.plan.name(*io) == "_io" && matches!(expressions.node(*of), Node::Root) =>
                {
                    found = Some(format!("'_root._io.{name}'"));
                }
                _ => {}
            }
        });
        if let Some(what) = found {
            self.say(place, &what);
        }
    }
}

impl Loader {
    /// Whether a structure of the stream itself, outside of any sized part, has an instance at a position of its own, which may be
    /// anywhere in the stream.
    pub(super) fn reads_elsewhere(&self) -> bool {
        let (mut seen, mut types) = (HashSet::new(), vec![(self.plan.root, false)]);
        while let Some((id, bounded)) = types.pop() {
            if !seen.insert((id, bounded)) {
                continue;
            }
            let plan = self.plan.type_of(id);
            for attr in plan.seq.iter().chain(&plan.instances) {
                let of_root = |node: NodeId| {
                    let mut found = false;
                    self.plan.expressions.walk(node, &mut |_, node| found |= matches!(node, Node::Root));
                    found
                };
                if attr.pos.is_some() && attr.io.map_or(!bounded, of_root) {
                    return true;
                }
                let mut shapes = vec![&attr.shape];
                while let Some(shape) = shapes.pop() {
                    match shape {
                        Shape::User(user) => types.push((user.id, bounded || attr.limit.is_bounded())),
                        Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                        _ => {}
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::loaded;

    /// What depends on the end, if anything does.
    fn end(seq: &str, more: &str) -> Option<String> {
        loaded(seq, more).1.end.map(|found| found.text)
    }

    #[test]
    fn what_depends_on_the_end_of_the_stream_is_found_unless_it_is_in_a_sized_part() {
        let list = "types: {list: {seq: [{id: x, type: u1, repeat: eos}]}}";
        let what = |what: &str| Some(format!("{what} depends on where the stream ends"));
        assert_eq!(end("{id: all, type: list}", list), what("'repeat: eos'"));
        assert_eq!(end("{id: all, type: list, size: 4}", list), None);
        assert_eq!(end("{id: a, type: u1, if: not _io.eof}", ""), what("'_io.eof'"));
        assert_eq!(end("{id: a, size: 4}, {id: b, size-eos: true}", ""), what("'size-eos'"));
        assert!(end("", "instances: {a: {pos: 0, type: u1}}").is_some(), "nothing is read in order");
    }
}
