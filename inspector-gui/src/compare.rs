//! Two messages field by field.

use std::collections::HashMap;

use crate::details::FieldNode;

/// A field that one or both messages have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its path.
    pub path: String,
    /// Its own name.
    pub name: String,
    /// How many fields it is in.
    pub depth: usize,
    /// Its value in the first message; None where that has none.
    pub first: Option<String>,
    /// Its value in the second.
    pub second: Option<String>,
    /// Whether the two are others, or something in them is.
    pub differs: bool,
}

/// The fields of two messages side by side, in the order of the first; those that only the second has stand where they do
/// there.
pub fn compare(first: &[FieldNode], second: &[FieldNode]) -> Vec<Pair> {
    let (a, b) = (flat(first), flat(second));
    let places: HashMap<&str, usize> =
        b.iter().enumerate().map(|(at, (_, field))| (field.path.as_str(), at)).collect();
    let known: HashMap<&str, ()> = a.iter().map(|(_, field)| (field.path.as_str(), ())).collect();
    let mut pairs = Vec::with_capacity(a.len().max(b.len()));
    let mut passed = 0;
    let only_second = |from: usize, to: usize, pairs: &mut Vec<Pair>| {
        for (depth, field) in b.get(from..to).unwrap_or_default() {
            if !known.contains_key(field.path.as_str()) {
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
    // What differs deep inside shows at what it is in.
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

fn flat(fields: &[FieldNode]) -> Vec<(usize, &FieldNode)> {
    fn add<'f>(fields: &'f [FieldNode], depth: usize, all: &mut Vec<(usize, &'f FieldNode)>) {
        for field in fields {
            all.push((depth, field));
            add(&field.fields, depth + 1, all);
        }
    }
    let mut all = Vec::new();
    add(fields, 0, &mut all);
    all
}

fn pair(depth: usize, field: &FieldNode, first: Option<&FieldNode>, second: Option<&FieldNode>) -> Pair {
    let shown = |field: &FieldNode| field.value.clone();
    let differs = match (first, second) {
        (Some(a), Some(b)) => a.value != b.value || a.text != b.text || a.literal != b.literal,
        _ => true,
    };
    Pair {
        path: field.path.clone(),
        name: field.name.clone(),
        depth,
        first: first.map(shown),
        second: second.map(shown),
        differs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, value: &str, fields: Vec<FieldNode>) -> FieldNode {
        let name = path.rsplit('.').next().unwrap().to_owned();
        FieldNode { path: path.to_owned(), name, value: value.to_owned(), fields, ..FieldNode::default() }
    }

    #[test]
    fn fields_stand_side_by_side_and_differences_are_marked_up_to_the_top() {
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
}
