//! Which bytes differ between two sets of messages more than they do within each: what followed a change that was made between
//! two recordings.

use super::columns::{Column, Columns};

/// A position whose bytes tell two sets apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) position: i64,
    /// From 0 to 1: 1 if each set has one value there, and not the same.
    pub(crate) score: f64,
    /// The most frequent value of the kept set, and the share of its messages that have it.
    pub(crate) kept: (u8, f64),
    /// The same of the other set.
    pub(crate) now: (u8, f64),
}

/// The least score of what is listed: three values in one set, and three others in the other. Random bytes and counters have less
/// than a tenth of that.
const LISTED: f64 = 0.25;

/// How surely a byte shows of which of two sets a message is, as far as it does not vary within either: the share of messages by which
/// the values differ (total variation distance), times the probability that two messages of the set that varies more agree, times
/// the share of messages that have the byte at all.
pub(crate) fn score((kept_set, kept): (&Columns, &Column), (now_set, now): (&Columns, &Column)) -> f64 {
    let distance: f64 = kept.shares().zip(now.shares()).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
    let present = kept_set.share_with(kept).min(now_set.share_with(now));
    distance * kept.agreement().min(now.agreement()) * present
}

/// The positions that tell two sets apart, the surest first.
pub(crate) fn differences(kept: &Columns, now: &Columns) -> Vec<Difference> {
    let mut found: Vec<Difference> = now
        .columns
        .iter()
        .filter_map(|column| {
            let before = kept.at(column.position)?;
            let score = score((kept, before), (now, column));
            let (kept, now) = (before.most_frequent()?, column.most_frequent()?);
            (score >= LISTED).then_some(Difference { position: column.position, score, kept, now })
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.position.cmp(&b.position)));
    found
}

#[cfg(test)]
mod tests {
    use super::super::columns::tests::columns;
    use super::super::columns::{Against, Alignment};
    use super::*;

    fn of(messages: &[Vec<u8>]) -> Columns {
        columns(messages, &Alignment::Start, Against::Length)
    }

    /// A constant, a knob, a counter, a flag that is mostly set, and a random byte.
    fn recorded(knob: u8, flags: u8, seed: u32) -> Vec<Vec<u8>> {
        let mut random = seed;
        let message = |number: u8| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let flag = if number.is_multiple_of(20) { 1 - flags } else { flags };
            vec![0xf5, knob, number, flag, (random >> 24) as u8]
        };
        (0..100).map(message).collect()
    }

    #[test]
    fn what_followed_the_knob_is_found_and_what_varies_anyway_is_not() {
        let (kept, now) = (of(&recorded(3, 0, 1)), of(&recorded(5, 1, 77)));
        let found = differences(&kept, &now);
        let positions: Vec<i64> = found.iter().map(|difference| difference.position).collect();
        assert_eq!(positions, [1, 3], "{found:?}");
        assert_eq!(found[0], Difference { position: 1, score: 1.0, kept: (3, 1.0), now: (5, 1.0) });
        assert!(found[1].score < 0.9 && found[1].kept == (0, 0.95) && found[1].now == (1, 0.95));
        assert_eq!(differences(&kept, &of(&recorded(3, 0, 9))), [], "the same knob");
    }

    #[test]
    fn what_a_single_long_message_has_says_nothing_about_its_set() {
        let with_long = |byte: u8| {
            let mut messages = vec![vec![1, 2]; 20];
            messages.push(vec![1, 2, byte, byte]);
            of(&messages)
        };
        assert!(differences(&with_long(7), &with_long(9)).is_empty());
    }

    #[test]
    fn positions_that_only_one_set_has_are_not_compared() {
        let (short, long) = (of(&[vec![1, 2]]), of(&[vec![1, 3, 4]]));
        let positions = |a, b| differences(a, b).iter().map(|found| found.position).collect::<Vec<_>>();
        assert_eq!((positions(&short, &long), positions(&long, &short)), (vec![1], vec![1]));
        assert!(differences(&Columns::default(), &long).is_empty());
    }
}
