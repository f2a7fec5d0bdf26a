//! Loads what messages carry: `carries` under the `-framescope` of a description, or of a type in it. Each item becomes a
//! rule over the structures of one type; the rules with the same name fill the same inner streams.

mod by;
mod rule;

use std::collections::HashSet;

use crate::error::{Diagnostic, Place};
use crate::load::Loader;
use crate::plan::{CarriesPlan, CarryRule, Meta, Ordering, Shape, StreamPlan, TypeId};
use crate::yaml::Node;

/// A rule, and what it says of its stream.
struct Draft {
    rule: CarryRule,
    place: Place,
    stream: StreamPlan,
    /// Whether each of its values is known to be bytes of the message, as they are.
    is_plain: bool,
}

impl Loader {
    /// What the messages of the description carry; None if nothing says that they carry anything.
    pub(super) fn carries(&mut self, meta: &Meta) -> Option<CarriesPlan> {
        let roots = match self.roots.as_slice() {
            [] => vec![TypeId::ROOT],
            roots => roots.to_vec(),
        };
        let reachable = self.reachable(&roots);
        let mut drafts = Vec::new();
        for id in (0..self.types.len()).map(TypeId::at) {
            let is_of_description = id == TypeId::ROOT && !self.roots.is_empty();
            let Some(node) = self.carries_of(id).filter(|_| !is_of_description) else { continue };
            match reachable.contains(&id) {
                true => drafts.extend(self.carry_drafts(&node, id, meta)),
                false if self.plan.type_of(id).file == 0 => {
                    let name = self.plan.type_of(id).name.clone();
                    self.warn(
                        node.place,
                        format!("'carries' has no effect here: no message contains '{name}'"),
                    );
                }
                false => {}
            }
        }
        drafts.extend(self.common_drafts(&roots, meta));
        (!drafts.is_empty()).then(|| self.joined(drafts))
    }

    fn carries_of(&self, id: TypeId) -> Option<Node> {
        self.declared(id)?.node.get("meta")?.get("-framescope")?.get("carries").cloned()
    }

    /// What the description says for the types of all states, where the names exist.
    fn common_drafts(&mut self, roots: &[TypeId], meta: &Meta) -> Vec<Draft> {
        let Some(node) = self.carries_of(TypeId::ROOT).filter(|_| !self.roots.is_empty()) else {
            return Vec::new();
        };
        let (mut drafts, mut first): (Vec<Draft>, Option<Vec<Diagnostic>>) = (Vec::new(), None);
        let mut done = HashSet::new();
        for &root in roots {
            if !done.insert(root) || self.carries_of(root).is_some() && root != TypeId::ROOT {
                continue;
            }
            let before = self.diagnostics.len();
            let found = self.carry_drafts(&node, root, meta);
            let mistakes = self.diagnostics.split_off(before.min(self.diagnostics.len()));
            match mistakes.is_empty() {
                true => drafts.extend(found),
                false => drop(first.get_or_insert(mistakes)),
            }
        }
        if drafts.is_empty() {
            self.diagnostics.extend(first.unwrap_or_default());
        }
        drafts
    }

    /// The types of all structures that messages may contain.
    fn reachable(&self, roots: &[TypeId]) -> HashSet<TypeId> {
        let (mut found, mut left) = (HashSet::new(), roots.to_vec());
        while let Some(id) = left.pop() {
            if !found.insert(id) {
                continue;
            }
            let ty = self.plan.type_of(id);
            let mut shapes: Vec<&Shape> =
                ty.seq.iter().chain(&ty.instances).map(|attr| &attr.shape).collect();
            while let Some(shape) = shapes.pop() {
                match shape {
                    Shape::User(user) => left.push(user.id),
                    Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                    _ => {}
                }
            }
        }
        found
    }

    /// The rules of one `carries`: a field, a map, or a list of these.
    fn carry_drafts(&mut self, node: &Node, id: TypeId, meta: &Meta) -> Vec<Draft> {
        let items = node.list().map_or_else(|| vec![node.clone()], <[Node]>::to_vec);
        if items.is_empty() {
            self.report(node.place, "'carries' must name at least one field");
        }
        let drafts: Vec<Draft> = items.iter().filter_map(|item| self.carry_draft(item, id, meta)).collect();
        for (at, one) in drafts.iter().enumerate() {
            let is_same = |other: &&Draft| {
                let differs = other.rule.path != one.rule.path && other.rule.path.is_some();
                let always = other.rule.condition.is_none() && one.rule.condition.is_none();
                other.stream.name == one.stream.name && one.rule.path.is_some() && differs && always
            };
            if drafts.get(..at).unwrap_or_default().iter().any(|other| is_same(&other)) {
                let text = "two fields of every message would be one inner stream: give one of them a 'name', or both an 'if'";
                self.report(one.place, text);
            }
        }
        drafts
    }

    /// Something must say when a message that has parts is complete.
    fn check_ends(&mut self, drafts: &[Draft]) {
        for draft in drafts {
            let is_same = |other: &&Draft| other.stream.name == draft.stream.name;
            let ends = |other: &Draft| other.rule.last.or(other.rule.count).or(other.rule.length).is_some();
            let rule = &draft.rule;
            let has_parts = rule.path.is_some() && (rule.is_part() || rule.order != Ordering::Sent);
            if draft.stream.is_delimited && has_parts && !drafts.iter().filter(is_same).any(ends) {
                let text = "nothing says when a message is complete: add 'last', 'count' or 'length'";
                self.report(draft.place, text);
            }
        }
    }

    /// Joins the rules whose streams have the same name.
    fn joined(&mut self, drafts: Vec<Draft>) -> CarriesPlan {
        let is_changed = self
            .plan
            .types
            .iter()
            .any(|ty| ty.seq.iter().chain(&ty.instances).any(|attr| attr.process.is_some()));
        self.check_ends(&drafts);
        let mut plan = CarriesPlan::default();
        for draft in drafts {
            let Draft { mut rule, place, mut stream, is_plain } = draft;
            stream.is_verbatim &= is_plain && !is_changed;
            let known = plan.streams.iter_mut().enumerate().find(|(_, known)| known.name == stream.name);
            let Some((at, known)) = known else {
                rule.stream = u16::try_from(plan.streams.len()).unwrap_or(u16::MAX);
                plan.streams.push(stream);
                plan.rules.push(rule);
                continue;
            };
            rule.stream = u16::try_from(at).unwrap_or(u16::MAX);
            if known.protocol.is_some() && stream.protocol.is_some() && known.protocol != stream.protocol {
                let name = &stream.name;
                self.report(
                    place,
                    format!("'{name}' has another protocol elsewhere: give one of them another 'name'"),
                );
            } else if let Some(text) = disagreement(known, &stream, &rule) {
                let name = &stream.name;
                self.report(
                    place,
                    format!("{text}, and elsewhere '{name}' is not: give one of them another 'name'"),
                );
            }
            if rule.path.is_some() {
                known.is_verbatim &= stream.is_verbatim;
                known.is_delimited = stream.is_delimited;
                if stream.order != Ordering::Sent {
                    known.order = stream.order;
                }
            }
            known.says_begin |= stream.says_begin;
            known.has_channels |= stream.has_channels;
            known.protocol = known.protocol.take().or(stream.protocol);
            plan.rules.push(rule);
        }
        plan
    }
}

/// What two rules of one stream say differently of it.
fn disagreement(known: &StreamPlan, stream: &StreamPlan, rule: &CarryRule) -> Option<&'static str> {
    if known.has_channels != stream.has_channels {
        return Some(match stream.has_channels {
            true => "this has a 'channel'",
            false => "this is without a 'channel'",
        });
    }
    rule.path.as_ref()?;
    if known.is_delimited != stream.is_delimited {
        return Some(match stream.is_delimited {
            true => "this is 'as: messages'",
            false => "this is 'as: stream'",
        });
    }
    // Beside messages in parts there may be whole ones.
    let agrees = known.order == stream.order
        || stream.is_delimited && (known.order == Ordering::Sent || stream.order == Ordering::Sent);
    (!agrees).then_some(match stream.order {
        Ordering::Sent => "this is in the order in which it is sent",
        Ordering::Offset => "this has an 'offset'",
        Ordering::Index => "this has an 'index'",
    })
}

#[cfg(test)]
mod tests;
