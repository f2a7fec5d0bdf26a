//! Compiles expressions: trees with names become nodes with ids.

use crate::expr::{Ast, AstNode};
use crate::load::asked::Asked;
use crate::load::{Context, Loader};
use crate::plan::{Cast, Method, Node, NodeId, Nodes, Span, Unit, Val};

/// The most expressions of a description.
const MOST_NODES: usize = 1_000_000;

impl Loader {
    /// Adds an expression to the plan.
    pub(super) fn compile(&mut self, ast: &Ast, context: &Context) -> NodeId {
        let node = match self.compile_variable(ast, context) {
            Some(variable) => variable,
            None => self.node(ast, context),
        };
        self.push(node)
    }

    fn push(&mut self, node: Node) -> NodeId {
        let nodes = &mut self.plan.expressions.nodes;
        if nodes.len() < MOST_NODES {
            nodes.push(node);
        }
        NodeId::at(nodes.len() - 1)
    }

    pub(super) fn constant(&mut self, bytes: &[u8]) -> Span {
        let constants = &mut self.plan.expressions.constants;
        let start = u32::try_from(constants.len()).unwrap_or(u32::MAX);
        constants.extend_from_slice(bytes);
        Span { buffer: Span::CONSTANTS, start, end: u32::try_from(constants.len()).unwrap_or(u32::MAX) }
    }

    fn nodes(&mut self, items: &[Ast], context: &Context) -> Nodes {
        let items: Vec<NodeId> = items.iter().map(|item| self.compile(item, context)).collect();
        let lists = &mut self.plan.expressions.lists;
        let from = u32::try_from(lists.len()).unwrap_or(u32::MAX);
        lists.extend(&items);
        Nodes { from, length: u32::try_from(items.len()).unwrap_or(0) }
    }

    fn node(&mut self, ast: &Ast, context: &Context) -> Node {
        match &ast.node {
            AstNode::Int(n) => Node::Const(Val::Int(*n)),
            AstNode::Float(n) => Node::Const(Val::Float(*n)),
            AstNode::Bool(b) => Node::Const(Val::Bool(*b)),
            AstNode::Str(text) => Node::Const(Val::Str(self.constant(text.as_bytes()))),
            AstNode::Format(parts) => Node::Format(self.nodes(parts, context)),
            AstNode::List(items) => {
                let bytes: Option<Vec<u8>> = items
                    .iter()
                    .map(|item| match item.node {
                        AstNode::Int(n) => u8::try_from(n).ok(),
                        _ => None,
                    })
                    .collect();
                match bytes {
                    Some(bytes) => Node::Const(Val::Bytes(self.constant(&bytes))),
                    None => Node::List(self.nodes(items, context)),
                }
            }
            AstNode::Name(name) => self.name(name, context),
            AstNode::Path(path) => self.enum_member(path, context),
            AstNode::Member(of, name) if name == "_sizeof" || name == "_bitsizeof" => {
                let unit = if name == "_sizeof" { Unit::Bytes } else { Unit::Bits };
                self.size_of_value(of, unit, ast.at, context)
            }
            AstNode::Member(of, name) => {
                let of = self.compile(of, context);
                let sym = self.intern(name);
                Node::Member(of, sym)
            }
            AstNode::Call(of, name, arguments) => {
                let of = self.compile(of, context);
                let arguments = self.nodes(arguments, context);
                match Method::named(name) {
                    Some(method) => Node::Call(of, method, arguments),
                    None => {
                        let known = Method::ALL.iter().map(|(name, _)| *name);
                        let hint = crate::error::nearest(name, known);
                        self.report(
                            context.place.right(ast.at as usize),
                            format!("there is no method '{name}'{hint}"),
                        );
                        Node::Const(Val::Null)
                    }
                }
            }
            AstNode::Index(of, index) => {
                let of = self.compile(of, context);
                Node::Item(of, self.compile(index, context))
            }
            AstNode::Cast(of, target) => {
                let of = self.compile(of, context);
                let to_bytes = match target.path.as_slice() {
                    [single] => single == "bytes" && !target.is_array || single == "u1" && target.is_array,
                    _ => false,
                };
                Node::Cast(of, if to_bytes { Cast::Bytes } else { Cast::Same })
            }
            AstNode::SizeOf(target, in_bits) => {
                let unit = if *in_bits { Unit::Bits } else { Unit::Bytes };
                self.size_of_type(target, unit, ast.at, context)
            }
            AstNode::Unary(operator, operand) => Node::Unary(*operator, self.compile(operand, context)),
            AstNode::Binary(operator, left, right) => {
                let left = self.compile(left, context);
                Node::Binary(*operator, left, self.compile(right, context))
            }
            AstNode::Ternary(condition, then, otherwise) => {
                let condition = self.compile(condition, context);
                let then = self.compile(then, context);
                Node::Ternary(condition, then, self.compile(otherwise, context))
            }
        }
    }

    fn name(&mut self, name: &str, context: &Context) -> Node {
        match name {
            "_parent" => return Node::Parent,
            "_root" => return Node::Root,
            "_io" => return Node::Io,
            "_" => return Node::Element,
            "_index" => return Node::Index,
            "_is_le" => return Node::IsLe,
            "null" if self.is_query => return Node::Const(Val::Null),
            "_sizeof" => {
                self.ask_size(Asked::Type(context.current), Unit::Bytes, None);
                return Node::SizeOf(None, Unit::Bytes);
            }
            _ => {}
        }
        let sym = self.intern(name);
        match self.plan.type_of(context.current).slot(sym) {
            Some(slot) => Node::Slot(slot),
            None => {
                if self.is_query {
                    let known = self.slot_names(context.current);
                    let hint = crate::error::nearest(name, known.iter().map(String::as_str));
                    self.report(context.place, format!("there is no '{name}'{hint}"));
                }
                Node::Named(sym)
            }
        }
    }

    fn enum_member(&mut self, path: &[String], context: &Context) -> Node {
        let found = path.split_last().and_then(|(member, of)| {
            let number = self.find_enum(of, context.current)?;
            let member = self.plan.enum_of(number).members.iter().find(|known| known.id == *member)?;
            Some(Val::Enum(number, member.value))
        });
        if found.is_none() && self.is_query {
            self.report(context.place, format!("there is no enum member '{}'", path.join("::")));
        }
        Node::Const(found.unwrap_or(Val::Null))
    }
}
