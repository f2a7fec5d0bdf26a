//! Polls for changes of the protocol descriptions and of the open capture, as long as the window is open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use framescope_capture::Source;
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
    file: Option<(Stamp, Source)>,
}

impl Watched {
    fn new(own: &CustomProtocols, file: Option<(PathBuf, Source)>) -> Watched {
        let file = file.map(|(path, source)| (stamp_of(path), source));
        Watched { own: own.clone(), stamps: own.stamps(), file }
    }

    /// Whether the descriptions, and whether the file, have changed. One that is read while it grows has not, as long as it is that one.
    fn poll(&mut self) -> (bool, bool) {
        let stamps = self.own.stamps();
        let changed = stamps != self.stamps;
        self.stamps = stamps;
        let Some((stamp, source)) = &mut self.file else { return (changed, false) };
        let before = std::mem::replace(stamp, stamp_of(stamp.0.clone()));
        let only_grows = || source.is_growing() && source.may_be_at(&before.0).unwrap_or(false);
        (changed, *stamp != before && !only_grows())
    }
}

impl Watcher {
    /// Starts to watch. The window is woken when something has changed.
    pub(crate) fn new(
        own: &CustomProtocols,
        file: Option<(PathBuf, Source)>,
        background: &Background,
    ) -> Watcher {
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
    pub(crate) fn watch(&self, own: &CustomProtocols, file: Option<(PathBuf, Source)>) {
        let mut watched = self.watched.lock();
        let mut now = Watched::new(own, file);
        let file = |watched: &Watched| watched.file.as_ref().map(|(stamp, _)| stamp.clone());
        let before: Vec<Stamp> = watched.stamps.iter().cloned().chain(file(&watched)).collect();
        for stamp in now.stamps.iter_mut().chain(now.file.as_mut().map(|(stamp, _)| stamp)) {
            if let Some(before) = before.iter().find(|(path, _)| *path == stamp.0) {
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
