//! Background work and the clock: long jobs with progress, cancelled when their result is no longer needed.
//!
//! In the program that means threads and the system's clock. A test runs the jobs itself and advances the time, so that
//! every run does the same however busy the machine is. Only the system's file dialogs have threads of their own.

mod job;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use job::Work;
pub(crate) use job::panic_text;
pub use job::{Job, JobControl, JobError, JobStep};

/// Wakes the window.
type Wake = Box<dyn Fn() + Send + Sync>;

/// Runs background jobs and provides the time. Clones share the same jobs and clock.
#[derive(Clone)]
pub struct Background(Arc<Shared>);

struct Shared {
    /// None where threads do the work.
    manual: Option<Mutex<Manual>>,
    wake: OnceLock<Wake>,
}

/// Jobs that run only when a test runs them.
struct Manual {
    now: Instant,
    /// Each with the time at which its next step is due.
    waiting: VecDeque<(Instant, Steps)>,
}

/// Runs the next step of a job. Returns the pause before the following step, None once the job is over.
type Steps = Box<dyn FnMut() -> Option<Duration> + Send>;

impl Background {
    /// Uses threads and the system's clock.
    pub fn threaded() -> Background {
        Background::new(None)
    }

    /// For tests: jobs run in [`step`](Background::step) and time passes in [`advance`](Background::advance) only.
    pub fn manual() -> Background {
        Background::new(Some(Manual { now: Instant::now(), waiting: VecDeque::new() }))
    }

    fn new(manual: Option<Manual>) -> Background {
        Background(Arc::new(Shared { manual: manual.map(Mutex::new), wake: OnceLock::new() }))
    }

    /// Whether jobs and time are driven by a test, so that nothing may wait for a person.
    pub(crate) fn is_manual(&self) -> bool {
        self.0.manual.is_some()
    }

    /// Sets what to call when there is something new to show. Later calls change nothing.
    pub(crate) fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.0.wake.get_or_init(|| Box::new(wake));
    }

    /// Wakes the window: there is something new to show.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.0.wake.get() {
            wake();
        }
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.0.manual.as_ref().map_or_else(Instant::now, |manual| manual.lock().now)
    }

    /// Advances the clock of a manual background.
    pub fn advance(&self, time: Duration) {
        if let Some(manual) = &self.0.manual {
            manual.lock().now += time;
        }
    }

    /// Runs the next step of every job that is due, on a manual background. False if none was due.
    pub fn step(&self) -> bool {
        let Some(manual) = &self.0.manual else { return false };
        let (now, all) = {
            let mut manual = manual.lock();
            (manual.now, std::mem::take(&mut manual.waiting))
        };
        let mut has_worked = false;
        // A step may start other jobs, which are queued after it.
        for (due, mut steps) in all {
            let next = if due > now {
                Some(due)
            } else {
                has_worked = true;
                steps().map(|pause| now + pause)
            };
            if let Some(due) = next {
                manual.lock().waiting.push_back((due, steps));
            }
        }
        has_worked
    }

    /// Starts a job of one step. The job may check whether it was cancelled, which dropping it does.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&JobControl) -> T + Send + 'static,
    ) -> Job<T> {
        let mut work = Some(work);
        self.spawn_steps(name, move |control| match work.take() {
            Some(work) => JobStep::Done(work(control)),
            // No step follows one that is done.
            None => JobStep::Continue,
        })
    }

    /// Starts a job of many steps. Dropping the job ends it after the current step.
    pub fn spawn_steps<T: Send + 'static>(
        &self,
        name: &str,
        mut step: impl FnMut(&JobControl) -> JobStep<T> + Send + 'static,
    ) -> Job<T> {
        let job = Job(Arc::new(Work::default()));
        let (work, background) = (Arc::clone(&job.0), self.clone());
        let control = JobControl(Arc::clone(&work.state));
        let steps = move || {
            if control.is_cancelled() {
                return None;
            }
            let result = match catch_unwind(AssertUnwindSafe(|| step(&control))) {
                Ok(JobStep::Continue) => return Some(Duration::ZERO),
                Ok(JobStep::Wait(pause)) => return Some(pause),
                Ok(JobStep::Done(result)) => Ok(result),
                Err(panic) => Err(JobError::Panicked(panic_text(&*panic))),
            };
            work.end(result);
            background.wake();
            None
        };
        if let Err(error) = self.run(name, Box::new(steps)) {
            job.0.end(Err(JobError::NoThread(error.to_string())));
        }
        job
    }

    fn run(&self, name: &str, mut steps: Steps) -> std::io::Result<()> {
        if let Some(manual) = &self.0.manual {
            let mut manual = manual.lock();
            let now = manual.now;
            manual.waiting.push_back((now, steps));
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

    /// Waits for a job's result, no longer than `patience`.
    pub(crate) fn wait<T>(&self, job: &Job<T>, patience: Duration) -> Option<Result<T, JobError>> {
        let mut result = job.0.result.lock();
        if result.is_none() && !self.is_manual() {
            job.0.ended.wait_while_for(&mut result, |result| result.is_none(), patience);
        }
        result.take()
    }

    /// Starts a server that replies to requests one after the other. A manual background replies immediately.
    ///
    /// # Errors
    /// The system refused to start a thread.
    pub(crate) fn serve<A: Send + 'static>(
        &self,
        name: &str,
        mut answer: impl FnMut(A) + Send + 'static,
    ) -> std::io::Result<Server<A>> {
        if self.is_manual() {
            return Ok(Server::Inline(Mutex::new(Box::new(answer))));
        }
        let (requests, received) = channel();
        let run = move || received.into_iter().for_each(&mut answer);
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Server::Thread(requests))
    }

    /// Frees what is no longer shown off the window's thread: for ten million rows that takes longer than a frame.
    pub(crate) fn drop_later<T: Send + 'static>(&self, old: T) {
        let mut old = Some(old);
        let steps = move || {
            drop(old.take());
            None
        };
        // Without a thread it is freed here.
        let _ = self.run("free", Box::new(steps));
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_manual() { "Background::manual" } else { "Background::threaded" })
    }
}

/// How often the window is woken at most to show the progress of a job.
const BETWEEN_WAKES: Duration = Duration::from_millis(40);

/// Replies to requests.
pub(crate) enum Server<A> {
    /// On a thread, which ends when this is dropped.
    Thread(Sender<A>),
    /// On the thread of the caller.
    Inline(Mutex<Box<dyn FnMut(A) + Send>>),
}

impl<A> Server<A> {
    pub(crate) fn ask(&self, what: A) {
        match self {
            // The thread lives as long as this.
            Server::Thread(ask) => drop(ask.send(what)),
            Server::Inline(answer) => (answer.lock())(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit that only a hanging test reaches.
    const TOO_LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_is_an_error() {
        for background in [Background::threaded(), Background::manual()] {
            let job: Job<()> = background.spawn("test", |_| panic!("on purpose"));
            background.step();
            assert_eq!(
                background.wait(&job, TOO_LONG),
                Some(Err(JobError::Panicked("on purpose".to_owned())))
            );
            assert!(job.is_over());
        }
    }

    #[test]
    fn a_dropped_job_ends() {
        for background in [Background::threaded(), Background::manual()] {
            let (is_there, is_gone) = channel::<()>();
            let job: Job<()> = background.spawn_steps("test", move |control| {
                // What the job owns is dropped with it.
                let _ = &is_there;
                control.report(1, 2);
                JobStep::Continue
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
    fn the_end_of_a_job_wakes_the_window() {
        for background in [Background::threaded(), Background::manual()] {
            let (wake, woken) = channel();
            background.on_wake(move || wake.send(()).unwrap());
            let job = background.spawn("test", |_| 7);
            background.step();
            woken.recv_timeout(TOO_LONG).unwrap();
            assert_eq!(job.poll(), Some(Ok(7)), "{background:?}");
        }
    }

    #[test]
    fn a_manual_job_waits_for_its_time() {
        let background = Background::manual();
        let mut steps = 0;
        let job = background.spawn_steps("test", move |_| {
            steps += 1;
            if steps < 3 { JobStep::Wait(Duration::from_secs(1)) } else { JobStep::Done(steps) }
        });
        assert!(background.step() && !background.step());
        background.advance(Duration::from_secs(1));
        assert!(background.step() && !background.step());
        assert_eq!(job.poll(), None);
        background.advance(Duration::from_secs(1));
        assert!(background.step());
        assert_eq!(job.poll(), Some(Ok(3)));
        assert!(!background.step(), "it is over");
    }

    #[test]
    fn requests_are_answered_in_order() {
        for background in [Background::threaded(), Background::manual()] {
            let (send, received) = channel();
            let server = background.serve("test", move |request: u32| send.send(request).unwrap()).unwrap();
            (0..5).for_each(|number| server.ask(number));
            drop(server);
            assert_eq!(received.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4], "{background:?}");
        }
    }
}
