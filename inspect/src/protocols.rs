//! Custom protocols, which their users describe in `.ksy` files: those that are named, and those in the folders where
//! descriptions are kept. Never writes a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use framescope_ksy::{Described, LoadError, Located};
use framescope_parser::Protocol;

/// Described protocols, in the order in which a name means the first that has it.
#[derive(Clone, Debug, Default)]
pub struct CustomProtocols {
    named: Vec<PathBuf>,
    /// Where imports by absolute path are looked up first.
    folders: Vec<PathBuf>,
    described: Vec<(PathBuf, Described)>,
    /// One that is being edited, as its unsaved text describes it: it takes the place of its file.
    edited: Option<(PathBuf, Described)>,
}

/// Whether a file that is opened is a description and not a capture, by its name.
pub fn is_description(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ksy"))
}

/// Something about a description that a person should know, and that does not stop it.
#[derive(Debug)]
pub enum Notice<'a> {
    /// Something in it is probably not meant.
    Suspicious(&'a Located),
    /// It can't be used on every transport.
    Limited(&'a Located),
    /// One in the usual folders can't be used.
    Ignored(&'a LoadError),
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Suspicious(about) | Notice::Limited(about) => about.fmt(f),
            Notice::Ignored(error) => write!(f, "ignored a description that can't be used: {error}"),
        }
    }
}

/// What a file was when it was looked at: when it was modified and its length, if it is there.
pub type Stamp = (PathBuf, Option<(SystemTime, u64)>);

impl CustomProtocols {
    /// Loads the descriptions that are named, and those in the usual folders. One of the latter that can't be used is
    /// reported and ignored. What they import by absolute path is looked up in `folders` first.
    ///
    /// # Errors
    /// One that is named can't be used.
    pub fn load(
        named: &[PathBuf],
        folders: &[PathBuf],
        report: &mut dyn FnMut(Notice<'_>),
    ) -> Result<CustomProtocols, LoadError> {
        let mut own = CustomProtocols {
            named: named.to_vec(),
            folders: folders.to_vec(),
            ..CustomProtocols::default()
        };
        for path in named {
            let described = Described::from_file_in(path, folders)?;
            described.warnings().iter().for_each(|warning| report(Notice::Suspicious(warning)));
            described.limits().into_iter().for_each(|limit| report(Notice::Limited(limit)));
            own.add(path.clone(), described);
        }
        for path in usual_files() {
            match Described::from_file_in(&path, folders) {
                Ok(described) => own.add(path, described),
                Err(error) => report(Notice::Ignored(&error)),
            }
        }
        Ok(own)
    }

    /// Adds what a file describes, before all others, and returns it.
    ///
    /// # Errors
    /// The description can't be used.
    pub fn name(&mut self, path: &Path) -> Result<Described, LoadError> {
        let described = Described::from_file_in(path, &self.folders)?;
        self.named.retain(|known| known != path);
        self.named.insert(0, path.to_owned());
        self.described.retain(|(known, other)| known != path && other.name() != described.name());
        self.described.insert(0, (path.to_owned(), described.clone()));
        Ok(described)
    }

    /// Where imports by absolute path are looked up first.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Uses the unsaved text of a description in place of its file; None uses the file again.
    pub fn edit(&mut self, edited: Option<(PathBuf, Described)>) {
        self.edited = edited;
    }

    /// All that are known, with their files, in the order in which a name means the first that has it.
    pub fn iter(&self) -> impl Iterator<Item = &(PathBuf, Described)> {
        let edited = self.edited.as_ref();
        let is_other = move |(path, described): &&(PathBuf, Described)| {
            edited.is_none_or(|(known, edited)| known != path && edited.name() != described.name())
        };
        edited.into_iter().chain(self.described.iter().filter(is_other))
    }

    /// The one that was named, if only one was: a file that is not a capture is probably one of its streams.
    pub fn only_named(&self) -> Option<&Described> {
        let [path] = self.named.as_slice() else { return None };
        self.iter().find(|(known, _)| known == path).map(|(_, described)| described)
    }

    /// The names of those that were named.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(path, _)| self.named.contains(path)).map(|(_, described)| described.name())
    }

    /// Reads all files again. Of a description that can't be used now the last usable version stays; why it can't is given.
    pub fn reload(&mut self) -> Vec<LoadError> {
        let mut errors = Vec::new();
        let before = std::mem::take(&mut self.described);
        let paths: Vec<PathBuf> = self.named.iter().cloned().chain(usual_files()).collect();
        for path in paths {
            match Described::from_file_in(&path, &self.folders) {
                Ok(described) => self.add(path, described),
                Err(error) => {
                    errors.push(error);
                    if let Some((path, last)) = before.iter().find(|(known, _)| *known == path) {
                        self.add(path.clone(), last.clone());
                    }
                }
            }
        }
        errors
    }

    /// Whether another description imports this file.
    pub fn is_imported(&self, path: &Path) -> bool {
        let is_it = |file: &Path| match (file.canonicalize(), path.canonicalize()) {
            (Ok(file), Ok(path)) => file == path,
            _ => file == path,
        };
        let others = self.described.iter().filter(|(known, _)| known != path);
        others.flat_map(|(_, described)| described.format().files()).any(|file| is_it(Path::new(file)))
    }

    /// The state of all files that the protocols were read from, to find out later whether any has changed.
    pub fn stamps(&self) -> Vec<Stamp> {
        let imported = self.described.iter().flat_map(|(_, described)| described.format().files());
        let mut paths: Vec<PathBuf> =
            self.named.iter().cloned().chain(imported.map(PathBuf::from)).chain(usual_files()).collect();
        paths.sort();
        paths.dedup();
        paths.into_iter().map(stamp_of).collect()
    }

    fn add(&mut self, path: PathBuf, described: Described) {
        if !self.described.iter().any(|(_, known)| known.name() == described.name()) {
            self.described.push((path, described));
        }
    }
}

/// What a file is now.
pub fn stamp_of(path: PathBuf) -> Stamp {
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    let now = stamp(&path);
    (path, now)
}

/// The descriptions in the usual folders.
fn usual_files() -> impl Iterator<Item = PathBuf> {
    folders().into_iter().flat_map(|folder| descriptions(&folder))
}

/// The usual folders: one here, and one in the user's configuration.
fn folders() -> Vec<PathBuf> {
    let configured = configuration_folder().map(|folder| folder.join("protocols"));
    [PathBuf::from(".framescope")].into_iter().chain(configured).collect()
}

/// Where the user's configuration of this program is, whether or not it is there yet.
pub fn configuration_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME");
    let configuration = if cfg!(target_os = "windows") {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join("Library/Application Support")))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))
    };
    Some(configuration?.join("framescope"))
}

/// The descriptions in a folder, by name; none where there is no folder.
fn descriptions(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "ksy")).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn write(path: &Path, name: &str, type_name: &str) {
        std::fs::write(path, format!("meta: {{id: {name}}}\nseq:\n  - {{id: kind, type: {type_name}}}\n"))
            .unwrap();
    }

    fn names(protocols: &CustomProtocols) -> Vec<&str> {
        protocols.iter().map(|(_, described)| described.name()).collect()
    }

    #[test]
    fn the_first_description_of_a_name_is_used_and_one_that_is_added_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&path("a.ksy"), "a", "u1");
        write(&path("b.ksy"), "b", "u1");
        write(&path("other.ksy"), "a", "u2le");
        let named = [path("a.ksy"), path("b.ksy"), path("other.ksy")];
        let mut protocols = CustomProtocols::load(&named, &[], &mut |_| {}).unwrap();
        assert_eq!(names(&protocols), ["a", "b"]);
        assert_eq!(protocols.iter().next().unwrap().0, path("a.ksy"));
        protocols.name(&path("other.ksy")).unwrap();
        assert_eq!(names(&protocols), ["a", "b"]);
        assert_eq!(protocols.iter().next().unwrap().0, path("other.ksy"));
    }

    #[test]
    fn a_description_that_breaks_keeps_its_last_usable_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ksy");
        write(&path, "a", "u1");
        let mut protocols = CustomProtocols::load(std::slice::from_ref(&path), &[], &mut |_| {}).unwrap();
        let before = protocols.stamps();
        write(&path, "a", "no_such_type");
        assert_ne!(protocols.stamps(), before, "the change is noticed");
        let errors = protocols.reload();
        assert!(errors.first().unwrap().to_string().contains("no_such_type"), "{errors:?}");
        assert_eq!((names(&protocols), errors.len()), (vec!["a"], 1));
        assert!(CustomProtocols::load(&[path], &[], &mut |_| {}).is_err(), "but it is not loaded anew");
    }

    #[test]
    fn an_edited_description_takes_the_place_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ksy");
        write(&path, "a", "u1");
        let mut protocols = CustomProtocols::load(std::slice::from_ref(&path), &[], &mut |_| {}).unwrap();
        let edited = Described::from_ksy("meta: {id: renamed}\nseq:\n  - {id: kind, type: u4le}\n").unwrap();
        protocols.edit(Some((path, edited)));
        assert_eq!(names(&protocols), ["renamed"]);
        protocols.edit(None);
        assert_eq!(names(&protocols), ["a"]);
    }
}
