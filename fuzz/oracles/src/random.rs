//! Numbers and texts for mutators: the same ones for the same seed.

/// Numbers that look as if by chance.
pub(crate) struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub(crate) fn new(seed: u32) -> Random {
        Random(u64::from(seed) << 1 | 1)
    }

    /// The same numbers for the same bytes.
    pub(crate) fn of(bytes: &[u8]) -> Random {
        Random::new(crc32fast::hash(bytes))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % end.max(1)
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    pub(crate) fn small(&mut self) -> u32 {
        self.below(8) as u32
    }

    /// A number at which something changes.
    pub(crate) fn edge(&mut self) -> u32 {
        let edges = [0, 1, 2, 63, 64, 65, 255, 256, 0xFFFF, 0x1_0000, 16 << 20, (16 << 20) + 1, u32::MAX];
        edges[self.below(edges.len())]
    }

    /// A length at which a limit may be.
    pub(crate) fn length(&mut self) -> usize {
        let near = 1 << (4 + self.below(7));
        near + self.below(3) - 1
    }

    /// Text, sometimes cut in a character, sometimes none at all.
    pub(crate) fn text(&mut self) -> Vec<u8> {
        let texts: [&[u8]; 8] = [
            b"",
            b"ada",
            "陈".as_bytes(),
            "caf\u{E9}".as_bytes(),
            b"\xE9\x99",
            b"a\x00b",
            b"\xF5M\x01\x03",
            b"text/plain; charset=utf-8",
        ];
        let text = texts[self.below(texts.len())];
        text.repeat(1 + if self.one_in(8) { self.below(40) } else { 0 })
    }
}
