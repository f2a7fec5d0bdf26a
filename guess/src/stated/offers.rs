//! What bytes could be, and in how many messages that holds.

use std::collections::{HashMap, HashSet};

use framescope_ksy::checks::{Algorithm, Crc};

use super::basis::Basis;
use super::holding::holding;
use super::{Place, Statement, What, binary, value};
use crate::checks::{Check, Form, Own, Place as CheckPlace};
use crate::layout::{Clock, Edge, Encoding, Order};

/// Something that bytes could be.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What.
    pub what: What,
    /// In how many messages it holds.
    pub holds: usize,
    /// Of how many.
    pub of: usize,
    /// Whether it would hardly hold in all of them if it was not so.
    pub is_telling: bool,
}

/// A length field that is off by more bytes is none.
const FAR: i64 = 64;
/// What holds in fewer messages is not offered, in percent: of what could be constant, and of all else.
const LEAST_CONSTANT: usize = 10;
const LEAST: usize = 40;
/// Checks are tried on so many messages first.
const TRIED: usize = 48;
const ORDERS: [Order; 2] = [Order::Big, Order::Little];
const CLOCKS: [Clock; 8] = [
    Clock::Unix(1),
    Clock::Unix(1_000),
    Clock::Unix(1_000_000),
    Clock::Unix(1_000_000_000),
    Clock::UnixFloat,
    Clock::Ntp,
    Clock::FileTime,
    Clock::NtpSeconds,
];

impl Basis<'_> {
    /// What the bytes at a place could be, in the messages of a side and a kind. First comes what holds in all messages and would
    /// hardly do so by chance, then what is always possible, then what holds in some.
    pub fn offers(
        &self,
        place: Place,
        side: Option<u8>,
        kind: Option<(usize, u8)>,
        checks: &[Check],
    ) -> Vec<Offer> {
        let of = |what: What| Statement { place, what, side, kind };
        let field =
            |bytes: &'_ [u8]| place.range(bytes.len()).and_then(|range| bytes.get(range)).map(<[u8]>::to_vec);
        let plain = of(What::Bytes);
        let fields: Vec<Vec<u8>> = self.about(&plain).filter_map(|one| field(one.message.bytes)).collect();
        let distinct = fields.iter().collect::<HashSet<_>>().len();
        let mut offers = Vec::new();
        let mut add = |what: What, is_telling: bool| {
            let found = holding(self, &of(what.clone()));
            let holds = found.iter().filter(|(_, holds)| *holds).count();
            let least = if matches!(what, What::Constant(_)) { LEAST_CONSTANT } else { LEAST };
            if holds > 0 && holds * 100 >= found.len() * least {
                offers.push(Offer { what, holds, of: found.len(), is_telling });
            }
        };
        if let Some(constant) = most_common(&fields) {
            add(What::Constant(constant), fields.len() > 1);
        }
        for length in self.lengths(&plain) {
            add(length, distinct > 1);
        }
        for check in checks.iter().filter(|check| is_at(check, place)) {
            add(What::Check(check.clone()), true);
        }
        if distinct > 2 {
            self.simple_checks(&plain).into_iter().for_each(|check| add(What::Check(check), true));
        }
        let orders: &[Order] = if place.length == Some(1) { &[Order::Big] } else { &ORDERS };
        for &order in orders {
            add(What::Counter(order), distinct > 2);
            if matches!(place.length, Some(4 | 8)) {
                CLOCKS.into_iter().for_each(|clock| add(What::Time { order, clock }, true));
                add(What::Float(order), distinct > 2);
            }
        }
        let is_text = fields.iter().flatten().filter(|byte| byte.is_ascii_graphic()).count() * 2
            > fields.iter().map(Vec::len).sum::<usize>();
        add(What::Text(Encoding::Utf8), is_text && place.length.is_none_or(|length| length > 2));
        add(What::Text(Encoding::Ascii), false);
        if place.length.is_none_or(|length| length.is_multiple_of(2) && length > 4) {
            ORDERS.into_iter().for_each(|order| add(What::Text(Encoding::Utf16(order)), false));
        }
        if place.length == Some(1) {
            add(What::Kind, false);
        }
        let numbers = place.length.into_iter().flat_map(|length| {
            let of_order =
                |is_signed: bool| orders.iter().filter_map(move |order| binary(length, *order, is_signed));
            of_order(false).chain(of_order(true)).collect::<Vec<_>>()
        });
        numbers.for_each(|number| add(What::Number(number), false));
        if matches!(place.length, Some(1 | 2 | 4 | 8)) {
            orders.iter().for_each(|order| add(What::Flags(*order), false));
        }
        add(What::Bytes, false);
        let rank = |offer: &Offer| match (offer.holds == offer.of, offer.is_telling) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
        let mut seen: Vec<What> = Vec::new();
        offers.retain(|offer| {
            let is_new = !seen.contains(&offer.what);
            seen.push(offer.what.clone());
            is_new
        });
        // Equal ones stay in the order above.
        offers.sort_by_key(|offer| (rank(offer), if rank(offer) == 2 { offer.of - offer.holds } else { 0 }));
        offers
    }

    /// Lengths of the message that the bytes could be: those that hold most often.
    fn lengths(&self, plain: &Statement) -> Vec<What> {
        let place = plain.place;
        let Some(width) = place.length.filter(|width| (1..=8).contains(width) && place.edge == Edge::Start)
        else {
            return Vec::new();
        };
        let end = i64::try_from(place.offset.saturating_add(width)).unwrap_or(i64::MAX);
        let orders: &[Order] = if width == 1 { &[Order::Big] } else { &ORDERS };
        orders
            .iter()
            .filter_map(|&order| {
                let mut counts: HashMap<i64, usize> = HashMap::new();
                for one in self.about(plain) {
                    let bytes = one.message.bytes;
                    let Some(field) = place.range(bytes.len()).and_then(|range| bytes.get(range)) else {
                        continue;
                    };
                    let counted = i64::try_from(value(field, order)).ok();
                    let rest = i64::try_from(bytes.len()).ok().and_then(|all| all.checked_sub(end));
                    let Some((counted, rest)) = counted.zip(rest) else { continue };
                    if let Some(beyond) =
                        rest.checked_sub(counted).filter(|beyond| beyond.abs() <= FAR.max(end))
                    {
                        *counts.entry(beyond).or_default() += 1;
                    }
                }
                let likeliest = counts.into_iter().max_by_key(|(beyond, count)| (*count, -beyond.abs()));
                likeliest.map(|(beyond, _)| What::Length { order, beyond })
            })
            .collect()
    }

    /// Checks of all bytes before the place, or at the beginning of all after it, that hold in the first messages.
    fn simple_checks(&self, plain: &Statement) -> Vec<Check> {
        let messages: Vec<&[u8]> = self.about(plain).map(|one| one.message.bytes).take(TRIED).collect();
        let of = |name: &'static str| {
            forms(plain.place)
                .iter()
                .filter_map(move |form| check_of(plain.place, name, *form))
                .collect::<Vec<_>>()
        };
        let holds = |check: &Check| {
            let holding = messages.iter().filter(|message| check.holds_in(message)).count();
            holding > 0 && holding * 100 >= messages.len() * 90
        };
        Algorithm::names().flat_map(of).filter(holds).collect()
    }
}

fn forms(place: Place) -> &'static [Form] {
    if place.length == Some(1) { &[Form::Big] } else { &[Form::Big, Form::Little] }
}

/// A check by its name, of all bytes before a place, or for one at the beginning of all after it. None if there is no such check.
pub fn check_of(place: Place, name: &str, form: Form) -> Option<Check> {
    let algorithm = Algorithm::named(name).filter(|algorithm| !algorithm.is_keyed())?;
    let size = place.length.filter(|length| matches!(length, 1 | 2 | 3 | 4 | 8))?;
    if width(&algorithm).is_some_and(|width| width != size) {
        return None;
    }
    let (at, from, to) = match place.edge {
        Edge::Start if place.offset == 0 => (CheckPlace::Start(0), size, CheckPlace::End(0)),
        Edge::Start => (CheckPlace::Start(place.offset), 0, CheckPlace::Start(place.offset)),
        Edge::End => (CheckPlace::End(place.offset), 0, CheckPlace::End(place.offset)),
    };
    Some(Check {
        place: at,
        size,
        form,
        algorithm,
        from,
        to,
        own: Own::Apart,
        then: None,
        holds: (0, 0),
        bits: 0.0,
    })
}

/// How many bytes the numbers of a check have; None where that is not said.
pub(crate) fn width(algorithm: &Algorithm) -> Option<usize> {
    let name = algorithm.name();
    let known = || Crc::all().find(|(known, _)| *known == name).map(|(_, crc)| crc);
    if let Some(crc) = algorithm.parameters().or_else(known) {
        return Some(usize::from(crc.width).div_ceil(8));
    }
    match name {
        "adler-32" => Some(4),
        "internet" => Some(2),
        name if name.starts_with("fletcher-32") => Some(4),
        name if name.contains("-16") => Some(2),
        _ => None,
    }
}

/// Whether a check is in the bytes at a place.
pub(super) fn is_at(check: &Check, place: Place) -> bool {
    place_of(check) == place
}

/// The place of a check.
pub(super) fn place_of(check: &Check) -> Place {
    let (edge, offset) = match check.place {
        CheckPlace::Start(offset) => (Edge::Start, offset),
        CheckPlace::End(offset) => (Edge::End, offset),
    };
    Place { edge, offset, length: Some(check.size), back: 0 }
}

fn most_common(fields: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    fields.iter().for_each(|field| *counts.entry(field).or_default() += 1);
    counts
        .into_iter()
        .max_by_key(|(bytes, count)| (*count, std::cmp::Reverse(*bytes)))
        .map(|(bytes, _)| bytes.to_vec())
}
