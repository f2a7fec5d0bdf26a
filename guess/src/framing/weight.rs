//! How many bits a framing saves.
//!
//! Without a hypothesis, where segments begin has to be said for each; with one, only which of the boundaries they are at. A rule
//! under which hardly any other place of the bytes leads to a message, and that leads from each message to the next, saves what that is
//! worth. And bytes at the same place of each message are alike, more than the bytes before them let expect.

use rustc_hash::FxHashSet;

use super::expected::Expected;
use super::length::{Encoding, LengthField};
use super::{Enclosed, Escapes, Follow, Found, Framing, Lines, Next, Preamble, Rule};
use crate::Run;

/// How many bits a framing saves, by what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weight {
    /// Segments begin where messages do.
    pub segments: f64,
    /// The rule leads from message to message.
    pub rule: f64,
    /// What each message that is unlike those before it adds to that.
    pub each: f64,
    /// Bytes at the same place of each message are alike.
    pub columns: f64,
    /// What it costs to say the hypothesis.
    pub cost: f64,
    /// How many messages.
    pub messages: usize,
    /// How many of the segments that tell something begin where a message does, and how many there are.
    pub at_segments: (usize, usize),
    /// How many of the bytes are in messages.
    pub covered: (usize, usize),
    /// How many runs go on with what can't be a message.
    pub breaks: usize,
    /// How many runs.
    pub runs: usize,
}

impl Weight {
    /// All in all.
    pub fn bits(&self) -> f64 {
        let length = self.covered.0 as f64 / self.messages.max(1) as f64;
        if length < SHORTEST {
            return f64::NEG_INFINITY;
        }
        // Where no segment tells anything, that the rule goes on to the end counts instead.
        let (part, all) = if self.at_segments.1 < TELLING { self.covered } else { self.at_segments };
        let share = (part + 1) as f64 / (all + 1) as f64;
        let whole = (self.runs.saturating_sub(self.breaks) + 1) as f64 / (self.runs + 1) as f64;
        let share = share * whole;
        let gained = self.segments + self.rule + self.columns;
        gained * if gained > 0.0 { share } else { 1.0 } - self.cost - BREAK * self.breaks as f64
    }

    fn add(&mut self, other: &Weight) {
        self.segments += other.segments;
        self.messages += other.messages;
        self.at_segments.0 += other.at_segments.0;
        self.at_segments.1 += other.at_segments.1;
        self.covered.0 += other.covered.0;
        self.covered.1 += other.covered.1;
        self.breaks += other.breaks;
        self.runs += other.runs;
    }
}

/// Shorter messages are not believed: there are too many of them.
const SHORTEST: f64 = 4.0;
/// So many segments tell something.
const TELLING: usize = 4;
/// What it costs that a run continues with no message.
const BREAK: f64 = 24.0;
/// What it costs to say that a choice depends on the one before it.
const BY_LAST: f64 = 8.0;
/// What it costs to say that datagrams have several messages.
const DIVIDED: f64 = 48.0;
/// How many columns are compared.
const COLUMNS: usize = 16;
/// A segment that is shorter does not end only because it is full.
const LEAST_FULL: usize = 512;
/// What one message shows of the rule at most: of rules that hardly ever lead on from other places, none is better.
const ENOUGH: f64 = 5.0;
/// The same of a table, which was made from what is seen.
const ENOUGH_OF_TABLE: f64 = 3.0;
/// Messages of which so many bytes are the same are not told apart.
const ALIKE: usize = 64;
/// The rule is tried from so many places where no message begins, for so many steps each.
const PLACES: usize = 256;
const STEPS: usize = 8;

/// The entropy of a choice between two, in bits.
fn entropy2(share: f64) -> f64 {
    let part = |p: f64| if p <= 0.0 { 0.0 } else { -p * p.log2() };
    part(share) + part(1.0 - share)
}

/// The bits of a sequence of choices: each by itself, or by the one before it, as where every second message ends a segment.
fn sequence(all: &[bool]) -> f64 {
    let after = |wanted: bool| {
        let pairs = all.windows(2).filter(|pair| pair.first() == Some(&wanted));
        let (mut chosen, mut of) = (0, 0);
        for pair in pairs {
            of += 1;
            chosen += usize::from(pair.last() == Some(&true));
        }
        choices(chosen, of)
    };
    alone(all).min(after(false) + after(true) + BY_LAST)
}

/// The same, each by itself.
fn alone(all: &[bool]) -> f64 {
    choices(all.iter().filter(|one| **one).count(), all.len())
}

fn choices(chosen: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { of as f64 * entropy2(chosen as f64 / of as f64) }
}

/// Weighs a framing over runs. `most` is how many messages of each are looked at.
pub(super) fn weigh(framing: &Framing, runs: &[&Run], expected: &Expected, most: usize) -> Weight {
    let mut weight = Weight::default();
    let mut all = Vec::with_capacity(runs.len());
    for run in runs {
        let found = framing.find(run, most);
        weight.add(&of_segments(run, &found, framing.preamble.is_found(), most));
        all.push(found);
    }
    if framing.rule == Rule::Segment {
        // It says where each ends, as if there were no hypothesis.
        weight.segments = 0.0;
    }
    weight.columns = of_columns(framing, runs, &all, expected);
    if matches!(
        framing.rule,
        Rule::Magic(_) | Rule::Terminator(_) | Rule::Lines(_) | Rule::Headers(_) | Rule::Enclosed(_)
    ) {
        // Numbers one after another have columns too, which bytes that are common in them seem to separate.
        weight.columns = weight.columns.min(weight.segments.max(0.0) + 0.5 * weight.messages as f64);
    }
    (weight.rule, weight.each) = of_rule(framing, runs, &all);
    weight.rule += of_counted(&framing.preamble, runs, &all);
    weight.cost = cost(framing);
    let datagrams = datagrams(runs, &all);
    if weight.messages > datagrams {
        // That it leads to the end of each says it, not each step.
        weight.rule *= datagrams as f64 / weight.messages as f64;
        weight.cost += DIVIDED;
    }
    if matches!(framing.rule, Rule::Fixed(_)) && weight.messages > 2 * weight.at_segments.0 {
        // Segments whose sizes are multiples of a number say that what they have is padded, not what a message is.
        weight.segments = weight.segments.min(weight.columns);
    }
    weight
}

/// How many datagrams have messages; as many as there may be if there are none.
fn datagrams(runs: &[&Run], all: &[Found]) -> usize {
    if !runs.iter().any(|run| run.is_datagrams) {
        return usize::MAX;
    }
    let of_run = |(run, found): (&&Run, &Found)| {
        let end = found.boundaries.last().copied().unwrap_or(0);
        run.segments.partition_point(|&begin| begin < end)
    };
    runs.iter().zip(all).map(of_run).sum()
}

/// What is saved as the first bytes of messages are alike.
fn of_columns(framing: &Framing, runs: &[&Run], all: &[Found], expected: &Expected) -> f64 {
    // What a rule looks for is found, which is no evidence; but all of it is more than its first byte.
    let sought = match &framing.rule {
        Rule::Magic(magic) => magic.len(),
        _ => 0,
    };
    let mut columns = [(); COLUMNS].map(|()| (vec![0u32; 256], 0u32, 0.0f64));
    for (number, (run, found)) in runs.iter().zip(all).enumerate() {
        for message in found.of_rule() {
            let bytes = run.bytes.get(message.clone()).unwrap_or_default();
            for (place, (&byte, (counts, count, saved))) in bytes.iter().zip(&mut columns).enumerate() {
                let Some(slot) = counts.get_mut(usize::from(byte)) else { continue };
                let share = (*slot as f32 + 1.0 / 64.0) / (*count as f32 + 4.0);
                *slot += 1;
                *count += 1;
                // Random bytes take no more than they have, though what came before them let others be expected.
                let expected = expected.bits(number, message.start + place).min(8.0);
                *saved += f64::from(expected + share.log2());
            }
        }
    }
    columns.iter().skip(sought).map(|(_, _, saved)| saved.max(0.0)).sum()
}

/// What is saved of saying where segments begin.
///
/// Where those before the rule's end counts if that `is_found`, else it was taken from where segments end.
fn of_segments(run: &Run, found: &Found, is_found: bool, most: usize) -> Weight {
    let before = if is_found { found.before.get(1..).unwrap_or_default() } else { &[] };
    let begin = if before.is_empty() { found.boundaries.first().copied().unwrap_or(0) } else { 0 };
    let is_all = found.count() < most && found.encrypted.is_empty();
    let end = if is_all { run.bytes.len() } else { found.boundaries.last().copied().unwrap_or(0) };
    let longest = run.segments.iter().enumerate().map(|(at, begin)| run.segment_end(at) - begin).max();
    // That of a datagram always does.
    let longest = if run.is_datagrams { usize::MAX } else { longest.unwrap_or(0).max(LEAST_FULL) };
    // The end of a segment that is full says nothing; and where both sides take turns, nor does one after which the same side goes on.
    let turns = run.turns();
    let told = turns.iter().filter_map(|&number| {
        let (from, to) = (run.segments.get(number).copied()?, run.segment_end(number));
        let is_inner = to > begin && to <= end && to < run.bytes.len();
        (is_inner && to - from < longest).then_some(to)
    });
    let told: Vec<usize> = told.chain((run.ends && end == run.bytes.len()).then_some(end)).collect();
    let inner = found.boundaries.get(1..).unwrap_or_default();
    let ends: Vec<bool> = before.iter().chain(inner).map(|at| told.binary_search(at).is_ok()).collect();
    let hits = ends.iter().filter(|is_end| **is_end).count();
    let length = (end - begin).max(1) as f64;
    // Where datagrams end is no question.
    let plain = if run.is_datagrams { 0.0 } else { length * entropy2(told.len() as f64 / length) };
    let short = found.messages().filter(|message| (message.len() as f64) < SHORTEST).count();
    // A number that is a part of the real one makes two messages of each, of which one is nearly empty.
    let given = if short * 4 > ends.len() { alone(&ends) } else { sequence(&ends) };
    let missed = (told.len() - hits) as f64 * length.log2();
    Weight {
        segments: plain - given - missed,
        messages: found.count(),
        at_segments: (hits, told.len()),
        covered: (found.covered(), end - begin),
        breaks: found.is_wrong.into(),
        runs: 1,
        ..Weight::default()
    }
}

/// What it is worth that the rule leads from each message to the next, by how seldom it does from other places.
///
/// Also what a message of its own is worth.
fn of_rule(framing: &Framing, runs: &[&Run], all: &[Found]) -> (f64, f64) {
    if let Rule::Headers(headers) = &framing.rule {
        // A header that says where the message ends is right where the byte stands that closes it; else the next message tells little.
        let each = if headers.close.is_some() { ENOUGH } else { 2.0 };
        let said = messages(runs, all).filter(|message| headers.says_length(message)).count();
        return (each * said as f64, each);
    }
    if matches!(&framing.rule, Rule::Terminator(end) if end == b"\0") {
        let different: FxHashSet<&[u8]> = messages(runs, all).collect();
        let different: Vec<&[u8]> = different.into_iter().collect();
        // Each leads to where it ends, which hardly any others do.
        if Escapes::of(&framing.rule, &different).is_some() {
            return (ENOUGH * different.len() as f64, ENOUGH);
        }
    }
    if matches!(
        framing.rule,
        Rule::Segment
            | Rule::Fixed(_)
            | Rule::Terminator(_)
            | Rule::Magic(_)
            | Rule::Lines(_)
            | Rule::Enclosed(_)
    ) {
        return (0.0, 0.0);
    }
    let lengths = all.iter().flat_map(|found| found.of_rule().map(|message| message.len()));
    let (shortest, longest) =
        lengths.fold((usize::MAX, 0), |(least, most), length| (least.min(length), most.max(length)));
    // Where all are as long nothing shows that a byte says so.
    if shortest >= longest {
        return (0.0, 0.0);
    }
    let longest = longest.saturating_mul(2);
    // What was said before shows nothing new.
    let mut known: FxHashSet<&[u8]> = FxHashSet::default();
    let mut shown = 0;
    for message in messages(runs, all) {
        if known.insert(message.get(..ALIKE).unwrap_or(message)) {
            shown += framing.rule.parts(message);
        }
    }
    let bytes: usize = runs.iter().map(|run| run.bytes.len()).sum();
    let step = (bytes / PLACES).max(1) | 1;
    // A table says of each kind what its first message shows.
    let enough = if let Rule::Kind { lengths, .. } = &framing.rule {
        shown -= lengths.iter().filter(|&&length| length > 0).count().min(shown);
        ENOUGH_OF_TABLE
    } else {
        ENOUGH
    };
    let (mut steps, mut breaks) = (0usize, 0usize);
    for (run, found) in runs.iter().zip(all) {
        let end = found.boundaries.last().copied().unwrap_or(0);
        for begin in (step / 2..end).step_by(step) {
            let mut at = begin;
            for _ in 0..STEPS {
                if at >= end || found.boundaries.binary_search(&at).is_ok() {
                    break;
                }
                steps += 1;
                match framing.rule.next(run.bytes.get(at..).unwrap_or_default(), run.bytes.len() - at, &[]) {
                    Next::Message(length) if length <= longest => at += length,
                    _ => {
                        breaks += 1;
                        break;
                    }
                }
            }
        }
    }
    let holds = (steps - breaks) as f64 + 0.5;
    let each = (-(holds / (steps as f64 + 1.0)).log2()).min(enough);
    (shown as f64 * each, each)
}

/// The messages that a rule finds in runs.
fn messages<'r>(runs: &'r [&Run], all: &'r [Found]) -> impl Iterator<Item = &'r [u8]> {
    let of_run =
        |(run, found): (&'r &Run, &'r Found)| found.of_rule().filter_map(|message| run.bytes.get(message));
    runs.iter().zip(all).flat_map(of_run)
}

/// What it is worth that the numbers of the messages before those of the rule lead through them.
fn of_counted(preamble: &Preamble, runs: &[&Run], all: &[Found]) -> f64 {
    let Preamble::Counted(field, _) = preamble else { return 0.0 };
    // Any byte leads somewhere near.
    let each = if field.encoding.width() == 1 { 0.0 } else { ENOUGH };
    let mut known: FxHashSet<&[u8]> = FxHashSet::default();
    for (run, found) in runs.iter().zip(all) {
        known.extend(super::ranges(&found.before).filter_map(|message| run.bytes.get(message)));
    }
    each * known.len() as f64
}

/// How usual a number that says how long messages are is, in bits; None for other rules. Its highest bytes are zero rather than those of a
/// field that is never used, and it begins at a multiple of its size.
pub(super) fn usual(framing: &Framing, runs: &[&Run]) -> Option<f64> {
    let field = match &framing.rule {
        Rule::Length(field) => field,
        Rule::Kind { .. } => return Some(-cost(framing)),
        _ => return None,
    };
    let Encoding::Integer { width, is_little, .. } = field.encoding else { return Some(-cost(framing)) };
    let width = usize::from(width);
    let is_zero = |place: usize| {
        let at = field.offset + if is_little { width - 1 - place } else { place };
        let of_run = |run: &&Run| {
            let found = framing.find(run, PLACES);
            found.messages().all(|message| run.bytes.get(message.start + at) == Some(&0))
        };
        runs.iter().all(of_run)
    };
    let zeros = (0..width).take_while(|place| is_zero(*place)).count();
    let zeros = (0..zeros).map(|place| if place < 3 { 1.5 } else { 0.5 }).sum::<f64>();
    let aligned = if width > 1 && field.offset.is_multiple_of(width.min(4)) { 1.0 } else { 0.0 };
    let rare = if width == 3 || width > 4 { 1.2 } else { 0.0 };
    Some(zeros + aligned - rare - cost(framing))
}

/// How many bits it takes to say which hypothesis it is: what is common takes fewer.
fn cost(framing: &Framing) -> f64 {
    of_preamble(&framing.preamble) + cost_of_rule(&framing.rule)
}

fn of_preamble(preamble: &Preamble) -> f64 {
    match preamble {
        Preamble::Bytes(0) => 0.0,
        Preamble::Bytes(_) => 8.0,
        Preamble::Segments(count) => 6.0 + 2.0 * *count as f64,
        Preamble::Through(_) => 12.0,
        Preamble::Counted(field, count) => 2.0 * *count as f64 + of_field(field),
        Preamble::Optional { mark, each } => 2.0 + 4.0 * mark.len() as f64 + of_preamble(each),
    }
}

fn cost_of_rule(rule: &Rule) -> f64 {
    match rule {
        Rule::Segment => 1.0,
        Rule::Fixed(_) => 8.0,
        Rule::Length(field) => of_field(field),
        Rule::Terminator(end) => 4.0 + of_end(end),
        Rule::Magic(magic) => 4.0 + 8.0 * magic.len() as f64,
        Rule::Enclosed(Enclosed { start, end, is_doubled, after }) => {
            let more = if *is_doubled { 4.0 } else { 0.0 } + if *after > 0 { 4.0 } else { 0.0 };
            6.0 + 8.0 * start.len() as f64 + of_end(end) + more
        }
        Rule::Lines(lines) => of_lines(lines),
        Rule::Headers(headers) => {
            let name = match headers.length.as_deref() {
                None => 0.0,
                Some(b"content-length") => 4.0,
                Some(name) => OF_LETTER * name.len() as f64,
            };
            8.0 + of_end(&headers.end) + name + if headers.close.is_some() { 8.0 } else { 0.0 }
        }
        Rule::Value(_) => 8.0,
        Rule::Kind { lengths, .. } => {
            6.0 + 16.0 * lengths.iter().filter(|&&length| length > 0).count() as f64
        }
    }
}

/// What a letter of a text costs.
const OF_LETTER: f64 = 5.0;

/// The end of a line is said together.
fn of_end(end: &[u8]) -> f64 {
    match end {
        b"\r\n" => 7.5,
        end => 8.0 * end.len() as f64,
    }
}

fn of_lines(lines: &Lines) -> f64 {
    let mark = if lines.mark.is_some() { 12.0 } else { 0.0 };
    let text = |text: &Option<Vec<u8>>| text.as_ref().map_or(0.0, |text| 2.0 + OF_LETTER * text.len() as f64);
    let of_word = |(word, follow): (&Vec<u8>, &Follow)| {
        let counted = if follow.counted.is_some() { 4.0 } else { 0.0 };
        4.0 + OF_LETTER * word.len() as f64 + counted + text(&follow.through) + text(&follow.apart)
    };
    4.0 + of_end(&lines.end) + mark + lines.words.iter().map(of_word).sum::<f64>()
}

fn of_field(field: &LengthField) -> f64 {
    let encoding = match field.encoding {
        Encoding::Integer { width, bits, .. } if bits < width * 8 => 6.0,
        Encoding::Integer { width, .. } => {
            if matches!(width, 1 | 2 | 4) {
                2.0
            } else {
                4.0
            }
        }
        Encoding::Leb128 => 4.0,
        Encoding::Vlq | Encoding::Ber | Encoding::WebSocket | Encoding::Decimal | Encoding::Digits(_) => 5.0,
        Encoding::Hexadecimal | Encoding::HexDigits(_) => 6.0,
        Encoding::Flagged { .. } => 9.0,
    };
    // What it counts: all that follows, or the whole message, or else.
    let counts = match field.beyond {
        0 => 0.0,
        beyond
            if usize::try_from(-beyond)
                .is_ok_and(|before| before == field.offset + field.encoding.width()) =>
        {
            1.0
        }
        beyond if beyond > 0 => 3.0,
        _ => 4.0,
    };
    let place = (field.offset as f64 + 1.0).log2();
    8.0 + encoding + counts + place + if field.unit > 1 { 4.0 } else { 0.0 }
}
