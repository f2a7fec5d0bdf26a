//! Reads and takes apart the messages that are looked at, beside the window: a slow disk never stops it. What is quick is
//! there at once, as the window waits some milliseconds for it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::export::display_limit;
use framescope_capture::{BlockReader, Index};
use framescope_parser::{Captured, Code, Missing};
use parking_lot::{Condvar, Mutex};

use crate::background::{Background, Server, panic_text};
use crate::details::Details;
use crate::document::SharedIndex;

/// What the table shows of a row that has to be decoded for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The message in a few words.
    pub summary: Arc<str>,
    /// The codes of its problems.
    pub problems: Arc<str>,
}

/// The first bytes of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beginning {
    /// Those that were captured, one behind the other.
    pub bytes: Arc<[u8]>,
    /// What is missing between them, or behind them.
    pub missing: Arc<[Missing]>,
    /// How many more it has.
    pub more: u64,
}

/// The messages that were looked at lately.
pub struct Lookup {
    /// Who reads; None if nobody can.
    server: Option<Server<Ask>>,
    shared: Arc<Shared>,
    background: Background,
}

#[derive(Debug)]
enum Ask {
    Lines(Vec<u32>, u64),
    Beginnings(Vec<u32>, u64),
    Details(u32, u64),
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// Raised when the rows have become others.
    generation: u64,
    lines: HashMap<u32, Option<Line>>,
    beginnings: HashMap<u32, Option<Beginning>>,
    details: HashMap<u32, Option<Arc<Details>>>,
    broken: Option<String>,
    /// Until when the window waits in this frame, whatever it asks for.
    patience: Option<Instant>,
    /// The window did not wait long enough for something, and has to be woken when that is there.
    gave_up: bool,
}

/// How long the window waits in a frame for what is mostly there at once.
const PATIENCE: Duration = Duration::from_millis(4);
/// What is kept of each sort.
const KEPT: usize = 4096;
/// Messages that are kept taken apart: the one looked at, the one it is compared with, and the last ones.
const DETAILS_KEPT: usize = 8;
/// Bytes that a summary in the table may take reading.
const LINE_BYTES: usize = 64 << 10;
/// Bytes of a row that the dialogue shows.
pub const BEGINNING: usize = 4 << 10;

impl Lookup {
    /// For an index. The window is woken when something has come that was not there at once.
    pub(crate) fn new(index: SharedIndex, background: &Background) -> Lookup {
        let shared = Arc::new(Shared::default());
        let (theirs, woken) = (Arc::clone(&shared), background.clone());
        let server = background.serve("lookup", move |ask| {
            // A new reader each time: it looks whether the file is still the same.
            answer(ask, &index, &theirs, &mut None);
            if std::mem::take(&mut theirs.known.lock().gave_up) {
                woken.wake();
            }
        });
        if let Err(error) = &server {
            shared.known.lock().broken = Some(format!("no thread to read with: {error}"));
        }
        Lookup { server: server.ok(), shared, background: background.clone() }
    }

    /// A frame of the window begins.
    pub(crate) fn begin_frame(&self) {
        self.shared.known.lock().patience = Some(self.background.now() + PATIENCE);
    }

    /// Forgets all: the rows have become others.
    pub(crate) fn forget(&self) {
        let mut known = self.shared.known.lock();
        *known = Known { generation: known.generation + 1, broken: known.broken.take(), ..Known::default() };
    }

    /// What made taking a message apart break down, if that happened.
    pub(crate) fn broken(&self) -> Option<String> {
        self.shared.known.lock().broken.clone()
    }

    /// Has the lines of rows read, and waits a little for them.
    pub fn want_lines(&self, rows: &[u32]) {
        self.want(rows, |known| &mut known.lines, Ask::Lines);
    }

    /// What the table shows of a row; None if it is still being read.
    pub fn line(&self, row: u32) -> Option<Line> {
        self.known(|known| &known.lines, row)
    }

    /// Has the first bytes of rows read, and waits a little for them.
    pub fn want_beginnings(&self, rows: &[u32]) {
        self.want(rows, |known| &mut known.beginnings, Ask::Beginnings);
    }

    /// The first bytes of a row; None if they are still being read.
    pub fn beginning(&self, row: u32) -> Option<Beginning> {
        self.known(|known| &known.beginnings, row)
    }

    /// What is known; where that is still being read, the window has to be woken for it.
    fn known<T: Clone>(&self, of: impl Fn(&Known) -> &HashMap<u32, Option<T>>, row: u32) -> Option<T> {
        let mut known = self.shared.known.lock();
        let there = of(&known).get(&row).cloned();
        known.gave_up |= matches!(there, Some(None));
        there.flatten()
    }

    fn want<T>(
        &self,
        rows: &[u32],
        of: impl Fn(&mut Known) -> &mut HashMap<u32, Option<T>>,
        ask: impl FnOnce(Vec<u32>, u64) -> Ask,
    ) {
        let mut known = self.shared.known.lock();
        let generation = known.generation;
        let map = of(&mut known);
        if map.len() > KEPT {
            // What is asked for now is asked for again.
            map.clear();
        }
        let missing: Vec<u32> = rows.iter().copied().filter(|row| !map.contains_key(row)).collect();
        if missing.is_empty() {
            return;
        }
        map.extend(missing.iter().map(|&row| (row, None)));
        drop(known);
        self.ask(ask(missing, generation), |known| {
            rows.iter().any(|row| matches!(of(known).get(row), Some(None)))
        });
    }

    /// Asks for something, and waits a little while it is missing.
    fn ask(&self, what: Ask, is_missing: impl Fn(&mut Known) -> bool) {
        let Some(server) = &self.server else { return };
        server.ask(what);
        let mut known = self.shared.known.lock();
        let until = known.patience.unwrap_or_else(|| self.background.now() + PATIENCE);
        while is_missing(&mut known) {
            if self.shared.answered.wait_until(&mut known, until).timed_out() {
                known.gave_up = true;
                return;
            }
        }
    }

    /// A row taken apart, after waiting a little for it; None if it takes longer.
    pub fn details(&self, row: u32) -> Option<Arc<Details>> {
        let mut known = self.shared.known.lock();
        if known.details.contains_key(&row) {
            drop(known);
            return self.known(|known| &known.details, row);
        }
        if known.details.len() >= DETAILS_KEPT {
            known.details.retain(|_, details| details.is_none());
        }
        known.details.insert(row, None);
        let ask = Ask::Details(row, known.generation);
        drop(known);
        self.ask(ask, |known| matches!(known.details.get(&row), Some(None)));
        self.known(|known| &known.details, row)
    }
}

/// Looks at the index before a reading thread that waits to go on: the window that waits for the answer looks at it too, and
/// so keeps that thread waiting.
fn answer(ask: Ask, index: &SharedIndex, shared: &Shared, reader: &mut Option<BlockReader>) {
    let generation_now = || shared.known.lock().generation;
    match ask {
        // In small portions: the person may have scrolled on meanwhile.
        Ask::Lines(rows, generation) => {
            for row in rows {
                if generation_now() != generation {
                    break;
                }
                let line = careful(shared, || line(row, &index.read_recursive(), reader));
                put(shared, generation, |known| &mut known.lines, row, line);
            }
        }
        Ask::Beginnings(rows, generation) => {
            for row in rows {
                if generation_now() != generation {
                    break;
                }
                let beginning = careful(shared, || beginning(row, &index.read_recursive(), reader));
                put(shared, generation, |known| &mut known.beginnings, row, beginning);
            }
        }
        Ask::Details(row, generation) => {
            let details = careful(shared, || {
                let index = index.read_recursive();
                Arc::new(Details::of(row, &index, reader_of(&index, reader)))
            });
            put(shared, generation, |known| &mut known.details, row, details);
        }
    }
}

fn reader_of<'r>(index: &Index, reader: &'r mut Option<BlockReader>) -> &'r mut BlockReader {
    reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), 64 << 10))
}

fn put<T>(
    shared: &Shared,
    generation: u64,
    of: impl Fn(&mut Known) -> &mut HashMap<u32, Option<T>>,
    row: u32,
    what: T,
) {
    let mut known = shared.known.lock();
    if known.generation == generation {
        of(&mut known).insert(row, Some(what));
        shared.answered.notify_all();
    }
}

/// What a message breaks is told, and the thread lives on.
fn careful<T: Default>(shared: &Shared, what: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        shared.known.lock().broken = Some(panic_text(&*panic));
        T::default()
    })
}

fn line(number: u32, index: &Index, reader: &mut Option<BlockReader>) -> Line {
    let Some(row) = index.row(number) else { return Line::default() };
    let bytes = index.row_bytes(&row, display_limit(&row).min(LINE_BYTES), reader_of(index, reader));
    let summary = bytes.as_deref().map(|bytes| index.dissect(number, bytes).summary);
    let summary = summary.unwrap_or_else(|error| error.to_string());
    let codes: Vec<&str> = row.codes.iter().map(Code::as_str).collect();
    Line { summary: summary.into(), problems: codes.join(" ").into() }
}

fn beginning(number: u32, index: &Index, reader: &mut Option<BlockReader>) -> Beginning {
    let Some(row) = index.row(number) else { return Beginning::default() };
    let bytes = index.row_bytes(&row, BEGINNING, reader_of(index, reader));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            return Beginning { bytes: error.to_string().into_bytes().into(), ..Beginning::default() };
        }
    };
    let missing = index.missing_before(&row, bytes.len());
    let shown = Captured::with_missing(&bytes, &missing).length();
    let more = row.length.saturating_sub(shown as u64);
    let more = if index.segments(&row).next().is_none() { 0 } else { more };
    Beginning { bytes: bytes.into(), missing: missing.into(), more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};
    use parking_lot::RwLock;

    #[test]
    fn what_is_asked_for_comes() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let rows: Vec<u32> = (0..u32::try_from(index.row_count()).unwrap()).collect();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let lookup = Lookup::new(Arc::clone(&index), &Background::by_hand());
        lookup.want_lines(&rows);
        lookup.want_beginnings(&rows);
        let there = |row: &u32| {
            lookup.line(*row).is_some() && lookup.beginning(*row).is_some() && lookup.details(*row).is_some()
        };
        assert!(rows.iter().all(there));
        let index = index.read();
        let mut reader = index.reader();
        for &row in &rows {
            let known = index.row(row).unwrap();
            let bytes = index.row_bytes(&known, usize::MAX, &mut reader).unwrap();
            let beginning = lookup.beginning(row).unwrap();
            assert_eq!(&*beginning.bytes, &bytes[..bytes.len().min(BEGINNING)]);
            assert_eq!(beginning.bytes.len() as u64 + beginning.more, bytes.len() as u64);
            assert_eq!(*lookup.line(row).unwrap().summary, index.dissect(row, &bytes).summary);
        }
        lookup.forget();
        assert_eq!(lookup.line(0), None);
    }

    #[test]
    fn what_comes_late_wakes_the_window() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let background = Background::of_threads();
        let (wake, woken) = std::sync::mpsc::channel();
        background.wakes(move || wake.send(()).unwrap());
        let lookup = Lookup::new(Arc::clone(&index), &background);
        // As long as this is held nothing can be read, as from a slow disk.
        let held = index.write();
        lookup.want_lines(&[0, 1]);
        assert_eq!(lookup.line(0), None);
        assert!(lookup.details(3).is_none());
        drop(held);
        // Only ends a test that hangs.
        let patience = Duration::from_secs(60);
        while lookup.line(1).is_none() || lookup.details(3).is_none() {
            woken.recv_timeout(patience).unwrap();
        }
    }
}
