//! Frames, and an encoder of HPACK that uses each representation of RFC 7541.

use std::collections::VecDeque;

use crate::linear::Choices;

/// Some entries of the static table.
const STATIC: [(usize, &str, &str); 11] = [
    (1, ":authority", ""),
    (2, ":method", "GET"),
    (3, ":method", "POST"),
    (4, ":path", "/"),
    (5, ":path", "/index.html"),
    (7, ":scheme", "https"),
    (8, ":status", "200"),
    (13, ":status", "404"),
    (32, "cookie", ""),
    (58, "user-agent", ""),
    (60, "via", ""),
];
const LAST_STATIC: usize = 61;

/// A frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// What one side has in its table, the newest first.
pub(super) struct Encoder {
    entries: VecDeque<(String, String)>,
    limit: usize,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { entries: VecDeque::new(), limit: 4096 }
    }
}

impl Encoder {
    /// A block of header fields.
    pub(super) fn block(&mut self, fields: &[(String, String)], choices: &mut Choices<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        if choices.below(8) == 1 {
            // Often as much as there is.
            self.limit = [0, 40, 300, 4096, self.size(), self.size()][choices.below(6)].min(4096);
            integer(0x20, 5, self.limit, &mut out);
            self.evict();
        }
        for (name, value) in fields {
            self.field(name, value, choices, &mut out);
        }
        out
    }

    fn field(&mut self, name: &str, value: &str, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
        let known = |at: &(usize, &str, &str)| (at.1, at.2) == (name, value);
        let dynamic = self.entries.iter().position(|(own, known)| own == name && known == value);
        let whole = STATIC.iter().find(|at| known(at) && !value.is_empty()).map(|at| at.0);
        let whole = whole.or(dynamic.map(|at| LAST_STATIC + 1 + at));
        if let Some(index) = whole.filter(|_| choices.below(4) > 0) {
            return integer(0x80, 7, index, out);
        }
        let named = STATIC.iter().find(|at| at.1 == name).map(|at| at.0);
        let dynamic = self.entries.iter().position(|(own, _)| own == name);
        let named = dynamic.filter(|_| choices.below(2) == 1).map(|at| LAST_STATIC + 1 + at).or(named);
        let index = named.filter(|_| choices.below(4) > 0).unwrap_or(0);
        let (pattern, prefix) = [(0x40, 6), (0x40, 6), (0, 4), (0x10, 4)][choices.below(4)];
        integer(pattern, prefix, index, out);
        if index == 0 {
            text(name, choices, out);
        }
        text(value, choices, out);
        if pattern == 0x40 {
            self.entries.push_front((name.to_owned(), value.to_owned()));
            self.evict();
        }
    }

    fn size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
    }

    fn evict(&mut self) {
        while self.size() > self.limit {
            self.entries.pop_back();
        }
    }
}

/// Section 5.1.
fn integer(pattern: u8, prefix: u32, value: usize, out: &mut Vec<u8>) {
    let mask = (1 << prefix) - 1;
    if value < mask {
        return out.push(pattern | value as u8);
    }
    out.push(pattern | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(0x80 | rest as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Section 5.2.
fn text(text: &str, choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    if choices.below(2) == 1 {
        let mut packed = Vec::new();
        httlib_huffman::encode(text.as_bytes(), &mut packed).expect("any byte has a code");
        integer(0x80, 7, packed.len(), out);
        out.extend(packed);
    } else {
        integer(0, 7, text.len(), out);
        out.extend(text.as_bytes());
    }
}
