//! Resolves the fields of each type: names, shapes and sizes. Expressions are left for a later pass.

use crate::plan::{NodeId, Sym};
use std::collections::HashSet;
use std::rc::Rc;

use crate::error::{Place, nearest};
use crate::expr;
use crate::load::Loader;
use crate::load::infer::text_place;
use crate::load::infer::types::{Ty, builtin};
use crate::load::keys::{ATTR_KEYS, PARAM_KEYS, list};
use crate::plan::{Attr, Computed, Limit, Repeat, Shape, Size, Terminator, TypeId};
use crate::yaml::Node;

/// Names with a meaning of their own in expressions.
const RESERVED: [&str; 6] = ["_io", "_parent", "_root", "_index", "_", "_is_le"];

impl Loader {
    /// Resolves the fields of all types. Their expressions are compiled when all names are known.
    pub(super) fn attributes(&mut self) {
        let mut at = 0;
        // Resolving a name may read files beside the description, with more types.
        while at < self.types.len() {
            self.attributes_of(TypeId::at(at));
            at += 1;
        }
    }

    pub(super) fn attributes_of(&mut self, id: TypeId) {
        let Some(declared) = self.declared_mut(id) else { return };
        if std::mem::replace(&mut declared.named, true) {
            return;
        }
        let node = declared.node.clone();
        let mut slots = self.parameters(id, &node);
        let parameters = u16::try_from(slots.len()).unwrap_or(u16::MAX);
        let seq: Vec<Node> = list(self, &node, "seq").to_vec();
        let instances: Vec<(Node, Node)> =
            node.get("instances").and_then(Node::map).unwrap_or_default().to_vec();
        slots.extend(self.seq_names(&seq));
        slots.extend(self.instance_names(&instances));
        if slots.len() > usize::from(u16::MAX) - 1 {
            self.report(node.place, "the type has too many fields");
            return;
        }
        let by_name = self.distinct(&slots);
        if let Some(plan) = self.plan_mut(id) {
            (plan.parameters, plan.slots) = (parameters, by_name);
        }
        let fields =
            seq.iter().map(|node| (node, false)).chain(instances.iter().map(|(_, node)| (node, true)));
        let slots = (0u16..).zip(slots).skip(usize::from(parameters));
        for ((node, is_instance), (slot, (sym, _))) in fields.zip(slots) {
            let attr = self.skeleton(id, node, sym, slot, is_instance);
            let ty = self.shape_type(&attr.shape, attr.enumeration, attr.repeat);
            if let Some(declared) = self.declared_mut(id) {
                declared.slots.push(ty);
            }
            if let Some(plan) = self.plan_mut(id) {
                if is_instance { plan.instances.push(attr) } else { plan.seq.push(attr) }
            }
        }
    }

    /// The names of a type's parameters, and where they are.
    fn parameters(&mut self, id: TypeId, node: &Node) -> Vec<(Sym, Place)> {
        let mut slots = Vec::new();
        for param in list(self, node, "params") {
            self.check_keys(param, &PARAM_KEYS, "a parameter");
            let Some(name) = param.get("id").and_then(|id| self.identifier(id)) else {
                self.report(param.place, "a parameter has no name: add 'id'");
                continue;
            };
            let sym = self.intern(&name);
            slots.push((sym, param.place));
            let ty = self.parameter_type(param, id);
            if let Some(declared) = self.declared_mut(id) {
                declared.slots.push(ty);
            }
            if let Some(plan) = self.plan_mut(id) {
                plan.parameter_names.push(sym);
            }
        }
        slots
    }

    fn seq_names(&mut self, seq: &[Node]) -> Vec<(Sym, Place)> {
        let mut slots = Vec::new();
        for (at, attr) in seq.iter().enumerate() {
            if attr.map().is_none() {
                let what = attr.what();
                self.report(
                    attr.place,
                    format!("a field must be a map with 'id' and 'type' or 'size', not {what}"),
                );
            }
            self.check_keys(attr, &ATTR_KEYS, "a field");
            let name = attr.get("id").and_then(|id| self.identifier(id));
            let name = name.unwrap_or_else(|| format!("_unnamed{at}"));
            slots.push((self.intern(&name), attr.place));
        }
        slots
    }

    fn instance_names(&mut self, instances: &[(Node, Node)]) -> Vec<(Sym, Place)> {
        let mut slots = Vec::new();
        for (key, instance) in instances {
            self.check_keys(instance, &ATTR_KEYS, "an instance");
            let name = self.identifier(key).unwrap_or_default();
            slots.push((self.intern(&name), key.place));
        }
        slots
    }

    /// The slots by their names. Reports names that are used twice, or that mean something else.
    fn distinct(&mut self, slots: &[(Sym, Place)]) -> Vec<(Sym, u16)> {
        let mut by_name: Vec<(Sym, u16)> = Vec::new();
        let mut seen = HashSet::new();
        for (slot, &(sym, place)) in (0u16..).zip(slots) {
            let name = self.plan.name(sym).to_owned();
            if !seen.insert(sym) {
                self.report(place, format!("'{name}' is already the name of another field of this type"));
            }
            if RESERVED.contains(&name.as_str()) {
                self.report(
                    place,
                    format!("'{name}' has a special meaning in expressions: choose another name"),
                );
            }
            by_name.push((sym, slot));
        }
        by_name.sort_unstable();
        by_name
    }

    fn parameter_type(&mut self, param: &Node, current: TypeId) -> Ty {
        let Some(node) = param.get("type") else { return Ty::Bytes };
        let name = match expr::parse_type(node.text().unwrap_or_default()) {
            Ok(name) => name,
            Err(error) => {
                self.report(text_place(node).right(error.at as usize), error.text);
                return Ty::Unknown;
            }
        };
        if let Some(of) = param.get("enum").and_then(|node| self.enumeration_of(node, current)) {
            return Ty::Enum(of);
        }
        let single = match name.path.as_slice() {
            [single] => builtin(single),
            _ => None,
        };
        let one = match single {
            Some(ty) => ty,
            None => match self.find_type(&name, current, node.place) {
                Some(id) => Ty::Obj(id),
                None => {
                    self.unknown_type(&name, current, node.place);
                    Ty::Unknown
                }
            },
        };
        if name.is_array { Ty::Arr(Rc::new(one)) } else { one }
    }

    /// A field or instance without its expressions.
    fn skeleton(&mut self, current: TypeId, node: &Node, sym: Sym, slot: u16, is_instance: bool) -> Attr {
        let mut attr = Attr {
            sym,
            slot,
            place: node.place,
            doc: self.doc(node),
            condition: None,
            value: None,
            computed: Computed::Unknown,
            computed_list: false,
            pos: None,
            io: None,
            repeat: Repeat::Once,
            shape: Shape::Bytes,
            limit: Limit::default(),
            process: None,
            continues: false,
            enumeration: node.get("enum").and_then(|node| self.enumeration_of(node, current)),
            valid: None,
            check: None,
            problem: None,
            hex: false,
            is_plain: false,
            needed: true,
            fixed_bits: None,
            unit_bits: None,
        };
        if let Some(value) = node.get("value") {
            if !is_instance {
                self.report(value.place, "'value' is for instances: a field of 'seq' is read, not computed");
            }
            if let Some((ast, place)) = self.expression(value)
                && let Some(declared) = self.declared_mut(current)
            {
                declared.values.insert(slot, (Rc::new(ast), place));
            }
            return attr;
        }
        if !is_instance && let Some(pos) = node.get("pos").or(node.get("io")) {
            self.report(
                pos.place,
                "a field of 'seq' follows the one before it: for another position use an instance",
            );
        }
        attr.repeat = self.repeat(node);
        self.limit(node, &mut attr);
        if let Some(contents) = node.get("contents") {
            let bytes = self.contents(contents);
            if node.get("type").is_some() {
                self.report(contents.place, "'contents' are bytes: remove 'type'");
            }
            attr.shape = Shape::Contents(self.constant(&bytes));
            return attr;
        }
        let bounded = attr.limit.is_bounded();
        match node.get("type") {
            None => {
                // An unknown key may be the misspelt one.
                let all_known = node.map().unwrap_or_default().iter().all(|(key, _)| {
                    key.text().is_some_and(|name| name.starts_with('-') || ATTR_KEYS.contains(&name))
                });
                if !bounded && all_known {
                    self.report(
                        node.place,
                        "the field has no length: add 'type', 'size', 'size-eos: true' or 'terminator'",
                    );
                }
            }
            Some(ty) if ty.map().is_some() => attr.shape = self.switch(current, ty, node, &mut attr),
            Some(ty) => attr.shape = self.shape(current, ty, node, &mut attr, bounded),
        }
        attr
    }

    fn repeat(&mut self, node: &Node) -> Repeat {
        let written = node.get("repeat").map(|repeat| repeat.text().unwrap_or_default());
        for kind in ["expr", "until"].into_iter().filter(|kind| written != Some(*kind)) {
            if let Some(stray) = node.get(&format!("repeat-{kind}")) {
                self.report(stray.place, format!("'repeat-{kind}' needs 'repeat: {kind}'"));
            }
        }
        match written {
            None => Repeat::Once,
            Some("eos") => Repeat::Eos,
            Some("expr") => Repeat::Times(NodeId::UNSET),
            Some("until") => Repeat::Until(NodeId::UNSET),
            Some(other) => {
                let hint = nearest(other, ["eos", "expr", "until"]);
                let place = node.get("repeat").map_or(node.place, |repeat| repeat.place);
                self.report(place, format!("'repeat' must be eos, expr or until{hint}"));
                Repeat::Once
            }
        }
    }

    /// The shape of a type that is chosen by a value.
    fn switch(&mut self, current: TypeId, ty: &Node, node: &Node, attr: &mut Attr) -> Shape {
        let bounded = attr.limit.is_bounded();
        self.check_keys(ty, &["switch-on", "cases"], "a switched type");
        let mut cases = Vec::new();
        for (key, case) in ty.get("cases").and_then(Node::map).unwrap_or_default() {
            let is_default = key.text() == Some("_") && !key.is_quoted();
            let shape = self.shape(current, case, node, attr, bounded);
            cases.push(((!is_default).then_some(NodeId::UNSET), shape));
        }
        if ty.get("switch-on").is_none() || cases.is_empty() {
            self.report(ty.place, "a switched type needs 'switch-on' with a value and 'cases' with types");
        }
        // In whatever order they are written, the default comes last.
        cases.sort_by_key(|(key, _)| key.is_none());
        Shape::Switch(NodeId::UNSET, cases)
    }

    fn limit(&mut self, node: &Node, attr: &mut Attr) {
        let flag = |key: &str, default: bool| node.get(key).and_then(Node::boolean).unwrap_or(default);
        for key in ["size-eos", "include", "consume", "eos-error"] {
            if let Some(value) = node.get(key)
                && value.boolean().is_none()
            {
                self.report(value.place, format!("'{key}' must be true or false"));
            }
        }
        match (node.get("size"), flag("size-eos", false)) {
            (Some(size), true) => {
                self.report(size.place, "'size' and 'size-eos' exclude each other: remove one")
            }
            (Some(_), false) => attr.limit.size = Size::Of(NodeId::UNSET),
            (None, true) => attr.limit.size = Size::Eos,
            (None, false) => {}
        }
        if let Some(terminator) = node.get("terminator") {
            let bytes: Option<Vec<u8>> = match terminator.list() {
                Some(items) => {
                    items.iter().map(|item| item.integer().and_then(|n| u8::try_from(n).ok())).collect()
                }
                None => terminator.integer().and_then(|n| u8::try_from(n).ok()).map(|byte| vec![byte]),
            };
            match bytes.filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => {
                    attr.limit.terminator = Some(Terminator {
                        bytes,
                        include: flag("include", false),
                        consume: flag("consume", true),
                        eos_error: flag("eos-error", true),
                    });
                }
                None => self.report(
                    terminator.place,
                    "a terminator must be a byte from 0 to 255, or a list of bytes",
                ),
            }
        }
        if let Some(pad) = node.get("pad-right") {
            match pad.integer().and_then(|n| u8::try_from(n).ok()) {
                Some(byte) => attr.limit.pad_right = Some(byte),
                None => self.report(pad.place, "'pad-right' must be a byte from 0 to 255"),
            }
        }
    }

    /// The bytes of `contents`: text, or a list of bytes and texts.
    pub(super) fn contents(&mut self, node: &Node) -> Vec<u8> {
        match node.list() {
            None => match node.integer().and_then(|n| u8::try_from(n).ok()) {
                Some(byte) => vec![byte],
                None => node.text().unwrap_or_default().as_bytes().to_vec(),
            },
            Some(items) => {
                let mut bytes = Vec::new();
                for item in items {
                    match (item.integer(), item.text()) {
                        (Some(number), _) => match u8::try_from(number) {
                            Ok(byte) => bytes.push(byte),
                            Err(_) => {
                                self.report(item.place, format!("{number} is not a byte: bytes are 0 to 255"))
                            }
                        },
                        (None, Some(text)) => bytes.extend_from_slice(text.as_bytes()),
                        (None, None) => {
                            self.report(item.place, "'contents' must be text or a list of bytes and texts")
                        }
                    }
                }
                bytes
            }
        }
    }
}
