//! Parses the files of a description into trees of nodes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Place;
use crate::load::Loader;
use crate::yaml;
use crate::yaml::Node;

/// The most files of a description.
const MOST_FILES: usize = 200;

pub(super) struct File {
    pub(super) path: Option<PathBuf>,
    pub(super) root: Node,
    pub(super) opaque: bool,
}

impl Loader {
    /// Parses a file and everything it imports.
    pub(super) fn add_file(&mut self, name: String, text: &str, path: Option<PathBuf>) -> u32 {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        Arc::make_mut(&mut self.plan.files).push(name);
        let root = match yaml::read(file, text) {
            Ok(root) => root,
            Err(mistake) => {
                self.diagnostics.push(mistake);
                yaml::read(file, "{}").unwrap_or_else(|_| unreachable!())
            }
        };
        if root.map().is_none() {
            self.report(
                root.place,
                format!("a description must be a map with 'meta' and 'seq', not {}", root.what()),
            );
        }
        if let Some(canonical) = path.as_ref().and_then(|path| path.canonicalize().ok()) {
            self.by_path.insert(canonical, file);
        }
        let meta = root.get("meta").cloned();
        let opaque =
            meta.as_ref().and_then(|meta| meta.get("ks-opaque-types")).and_then(Node::boolean) == Some(true);
        self.files.push(File { path, root, opaque });
        for import in
            meta.as_ref().and_then(|meta| meta.get("imports")).and_then(Node::list).unwrap_or_default()
        {
            match import.text() {
                Some(target) => {
                    self.import(file, target, import.place);
                }
                None => self
                    .report(import.place, "an import must be the name of a file without its extension .ksy"),
            }
        }
        file
    }

    /// Parses the file that an import names, unless it was parsed before.
    pub(super) fn import(&mut self, from: u32, target: &str, place: Place) -> Option<u32> {
        if self.files.len() >= MOST_FILES {
            self.report(place, format!("the description imports more than {MOST_FILES} files"));
            return None;
        }
        let Some(path) = self.files.get(from as usize).and_then(|file| file.path.clone()) else {
            self.report(
                place,
                format!("'{target}' can't be imported: only a description in a file can import others"),
            );
            return None;
        };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let relative = format!("{}.ksy", target.trim_start_matches('/'));
        let folders: Vec<PathBuf> = match target.starts_with('/') {
            false => vec![beside],
            true => {
                let listed = std::env::var_os("KSPATH").unwrap_or_default();
                let listed = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
                let own =
                    beside.ancestors().take(4).flat_map(|folder| [folder.to_owned(), folder.join("ks_path")]);
                listed.chain(own).collect()
            }
        };
        let found = folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file());
        let Some(found) = found else {
            let first = folders.first().map(|folder| folder.join(&relative)).unwrap_or_default();
            self.report(place, format!("'{target}' can't be imported: there is no file {}", first.display()));
            return None;
        };
        if let Some(&known) = found.canonicalize().ok().and_then(|path| self.by_path.get(&path)) {
            return Some(known);
        }
        match std::fs::read_to_string(&found) {
            Ok(text) => Some(self.add_file(found.display().to_string(), &text, Some(found))),
            Err(error) => {
                self.report(place, format!("{} can't be read: {error}", found.display()));
                None
            }
        }
    }
}
