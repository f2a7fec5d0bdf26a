//! Reads and decodes the messages that are shown, off the window's thread, so that a slow disk never stops it. Since the
//! window waits some milliseconds for a reply, what is quick is there in the same frame.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use framescope_capture::export::display_limit;
use framescope_capture::{BlockReader, Index, RowId};
use framescope_parser::{Captured, Code, Missing};
use parking_lot::{Condvar, Mutex};

use super::background::{Background, JobError, Server, panic_text};
use super::details::Details;
use super::document::SharedIndex;

/// The texts of a row that need decoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowText {
    /// The message in a few words.
    pub summary: Arc<str>,
    /// The codes of its problems.
    pub problems: Arc<str>,
}

/// The first bytes of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The captured ones, one after another.
    pub bytes: Arc<[u8]>,
    /// The holes between and after them.
    pub missing: Arc<[Missing]>,
    /// How many more bytes the row has.
    pub more: u64,
}

/// Decodes messages, and caches those that were shown lately.
pub struct Lookup {
    /// None if there is no thread to read with.
    server: Option<Server<Request>>,
    shared: Arc<Shared>,
    background: Background,
}

#[derive(Debug)]
enum Request {
    RowTexts(Vec<RowId>, u64),
    Previews(Vec<RowId>, u64),
    Details(RowId, u64),
}

#[derive(Debug, Default)]
struct Shared {
    cache: Mutex<Cache>,
    replied: Condvar,
}

#[derive(Debug, Default)]
struct Cache {
    /// Raised when rows get other numbers.
    generation: u64,
    /// Here and below None stands for what was requested and is not there yet.
    row_texts: HashMap<RowId, Option<RowText>>,
    previews: HashMap<RowId, Option<Preview>>,
    details: HashMap<RowId, Option<Arc<Details>>>,
    error: Option<JobError>,
    /// Until when the window waits in this frame.
    deadline: Option<Instant>,
    /// Whether the window stopped waiting for something, and has to be woken when it is there.
    gave_up: bool,
}

/// How long the window waits for replies in a frame.
const TIME_PER_FRAME: Duration = Duration::from_millis(4);
/// The most rows that are cached.
const CACHED: usize = 4096;
/// The most decoded messages that are cached: the selected one, those of carriers around it, the one it is compared with, and the
/// last ones.
const DETAILS_CACHED: usize = 32;
/// The most bytes that are read for a summary.
const SUMMARY_BYTES: usize = 64 << 10;
/// The most bytes of a row that the transcript shows.
pub const PREVIEW_BYTES: usize = 4 << 10;

impl Lookup {
    /// Starts to serve an index. The window is woken for replies that it did not wait for.
    pub(crate) fn new(index: SharedIndex, background: &Background) -> Lookup {
        let shared = Arc::new(Shared::default());
        let (theirs, woken) = (Arc::clone(&shared), background.clone());
        let server = background.serve("lookup", move |request| {
            // A new reader each time checks whether the file is still the same.
            answer(request, &index, &theirs, &mut None);
            if std::mem::take(&mut theirs.cache.lock().gave_up) {
                woken.wake();
            }
        });
        if let Err(error) = &server {
            shared.cache.lock().error = Some(JobError::NoThread(error.to_string()));
        }
        Lookup { server: server.ok(), shared, background: background.clone() }
    }

    /// Call at the beginning of a frame.
    pub(crate) fn begin_frame(&self) {
        self.shared.cache.lock().deadline = Some(self.background.now() + TIME_PER_FRAME);
    }

    /// Empties the cache. Call when rows get other numbers.
    pub(crate) fn clear(&self) {
        let mut cache = self.shared.cache.lock();
        *cache = Cache { generation: cache.generation + 1, error: cache.error.take(), ..Cache::default() };
    }

    /// Why a message could not be decoded: the decoder panicked, or there is no thread.
    pub(crate) fn error(&self) -> Option<JobError> {
        self.shared.cache.lock().error.clone()
    }

    /// Requests the texts of rows, and waits a little for them.
    pub fn request_row_texts(&self, rows: &[RowId]) {
        self.request(rows, |cache| &mut cache.row_texts, Request::RowTexts);
    }

    /// The text of a row; None while it is being read.
    pub fn row_text(&self, row: RowId) -> Option<RowText> {
        self.cached(|cache| &cache.row_texts, row)
    }

    /// Requests the first bytes of rows, and waits a little for them.
    pub fn request_previews(&self, rows: &[RowId]) {
        self.request(rows, |cache| &mut cache.previews, Request::Previews);
    }

    /// The first bytes of a row; None while they are being read.
    pub fn preview(&self, row: RowId) -> Option<Preview> {
        self.cached(|cache| &cache.previews, row)
    }

    /// What is cached. If it is still being read the window is woken later.
    fn cached<T: Clone>(&self, of: impl Fn(&Cache) -> &HashMap<RowId, Option<T>>, row: RowId) -> Option<T> {
        let mut cache = self.shared.cache.lock();
        let found = of(&cache).get(&row).cloned();
        cache.gave_up |= matches!(found, Some(None));
        found.flatten()
    }

    fn request<T>(
        &self,
        rows: &[RowId],
        of: impl Fn(&mut Cache) -> &mut HashMap<RowId, Option<T>>,
        request: impl FnOnce(Vec<RowId>, u64) -> Request,
    ) {
        let mut cache = self.shared.cache.lock();
        let generation = cache.generation;
        let map = of(&mut cache);
        if map.len() > CACHED {
            // What is visible is requested again.
            map.clear();
        }
        let missing: Vec<RowId> = rows.iter().copied().filter(|row| !map.contains_key(row)).collect();
        if missing.is_empty() {
            return;
        }
        map.extend(missing.iter().map(|&row| (row, None)));
        drop(cache);
        self.send(request(missing, generation), |cache| {
            rows.iter().any(|row| matches!(of(cache).get(row), Some(None)))
        });
    }

    /// Sends a request, and waits a little while its reply is missing.
    fn send(&self, request: Request, is_missing: impl Fn(&mut Cache) -> bool) {
        let Some(server) = &self.server else { return };
        server.ask(request);
        let mut cache = self.shared.cache.lock();
        let until = cache.deadline.unwrap_or_else(|| self.background.now() + TIME_PER_FRAME);
        while is_missing(&mut cache) {
            if self.shared.replied.wait_until(&mut cache, until).timed_out() {
                cache.gave_up = true;
                return;
            }
        }
    }

    /// Decodes a row, and waits a little for it; None while it is being read.
    pub fn details(&self, row: RowId) -> Option<Arc<Details>> {
        let mut cache = self.shared.cache.lock();
        if cache.details.contains_key(&row) {
            drop(cache);
            return self.cached(|cache| &cache.details, row);
        }
        if cache.details.len() >= DETAILS_CACHED {
            cache.details.retain(|_, details| details.is_none());
        }
        cache.details.insert(row, None);
        let request = Request::Details(row, cache.generation);
        drop(cache);
        self.send(request, |cache| matches!(cache.details.get(&row), Some(None)));
        self.cached(|cache| &cache.details, row)
    }
}

/// Locks the index recursively, ahead of a reader that waits to write: the window, which waits for this reply, holds a lock
/// too, so waiting for that writer would never end.
fn answer(request: Request, index: &SharedIndex, shared: &Shared, reader: &mut Option<BlockReader>) {
    match request {
        Request::RowTexts(rows, generation) => {
            answer_each(
                rows,
                generation,
                shared,
                |cache| &mut cache.row_texts,
                |row| row_text(row, &index.read_recursive(), reader),
            );
        }
        Request::Previews(rows, generation) => {
            answer_each(
                rows,
                generation,
                shared,
                |cache| &mut cache.previews,
                |row| preview(row, &index.read_recursive(), reader),
            );
        }
        Request::Details(row, generation) => {
            let details = catch_panic(shared, || {
                let index = index.read_recursive();
                Arc::new(Details::of(row, &index, reader_of(&index, reader)))
            });
            store(shared, generation, |cache| &mut cache.details, row, details);
        }
    }
}

/// Row by row, since rows may get other numbers meanwhile.
fn answer_each<T: Default>(
    rows: Vec<RowId>,
    generation: u64,
    shared: &Shared,
    of: impl Fn(&mut Cache) -> &mut HashMap<RowId, Option<T>>,
    mut work: impl FnMut(RowId) -> T,
) {
    for row in rows {
        if shared.cache.lock().generation != generation {
            break;
        }
        let value = catch_panic(shared, || work(row));
        store(shared, generation, &of, row, value);
    }
}

fn reader_of<'r>(index: &Index, reader: &'r mut Option<BlockReader>) -> &'r mut BlockReader {
    reader.get_or_insert_with(|| BlockReader::new(index.source().clone(), 64 << 10))
}

fn store<T>(
    shared: &Shared,
    generation: u64,
    of: impl Fn(&mut Cache) -> &mut HashMap<RowId, Option<T>>,
    row: RowId,
    value: T,
) {
    let mut cache = shared.cache.lock();
    if cache.generation == generation {
        of(&mut cache).insert(row, Some(value));
        shared.replied.notify_all();
    }
}

/// Reports a panic, and keeps the thread alive.
fn catch_panic<T: Default>(shared: &Shared, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        shared.cache.lock().error = Some(JobError::Panicked(panic_text(&*panic)));
        T::default()
    })
}

fn row_text(number: RowId, index: &Index, reader: &mut Option<BlockReader>) -> RowText {
    let Some(row) = index.row(number) else { return RowText::default() };
    let bytes = index.row_bytes(&row, display_limit(&row).min(SUMMARY_BYTES), reader_of(index, reader));
    let summary = bytes.as_deref().map(|bytes| index.dissect(number, bytes).summary);
    let summary = summary.unwrap_or_else(|error| error.to_string());
    let codes: Vec<&str> = row.codes.iter().map(Code::as_str).collect();
    RowText { summary: summary.into(), problems: codes.join(" ").into() }
}

fn preview(number: RowId, index: &Index, reader: &mut Option<BlockReader>) -> Preview {
    let Some(row) = index.row(number) else { return Preview::default() };
    let bytes = index.row_bytes(&row, PREVIEW_BYTES, reader_of(index, reader));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            return Preview { bytes: error.to_string().into_bytes().into(), ..Preview::default() };
        }
    };
    let missing = index.missing_before(&row, bytes.len());
    let shown = Captured::with_missing(&bytes, &missing).length();
    let more = row.length.saturating_sub(shown as u64);
    let more = if index.segments(&row).next().is_none() { 0 } else { more };
    Preview { bytes: bytes.into(), missing: missing.into(), more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_capture::{Options, read};
    use parking_lot::RwLock;

    #[test]
    fn requested_rows_are_decoded() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let rows: Vec<RowId> = index.row_ids().collect();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let lookup = Lookup::new(Arc::clone(&index), &Background::manual());
        lookup.request_row_texts(&rows);
        lookup.request_previews(&rows);
        let is_there = |row: &RowId| {
            lookup.row_text(*row).is_some()
                && lookup.preview(*row).is_some()
                && lookup.details(*row).is_some()
        };
        assert!(rows.iter().all(is_there));
        let index = index.read();
        let mut reader = index.reader();
        for &row in &rows {
            let indexed = index.row(row).unwrap();
            let bytes = index.row_bytes(&indexed, usize::MAX, &mut reader).unwrap();
            let preview = lookup.preview(row).unwrap();
            assert_eq!(&*preview.bytes, &bytes[..bytes.len().min(PREVIEW_BYTES)]);
            assert_eq!(preview.bytes.len() as u64 + preview.more, bytes.len() as u64);
            assert_eq!(*lookup.row_text(row).unwrap().summary, index.dissect(row, &bytes).summary);
        }
        lookup.clear();
        assert_eq!(lookup.row_text(0.into()), None);
    }

    #[test]
    fn a_late_reply_wakes_the_window() {
        let index = read(framescope_inspect::sample::source(), &Options::default(), &mut |_| true).unwrap();
        let index: SharedIndex = Arc::new(RwLock::new(index));
        let background = Background::threaded();
        let (wake, woken) = std::sync::mpsc::channel();
        background.on_wake(move || wake.send(()).unwrap());
        let lookup = Lookup::new(Arc::clone(&index), &background);
        // While this lock is held nothing can be read, as from a slow disk.
        let lock = index.write();
        lookup.request_row_texts(&[0.into(), 1.into()]);
        assert_eq!(lookup.row_text(0.into()), None);
        assert!(lookup.details(3.into()).is_none());
        drop(lock);
        // A limit that only a hanging test reaches.
        let too_long = Duration::from_secs(60);
        while lookup.row_text(1.into()).is_none() || lookup.details(3.into()).is_none() {
            woken.recv_timeout(too_long).unwrap();
        }
    }
}
