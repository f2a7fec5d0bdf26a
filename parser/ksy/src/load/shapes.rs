//! Resolves what a field's `type` says about its bytes.

use crate::error::Place;
use crate::expr;
use crate::load::infer::text_place;
use crate::load::{Inheritance, Loader};
use crate::plan::NodeId;
use crate::plan::{Attr, MOST_ARGUMENTS, Order, Parent, Shape, Terminator, TypeId, UserType};
use crate::strings::Charset;
use crate::yaml::Node;

impl Loader {
    /// What a type's name means.
    pub(super) fn shape(
        &mut self,
        current: TypeId,
        ty: &Node,
        field: &Node,
        attr: &mut Attr,
        bounded: bool,
    ) -> Shape {
        let Some(text) = ty.text() else {
            self.report(ty.place, format!("a type must be a name, not {}", ty.what()));
            return Shape::Bytes;
        };
        let place = text_place(ty);
        let name = match expr::parse_type(text) {
            Ok(name) => name,
            Err(error) => {
                self.report(place.right(error.at as usize), error.text);
                return Shape::Bytes;
            }
        };
        if name.is_array {
            self.report(place, "a field's type names one item: use 'repeat' for more");
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
                let foreign = self.plan.type_of(id).file != self.plan.type_of(current).file;
                let parent = match field.get("parent") {
                    // What is around a type of another file is not its concern, whatever the field says.
                    _ if foreign => Parent::Nothing,
                    None => Parent::Here,
                    Some(node) if node.boolean() == Some(false) => Parent::Nothing,
                    Some(_) => Parent::Given(NodeId::UNSET),
                };
                let of = match parent {
                    Parent::Here => Some(current),
                    _ => None,
                };
                if let Some(declared) = self.declared_mut(id) {
                    declared.parents.push(of);
                }
                let wanted = self
                    .declared(id)
                    .and_then(|declared| declared.node.get("params")?.list())
                    .map_or(0, <[Node]>::len);
                if name.arguments.len() > MOST_ARGUMENTS {
                    self.report(place, format!("a type takes at most {MOST_ARGUMENTS} arguments"));
                }
                if wanted != name.arguments.len() {
                    self.report(
                        place,
                        format!(
                            "the type '{}' takes {wanted} arguments, not {}",
                            name.written(),
                            name.arguments.len()
                        ),
                    );
                }
                Shape::User(UserType {
                    id,
                    arguments: vec![NodeId::UNSET; name.arguments.len()],
                    parent,
                    foreign,
                })
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
            None => match self.declared(current).and_then(|declared| declared.inherited.encoding) {
                Some((charset, _)) => charset,
                None => {
                    self.report(
                        ty.place,
                        "the text has no encoding: add 'encoding: UTF-8' here or in 'meta'",
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
            self.report(ty.place, "the text has no length: add 'size', 'size-eos: true' or 'terminator'");
        }
        Shape::Str(charset)
    }

    fn number(&mut self, name: &str, current: TypeId, place: Place) -> Option<Shape> {
        let (rest, own) = match (name.strip_suffix("le"), name.strip_suffix("be")) {
            (Some(rest), _) => (rest, Some(true)),
            (_, Some(rest)) => (rest, Some(false)),
            _ => (name, None),
        };
        let declared = self.declared(current)?;
        let order = match own {
            Some(true) => Some(Order::Le),
            Some(false) => Some(Order::Be),
            None => match declared.inherited.order {
                Inheritance::Le => Some(Order::Le),
                Inheritance::Be => Some(Order::Be),
                Inheritance::Switch => Some(Order::Structure),
                Inheritance::Unspecified => None,
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
                    self.report(
                        place,
                        format!("'{name}' is not a valid width: bit fields have 1 to 64 bits"),
                    );
                    return Some(Shape::Bytes);
                }
                return Some(Shape::Bits { count, le: bits_le });
            }
        };
        if shape.is_none() {
            self.report(place, format!("'{name}' has no byte order: write {name}le or {name}be, or add 'endian: le' or 'endian: be' to 'meta'"));
        }
        Some(shape.unwrap_or(Shape::Bytes))
    }
}
