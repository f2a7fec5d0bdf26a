//! Tasks that several threads do at once, and their results in the order of the tasks.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// What is done with each task. It ends early once the flag is set.
type Work<T, R> = Arc<dyn Fn(T, &AtomicBool) -> R + Send + Sync>;

/// A task, and who gets its result.
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
