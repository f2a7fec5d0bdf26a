//! A field or an instance: where it is, how far it extends, what its bytes mean, and what must hold for them.

use crate::plan::EnumId;
use framescope_parser::Code;

use crate::checks::{Algorithm, Digits};
use crate::error::Place;

use crate::plan::{Doc, NodeId, Plan, Span, Sym, TypeId};
use crate::run::numbers::number_bytes;

use crate::strings::Charset;

/// A field or an instance.
#[derive(Clone, Debug)]
pub(crate) struct Attr {
    pub(crate) sym: Sym,
    pub(crate) slot: u16,
    pub(crate) place: Place,
    pub(crate) doc: Doc,
    pub(crate) condition: Option<NodeId>,
    /// The value of a computed instance, which has no bytes.
    pub(crate) value: Option<NodeId>,
    /// What that is.
    pub(crate) computed: Computed,
    /// Whether that is a list of such values.
    pub(crate) computed_list: bool,
    pub(crate) pos: Option<NodeId>,
    pub(crate) io: Option<NodeId>,
    pub(crate) repeat: Repeat,
    pub(crate) shape: Shape,
    pub(crate) limit: Limit,
    pub(crate) process: Option<Process>,
    /// Whether its compressed data continues that of earlier messages.
    pub(crate) continues: bool,
    pub(crate) enumeration: Option<EnumId>,
    pub(crate) valid: Option<Valid>,
    pub(crate) check: Option<Check>,
    /// The code for any problem with it, if the author chose one.
    pub(crate) problem: Option<Code>,
    /// Whether its number is shown in hexadecimal.
    pub(crate) hex: bool,
    /// Whether it occurs exactly once and ends as its type says.
    pub(crate) is_plain: bool,
    /// Whether an expression may use it, so that it must be read to know where a message ends.
    pub(crate) needed: bool,
    /// Its size in bits, if that is the same in every message.
    pub(crate) fixed_bits: Option<u64>,
    /// Its size in bits where it is present, if that never changes.
    pub(crate) unit_bits: Option<u64>,
}

impl Attr {
    /// Whether its value may begin in the middle of a byte.
    pub(crate) fn begins_with_bits(&self, plan: &Plan) -> bool {
        let mut shapes = vec![&self.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::Bits { .. } => return true,
                Shape::User(user) => {
                    let first = plan.type_of(user.id).seq.first();
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

/// What a computed value is, as far as the description shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Computed {
    #[default]
    Unknown,
    Int,
    Float,
    Bool,
    Str,
    Bytes,
    Enum(EnumId),
    Structure,
}

/// The byte order of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Le,
    Be,
    /// The structure's, which is known only while reading.
    Structure,
}

/// How often a field occurs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeat {
    Once,
    Eos,
    Times(NodeId),
    Until(NodeId),
}

/// What the bytes of a field mean.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Bytes without further meaning.
    Bytes,
    /// Constant bytes.
    Contents(Span),
    Str(Charset),
    /// Text up to a zero, as one case of a switch: a zero that ends the whole field is a [`Terminator`].
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
    /// The first case with an equal value. The last may have no value, and always matches.
    Switch(NodeId, Vec<(Option<NodeId>, Shape)>),
}

/// A structure to read, and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct UserType {
    pub(crate) id: TypeId,
    pub(crate) arguments: Vec<NodeId>,
    pub(crate) parent: Parent,
    /// Whether it is declared in another file: then the outermost type there is its own root, and a nested one has none.
    pub(crate) foreign: bool,
}

/// What `_parent` is in a structure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent {
    Here,
    Nothing,
    Given(NodeId),
}

/// How far a field's bytes extend.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limit {
    pub(crate) size: Size,
    pub(crate) terminator: Option<Terminator>,
    pub(crate) pad_right: Option<u8>,
}

impl Limit {
    /// Whether the extent of the bytes is known before they are interpreted.
    pub(crate) fn is_bounded(&self) -> bool {
        !matches!(self.size, Size::Open) || self.terminator.is_some()
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Size {
    /// As far as its type goes.
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

/// A field that is computed from other bytes.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) algorithm: Algorithm,
    /// Where the covered bytes begin.
    pub(crate) from: Edge,
    /// The last field it covers; otherwise all bytes before itself.
    pub(crate) to: Option<u16>,
    /// How its number is written, if the field is text.
    pub(crate) digits: Option<Digits>,
    /// The byte that it covers after all others, though no message has it.
    pub(crate) then: Option<NodeId>,
}

impl Check {
    /// The number that a field of so many bytes has if the check holds; None if it has none.
    pub(crate) fn number(&self, covered: &[u8], size: usize) -> Option<u64> {
        let width = match self.digits {
            None => u32::try_from(size).ok()?,
            Some(digits) => digits.width(size)?,
        };
        self.algorithm.number(covered, width)
    }

    /// The bytes of a field of so many that has a number. `le` is for a number that is not in digits.
    pub(crate) fn bytes(&self, number: u64, size: usize, le: bool) -> Vec<u8> {
        match self.digits {
            None => number_bytes(number.into(), size, le),
            Some(digits) => digits.write(number, size),
        }
    }
}

/// Where the bytes that a check covers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Where the message begins.
    Message,
    /// Where the structure begins.
    Structure,
    /// Where a field of the structure begins.
    Field(u16),
}

/// The expressions of a field that decide whether and how far it is read, not what its value must be.
pub(crate) fn framing_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        [attr.condition, attr.value, attr.pos, attr.io].into_iter().flatten().collect();
    if let Size::Of(size) = attr.limit.size {
        nodes.push(size);
    }
    match attr.repeat {
        Repeat::Times(node) | Repeat::Until(node) => nodes.push(node),
        Repeat::Once | Repeat::Eos => {}
    }
    nodes
}

/// The expressions that decide what the bytes of a field mean.
pub(crate) fn shape_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    if let Some(Process::Xor(node) | Process::Rol(node) | Process::Ror(node)) = attr.process {
        nodes.push(node);
    }
    let mut shapes = vec![&attr.shape];
    while let Some(shape) = shapes.pop() {
        match shape {
            Shape::User(user) => {
                nodes.extend(&user.arguments);
                if let Parent::Given(node) = user.parent {
                    nodes.push(node);
                }
            }
            Shape::Switch(on, cases) => {
                nodes.push(*on);
                nodes.extend(cases.iter().filter_map(|(key, _)| *key));
                shapes.extend(cases.iter().map(|(_, shape)| shape));
            }
            _ => {}
        }
    }
    nodes
}

/// The expressions that decide whether a value is valid.
pub(crate) fn valid_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes = match &attr.valid {
        Some(Valid::Equal(node) | Valid::Expr(node)) => vec![*node],
        Some(Valid::Range(least, most)) => [*least, *most].into_iter().flatten().collect(),
        Some(Valid::AnyOf(nodes)) => nodes.clone(),
        Some(Valid::InEnum) | None => Vec::new(),
    };
    nodes.extend(attr.check.as_ref().and_then(|check| check.then));
    nodes
}

/// The most arguments of a type.
pub(crate) const MOST_ARGUMENTS: usize = 8;
