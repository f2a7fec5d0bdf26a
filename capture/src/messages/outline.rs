//! What is stored of a message beside its place: a label, which very many messages share.

use std::fmt::Arguments;
use std::ops::Range;

use framescope_parser::{Code, CodeSet, Kind, SpanType, Value, Visit};
use rustc_hash::FxHashMap;

/// What rows of the same kind with the same problems have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    pub(crate) span_type: SpanType,
    /// The stage of its conversation; 0 in a protocol without stages.
    pub(crate) stage: u16,
    /// Where in [`Labels::kinds`] its kind is; [`NO_KIND`] without one.
    pub(crate) kind: u32,
    pub(crate) codes: CodeSet,
}

pub(crate) const NO_KIND: u32 = u32::MAX;

/// The labels of an index, by number: so a row needs four bytes for what it is, and a test for a kind or a problem is done once for
/// each label.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    all: Vec<Label>,
    numbers: FxHashMap<Label, u32>,
    kinds: Vec<String>,
    /// By protocol, stage and value.
    kind_numbers: FxHashMap<(usize, u16, KindKey), u32>,
    /// The last ones that were used, by the lowest bits of their kind.
    recent: [Option<(LabelKey, u32)>; 16],
}

/// The number of a kind, and whether it is negative.
pub(crate) type KindKey = (u64, bool);

/// A label as a protocol reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LabelKey {
    protocol: usize,
    stage: u16,
    kind: Option<KindKey>,
    span_type: SpanType,
    codes: CodeSet,
}

impl Labels {
    /// The label with that number.
    pub(crate) fn get(&self, number: u32) -> Label {
        debug_assert!((number as usize) < self.all.len(), "label {number} of {}", self.all.len());
        let none = Label { span_type: SpanType::Gap, stage: 0, kind: NO_KIND, codes: CodeSet::EMPTY };
        self.all.get(number as usize).copied().unwrap_or(none)
    }

    /// The names of the kinds.
    pub(crate) fn kinds(&self) -> &[String] {
        &self.kinds
    }

    pub(crate) fn number(&mut self, label: Label) -> u32 {
        *self.numbers.entry(label).or_insert_with(|| {
            self.all.push(label);
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The number of the label of a message that was reported to `outline`.
    #[inline]
    pub(crate) fn outlined(
        &mut self,
        (protocol, stage): (usize, u16),
        span_type: SpanType,
        outline: &Outline<'_>,
    ) -> u32 {
        let kind = outline.kind_key();
        let key = LabelKey { protocol, stage, kind, span_type, codes: outline.codes };
        let slot = usize::try_from(kind.map_or(0, |(value, _)| value) % 16).unwrap_or(0);
        match self.recent.get(slot) {
            Some(Some((known, number))) if *known == key => *number,
            _ => self.look_up(key, slot, outline.kind),
        }
    }

    /// The number of the label of a message, if there was one like it before.
    pub(crate) fn known(&self, protocol: usize, kind: Option<KindKey>, codes: CodeSet) -> Option<u32> {
        let kind = match kind {
            Some(kind) => *self.kind_numbers.get(&(protocol, 0, kind))?,
            None => NO_KIND,
        };
        self.numbers.get(&Label { span_type: SpanType::Message, stage: 0, kind, codes }).copied()
    }

    fn look_up(&mut self, key: LabelKey, slot: usize, kind: Option<Kind<'_>>) -> u32 {
        let kind = kind.map_or(NO_KIND, |kind| {
            let number = (kind.value, kind.is_negative);
            *self.kind_numbers.entry((key.protocol, key.stage, number)).or_insert_with(|| {
                self.kinds.push(kind.to_string());
                u32::try_from(self.kinds.len() - 1).unwrap_or(NO_KIND)
            })
        });
        let number =
            self.number(Label { span_type: key.span_type, stage: key.stage, kind, codes: key.codes });
        if let Some(slot) = self.recent.get_mut(slot) {
            *slot = Some((key, number));
        }
        number
    }
}

/// The visitor that takes the kind of a message and the codes of its problems, and nothing else. It allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Outline<'a> {
    pub(crate) kind: Option<Kind<'a>>,
    pub(crate) codes: CodeSet,
}

impl Outline<'_> {
    #[inline]
    pub(crate) fn kind_key(&self) -> Option<KindKey> {
        self.kind.map(|kind| (kind.value, kind.is_negative))
    }
}

impl<'a> Visit<'a> for Outline<'a> {
    fn kind(&mut self, kind: Kind<'a>) {
        self.kind = Some(kind);
    }

    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn end(&mut self) {}

    fn problem(&mut self, code: Code, _: Range<usize>, _: Arguments<'_>) {
        self.codes.insert(code);
    }

    fn summary(&mut self, _: Arguments<'_>) {}
}
