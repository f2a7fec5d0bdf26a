//! What the bytes of a sample have in common where the messages are under each other: how often each changes, how many values it
//! has, and what it follows.

use super::super::background::JobControl;
use super::sample::{Bytes, Sample};

/// Which bytes of messages are under each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// Their first bytes.
    #[default]
    Start,
    /// Their last bytes.
    End,
    /// The first of these bytes, where they occur first.
    At(Vec<u8>),
}

impl Alignment {
    /// The offset that is at position 0; None if the message has none.
    pub(crate) fn anchor(&self, message: Bytes<'_>) -> Option<i64> {
        match self {
            Alignment::Start => Some(0),
            Alignment::End => i64::try_from(message.length).ok(),
            Alignment::At(wanted) => message.find(wanted).and_then(|at| i64::try_from(at).ok()),
        }
    }
}

/// What a column may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Against {
    /// The length of the message.
    #[default]
    Length,
    /// The byte at another position.
    Position(i64),
}

/// The bytes at one position.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Relative to where the messages are aligned.
    pub(crate) position: i64,
    /// How many messages have a byte there.
    pub(crate) messages: u32,
    /// In how many of those whose predecessor is known, and of how many.
    changes: (u32, u32),
    counts: Box<[u32; 256]>,
    /// How well it follows what was asked for; None if one of them never changes.
    pub(crate) correlation: Option<f64>,
}

impl Column {
    fn new(position: i64) -> Column {
        Column { position, messages: 0, changes: (0, 0), counts: Box::new([0; 256]), correlation: None }
    }

    /// The share of messages whose byte differs from that of the message before.
    pub(crate) fn change(&self) -> Option<f64> {
        let (changes, of) = self.changes;
        (of > 0).then(|| f64::from(changes) / f64::from(of))
    }

    /// The entropy of its values in bits, from 0 to 8.
    pub(crate) fn entropy(&self) -> f64 {
        let share = |count: u32| f64::from(count) / f64::from(self.messages.max(1));
        let terms = self.counts.iter().filter(|count| **count > 0).map(|&count| share(count));
        // Zero has no sign for a person.
        terms.map(|share| -share * share.log2()).sum::<f64>().max(0.0) + 0.0
    }

    /// How many different values it has.
    pub(crate) fn values(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }

    /// Its most frequent value, and the share of messages that have it; of several the lowest.
    pub(crate) fn most_frequent(&self) -> Option<(u8, f64)> {
        let counted = (0..=255).zip(self.counts.iter());
        let (value, count) =
            counted.rev().max_by_key(|(_, count)| **count).filter(|(_, count)| **count > 0)?;
        Some((value, f64::from(*count) / f64::from(self.messages.max(1))))
    }

    /// The share of messages that have a value.
    pub(crate) fn share(&self, value: u8) -> f64 {
        let count = self.counts.get(usize::from(value)).copied().unwrap_or_default();
        f64::from(count) / f64::from(self.messages.max(1))
    }

    /// The shares of messages that have each value.
    pub(crate) fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        self.counts.iter().map(|&count| f64::from(count) / f64::from(self.messages.max(1)))
    }

    /// The probability that two of the messages have the same value.
    pub(crate) fn agreement(&self) -> f64 {
        let pairs = |count: u32| f64::from(count) * f64::from(count.saturating_sub(1));
        match self.messages {
            0 | 1 => 1.0,
            all => self.counts.iter().map(|&count| pairs(count)).sum::<f64>() / pairs(all),
        }
    }
}

/// The columns of a sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// In rising order of their positions, without a hole.
    pub(crate) columns: Vec<Column>,
    /// How many messages have what they are aligned by.
    pub(crate) aligned: usize,
    /// How many messages there are.
    pub(crate) messages: usize,
    /// The least and the greatest length.
    pub(crate) lengths: Option<(u64, u64)>,
}

/// The most columns: as many as there are bytes read of a message.
pub(crate) const MOST: i64 = 4096;

impl Columns {
    /// Counts the bytes of a sample; None if that was cancelled.
    pub(crate) fn count(
        sample: &Sample,
        alignment: &Alignment,
        against: Against,
        control: &JobControl,
    ) -> Option<Columns> {
        let anchors: Vec<Option<i64>> =
            sample.messages.iter().map(|message| alignment.anchor(message.bytes())).collect();
        let Extent { first, end, lengths } = extent(sample, &anchors);
        let mut columns: Vec<Column> = (first..end).map(Column::new).collect();
        let mut followed = vec![Correlation::default(); columns.len()];
        let mut before: Option<(Bytes<'_>, i64)> = None;
        for (at, (message, anchor)) in sample.messages.iter().zip(&anchors).enumerate() {
            if at % 64 == 0 && !control.report(at as u64, sample.messages.len() as u64) {
                return None;
            }
            let bytes = message.bytes();
            let last = before.take().filter(|_| message.follows);
            let Some(anchor) = *anchor else { continue };
            let y = match against {
                Against::Length => Some(message.length),
                Against::Position(position) => byte_at(bytes, anchor, position).map(u64::from),
            };
            for (column, followed) in columns.iter_mut().zip(&mut followed) {
                let Some(byte) = byte_at(bytes, anchor, column.position) else { continue };
                column.messages += 1;
                if let Some(count) = column.counts.get_mut(usize::from(byte)) {
                    *count += 1;
                }
                if let Some(last) = last.and_then(|(bytes, anchor)| byte_at(bytes, anchor, column.position)) {
                    column.changes.0 += u32::from(last != byte);
                    column.changes.1 += 1;
                }
                if let Some(y) = y {
                    followed.add(byte, y);
                }
            }
            before = Some((bytes, anchor));
        }
        for (column, followed) in columns.iter_mut().zip(&followed) {
            column.correlation = followed.value();
        }
        let aligned = anchors.iter().filter(|anchor| anchor.is_some()).count();
        Some(Columns { columns, aligned, messages: sample.messages.len(), lengths })
    }

    /// The column at a position.
    pub(crate) fn at(&self, position: i64) -> Option<&Column> {
        let first = self.columns.first()?.position;
        self.columns.get(usize::try_from(position - first).ok()?)
    }

    /// The share of the messages that have a byte in a column.
    pub(crate) fn share_with(&self, column: &Column) -> f64 {
        let all = u32::try_from(self.messages).unwrap_or(u32::MAX);
        f64::from(column.messages) / f64::from(all.max(1))
    }

    /// The first position.
    pub(crate) fn first(&self) -> i64 {
        self.columns.first().map_or(0, |column| column.position)
    }
}

/// The byte of a message at a position.
pub(crate) fn byte_at(bytes: Bytes<'_>, anchor: i64, position: i64) -> Option<u8> {
    bytes.at(usize::try_from(anchor.checked_add(position)?).ok()?)
}

/// Which positions a sample has, no more than are shown.
struct Extent {
    first: i64,
    end: i64,
    lengths: Option<(u64, u64)>,
}

fn extent(sample: &Sample, anchors: &[Option<i64>]) -> Extent {
    let (mut first, mut end, mut lengths) = (i64::MAX, i64::MIN, None::<(u64, u64)>);
    for (message, anchor) in sample.messages.iter().zip(anchors) {
        let (least, most) = lengths.unwrap_or((message.length, message.length));
        lengths = Some((least.min(message.length), most.max(message.length)));
        if let Some(anchor) = anchor {
            let length = i64::try_from(message.length).unwrap_or(i64::MAX);
            first = first.min(anchor.saturating_neg());
            end = end.max(length.saturating_sub(*anchor));
        }
    }
    if first > end {
        return Extent { first: 0, end: 0, lengths };
    }
    // Nearest to where they are aligned.
    let first = first.max(if end > 0 { -MOST / 2 } else { -MOST });
    Extent { first, end: end.min(first + MOST), lengths }
}

/// How well bytes follow other numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Correlation {
    /// With the number, its lowest byte, and the next two.
    with: [Sums; 4],
    messages: u32,
    /// The first difference modulo 256, and whether all others were the same.
    difference: Option<(u8, bool)>,
    first: Option<(u8, u64)>,
    /// Whether the byte, and the number, was ever another.
    varies: (bool, bool),
}

impl Correlation {
    fn add(&mut self, byte: u8, number: u64) {
        let [low, second, third, ..] = number.to_le_bytes();
        // The lengths of messages are exact in f64, or too long to matter.
        #[allow(clippy::cast_precision_loss)]
        let numbers = [number as f64, low.into(), second.into(), third.into()];
        for (sums, number) in self.with.iter_mut().zip(numbers) {
            sums.add(byte.into(), number);
        }
        self.messages += 1;
        let difference = low.wrapping_sub(byte);
        let (known, is_same) = self.difference.unwrap_or((difference, true));
        self.difference = Some((known, is_same && known == difference));
        let first = *self.first.get_or_insert((byte, number));
        self.varies = (self.varies.0 || first.0 != byte, self.varies.1 || first.1 != number);
    }

    /// Pearson's coefficient with the number or with one of its bytes, whichever is stronger; 1 also where the byte is the number plus a
    /// constant, modulo 256.
    fn value(&self) -> Option<f64> {
        if self.varies != (true, true) {
            return None;
        }
        if self.messages >= 3 && self.difference.is_some_and(|(_, is_same)| is_same) {
            return Some(1.0);
        }
        let values = self.with.iter().filter_map(|sums| sums.correlation(self.messages));
        values.max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// The sums that Pearson's coefficient needs.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        (self.x, self.y) = (self.x + x, self.y + y);
        (self.xx, self.yy, self.xy) = (self.xx + x * x, self.yy + y * y, self.xy + x * y);
    }

    fn correlation(&self, count: u32) -> Option<f64> {
        let n = f64::from(count);
        let (dx, dy) = (n * self.xx - self.x * self.x, n * self.yy - self.y * self.y);
        let value = (n * self.xy - self.x * self.y) / (dx.max(0.0) * dy.max(0.0)).sqrt();
        value.is_finite().then(|| value.clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::background::Background;
    use super::super::sample::Message;
    use super::*;

    pub(in super::super) fn columns(
        messages: &[Vec<u8>],
        alignment: &Alignment,
        against: Against,
    ) -> Columns {
        let messages: Vec<Message> = messages.iter().map(|bytes| Message::of(bytes)).collect();
        let sample = Sample { of: messages.len(), messages, error: None };
        let (alignment, background) = (alignment.clone(), Background::manual());
        let job =
            background.spawn("count", move |control| Columns::count(&sample, &alignment, against, control));
        background.step();
        job.poll().unwrap().unwrap().unwrap()
    }

    /// A constant, a counter, the length, and a random byte; then a text that ends with a constant.
    fn messages() -> Vec<Vec<u8>> {
        let mut random = 1_u32;
        let mut message = |number: u8| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let text = vec![b'a'; usize::from(number % 7)];
            let length = u8::try_from(text.len()).unwrap() + 5;
            [vec![0xaa, number, length, (random >> 24) as u8], text, vec![0x0d]].concat()
        };
        (0..200).map(&mut message).collect()
    }

    #[test]
    fn a_column_shows_how_its_bytes_change_and_what_they_follow() {
        let columns = columns(&messages(), &Alignment::Start, Against::Length);
        let of = |position| columns.at(position).unwrap();
        assert_eq!((of(0).change(), of(0).entropy(), of(0).correlation), (Some(0.0), 0.0, None));
        assert_eq!((of(1).change(), of(1).values()), (Some(1.0), 200));
        assert!((of(1).entropy() - 200f64.log2()).abs() < 1e-9);
        assert_eq!((of(2).correlation, of(2).values()), (Some(1.0), 7));
        assert!(of(3).correlation.unwrap().abs() < 0.3 && of(3).entropy() > 6.5);
        assert_eq!(of(0).most_frequent(), Some((0xaa, 1.0)));
        assert_eq!((columns.lengths, columns.columns.len(), of(9).messages), (Some((5, 11)), 11, 56));
        assert!(columns.at(-1).is_none() && columns.at(11).is_none());
    }

    #[test]
    fn a_byte_that_wraps_around_still_follows_the_length() {
        let messages: Vec<Vec<u8>> = (200_u16..400)
            .map(|length| [vec![length.to_le_bytes()[0]], vec![0; usize::from(length) + 3]].concat())
            .collect();
        let found = columns(&messages, &Alignment::Start, Against::Length);
        assert_eq!(found.at(0).unwrap().correlation, Some(1.0));
    }

    #[test]
    fn each_byte_of_a_long_number_follows_the_length() {
        let messages: Vec<Vec<u8>> = [20_u16, 25, 31, 700, 44, 2500, 28, 300, 1030]
            .iter()
            .map(|length| {
                [length.to_be_bytes().to_vec(), vec![0; usize::from(*length) + usize::from(length % 3)]]
                    .concat()
            })
            .collect();
        let found = columns(&messages, &Alignment::Start, Against::Length);
        let strong = |position| found.at(position).unwrap().correlation.unwrap() > 0.9;
        assert!(
            strong(0) && strong(1),
            "{:?} {:?}",
            found.at(0).unwrap().correlation,
            found.at(1).unwrap().correlation
        );
    }

    #[test]
    fn messages_are_aligned_at_their_ends_or_at_some_bytes() {
        let at_end = columns(&messages(), &Alignment::End, Against::Length);
        assert_eq!((at_end.first(), at_end.columns.len()), (-11, 11));
        assert_eq!(at_end.at(-1).unwrap().most_frequent(), Some((0x0d, 1.0)));
        let keyed = [b"xx k=1".to_vec(), b"k=2;".to_vec(), b"nothing".to_vec()];
        let at_key = columns(&keyed, &Alignment::At(b"k=".to_vec()), Against::Length);
        assert_eq!((at_key.aligned, at_key.messages, at_key.first()), (2, 3, -3));
        assert_eq!(at_key.at(2).unwrap().values(), 2);
        assert_eq!(at_key.at(0).unwrap().most_frequent(), Some((b'k', 1.0)));
    }

    #[test]
    fn a_column_may_follow_another_one() {
        let messages: Vec<Vec<u8>> =
            (0..50_u8).map(|number| vec![number, 255 - number, number / 2, 7]).collect();
        let found = columns(&messages, &Alignment::Start, Against::Position(0));
        let correlation = |position| found.at(position).unwrap().correlation;
        assert_eq!((correlation(0), correlation(3)), (Some(1.0), None));
        assert!((correlation(1).unwrap() + 1.0).abs() < 1e-9);
        assert!(correlation(2).unwrap() > 0.99 && correlation(2).unwrap() < 1.0);
    }

    #[test]
    fn a_sample_without_messages_has_no_columns() {
        let found = columns(&[], &Alignment::End, Against::Length);
        assert!(found.columns.is_empty() && found.lengths.is_none() && found.at(0).is_none());
        let found = columns(&[vec![]], &Alignment::Start, Against::Position(3));
        assert!(found.columns.is_empty() && found.lengths == Some((0, 0)));
    }
}
