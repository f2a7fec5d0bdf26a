//! What the bytes of streams cost to say without a hypothesis on messages: each by those before it.

use crate::Run;

/// How much the shorter context counts, in occurrences.
const SHORTER: f32 = 1.0;
const PAIRS: usize = 1 << 22;

/// The bits that each byte of some runs takes, coded adaptively by the two bytes before it, by one, and by none.
#[derive(Debug)]
pub(super) struct Expected {
    runs: Vec<Vec<f32>>,
}

impl Expected {
    /// Reads the runs one after another. None if `goes_on` becomes false.
    pub(super) fn of(runs: &[&Run], goes_on: &dyn Fn() -> bool) -> Option<Expected> {
        let mut model = Model {
            none: vec![0; 256],
            one: vec![0; 256 * 256],
            ones: vec![0; 256],
            two: vec![0; PAIRS],
            twos: vec![0; 256 * 256],
            all: 0,
            believed: [1.0 / 3.0; 3],
        };
        let read = |run: &&Run| goes_on().then(|| model.run(&run.bytes));
        Some(Expected { runs: runs.iter().map(read).collect::<Option<_>>()? })
    }

    /// The bits of a byte of a run.
    #[inline]
    pub(super) fn bits(&self, run: usize, at: usize) -> f32 {
        self.runs.get(run).and_then(|run| run.get(at)).copied().unwrap_or(0.0)
    }
}

/// Three ways to expect a byte, and how much each is believed, by how well it did lately.
struct Model {
    none: Vec<u32>,
    one: Vec<u32>,
    ones: Vec<u32>,
    /// By a hash of two bytes and the one that follows.
    two: Vec<u16>,
    twos: Vec<u32>,
    all: u32,
    believed: [f32; 3],
}

/// What was long ago counts less.
const MEMORY: f32 = 0.95;

impl Model {
    fn run(&mut self, bytes: &[u8]) -> Vec<f32> {
        let (mut last, mut before) = (0usize, 0usize);
        let cost = |&byte: &u8| {
            let byte = usize::from(byte);
            let context = before << 8 | last;
            let triple = u32::try_from(context << 8 | byte).unwrap_or(0);
            let hash = triple.wrapping_mul(0x9E37_79B1) >> 10;
            let bits = self.add(byte, last, context, hash as usize);
            (before, last) = (last, byte);
            bits
        };
        bytes.iter().map(cost).collect()
    }

    #[expect(clippy::indexing_slicing, reason = "tables have a place for each context")]
    fn add(&mut self, byte: usize, last: usize, context: usize, hash: usize) -> f32 {
        let none = (self.none[byte] as f32 + 0.25) / (self.all as f32 + 64.0);
        let one = &mut self.one[last << 8 | byte];
        let by_one = (*one as f32 + SHORTER * none) / (self.ones[last] as f32 + SHORTER);
        let two = &mut self.two[hash];
        let by_two = (f32::from(*two) + SHORTER * by_one) / (self.twos[context] as f32 + SHORTER);
        self.none[byte] += 1;
        self.all += 1;
        *one += 1;
        self.ones[last] += 1;
        *two = two.saturating_add(1);
        self.twos[context] += 1;
        self.mixed([none, by_one, by_two.min(1.0)])
    }

    /// The bits of a byte of which each way expected so much.
    fn mixed(&mut self, shares: [f32; 3]) -> f32 {
        let parts = [0, 1, 2].map(|way: usize| match (self.believed.get(way), shares.get(way)) {
            (Some(believed), Some(share)) => believed * share,
            _ => 0.0,
        });
        let share = parts.iter().sum::<f32>().max(1e-9);
        let grown = parts.map(|part| (part / share).max(1e-4).powf(MEMORY));
        let all: f32 = grown.iter().sum();
        self.believed = grown.map(|part| part / all);
        -share.min(1.0).log2()
    }
}
