//! Compiled expressions: nodes that refer to each other by number, and the values they give.

use crate::expr::{Binary, Unary};
use crate::plan::id::entry;
use crate::plan::{ArrayId, EnumId, IoId, ObjectId};

use crate::plan::{NodeId, Sym};

/// A value while a message is read. Text and bytes are spans of a buffer, so that values can be copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Val {
    Null,
    Int(i128),
    Float(f64),
    Bool(bool),
    /// Text, as UTF-8.
    Str(Span),
    Bytes(Span),
    /// A number that belongs to an enumeration.
    Enum(EnumId, i128),
    Obj(ObjectId),
    Arr(ArrayId),
    Io(IoId),
    /// Not known: its bytes were not captured.
    Missing,
}

/// Bytes of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) buffer: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// The buffer that is the message itself.
    pub(crate) const MESSAGE: u32 = 0;

    /// The buffer of the description's own texts and bytes.
    pub(crate) const CONSTANTS: u32 = u32::MAX;

    pub(crate) fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }
}

/// An expression. Operands are other nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Const(Val),
    List(Nodes),
    Format(Nodes),
    /// A parameter, field or instance of the current structure.
    Slot(u16),
    /// A name that is looked up while reading.
    Named(Sym),
    Parent,
    Root,
    Io,
    Element,
    Index,
    IsLe,
    /// What earlier messages of the conversation have set.
    Variable(u16),
    /// An entry of a table, by its key.
    Entry(u16, NodeId),
    Member(NodeId, Sym),
    Call(NodeId, Method, Nodes),
    Item(NodeId, NodeId),
    Cast(NodeId, Cast),
    /// The size of a field or structure, or of the current structure, in [`Unit`]s.
    SizeOf(Option<NodeId>, Unit),
    Unary(Unary, NodeId),
    Binary(Binary, NodeId, NodeId),
    Ternary(NodeId, NodeId, NodeId),
}

/// A run of [`Expressions::lists`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes {
    pub(crate) from: u32,
    pub(crate) length: u32,
}

/// What `.as<T>` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    Bytes,
    /// Any other type: the value stays what it is.
    Same,
}

/// What sizes are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Bits,
}

impl Unit {
    /// A size in bits, in this unit.
    pub(crate) fn of_bits(self, bits: u64) -> u64 {
        match self {
            Unit::Bytes => bits.div_ceil(8),
            Unit::Bits => bits,
        }
    }
}

/// The methods of values that are not structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    ToS,
    ToI,
    Length,
    Reverse,
    Substring,
    Size,
    First,
    Last,
    Min,
    Max,
    Eof,
    Pos,
}

impl Method {
    pub(crate) const ALL: [(&'static str, Method); 12] = [
        ("to_s", Method::ToS),
        ("to_i", Method::ToI),
        ("length", Method::Length),
        ("reverse", Method::Reverse),
        ("substring", Method::Substring),
        ("size", Method::Size),
        ("first", Method::First),
        ("last", Method::Last),
        ("min", Method::Min),
        ("max", Method::Max),
        ("eof", Method::Eof),
        ("pos", Method::Pos),
    ];

    /// The method with a name: their names are interned before all others.
    pub(crate) fn of(sym: Sym) -> Option<Method> {
        Method::ALL.get(sym.index()).map(|&(_, method)| method)
    }

    pub(crate) fn named(name: &str) -> Option<Method> {
        Method::ALL.iter().find(|(known, _)| *known == name).map(|&(_, method)| method)
    }
}

/// The expressions of a description, and the texts and bytes in them.
#[derive(Clone, Debug)]
pub(crate) struct Expressions {
    /// The first is [`NodeId::UNSET`].
    pub(crate) nodes: Vec<Node>,
    pub(crate) lists: Vec<NodeId>,
    pub(crate) constants: Vec<u8>,
}

impl Default for Expressions {
    fn default() -> Self {
        Expressions { nodes: vec![Node::Const(Val::Null)], lists: Vec::new(), constants: Vec::new() }
    }
}

impl Expressions {
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        entry(&self.nodes, id.index(), || &Node::Const(Val::Null))
    }

    pub(crate) fn list(&self, nodes: Nodes) -> &[NodeId] {
        let from = nodes.from as usize;
        let found = self.lists.get(from..from + nodes.length as usize);
        debug_assert!(found.is_some(), "a list of expressions names {nodes:?} of {}", self.lists.len());
        found.unwrap_or_default()
    }

    /// The number of a constant expression.
    pub(crate) fn constant(&self, node: NodeId) -> Option<u64> {
        match self.node(node) {
            Node::Const(Val::Int(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Visits every node of an expression.
    pub(crate) fn walk(&self, node: NodeId, visit: &mut dyn FnMut(NodeId, &Node)) {
        let found = self.node(node);
        visit(node, found);
        match found {
            Node::List(nodes) | Node::Format(nodes) => {
                self.list(*nodes).iter().for_each(|&node| self.walk(node, visit))
            }
            Node::Call(of, _, arguments) => {
                self.walk(*of, visit);
                self.list(*arguments).iter().for_each(|&node| self.walk(node, visit));
            }
            Node::Member(of, _)
            | Node::Cast(of, _)
            | Node::Unary(_, of)
            | Node::SizeOf(Some(of), _)
            | Node::Entry(_, of) => self.walk(*of, visit),
            Node::Item(a, b) | Node::Binary(_, a, b) => {
                self.walk(*a, visit);
                self.walk(*b, visit);
            }
            Node::Ternary(a, b, c) => {
                self.walk(*a, visit);
                self.walk(*b, visit);
                self.walk(*c, visit);
            }
            Node::Const(_)
            | Node::SizeOf(None, _)
            | Node::Slot(_)
            | Node::Named(_)
            | Node::Parent
            | Node::Root
            | Node::Io
            | Node::Element
            | Node::Index
            | Node::IsLe
            | Node::Variable(_) => {}
        }
    }
}
