//! Plays one side of a recorded conversation with a program that runs, and compares what it answers with the recording: message by
//! message, and field by field.

pub(crate) mod compare;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use framescope_capture::{FlowId, Index, Row, RowId, TransportType};
use framescope_parser::{Direction, Role, SpanType, Value};
use thiserror::Error;

pub use self::compare::Difference;
use self::compare::Fields;
use crate::{Edit, EditParseError, Exchange, ExchangeError, Received};

/// How long it is waited before it is seen whether that is still wanted.
const SLICE: Duration = Duration::from_millis(50);
/// Pauses of a recording are not longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How a conversation is replayed.
#[derive(Clone, Debug)]
pub struct Replaying {
    /// Whose messages are sent.
    pub side: Role,
    /// Fields that are expected to differ, by their paths.
    pub ignore: Vec<String>,
    /// Fields whose value in an answer is used in what is sent later: from which, to which.
    pub carry: Vec<(String, String)>,
    /// Whether the pauses of the recording are kept.
    pub recorded_timing: bool,
    /// How long it is waited for an answer.
    pub wait: Duration,
    /// How long it is waited for more answers than the recording has.
    pub quiet: Duration,
}

/// How a conversation went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many messages were sent.
    pub sent: usize,
    /// How many answers were compared.
    pub answers: usize,
    /// How many of them differ, or are missing or too many.
    pub different: usize,
    /// Why it ended before the recording did, in a sentence.
    pub failure: Option<String>,
    /// Whether the caller ended it.
    pub stopped: bool,
}

/// Why a conversation can't be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// Bytes that are to be sent were not captured.
    #[error("conversation {flow} lacks {bytes} bytes of what is to be sent (row {row})", flow = flow.number(), row = row.number())]
    Gap {
        /// The flow.
        flow: FlowId,
        /// The row of the gap.
        row: RowId,
        /// How many bytes.
        bytes: u64,
    },
    /// A path is not written as one.
    #[error(transparent)]
    Path(#[from] EditParseError),
    /// The capture can't be read, or the differences not written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The conversations of a capture that can be replayed: those of that transport with the server of the first. `is_udp` says which.
pub fn conversations(index: &Index, is_udp: bool) -> Vec<FlowId> {
    let transport = if is_udp { TransportType::Udp } else { TransportType::Tcp };
    let mut server = None;
    let flows = index.flows().filter(|(_, flow)| flow.transport == transport && flow.carried().is_none());
    let same_server = flows.filter(|(id, flow)| {
        let direction = client_direction(index, *id);
        let has_rows = [direction, direction.reverse()]
            .into_iter()
            .any(|direction| index.stream_rows(*id, direction).next().is_some());
        let to = flow.source(direction.reverse()).filter(|_| has_rows);
        to.is_some_and(|to| *server.get_or_insert(to) == to)
    });
    same_server.map(|(id, _)| id).collect()
}

/// The direction in which the client of a flow sends.
fn client_direction(index: &Index, flow: FlowId) -> Direction {
    index.client(flow).unwrap_or(Direction::Forward)
}

/// Plays a side of a recorded conversation, and hands on each difference. `goes_on` is asked at intervals and ends it by returning
/// false.
///
/// # Errors
/// The conversation can't be replayed; or those of `report`.
pub fn replay(
    (recorded, flow): (&Index, FlowId),
    exchange: &mut Exchange,
    settings: &Replaying,
    report: &mut dyn FnMut(&Difference) -> io::Result<()>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Replayed, ReplayError> {
    let client = client_direction(recorded, flow);
    let own = if settings.side == Role::Client { client } else { client.reverse() };
    let rows: Vec<(RowId, Row)> = recorded.rows().filter(|(_, row)| row.flow() == flow).collect();
    if let Some((row, gap)) =
        rows.iter().find(|(_, row)| row.span_type == SpanType::Gap && recorded.direction(row) == own)
    {
        return Err(ReplayError::Gap { flow, row: *row, bytes: gap.length });
    }
    let mut play = Play {
        recorded,
        settings,
        report,
        goes_on,
        answers: Vec::new(),
        seen: exchange.index().row_count(),
        carried: HashMap::new(),
        replayed: Replayed::default(),
        began: (None, Instant::now()),
    };
    let mut compared = 0;
    for (id, row) in rows {
        let goes_on = match recorded.direction(&row) == own {
            true => play.send(id, &row, exchange)?,
            false if row.span_type == SpanType::Gap => true,
            false => {
                compared += 1;
                play.expect(id, compared - 1, exchange)?
            }
        };
        if !goes_on {
            return Ok(play.replayed);
        }
    }
    play.surplus(compared, exchange)?;
    Ok(play.replayed)
}

struct Play<'p> {
    recorded: &'p Index,
    settings: &'p Replaying,
    report: &'p mut dyn FnMut(&Difference) -> io::Result<()>,
    goes_on: &'p mut dyn FnMut() -> bool,
    /// The rows of the peer, in their order.
    answers: Vec<RowId>,
    /// How many rows were seen of either side.
    seen: usize,
    /// What values of answers are now, by the field that they are carried to and the recorded value.
    carried: HashMap<(String, String), Value<'static>>,
    replayed: Replayed,
    /// When the last row was, in the recording and now.
    began: (Option<i64>, Instant),
}

impl Play<'_> {
    /// Sends what was sent then. False if the conversation has ended.
    fn send(&mut self, id: RowId, row: &Row, exchange: &mut Exchange) -> Result<bool, ReplayError> {
        let mut bytes = self.recorded.row_bytes(row, usize::MAX, &mut self.recorded.reader())?;
        for (_, to) in &self.settings.carry {
            let fields = Fields::of(self.recorded, id, &bytes);
            let Some(value) = fields.find(to) else { continue };
            let Some(now) = self.carried.get(&(to.clone(), value.to_string())) else { continue };
            let edit = Edit::set(to, now)?;
            if let Some(protocol) = self.recorded.protocol(row) {
                let changed =
                    self.recorded.with_context(row, |context| edit.change(protocol, context, &bytes));
                match changed {
                    Ok(changed) => bytes = changed,
                    Err(error) => {
                        self.replayed.failure = Some(format!("row {}: {error}", id.number()));
                        return Ok(false);
                    }
                }
            }
        }
        if self.settings.recorded_timing && !self.pause(row) {
            self.replayed.stopped = true;
            return Ok(false);
        }
        if let Err(error) = exchange.send(&bytes) {
            self.replayed.failure = Some(error.to_string());
            return Ok(false);
        }
        self.replayed.sent += 1;
        self.happened(row);
        Ok(true)
    }

    fn happened(&mut self, row: &Row) {
        self.began = (self.recorded.time_ns(row).or(self.began.0), Instant::now());
    }

    /// Waits as long as it took then. False if that is no longer wanted.
    fn pause(&mut self, row: &Row) -> bool {
        let (Some(before), Some(now)) = (self.began.0, self.recorded.time_ns(row)) else { return true };
        let pause = Duration::from_nanos(u64::try_from(now.saturating_sub(before)).unwrap_or(0));
        let until = self.began.1 + pause.min(LONGEST_PAUSE);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if !(self.goes_on)() {
                return false;
            }
            std::thread::sleep(left.min(SLICE));
        }
    }

    /// Waits for an answer and compares it with the recorded one. False if the conversation has ended.
    fn expect(&mut self, id: RowId, number: usize, exchange: &mut Exchange) -> Result<bool, ReplayError> {
        let begin = Instant::now();
        let ended = self.receive(number + 1, begin + self.settings.wait, exchange);
        let Some(now) = self.answers.get(number).copied() else {
            if self.replayed.stopped {
                return Ok(false);
            }
            let what = compare::described(self.recorded, id);
            let why = match ended {
                Some(Received::Closed) => "the program closed the connection".to_owned(),
                Some(Received::Reset) => "the program broke the connection off".to_owned(),
                Some(Received::Flooded) => "the program sends without an end".to_owned(),
                _ => format!("nothing came within {} s", self.settings.wait.as_secs_f64()),
            };
            self.replayed.failure =
                Some(format!("{why} where the recording has row {}, {what}", id.number()));
            return Ok(false);
        };
        let differences =
            compare::compare((self.recorded, id), (exchange.index(), now), &self.settings.ignore)?;
        self.replayed.answers += 1;
        self.replayed.different += usize::from(!differences.is_empty());
        for difference in &differences {
            (self.report)(difference)?;
        }
        self.carry(id, (exchange.index(), now))?;
        if let Some(row) = self.recorded.row(id) {
            self.happened(&row);
        }
        Ok(true)
    }

    /// Remembers what the values of an answer are now.
    fn carry(&mut self, then: RowId, (index, now): (&Index, RowId)) -> io::Result<()> {
        if self.settings.carry.is_empty() {
            return Ok(());
        }
        let (old, new) = (compare::bytes_of(self.recorded, then)?, compare::bytes_of(index, now)?);
        let (old, new) = (Fields::of(self.recorded, then, &old), Fields::of(index, now, &new));
        for (from, to) in &self.settings.carry {
            if let (Some(old), Some(new)) = (old.find(from), new.find(from)) {
                self.carried.insert((to.clone(), old.to_string()), compare::owned(new));
            }
        }
        Ok(())
    }

    /// Receives until there are so many answers. Returns why there are fewer.
    fn receive(&mut self, count: usize, until: Instant, exchange: &mut Exchange) -> Option<Received> {
        while self.answers.len() < count {
            if !(self.goes_on)() {
                self.replayed.stopped = true;
                return None;
            }
            match exchange.receive(until.min(Instant::now() + SLICE)) {
                Received::Rows(_) => self.take(exchange),
                Received::TimedOut if Instant::now() < until => {}
                // A message that was cut off is a row only when all has ended.
                ended => return Some(ended),
            }
        }
        None
    }

    fn take(&mut self, exchange: &Exchange) {
        let index = exchange.index();
        for id in index.row_ids_in(self.seen..index.row_count()) {
            let is_answer = |row: &Row| {
                row.flow() == exchange.flow()
                    && index.direction(row) != exchange.direction()
                    && row.span_type != SpanType::Gap
            };
            if index.row(id).is_some_and(|row| is_answer(&row)) {
                self.answers.push(id);
            }
        }
        self.seen = index.row_count();
    }

    /// Answers that the recording does not have.
    fn surplus(&mut self, compared: usize, exchange: &mut Exchange) -> Result<(), ReplayError> {
        let until = Instant::now() + self.settings.quiet;
        self.receive(usize::MAX, until, exchange);
        for id in self.answers.get(compared..).unwrap_or_default() {
            self.replayed.different += 1;
            let is = compare::described(exchange.index(), *id);
            (self.report)(&Difference::surplus(id.number(), is))?;
        }
        Ok(())
    }
}

impl From<ExchangeError> for Replayed {
    fn from(error: ExchangeError) -> Replayed {
        Replayed { failure: Some(error.to_string()), ..Replayed::default() }
    }
}
