//! Evaluates a query on a whole block of rows.
//!
//! What depends only on a row's label or stream is tested once for each of these and looked up for the whole block. What is in
//! the index is tested for the rows that this leaves open, and the bytes of a row are read only if nothing else decides.

use std::io;
use std::ops::Range;

use super::bitmap::{BLOCK_ROWS, Bitmap, Verdicts};
use super::conditions::{test_block, test_group, test_index};
use super::messages::Messages;
use super::query::{Node, PreparedTest, Query, Tier};
use crate::{Index, RowId};

/// What one thread learned of an index, and the memory that it needs.
#[derive(Default)]
pub(super) struct BlockEvaluator {
    /// For each test its results by label or by stream.
    groups: Vec<GroupResults>,
    verdicts: Vec<Verdicts>,
    messages: Messages,
}

/// The results of a test by the number of a label or stream.
#[derive(Default)]
struct GroupResults(Vec<Option<bool>>);

impl BlockEvaluator {
    /// Appends the rows in `range` that match.
    pub(super) fn rows_in(
        &mut self,
        query: &Query,
        index: &Index,
        range: Range<usize>,
        rows: &mut Vec<RowId>,
    ) -> io::Result<()> {
        let Ok(end) = u32::try_from(range.end.min(index.row_count())) else { return Ok(()) };
        let mut first = u32::try_from(range.start).unwrap_or(end);
        while first < end {
            let count = (end - first).min(BLOCK_ROWS);
            self.block(query, index, first, Bitmap::first(count), rows)?;
            first += count;
        }
        Ok(())
    }

    /// Appends the rows that match, of the `candidates` among the 4,096 from `first` on.
    pub(super) fn block(
        &mut self,
        query: &Query,
        index: &Index,
        first: u32,
        candidates: Bitmap,
        rows: &mut Vec<RowId>,
    ) -> io::Result<()> {
        let count = usize::try_from(first).map_or(0, |first| index.row_count().saturating_sub(first));
        let candidates = candidates.and(&Bitmap::first(u32::try_from(count).unwrap_or(BLOCK_ROWS)));
        let tests = &query.tests;
        self.verdicts.clear();
        self.verdicts.resize(tests.len(), Verdicts::UNKNOWN);
        self.groups.resize_with(tests.len(), GroupResults::default);
        let (mut so_far, mut open) = (Verdicts::UNKNOWN, candidates);
        for &number in &query.before_messages {
            if open.is_empty() {
                break;
            }
            let Some(prepared) = tests.get(number) else { continue };
            let yes = self.test(number, prepared, index, first, &open);
            if let Some(verdicts) = self.verdicts.get_mut(number) {
                *verdicts = Verdicts { yes, no: open.without(&yes) };
            }
            so_far = evaluate(&query.root, &self.verdicts);
            open = candidates.without(&so_far.yes).without(&so_far.no);
        }
        let BlockEvaluator { verdicts, messages, .. } = self;
        for place in candidates.without(&so_far.no).iter() {
            let is_match = so_far.yes.contains(place)
                || messages.matches(query, index, (first + place).into(), &|test| {
                    verdicts.get(test).and_then(|known| known.of(place))
                })?;
            if is_match {
                rows.push((first + place).into());
            }
        }
        Ok(())
    }

    /// The rows that meet a test which needs no bytes.
    fn test(
        &mut self,
        number: usize,
        prepared: &PreparedTest,
        index: &Index,
        first: u32,
        open: &Bitmap,
    ) -> Bitmap {
        let test = &prepared.test;
        let Some(results) = self.groups.get_mut(number) else { return Bitmap::default() };
        match prepared.tier {
            Tier::Label | Tier::Stream => open.filter(|place| {
                let row = RowId::from(first + place);
                let group = match prepared.tier {
                    Tier::Label => index.label_of(row),
                    _ => index.stream_of(row),
                };
                let compute = || index.row(row).is_some_and(|row| test_group(test, index, &row));
                group.is_some_and(|group| results.of(group, compute))
            }),
            _ => {
                let is_aligned = first.is_multiple_of(BLOCK_ROWS);
                match test_block(test, index, (first / BLOCK_ROWS) as usize).filter(|_| is_aligned) {
                    Some(true) => *open,
                    Some(false) => Bitmap::default(),
                    None => open.filter(|place| test_index(test, index, (first + place).into())),
                }
            }
        }
    }
}

impl GroupResults {
    /// The result for a group, which is computed once.
    #[inline]
    fn of(&mut self, group: u32, compute: impl FnOnce() -> bool) -> bool {
        match self.0.get(group as usize) {
            Some(Some(known)) => *known,
            _ => self.insert(group as usize, compute()),
        }
    }

    #[cold]
    fn insert(&mut self, group: usize, result: bool) -> bool {
        if self.0.len() <= group {
            self.0.resize(group + 1, None);
        }
        if let Some(known) = self.0.get_mut(group) {
            *known = Some(result);
        }
        result
    }
}

/// The same as [`Node::evaluate`] for all rows of a block.
fn evaluate(node: &Node, verdicts: &[Verdicts]) -> Verdicts {
    match node {
        Node::Test(number) => verdicts.get(*number).copied().unwrap_or_default(),
        Node::Not(inner) => {
            let Verdicts { yes, no } = evaluate(inner, verdicts);
            Verdicts { yes: no, no: yes }
        }
        Node::All(parts) => {
            let mut all = Verdicts { yes: Bitmap::first(BLOCK_ROWS), no: Bitmap::default() };
            for part in parts {
                let part = evaluate(part, verdicts);
                all = Verdicts { yes: all.yes.and(&part.yes), no: all.no.or(&part.no) };
            }
            all
        }
        Node::Any(parts) => {
            let mut any = Verdicts { yes: Bitmap::default(), no: Bitmap::first(BLOCK_ROWS) };
            for part in parts {
                let part = evaluate(part, verdicts);
                any = Verdicts { yes: any.yes.or(&part.yes), no: any.no.and(&part.no) };
            }
            any
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_evaluated_as_its_rows_are() {
        let node = Node::All(vec![
            Node::Any(vec![Node::Test(0), Node::Test(1)]),
            Node::Not(Box::new(Node::Test(2))),
        ]);
        // A place for each combination of yes, no and unknown.
        let of =
            |test: u32, place: u32| [None, Some(false), Some(true)][(place / 3_u32.pow(test) % 3) as usize];
        let all = Bitmap::first(27);
        let verdicts = [0, 1, 2].map(|test| Verdicts {
            yes: all.filter(|place| of(test, place) == Some(true)),
            no: all.filter(|place| of(test, place) == Some(false)),
        });
        let block = evaluate(&node, &verdicts);
        for place in 0..27 {
            let row = node.evaluate(&mut |test| of(u32::try_from(test).unwrap(), place));
            assert_eq!(block.of(place), row, "{place}");
        }
    }

    #[test]
    fn a_group_is_tested_once() {
        let (mut results, mut tested) = (GroupResults::default(), 0);
        for _ in 0..3 {
            assert!(results.of(7, || {
                tested += 1;
                true
            }));
        }
        assert_eq!(tested, 1);
        assert!(!results.of(3, || false));
    }
}
