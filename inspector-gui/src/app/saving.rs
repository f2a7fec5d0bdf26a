//! Saves the bytes of a row, as a seed for a fuzzer or as a regression test.

use std::path::{Path, PathBuf};

use framescope_capture::RowId;
use framescope_capture::export::Seed;
use framescope_parser::Severity;

use super::App;
use crate::models::overlay::PathPurpose;
use crate::panels::CorpusFolder;

impl App {
    /// Asks where to save a row's bytes.
    pub(super) fn save_row(&mut self, row: RowId, folder: CorpusFolder) {
        if let Some(proposed) = self.propose(row, folder) {
            self.dialog(PathPurpose::Row(row), proposed);
        }
    }

    /// A name made of the contents, in the folder where a project's corpus mostly is, if this is one.
    fn propose(&mut self, row: RowId, folder: CorpusFolder) -> Option<PathBuf> {
        let seed = self.seed(row)?;
        let folder = match folder {
            CorpusFolder::Seeds => Path::new("corpus/seeds/frames"),
            CorpusFolder::Regressions => Path::new("corpus/regressions/decode"),
        };
        let folder = if folder.parent().is_some_and(Path::is_dir) { folder } else { Path::new("") };
        Some(folder.join(seed.name))
    }

    fn seed(&mut self, number: RowId) -> Option<Seed> {
        let index = self.document.as_ref()?.index();
        let row = index.row(number)?;
        if let Some(missing) = index.missing_bytes(&row) {
            let text = format!(
                "#{number} was not saved: {missing} of its {} bytes are missing from the capture, and the others were never sent together.",
                row.length
            );
            drop(index);
            self.notify(text, Severity::Warning);
            return None;
        }
        let bytes = index.row_bytes(&row, usize::MAX, &mut index.reader());
        let kind = index.kind(&row).unwrap_or(row.type_name()).to_owned();
        drop(index);
        match bytes {
            Ok(bytes) => Some(Seed::new(&kind, bytes)),
            Err(error) => {
                self.notify(format!("Can't read #{number} from the capture: {error}."), Severity::Error);
                None
            }
        }
    }

    /// Writes a row's bytes to a file, and makes its folder if there is none.
    pub fn save_row_to(&mut self, row: RowId, path: &Path) {
        let Some(seed) = self.seed(row) else { return };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = folder.map_or(Ok(()), std::fs::create_dir_all);
        match made.and_then(|()| std::fs::write(path, &seed.bytes)) {
            Ok(()) => {
                let text = format!("Saved the {} bytes of #{row} as {}.", seed.bytes.len(), path.display());
                self.notify(text, Severity::Note);
            }
            Err(error) => {
                self.notify(format!("Can't write {}: {error}.", path.display()), Severity::Error);
            }
        }
    }
}
