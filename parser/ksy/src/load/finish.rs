//! What follows from a description once all of it is known: sizes that never change, and which fields must be read
//! to know where a message ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Loader;
use crate::plan::{
    Attr, Endian, Expressions, Node, NodeId, Parent, Piece, Plan, Process, Repeat, Shape, Size, Skim, Style,
    Sym, TypeId, Val,
};

/// Fields that a summary is made of where the author says none: of those that are there the first few are told.
const FIRST_VALUES: usize = 64;

/// How deeply types are followed into each other.
const DEEPEST: u32 = 90;

impl Loader {
    pub(super) fn finish(&mut self) {
        for id in 0..self.plan.types.len() {
            let id = TypeId::try_from(id).unwrap_or(TypeId::MAX);
            let bits = self.bits_of_type(id, 0);
            let Some(plan) = self.plan.type_of(id).cloned() else { continue };
            let fixed = plan.seq.iter().map(|attr| {
                let there = Attr { condition: None, ..attr.clone() };
                (self.bits_of_attr(attr, 0), self.bits_of_attr(&there, 0))
            });
            let fixed: Vec<_> = fixed.collect();
            let Some(plan) = self.plan_mut(id) else { continue };
            plan.fixed_bits = bits;
            plan.seq
                .iter_mut()
                .zip(fixed)
                .for_each(|(attr, (fixed, unit))| (attr.fixed_bits, attr.unit_bits) = (fixed, unit));
        }
        self.summaries();
        let needed = Needs::of(&self.plan);
        for plan in &mut self.plan.types {
            let plan = Arc::make_mut(plan);
            for attr in &mut plan.seq {
                attr.needed = needed.contains(&attr.sym);
                attr.is_plain = matches!(attr.repeat, Repeat::Once)
                    && attr.condition.is_none()
                    && !attr.limit.is_bounded()
                    && attr.process.is_none();
            }
            plan.instances.iter_mut().for_each(|attr| attr.needed = needed.contains(&attr.sym));
            plan.skim = skim(&plan.seq);
        }
    }

    /// Bits of every value of a type, if they are always the same.
    pub(super) fn bits_of_type(&self, id: TypeId, depth: u32) -> Option<u64> {
        if depth == 0 {
            self.known_bits.borrow_mut().clear();
        }
        // Types that hold each other more than once are gone through once; one that holds itself has no fixed size.
        if let Some(&known) = self.known_bits.borrow().get(&id) {
            return known;
        }
        self.known_bits.borrow_mut().insert(id, None);
        let bits = self.bits_of_fields(id, depth);
        self.known_bits.borrow_mut().insert(id, bits);
        bits
    }

    fn bits_of_fields(&self, id: TypeId, depth: u32) -> Option<u64> {
        let plan = self.plan.type_of(id)?;
        let mut bits = 0u64;
        for attr in &plan.seq {
            if !matches!(attr.shape, Shape::Bits { .. }) {
                bits = bits.next_multiple_of(8);
            }
            bits = bits.checked_add(self.bits_of_attr(attr, depth + 1)?)?;
        }
        Some(bits.next_multiple_of(8))
    }

    /// Bits of a field in every value of its type, if they are always the same.
    pub(super) fn bits_of_attr(&self, attr: &Attr, depth: u32) -> Option<u64> {
        if depth == 0 {
            self.known_bits.borrow_mut().clear();
        }
        if depth > DEEPEST || attr.condition.is_some() || attr.value.is_some() || attr.pos.is_some() {
            return None;
        }
        let times = match attr.repeat {
            Repeat::Once => 1,
            Repeat::Times(count) => self.plan.expressions.constant(count)?,
            Repeat::Eos | Repeat::Until(_) => return None,
        };
        self.bits_of_one(attr, depth)?.checked_mul(times)
    }

    fn bits_of_one(&self, attr: &Attr, depth: u32) -> Option<u64> {
        if let Size::Of(size) = attr.limit.size {
            return self.plan.expressions.constant(size)?.checked_mul(8);
        }
        if attr.limit.is_bounded() {
            return None;
        }
        self.bits_of_shape(&attr.shape, depth)
    }

    fn bits_of_shape(&self, shape: &Shape, depth: u32) -> Option<u64> {
        match shape {
            Shape::Contents(span) => Some(u64::from(span.len()) * 8),
            Shape::Int { bytes, .. } | Shape::Float { bytes, .. } => Some(u64::from(*bytes) * 8),
            Shape::Bits { count, .. } => Some(u64::from(*count)),
            Shape::User(user) => self.bits_of_type(user.id, depth + 1),
            Shape::Switch(_, cases) => {
                // Where no case fits nothing is read.
                cases.iter().any(|(key, _)| key.is_none()).then_some(())?;
                let mut sizes = cases.iter().map(|(_, shape)| self.bits_of_shape(shape, depth + 1));
                let first = sizes.next()??;
                sizes.all(|size| size == Some(first)).then_some(first)
            }
            Shape::Bytes | Shape::Str(_) | Shape::Strz(_) => None,
        }
    }

    /// A message in a few words: what the author says, else its first values.
    fn summaries(&mut self) {
        for id in 0..self.types.len() {
            let id = TypeId::try_from(id).unwrap_or(TypeId::MAX);
            let written = self
                .types
                .get(id as usize)
                .and_then(|declared| declared.node.get("-webide-representation").cloned());
            let pieces = match written {
                Some(node) => self.representation(&node, id),
                None if id == 0 => self.first_values(),
                None => Vec::new(),
            };
            if let Some(plan) = self.plan_mut(id) {
                plan.summary = pieces;
            }
        }
    }

    fn first_values(&mut self) -> Vec<Piece> {
        let Some(plan) = self.plan.root().cloned() else { return Vec::new() };
        let telling = plan.seq.iter().filter(|attr| {
            let plain = matches!(
                attr.shape,
                Shape::Int { .. } | Shape::Bits { .. } | Shape::Float { .. } | Shape::Str(_)
            );
            plain && matches!(attr.repeat, Repeat::Once) && attr.check.is_none()
        });
        let mut pieces = Vec::new();
        for attr in telling.take(FIRST_VALUES) {
            self.plan.expressions.nodes.push(Node::Slot(attr.slot));
            let node = NodeId::try_from(self.plan.expressions.nodes.len() - 1).unwrap_or(0);
            pieces.push(Piece::Named(attr.sym, node));
        }
        pieces
    }

    /// `text {path} {path:hex}`, as the web IDE has it.
    pub(super) fn representation(&mut self, node: &crate::yaml::Node, id: TypeId) -> Vec<Piece> {
        let Some(text) = node.text() else {
            self.mistake(node.place, "a representation is a text such as '{kind} {name:str}'");
            return Vec::new();
        };
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let at = text.len() - after.len();
            let place = node.place.right(usize::from(node.is_quoted()) + at);
            let Some((inside, after)) = after.split_once('}') else {
                self.mistake(place, "this { has no }");
                return pieces;
            };
            rest = after;
            let (expression, style) = match inside.rsplit_once(':') {
                Some((expression, style)) if !expression.ends_with(':') => (expression, style),
                _ => (inside, ""),
            };
            let style = match style {
                "hex" => Style::Hex,
                "str" => Style::Str,
                "" | "dec" | "flags" => Style::Plain,
                _ if style.starts_with("sep=") => Style::Plain,
                other => {
                    let hint = crate::error::nearest(other, ["dec", "hex", "str", "flags"]);
                    self.mistake(place, format!("'{other}' is no way to write a value{hint}"));
                    Style::Plain
                }
            };
            match crate::expr::parse(expression) {
                Ok(ast) => {
                    let context = super::Context::of(id, place);
                    self.infer(&ast, &context);
                    pieces.push(Piece::Value(self.compile(&ast, &context), style));
                }
                Err(error) => self.mistake(place.right(error.at as usize), error.text),
            }
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces
    }
}

impl Expressions {
    /// The number that an expression always is.
    pub(crate) fn constant(&self, node: NodeId) -> Option<u64> {
        match self.nodes.get(node as usize)? {
            Node::Const(Val::Int(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Tells every node of an expression.
    pub(crate) fn walk(&self, node: NodeId, visit: &mut dyn FnMut(NodeId, &Node)) {
        let Some(found) = self.nodes.get(node as usize) else { return };
        visit(node, found);
        let list = |nodes: &crate::plan::Nodes| {
            let from = nodes.from as usize;
            self.lists.get(from..from + nodes.length as usize).unwrap_or_default()
        };
        match found {
            Node::List(nodes) | Node::Format(nodes) => {
                list(nodes).iter().for_each(|&node| self.walk(node, visit))
            }
            Node::Call(of, _, arguments) => {
                self.walk(*of, visit);
                list(arguments).iter().for_each(|&node| self.walk(node, visit));
            }
            Node::Member(of, _) | Node::Cast(of, _) | Node::Unary(_, of) => self.walk(*of, visit),
            Node::Item(a, b) | Node::Binary(_, a, b) => {
                self.walk(*a, visit);
                self.walk(*b, visit);
            }
            Node::Ternary(a, b, c) => {
                self.walk(*a, visit);
                self.walk(*b, visit);
                self.walk(*c, visit);
            }
            Node::Const(_)
            | Node::Slot(_)
            | Node::Named(_)
            | Node::Parent
            | Node::Root
            | Node::Io
            | Node::Element
            | Node::Index
            | Node::IsLe => {}
        }
    }
}

/// How fields are gone through while the end of a message is looked for.
fn skim(seq: &[Attr]) -> Vec<Skim> {
    let mut steps: Vec<Skim> = Vec::new();
    let mut is_bits = false;
    for (at, attr) in (0u16..).zip(seq) {
        let were_bits = std::mem::replace(&mut is_bits, matches!(attr.shape, Shape::Bits { .. }));
        let plain = !attr.needed && attr.check.is_none();
        let sized = matches!(attr.limit.size, Size::Of(_)) && matches!(attr.repeat, Repeat::Once);
        match attr.fixed_bits {
            // Whole bytes behind bits begin at the next byte.
            Some(bits) if plain && !is_bits && !were_bits => match steps.last_mut() {
                Some(Skim::Pass(before)) => *before = before.saturating_add(bits),
                _ => steps.push(Skim::Pass(bits)),
            },
            None if plain && sized => steps.push(Skim::Sized(at)),
            _ => steps.push(Skim::Field(at)),
        }
    }
    steps
}

/// The expressions of a field that decide what is read and how far, not what its value must be.
pub(crate) fn framing_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        [attr.condition, attr.value, attr.pos, attr.io].into_iter().flatten().collect();
    if let Size::Of(size) = attr.limit.size {
        nodes.push(size);
    }
    match attr.repeat {
        Repeat::Times(node) | Repeat::Until(node) => nodes.push(node),
        Repeat::Once | Repeat::Eos => {}
    }
    nodes
}

/// The expressions that decide what the bytes of a field mean.
pub(crate) fn shape_expressions(attr: &Attr) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    if let Some(Process::Xor(node) | Process::Rol(node) | Process::Ror(node)) = attr.process {
        nodes.push(node);
    }
    let mut shapes = vec![&attr.shape];
    while let Some(shape) = shapes.pop() {
        match shape {
            Shape::User(user) => {
                nodes.extend(&user.arguments);
                if let Parent::Given(node) = user.parent {
                    nodes.push(node);
                }
            }
            Shape::Switch(on, cases) => {
                nodes.push(*on);
                nodes.extend(cases.iter().filter_map(|(key, _)| *key));
                shapes.extend(cases.iter().map(|(_, shape)| shape));
            }
            _ => {}
        }
    }
    nodes
}

/// The names of whatever must be read to know where a message ends. A name counts wherever it stands: two fields of
/// one name are both read, which costs time and nothing else.
struct Needs<'p> {
    plan: &'p Plan,
    names: HashSet<Sym>,
    seen: HashSet<TypeId>,
    /// What is still to be looked at: types, and names whose fields wait.
    types: Vec<TypeId>,
    fresh: Vec<Sym>,
    /// What matters only if somebody asks for the name: instances, and what is inside bytes whose extent is known.
    waiting: HashMap<Sym, Vec<(TypeId, &'p Attr)>>,
}

impl<'p> Needs<'p> {
    fn of(plan: &'p Plan) -> HashSet<Sym> {
        let mut needs = Needs {
            plan,
            names: HashSet::new(),
            seen: HashSet::new(),
            types: vec![0],
            fresh: Vec::new(),
            waiting: HashMap::new(),
        };
        // What is needed needs other things; each is looked at once.
        loop {
            if let Some(id) = needs.types.pop() {
                needs.type_of(id);
            } else if let Some(name) = needs.fresh.pop() {
                for (id, attr) in needs.waiting.remove(&name).unwrap_or_default() {
                    needs.extent(id, attr);
                    needs.inside(id, attr);
                }
            } else {
                return needs.names;
            }
        }
    }

    fn expression(&mut self, owner: TypeId, node: NodeId) {
        let Some(plan) = self.plan.type_of(owner) else { return };
        let (names, fresh) = (&mut self.names, &mut self.fresh);
        self.plan.expressions.walk(node, &mut |_, node| {
            let name = match node {
                Node::Member(_, sym) | Node::Named(sym) => Some(*sym),
                Node::Slot(slot) => plan.attr(*slot).map(|attr| attr.sym),
                _ => None,
            };
            if let Some(name) = name.filter(|&name| names.insert(name)) {
                fresh.push(name);
            }
        });
    }

    fn type_of(&mut self, id: TypeId) {
        let plan = self.plan;
        let Some(ty) = plan.type_of(id).filter(|_| self.seen.insert(id)) else { return };
        if let Endian::Switch(on, cases) = &ty.endian {
            self.expression(id, *on);
            cases.iter().filter_map(|(key, _)| *key).for_each(|key| self.expression(id, key));
        }
        for attr in &ty.instances {
            self.when_needed(id, attr);
        }
        for attr in &ty.seq {
            self.extent(id, attr);
            // What is inside bytes whose extent is known matters only to who asks for it.
            if !attr.limit.is_bounded() || matches!(attr.repeat, Repeat::Until(_)) {
                self.inside(id, attr);
            } else {
                self.when_needed(id, attr);
            }
        }
    }

    /// Looks at a field as soon as somebody asks for its name.
    fn when_needed(&mut self, id: TypeId, attr: &'p Attr) {
        self.waiting.entry(attr.sym).or_default().push((id, attr));
        if self.names.contains(&attr.sym) {
            self.fresh.push(attr.sym);
        }
    }

    fn extent(&mut self, id: TypeId, attr: &Attr) {
        framing_expressions(attr).into_iter().for_each(|node| self.expression(id, node));
    }

    fn inside(&mut self, id: TypeId, attr: &Attr) {
        shape_expressions(attr).into_iter().for_each(|node| self.expression(id, node));
        let mut shapes = vec![&attr.shape];
        while let Some(shape) = shapes.pop() {
            match shape {
                Shape::User(user) => self.types.push(user.id),
                Shape::Switch(_, cases) => shapes.extend(cases.iter().map(|(_, shape)| shape)),
                _ => {}
            }
        }
    }
}
