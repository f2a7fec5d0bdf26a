//! Tasks that several threads do at once, and their results in the order of the tasks.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// What is done with each task. It ends early once the flag is set.
type Work<T, R> = Arc<dyn Fn(T, &AtomicBool) -> R + Send + Sync>;

/// A task, and where its result goes.
type Task<T, R> = (T, SyncSender<R>);

/// The results of tasks, in their order. No more of them wait than keep every thread busy.
pub(crate) struct Ordered<T, R> {
    work: Work<T, R>,
    stop: Arc<AtomicBool>,
    threads: usize,
    /// Those that were started; with none, all work is done by the caller.
    started: Vec<JoinHandle<()>>,
    give: Option<SyncSender<Task<T, R>>>,
    expected: VecDeque<Receiver<R>>,
}

impl<T: Send + 'static, R: Send + 'static> Ordered<T, R> {
    /// Threads start with the first task.
    pub(crate) fn new(threads: usize, work: impl Fn(T, &AtomicBool) -> R + Send + Sync + 'static) -> Self {
        Ordered {
            work: Arc::new(work),
            stop: Arc::default(),
            threads,
            started: Vec::new(),
            give: None,
            expected: VecDeque::new(),
        }
    }

    /// The result of the next task; None if there is no other.
    ///
    /// # Errors
    /// A task could not be made, or a thread ended.
    pub(crate) fn next(&mut self, task: &mut dyn FnMut() -> io::Result<Option<T>>) -> io::Result<Option<R>> {
        if self.threads < 2 {
            return Ok(task()?.map(|task| (self.work)(task, &self.stop)));
        }
        while self.expected.len() <= self.threads {
            let Some(task) = task()? else { break };
            self.give(task)?;
        }
        let Some(result) = self.expected.pop_front() else { return Ok(None) };
        result.recv().map(Some).map_err(|_| ended())
    }

    fn give(&mut self, task: T) -> io::Result<()> {
        if self.give.is_none() {
            self.start()?;
        }
        let (done, result) = sync_channel(1);
        let give = self.give.as_ref().ok_or_else(ended)?;
        give.send((task, done)).map_err(|_| ended())?;
        self.expected.push_back(result);
        Ok(())
    }

    fn start(&mut self) -> io::Result<()> {
        let (give, take) = sync_channel(self.threads + 1);
        let take: Arc<Mutex<Receiver<Task<T, R>>>> = Arc::new(Mutex::new(take));
        for _ in 0..self.threads {
            let (take, work, stop) = (Arc::clone(&take), Arc::clone(&self.work), Arc::clone(&self.stop));
            let run = move || {
                loop {
                    let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((task, done)) = next else { break };
                    // The receiver may have stopped.
                    let _ = done.send(work(task, &stop));
                }
            };
            let thread = thread::Builder::new().name("framescope-table".to_owned()).spawn(run);
            self.started.extend(thread.ok());
        }
        match self.started.is_empty() {
            true => Err(io::Error::other("no thread can be started to make the batches")),
            false => {
                self.give = Some(give);
                Ok(())
            }
        }
    }
}

impl<T, R> Drop for Ordered<T, R> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.give = None;
        self.expected.clear();
        for thread in self.started.drain(..) {
            // A panic there was its own result's error.
            let _ = thread.join();
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("a thread that makes batches ended before they were made")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All results for the tasks from 0 on.
    fn results(threads: usize, count: u32) -> Vec<u32> {
        let mut ordered = Ordered::new(threads, |task: u32, _: &AtomicBool| {
            // Later tasks are done sooner.
            thread::sleep(std::time::Duration::from_micros(u64::from(100 - task)));
            task * 2
        });
        let mut tasks = 0..count;
        let mut all = Vec::new();
        while let Some(result) = ordered.next(&mut || Ok(tasks.next())).unwrap() {
            all.push(result);
        }
        all
    }

    #[test]
    fn results_come_in_the_order_of_their_tasks() {
        for threads in [1, 2, 5] {
            assert_eq!(results(threads, 50), (0..50).map(|task| task * 2).collect::<Vec<_>>(), "{threads}");
            assert_eq!(results(threads, 0), [0; 0]);
        }
    }

    #[test]
    fn no_more_tasks_are_begun_than_keep_the_threads_busy() {
        let mut ordered = Ordered::new(3, |task: u32, _: &AtomicBool| task);
        let mut tasks = 0..100;
        for expected in 0..10 {
            assert_eq!(ordered.next(&mut || Ok(tasks.next())).unwrap(), Some(expected));
            assert!(tasks.start <= expected + 5, "{} after {expected}", tasks.start);
        }
    }

    #[test]
    fn a_task_that_can_not_be_made_or_panics_is_an_error() {
        let failing = &mut || Err(io::Error::other("no task"));
        let mut ordered = Ordered::new(2, |task: u32, _: &AtomicBool| 100 / task);
        assert_eq!(ordered.next(failing).unwrap_err().to_string(), "no task");
        let mut tasks = [5, 0, 4].into_iter();
        let mut next = || ordered.next(&mut || Ok(tasks.next()));
        assert_eq!(next().unwrap(), Some(20));
        assert_eq!(next().unwrap_err().to_string(), ended().to_string());
    }

    #[test]
    fn work_that_is_dropped_is_asked_to_stop() {
        let work = |(), stop: &AtomicBool| {
            while !stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        };
        let mut ordered = Ordered::new(2, work);
        ordered.give(()).unwrap();
        // Otherwise this would never return.
        drop(ordered);
    }
}
