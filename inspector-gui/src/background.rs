//! What goes on beside the window: long work, with its progress, ended when nobody wants it any more; and what time it is.
//! For a person that is threads and the system's clock. A test does the work itself and lets time pass, so that the same
//! happens in every run, however busy the machine is.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Wakes the window.
type Wake = Box<dyn Fn() + Send + Sync>;

/// Where work beside the window is done, and by which clock. A clone is the same one.
#[derive(Clone)]
pub struct Background(Arc<Shared>);

struct Shared {
    /// None for threads.
    by_hand: Option<Mutex<ByHand>>,
    wake: OnceLock<Wake>,
}

/// Work that is done when it is asked for.
struct ByHand {
    now: Instant,
    /// With the time before which it has nothing to do.
    waiting: VecDeque<(Instant, Steps)>,
}

/// Does a part of some work. Gives how long there is nothing to do now; None when it is over.
type Steps = Box<dyn FnMut() -> Option<Duration> + Send>;

/// What follows a step of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then<T> {
    /// The next one, at once.
    Again,
    /// The next one, when that time has passed.
    After(Duration),
    /// Nothing: this came of it.
    Done(T),
}

impl Background {
    /// Threads, and the system's clock.
    pub fn of_threads() -> Background {
        Background::new(None)
    }

    /// Work is done by [`step`](Background::step) and time passes by [`pass`](Background::pass) only.
    pub fn by_hand() -> Background {
        Background::new(Some(ByHand { now: Instant::now(), waiting: VecDeque::new() }))
    }

    fn new(by_hand: Option<ByHand>) -> Background {
        Background(Arc::new(Shared { by_hand: by_hand.map(Mutex::new), wake: OnceLock::new() }))
    }

    /// Whether nothing goes on by itself: neither a person nor the system takes part.
    pub(crate) fn is_by_hand(&self) -> bool {
        self.0.by_hand.is_some()
    }

    /// What to call when there is something new to show; what was said first counts.
    pub(crate) fn wakes(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.0.wake.get_or_init(|| Box::new(wake));
    }

    /// There is something new to show.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.0.wake.get() {
            wake();
        }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.0.by_hand.as_ref().map_or_else(Instant::now, |by_hand| by_hand.lock().now)
    }

    /// Lets time pass, where that is done by hand.
    pub fn pass(&self, time: Duration) {
        if let Some(by_hand) = &self.0.by_hand {
            by_hand.lock().now += time;
        }
    }

    /// Does the next step of all work that has something to do, where that is done by hand. False if none has.
    pub fn step(&self) -> bool {
        let Some(by_hand) = &self.0.by_hand else { return false };
        let (now, all) = {
            let mut by_hand = by_hand.lock();
            (by_hand.now, std::mem::take(&mut by_hand.waiting))
        };
        let mut has_worked = false;
        // It may begin other work, which comes behind it.
        for (due, mut steps) in all {
            let next = if due > now {
                Some(due)
            } else {
                has_worked = true;
                steps().map(|pause| now + pause)
            };
            if let Some(due) = next {
                by_hand.lock().waiting.push_back((due, steps));
            }
        }
        has_worked
    }

    /// Begins work that is done as a whole. It may end early when the job is dropped.
    pub fn begin<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Watch) -> T + Send + 'static,
    ) -> Job<T> {
        let mut work = Some(work);
        self.begin_steps(name, move |watch| match work.take() {
            Some(work) => Then::Done(work(watch)),
            // Nothing follows what is done.
            None => Then::Again,
        })
    }

    /// Begins work that is done step by step. After any of them it ends when the job is dropped.
    pub fn begin_steps<T: Send + 'static>(
        &self,
        name: &str,
        mut step: impl FnMut(&Watch) -> Then<T> + Send + 'static,
    ) -> Job<T> {
        let job = Job(Arc::new(Work::default()));
        let (work, background) = (Arc::clone(&job.0), self.clone());
        let watch = Watch(Arc::clone(&work.state));
        let steps = move || {
            if watch.is_cancelled() {
                return None;
            }
            let result = match catch_unwind(AssertUnwindSafe(|| step(&watch))) {
                Ok(Then::Again) => return Some(Duration::ZERO),
                Ok(Then::After(pause)) => return Some(pause),
                Ok(Then::Done(result)) => Ok(result),
                Err(panic) => Err(panic_text(&*panic)),
            };
            work.end(result);
            background.wake();
            None
        };
        if let Err(error) = self.run(name, Box::new(steps)) {
            job.0.end(Err(format!("no thread for it: {error}")));
        }
        job
    }

    fn run(&self, name: &str, mut steps: Steps) -> std::io::Result<()> {
        if let Some(by_hand) = &self.0.by_hand {
            let mut by_hand = by_hand.lock();
            let now = by_hand.now;
            by_hand.waiting.push_back((now, steps));
            return Ok(());
        }
        let background = self.clone();
        let run = move || {
            let mut woken = Instant::now();
            while let Some(pause) = steps() {
                if !pause.is_zero() {
                    std::thread::sleep(pause);
                } else if woken.elapsed() >= BETWEEN_WAKES {
                    woken = Instant::now();
                    background.wake();
                }
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
    }

    /// What came of a job, after waiting for it no longer than that.
    pub(crate) fn wait<T>(&self, job: &Job<T>, patience: Duration) -> Option<Result<T, String>> {
        let mut result = job.0.result.lock();
        if result.is_none() && !self.is_by_hand() {
            job.0.ended.wait_while_for(&mut result, |result| result.is_none(), patience);
        }
        result.take()
    }

    /// Begins to answer whatever will be asked, one after the other. By hand it is answered while it is asked.
    ///
    /// # Errors
    /// No thread can be had.
    pub(crate) fn serve<A: Send + 'static>(
        &self,
        name: &str,
        mut answer: impl FnMut(A) + Send + 'static,
    ) -> std::io::Result<Server<A>> {
        if self.is_by_hand() {
            return Ok(Server::Here(Mutex::new(Box::new(answer))));
        }
        let (ask, asked) = channel();
        let run = move || asked.into_iter().for_each(&mut answer);
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Server::Beside(ask))
    }

    /// Gives back the memory of what is shown no more: for ten million rows that takes longer than a frame.
    pub(crate) fn put_away<T: Send + 'static>(&self, old: T) {
        let mut old = Some(old);
        let steps = move || {
            drop(old.take());
            None
        };
        // Where there is no thread for it, it takes its time here.
        let _ = self.run("put away", Box::new(steps));
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_by_hand() { "Background::by_hand" } else { "Background::of_threads" })
    }
}

/// While work goes on the window is woken no more often, to show how far it is.
const BETWEEN_WAKES: Duration = Duration::from_millis(40);

/// Work that was begun. It ends early when this is dropped.
#[derive(Debug)]
pub struct Job<T>(Arc<Work<T>>);

#[derive(Debug)]
struct Work<T> {
    state: Arc<State>,
    result: Mutex<Option<Result<T, String>>>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
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
    fn end(&self, result: Result<T, String>) {
        *self.result.lock() = Some(result);
        self.state.is_over.store(true, Ordering::Release);
        self.ended.notify_all();
    }
}

/// What work is told, and tells.
#[derive(Clone, Debug)]
pub struct Watch(Arc<State>);

impl Watch {
    /// So much of it is done. False if the work shall end.
    pub fn goes_on(&self, done: u64, all: u64) -> bool {
        let thousandths = (u128::from(done) * 1000).checked_div(all.into()).unwrap_or(1000);
        self.0.progress.store(u32::try_from(thousandths).unwrap_or(1000), Ordering::Relaxed);
        !self.is_cancelled()
    }

    /// Whether the work shall end.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }
}

impl<T> Job<T> {
    /// What came of it, once. An error is what made it panic.
    pub fn poll(&self) -> Option<Result<T, String>> {
        self.0.result.lock().take()
    }

    /// Whether it is done, or broke down.
    pub fn is_over(&self) -> bool {
        self.0.state.is_over.load(Ordering::Acquire)
    }

    /// What made it panic, if it did and that was not polled.
    pub fn broken(&self) -> Option<String> {
        self.0.result.lock().as_ref().and_then(|result| result.as_ref().err().cloned())
    }

    /// How far it is, from 0 to 1.
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

/// Who answers what is asked.
pub(crate) enum Server<A> {
    /// A thread that ends with this.
    Beside(Sender<A>),
    /// Whoever asks.
    Here(Mutex<Box<dyn FnMut(A) + Send>>),
}

impl<A> Server<A> {
    pub(crate) fn ask(&self, what: A) {
        match self {
            // It answers as long as this is there.
            Server::Beside(ask) => drop(ask.send(what)),
            Server::Here(answer) => (answer.lock())(what),
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

    /// Only ends a test that hangs.
    const TOO_LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_is_an_error() {
        for background in [Background::of_threads(), Background::by_hand()] {
            let job: Job<()> = background.begin("test", |_| panic!("on purpose"));
            background.step();
            assert_eq!(background.wait(&job, TOO_LONG), Some(Err("on purpose".to_owned())));
            assert!(job.is_over());
        }
    }

    #[test]
    fn work_that_nobody_wants_ends() {
        for background in [Background::of_threads(), Background::by_hand()] {
            let (is_there, is_gone) = channel::<()>();
            let job: Job<()> = background.begin_steps("test", move |watch| {
                // What the work holds goes with it.
                let _ = &is_there;
                watch.goes_on(1, 2);
                Then::Again
            });
            while job.progress() < 0.5 {
                background.step();
                std::thread::yield_now();
            }
            drop(job);
            background.step();
            assert_eq!(
                is_gone.recv_timeout(TOO_LONG),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected),
                "{background:?}"
            );
        }
    }

    #[test]
    fn the_window_is_woken_when_work_has_come_to_its_end() {
        for background in [Background::of_threads(), Background::by_hand()] {
            let (wake, woken) = channel();
            background.wakes(move || wake.send(()).unwrap());
            let job = background.begin("test", |_| 7);
            background.step();
            woken.recv_timeout(TOO_LONG).unwrap();
            assert_eq!(job.poll(), Some(Ok(7)), "{background:?}");
        }
    }

    #[test]
    fn by_hand_work_waits_for_its_time() {
        let background = Background::by_hand();
        let mut steps = 0;
        let job = background.begin_steps("test", move |_| {
            steps += 1;
            if steps < 3 { Then::After(Duration::from_secs(1)) } else { Then::Done(steps) }
        });
        assert!(background.step() && !background.step());
        background.pass(Duration::from_secs(1));
        assert!(background.step() && !background.step());
        assert_eq!(job.poll(), None);
        background.pass(Duration::from_secs(1));
        assert!(background.step());
        assert_eq!(job.poll(), Some(Ok(3)));
        assert!(!background.step(), "it is over");
    }

    #[test]
    fn what_is_asked_is_answered_in_its_order() {
        for background in [Background::of_threads(), Background::by_hand()] {
            let (tell, told) = channel();
            let server = background.serve("test", move |asked: u32| tell.send(asked).unwrap()).unwrap();
            (0..5).for_each(|number| server.ask(number));
            drop(server);
            assert_eq!(told.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4], "{background:?}");
        }
    }
}
