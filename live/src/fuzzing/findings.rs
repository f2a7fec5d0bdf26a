//! Writes what was found: the conversations as a capture, its messages as JSON lines, and a script that repeats them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use framescope_capture::export::{self, RowSelection};
use framescope_capture::{OpenError, Options, ReadError, Source, read};
use framescope_checking::{Piece, Transcript};
use thiserror::Error;

use super::engine::Finding;
use super::never::record;
use super::playing::{Ending, Script};
use super::report;
use crate::Recorder;

/// Why a finding can't be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A file can't be written.
    #[error("{} can't be written: {cause}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The capture that was written can't be read back.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The same.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The files of a finding.
#[derive(Clone, Debug)]
pub struct Files {
    /// The conversations, for any tool that reads captures.
    pub capture: PathBuf,
    /// Their messages, a line each.
    pub json: PathBuf,
    /// A Python script that repeats them.
    pub script: PathBuf,
}

impl Finding {
    /// Writes it to a folder, which is made if necessary. `options` are those that its protocol is read with, and `how` says how
    /// the peer is started.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn write(
        &self,
        folder: &Path,
        address: SocketAddr,
        options: &Options,
        how: &str,
    ) -> Result<Files, WriteError> {
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |cause| WriteError::Unwritable { path: path.clone(), cause }
        };
        std::fs::create_dir_all(folder).map_err(unwritable(folder))?;
        let name = self.file_name();
        let path = |ending: &str| folder.join(format!("{name}.{ending}"));
        let files = Files { capture: path("pcapng"), json: path("json"), script: path("py") };
        self.record(&files.capture, address).map_err(unwritable(&files.capture))?;
        let index = read(Source::open(&files.capture)?, options, &mut |_| true)?;
        let write_json = || {
            let mut out = BufWriter::new(File::create(&files.json)?);
            export::write_json(&index, &mut RowSelection::all(), &mut out)?;
            out.flush()
        };
        write_json().map_err(unwritable(&files.json))?;
        std::fs::write(&files.script, self.script(address, how)).map_err(unwritable(&files.script))?;
        Ok(files)
    }

    /// A name that says what it is, and is the same for the same fault.
    fn file_name(&self) -> String {
        let key = report::key(&self.symptom.title);
        let mut name = format!("{}-", self.symptom.sign);
        for c in key.chars().take(60) {
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            } else if !name.ends_with('-') {
                name.push('-');
            }
        }
        // Titles that are long may begin alike.
        format!("{}-{:04x}", name.trim_end_matches('-'), crc32fast::hash(key.as_bytes()) & 0xFFFF)
    }

    /// What both sides said, or what this side says where the fault did not show again.
    fn conversations(&self) -> Vec<Transcript> {
        let own = |script: &Script| {
            Transcript::new(
                script.says.iter().map(|says| Piece::Segment(framescope_parser::Role::Client, says.clone())),
            )
        };
        let said = self.said.iter().cloned().chain(self.scripts.iter().skip(self.said.len()).map(own));
        said.collect()
    }

    fn record(&self, path: &Path, server: SocketAddr) -> io::Result<()> {
        let (recorder, _source) = Recorder::to_file(path)?;
        for (number, said) in (0..).zip(self.conversations()) {
            let client = match server {
                SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000 + number)),
                SocketAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 40_000 + number)),
            };
            record(&recorder, &said, client, server);
        }
        recorder.flush();
        recorder.failure().map_or(Ok(()), |sentence| Err(io::Error::other(sentence)))
    }

    fn script(&self, address: SocketAddr, how: &str) -> String {
        let mut connections = String::new();
        for script in &self.scripts {
            let ending = match script.ending {
                Ending::Finish => "finish",
                Ending::Leave => "leave",
                Ending::Stay => "stay",
            };
            // A text takes whatever is written.
            let _ = write!(
                connections,
                "    (\"{ending}\", {}, [",
                if script.in_turn { "True" } else { "False" }
            );
            for says in &script.says {
                let _ = write!(connections, "\n        \"{}\",", export::hex(says));
            }
            connections.push_str("\n    ]),\n");
        }
        let probe: Vec<String> =
            self.probe.script.says.iter().map(|says| format!("\"{}\"", export::hex(says))).collect();
        let title: String = self.symptom.title.chars().filter(|c| *c != '\\' && *c != '"').collect();
        TEMPLATE
            .replace("@TITLE@", &format!("{}: {title}", self.symptom.sign))
            .replace("@HOW@", &how.replace(['\\', '"'], "'"))
            .replace("@HOST@", &address.ip().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@REPEATS@", &self.repeats.to_string())
            .replace("@PROBE@", &probe.join(", "))
            .replace("@CONNECTIONS@", &connections)
    }
}

const TEMPLATE: &str = include_str!("repeat.py.txt");
