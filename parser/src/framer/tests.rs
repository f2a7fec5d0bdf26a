use super::*;
use crate::{Confidence, Dissection, Error, Input, Memo, Sample, Step, Visit};
use alloc::vec;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A protocol of which only one question is asked.
struct Test<F>(F);

impl<F: Fn(Input<'_>) -> Step + Send + Sync> Protocol for Test<F> {
    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        (self.0)(input)
    }
    #[rustfmt::skip]
    fn name(&self) -> &str { "test" }
    #[rustfmt::skip]
    fn about(&self) -> &str { "for a test" }
    #[rustfmt::skip]
    fn dissect<'a>(&'a self, _: &'a [u8], _: &mut dyn Visit<'a>) {}
    #[rustfmt::skip]
    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> { Ok(()) }
    #[rustfmt::skip]
    fn detect(&self, _: Sample<'_>) -> Confidence { Confidence::No }
}

#[test]
fn segments_stay_separate_when_several_wait() {
    // Waits until six bytes are there; then each segment is a message.
    let patient = Test(|input: Input<'_>| {
        assert!(input.first_segment >= 1 && input.first_segment <= input.bytes.len());
        match NonZeroUsize::new(6usize.saturating_sub(input.bytes.len())) {
            Some(missing) if !input.last => Step::NeedMore(missing),
            _ => Step::Message(NonZeroUsize::new(input.first_segment).unwrap()),
        }
    });
    let (mut framer, mut found) = (Framer::default(), vec![]);
    let mut offsets = vec![];
    for segment in [&b"ab"[..], b"", b"cde", b"fghi", b"j", b"klmnopq"] {
        framer.segment(&patient, segment, &mut |span, bytes| {
            assert_eq!(span.length, bytes.length() as u64);
            found.push((span.offset, bytes.bytes().to_vec()));
        });
        offsets.push(framer.end_offset());
    }
    framer.end(&patient, &mut |span, bytes| found.push((span.offset, bytes.bytes().to_vec())));
    let expected: [(u64, &[u8]); 5] = [(0, b"ab"), (2, b"cde"), (5, b"fghi"), (9, b"j"), (10, b"klmnopq")];
    assert_eq!(found, expected.map(|(offset, bytes)| (offset, bytes.to_vec())));
    assert_eq!(offsets, [2, 2, 5, 9, 10, 17]);
    assert_eq!(framer.pending.len(), 0, "nothing is kept of what was read");
}

#[test]
fn the_protocol_is_not_called_before_enough_bytes_are_there() {
    let asked = AtomicUsize::new(0);
    let once = Test(|input: Input<'_>| {
        asked.fetch_add(1, Relaxed);
        match NonZeroUsize::new(100usize.saturating_sub(input.bytes.len())) {
            Some(missing) => Step::NeedMore(missing),
            None => Step::Message(NonZeroUsize::new(100).unwrap()),
        }
    });
    let (mut framer, mut lengths) = (Framer::default(), vec![]);
    for _ in 0..1000 {
        framer.segment(&once, b"x", &mut |span, _| lengths.push(span.length));
    }
    assert_eq!(lengths, [100; 10]);
    // Once when a message begins and once when it is all there.
    assert_eq!(asked.load(Relaxed), 20);
    // Who wants more though nothing follows gets none.
    framer.segment(&once, b"rest", &mut |span, _| lengths.push(span.length));
    framer.end(&once, &mut |span, _| lengths.push(span.length));
    assert_eq!(lengths.last(), Some(&4));
}

#[test]
fn read_bytes_are_dropped_and_waiting_ones_cause_no_calls() {
    // A message of 24 bytes, then one of 1000; each begins with its own letter.
    let asked = AtomicUsize::new(0);
    let two = Test(|input: Input<'_>| {
        asked.fetch_add(1, Relaxed);
        let length: usize = if input.bytes.starts_with(b"a") { 24 } else { 1000 };
        match NonZeroUsize::new(length.saturating_sub(input.bytes.len())) {
            Some(missing) => Step::NeedMore(missing),
            None => Step::Message(NonZeroUsize::new(length).unwrap()),
        }
    });
    let stream = [vec![b'a'; 24], vec![b'b'; 1000]].concat().repeat(20);
    let (mut framer, mut spans) = (Framer::default(), vec![]);
    let mut fed = 0;
    // The first message is completed by a segment that brings the beginning of the second.
    for (i, segment) in stream.chunks(10).enumerate() {
        framer.segment(&two, segment, &mut |span, _| spans.push(span.length));
        fed += segment.len();
        assert_eq!(framer.end_offset(), fed as u64, "after segment {i}");
        let waiting = framer.pending.len() - framer.consumed;
        assert!(framer.pending.len() <= 2 * waiting.max(10) + 10, "{} of {waiting}", framer.pending.len());
        assert!(framer.segment_ends.len() <= waiting / 10 + 2);
    }
    assert_eq!(spans, [24, 1000].repeat(20));
    // Twice for each message, and once more where one ends with its segment.
    let asked = asked.load(Relaxed);
    assert!(asked <= 2 * spans.len(), "asked {asked} times for {} messages", spans.len());
    // A segment may bring much after the end of what waited.
    let mut framer = Framer::default();
    framer.segment(&two, b"aaaa", &mut |_, _| {});
    framer.segment(&two, &[&[b'a'; 20][..], &[b'b'; 200]].concat(), &mut |_, _| {});
    assert_eq!((framer.end_offset(), framer.consumed), (224, 24), "moving them would cost more");
}
