//! Compiles expressions: trees with names become nodes with ids.

use crate::expr::{Ast, AstNode, TypeName};
use crate::load::infer::types::builtin;
use crate::load::{Context, Loader};
use crate::plan::{Cast, Method, Node, NodeId, Nodes, Span, Val};

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
                let bits = self.static_bits(of, context);
                match bits {
                    Some(bits) => {
                        let size = if name == "_sizeof" { bits.div_ceil(8) } else { bits };
                        Node::Const(Val::Int(size.into()))
                    }
                    None => {
                        self.report(
                            context.place.right(ast.at as usize),
                            "the size of this differs between messages: use the field that gives it",
                        );
                        Node::Const(Val::Null)
                    }
                }
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
                let place = context.place.right(ast.at as usize);
                match self.type_bits(target, context) {
                    Some(bits) => {
                        Node::Const(Val::Int((if *in_bits { bits } else { bits.div_ceil(8) }).into()))
                    }
                    None => {
                        self.report(
                            place,
                            format!("values of the type '{}' have no fixed size", target.written()),
                        );
                        Node::Const(Val::Null)
                    }
                }
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
                let bits = self.plan.type_of(context.current).fixed_bits;
                let bits = bits.or_else(|| self.bits_of_type(context.current, 0));
                return Node::Const(bits.map_or(Val::Null, |bits| Val::Int(bits.div_ceil(8).into())));
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

    /// The size in bits of every value of a type.
    fn type_bits(&mut self, target: &TypeName, context: &Context) -> Option<u64> {
        if let [single] = target.path.as_slice()
            && builtin(single).is_some()
        {
            let digits: String = single.chars().filter(char::is_ascii_digit).collect();
            let number: u64 = digits.parse().ok()?;
            return Some(if single.starts_with('b') { number } else { number * 8 });
        }
        let id = self.find_type(target, context.current, context.place)?;
        self.complete_type(id);
        self.bits_of_type(id, 0)
    }

    /// The size in bits of the field that an expression names, if it never changes.
    fn static_bits(&mut self, ast: &Ast, context: &Context) -> Option<u64> {
        let (of, name) = match &ast.node {
            AstNode::Name(name) if name == "_root" || name == "_parent" => match self.infer(ast, context) {
                super::Ty::Obj(id) => {
                    self.complete_type(id);
                    return self.bits_of_type(id, 0);
                }
                _ => return None,
            },
            AstNode::Name(name) => (context.current, name),
            AstNode::Member(of, name) => match self.infer(of, context) {
                super::Ty::Obj(id) => (id, name),
                _ => return None,
            },
            AstNode::Cast(_, target) => return self.type_bits(target, context),
            _ => return None,
        };
        self.complete_type(of);
        let sym = self.plan.symbol(name.as_str())?;
        let plan = self.plan.type_of(of).clone();
        let attr = plan.attr(plan.slot(sym)?)?;
        self.bits_of_attr(attr, 0)
    }
}
