//! A root that ends in a list up to the end of the stream: what stands before is the preamble, each item a message. It decides
//! whether the items can be read by themselves, and what they need of the preamble.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::error::Place;
use crate::load::streams::Streams;
use crate::load::{Context, Loader};
use crate::plan::{
    Attr, Before, Endian, Item, Meta, Node, NodeId, Order, Parent, Repeat, Shape, Size, Stream, Sym, TypeId,
    Val, framing_expressions, shape_expressions, valid_expressions,
};
use crate::yaml;

/// What a type refers to beyond itself.
#[derive(Default)]
struct Reach {
    /// Values of the structures around the item.
    preamble: bool,
    /// The list itself.
    list: bool,
    /// Bytes at another position of the stream.
    elsewhere: bool,
    /// The item's number, or its place in the stream.
    place: bool,
}

impl Reach {
    /// Whether an item that is read by itself lacks what it refers to.
    fn is_beyond_an_item(&self) -> bool {
        self.list || self.elsewhere || self.place
    }

    fn with(self, other: &Reach) -> Reach {
        Reach {
            preamble: self.preamble || other.preamble,
            list: self.list || other.list,
            elsewhere: self.elsewhere || other.elsewhere,
            place: self.place || other.place,
        }
    }
}

/// Where a type stands within the item.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Standing {
    id: TypeId,
    /// Whether it is within bytes whose extent is given.
    bounded: bool,
    /// Whether its byte order is chosen inside the item.
    ordered: bool,
    /// Whether it is in another file, so that its root is within the item too.
    foreign: bool,
}

/// Follows what is within the item, from the outside in.
struct Search<'l> {
    loader: &'l Loader,
    list: Sym,
    reach: Reach,
    seen: HashSet<Standing>,
    /// With the number of structures around them within the item.
    next: VecDeque<(Standing, usize)>,
}

impl Search<'_> {
    fn of<'l>(loader: &'l Loader, list: Sym) -> Search<'l> {
        Search { loader, list, reach: Reach::default(), seen: HashSet::new(), next: VecDeque::new() }
    }

    /// Everything that is within a field of the root.
    fn field(mut self, attr: &Attr) -> Reach {
        let root = Standing { id: TypeId::ROOT, bounded: false, ordered: false, foreign: false };
        self.attr(attr, root, None);
        while let Some((standing, depth)) = self.next.pop_front() {
            if !self.seen.insert(standing) {
                continue;
            }
            let plan = self.loader.plan.type_of(standing.id).clone();
            let ordered = standing.ordered || !matches!(plan.endian, Endian::Inherit);
            let standing = Standing { ordered, ..standing };
            if let Endian::Switch(on, cases) = &plan.endian {
                let keys = cases.iter().filter_map(|(key, _)| *key);
                keys.chain([*on]).for_each(|node| self.expression(node, standing, Some(depth)));
            }
            for attr in plan.seq.iter().chain(&plan.instances) {
                self.attr(attr, standing, Some(depth));
            }
        }
        self.reach
    }

    /// `depth` is how many structures of the item are around the field; None for the list itself.
    fn attr(&mut self, attr: &Attr, at: Standing, depth: Option<usize>) {
        let nodes = framing_expressions(attr).into_iter().chain(shape_expressions(attr));
        nodes.chain(valid_expressions(attr)).for_each(|node| self.expression(node, at, depth));
        if attr.pos.is_some() {
            let elsewhere = attr.io.map_or(!at.bounded, |io| {
                let before = std::mem::take(&mut self.reach);
                self.expression(io, at, depth);
                let leaves = self.reach.preamble || self.reach.is_beyond_an_item();
                self.reach = std::mem::take(&mut self.reach).with(&before);
                leaves
            });
            self.reach.elsewhere |= elsewhere;
        }
        let bounded = at.bounded || attr.limit.is_bounded();
        self.shape(&attr.shape, Standing { bounded, ..at }, depth);
    }

    fn shape(&mut self, shape: &Shape, at: Standing, depth: Option<usize>) {
        match shape {
            Shape::User(user) => {
                let depth = match user.parent {
                    Parent::Here => depth.map_or(0, |depth| depth + 1),
                    Parent::Nothing | Parent::Given(_) => 0,
                };
                let foreign = at.foreign || user.foreign;
                self.next.push_back((Standing { id: user.id, foreign, ..at }, depth));
            }
            Shape::Switch(_, cases) => cases.iter().for_each(|(_, shape)| self.shape(shape, at, depth)),
            Shape::Int { order: Order::Structure, .. } | Shape::Float { order: Order::Structure, .. } => {
                self.reach.preamble |= !at.ordered;
            }
            _ => {}
        }
    }

    fn expression(&mut self, node: NodeId, at: Standing, depth: Option<usize>) {
        let plan = &self.loader.plan;
        let expressions = &plan.expressions;
        let (mut parents, reach, list) = (0usize, &mut self.reach, self.list);
        let is_outside = |of: &Node| match of {
            Node::Root | Node::Parent => true,
            Node::Member(_, sym) => matches!(plan.name(*sym), "_parent" | "_root"),
            _ => false,
        };
        expressions.walk(node, &mut |_, node| match node {
            Node::Root => reach.preamble |= !at.foreign,
            Node::Parent => parents += 1,
            Node::IsLe => reach.preamble |= !at.ordered,
            // In the list itself: the number of the item, and other fields of the root.
            Node::Index => reach.place |= depth.is_none(),
            Node::Slot(slot) if depth.is_none() => {
                reach.preamble = true;
                reach.list |= plan.root().attr(*slot).is_some_and(|attr| attr.sym == list);
            }
            Node::Named(_) | Node::SizeOf(None, _) if depth.is_none() => reach.list = true,
            Node::SizeOf(Some(of), _) => reach.list |= is_outside(expressions.node(*of)),
            Node::Member(of, sym) => {
                let of = expressions.node(*of);
                let name = plan.name(*sym);
                parents += usize::from(name == "_parent");
                reach.preamble |= name == "_root" && !at.foreign;
                reach.list |= *sym == list && is_outside(of);
                let of_stream = match of {
                    Node::Io => !at.bounded,
                    Node::Member(of, io) => plan.name(*io) == "_io" && is_outside(expressions.node(*of)),
                    _ => false,
                };
                reach.place |= matches!(name, "pos" | "size" | "eof") && of_stream;
            }
            _ => {}
        });
        reach.preamble |= parents > depth.unwrap_or(0) && parents > 0;
    }
}

impl Loader {
    /// The root as a stream of items, if it is one.
    pub(super) fn stream(&mut self, found: &Meta) -> Option<Stream> {
        let root = self.plan.root().clone();
        let (list, before) = root.seq.split_last()?;
        let is_list = matches!(list.repeat, Repeat::Eos)
            && list.condition.is_none()
            && !matches!(list.limit.size, Size::Eos)
            && root.parameters == 0;
        if !is_list || root.instances.iter().any(|attr| attr.pos.is_some()) || !self.is_in_bytes(list, before)
        {
            return None;
        }
        let mut streams = Streams::of(self);
        streams.endian(&root, before);
        before
            .iter()
            .chain(root.instances.iter().filter(|attr| attr.needed))
            .for_each(|attr| streams.attr(attr));
        streams.item(list);
        let preamble_reaches = before.iter().any(|attr| {
            let reach = Search::of(self, list.sym).field(attr);
            reach.list || reach.elsewhere
        });
        if streams.first().is_some() || preamble_reaches {
            return None;
        }
        let reach = Search::of(self, list.sym).field(list);
        if reach.is_beyond_an_item() {
            return None;
        }
        let needs = match (reach.preamble, before) {
            (false, _) => Before::Unneeded,
            (true, []) => Before::Empty,
            (true, _) => Before::Needed,
        };
        let preamble = (!before.is_empty()).then(|| self.preamble(list.sym));
        let own_type = match &list.shape {
            Shape::User(user) if list.process.is_none() => Some(user.id),
            _ => None,
        };
        let is_plain = !list.limit.is_bounded() && list.process.is_none() && list.valid.is_none();
        let no_arguments = matches!(&list.shape, Shape::User(user) if user.arguments.is_empty());
        let (root, item) = match own_type {
            Some(id) if is_plain && no_arguments && needs == Before::Unneeded => (id, None),
            _ => (TypeId::ROOT, Some(Item { before: needs, own_type })),
        };
        let meta = self.item_meta(own_type, list, found);
        if let Some(id) = own_type
            && let Some(pieces) = self.first_values_of(id)
            && let Some(plan) = self.plan_mut(id)
        {
            plan.summary = pieces;
        }
        Some(Stream { preamble, root, item, meta: Arc::new(meta) })
    }

    /// Whether items, and what stands before the first, end with whole bytes: an item that ends within a byte is followed by one
    /// that begins there.
    fn is_in_bytes(&self, list: &Attr, before: &[Attr]) -> bool {
        let whole = |bits: Option<u64>| bits.is_some_and(|bits| bits.is_multiple_of(8));
        let bits = before.iter().map(|attr| attr.fixed_bits).try_fold(0u64, |all, bits| Some(all + bits?));
        let begins_with_bits = match &list.shape {
            Shape::Bits { .. } => true,
            Shape::User(user) => {
                let first = self.plan.type_of(user.id).seq.first();
                first.is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }))
            }
            _ => false,
        };
        let ends_with_bits = before.last().is_some_and(|attr| matches!(attr.shape, Shape::Bits { .. }));
        match &list.shape {
            Shape::Bits { .. } => whole(list.unit_bits) && (!ends_with_bits || whole(bits)),
            _ => !begins_with_bits || !ends_with_bits || whole(bits),
        }
    }

    /// Adds the type of what stands before the items: the root without them.
    fn preamble(&mut self, list: Sym) -> TypeId {
        let never = self.adds(Node::Const(Val::Bool(false)));
        let root = self.plan.root().clone();
        let mut gone: HashSet<u16> = root.slot(list).into_iter().collect();
        // An instance that uses the list, or another that does, has no value in the preamble.
        loop {
            let before = gone.len();
            for attr in &root.instances {
                let nodes = framing_expressions(attr).into_iter().chain(shape_expressions(attr));
                for node in nodes {
                    self.plan.expressions.walk(node, &mut |_, node| {
                        if matches!(node, Node::Slot(slot) if gone.contains(slot)) {
                            gone.insert(attr.slot);
                        }
                    });
                }
            }
            if gone.len() == before {
                break;
            }
        }
        let mut own = (*root).clone();
        for attr in own.seq.iter_mut().chain(&mut own.instances).filter(|attr| gone.contains(&attr.slot)) {
            (attr.condition, attr.needed, attr.is_plain) = (Some(never), false, false);
            (attr.repeat, attr.valid, attr.check) = (Repeat::Once, None, None);
        }
        own.summary = root.summary.clone();
        let known = own.seq.split_last().map_or(&[][..], |(_, before)| before);
        own.fixed_bits =
            known.iter().map(|attr| attr.fixed_bits).try_fold(0u64, |all, bits| Some(all + bits?));
        self.plan.types.push(Arc::new(own));
        TypeId::at(self.plan.types.len() - 1)
    }

    pub(super) fn adds(&mut self, node: Node) -> NodeId {
        self.plan.expressions.nodes.push(node);
        NodeId::at(self.plan.expressions.nodes.len() - 1)
    }

    /// What an item has beside its structure: how it begins, its kind, and what its type's `-framescope` says.
    fn item_meta(&mut self, own_type: Option<TypeId>, list: &Attr, found: &Meta) -> Meta {
        let mut meta = Meta {
            name: found.name.clone(),
            about: found.about.clone(),
            limit: found.limit,
            ..Meta::default()
        };
        let Some(id) = own_type else {
            meta.kind = list.enumeration.is_some().then(|| self.adds(Node::Slot(list.slot)));
            return meta;
        };
        let own =
            self.declared(id).and_then(|declared| declared.node.get("meta")?.get("-framescope").cloned());
        let own = own.unwrap_or(yaml::Node { place: Place::default(), data: yaml::Data::Map([].into()) });
        if let Some((ast, place)) = own.get("kind").and_then(|node| self.expression(node)) {
            meta.kind = Some(self.compile(&ast, &Context::of(id, place)));
        } else {
            meta.kind = self.telling_field(id);
        }
        if let Some(summary) = own.get("summary") {
            let pieces = self.representation(summary, id);
            if let Some(plan) = self.plan_mut(id) {
                plan.summary = pieces;
            }
        }
        self.head(&own, id, &mut meta);
        if !list.limit.is_bounded() {
            meta.terminator = self.message_terminator(id, 0);
        }
        meta
    }

    /// The field that shows what an item is: one that a switch is on, else the first whose numbers have names.
    fn telling_field(&mut self, id: TypeId) -> Option<NodeId> {
        let plan = self.plan.type_of(id).clone();
        let number = |slot: u16| {
            let attr = plan.attr(slot)?;
            let is_number = matches!(attr.shape, Shape::Int { .. } | Shape::Bits { .. });
            (is_number && matches!(attr.repeat, Repeat::Once)).then_some(attr)
        };
        let switched = plan.seq.iter().find_map(|attr| match &attr.shape {
            Shape::Switch(on, _) => match self.plan.expressions.node(*on) {
                Node::Slot(slot) => number(*slot).map(|attr| attr.slot),
                _ => None,
            },
            _ => None,
        });
        let named = || plan.seq.iter().find(|attr| attr.enumeration.is_some() && number(attr.slot).is_some());
        let slot = switched.or_else(|| Some(named()?.slot))?;
        Some(self.adds(Node::Slot(slot)))
    }
}
