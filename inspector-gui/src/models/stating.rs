//! What a person says that bytes of messages are: the statements with undo, how far they hold, what marked bytes could be, and the
//! description that follows. All of it is compared with all messages in the background.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use framescope_capture::{FlowId, Options, Row, Source, read};
use framescope_guess::fit::{Fit, fit, options_with, outermost};
use framescope_guess::framing::{Framing, of_both};
use framescope_guess::groups::Group;
use framescope_guess::layout::Edge;
use framescope_guess::stated::{Basis, Offer, Place, Report, Statement, What};
use framescope_guess::{Limits, Run, Sample};
use framescope_ksy::Described;
use framescope_parser::Direction;

use super::background::{Background, Job, JobControl};
use super::document::SharedIndex;

/// So many messages of a side are weighed to find out where they end.
const WEIGHED: usize = 20_000;
/// What saves fewer bits says nothing of where they end.
const LEAST_BITS: f64 = 16.0;

/// What statements are about.
struct Grounds {
    sample: Sample,
    framings: [Option<Framing>; 2],
    /// The conversations that packets bring, as they are numbered now.
    before: Vec<FlowId>,
    source: Source,
}

/// Where the messages of each direction begin, and how long they are.
type Places = HashMap<(FlowId, u8), Vec<(u64, usize)>>;

/// What the statements come to.
pub(crate) struct Reported {
    pub(crate) report: Report,
    places: Places,
}

/// Bytes that are marked in a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Marked {
    /// Where they are in the message, and how long that is.
    range: Range<usize>,
    length: usize,
    side: u8,
    /// The value of the byte that says the kind, and its place.
    kind: Option<(usize, u8)>,
}

/// Of which messages, and counted from where, the marked bytes are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    pub(crate) from_end: bool,
    pub(crate) to_end: bool,
    pub(crate) only_side: bool,
    pub(crate) only_kind: bool,
}

/// What marked bytes could be.
type Question = (usize, Place, Option<u8>, Option<(usize, u8)>);

/// What a person says of the messages of some conversations.
pub(crate) struct Stating {
    pub(crate) group: Group,
    pub(crate) flows: Vec<FlowId>,
    grounds: Option<Arc<Grounds>>,
    preparing: Option<Job<io::Result<Grounds>>>,
    pub(crate) error: Option<String>,
    /// All states of what was said, and which of them is the current one.
    history: Vec<Vec<Statement>>,
    at: usize,
    /// How often what is said has changed.
    version: usize,
    pub(crate) reported: Option<Arc<Reported>>,
    /// Of which version it is.
    reported_of: usize,
    reporting: Option<(usize, Job<Reported>)>,
    /// How the description fits all of the capture, and of which version that is.
    fit: Option<(usize, Fit)>,
    fitting: Option<Job<Option<Fit>>>,
    pub(crate) scope: Scope,
    pub(crate) marked: Option<Marked>,
    offers: Option<(Question, Vec<Offer>)>,
    offering: Option<(Question, Job<Vec<Offer>>)>,
    options: Options,
}

impl std::fmt::Debug for Stating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stating")
            .field("group", &self.group)
            .field("said", &self.said())
            .finish_non_exhaustive()
    }
}

impl Stating {
    /// Starts with nothing said of some conversations. Where messages end is as it was guessed, or else found out.
    pub(crate) fn start(
        (group, flows): (Group, Vec<FlowId>),
        guessed: Option<[Option<Framing>; 2]>,
        index: SharedIndex,
        options: &Options,
        background: &Background,
    ) -> Stating {
        let of = flows.clone();
        let preparing = background.spawn("messages", move |_| prepare(&of, guessed, &index));
        Stating {
            group,
            flows,
            grounds: None,
            preparing: Some(preparing),
            error: None,
            history: vec![Vec::new()],
            at: 0,
            version: 0,
            reported: None,
            reported_of: usize::MAX,
            reporting: None,
            fit: None,
            fitting: None,
            scope: Scope::default(),
            marked: None,
            offers: None,
            offering: None,
            options: options.clone(),
        }
    }

    /// What is said.
    pub(crate) fn said(&self) -> &[Statement] {
        self.history.get(self.at).map_or(&[], Vec::as_slice)
    }

    /// Says something, in place of what contradicts it.
    pub(crate) fn say(&mut self, statement: Statement) {
        let mut said: Vec<Statement> = self.said().to_vec();
        let is_length = |one: &Statement| matches!(one.what, What::Length { .. });
        let is_replaced = |other: &Statement| {
            let is_other_length = is_length(other) && is_length(&statement) && other.side == statement.side;
            is_other_length || other.contradicts(&statement)
        };
        said.retain(|other| !is_replaced(other));
        said.push(statement);
        said.sort_by_key(|said| (said.place.edge == Edge::End, said.place.offset));
        self.change(said);
    }

    /// Says something no longer.
    pub(crate) fn withdraw(&mut self, number: usize) {
        let mut said = self.said().to_vec();
        if number < said.len() {
            said.remove(number);
            self.change(said);
        }
    }

    fn change(&mut self, said: Vec<Statement>) {
        self.history.truncate(self.at + 1);
        self.history.push(said);
        self.at += 1;
        self.version += 1;
    }

    pub(crate) fn can_undo(&self) -> bool {
        self.at > 0
    }

    pub(crate) fn can_redo(&self) -> bool {
        self.at + 1 < self.history.len()
    }

    /// Takes back the last change.
    pub(crate) fn undo(&mut self) {
        if self.can_undo() {
            (self.at, self.version) = (self.at - 1, self.version + 1);
        }
    }

    /// Makes the change again that was taken back last.
    pub(crate) fn redo(&mut self) {
        if self.can_redo() {
            (self.at, self.version) = (self.at + 1, self.version + 1);
        }
    }

    /// What marked bytes are said to be: a statement that is to be completed by what they are.
    pub(crate) fn statement(&self, what: What) -> Option<Statement> {
        let (_, place, side, kind) = self.question()?;
        Some(Statement { place, what, side, kind })
    }

    fn question(&self) -> Option<Question> {
        let Marked { range, length, side, kind } = self.marked.as_ref()?;
        let from_end = self.scope.from_end && !self.scope.to_end;
        let place = Place {
            edge: if from_end { Edge::End } else { Edge::Start },
            offset: if from_end { length.checked_sub(range.start)? } else { range.start },
            length: (!self.scope.to_end).then_some(range.len()),
            back: if self.scope.to_end { length.saturating_sub(range.end) } else { 0 },
        };
        Some((
            self.version,
            place,
            self.scope.only_side.then_some(*side),
            kind.filter(|_| self.scope.only_kind),
        ))
    }

    /// The place of the marked bytes.
    pub(crate) fn place(&self) -> Option<Place> {
        self.question().map(|(_, place, ..)| place)
    }

    /// How many bytes of their message follow the marked ones.
    pub(crate) fn behind(&self) -> usize {
        self.marked.as_ref().map_or(0, |marked| marked.length.saturating_sub(marked.range.end))
    }

    /// The value of the byte that says the kind in the message that has the marked bytes, and its place.
    pub(crate) fn marked_kind(&self) -> Option<(usize, u8)> {
        self.marked.as_ref()?.kind
    }

    /// Whether the marked bytes are of the client.
    pub(crate) fn is_of_client(&self) -> bool {
        self.marked.as_ref().is_none_or(|marked| marked.side == 0)
    }

    /// What the marked bytes could be; None while that is being found out.
    pub(crate) fn offers(&self) -> Option<&[Offer]> {
        let question = self.question()?;
        self.offers.as_ref().filter(|(known, _)| *known == question).map(|(_, offers)| offers.as_slice())
    }

    /// Marks bytes of a row. `byte` returns one of its bytes.
    pub(crate) fn mark(&mut self, row: Option<(&Row, u8, Range<usize>)>, byte: &dyn Fn(usize) -> Option<u8>) {
        let marked = row.and_then(|(row, side, range)| {
            let reported = self.reported.as_ref()?;
            let messages = reported.places.get(&(row.flow(), side))?;
            let at = row.offset + range.start as u64;
            let number = messages.partition_point(|(begin, _)| *begin <= at).checked_sub(1)?;
            let (begin, length) = *messages.get(number)?;
            let start = usize::try_from(at - begin).ok().filter(|start| *start < length)?;
            let range = start..(start + range.len()).min(length);
            let of_kind = |kind: usize| {
                let at = usize::try_from((begin + kind as u64).checked_sub(row.offset)?).ok()?;
                Some((kind, byte(at).filter(|_| kind < length)?))
            };
            Some(Marked { range, length, side, kind: reported.report.kind.and_then(of_kind) })
        });
        if marked.is_some() && marked != self.marked {
            // Where bytes are counted from and up to is asked of each anew.
            self.scope.to_end = false;
        }
        self.marked = marked;
    }

    /// Takes over what was found out, and finds out what is to be known next.
    pub(crate) fn update(&mut self, background: &Background) {
        match self.preparing.as_ref().and_then(Job::poll) {
            None => {}
            Some(Ok(Ok(grounds))) => (self.preparing, self.grounds) = (None, Some(Arc::new(grounds))),
            Some(Ok(Err(error))) => (self.preparing, self.error) = (None, Some(error.to_string())),
            Some(Err(error)) => (self.preparing, self.error) = (None, Some(error.to_string())),
        }
        let Some(grounds) = self.grounds.clone() else { return };
        self.update_report(&grounds, background);
        self.update_fit(&grounds, background);
        self.update_offers(&grounds, background);
    }

    fn update_report(&mut self, grounds: &Arc<Grounds>, background: &Background) {
        if let Some((version, job)) = &self.reporting
            && let Some(result) = job.poll()
        {
            let version = *version;
            self.reporting = None;
            match result {
                Ok(reported) => self.reported = Some(Arc::new(reported)),
                Err(error) => self.error = Some(error.to_string()),
            }
            self.reported_of = version;
        }
        let is_asked = self.reporting.as_ref().is_some_and(|(version, _)| *version == self.version);
        if self.reported_of != self.version && !is_asked {
            let (grounds, said, id) = (Arc::clone(grounds), self.said().to_vec(), self.group.id());
            self.fitting = None;
            let job = background.spawn("statements", move |control| report(&grounds, &said, &id, control));
            self.reporting = Some((self.version, job));
        }
    }

    /// Reads the capture with the description of the last report.
    fn update_fit(&mut self, grounds: &Arc<Grounds>, background: &Background) {
        if let Some(result) = self.fitting.as_ref().and_then(Job::poll) {
            self.fitting = None;
            self.fit = Some((self.reported_of, result.ok().flatten().unwrap_or_default()));
        }
        let is_known = self.fit.is_some_and(|(version, _)| version == self.reported_of);
        let Some(reported) = self.reported.as_ref().filter(|_| self.is_reported() && !is_known) else {
            return;
        };
        if self.fitting.is_some() || self.said().is_empty() {
            return;
        }
        let Some(text) = reported.report.description.clone() else { return };
        let (grounds, group, flows) = (Arc::clone(grounds), self.group, self.flows.clone());
        let options = self.options.clone();
        self.fitting = Some(background.spawn("fit", move |control| {
            let options = options_with(&options, &Described::from_ksy(&text).ok()?, group);
            let index = read(grounds.source.clone(), &options, &mut |_| !control.is_cancelled()).ok()?;
            let sides = [Direction::Forward, Direction::Backward];
            let all = flows.iter().flat_map(|flow| sides.map(|side| (*flow, side, 0)));
            Some(fit(&grounds.before, &index, all))
        }));
    }

    /// How the description fits all of the capture; None until that is known.
    pub(crate) fn fit(&self) -> Option<Fit> {
        self.fit.filter(|(version, _)| *version == self.version).map(|(_, fit)| fit)
    }

    fn update_offers(&mut self, grounds: &Arc<Grounds>, background: &Background) {
        if let Some((question, job)) = &self.offering
            && let Some(result) = job.poll()
        {
            let question = *question;
            self.offering = None;
            self.offers = Some((question, result.unwrap_or_default()));
        }
        // The checks of the messages are known with the report.
        let Some(reported) = self.reported.as_ref().filter(|_| self.reported_of == self.version) else {
            return;
        };
        let Some(question) = self.question() else { return };
        let is_known = self.offers.as_ref().is_some_and(|(known, _)| *known == question)
            || self.offering.as_ref().is_some_and(|(asked, _)| *asked == question);
        if !is_known {
            let (grounds, said) = (Arc::clone(grounds), self.said().to_vec());
            let checks = reported.report.checks.clone();
            let (_, place, side, kind) = question;
            let job = background.spawn("offers", move |_| {
                Basis::new(&grounds.sample, &grounds.framings, &said).offers(place, side, kind, &checks)
            });
            self.offering = Some((question, job));
        }
    }

    /// Whether the report is of what is said now.
    pub(crate) fn is_reported(&self) -> bool {
        self.reported.is_some() && self.reported_of == self.version
    }

    /// Whether nothing more is being found out.
    pub(crate) fn is_settled(&self) -> bool {
        self.preparing.is_none()
            && self.reporting.is_none()
            && self.fitting.is_none()
            && self.offering.is_none()
    }
}

fn prepare(
    flows: &[FlowId],
    guessed: Option<[Option<Framing>; 2]>,
    index: &SharedIndex,
) -> io::Result<Grounds> {
    let (sample, before, source) = {
        let index = index.read();
        let wanted = |flow| flows.binary_search(&flow).is_ok();
        (Sample::of(&index, Limits::default(), &wanted)?, outermost(&index), index.source().clone())
    };
    let framings = guessed.unwrap_or_else(|| {
        let runs = [0, 1].map(|side| sample.side(side).collect::<Vec<&Run>>());
        let [one, other] = &runs;
        let most = (WEIGHED / one.len().max(other.len()).max(1)).max(24);
        of_both([one, other], most).map(|found| {
            let best = found.into_iter().next();
            best.filter(|framed| framed.weight.bits() >= LEAST_BITS).map(|framed| framed.framing)
        })
    });
    Ok(Grounds { sample, framings, before, source })
}

fn report(grounds: &Grounds, said: &[Statement], id: &str, control: &JobControl) -> Reported {
    let basis = Basis::new(&grounds.sample, &grounds.framings, said);
    let mut places: Places = HashMap::new();
    for one in &basis.messages {
        places.entry((one.flow, one.message.side)).or_default().push((one.offset, one.message.bytes.len()));
    }
    Reported { report: basis.report(said, id, &|| control.is_cancelled()), places }
}

#[cfg(test)]
mod tests {
    use framescope_capture::Index;
    use framescope_guess::groups::alike;
    use framescope_guess::layout::Order;
    use parking_lot::RwLock;

    use super::*;

    fn stating(background: &Background) -> (Stating, SharedIndex) {
        let source =
            Source::from_bytes("modbus", *include_bytes!("../../../corpus/formats/modbus/capture.pcapng"));
        let index: Index = read(source, &Options::default(), &mut |_| true).unwrap();
        let of = alike(&index, 0.into()).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let stating = Stating::start(of, None, Arc::clone(&index), &Options::default(), background);
        (stating, index)
    }

    fn settle(stating: &mut Stating, background: &Background) {
        for _ in 0..12 {
            stating.update(background);
            while background.step() {}
        }
        assert!(stating.is_settled() && stating.error.is_none(), "{:?}", stating.error);
    }

    fn said(place: Place, what: What) -> Statement {
        Statement { place, what, side: None, kind: None }
    }

    #[test]
    fn what_is_said_is_compared_taken_back_and_replaced() {
        let background = Background::manual();
        let (mut stating, _) = stating(&background);
        settle(&mut stating, &background);
        let length = said(Place::start(4, 2), What::Length { order: Order::Big, beyond: 0 });
        stating.say(length.clone());
        settle(&mut stating, &background);
        let verdict = |stating: &Stating| stating.reported.as_ref().unwrap().report.verdicts.clone();
        assert_eq!((verdict(&stating)[0].holds, verdict(&stating)[0].of), (20, 20));
        let fit = stating.fit().unwrap();
        assert_eq!((fit.messages, fit.bytes, fit.explained, fit.problems), (20, 250, 250, 0));
        // What is about the same bytes takes its place.
        stating.say(said(Place::start(5, 1), What::Constant(vec![6])));
        assert_eq!(stating.said().len(), 1);
        settle(&mut stating, &background);
        assert!(verdict(&stating)[0].holds < 20 && !verdict(&stating)[0].failing.is_empty());
        stating.undo();
        assert_eq!(stating.said(), [length]);
        assert!(stating.can_undo() && stating.can_redo() && !stating.is_reported());
        settle(&mut stating, &background);
        assert_eq!(verdict(&stating)[0].holds, 20);
        stating.undo();
        stating.undo();
        assert!(stating.said().is_empty() && !stating.can_undo());
        stating.redo();
        stating.withdraw(0);
        assert!(stating.said().is_empty() && !stating.can_redo(), "what was taken back is gone");
    }

    #[test]
    fn bytes_that_are_marked_in_a_row_are_those_of_a_message() {
        let background = Background::manual();
        let (mut stating, index) = stating(&background);
        settle(&mut stating, &background);
        let index = index.read();
        // No protocol explains the stream, so that it is one row: this is in its second message, of twelve bytes.
        let (_, row) = index.rows().next().unwrap();
        stating.mark(Some((&row, 0, 12 + 4..12 + 6)), &|_| None);
        assert_eq!(stating.place(), Some(Place::start(4, 2)));
        stating.scope.from_end = true;
        assert_eq!(stating.place(), Some(Place::end(8, 2)));
        stating.scope = Scope { to_end: true, ..Scope::default() };
        assert_eq!(stating.place(), Some(Place::between(4, 6)));
        drop(index);
        stating.scope = Scope::default();
        settle(&mut stating, &background);
        let offers = stating.offers().unwrap();
        assert_eq!(offers[0].what, What::Length { order: Order::Big, beyond: 0 });
    }
}
