//! The visitor that keeps of a message what its row needs, and nothing else.

use framescope_parser::{Code, CodeSet, Kind, Value, Visit};
use rustc_hash::FxHashMap;

use crate::index::NO_KIND;

/// Keeps of a message what its row needs. Allocates only for a kind that was not seen before.
pub(crate) struct Outline<'o> {
    pub(crate) kind: u16,
    pub(crate) codes: CodeSet,
    pub(crate) protocol: usize,
    pub(crate) kinds: &'o mut FxHashMap<(usize, u64), u16>,
    pub(crate) names: &'o mut Vec<String>,
}

impl<'a> Visit<'a> for Outline<'_> {
    fn kind(&mut self, kind: Kind<'a>) {
        let names = &mut *self.names;
        self.kind = *self.kinds.entry((self.protocol, kind.value)).or_insert_with(|| {
            let next = u16::try_from(names.len()).unwrap_or(NO_KIND);
            if next != NO_KIND {
                names.push(kind.to_string());
            }
            next
        });
    }

    fn field(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {}

    fn begin(&mut self, _: &'a str, _: std::ops::Range<usize>, _: Value<'a>) {}

    fn end(&mut self) {}

    fn problem(&mut self, code: Code, _: std::ops::Range<usize>, _: std::fmt::Arguments<'_>) {
        self.codes.insert(code);
    }

    fn summary(&mut self, _: std::fmt::Arguments<'_>) {}
}
