//! Derives the head with which every message begins: fields at fixed offsets, and what must hold for them.

use framescope_parser::Code;

use crate::error::nearest;
use crate::load::Loader;
use crate::plan::{
    Attr, Edge, Head, HeadTest, HeadTestKind, Meta, Node, NodeId, Order, Repeat, Shape, TypeId, Valid,
};

use crate::yaml;

/// The longest head in bytes: it is tested at each offset of damaged bytes.
const LONGEST_HEAD: u32 = 256;

impl Loader {
    /// Derives the head of a type's messages from the fields at fixed offsets.
    pub(super) fn head(&mut self, own: &yaml::Node, root: TypeId, found: &mut Meta) {
        let mut fields = Vec::new();
        self.head_fields(root, 0, &mut String::new(), &mut fields, 0);
        let believe = self.listed_fields(own, "believe", &fields);
        let refuse = self.listed_fields(own, "refuse", &fields).unwrap_or_default();
        found.head = head_of(fields, believe.as_deref(), &refuse);
        if !found.head.believe.is_empty() {
            found.trailing_checks = self.trailing_checks(root, found.head.length);
        }
    }

    /// The fields that a key lists. Reports those that can't be part of a head.
    fn listed_fields(&mut self, own: &yaml::Node, key: &str, fields: &[HeadField]) -> Option<Vec<String>> {
        let node = own.get(key)?;
        let Some(items) = node.list() else {
            self.report(node.place, format!("'{key}' must be a list of fields"));
            return None;
        };
        let mut listed = Vec::new();
        for item in items {
            let Some(name) = item.text() else { continue };
            match fields.iter().find(|field| field.path == name) {
                None => {
                    let hint = nearest(name, fields.iter().map(|field| field.path.as_str()));
                    let text = format!("there is no field '{name}' at a fixed offset of every message{hint}");
                    self.report(item.place, text);
                }
                Some(field) if field.test.is_none() => {
                    let way_out = "give it contents, a check, or valid with numbers";
                    self.report(item.place, format!("'{name}' has nothing to test: {way_out}"));
                }
                Some(_) => {}
            }
            listed.push(name.to_owned());
        }
        Some(listed)
    }

    /// The fields after a head of that length whose check covers it, and only what messages have.
    fn trailing_checks(&self, root: TypeId, head_length: u32) -> Vec<u16> {
        let mut offset = Some(0u64);
        let mut found = Vec::new();
        for attr in &self.plan.type_of(root).seq {
            let covers_the_head = attr.check.as_ref().is_some_and(|check| {
                let covers_only_the_message = check.then.is_none() && !check.algorithm.is_keyed();
                covers_only_the_message && matches!(check.from, Edge::Message | Edge::Structure)
            });
            if covers_the_head && offset.is_none_or(|bits| bits / 8 >= u64::from(head_length)) {
                found.push(attr.slot);
            }
            offset = offset.and_then(|offset| Some(offset + attr.fixed_bits?));
        }
        found
    }

    /// The fields at fixed offsets, including those in nested structures.
    fn head_fields(
        &self,
        id: TypeId,
        at: u64,
        path: &mut String,
        fields: &mut Vec<HeadField>,
        depth: u32,
    ) -> Option<u64> {
        let plan = self.plan.type_of(id).clone();
        if depth > 8 {
            return None;
        }
        let mut bits = at;
        for attr in &plan.seq {
            if !matches!(attr.shape, Shape::Bits { .. }) {
                bits = bits.next_multiple_of(8);
            }
            let fixed = attr.fixed_bits;
            let before = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(self.plan.name(attr.sym));
            let plain = matches!(attr.repeat, Repeat::Once) && attr.condition.is_none();
            if let (Shape::User(user), true, true) =
                (&attr.shape, plain, attr.process.is_none() && attr.limit.terminator.is_none())
            {
                let inner = self.head_fields(user.id, bits, path, fields, depth + 1);
                if fixed.is_none() {
                    inner?;
                }
            } else if let (true, Some(fixed), Ok(offset)) = (plain, fixed, u32::try_from(bits / 8)) {
                let length = u32::try_from((bits % 8 + fixed).div_ceil(8)).ok()?;
                if offset + length <= LONGEST_HEAD {
                    let test = self.head_test(attr, &plan, at, bits);
                    let hint = if test.is_none() { self.head_hint(attr) } else { None };
                    fields.push(HeadField {
                        hint,
                        path: path.clone(),
                        offset,
                        length,
                        test,
                        problem: attr.problem,
                    });
                }
            }
            path.truncate(before);
            bits += fixed?;
        }
        Some(bits)
    }

    /// What must hold for a field of the head, and how many bits of evidence that is.
    fn head_test(
        &self,
        attr: &Attr,
        plan: &crate::plan::TypePlan,
        begin: u64,
        at: u64,
    ) -> Option<(HeadTestKind, u32)> {
        if let Shape::Contents(span) = attr.shape {
            let bytes = self.plan.expressions.constants.get(span.start as usize..span.end as usize)?.to_vec();
            let bits = u32::try_from(bytes.len()).ok()? * 8;
            return Some((HeadTestKind::Contents(bytes), bits));
        }
        if let Some(check) = &attr.check {
            let Shape::Int { bytes, order, .. } = attr.shape else { return None };
            // What it covers beyond the message is known only when that is read.
            if check.then.is_some() {
                return None;
            }
            let offset_of = |slot: u16| {
                let mut bits = begin;
                for field in &plan.seq {
                    if field.slot == slot {
                        return Some((bits, bits + field.fixed_bits?));
                    }
                    bits += field.fixed_bits?;
                }
                None
            };
            let from = match check.from {
                Edge::Message => 0,
                Edge::Structure => begin,
                Edge::Field(slot) => offset_of(slot)?.0,
            };
            let to = match check.to {
                None => at,
                Some(slot) => offset_of(slot)?.1,
            };
            // What comes after the field is not part of the head.
            if to > at || from >= to || order == Order::Structure {
                return None;
            }
            let le = order == Order::Le;
            let (from, to) = (u32::try_from(from / 8).ok()?, u32::try_from(to / 8).ok()?);
            return Some((
                HeadTestKind::Check { algorithm: check.algorithm.clone(), le, from, to },
                u32::from(bytes) * 8,
            ));
        }
        let mut ranges = self.valid_ranges(attr)?;
        if let Shape::Int { bytes, signed, .. } = attr.shape {
            // Only values that the field can hold count.
            let all = 1i128 << (u32::from(bytes) * 8);
            let (least, most) = if signed { (-all / 2, all / 2 - 1) } else { (0, all - 1) };
            ranges.iter_mut().for_each(|range| *range = (range.0.max(least), range.1.min(most)));
        }
        let possible: i128 = ranges
            .iter()
            .map(|(low, high)| high.saturating_sub(*low).saturating_add(1).max(0))
            .fold(0, i128::saturating_add);
        match attr.shape {
            Shape::Int { bytes, signed, order } if order != Order::Structure => {
                let all = u32::from(bytes) * 8;
                let bits = all.saturating_sub(128 - possible.max(1).leading_zeros() - 1);
                Some((HeadTestKind::Number { signed, le: order == Order::Le, ranges }, bits))
            }
            Shape::Bits { count, le: false } => {
                let count = u32::from(count);
                let in_bytes = u32::try_from(at % 8).ok()? + count;
                let shift = in_bytes.div_ceil(8) * 8 - in_bytes;
                let bits = count.saturating_sub(128 - possible.max(1).leading_zeros() - 1);
                (in_bytes <= 64).then_some((HeadTestKind::Bits { shift, count, ranges }, bits))
            }
            _ => None,
        }
    }

    /// A number that usually, but not always, is a member of its enum.
    fn head_hint(&self, attr: &Attr) -> Option<(HeadTestKind, u32)> {
        let Shape::Int { bytes, signed, order } = attr.shape else { return None };
        let members = &self.plan.enum_of(attr.enumeration?).members;
        let ranges: Vec<(i128, i128)> = members.iter().map(|member| (member.value, member.value)).collect();
        let bits = (u32::from(bytes) * 8).saturating_sub(ranges.len().max(1).next_power_of_two().ilog2());
        (order != Order::Structure)
            .then_some((HeadTestKind::Number { signed, le: order == Order::Le, ranges }, bits))
    }

    /// The numbers that a field's `valid` allows, if it lists them.
    fn valid_ranges(&self, attr: &Attr) -> Option<Vec<(i128, i128)>> {
        let number = |node: NodeId| match self.plan.expressions.node(node) {
            Node::Const(crate::plan::Val::Int(n) | crate::plan::Val::Enum(_, n)) => Some(*n),
            Node::Const(crate::plan::Val::Bool(b)) => Some(i128::from(*b)),
            _ => None,
        };
        match attr.valid.as_ref()? {
            Valid::Equal(node) => number(*node).map(|n| vec![(n, n)]),
            Valid::AnyOf(nodes) => nodes.iter().map(|&node| number(node).map(|n| (n, n))).collect(),
            Valid::Range(low, high) => {
                let low = low.map_or(Some(i128::from(i64::MIN)), number)?;
                let high = high.map_or(Some(i128::from(u64::MAX)), number)?;
                Some(vec![(low, high)])
            }
            Valid::InEnum => {
                let members = &self.plan.enum_of(attr.enumeration?).members;
                Some(members.iter().map(|member| (member.value, member.value)).collect())
            }
            Valid::Expr(_) => None,
        }
    }
}

struct HeadField {
    path: String,
    offset: u32,
    length: u32,
    test: Option<(HeadTestKind, u32)>,
    hint: Option<(HeadTestKind, u32)>,
    problem: Option<Code>,
}

/// The head that fields make: `believe` lists those that distinguish a message from other bytes, or else all do that `refuse`
/// does not list.
fn head_of(fields: Vec<HeadField>, believe: Option<&[String]>, refuse: &[String]) -> Head {
    let mut head = Head::default();
    for field in fields {
        if let Some((what, bits)) = field.hint {
            let (offset, length) = (field.offset, field.length);
            head.hints.push((HeadTest { offset, length, what }, bits));
        }
        let Some((what, bits)) = field.test else { continue };
        let refused = refuse.contains(&field.path);
        let believed = believe.map_or(!refused, |listed| listed.contains(&field.path));
        if !believed && !refused {
            continue;
        }
        let test = HeadTest { offset: field.offset, length: field.length, what };
        head.length = head.length.max(field.offset + field.length);
        if refused {
            head.refuse.push((test, field.problem.unwrap_or(Code::PayloadTooLong)));
            continue;
        }
        if head.magic.len() as u64 == u64::from(test.offset) {
            head.magic.extend_from_slice(&constant_bytes(&test));
        }
        head.bits += bits;
        head.believe.push(test);
    }
    head
}

/// The bytes for which alone a test holds; empty if there are others.
fn constant_bytes(test: &HeadTest) -> Vec<u8> {
    match &test.what {
        HeadTestKind::Contents(bytes) => bytes.clone(),
        HeadTestKind::Number { le: false, ranges, .. } => match ranges.as_slice() {
            [(low, high)] if low == high => {
                let bytes = low.to_be_bytes();
                bytes.get(16usize.saturating_sub(test.length as usize)..).unwrap_or_default().to_vec()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::load::testing::{loaded, refused};

    #[test]
    fn a_head_has_the_magic_the_valid_numbers_and_their_evidence() {
        let (_, meta) = loaded(
            "{id: magic, contents: MY}, {id: version, type: u1, valid: 1}, {id: kind, type: u1, valid: {max: 15}}, {id: n, type: u2}, {id: body, size: n}",
            "",
        );
        let head = &meta.head;
        assert_eq!((head.magic.as_slice(), head.length, head.believe.len()), (&b"MY\x01"[..], 4, 3));
        assert_eq!(head.bits, 16 + 8 + 4);
        assert!(head.is_sure());
    }

    #[test]
    fn a_field_at_no_fixed_offset_is_not_of_the_head() {
        let (_, meta) = loaded("{id: n, type: u1}, {id: body, size: n}, {id: end, type: u1, valid: 3}", "");
        assert_eq!((meta.head.length, meta.head.bits), (0, 0));
        let more = "\n";
        let seq = "{id: n, type: u1}, {id: body, size: n}, {id: end, type: u1, valid: 3}";
        let text = crate::load::testing::described(seq, more)
            .replace("id: t,", "id: t, -framescope: {believe: [end]},");
        let error = crate::load::load("t", &text, None).unwrap_err().to_string();
        assert!(error.contains("there is no field 'end' at a fixed offset"), "{error}");
        assert!(refused("{id: a, type: u3}", "").contains("there is no type 'u3'"));
    }
}
