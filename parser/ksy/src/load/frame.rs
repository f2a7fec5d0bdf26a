//! Which fields must be read to know where a message ends, and what may be skipped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::plan::{
    Attr, Endian, Node, NodeId, Plan, Repeat, Shape, Sym, TypeId, framing_expressions, shape_expressions,
};

/// The same types, of which only what some expressions need is read, each over structures of a type.
pub(crate) fn narrowed(plan: &Plan, expressions: &[(TypeId, NodeId)], names: Vec<Sym>) -> Plan {
    let needed = Needs::of(plan, vec![plan.root], expressions, names);
    let mut narrowed = plan.clone();
    for ty in &mut narrowed.types {
        let ty = Arc::make_mut(ty);
        let attrs = ty.seq.iter_mut().chain(&mut ty.instances);
        attrs.for_each(|attr| attr.needed = needed.contains(&attr.sym));
    }
    narrowed
}

/// The names of all fields that must be read to know where a message ends. A name counts everywhere: if two fields have
/// the same name both are read, which only costs time.
pub(super) struct Needs<'p> {
    plan: &'p Plan,
    names: HashSet<Sym>,
    seen: HashSet<TypeId>,
    /// Work left: types, and names whose fields are waiting.
    types: Vec<TypeId>,
    fresh: Vec<Sym>,
    /// What matters only if its name is used: instances, and the contents of bytes whose extent is known.
    waiting: HashMap<Sym, Vec<(TypeId, &'p Attr)>>,
}

impl<'p> Needs<'p> {
    /// What is needed to read messages of some types, and to evaluate expressions over structures.
    pub(super) fn of(
        plan: &'p Plan,
        roots: Vec<TypeId>,
        expressions: &[(TypeId, NodeId)],
        fresh: Vec<Sym>,
    ) -> HashSet<Sym> {
        let mut needs = Needs {
            plan,
            names: fresh.iter().copied().collect(),
            seen: HashSet::new(),
            types: roots,
            fresh,
            waiting: HashMap::new(),
        };
        expressions.iter().for_each(|&(owner, node)| needs.expression(owner, node));
        // What is needed may need more; each is visited once.
        loop {
            if let Some(id) = needs.types.pop() {
                needs.type_of(id);
            } else if let Some(name) = needs.fresh.pop() {
                for (id, attr) in needs.waiting.remove(&name).unwrap_or_default() {
                    needs.extent(id, attr);
                    needs.inside(id, attr);
                }
            } else {
                return needs.names;
            }
        }
    }

    fn expression(&mut self, owner: TypeId, node: NodeId) {
        let plan = self.plan.type_of(owner);
        let (names, fresh) = (&mut self.names, &mut self.fresh);
        self.plan.expressions.walk(node, &mut |_, node| {
            let name = match node {
                Node::Member(_, sym) | Node::Named(sym) => Some(*sym),
                Node::Slot(slot) => plan.attr(*slot).map(|attr| attr.sym),
                _ => None,
            };
            if let Some(name) = name.filter(|&name| names.insert(name)) {
                fresh.push(name);
            }
        });
    }

    fn type_of(&mut self, id: TypeId) {
        let plan = self.plan;
        if !self.seen.insert(id) {
            return;
        }
        let ty = plan.type_of(id);
        if let Endian::Switch(on, cases) = &ty.endian {
            self.expression(id, *on);
            cases.iter().filter_map(|(key, _)| *key).for_each(|key| self.expression(id, key));
        }
        for attr in &ty.instances {
            self.when_needed(id, attr);
        }
        for attr in &ty.seq {
            self.extent(id, attr);
            // The contents of bytes whose extent is known matter only where their names are used.
            if !attr.limit.is_bounded() || matches!(attr.repeat, Repeat::Until(_)) {
                self.inside(id, attr);
            } else {
                self.when_needed(id, attr);
            }
        }
    }

    /// Visits a field as soon as its name is used.
    fn when_needed(&mut self, id: TypeId, attr: &'p Attr) {
        self.waiting.entry(attr.sym).or_default().push((id, attr));
        if self.names.contains(&attr.sym) {
            self.fresh.push(attr.sym);
        }
    }

    fn extent(&mut self, id: TypeId, attr: &Attr) {
        framing_expressions(attr).into_iter().for_each(|node| self.expression(id, node));
    }

    fn inside(&mut self, id: TypeId, attr: &Attr) {
        shape_expressions(attr).into_iter().for_each(|node| self.expression(id, node));
        let mut shapes = vec![&attr.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => self.types.push(user.id),
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{field, loaded};

    #[test]
    fn only_what_decides_the_length_is_read() {
        let (plan, _) = loaded(
            "{id: a, type: u4}, {id: b, type: u2}, {id: n, type: u1}, {id: c, type: u1}, {id: body, size: n}, {id: d, type: u1}",
            "",
        );
        let needed = plan.root().seq.iter().filter(|attr| attr.needed);
        assert_eq!(needed.map(|attr| plan.name(attr.sym)).collect::<Vec<_>>(), ["n"]);
    }

    #[test]
    fn what_a_used_instance_uses_is_needed_and_what_an_unused_one_does_is_not() {
        let instances = "instances: {size: {value: n * 2}, other: {value: a + 1}}";
        let (plan, _) = loaded("{id: a, type: u1}, {id: n, type: u1}, {id: body, size: size}", instances);
        assert!(field(&plan, "n").needed && !field(&plan, "a").needed);
    }
}
