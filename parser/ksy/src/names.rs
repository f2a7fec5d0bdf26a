//! The fields that messages may have: their paths, their enumerations, and their documentation.

use std::collections::{BTreeMap, HashSet};

use framescope_parser::{CAPTURED, Names};

use crate::format::Format;
use crate::plan::{
    Attr, Doc, Endian, Node, NodeId, PADDING, Piece, Plan, RAW, Shape, Sym, TypeId, UNREAD,
    framing_expressions, shape_expressions, valid_expressions,
};
use crate::strings::Charset;

/// A field whose numbers have names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// Its path of names joined by dots.
    pub path: String,
    /// Each member's number and name.
    pub members: Vec<(i128, String)>,
}

/// The fields whose numbers have names, by their paths.
pub(crate) fn enumerations(plan: &Plan) -> Vec<Enumeration> {
    let mut found: Vec<Enumeration> = Vec::new();
    each_path(plan, plan.message_type(), "", &mut Vec::new(), &mut 0, &mut |path, attr| {
        let Some(of) = attr.enumeration.map(|of| plan.enum_of(of)) else { return };
        let members = of.members.iter().map(|member| (member.value, member.shown.clone()));
        // The cases of a switch may have fields with the same name.
        match found.iter_mut().find(|known| known.path == path) {
            Some(known) => known.members.extend(members),
            None => found.push(Enumeration { path: path.to_owned(), members: members.collect() }),
        }
    });
    found
}

/// The structures that end with a terminator, which none of their fields has: the bytes of these by the paths.
pub(crate) fn terminators(plan: &Plan, found: &mut BTreeMap<String, Vec<u8>>) {
    each_path(plan, plan.message_type(), "", &mut Vec::new(), &mut 0, &mut |path, attr| {
        let is_structure = matches!(attr.shape, Shape::User(_) | Shape::Switch(..));
        if let Some(terminator) = attr.limit.terminator.as_ref().filter(|one| is_structure && one.consume) {
            found.insert(path.to_owned(), terminator.bytes.clone());
        }
    });
}

/// Visits all fields with their paths.
fn each_path(
    plan: &Plan,
    id: TypeId,
    above: &str,
    around: &mut Vec<TypeId>,
    looked: &mut usize,
    visit: &mut dyn FnMut(&str, &Attr),
) {
    let ty = plan.type_of(id);
    if around.contains(&id) || around.len() >= DEEPEST || *looked >= MOST_NAMES {
        return;
    }
    around.push(id);
    for attr in ty.seq.iter().chain(&ty.instances) {
        *looked += 1;
        let name = plan.name(attr.sym);
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        visit(&path, attr);
        let mut shapes = vec![&attr.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => each_path(plan, user.id, &path, around, looked, visit),
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }
    around.pop();
}

/// Whether the messages of a description depend on variables of the conversation.
pub(crate) fn uses_variables(format: &Format) -> bool {
    let (plan, meta) = (&*format.plan, &*format.meta);
    let asks = |node: NodeId| {
        let mut asks = false;
        plan.expressions.walk(node, &mut |_, node| {
            asks |= matches!(node, Node::Variable(_) | Node::Entry(..));
        });
        asks
    };
    if plan.mask.is_some_and(|mask| mask.phase.is_some() || asks(mask.key)) {
        return true;
    }
    if [meta.kind, meta.id, meta.request, meta.reply].into_iter().flatten().any(asks) {
        return true;
    }
    let (mut left, mut seen) = (vec![plan.root], HashSet::new());
    while let Some(id) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        let ty = plan.type_of(id);
        let of_order = match &ty.endian {
            Endian::Switch(on, cases) => {
                std::iter::once(*on).chain(cases.iter().filter_map(|(key, _)| *key)).any(asks)
            }
            _ => false,
        };
        let of_summary = ty.summary.iter().any(|piece| match piece {
            Piece::Value(node, _) | Piece::Named(_, node) => asks(*node),
            Piece::Text(_) => false,
        });
        let mut attrs = ty.seq.iter().chain(&ty.instances);
        let continues = ty.seq.iter().any(|attr| attr.continues);
        if continues
            || of_order
            || of_summary
            || attrs.any(|attr| attr_expressions(attr).into_iter().any(asks))
        {
            return true;
        }
        for attr in ty.seq.iter().chain(&ty.instances) {
            let mut shapes = vec![&attr.shape];
            while let Some(shape) = shapes.pop() {
                match shape {
                    Shape::User(user) => left.push(user.id),
                    Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                    _ => {}
                }
            }
        }
    }
    false
}

/// The names of fields whose compressed data continues that of earlier messages, and of those around them.
pub(crate) fn continuing(plan: &Plan) -> Vec<Sym> {
    let (mut types, mut left) = (Vec::new(), vec![plan.root]);
    while let Some(id) = left.pop() {
        if !types.contains(&id) {
            types.push(id);
            left.extend(plan.type_of(id).seq.iter().flat_map(|attr| inside(&attr.shape)));
        }
    }
    let mut names: HashSet<Sym> = HashSet::new();
    let mut holding: HashSet<TypeId> = HashSet::new();
    // What holds one is found from the inside outwards.
    loop {
        let before = names.len();
        for &id in &types {
            for attr in &plan.type_of(id).seq {
                if attr.continues || inside(&attr.shape).iter().any(|id| holding.contains(id)) {
                    names.insert(attr.sym);
                    holding.insert(id);
                }
            }
        }
        if names.len() == before {
            return names.into_iter().collect();
        }
    }
}

/// The names of the fields that structures of some types are in; None if no message has any.
pub(crate) fn holding(plan: &Plan, types: &[TypeId]) -> Option<Vec<Sym>> {
    let (mut all, mut left) = (Vec::new(), vec![plan.root, plan.message_type()]);
    let mut seen: HashSet<TypeId> = HashSet::new();
    while let Some(id) = left.pop() {
        if seen.insert(id) {
            all.push(id);
            left.extend(plan.type_of(id).seq.iter().flat_map(|attr| inside(&attr.shape)));
        }
    }
    let mut holding: HashSet<TypeId> = types.iter().copied().filter(|id| seen.contains(id)).collect();
    if holding.is_empty() {
        return None;
    }
    let mut names: HashSet<Sym> = HashSet::new();
    // What holds one is found from the inside outwards.
    loop {
        let before = names.len() + holding.len();
        for &id in &all {
            for attr in &plan.type_of(id).seq {
                if inside(&attr.shape).iter().any(|id| holding.contains(id)) {
                    names.insert(attr.sym);
                    holding.insert(id);
                }
            }
        }
        if names.len() + holding.len() == before {
            return Some(names.into_iter().collect());
        }
    }
}

/// The types that a shape may be.
fn inside(shape: &Shape) -> Vec<TypeId> {
    let (mut types, mut shapes) = (Vec::new(), vec![shape]);
    while let Some(shape) = shapes.pop() {
        match shape {
            Shape::User(user) => types.push(user.id),
            Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
            _ => {}
        }
    }
    types
}

/// All expressions of a field.
fn attr_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes = framing_expressions(attr);
    nodes.extend(shape_expressions(attr));
    nodes.extend(valid_expressions(attr));
    nodes
}

/// The names of all messages of several types.
pub(crate) fn joined<'n>(all: impl Iterator<Item = &'n Names>) -> Names {
    let mut joined = Names { verbatim: true, ..Names::default() };
    let (mut fields, mut kinds) = (HashSet::new(), HashSet::new());
    for names in all {
        joined.fields.extend(names.fields.iter().filter(|name| fields.insert(name.as_str())).cloned());
        joined.kinds.extend(names.kinds.iter().filter(|name| kinds.insert(name.as_str())).cloned());
        joined.verbatim &= names.verbatim;
        joined.anywhere.clone_from(&names.anywhere);
    }
    joined
}

/// How deeply nested fields are listed.
const DEEPEST: usize = 8;
/// The most field names that are listed.
const MOST_NAMES: usize = 5000;

/// The names that may appear in messages.
pub(crate) fn names(format: &Format) -> Names {
    let plan = &format.plan;
    let mut names = Names { verbatim: true, ..Names::default() };
    let mut seen = HashSet::new();
    type_names(plan, plan.message_type(), &mut Vec::new(), &mut names, &mut seen);
    names.anywhere = [UNREAD, RAW, PADDING, CAPTURED].map(str::to_owned).to_vec();
    if let Some(kind) = format.meta.kind
        && let Node::Slot(slot) = plan.expressions.node(kind)
        && let Some(of) = plan.type_of(plan.message_type()).attr(*slot).and_then(|attr| attr.enumeration)
    {
        names.kinds = plan.enum_of(of).members.iter().map(|member| member.shown.clone()).collect();
    }
    names
}

fn type_names(
    plan: &Plan,
    id: TypeId,
    path: &mut Vec<TypeId>,
    names: &mut Names,
    seen: &mut HashSet<String>,
) {
    fn within(
        plan: &Plan,
        shape: &Shape,
        prefix: &str,
        path: &mut Vec<TypeId>,
        names: &mut Names,
        seen: &mut HashSet<String>,
    ) {
        match shape {
            Shape::User(user) if !path.contains(&user.id) && path.len() < DEEPEST => {
                let (mut inner, from) = (Names { verbatim: true, ..Names::default() }, names.fields.len());
                if from < MOST_NAMES {
                    type_names(plan, user.id, path, &mut inner, &mut HashSet::new());
                }
                names.verbatim &= inner.verbatim;
                names.fields.extend(
                    inner
                        .fields
                        .into_iter()
                        .map(|name| format!("{prefix}.{name}"))
                        .filter(|name| seen.insert(name.clone())),
                );
            }
            Shape::Str(charset) | Shape::Strz(charset) => {
                names.verbatim &= matches!(charset, Charset::Utf8 | Charset::Ascii)
            }
            Shape::Switch(_, cases) => {
                cases.iter().for_each(|(_, shape)| within(plan, shape, prefix, path, names, seen))
            }
            _ => {}
        }
    }
    let ty = plan.type_of(id);
    path.push(id);
    for attr in ty.seq.iter().chain(&ty.instances) {
        let name = plan.name(attr.sym).to_owned();
        if seen.insert(name.clone()) {
            names.fields.push(name.clone());
        }
        names.verbatim &= attr.value.is_none() && attr.process.is_none();
        within(plan, &attr.shape, &name, path, names, seen);
    }
    path.pop();
}

/// The documentation of a field, or else of its type.
pub(crate) fn about<'p>(plan: &'p Plan, id: TypeId, path: &[&str]) -> Option<&'p Doc> {
    let (name, rest) = path.split_first()?;
    let ty = plan.type_of(id);
    let attr = ty.attr(ty.slot(plan.symbol(name)?)?)?;
    let mut shapes = vec![&attr.shape];
    let mut types = Vec::new();
    while let Some(shape) = shapes.pop() {
        match shape {
            Shape::User(user) => types.push(user.id),
            Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
            _ => {}
        }
    }
    if !rest.is_empty() {
        return types.into_iter().find_map(|id| about(plan, id, rest));
    }
    let is_said = |doc: &&Doc| !doc.text.is_empty() || !doc.references.is_empty();
    let of_type = || match types.as_slice() {
        [id] => Some(&plan.type_of(*id).doc),
        _ => None,
    };
    Some(&attr.doc).filter(is_said).or_else(of_type)
}

#[cfg(test)]
mod tests {
    use super::{about, enumerations};
    use crate::load::testing::loaded;
    use crate::plan::TypeId;

    #[test]
    fn fields_are_listed_with_their_enumerations_and_documentation() {
        let more = "types: {part: {doc: A part., seq: [{id: kind, type: u1, enum: kind}]}}\nenums: {kind: {1: {id: a, -orig-id: ALPHA}}}";
        let (plan, _) = loaded("{id: one, type: part}, {id: two, type: u1, doc: The second.}", more);
        let found = enumerations(&plan);
        assert_eq!((found.len(), found[0].path.as_str()), (1, "one.kind"));
        assert_eq!(found[0].members, [(1, "ALPHA".to_owned())]);
        let doc = |path: &[&str]| about(&plan, TypeId::ROOT, path).map(|doc| doc.text.as_str());
        assert_eq!(
            (doc(&["two"]), doc(&["one"]), doc(&["three"])),
            (Some("The second."), Some("A part."), None)
        );
    }
}
