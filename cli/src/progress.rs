//! How far long work has come, on a terminal's standard error; and whether Ctrl-C was pressed.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framescope_capture::Index;

/// Work that takes less time shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN: Duration = Duration::from_millis(100);

static STOPPED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks the work to stop. Pressed again it ends the program.
fn catch_ctrl_c() {
    static CAUGHT: OnceLock<bool> = OnceLock::new();
    CAUGHT.get_or_init(|| {
        let caught = ctrlc::set_handler(|| {
            if STOPPED.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        caught.is_ok()
    });
}

/// A line that shows how far some work has come, erased when the work is done.
#[derive(Debug)]
pub(crate) struct Progress {
    what: Option<String>,
    begun: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// For work with this name.
    pub(crate) fn new(what: String) -> Progress {
        let what = Some(what).filter(|_| io::stderr().is_terminal());
        Progress { what, ..Progress::quiet() }
    }

    /// For work that prints its result as it goes.
    pub(crate) fn quiet() -> Progress {
        catch_ctrl_c();
        Progress { what: None, begun: Instant::now(), shown: None }
    }

    /// So much of it is done. False if the work should stop.
    pub(crate) fn at(&mut self, done: u64, all: u64) -> bool {
        if STOPPED.load(Ordering::Relaxed) {
            return false;
        }
        if let Some(what) = &self.what
            && self.begun.elapsed() >= PATIENCE
            && self.shown.is_none_or(|shown| shown.elapsed() >= BETWEEN)
        {
            let percent = (u128::from(done) * 100).checked_div(all.into()).unwrap_or(100);
            // Without a standard error there is no place to show it.
            let _ = write!(io::stderr(), "\r\x1b[K{percent:3} % {what}");
            self.shown = Some(Instant::now());
        }
        true
    }

    /// A callback for work on an index, row by row.
    pub(crate) fn rows(&mut self, index: &Index) -> impl FnMut(usize) -> bool {
        let all = index.row_count() as u64;
        move |done| self.at(done as u64, all)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
