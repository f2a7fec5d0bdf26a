//! What a thread that receives says to the one that waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long it is waited before it is seen whether what is received is still wanted.
const SLICE: Duration = Duration::from_millis(100);
/// What is received ahead of what is read as messages.
const MOST_AHEAD: u64 = 1 << 20;

/// How the peer's side has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    Flooded,
}

/// The thread that receives, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Receiving {
    arrivals: Arc<Arrivals>,
    thread: Option<JoinHandle<()>>,
}

impl Receiving {
    pub(super) fn new(arrivals: &Arc<Arrivals>, thread: JoinHandle<()>) -> Receiving {
        Receiving { arrivals: Arc::clone(arrivals), thread: Some(thread) }
    }

    /// Receives no more.
    pub(crate) fn stop(&mut self) {
        self.arrivals.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.arrivals.stop();
    }
}

/// What the receiving thread says to the one that waits.
#[derive(Default)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
    /// Called when there is something new.
    wake: Option<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrivals").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that were received since the one that waits has read them.
    ahead: u64,
    end: Option<End>,
}

impl Arrivals {
    /// For one that waits for several conversations, and is woken.
    pub(crate) fn waking(wake: impl Fn() + Send + Sync + 'static) -> Arrivals {
        Arrivals { wake: Some(Box::new(wake)), ..Arrivals::default() }
    }

    fn notify(&self) {
        self.changed.notify_all();
        if let Some(wake) = &self.wake {
            wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More was received. While it is too much, no more is.
    pub(super) fn more(&self, bytes: u64) {
        let mut state = self.state();
        state.ahead += bytes;
        self.notify();
        while state.ahead > MOST_AHEAD && !self.is_stopped() {
            state = self.changed.wait_timeout(state, SLICE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All that was received so far is about to be read.
    pub(crate) fn read(&self) {
        self.state().ahead = 0;
        self.changed.notify_all();
    }

    /// The conversation has ended.
    pub(crate) fn ended(&self, end: End) {
        self.state().end = Some(end);
        self.notify();
    }

    /// How the peer's side has ended, if it has.
    pub(crate) fn end(&self) -> Option<End> {
        self.state().end
    }

    /// Waits until something was received or has ended, at most until then.
    pub(crate) fn wait(&self, until: Instant) {
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.ahead > 0 || state.end.is_some() || left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The receiving thread is to end.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
