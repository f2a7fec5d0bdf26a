//! What a person said of the bytes of messages, as their description has it.

use std::ops::Range;

use super::checked::Checked;
use super::{Side, about_of, describe_with};
use crate::checks::{Check, Place as CheckPlace};
use crate::framing::{Enclosed, Framing, Preamble, Rule};
use crate::layout::{
    Among, Edge, Field, Layout, Meaning, Number, Order, Place as FieldPlace, Size, Taken, layout,
};
use crate::stated::{Basis, Place, Statement, What, width};
use crate::{Message, kinds};

/// Describes messages by what a person says about them, and the rest of their bytes by what is guessed. None without messages.
pub(crate) fn describe_stated(
    id: &str,
    basis: &Basis<'_>,
    statements: &[Statement],
    is_cancelled: &dyn Fn() -> bool,
) -> Option<String> {
    let of_side = |side: u8| -> Vec<Message<'_>> {
        basis.messages.iter().map(|one| one.message).filter(|message| message.side == side).collect()
    };
    let messages = [of_side(0), of_side(1)];
    let [one, other] = &messages;
    let is_alike = match &basis.framings {
        [Some(one), Some(other)] => {
            one == other
                && one.preamble == Preamble::Bytes(0)
                && statements.iter().all(|said| said.side.is_none())
        }
        _ => false,
    };
    let mut sides: Vec<Side<'_>> = Vec::new();
    if is_alike && !kinds::differ([&bytes(one), &bytes(other)]) {
        let framing = basis.framings.iter().flatten().next().cloned();
        sides.extend(framing.map(|framing| side(framing, messages.concat(), statements, None)));
    } else {
        for ((framing, messages), number) in basis.framings.iter().zip(&messages).zip(0u8..) {
            if let Some(framing) = framing {
                sides.push(side(framing.clone(), messages.clone(), statements, Some(number)));
            }
        }
    }
    if sides.iter().all(|side| side.messages.is_empty()) {
        return None;
    }
    let evidence = statements.iter().map(|said| format!("said: {said}")).collect();
    let title = "Described by what a person says about a capture";
    Some(describe_with(id, title, about_of(basis.sample), &sides, evidence, is_cancelled).text)
}

fn bytes<'s>(messages: &[Message<'s>]) -> Vec<&'s [u8]> {
    messages.iter().map(|message| message.bytes).collect()
}

fn side<'s>(
    framing: Framing,
    messages: Vec<Message<'s>>,
    statements: &[Statement],
    number: Option<u8>,
) -> Side<'s> {
    let is_of_it = |said: &&Statement| said.side.is_none() || said.side == number;
    Side { framing, messages, stated: statements.iter().filter(is_of_it).cloned().collect() }
}

/// A field that was said, among the bytes of a message without what the rule reads.
#[derive(Clone, Debug)]
struct Said {
    place: Place,
    kind: Option<u8>,
    meaning: Meaning,
    evidence: String,
}

/// All that is stated about a side.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    fields: Vec<Said>,
    /// The check.
    pub(super) check: Option<Checked>,
    /// Where the byte is that says the kind.
    pub(super) kind: Option<usize>,
}

/// No header is longer than so many bytes: what is farther from the beginning is not described.
const LONGEST_HEADER: usize = 1 << 12;

impl Stated {
    /// `width` is where the length field is, if it always has as many bytes.
    pub(super) fn of(side: &Side<'_>, width: Option<&Range<usize>>) -> Stated {
        let rule = &side.framing.rule;
        let mut stated = Stated::default();
        let is_rule =
            |said: &Statement| said.length_field().is_some_and(|field| *rule == Rule::Length(field));
        let said: Vec<&Statement> = side.stated.iter().filter(|said| !is_rule(said)).collect();
        let kind_of = |said: &Statement| {
            let is_byte = said.place.edge == Edge::Start && said.place.length == Some(1);
            (said.what == What::Kind && is_byte && said.kind.is_none()).then_some(said.place.offset)
        };
        let kind = said
            .iter()
            .find_map(|said| kind_of(said))
            .or_else(|| said.iter().find_map(|said| Some(said.kind?.0)));
        let kind = kind.filter(|at| *at < LONGEST_HEADER);
        stated.kind = kind.and_then(|at| Some(place_in(rule, Place::start(at, 1))?.offset));
        let mut known: Vec<Statement> = Vec::new();
        for said in said {
            if known.iter().any(|other| other.contradicts(said))
                || kind_of(said).is_some_and(|at| Some(at) == kind)
            {
                continue;
            }
            let Some(place) = place_in(rule, said.place) else { continue };
            if place.offset.max(place.back) >= LONGEST_HEADER
                || place.length.is_some_and(|length| length == 0 || length >= LONGEST_HEADER)
            {
                continue;
            }
            let is_kind = place.edge == Edge::Start
                && stated.kind.is_some_and(|at| place.overlaps(&Place::start(at, 1)));
            let own_kind = match said.kind {
                Some((at, value)) if Some(at) == kind => Some(value),
                Some(_) => continue,
                None => None,
            };
            if is_kind {
                continue;
            }
            known.push(said.clone());
            if let What::Check(check) = &said.what
                && stated.check.is_none()
                && own_kind.is_none()
                && !matches!(rule, Rule::Terminator(_) | Rule::Magic(_) | Rule::Enclosed(_))
                && let Some(checked) = Checked::of(check, width)
                && is_usable(check)
            {
                stated.check = Some(checked);
                continue;
            }
            let evidence = format!("said by hand: {}", said.what.text(said.place.length));
            stated.fields.push(Said { place, kind: own_kind, meaning: meaning(&said.what, place), evidence });
        }
        stated
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.check.is_none() && self.kind.is_none()
    }

    /// Whether a check that was guessed is in other bytes than those about which something is stated.
    pub(super) fn is_free(&self, check: &Checked) -> bool {
        let place = match check.at {
            Some(at) => Place::start(at, check.size()),
            None => Place::end(check.back(), check.size()),
        };
        let kind = self.kind.map(|at| Place::start(at, 1));
        !self.fields.iter().map(|said| said.place).chain(kind).any(|said| said.overlaps(&place))
    }

    /// The bytes of all messages about which something is stated.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.header().filter_map(|said| Some(said.place.offset..said.place.offset + said.place.length?))
    }

    fn header(&self) -> impl Iterator<Item = &Said> {
        self.fields.iter().filter(|said| said.place.edge == Edge::Start && said.kind.is_none())
    }

    /// Up to where bytes are described that all messages have at the same place.
    pub(super) fn head(&self) -> usize {
        self.ranges().map(|range| range.end).max().unwrap_or(0)
    }

    /// The field that a person says exactly these bytes of all messages are.
    pub(super) fn field(&self, range: &Range<usize>) -> Option<Layout> {
        let is_it = |said: &&Said| said.place == Place::start(range.start, range.len());
        let said = self.header().find(is_it)?;
        let place = FieldPlace::Start(range.start);
        Some(Layout { fields: vec![field(said, place, Size::Fixed(range.len()))], messages: 0 })
    }

    /// The fields of what follows the first `head` bytes of messages of a kind, of which the last `trailer` are left out.
    pub(super) fn layout(
        &self,
        messages: &[Message<'_>],
        (head, trailer): (usize, usize),
        kind: Option<u8>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Layout {
        let (mut taken, mut said) = (Vec::new(), Vec::new());
        let mut rest = None;
        for one in &self.fields {
            let is_of_all = one.kind.is_none();
            if !(is_of_all && (one.place.edge == Edge::End || one.place.length.is_none())
                || one.kind.is_some() && one.kind == kind)
            {
                continue;
            }
            match (one.place, head, trailer) {
                (Place { edge: Edge::Start, offset, length: None, back }, head, trailer)
                    if offset >= head =>
                {
                    rest = Some((offset - head, back.saturating_sub(trailer), one));
                }
                (Place { edge, offset, length: Some(length), .. }, head, trailer) => {
                    let from = if edge == Edge::Start { head } else { trailer };
                    let Some(offset) = offset.checked_sub(from) else { continue };
                    if edge == Edge::Start || offset >= length {
                        taken.push(Taken { edge, offset, length });
                        said.push(one);
                    }
                }
                _ => {}
            }
        }
        let need = |taken: &Taken| match taken.edge {
            Edge::Start => taken.offset + taken.length,
            Edge::End => taken.offset,
        };
        let (starts, ends): (Vec<&Taken>, Vec<&Taken>) =
            taken.iter().partition(|taken| taken.edge == Edge::Start);
        let most = |all: &[&Taken]| all.iter().map(|taken| need(taken)).max().unwrap_or(0);
        let need = most(&starts) + most(&ends);
        let need = rest.as_ref().map_or(need, |(from, after, _)| need.max(from + after));
        // Those that are too short do not have what was said, which their description then says.
        let long: Vec<Message<'_>> =
            messages.iter().filter(|message| message.bytes.len() >= need).copied().collect();
        let said_of = |mut found: Layout, said: &[&Said]| {
            for each in &mut found.fields {
                if let Meaning::Taken(number) = each.meaning
                    && let Some(said) = said.get(number)
                {
                    *each = field(said, each.place, each.size.clone());
                }
            }
            found
        };
        let Some((from, after, rest)) = rest else {
            return said_of(layout(&long, &taken, is_cancelled), &said);
        };
        // What comes before it, it, and what follows it, which is as long in all messages.
        let (mut before, mut said_before, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        for (taken, said) in taken.iter().zip(&said) {
            match taken.edge {
                Edge::Start => {
                    before.push(*taken);
                    said_before.push(*said);
                }
                Edge::End => behind.push((*taken, *said)),
            }
        }
        let firsts: Vec<Message<'_>> = long.iter().filter_map(|message| message.part(..from)).collect();
        let mut found = said_of(layout(&firsts, &before, is_cancelled), &said_before);
        found.fields.push(field(rest, FieldPlace::Start(from), Size::Rest));
        behind.sort_by_key(|(taken, _)| std::cmp::Reverse(taken.offset));
        let mut left = after;
        for (taken, said) in behind.into_iter().filter(|(taken, _)| taken.offset <= after) {
            if taken.offset > left {
                continue;
            }
            found.fields.extend(bytes_behind(left, left - taken.offset));
            found.fields.push(field(said, FieldPlace::End(taken.offset), Size::Fixed(taken.length)));
            left = taken.offset - taken.length;
        }
        found.fields.extend(bytes_behind(left, left));
        found
    }

    /// Whether something is stated about what follows the first bytes of messages of a kind.
    pub(super) fn has_body(&self, kind: Option<u8>) -> bool {
        self.fields.iter().any(|said| match said.kind {
            None => said.place.edge == Edge::End || said.place.length.is_none(),
            own => own == kind,
        })
    }
}

/// Bytes of which nothing is known, so many before the end; None if there are none.
fn bytes_behind(offset: usize, length: usize) -> Option<Field> {
    let (place, size) = (FieldPlace::End(offset), Size::Fixed(length));
    let evidence = "no hypothesis explains them".to_owned();
    let field = Field { place, size, meaning: Meaning::Bytes, evidence, holds: 0, of: 0, confidence: 1.0 };
    (length > 0).then_some(field)
}

fn field(said: &Said, place: FieldPlace, size: Size) -> Field {
    Field {
        place,
        size,
        meaning: said.meaning.clone(),
        evidence: said.evidence.clone(),
        holds: 0,
        of: 0,
        confidence: 1.0,
    }
}

/// Whether the language has a field for a check.
fn is_usable(check: &Check) -> bool {
    let at = match check.place {
        CheckPlace::Start(at) | CheckPlace::End(at) => at,
    };
    let width = width(&check.algorithm);
    at < LONGEST_HEADER
        && check.from < LONGEST_HEADER
        && matches!(check.size, 1 | 2 | 3 | 4 | 8)
        && width.is_none_or(|width| width == check.size)
}

/// A place among the bytes of a message without those that the rule reads. None if it is among those.
fn place_in(rule: &Rule, place: Place) -> Option<Place> {
    let end = place.length.map_or(Some(place.offset), |length| place.offset.checked_add(length))?;
    match (rule, place.edge) {
        (Rule::Length(field), Edge::Start) => {
            let from = field.offset;
            let to = from + field.encoding.width();
            match place.offset {
                _ if end <= from && place.length.is_some() => Some(place),
                offset if offset >= to => Some(Place { offset: offset - to + from, ..place }),
                _ => None,
            }
        }
        (Rule::Magic(magic), Edge::Start) => {
            Some(Place { offset: place.offset.checked_sub(magic.len())?, ..place })
        }
        (Rule::Enclosed(Enclosed { start, end, after, .. }), Edge::Start) => {
            let place = before_end(place, end.len() + after)?;
            Some(Place { offset: place.offset.checked_sub(start.len())?, ..place })
        }
        (Rule::Terminator(end), _) => before_end(place, end.len()),
        (Rule::Enclosed(Enclosed { end, after, .. }), Edge::End) => before_end(place, end.len() + after),
        _ => Some(place),
    }
}

/// A place from the end of a message, of which so many bytes at the end are left out.
fn before_end(place: Place, left_out: usize) -> Option<Place> {
    if place.edge == Edge::Start {
        return Some(Place { back: place.back.saturating_sub(left_out), ..place });
    }
    let offset = place.offset.checked_sub(left_out)?;
    (offset >= place.length.unwrap_or(1)).then_some(Place { offset, ..place })
}

/// Whether the messages of a rule are described as a whole, so that a statement about their bytes is not written.
pub(crate) fn is_whole(rule: &Rule) -> bool {
    matches!(rule, Rule::Lines(_) | Rule::Headers(_) | Rule::Value(_))
}

/// What is said, as a layout says it. What does not go with the size is bytes.
fn meaning(what: &What, place: Place) -> Meaning {
    let number = |order: Order| {
        let length = place.length.filter(|length| (1..=8).contains(length))?;
        Some(Number::binary(length, order))
    };
    let length = place.length;
    let found = match what {
        What::Number(said) => {
            number(said.order).map(|number| Meaning::Integer(Number { is_signed: said.is_signed, ..number }))
        }
        What::Kind => number(Order::Big).map(Meaning::Integer),
        What::Length { order, .. } => number(*order).map(Meaning::Integer),
        What::Flags(order) => number(*order).map(|number| Meaning::Flags { number, varying: 0 }),
        What::Counter(order) => {
            number(*order).map(|number| Meaning::Sequence { number, step: None, among: Among::Side })
        }
        What::Float(order) => matches!(length, Some(4 | 8)).then_some(Meaning::Float(*order)),
        What::Time { order, clock } => {
            matches!(length, Some(4 | 8)).then_some(Meaning::Time { order: *order, clock: *clock })
        }
        What::Text(encoding) => Some(Meaning::Text { encoding: *encoding, padding: None }),
        What::Constant(bytes) => (Some(bytes.len()) == length).then(|| Meaning::Constant(bytes.clone())),
        What::Check(_) | What::Bytes => None,
    };
    found.unwrap_or(Meaning::Bytes)
}
