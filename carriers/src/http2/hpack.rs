//! HPACK, RFC 7541: the header fields of a block, by the table that earlier blocks have filled.
//!
//! No library that was found can be copied in the middle of a connection, or continue after blocks that were lost. Here what
//! refers to entries of lost blocks is read as such, and everything else as it is.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::huffman;

/// What is between the brackets where a name or a value is not known.
pub(crate) const LOST: &[u8] = b"(lost)";

/// The size of the table before anything else is agreed.
pub(crate) const DEFAULT_TABLE: usize = 4096;
/// The most that a table holds here, whatever is agreed.
const MAX_TABLE: usize = 256 << 10;
/// The size that is assumed where what was agreed is not known: too much does no harm.
const ASSUMED_TABLE: usize = 64 << 10;
/// What an entry costs beside its name and its value, section 4.1.
const ENTRY: usize = 32;

/// Why a block can't be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it ends inside a header field")]
    Truncated,
    #[error("an integer in it is larger than 32 bits")]
    TooLarge,
    #[error("a text in it is not in the Huffman code")]
    Huffman,
    #[error("it refers to entry {0}, which the table does not have")]
    NoEntry(usize),
    #[error("it sets the size of the table to {0}, more than the {1} that the receiver allows")]
    TableSize(usize, usize),
}

/// A text as it is in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_huffman: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn decoded(&self) -> Result<Cow<'a, [u8]>, Fault> {
        match self.is_huffman {
            true => huffman::decode(self.bytes).map(Cow::Owned).ok_or(Fault::Huffman),
            false => Ok(Cow::Borrowed(self.bytes)),
        }
    }
}

/// The name of a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// That of an entry of the tables.
    Index(usize),
    Literal(Text<'a>),
}

/// What a header field is encoded as, section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation<'a> {
    Indexed(usize),
    Literal {
        name: Name<'a>,
        value: Text<'a>,
        /// Whether it becomes an entry of the table.
        enters: bool,
    },
    TableSize(usize),
}

/// The header fields of a block, each with its bytes; after a fault there are none.
pub(crate) struct Representations<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Representations<'a> {
    pub(crate) fn of(block: &'a [u8]) -> Representations<'a> {
        Representations { block, at: 0 }
    }

    /// Where the next one begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// An integer with a prefix of so many bits, section 5.1.
    fn integer(&mut self, prefix: u32) -> Result<usize, Fault> {
        let mask = 0xffu8 >> (8 - prefix);
        let first = self.byte()? & mask;
        let mut value = u64::from(first);
        if first < mask {
            return Ok(usize::from(first));
        }
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value += u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| Fault::TooLarge)?;
                return usize::try_from(value).map_err(|_| Fault::TooLarge);
            }
        }
        Err(Fault::TooLarge)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.block.get(self.at).ok_or(Fault::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn text(&mut self) -> Result<Text<'a>, Fault> {
        let is_huffman = self.block.get(self.at).is_some_and(|byte| byte & 0x80 != 0);
        let length = self.integer(7)?;
        let end = self.at.checked_add(length).ok_or(Fault::Truncated)?;
        let bytes = self.block.get(self.at..end).ok_or(Fault::Truncated)?;
        self.at = end;
        Ok(Text { bytes, is_huffman })
    }

    fn literal(&mut self, prefix: u32, enters: bool) -> Result<Representation<'a>, Fault> {
        let name = match self.integer(prefix)? {
            0 => Name::Literal(self.text()?),
            index => Name::Index(index),
        };
        Ok(Representation::Literal { name, value: self.text()?, enters })
    }

    fn one(&mut self, first: u8) -> Result<Representation<'a>, Fault> {
        match first {
            0x80.. => Ok(Representation::Indexed(self.integer(7)?)),
            0x40.. => self.literal(6, true),
            0x20.. => Ok(Representation::TableSize(self.integer(5)?)),
            _ => self.literal(4, false),
        }
    }
}

impl<'a> Iterator for Representations<'a> {
    type Item = Result<(Range<usize>, Representation<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let begin = self.at;
        let first = *self.block.get(begin)?;
        let found = self.one(first);
        if found.is_err() {
            self.at = begin;
            self.block = self.block.get(..begin).unwrap_or_default();
        }
        Some(found.map(|one| (begin..self.at, one)))
    }
}

/// A header field as the table has it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// None if it was taken from an entry that was lost.
    name: Option<Box<[u8]>>,
    value: Box<[u8]>,
}

impl Entry {
    fn size(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.len()) + self.value.len() + ENTRY
    }
}

/// Takes header fields: their names and values, as far as they are known.
pub(crate) type Fields<'f> = dyn FnMut(Option<&[u8]>, Option<&[u8]>) + 'f;

/// What a decoded block had beside its header fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many references to entries that were lost.
    pub(crate) lost: u64,
    /// Whether the list of header fields is longer than the limit, so that the last ones were left out.
    pub(crate) is_cut: bool,
}

/// The dynamic table of one direction, section 2.3.2. Its copies share the entries.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The newest first.
    entries: VecDeque<Arc<Entry>>,
    size: usize,
    limit: usize,
    /// Whether there are entries beyond these, of blocks that were lost.
    has_lost: bool,
}

impl Default for Table {
    fn default() -> Table {
        Table { entries: VecDeque::new(), size: 0, limit: DEFAULT_TABLE, has_lost: false }
    }
}

impl Table {
    /// How many bytes of memory it takes.
    pub(crate) fn memory(&self) -> usize {
        self.size + self.entries.len() * 16
    }

    /// Whether all of its entries are known.
    pub(crate) fn is_known(&self) -> bool {
        !self.has_lost
    }

    /// Blocks were lost: which entries there are is not known any more.
    pub(crate) fn forget(&mut self) {
        self.entries.clear();
        self.size = 0;
        self.limit = self.limit.max(ASSUMED_TABLE);
        self.has_lost = true;
    }

    /// Decodes a block: each header field, whose name or value may be lost, goes to `to`, up to `most` bytes. `allowed` is the
    /// largest size of the table that the receiver has ever allowed, if that is known.
    ///
    /// # Errors
    /// Says why the block can't be read on; the table is unknown from then on.
    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        allowed: Option<usize>,
        most: usize,
        to: &mut Fields<'_>,
    ) -> Result<Outcome, Fault> {
        let mut outcome = Outcome::default();
        let mut list = List { to, room: most, outcome: &mut outcome };
        for one in Representations::of(block) {
            let taken = one.and_then(|(_, one)| self.take(&one, allowed, &mut list));
            if let Err(fault) = taken {
                self.forget();
                return Err(fault);
            }
        }
        Ok(outcome)
    }

    fn take(
        &mut self,
        one: &Representation<'_>,
        allowed: Option<usize>,
        list: &mut List<'_, '_>,
    ) -> Result<(), Fault> {
        match *one {
            Representation::Indexed(index) => match static_entry(index) {
                Some((name, value)) => list.push(Some(name.as_bytes()), Some(value.as_bytes())),
                None => match self.entry(index)? {
                    Some(entry) => list.push(entry.name.as_deref(), Some(&entry.value)),
                    None => list.push(None, None),
                },
            },
            Representation::Literal { name, value, enters } => {
                let value = value.decoded()?;
                let name = match name {
                    Name::Literal(text) => Some(text.decoded()?),
                    Name::Index(index) => match static_entry(index) {
                        Some((name, _)) => Some(Cow::Borrowed(name.as_bytes())),
                        None => {
                            let entry = self.entry(index)?;
                            entry.and_then(|entry| Some(Cow::Owned(entry.name.as_deref()?.to_vec())))
                        }
                    },
                };
                list.push(name.as_deref(), Some(&value));
                if enters {
                    self.enter(Entry {
                        name: name.map(|name| name.as_ref().into()),
                        value: value.as_ref().into(),
                    });
                }
            }
            Representation::TableSize(size) => {
                if let Some(allowed) = allowed.filter(|&allowed| size > allowed) {
                    return Err(Fault::TableSize(size, allowed));
                }
                self.has_lost |= size > MAX_TABLE;
                self.limit = size.min(MAX_TABLE);
                self.has_lost &= size > 0;
                self.evict();
            }
        }
        Ok(())
    }

    /// The entry of an index beyond the static table; None if it was lost.
    fn entry(&self, index: usize) -> Result<Option<Arc<Entry>>, Fault> {
        let entry = index.checked_sub(STATIC.len() + 1).and_then(|at| self.entries.get(at));
        match entry {
            Some(entry) => Ok(Some(entry.clone())),
            None if self.has_lost && index > STATIC.len() => Ok(None),
            None => Err(Fault::NoEntry(index)),
        }
    }

    fn enter(&mut self, entry: Entry) {
        self.size += entry.size();
        self.entries.push_front(Arc::new(entry));
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.limit {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= oldest.size();
        }
    }
}

/// Header fields, up to a limit.
struct List<'l, 'f> {
    to: &'l mut Fields<'f>,
    room: usize,
    outcome: &'l mut Outcome,
}

impl List<'_, '_> {
    fn push(&mut self, name: Option<&[u8]>, value: Option<&[u8]>) {
        let length = name.unwrap_or(LOST).len() + value.unwrap_or(LOST).len() + 4;
        if name.is_none() || value.is_none() {
            self.outcome.lost += 1;
        }
        match self.room.checked_sub(length).filter(|_| !self.outcome.is_cut) {
            Some(room) => {
                self.room = room;
                (self.to)(name, value);
            }
            None => self.outcome.is_cut = true,
        }
    }
}

/// The entry of an index in the static table.
pub(crate) fn static_entry(index: usize) -> Option<(&'static str, &'static str)> {
    index.checked_sub(1).and_then(|at| STATIC.get(at)).copied()
}

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
    }

    fn lines(table: &mut Table, block: &str) -> Result<Vec<String>, Fault> {
        let mut lines = Vec::new();
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or(LOST).to_vec()).unwrap();
        table.decode(&hex(block), None, 1 << 20, &mut |name, value| {
            lines.push(format!("{}: {}", text(name), text(value)));
        })?;
        Ok(lines)
    }

    /// RFC 7541, C.6: responses with the Huffman code, and a table of 256 bytes.
    const RESPONSES: [(&str, &[&str], usize); 3] = [
        (
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
             1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            &[
                ":status: 302",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com",
            ],
            222,
        ),
        (
            "4883 640e ffc1 c0bf",
            &[
                ":status: 307",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com",
            ],
            222,
        ),
        (
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 \
             e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
            &[
                ":status: 200",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:22 GMT",
                "location: https://www.example.com",
                "content-encoding: gzip",
                "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ],
            215,
        ),
    ];

    #[test]
    fn the_responses_of_the_rfc_are_decoded_and_evict_as_it_says() {
        let mut table = Table { limit: 256, ..Table::default() };
        for (block, expected, size) in RESPONSES {
            assert_eq!(lines(&mut table, block).unwrap(), expected);
            assert_eq!(table.size, size);
        }
    }

    #[test]
    fn after_a_loss_what_is_new_is_known_and_what_was_lost_is_shown_as_lost() {
        let mut table = Table { limit: 256, ..Table::default() };
        table.forget();
        let [_, (second, ..), (third, expected, _)] = RESPONSES;
        let known = lines(&mut table, second).unwrap();
        assert_eq!(known, [":status: 307", "(lost): (lost)", "(lost): (lost)", "(lost): (lost)"]);
        let known = lines(&mut table, third).unwrap();
        let lost = |at: usize| known[at] == "(lost): (lost)";
        assert!(lost(1) && lost(3), "{known:?}");
        assert!((0..6).filter(|&at| !lost(at)).all(|at| known[at] == expected[at]), "{known:?}");
    }

    #[test]
    fn a_table_that_is_emptied_is_known_again() {
        let mut table = Table::default();
        table.forget();
        assert_eq!(lines(&mut table, "20 3fe11f be"), Err(Fault::NoEntry(62)));
    }

    #[test]
    fn what_is_wrong_with_a_block_is_found() {
        let fault = |block: &str| lines(&mut Table::default(), block).unwrap_err();
        assert_eq!(fault("80"), Fault::NoEntry(0));
        assert_eq!(fault("be"), Fault::NoEntry(62));
        assert_eq!(fault("400a637573746f6d"), Fault::Truncated);
        assert_eq!(fault("ffffffffff7f"), Fault::TooLarge);
        assert_eq!(fault("418118"), Fault::Huffman);
        let update = Table::default().decode(&hex("3fe21f"), Some(4096), 9, &mut |_, _| {});
        assert_eq!(update, Err(Fault::TableSize(4097, 4096)));
    }

    #[test]
    fn a_list_is_cut_at_the_limit_and_the_table_is_filled_all_the_same() {
        let mut table = Table::default();
        let mut count = 0;
        let block = hex("4001 61 01 62 be be be be");
        let outcome = table.decode(&block, None, 20, &mut |_, _| count += 1).unwrap();
        assert!(outcome.is_cut);
        assert_eq!((count, table.entries.len()), (3, 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_and_the_table_is_bounded(blocks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..60), 0..8)) {
            let mut table = Table::default();
            for block in &blocks {
                let _ = table.decode(block, None, 1 << 16, &mut |_, _| {});
                prop_assert!(table.size <= table.limit && table.limit <= MAX_TABLE);
                prop_assert_eq!(table.size, table.entries.iter().map(|entry| entry.size()).sum::<usize>());
            }
        }
    }
}
