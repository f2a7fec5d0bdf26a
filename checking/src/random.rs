//! Random numbers and texts for mutators: the same ones for the same seed.

/// Pseudo-random numbers. They are not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u32) -> Random {
        Random(u64::from(seed) << 1 | 1)
    }

    /// The same numbers for the same bytes.
    pub fn of(bytes: &[u8]) -> Random {
        Random::new(crc32fast::hash(bytes))
    }

    /// A number of 31 bits.
    #[allow(clippy::should_implement_trait, reason = "it never ends, so that there is no Option to unwrap")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % end.max(1)
    }

    /// True once in this many times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these; the default if there are none.
    pub fn one_of<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let at = self.below(items.len());
        items.get(at).copied().unwrap_or_default()
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        let [byte, ..] = self.next().to_le_bytes();
        byte
    }

    /// A number below 8.
    pub fn small(&mut self) -> u16 {
        u16::from(self.byte() % 8)
    }

    /// A boundary value, at which something changes.
    pub fn edge(&mut self) -> u32 {
        self.one_of(&[0, 1, 2, 63, 64, 65, 255, 256, 0xFFFF, 0x1_0000, 16 << 20, (16 << 20) + 1, u32::MAX])
    }

    /// The lower half of one.
    pub(crate) fn edge16(&mut self) -> u16 {
        let [_, _, high, low] = self.edge().to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// A length near a possible limit.
    pub fn length(&mut self) -> usize {
        let near = 1 << (4 + self.below(7));
        near + self.below(3) - 1
    }

    /// Text, sometimes cut in a character, sometimes not text at all.
    pub fn text(&mut self) -> Vec<u8> {
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
        let text = self.one_of(&texts);
        text.repeat(1 + if self.one_in(8) { self.below(40) } else { 0 })
    }

    /// Flips one bit of one byte.
    pub(crate) fn flip(&mut self, bytes: &mut [u8]) {
        let bit = self.below(8);
        let at = self.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }
}

/// Changes some bytes, as a fuzzer would: what mutators are given where there is no fuzzer.
pub fn havoc(seed: u32) -> impl FnMut(&mut [u8], usize, usize) -> usize {
    let mut random = Random::new(seed);
    move |data, size, most| {
        let size = if random.one_in(2) { random.below(most + 1).min(size + 4) } else { size };
        let size = size.min(data.len());
        if size > 0 {
            let byte = random.byte();
            let at = random.below(size);
            if let Some(place) = data.get_mut(at) {
                *place = byte;
            }
        }
        size
    }
}
