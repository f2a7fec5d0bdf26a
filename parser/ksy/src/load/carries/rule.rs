//! Loads one item of `carries`.

use super::Draft;
use crate::error::Place;
use crate::expr::{Ast, AstNode};
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{CarryRule, Meta, NodeId, Ordering, Shape, StreamPlan, Sym, TypeId};
use crate::yaml::{Data, Node};

const KEYS: [&str; 17] = [
    "field", "channel", "name", "protocol", "as", "if", "begin", "end", "offset", "index", "from", "wraps",
    "message", "first", "last", "count", "length",
];
/// The keys that make a value a part of a message.
const OF_PARTS: [&str; 5] = ["message", "first", "last", "count", "length"];

/// A field that is carried.
struct Field {
    path: Vec<Sym>,
    /// Whether its values are bytes of the message.
    is_plain: bool,
}

impl Loader {
    pub(super) fn carry_draft(&mut self, item: &Node, id: TypeId, meta: &Meta) -> Option<Draft> {
        let item = match &item.data {
            // The short form is the field alone.
            Data::Scalar { .. } => {
                let key =
                    Node { place: item.place, data: Data::Scalar { text: "field".into(), quoted: false } };
                Node { place: item.place, data: Data::Map([(key, item.clone())].into()) }
            }
            Data::Map(_) => item.clone(),
            Data::List(_) => {
                self.report(item.place, "each item of 'carries' must be a field, or a map with 'field'");
                return None;
            }
        };
        self.check_keys(&item, &KEYS, "'carries'");
        let field = match item.get("field") {
            Some(node) => Some(self.carried_field(node, id)?),
            None if item.get("begin").or(item.get("end")).is_some() => None,
            None => {
                self.report(item.place, "'field' is missing: the path of the bytes that are carried");
                return None;
            }
        };
        let is_plain = field.as_ref().is_none_or(|field| field.is_plain);
        let stream = self.stream_plan(&item, meta);
        let rule = self.carry_rule(&item, id, field, &stream);
        self.check_rule(&item, &rule, &stream);
        Some(Draft { rule, place: item.place, stream, is_plain })
    }

    /// What an item says of its stream.
    fn stream_plan(&mut self, item: &Node, meta: &Meta) -> StreamPlan {
        let name = item.get("name").and_then(|node| self.plain_name(node, "name"));
        let protocol = item.get("protocol").and_then(|node| self.plain_name(node, "protocol"));
        let is_part = OF_PARTS.iter().any(|key| item.get(key).is_some());
        let is_delimited = match item.get("as").map(|node| (node, node.text())) {
            None => is_part,
            Some((_, Some("messages"))) => true,
            Some((_, Some("stream"))) => false,
            Some((node, _)) => {
                let text = "'as' must be stream, if the values are bytes of one stream, or messages, if each is a message or a part of one";
                self.report(node.place, text);
                false
            }
        };
        let order = match (item.get("offset"), item.get("index")) {
            (Some(_), None) => Ordering::Offset,
            (None, Some(_)) => Ordering::Index,
            (None, None) => Ordering::Sent,
            (Some(_), Some(index)) => {
                self.report(
                    index.place,
                    "the place of bytes is either an 'offset' or an 'index': remove one of them",
                );
                Ordering::Index
            }
        };
        StreamPlan {
            name: name.map_or_else(|| meta.name.clone(), |name| format!("{}.{name}", meta.name)),
            protocol,
            is_delimited,
            is_verbatim: order == Ordering::Sent && item.get("message").is_none(),
            says_begin: item.get("begin").is_some(),
            has_channels: item.get("channel").is_some(),
            order,
        }
    }

    /// A name of a channel or protocol.
    pub(super) fn plain_name(&mut self, node: &Node, key: &str) -> Option<String> {
        let fits = |text: &&str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        let name = node.text().filter(fits);
        if name.is_none() {
            self.report(node.place, format!("'{key}' must be a name, of letters, digits, '_', '-' and '.'"));
        }
        name.map(str::to_owned)
    }

    fn carry_rule(
        &mut self,
        item: &Node,
        id: TypeId,
        field: Option<Field>,
        stream: &StreamPlan,
    ) -> CarryRule {
        let mut of = |key: &str, wanted: Ty| self.carry_expression(item, key, id, &wanted);
        let position = match stream.order {
            Ordering::Sent => None,
            Ordering::Offset => of("offset", Ty::Int),
            Ordering::Index => of("index", Ty::Int),
        };
        let rule = CarryRule {
            ty: id,
            stream: 0,
            path: field.map(|field| field.path),
            condition: of("if", Ty::Bool),
            channel: of("channel", Ty::Unknown),
            begin: of("begin", Ty::Bool),
            end: of("end", Ty::Bool),
            order: stream.order,
            position,
            from: 0,
            wraps: None,
            message: of("message", Ty::Unknown),
            first: of("first", Ty::Bool),
            last: of("last", Ty::Bool),
            count: of("count", Ty::Int),
            length: of("length", Ty::Int),
        };
        let from = self.carry_number(item, "from", 0);
        let wraps = self.carry_number(item, "wraps", 2);
        CarryRule { from: from.unwrap_or(0), wraps, ..rule }
    }

    /// Compiles one of the expressions; [`Ty::Unknown`] wants a value that can be a key.
    fn carry_expression(&mut self, item: &Node, key: &str, id: TypeId, wanted: &Ty) -> Option<NodeId> {
        let (ast, place) = self.expression(item.get(key)?)?;
        let context = Context::of(id, place);
        let found = self.infer(&ast, &context);
        let (fits, what) = match wanted {
            Ty::Bool => (matches!(found, Ty::Bool | Ty::Unknown), "a boolean"),
            Ty::Int => (matches!(found, Ty::Int | Ty::Unknown), "a whole number"),
            _ => (!matches!(found, Ty::Obj(_) | Ty::Arr(_) | Ty::Io | Ty::Float), "a number, text or bytes"),
        };
        if !fits {
            let found = found.what(self);
            self.report(place, format!("'{key}' must be {what}, not {found}"));
        }
        Some(self.compile(&ast, &context))
    }

    fn carry_number(&mut self, item: &Node, key: &str, least: u64) -> Option<u64> {
        let node = item.get(key)?;
        let number = node.integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number >= least && *number <= 1 << 62);
        if number.is_none() {
            self.report(node.place, format!("'{key}' must be a whole number, at least {least}"));
        }
        number
    }

    /// What makes no sense together.
    fn check_rule(&mut self, item: &Node, rule: &CarryRule, stream: &StreamPlan) {
        if item.get("index").is_none()
            && let Some(node) = item.get("from").or(item.get("wraps"))
        {
            self.report(
                node.place,
                "'from' and 'wraps' are about the numbers of an 'index': add it, or remove them",
            );
        }
        if let Some((from, wraps)) = Some(rule.from).zip(rule.wraps).filter(|(from, wraps)| from >= wraps) {
            self.report(item.place, format!("the first number, {from}, must be below {wraps}, at which 'wraps' says that they begin again"));
        }
        let of_parts = OF_PARTS.iter().find_map(|key| Some((key, item.get(key)?.place)));
        if let Some((key, place)) = of_parts.filter(|_| !stream.is_delimited) {
            self.report(
                place,
                format!("'{key}' is about parts of messages: use 'as: messages', or remove it"),
            );
        }
        if let Some(first) =
            item.get("first").filter(|_| stream.order != Ordering::Sent || rule.message.is_some())
        {
            self.report(
                first.place,
                "'first' is for parts without 'offset', 'index' and 'message', which say more: remove it",
            );
        }
    }

    /// The field at a path, which must be bytes.
    fn carried_field(&mut self, node: &Node, id: TypeId) -> Option<Field> {
        let (ast, place) = self.expression(node)?;
        let Some(names) = path_of(&ast) else {
            self.report(place, "'field' must be the path of a field, such as body.payload");
            return None;
        };
        let before = self.diagnostics.len();
        let ty = self.infer(&ast, &Context::of(id, place));
        if self.diagnostics.len() > before {
            return None;
        }
        let item = match &ty {
            Ty::Arr(item) => (**item).clone(),
            other => other.clone(),
        };
        if !matches!(item, Ty::Bytes | Ty::Unknown) {
            let what = item.what(self);
            let hint = match item {
                Ty::Str => ": remove its 'type' and 'encoding'",
                Ty::Obj(_) => ": remove its 'type', since the protocol that is carried reads it",
                _ => "",
            };
            self.report(place, format!("what is carried must be bytes with a size, not {what}{hint}"));
            return None;
        }
        self.slots_of(&names, id, place)
    }

    /// Follows a path from field to field.
    fn slots_of(&mut self, names: &[&str], id: TypeId, place: Place) -> Option<Field> {
        let (mut path, mut at, mut is_plain) = (Vec::new(), Some(id), true);
        for name in names {
            let symbol = self.plan.symbol(name)?;
            let ty = at.map(|id| self.plan.type_of(id).clone());
            let attr = ty.as_ref().and_then(|ty| ty.attr(ty.slot(symbol)?));
            let Some(attr) = attr else {
                self.report(
                    place,
                    format!("'{name}' is no field here: write 'carries' into the type that has the field"),
                );
                return None;
            };
            is_plain &= attr.value.is_none() && attr.pos.is_none();
            at = match &attr.shape {
                Shape::User(user) => Some(user.id),
                _ => None,
            };
            path.push(symbol);
        }
        Some(Field { path, is_plain })
    }
}

/// The names of a path such as `body.payload`.
fn path_of(ast: &Ast) -> Option<Vec<&str>> {
    match &ast.node {
        AstNode::Name(name) => Some(vec![name]),
        AstNode::Member(of, name) => {
            let mut path = path_of(of)?;
            path.push(name);
            Some(path)
        }
        _ => None,
    }
}
