//! From messages to forms: messages with the same fields are one, and what each field may be is tried.

use std::collections::{BTreeMap, BTreeSet};

use framescope_parser::{Field, Value};

use super::node::{Items, Mask, Node, fields, owned, value_like};
use super::probe::Writer;
use super::{Domain, Form};

/// How many forms of one kind are learned.
const MOST_OF_A_KIND: usize = 8;
/// How many messages are written to learn them, for each try.
const WRITTEN_A_TRY: usize = 20;
/// How many items are tried, and chosen.
const MOST_ITEMS: usize = 8;
/// Lengths of text and bytes that are tried.
const LENGTHS: [usize; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 31, 64, 100, 256, 1000];

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

/// Where a node is: its place among its siblings, or an alternative, at each level.
type Place = Vec<usize>;

/// Learns what can be chosen in one form.
struct Learner<'w> {
    writer: &'w Writer<'w>,
    /// Numbers that the description names.
    named: &'w [i128],
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

    fn put(&mut self, place: &Place, new: Value<'static>) -> Option<Value<'static>> {
        match at_mut(&mut self.nodes, place) {
            Some(Node::Leaf { value, .. }) => Some(std::mem::replace(value, new)),
            _ => None,
        }
    }

    fn value(&self, place: &Place) -> Option<Value<'static>> {
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
    fn may_be(&mut self, place: &Place, number: usize, value: Value<'static>) -> bool {
        let before = self.put(place, value);
        let may_be = self.writer.keeps(&fields(&self.nodes, &[], &Mask::None), self.kind, number);
        if let Some(before) = before {
            self.put(place, before);
        }
        may_be
    }

    fn domain(&mut self, place: &Place, leaf: usize) -> Option<Domain> {
        let value = self.value(place)?;
        match &value {
            Value::Unsigned(_) | Value::Hex(_) | Value::Signed(_) | Value::Wide(_) | Value::Enum(_) => {
                self.numbers(place, leaf, &value)
            }
            Value::Bool(now) => self.may_be(place, leaf, Value::Bool(!now)).then_some(Domain::Bool),
            Value::Float(_) => self.float(place, leaf),
            Value::Text(text) => self.text(place, leaf, text),
            Value::Bytes(bytes) => self.bytes(place, leaf, bytes),
            Value::Group | Value::Missing => None,
        }
    }

    fn float(&mut self, place: &Place, leaf: usize) -> Option<Domain> {
        if self.may_be(place, leaf, Value::Float(0.1)) {
            return Some(Domain::Float(64));
        }
        self.may_be(place, leaf, Value::Float(0.1_f32.into())).then_some(Domain::Float(32))
    }

    fn numbers(&mut self, place: &Place, leaf: usize, like: &Value<'static>) -> Option<Domain> {
        let now = number_in(like)?;
        let mut may_be = |number: i128| {
            let chosen = super::Chosen::Number(number);
            value_like(like, &chosen).is_some_and(|value| self.may_be(place, leaf, owned(&value)))
        };
        // The widest that it is written in, above and below zero.
        let widest = if matches!(like, Value::Wide(_)) { 126 } else { 64 };
        let bits = (1..=widest).rev().find(|&bits| may_be((1 << bits) - 1));
        let last = bits.map_or(now, |bits| (1 << bits) - 1);
        let below = if may_be(-1) { (0..=widest).rev().find(|&bits| may_be(-(1 << bits))) } else { None };
        let first = below.map_or_else(|| if may_be(0) { 0 } else { now.min(last) }, |bits| -(1 << bits));
        let span = last - first;
        if span > 8 && (1..8).all(|n| may_be(first + span / 8 * n + n)) {
            return Some(Domain::Numbers(first, last));
        }
        let few = (0..=8).chain((4..16).map(|bits| 1 << bits)).chain(self.named.iter().copied());
        let few: BTreeSet<i128> = few.chain([now, first, last]).collect();
        let mut found: BTreeSet<i128> =
            few.into_iter().filter(|&number| self.may_be_number(place, leaf, like, number)).collect();
        if found.len() > 1 {
            found.extend((9..=255).filter(|&number| self.may_be_number(place, leaf, like, number)));
        }
        (found.len() > 1).then(|| Domain::OneNumber(found.into_iter().collect()))
    }

    fn may_be_number(&mut self, place: &Place, leaf: usize, like: &Value<'static>, number: i128) -> bool {
        let chosen = super::Chosen::Number(number);
        value_like(like, &chosen).is_some_and(|value| self.may_be(place, leaf, owned(&value)))
    }

    fn text(&mut self, place: &Place, leaf: usize, now: &str) -> Option<Domain> {
        let now = now.chars().count();
        let text = |one: char, length: usize| Value::Text(String::from_iter(vec![one; length]).into());
        let mut fills = ['a', '0', 'A', ' '].into_iter().chain('!'..='~');
        let fill = fills.find(|&one| self.may_be(place, leaf, text(one, now.max(1))))?;
        let (least, most) = self.lengths(place, leaf, now, &|length| text(fill, length));
        let mut except = Vec::new();
        let ascii: Vec<char> = ('\0'..='\x7f').collect();
        for some in ascii.chunks(16.clamp(least.max(1), most.max(1))) {
            let padded =
                some.iter().copied().chain(vec![fill; least.saturating_sub(some.len())]).collect::<String>();
            if !self.may_be(place, leaf, Value::Text(padded.into())) {
                let length = now.max(1);
                except
                    .extend(some.iter().copied().filter(|&one| !self.may_be(place, leaf, text(one, length))));
            }
        }
        let mut last = '\x7f';
        for higher in ['\u{ff}', '\u{ffff}', '\u{10ffff}'] {
            let length = if most > least { now.max(1) } else { now / higher.len_utf8() };
            let mut characters = vec![higher; length];
            characters.resize(
                characters.len() + if most > least { 0 } else { now - length * higher.len_utf8() },
                fill,
            );
            if self.may_be(place, leaf, Value::Text(String::from_iter(characters).into())) {
                last = higher;
            }
        }
        let is_free = most > least || (last > '\x7f' || except.len() < 127) && most > 0;
        if !is_free {
            return None;
        }
        Some(Domain::Text { last, except, least, most })
    }

    fn bytes(&mut self, place: &Place, leaf: usize, now: &[u8]) -> Option<Domain> {
        let now = now.len();
        let bytes = |one: u8, length: usize| Value::Bytes(vec![one; length].into());
        let fill = (0..=255).find(|&one| self.may_be(place, leaf, bytes(one, now.max(1))))?;
        let (least, most) = self.lengths(place, leaf, now, &|length| bytes(fill, length));
        let mut except = Vec::new();
        let all: Vec<u8> = (0..=255).collect();
        for some in all.chunks(16.clamp(least.max(1), most.max(1))) {
            let mut padded = some.to_vec();
            padded.resize(padded.len().max(least), fill);
            if !self.may_be(place, leaf, Value::Bytes(padded.into())) {
                let length = now.max(1);
                except.extend(
                    some.iter().copied().filter(|&one| !self.may_be(place, leaf, bytes(one, length))),
                );
            }
        }
        let is_free = most > least || except.len() < 255 && most > 0;
        is_free.then_some(Domain::Bytes { except, least, most })
    }

    /// How short and how long a value may be.
    fn lengths(
        &mut self,
        place: &Place,
        leaf: usize,
        now: usize,
        of: &dyn Fn(usize) -> Value<'static>,
    ) -> (usize, usize) {
        let up = LENGTHS.into_iter().filter(|&length| length > now);
        let most = up.take_while(|&length| self.may_be(place, leaf, of(length))).last().unwrap_or(now);
        let down = LENGTHS.into_iter().rev().filter(|&length| length < now);
        let least = down.take_while(|&length| self.may_be(place, leaf, of(length))).last().unwrap_or(now);
        (least, most)
    }
}

fn number_in(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Unsigned(n) | Value::Hex(n) => Some(i128::from(*n)),
        Value::Signed(n) => Some(i128::from(*n)),
        Value::Wide(n) => Some(n.number()),
        Value::Enum(kind) => Some(kind.number()),
        _ => None,
    }
}

/// The places of all leaves and lists.
fn find(nodes: &[Node], place: &mut Place, leaves: &mut Vec<Place>, lists: &mut Vec<Place>) {
    for (at, node) in nodes.iter().enumerate() {
        place.push(at);
        match node {
            Node::Leaf { .. } => leaves.push(place.clone()),
            Node::Group { nodes, .. } => find(nodes, place, leaves, lists),
            Node::Items(items) => {
                lists.push(place.clone());
                find(&items.alternatives, place, leaves, lists);
            }
        }
        place.pop();
    }
}

fn at<'n>(nodes: &'n [Node], place: &[usize]) -> Option<&'n Node> {
    let (first, rest) = place.split_first()?;
    let node = nodes.get(*first)?;
    match node {
        _ if rest.is_empty() => Some(node),
        Node::Leaf { .. } => None,
        Node::Group { nodes, .. } => at(nodes, rest),
        Node::Items(items) => at(&items.alternatives, rest),
    }
}

fn at_mut<'n>(nodes: &'n mut [Node], place: &[usize]) -> Option<&'n mut Node> {
    let (first, rest) = place.split_first()?;
    let node = nodes.get_mut(*first)?;
    if rest.is_empty() {
        return Some(node);
    }
    match node {
        Node::Leaf { .. } => None,
        Node::Group { nodes, .. } => at_mut(nodes, rest),
        Node::Items(items) => at_mut(&mut items.alternatives, rest),
    }
}

/// The number of a leaf among all that are written; None if it is in no item that is.
fn number_of(nodes: &[Node], place: &[usize]) -> Option<usize> {
    fn leaves(node: &Node) -> usize {
        match node {
            Node::Leaf { .. } => 1,
            Node::Group { nodes, .. } if nodes.is_empty() => 1,
            Node::Group { nodes, .. } => nodes.iter().map(leaves).sum(),
            Node::Items(items) => {
                items.usual.iter().filter_map(|&at| items.alternatives.get(at)).map(leaves).sum()
            }
        }
    }
    let (first, rest) = place.split_first()?;
    let before: usize = nodes.iter().take(*first).map(leaves).sum();
    let node = nodes.get(*first)?;
    let inside = match node {
        _ if rest.is_empty() => 0,
        Node::Leaf { .. } => return None,
        Node::Group { nodes, .. } => number_of(nodes, rest)?,
        Node::Items(items) => {
            let (alternative, rest) = rest.split_first()?;
            let nth = items.usual.iter().position(|at| at == alternative)?;
            let skipped = items.usual.iter().take(nth).filter_map(|&at| items.alternatives.get(at));
            let own = items.alternatives.get(*alternative..=*alternative)?;
            let within: Vec<usize> = std::iter::once(0).chain(rest.iter().copied()).collect();
            skipped.map(leaves).sum::<usize>() + number_of(own, &within)?
        }
    };
    Some(before + inside)
}
