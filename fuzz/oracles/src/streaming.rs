//! Bytes that arrive bit by bit give the same as all together, and a protocol is not called over and over while they
//! arrive.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use framescope_parser::missive::{Decoder, Item, Missive, Received};
use framescope_parser::{
    Captured, Confidence, Dissection, Error, Input, Measure, Memo, Protocol, Sample, Span, SpanType, Step,
    Visit,
};

use crate::decode::{MISSIVE, cuts_from, places};
use crate::spans;

/// Takes `data` as a stream of Missive that arrives in segments, to a framer and to a decoder.
pub fn streaming(data: &[u8]) {
    for missive in &*MISSIVE {
        let whole = spans(missive, data, &[]);
        frames(missive, data, &whole);
        for cuts in cuttings(data) {
            assert_eq!(cut_up(missive, data, &cuts, 4), whole, "cut into {cuts:?}");
            received(missive, data, &cuts, &whole);
        }
    }
}

/// Ways to cut `data`: as its bytes say, and, if that does not take long, byte for byte and at the length of a header.
pub(crate) fn cuttings(data: &[u8]) -> Vec<Vec<usize>> {
    let mut all = vec![cuts_from(data)];
    if data.len() <= 256 {
        all.extend([vec![1; data.len()], vec![19; data.len() / 19 + 1]]);
    }
    all
}

/// The spans of `data` when it arrives in such segments. A protocol is called in vain only `patience` times for each
/// result, and not with every segment of a long message.
pub(crate) fn cut_up(protocol: &dyn Protocol, data: &[u8], cuts: &[usize], patience: u64) -> Vec<Span> {
    let counting = Counting { protocol, advances: AtomicU64::new(0), waits: AtomicU64::new(0) };
    let spans = spans(&counting, data, cuts);
    let (advances, waits) = (counting.advances.into_inner(), counting.waits.into_inner());
    assert!(waits <= patience * (advances + 1), "called {waits} times in vain, for {advances} results");
    spans
}

/// Counts the results of a protocol.
struct Counting<'p> {
    protocol: &'p dyn Protocol,
    advances: AtomicU64,
    waits: AtomicU64,
}

impl Protocol for Counting<'_> {
    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        let step = self.protocol.next(input, memo);
        let taken = match step {
            Step::Message(n) | Step::Checked(n) | Step::Partial(n) => Some(n),
            Step::Skipped(n, _) | Step::Searching(n, _) => Some(n),
            Step::Lost => None,
            Step::NeedMore(_) => {
                assert!(!input.last, "more is needed, and nothing follows");
                self.waits.fetch_add(1, Relaxed);
                return step;
            }
        };
        assert!(
            taken.is_none_or(|n| n.get() <= input.bytes.len()),
            "{step:?} of {} bytes",
            input.bytes.len()
        );
        self.advances.fetch_add(1, Relaxed);
        step
    }

    fn name(&self) -> &str {
        self.protocol.name()
    }

    fn about(&self) -> &str {
        self.protocol.about()
    }

    fn ends_with_segment(&self) -> bool {
        self.protocol.ends_with_segment()
    }

    fn can_resync(&self) -> bool {
        self.protocol.can_resync()
    }

    fn terminator(&self) -> Option<&[u8]> {
        self.protocol.terminator()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        self.protocol.measure(message)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        self.protocol.dissect(message, visit);
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.protocol.encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        self.protocol.detect(sample)
    }
}

fn found_of(one: &Received<'_>, stream: usize) -> (u64, u64, SpanType) {
    let span_type = match &one.item {
        Item::Frame(frame) => {
            assert_eq!(frame.encoded_length() as u64, one.length);
            SpanType::Message
        }
        Item::Refused(bytes, error) => {
            assert_eq!(bytes.len() as u64, one.length);
            assert!(error.offset as u64 <= one.length);
            SpanType::Message
        }
        Item::Skipped(code) => SpanType::Skipped(*code),
        Item::Partial(bytes) => {
            assert_eq!(bytes.len() as u64, one.length);
            SpanType::Partial
        }
    };
    if let Err(error) = one.clone().into_frame() {
        assert!(error.offset as u64 >= one.offset && error.offset <= stream, "{error}");
    }
    (one.offset, one.length, span_type)
}

/// Frames read from a slice match the spans.
fn frames(missive: &Missive, data: &[u8], whole: &[Span]) {
    let found = missive.frames(data).map(|one| found_of(&one, data.len()));
    assert!(found.eq(places(whole)), "frames of a slice");
}

/// And so do frames of bytes as they arrive.
fn received(missive: &Missive, data: &[u8], cuts: &[usize], whole: &[Span]) {
    let (mut decoder, mut found, mut rest) = (Decoder::new(missive.clone()), Vec::new(), data);
    let mut take = |decoder: &mut Decoder| {
        while let Some(one) = decoder.receive() {
            found.push(found_of(&one, data.len()));
        }
    };
    for &cut in cuts.iter().chain([&data.len()]) {
        let (piece, behind) = rest.split_at(cut.min(rest.len()));
        decoder.push(piece);
        rest = behind;
        take(&mut decoder);
        if let Some(skipping) = decoder.skipping() {
            assert!(skipping.length > 0 && skipping.offset + skipping.length <= data.len() as u64);
        }
    }
    decoder.end();
    take(&mut decoder);
    assert_eq!(decoder.buffered(), 0);
    assert!(
        found.iter().copied().eq(places(whole)),
        "bytes as they arrive: {found:?}\nall together: {whole:?}"
    );
}
