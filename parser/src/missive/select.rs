//! Reports only the wanted fields of a frame: numbers of the header by their offsets, and no more than needed of the
//! parts after it. Computes no check.

use alloc::vec::Vec;

use super::Missive;
use super::dissect::{FrameBytes, HEADER_FIELDS, header_field};
use super::extension::Tag;
use super::header::{Header, Kind, may_begin};
use super::raw::Part;
use crate::{FieldReader, FieldSelection, Value, Visit};

/// What is reported of each frame.
pub(super) struct Selection {
    missive: Missive,
    /// The wanted ones of [`HEADER_FIELDS`].
    header: Vec<usize>,
    extensions: Depth,
    payload: Depth,
    /// Whether the payload's summary is wanted.
    summary: bool,
    tag: bool,
    checksum: bool,
}

/// How much of a part is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Nothing,
    /// That it is there, and where.
    Itself,
    /// Its contents.
    All,
}

pub(super) fn select(missive: &Missive, wanted: &FieldSelection) -> Selection {
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

impl FieldReader for Selection {
    fn report<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
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

impl<'a> FrameBytes<'a> {
    /// The content type, if there is one.
    fn content_type(&self) -> Option<&'a [u8]> {
        if self.header.extensions_length == 0 || self.header.version != Header::VERSION {
            return None;
        }
        let types = self.raw.extensions().filter(|extension| extension.tag == Tag::CONTENT_TYPE);
        types.last().map(|extension| extension.bytes)
    }

    /// Reports that there are extensions, without their contents.
    fn extensions_alone(&self, visit: &mut dyn Visit<'a>) {
        let part = self.raw.extensions_part();
        self.alone("extensions", part, !part.bytes.is_empty(), self.header.version == Header::VERSION, visit);
    }

    /// Reports that there is a payload, without its contents.
    fn payload_alone(&self, visit: &mut dyn Visit<'a>) {
        let is_known = self.header.version == Header::VERSION
            && matches!(self.header.kind, Kind::LOGIN | Kind::LOGOUT | Kind::ACK | Kind::ERROR | Kind::DATA);
        let is_there = self.raw.extensions_part().complete;
        self.alone("payload", self.raw.payload_part(), is_there, is_known, visit);
    }

    /// Reports a part, which is a group if its contents are known.
    fn alone(
        &self,
        name: &'static str,
        part: Part<'a>,
        is_there: bool,
        is_group: bool,
        visit: &mut dyn Visit<'a>,
    ) {
        match (is_there, is_group) {
            (false, _) => {}
            (true, true) => {
                visit.begin(name, part.range(), Value::Group);
                visit.end();
            }
            (true, false) => visit.field(name, part.range(), Value::Bytes(part.bytes.into())),
        }
    }
}
