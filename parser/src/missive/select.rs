//! Tells only what is wanted of a frame: numbers of the header at their places, and of the parts behind it no more than is
//! asked for. No check is computed.

use alloc::vec::Vec;

use super::Missive;
use super::dissect::{FrameBytes, HEADER_FIELDS, header_field};
use super::header::{Header, may_begin};
use crate::{Selected, Visit, Wanted};

/// What is told of each frame.
pub(super) struct Selection {
    missive: Missive,
    /// The wanted ones of [`HEADER_FIELDS`].
    header: Vec<usize>,
    extensions: Depth,
    payload: Depth,
    /// Whether the payload says a summary that is wanted.
    summary: bool,
    tag: bool,
    checksum: bool,
}

/// How much of a part is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Nothing,
    /// That it is there, and where.
    Itself,
    /// What is in it.
    All,
}

pub(super) fn select(missive: &Missive, wanted: &Wanted) -> Selection {
    let names = super::dissect::names(missive).fields;
    let is_wanted = |path: &str| {
        let names: Vec<&str> = path.split('.').collect();
        names.split_last().is_some_and(|(name, above)| wanted.wants(above, name))
    };
    let part = |part: &str| {
        let in_it = |path: &&alloc::string::String| {
            path.strip_prefix(part).is_some_and(|inner| inner.starts_with('.')) && is_wanted(path)
        };
        match (names.iter().any(|path| in_it(&path)), is_wanted(part)) {
            (true, _) => Depth::All,
            (false, true) => Depth::Itself,
            (false, false) => Depth::Nothing,
        }
    };
    let header = (0..).zip(HEADER_FIELDS).filter(|(_, (name, ..))| part(name) != Depth::Nothing);
    Selection {
        header: header.map(|(at, _)| at).collect(),
        extensions: part("extensions"),
        payload: part("payload"),
        summary: wanted.wants_summary(),
        tag: is_wanted("tag"),
        checksum: is_wanted("checksum"),
        missive: missive.clone(),
    }
}

impl Selected for Selection {
    fn tell<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        if !may_begin(message) {
            return;
        }
        for &at in &self.header {
            if header_field(&self.missive, message, at, visit).is_none() {
                return;
            }
        }
        let behind = self.extensions != Depth::Nothing
            || self.payload != Depth::Nothing
            || self.summary
            || self.tag
            || self.checksum;
        if !behind {
            return;
        }
        let Some(header) = Header::read_unchecked(message) else { return };
        let frame = FrameBytes::new(&self.missive, header, message);
        match self.extensions {
            Depth::Nothing => {}
            Depth::Itself => frame.extensions_alone(visit),
            Depth::All => {
                frame.extensions(visit);
            }
        }
        match self.payload {
            Depth::Itself if !self.summary => frame.payload_alone(visit),
            Depth::Nothing if !self.summary => {}
            _ => frame.payload(frame.content_type(), visit),
        }
        if self.tag {
            frame.tag_alone(visit);
        }
        if self.checksum {
            frame.checksum_alone(visit);
        }
    }
}
