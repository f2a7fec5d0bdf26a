//! Long work beside the window: in a thread of its own, with its progress, and ended when nobody wants it any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Wakes the window: there is something new to show.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Work that was begun. It ends early when this is dropped.
#[derive(Debug)]
pub struct Job<T> {
    done: Mutex<Receiver<Result<T, String>>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// In thousandths.
    progress: AtomicU32,
}

/// What work is told, and tells.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// So much of it is done. False if the work shall end.
    pub fn goes_on(&self, done: u64, all: u64) -> bool {
        let thousandths = (u128::from(done) * 1000).checked_div(all.into()).unwrap_or(1000);
        self.0.progress.store(u32::try_from(thousandths).unwrap_or(1000), Ordering::Relaxed);
        !self.is_cancelled()
    }

    /// Whether the work shall end.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }
}

impl<T: Send + 'static> Job<T> {
    /// Begins. `wake` is called when it is done.
    pub fn begin(name: &str, wake: Wake, work: impl FnOnce(&Watch) -> T + Send + 'static) -> Job<T> {
        let (send, done) = channel();
        let shared = Arc::new(Shared::default());
        let watch = Watch(Arc::clone(&shared));
        let failed = send.clone();
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&watch))).map_err(|panic| panic_text(&*panic));
            // Who is gone wants no result.
            let _ = send.send(result);
            wake();
        };
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
            let _ = failed.send(Err(format!("no thread for it: {error}")));
        }
        Job { done: Mutex::new(done), shared }
    }

    /// What came of it, once. An error is what made it panic.
    pub fn poll(&self) -> Option<Result<T, String>> {
        self.done.lock().try_recv().ok()
    }

    /// The same, after waiting no longer than that.
    pub fn poll_for(&self, patience: Duration) -> Option<Result<T, String>> {
        self.done.lock().recv_timeout(patience).ok()
    }

    /// How far it is, from 0 to 1.
    pub fn progress(&self) -> f32 {
        // Thousandths are few enough for any float.
        #[allow(clippy::cast_precision_loss)]
        let thousandths = self.shared.progress.load(Ordering::Relaxed) as f32;
        thousandths / 1000.0
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Calls `wake` now and then, however often it is asked to.
pub(crate) struct Seldom {
    wake: Wake,
    last: Instant,
}

impl Seldom {
    const BETWEEN: Duration = Duration::from_millis(40);

    pub(crate) fn new(wake: Wake) -> Seldom {
        Seldom { wake, last: Instant::now() }
    }

    pub(crate) fn wake(&mut self) {
        if self.last.elapsed() >= Seldom::BETWEEN {
            self.last = Instant::now();
            (self.wake)();
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let job: Job<()> = Job::begin("test", Arc::new(|| {}), |_| panic!("on purpose"));
        assert_eq!(job.poll_for(Duration::from_secs(20)), Some(Err("on purpose".to_owned())));
    }

    #[test]
    fn work_that_nobody_wants_ends() {
        let (tell, told) = channel();
        let job = Job::begin("test", Arc::new(|| {}), move |watch| {
            while watch.goes_on(1, 2) {
                std::thread::sleep(Duration::from_millis(1));
            }
            tell.send(()).unwrap();
        });
        while job.progress() < 0.5 {
            std::thread::yield_now();
        }
        drop(job);
        told.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}
