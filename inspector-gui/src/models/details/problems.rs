//! Which bytes and fields the problems of a message concern.

use std::ops::Range;

use framescope_parser::{Code, Problem, Severity};

/// Problems that concern captured bytes. That others are missing is not their fault.
fn about_bytes(problems: &[Problem]) -> impl Iterator<Item = &Problem> {
    problems.iter().filter(|problem| problem.code != Code::Incomplete)
}

/// The bytes that problems concern, merged where they touch. A problem of the whole message concerns no single byte.
pub(super) fn at_fault(problems: &[Problem], all: usize) -> Vec<Range<usize>> {
    let parts = about_bytes(problems).map(|problem| problem.range.clone());
    let mut parts: Vec<Range<usize>> = parts.filter(|range| !range.is_empty() && range.len() < all).collect();
    parts.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => joined.push(part),
        }
    }
    joined
}

/// Finds the worst problem inside a range in logarithmic time.
pub(super) struct ProblemIndex {
    /// For each severity, the worst first: the starts of its problems in rising order, each with the lowest end of the
    /// problems from there on.
    by_severity: Vec<(Severity, Vec<(usize, usize)>)>,
}

impl ProblemIndex {
    pub(super) fn new(problems: &[Problem]) -> ProblemIndex {
        let with = |severity: Severity| {
            let own = about_bytes(problems).filter(|problem| problem.code.severity() == severity);
            let mut places: Vec<(usize, usize)> =
                own.map(|problem| (problem.range.start, problem.range.end)).collect();
            places.sort_unstable();
            places.iter_mut().rev().fold(usize::MAX, |first, (_, end)| {
                *end = first.min(*end);
                *end
            });
            (severity, places)
        };
        ProblemIndex { by_severity: [Severity::Error, Severity::Warning, Severity::Note].map(with).to_vec() }
    }

    pub(super) fn worst_within(&self, range: &Range<usize>) -> Option<Severity> {
        let is_within = |places: &[(usize, usize)]| {
            let at = places.partition_point(|&(start, _)| start < range.start);
            places.get(at).is_some_and(|&(_, end)| end <= range.end)
        };
        self.by_severity.iter().find(|(_, places)| is_within(places)).map(|&(severity, _)| severity)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Details;
    use super::*;

    /// Problems at pseudorandom ranges, nested and side by side.
    fn problems() -> Vec<Problem> {
        let codes = [Code::InvalidUtf8, Code::Cut, Code::Glued, Code::ReservedFlags];
        let places = (0..60usize).map(|number| (number * 37 % 50, number * 11 % 7));
        let problem = |(number, (start, length)): (usize, (usize, usize))| Problem {
            code: codes[number % codes.len()],
            range: start..start + length,
            text: String::new(),
        };
        places.enumerate().map(problem).collect()
    }

    #[test]
    fn the_worst_problem_inside_a_range_is_found() {
        for count in [0, 1, 5, 60] {
            let problems = &problems()[..count];
            let index = ProblemIndex::new(problems);
            for start in 0..58 {
                for end in start..58 {
                    let within = problems
                        .iter()
                        .filter(|problem| start <= problem.range.start && problem.range.end <= end);
                    let worst = within.map(|problem| problem.code.severity()).max();
                    assert_eq!(index.worst_within(&(start..end)), worst, "{start}..{end} of {count}");
                }
            }
        }
    }

    #[test]
    fn a_byte_is_at_fault_if_a_problem_concerns_less_than_the_message() {
        let problems = problems();
        let details = Details { at_fault: at_fault(&problems, 6), ..Details::default() };
        for at in 0..60 {
            let expected =
                problems.iter().any(|problem| problem.range.contains(&at) && problem.range.len() < 6);
            assert_eq!(details.is_at_fault(at), expected, "{at}");
        }
    }
}
