//! A description as it is executed: types, enumerations and expressions in flat tables that refer to each other by
//! number. Nothing in it is looked up by name while a message is read, but members of values whose type only the
//! message shows.

use std::collections::HashMap;
use std::sync::Arc;

use framescope_parser::Code;

use crate::checks::Algorithm;
use crate::error::Place;
use crate::expr::{Binary, Unary};
use crate::strings::Charset;

/// A name, as its place in [`Plan::names`].
pub(crate) type Sym = u32;
/// A type, as its place in [`Plan::types`].
pub(crate) type TypeId = u32;
/// An expression, as its place in [`Expressions::nodes`].
pub(crate) type NodeId = u32;

/// A value while a message is read. Texts and bytes are places in a buffer, so that values are plain.
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
    Enum(u32, i128),
    Obj(u32),
    Arr(u32),
    Io(u32),
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
    /// A parameter, field or instance of the structure at hand.
    Slot(u16),
    /// A name that only the value at hand can tell.
    Named(Sym),
    Parent,
    Root,
    Io,
    Element,
    Index,
    IsLe,
    Member(NodeId, Sym),
    Call(NodeId, Method, Nodes),
    Item(NodeId, NodeId),
    Cast(NodeId, Cast),
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

/// What can be asked of a value that is no structure.
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

    /// The method that a name means: their names come before all others.
    pub(crate) fn of(sym: Sym) -> Option<Method> {
        Method::ALL.get(sym as usize).map(|&(_, method)| method)
    }

    pub(crate) fn named(name: &str) -> Option<Method> {
        Method::ALL.iter().find(|(known, _)| *known == name).map(|&(_, method)| method)
    }
}

/// The expressions of a description, and the texts and bytes in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expressions {
    pub(crate) nodes: Vec<Node>,
    pub(crate) lists: Vec<NodeId>,
    pub(crate) constants: Vec<u8>,
}

/// Everything a description says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) files: Vec<String>,
    pub(crate) names: Vec<Box<str>>,
    pub(crate) symbols: HashMap<Box<str>, Sym>,
    pub(crate) types: Vec<Arc<TypePlan>>,
    pub(crate) enums: Vec<EnumPlan>,
    pub(crate) expressions: Expressions,
    pub(crate) warnings: Vec<crate::error::Located>,
}

impl Plan {
    pub(crate) fn intern(&mut self, name: &str) -> Sym {
        if let Some(&known) = self.symbols.get(name) {
            return known;
        }
        let sym = Sym::try_from(self.names.len()).unwrap_or(Sym::MAX);
        self.names.push(name.into());
        self.symbols.insert(name.into(), sym);
        sym
    }

    pub(crate) fn name(&self, sym: Sym) -> &str {
        self.names.get(sym as usize).map_or("", |name| name)
    }

    pub(crate) fn type_of(&self, id: TypeId) -> Option<&Arc<TypePlan>> {
        self.types.get(id as usize)
    }

    pub(crate) fn root(&self) -> Option<&Arc<TypePlan>> {
        self.types.first()
    }
}

/// A named set of numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnumPlan {
    pub(crate) name: String,
    pub(crate) members: Vec<Member>,
    /// By value, into `members`.
    pub(crate) by_value: Vec<(i128, u32)>,
}

/// A number's name.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) value: i128,
    /// As expressions write it.
    pub(crate) id: String,
    /// As it is shown: the `-orig-id` where there is one.
    pub(crate) shown: String,
}

impl EnumPlan {
    pub(crate) fn member(&self, value: i128) -> Option<&Member> {
        let at = self.by_value.binary_search_by_key(&value, |&(known, _)| known).ok()?;
        self.members.get(self.by_value.get(at)?.1 as usize)
    }
}

/// A structure.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypePlan {
    pub(crate) name: String,
    /// The type it is declared in.
    pub(crate) outer: Option<TypeId>,
    /// The file it stands in: `_root` does not cross it.
    pub(crate) file: u32,
    pub(crate) doc: Doc,
    /// How many of the slots are parameters; they come first.
    pub(crate) parameters: u16,
    pub(crate) parameter_names: Vec<Sym>,
    pub(crate) seq: Vec<Attr>,
    pub(crate) instances: Vec<Attr>,
    /// How `seq` is gone through while the end of a message is looked for.
    pub(crate) skim: Vec<Skim>,
    /// Where each name's value is: parameters, then `seq`, then `instances`. Sorted by name.
    pub(crate) slots: Vec<(Sym, u16)>,
    pub(crate) endian: Endian,
    /// Bits that every value of it takes, where they are known beforehand.
    pub(crate) fixed_bits: Option<u64>,
    pub(crate) summary: Vec<Piece>,
    pub(crate) children: HashMap<Box<str>, TypeId>,
    pub(crate) enums: HashMap<Box<str>, u32>,
}

impl TypePlan {
    pub(crate) fn slot(&self, sym: Sym) -> Option<u16> {
        let at = self.slots.binary_search_by_key(&sym, |&(known, _)| known).ok()?;
        self.slots.get(at).map(|&(_, slot)| slot)
    }

    pub(crate) fn slot_count(&self) -> usize {
        usize::from(self.parameters) + self.seq.len() + self.instances.len()
    }

    /// The field or instance whose value is in a slot; none for a parameter.
    pub(crate) fn attr(&self, slot: u16) -> Option<&Attr> {
        let at = usize::from(slot).checked_sub(usize::from(self.parameters))?;
        self.seq.get(at).or_else(|| self.instances.get(at.checked_sub(self.seq.len())?))
    }

    pub(crate) fn is_instance(&self, slot: u16) -> bool {
        usize::from(slot) >= usize::from(self.parameters) + self.seq.len()
    }
}

/// A step of looking for the end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skim {
    /// Bits of fields that nothing asks for.
    Pass(u64),
    /// Bytes that nothing asks for, as many as the field's size says, if it is there.
    Sized(u16),
    /// A field that is read, by its place in `seq`.
    Field(u16),
}

/// What an author says of a field or type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doc {
    pub(crate) text: String,
    pub(crate) references: Vec<String>,
}

/// The byte order of numbers that name none.
#[derive(Clone, Debug, Default)]
pub(crate) enum Endian {
    /// That of the structure it is read for, and none at the top.
    #[default]
    Inherit,
    Le,
    Be,
    /// By a value: the first case that fits. A case without a value fits always.
    Switch(NodeId, Vec<(Option<NodeId>, bool)>),
}

/// The byte order of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Le,
    Be,
    /// That of its structure, known only while reading.
    Structure,
}

/// A field, or an instance.
#[derive(Clone, Debug)]
pub(crate) struct Attr {
    pub(crate) sym: Sym,
    pub(crate) slot: u16,
    pub(crate) place: Place,
    pub(crate) doc: Doc,
    pub(crate) condition: Option<NodeId>,
    /// Of a value instance: it has no bytes.
    pub(crate) value: Option<NodeId>,
    pub(crate) pos: Option<NodeId>,
    pub(crate) io: Option<NodeId>,
    pub(crate) repeat: Repeat,
    pub(crate) shape: Shape,
    pub(crate) limit: Limit,
    pub(crate) process: Option<Process>,
    pub(crate) enumeration: Option<u32>,
    pub(crate) valid: Option<Valid>,
    pub(crate) check: Option<Check>,
    /// The code of whatever is wrong with it.
    pub(crate) problem: Option<Code>,
    /// Whether a person reads its number in hexadecimal.
    pub(crate) hex: bool,
    /// Whether it stands once, always, and ends as its type says.
    pub(crate) is_plain: bool,
    /// Whether an expression may ask for it, so that it must be read to know where a message ends.
    pub(crate) needed: bool,
    /// Bits of it, where they are the same in every message.
    pub(crate) fixed_bits: Option<u64>,
    /// Bits of it where it is there, if they are always the same.
    pub(crate) unit_bits: Option<u64>,
}

impl Attr {
    /// Whether what it reads may begin in the middle of a byte.
    pub(crate) fn begins_with_bits(&self, plan: &Plan) -> bool {
        let mut shapes = vec![&self.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::Bits { .. } => return true,
                Shape::User(user) => {
                    let first = plan.type_of(user.id).and_then(|ty| ty.seq.first());
                    if first.is_some_and(|attr| {
                        !matches!(attr.shape, Shape::Int { .. } | Shape::Float { .. } | Shape::Contents(_))
                    }) {
                        return true;
                    }
                }
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
        false
    }
}

/// How often a field stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeat {
    Once,
    Eos,
    Times(NodeId),
    Until(NodeId),
}

/// What the bytes of a field are.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Bytes without further meaning.
    Bytes,
    /// Bytes that are always these.
    Contents(Span),
    Str(Charset),
    /// Text up to a zero, as one case of a choice: a zero that ends the whole field is a [`Terminator`].
    Strz(Charset),
    Int {
        bytes: u8,
        signed: bool,
        order: Order,
    },
    Float {
        bytes: u8,
        order: Order,
    },
    Bits {
        count: u8,
        le: bool,
    },
    User(UserType),
    /// The first case whose value equals. The last may have none, and fits always.
    Switch(NodeId, Vec<(Option<NodeId>, Shape)>),
}

/// A structure to read, and what it is given.
#[derive(Clone, Debug)]
pub(crate) struct UserType {
    pub(crate) id: TypeId,
    pub(crate) arguments: Vec<NodeId>,
    pub(crate) parent: Parent,
    /// Whether it is of another file, so that it is its own root.
    pub(crate) foreign: bool,
}

/// What `_parent` is in a structure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent {
    Here,
    Nothing,
    Given(NodeId),
}

/// How far a field's bytes go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limit {
    pub(crate) size: Size,
    pub(crate) terminator: Option<Terminator>,
    pub(crate) pad_right: Option<u8>,
}

impl Limit {
    /// Whether the bytes are taken out of the stream before they are looked at.
    pub(crate) fn is_bounded(&self) -> bool {
        !matches!(self.size, Size::Open) || self.terminator.is_some()
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Size {
    /// As its type says.
    #[default]
    Open,
    Of(NodeId),
    Eos,
}

#[derive(Clone, Debug)]
pub(crate) struct Terminator {
    pub(crate) bytes: Vec<u8>,
    pub(crate) include: bool,
    pub(crate) consume: bool,
    pub(crate) eos_error: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Process {
    Xor(NodeId),
    Rol(NodeId),
    Ror(NodeId),
    Zlib,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub(crate) enum Valid {
    Equal(NodeId),
    Range(Option<NodeId>, Option<NodeId>),
    AnyOf(Vec<NodeId>),
    Expr(NodeId),
    InEnum,
}

/// A field that is derived from other bytes.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) algorithm: Algorithm,
    /// The first field it covers; else from where the structure begins.
    pub(crate) from: Edge,
    /// The last field it covers, else all up to itself.
    pub(crate) to: Option<u16>,
}

/// Where what a check covers begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Where the message begins.
    Message,
    /// Where the structure begins.
    Structure,
    /// Where a field of the structure begins.
    Field(u16),
}

/// A piece of a summary.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(NodeId, Style),
    /// A field's name and value, where it says something, behind a comma unless it is the first that does.
    Named(Sym, NodeId),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Hex,
    Str,
}
