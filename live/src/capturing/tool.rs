//! The programs that capture: where they are, and the arguments that make them write packets at once.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::CaptureError;

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolName {
    /// Passes a packet on immediately.
    Tcpdump,
    /// Drops less when packets are very many, and passes them on after up to a quarter of a second.
    Dumpcap,
}

impl ToolName {
    const ALL: [ToolName; 2] = [ToolName::Tcpdump, ToolName::Dumpcap];

    fn text(self) -> &'static str {
        match self {
            ToolName::Tcpdump => "tcpdump",
            ToolName::Dumpcap => "dumpcap",
        }
    }
}

/// A program that captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    name: ToolName,
    path: PathBuf,
}

/// Its name, as in a sentence.
impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.text())
    }
}

/// Where the programs are if PATH does not say it: that of a user often lacks the folders of the administrator's programs.
const FOLDERS: &[&str] = if cfg!(windows) {
    &[r"C:\Program Files\Wireshark", r"C:\Program Files (x86)\Wireshark"]
} else {
    &[
        "/usr/sbin",
        "/sbin",
        "/usr/local/sbin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/Applications/Wireshark.app/Contents/MacOS",
    ]
};

impl Tool {
    /// The program at a path, by whose name it is known what it is.
    pub fn at(path: impl Into<PathBuf>) -> Option<Tool> {
        let path = path.into();
        let stem = path.file_stem()?.to_str()?.to_lowercase();
        let name = ToolName::ALL.into_iter().find(|name| stem.starts_with(name.text()))?;
        Some(Tool { name, path })
    }

    /// The one that is named: by its name alone, or by a path.
    ///
    /// # Errors
    /// There is none, or its name does not show which program it is.
    pub fn named(name: &Path) -> Result<Tool, CaptureError> {
        let missing = || CaptureError::NoSuchTool(name.to_owned());
        if name.components().count() > 1 {
            return Tool::at(name).filter(|tool| tool.path.is_file()).ok_or_else(missing);
        }
        Tool::all().into_iter().find(|tool| Path::new(tool.name.text()) == name).ok_or_else(missing)
    }

    /// All that are installed, the most suitable first.
    pub fn all() -> Vec<Tool> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
        Tool::all_in(&folders)
    }

    fn all_in(folders: &[PathBuf]) -> Vec<Tool> {
        let find = |name: ToolName| {
            let file = format!("{}{}", name.text(), env::consts::EXE_SUFFIX);
            let path = folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file())?;
            Some(Tool { name, path })
        };
        ToolName::ALL.into_iter().filter_map(find).collect()
    }

    /// Which program it is.
    pub fn name(&self) -> ToolName {
        self.name
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether Debian's package installed it, which has a group for it.
    pub(super) fn is_debians(&self) -> bool {
        self.path == Path::new("/usr/bin/dumpcap")
            && Path::new("/var/lib/dpkg/info/wireshark-common.list").is_file()
    }

    /// A command that captures, and writes the packets to its standard output.
    pub(super) fn capture(&self, interface: &str, filter: &str, promiscuous: bool) -> Command {
        let mut command = self.command();
        command.args(["-i", interface, "-w", "-"]);
        if !promiscuous {
            command.arg("-p");
        }
        match self.name {
            ToolName::Tcpdump => {
                // A packet at a time: the system's default is to wait up to a second for more. The larger buffer, in KiB, is for
                // bursts meanwhile.
                command.args(["-U", "--immediate-mode", "-B", "65536"]);
                if cfg!(target_os = "linux") {
                    command.arg("--time-stamp-precision=nano");
                }
                if !filter.is_empty() {
                    command.args(["--", filter]);
                }
            }
            ToolName::Dumpcap => {
                // Without counters, with a buffer of 16 MiB.
                command.args(["-q", "-n", "-B", "16"]);
                if !filter.is_empty() {
                    command.args(["-f", filter]);
                }
            }
        }
        command
    }

    /// A command that lists the interfaces.
    pub(super) fn list(&self) -> Command {
        let mut command = self.command();
        command.arg("-D");
        if self.name == ToolName::Dumpcap {
            command.arg("-M");
        }
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(OsString::from(&self.path));
        // What they say is read.
        command.env("LC_ALL", "C");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_by_name_in_the_first_folder_that_has_them() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert!(Tool::all_in(&folders).is_empty());
        let file = |folder: &Path, name: &str| {
            let path = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
            std::fs::write(&path, "").unwrap();
            path
        };
        let dumpcap = file(first.path(), "dumpcap");
        let tcpdump = file(second.path(), "tcpdump");
        file(second.path(), "dumpcap");
        let found: Vec<_> = Tool::all_in(&folders).into_iter().map(|tool| tool.path).collect();
        assert_eq!(found, [tcpdump, dumpcap]);
    }

    #[test]
    fn a_path_says_by_its_name_which_tool_it_is() {
        assert_eq!(Tool::at("/opt/tcpdump-4.99").unwrap().name(), ToolName::Tcpdump);
        assert_eq!(Tool::at("Dumpcap.exe").unwrap().name(), ToolName::Dumpcap);
        assert_eq!(Tool::at("/usr/bin/tshark"), None);
        let missing = Tool::named(Path::new("/nowhere/tcpdump")).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "'/nowhere/tcpdump' is not an installed tcpdump or dumpcap: name one of them, or its path"
        );
    }

    #[test]
    fn a_filter_is_never_taken_for_an_option() {
        let tool = Tool::at("/usr/bin/tcpdump").unwrap();
        let command = tool.capture("lo", "-z sh", false);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
        assert_eq!(arguments[arguments.len() - 2..], ["--", "-z sh"]);
    }
}
