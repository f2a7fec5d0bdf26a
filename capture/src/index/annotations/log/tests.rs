use proptest::prelude::*;

use super::chunk::Block;
use super::*;

/// What is kept is what a plain list keeps.
#[derive(Default)]
struct Model(Vec<(u32, Code, String, Option<Range<u64>>)>);

impl Model {
    fn of(&self, row: u32, length: usize) -> Vec<Problem> {
        let mut found: Vec<Problem> = Vec::new();
        for (_, code, text, range) in self.0.iter().filter(|one| one.0 == row) {
            if found.iter().filter(|one| one.code == *code).count() < PROBLEMS_A_ROW {
                let place = |at: u64| usize::try_from(at).unwrap().min(length);
                let range = range.as_ref().map_or(0..length, |range| place(range.start)..place(range.end));
                found.push(Problem { code: *code, range, text: text.clone() });
            }
        }
        found
    }
}

fn sentence() -> impl Strategy<Value = Sentence> {
    let numbers = || prop_oneof![0..10u64, 990..1010u64, any::<u64>()];
    prop_oneof![
        Just(Sentence::new("nothing answers this")),
        prop::sample::select(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][..]).prop_map(Sentence::new),
        numbers().prop_map(|a| Sentence::new("packet {} did it").with([a])),
        (numbers(), numbers()).prop_map(|(a, b)| Sentence::new("{} of {}").with([a, b])),
        (numbers(), numbers(), numbers()).prop_map(|(a, b, c)| Sentence::new("{}: {} is {}").with([a, b, c])),
        "[a-c{}]{0,2}".prop_map(Sentence::from),
        "x{5000}".prop_map(Sentence::from),
    ]
}

fn code() -> impl Strategy<Value = Code> {
    prop::sample::select(&Code::ALL[..20])
}

#[derive(Clone, Debug)]
enum Step {
    /// So many notes of rows that stand so far apart, with numbers that rise.
    Run(u32, u32, u32, Code),
    Add(u32, Code, Sentence, Option<Range<u64>>),
    Retain(u32),
    Turn(u32),
    Append(Vec<(u32, Code, Sentence)>),
}

fn step() -> impl Strategy<Value = Step> {
    let row = || prop_oneof![4 => 0..40u32, 2 => 0..5000u32, 1 => any::<u32>()];
    let range = prop::option::of(
        (any::<u64>(), 0..50u64).prop_map(|(start, length)| start % 100..start % 100 + length),
    );
    prop_oneof![
        3 => (row(), 0..5u32, 1..400u32, code()).prop_map(|(a, b, c, d)| Step::Run(a, b, c, d)),
        9 => (row(), code(), sentence(), range).prop_map(|(a, b, c, d)| Step::Add(a, b, c, d)),
        1 => (2..9u32).prop_map(Step::Retain),
        1 => any::<u32>().prop_map(Step::Turn),
        1 => prop::collection::vec((row(), code(), sentence()), 0..9).prop_map(Step::Append),
    ]
}

fn check(log: &Annotations, model: &Model) -> Result<(), TestCaseError> {
    let mut rows: Vec<u32> = model.0.iter().map(|one| one.0).collect();
    rows.sort_unstable();
    rows.dedup();
    for &row in &rows {
        prop_assert_eq!(log.of(row.into(), 70).collect::<Vec<_>>(), model.of(row, 70), "row {}", row);
        if let Err(next) = rows.binary_search(&row.wrapping_add(1)) {
            prop_assert_eq!(log.of(row.wrapping_add(1).into(), 70).count(), 0, "behind {} of {}", row, next);
        }
    }
    let codes: Vec<(u32, Code)> = log.codes().map(|(row, code)| (row.number(), code)).collect();
    let of_row = |&row: &u32| model.of(row, 70).into_iter().map(move |problem| (row, problem.code));
    prop_assert_eq!(codes, rows.iter().flat_map(of_row).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_a_row_is_what_a_list_says_of_it(steps in prop::collection::vec(step(), 0..40)) {
        let (mut log, mut model) = (Annotations::default(), Model::default());
        for step in steps {
            match step {
                Step::Run(first, apart, count, code) => for at in 0..count {
                    let row = first.wrapping_add(at * apart);
                    let text = Sentence::new("{}, {}, {}").with([7, u64::from(row) + 1, u64::from(row) + 9]);
                    model.0.push((row, code, text.to_string(), None));
                    log.add(row.into(), code, &text);
                },
                Step::Add(row, code, text, range) => {
                    model.0.push((row, code, text.to_string(), range.clone()));
                    log.add_range(row.into(), code, &text, range);
                }
                Step::Retain(by) => {
                    model.0.retain(|one| one.0 % by != 0);
                    log.retain(|row| row.number() % by != 0);
                }
                Step::Turn(by) => {
                    model.0.iter_mut().for_each(|one| one.0 ^= by);
                    log.renumber(|row| RowId::from(row.number() ^ by));
                }
                Step::Append(notes) => {
                    let mut other = Annotations::default();
                    for (row, code, text) in notes {
                        model.0.push((row, code, text.to_string(), None));
                        other.add(row.into(), code, &text);
                    }
                    log.append(other);
                }
            }
        }
        log.sort();
        check(&log, &model)?;
    }
}

/// How many bytes are kept.
fn bytes(log: &Annotations) -> usize {
    log.chunks.iter().map(|chunk| chunk.bytes.capacity() + chunk.blocks.capacity() * size_of::<Block>()).sum()
}

#[test]
fn a_note_on_every_row_takes_a_few_bytes() {
    const ROWS: u32 = 200_000;
    let of_row =
        |log: &Annotations, row: u32| -> Vec<String> { log.of(row.into(), 9).map(|one| one.text).collect() };
    // Two hundred conversations take turns, and each continues where it was.
    let mut jumps = Annotations::default();
    for row in 0..ROWS {
        let next = u64::from(row / 200 * 2 + row % 200 % 7);
        let text = Sentence::new("the next of channel {} is {}; this one is {}").with([1, next, next + 1]);
        jumps.add(row.into(), Code::SequenceJump, &text);
    }
    jumps.sort();
    assert!(bytes(&jumps) <= 4 * ROWS as usize, "{}", bytes(&jumps));
    assert_eq!(of_row(&jumps, 150_001), ["the next of channel 1 is 1501; this one is 1502"]);
    // Notes that come by conversations, and are put in the order of the rows.
    let mut open = Annotations::default();
    let mut again = Annotations::default();
    for row in (0..200).flat_map(|first| (first..ROWS).step_by(200)) {
        open.add(row.into(), Code::Unanswered, &Sentence::new("no reply to this request was seen"));
        let text = Sentence::new("packet {} brings these bytes again").with([u64::from(row) * 2 + 300]);
        again.add(row.into(), Code::Retransmitted, &text);
    }
    assert!(bytes(&open) <= 5 * ROWS as usize / 2 && bytes(&again) <= 6 * ROWS as usize);
    open.sort();
    again.sort();
    assert!(bytes(&open) <= 5 * ROWS as usize / 4, "{}", bytes(&open));
    assert!(bytes(&again) <= 5 * ROWS as usize / 2, "{}", bytes(&again));
    assert_eq!(of_row(&again, 77_777), ["packet 155854 brings these bytes again"]);
}

#[test]
fn excess_notes_on_a_row_are_left_out_and_excess_patterns_are_texts() {
    let mut log = Annotations::default();
    let patterns: Vec<&'static str> = (0..1000).map(|at| &*format!("{at} and {{}}").leak()).collect();
    for (row, pattern) in (0_u32..).zip(&patterns) {
        log.add(row.into(), Code::Unfinished, &Sentence::new(pattern).with([5]));
    }
    for row in 0..100_000_u32 {
        log.add((row % 3).into(), Code::Late, &Sentence::new("again"));
    }
    let mut other = Annotations::default();
    other.add_range(2000.into(), Code::Cut, &Sentence::new("{} was cut").with([9]), Some(1..3));
    log.append(other);
    log.sort();
    let cut = Problem { code: Code::Cut, range: 1..3, text: "9 was cut".into() };
    assert_eq!(log.of(2000.into(), 5).collect::<Vec<_>>(), [cut]);
    let late = |row: u32| log.of(row.into(), 0).filter(|problem| problem.code == Code::Late).count();
    assert_eq!([0, 1, 2, 3].map(late), [PROBLEMS_A_ROW, 4, 4, 0]);
    assert!(log.patterns.len() <= MOST_PATTERNS + 3);
    for row in [0_u32, 300, 999] {
        assert_eq!(log.of(row.into(), 0).next().unwrap().text, format!("{row} and 5"));
    }
}
