//! Messages that must never occur, as a filter says: conversations are read by the indexer for it, some at a time.

use std::net::{Ipv4Addr, SocketAddr};

use framescope_capture::Options;
use framescope_capture::filter::Filter;
use framescope_checking::{Piece, Transcript};
use framescope_parser::Role;

use super::symptom::{Sign, Symptom};
use crate::{Leg, LiveIndex, Recorder};

/// A filter, and what its rows are read with.
#[derive(Clone, Debug)]
pub struct Never {
    /// The filter as it was written.
    pub text: String,
    /// The filter.
    pub filter: Filter,
    /// How the conversations are read.
    pub options: Options,
}

impl Never {
    /// Whether a message that the filter matches is in any of these conversations. One that can't be recorded has none.
    pub(super) fn occurs(&self, said: &[Transcript]) -> Option<Symptom> {
        let (recorder, source) = Recorder::temporary().ok()?;
        let live = LiveIndex::new(recorder.clone(), source, &self.options).ok()?;
        for (number, said) in (1..).zip(said) {
            record(&recorder, said, (Ipv4Addr::LOCALHOST, number).into(), (Ipv4Addr::LOCALHOST, 7500).into());
        }
        drop(recorder);
        let index = live.finish();
        let found = self.filter.rows(&index).ok()?;
        (!found.is_empty())
            .then(|| Symptom::new(Sign::Never, format!("a message occurs that must not: {}", self.text)))
    }
}

/// Records what both sides said.
pub(super) fn record(recorder: &Recorder, said: &Transcript, client: SocketAddr, server: SocketAddr) {
    let mut recorded = recorder.connection(Leg::ONLY, client, server);
    for piece in said.pieces() {
        if let Piece::Segment(role, bytes) = piece {
            recorded.data(*role, bytes);
        }
    }
    recorded.end(Role::Client);
}
