//! What the bytes of messages of one kind mean.
//!
//! [`layout`] is given messages that are believed to have the same fields, and what of them is explained already. It proposes the
//! other fields: each with evidence and with how likely it is right. It never claims what chance would show as well: bytes of
//! which nothing is known stay bytes.

mod claim;
mod field;
mod fixed;
mod integer;
mod known;
#[cfg(test)]
mod random;
mod sequence;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use field::{
    Among, Clock, Compression, Edge, Encoding, Field, Form, Layout, Meaning, Number, Order, Place,
    Serialisation, Size, Taken, Times,
};

use crate::Message;
use claim::Claim;
use table::{Row, Table};

/// So many messages are looked at.
const MESSAGES: usize = 1000;

/// Proposes the fields of messages that are believed to have the same. `taken` are bytes that are explained already.
///
/// Where more messages are passed than are needed, four runs of neighbours among them are looked at. If `is_cancelled` becomes
/// true, what is not yet looked at is left as bytes.
pub fn layout(messages: &[Message<'_>], taken: &[Taken], is_cancelled: &dyn Fn() -> bool) -> Layout {
    let rows: Vec<Row<'_>> =
        sample(messages).map(|message| Row { bytes: message.bytes, message, offset: 0 }).collect();
    let count = rows.len();
    let table = Table::new(rows);
    if is_cancelled() || count == 0 {
        return Layout { fields: Vec::new(), messages: count };
    }
    Layout { fields: prefix(&table, taken), messages: count }
}

/// Runs of neighbours among the messages.
fn sample<'m, 's>(messages: &'m [Message<'s>]) -> impl Iterator<Item = &'m Message<'s>> {
    let part = messages.len().div_ceil(4).max(1);
    let most = if messages.len() > MESSAGES { MESSAGES / 4 } else { part };
    messages.chunks(part).flat_map(move |run| run.iter().take(most))
}

/// The fields of the bytes that all messages have, and the rest.
fn prefix(table: &Table<'_>, taken: &[Taken]) -> Vec<Field> {
    let is_fixed = table.rows.iter().all(|row| row.bytes.len() == table.width);
    let at_end: usize =
        taken.iter().filter(|taken| taken.edge == Edge::End).map(|taken| taken.offset).max().unwrap_or(0);
    let width = if is_fixed { table.width } else { table.width.saturating_sub(at_end) };
    let mut skip = Vec::new();
    let mut claims = Vec::new();
    for (number, taken) in taken.iter().enumerate() {
        let from = match taken.edge {
            Edge::Start => Some(taken.offset),
            Edge::End if is_fixed => table.width.checked_sub(taken.offset),
            Edge::End => None,
        };
        let Some(from) = from.filter(|from| from + taken.length <= width) else { continue };
        skip.push(from..from + taken.length);
        claims.push(Claim {
            from,
            width: taken.length,
            meaning: Meaning::Taken(number),
            gain: 1.0,
            confidence: 1.0,
            holds: (table.len(), table.len()),
            evidence: String::new(),
        });
    }
    claims.extend(fixed::fixed(table, &skip).into_iter().filter(|claim| claim.from + claim.width <= width));
    claims.sort_by_key(|claim| claim.from);
    let mut fields = tile(claims, width, table.len());
    if !is_fixed {
        let at = width;
        let place = Place::Start(at);
        fields.push(bytes(place, Size::Rest, table.len()));
        let mut ends: Vec<_> =
            taken.iter().enumerate().filter(|(_, taken)| taken.edge == Edge::End).collect();
        ends.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.offset));
        for (number, taken) in ends {
            fields.push(Field {
                size: Size::Fixed(taken.length),
                meaning: Meaning::Taken(number),
                confidence: 1.0,
                ..bytes(Place::End(taken.offset), Size::Rest, table.len())
            });
        }
    }
    fields
}

/// The fields of claims, with bytes between them.
fn tile(claims: Vec<Claim>, width: usize, all: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut at = 0;
    for claim in claims {
        if claim.from > at {
            fields.push(bytes(Place::Start(at), Size::Fixed(claim.from - at), all));
        }
        at = claim.from + claim.width;
        let place = Place::Start(claim.from);
        fields.push(claim.field(place));
    }
    if width > at {
        fields.push(bytes(Place::Start(at), Size::Fixed(width - at), all));
    }
    fields
}

/// Bytes of which nothing is known.
fn bytes(place: Place, size: Size, all: usize) -> Field {
    let evidence = "no hypothesis explains them".to_owned();
    Field { place, size, meaning: Meaning::Bytes, evidence, holds: all, of: all, confidence: 1.0 }
}
