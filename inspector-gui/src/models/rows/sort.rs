//! Sorts rows by a column.

use std::cmp::Reverse;
use std::collections::HashMap;

use framescope_capture::filter::Column;
use framescope_capture::{Index, Row, RowId};
use framescope_parser::Code;

use super::super::background::JobControl;
use super::{CHUNK, Sort};

/// Sorts rows by a column, those of the same value by their numbers. Rows without a value come last.
pub(super) fn sorted(index: &Index, rows: Vec<RowId>, sort: Sort, control: &JobControl) -> Vec<RowId> {
    let mut key = SortKey { index, column: sort.column, ranks: HashMap::new() };
    let mut keyed: Vec<(Option<u64>, RowId)> = Vec::with_capacity(rows.len());
    for (done, number) in rows.into_iter().enumerate() {
        if done % CHUNK == 0 && control.is_cancelled() {
            return Vec::new();
        }
        let value = index.row(number).and_then(|row| key.of(number, &row));
        keyed.push((value, number));
    }
    match sort.descending {
        false => keyed.sort_unstable_by_key(|&(value, number)| (value.is_none(), value, number)),
        true => keyed.sort_unstable_by_key(|&(value, number)| (value.is_none(), Reverse(value), number)),
    }
    keyed.into_iter().map(|(_, number)| number).collect()
}

/// Maps the values of a column to numbers in the same order.
struct SortKey<'i> {
    index: &'i Index,
    column: Column,
    /// The rank of each kind.
    ranks: HashMap<&'i str, u64>,
}

impl SortKey<'_> {
    fn of(&mut self, number: RowId, row: &Row) -> Option<u64> {
        let index = self.index;
        // Maps signed numbers to unsigned ones in the same order.
        let ordered = |time: i64| time.cast_unsigned() ^ (1 << 63);
        match self.column {
            Column::Row => Some(number.number().into()),
            Column::Flow => Some(row.flow().number().into()),
            Column::Packet => index.row_packets(row).last().map(|packet| u64::from(packet.number())),
            Column::Offset => Some(row.offset),
            Column::Length => Some(row.length),
            Column::Time => self.index.time_ns(row).map(ordered),
            Column::Latency => index.reply_to(number).and_then(|(_, latency)| latency).map(ordered),
            Column::ReplyTo => index.reply_to(number).map(|(to, _)| to.number().into()),
            Column::AnsweredBy => index.answered_by(number).map(|row| row.number().into()),
            Column::PartOf => index.part_of(number).map(|row| row.number().into()),
            Column::MissingBytes => index.missing_bytes(row),
            Column::SrcPort => index.endpoints(row).map(|(src, _)| src.port().into()),
            Column::DstPort => index.endpoints(row).map(|(_, dst)| dst.port().into()),
            Column::Src => index.endpoints(row).map(|(src, _)| address_rank(src.ip(), src.port())),
            Column::Dst => index.endpoints(row).map(|(_, dst)| address_rank(dst.ip(), dst.port())),
            Column::Direction => Some(index.direction(row).index() as u64),
            Column::Transport => index.flow(row.flow()).map(|flow| text_rank(flow.transport.as_str())),
            Column::Protocol => index.protocol(row).map(|protocol| text_rank(protocol.name())),
            Column::CarriedIn => {
                let carried = index.carried_in(row);
                carried.map(|carried| u64::from(carried.level()) << 32 | u64::from(carried.by().number()))
            }
            Column::Carries => index.channels_of(row).next().map(|flow| flow.number().into()),
            Column::Level => Some(index.level(row).into()),
            Column::Type => Some(text_rank(row.type_name())),
            Column::Stage => index.stage(row).map(|stage| text_rank(&stage.name)),
            Column::Kind => index.kind(row).map(|kind| self.rank_of_kind(kind)),
            // Rows with problems, by the worst.
            Column::Severity | Column::Problems => {
                let severity = row.severity()? as u64;
                let code = row.codes.iter().max_by_key(|code| code.severity());
                let rank = |code: Code| u64::from(code.domain().is_some()) << 8 | u64::from(code.number());
                Some(severity << 32 | code.map_or(0, rank))
            }
            Column::Summary | Column::Comment | Column::Bytes | Column::Address | Column::Port => None,
        }
    }

    fn rank_of_kind(&mut self, kind: &str) -> u64 {
        if self.ranks.is_empty() {
            self.ranks = self.index.kinds().into_iter().zip(0..).collect();
        }
        self.ranks.get(kind).copied().unwrap_or(u64::MAX)
    }
}

/// Orders texts by their first eight bytes.
fn text_rank(text: &str) -> u64 {
    text.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |rank, byte| rank << 8 | u64::from(byte))
}

/// Orders endpoints by 48 bits of the address, then by port.
fn address_rank(address: std::net::IpAddr, port: u16) -> u64 {
    let address = match address {
        std::net::IpAddr::V4(address) => u64::from(address.to_bits()),
        // After all of version 4. Addresses of one network mostly differ at their ends.
        std::net::IpAddr::V6(address) => {
            let bits = address.to_bits();
            1 << 47 | u64::try_from((bits ^ bits >> 64) & 0x7FFF_FFFF_FFFF).unwrap_or(0)
        }
    };
    address << 16 | u64::from(port)
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::super::tests::rows;
    use super::*;

    #[test]
    fn every_column_sorts_all_rows() {
        for (column, name, _) in Column::ALL {
            if !Sort::is_possible(*column) {
                continue;
            }
            let (index, up, _) = rows(Scope::default(), Some(Sort { column: *column, descending: false }));
            let (_, down, _) = rows(Scope::default(), Some(Sort { column: *column, descending: true }));
            let mut numbers = up.clone();
            numbers.sort_unstable();
            assert!(numbers.iter().copied().eq(index.read().row_ids()), "{name}");
            let index = index.read();
            let mut key = SortKey { index: &index, column: *column, ranks: HashMap::new() };
            let mut keys = |rows: &[RowId]| -> Vec<u64> {
                rows.iter().filter_map(|&number| key.of(number, &index.row(number).unwrap())).collect()
            };
            let (rising, mut falling) = (keys(&up), keys(&down));
            assert!(rising.is_sorted(), "{name}");
            falling.reverse();
            assert_eq!(rising, falling, "{name}");
        }
    }
}
