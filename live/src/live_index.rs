//! What passes is recorded and read at once, so that the rows of what was said so far are there when the next is to be said.

use std::ops::Range;

use framescope_capture::{Index, Options, ReadError, Source};

use crate::{Following, Recorder};

/// A recording, and the index of it.
#[derive(Debug)]
pub struct LiveIndex {
    recorder: Recorder,
    following: Following,
}

impl LiveIndex {
    /// The index of what `recorder` records, which is read from `source`.
    ///
    /// # Errors
    /// A rule of `options` names no protocol.
    pub fn new(recorder: Recorder, source: Source, options: &Options) -> Result<LiveIndex, ReadError> {
        recorder.flush();
        Ok(LiveIndex { recorder, following: Following::new(source, options)? })
    }

    /// Reads all that was recorded before, and returns the new rows.
    pub fn catch_up(&mut self) -> Range<usize> {
        self.recorder.flush();
        self.following.read_on()
    }

    /// What was read so far.
    pub fn index(&self) -> &Index {
        self.following.index()
    }

    /// What records.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Reads no further: what waits becomes rows, and all get what only the whole shows.
    pub fn finish(self) -> Index {
        self.finish_with(&mut |_, _| {})
    }

    /// The same, and hands on the last rows before all are put in order.
    pub fn finish_with(mut self, last: &mut dyn FnMut(&Index, Range<usize>)) -> Index {
        let rows = self.catch_up();
        if !rows.is_empty() {
            last(self.index(), rows);
        }
        self.following.finish(last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use framescope_parser::Role;
    use framescope_parser::missive::{FrameBuf, Kind};

    use super::*;
    use crate::Leg;

    #[test]
    fn a_message_is_a_row_as_soon_as_it_was_recorded() {
        let (recorder, source) = Recorder::temporary().unwrap();
        let mut live = LiveIndex::new(recorder.clone(), source, &Options::default()).unwrap();
        let (client, server) = ("127.0.0.1:50000".parse().unwrap(), "127.0.0.1:9000".parse().unwrap());
        let mut connection = recorder.connection(Leg::ONLY, client, server);
        assert!(live.catch_up().is_empty());
        for sequence in 0..20_usize {
            let ping = FrameBuf { sequence: sequence.try_into().unwrap(), ..FrameBuf::new(Kind::PING) };
            let bytes = ping.to_bytes().unwrap();
            connection.data(Role::Client, &bytes[..7]);
            assert!(live.catch_up().is_empty());
            connection.data(Role::Client, &bytes[7..]);
            assert_eq!(live.catch_up(), sequence..sequence + 1);
        }
        connection.data(Role::Server, b"half a message");
        assert!(live.catch_up().is_empty());
        connection.end(Role::Server);
        let index = live.finish();
        assert!(index.is_finished() && index.row_count() > 20);
    }
}
