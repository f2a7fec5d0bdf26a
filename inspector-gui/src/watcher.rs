//! Looks now and then whether descriptions, or the capture that is open, have changed, in a thread of its own that ends with
//! the window.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::jobs::Wake;
use crate::own_protocols::{OwnProtocols, Stamp, stamp_of};

/// Long enough to cost nothing, short enough that who saves a file sees what follows.
const BETWEEN: Duration = Duration::from_millis(250);

/// Says when a file has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Mutex<Watched>>,
    changed: Arc<Changed>,
}

#[derive(Debug, Default)]
struct Changed {
    descriptions: AtomicBool,
    file: AtomicBool,
}

/// What is watched, and what its files were when they were looked at last.
#[derive(Debug)]
struct Watched {
    own: OwnProtocols,
    stamps: Vec<Stamp>,
    file: Option<Stamp>,
}

impl Watched {
    fn new(own: &OwnProtocols, file: Option<&Path>) -> Watched {
        let file = file.map(|path| stamp_of(path.to_owned()));
        Watched { own: own.clone(), stamps: own.stamps(), file }
    }
}

impl Watcher {
    /// Begins to watch. `wake` is called when something has changed.
    pub(crate) fn new(own: &OwnProtocols, file: Option<&Path>, wake: Wake) -> Watcher {
        let watched = Arc::new(Mutex::new(Watched::new(own, file)));
        let changed = Arc::new(Changed::default());
        let (theirs, say) = (Arc::downgrade(&watched), Arc::clone(&changed));
        let watch = move || {
            loop {
                std::thread::sleep(BETWEEN);
                let Some(watched) = theirs.upgrade() else { return };
                let mut watched = watched.lock();
                let now = watched.own.stamps();
                let file = watched.file.as_ref().map(|(path, _)| stamp_of(path.clone()));
                let (descriptions, others) = (now != watched.stamps, file != watched.file);
                if descriptions {
                    watched.stamps = now;
                    say.descriptions.store(true, Ordering::Relaxed);
                }
                if others {
                    watched.file = file;
                    say.file.store(true, Ordering::Relaxed);
                }
                if descriptions || others {
                    wake();
                }
            }
        };
        // Without a thread files are not followed, and all else works.
        let _ = std::thread::Builder::new().name("watcher".to_owned()).spawn(watch);
        Watcher { watched, changed }
    }

    /// Watches other files from now on. One that was watched before and has changed since is told all the same.
    pub(crate) fn watch(&self, own: &OwnProtocols, file: Option<&Path>) {
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

    /// Whether descriptions, and whether the file, have changed since this was asked last.
    pub(crate) fn take_changes(&self) -> (bool, bool) {
        let Changed { descriptions, file } = &*self.changed;
        (descriptions.swap(false, Ordering::Relaxed), file.swap(false, Ordering::Relaxed))
    }
}
