//! Which fields the messages of a description may have, with their types, in the order in which they are reported.

use framescope_parser::{FieldShape, FieldType, merge_fields};

use super::Described;
use crate::plan::{Attr, Computed, EnumId, Plan, Repeat, Shape, TypeId};

/// How deeply nested fields have columns of their own.
const DEEPEST: usize = 32;
/// The most fields that are named; what would be more may be anything.
const MOST_FIELDS: usize = 4096;

/// The fields that messages of any of its states may have.
pub(super) fn fields(described: &Described) -> Vec<FieldShape> {
    let mut fields = Vec::new();
    for part in described.parts() {
        let stages = part.stream.iter().flat_map(|stream| [stream.part(0), stream.part(1)]);
        for part in std::iter::once(part).chain(stages).chain(part.whole.as_deref()) {
            merge_fields(&mut fields, message_fields(&part.format.plan));
        }
    }
    fields
}

fn message_fields(plan: &Plan) -> Vec<FieldShape> {
    let mut walk = Walk { plan, around: Vec::new(), count: 0 };
    match plan.item {
        // A message is one item of the last list.
        Some(item) if item.own_type.is_none() => {
            let list = plan.root().seq.last();
            list.map(|attr| FieldShape { repeated: false, ..walk.field(attr) }).into_iter().collect()
        }
        _ => walk.structure(plan.message_type()).unwrap_or_default(),
    }
}

struct Walk<'p> {
    plan: &'p Plan,
    /// The types of the structures around.
    around: Vec<TypeId>,
    count: usize,
}

impl Walk<'_> {
    /// The fields of a structure; None where it is inside itself, or nested too deeply.
    fn structure(&mut self, id: TypeId) -> Option<Vec<FieldShape>> {
        if self.around.contains(&id) || self.around.len() >= DEEPEST || self.count >= MOST_FIELDS {
            return None;
        }
        self.around.push(id);
        let ty = self.plan.type_of(id);
        let mut fields = Vec::new();
        for attr in ty.seq.iter().chain(&ty.instances) {
            self.count += 1;
            fields.push(self.field(attr));
        }
        self.around.pop();
        Some(fields)
    }

    fn field(&mut self, attr: &Attr) -> FieldShape {
        let name = self.plan.name(attr.sym);
        let repeated = !matches!(attr.repeat, Repeat::Once);
        let field = match (attr.value, attr.enumeration) {
            (_, Some(of)) => FieldShape::new(name, self.names(of)),
            (Some(_), None) => FieldShape::new(name, self.computed(attr.computed)),
            (None, None) => self.shaped(name, &attr.shape, attr.limit.is_bounded()),
        };
        // A computed list may have any number of items.
        FieldShape { repeated: repeated || attr.computed_list, ..field }
    }

    fn shaped(&mut self, name: &str, shape: &Shape, is_bounded: bool) -> FieldShape {
        let kind = match shape {
            Shape::Bytes | Shape::Contents(_) => FieldType::Bytes,
            Shape::Str(_) | Shape::Strz(_) => FieldType::Text,
            Shape::Int { bytes, signed: false, .. } => FieldType::Unsigned { bits: bits(*bytes) },
            Shape::Int { bytes, signed: true, .. } => FieldType::Signed { bits: bits(*bytes) },
            Shape::Float { bytes, .. } => FieldType::Float { bits: bits(*bytes) },
            Shape::Bits { count: 1, .. } => FieldType::Bool,
            Shape::Bits { count, .. } => FieldType::Unsigned { bits: *count },
            Shape::User(user) => match self.structure(user.id) {
                Some(fields) => return FieldShape::group(name, fields),
                None => FieldType::Any,
            },
            Shape::Switch(_, cases) => return self.either(name, cases, is_bounded),
        };
        FieldShape::new(name, kind)
    }

    /// The shape of a field that is one of several.
    fn either(
        &mut self,
        name: &str,
        cases: &[(Option<crate::plan::NodeId>, Shape)],
        is_bounded: bool,
    ) -> FieldShape {
        // What no case names is bytes.
        let has_other = is_bounded && cases.iter().all(|(key, _)| key.is_some());
        let mut field = FieldShape::group(name, Vec::new());
        if has_other {
            field.kind = FieldType::Bytes;
        }
        for (_, shape) in cases {
            let case = self.shaped(name, shape, is_bounded);
            field.merge(case);
        }
        field
    }

    fn names(&self, of: EnumId) -> FieldType {
        let members = &self.plan.enum_of(of).members;
        FieldType::Enum { names: members.iter().map(|member| (member.value, member.shown.clone())).collect() }
    }

    fn computed(&self, computed: Computed) -> FieldType {
        match computed {
            Computed::Unknown => FieldType::Any,
            Computed::Int => FieldType::Signed { bits: 64 },
            Computed::Float => FieldType::Float { bits: 64 },
            Computed::Bool => FieldType::Bool,
            Computed::Str => FieldType::Text,
            Computed::Bytes => FieldType::Bytes,
            Computed::Enum(of) => self.names(of),
            // A structure of another field, which is not shown twice.
            Computed::Structure => FieldType::Group,
        }
    }
}

fn bits(bytes: u8) -> u8 {
    bytes.saturating_mul(8).min(64)
}

#[cfg(test)]
mod tests {
    use framescope_parser::Protocol;

    use super::*;

    fn shape(ksy: &str) -> Vec<FieldShape> {
        Described::from_ksy(ksy).unwrap().shape().unwrap()
    }

    #[test]
    fn fields_have_the_types_of_the_description() {
        let fields = shape(
            "{meta: {id: mine, endian: be}, seq: [{id: kind, type: u1, enum: kind}, {id: flag, type: b1}, {id: rest, type: b7}, \
             {id: n, type: s4}, {id: x, type: f4}, {id: name, type: strz, encoding: UTF-8}, {id: parts, type: part, repeat: expr, repeat-expr: 2}], \
             instances: {twice: {value: n * 2}, all: {value: parts}}, \
             types: {part: {seq: [{id: a, size: 1}]}}, enums: {kind: {1: one, 2: {id: two, -orig-id: TWO}}}}",
        );
        let kinds: Vec<(&str, bool, &FieldType)> =
            fields.iter().map(|field| (&*field.name, field.repeated, &field.kind)).collect();
        let names = FieldType::Enum { names: vec![(1, "one".into()), (2, "TWO".into())] };
        assert_eq!(
            kinds,
            [
                ("kind", false, &names),
                ("flag", false, &FieldType::Bool),
                ("rest", false, &FieldType::Unsigned { bits: 7 }),
                ("n", false, &FieldType::Signed { bits: 32 }),
                ("x", false, &FieldType::Float { bits: 32 }),
                ("name", false, &FieldType::Text),
                ("parts", true, &FieldType::Group),
                ("twice", false, &FieldType::Signed { bits: 64 }),
                ("all", true, &FieldType::Group),
            ]
        );
        assert_eq!(fields[6].fields, [FieldShape::new("a", FieldType::Bytes)]);
    }

    #[test]
    fn the_cases_of_a_switch_are_one_structure_and_recursion_ends() {
        let fields = shape(
            "{meta: {id: mine, endian: be}, seq: [{id: kind, type: u1}, {id: length, type: u1}, \
             {id: payload, size: length, type: {switch-on: kind, cases: {1: one, 2: two}}}], \
             types: {one: {seq: [{id: a, type: u1}, {id: both, type: u1}]}, \
             two: {seq: [{id: both, type: u2}, {id: inner, type: two, if: both > 1}]}}}",
        );
        let payload = &fields[2];
        assert_eq!(payload.kind, FieldType::Bytes, "of another kind");
        let inner: Vec<(&str, &FieldType)> =
            payload.fields.iter().map(|field| (&*field.name, &field.kind)).collect();
        let unsigned = |bits| FieldType::Unsigned { bits };
        assert_eq!(inner, [("a", &unsigned(8)), ("both", &unsigned(16)), ("inner", &FieldType::Any)]);
    }
}
