//! A description and bytes: whatever both are, the description is loaded or refused, and as a protocol it keeps the
//! promises of all protocols. What is read of a message is written back byte for byte.

use framescope_checking::{Random, with_changed_field};
use framescope_ksy::{Described, Format};
use framescope_parser::{
    Captured, Direction, Dissection, Event, Framer, Observation, Problem, Protocol, Sample, Span, SpanType,
};

use crate::agreement::{check_outline, check_selection};
use crate::conversation::check_conversation;
use crate::decode::{Places, bytes_of, framed, messages};
use crate::streaming::{cut_up, cuttings};

/// What separates a description from the bytes, as YAML ends a document.
pub const END_OF_DESCRIPTION: &[u8] = b"\n...\n";

/// Takes `data` as a description, a line `...`, and bytes that it may describe: where its protocol has conversations, also as a
/// [`Transcript`](framescope_checking::Transcript) of one.
pub fn described(data: &[u8]) {
    let at = data.windows(END_OF_DESCRIPTION.len()).position(|window| window == END_OF_DESCRIPTION);
    let (text, bytes) = match at {
        Some(at) => (&data[..=at], &data[at + END_OF_DESCRIPTION.len()..]),
        None => (data, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match Format::from_ksy(text) {
        Ok(format) => {
            let mut message = format.read(bytes);
            let whole = message.eval("_root");
            assert!(whole.is_ok(), "the whole message has no value: {whole:?}");
            let _ = message.eval("_io.size + _io.pos");
        }
        Err(error) => {
            assert!(!error.diagnostics().is_empty());
            for mistake in error.diagnostics() {
                assert!(!mistake.text.is_empty());
                // YAML ends lines with a carriage return too.
                let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap();
                assert!(mistake.line <= lines + 1, "{mistake} is behind the end");
            }
            return;
        }
    }
    if let Ok(described) = Described::from_ksy(text) {
        check_described(&described, bytes);
        if !described.stages().is_empty() {
            check_conversation(&described, bytes);
        }
    }
}

/// Checks a described protocol against the promises of all protocols, with `bytes` as a stream of it and as one
/// message.
pub fn check_described(described: &Described, bytes: &[u8]) {
    let places = if described.reads_elsewhere() { Places::Anywhere } else { Places::Within };
    let mut whole = framed(described, bytes, &[], places);
    if described.ends_with_segment() {
        whole.clear();
    } else {
        for cuts in cuttings(bytes) {
            // Where a length is unknown the first 1024 bytes are examined one by one, and then an eighth more each
            // time.
            let found = cut_up(described, bytes, &cuts, 1100);
            assert_eq!(found, whole, "cut into {cuts:?}");
        }
    }
    accessors(described, bytes, &whole);
    check_outline(described, bytes, false);
    check_selection(described, bytes);
    check_program(described, bytes);
    if described.ends_with_segment() {
        written_back(described, bytes);
    }
    for span in whole.iter().filter(|span| span.span_type == SpanType::Message) {
        let message = bytes_of(span, bytes);
        check_outline(described, message, false);
        check_selection(described, message);
        check_program(described, message);
        written_back(described, message);
    }
    // What is written of other values is read, and written back too.
    if let Some(changed) = with_changed_field(described, bytes, &mut Random::of(bytes)) {
        for message in messages(described, &changed) {
            written_back(described, message);
        }
    }
    // The rest of a stream that is lost stays lost.
    let mut framer = Framer::default();
    framer.gap(described, 9, &mut |_, _| {});
    framer.segment(described, bytes, &mut |_, _| {});
    framer.end(described, &mut |_, _| {});
}

/// The program that dissects most messages reports what the interpreter does.
fn check_program(described: &Described, message: &[u8]) {
    let mut interpreted = Dissection::default();
    described.dissect_by_interpreter(message, &mut interpreted);
    let dissected = Dissection::of(described, message);
    // Unlike its value, the text of what is no number equals itself.
    assert_eq!(format!("{dissected:?}"), format!("{interpreted:?}"), "{message:02x?}");
}

/// The other methods of a protocol: whether it is spoken here, how its messages are related, what its fields are.
fn accessors(described: &Described, bytes: &[u8], spans: &[Span]) {
    let _ = described.detect(Sample { bytes, segment_ends: &[bytes.len()] });
    let (mut observer, mut found) = (described.observer(), Vec::new());
    for (row, span) in (0u32..).zip(spans) {
        let bytes = bytes_of(span, bytes);
        // Any message may come from either side.
        let direction = if bytes.len().is_multiple_of(2) { Direction::Forward } else { Direction::Backward };
        let event = match span.span_type {
            SpanType::Message => {
                Event::Message { direction, row, time_ns: Some(row.into()), bytes: Captured::whole(bytes) }
            }
            _ => Event::Loss { direction },
        };
        observer.iter_mut().for_each(|observer| observer.observe(event, &mut found));
    }
    observer.iter_mut().for_each(|observer| observer.finish(&mut found));
    let known = |row: u32| (row as usize) < spans.len();
    assert!(found.iter().all(|one| match one {
        Observation::Problem { row, text, .. } => known(*row) && !text.is_empty(),
        Observation::Reply { row, to, .. } => known(*row) && known(*to),
        Observation::Part { row, first, .. } => known(*row) && known(*first),
    }));
    // These concern the description alone, and are checked only sometimes.
    if bytes.len().is_multiple_of(16) {
        assert!(!described.name().is_empty() && !described.about().is_empty());
        let names = described.names();
        for path in names.fields.iter().chain(&names.anywhere) {
            let _ = described.about_field(path);
        }
        let _ = (described.usual_places(), described.enumerations());
    }
}

/// What is read is written back byte for byte, except for checks: those are computed.
fn written_back(described: &Described, bytes: &[u8]) {
    let message = Dissection::of(described, bytes);
    if message.problems.iter().any(is_limit) || bytes.len() > 1 << 20 {
        // Not all of it was read.
        let _ = described.encode(&message, &mut Vec::new());
        return;
    }
    let (mut encoded, mut notes) = (b"before".to_vec(), Vec::new());
    if let Err(error) = described.encode_noting(&message, &mut encoded, &mut notes) {
        panic!("what was read can't be written: {error}\n{:?}", message.fields);
    }
    assert_eq!(&encoded[..6], b"before", "what stood in the buffer stays");
    let encoded = &encoded[6..];
    if encoded == bytes {
        return;
    }
    let is_told =
        |at: usize| message.problems.iter().any(|problem| is_check(problem) && problem.range.contains(&at));
    let differs = || (0..bytes.len()).filter(|&at| encoded.get(at) != bytes.get(at));
    assert!(
        encoded.len() == bytes.len() && differs().all(is_told),
        "written otherwise than it was read:\n{bytes:02x?}\n{encoded:02x?}\n{:?}\n{:?}",
        message.fields,
        message.problems
    );
}

fn is_check(problem: &Problem) -> bool {
    problem.text.contains("the bytes give") || problem.text.contains("does not fit the message and the key")
}

fn is_limit(problem: &Problem) -> bool {
    problem.code == framescope_parser::Code::LimitExceeded
}
