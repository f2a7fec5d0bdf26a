//! Notes on rows.

use std::collections::BTreeMap;
use std::ops::Range;

use arbitrary::{Arbitrary, Unstructured};
use framescope_capture::RowId;
use framescope_capture::annotations::Annotations;
use framescope_parser::{Code, Problem, Sentence};

use super::{Sizes, Times, steps};

/// At most this many notes: as many as are sorted in parts.
const MOST: usize = 70_000;
/// At most this many passes over all notes.
const PASSES: u32 = 6;
/// At most this many of one code are listed for a row.
const OF_A_CODE: usize = 4;
/// At most this many rows are checked one by one.
const ROWS: usize = 1000;
/// The length that is given for each row.
const LENGTH: u64 = 70;

const PATTERNS: [&str; 5] =
    ["nothing answers this", "packet {} did it", "{} of {}", "{}: {} is {}", "{} and {} and {} and {}"];

#[derive(Arbitrary, Debug)]
enum Step {
    /// Notes on rows at this distance from each other, with rising numbers.
    Say {
        times: Times,
        row: u32,
        step: i8,
        code: u8,
        codes: u8,
        said: Text,
        range: Option<(u64, Sizes)>,
    },
    /// A plain text.
    Text {
        row: u32,
        code: u8,
        letter: u8,
        count: u16,
    },
    Retain {
        each: u8,
    },
    /// Rows get other numbers.
    Renumber {
        bits: u32,
    },
    /// What follows is recorded separately, until it is appended.
    Begin,
    Append,
}

#[derive(Arbitrary, Debug)]
enum Text {
    Pattern { pattern: u8, count: u8, first: u64, step: i16 },
    Plain { step: u8 },
}

impl Text {
    fn at(&self, number: u64) -> Sentence {
        match *self {
            Text::Pattern { pattern, count, first, step } => {
                let pattern = PATTERNS[usize::from(pattern) % PATTERNS.len()];
                let first = first.wrapping_add_signed(i64::from(step).wrapping_mul(number.cast_signed()));
                let second = first.rotate_left(u32::from(count >> 2));
                let numbers = [first, second, second.wrapping_add(number % 3)];
                Sentence::of(pattern, &numbers[..usize::from(count % 4)])
            }
            Text::Plain { step } => Sentence::from(format!("text {}", number * u64::from(step) / 16)),
        }
    }
}

/// The notes on each row.
type Rows = BTreeMap<u32, Vec<Problem>>;

#[derive(Default)]
struct Log {
    kept: Annotations,
    model: Rows,
}

impl Log {
    fn say(&mut self, row: u32, code: u8, text: &Sentence, range: Option<Range<u64>>) {
        let code = Code::ALL[usize::from(code) % Code::ALL.len()];
        match range.clone() {
            None => self.kept.add(row.into(), code, text),
            Some(range) => self.kept.add_range(row.into(), code, text, Some(range)),
        }
        let place = |at: u64| at.min(LENGTH) as usize;
        let range = range.map_or(0..LENGTH as usize, |range| place(range.start)..place(range.end));
        self.model.entry(row).or_default().push(Problem { code, range, text: text.to_string() });
    }

    fn append(&mut self, other: Log) {
        self.kept.append(other.kept);
        for (row, problems) in other.model {
            self.model.entry(row).or_default().extend(problems);
        }
    }
}

pub(super) fn run(program: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut logs = vec![Log::default()];
    let (mut left, mut passes_left) = (MOST, PASSES);
    for step in steps::<Step>(program)? {
        let is_pass = matches!(step, Step::Retain { .. } | Step::Renumber { .. } | Step::Append);
        if is_pass && passes_left == 0 {
            continue;
        }
        passes_left -= u32::from(is_pass);
        let Some(log) = logs.last_mut() else { break };
        match step {
            Step::Say { times, row, step, code, codes, said, range } => {
                for number in 0..times.within(&mut left) {
                    let row = row.wrapping_add_signed(i32::from(step).wrapping_mul(number as i32));
                    let code = code.wrapping_add((number % (u64::from(codes) + 1)) as u8);
                    let range =
                        range.map(|(start, lengths)| start..start.saturating_add(lengths.at(number, 64)));
                    log.say(row, code, &said.at(number), range);
                }
            }
            Step::Text { row, code, letter, count } => {
                let text = char::from(letter).to_string().repeat(usize::from(count % 8192));
                log.say(row, code, &Sentence::from(text), None);
            }
            Step::Retain { each } => {
                let keep = |row: u32| row.is_multiple_of(u32::from(each) + 1);
                log.kept.retain(|row| keep(row.number()));
                log.model.retain(|row, _| keep(*row));
            }
            Step::Renumber { bits } => {
                log.kept.renumber(|row| RowId::from(row.number() ^ bits));
                log.model = std::mem::take(&mut log.model)
                    .into_iter()
                    .map(|(row, said)| (row ^ bits, said))
                    .collect();
            }
            Step::Begin => logs.push(Log::default()),
            Step::Append => join(&mut logs),
        }
    }
    while logs.len() > 1 {
        join(&mut logs);
    }
    logs.into_iter().for_each(check);
    Ok(())
}

/// Appends what was recorded separately.
fn join(logs: &mut Vec<Log>) {
    if logs.len() > 1
        && let Some(last) = logs.pop()
        && let Some(log) = logs.last_mut()
    {
        log.append(last);
    }
}

fn check(Log { mut kept, mut model }: Log) {
    kept.sort();
    for problems in model.values_mut() {
        let mut listed: Vec<Problem> = Vec::new();
        for problem in problems.drain(..) {
            if listed.iter().filter(|known| known.code == problem.code).count() < OF_A_CODE {
                listed.push(problem);
            }
        }
        *problems = listed;
    }
    let codes =
        model.iter().flat_map(|(row, said)| said.iter().map(|problem| (RowId::from(*row), problem.code)));
    assert!(kept.codes().eq(codes), "the codes of all rows");
    for (&row, problems) in model.iter().step_by(model.len() / ROWS + 1) {
        assert!(kept.of(row.into(), LENGTH).eq(problems.iter().cloned()), "the notes on row {row}");
        let next = row.wrapping_add(1);
        if !model.contains_key(&next) {
            assert_eq!(kept.of(next.into(), LENGTH).next(), None, "row {next} has no notes");
        }
    }
}
