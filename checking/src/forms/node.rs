//! A form's fields as a tree, and the message of them with other values in some places.

use std::borrow::Cow;

use framescope_parser::{Field, Kind, Value};

use super::{Chosen, Domain, Part};

/// A field of a form.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf { name: String, value: Value<'static>, domain: Option<Domain> },
    Group { name: String, value: Value<'static>, nodes: Vec<Node> },
    Items(Items),
}

/// A repeated field.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub(super) name: String,
    /// What one may look like.
    pub(super) alternatives: Vec<Node>,
    /// Those that are there where nothing was chosen.
    pub(super) usual: Vec<usize>,
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Items {
    fn is_free(&self) -> bool {
        self.least != self.most || self.alternatives.iter().any(Node::is_free)
    }
}

impl Node {
    pub(super) fn name(&self) -> &str {
        match self {
            Node::Leaf { name, .. } | Node::Group { name, .. } => name,
            Node::Items(items) => &items.name,
        }
    }

    /// Whether anything can be chosen in it.
    fn is_free(&self) -> bool {
        match self {
            Node::Leaf { domain, .. } => domain.is_some(),
            Node::Group { nodes, .. } => nodes.iter().any(Node::is_free),
            Node::Items(items) => items.is_free(),
        }
    }
}

/// A value that borrows nothing. A number is without its name, which would take precedence over it.
pub(super) fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Unsigned(n) => Value::Unsigned(*n),
        Value::Hex(n) => Value::Hex(*n),
        Value::Signed(n) => Value::Signed(*n),
        Value::Wide(n) => Value::Wide(*n),
        Value::Float(n) => Value::Float(*n),
        Value::Bool(b) => Value::Bool(*b),
        Value::Text(text) => Value::Text(Cow::Owned(text.to_string())),
        Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.to_vec())),
        Value::Enum(kind) => Value::Enum(Kind { name: None, ..*kind }),
        Value::Group => Value::Group,
        Value::Missing => Value::Missing,
    }
}

/// What was chosen, as a value like another one.
pub(super) fn value_like<'c>(like: &Value<'_>, chosen: &'c Chosen) -> Option<Value<'c>> {
    Some(match (like, chosen) {
        (Value::Unsigned(_), Chosen::Number(n)) => Value::Unsigned(u64::try_from(*n).ok()?),
        (Value::Hex(_), Chosen::Number(n)) => Value::Hex(u64::try_from(*n).ok()?),
        (Value::Signed(_), Chosen::Number(n)) => Value::Signed(i64::try_from(*n).ok()?),
        (Value::Wide(_), Chosen::Number(n)) => Value::Wide((*n).into()),
        (Value::Enum(_), Chosen::Number(n)) => Value::Enum(match u64::try_from(*n) {
            Ok(number) => Kind::new(number, None),
            Err(_) => Kind::signed(i64::try_from(*n).ok()?, None),
        }),
        (Value::Bool(_), Chosen::Bool(b)) => Value::Bool(*b),
        (Value::Float(_), Chosen::Float(x)) => Value::Float(*x),
        (Value::Text(_), Chosen::Text(text)) => Value::Text(Cow::Borrowed(text)),
        (Value::Bytes(_), Chosen::Bytes(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
        _ => return None,
    })
}

/// What can be chosen in these.
pub(super) fn parts(nodes: &[Node], within: &str) -> Vec<Part> {
    let mut found = Vec::new();
    for node in nodes.iter().filter(|node| node.is_free()) {
        let name = node.name();
        let path = if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") };
        match node {
            Node::Leaf { domain: Some(domain), .. } => {
                found.push(Part::Value { path, domain: domain.clone() });
            }
            Node::Leaf { .. } => {}
            Node::Group { nodes, .. } => found.extend(parts(nodes, &path)),
            Node::Items(items) => found.push(Part::Items {
                least: items.least,
                most: items.most,
                alternatives: items
                    .alternatives
                    .iter()
                    .map(|one| parts(std::slice::from_ref(one), within))
                    .collect(),
                path,
            }),
        }
    }
    found
}

/// How many values were chosen, with a list's items as one and each in it.
pub(super) fn count(chosen: &[Chosen]) -> usize {
    let of = |one: &Chosen| match one {
        Chosen::Items(items) => 1 + items.iter().map(|(_, chosen)| count(chosen)).sum::<usize>(),
        _ => 1,
    };
    chosen.iter().map(of).sum()
}

/// Which of the chosen values are used, by their [number](count).
pub(super) enum Mask<'m> {
    All,
    None,
    Some(&'m [bool]),
}

impl Mask<'_> {
    fn has(&self, number: usize) -> bool {
        match self {
            Mask::All => true,
            Mask::None => false,
            Mask::Some(kept) => kept.get(number).copied().unwrap_or(false),
        }
    }
}

/// The fields of a message, to be written.
pub(super) fn fields<'n>(nodes: &'n [Node], chosen: &'n [Chosen], mask: &Mask<'_>) -> Vec<Field<'n>> {
    let (mut number, mut out) = (0, Vec::new());
    add(nodes, &mut chosen.iter(), mask, &mut number, &mut out);
    out
}

fn add<'n>(
    nodes: &'n [Node],
    chosen: &mut std::slice::Iter<'n, Chosen>,
    mask: &Mask<'_>,
    number: &mut usize,
    out: &mut Vec<Field<'n>>,
) {
    for node in nodes {
        match node {
            Node::Leaf { name, value, domain } => {
                let given = if domain.is_some() { chosen.next() } else { None };
                let given = given.filter(|_| mask.has(*number));
                *number += usize::from(domain.is_some());
                let value = given.and_then(|given| value_like(value, given)).unwrap_or_else(|| value.clone());
                out.push(field(name, value, Vec::new()));
            }
            Node::Group { name, value, nodes } => {
                let mut inside = Vec::new();
                add(nodes, chosen, mask, number, &mut inside);
                out.push(field(name, value.clone(), inside));
            }
            Node::Items(items) => {
                let given = match items.is_free().then(|| chosen.next()).flatten() {
                    Some(Chosen::Items(given)) => Some(given),
                    _ => None,
                };
                let is_used = mask.has(*number);
                *number += usize::from(items.is_free());
                match given {
                    Some(given) if is_used => {
                        for (alternative, chosen) in given {
                            let at = alternative % items.alternatives.len().max(1);
                            let one = items.alternatives.get(at..=at).unwrap_or_default();
                            // One that has fewer parts than were chosen does not use up the numbers of the rest.
                            let end = *number + count(chosen);
                            add(one, &mut chosen.iter(), mask, number, out);
                            *number = end;
                        }
                    }
                    given => {
                        *number += given.map_or(0, |given| given.iter().map(|(_, one)| count(one)).sum());
                        for at in &items.usual {
                            let one = items.alternatives.get(*at..=*at).unwrap_or_default();
                            add(one, &mut [].iter(), &Mask::None, &mut 0, out);
                        }
                    }
                }
            }
        }
    }
}

fn field<'n>(name: &'n str, value: Value<'n>, fields: Vec<Field<'n>>) -> Field<'n> {
    Field { name, range: 0..0, value, fields }
}
