//! The messages side by side: rows of bytes, and what each column of them looks like.

use crate::Message;

use super::field::Order;

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'m> {
    /// Its bytes.
    pub(super) bytes: &'m [u8],
    /// Of which message.
    pub(super) message: &'m Message<'m>,
    /// Where in the message it begins.
    pub(super) offset: usize,
}

/// The same part of several messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Table<'m> {
    /// The parts.
    pub(super) rows: Vec<Row<'m>>,
    /// How many bytes all have, at least.
    pub(super) width: usize,
    /// What the bytes are at each place below `width`.
    pub(super) columns: Vec<Column>,
    /// Rows of which the message is of the same conversation and side, in order.
    pub(super) sides: Vec<Vec<usize>>,
}

/// The bytes at one place of all rows.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// How often each value occurs.
    pub(super) counts: Box<[u32; 256]>,
    /// How many values occur.
    pub(super) distinct: usize,
    /// Bits of a value, if the values were drawn by chance.
    pub(super) entropy: f64,
    /// The value, if there is one only.
    pub(super) constant: Option<u8>,
}

impl Column {
    fn of(values: impl Iterator<Item = u8>) -> Column {
        let mut counts = Box::new([0u32; 256]);
        let mut all = 0.0;
        let mut last = 0;
        for value in values {
            if let Some(count) = counts.get_mut(usize::from(value)) {
                *count += 1;
            }
            all += 1.0;
            last = value;
        }
        let occurring = || counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count));
        let entropy = occurring().map(|count| -count / all * (count / all).log2()).sum();
        let distinct = occurring().count();
        Column { distinct, entropy, constant: (distinct == 1).then_some(last), counts }
    }

    /// Whether the value is zero in all rows.
    pub(super) fn is_zero(&self) -> bool {
        self.constant == Some(0)
    }

    /// The values that occur.
    pub(super) fn values(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).zip(self.counts.iter()).filter(|(_, count)| **count > 0).map(|(value, _)| value)
    }
}

/// More columns are not looked at: what follows is bytes.
const COLUMNS: usize = 768;

impl<'m> Table<'m> {
    pub(super) fn new(rows: Vec<Row<'m>>) -> Table<'m> {
        let width = rows.iter().map(|row| row.bytes.len()).min().unwrap_or(0).min(COLUMNS);
        let column = |at: usize| Column::of(rows.iter().filter_map(|row| row.bytes.get(at).copied()));
        let columns = (0..width).map(column).collect();
        let mut table = Table { rows, width, columns, sides: Vec::new() };
        table.sides = table.grouped(|row| (row.message.talk, row.message.side));
        table
    }

    /// The rows without some, if they have more than so many bytes: four runs of neighbours.
    pub(super) fn fewer(&self, bytes: usize) -> Option<Table<'m>> {
        let most = (bytes / self.width.max(1)).max(100);
        let part = self.len().div_ceil(4).max(1);
        let rows = || self.rows.chunks(part).flat_map(|run| run.iter().take(most / 4)).copied();
        (self.len() > most).then(|| Table::new(rows().collect()))
    }

    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The columns of a field.
    pub(super) fn span(&self, from: usize, width: usize) -> &[Column] {
        self.columns.get(from..from + width).unwrap_or_default()
    }

    /// The columns of a number, the most significant byte first.
    pub(super) fn digits(&self, from: usize, width: usize, order: Order) -> Vec<&Column> {
        let mut columns: Vec<_> = self.span(from, width).iter().collect();
        if order == Order::Little {
            columns.reverse();
        }
        columns
    }

    /// The number in each row.
    pub(super) fn numbers(&self, from: usize, width: usize, order: Order) -> Vec<u64> {
        self.rows
            .iter()
            .map(|row| number(row.bytes.get(from..from + width).unwrap_or_default(), order))
            .collect()
    }

    /// Rows of which the message is of the same conversation, in order.
    pub(super) fn by_talk(&self) -> Vec<Vec<usize>> {
        self.grouped(|row| (row.message.talk, 0))
    }

    /// Rows in the order in which they were captured.
    pub(super) fn by_time(&self, rows: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut rows: Vec<usize> = rows.into_iter().collect();
        rows.sort_by_key(|row| self.rows.get(*row).map(|row| row.message.time));
        rows
    }

    fn grouped(&self, key: impl Fn(&Row<'_>) -> (u32, u8)) -> Vec<Vec<usize>> {
        let mut groups = std::collections::BTreeMap::<_, Vec<usize>>::new();
        for (at, row) in self.rows.iter().enumerate() {
            groups.entry(key(row)).or_default().push(at);
        }
        groups.into_values().collect()
    }
}

/// The number that up to 8 bytes make.
pub(super) fn number(bytes: &[u8], order: Order) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, add),
        Order::Little => bytes.iter().rev().fold(0, add),
    }
}

/// How many different values there are.
pub(super) fn distinct<T: Ord + Clone>(values: &[T]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}
