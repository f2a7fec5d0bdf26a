//! The order of the rows: that of the packets with which they became complete.
//!
//! Rows nearly always are written in that order. Only where something was buffered (a stream's beginning, until its protocol was
//! chosen, or until its first byte was known) they come later, and are put in order at the end.

use crate::ids::{PacketId, RowId};
use crate::index::store::Rows;

/// Which packet each row became complete with, as far as that may not be the order of the rows.
#[derive(Debug, Default)]
pub(crate) struct CompletionOrder {
    /// How many rows were there before anything was buffered; None while nothing was.
    in_order: Option<usize>,
    /// The packets of these rows and of those after them.
    completed_by: Vec<PacketId>,
    /// That of the last row.
    last: PacketId,
}

/// The order in which the rows have to be.
#[derive(Debug)]
pub(crate) struct NewOrder {
    pub(crate) rows: Rows,
    /// The new number of each row, at the place of the old one.
    numbers: Vec<u32>,
}

impl CompletionOrder {
    /// Something is buffered while there are this many rows.
    #[inline]
    pub(crate) fn buffered(&mut self, rows: usize) {
        self.in_order.get_or_insert(rows);
    }

    /// The next row became complete with that packet.
    #[inline]
    pub(crate) fn push(&mut self, packet: PacketId) {
        match self.in_order {
            Some(_) => self.completed_by.push(packet),
            None => debug_assert!(packet >= self.last, "something was buffered unnoticed"),
        }
        self.last = packet;
    }

    /// The order of all rows; None where they are in order.
    pub(crate) fn order(&mut self, rows: &Rows) -> Option<NewOrder> {
        let completed_by = std::mem::take(&mut self.completed_by);
        if completed_by.is_sorted() {
            return None;
        }
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let first = narrow(self.in_order.unwrap_or(0));
        let mut order: Vec<u32> = (0..narrow(completed_by.len())).collect();
        order.sort_by_key(|&row| completed_by.get(row as usize).copied());
        let mut numbers: Vec<u32> = (0..narrow(rows.len())).collect();
        for (new, &old) in (first..).zip(&order) {
            if let Some(number) = numbers.get_mut((first + old) as usize) {
                *number = new;
            }
        }
        let old = (0..first).chain(order.iter().map(|row| first + row));
        let rows = rows.reordered(old.map(RowId::from), |row| new_number(&numbers, row));
        Some(NewOrder { rows, numbers })
    }
}

impl NewOrder {
    /// The new number of a row.
    pub(crate) fn number(&self, row: RowId) -> RowId {
        new_number(&self.numbers, row)
    }
}

fn new_number(numbers: &[u32], row: RowId) -> RowId {
    debug_assert!(row.index() < numbers.len(), "row {row} of {}", numbers.len());
    numbers.get(row.index()).map_or(row, |number| RowId::from(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::store::{Entry, Link};

    fn rows(streams: &[u32]) -> Rows {
        let mut rows = Rows::default();
        for &stream in streams {
            rows.push(Entry { stream: stream.into(), length: 1, ..Entry::default() });
        }
        rows
    }

    #[test]
    fn rows_after_buffered_ones_are_sorted_by_their_packets() {
        let (mut order, mut all) = (CompletionOrder::default(), rows(&[0, 1, 2, 3, 4]));
        all.link(3.into(), Link::Answers, 2.into());
        order.push(7.into());
        order.buffered(1);
        order.buffered(4);
        [9, 12, 8, 9].into_iter().for_each(|packet| order.push(packet.into()));
        let new = order.order(&all).unwrap();
        let numbers: Vec<u32> = (0..5).map(|row| new.number(RowId::from(row)).number()).collect();
        assert_eq!(numbers, [0, 2, 4, 1, 3]);
        let streams: Vec<u32> =
            (0..5).filter_map(|row| Some(new.rows.stream(RowId::from(row))?.number())).collect();
        assert_eq!(streams, [0, 3, 1, 4, 2]);
        assert_eq!(new.rows.linked(1.into(), Link::Answers), Some(4.into()));
    }

    #[test]
    fn rows_in_order_stay_as_they_are() {
        let (mut order, all) = (CompletionOrder::default(), rows(&[0, 1, 2]));
        order.push(1.into());
        order.buffered(1);
        order.push(2.into());
        order.push(2.into());
        assert!(order.order(&all).is_none());
    }
}
