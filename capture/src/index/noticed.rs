//! What was noticed about the rows of a capture that grows, until all of it is known.
//!
//! The writer keeps all of it for the end, where rows may get other numbers. These are copies, so that a row shows its problems as soon
//! as they are noticed. They are in a few logs that are sorted, each at least twice as long as the next, so that adding some to many is
//! cheap.

use framescope_parser::Problem;

use crate::ids::RowId;
use crate::index::annotations::Annotations;

/// Problems of rows, by row.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    logs: Vec<Annotations>,
}

impl Noticed {
    /// Adds what was noticed last.
    pub(crate) fn add(&mut self, mut last: Annotations) {
        last.sort();
        while let Some(longer) = self.logs.pop_if(|before| before.len() < 2 * last.len()) {
            let shorter = std::mem::replace(&mut last, longer);
            last.append(shorter);
            last.sort();
        }
        self.logs.push(last);
    }

    /// The problems of a row of that length.
    pub(crate) fn of(&self, row: RowId, length: u64) -> impl Iterator<Item = Problem> + '_ {
        self.logs.iter().flat_map(move |log| log.of(row, length))
    }
}

#[cfg(test)]
mod tests {
    use framescope_parser::{Code, Sentence};

    use super::*;

    #[test]
    fn few_logs_hold_what_was_added_in_many_pieces() {
        let mut noticed = Noticed::default();
        for piece in 0..1000_u32 {
            let mut last = Annotations::default();
            let text = Sentence::new("number {}").with([piece.into()]);
            last.add((piece * 7 % 1000).into(), Code::Late, &text);
            noticed.add(last);
        }
        assert!(noticed.logs.len() <= 11, "{} logs", noticed.logs.len());
        for piece in 0..1000_u32 {
            let found: Vec<String> = noticed.of((piece * 7 % 1000).into(), 10).map(|one| one.text).collect();
            assert_eq!(found, [format!("number {piece}")]);
        }
    }
}
