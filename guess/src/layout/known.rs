//! Bytes that are known from elsewhere: from the message that is answered, and from the headers of the packet.

use std::net::{IpAddr, SocketAddr};

use super::claim::{Claim, fit};
use super::field::{Meaning, Number, Order};
use super::table::{Table, distinct};

/// Proposes bytes of the message that is answered.
pub(super) fn find_echoes(table: &Table<'_>, claims: &mut Vec<Claim>) {
    let answering = table.rows.iter().filter(|row| row.message.answers.is_some()).count();
    if answering < 4 {
        return;
    }
    for shift in shifts() {
        let equal: Vec<usize> = (0..table.width).map(|at| equal(table, at, shift)).collect();
        let mut from = 0;
        while from < table.width {
            let holds = |at: usize| equal.get(at).is_some_and(|count| count * 100 >= answering * 93);
            let end = (from..table.width).find(|&at| !holds(at)).unwrap_or(table.width);
            if end > from {
                echoes(table, from..end, shift, answering, &equal, claims);
            }
            from = end.max(from) + 1;
        }
    }
}

/// How much later the bytes may be in the message that is answered: the same place first.
fn shifts() -> impl Iterator<Item = isize> {
    std::iter::once(0).chain((1..=24).flat_map(|by| [by, -by]))
}

/// In how many messages the byte is that of the message that is answered.
fn equal(table: &Table<'_>, at: usize, shift: isize) -> usize {
    let is_equal = |row: &&super::table::Row<'_>| {
        let there = (row.offset + at).checked_add_signed(shift);
        let other = there.and_then(|there| row.message.answers.and_then(|answers| answers.get(there)));
        other.is_some() && row.bytes.get(at) == other
    };
    table.rows.iter().filter(is_equal).count()
}

/// Proposes the fields that a run of equal bytes may be: those that begin and end with bytes that vary, with the zeros before.
fn echoes(
    table: &Table<'_>,
    run: std::ops::Range<usize>,
    shift: isize,
    answering: usize,
    equal: &[usize],
    claims: &mut Vec<Claim>,
) {
    let varies = |at: &usize| table.columns.get(*at).is_some_and(|column| column.distinct > 1);
    let (Some(first), Some(last)) = (run.clone().find(varies), run.clone().rev().find(varies)) else {
        return;
    };
    let core = last + 1 - first;
    let mut propose = |from: usize, width: usize, number: Option<Number>, fits: f64| {
        let values: Vec<_> = table.rows.iter().filter_map(|row| row.bytes.get(from..from + width)).collect();
        let different = distinct(&values);
        let holds =
            equal.get(from..from + width).and_then(|counts| counts.iter().min()).copied().unwrap_or(0);
        // By chance the answered message has this value as often as the value occurs.
        let bits = holds as f64 * (different as f64).log2() * 0.9;
        if different < 4 || bits < 24.0 {
            return;
        }
        let offset =
            table.rows.first().and_then(|row| (row.offset + from).checked_add_signed(shift)).unwrap_or(0);
        let share = holds as f64 / answering as f64;
        let sure = if different * 3 >= holds.min(60) && bits > 40.0 { 0.95 } else { 0.8 };
        let sure = if number.is_none() && run.len() > width { 0.8 } else { sure };
        claims.push(Claim {
            from,
            width,
            meaning: Meaning::Echo { number, offset },
            gain: bits + fits - if shift == 0 { 0.0 } else { 6.0 },
            confidence: sure * share.sqrt() - if shift == 0 { 0.0 } else { 0.05 },
            holds: (holds, answering),
            evidence: format!(
                "the same as bytes {offset} to {} of the message that is answered, in {holds} of {answering} answers, {different} different values",
                offset + width
            ),
        });
    };
    if !core.is_power_of_two() || core > 8 {
        propose(first, core, None, -4.0);
    }
    for width in [1, 2, 4, 8] {
        if width < core {
            continue;
        }
        if last + 1 >= width && last + 1 - width >= run.start {
            let from = last + 1 - width;
            propose(
                from,
                width,
                Some(Number::binary(width, Order::Big)),
                fit(table, from, width, Order::Big),
            );
        }
        if first + width <= run.end && width > 1 {
            let fits = fit(table, first, width, Order::Little);
            propose(first, width, Some(Number::binary(width, Order::Little)), fits);
        }
    }
}

/// Proposes addresses and ports that the packets have.
pub(super) fn find_addresses(table: &Table<'_>, claims: &mut Vec<Claim>) {
    for is_source in [true, false] {
        let sides: Vec<Option<SocketAddr>> = table
            .rows
            .iter()
            .map(|row| if is_source { row.message.source } else { row.message.target })
            .collect();
        for order in [Order::Big, Order::Little] {
            for port in [false, true] {
                let wanted: Vec<Vec<u8>> = sides.iter().map(|side| bytes(*side, port, order)).collect();
                if let Some(width) = wanted.first().map(Vec::len).filter(|width| *width > 0) {
                    for from in 0..(table.width + 1).saturating_sub(width) {
                        claims.extend(address(table, from, &wanted, width, (is_source, port, order)));
                    }
                }
            }
        }
    }
}

fn bytes(side: Option<SocketAddr>, port: bool, order: Order) -> Vec<u8> {
    let mut bytes = match (side, port) {
        (None, _) => Vec::new(),
        (Some(side), true) => side.port().to_be_bytes().to_vec(),
        (Some(side), false) => match side.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        },
    };
    if order == Order::Little {
        bytes.reverse();
    }
    bytes
}

fn address(
    table: &Table<'_>,
    from: usize,
    wanted: &[Vec<u8>],
    width: usize,
    (is_source, port, order): (bool, bool, Order),
) -> Option<Claim> {
    let (mut wrong, all) = (0, table.len());
    for (row, wanted) in table.rows.iter().zip(wanted) {
        wrong += usize::from(row.bytes.get(from..from + width) != Some(wanted.as_slice()));
        if wrong * 20 > all {
            return None;
        }
    }
    let different = distinct(wanted);
    let bits = (8 * width * different) as f64;
    if different == 1 && port || all < 3 {
        return None;
    }
    let whose = if is_source { "of the side that says the message" } else { "of the other side" };
    let holds = all - wrong;
    let (meaning, name) = match port {
        true => (Meaning::Port { is_source, order }, "port"),
        false => (Meaning::Address { is_source, order }, "address"),
    };
    Some(Claim {
        from,
        width,
        meaning,
        gain: bits * 2.0,
        confidence: match (port, different) {
            (false, 1) => 0.9,
            (true, 2) => 0.85,
            _ => 0.97,
        },
        holds: (holds, all),
        evidence: format!("the {name} {whose} in {holds} of {all} messages, {different} different ones"),
    })
}
