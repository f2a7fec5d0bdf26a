//! What a type holds: its parameters, its fields and its instances.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::infer::{builtin, text_place};
use super::{Context, Inheritance, Loader, Ty};
use crate::error::{Place, nearest};
use crate::expr::{self, Ast, TypeName};
use crate::plan::{
    Attr, Endian, Limit, NodeId, Order, Parent, Process, Repeat, Shape, Size, Terminator, TypeId, UserType,
    Valid,
};
use crate::strings::Charset;
use crate::yaml::Node;

const ATTR_KEYS: [&str; 27] = [
    "id",
    "type",
    "size",
    "size-eos",
    "repeat",
    "repeat-expr",
    "repeat-until",
    "if",
    "contents",
    "terminator",
    "include",
    "consume",
    "eos-error",
    "pad-right",
    "encoding",
    "enum",
    "process",
    "valid",
    "doc",
    "doc-ref",
    "parent",
    "pos",
    "io",
    "value",
    "to-string",
    "switch-on",
    "cases",
];

const PARAM_KEYS: [&str; 5] = ["id", "type", "enum", "doc", "doc-ref"];

/// An expression that was not compiled yet.
const UNSET: NodeId = NodeId::MAX;

/// Arguments that a type takes at most.
pub(crate) const MOST_ARGUMENTS: usize = 8;

/// Names that expressions use for themselves.
const RESERVED: [&str; 6] = ["_io", "_parent", "_root", "_index", "_", "_is_le"];

impl Loader {
    /// Names all that types hold, and says of what kind it is. Expressions follow when all names are known.
    pub(super) fn attributes(&mut self) {
        let mut id = 0;
        while (id as usize) < self.types.len() {
            self.attributes_of(id);
            id += 1;
        }
    }

    pub(super) fn attributes_of(&mut self, id: TypeId) {
        let Some(declared) = self.types.get(id as usize) else { return };
        if !declared.slots.is_empty() {
            return;
        }
        let node = declared.node.clone();
        let Some(plan) = self.plan.type_of(id) else { return };
        let mut plan = (**plan).clone();
        let mut slots = Vec::new();
        let mut kinds: Vec<Option<Ty>> = Vec::new();
        for param in list(self, &node, "params") {
            self.known_keys(param, &PARAM_KEYS, "a parameter");
            let Some(name) = param.get("id").and_then(|id| self.identifier(id)) else {
                self.mistake(param.place, "a parameter has an id");
                continue;
            };
            let sym = self.intern(&name);
            slots.push((sym, Place { ..param.place }));
            plan.parameter_names.push(sym);
            kinds.push(Some(self.parameter_type(param, id)));
        }
        plan.parameters = u16::try_from(slots.len()).unwrap_or(u16::MAX);
        let seq: Vec<Node> = list(self, &node, "seq").to_vec();
        let mut names = Vec::new();
        for (at, attr) in seq.iter().enumerate() {
            if attr.map().is_none() {
                self.mistake(
                    attr.place,
                    format!("a field is a map with 'id' and 'type' or 'size', not {}", attr.what()),
                );
            }
            self.known_keys(attr, &ATTR_KEYS, "a field");
            let name = match attr.get("id") {
                Some(id) => self.identifier(id).unwrap_or_else(|| format!("_unnamed{at}")),
                None => format!("_unnamed{at}"),
            };
            names.push(name.clone());
            let sym = self.intern(&name);
            slots.push((sym, attr.place));
            kinds.push(None);
        }
        let instances: Vec<(Node, Node)> =
            node.get("instances").and_then(Node::map).unwrap_or_default().to_vec();
        for (key, instance) in &instances {
            self.known_keys(instance, &ATTR_KEYS, "an instance");
            let name = self.identifier(key).unwrap_or_default();
            let sym = self.intern(&name);
            slots.push((sym, key.place));
            kinds.push(None);
        }
        if slots.len() > usize::from(u16::MAX) - 1 {
            self.mistake(node.place, "a type can't have so many fields");
            return;
        }
        let mut by_name: Vec<(u32, u16)> = Vec::new();
        let mut seen = HashSet::new();
        for (slot, &(sym, place)) in slots.iter().enumerate() {
            if !seen.insert(sym) {
                let name = self.plan.name(sym).to_owned();
                self.mistake(place, format!("'{name}' is the name of another field of this type already"));
            }
            if RESERVED.contains(&self.plan.name(sym)) {
                self.mistake(place, "this name means something else in expressions");
            }
            by_name.push((sym, u16::try_from(slot).unwrap_or(u16::MAX)));
        }
        by_name.sort_unstable();
        plan.slots = by_name;
        if let Some(stored) = self.plan.types.get_mut(id as usize) {
            *stored = Arc::new(plan.clone());
        }
        if let Some(declared) = self.types.get_mut(id as usize) {
            declared.slots = kinds.iter().map(|kind| kind.clone().unwrap_or(Ty::Unknown)).collect();
            // Lest a type without any be begun again and again.
            if declared.slots.is_empty() {
                declared.slots.push(Ty::Unknown);
            }
        }
        let fields =
            seq.iter().map(|node| (node, false)).chain(instances.iter().map(|(_, node)| (node, true)));
        for (at, (node, is_instance)) in fields.enumerate() {
            let slot = u16::try_from(at + usize::from(plan.parameters)).unwrap_or(u16::MAX);
            let sym = slots.get(usize::from(slot)).map_or(0, |&(sym, _)| sym);
            let attr = self.skeleton(id, node, sym, slot, is_instance);
            let ty = self.shape_type(&attr.shape, attr.enumeration, attr.repeat);
            if let Some(declared) = self.types.get_mut(id as usize)
                && let Some(kind) = declared.slots.get_mut(usize::from(slot))
            {
                *kind = ty;
            }
            if let Some(plan) = self.plan_mut(id) {
                if is_instance { plan.instances.push(attr) } else { plan.seq.push(attr) }
            }
        }
        if let (Some(declared), Some(0)) =
            (self.types.get_mut(id as usize), self.plan.type_of(id).map(|plan| plan.slot_count()))
        {
            declared.slots = vec![Ty::Unknown];
        }
    }

    fn parameter_type(&mut self, param: &Node, current: TypeId) -> Ty {
        let Some(node) = param.get("type") else { return Ty::Bytes };
        let name = match expr::parse_type(node.text().unwrap_or_default()) {
            Ok(name) => name,
            Err(error) => {
                self.mistake(text_place(node).right(error.at as usize), error.text);
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

    fn unknown_type(&mut self, name: &TypeName, current: TypeId, place: Place) {
        if self.is_full() {
            return;
        }
        let known = self.visible_types(current);
        let builtin = ["u1", "u2", "u4", "u8", "s1", "s2", "s4", "s8", "f4", "f8", "str", "strz", "b1"];
        let name = name.written();
        let hint = nearest(&name, known.iter().map(String::as_str).chain(builtin));
        self.mistake(place, format!("there is no type '{name}'{hint}"));
    }

    pub(super) fn enumeration_of(&mut self, node: &Node, current: TypeId) -> Option<u32> {
        let path: Vec<String> = node.text().unwrap_or_default().split("::").map(str::to_owned).collect();
        let found = self.find_enum(&path, current);
        if found.is_none() && !self.is_full() {
            let known = self.visible_enums(current);
            let name = path.join("::");
            self.mistake(
                node.place,
                format!("there is no enum '{name}'{}", nearest(&name, known.iter().map(String::as_str))),
            );
        }
        found
    }

    /// A field or instance without its expressions.
    fn skeleton(&mut self, current: TypeId, node: &Node, sym: u32, slot: u16, is_instance: bool) -> Attr {
        let mut attr = Attr {
            sym,
            slot,
            place: node.place,
            doc: self.doc(node),
            condition: None,
            value: None,
            pos: None,
            io: None,
            repeat: Repeat::Once,
            shape: Shape::Bytes,
            limit: Limit::default(),
            process: None,
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
                self.mistake(value.place, "'value' computes an instance; a field of 'seq' is read");
            }
            if let Some((ast, place)) = self.expression(value)
                && let Some(declared) = self.types.get_mut(current as usize)
            {
                declared.values.insert(slot, (Rc::new(ast), place));
            }
            return attr;
        }
        if !is_instance && let Some(pos) = node.get("pos").or(node.get("io")) {
            self.mistake(
                pos.place,
                "a field of 'seq' stands behind the one before it; what stands elsewhere is an instance",
            );
        }
        attr.repeat = match node.get("repeat") {
            None => {
                for key in ["repeat-expr", "repeat-until"] {
                    if let Some(stray) = node.get(key) {
                        let kind = key.trim_start_matches("repeat-");
                        self.mistake(stray.place, format!("'{key}' wants 'repeat: {kind}' beside it"));
                    }
                }
                Repeat::Once
            }
            Some(repeat) => match repeat.text() {
                Some("eos") => Repeat::Eos,
                Some("expr") => Repeat::Times(UNSET),
                Some("until") => Repeat::Until(UNSET),
                other => {
                    let hint = nearest(other.unwrap_or_default(), ["eos", "expr", "until"]);
                    self.mistake(repeat.place, format!("'repeat' is eos, expr or until{hint}"));
                    Repeat::Once
                }
            },
        };
        self.limit(node, &mut attr, current);
        if let Some(contents) = node.get("contents") {
            let bytes = self.contents(contents);
            if node.get("type").is_some() {
                self.mistake(contents.place, "'contents' are bytes; they have no 'type' beside them");
            }
            attr.shape = Shape::Contents(self.constant(&bytes));
            return attr;
        }
        let bounded = attr.limit.is_bounded();
        match node.get("type") {
            None => {
                // A key that nobody knows may be the misspelt one.
                let all_known = node.map().unwrap_or_default().iter().all(|(key, _)| {
                    key.text().is_some_and(|name| name.starts_with('-') || ATTR_KEYS.contains(&name))
                });
                if !bounded && all_known {
                    self.mistake(
                        node.place,
                        "how long this is is not said: add 'type', 'size', 'size-eos: true' or 'terminator'",
                    );
                }
            }
            Some(ty) if ty.map().is_some() => {
                self.known_keys(ty, &["switch-on", "cases"], "a type that is chosen");
                let mut cases = Vec::new();
                for (key, case) in ty.get("cases").and_then(Node::map).unwrap_or_default() {
                    let is_default = key.text() == Some("_") && !key.is_quoted();
                    let shape = self.shape(current, case, node, &mut attr, bounded);
                    cases.push(((!is_default).then_some(UNSET), shape));
                }
                if ty.get("switch-on").is_none() || cases.is_empty() {
                    self.mistake(
                        ty.place,
                        "a type that is chosen has 'switch-on' with a value and 'cases' with types",
                    );
                }
                // Whatever order they are written in, the default comes last.
                cases.sort_by_key(|(key, _)| key.is_none());
                attr.shape = Shape::Switch(UNSET, cases);
            }
            Some(ty) => attr.shape = self.shape(current, ty, node, &mut attr, bounded),
        }
        attr
    }

    fn limit(&mut self, node: &Node, attr: &mut Attr, _current: TypeId) {
        let flag = |key: &str, default: bool| node.get(key).and_then(Node::boolean).unwrap_or(default);
        for key in ["size-eos", "include", "consume", "eos-error"] {
            if let Some(value) = node.get(key)
                && value.boolean().is_none()
            {
                self.mistake(value.place, format!("'{key}' is true or false"));
            }
        }
        match (node.get("size"), flag("size-eos", false)) {
            (Some(size), true) => self.mistake(size.place, "there is either 'size' or 'size-eos'"),
            (Some(_), false) => attr.limit.size = Size::Of(UNSET),
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
                None => {
                    self.mistake(terminator.place, "a terminator is a byte from 0 to 255, or a list of such")
                }
            }
        }
        if let Some(pad) = node.get("pad-right") {
            match pad.integer().and_then(|n| u8::try_from(n).ok()) {
                Some(byte) => attr.limit.pad_right = Some(byte),
                None => self.mistake(pad.place, "'pad-right' is a byte from 0 to 255"),
            }
        }
    }

    /// The bytes of `contents`: a text, or a list of bytes and texts.
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
                                self.mistake(item.place, format!("{number} is no byte: bytes are 0 to 255"))
                            }
                        },
                        (None, Some(text)) => bytes.extend_from_slice(text.as_bytes()),
                        (None, None) => self.mistake(item.place, "contents are bytes and texts"),
                    }
                }
                bytes
            }
        }
    }

    /// What a type's name says.
    fn shape(&mut self, current: TypeId, ty: &Node, field: &Node, attr: &mut Attr, bounded: bool) -> Shape {
        let Some(text) = ty.text() else {
            self.mistake(ty.place, format!("a type is a name, not {}", ty.what()));
            return Shape::Bytes;
        };
        let place = text_place(ty);
        let name = match expr::parse_type(text) {
            Ok(name) => name,
            Err(error) => {
                self.mistake(place.right(error.at as usize), error.text);
                return Shape::Bytes;
            }
        };
        if name.is_array {
            self.mistake(place, "a field repeats by 'repeat'; its type names one");
        }
        if let [single] = name.path.as_slice() {
            match single.as_str() {
                "str" | "strz" => {
                    return self.text_shape(current, single == "strz", ty, field, attr, bounded);
                }
                "bytes" if bounded => return Shape::Bytes,
                _ => {}
            }
            if let Some(shape) = self.number(single, current, place) {
                return shape;
            }
        }
        match self.find_type(&name, current, place) {
            Some(id) => {
                let parent = match field.get("parent") {
                    None => Parent::Here,
                    Some(node) if node.boolean() == Some(false) => Parent::Nothing,
                    Some(_) => Parent::Given(UNSET),
                };
                let foreign = self.plan.type_of(id).map(|plan| plan.file)
                    != self.plan.type_of(current).map(|plan| plan.file);
                let of = match parent {
                    Parent::Here => Some(current),
                    _ => None,
                };
                if let Some(declared) = self.types.get_mut(id as usize) {
                    declared.parents.push(of);
                }
                let wanted = self
                    .types
                    .get(id as usize)
                    .and_then(|declared| declared.node.get("params")?.list())
                    .map_or(0, <[Node]>::len);
                if name.arguments.len() > MOST_ARGUMENTS {
                    self.mistake(place, format!("a type takes {MOST_ARGUMENTS} arguments at most"));
                }
                if wanted != name.arguments.len() {
                    self.mistake(
                        place,
                        format!(
                            "the type '{}' takes {wanted} arguments, not {}",
                            name.written(),
                            name.arguments.len()
                        ),
                    );
                }
                Shape::User(UserType { id, arguments: vec![UNSET; name.arguments.len()], parent, foreign })
            }
            None => {
                self.unknown_type(&name, current, place);
                Shape::Bytes
            }
        }
    }

    fn text_shape(
        &mut self,
        current: TypeId,
        is_z: bool,
        ty: &Node,
        field: &Node,
        attr: &mut Attr,
        bounded: bool,
    ) -> Shape {
        let charset = match field.get("encoding") {
            Some(node) => match node.text() {
                Some(name) => self.charset(name, node.place),
                None => Charset::Utf8,
            },
            None => match self.types.get(current as usize).and_then(|declared| declared.inherited.encoding) {
                Some((charset, _)) => charset,
                None => {
                    self.mistake(
                        ty.place,
                        "how the text is encoded is not said: add 'encoding: UTF-8' here or in 'meta'",
                    );
                    Charset::Utf8
                }
            },
        };
        let is_case = field.get("type").is_some_and(|ty| ty.map().is_some());
        if is_z && is_case && attr.limit.terminator.is_none() {
            return Shape::Strz(charset);
        }
        if is_z && attr.limit.terminator.is_none() {
            let flag = |key: &str, default: bool| field.get(key).and_then(Node::boolean).unwrap_or(default);
            attr.limit.terminator = Some(Terminator {
                bytes: vec![0; charset.unit()],
                include: flag("include", false),
                consume: flag("consume", true),
                eos_error: flag("eos-error", true),
            });
        } else if !bounded && !is_z {
            self.mistake(
                ty.place,
                "how long the text is is not said: add 'size', 'size-eos: true' or 'terminator'",
            );
        }
        Shape::Str(charset)
    }

    fn number(&mut self, name: &str, current: TypeId, place: Place) -> Option<Shape> {
        let (rest, own) = match (name.strip_suffix("le"), name.strip_suffix("be")) {
            (Some(rest), _) => (rest, Some(true)),
            (_, Some(rest)) => (rest, Some(false)),
            _ => (name, None),
        };
        let declared = self.types.get(current as usize)?;
        let order = match own {
            Some(true) => Some(Order::Le),
            Some(false) => Some(Order::Be),
            None => match declared.inherited.order {
                Inheritance::Le => Some(Order::Le),
                Inheritance::Be => Some(Order::Be),
                Inheritance::Switch => Some(Order::Structure),
                Inheritance::Unsaid => None,
            },
        };
        let bits_le = own.unwrap_or(declared.inherited.bits_le);
        let shape = match rest {
            "u1" | "s1" if own.is_none() => {
                return Some(Shape::Int { bytes: 1, signed: rest == "s1", order: Order::Be });
            }
            "u2" | "u4" | "u8" | "s2" | "s4" | "s8" => {
                let bytes = rest.get(1..)?.parse().ok()?;
                order.map(|order| Shape::Int { bytes, signed: rest.starts_with('s'), order })
            }
            "f4" | "f8" => {
                let bytes = rest.get(1..)?.parse().ok()?;
                order.map(|order| Shape::Float { bytes, order })
            }
            _ => {
                let count: u8 = rest.strip_prefix('b')?.parse().ok()?;
                if !(1..=64).contains(&count) {
                    self.mistake(place, format!("'{name}' has no such width: bit fields have 1 to 64 bits"));
                    return Some(Shape::Bytes);
                }
                return Some(Shape::Bits { count, le: bits_le });
            }
        };
        if shape.is_none() {
            self.mistake(place, format!("the byte order of '{name}' is not said: write {name}le or {name}be, or add 'endian: le' or 'endian: be' to 'meta'"));
        }
        Some(shape.unwrap_or(Shape::Bytes))
    }

    /// Reads the text of a node as an expression.
    pub(super) fn expression(&mut self, node: &Node) -> Option<(Ast, Place)> {
        let place = text_place(node);
        let Some(text) = node.text() else {
            self.mistake(node.place, format!("an expression is wanted here, not {}", node.what()));
            return None;
        };
        match expr::parse(text) {
            Ok(ast) => Some((ast, place)),
            Err(error) => {
                self.mistake(place.right(error.at as usize), error.text);
                None
            }
        }
    }

    /// Compiles the expression of a node; what is wrong with it is said.
    fn compiled(&mut self, node: &Node, context: &Context, wanted: Option<Ty>) -> Option<NodeId> {
        let (ast, place) = self.expression(node)?;
        let context = Context { place, ..context.clone() };
        let ty = self.infer(&ast, &context);
        if let Some(wanted) = wanted
            && ty != Ty::Unknown
            && ty != wanted
        {
            let what = match wanted {
                Ty::Bool => "a boolean: true or false",
                Ty::Io => "a stream, such as _root._io",
                _ => "a whole number",
            };
            self.mistake(place, format!("this wants {what}"));
        }
        Some(self.compile(&ast, &context))
    }

    /// Compiles every expression of every type.
    pub(super) fn expressions(&mut self) {
        let mut id = 0;
        // Compiling may find types in files beside the description.
        while (id as usize) < self.types.len() {
            self.expressions_of(id);
            id += 1;
        }
    }

    /// Compiles a type, and those in it, before its turn: somebody asks for its size.
    pub(super) fn complete_type(&mut self, id: TypeId) {
        let known = self.types.get(id as usize).is_none_or(|declared| declared.completed);
        if known {
            return;
        }
        self.expressions_of(id);
        let Some(plan) = self.plan.type_of(id).cloned() else { return };
        let mut shapes: Vec<&Shape> = plan.seq.iter().map(|attr| &attr.shape).collect();
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => self.complete_type(user.id),
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }

    fn expressions_of(&mut self, id: TypeId) {
        let (Some(declared), Some(plan)) = (self.types.get(id as usize), self.plan.type_of(id)) else {
            return;
        };
        if declared.completed {
            return;
        }
        let node = declared.node.clone();
        let mut plan = (**plan).clone();
        let order = declared.inherited.order;
        if let Some(declared) = self.types.get_mut(id as usize) {
            declared.completed = true;
        }
        plan.endian = match order {
            Inheritance::Le => Endian::Le,
            Inheritance::Be => Endian::Be,
            Inheritance::Unsaid => Endian::Inherit,
            Inheritance::Switch => {
                let switch =
                    node.get("meta").and_then(|meta| meta.get("endian")).filter(|node| node.map().is_some());
                switch.map_or(Endian::Inherit, |switch| self.endian_switch(switch, id))
            }
        };
        let seq: Vec<Node> = node.get("seq").and_then(Node::list).unwrap_or_default().to_vec();
        for (attr, node) in plan.seq.iter_mut().zip(&seq) {
            self.complete(attr, node, id);
        }
        let instances: Vec<(Node, Node)> =
            node.get("instances").and_then(Node::map).unwrap_or_default().to_vec();
        for (attr, (_, node)) in plan.instances.iter_mut().zip(&instances) {
            self.complete(attr, node, id);
        }
        if let Some(stored) = self.plan.types.get_mut(id as usize) {
            *stored = Arc::new(plan);
        }
    }

    fn endian_switch(&mut self, node: &Node, id: TypeId) -> Endian {
        let context = Context::of(id, node.place);
        let Some(on) = node.get("switch-on").and_then(|on| self.compiled(on, &context, None)) else {
            self.mistake(node.place, "'endian' chosen by a value has 'switch-on' and 'cases'");
            return Endian::Inherit;
        };
        let mut cases = Vec::new();
        for (key, value) in node.get("cases").and_then(Node::map).unwrap_or_default() {
            let is_le = match value.text() {
                Some("le") => true,
                Some("be") => false,
                _ => {
                    self.mistake(value.place, "a case of 'endian' is le or be");
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
        }
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
                    self.mistake(node.place, "'repeat: expr' wants 'repeat-expr' with the number of items");
                    Repeat::Once
                }
            },
            Repeat::Until(_) => match node.get("repeat-until") {
                Some(until) => {
                    let context = Context { element: Some(one.clone()), ..context.clone() };
                    self.compiled(until, &context, Some(Ty::Bool)).map_or(Repeat::Once, Repeat::Until)
                }
                None => {
                    self.mistake(
                        node.place,
                        "'repeat: until' wants 'repeat-until' with what is true of the last item",
                    );
                    Repeat::Once
                }
            },
            other => other,
        };
        attr.process = node.get("process").and_then(|node| self.process(node, &context));
        if attr.process.is_some() && !attr.limit.is_bounded() {
            self.mistake(node.place, "what is processed are bytes whose length is known: add 'size', 'size-eos: true' or 'terminator'");
        }
        self.complete_shape(attr, node, &context);
        if let Some(valid) = node.get("valid") {
            let context = Context { element: Some(one), ..context.clone() };
            attr.valid = self.valid(valid, &context, attr);
        }
        self.own_keys(attr, node, id);
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
                if let Some(node) = ty.get("switch-on") {
                    *on = self.compiled(node, context, None).unwrap_or(UNSET);
                }
                let written = ty.get("cases").and_then(Node::map).unwrap_or_default();
                let mut written: Vec<&(Node, Node)> = written.iter().collect();
                written.sort_by_key(|(key, _)| key.text() == Some("_") && !key.is_quoted());
                for ((key, shape), (key_node, shape_node)) in cases.iter_mut().zip(written) {
                    if key.is_some() {
                        *key = self.compiled(key_node, context, None).or(Some(UNSET));
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
        for argument in &name.arguments {
            self.infer(argument, &context);
            let node = self.compile(argument, &context);
            user.arguments.push(node);
        }
    }

    fn process(&mut self, node: &Node, context: &Context) -> Option<Process> {
        let text = node.text().unwrap_or_default().trim();
        let place = text_place(node);
        if text == "zlib" {
            return Some(Process::Zlib);
        }
        let known = ["xor", "rol", "ror", "zlib"];
        let Some((name, argument)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else {
            let hint = nearest(text, known);
            self.mistake(place, format!("'{text}' is no processing that can be done here: it would need a program of its own{hint}"));
            return None;
        };
        let ast = match expr::parse(argument) {
            Ok(ast) => ast,
            Err(error) => {
                self.mistake(place.right(name.len() + 1 + error.at as usize), error.text);
                return None;
            }
        };
        let context = Context { place: place.right(name.len() + 1), ..context.clone() };
        self.infer(&ast, &context);
        let argument = self.compile(&ast, &context);
        match name.trim() {
            "xor" => Some(Process::Xor(argument)),
            "rol" => Some(Process::Rol(argument)),
            "ror" => Some(Process::Ror(argument)),
            name => {
                let hint = nearest(name, known);
                self.mistake(place, format!("'{name}' is no processing that can be done here: it would need a program of its own{hint}"));
                None
            }
        }
    }

    fn valid(&mut self, node: &Node, context: &Context, attr: &Attr) -> Option<Valid> {
        if node.map().is_none() {
            return self.compiled(node, context, None).map(Valid::Equal);
        }
        self.known_keys(node, &["eq", "min", "max", "any-of", "expr", "in-enum"], "valid");
        if let Some(eq) = node.get("eq") {
            return self.compiled(eq, context, None).map(Valid::Equal);
        }
        if let Some(any) = node.get("any-of") {
            let Some(items) = any.list() else {
                self.mistake(any.place, "'any-of' is a list of values");
                return None;
            };
            return Some(Valid::AnyOf(
                items.iter().filter_map(|item| self.compiled(item, context, None)).collect(),
            ));
        }
        if let Some(expr) = node.get("expr") {
            return self.compiled(expr, context, Some(Ty::Bool)).map(Valid::Expr);
        }
        if let Some(in_enum) = node.get("in-enum") {
            if attr.enumeration.is_none() {
                self.mistake(in_enum.place, "'in-enum' wants an 'enum' beside 'valid'");
            }
            return (in_enum.boolean() == Some(true)).then_some(Valid::InEnum);
        }
        let min = node.get("min").and_then(|min| self.compiled(min, context, None));
        let max = node.get("max").and_then(|max| self.compiled(max, context, None));
        (min.is_some() || max.is_some()).then_some(Valid::Range(min, max))
    }
}

/// The items of a key that is a list.
fn list<'n>(loader: &mut Loader, node: &'n Node, key: &str) -> &'n [Node] {
    match node.get(key) {
        None => &[],
        Some(value) => match value.list() {
            Some(items) => items,
            None if value.is_null() => &[],
            None => {
                loader.mistake(
                    value.place,
                    format!(
                        "'{key}' is a list, each item of which begins with '- '; this is {}",
                        value.what()
                    ),
                );
                &[]
            }
        },
    }
}
