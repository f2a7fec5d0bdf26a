//! What the bytes of messages of one kind mean.
//!
//! [`layout`] is given messages that are believed to have the same fields, and what of them is explained already. It proposes the
//! other fields: each with evidence and with how likely it is right. It never claims what chance would show as well: bytes of
//! which nothing is known stay bytes.

mod arrays;
mod build;
mod chain;
mod claim;
mod compressed;
mod content;
mod elements;
mod field;
mod fixed;
mod integer;
mod known;
#[cfg(test)]
mod random;
#[cfg(test)]
mod resolve;
mod sequence;
mod serialised;
mod sizes;
mod structure;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;
#[cfg(test)]
mod variable;

pub(crate) use content::is_text;
pub use field::{
    Among, Clock, Compression, Edge, Encoding, Field, Form, Layout, Meaning, Number, Order, Place,
    Serialisation, Size, Taken, Times,
};

use crate::Message;
use build::Explanations;
use table::Row;

/// So many messages are looked at.
const MESSAGES: usize = 1000;

/// Proposes the fields of messages that are believed to have the same. `taken` are bytes that are explained already.
///
/// Where more messages are passed than are needed, four runs of neighbours among them are looked at. If `is_cancelled` becomes
/// true, what is not yet looked at is left as bytes.
pub fn layout(messages: &[Message<'_>], taken: &[Taken], is_cancelled: &dyn Fn() -> bool) -> Layout {
    let looked_at: Vec<&Message<'_>> = sample(messages).collect();
    let count = looked_at.len();
    if is_cancelled() || count == 0 {
        return Layout { fields: Vec::new(), messages: count };
    }
    Layout { fields: fields(&looked_at, taken, is_cancelled), messages: count }
}

/// Runs of neighbours among the messages.
fn sample<'m, 's>(messages: &'m [Message<'s>]) -> impl Iterator<Item = &'m Message<'s>> {
    let part = messages.len().div_ceil(4).max(1);
    let most = if messages.len() > MESSAGES { MESSAGES / 4 } else { part };
    messages.chunks(part).flat_map(move |run| run.iter().take(most))
}

/// The fields, those that are explained from the end after the others.
fn fields(messages: &[&Message<'_>], taken: &[Taken], is_cancelled: &dyn Fn() -> bool) -> Vec<Field> {
    let shortest = messages.iter().map(|message| message.bytes.len()).min().unwrap_or(0);
    let is_fixed = messages.iter().all(|message| message.bytes.len() == shortest);
    let numbered = || (0..).zip(taken);
    // What is explained at the end of messages of different sizes, in order, and up to where from the end.
    let mut ends: Vec<_> = numbered().filter(|(_, taken)| taken.edge == Edge::End && !is_fixed).collect();
    ends.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.offset));
    let tail = ends.first().map_or(0, |(_, taken)| taken.offset).min(shortest);
    let mut starts: Explanations = Vec::new();
    for (number, taken) in numbered() {
        let from = match taken.edge {
            Edge::Start => Some(taken.offset),
            Edge::End if is_fixed => shortest.checked_sub(taken.offset),
            Edge::End => None,
        };
        if let Some(from) = from.filter(|from| from.saturating_add(taken.length) <= shortest - tail) {
            starts.push((from..from + taken.length, Meaning::Taken(number)));
        }
    }
    let row = |message| Row { bytes: body(message, tail), message, offset: 0 };
    let rows: Vec<Row<'_>> = messages.iter().copied().map(row).collect();
    let all = rows.len();
    let mut fields = build::fields(rows, starts, 2, is_cancelled);
    let mut left = tail;
    for (number, taken) in ends.into_iter().filter(|(_, taken)| taken.offset <= tail) {
        if taken.offset < left {
            fields.push(build::bytes(Place::End(left), Size::Fixed(left - taken.offset), all));
        }
        left = taken.offset.saturating_sub(taken.length);
        let field = build::bytes(Place::End(taken.offset), Size::Fixed(taken.length), all);
        fields.push(Field { meaning: Meaning::Taken(number), evidence: String::new(), ..field });
    }
    if left > 0 {
        fields.push(build::bytes(Place::End(left), Size::Fixed(left), all));
    }
    fields
}

/// The bytes of a message without the last `tail`.
fn body<'m>(message: &'m Message<'_>, tail: usize) -> &'m [u8] {
    message.bytes.get(..message.bytes.len().saturating_sub(tail)).unwrap_or_default()
}
