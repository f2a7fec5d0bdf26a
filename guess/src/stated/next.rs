//! The next best guess: what bytes could be of which nothing was said yet.

use super::basis::Basis;
use super::offers::place_of;
use super::{Place, Statement, What};
use crate::Message;
use crate::checks::Check;
use crate::layout::{Edge, Field, Form, Meaning, Place as FieldPlace, Size, Taken, layout};

/// Something that could be said next.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// What.
    pub said: Statement,
    /// Why.
    pub evidence: String,
    /// How likely it is right, from 0 to 1.
    pub confidence: f64,
}

/// What is less likely is not proposed.
const LEAST: f64 = 0.6;
/// So many are proposed at most.
const MOST: usize = 4;

impl Basis<'_> {
    /// What could be said next, the likeliest first.
    pub(super) fn proposals(
        &self,
        statements: &[Statement],
        checks: &[Check],
        is_cancelled: &dyn Fn() -> bool,
    ) -> Vec<Proposal> {
        let mut found = Vec::new();
        for check in checks {
            let said = Statement {
                place: place_of(check),
                what: What::Check(check.clone()),
                side: None,
                kind: None,
            };
            let (evidence, confidence) = (check.to_string(), check.confidence());
            found.push(Proposal { said, evidence, confidence });
        }
        let has_kind = statements.iter().any(|said| said.what == What::Kind);
        if let Some((at, values)) = self.kind(statements, checks).filter(|_| !has_kind) {
            let said = Statement { place: Place::start(at, 1), what: What::Kind, side: None, kind: None };
            let evidence = format!("it has {values} values and decides most about the other bytes");
            found.push(Proposal { said, evidence, confidence: 0.8 });
        }
        if !is_cancelled() {
            found.extend(self.fields(statements, is_cancelled));
        }
        let framing = self.length_field();
        found.retain(|proposal| {
            proposal.confidence >= LEAST
                && !statements.iter().any(|said| said.contradicts(&proposal.said))
                && framing.is_none_or(|field| !field.overlaps(&proposal.said.place))
        });
        found.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
        found.truncate(MOST);
        found
    }

    /// Fields at fixed places.
    fn fields(&self, statements: &[Statement], is_cancelled: &dyn Fn() -> bool) -> Vec<Proposal> {
        let messages: Vec<Message<'_>> = self.messages.iter().map(|one| one.message).collect();
        let shortest = messages.iter().map(|message| message.bytes.len()).min().unwrap_or(0);
        let framing = self.length_field().and_then(|field| field.range(usize::MAX));
        let framing =
            framing.map(|field| Taken { edge: Edge::Start, offset: field.start, length: field.len() });
        let of_all = statements.iter().filter(|said| said.kind.is_none());
        let taken: Vec<Taken> = of_all.filter_map(|said| taken(said, shortest)).chain(framing).collect();
        let found = layout(&messages, &taken, is_cancelled);
        found.fields.iter().filter_map(proposal).collect()
    }
}

/// The bytes of a statement that is about the same bytes of all messages.
fn taken(said: &Statement, shortest: usize) -> Option<Taken> {
    let Place { edge, offset, length, .. } = said.place;
    let length = length?;
    let is_there = offset.checked_add(length).is_some_and(|end| end <= shortest) || edge == Edge::End;
    is_there.then_some(Taken { edge, offset, length })
}

fn proposal(field: &Field) -> Option<Proposal> {
    let Size::Fixed(length) = field.size else { return None };
    let place = match field.place {
        FieldPlace::Start(offset) => Place::start(offset, length),
        FieldPlace::End(offset) => Place::end(offset, length),
        FieldPlace::After => return None,
    };
    let what = match &field.meaning {
        Meaning::Constant(bytes) => What::Constant(bytes.clone()),
        Meaning::Integer(number) if matches!(number.form, Form::Binary(_)) => What::Number(*number),
        Meaning::Sequence { number, .. } if matches!(number.form, Form::Binary(_)) => {
            What::Counter(number.order)
        }
        Meaning::Time { order, clock } => What::Time { order: *order, clock: *clock },
        Meaning::Text { encoding, .. } => What::Text(*encoding),
        Meaning::Float(order) => What::Float(*order),
        Meaning::Flags { number, .. } => What::Flags(number.order),
        Meaning::Echo { number: Some(number), .. } | Meaning::Enumeration { number, .. } => {
            What::Number(*number)
        }
        _ => return None,
    };
    let said = Statement { place, what, side: None, kind: None };
    Some(Proposal { said, evidence: field.evidence.clone(), confidence: field.confidence })
}
