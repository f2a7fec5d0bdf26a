//! Forwards one direction of a connection with faults: one half reads and says when what was read is due, the other writes it in
//! pieces.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::pump::{Broken, Ended, Way};
use super::gate::Gate;
use super::random::Random;
use super::stream::StreamFaults;
use super::{Fault, Purpose};

/// How many reads may be on their way.
const ON_THE_WAY: usize = 64;
/// What is joined up to a number of bytes waits no longer than this for the next.
const QUIET: Duration = Duration::from_millis(50);
/// What is written at a time where a rate limits it, in parts of a second.
const RATE_PARTS: u64 = 50;

/// What is written, and when.
struct Parcel {
    due: Instant,
    what: What,
}

enum What {
    Bytes(Vec<u8>),
    End,
    /// The sender broke the connection off, or a fault does.
    Broken(Broken),
}

/// One direction of a connection with faults.
pub(in super::super) struct Shaping<'c> {
    pub(in super::super) way: Way<'c>,
    pub(in super::super) faults: &'c [Fault],
    pub(in super::super) purpose: Purpose,
    pub(in super::super) gate: Option<Gate>,
    /// Is given a sentence about bytes that are passed on without being read as messages.
    pub(in super::super) unread: &'c (dyn Fn() + Sync),
}

impl Shaping<'_> {
    /// Forwards until either side ends.
    pub(in super::super) async fn forward(self) -> Result<Ended, Broken> {
        let (sender, receiver) = channel(ON_THE_WAY);
        let (way, faults, purpose) = (self.way, self.faults, self.purpose);
        let reading =
            Reading { shaping: self, sender, last_due: Instant::now(), random: purpose.random(u64::MAX) };
        let writing = Writing::new(way, faults, purpose, receiver);
        tokio::select! {
            ended = writing.run() => ended,
            never = reading.run() => match never {},
        }
    }
}

/// The half that reads.
struct Reading<'c> {
    shaping: Shaping<'c>,
    sender: Sender<Parcel>,
    last_due: Instant,
    random: Random,
}

impl Reading<'_> {
    async fn run(mut self) -> Infallible {
        let last = match self.shaping.gate.take() {
            None => self.pass_pieces().await,
            Some(gate) => self.pass_messages(gate).await,
        };
        self.push(last).await;
        // The half that writes has the last word.
        pending().await
    }

    async fn pass_pieces(&mut self) -> What {
        let way = self.shaping.way;
        let mut bytes = Vec::new();
        loop {
            match poll_fn(|context| way.poll_take(context, &mut bytes)).await {
                Ok(()) if bytes.is_empty() => {
                    way.recording.end_received(way.role);
                    return What::End;
                }
                Ok(()) => self.push(What::Bytes(std::mem::take(&mut bytes))).await,
                Err(_) => return What::Broken(Broken::By(way.role)),
            }
        }
    }

    async fn pass_messages(&mut self, mut gate: Gate) -> What {
        let way = self.shaping.way;
        let mut bytes = Vec::new();
        let mut last = None;
        loop {
            if let Some(last) = last.take_if(|_| !gate.holds()) {
                return last;
            }
            tokio::select! {
                taken = poll_fn(|context| way.poll_take(context, &mut bytes)), if gate.has_room() => {
                    match taken {
                        Ok(()) if bytes.is_empty() => {
                            way.recording.end_received(way.role);
                            last = Some(What::End);
                            gate.end();
                        }
                        Ok(()) => gate.hold(&std::mem::take(&mut bytes)),
                        Err(_) => {
                            last = Some(What::Broken(Broken::By(way.role)));
                            gate.end();
                        }
                    }
                }
                through = gate.next(), if gate.holds() => {
                    if through.unread {
                        (self.shaping.unread)();
                    }
                    if !through.bytes.is_empty() {
                        self.push(What::Bytes(through.bytes)).await;
                    }
                    if through.then_reset {
                        return What::Broken(Broken::OnPurpose);
                    }
                }
            }
        }
    }

    /// Sends on what is due after the delays, and not before what came earlier.
    async fn push(&mut self, what: What) {
        let mut due = Instant::now();
        for fault in self.shaping.faults {
            match *fault {
                Fault::Delay(delay) => due += delay,
                Fault::Jitter(most) => due += most.mul_f64(self.random.fraction()),
                _ => {}
            }
        }
        self.last_due = self.last_due.max(due);
        // Where nothing is written any more, what is read is of no use.
        let _ = self.sender.send(Parcel { due: self.last_due, what }).await;
    }
}

/// The half that writes.
struct Writing<'c> {
    way: Way<'c>,
    stream: StreamFaults,
    receiver: Receiver<Parcel>,
    /// What was received and is not written yet.
    waiting: Vec<u8>,
    /// When the first of that came.
    since: Instant,
    join_bytes: Option<u64>,
    join_time: Option<Duration>,
    pause: Duration,
    rate: Option<u64>,
    /// Not before this is anything written.
    next_write: Instant,
    /// How many bytes may still be written before the connection is reset.
    until_reset: Option<u64>,
}

impl<'c> Writing<'c> {
    fn new(way: Way<'c>, faults: &[Fault], purpose: Purpose, receiver: Receiver<Parcel>) -> Writing<'c> {
        let stream = StreamFaults::new(faults, purpose);
        let now = Instant::now();
        let mut writing = Writing {
            way,
            stream,
            receiver,
            waiting: Vec::new(),
            since: now,
            join_bytes: None,
            join_time: None,
            pause: Duration::ZERO,
            rate: None,
            next_write: now,
            until_reset: None,
        };
        for fault in faults {
            match *fault {
                Fault::Cut { pause, .. } => writing.pause = writing.pause.max(pause),
                Fault::JoinBytes(bytes) => writing.join_bytes = Some(bytes),
                Fault::JoinTime(time) => writing.join_time = Some(time),
                Fault::Throttle(rate) => {
                    writing.rate = Some(writing.rate.map_or(rate, |other| other.min(rate)))
                }
                Fault::ResetAfterBytes(bytes) => writing.until_reset = Some(bytes),
                _ => {}
            }
        }
        writing
    }

    async fn run(mut self) -> Result<Ended, Broken> {
        loop {
            let parcel = match self.joined_until() {
                Some(deadline) => match timeout_at(deadline, self.receiver.recv()).await {
                    Ok(parcel) => parcel,
                    Err(_) => {
                        if self.write_waiting(0).await? == Ended::Refused {
                            return Ok(Ended::Refused);
                        }
                        continue;
                    }
                },
                None => self.receiver.recv().await,
            };
            let Some(Parcel { due, what }) = parcel else { return Ok(Ended::Orderly) };
            sleep_until(due).await;
            let (kept, last) = match what {
                What::Bytes(bytes) => (self.take(bytes), None),
                last => (0, Some(last)),
            };
            if kept < self.waiting.len() && self.write_waiting(kept).await? == Ended::Refused {
                return Ok(Ended::Refused);
            }
            match last {
                None => {}
                Some(What::Broken(broken)) => return Err(broken),
                Some(_) => return self.way.end_sent().await,
            }
        }
    }

    /// Takes bytes, and returns how many of those that wait now are to be joined with others.
    fn take(&mut self, mut bytes: Vec<u8>) -> usize {
        self.stream.flip(&mut bytes);
        if self.waiting.is_empty() {
            self.waiting = bytes;
            self.since = Instant::now();
        } else {
            self.waiting.extend(bytes);
        }
        match (self.join_bytes, self.join_time) {
            (_, Some(_)) => self.waiting.len(),
            (Some(block), None) => {
                let block = usize::try_from(block).unwrap_or(usize::MAX);
                self.waiting.len() % block
            }
            (None, None) => 0,
        }
    }

    /// When what waits is written although nothing more came.
    fn joined_until(&self) -> Option<Instant> {
        match (self.waiting.is_empty(), self.join_time) {
            (true, _) => None,
            (false, Some(time)) => Some(self.since + time),
            (false, None) => Some(Instant::now() + QUIET),
        }
    }

    /// Writes what waits, but for the last bytes of it.
    async fn write_waiting(&mut self, kept: usize) -> Result<Ended, Broken> {
        let rest = self.waiting.split_off(self.waiting.len().saturating_sub(kept));
        let bytes = std::mem::replace(&mut self.waiting, rest);
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let most =
                self.join_bytes.map_or(usize::MAX, |block| usize::try_from(block).unwrap_or(usize::MAX));
            let (block, rest) = left.split_at(left.len().min(most));
            left = rest;
            if self.write_block(block).await? == Ended::Refused {
                return Ok(Ended::Refused);
            }
        }
        Ok(Ended::Orderly)
    }

    /// Writes bytes in the pieces that they are to be cut into.
    async fn write_block(&mut self, mut bytes: &[u8]) -> Result<Ended, Broken> {
        while !bytes.is_empty() {
            let at_a_time = self.rate.map_or(u64::MAX, |rate| (rate / RATE_PARTS).max(1));
            let most = at_a_time.min(self.until_reset.unwrap_or(u64::MAX)).min(bytes.len() as u64);
            let length = self.stream.divide(usize::try_from(most).unwrap_or(usize::MAX));
            let (piece, rest) = bytes.split_at(length);
            bytes = rest;
            sleep_until(self.next_write).await;
            if !piece.is_empty() {
                self.way.recording.sent(self.way.role, piece);
                if self.way.write(piece).await? == Ended::Refused {
                    return Ok(Ended::Refused);
                }
            }
            let now = Instant::now();
            let by_rate = self
                .rate
                .map_or(Duration::ZERO, |rate| Duration::from_secs(1).mul_f64(length as f64 / rate as f64));
            self.next_write = (self.next_write.max(now - by_rate) + by_rate).max(now + self.pause);
            if let Some(until_reset) = &mut self.until_reset {
                *until_reset -= length as u64;
                if *until_reset == 0 {
                    return Err(Broken::OnPurpose);
                }
            }
        }
        Ok(Ended::Orderly)
    }
}
