//! From messages to forms: messages with the same fields are one, and what each field may be is tried.

use std::collections::{BTreeMap, BTreeSet};

use framescope_parser::{Field, Value};

use super::Form;
use super::node::{Items, Mask, Node, fields, owned};
use super::place::{Place, at, at_mut, find, number_of};
use super::probe::Writer;

/// How many forms of one kind are learned.
const MOST_OF_A_KIND: usize = 8;
/// How many messages are written to learn them, for each try.
const WRITTEN_A_TRY: usize = 20;
/// How many items are tried, and chosen.
const MOST_ITEMS: usize = 8;

/// The forms of the messages among these, the simplest first.
pub(super) fn forms(writer: &Writer<'_>, named: &[i128], samples: Vec<Vec<u8>>, tries: u32) -> Vec<Form> {
    let mut samples = samples;
    samples.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    samples.dedup();
    let mut repeated = BTreeSet::new();
    for sample in &samples {
        find_repeated(&writer.read(sample).fields, "", &mut repeated);
    }
    let mut seen = BTreeSet::new();
    let mut of_kind: BTreeMap<Option<String>, usize> = BTreeMap::new();
    let mut found: Vec<Form> = Vec::new();
    for sample in &samples {
        let read = writer.read(sample);
        if !read.problems.is_empty() || writer.count() > tries as usize * WRITTEN_A_TRY {
            continue;
        }
        let kind = read.kind.map(|kind| kind.to_string());
        let nodes = nodes(&read.fields, "", &repeated);
        if !seen.insert((kind.clone(), signature(&nodes))) {
            continue;
        }
        // Numbers without a name are all one kind here.
        let is_named = read.kind.is_some_and(|kind| kind.name.is_some());
        let bucket = kind.clone().filter(|_| is_named);
        let number = of_kind.entry(bucket).or_default();
        if *number >= MOST_OF_A_KIND
            || writer.valid(&fields(&nodes, &[], &Mask::None), kind.as_deref()).is_none()
        {
            continue;
        }
        *number += 1;
        let mut learner = Learner { writer, named, kind: kind.as_deref(), nodes };
        learner.learn();
        let nodes = learner.nodes;
        if let Some(simplest) = writer.valid(&fields(&nodes, &[], &Mask::None), kind.as_deref()) {
            found.push(Form { kind, is_named, nodes, simplest });
        }
    }
    found.sort_by_key(|form| (!form.is_named, form.simplest.len()));
    let mut distinct = BTreeSet::new();
    // Where all that differed can be chosen they are one.
    found.retain(|form| {
        distinct.insert((form.kind.clone(), format!("{:?}", form.parts()), form.simplest.clone()))
    });
    found
}

/// The paths of fields of which several follow each other.
fn find_repeated(fields: &[Field<'_>], within: &str, found: &mut BTreeSet<String>) {
    for (at, field) in fields.iter().enumerate() {
        let path = format!("{within}.{}", field.name);
        find_repeated(&field.fields, &path, found);
        if fields.get(at + 1).is_some_and(|next| next.name == field.name) {
            found.insert(path);
        }
    }
}

fn nodes(fields: &[Field<'_>], within: &str, repeated: &BTreeSet<String>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    for field in fields {
        let path = format!("{within}.{}", field.name);
        let (name, value) = (field.name.to_owned(), owned(&field.value));
        let node = match field.fields.is_empty() {
            true => Node::Leaf { name, value, domain: None },
            false => Node::Group { name, value, nodes: nodes(&field.fields, &path, repeated) },
        };
        if !repeated.contains(&path) {
            out.push(node);
            continue;
        }
        match out.last_mut() {
            Some(Node::Items(items)) if items.name == field.name => {
                let own = signature(std::slice::from_ref(&node));
                let known =
                    items.alternatives.iter().position(|one| signature(std::slice::from_ref(one)) == own);
                items.usual.push(known.unwrap_or(items.alternatives.len()));
                if known.is_none() {
                    items.alternatives.push(node);
                }
            }
            _ => {
                let name = field.name.to_owned();
                out.push(Node::Items(Items {
                    name,
                    alternatives: vec![node],
                    usual: vec![0],
                    least: 1,
                    most: 1,
                }));
            }
        }
    }
    out
}

/// What messages of one form have in common. Of items, which sorts there are, and not how many.
fn signature(nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes {
        out.push_str(node.name());
        match node {
            Node::Leaf { value, .. } => out.push(match value {
                Value::Text(_) => 't',
                Value::Bytes(_) => 'b',
                Value::Float(_) => 'f',
                Value::Bool(_) => '?',
                _ => 'n',
            }),
            Node::Group { nodes, .. } => {
                out.push('{');
                out.push_str(&signature(nodes));
                out.push('}');
            }
            Node::Items(items) => {
                let of = |one: &Node| signature(std::slice::from_ref(one));
                let sorts: BTreeSet<String> = items.alternatives.iter().map(of).collect();
                out.push('[');
                sorts.iter().for_each(|one| out.push_str(one));
                out.push(']');
            }
        }
        out.push(';');
    }
    out
}

/// Learns what can be chosen in one form.
pub(super) struct Learner<'w> {
    writer: &'w Writer<'w>,
    /// Numbers that the description names.
    pub(super) named: &'w [i128],
    kind: Option<&'w str>,
    nodes: Vec<Node>,
}

impl Learner<'_> {
    fn learn(&mut self) {
        let (mut leaves, mut lists) = (Vec::new(), Vec::new());
        find(&self.nodes, &mut Vec::new(), &mut leaves, &mut lists);
        for place in &lists {
            self.shorten(place);
        }
        for place in &leaves {
            self.simplify(place);
        }
        for place in &leaves {
            let domain =
                self.with_leaf_shown(place, |learner, number| learner.domain(place, number)).flatten();
            if let Some(Node::Leaf { domain: known, .. }) = at_mut(&mut self.nodes, place) {
                *known = domain;
            }
        }
        for place in &lists {
            self.count_items(place);
        }
    }

    fn is_valid(&self) -> bool {
        self.writer.valid(&fields(&self.nodes, &[], &Mask::None), self.kind).is_some()
    }

    /// Tries the usual items of a list; keeps them if the message is valid.
    fn try_items(&mut self, place: &Place, usual: Vec<usize>) -> bool {
        let Some(Node::Items(items)) = at_mut(&mut self.nodes, place) else { return false };
        let before = std::mem::replace(&mut items.usual, usual);
        let is_valid = self.is_valid();
        if !is_valid && let Some(Node::Items(items)) = at_mut(&mut self.nodes, place) {
            items.usual = before;
        }
        is_valid
    }

    fn usual(&self, place: &Place) -> Vec<usize> {
        match at(&self.nodes, place) {
            Some(Node::Items(items)) => items.usual.clone(),
            _ => Vec::new(),
        }
    }

    /// As few items as there may be.
    fn shorten(&mut self, place: &Place) {
        let mut usual = self.usual(place);
        if self.try_items(place, Vec::new()) {
            return;
        }
        while let Some(last) = usual.pop() {
            if !self.try_items(place, usual.clone()) {
                usual.push(last);
                break;
            }
        }
    }

    /// How few and how many items there may be.
    fn count_items(&mut self, place: &Place) {
        let usual = self.usual(place);
        let sorts = match at(&self.nodes, place) {
            Some(Node::Items(items)) => items.alternatives.len(),
            _ => return,
        };
        let mut most = usual.len();
        for more in 1..=MOST_ITEMS {
            let extended: Vec<usize> =
                usual.iter().copied().chain((0..more).map(|n| n % sorts.max(1))).collect();
            let one_sort: Vec<usize> = usual.iter().copied().chain((0..more).map(|_| 0)).collect();
            if !self.try_items(place, extended) && !self.try_items(place, one_sort) {
                break;
            }
            most = usual.len() + more;
        }
        if let Some(Node::Items(items)) = at_mut(&mut self.nodes, place) {
            (items.least, items.most) = (usual.len().min(most), most);
            items.usual = usual;
        }
    }

    /// Tries a value of a leaf; keeps it if the message is valid, and puts the old one back if not.
    fn try_value(&mut self, place: &Place, value: Value<'static>) -> bool {
        let before = self.put(place, value);
        let is_valid = self.is_valid();
        if !is_valid && let Some(before) = before {
            self.put(place, before);
        }
        is_valid
    }

    pub(super) fn put(&mut self, place: &Place, new: Value<'static>) -> Option<Value<'static>> {
        match at_mut(&mut self.nodes, place) {
            Some(Node::Leaf { value, .. }) => Some(std::mem::replace(value, new)),
            _ => None,
        }
    }

    pub(super) fn value(&self, place: &Place) -> Option<Value<'static>> {
        match at(&self.nodes, place) {
            Some(Node::Leaf { value, .. }) => Some(value.clone()),
            _ => None,
        }
    }

    /// The simplest value that it may have.
    fn simplify(&mut self, place: &Place) {
        let Some(value) = self.value(place) else { return };
        let simpler: Vec<Value<'static>> = match &value {
            Value::Unsigned(_) => [0, 1].map(Value::Unsigned).into(),
            Value::Hex(_) => [0, 1].map(Value::Hex).into(),
            Value::Signed(_) => [0, 1].map(Value::Signed).into(),
            Value::Wide(_) => vec![Value::Wide(0.into())],
            Value::Float(_) => vec![Value::Float(0.0)],
            Value::Bool(_) => vec![Value::Bool(false)],
            Value::Text(text) => {
                let length = text.chars().count();
                let texts =
                    [String::new(), "0".to_owned(), "a".to_owned(), "0".repeat(length), "a".repeat(length)];
                texts.map(|text| Value::Text(text.into())).into()
            }
            Value::Bytes(bytes) => {
                [Vec::new(), vec![0], vec![b'0'], vec![0; bytes.len()], vec![b'0'; bytes.len()]]
                    .map(|bytes| Value::Bytes(bytes.into()))
                    .into()
            }
            Value::Enum(_) | Value::Group | Value::Missing => Vec::new(),
        };
        for value in simpler {
            if self.try_value(place, value) {
                return;
            }
        }
    }

    /// Puts the leaf into the message if it is in an item that is not, and passes on its number among the leaves.
    fn with_leaf_shown<T>(&mut self, place: &Place, then: impl FnOnce(&mut Self, usize) -> T) -> Option<T> {
        let mut restore = Vec::new();
        for depth in 1..place.len() {
            let list: Place = place.iter().take(depth).copied().collect();
            if let (Some(Node::Items(_)), Some(&alternative)) = (at(&self.nodes, &list), place.get(depth)) {
                let usual = self.usual(&list);
                if usual.contains(&alternative) {
                    continue;
                }
                if !self.try_items(&list, vec![alternative]) {
                    let longer = usual.iter().copied().chain([alternative]).collect();
                    self.try_items(&list, longer);
                }
                restore.push((list, usual));
            }
        }
        let number = number_of(&self.nodes, place);
        let result = number.map(|number| then(self, number));
        for (list, usual) in restore.into_iter().rev() {
            if let Some(Node::Items(items)) = at_mut(&mut self.nodes, &list) {
                items.usual = usual;
            }
        }
        result
    }

    /// Whether the message is valid with that value, and has it.
    pub(super) fn may_be(&mut self, place: &Place, number: usize, value: Value<'static>) -> bool {
        let before = self.put(place, value);
        let may_be = self.writer.keeps(&fields(&self.nodes, &[], &Mask::None), self.kind, number);
        if let Some(before) = before {
            self.put(place, before);
        }
        may_be
    }
}
