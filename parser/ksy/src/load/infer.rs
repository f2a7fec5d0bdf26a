//! What kind of value an expression gives, as far as the description tells. It finds names that are none and
//! operations that no value knows before a message is read; what it can't know it lets pass.

use std::rc::Rc;

use super::{Context, Loader};
use crate::error::{Place, nearest};
use crate::expr::{Ast, AstNode, Binary, Unary};
use crate::plan::{Method, Repeat, Shape, TypeId};

/// A kind of value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    Unknown,
    Int,
    Float,
    Bool,
    Str,
    Bytes,
    Enum(u32),
    Obj(TypeId),
    Arr(Rc<Ty>),
    Io,
}

impl Ty {
    fn what(&self, loader: &Loader) -> String {
        match self {
            Ty::Unknown => "a value".into(),
            Ty::Int => "a whole number".into(),
            Ty::Float => "a floating-point number".into(),
            Ty::Bool => "a boolean".into(),
            Ty::Str => "a text".into(),
            Ty::Bytes => "bytes".into(),
            Ty::Enum(of) => match loader.plan.enums.get(*of as usize) {
                Some(plan) => format!("a member of the enum {}", plan.name),
                None => "an enum's member".into(),
            },
            Ty::Obj(id) => match loader.plan.type_of(*id) {
                Some(plan) => format!("a structure of the type {}", plan.name),
                None => "a structure".into(),
            },
            Ty::Arr(_) => "a list".into(),
            Ty::Io => "a stream".into(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Ty::Int | Ty::Float | Ty::Unknown)
    }

    /// What can be asked of such a value.
    fn methods(&self) -> &'static [&'static str] {
        match self {
            Ty::Int => &["to_s", "to_i"],
            Ty::Float | Ty::Enum(_) | Ty::Bool => &["to_i", "to_s"],
            Ty::Str => &["length", "reverse", "substring", "to_i", "to_s"],
            Ty::Bytes => &["length", "size", "first", "last", "min", "max", "to_s"],
            Ty::Arr(_) => &["size", "first", "last", "min", "max"],
            Ty::Io => &["eof", "size", "pos"],
            Ty::Unknown | Ty::Obj(_) => &[],
        }
    }
}

/// Names that every structure has.
const OWN: [&str; 4] = ["_io", "_parent", "_root", "_sizeof"];

/// How far instances are followed through other instances.
const DEEPEST: u32 = 40;

impl Loader {
    /// The kind of an expression's value; says what is wrong with it.
    pub(super) fn infer(&mut self, ast: &Ast, context: &Context) -> Ty {
        self.infer_at(ast, context, true, 0)
    }

    fn complain(&mut self, report: bool, ast: &Ast, context: &Context, text: impl FnOnce(&Loader) -> String) {
        if report && !self.is_query && !self.is_full() {
            let text = text(self);
            self.mistake(context.place.right(ast.at as usize), text);
        }
    }

    fn infer_at(&mut self, ast: &Ast, context: &Context, report: bool, depth: u32) -> Ty {
        if depth > DEEPEST {
            return Ty::Unknown;
        }
        let depth = depth + 1;
        match &ast.node {
            AstNode::Int(_) | AstNode::SizeOf(..) => Ty::Int,
            AstNode::Float(_) => Ty::Float,
            AstNode::Bool(_) => Ty::Bool,
            AstNode::Str(_) => Ty::Str,
            AstNode::Format(parts) => {
                parts.iter().for_each(|part| {
                    self.infer_at(part, context, report, depth);
                });
                Ty::Str
            }
            AstNode::List(items) => {
                let is_bytes = items.iter().all(|item| matches!(item.node, AstNode::Int(0..=255)));
                let types: Vec<Ty> =
                    items.iter().map(|item| self.infer_at(item, context, report, depth)).collect();
                match types.first() {
                    _ if is_bytes => Ty::Bytes,
                    Some(first) if types.iter().all(|ty| ty == first) => Ty::Arr(Rc::new(first.clone())),
                    _ => Ty::Arr(Rc::new(Ty::Unknown)),
                }
            }
            AstNode::Name(name) => self.infer_name(name, ast, context, report, depth),
            AstNode::Path(path) => {
                let found = path.split_last().and_then(|(member, of)| {
                    let found = self.find_enum(of, context.current)?;
                    Some((
                        found,
                        self.plan.enums.get(found as usize)?.members.iter().any(|known| known.id == *member),
                    ))
                });
                match found {
                    Some((number, true)) => Ty::Enum(number),
                    Some((number, false)) => {
                        self.complain(report, ast, context, |loader| {
                            let members =
                                loader.plan.enums.get(number as usize).map_or(&[][..], |plan| &plan.members);
                            let name = path.last().map_or("", |name| name);
                            format!(
                                "this enum has no '{name}'{}",
                                nearest(name, members.iter().map(|member| member.id.as_str()))
                            )
                        });
                        Ty::Enum(number)
                    }
                    None => {
                        self.complain(report, ast, context, |loader| {
                            let of =
                                path.len().checked_sub(2).and_then(|at| path.get(at)).map_or("", |name| name);
                            let known = loader.visible_enums(context.current);
                            format!(
                                "there is no enum '{of}' here{}",
                                nearest(of, known.iter().map(String::as_str))
                            )
                        });
                        Ty::Unknown
                    }
                }
            }
            AstNode::Member(of, name) => {
                let of = self.infer_at(of, context, report, depth);
                self.infer_member(&of, name, &[], ast, context, report, depth)
            }
            AstNode::Call(of, name, arguments) => {
                let of = self.infer_at(of, context, report, depth);
                arguments.iter().for_each(|argument| {
                    self.infer_at(argument, context, report, depth);
                });
                self.infer_member(&of, name, arguments, ast, context, report, depth)
            }
            AstNode::Index(of, index) => {
                let index_type = self.infer_at(index, context, report, depth);
                if !matches!(index_type, Ty::Int | Ty::Unknown) {
                    self.complain(report, index, context, |loader| {
                        format!("an index is a whole number, not {}", index_type.what(loader))
                    });
                }
                match self.infer_at(of, context, report, depth) {
                    Ty::Arr(item) => (*item).clone(),
                    Ty::Bytes => Ty::Int,
                    Ty::Unknown => Ty::Unknown,
                    other => {
                        self.complain(report, ast, context, |loader| {
                            format!("{} has no items", other.what(loader))
                        });
                        Ty::Unknown
                    }
                }
            }
            AstNode::Cast(of, target) => {
                let from = self.infer_at(of, context, report, depth);
                let plain = match target.path.as_slice() {
                    [single] => builtin(single),
                    _ => None,
                };
                let item = match plain {
                    Some(ty) => ty,
                    None => match self.find_type(target, context.current, context.place) {
                        Some(id) => Ty::Obj(id),
                        None => {
                            self.complain(report, ast, context, |loader| {
                                let known = loader.visible_types(context.current);
                                let name = target.written();
                                format!(
                                    "there is no type '{name}'{}",
                                    nearest(&name, known.iter().map(String::as_str))
                                )
                            });
                            from
                        }
                    },
                };
                if target.is_array { Ty::Arr(Rc::new(item)) } else { item }
            }
            AstNode::Unary(operator, operand) => {
                let ty = self.infer_at(operand, context, report, depth);
                let fits = match operator {
                    Unary::Not => matches!(ty, Ty::Bool | Ty::Unknown),
                    Unary::Minus => ty.is_number(),
                    Unary::Invert => matches!(ty, Ty::Int | Ty::Unknown),
                };
                if !fits {
                    self.complain(report, ast, context, |loader| match operator {
                        Unary::Not => format!("'not' wants a boolean, and this is {}", ty.what(loader)),
                        _ => format!("this wants a number, and there is {}", ty.what(loader)),
                    });
                }
                if *operator == Unary::Not { Ty::Bool } else { ty }
            }
            AstNode::Binary(operator, left, right) => {
                let left_type = self.infer_at(left, context, report, depth);
                let right_type = self.infer_at(right, context, report, depth);
                self.infer_binary(*operator, (&left_type, &right_type), ast, context, report)
            }
            AstNode::Ternary(condition, then, otherwise) => {
                let ty = self.infer_at(condition, context, report, depth);
                if !matches!(ty, Ty::Bool | Ty::Unknown) {
                    self.complain(report, condition, context, |loader| {
                        format!("'?' wants a boolean before it, and this is {}", ty.what(loader))
                    });
                }
                let then = self.infer_at(then, context, report, depth);
                let otherwise = self.infer_at(otherwise, context, report, depth);
                match (then, otherwise) {
                    (a, b) if a == b => a,
                    (Ty::Int, Ty::Float) | (Ty::Float, Ty::Int) => Ty::Float,
                    _ => Ty::Unknown,
                }
            }
        }
    }

    fn infer_binary(
        &mut self,
        operator: Binary,
        (left, right): (&Ty, &Ty),
        ast: &Ast,
        context: &Context,
        report: bool,
    ) -> Ty {
        let sign = operator.sign();
        let both = |fits: fn(&Ty) -> bool| fits(left) && fits(right);
        let (fits, result) = match operator {
            Binary::Or | Binary::And => (both(|ty| matches!(ty, Ty::Bool | Ty::Unknown)), Ty::Bool),
            Binary::Equal | Binary::NotEqual => {
                let similar = left == right
                    || both(Ty::is_number)
                    || matches!((left, right), (Ty::Unknown, _) | (_, Ty::Unknown))
                    || matches!(
                        (left, right),
                        (Ty::Bytes, Ty::Arr(_)) | (Ty::Arr(_), Ty::Bytes | Ty::Arr(_))
                    )
                    || matches!((left, right), (Ty::Obj(_), Ty::Obj(_)));
                (similar, Ty::Bool)
            }
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                let similar = both(Ty::is_number)
                    || both(|ty| matches!(ty, Ty::Str | Ty::Unknown))
                    || both(|ty| matches!(ty, Ty::Bytes | Ty::Arr(_) | Ty::Unknown))
                    || both(|ty| matches!(ty, Ty::Enum(_) | Ty::Unknown));
                (similar, Ty::Bool)
            }
            Binary::Plus
                if both(|ty| matches!(ty, Ty::Str | Ty::Unknown))
                    && (*left == Ty::Str || *right == Ty::Str) =>
            {
                (true, Ty::Str)
            }
            Binary::BitOr | Binary::BitXor | Binary::BitAnd | Binary::Left | Binary::Right => {
                (both(|ty| matches!(ty, Ty::Int | Ty::Unknown)), Ty::Int)
            }
            _ => {
                let result = match (left, right) {
                    (Ty::Int, Ty::Int) => Ty::Int,
                    (Ty::Float, _) | (_, Ty::Float) => Ty::Float,
                    _ => Ty::Unknown,
                };
                (both(Ty::is_number), result)
            }
        };
        if !fits {
            self.complain(report, ast, context, |loader| {
                format!("'{sign}' does not join {} and {}", left.what(loader), right.what(loader))
            });
        }
        result
    }

    fn infer_name(&mut self, name: &str, ast: &Ast, context: &Context, report: bool, depth: u32) -> Ty {
        match name {
            "_io" => return Ty::Io,
            "_index" if context.repeated || self.is_query => return Ty::Int,
            "_index" => {
                self.complain(report, ast, context, |_| {
                    "'_index' is the number of a repeated field's item, and this does not repeat".into()
                });
                return Ty::Int;
            }
            "_is_le" => return Ty::Bool,
            "_sizeof" => return Ty::Int,
            "_root" => {
                let file = self.plan.type_of(context.current).map(|plan| plan.file);
                let top =
                    self.plan.types.iter().position(|plan| plan.outer.is_none() && Some(plan.file) == file);
                return top.and_then(|at| TypeId::try_from(at).ok()).map_or(Ty::Unknown, Ty::Obj);
            }
            "_parent" => return self.parent_of(context.current),
            "_" => {
                if let Some(element) = &context.element {
                    return element.clone();
                }
                self.complain(report, ast, context, |_| {
                    "'_' stands for a value only in 'repeat-until' and 'valid'".into()
                });
                return Ty::Unknown;
            }
            _ => {}
        }
        let Some(slot) = self.slot_of(context.current, name) else {
            self.complain(report, ast, context, |loader| {
                let known = loader.slot_names(context.current);
                let elsewhere = match loader.plan.types.iter().find(|plan| loader.has_slot(plan, name)) {
                    Some(plan) => {
                        format!(" ('{}' has one: reach it through _parent, _root or a field)", plan.name)
                    }
                    None => String::new(),
                };
                let names = known.iter().map(String::as_str).chain(["_io", "_parent", "_root", "_index"]);
                format!("there is no '{name}' in this type{}{elsewhere}", nearest(name, names))
            });
            return Ty::Unknown;
        };
        self.slot_type(context.current, slot, depth)
    }

    fn has_slot(&self, plan: &crate::plan::TypePlan, name: &str) -> bool {
        self.plan.symbols.get(name).is_some_and(|&sym| plan.slot(sym).is_some())
    }

    fn slot_of(&self, id: TypeId, name: &str) -> Option<u16> {
        let sym = *self.plan.symbols.get(name)?;
        self.plan.type_of(id)?.slot(sym)
    }

    fn slot_names(&self, id: TypeId) -> Vec<String> {
        let slots = self.plan.type_of(id).map_or(&[][..], |plan| &plan.slots);
        slots.iter().map(|&(sym, _)| self.plan.name(sym).to_owned()).collect()
    }

    /// What `_parent` is in structures of a type, if that is always the same.
    fn parent_of(&self, id: TypeId) -> Ty {
        let parents = self.types.get(id as usize).map_or(&[][..], |declared| &declared.parents);
        match parents.split_first() {
            Some((Some(first), rest)) if rest.iter().all(|other| *other == Some(*first)) => Ty::Obj(*first),
            _ => Ty::Unknown,
        }
    }

    /// The kind of a parameter's, field's or instance's value.
    pub(super) fn slot_type(&mut self, id: TypeId, slot: u16, depth: u32) -> Ty {
        let Some(declared) = self.types.get(id as usize) else { return Ty::Unknown };
        if let Some(known) = declared.value_types.get(&slot) {
            return known.clone();
        }
        if let Some((ast, place)) = declared.values.get(&slot).cloned() {
            // While it is being found out, it is not known: instances may refer to each other in a circle.
            if let Some(declared) = self.types.get_mut(id as usize) {
                declared.value_types.insert(slot, Ty::Unknown);
            }
            let found = self.infer_at(&ast, &Context::of(id, place), false, depth);
            let enumeration = self.plan.type_of(id).and_then(|plan| plan.attr(slot)?.enumeration);
            let found = enumeration.map_or(found, Ty::Enum);
            if let Some(declared) = self.types.get_mut(id as usize) {
                declared.value_types.insert(slot, found.clone());
            }
            return found;
        }
        self.types
            .get(id as usize)
            .and_then(|declared| declared.slots.get(usize::from(slot)).cloned())
            .unwrap_or(Ty::Unknown)
    }

    #[allow(clippy::too_many_arguments)] // What an expression's place is takes four of them.
    fn infer_member(
        &mut self,
        of: &Ty,
        name: &str,
        arguments: &[Ast],
        ast: &Ast,
        context: &Context,
        report: bool,
        depth: u32,
    ) -> Ty {
        match name {
            "_sizeof" | "_bitsizeof" => return Ty::Int,
            _ => {}
        }
        if let Ty::Obj(id) = of {
            match name {
                "_io" => return Ty::Io,
                "_parent" => return self.parent_of(*id),
                "_root" => return Ty::Unknown,
                _ => {}
            }
            let Some(slot) = self.slot_of(*id, name) else {
                self.complain(report, ast, context, |loader| {
                    let known = loader.slot_names(*id);
                    format!(
                        "{} has no '{name}'{}",
                        of.what(loader),
                        nearest(name, known.iter().map(String::as_str).chain(OWN))
                    )
                });
                return Ty::Unknown;
            };
            return self.slot_type(*id, slot, depth);
        }
        if *of == Ty::Unknown {
            return match Method::named(name) {
                Some(Method::Length | Method::Size | Method::Pos | Method::ToI) => Ty::Int,
                Some(Method::ToS) => Ty::Str,
                Some(Method::Eof) => Ty::Bool,
                _ => Ty::Unknown,
            };
        }
        if !of.methods().contains(&name) {
            self.complain(report, ast, context, |loader| {
                format!("{} has no '{name}'{}", of.what(loader), nearest(name, of.methods().iter().copied()))
            });
            return Ty::Unknown;
        }
        let wanted = match (of, name) {
            (Ty::Str, "substring") => 2..=2,
            (Ty::Str, "to_i") => 0..=1,
            (Ty::Bytes, "to_s") => 1..=1,
            _ => 0..=0,
        };
        if !wanted.contains(&arguments.len()) {
            let (least, most) = (*wanted.start(), *wanted.end());
            self.complain(report, ast, context, |_| {
                let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
                format!("'{name}' takes {wanted} arguments here, not {}", arguments.len())
            });
        }
        match (of, name) {
            (_, "length" | "size" | "to_i" | "pos") => Ty::Int,
            (_, "to_s" | "substring" | "reverse") => Ty::Str,
            (_, "eof") => Ty::Bool,
            (Ty::Arr(item), _) => (**item).clone(),
            _ => Ty::Int,
        }
    }

    /// The kind of a field's value.
    pub(super) fn shape_type(&self, shape: &Shape, enumeration: Option<u32>, repeat: Repeat) -> Ty {
        let one = match (enumeration, shape) {
            (Some(of), _) => Ty::Enum(of),
            (_, Shape::Bytes | Shape::Contents(_)) => Ty::Bytes,
            (_, Shape::Str(_) | Shape::Strz(_)) => Ty::Str,
            (_, Shape::Int { .. }) => Ty::Int,
            (_, Shape::Float { .. }) => Ty::Float,
            (_, Shape::Bits { count: 1, .. }) => Ty::Bool,
            (_, Shape::Bits { .. }) => Ty::Int,
            (_, Shape::User(user)) => Ty::Obj(user.id),
            (_, Shape::Switch(_, cases)) => {
                let mut types = cases.iter().map(|(_, shape)| self.shape_type(shape, None, Repeat::Once));
                match types.next() {
                    Some(first) if types.all(|ty| ty == first) => first,
                    _ => Ty::Unknown,
                }
            }
        };
        if matches!(repeat, Repeat::Once) { one } else { Ty::Arr(Rc::new(one)) }
    }
}

/// The kind that a type's name says, where it is none of the description's own.
pub(super) fn builtin(name: &str) -> Option<Ty> {
    Some(match name {
        "bytes" => Ty::Bytes,
        "str" | "strz" => Ty::Str,
        "bool" | "b1" | "b1le" | "b1be" => Ty::Bool,
        "io" => Ty::Io,
        "struct" | "any" => Ty::Unknown,
        _ => {
            let rest = name.strip_suffix("le").or(name.strip_suffix("be")).unwrap_or(name);
            match rest {
                "u1" | "u2" | "u4" | "u8" | "s1" | "s2" | "s4" | "s8" => Ty::Int,
                "f4" | "f8" => Ty::Float,
                _ => {
                    let bits: u8 = rest.strip_prefix('b')?.parse().ok()?;
                    (1..=64).contains(&bits).then_some(Ty::Int)?
                }
            }
        }
    })
}

/// Where a text of an expression begins in its file.
pub(super) fn text_place(node: &crate::yaml::Node) -> Place {
    node.place.right(usize::from(node.is_quoted()))
}
