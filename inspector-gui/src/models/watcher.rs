//! Polls for changes of the protocol descriptions and of the open capture, as long as the window is open.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::background::{Background, Job, JobStep};
use framescope_inspect::protocols::{CustomProtocols, Stamp, stamp_of};

/// Long enough to cost nothing, short enough that saving a file shows its effect immediately.
const BETWEEN: Duration = Duration::from_millis(250);

/// Reports when a file has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Mutex<Watched>>,
    changed: Arc<Changed>,
    _polling: Job<()>,
}

#[derive(Debug, Default)]
struct Changed {
    descriptions: AtomicBool,
    file: AtomicBool,
}

/// The watched files, and their state when they were last polled.
#[derive(Debug)]
struct Watched {
    own: CustomProtocols,
    stamps: Vec<Stamp>,
    file: Option<Stamp>,
}

impl Watched {
    fn new(own: &CustomProtocols, file: Option<&Path>) -> Watched {
        let file = file.map(|path| stamp_of(path.to_owned()));
        Watched { own: own.clone(), stamps: own.stamps(), file }
    }

    /// Whether the descriptions, and whether the file, have changed.
    fn poll(&mut self) -> (bool, bool) {
        let stamps = self.own.stamps();
        let file = self.file.as_ref().map(|(path, _)| stamp_of(path.clone()));
        let changed = (stamps != self.stamps, file != self.file);
        (self.stamps, self.file) = (stamps, file);
        changed
    }
}

impl Watcher {
    /// Starts to watch. The window is woken when something has changed.
    pub(crate) fn new(own: &CustomProtocols, file: Option<&Path>, background: &Background) -> Watcher {
        let watched = Arc::new(Mutex::new(Watched::new(own, file)));
        let changed = Arc::new(Changed::default());
        let (theirs, report, woken) = (Arc::clone(&watched), Arc::clone(&changed), background.clone());
        // Without a thread files are not watched, and all else works.
        let polling = background.spawn_steps("watcher", move |_| {
            let (descriptions, file) = theirs.lock().poll();
            report.descriptions.fetch_or(descriptions, Ordering::Relaxed);
            report.file.fetch_or(file, Ordering::Relaxed);
            if descriptions || file {
                woken.wake();
            }
            JobStep::Wait(BETWEEN)
        });
        Watcher { watched, changed, _polling: polling }
    }

    /// Watches other files from now on. A change since the last poll of a file that stays watched is still reported.
    pub(crate) fn watch(&self, own: &CustomProtocols, file: Option<&Path>) {
        let mut watched = self.watched.lock();
        let mut now = Watched::new(own, file);
        for stamp in now.stamps.iter_mut().chain(&mut now.file) {
            if let Some(before) =
                watched.stamps.iter().chain(&watched.file).find(|(path, _)| *path == stamp.0)
            {
                stamp.1 = before.1;
            }
        }
        *watched = now;
    }

    /// Changes a file without reporting that.
    pub(crate) fn without_reporting<T>(&self, path: &Path, change: impl FnOnce() -> T) -> T {
        // The lock keeps the polling job waiting.
        let mut watched = self.watched.lock();
        let done = change();
        if let Some(stamp) = watched.stamps.iter_mut().find(|(known, _)| known == path) {
            *stamp = stamp_of(path.to_owned());
        }
        done
    }

    /// Whether the descriptions, and whether the file, have changed since the last call.
    pub(crate) fn take_changes(&self) -> (bool, bool) {
        let Changed { descriptions, file } = &*self.changed;
        (descriptions.swap(false, Ordering::Relaxed), file.swap(false, Ordering::Relaxed))
    }
}
