//! Any bytes are a stream of any protocol: framed without hole or overlap, always advancing, and every message can be
//! dissected by every accessor there is.

use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::LazyLock;

use framescope_parser::bare::Bare;
use framescope_parser::missive::{Extensions, Header, Key, Missive, RawFrame};
use framescope_parser::text::Text;
use framescope_parser::{
    Captured, Code, Dissection, Framer, Kind, Protocol, Sample, Span, SpanType, Unclaimed, Value, Visit,
};

use crate::agreement::check_selection;

/// Missive, and Missive with a limit that even frames of a fuzzer's size exceed.
pub(crate) static MISSIVE: LazyLock<[Missive; 2]> = LazyLock::new(|| {
    let key = Some(Key::new(*b"a key that signed nothing"));
    [Missive::default(), Missive { payload_limit: 64, key, ..Missive::default() }]
});

/// Takes `data` as a stream, and as a message, of each protocol.
pub fn decode(data: &[u8]) {
    let [missive, small] = &*MISSIVE;
    // Everything is checked, but not on the same bytes: an execution is to be short.
    let ways = data.len();
    let missive = if ways % 4 == 3 { small } else { missive };
    let other = [&Bare as &dyn Protocol, &Text, &Unclaimed][ways % 3];
    let cuts = cuts_from(data);
    framed(missive, data, &[], Places::Verbatim);
    framed(other, data, &cuts, Places::Verbatim);
    let segment_ends: Vec<usize> = ends(&cuts, data.len()).collect();
    let chosen = if ways.is_multiple_of(2) { missive as &dyn Protocol } else { other };
    let _ = chosen.detect(Sample { bytes: data, segment_ends: &segment_ends });
    // Bytes that were never called a message can be dissected all the same.
    Check::message(chosen, data, Places::Verbatim);
    check_selection(chosen, data);
    let code = Code::ALL[ways % Code::ALL.len()];
    chosen.dissect_skipped(code, data, data.len(), &mut Check::new(data, Places::Verbatim));
    raw_view(data);
    let _ = Header::read(data).map(|header| (header.layout(), header.to_bytes()));
    let mut extensions = Extensions::new(data);
    let walked: usize = extensions.by_ref().map(|extension| 3 + extension.bytes.len()).sum();
    assert_eq!(walked + extensions.rest().len(), data.len());
}

/// The spans of `data` when it arrives in segments of these lengths, and the rest in one.
pub fn spans(protocol: &dyn Protocol, data: &[u8], cuts: &[usize]) -> Vec<Span> {
    let (mut framer, mut spans, mut rest) = (Framer::default(), Vec::new(), data);
    let mut sink = |span: Span, bytes: Captured<'_, '_>| {
        let has_bytes = matches!(span.span_type, SpanType::Message | SpanType::Partial);
        assert!(bytes.is_whole(), "nothing is missing");
        assert_eq!(bytes.length() as u64, if has_bytes { span.length } else { 0 });
        // Which checks had to be computed depends on how the bytes arrived.
        spans.push(Span { checked: false, ..span });
    };
    for &cut in cuts {
        let (segment, behind) = rest.split_at(cut.min(rest.len()));
        framer.segment(protocol, segment, &mut sink);
        rest = behind;
    }
    framer.segment(protocol, rest, &mut sink);
    framer.end(protocol, &mut sink);
    spans
}

/// The bytes of a span.
pub(crate) fn bytes_of<'d>(span: &Span, data: &'d [u8]) -> &'d [u8] {
    let start = usize::try_from(span.offset).unwrap();
    &data[start..start + usize::try_from(span.length).unwrap()]
}

/// Where spans are, and their types.
pub(crate) fn places(spans: &[Span]) -> impl Iterator<Item = (u64, u64, SpanType)> + '_ {
    spans.iter().map(|span| (span.offset, span.length, span.span_type))
}

/// The messages of a stream.
pub(crate) fn messages<'d>(protocol: &dyn Protocol, data: &'d [u8]) -> Vec<&'d [u8]> {
    let spans = spans(protocol, data, &[]);
    let messages = spans.iter().filter(|span| span.span_type == SpanType::Message);
    messages.map(|span| bytes_of(span, data)).collect()
}

/// Whether `data`, as a stream, holds a message of a protocol.
pub fn holds_message(protocol: &dyn Protocol, data: &[u8]) -> bool {
    !messages(protocol, data).is_empty()
}

/// Whether `data`, as a stream of Missive, gets as far as the fields that a payload of its kind has.
pub fn reaches_payload(data: &[u8]) -> bool {
    let missive = &MISSIVE[0];
    let typed = |message: &&[u8]| {
        let dissection = Dissection::of(missive, message);
        dissection.field("payload").is_some_and(|payload| !payload.fields.is_empty())
    };
    messages(missive, data).iter().any(typed)
}

/// Frames `data`, checks that the spans cover it, and dissects every message.
pub(crate) fn framed(protocol: &dyn Protocol, data: &[u8], cuts: &[usize], places: Places) -> Vec<Span> {
    let spans = spans(protocol, data, cuts);
    let mut end = 0;
    for span in &spans {
        assert_eq!(span.offset, end, "a hole or an overlap");
        assert!(span.length > 0, "an empty span");
        end += span.length;
        let bytes = bytes_of(span, data);
        match span.span_type {
            SpanType::Skipped(code) => {
                let mut check = Check::new(bytes, places);
                protocol.dissect_skipped(code, bytes, bytes.len(), &mut check);
                assert!(check.problems > 0, "{code} is not reported");
            }
            _ => Check::message(protocol, bytes, places),
        }
    }
    assert_eq!(end, data.len() as u64, "bytes without a span");
    spans
}

/// Segment lengths taken from the data itself.
pub(crate) fn cuts_from(data: &[u8]) -> Vec<usize> {
    let mut left = data.len();
    let cuts = data.iter().rev().map(|&byte| usize::from(byte) + 1);
    cuts.take_while(|&cut| {
        let more = left > 0;
        left = left.saturating_sub(cut);
        more
    })
    .collect()
}

/// Where each segment of these lengths ends.
fn ends(cuts: &[usize], length: usize) -> impl Iterator<Item = usize> + '_ {
    cuts.iter().scan(0, move |at: &mut usize, &cut| {
        *at = (*at + cut).min(length);
        Some(*at)
    })
}

/// Where the bytes of a field may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// Within the field that it is in, and the value is the bytes at its range.
    Verbatim,
    /// Within the field that it is in; the value may have been decoded.
    Within,
    /// Anywhere in the message, as a described protocol's instances do.
    Anywhere,
}

/// Checks all that is reported of a message, and stores nothing.
pub(crate) struct Check<'m> {
    message: &'m [u8],
    places: Places,
    open: Vec<Range<usize>>,
    kinds: u32,
    summaries: u32,
    problems: u32,
}

impl<'m> Check<'m> {
    pub(crate) fn new(message: &'m [u8], places: Places) -> Check<'m> {
        Check { message, places, open: Vec::new(), kinds: 0, summaries: 0, problems: 0 }
    }

    /// Dissects one message.
    pub(crate) fn message(protocol: &dyn Protocol, message: &'m [u8], places: Places) {
        let mut check = Check::new(message, places);
        protocol.dissect(message, &mut check);
        assert!(check.open.is_empty(), "a field that does not end");
        assert!(check.kinds <= 1 && check.summaries <= 1, "reported twice");
    }

    fn look_at(&self, name: &str, range: &Range<usize>, value: &Value<'_>) {
        let all = 0..self.message.len();
        let around = self.open.last().filter(|_| self.places != Places::Anywhere).unwrap_or(&all);
        assert!(within(range, around), "{name} at {range:?} outside of {around:?}");
        let is_verbatim = self.places == Places::Verbatim;
        if let Some(said) = value.as_bytes().filter(|_| is_verbatim) {
            assert_eq!(said, &self.message[range.clone()], "{name} has other bytes than its range");
        }
        // A part of a character is shorter than any.
        let is_part = is_verbatim && matches!(name, "continued" | "unfinished");
        assert!(!is_part || (1..=3).contains(&range.len()), "{name} has {} bytes", range.len());
        let _ = value.as_u64();
        // Long ones are written as short ones are.
        if value.as_bytes().is_none_or(|bytes| bytes.len() <= 32) {
            length_of(format_args!("{value}"));
        }
    }
}

impl<'a> Visit<'a> for Check<'_> {
    fn kind(&mut self, kind: Kind<'a>) {
        self.kinds += 1;
        assert!(length_of(format_args!("{kind}")) > 0);
    }

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.look_at(name, &range, &value);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.look_at(name, &range, &value);
        self.open.push(range);
    }

    fn end(&mut self) {
        assert!(self.open.pop().is_some(), "a field ends that did not begin");
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        self.problems += 1;
        let all = 0..self.message.len();
        assert!(within(&range, &all), "{code} at {range:?} outside of {all:?}");
        assert!(length_of(text) > 0, "{code} without a sentence");
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summaries += 1;
        length_of(text);
    }
}

/// Writes a text, and keeps only its length.
fn length_of(text: fmt::Arguments<'_>) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    count.write_fmt(text).expect("counting does not fail");
    count.0
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

/// Every accessor of the raw view works on any bytes.
fn raw_view(data: &[u8]) {
    let raw = RawFrame::new(data);
    let walked: usize = raw.extensions().map(|extension| 3 + extension.bytes.len()).sum();
    let parts = walked + raw.payload().len() + raw.tag().len() + raw.checksum().map_or(0, |_| 4);
    assert!(parts <= raw.bytes().len() && raw.bytes().len() <= data.len());
    assert_eq!(raw.checksum().is_some(), raw.computed_checksum().is_some());
    assert_eq!(raw.header_check_holds(), Header::read(data).is_ok());
    let _ = (raw.header(), raw.missing());
}
