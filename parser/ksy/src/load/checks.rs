//! Reads what a field is a check of, and how that is computed.

use crate::checks::{Algorithm, Crc, Digits};
use crate::error::nearest;
use crate::load::infer::types::Ty;
use crate::load::{Context, Loader};
use crate::plan::{Attr, Check, Edge, NodeId, Repeat, Shape, TypeId};
use crate::yaml::Node;

/// The keys of any check, and those of a CRC by its parameters.
const KEYS: [&str; 11] = [
    "algorithm",
    "from",
    "to",
    "then",
    "digits",
    "plus",
    "xor",
    "width",
    "polynomial",
    "initial",
    "reflected",
];
const PARAMETERS: [&str; 4] = ["width", "polynomial", "initial", "reflected"];

impl Loader {
    /// Reads the `-check` of a field.
    pub(super) fn check(&mut self, attr: &mut Attr, check: &Node, id: TypeId) {
        let named = check.get("algorithm").unwrap_or(check);
        let Some(algorithm) = self.algorithm(check, named) else { return };
        if check.map().is_some() {
            self.check_keys(check, &KEYS, "a check");
        }
        let digits = match check.get("digits").map(|node| (node.text(), node.place)) {
            None => None,
            Some((Some("hexadecimal"), _)) => Some(Digits::Hexadecimal),
            Some((Some("decimal"), _)) => Some(Digits::Decimal),
            Some((_, place)) => return self.report(place, "'digits' must be hexadecimal or decimal"),
        };
        let fits = match (&attr.shape, algorithm.is_keyed()) {
            (shape, is_keyed) if digits.is_some() => {
                matches!(shape, Shape::Str(_)) && attr.limit.is_bounded() && !is_keyed
            }
            (Shape::Int { .. }, false) => true,
            (Shape::Bits { count, .. }, false) => count % 8 == 0 && self.is_at_a_byte(attr, id),
            (Shape::Bytes, true) => attr.limit.is_bounded(),
            _ => false,
        };
        if !fits || !matches!(attr.repeat, Repeat::Once) {
            let wanted = match (&attr.shape, algorithm.is_keyed()) {
                (_, true) => "bytes with a size",
                _ if digits.is_some() => "text ('type: str') with a size",
                (Shape::Str(_), _) => {
                    "a whole number, or text with 'digits: hexadecimal' or 'digits: decimal'"
                }
                (Shape::Bits { .. }, _) => {
                    "whole bytes, such as b24, after a field of whole bytes that is in every message"
                }
                _ => "a whole number",
            };
            self.report(named.place, format!("a field with the check {} must be {wanted}", algorithm.name()));
            return;
        }
        let from = match check.get("from") {
            None => Edge::Structure,
            Some(node) if node.text() == Some("_root") => Edge::Message,
            Some(node) => self.covered_field(node, id).map_or(Edge::Structure, Edge::Field),
        };
        let first = self.plan.type_of(id).parameters;
        let from = if from == Edge::Field(first) { Edge::Structure } else { from };
        let to = check.get("to").and_then(|node| self.covered_field(node, id));
        let then = match check.get("then") {
            None => None,
            Some(node) => match self.covered_byte(node, id) {
                Some(byte) => Some(byte),
                None => return,
            },
        };
        attr.hex = digits.is_none();
        attr.check = Some(Check { algorithm, from, to, digits, then });
    }

    /// The field that is the first or the last one that is covered.
    fn covered_field(&mut self, node: &Node, id: TypeId) -> Option<u16> {
        let name = node.text().unwrap_or_default();
        let plan = self.plan.type_of(id).clone();
        let slot = self.plan.symbol(name).and_then(|sym| plan.slot(sym));
        let slot = slot.filter(|&slot| slot >= plan.parameters && !plan.is_instance(slot));
        if slot.is_none() {
            let hint = nearest(name, plan.seq.iter().map(|attr| self.plan.name(attr.sym)));
            self.report(node.place, format!("there is no field '{name}' in this type{hint}"));
        }
        slot
    }

    /// The byte that is covered though no message has it.
    fn covered_byte(&mut self, node: &Node, id: TypeId) -> Option<NodeId> {
        if node.integer().is_some_and(|number| u8::try_from(number).is_err()) {
            self.report(node.place, "'then' must be a byte from 0 to 255");
            return None;
        }
        self.compiled(node, &Context::of(id, node.place), Some(Ty::Int))
    }

    /// Whether a field of bits begins with a byte: the one before it has whole bytes.
    fn is_at_a_byte(&self, attr: &Attr, id: TypeId) -> bool {
        let seq = &self.plan.type_of(id).seq;
        let nodes = self.declared(id).and_then(|declared| declared.node.get("seq")).and_then(Node::list);
        let fields = seq.iter().zip(nodes.unwrap_or_default());
        let before = fields.take_while(|(other, _)| other.slot != attr.slot).last();
        before.is_some_and(|(before, node)| {
            let is_bytes = match &before.shape {
                Shape::Int { .. } | Shape::Float { .. } | Shape::Contents(_) => true,
                Shape::Bytes | Shape::Str(_) | Shape::Strz(_) => true,
                Shape::Bits { .. } => false,
                Shape::User(_) | Shape::Switch(..) => before.limit.is_bounded(),
            };
            is_bytes && node.get("if").is_none() && matches!(before.repeat, Repeat::Once)
        })
    }

    /// How a check is computed.
    fn algorithm(&mut self, check: &Node, named: &Node) -> Option<Algorithm> {
        let name = named.text().unwrap_or_default();
        let is_crc = name.eq_ignore_ascii_case("crc") && check.map().is_some();
        let algorithm = match is_crc {
            true => self.crc(check)?,
            false => match Algorithm::named(name) {
                Some(algorithm) => algorithm,
                None => {
                    let hint = nearest(name, Algorithm::names());
                    self.report(named.place, format!("'{name}' is not a check{hint}"));
                    return None;
                }
            },
        };
        if let Some(node) = PARAMETERS.iter().find_map(|key| check.get(key)).filter(|_| !is_crc) {
            self.report(
                node.place,
                format!("{name} has its own parameters: a CRC with others is 'algorithm: crc'"),
            );
            return None;
        }
        let plus = match check.get("plus") {
            None => 0,
            Some(node) => self.constant_of(node, "plus", u64::MAX)?,
        };
        let xor = match check.get("xor") {
            Some(node) if !is_crc => self.constant_of(node, "xor", u64::MAX)?,
            _ => 0,
        };
        if algorithm.is_keyed() && (plus, xor) != (0, 0) {
            self.report(named.place, format!("{name} is not a number: leave out 'plus' and 'xor'"));
            return None;
        }
        Some(algorithm.xored(xor).plus(plus))
    }

    /// A CRC by its parameters.
    fn crc(&mut self, check: &Node) -> Option<Algorithm> {
        let (Some(width), Some(polynomial)) = (check.get("width"), check.get("polynomial")) else {
            let text =
                "a CRC needs 'width', which is its size in bits, and 'polynomial', without its highest term";
            self.report(check.place, text);
            return None;
        };
        let bits = self.constant_of(width, "width", 64)?;
        let Some(bits) = u8::try_from(bits).ok().filter(|bits| *bits > 0) else {
            self.report(width.place, "'width' must be from 1 to 64");
            return None;
        };
        let mask = u64::MAX >> (64 - u32::from(bits));
        let polynomial = self.constant_of(polynomial, "polynomial", mask)?;
        let mut number = |key: &str| match check.get(key) {
            None => Some(0),
            Some(node) => self.constant_of(node, key, mask),
        };
        let (initial, xor) = (number("initial")?, number("xor")?);
        let reflected = match check.get("reflected").map(|node| (node.boolean(), node.place)) {
            None => false,
            Some((Some(reflected), _)) => reflected,
            Some((None, place)) => {
                self.report(place, "'reflected' must be true or false");
                return None;
            }
        };
        Some(Algorithm::crc(Crc { width: bits, polynomial, initial, reflected, xor }))
    }

    /// A number that is at most `most`.
    fn constant_of(&mut self, node: &Node, key: &str, most: u64) -> Option<u64> {
        let number = node.integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number <= most);
        if number.is_none() {
            self.report(node.place, format!("'{key}' must be a whole number from 0 to {most:#x}"));
        }
        number
    }
}
