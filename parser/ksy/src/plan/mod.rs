//! A description as it is executed: types, enumerations and expressions in flat tables that refer to each other by
//! number. Nothing in it is looked up by name while a message is read, but members of values whose type only the
//! message shows.

mod attr;
mod carries;
mod conversation;
mod expression;
mod id;
mod meta;

use crate::error::Located;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use framescope_parser::{Kind, Value};

pub(crate) use attr::{
    Attr, Check, Computed, Edge, Limit, MOST_ARGUMENTS, Order, Parent, Process, Repeat, Shape, Size,
    Terminator, UserType, Valid, framing_expressions, shape_expressions, valid_expressions,
};
pub(crate) use carries::{CarriesPlan, CarryRule, Ordering, StreamPlan};
pub(crate) use conversation::{
    ConversationPlan, MOST_STATES, Mask, Reading, Rule, Set, StatePlan, VariablePlan,
};
pub(crate) use expression::{Cast, Expressions, Method, Node, Nodes, Span, Unit, Val};
pub(crate) use id::entry;
pub(crate) use id::{ArrayId, EnumId, IoId, NodeId, ObjectId, Sym, TypeId};
pub(crate) use meta::{Before, Head, HeadTest, HeadTestKind, Item, Meta, Stream};

/// Everything that a description says. A copy shares all but the expressions, to which a query adds its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) files: Arc<Vec<String>>,
    names: Arc<Vec<Box<str>>>,
    symbols: Arc<HashMap<Box<str>, Sym>>,
    pub(crate) types: Vec<Arc<TypePlan>>,
    pub(crate) enums: Arc<Vec<EnumPlan>>,
    pub(crate) expressions: Expressions,
    pub(crate) warnings: Arc<Vec<Located>>,
    /// The type of a message. The types that a conversation's messages have share the rest of their plans.
    pub(crate) root: TypeId,
    /// Whether a field may be anywhere in the stream, so that a file is one message.
    pub(crate) reads_elsewhere: bool,
    /// How a message is read that is an item of the root's last field; None where it is the whole root.
    pub(crate) item: Option<Item>,
    /// How the bytes of a message are changed where it is read.
    pub(crate) mask: Option<Mask>,
    /// The names of the conversation's variables.
    pub(crate) variables: Arc<Vec<String>>,
}

impl Plan {
    pub(crate) fn intern(&mut self, name: &str) -> Sym {
        if let Some(&known) = self.symbols.get(name) {
            return known;
        }
        let sym = Sym::at(self.names.len());
        Arc::make_mut(&mut self.names).push(name.into());
        Arc::make_mut(&mut self.symbols).insert(name.into(), sym);
        sym
    }

    /// The type whose fields are those of a message.
    pub(crate) fn message_type(&self) -> TypeId {
        self.item.and_then(|item| item.own_type).unwrap_or(self.root)
    }

    /// The same with another type as the message.
    pub(crate) fn rooted(&self, root: TypeId, item: Option<Item>) -> Plan {
        Plan { root, item, ..self.clone() }
    }

    /// The id of a name, if the description has it.
    pub(crate) fn symbol(&self, name: &str) -> Option<Sym> {
        self.symbols.get(name).copied()
    }

    pub(crate) fn name(&self, sym: Sym) -> &str {
        entry::<Box<str>>(&self.names, sym.index(), || &NO_NAME)
    }

    #[inline]
    pub(crate) fn type_of(&self, id: TypeId) -> &Arc<TypePlan> {
        entry(&self.types, id.index(), || &NO_TYPE)
    }

    /// Whether a value decides about the byte order of a structure in a shape, so that it may end before its numbers.
    pub(crate) fn chooses_endian(&self, shape: &Shape) -> bool {
        let (mut shapes, mut seen) = (vec![shape], HashSet::new());
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) if seen.insert(user.id) => {
                    let ty = self.type_of(user.id);
                    if matches!(ty.endian, Endian::Switch(..)) {
                        return true;
                    }
                    shapes.extend(ty.seq.iter().map(|attr| &attr.shape));
                }
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
        false
    }

    pub(crate) fn root(&self) -> &Arc<TypePlan> {
        self.type_of(self.root)
    }

    #[inline]
    pub(crate) fn enum_of(&self, id: EnumId) -> &EnumPlan {
        entry(&self.enums, id.index(), || &NO_ENUM)
    }

    /// The numbers, texts and bytes that are named, each once.
    pub(crate) fn constants(&self) -> Vec<Value<'_>> {
        let (mut numbers, mut texts) = (BTreeSet::new(), BTreeSet::new());
        let text = |span: &Span| {
            self.expressions.constants.get(span.start as usize..span.end as usize).unwrap_or_default()
        };
        for node in &self.expressions.nodes {
            match node {
                Node::Const(Val::Int(number) | Val::Enum(_, number)) => drop(numbers.insert(*number)),
                Node::Const(Val::Str(span) | Val::Bytes(span)) => drop(texts.insert(text(span))),
                _ => {}
            }
        }
        for attr in self.types.iter().flat_map(|ty| ty.seq.iter().chain(&ty.instances)) {
            if let Shape::Contents(span) = &attr.shape {
                texts.insert(text(span));
            }
        }
        numbers.extend(self.enums.iter().flat_map(|one| &one.members).map(|member| member.value));
        let numbers =
            numbers.into_iter().filter_map(|number| u64::try_from(number).ok()).map(Value::Unsigned);
        numbers.chain(texts.into_iter().map(Value::utf8)).collect()
    }

    /// The member of an enumeration that has a number.
    pub(crate) fn member(&self, of: EnumId, value: i128) -> Option<&Member> {
        self.enum_of(of).member(value)
    }
}

static NO_NAME: LazyLock<Box<str>> = LazyLock::new(Box::default);
static NO_TYPE: LazyLock<Arc<TypePlan>> = LazyLock::new(Arc::default);
static NO_ENUM: LazyLock<EnumPlan> = LazyLock::new(EnumPlan::default);

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
        // Most enumerations count on from their first member.
        let guess = value.checked_sub(self.by_value.first()?.0).and_then(|guess| usize::try_from(guess).ok());
        let guessed = guess.and_then(|guess| self.by_value.get(guess)).filter(|(known, _)| *known == value);
        let found = match guessed {
            Some(found) => found,
            None => {
                let at = self.by_value.binary_search_by_key(&value, |&(known, _)| known).ok()?;
                self.by_value.get(at)?
            }
        };
        self.members.get(found.1 as usize)
    }
}

/// A structure.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypePlan {
    pub(crate) name: String,
    /// The type it is declared in.
    pub(crate) outer: Option<TypeId>,
    /// The file that it is in: `_root` does not cross it.
    pub(crate) file: u32,
    pub(crate) doc: Doc,
    /// How many of the slots are parameters; they come first.
    pub(crate) parameters: u16,
    pub(crate) parameter_names: Vec<Sym>,
    pub(crate) seq: Vec<Attr>,
    pub(crate) instances: Vec<Attr>,
    /// Where each name's value is: parameters, then `seq`, then `instances`. Sorted by name.
    pub(crate) slots: Vec<(Sym, u16)>,
    pub(crate) endian: Endian,
    /// The size of its values in bits, if it never changes.
    pub(crate) fixed_bits: Option<u64>,
    pub(crate) summary: Vec<Piece>,
    pub(crate) children: HashMap<Box<str>, TypeId>,
    pub(crate) enums: HashMap<Box<str>, EnumId>,
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

/// An author's documentation of a field or type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doc {
    pub(crate) text: String,
    pub(crate) references: Vec<String>,
}

/// The byte order of numbers that specify none.
#[derive(Clone, Debug, Default)]
pub(crate) enum Endian {
    /// That of the structure around it, and none for the outermost.
    #[default]
    Inherit,
    Le,
    Be,
    /// By a value: the first case that matches. A case without a value always matches.
    Switch(NodeId, Vec<(Option<NodeId>, bool)>),
}

/// A piece of a summary.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(NodeId, Style),
    /// A field's name and value, if it has one, after a comma unless it is the first.
    Named(Sym, NodeId),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Hex,
    Str,
}

/// The name of bytes of a structure that its description does not explain.
pub(crate) const UNREAD: &str = "_unread";
/// The name of bits after a field, up to the next byte, that belong to no field and are not zero.
pub(crate) const PADDING: &str = "_padding";
/// The name of the bytes of a field that can't be derived from its value.
pub(crate) const RAW: &str = "_raw";

/// The number of a value and its name.
pub(crate) fn kind_of(plan: &Plan, val: Val) -> Option<Kind<'_>> {
    match val {
        Val::Int(n) => kind_named(n, None),
        Val::Bool(b) => Some(Kind::new(b.into(), Some(if b { "true" } else { "false" }))),
        Val::Enum(of, n) => kind_named(n, plan.member(of, n).map(|member| member.shown.as_str())),
        _ => None,
    }
}

/// A number and its name, if it has no more than 64 bits.
fn kind_named(n: i128, name: Option<&str>) -> Option<Kind<'_>> {
    match u64::try_from(n) {
        Ok(n) => Some(Kind::new(n, name)),
        Err(_) => i64::try_from(n).ok().map(|n| Kind::signed(n, name)),
    }
}

/// A span of the message as a range.
pub(crate) fn range(span: (u32, u32)) -> Range<usize> {
    span.0 as usize..span.1.max(span.0) as usize
}
