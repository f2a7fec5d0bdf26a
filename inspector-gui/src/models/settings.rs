//! The settings that the window stores between runs, in a JSON file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use framescope_capture::filter::Column;
use serde::{Deserialize, Serialize};

use super::levels::Levels;

/// The settings. What a file leaves out has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light, dark, or the system's choice.
    pub theme: Theme,
    /// The columns of the table, in order.
    pub columns: Vec<ColumnSetting>,
    /// The time format.
    pub time: TimeFormat,
    /// Which rows are shown of a capture in which some carry others.
    pub levels: Levels,
    /// Whether the protocol is a column of such a capture also if it is none of the columns.
    pub protocol_of_carried: bool,
    /// The visible panels.
    pub panels: Panels,
    /// Whether the data inspector shows the least significant byte of a number first.
    pub little_endian: bool,
    /// Whether the message panel is beside the table instead of below it.
    pub message_beside: bool,
    /// The sizes of the panels.
    pub sizes: Sizes,
    /// Recently opened files, newest first.
    pub recent: Vec<PathBuf>,
    /// Recently used filters, newest first.
    pub filters: Vec<String>,
    /// Which ports are decoded as which protocol, in the syntax of `--as`.
    pub decode_as: Vec<String>,
    /// Where packets were recorded last.
    pub record_interface: String,
    /// Which packets were recorded last, in libpcap's language.
    pub record_filter: String,
    /// Whether the first-run hints were dismissed.
    pub tour_seen: bool,
    /// The zoom factor, on top of the system's.
    pub zoom: f32,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// The system's theme.
    #[default]
    System,
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

/// The format of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    /// The time of day, in UTC.
    #[default]
    Absolute,
    /// Seconds since the capture's first packet.
    Relative,
    /// Seconds since the previous row.
    Delta,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSetting {
    /// The column's name in filters.
    pub name: String,
    /// Its width in points.
    pub width: f32,
}

/// The visible panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panels {
    /// The conversations on the left.
    pub conversations: bool,
    /// The timeline at the top.
    pub timeline: bool,
    /// The message.
    pub message: bool,
    /// The data inspector in it.
    pub inspector: bool,
}

impl Default for Panels {
    fn default() -> Self {
        Panels { conversations: true, timeline: true, message: true, inspector: false }
    }
}

/// The sizes of the panels, in points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// The width of the conversations panel.
    pub conversations: f32,
    /// The height of the timeline.
    pub timeline: f32,
    /// The height of the message panel below the table.
    pub message: f32,
    /// The width of the message panel beside the table.
    pub message_beside: f32,
    /// The width of the fields in the message panel.
    pub fields: f32,
    /// The width of the editor.
    pub editor: f32,
    /// The width of the data inspector.
    pub inspector: f32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            conversations: 262.0,
            timeline: 92.0,
            message: 330.0,
            message_beside: 560.0,
            fields: 560.0,
            editor: 460.0,
            inspector: 330.0,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let column = |&(name, width): &(&str, f32)| ColumnSetting { name: name.to_owned(), width };
        let columns = [
            ("row", 48.0),
            ("time", 126.0),
            ("flow", 44.0),
            ("src", 118.0),
            ("dst", 118.0),
            ("kind", 88.0),
            ("length", 52.0),
            ("reply_to", 120.0),
            ("problems", 152.0),
            ("summary", 240.0),
        ];
        Settings {
            theme: Theme::default(),
            columns: columns.iter().map(column).collect(),
            time: TimeFormat::default(),
            levels: Levels::default(),
            protocol_of_carried: true,
            panels: Panels::default(),
            little_endian: false,
            message_beside: false,
            sizes: Sizes::default(),
            recent: Vec::new(),
            filters: Vec::new(),
            decode_as: Vec::new(),
            record_interface: String::new(),
            record_filter: String::new(),
            tour_seen: false,
            zoom: 1.0,
        }
    }
}

/// The most files, and the most filters, that are stored.
const REMEMBERED: usize = 12;

impl Settings {
    /// The visible columns, without unknown names.
    pub fn columns(&self) -> impl Iterator<Item = (Column, f32)> + '_ {
        self.columns.iter().filter_map(|shown| Some((Column::from_name(&shown.name)?, shown.width)))
    }

    /// Stores a file that was opened.
    pub fn opened(&mut self, path: &Path) {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        move_to_front(&mut self.recent, path);
    }

    /// Stores a filter that was used.
    pub fn used_filter(&mut self, filter: &str) {
        if !filter.trim().is_empty() {
            move_to_front(&mut self.filters, filter.trim().to_owned());
        }
    }

    /// Stores that a selector is decoded as a protocol, in place of an earlier rule for it; None removes the rule.
    pub fn decode_as(&mut self, selector: &str, protocol: Option<&str>) {
        self.decode_as.retain(|rule| rule.rsplit_once('=').is_none_or(|(known, _)| known != selector));
        self.decode_as.extend(protocol.map(|protocol| format!("{selector}={protocol}")));
    }

    /// Replaces sizes that make layout impossible by their defaults.
    fn sanitized(mut self) -> Settings {
        let first = Settings::default();
        let sane = |size: &mut f32, first: f32| {
            if !size.is_finite() || !(20.0..=10_000.0).contains(size) {
                *size = first;
            }
        };
        let (sizes, known) = (&mut self.sizes, first.sizes);
        sane(&mut sizes.conversations, known.conversations);
        sane(&mut sizes.timeline, known.timeline);
        sane(&mut sizes.message, known.message);
        sane(&mut sizes.message_beside, known.message_beside);
        sane(&mut sizes.fields, known.fields);
        sane(&mut sizes.editor, known.editor);
        sane(&mut sizes.inspector, known.inspector);
        self.columns.iter_mut().for_each(|column| sane(&mut column.width, 100.0));
        if self.columns().next().is_none() {
            self.columns = first.columns;
        }
        if !self.zoom.is_finite() || !(0.4..=4.0).contains(&self.zoom) {
            self.zoom = 1.0;
        }
        self
    }
}

fn move_to_front<T: PartialEq>(list: &mut Vec<T>, what: T) {
    list.retain(|known| *known != what);
    list.insert(0, what);
    list.truncate(REMEMBERED);
}

/// Why settings could not be loaded or stored.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("Can't read the settings in {}: {error}. The defaults are used, and nothing is stored.", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        error: std::io::Error,
    },
    /// The file is not a valid settings file.
    #[error("The settings in {} are invalid: {error}. The defaults are used{}.", path.display(), kept_text(.kept_as))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        error: serde_json::Error,
        /// What the file was renamed to.
        kept_as: std::io::Result<PathBuf>,
    },
    /// The file can't be written.
    #[error("Can't store the settings in {}: {error}. Changes are lost when the window closes.", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        error: std::io::Error,
    },
}

fn kept_text(kept_as: &std::io::Result<PathBuf>) -> String {
    match kept_as {
        Ok(path) => format!("; the old file is now {}", path.display()),
        Err(error) => format!("; the old file could not be renamed: {error}"),
    }
}

/// The settings file. Without a path nothing is stored.
#[derive(Clone, Debug, Default)]
pub struct SettingsFile {
    path: Option<PathBuf>,
    saved: Option<Settings>,
}

impl SettingsFile {
    /// The user's file, in the configuration folder.
    pub fn of_user() -> SettingsFile {
        let path =
            framescope_inspect::protocols::configuration_folder().map(|folder| folder.join("settings.json"));
        SettingsFile { path, saved: None }
    }

    /// A file at a path.
    pub fn at(path: PathBuf) -> SettingsFile {
        SettingsFile { path: Some(path), saved: None }
    }

    /// Loads the settings. If the file can't be used these are the defaults, and the reason is returned with them; an
    /// invalid file is renamed, so that it is not overwritten.
    pub fn load(&mut self) -> (Settings, Option<SettingsError>) {
        let Some(path) = &self.path else { return (Settings::default(), None) };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Settings::default(), None),
            Err(error) => {
                let unreadable = SettingsError::Read { path: path.clone(), error };
                // A file that can't be read must not be overwritten.
                self.path = None;
                return (Settings::default(), Some(unreadable));
            }
        };
        match serde_json::from_slice::<Settings>(&text) {
            Ok(settings) => {
                let settings = settings.sanitized();
                self.saved = Some(settings.clone());
                (settings, None)
            }
            Err(error) => {
                let aside = path.with_extension("broken.json");
                let kept_as = fs::rename(path, &aside).map(|()| aside);
                (Settings::default(), Some(SettingsError::Invalid { path: path.clone(), error, kept_as }))
            }
        }
    }

    /// Whether these settings differ from those in the file.
    pub fn differs(&self, settings: &Settings) -> bool {
        self.path.is_some() && self.saved.as_ref() != Some(settings)
    }

    /// Stores the settings. The file is replaced as a whole, so it is valid at any time.
    ///
    /// # Errors
    /// The file can't be written. That is reported once: later calls do nothing.
    pub fn save(&mut self, settings: &Settings) -> Result<(), SettingsError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            let text = serde_json::to_vec_pretty(settings).map_err(std::io::Error::from)?;
            file.write_all(&text)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        match write() {
            Ok(()) => {
                self.saved = Some(settings.clone());
                Ok(())
            }
            Err(error) => {
                self.path = None;
                Err(SettingsError::Write { path, error })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_loaded_as_they_were_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/settings.json");
        let mut settings = Settings { theme: Theme::Light, zoom: 1.5, ..Settings::default() };
        settings.used_filter("kind == DATA");
        settings.used_filter(" kind == PING ");
        settings.used_filter("kind == DATA");
        settings.decode_as("tcp.port=9000", Some("missive"));
        settings.decode_as("tcp.port=9000", Some("bare"));
        settings.columns.swap(0, 1);
        SettingsFile::at(path.clone()).save(&settings).unwrap();
        let mut file = SettingsFile::at(path);
        let (loaded, error) = file.load();
        assert!(loaded == settings && error.is_none(), "{error:?}");
        assert_eq!(loaded.filters, ["kind == DATA", "kind == PING"]);
        assert_eq!(loaded.decode_as, ["tcp.port=9000=bare"]);
        assert!(!file.differs(&loaded) && file.differs(&Settings::default()));
    }

    #[test]
    fn an_invalid_file_is_renamed_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        for broken in ["", "{\"theme\": \"loud\"}", "{\"columns\": 3}", "\u{0}\u{1}"] {
            fs::write(&path, broken).unwrap();
            let (settings, error) = SettingsFile::at(path.clone()).load();
            assert_eq!(settings, Settings::default());
            assert!(error.unwrap().to_string().contains("settings.broken.json"), "{broken}");
            assert!(!path.exists());
            assert_eq!(fs::read_to_string(folder.path().join("settings.broken.json")).unwrap(), broken);
        }
    }

    #[test]
    fn sizes_that_no_window_can_have_are_replaced_and_unknown_keys_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let text = r#"{"zoom": 1e30, "columns": [{"name": "nonsense", "width": 5}], "sizes": {"message": -3}, "panels": {"dialogue": true}, "more": 1}"#;
        fs::write(&path, text).unwrap();
        let (settings, error) = SettingsFile::at(path).load();
        assert!(settings == Settings::default() && error.is_none(), "{error:?}");
    }
}
