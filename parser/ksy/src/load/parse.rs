//! Parses the files of a description into trees of nodes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Place;
use crate::load::Loader;
use crate::yaml;
use crate::yaml::Node;

/// Variables that list folders with descriptions: this program's, and that of Kaitai Struct's compiler.
const VARIABLES: [&str; 2] = ["KSYPATH", "KSPATH"];
/// How many folders around a description are searched for what it imports by absolute path.
const FOLDERS_AROUND: usize = 4;
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
        let imports = meta.as_ref().and_then(|meta| meta.get("imports"));
        if let Some(imports) = imports.filter(|imports| imports.list().is_none()) {
            self.report(imports.place, "'imports' must be a list of names of files");
        }
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
        let is_absolute = target.starts_with('/');
        let relative = format!("{}.ksy", target.trim_start_matches('/'));
        let folders = match is_absolute {
            false => vec![beside.clone()],
            true => self.import_folders(&beside),
        };
        let found = folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file());
        let Some(found) = found else {
            let missing = match is_absolute {
                false => format!("there is no file {}", beside.join(&relative).display()),
                true => format!(
                    "{relative} is in no folder given with --ksy-path or in the variable KSYPATH, nor in one around the description"
                ),
            };
            self.report(place, format!("'{target}' can't be imported: {missing}"));
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

    /// The folders in which an import by absolute path is looked up, for a file in the folder `beside`: those of the caller, those of
    /// the variables, and the nearest around the file.
    fn import_folders(&self, beside: &Path) -> Vec<PathBuf> {
        let mut folders = self.folders.clone();
        for variable in VARIABLES {
            let listed = std::env::var_os(variable).unwrap_or_default();
            folders.extend(std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()));
        }
        let around = beside.ancestors().take(FOLDERS_AROUND);
        folders.extend(around.flat_map(|folder| [folder.to_owned(), folder.join("ks_path")]));
        folders
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::load::load_in;

    #[test]
    fn an_absolute_import_is_looked_up_in_the_given_folders_in_their_order() {
        let folder = std::env::temp_dir().join(format!("framescope-imports-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let common = |ty: &str| format!("meta: {{id: it}}\nseq: [{{id: n, type: {ty}}}]\n");
        write("first/common/it.ksy", &common("u1"));
        write("second/common/it.ksy", &common("u2le"));
        let text = "meta: {id: t, imports: [/common/it]}\nseq: [{id: a, type: it}]\n";
        let path = folder.join("apart/of/all/the/others/t.ksy");
        let bits = |folders: &[&str]| {
            let folders: Vec<PathBuf> = folders.iter().map(|name| folder.join(name)).collect();
            load_in("t", text, Some(&path), &folders).map(|(plan, _)| plan.root().fixed_bits)
        };
        assert_eq!(bits(&["first", "second"]).unwrap(), Some(8));
        assert_eq!(bits(&["none", "second", "first"]).unwrap(), Some(16));
        let error = bits(&["none"]).unwrap_err().to_string();
        assert!(error.contains("'/common/it' can't be imported: common/it.ksy is in no folder"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
