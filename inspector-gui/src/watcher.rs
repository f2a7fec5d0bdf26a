//! Looks now and then whether descriptions have changed, in a thread of its own that ends with the window.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::own_protocols::{OwnProtocols, Stamp};

/// Long enough to cost nothing, short enough that who saves a file sees what follows.
const BETWEEN: Duration = Duration::from_millis(250);

/// Says when a description has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Mutex<Watched>>,
    changed: Arc<AtomicBool>,
}

/// What is watched, and what its files were when they were looked at last.
#[derive(Debug)]
struct Watched {
    own: OwnProtocols,
    stamps: Vec<Stamp>,
}

impl Watched {
    fn new(own: &OwnProtocols) -> Watched {
        Watched { own: own.clone(), stamps: own.stamps() }
    }
}

impl Watcher {
    /// Begins to watch. `wake` is called when something has changed.
    pub(crate) fn new(own: &OwnProtocols, wake: impl Fn() + Send + 'static) -> Watcher {
        let watched = Arc::new(Mutex::new(Watched::new(own)));
        let changed = Arc::new(AtomicBool::new(false));
        let (theirs, say) = (Arc::downgrade(&watched), Arc::clone(&changed));
        let watch = move || {
            loop {
                std::thread::sleep(BETWEEN);
                let Some(watched) = theirs.upgrade() else { return };
                let mut watched = watched.lock();
                let now = watched.own.stamps();
                if now != watched.stamps {
                    watched.stamps = now;
                    say.store(true, Ordering::Relaxed);
                    wake();
                }
            }
        };
        // Without a thread descriptions are not followed, and all else works.
        let _ = std::thread::Builder::new().name("watcher".to_owned()).spawn(watch);
        Watcher { watched, changed }
    }

    /// Watches other descriptions from now on. A file that was watched before and has changed since is told all the same.
    pub(crate) fn watch(&self, own: &OwnProtocols) {
        let mut watched = self.watched.lock();
        let mut now = Watched::new(own);
        for stamp in &mut now.stamps {
            if let Some(before) = watched.stamps.iter().find(|(path, _)| *path == stamp.0) {
                stamp.1 = before.1;
            }
        }
        *watched = now;
    }

    /// Whether something has changed since this was asked last.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }
}
