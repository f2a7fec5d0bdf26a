//! The protocols that their users describe: those that are named, and those in the folders where descriptions are kept;
//! and what else captures are read with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use framescope_capture::{DecodeAs, Options, UNPACK_LIMIT};
use framescope_ksy::Described;
use framescope_parser::Protocol;
use framescope_parser::missive::Key;

/// What captures are read with.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Protocols beside those that are built in.
    pub own: OwnProtocols,
    /// Which flows are which protocol. The last rule that fits wins.
    pub decode_as: Vec<DecodeAs>,
    /// The key of authenticated messages.
    pub key: Option<Key>,
    /// How many bytes are written to the temporary folder for a capture; None for as many as usual.
    pub unpack_limit: Option<u64>,
}

impl Reading {
    /// How many bytes are written to the temporary folder for a capture.
    pub(crate) fn unpack_limit(&self) -> u64 {
        self.unpack_limit.unwrap_or(UNPACK_LIMIT)
    }

    /// For whoever reads: where a protocol says that it usually is counts less than any rule that is given.
    pub fn options(&self) -> Options {
        let usual = self.own.iter().flat_map(|(_, described)| {
            let name = described.name().to_owned();
            let places = described.usual_places().into_iter();
            places.filter_map(move |place| format!("{place}={name}").parse().ok())
        });
        let with_key = |(_, described): &(PathBuf, Described)| {
            Arc::new(described.clone().with_key(self.key.clone())) as Arc<dyn Protocol>
        };
        Options {
            protocols: self.own.iter().map(with_key).collect(),
            decode_as: usual.chain(self.decode_as.iter().cloned()).collect(),
            key: self.key.clone(),
            ..Options::default()
        }
    }
}

/// Described protocols, in the order in which a name means the first that has it.
#[derive(Clone, Debug, Default)]
pub struct OwnProtocols {
    named: Vec<PathBuf>,
    described: Vec<(PathBuf, Described)>,
    /// One that is being written, as it stands in the editor: it takes the place of its file.
    edited: Option<(PathBuf, Described)>,
}

/// What a file was when it was looked at: its time of change and its length, if it is there.
pub(crate) type Stamp = (PathBuf, Option<(SystemTime, u64)>);

impl OwnProtocols {
    /// Loads the descriptions that are named, and those in the usual folders. One of the latter that can't be used is
    /// told and left out.
    ///
    /// # Errors
    /// One that is named can't be used: its mistakes.
    pub fn load(named: &[PathBuf], tell: &mut dyn FnMut(&str)) -> Result<OwnProtocols, String> {
        let mut own = OwnProtocols { named: named.to_vec(), ..OwnProtocols::default() };
        for path in named {
            let described = Described::from_file(path).map_err(|error| error.to_string())?;
            described.warnings().iter().for_each(|warning| tell(&warning.to_string()));
            own.add(path.clone(), described);
        }
        for path in kept() {
            match Described::from_file(&path) {
                Ok(described) => own.add(path, described),
                Err(error) => tell(&format!("a description was left out: {error}")),
            }
        }
        Ok(own)
    }

    /// Also knows what a file describes, before all others.
    ///
    /// # Errors
    /// Its mistakes.
    pub fn name(&mut self, path: &Path) -> Result<&Described, String> {
        let described = Described::from_file(path).map_err(|error| error.to_string())?;
        self.named.retain(|known| known != path);
        self.named.insert(0, path.to_owned());
        self.described.retain(|(known, other)| known != path && other.name() != described.name());
        self.described.insert(0, (path.to_owned(), described));
        self.described.first().map(|(_, described)| described).ok_or_else(String::new)
    }

    /// Knows what is being written for a file as it stands, in the file's place; or the file again.
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

    /// Reads all again. Of a description that has mistakes now the last one without stays; its mistakes are given.
    pub fn reload(&mut self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let before = std::mem::take(&mut self.described);
        let paths: Vec<PathBuf> = self.named.iter().cloned().chain(kept()).collect();
        for path in paths {
            match Described::from_file(&path) {
                Ok(described) => self.add(path, described),
                Err(error) => {
                    mistakes.push(error.to_string());
                    if let Some((path, last)) = before.iter().find(|(known, _)| *known == path) {
                        self.add(path.clone(), last.clone());
                    }
                }
            }
        }
        mistakes
    }

    /// Whether another description uses one's types.
    pub(crate) fn is_imported(&self, path: &Path) -> bool {
        let is_it = |file: &Path| match (file.canonicalize(), path.canonicalize()) {
            (Ok(file), Ok(path)) => file == path,
            _ => file == path,
        };
        let others = self.described.iter().filter(|(known, _)| known != path);
        others.flat_map(|(_, described)| described.format().files()).any(|file| is_it(Path::new(file)))
    }

    /// What the files are that all this was read from, to see whether any has changed.
    pub(crate) fn stamps(&self) -> Vec<Stamp> {
        let imported = self.described.iter().flat_map(|(_, described)| described.format().files());
        let mut paths: Vec<PathBuf> =
            self.named.iter().cloned().chain(imported.map(PathBuf::from)).chain(kept()).collect();
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
pub(crate) fn stamp_of(path: PathBuf) -> Stamp {
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    let now = stamp(&path);
    (path, now)
}

/// Descriptions that are kept: here, and in the user's configuration.
fn kept() -> impl Iterator<Item = PathBuf> {
    folders().into_iter().flat_map(|folder| descriptions(&folder))
}

/// Where descriptions are kept: here, and in the user's configuration.
fn folders() -> Vec<PathBuf> {
    let configured = configuration_folder().map(|folder| folder.join("protocols"));
    [PathBuf::from(".framescope")].into_iter().chain(configured).collect()
}

/// Where the user's configuration of this program is, whether or not it is there yet.
pub(crate) fn configuration_folder() -> Option<PathBuf> {
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
