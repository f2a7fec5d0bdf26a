//! The secrets of connections, as programs log them: where they come from, and which belong to a connection.
//!
//! They are found by the random number of the ClientHello. What was once looked for and not found stays unknown, so that a
//! conversation that is read again says what it said the first time.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::keylog::{self, Label, Line};

/// The type of a Decryption Secrets Block of pcapng that has the lines of a key log: `TLSK`.
pub const TLS_KEY_LOG: u32 = 0x544C_534B;

/// The most sentences that are stored about what is wrong with what was given.
const MAX_NOTICES: usize = 100;
/// A line longer than this is no line of a key log.
const MAX_LINE: usize = 4096;

/// The random number of a ClientHello.
pub(crate) type Random = [u8; 32];

/// A secret of at most 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    bytes: [u8; Secret::MAX],
    length: u8,
}

impl Secret {
    pub(crate) const MAX: usize = 64;

    /// None if it is empty or too long.
    pub(crate) fn new(bytes: &[u8]) -> Option<Secret> {
        let mut secret = Secret { bytes: [0; Secret::MAX], length: u8::try_from(bytes.len()).ok()? };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.is_empty()).then_some(secret)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// It is not shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.length)
    }
}

/// A key log could not be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the key log {path} can't be read: {source}; give the file that the program writes because of SSLKEYLOGFILE"
)]
pub struct KeyLogError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The secrets that are known, for all connections. Shared, and added to while connections are read.
///
/// ```
/// use framescope_carriers::tls::Secrets;
///
/// let secrets = Secrets::new();
/// secrets.add_text("keys.txt", "# a comment\nCLIENT_RANDOM 00 11\n");
/// assert_eq!(secrets.notices().len(), 1);
/// assert!(secrets.notices()[0].starts_with("keys.txt line 2: "));
/// ```
#[derive(Default)]
pub struct Secrets {
    store: Mutex<Store>,
}

#[derive(Default)]
struct Store {
    known: HashMap<Random, Known>,
    files: Vec<Source>,
    notices: Vec<String>,
    unsaid: usize,
}

/// What is known of a connection.
#[derive(Clone, Default)]
struct Known {
    secrets: [Option<Box<Secret>>; Label::COUNT],
    /// Which of them were looked for in vain.
    missed: u16,
}

/// A key log that may grow.
struct Source {
    path: PathBuf,
    /// How much of it was read.
    read: u64,
    lines: usize,
    /// The beginning of a line whose end was not there yet.
    rest: Vec<u8>,
}

impl Secrets {
    /// None are known.
    pub fn new() -> Secrets {
        Secrets::default()
    }

    /// Reads a key log. It is read on when a secret is missing and the file has grown since, also if it could not be read now.
    ///
    /// # Errors
    /// If it can't be opened or read.
    pub fn add_file(&self, path: impl AsRef<Path>) -> Result<(), KeyLogError> {
        let path = path.as_ref();
        let mut source = Source { path: path.to_owned(), read: 0, lines: 0, rest: Vec::new() };
        let mut store = self.store();
        let result = source.read_on(&mut store);
        // A last line without its end is complete all the same, unless more of it comes.
        source.read_last(&mut store);
        store.files.push(source);
        result.map_err(|source| KeyLogError { path: path.to_owned(), source })
    }

    /// Takes the lines of a key log, which notices call `name`.
    pub fn add_text(&self, name: &str, text: &str) {
        let mut store = self.store();
        for (number, line) in (1..).zip(text.lines()) {
            store.line(name, number, line.as_bytes());
        }
    }

    /// Takes what a Decryption Secrets Block of pcapng holds. Secrets of other protocols are left aside, with a notice.
    pub fn add_block(&self, secrets_type: u32, bytes: &[u8]) {
        let mut store = self.store();
        if secrets_type != TLS_KEY_LOG {
            return store.notice(format!(
                "a Decryption Secrets Block has secrets of the type {secrets_type:#010x}, which are not those of TLS ({TLS_KEY_LOG:#010x}); they are left aside"
            ));
        }
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            store.line("the capture's Decryption Secrets Block", number, line);
        }
    }

    /// What is wrong with what was given, a sentence each, with the number of the line.
    pub fn notices(&self) -> Vec<String> {
        let store = self.store();
        let mut notices = store.notices.clone();
        if store.unsaid > 0 {
            notices.push(format!("{} more lines of key logs could not be read", store.unsaid));
        }
        notices
    }

    /// Of how many connections some secret is known.
    pub fn connections(&self) -> usize {
        self.store().known.values().filter(|known| known.secrets.iter().any(Option::is_some)).count()
    }

    /// The secret of a connection with that label. Key logs that have grown are read on before it is unknown for good.
    pub(crate) fn find(&self, random: &Random, label: Label) -> Option<Secret> {
        let mut store = self.store();
        match store.look_up(random, label) {
            Found::Yes(secret) => return Some(secret),
            Found::NotBefore => return None,
            Found::No => {}
        }
        store.read_on();
        if let Found::Yes(secret) = store.look_up(random, label) {
            return Some(secret);
        }
        store.known.entry(*random).or_default().missed |= label.bit();
        None
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // What is stored is whole between any two of its changes.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The secrets themselves are not shown.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

enum Found {
    Yes(Secret),
    No,
    /// It was looked for before, and was not there.
    NotBefore,
}

impl Store {
    fn look_up(&self, random: &Random, label: Label) -> Found {
        let Some(known) = self.known.get(random) else { return Found::No };
        if known.missed & label.bit() != 0 {
            return Found::NotBefore;
        }
        match known.secrets.get(label.index()).and_then(Option::as_ref) {
            Some(secret) => Found::Yes(**secret),
            None => Found::No,
        }
    }

    /// Reads what was added to the files.
    fn read_on(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        for file in &mut files {
            // That a file is gone now takes nothing away from what it said.
            let _ = file.read_on(self);
        }
        self.files = files;
    }

    fn line(&mut self, name: &str, number: usize, line: &[u8]) {
        match keylog::read(line) {
            Ok(Line::Secret { label, random, secret }) => {
                let known = self.known.entry(random).or_default();
                if let Some(place) = known.secrets.get_mut(label.index()) {
                    // The first one counts, so that what was read once is read alike again.
                    place.get_or_insert_with(|| Box::new(secret));
                }
            }
            Ok(Line::Nothing) => {}
            Err(error) => self.notice(format!("{name} line {number}: {error}")),
        }
    }

    fn notice(&mut self, text: String) {
        match self.notices.len() < MAX_NOTICES {
            true => self.notices.push(text),
            false => self.unsaid += 1,
        }
    }
}

impl Source {
    /// Reads what was added since.
    fn read_on(&mut self, store: &mut Store) -> io::Result<()> {
        let length = std::fs::metadata(&self.path)?.len();
        if length < self.read {
            // It was begun anew.
            (self.read, self.lines) = (0, 0);
            self.rest.clear();
        }
        if length == self.read {
            return Ok(());
        }
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.read += count as u64;
            self.take(buffer.get(..count).unwrap_or_default(), store);
        }
    }

    fn take(&mut self, mut bytes: &[u8], store: &mut Store) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            self.add(line);
            self.lines += 1;
            store.line(&self.path.display().to_string(), self.lines, &self.rest);
            self.rest.clear();
        }
        self.add(bytes);
    }

    /// More of a line; of one that is far too long only the beginning is stored.
    fn add(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    /// Takes a last line that has no end yet, if it is a whole one.
    fn read_last(&self, store: &mut Store) {
        if matches!(keylog::read(&self.rest), Ok(Line::Secret { .. })) {
            store.line(&self.path.display().to_string(), self.lines + 1, &self.rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(label: &str, random: u8, secret: u8) -> String {
        let hex = |byte: u8, count: usize| format!("{byte:02x}").repeat(count);
        format!("{label} {} {}\n", hex(random, 32), hex(secret, 48))
    }

    #[test]
    fn a_file_that_grows_is_read_on_when_a_secret_is_missed() {
        let path = std::env::temp_dir().join(format!("framescope-keylog-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        write!(file, "{}", line("CLIENT_RANDOM", 1, 7)).unwrap();
        let secrets = Secrets::new();
        secrets.add_file(&path).unwrap();
        assert_eq!(secrets.find(&[1; 32], Label::Master).unwrap().bytes(), [7; 48]);
        let added = line("CLIENT_RANDOM", 2, 8) + "nonsense\n" + &line("CLIENT_RANDOM", 3, 9);
        let (begin, end) = added.split_at(40);
        write!(file, "{begin}").unwrap();
        assert_eq!(secrets.find(&[4; 32], Label::Master), None);
        write!(file, "{end}").unwrap();
        assert_eq!(secrets.find(&[2; 32], Label::Master).unwrap().bytes(), [8; 48]);
        assert_eq!(secrets.connections(), 3);
        let notices = secrets.notices();
        assert_eq!(notices.len(), 1);
        assert!(notices[0].contains(" line 3: "), "{notices:?}");
        std::fs::remove_file(&path).unwrap();
        assert!(secrets.add_file(&path).unwrap_err().to_string().contains("can't be read"));
    }

    #[test]
    fn what_was_not_known_once_stays_unknown() {
        let secrets = Secrets::new();
        assert_eq!(secrets.find(&[1; 32], Label::Master), None);
        secrets.add_text("later", &line("CLIENT_RANDOM", 1, 7));
        assert_eq!(secrets.find(&[1; 32], Label::Master), None);
        secrets.add_text("later", &line("CLIENT_TRAFFIC_SECRET_0", 1, 7));
        assert!(secrets.find(&[1; 32], Label::ClientTraffic).is_some());
    }

    #[test]
    fn notices_are_bounded_and_a_block_of_another_type_is_one() {
        let secrets = Secrets::new();
        secrets.add_block(0x5753_4B4C, b"LOCAL_STATIC_PRIVATE_KEY = x");
        secrets.add_text("bad", &"CLIENT_RANDOM 1 2\n".repeat(1000));
        let notices = secrets.notices();
        assert_eq!(notices.len(), MAX_NOTICES + 1);
        assert!(notices[0].contains("0x57534b4c"));
        assert_eq!(notices.last().unwrap(), "901 more lines of key logs could not be read");
    }
}
