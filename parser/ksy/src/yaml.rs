//! Parses a description's text into a tree of nodes, each with its line and column.
//!
//! Scalars stay text: what they mean depends on their key (`0x10` is a number under `size` and a name under
//! `id`). Anchors and aliases work, within a limit on the nodes that they expand to.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::error::{Diagnostic, Place};

/// The most nodes of a file, aliases counted each time they are used.
const MOST_NODES: usize = 200_000;
/// How deeply nodes may be nested.
const DEEPEST: usize = 200;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Scalar {
        text: Rc<str>,
        /// Whether it is in quotes, so that it is text whatever it looks like.
        quoted: bool,
    },
    List(Rc<[Node]>),
    Map(Rc<[(Node, Node)]>),
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, quoted: false } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether the scalar is text in quotes.
    pub(crate) fn is_quoted(&self) -> bool {
        matches!(&self.data, Data::Scalar { quoted: true, .. })
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[(Node, Node)]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// A whole number as YAML writes them: decimal, `0x`, `0o`, `0b`, with underscores.
    pub(crate) fn integer(&self) -> Option<i128> {
        match &self.data {
            Data::Scalar { text, quoted: false } => integer(text),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.data {
            Data::Scalar { text, quoted: false } => match &**text {
                "true" | "True" | "TRUE" | "yes" | "on" => Some(true),
                "false" | "False" | "FALSE" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the node is, for a sentence.
    pub(crate) fn what(&self) -> &'static str {
        match &self.data {
            Data::Scalar { .. } => "a single value",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }
}

/// A whole number as YAML and the expression language write them.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.get(..2) {
        Some("0x" | "0X") => (digits.get(2..)?, 16),
        Some("0o" | "0O") => (digits.get(2..)?, 8),
        Some("0b" | "0B") => (digits.get(2..)?, 2),
        _ => (digits, 10),
    };
    if digits.is_empty()
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_')
        || digits.starts_with('_')
    {
        return None;
    }
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    let value = i128::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// Reads the first document of a text.
pub(crate) fn read(file: u32, text: &str) -> Result<Node, Diagnostic> {
    let mut reader = Reader { file, parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match reader.event()? {
            (Event::StreamEnd, place) => {
                return Err(Diagnostic::new(
                    place,
                    "the file is empty: a description is a map with 'meta' and 'seq'",
                ));
            }
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (event, place) => return reader.node(event, place, 0),
        }
    }
}

struct Reader<'t> {
    file: u32,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn event(&mut self) -> Result<(Event<'t>, Place), Diagnostic> {
        let place = |mark: &saphyr_parser::Marker| Place::new(self.file, mark.line(), mark.col() + 1);
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, place(&span.start))),
            Some(Err(error)) => {
                Err(Diagnostic::new(place(error.marker()), format!("invalid YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Place::new(self.file, 1, 1))),
        }
    }

    fn node(&mut self, event: Event<'t>, place: Place, depth: usize) -> Result<Node, Diagnostic> {
        let before = self.nodes;
        self.nodes += 1;
        if self.nodes > MOST_NODES || depth > DEEPEST {
            return Err(Diagnostic::new(place, "the description is too large or nested too deeply"));
        }
        let (data, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let quoted = style != ScalarStyle::Plain;
                (Data::Scalar { text: (&*text).into(), quoted }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.event()? {
                        (Event::SequenceEnd, _) => break,
                        (event, place) => items.push(self.node(event, place, depth + 1)?),
                    }
                }
                (Data::List(items.into()), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut entries: Vec<(Node, Node)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                loop {
                    let key = match self.event()? {
                        (Event::MappingEnd, _) => break,
                        (event, place) => self.node(event, place, depth + 1)?,
                    };
                    let (event, place) = self.event()?;
                    let value = self.node(event, place, depth + 1)?;
                    if let Some(name) = key.text()
                        && !seen.insert(name.to_owned())
                    {
                        return Err(Diagnostic::new(key.place, format!("the key '{name}' appears twice")));
                    }
                    entries.push((key, value));
                }
                (Data::Map(entries.into()), anchor)
            }
            Event::Alias(anchor) => {
                let Some((node, count)) = self.anchors.get(&anchor) else {
                    return Err(Diagnostic::new(place, "this alias refers to no earlier anchor"));
                };
                self.nodes += count;
                return Ok(node.clone());
            }
            _ => return Err(Diagnostic::new(place, "expected a value")),
        };
        let node = Node { place, data };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    use super::{integer, read};

    #[test]
    fn each_node_has_its_line_and_column() {
        let root = read(0, "meta:\n  id: mine\nseq:\n  - {id: a}\n").unwrap();
        let place = |node: &super::Node| (node.place.line, node.place.column);
        assert_eq!(place(root.get("meta").unwrap().get("id").unwrap()), (2, 7));
        assert_eq!(place(&root.get("seq").unwrap().list().unwrap()[0]), (4, 5));
    }

    #[test]
    fn quotes_make_text_of_what_looks_like_a_number() {
        let root = read(0, "{a: 0x10, b: '0x10', c: yes, d: ~}").unwrap();
        assert_eq!(root.get("a").unwrap().integer(), Some(16));
        assert_eq!((root.get("b").unwrap().integer(), root.get("b").unwrap().text()), (None, Some("0x10")));
        assert_eq!(root.get("c").unwrap().boolean(), Some(true));
        assert!(root.get("d").unwrap().is_null());
    }

    #[test]
    fn aliases_stand_for_their_anchor_and_are_counted_each_time() {
        let root = read(0, "{a: &x [1, 2], b: *x}").unwrap();
        assert_eq!(root.get("b").unwrap().list().unwrap().len(), 2);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..8 {
            let before = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{before}]\n"));
        }
        assert!(read(0, &bomb).unwrap_err().text.contains("too large"));
    }

    #[test]
    fn a_key_that_appears_twice_is_an_error_at_its_second_place() {
        let error = read(0, "a: 1\na: 2\n").unwrap_err();
        assert_eq!((error.place.line, error.text.as_str()), (2, "the key 'a' appears twice"));
    }

    #[test]
    fn numbers_have_bases_signs_and_underscores() {
        let numbers = ["-0x_f", "0b101", "0o17", "1_000", "+3", "", "_1", "12x"].map(integer);
        assert_eq!(numbers, [None, Some(5), Some(15), Some(1000), Some(3), None, None, None]);
    }
}
