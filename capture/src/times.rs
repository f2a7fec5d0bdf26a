//! When rows were captured, quickly for rows that are asked about in their order.

use crate::{Index, Row};

/// Looks up the times of many rows.
#[derive(Clone, Debug, Default)]
pub struct Times;

impl Times {
    /// The same as [`Index::time_ns`].
    pub fn time_ns(&mut self, index: &Index, row: &Row) -> Option<i64> {
        index.time_ns(row)
    }

    /// When the first packet that has a time was captured.
    pub fn first_ns(&mut self, index: &Index) -> Option<i64> {
        index.first_time_ns()
    }
}

/// How long replies took.
#[derive(Clone, Debug, Default)]
pub struct Latencies;

impl Latencies {
    /// The latency of [`Index::reply_to`], for a row that was captured at `time_ns`.
    pub fn latency_ns(&mut self, index: &Index, row: u32, _: Option<i64>) -> Option<i64> {
        index.reply_to(row)?.1
    }
}

#[cfg(test)]
mod tests {
    // A test stops where an assumption does not hold.
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Options, Source, read};

    #[test]
    fn times_and_latencies_are_those_of_the_index_in_any_order() {
        let capture = include_bytes!("../../corpus/captures/missive-damaged/capture.pcapng");
        let index =
            read(Source::from_bytes("damaged", &capture[..]), &Options::default(), &mut |_| true).unwrap();
        let all: Vec<u32> = (0..u32::try_from(index.row_count()).unwrap()).collect();
        let backwards: Vec<u32> = all.iter().rev().copied().collect();
        let mixed: Vec<u32> = all.iter().map(|row| row * 101 % u32::try_from(all.len()).unwrap()).collect();
        for order in [all, backwards, mixed] {
            let (mut times, mut latencies, mut some) = (Times::default(), Latencies::default(), 0);
            for number in order {
                let row = index.row(number).unwrap();
                let time = times.time_ns(&index, &row);
                assert_eq!(time, index.time_ns(&row), "row {number}");
                let latency = latencies.latency_ns(&index, number, time);
                assert_eq!(latency, index.reply_to(number).and_then(|(_, latency)| latency), "row {number}");
                some += usize::from(latency.is_some());
            }
            assert!(some > 100);
        }
    }
}
