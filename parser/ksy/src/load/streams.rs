//! Checks that a stream can be split into messages: nothing outside of a sized part may depend on where the stream ends.

use std::collections::HashSet;

use crate::error::{Diagnostic, Place};
use crate::load::Loader;
use crate::plan::{
    Endian, Node, NodeId, Repeat, Shape, Size, TypeId, framing_expressions, shape_expressions,
};

/// Searches for what depends on where the stream ends, which is not where a message ends.
pub(super) struct Streams<'l> {
    pub(super) loader: &'l Loader,
    pub(super) seen: HashSet<(TypeId, bool)>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

const HINT: &str = ", but a message in a stream must give its own length: add a 'size', or 'segment-delimited: true' under '-framescope' if each segment or datagram is one message";

impl Streams<'_> {
    fn say(&mut self, place: Place, what: &str) {
        if self.diagnostics.len() < 20 {
            self.diagnostics
                .push(Diagnostic::new(place, format!("{what} depends on where the stream ends{HINT}")));
        }
    }

    pub(super) fn type_of(&mut self, id: TypeId, bounded: bool) {
        if !self.seen.insert((id, bounded)) {
            return;
        }
        let plan = self.loader.plan.type_of(id).clone();
        if let (Endian::Switch(on, _), false) = (&plan.endian, bounded) {
            self.expression(*on, plan.seq.first().map_or(Place::default(), |attr| attr.place), bounded);
        }
        let needed = plan.instances.iter().filter(|attr| attr.needed);
        for attr in plan.seq.iter().chain(needed) {
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

#[cfg(test)]
mod tests {
    use crate::load::testing::loaded;

    #[test]
    fn what_depends_on_the_end_of_the_stream_is_refused_unless_it_is_in_a_sized_part() {
        let list = "types: {list: {seq: [{id: x, type: u1, repeat: eos}]}}";
        let (_, meta) = loaded("{id: all, type: list}", list);
        assert!(
            meta.stream_diagnostics[0].text.starts_with("'repeat: eos' depends on where the stream ends")
        );
        let (_, meta) = loaded("{id: all, type: list, size: 4}", list);
        assert!(meta.stream_diagnostics.is_empty());
        let (_, meta) = loaded("{id: a, type: u1, if: not _io.eof}", "");
        assert_eq!(meta.stream_diagnostics.len(), 1);
    }
}
