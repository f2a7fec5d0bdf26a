//! What each type whose messages are read says of them under its own `-framescope`, and what it has from the
//! description.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::error::Diagnostic;
use crate::load::Loader;
use crate::load::meta::{EXPRESSIONS, KEYS as DESCRIPTION_KEYS};
use crate::plan::{Meta, TypeId};
use crate::yaml::{Data, Node};

const KEYS: [&str; 10] = [
    "kind",
    "summary",
    "id",
    "request",
    "reply",
    "believe",
    "refuse",
    "limit",
    "segment-delimited",
    "carries",
];

/// What the description says for all types, and what came of it.
struct Common {
    node: Node,
    /// By key, the mistakes of the first type in which it can't work; none once there is one in which it does.
    tried: BTreeMap<&'static str, Vec<Diagnostic>>,
}

/// The same map with only some of its keys.
fn picked(node: &Node, is_wanted: impl Fn(&str) -> bool) -> Node {
    let entries = node.map().unwrap_or_default().iter();
    let entries = entries.filter(|(key, _)| is_wanted(key.text().unwrap_or_default()));
    Node { place: node.place, data: Data::Map(entries.cloned().collect()) }
}

impl Loader {
    /// What is known of the messages of some types.
    pub(super) fn metas_of(&mut self, roots: &[TypeId], base: &Meta) -> Vec<Meta> {
        let Some(node) = self.framescope(TypeId::ROOT) else { return Vec::new() };
        let mut common = Common { node, tried: BTreeMap::new() };
        let mut metas: BTreeMap<TypeId, Meta> = BTreeMap::new();
        for &root in roots {
            if let Entry::Vacant(vacant) = metas.entry(root) {
                vacant.insert(self.meta_of(root, base, &mut common));
            }
        }
        self.diagnostics.extend(common.tried.into_values().flatten());
        self.warn_of_others(roots);
        roots.iter().filter_map(|root| metas.get(root).cloned()).collect()
    }

    fn framescope(&self, id: TypeId) -> Option<Node> {
        self.declared(id)?.node.get("meta")?.get("-framescope").cloned()
    }

    fn meta_of(&mut self, root: TypeId, base: &Meta, common: &mut Common) -> Meta {
        let nothing = Node { place: common.node.place, data: Data::Map([].into()) };
        // The outermost type's own are the description's.
        let mut own = self.framescope(root).filter(|_| root != TypeId::ROOT).unwrap_or(nothing.clone());
        let is_of_file = self.plan.type_of(root).outer.is_none();
        if root != TypeId::ROOT && is_of_file {
            // A description of its own, which says more for where it is used by itself.
            self.check_keys(&own, &DESCRIPTION_KEYS, "-framescope");
            own = picked(&own, |key| KEYS.contains(&key));
        } else if root != TypeId::ROOT {
            self.check_keys(&own, &KEYS, "the '-framescope' of a type");
        }
        let mut found = base.clone();
        self.placing(&own, &mut found);
        let from_common = picked(&common.node, |key| own.get(key).is_none());
        for key in EXPRESSIONS {
            let before = found.clone();
            if self
                .tries(common, key, |loader| loader.message_expression(&from_common, key, root, &mut found))
            {
                found = before;
            }
        }
        self.tries(common, "summary", |loader| loader.own_summary(&from_common, root));
        let own_head = own.get("believe").or(own.get("refuse")).is_some();
        if !own_head {
            let is_wrong =
                self.tries(common, "believe", |loader| loader.head(&from_common, root, &mut found));
            if is_wrong {
                self.head(&nothing, root, &mut found);
            }
        }
        let before = found.head.clone();
        let checks = found.trailing_checks.clone();
        self.message_keys(&own, root, &mut found);
        if !own_head {
            (found.head, found.trailing_checks) = (before, checks);
        }
        self.streaming(root, &mut found);
        found
    }

    /// Does something with what the description says under a key. True if that makes no sense in this type.
    fn tries(&mut self, common: &mut Common, key: &'static str, work: impl FnOnce(&mut Loader)) -> bool {
        let before = self.diagnostics.len();
        work(self);
        let mistakes = self.diagnostics.split_off(before.min(self.diagnostics.len()));
        let is_wrong = !mistakes.is_empty();
        match is_wrong {
            true => {
                common.tried.entry(key).or_insert(mistakes);
            }
            false => {
                common.tried.insert(key, Vec::new());
            }
        }
        is_wrong
    }

    /// Warns of keys for messages in a type that is never one.
    fn warn_of_others(&mut self, roots: &[TypeId]) {
        for id in 1..self.types.len() {
            let id = TypeId::at(id);
            let is_of_this_file = self.plan.type_of(id).file == 0;
            if is_of_this_file
                && !roots.contains(&id)
                && let Some(own) = self.framescope(id)
                // Any structure of a message may carry something.
                && !own.map().is_some_and(|own| own.iter().all(|(key, _)| key.text() == Some("carries")))
            {
                let name = self.plan.type_of(id).name.clone();
                self.warn(own.place, format!("'-framescope' has no effect here: no state reads '{name}'"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::load::load;
    use crate::plan::Reading;

    const TYPES: &str = "
types:
  hello: {seq: [{id: version, type: u1}]}
  frame:
    meta: {-framescope: {limit: 99, kind: kind}}
    seq: [{id: kind, type: u1}, {id: number, type: u2}]
  reply: {seq: [{id: number, type: u2}]}
";

    #[test]
    fn a_type_has_what_it_says_and_what_the_description_says_where_its_names_exist() {
        let text = format!(
            "meta: {{id: t, endian: be, -framescope: {{id: number, limit: 10, conversation: {{client: [hello, frame], server: reply}}}}}}{TYPES}"
        );
        let grammar = load("t", &text, None).unwrap().1.conversation.unwrap();
        let said: Vec<_> = grammar
            .states
            .iter()
            .map(|state| match &state.reads {
                Reading::Own(_, meta) => (meta.limit, meta.kind.is_some(), meta.id.is_some()),
                Reading::Other(name) => panic!("{name}"),
            })
            .collect();
        assert_eq!(said, [(10, false, false), (99, true, true), (10, false, true)]);
    }

    #[test]
    fn what_makes_no_sense_in_any_type_is_refused() {
        let text = format!(
            "meta: {{id: t, endian: be, -framescope: {{id: numbr, conversation: {{client: [hello, frame], server: reply}}}}}}{TYPES}"
        );
        let error = load("t", &text, None).unwrap_err();
        assert!(error.to_string().starts_with("t:1:45: there is no 'numbr' in this type"), "{error}");
        let text = text.replace("id: numbr", "id: number").replace("kind: kind", "kind: knd");
        let error = load("t", &text, None).unwrap_err();
        assert!(
            error.to_string().contains("there is no 'knd' in this type; did you mean 'kind'?"),
            "{error}"
        );
    }
}
