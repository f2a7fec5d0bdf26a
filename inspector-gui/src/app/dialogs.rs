//! The system's file dialogs, each on a separate thread, and typing a path where there is none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;

use super::App;
use crate::models::overlay::{Overlay, PathPurpose};

/// The result of a file dialog.
pub(super) enum DialogResult {
    Open(PathBuf),
    KeyLog(PathBuf),
    Save(PathPurpose, PathBuf),
    /// The system has no dialog. The path is the proposed one.
    Unavailable(PathPurpose, PathBuf),
}

/// A dialog that returns sooner was not shown: no person is that quick.
const SHORTEST: Duration = Duration::from_millis(250);

impl App {
    pub(super) fn open_dialog(&mut self) {
        self.dialog(PathPurpose::Open, PathBuf::new());
    }

    pub(super) fn save_dialog(&mut self) {
        let proposed = self.editor.as_ref().map(|editor| editor.path().to_owned()).unwrap_or_default();
        self.dialog(PathPurpose::Description, proposed);
    }

    /// Asks for a path in the window, to open a file or to save the description.
    pub fn ask_for_path(&mut self, saves: bool) {
        let (text, purpose) = match (&self.editor, saves) {
            (Some(editor), true) => (editor.path().display().to_string(), PathPurpose::Description),
            _ => (String::new(), PathPurpose::Open),
        };
        self.overlay = Overlay::Path { text, purpose };
    }

    pub(super) fn take_dialog_results(&mut self, ctx: &Context) {
        while let Ok(result) = self.dialogs.1.try_recv() {
            match result {
                DialogResult::Open(path) => self.open_path(&path, ctx),
                DialogResult::KeyLog(path) => self.use_key_log(&path),
                DialogResult::Save(PathPurpose::Row(row), path) => self.save_row_to(row, &path),
                DialogResult::Save(PathPurpose::Recording, path) => self.save_recording_to(&path),
                DialogResult::Save(_, path) => self.save_description(Some(&path)),
                DialogResult::Unavailable(purpose, proposed) => self.type_path(purpose, &proposed),
            }
        }
    }

    fn type_path(&mut self, purpose: PathPurpose, proposed: &Path) {
        self.overlay = Overlay::Path { text: proposed.display().to_string(), purpose };
    }

    /// Shows a dialog with a proposed path.
    pub(super) fn dialog(&mut self, purpose: PathPurpose, proposed: PathBuf) {
        if self.background.is_manual() {
            // A dialog of the system would wait for a person.
            return self.type_path(purpose, &proposed);
        }
        let (results, background) = (self.dialogs.0.clone(), self.background.clone());
        let ask = move || {
            let started = background.now();
            let result = show_dialog(purpose, &proposed);
            let is_unavailable = result.is_none() && background.now() - started < SHORTEST;
            let unavailable = is_unavailable.then_some(DialogResult::Unavailable(purpose, proposed));
            if let Some(result) = result.or(unavailable) {
                // A closed window needs no file.
                let _ = results.send(result);
                background.wake();
            }
        };
        if cfg!(target_os = "macos") {
            // There dialogs belong to the main thread.
            ask();
        } else {
            std::thread::spawn(ask);
        }
    }
}

fn show_dialog(purpose: PathPurpose, proposed: &Path) -> Option<DialogResult> {
    let dialog = match proposed.parent().map(std::path::absolute) {
        Some(Ok(folder)) if folder.is_dir() => rfd::FileDialog::new().set_directory(folder),
        _ => rfd::FileDialog::new(),
    };
    let name = proposed.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let save = |dialog: rfd::FileDialog| {
        dialog.set_file_name(name).save_file().map(|path| DialogResult::Save(purpose, path))
    };
    match purpose {
        PathPurpose::Open => {
            let dialog = dialog.add_filter("Captures", &["pcap", "pcapng", "cap", "gz", "zst"]);
            let dialog = dialog.add_filter("Descriptions", &["ksy"]);
            dialog.add_filter("All files", &["*"]).pick_file().map(DialogResult::Open)
        }
        PathPurpose::KeyLog => {
            let dialog = dialog.add_filter("Key logs", &["txt", "log", "keys", "keylog"]);
            dialog.add_filter("All files", &["*"]).pick_file().map(DialogResult::KeyLog)
        }
        PathPurpose::Description => save(dialog.add_filter("Descriptions", &["ksy"])),
        PathPurpose::Recording => save(dialog.add_filter("Captures", &["pcapng"])),
        PathPurpose::Row(_) => save(dialog),
    }
}
