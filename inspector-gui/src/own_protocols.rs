//! The protocols that their users describe: those named on the command line, and those in the folders where
//! descriptions are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use framescope_capture::{DecodeAs, Options};
use framescope_ksy::Described;
use framescope_parser::Protocol;
use framescope_parser::missive::Key;

/// Described protocols, in the order in which a name means the first that has it.
#[derive(Debug, Default)]
pub(crate) struct OwnProtocols {
    described: Vec<Described>,
}

impl OwnProtocols {
    /// Loads the descriptions that are named, and those in the usual folders. One of the latter that can't be used is
    /// told and left out.
    ///
    /// # Errors
    /// One that is named can't be used: its mistakes.
    pub(crate) fn load(named: &[PathBuf], tell: &mut dyn FnMut(&str)) -> Result<OwnProtocols, String> {
        let mut own = OwnProtocols::default();
        for path in named {
            let described = Described::from_file(path).map_err(|error| error.to_string())?;
            described.format().warnings().iter().for_each(|warning| tell(&warning.to_string()));
            own.add(described);
        }
        for path in folders().iter().flat_map(|folder| descriptions(folder)) {
            match Described::from_file(&path) {
                Ok(described) => own.add(described),
                Err(error) => tell(&format!("a description was left out: {error}")),
            }
        }
        Ok(own)
    }

    fn add(&mut self, described: Described) {
        if !self.described.iter().any(|known| known.name() == described.name()) {
            self.described.push(described);
        }
    }

    /// What to read with: where a protocol says that it usually is counts less than any rule that is given.
    pub(crate) fn options(&self, decode_as: &[DecodeAs], key: Option<&Key>) -> Options {
        let usual = self.described.iter().flat_map(|described| {
            let name = described.name().to_owned();
            described
                .usual_places()
                .into_iter()
                .filter_map(move |place| format!("{place}={name}").parse().ok())
        });
        let with_key =
            |described: &Described| Arc::new(described.clone().with_key(key.cloned())) as Arc<dyn Protocol>;
        Options {
            protocols: self.described.iter().map(with_key).collect(),
            decode_as: usual.chain(decode_as.iter().cloned()).collect(),
            key: key.cloned(),
            ..Options::default()
        }
    }
}

/// Where descriptions are kept: here, and in the user's configuration.
fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME");
    let configuration = if cfg!(target_os = "windows") {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join("Library/Application Support")))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))
    };
    let configured = configuration.map(|folder| folder.join("framescope").join("protocols"));
    [PathBuf::from(".framescope")].into_iter().chain(configured).collect()
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
