//! Forwards one direction of a connection as it comes, and never keeps more than one read of it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use framescope_parser::Role;
use tokio::io::ReadBuf;
use tokio::time::timeout;

use super::counts::Counts;
use super::end::End;
use super::recording::Recording;

/// The most that is read at a time: one packet of the recording.
const READ_BYTES: usize = 60_000;

/// While the receiver takes nothing, the sender is looked at this often: it may be gone.
const STALLED: Duration = Duration::from_millis(500);

thread_local! {
    /// Where all connections of a thread read to, so that one that waits needs no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// One direction of a connection.
#[derive(Clone, Copy)]
pub(super) struct Way<'c> {
    /// The sender.
    pub(super) role: Role,
    pub(super) from: &'c End,
    pub(super) to: &'c End,
    pub(super) recording: &'c Recording,
    pub(super) counts: &'c Counts,
}

/// How a direction ended, if its sender did not break the connection off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sender said that it sends no more, and the receiver was notified.
    Orderly,
    /// The receiver takes no more. What it has sent before that may still be on its way.
    Refused,
}

/// Why a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// This side broke it off.
    By(Role),
    /// A fault does.
    OnPurpose,
}

/// What came of a read.
enum Piece {
    /// All of it was written.
    Passed,
    /// Some of it is still to be written or flushed.
    Held,
    /// The sender sends no more.
    End,
}

impl Way<'_> {
    /// Forwards until either side ends.
    pub(super) async fn forward(&self) -> Result<Ended, Broken> {
        loop {
            let mut held = Vec::new();
            let piece = poll_fn(|context| self.poll_piece(context, &mut held)).await;
            match piece.map_err(|_| Broken::By(self.role))? {
                Piece::Passed => {}
                Piece::Held => {
                    if self.write(&held).await? == Ended::Refused {
                        return Ok(Ended::Refused);
                    }
                }
                Piece::End => {
                    self.recording.end_received(self.role);
                    return self.end_sent().await;
                }
            }
        }
    }

    /// Reads a piece, records it, and writes what of it can be written immediately; the rest is `held`. An error is the sender's.
    fn poll_piece(&self, context: &mut Context<'_>, held: &mut Vec<u8>) -> Poll<io::Result<Piece>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(self.from.poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                return Poll::Ready(Ok(Piece::End));
            }
            self.recording.received(self.role, bytes);
            self.recording.sent(self.role, bytes);
            self.counts.passed(self.role, bytes.len());
            // A receiver that refuses says so again when the rest is written.
            let written = match self.to.poll_write(context, bytes) {
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(_)) | Poll::Pending => 0,
            };
            held.extend_from_slice(bytes.get(written..).unwrap_or_default());
            let is_done = held.is_empty() && matches!(self.to.poll_flush(context), Poll::Ready(Ok(())));
            Poll::Ready(Ok(if is_done { Piece::Passed } else { Piece::Held }))
        })
    }

    /// Reads a piece, and records it; nothing at the end.
    pub(super) fn poll_take(&self, context: &mut Context<'_>, bytes: &mut Vec<u8>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(self.from.poll_read(context, &mut buffer))?;
            if !buffer.filled().is_empty() {
                self.recording.received(self.role, buffer.filled());
                self.counts.passed(self.role, buffer.filled().len());
            }
            bytes.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(()))
        })
    }

    /// Writes bytes, for as long as the receiver takes them and the sender is there.
    pub(super) async fn write(&self, mut bytes: &[u8]) -> Result<Ended, Broken> {
        let mut work = |context: &mut Context<'_>| {
            while !bytes.is_empty() {
                let written = ready!(self.to.poll_write(context, bytes))?;
                bytes = bytes.get(written..).unwrap_or_default();
            }
            self.to.poll_flush(context)
        };
        loop {
            match timeout(STALLED, poll_fn(&mut work)).await {
                Ok(Ok(())) => return Ok(Ended::Orderly),
                Ok(Err(_)) => return Ok(Ended::Refused),
                Err(_) if self.from.take_error().is_some() => return Err(Broken::By(self.role)),
                Err(_) => {}
            }
        }
    }

    /// Passes on that the sender sends no more.
    pub(super) async fn end_sent(&self) -> Result<Ended, Broken> {
        self.recording.end_sent(self.role);
        match poll_fn(|context| self.to.poll_shutdown(context)).await {
            Ok(()) => Ok(Ended::Orderly),
            Err(_) => Ok(Ended::Refused),
        }
    }
}
