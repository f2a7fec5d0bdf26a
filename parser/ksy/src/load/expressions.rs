//! Compiles the expressions of each field, once all names are known.

use crate::error::Place;
use crate::expr;
use crate::expr::Ast;
use crate::load::infer::text_place;
use crate::load::infer::types::Ty;
use crate::load::{Context, Inheritance, Loader};
use crate::plan::{Attr, Endian, NodeId, Parent, Repeat, Shape, Size, TypeId, UserType};
use crate::yaml::Node;

impl Loader {
    /// Parses the text of a node as an expression.
    pub(super) fn expression(&mut self, node: &Node) -> Option<(Ast, Place)> {
        let place = text_place(node);
        let Some(text) = node.text() else {
            self.report(node.place, format!("expected an expression, not {}", node.what()));
            return None;
        };
        match expr::parse(text) {
            Ok(ast) => Some((ast, place)),
            Err(error) => {
                self.report(place.right(error.at as usize), error.text);
                None
            }
        }
    }

    /// Infers, checks and compiles the expression of a node.
    pub(super) fn compiled(&mut self, node: &Node, context: &Context, wanted: Option<Ty>) -> Option<NodeId> {
        let (ast, place) = self.expression(node)?;
        let context = Context { place, ..context.clone() };
        let ty = self.infer(&ast, &context);
        if let Some(wanted) = wanted
            && ty != Ty::Unknown
            && ty != wanted
        {
            let what = match wanted {
                Ty::Bool => "a boolean",
                Ty::Io => "a stream, such as _root._io",
                _ => "a whole number",
            };
            let found = ty.what(self);
            self.report(place, format!("expected {what}, not {found}"));
        }
        Some(self.compile(&ast, &context))
    }

    /// Compiles every expression of every type.
    pub(super) fn expressions(&mut self) {
        let mut at = 0;
        // Compiling may find types in files beside the description.
        while at < self.types.len() {
            self.expressions_of(TypeId::at(at));
            at += 1;
        }
    }

    fn expressions_of(&mut self, id: TypeId) {
        let Some(declared) = self.declared_mut(id) else { return };
        if std::mem::replace(&mut declared.completed, true) {
            return;
        }
        let (node, order) = (declared.node.clone(), declared.inherited.order);
        let mut plan = (**self.plan.type_of(id)).clone();
        plan.endian = match order {
            Inheritance::Le => Endian::Le,
            Inheritance::Be => Endian::Be,
            Inheritance::Unspecified => Endian::Inherit,
            Inheritance::Switch => {
                let switch =
                    node.get("meta").and_then(|meta| meta.get("endian")).filter(|node| node.map().is_some());
                switch.map_or(Endian::Inherit, |switch| self.endian_switch(switch, id))
            }
        };
        self.text_of_a_type(&node, id);
        let seq: Vec<Node> = node.get("seq").and_then(Node::list).unwrap_or_default().to_vec();
        for (attr, node) in plan.seq.iter_mut().zip(&seq) {
            self.complete(attr, node, id);
        }
        let instances: Vec<(Node, Node)> =
            node.get("instances").and_then(Node::map).unwrap_or_default().to_vec();
        for (attr, (_, node)) in plan.instances.iter_mut().zip(&instances) {
            self.complete(attr, node, id);
        }
        if let Some(stored) = self.plan_mut(id) {
            *stored = plan;
        }
    }

    fn endian_switch(&mut self, node: &Node, id: TypeId) -> Endian {
        let context = Context::of(id, node.place);
        let Some(on) = node.get("switch-on").and_then(|on| self.compiled(on, &context, None)) else {
            self.report(node.place, "an 'endian' that is a map needs 'switch-on' and 'cases'");
            return Endian::Inherit;
        };
        let mut cases = Vec::new();
        for (key, value) in node.get("cases").and_then(Node::map).unwrap_or_default() {
            let is_le = match value.text() {
                Some("le") => true,
                Some("be") => false,
                _ => {
                    self.report(value.place, "a case of 'endian' must be le or be");
                    continue;
                }
            };
            let is_default = key.text() == Some("_") && !key.is_quoted();
            let key = if is_default { None } else { self.compiled(key, &context, None) };
            cases.push((key, is_le));
        }
        cases.sort_by_key(|(key, _)| key.is_none());
        Endian::Switch(on, cases)
    }

    fn complete(&mut self, attr: &mut Attr, node: &Node, id: TypeId) {
        let once = Context::of(id, node.place);
        let repeated = !matches!(attr.repeat, Repeat::Once);
        let context = Context { repeated, ..once.clone() };
        attr.condition = node.get("if").and_then(|node| self.compiled(node, &once, Some(Ty::Bool)));
        if let Some(value) = node.get("value") {
            attr.value = self.compiled(value, &once, None);
            let kind = self.slot_type(id, attr.slot, 0);
            (attr.computed, attr.computed_list) = (kind.computed(), matches!(kind, Ty::Arr(_)));
            self.computed_keys(node);
        }
        self.numbered(attr, node, id);
        attr.pos = node.get("pos").and_then(|node| self.compiled(node, &once, Some(Ty::Int)));
        attr.io = node.get("io").and_then(|node| self.compiled(node, &once, Some(Ty::Io)));
        if let Some(size) = node.get("size") {
            let compiled = self.compiled(size, &context, Some(Ty::Int));
            if let (Size::Of(size), Some(compiled)) = (&mut attr.limit.size, compiled) {
                *size = compiled;
            }
        }
        let one = self.shape_type(&attr.shape, attr.enumeration, Repeat::Once);
        attr.repeat = match attr.repeat {
            Repeat::Times(_) => match node.get("repeat-expr") {
                Some(count) => self.compiled(count, &once, Some(Ty::Int)).map_or(Repeat::Once, Repeat::Times),
                None => {
                    self.report(node.place, "'repeat: expr' needs the number of items: add 'repeat-expr'");
                    Repeat::Once
                }
            },
            Repeat::Until(_) => match node.get("repeat-until") {
                Some(until) => {
                    let context = Context { element: Some(one.clone()), ..context.clone() };
                    self.compiled(until, &context, Some(Ty::Bool)).map_or(Repeat::Once, Repeat::Until)
                }
                None => {
                    self.report(
                        node.place,
                        "'repeat: until' needs a condition that holds for the last item: add 'repeat-until'",
                    );
                    Repeat::Once
                }
            },
            other => other,
        };
        attr.process = node.get("process").and_then(|node| self.process(node, &context));
        if attr.process.is_some() && !attr.limit.is_bounded() {
            self.report(
                node.place,
                "processed bytes need a length: add 'size', 'size-eos: true' or 'terminator'",
            );
        }
        self.complete_shape(attr, node, &context);
        if let Some(valid) = node.get("valid") {
            let one = match attr.value {
                None => one,
                Some(_) => self.slot_type(id, attr.slot, 0),
            };
            let context = Context { element: Some(one), ..context.clone() };
            attr.valid = self.valid(valid, &context, attr);
        }
        self.extension_keys(attr, node, id);
    }

    fn complete_shape(&mut self, attr: &mut Attr, node: &Node, context: &Context) {
        let Some(ty) = node.get("type") else { return };
        let parent = match node.get("parent") {
            Some(node) if node.boolean() != Some(false) => self.compiled(node, context, None),
            _ => None,
        };
        match &mut attr.shape {
            Shape::User(user) => self.complete_user(user, ty, parent, context),
            Shape::Switch(on, cases) => {
                let kind = self.kind_of_switch(ty.get("switch-on"), context);
                if let Some(node) = ty.get("switch-on") {
                    *on = self.compiled(node, context, None).unwrap_or(NodeId::UNSET);
                }
                let written = ty.get("cases").and_then(Node::map).unwrap_or_default();
                let mut written: Vec<&(Node, Node)> = written.iter().collect();
                written.sort_by_key(|(key, _)| key.text() == Some("_") && !key.is_quoted());
                for ((key, shape), (key_node, shape_node)) in cases.iter_mut().zip(written) {
                    if key.is_some() {
                        *key = self.compared(key_node, &kind, context).or(Some(NodeId::UNSET));
                    }
                    if let Shape::User(user) = shape {
                        self.complete_user(user, shape_node, parent, context);
                    }
                }
            }
            _ => {}
        }
    }

    fn complete_user(&mut self, user: &mut UserType, ty: &Node, parent: Option<NodeId>, context: &Context) {
        if let (Parent::Given(node), Some(parent)) = (&mut user.parent, parent) {
            *node = parent;
        }
        let place = text_place(ty);
        let Ok(name) = expr::parse_type(ty.text().unwrap_or_default()) else { return };
        let context = Context { place, ..context.clone() };
        user.arguments.clear();
        for (slot, argument) in (0u16..).zip(&name.arguments) {
            let kind = self.infer(argument, &context);
            self.argument(user.id, slot, &kind, place.right(argument.at as usize));
            let node = self.compile(argument, &context);
            user.arguments.push(node);
        }
    }
}
