//! Follows a capture that grows, row by row.

use std::io;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use framescope_capture::{Index, Options, Source};
use framescope_live::Following;
use framescope_live::capturing::{Tail, TailEnd};

use crate::arguments::CaptureArgs;
use crate::error::Error;
use crate::notices::notify;
use crate::progress::Progress;

/// The pause while nothing comes.
const PAUSE: Duration = Duration::from_millis(5);

/// What was read of a capture that grew.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) index: Index,
    /// Whether Ctrl-C was pressed.
    pub(crate) interrupted: bool,
}

/// Takes new rows, and says whether to go on.
pub(crate) type TakeRows<'t> = dyn FnMut(&Index, Range<usize>) -> io::Result<ControlFlow<()>> + 't;

/// Reads a source that grows until it ends, Ctrl-C is pressed, or `each` breaks off, and hands on the rows as they arrive.
pub(crate) fn follow(source: Source, options: &Options, each: &mut TakeRows<'_>) -> Result<Ended, Error> {
    let mut progress = Progress::quiet();
    let mut goes_on = || progress.at(0, 0);
    while !source.is_recognisable() && goes_on() {
        std::thread::sleep(PAUSE);
    }
    let mut following = Following::new(source, options)?;
    following.index().notices().iter().for_each(notify);
    let mut interrupted = false;
    while !following.has_ended() && !interrupted {
        let rows = following.read_some();
        interrupted = !goes_on();
        if !rows.is_empty() && each(following.index(), rows)?.is_break() {
            break;
        }
        if following.is_caught_up() && !following.has_ended() && !interrupted {
            std::thread::sleep(PAUSE);
        }
    }
    let index = finish(following, &mut |index, rows| each(index, rows).map(|_| ()))?;
    Ok(Ended { index, interrupted })
}

/// Takes new rows to the end.
type TakeAll<'t> = dyn FnMut(&Index, Range<usize>) -> io::Result<()> + 't;

/// Reads on to the end of the source, and hands on the rows as they arrive.
pub(crate) fn read_to_end(mut following: Following, each: &mut TakeAll<'_>) -> io::Result<Index> {
    while !following.has_ended() {
        let rows = following.read_some();
        if !rows.is_empty() {
            each(following.index(), rows)?;
        }
        if following.is_caught_up() && !following.has_ended() {
            std::thread::sleep(PAUSE);
        }
    }
    finish(following, each)
}

/// Reads no further, and hands on the rows of what waits.
fn finish(following: Following, each: &mut TakeAll<'_>) -> io::Result<Index> {
    let mut taken = Ok(());
    let index = following.finish(&mut |index, rows| {
        if taken.is_ok() {
            taken = each(index, rows);
        }
    });
    taken.map(|()| index)
}

/// What keeps a file being followed, until it is dropped.
#[derive(Debug)]
pub(crate) struct Followed {
    _file: Option<framescope_capture::Followed>,
    _tail: Option<TailEnd>,
}

impl CaptureArgs {
    /// The capture, to which another program may go on appending. A file is followed until what is returned beside it is dropped: a
    /// pcap or pcapng also into the files that continue it.
    pub(crate) fn open_growing(&self) -> Result<(Source, Followed), Error> {
        let limit = self.reading.unpack_limit;
        let (path, name) = (&self.file, self.file.display().to_string());
        if path.as_os_str() == "-" {
            let source = Source::live_within("standard input", io::stdin(), limit, || {});
            let source = source.map_err(Error::reading(path))?;
            return Ok((source, Followed { _file: None, _tail: None }));
        }
        if Tail::is_for(path).unwrap_or(false) {
            let (tail, end) = Tail::new(path).map_err(Error::reading(path))?;
            let source = Source::live_within(name, tail, limit, || {}).map_err(Error::reading(path))?;
            return Ok((source, Followed { _file: None, _tail: Some(end) }));
        }
        let (source, file) = self.reading.open(path)?.follow();
        Ok((source, Followed { _file: Some(file), _tail: None }))
    }
}
