//! Infers the kind of each expression's value, as far as the description shows. Reports unknown names and
//! operations that can't work before any message is read; what can't be known is accepted.

pub(crate) mod names;
pub(crate) mod types;

use std::rc::Rc;

use crate::error::{Place, nearest};
use crate::expr::{Ast, AstNode, Binary, TypeName, Unary};
use crate::load::infer::types::{Ty, builtin};
use crate::load::{Context, Loader};

/// How deeply instances are followed through other instances.
const DEEPEST: u32 = 40;

impl Loader {
    /// Infers the kind of an expression's value and reports what is wrong with it.
    pub(super) fn infer(&mut self, ast: &Ast, context: &Context) -> Ty {
        self.infer_at(ast, context, true, 0)
    }

    fn report_in(
        &mut self,
        report: bool,
        ast: &Ast,
        context: &Context,
        text: impl FnOnce(&Loader) -> String,
    ) {
        if report && !self.is_query && !self.is_full() {
            let text = text(self);
            self.report(context.place.right(ast.at as usize), text);
        }
    }

    fn infer_at(&mut self, ast: &Ast, context: &Context, report: bool, depth: u32) -> Ty {
        if depth > DEEPEST {
            return Ty::Unknown;
        }
        let depth = depth + 1;
        if let Some(kind) = self.infer_variable(ast, context, report) {
            return kind;
        }
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
            AstNode::Path(path) => self.infer_path(path, ast, context, report),
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
            AstNode::Index(of, index) => self.infer_item((of, index), ast, context, report, depth),
            AstNode::Cast(of, target) => self.infer_cast((of, target), ast, context, report, depth),
            AstNode::Unary(operator, operand) => {
                let ty = self.infer_at(operand, context, report, depth);
                self.infer_unary(*operator, ty, ast, context, report)
            }
            AstNode::Binary(operator, left, right) => {
                let left_type = self.infer_at(left, context, report, depth);
                let right_type = self.infer_at(right, context, report, depth);
                self.infer_binary(*operator, (&left_type, &right_type), ast, context, report)
            }
            AstNode::Ternary(condition, then, otherwise) => {
                let ty = self.infer_at(condition, context, report, depth);
                if !matches!(ty, Ty::Bool | Ty::Unknown) {
                    self.report_in(report, condition, context, |loader| {
                        format!("'?' needs a boolean before it, not {}", ty.what(loader))
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

    /// The kind of an enumeration's member.
    fn infer_path(&mut self, path: &[String], ast: &Ast, context: &Context, report: bool) -> Ty {
        let found = path.split_last().and_then(|(member, of)| {
            let found = self.find_enum(of, context.current)?;
            Some((found, self.plan.enum_of(found).members.iter().any(|known| known.id == *member)))
        });
        match found {
            Some((number, true)) => Ty::Enum(number),
            Some((number, false)) => {
                self.report_in(report, ast, context, |loader| {
                    let members = &loader.plan.enum_of(number).members;
                    let name = path.last().map_or("", |name| name);
                    format!(
                        "this enum has no '{name}'{}",
                        nearest(name, members.iter().map(|member| member.id.as_str()))
                    )
                });
                Ty::Enum(number)
            }
            None => {
                self.report_in(report, ast, context, |loader| {
                    let of = path.len().checked_sub(2).and_then(|at| path.get(at)).map_or("", |name| name);
                    let known = loader.visible_enums(context.current);
                    format!("there is no enum '{of}' here{}", nearest(of, known.iter().map(String::as_str)))
                });
                Ty::Unknown
            }
        }
    }

    fn infer_item(
        &mut self,
        (of, index): (&Ast, &Ast),
        ast: &Ast,
        context: &Context,
        report: bool,
        depth: u32,
    ) -> Ty {
        let index_type = self.infer_at(index, context, report, depth);
        if !matches!(index_type, Ty::Int | Ty::Unknown) {
            self.report_in(report, index, context, |loader| {
                format!("an index must be a whole number, not {}", index_type.what(loader))
            });
        }
        match self.infer_at(of, context, report, depth) {
            Ty::Arr(item) => (*item).clone(),
            Ty::Bytes => Ty::Int,
            Ty::Unknown => Ty::Unknown,
            other => {
                self.report_in(report, ast, context, |loader| format!("{} has no items", other.what(loader)));
                Ty::Unknown
            }
        }
    }

    fn infer_cast(
        &mut self,
        (of, target): (&Ast, &TypeName),
        ast: &Ast,
        context: &Context,
        report: bool,
        depth: u32,
    ) -> Ty {
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
                    self.report_in(report, ast, context, |loader| {
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

    fn infer_unary(&mut self, operator: Unary, ty: Ty, ast: &Ast, context: &Context, report: bool) -> Ty {
        let fits = match operator {
            Unary::Not => matches!(ty, Ty::Bool | Ty::Unknown),
            Unary::Minus => ty.is_number(),
            Unary::Invert => matches!(ty, Ty::Int | Ty::Unknown),
        };
        if !fits {
            self.report_in(report, ast, context, |loader| match operator {
                Unary::Not => format!("'not' needs a boolean, not {}", ty.what(loader)),
                _ => format!("expected a number, not {}", ty.what(loader)),
            });
        }
        if operator == Unary::Not { Ty::Bool } else { ty }
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
            Binary::Equal | Binary::NotEqual => (left.is_like(right), Ty::Bool),
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
            self.report_in(report, ast, context, |loader| {
                format!("'{sign}' can't be applied to {} and {}", left.what(loader), right.what(loader))
            });
        }
        result
    }
}

/// Where the text of an expression begins in its file.
pub(super) fn text_place(node: &crate::yaml::Node) -> Place {
    node.place.right(usize::from(node.is_quoted()))
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{loaded, refused};

    #[test]
    fn expressions_that_cannot_work_are_refused_with_what_they_are() {
        for (size, expected) in [
            ("text + 1", "'+' can't be applied to text and a whole number"),
            ("text.lenght", "text has no 'lenght'; did you mean 'length'?"),
            ("n.length", "a whole number has no 'length'"),
            ("text", "expected a whole number, not text"),
            ("text.to_i(1, 2)", "'to_i' takes 0 or 1 arguments, not 2"),
            ("m", "there is no 'm' in this type"),
            ("n[0]", "a whole number has no items"),
            ("not n", "'not' needs a boolean, not a whole number"),
            ("_index", "'_index' is only known in repeated fields"),
            ("kind::c", "this enum has no 'c'"),
        ] {
            let seq = format!(
                "{{id: n, type: u1}}, {{id: text, type: str, size: 2}}, {{id: body, size: '{size}'}}"
            );
            let text = refused(&seq, "enums: {kind: {1: a, 2: b}}");
            assert!(text.starts_with(expected), "{size}: {text}");
        }
    }

    #[test]
    fn instances_that_use_each_other_are_accepted_as_unknown() {
        let instances = "instances: {a: {value: b + 1}, b: {value: a + 1}}";
        loaded("{id: body, size: a}", instances);
    }

    #[test]
    fn a_switch_has_a_kind_if_all_its_cases_agree() {
        let switch = |second: &str| {
            format!(
                "{{id: n, type: u1}}, {{id: v, type: {{switch-on: n, cases: {{1: u2, 2: {second}}}}}}}, {{id: body, size: v.length}}"
            )
        };
        assert!(refused(&switch("u4"), "").starts_with("a whole number has no 'length'"));
        loaded(&switch("t"), "");
    }
}
