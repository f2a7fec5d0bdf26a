//! Compares two messages field by field.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::details::{Details, FieldNode};

/// A field that one message has, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPair {
    /// Its path.
    pub path: String,
    /// Its own name.
    pub name: String,
    /// Its depth in the tree.
    pub depth: usize,
    /// Its value in the first message, None if that lacks the field.
    pub first: Option<String>,
    /// Its value in the second message.
    pub second: Option<String>,
    /// Whether the values differ, or those of a field inside do.
    pub differs: bool,
}

/// Pairs the fields of two messages, in the order of the first; fields that only the second has are where it has them.
pub fn compare(first: &[Arc<FieldNode>], second: &[Arc<FieldNode>]) -> Vec<FieldPair> {
    let (a, b) = (flat(first), flat(second));
    let places: HashMap<&str, usize> =
        b.iter().enumerate().map(|(at, (_, field))| (field.path.as_str(), at)).collect();
    let known: HashSet<&str> = a.iter().map(|(_, field)| field.path.as_str()).collect();
    let mut pairs = Vec::with_capacity(a.len().max(b.len()));
    let mut passed = 0;
    let only_second = |from: usize, to: usize, pairs: &mut Vec<FieldPair>| {
        for (depth, field) in b.get(from..to).unwrap_or_default() {
            if !known.contains(field.path.as_str()) {
                pairs.push(pair(*depth, field, None, Some(field)));
            }
        }
    };
    for (depth, field) in &a {
        let at = places.get(field.path.as_str()).copied();
        if let Some(at) = at.filter(|&at| at >= passed) {
            only_second(passed, at, &mut pairs);
            passed = at + 1;
        }
        let other = at.and_then(|at| b.get(at)).map(|(_, field)| *field);
        pairs.push(pair(*depth, field, Some(field), other));
    }
    only_second(passed, b.len(), &mut pairs);
    // A difference deep inside shows at every field around it.
    for at in (0..pairs.len()).rev() {
        let depth = pairs.get(at).map_or(0, |pair| pair.depth);
        let inner = pairs.get(at + 1..).unwrap_or_default().iter().take_while(|pair| pair.depth > depth);
        let any = inner.into_iter().any(|pair| pair.differs);
        if let Some(pair) = pairs.get_mut(at) {
            pair.differs |= any;
        }
    }
    pairs
}

fn flat(fields: &[Arc<FieldNode>]) -> Vec<(usize, &FieldNode)> {
    fn add<'f>(fields: &'f [Arc<FieldNode>], depth: usize, all: &mut Vec<(usize, &'f FieldNode)>) {
        for field in fields {
            all.push((depth, &**field));
            add(&field.fields, depth + 1, all);
        }
    }
    let mut all = Vec::new();
    add(fields, 0, &mut all);
    all
}

fn pair(depth: usize, field: &FieldNode, first: Option<&FieldNode>, second: Option<&FieldNode>) -> FieldPair {
    let shown = |field: &FieldNode| field.value.clone();
    let differs = match (first, second) {
        (Some(a), Some(b)) => a.value != b.value || a.text != b.text || a.literal != b.literal,
        _ => true,
    };
    FieldPair {
        path: field.path.clone(),
        name: field.name.clone(),
        depth,
        first: first.map(shown),
        second: second.map(shown),
        differs,
    }
}

/// A comparison of two messages, made once for the two.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    messages: Option<(Arc<Details>, Arc<Details>)>,
    pairs: Vec<FieldPair>,
    /// The positions of the pairs that differ.
    differing: Vec<usize>,
    /// How many values differ, without the groups around them.
    different_values: usize,
    /// Whether only fields that differ are shown.
    pub(crate) only_differences: bool,
}

impl Comparison {
    /// Compares two messages, unless that was done.
    pub(crate) fn update(&mut self, first: &Arc<Details>, second: &Arc<Details>) {
        let are_these =
            |(a, b): &(Arc<Details>, Arc<Details>)| Arc::ptr_eq(a, first) && Arc::ptr_eq(b, second);
        if self.messages.as_ref().is_some_and(are_these) {
            return;
        }
        self.pairs = compare(&first.fields, &second.fields);
        let differs = |(at, pair): (usize, &FieldPair)| pair.differs.then_some(at);
        self.differing = self.pairs.iter().enumerate().filter_map(differs).collect();
        let is_value =
            |pair: &&FieldPair| [&pair.first, &pair.second].iter().any(|value| value.as_deref() != Some(""));
        self.different_values = self.pairs.iter().filter(|pair| pair.differs).filter(is_value).count();
        self.messages = Some((Arc::clone(first), Arc::clone(second)));
    }

    /// How many values differ.
    pub(crate) fn different_values(&self) -> usize {
        self.different_values
    }

    /// How many pairs are shown.
    pub(crate) fn len(&self) -> usize {
        if self.only_differences { self.differing.len() } else { self.pairs.len() }
    }

    /// A pair that is shown.
    pub(crate) fn pair(&self, at: usize) -> Option<&FieldPair> {
        let at = if self.only_differences { *self.differing.get(at)? } else { at };
        self.pairs.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, value: &str, fields: Vec<Arc<FieldNode>>) -> Arc<FieldNode> {
        let name = path.rsplit('.').next().unwrap().to_owned();
        let (path, value) = (path.to_owned(), value.to_owned());
        Arc::new(FieldNode { path, name, value, fields, ..FieldNode::default() })
    }

    #[test]
    fn fields_are_paired_and_differences_show_up_to_the_top() {
        let a = [
            node("kind", "LOGIN", vec![]),
            node("payload", "", vec![node("payload.user", "ada", vec![]), node("payload.old", "1", vec![])]),
            node("check", "7", vec![]),
        ];
        let b = [
            node("kind", "LOGIN", vec![]),
            node("extra", "x", vec![]),
            node("payload", "", vec![node("payload.user", "bob", vec![]), node("payload.new", "2", vec![])]),
            node("check", "7", vec![]),
        ];
        let found: Vec<(String, Option<String>, Option<String>, bool)> = compare(&a, &b)
            .into_iter()
            .map(|pair| (pair.path, pair.first, pair.second, pair.differs))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                ("kind".to_owned(), some("LOGIN"), some("LOGIN"), false),
                ("extra".to_owned(), None, some("x"), true),
                ("payload".to_owned(), some(""), some(""), true),
                ("payload.user".to_owned(), some("ada"), some("bob"), true),
                ("payload.old".to_owned(), some("1"), None, true),
                ("payload.new".to_owned(), None, some("2"), true),
                ("check".to_owned(), some("7"), some("7"), false),
            ]
        );
        assert!(compare(&a, &a).iter().all(|pair| !pair.differs));
    }

    #[test]
    fn a_comparison_can_be_reduced_to_differences() {
        let details = |fields| Arc::new(Details { fields, ..Details::default() });
        let inner = |value| node("payload.user", value, vec![]);
        let message =
            |value| details(vec![node("kind", "LOGIN", vec![]), node("payload", "", vec![inner(value)])]);
        let (first, second) = (message("ada"), message("bob"));
        let mut comparison = Comparison::default();
        comparison.update(&first, &second);
        assert_eq!((comparison.len(), comparison.different_values()), (3, 1), "a group is not a value");
        comparison.only_differences = true;
        let paths = |comparison: &Comparison| -> Vec<String> {
            (0..comparison.len()).map(|at| comparison.pair(at).unwrap().path.clone()).collect()
        };
        assert_eq!(paths(&comparison), ["payload", "payload.user"]);
        comparison.update(&first, &first);
        assert!(paths(&comparison).is_empty() && comparison.pair(0).is_none());
    }
}
