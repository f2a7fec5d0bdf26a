//! The secrets of TLS connections: the files that they are taken from.

use std::path::{Path, PathBuf};

use framescope_parser::Severity;

use super::App;
use crate::models::overlay::PathPurpose;

impl App {
    pub(super) fn key_log_dialog(&mut self) {
        let proposed = self.reading.keylogs.last().cloned().unwrap_or_default();
        self.dialog(PathPurpose::KeyLog, proposed);
    }

    /// Takes the secrets of TLS connections from a file, beside those that are known, and reads the capture again with them.
    pub fn use_key_log(&mut self, path: &Path) {
        let path: PathBuf = path.to_owned();
        if let Err(error) = std::fs::metadata(&path) {
            return self
                .notify(format!("Can't read the key log {}: {error}.", path.display()), Severity::Error);
        }
        self.reading.keylogs.retain(|known| *known != path);
        self.notify(format!("Secrets are taken from the key log {}.", path.display()), Severity::Note);
        self.reading.keylogs.push(path);
        self.read_again();
    }
}
