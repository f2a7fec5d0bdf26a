//! A connection to a peer, in the background: sends what is asked for, and collects what comes back until the connection ends.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framescope_capture::{Index, Options, RowId};
use framescope_live::{Exchange, ExchangeError, Limits, Received, Recorder, Target};
use framescope_parser::Direction;
use parking_lot::Mutex;

use super::history::{Answer, Progress, Shared as Progressing, State};
use crate::models::background::{Background, JobControl, JobStep};

/// How long one step waits for the peer.
const STEP: Duration = Duration::from_millis(20);
/// How long a connection rests on which nothing is expected.
const REST: Duration = Duration::from_millis(30);
/// After an answer, more is waited for this long.
const QUIET: Duration = Duration::from_millis(120);
/// How long connecting and sending may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something to be sent; without bytes, only what the peer says first is waited for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) progress: Progressing,
    pub(super) timeout: Duration,
}

/// What a connection and its owner share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) orders: Mutex<VecDeque<Order>>,
    /// Whether the present one is to be waited for no longer.
    pub(super) stops: AtomicBool,
    /// Whether it is connected.
    pub(super) is_open: AtomicBool,
}

/// A connection to a peer.
pub(super) struct Talking {
    target: Target,
    options: Options,
    limits: Limits,
    /// Where it is recorded.
    path: PathBuf,
    background: Background,
    shared: Arc<Shared>,
    exchange: Option<Exchange>,
    /// The last order, and when it was carried out.
    present: Option<Present>,
}

struct Present {
    progress: Progressing,
    sent_ns: Option<i64>,
    deadline: Instant,
    /// Since when nothing more has come, if something has.
    quiet_since: Option<Instant>,
}

impl Talking {
    pub(super) fn new(
        target: Target,
        options: Options,
        limits: Limits,
        path: PathBuf,
        background: Background,
        shared: Arc<Shared>,
    ) -> Talking {
        Talking { target, options, limits, path, background, shared, exchange: None, present: None }
    }

    /// Does what is next. Done when the connection has ended.
    pub(super) fn step(&mut self, _: &JobControl) -> JobStep<()> {
        let order = self.shared.orders.lock().pop_front();
        if let Some(order) = order
            && !self.carry_out(order)
        {
            return self.end();
        }
        if self.exchange.is_none() {
            return self.end();
        }
        let is_waiting = self.is_waiting();
        let until = Instant::now() + if is_waiting { STEP } else { Duration::ZERO };
        let received = self.exchange.as_mut().map_or(Received::Closed, |exchange| exchange.receive(until));
        match received {
            Received::Rows(rows) => self.rows(rows),
            Received::Closed => return self.ended(State::Closed),
            Received::Reset => return self.ended(State::Reset),
            Received::Flooded => return self.ended(State::Flooded),
            Received::TimedOut => self.nothing_came(),
        }
        match self.is_waiting() {
            true => JobStep::Continue,
            false => JobStep::Wait(REST),
        }
    }

    fn is_waiting(&self) -> bool {
        self.present.as_ref().is_some_and(|present| present.progress.lock().state.is_under_way())
    }

    fn end(&mut self) -> JobStep<()> {
        self.exchange = None;
        self.shared.is_open.store(false, Ordering::Release);
        JobStep::Done(())
    }

    /// Connects if need be, and sends. False if that failed.
    fn carry_out(&mut self, order: Order) -> bool {
        self.shared.stops.store(false, Ordering::Release);
        let sent = match self.connected() {
            Ok(exchange) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let sent_ns = i64::try_from(now.as_nanos()).ok();
                let sent = order.bytes.as_deref().map_or(Ok(()), |bytes| exchange.send(bytes));
                sent.map(|()| sent_ns.filter(|_| order.bytes.is_some()))
            }
            Err(error) => Err(error),
        };
        match sent {
            Ok(sent_ns) => {
                Progress::set(&order.progress, State::Waiting);
                let deadline = self.background.now() + order.timeout;
                self.present =
                    Some(Present { progress: order.progress, sent_ns, deadline, quiet_since: None });
                true
            }
            Err(error) => {
                Progress::set(&order.progress, State::Failed(sentence(&error)));
                false
            }
        }
    }

    fn connected(&mut self) -> Result<&mut Exchange, ExchangeError> {
        if self.exchange.is_none() {
            let recording = Recorder::to_file(&self.path).map_err(ExchangeError::NotRecorded)?;
            let exchange =
                Exchange::connect_recorded(&self.target, &self.options, &self.limits, PATIENCE, recording)?;
            self.exchange = Some(exchange);
            self.shared.is_open.store(true, Ordering::Release);
        }
        match &mut self.exchange {
            Some(exchange) => Ok(exchange),
            None => unreachable!("it was connected above"),
        }
    }

    fn rows(&mut self, rows: Range<usize>) {
        let (Some(exchange), Some(present)) = (&self.exchange, &mut self.present) else { return };
        let index = exchange.index();
        let (came, own): (Vec<RowId>, Vec<RowId>) =
            index.row_ids_in(rows).partition(|row| is_from_peer(index, *row));
        // When it was recorded is nearer to when it was sent.
        let time = own.first().and_then(|own| index.time_ns(&index.row(*own)?));
        present.sent_ns = time.or(present.sent_ns);
        if !came.is_empty() {
            present.add(index, &came);
            present.quiet_since = Some(self.background.now());
            self.background.wake();
        }
    }

    /// Whether the present order is done, as nothing came for a while.
    fn nothing_came(&mut self) {
        let Some(present) = &mut self.present else { return };
        let known = Arc::clone(&present.progress.lock());
        if !known.state.is_under_way() {
            return;
        }
        let now = self.background.now();
        let is_quiet = present.quiet_since.is_some_and(|since| now.saturating_duration_since(since) >= QUIET);
        let state = if is_quiet {
            State::Answered
        } else if self.shared.stops.swap(false, Ordering::AcqRel) {
            State::Stopped
        } else if now < present.deadline {
            return;
        } else if known.answers.is_empty() {
            State::NoAnswer
        } else {
            State::Answered
        };
        Progress::set(&present.progress, state);
        self.background.wake();
    }

    /// The peer has ended the conversation: what was cut off becomes rows.
    fn ended(&mut self, state: State) -> JobStep<()> {
        if let (Some(exchange), Some(present)) = (self.exchange.take(), &self.present) {
            let of_peer = |index: &Index| -> Vec<RowId> {
                index.row_ids().filter(|row| is_from_peer(index, *row)).collect()
            };
            let known = of_peer(exchange.index()).len();
            let index = exchange.finish();
            // Rows may have other numbers now, but those of one side keep their order.
            present.add(&index, of_peer(&index).get(known..).unwrap_or_default());
            Progress::set(&present.progress, state);
        }
        self.end()
    }
}

impl Present {
    fn add(&self, index: &Index, rows: &[RowId]) {
        let mut reader = index.reader();
        for row in rows {
            if let Some(answer) = Answer::of(*row, index, &mut reader, self.sent_ns) {
                Arc::make_mut(&mut self.progress.lock()).add(answer);
            }
        }
    }
}

fn is_from_peer(index: &Index, row: RowId) -> bool {
    index.row(row).is_some_and(|row| index.direction(&row) == Direction::Backward)
}

/// An error as the window says it.
fn sentence(error: &ExchangeError) -> String {
    match error {
        ExchangeError::Refused(refused) => format!(
            "{} is not this machine. If you may send to it, tick 'Other machines' and send again.",
            refused.0
        ),
        error => error.to_string(),
    }
}
