//! Which rules for messages of lines are tried, by what follows the lines that there are.

use std::collections::{BTreeMap, HashMap};

use super::headers::{Headers, named};
use super::lines::{Follow, Lines, Mark, Word, decimal, first_word};
use crate::Run;

/// How many lines of all runs are looked at, how many segments, and how many headers.
const LINES: usize = 4_000;
const SEGMENTS: usize = 1_000;
const HEADERS: usize = 60;
/// Longer lines end no message that has several.
const LONGEST_LAST: usize = 16;
/// Longer words are no names of commands.
const LONGEST_WORD: usize = 16;
/// Marks are tried at so many places.
const MARKS: usize = 6;
/// How many are tried of what was found.
const MOST: usize = 3;
/// Of so many occurrences of a word most must be followed alike.
const MOSTLY: f64 = 0.8;

/// How often each of some things was seen, the most common first.
struct Tally<T>(HashMap<T, usize>);

impl<T: Ord + Clone + std::hash::Hash> Tally<T> {
    fn new() -> Tally<T> {
        Tally(HashMap::new())
    }

    fn add(&mut self, seen: T) {
        *self.0.entry(seen).or_default() += 1;
    }

    fn common(&self) -> Vec<(T, usize)> {
        let mut all: Vec<(T, usize)> = self.0.iter().map(|(seen, count)| (seen.clone(), *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }
}

/// Rules for messages of lines.
pub(super) fn lines(runs: &[&Run]) -> Vec<Lines> {
    let mut found = Vec::new();
    for end in [&b"\r\n"[..], b"\n"] {
        let plain = Lines::plain(end);
        let ends = runs
            .iter()
            .flat_map(|run| (0..run.segments.len()).take(SEGMENTS).map(|at| (run.segment_end(at), *run)));
        let (mut all, mut at_line) = (0, 0);
        for (at, run) in ends {
            all += 1;
            at_line += usize::from(run.bytes.get(..at).is_some_and(|bytes| bytes.ends_with(end)));
        }
        if at_line * 2 < all {
            continue;
        }
        let marks = marks(runs, &plain);
        let counted = counted(runs, &plain);
        let with_bytes = Lines { words: counted, ..plain.clone() };
        let followed = followed(runs, &with_bytes);
        found.extend(marks.iter().map(|mark| Lines { mark: Some(*mark), ..plain.clone() }));
        for (through, apart) in [(true, true), (true, false), (false, true)] {
            let mut words = followed.clone();
            for follow in words.values_mut() {
                follow.through.take_if(|_| !through);
                follow.apart.take_if(|_| !apart);
            }
            words.retain(|_, follow| *follow != Follow::default());
            let lines = Lines { words, ..plain.clone() };
            if lines != with_bytes && !found.contains(&lines) {
                found.push(lines);
            }
        }
        if with_bytes != plain {
            found.push(with_bytes);
        }
    }
    found
}

/// The lines of runs, each with all that follows it.
fn each<'r>(runs: &'r [&Run], plain: &'r Lines) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
    let of_run = move |run: &&'r Run| {
        let mut left: &'r [u8] = &run.bytes;
        std::iter::from_fn(move || {
            let unit = plain.unit(left)?;
            let rest = left.get(unit.length..)?;
            left = rest;
            Some((unit.line, rest))
        })
    };
    runs.iter().flat_map(of_run).take(LINES)
}

/// The marks behind what consecutive lines begin with alike.
fn marks(runs: &[&Run], plain: &Lines) -> Vec<Mark> {
    let mut seen = Tally::new();
    for (line, rest) in each(runs, plain) {
        let Some(next) = plain.unit(rest) else { continue };
        for at in 1..=MARKS {
            let (Some(byte), Some(code)) = (line.get(at), line.get(..at)) else { break };
            let is_mark = byte.is_ascii_punctuation() || *byte == b' ';
            if is_mark && next.line.starts_with(code) && next.line.get(at) != Some(byte) {
                seen.add((at, *byte));
            }
        }
    }
    seen.common().into_iter().take(MOST).map(|((at, byte), _)| Mark { at, byte }).collect()
}

/// The words with which lines begin that say how many bytes follow.
fn counted(runs: &[&Run], plain: &Lines) -> BTreeMap<Vec<u8>, Follow> {
    let mut votes: HashMap<&[u8], (usize, Tally<Word>)> = HashMap::new();
    for (line, rest) in each(runs, plain) {
        let word = first_word(line);
        if word.is_empty() || word.len() > LONGEST_WORD {
            continue;
        }
        let follows = |count: usize| rest.get(count..).is_some_and(|rest| rest.starts_with(&plain.end));
        let (all, seen) = votes.entry(word).or_insert_with(|| (0, Tally::new()));
        *all += 1;
        let numbers: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let says = |word: &&[u8]| decimal(word).is_some_and(|count| count > 0 && follows(count));
        for (at, _) in numbers.iter().enumerate().skip(1).filter(|(_, word)| says(word)) {
            seen.add(Word::At(at));
        }
        if numbers.len() > 1 && numbers.last().is_some_and(says) {
            seen.add(Word::Last);
        }
    }
    let mut words = BTreeMap::new();
    for (word, (all, seen)) in votes {
        if let Some((counted, count)) = seen.common().first()
            && *count as f64 >= MOSTLY * all as f64
        {
            words.insert(word.to_vec(), Follow { counted: Some(*counted), ..Follow::default() });
        }
    }
    words
}

/// What follows lines of several in a segment, and those before such: what the rule knows, and the lines that end them.
fn followed(runs: &[&Run], rule: &Lines) -> BTreeMap<Vec<u8>, Follow> {
    let mut through: HashMap<&[u8], (usize, Tally<&[u8]>)> = HashMap::new();
    let mut apart: HashMap<&[u8], (usize, Tally<&[u8]>)> = HashMap::new();
    for run in runs {
        let mut before: Option<&[u8]> = None;
        let mut begin = 0;
        for number in run.turns().into_iter().take(SEGMENTS) {
            let range = begin..run.segment_end(number);
            begin = range.end;
            let mut left = run.bytes.get(range).unwrap_or_default();
            let mut units = Vec::new();
            while let Some(unit) = rule.unit(left) {
                units.push(unit.line);
                left = left.get(unit.length..).unwrap_or_default();
            }
            let is_whole = left.is_empty();
            let (Some(first), Some(last)) = (units.first(), units.last()) else { continue };
            let is_end = is_whole && units.len() > 1 && last.len() <= LONGEST_LAST;
            let (all, seen) = through.entry(first_word(first)).or_insert_with(|| (0, Tally::new()));
            *all += 1;
            if is_end {
                seen.add(last);
            }
            if let Some(word) = before {
                let (all, seen) = apart.entry(word).or_insert_with(|| (0, Tally::new()));
                *all += 1;
                if is_end {
                    seen.add(last);
                }
            }
            // A line that is not whole, or in the middle of what follows another, begins nothing.
            before = is_whole.then(|| first_word(last));
        }
    }
    let mut words = rule.words.clone();
    for (word, (all, seen)) in through {
        if let Some((last, count)) = seen.common().first()
            && *count as f64 >= MOSTLY * all as f64
            && first_word(last) != word
        {
            words.entry(word.to_vec()).or_default().through = Some(last.to_vec());
        }
    }
    for (word, (all, seen)) in apart {
        if let Some((last, count)) = seen.common().first()
            && *count * 2 >= all
            && last.len() <= 2
        {
            words.entry(word.to_vec()).or_default().apart = Some(last.to_vec());
        }
    }
    words.retain(|word, _| word.len() <= LONGEST_WORD && !word.is_empty());
    words
}

/// Rules for messages with headers.
pub(super) fn headers(runs: &[&Run]) -> Vec<Headers> {
    let mut found = Vec::new();
    for end in [&b"\r\n"[..], b"\n"] {
        let (mut names, mut blocks) = (Tally::new(), 0);
        for run in runs {
            let mut from = 0;
            while blocks < HEADERS
                && let Some(left) = run.bytes.get(from..)
                && let Some(at) = memchr::memmem::find(left, &end.repeat(2))
            {
                blocks += 1;
                for (name, _) in named(left.get(..at).unwrap_or_default(), end)
                    .filter(|(_, value)| decimal(value).is_some())
                {
                    names.add(name.trim_ascii().to_ascii_lowercase());
                }
                from += at + 2 * end.len();
            }
        }
        if blocks == 0 {
            continue;
        }
        let names = names.common().into_iter().take(2 * MOST).map(|(name, _)| Some(name));
        for length in std::iter::once(None).chain(names) {
            for close in [None, Some(0)] {
                if length.is_some() || close.is_some() {
                    found.push(Headers { end: end.to_vec(), length: length.clone(), close });
                }
            }
        }
    }
    found
}
