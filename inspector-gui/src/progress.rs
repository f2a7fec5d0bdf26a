//! How far long work is, on a terminal's standard error; and whether Ctrl-C was pressed.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framescope_capture::Index;

/// Work that takes less time says nothing of itself.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN: Duration = Duration::from_millis(100);

static STOPPED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C only says that the work shall stop. Pressed again it ends the program at once.
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

/// A line that says how far some work is, gone when the work is done.
#[derive(Debug)]
pub(crate) struct Progress {
    what: Option<String>,
    begun: Instant,
    said: Option<Instant>,
}

impl Progress {
    /// For work that is called so.
    pub(crate) fn new(what: String) -> Progress {
        let what = Some(what).filter(|_| io::stderr().is_terminal());
        Progress { what, ..Progress::quiet() }
    }

    /// For work whose result is printed as it goes.
    pub(crate) fn quiet() -> Progress {
        catch_ctrl_c();
        Progress { what: None, begun: Instant::now(), said: None }
    }

    /// So much is done. False if the work shall stop.
    pub(crate) fn at(&mut self, done: u64, all: u64) -> bool {
        if STOPPED.load(Ordering::Relaxed) {
            return false;
        }
        if let Some(what) = &self.what
            && self.begun.elapsed() >= PATIENCE
            && self.said.is_none_or(|said| said.elapsed() >= BETWEEN)
        {
            let percent = (u128::from(done) * 100).checked_div(all.into()).unwrap_or(100);
            // Who can't be told is not told.
            let _ = write!(io::stderr(), "\r\x1b[K{percent:3} % {what}");
            self.said = Some(Instant::now());
        }
        true
    }

    /// To be told how many rows of an index are done.
    pub(crate) fn rows(&mut self, index: &Index) -> impl FnMut(usize) -> bool {
        let all = index.row_count() as u64;
        move |done| self.at(done as u64, all)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.said.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
