//! The kinds of names and members.

use crate::plan::EnumId;
use std::rc::Rc;

use crate::error::nearest;
use crate::expr::Ast;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Method, Repeat, Shape, TypeId};

/// Names that exist in every structure.
const OWN: [&str; 4] = ["_io", "_parent", "_root", "_sizeof"];

impl Loader {
    pub(super) fn infer_name(
        &mut self,
        name: &str,
        ast: &Ast,
        context: &Context,
        report: bool,
        depth: u32,
    ) -> Ty {
        match name {
            "_io" => return Ty::Io,
            "_index" if context.repeated || self.is_query => return Ty::Int,
            "_index" => {
                self.report_in(report, ast, context, |_| {
                    "'_index' is only known in repeated fields: it is the number of the item".into()
                });
                return Ty::Int;
            }
            "_is_le" => return Ty::Bool,
            "_sizeof" => return Ty::Int,
            // The message, which may be of any of the types that are read.
            "_root" if !self.roots.is_empty() => {
                let is_root = self.roots.contains(&context.current);
                return if is_root { Ty::Obj(context.current) } else { Ty::Unknown };
            }
            "_root" => {
                let file = self.plan.type_of(context.current).file;
                let top = self.plan.types.iter().position(|plan| plan.outer.is_none() && plan.file == file);
                return top.map_or(Ty::Unknown, |at| Ty::Obj(TypeId::at(at)));
            }
            "_parent" => return self.parent_of(context.current),
            "_" => {
                if let Some(element) = &context.element {
                    return element.clone();
                }
                self.report_in(report, ast, context, |_| {
                    "'_' is only known in 'repeat-until' and 'valid'".into()
                });
                return Ty::Unknown;
            }
            _ => {}
        }
        let Some(slot) = self.slot_of(context.current, name) else {
            self.report_in(report, ast, context, |loader| {
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
        self.plan.symbol(name).is_some_and(|sym| plan.slot(sym).is_some())
    }

    fn slot_of(&self, id: TypeId, name: &str) -> Option<u16> {
        let sym = self.plan.symbol(name)?;
        self.plan.type_of(id).slot(sym)
    }

    pub(in crate::load) fn slot_names(&self, id: TypeId) -> Vec<String> {
        self.plan.type_of(id).slots.iter().map(|&(sym, _)| self.plan.name(sym).to_owned()).collect()
    }

    /// The type of `_parent` in structures of a type, if it is always the same.
    fn parent_of(&self, id: TypeId) -> Ty {
        let parents = self.declared(id).map_or(&[][..], |declared| &declared.parents);
        match parents.split_first() {
            Some((Some(first), rest)) if rest.iter().all(|other| *other == Some(*first)) => Ty::Obj(*first),
            _ => Ty::Unknown,
        }
    }

    /// The kind of a parameter's, field's or instance's value.
    pub(in crate::load) fn slot_type(&mut self, id: TypeId, slot: u16, depth: u32) -> Ty {
        let Some(declared) = self.declared(id) else { return Ty::Unknown };
        if let Some(known) = declared.value_types.get(&slot) {
            return known.clone();
        }
        if let Some((ast, place)) = declared.values.get(&slot).cloned() {
            // While it is inferred it counts as unknown: instances may refer to each other in a circle.
            if let Some(declared) = self.declared_mut(id) {
                declared.value_types.insert(slot, Ty::Unknown);
            }
            let found = self.infer_at(&ast, &Context::of(id, place), false, depth);
            let enumeration = self.plan.type_of(id).attr(slot).and_then(|attr| attr.enumeration);
            let found = enumeration.map_or(found, Ty::Enum);
            if let Some(declared) = self.declared_mut(id) {
                declared.value_types.insert(slot, found.clone());
            }
            return found;
        }
        self.declared(id)
            .and_then(|declared| declared.slots.get(usize::from(slot)).cloned())
            .unwrap_or(Ty::Unknown)
    }

    #[allow(clippy::too_many_arguments)] // Four of them are the expression's place.
    pub(super) fn infer_member(
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
                self.report_in(report, ast, context, |loader| {
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
            self.report_in(report, ast, context, |loader| {
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
            self.report_in(report, ast, context, |_| {
                let wanted = if least == most { least.to_string() } else { format!("{least} or {most}") };
                format!("'{name}' takes {wanted} arguments, not {}", arguments.len())
            });
        }
        if let (Ty::Bytes, "to_s", [encoding]) = (of, name, arguments) {
            let ty = self.infer_at(encoding, context, false, depth);
            if !matches!(ty, Ty::Str | Ty::Unknown) {
                self.report_in(report, encoding, context, |loader| {
                    format!("'to_s' needs the name of an encoding, not {}", ty.what(loader))
                });
            }
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
    pub(in crate::load) fn shape_type(
        &self,
        shape: &Shape,
        enumeration: Option<EnumId>,
        repeat: Repeat,
    ) -> Ty {
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
