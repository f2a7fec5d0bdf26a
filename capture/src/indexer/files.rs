//! The files of a capture that is several: opened one after another, so that numbers go on and damage stays in its file.

use std::collections::VecDeque;

use crate::files::metadata::Metadata;
use crate::files::records::{Counts, Opened, Records};
use crate::indexer::batch::Batch;
use crate::{Damage, Source};

/// The files that are still to be read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Each with where it begins among the bytes of all.
    rest: VecDeque<(Source, u64)>,
    /// Where the one that is read begins.
    pub(crate) start: u64,
    /// Whether there are several.
    are_joined: bool,
}

impl Files {
    /// The files that a source joins.
    pub(crate) fn of(source: &Source) -> Files {
        let parts = source.parts().unwrap_or_default();
        let rest = parts.iter().map(|part| (part.source.clone(), part.start)).collect();
        Files { rest, start: 0, are_joined: true }
    }

    /// Opens the next file that can be read. What is said about it, and about those that can't be read, goes to `batch`.
    pub(crate) fn next(&mut self, counts: Counts, batch: &mut Batch) -> Option<Box<Records>> {
        while let Some((source, start)) = self.rest.pop_front() {
            self.start = start;
            let refused = |what: String| Damage {
                file: source.name().to_owned(),
                offset: 0,
                packet: None,
                what,
                packets_read: 0,
                resumed: None,
            };
            let damage = match Records::open(&source, false) {
                Ok(Opened::Capture(mut records)) => {
                    records.count_from(counts);
                    batch.push_metadata(Metadata::File(counts.packets, records.notice()));
                    return Some(records);
                }
                Ok(Opened::Unsupported(format)) => {
                    refused(format!("it is {}, which is not read: {}", format.format, format.advice))
                }
                Ok(Opened::Bytes) => refused("it begins with no capture's magic".to_owned()),
                Err(damage) => damage,
            };
            batch.push_metadata(Metadata::File(counts.packets, None));
            batch.push_damage(damage);
        }
        None
    }

    /// What stands for the damage at the end of a file, or is there without any: that the copy of the file was cut. A capture that is
    /// one file says so at its end.
    pub(crate) fn end_of(&self, records: &Records) -> Option<Damage> {
        records.cut().filter(|_| self.are_joined)
    }
}
