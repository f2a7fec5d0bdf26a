//! What the window remembers from one time to the next, in a file that a person can read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use framescope_capture::filter::Column;
use serde::{Deserialize, Serialize};

/// What is remembered. What a file does not say is as it is at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light, dark, or as the system is.
    pub theme: Theme,
    /// The columns of the table, in their order.
    pub columns: Vec<ShownColumn>,
    /// How times are written.
    pub time: TimeFormat,
    /// Which panels are shown.
    pub panels: Panels,
    /// Whether the message stands beside the table, not below it.
    pub message_beside: bool,
    /// How large panels are, in points: the conversations' width, the timeline's height, the message's height and width,
    /// the fields' width, the editor's width.
    pub sizes: Sizes,
    /// Files that were opened, the last one first.
    pub recent: Vec<PathBuf>,
    /// Filters that were used, the last one first.
    pub filters: Vec<String>,
    /// What was said that ports and conversations are, as `--as` takes it.
    pub decode_as: Vec<String>,
    /// Whether the hints for the first time were seen.
    pub tour_seen: bool,
    /// How large all is, beside what the system says.
    pub zoom: f32,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    /// The time of day, in UTC.
    #[default]
    Absolute,
    /// Seconds since the capture's first packet.
    Relative,
    /// Seconds since the row before.
    Delta,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownColumn {
    /// Its name in filters.
    pub name: String,
    /// How wide it is, in points.
    pub width: f32,
}

/// Which panels are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panels {
    /// The conversations at the left.
    pub conversations: bool,
    /// The timeline on top.
    pub timeline: bool,
    /// The message.
    pub message: bool,
}

impl Default for Panels {
    fn default() -> Self {
        Panels { conversations: true, timeline: true, message: true }
    }
}

/// How large panels are, in points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// The width of the conversations.
    pub conversations: f32,
    /// The height of the timeline.
    pub timeline: f32,
    /// The height of the message below the table.
    pub message: f32,
    /// Its width beside the table.
    pub message_beside: f32,
    /// The width of the fields in the message.
    pub fields: f32,
    /// The width of the editor.
    pub editor: f32,
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
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let column = |&(name, width): &(&str, f32)| ShownColumn { name: name.to_owned(), width };
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
            panels: Panels::default(),
            message_beside: false,
            sizes: Sizes::default(),
            recent: Vec::new(),
            filters: Vec::new(),
            decode_as: Vec::new(),
            tour_seen: false,
            zoom: 1.0,
        }
    }
}

/// Files and filters that are remembered.
const REMEMBERED: usize = 12;

impl Settings {
    /// The columns that are shown. A name that is none is left out.
    pub fn columns(&self) -> impl Iterator<Item = (Column, f32)> + '_ {
        self.columns.iter().filter_map(|shown| Some((Column::from_name(&shown.name)?, shown.width)))
    }

    /// Remembers a file that was opened.
    pub fn opened(&mut self, path: &Path) {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        put_first(&mut self.recent, path);
    }

    /// Remembers a filter that was used.
    pub fn used_filter(&mut self, filter: &str) {
        if !filter.trim().is_empty() {
            put_first(&mut self.filters, filter.trim().to_owned());
        }
    }

    /// Remembers what ports are, the last rule in the place of one for the same ports; without a protocol forgets it.
    pub fn decode_as(&mut self, selector: &str, protocol: Option<&str>) {
        self.decode_as.retain(|rule| rule.rsplit_once('=').is_none_or(|(known, _)| known != selector));
        self.decode_as.extend(protocol.map(|protocol| format!("{selector}={protocol}")));
    }

    /// Numbers that no window can be laid out with are as at first.
    fn mended(mut self) -> Settings {
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

fn put_first<T: PartialEq>(list: &mut Vec<T>, what: T) {
    list.retain(|known| *known != what);
    list.insert(0, what);
    list.truncate(REMEMBERED);
}

/// A file of settings. Without a path nothing is kept.
#[derive(Clone, Debug, Default)]
pub struct SettingsFile {
    path: Option<PathBuf>,
    saved: Option<Settings>,
}

impl SettingsFile {
    /// The user's file, in the folder of configuration.
    pub fn of_user() -> SettingsFile {
        let path =
            framescope_inspect::protocols::configuration_folder().map(|folder| folder.join("settings.json"));
        SettingsFile { path, saved: None }
    }

    /// A file at a path.
    pub fn at(path: PathBuf) -> SettingsFile {
        SettingsFile { path: Some(path), saved: None }
    }

    /// What the file says; and a sentence if it says nothing that can be understood: then it is set aside.
    pub fn load(&mut self) -> (Settings, Option<String>) {
        let Some(path) = &self.path else { return (Settings::default(), None) };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Settings::default(), None),
            Err(error) => {
                let what = format!(
                    "The settings in {} can't be read ({error}): all is as at first.",
                    path.display()
                );
                // What can't be read shall not be overwritten.
                self.path = None;
                return (Settings::default(), Some(what));
            }
        };
        match serde_json::from_slice::<Settings>(&text) {
            Ok(settings) => {
                let settings = settings.mended();
                self.saved = Some(settings.clone());
                (settings, None)
            }
            Err(error) => {
                let aside = path.with_extension("broken.json");
                let kept = match fs::rename(path, &aside) {
                    Ok(()) => format!("The file was set aside as {}.", aside.display()),
                    Err(error) => format!("It could not be set aside: {error}."),
                };
                let what = format!(
                    "The settings in {} can't be understood ({error}): all is as at first. {kept}",
                    path.display()
                );
                (Settings::default(), Some(what))
            }
        }
    }

    /// Whether these are other settings than those in the file.
    pub fn differs(&self, settings: &Settings) -> bool {
        self.path.is_some() && self.saved.as_ref() != Some(settings)
    }

    /// Keeps settings: the file is whole at any time.
    ///
    /// # Errors
    /// It can't be written; that is told once.
    pub fn save(&mut self, settings: &Settings) -> Result<(), String> {
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
                Err(format!("The settings can't be kept in {}: {error}", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_kept() {
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
        let (loaded, told) = file.load();
        assert_eq!((&loaded, told), (&settings, None));
        assert_eq!(loaded.filters, ["kind == DATA", "kind == PING"]);
        assert_eq!(loaded.decode_as, ["tcp.port=9000=bare"]);
        assert!(!file.differs(&loaded) && file.differs(&Settings::default()));
    }

    #[test]
    fn broken_settings_are_set_aside_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        for broken in ["", "{\"theme\": \"loud\"}", "{\"columns\": 3}", "\u{0}\u{1}"] {
            fs::write(&path, broken).unwrap();
            let (settings, told) = SettingsFile::at(path.clone()).load();
            assert_eq!(settings, Settings::default());
            assert!(told.unwrap().contains("set aside"), "{broken}");
            assert!(!path.exists());
            assert_eq!(fs::read_to_string(folder.path().join("settings.broken.json")).unwrap(), broken);
        }
    }

    #[test]
    fn what_no_window_can_be_laid_out_with_is_as_at_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let text = r#"{"zoom": 1e30, "columns": [{"name": "nonsense", "width": 5}], "sizes": {"message": -3}, "more": 1}"#;
        fs::write(&path, text).unwrap();
        let (settings, told) = SettingsFile::at(path).load();
        assert_eq!((settings, told), (Settings::default(), None));
    }
}
