//! What a description says beyond its fields, under keys that other programs ignore: how messages are found in a
//! stream, what they are called, which answers which, and what a field checks.

use std::collections::{HashMap, HashSet};

use framescope_parser::Code;

use super::finish::{framing_expressions, shape_expressions};
use super::infer::Ty;
use super::{Context, Loader};
use crate::checks::Algorithm;
use crate::error::{Located, Mistake, Place, nearest};
use crate::plan::{Attr, Check, Edge, Endian, Node, NodeId, Order, Repeat, Shape, Size, TypeId, Valid};
use crate::yaml;

/// Bytes of one message, where the description says nothing.
const LIMIT: u32 = 16 << 20;

/// Bytes that a head has at most: each place of damaged bytes is looked at as one.
const LONGEST_HEAD: u32 = 256;

/// What a protocol needs beside the structure of its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) about: String,
    /// `tcp` and `udp`; both if none is named.
    pub(crate) transports: Vec<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) ends_with_segment: bool,
    pub(crate) limit: u32,
    pub(crate) head: Head,
    pub(crate) kind: Option<NodeId>,
    pub(crate) id: Option<NodeId>,
    pub(crate) request: Option<NodeId>,
    pub(crate) reply: Option<NodeId>,
    /// What every message ends in and none holds elsewhere.
    pub(crate) terminator: Option<Vec<u8>>,
    /// Fields behind the head whose check covers it, so that a message whose check fails may be none.
    pub(crate) trailing_checks: Vec<u16>,
    /// Why its messages can't be told apart in a stream.
    pub(crate) stream_mistakes: Vec<Located>,
}

/// The beginning of every message, which is as long in each: what tells a message from other bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) length: u32,
    /// The bytes that every message begins with.
    pub(crate) magic: Vec<u8>,
    /// All must hold, else no message begins here.
    pub(crate) believe: Vec<HeadTest>,
    /// All must hold, else only the head is passed over, for the reason given.
    pub(crate) refuse: Vec<(HeadTest, Code)>,
    /// How many bits of chance all that must hold is.
    pub(crate) bits: u32,
    /// What mostly holds, and how many bits of chance that is: numbers that are members of their enum.
    pub(crate) hints: Vec<(HeadTest, u32)>,
}

/// Bits of chance of a magic by which a message is found among other bytes.
const MAGIC_BITS: u32 = 16;
/// The same of values that are valid, of which many bytes are.
const SURE_BITS: u32 = 32;

impl Head {
    /// Whether hardly any other bytes look like it, so that the next one is where a message begins.
    pub(crate) fn is_sure(&self) -> bool {
        let is_magic = self.magic.len() * 8 >= MAGIC_BITS as usize;
        is_magic || self.bits >= SURE_BITS
    }
}

/// Something that a message's beginning must fulfil.
#[derive(Clone, Debug)]
pub(crate) struct HeadTest {
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) what: HeadWhat,
}

#[derive(Clone, Debug)]
pub(crate) enum HeadWhat {
    Contents(Vec<u8>),
    /// A number is one of these ranges.
    Number {
        signed: bool,
        le: bool,
        ranges: Vec<(i128, i128)>,
    },
    /// Bits of a number, counted from the highest of the bytes.
    Bits {
        shift: u32,
        count: u32,
        ranges: Vec<(i128, i128)>,
    },
    Check {
        algorithm: Algorithm,
        le: bool,
        from: u32,
        to: u32,
    },
}

const KEYS: [&str; 12] = [
    "transport",
    "ports",
    "segment-delimited",
    "limit",
    "believe",
    "refuse",
    "kind",
    "summary",
    "id",
    "request",
    "reply",
    "about",
];

impl Loader {
    /// The keys of a field that only Framescope reads.
    pub(super) fn own_keys(&mut self, attr: &mut Attr, node: &yaml::Node, id: TypeId) {
        if let Some(problem) = node.get("-problem") {
            let name = problem.text().unwrap_or_default();
            attr.problem = Code::ALL.iter().copied().find(|code| code.as_str() == name);
            if attr.problem.is_none() {
                let hint = nearest(name, Code::ALL.iter().map(|code| code.as_str()));
                self.mistake(problem.place, format!("'{name}' is no problem code{hint}"));
            }
        }
        attr.hex = node.get("-hex").and_then(yaml::Node::boolean) == Some(true);
        let Some(check) = node.get("-check") else { return };
        let named = check.get("algorithm").unwrap_or(check);
        let name = named.text().unwrap_or_default();
        let Some(algorithm) = Algorithm::named(name) else {
            let hint = nearest(name, Algorithm::names());
            self.mistake(named.place, format!("'{name}' is no check{hint}"));
            return;
        };
        if check.map().is_some() {
            self.known_keys(check, &["algorithm", "from", "to"], "a check");
        }
        let fits = match (&attr.shape, algorithm.is_keyed()) {
            (Shape::Int { .. }, false) => true,
            (Shape::Bytes, true) => attr.limit.is_bounded(),
            _ => false,
        };
        if !fits || !matches!(attr.repeat, Repeat::Once) {
            let wanted = if algorithm.is_keyed() { "bytes with a size" } else { "a whole number" };
            self.mistake(named.place, format!("a field that is checked by {} is {wanted}", algorithm.name()));
            return;
        }
        let field = |loader: &mut Loader, node: &yaml::Node| {
            let name = node.text().unwrap_or_default();
            let plan = loader.plan.type_of(id)?.clone();
            let slot = loader.plan.symbols.get(name).and_then(|&sym| plan.slot(sym));
            match slot.filter(|&slot| slot >= plan.parameters && !plan.is_instance(slot)) {
                Some(slot) => Some(slot),
                None => {
                    let hint = nearest(name, plan.seq.iter().map(|attr| loader.plan.name(attr.sym)));
                    loader.mistake(node.place, format!("no field here is called '{name}'{hint}"));
                    None
                }
            }
        };
        let from = match check.get("from") {
            None => Edge::Structure,
            Some(node) if node.text() == Some("_root") => Edge::Message,
            Some(node) => field(self, node).map_or(Edge::Structure, Edge::Field),
        };
        let first = self.plan.type_of(id).map_or(0, |plan| plan.parameters);
        let from = if from == Edge::Field(first) { Edge::Structure } else { from };
        let to = check.get("to").and_then(|node| field(self, node));
        attr.hex = true;
        attr.check = Some(Check { algorithm, from, to });
    }

    /// What the description's outermost `meta` says.
    pub(super) fn meta(&mut self) -> Meta {
        let Some(root) = self.types.first().map(|declared| declared.node.clone()) else {
            return Meta::default();
        };
        let meta = root.get("meta");
        let text =
            |key: &str| meta.and_then(|meta| meta.get(key)).and_then(yaml::Node::text).map(str::to_owned);
        // Selectors and filters need a name to call it by.
        let name = text("id").filter(|id| !id.is_empty()).unwrap_or_else(|| "unnamed".to_owned());
        let mut found = Meta { name, limit: LIMIT, ..Meta::default() };
        let doc = root.get("doc").and_then(yaml::Node::text).unwrap_or_default();
        let first_line = doc.lines().next().unwrap_or_default().trim().to_owned();
        found.about = text("title").unwrap_or(first_line);
        let own = meta.and_then(|meta| meta.get("-framescope")).cloned();
        let own = own.unwrap_or(yaml::Node { place: root.place, data: yaml::Data::Map([].into()) });
        if own.map().is_none() {
            self.mistake(own.place, format!("'-framescope' is a map, not {}", own.what()));
        }
        self.known_keys(&own, &KEYS, "-framescope");
        if let Some(about) = own.get("about").and_then(yaml::Node::text) {
            found.about = about.to_owned();
        }
        if found.about.trim().is_empty() {
            "described in a .ksy file that has no title".clone_into(&mut found.about);
        }
        self.placing(&own, &mut found);
        let context = Context::of(0, own.place);
        for (key, to) in [
            ("kind", &mut found.kind),
            ("id", &mut found.id),
            ("request", &mut found.request),
            ("reply", &mut found.reply),
        ] {
            let Some(node) = own.get(key) else { continue };
            let Some((ast, place)) = self.expression(node) else { continue };
            let context = Context { place, ..context.clone() };
            let ty = self.infer(&ast, &context);
            let fits = match key {
                "kind" => matches!(ty, Ty::Int | Ty::Enum(_) | Ty::Bool | Ty::Unknown),
                "id" => !matches!(ty, Ty::Obj(_) | Ty::Arr(_) | Ty::Io),
                _ => matches!(ty, Ty::Bool | Ty::Unknown),
            };
            if !fits {
                let wanted = match key {
                    "kind" => "a number, best one with an enum",
                    "id" => "a number, a text or bytes",
                    _ => "a boolean",
                };
                self.mistake(place, format!("'{key}' wants {wanted}"));
            }
            *to = Some(self.compile(&ast, &context));
        }
        if let Some((key, place)) = [("reply", found.reply), ("request", found.request)]
            .into_iter()
            .find(|(_, said)| said.is_some() && found.id.is_none())
            .and_then(|(key, _)| Some((key, own.get(key)?.place)))
        {
            self.mistake(
                place,
                format!("'{key}' wants 'id' beside it: the value that a request and its reply both carry"),
            );
        }
        if let Some(summary) = own.get("summary") {
            let pieces = self.representation(summary, 0);
            if let Some(plan) = self.plan_mut(0) {
                plan.summary = pieces;
            }
        }
        self.head(&own, &mut found);
        found.terminator = self.last_terminator(0, 0);
        if !found.ends_with_segment {
            let mut streams = Streams { loader: self, seen: HashSet::new(), mistakes: Vec::new() };
            streams.type_of(0, false);
            let mistakes = streams.mistakes;
            found.stream_mistakes = self.located(&mistakes);
        }
        found
    }

    fn placing(&mut self, own: &yaml::Node, found: &mut Meta) {
        let items =
            |node: &yaml::Node| node.list().map_or_else(|| vec![node.clone()], <[yaml::Node]>::to_vec);
        for node in own.get("transport").map(items).unwrap_or_default() {
            match node.text() {
                Some(name @ ("tcp" | "udp")) => found.transports.push(name.to_owned()),
                _ => self.mistake(node.place, "'transport' is tcp, udp, or a list of both"),
            }
        }
        for node in own.get("ports").map(items).unwrap_or_default() {
            match node.integer().and_then(|port| u16::try_from(port).ok()) {
                Some(port) => found.ports.push(port),
                None => self.mistake(node.place, "a port is a number from 0 to 65535"),
            }
        }
        if let Some(node) = own.get("segment-delimited") {
            match node.boolean() {
                Some(value) => found.ends_with_segment = value,
                None => self.mistake(node.place, "'segment-delimited' is true where a message is whatever one segment or datagram holds, else false"),
            }
        }
        if let Some(node) = own.get("limit") {
            match node
                .integer()
                .and_then(|limit| u32::try_from(limit).ok())
                .filter(|limit| (1..=1 << 30).contains(limit))
            {
                Some(limit) => found.limit = limit,
                None => {
                    self.mistake(node.place, "'limit' is the most bytes of one message, from 1 to 1073741824")
                }
            }
        }
    }

    /// Finds what every message begins with: fields at places that never change, and what must be true of them.
    fn head(&mut self, own: &yaml::Node, found: &mut Meta) {
        let mut fields = Vec::new();
        self.head_fields(0, 0, &mut String::new(), &mut fields, 0);
        let named = |loader: &mut Loader, key: &str| -> Option<Vec<(String, Place)>> {
            let node = own.get(key)?;
            let Some(items) = node.list() else {
                loader.mistake(node.place, format!("'{key}' is a list of fields"));
                return None;
            };
            Some(items.iter().filter_map(|item| Some((item.text()?.to_owned(), item.place))).collect())
        };
        let believe = named(self, "believe");
        let refuse = named(self, "refuse").unwrap_or_default();
        for (name, place) in believe.iter().flatten().chain(&refuse) {
            match fields.iter().find(|field| field.path == *name) {
                None => {
                    let known = fields.iter().map(|field| field.path.as_str());
                    let hint = nearest(name, known);
                    self.mistake(
                        *place,
                        format!(
                            "no field that stands at the same place in every message is called '{name}'{hint}"
                        ),
                    );
                }
                Some(field) if field.test.is_none() => {
                    self.mistake(*place, format!("nothing must be true of '{name}': give it contents, a check, or valid with numbers"));
                }
                Some(_) => {}
            }
        }
        let is = |list: &[(String, Place)], path: &str| list.iter().any(|(name, _)| name == path);
        let mut head = Head::default();
        for field in fields {
            if let Some((what, bits)) = field.hint {
                let (offset, length) = (field.offset, field.length);
                head.hints.push((HeadTest { offset, length, what }, bits));
            }
            let Some((what, bits)) = field.test else { continue };
            let believed = match &believe {
                Some(list) => is(list, &field.path),
                None => !is(&refuse, &field.path),
            };
            let refused = is(&refuse, &field.path);
            if !believed && !refused {
                continue;
            }
            let test = HeadTest { offset: field.offset, length: field.length, what };
            head.length = head.length.max(field.offset + field.length);
            if refused {
                head.refuse.push((test, field.problem.unwrap_or(Code::PayloadTooLong)));
                continue;
            }
            if let HeadWhat::Contents(bytes) = &test.what
                && head.magic.len() as u64 == u64::from(test.offset)
            {
                head.magic.extend_from_slice(bytes);
            }
            if let HeadWhat::Number { le: false, ranges, .. } = &test.what
                && head.magic.len() as u64 == u64::from(test.offset)
                && let [(low, high)] = ranges.as_slice()
                && low == high
                && let Some(bytes) = low.to_be_bytes().get(16usize.saturating_sub(test.length as usize)..)
            {
                head.magic.extend_from_slice(bytes);
            }
            head.bits += bits;
            head.believe.push(test);
        }
        // What a check covers must be there too.
        found.head = head;
        let root = self.plan.root().cloned();
        let beyond = root.iter().flat_map(|plan| &plan.seq).filter(|attr| {
            let keyed = attr.check.as_ref().is_none_or(|check| check.algorithm.is_keyed());
            let from_the_start = attr.check.as_ref().is_some_and(|check| match check.from {
                Edge::Message | Edge::Structure => true,
                Edge::Field(_) => false,
            });
            !keyed && from_the_start
        });
        let head_ends = found.head.length;
        let mut offset = Some(0u64);
        let offsets: HashMap<u16, Option<u64>> = root
            .iter()
            .flat_map(|plan| &plan.seq)
            .map(|attr| {
                let at = offset;
                offset = offset.and_then(|offset| Some(offset + attr.fixed_bits?));
                (attr.slot, at)
            })
            .collect();
        if !found.head.believe.is_empty() {
            let is_beyond = |slot: u16| {
                let at = offsets.get(&slot).copied().flatten();
                at.is_none_or(|bits| bits / 8 >= u64::from(head_ends))
            };
            found.trailing_checks = beyond.map(|attr| attr.slot).filter(|&slot| is_beyond(slot)).collect();
        }
    }

    /// The fields at places that never change, also those in structures there.
    fn head_fields(
        &self,
        id: TypeId,
        at: u64,
        path: &mut String,
        fields: &mut Vec<HeadField>,
        depth: u32,
    ) -> Option<u64> {
        let plan = self.plan.type_of(id)?.clone();
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

    /// What must be true of a field at the beginning, and how many bits of chance that is.
    fn head_test(
        &self,
        attr: &Attr,
        plan: &crate::plan::TypePlan,
        begin: u64,
        at: u64,
    ) -> Option<(HeadWhat, u32)> {
        if let Shape::Contents(span) = attr.shape {
            let bytes = self.plan.expressions.constants.get(span.start as usize..span.end as usize)?.to_vec();
            let bits = u32::try_from(bytes.len()).ok()? * 8;
            return Some((HeadWhat::Contents(bytes), bits));
        }
        if let Some(check) = &attr.check {
            let Shape::Int { bytes, order, .. } = attr.shape else { return None };
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
            // What lies behind the field is not part of the head.
            if to > at || from >= to || order == Order::Structure {
                return None;
            }
            let le = order == Order::Le;
            let (from, to) = (u32::try_from(from / 8).ok()?, u32::try_from(to / 8).ok()?);
            return Some((
                HeadWhat::Check { algorithm: check.algorithm.clone(), le, from, to },
                u32::from(bytes) * 8,
            ));
        }
        let mut ranges = self.valid_ranges(attr)?;
        if let Shape::Int { bytes, signed, .. } = attr.shape {
            // Only what the field can hold counts as chance.
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
                Some((HeadWhat::Number { signed, le: order == Order::Le, ranges }, bits))
            }
            Shape::Bits { count, le: false } => {
                let count = u32::from(count);
                let in_bytes = u32::try_from(at % 8).ok()? + count;
                let shift = in_bytes.div_ceil(8) * 8 - in_bytes;
                let bits = count.saturating_sub(128 - possible.max(1).leading_zeros() - 1);
                (in_bytes <= 64).then_some((HeadWhat::Bits { shift, count, ranges }, bits))
            }
            _ => None,
        }
    }

    /// A number that has a name mostly, though it need not have one.
    fn head_hint(&self, attr: &Attr) -> Option<(HeadWhat, u32)> {
        let Shape::Int { bytes, signed, order } = attr.shape else { return None };
        let members = &self.plan.enums.get(attr.enumeration? as usize)?.members;
        let ranges: Vec<(i128, i128)> = members.iter().map(|member| (member.value, member.value)).collect();
        let bits = (u32::from(bytes) * 8).saturating_sub(ranges.len().max(1).next_power_of_two().ilog2());
        (order != Order::Structure)
            .then_some((HeadWhat::Number { signed, le: order == Order::Le, ranges }, bits))
    }

    /// The numbers that a field may be, where its `valid` names them.
    fn valid_ranges(&self, attr: &Attr) -> Option<Vec<(i128, i128)>> {
        let number = |node: NodeId| match self.plan.expressions.nodes.get(node as usize)? {
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
                let members = &self.plan.enums.get(attr.enumeration? as usize)?.members;
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
    test: Option<(HeadWhat, u32)>,
    hint: Option<(HeadWhat, u32)>,
    problem: Option<Code>,
}

/// Looks for what depends on where a stream ends, which says nothing of where a message does.
struct Streams<'l> {
    loader: &'l Loader,
    seen: HashSet<(TypeId, bool)>,
    mistakes: Vec<Mistake>,
}

const HINT: &str = "; a message in a stream says itself how long it is. Give the part a 'size', or say 'segment-delimited: true' under '-framescope' if each segment or datagram is one message";

impl Streams<'_> {
    fn say(&mut self, place: Place, what: &str) {
        if self.mistakes.len() < 20 {
            self.mistakes.push(Mistake::new(place, format!("{what} depends on where the stream ends{HINT}")));
        }
    }

    fn type_of(&mut self, id: TypeId, bounded: bool) {
        if !self.seen.insert((id, bounded)) {
            return;
        }
        let Some(plan) = self.loader.plan.type_of(id).cloned() else { return };
        if let (Endian::Switch(on, _), false) = (&plan.endian, bounded) {
            self.expression(*on, plan.seq.first().map_or(Place::default(), |attr| attr.place), bounded);
        }
        let needed = plan.instances.iter().filter(|attr| attr.needed);
        for attr in plan.seq.iter().chain(needed) {
            if !bounded {
                if matches!(attr.limit.size, Size::Eos) && attr.pos.is_none() {
                    self.say(attr.place, "'size-eos'");
                }
                if matches!(attr.repeat, Repeat::Eos) {
                    self.say(attr.place, "'repeat: eos'");
                }
            }
            let nodes = framing_expressions(attr).into_iter().chain(shape_expressions(attr));
            nodes.for_each(|node| self.expression(node, attr.place, bounded));
            self.shape(&attr.shape, bounded || attr.limit.is_bounded());
        }
    }

    fn shape(&mut self, shape: &Shape, bounded: bool) {
        match shape {
            Shape::User(user) => self.type_of(user.id, bounded),
            Shape::Switch(_, cases) => cases.iter().for_each(|(_, shape)| self.shape(shape, bounded)),
            _ => {}
        }
    }

    fn expression(&mut self, node: NodeId, place: Place, bounded: bool) {
        let expressions = &self.loader.plan.expressions;
        let mut found = None;
        expressions.walk(node, &mut |_, node| {
            let Node::Member(of, sym) = node else { return };
            let name = self.loader.plan.name(*sym);
            if name != "eof" && name != "size" {
                return;
            }
            match expressions.nodes.get(*of as usize) {
                Some(Node::Io) if !bounded => found = Some(format!("'_io.{name}'")),
                Some(Node::Member(of, io)) if self.loader.plan.name(*io) == "_io" => {
                    if matches!(expressions.nodes.get(*of as usize), Some(Node::Root)) {
                        found = Some(format!("'_root._io.{name}'"));
                    }
                }
                _ => {}
            }
        });
        if let Some(what) = found {
            self.say(place, &what);
        }
    }
}
