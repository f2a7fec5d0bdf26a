//! Looks now and then whether descriptions have changed, in a thread of its own that ends with the window.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::own_protocols::OwnProtocols;

/// Long enough to cost nothing, short enough that who saves a file sees what follows.
const BETWEEN: Duration = Duration::from_millis(250);

/// Says when a description has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Mutex<OwnProtocols>>,
    changed: Arc<AtomicBool>,
}

impl Watcher {
    /// Begins to watch. `wake` is called when something has changed.
    pub(crate) fn new(own: OwnProtocols, wake: impl Fn() + Send + 'static) -> Watcher {
        let watched = Arc::new(Mutex::new(own));
        let changed = Arc::new(AtomicBool::new(false));
        let (theirs, say) = (Arc::downgrade(&watched), Arc::clone(&changed));
        let mut stamps = watched.lock().stamps();
        let watch = move || {
            loop {
                std::thread::sleep(BETWEEN);
                let Some(watched) = theirs.upgrade() else { return };
                let now = watched.lock().stamps();
                if now != stamps {
                    stamps = now;
                    say.store(true, Ordering::Relaxed);
                    wake();
                }
            }
        };
        // Without a thread descriptions are not followed, and all else works.
        let _ = std::thread::Builder::new().name("watcher".to_owned()).spawn(watch);
        Watcher { watched, changed }
    }

    /// Watches other files from now on.
    pub(crate) fn watch(&self, own: &OwnProtocols) {
        *self.watched.lock() = own.clone();
    }

    /// Whether something has changed since this was asked last.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }
}
