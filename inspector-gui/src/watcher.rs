//! Looks now and then whether descriptions, or the capture that is open, have changed, as long as there is a window.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::background::{Background, Job, Then};
use framescope_inspect::protocols::{CustomProtocols, Stamp, stamp_of};

/// Long enough to cost nothing, short enough that who saves a file sees what follows.
const BETWEEN: Duration = Duration::from_millis(250);

/// Says when a file has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Mutex<Watched>>,
    changed: Arc<Changed>,
    _looking: Job<()>,
}

#[derive(Debug, Default)]
struct Changed {
    descriptions: AtomicBool,
    file: AtomicBool,
}

/// What is watched, and what its files were when they were looked at last.
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

    /// Whether descriptions, and whether the file, are others than before.
    fn look(&mut self) -> (bool, bool) {
        let stamps = self.own.stamps();
        let file = self.file.as_ref().map(|(path, _)| stamp_of(path.clone()));
        let changed = (stamps != self.stamps, file != self.file);
        (self.stamps, self.file) = (stamps, file);
        changed
    }
}

impl Watcher {
    /// Begins to watch. The window is woken when something has changed.
    pub(crate) fn new(own: &CustomProtocols, file: Option<&Path>, background: &Background) -> Watcher {
        let watched = Arc::new(Mutex::new(Watched::new(own, file)));
        let changed = Arc::new(Changed::default());
        let (theirs, say, woken) = (Arc::clone(&watched), Arc::clone(&changed), background.clone());
        // Where this can't be done files are not followed, and all else works.
        let looking = background.begin_steps("watcher", move |_| {
            let (descriptions, file) = theirs.lock().look();
            say.descriptions.fetch_or(descriptions, Ordering::Relaxed);
            say.file.fetch_or(file, Ordering::Relaxed);
            if descriptions || file {
                woken.wake();
            }
            Then::After(BETWEEN)
        });
        Watcher { watched, changed, _looking: looking }
    }

    /// Watches other files from now on. One that was watched before and has changed since is told all the same.
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

    /// Does something to a file of which the window knows already: that is not told.
    pub(crate) fn overlook<T>(&self, path: &Path, what: impl FnOnce() -> T) -> T {
        // Nobody looks meanwhile.
        let mut watched = self.watched.lock();
        let done = what();
        if let Some(stamp) = watched.stamps.iter_mut().find(|(known, _)| known == path) {
            *stamp = stamp_of(path.to_owned());
        }
        done
    }

    /// Whether descriptions, and whether the file, have changed since this was asked last.
    pub(crate) fn take_changes(&self) -> (bool, bool) {
        let Changed { descriptions, file } = &*self.changed;
        (descriptions.swap(false, Ordering::Relaxed), file.swap(false, Ordering::Relaxed))
    }
}
