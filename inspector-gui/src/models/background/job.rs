//! A job, as its owner and as the job itself see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// What a job does after one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStep<T> {
    /// Runs the next step immediately.
    Continue,
    /// Runs the next step after a pause.
    Wait(Duration),
    /// Ends with this result.
    Done(T),
}

/// Why a job has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The job panicked, with this message. That is always a bug.
    #[error("internal error: {0}. Please report this bug")]
    Panicked(String),
    /// The system refused to start a thread.
    #[error("no thread could be started: {0}")]
    NoThread(String),
}

/// A running or finished job. Dropping it cancels it.
#[derive(Debug)]
pub struct Job<T>(pub(super) Arc<Work<T>>);

#[derive(Debug)]
pub(super) struct Work<T> {
    pub(super) state: Arc<State>,
    pub(super) result: Mutex<Option<Result<T, JobError>>>,
    pub(super) ended: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    is_cancelled: AtomicBool,
    is_over: AtomicBool,
    /// In thousandths.
    progress: AtomicU32,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Work { state: Arc::default(), result: Mutex::new(None), ended: Condvar::new() }
    }
}

impl<T> Work<T> {
    pub(super) fn end(&self, result: Result<T, JobError>) {
        *self.result.lock() = Some(result);
        self.state.is_over.store(true, Ordering::Release);
        self.ended.notify_all();
    }
}

/// The job's end of the connection: reports progress and learns of cancellation.
#[derive(Clone, Debug)]
pub struct JobControl(pub(super) Arc<State>);

impl JobControl {
    /// Reports progress. False if the job was cancelled and should end.
    pub fn report(&self, done: u64, all: u64) -> bool {
        let thousandths = (u128::from(done) * 1000).checked_div(all.into()).unwrap_or(1000);
        self.0.progress.store(u32::try_from(thousandths).unwrap_or(1000), Ordering::Relaxed);
        !self.is_cancelled()
    }

    /// Whether the job was cancelled and should end.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }
}

impl<T> Job<T> {
    /// Takes the result once it is there.
    ///
    /// # Errors
    /// The job panicked, or had no thread.
    pub fn poll(&self) -> Option<Result<T, JobError>> {
        self.0.result.lock().take()
    }

    /// Whether the job has ended, with a result or without.
    pub fn is_over(&self) -> bool {
        self.0.state.is_over.load(Ordering::Acquire)
    }

    /// Why the job failed, if it did and its result was not polled.
    pub fn error(&self) -> Option<JobError> {
        self.0.result.lock().as_ref().and_then(|result| result.as_ref().err().cloned())
    }

    /// The progress, from 0 to 1.
    pub fn progress(&self) -> f32 {
        // Thousandths are few enough for any float.
        #[allow(clippy::cast_precision_loss)]
        let thousandths = self.0.state.progress.load(Ordering::Relaxed) as f32;
        thousandths / 1000.0
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.0.state.is_cancelled.store(true, Ordering::Relaxed);
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
