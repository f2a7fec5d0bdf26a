//! The fields of a message as a list in the order of their bytes, without anything of Python: what is asked for becomes Python
//! objects later. Never reads a message itself; a protocol reports to it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use framescope_parser::{Code, Kind, Value, Visit, Wide};

use crate::names::{self, Names};
use crate::repeated::{OUTSIDE, Repeated, place};

/// What a protocol reported of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) kind: Option<Numbered>,
    /// None where it was not asked for.
    pub(crate) summary: Option<String>,
    pub(crate) problems: Vec<Problem>,
    /// Values that are no part of the message's bytes, one after another.
    own: Vec<u8>,
    /// Names that are not kept for others.
    rare: Vec<Box<str>>,
    /// Which fields of the protocol may occur several times.
    repeated: Option<Arc<Repeated>>,
}

/// So many fields are expected at most of the next message.
const MOST_EXPECTED: usize = 64;

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: Name,
    /// Where the fields in it end: that of the next field beside it.
    pub(crate) end: u32,
    /// Whether it may occur several times in what it is in.
    pub(crate) is_repeated: bool,
    /// Its bytes, as offsets in the message.
    pub(crate) range: Range<usize>,
    pub(crate) value: Stored,
}

/// A name: by its number among all, or in the list of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Known(u32),
    Rare(u32),
}

/// A number that may have a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: i128,
    pub(crate) name: Option<Name>,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Unsigned(u64),
    Hex(u64),
    Signed(i64),
    Wide(Wide),
    Float(f64),
    Bool(bool),
    Text(Place),
    Bytes(Place),
    Enum { value: u64, is_negative: bool, name: Option<Name> },
    Group,
    Missing,
}

/// Where the bytes of a value are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Message(Range<usize>),
    Own(Range<usize>),
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

impl Tree {
    /// What `report` reports of a message with these bytes.
    pub(crate) fn of<'a>(
        message: &'a [u8],
        repeated: Option<Arc<Repeated>>,
        report: impl FnOnce(&mut dyn Visit<'a>),
    ) -> Tree {
        Tree::with(message, repeated, true, report)
    }

    /// The same without the summary, which few look at and which costs as much as the fields.
    pub(crate) fn of_fields<'a>(
        message: &'a [u8],
        repeated: Option<Arc<Repeated>>,
        report: impl FnOnce(&mut dyn Visit<'a>),
    ) -> Tree {
        Tree::with(message, repeated, false, report)
    }

    fn with<'a>(
        message: &'a [u8],
        repeated: Option<Arc<Repeated>>,
        summary: bool,
        report: impl FnOnce(&mut dyn Visit<'a>),
    ) -> Tree {
        let mut lock = names::lock();
        // Most messages have as many fields as the one before.
        let expected = lock.names().fields_of_last;
        let mut tree = Tree { nodes: Vec::with_capacity(expected), ..Tree::default() };
        let known = repeated.as_deref().filter(|repeated| !repeated.is_empty());
        let names = lock.names();
        let mut builder =
            Builder { tree: &mut tree, message, names, open: Vec::new(), repeated: known, summary };
        report(&mut builder);
        builder.close();
        lock.names().fields_of_last = tree.nodes.len().min(MOST_EXPECTED);
        drop(lock);
        tree.repeated = repeated;
        tree
    }

    /// The only field of a range with a name, if one has it.
    pub(crate) fn only(&self, range: Range<u32>, name: &str) -> Option<u32> {
        let mut lock = names::lock();
        let names = lock.names();
        let mut named = self.beside(range).filter(|(_, node)| self.text(node.name, names) == name);
        let (at, node) = named.next()?;
        (named.next().is_none() && !node.is_repeated).then_some(at)
    }

    /// The fields beside each other from one on, up to where the one around them ends.
    pub(crate) fn beside(&self, range: Range<u32>) -> impl Iterator<Item = (u32, &Node)> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at as usize).filter(|_| at < range.end)?;
            let found = at;
            at = node.end.max(at + 1);
            Some((found, node))
        })
    }

    /// The outermost fields.
    pub(crate) fn top(&self) -> Range<u32> {
        0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// The fields in a field.
    pub(crate) fn inside(&self, node: u32) -> Range<u32> {
        node + 1..self.nodes.get(node as usize).map_or(0, |known| known.end)
    }

    /// The bytes of a value.
    pub(crate) fn bytes<'t>(&'t self, place: &Place, message: &'t [u8]) -> &'t [u8] {
        match place {
            Place::Message(range) => message.get(range.clone()),
            Place::Own(range) => self.own.get(range.clone()),
        }
        .unwrap_or_default()
    }

    /// The values that are no part of the message's bytes.
    pub(crate) fn own(&self) -> &[u8] {
        &self.own
    }

    /// Puts back those, and the names that are in no list of all.
    pub(crate) fn set_own(&mut self, own: Vec<u8>, rare: Vec<Box<str>>) {
        (self.own, self.rare) = (own, rare);
    }

    /// A name.
    pub(crate) fn text<'t>(&'t self, name: Name, names: &'t Names) -> &'t str {
        match name {
            Name::Known(id) => names.text(id),
            Name::Rare(at) => self.rare.get(at as usize).map_or("", |name| name),
        }
    }

    /// The fields at a path of names joined by dots, in those of a field or of the message. Where there are none, the first names of
    /// the path may be left out, as in a filter.
    pub(crate) fn find(&self, range: Range<u32>, path: &str) -> Found {
        let mut lock = names::lock();
        let names = lock.names();
        let mut found = Found::default();
        self.find_exact(range.clone(), path, names, &mut found);
        if found.fields.is_empty() && self.may_be_none(&range, path, names) {
            found.is_list = true;
            return found;
        }
        // What is before this is in a field that may occur several times.
        let mut list_to = 0;
        let mut at = range.start;
        while found.fields.is_empty() || found.is_search {
            let Some(node) = self.nodes.get(at as usize).filter(|_| at < range.end) else { break };
            if node.is_repeated {
                list_to = list_to.max(node.end);
            }
            let before = found.fields.len();
            self.find_exact(at + 1..node.end, path, names, &mut found);
            let is_found = found.fields.len() > before;
            found.is_search = true;
            found.is_list |= is_found && at < list_to;
            // What is in a field that was found is a part of it.
            at = if is_found { node.end } else { at + 1 };
        }
        found
    }

    fn find_exact(&self, range: Range<u32>, path: &str, names: &Names, found: &mut Found) {
        for (at, node) in self.beside(range) {
            let Some(rest) = path.strip_prefix(self.text(node.name, names)) else { continue };
            let before = found.fields.len();
            if rest.is_empty() {
                found.fields.push(at);
            } else if let Some(rest) = rest.strip_prefix('.') {
                self.find_exact(at + 1..node.end, rest, names, found);
            }
            found.is_list |= node.is_repeated && found.fields.len() > before;
        }
    }

    /// Whether a field that is not there may occur any number of times, so that there are none of it.
    fn may_be_none(&self, range: &Range<u32>, path: &str, names: &Names) -> bool {
        let Some(repeated) = self.repeated.as_deref().filter(|repeated| !repeated.is_empty()) else {
            return false;
        };
        // The fields around the range: those that began before it and end after it.
        let mut whole = String::new();
        let around = self.nodes.iter().take(range.start as usize).enumerate();
        for (_, node) in around.filter(|(_, node)| node.end >= range.end && node.end > range.start) {
            whole.push_str(self.text(node.name, names));
            whole.push('.');
        }
        whole.push_str(path);
        // What it is in is there.
        let is_there = |group: &str| {
            let mut found = Found::default();
            self.find_exact(range.clone(), group, names, &mut found);
            !found.fields.is_empty()
        };
        repeated.is_path(&whole) && path.rsplit_once('.').is_none_or(|(group, _)| is_there(group))
    }
}

/// The fields at a path.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) fields: Vec<u32>,
    /// Whether there may be several, or none, so that they are a list.
    pub(crate) is_list: bool,
    is_search: bool,
}

/// Builds a tree of what is reported.
pub(crate) struct Builder<'t, 'a> {
    tree: &'t mut Tree,
    message: &'a [u8],
    names: &'t mut Names,
    /// The fields that were begun and not ended, with their places.
    open: Vec<(u32, u64)>,
    /// Which fields may occur several times, if any do.
    repeated: Option<&'t Repeated>,
    /// Whether the summary is wanted.
    summary: bool,
}

impl Builder<'_, '_> {
    fn name(&mut self, name: &str) -> Name {
        match self.names.id(name) {
            Some(id) => Name::Known(id),
            None => {
                self.tree.rare.push(name.into());
                Name::Rare(u32::try_from(self.tree.rare.len() - 1).unwrap_or(u32::MAX))
            }
        }
    }

    fn place(&mut self, bytes: &[u8]) -> Place {
        let at = bytes.as_ptr().addr().wrapping_sub(self.message.as_ptr().addr());
        if self.message.get(at..at.wrapping_add(bytes.len())).is_some_and(|there| std::ptr::eq(there, bytes))
        {
            return Place::Message(at..at + bytes.len());
        }
        let start = self.tree.own.len();
        self.tree.own.extend_from_slice(bytes);
        Place::Own(start..self.tree.own.len())
    }

    fn push(&mut self, name: &str, range: Range<usize>, value: &Value<'_>) -> (u32, u64) {
        let (mut at, mut is_repeated) = (OUTSIDE, false);
        if let Some(repeated) = self.repeated {
            at = place(self.open.last().map_or(OUTSIDE, |(_, at)| *at), name);
            is_repeated = repeated.is_at(at);
        }
        let value = match value {
            Value::Unsigned(n) => Stored::Unsigned(*n),
            Value::Hex(n) => Stored::Hex(*n),
            Value::Signed(n) => Stored::Signed(*n),
            Value::Wide(n) => Stored::Wide(*n),
            Value::Float(n) => Stored::Float(*n),
            Value::Bool(b) => Stored::Bool(*b),
            Value::Text(Cow::Borrowed(text)) => Stored::Text(self.place(text.as_bytes())),
            Value::Text(Cow::Owned(text)) => Stored::Text(self.place(text.as_bytes())),
            Value::Bytes(bytes) => Stored::Bytes(self.place(bytes)),
            Value::Enum(kind) => {
                let name = kind.name.map(|name| self.name(name));
                Stored::Enum { value: kind.value, is_negative: kind.is_negative, name }
            }
            Value::Group => Stored::Group,
            Value::Missing => Stored::Missing,
        };
        let name = self.name(name);
        let number = u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX);
        self.tree.nodes.push(Node { name, end: number.saturating_add(1), is_repeated, range, value });
        (number, at)
    }

    /// Ends the fields that were not ended.
    fn close(&mut self) {
        while !self.open.is_empty() {
            self.end();
        }
    }

    fn end(&mut self) {
        let end = u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX);
        if let Some(node) = self.open.pop().and_then(|(at, _)| self.tree.nodes.get_mut(at as usize)) {
            node.end = end;
        }
    }
}

impl<'a> Visit<'a> for Builder<'_, 'a> {
    fn kind(&mut self, kind: Kind<'a>) {
        let name = kind.name.map(|name| self.name(name));
        self.tree.kind = Some(Numbered { number: kind.number(), name });
    }

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.push(name, range, &value);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        let at = self.push(name, range, &value);
        self.open.push(at);
    }

    fn end(&mut self) {
        Builder::end(self);
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        self.tree.problems.push(Problem { code, range, text: text.to_string() });
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        if self.summary {
            self.tree.summary = Some(text.to_string());
        }
    }
}

/// Only the summary.
#[derive(Default)]
pub(crate) struct Summary(pub(crate) String);

impl<'a> Visit<'a> for Summary {
    fn kind(&mut self, _: Kind<'a>) {}
    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn end(&mut self) {}
    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.0 = text.to_string();
    }
}
