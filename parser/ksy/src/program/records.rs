//! Where a program puts what it reads: into records that are reported when it has finished, or nowhere.

use std::cell::RefCell;

use framescope_parser::{Code, Visit};

use crate::program::Program;
use crate::program::step::NONE;

/// Receives what a program reads.
pub(super) trait Sink {
    /// Whether fields are reported.
    const REPORTS: bool;
    fn number(&mut self, field: u16, start: usize, end: usize, n: u64);
    /// Bytes or text: its bytes, and how many of them are its value.
    fn chunk(&mut self, field: u16, start: usize, end: usize, content: usize);
    /// Text, which is tested when everything is read.
    fn text(&mut self, field: u16, start: usize, end: usize, own: &[u8]) -> Option<()>;
    /// A computed text or bytes, from the message or from the description.
    fn computed(&mut self, field: u16, at: usize, content: Content);
    fn begin(&mut self, field: u16, at: usize);
    fn end(&mut self, at: usize) -> Option<()>;
    fn notes(&mut self) -> &mut Notes;
    /// Reserves a place for derived bytes, and records what follows as theirs, with places moved by `shift`. Returns what
    /// was the case before.
    fn enter(&mut self, shift: usize, length: usize) -> Option<Region>;
    /// Stores them. None if it is ambiguous what their fields are.
    fn leave(&mut self, before: Region, bytes: Vec<u8>) -> Option<()>;
}

/// Which bytes a record's content is part of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Region {
    /// 0 the message, 1 the constants of the description, others derived bytes.
    buffer: u16,
    shift: usize,
    length: usize,
}

/// Bytes of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) is_constant: bool,
    pub(super) start: usize,
    pub(super) length: usize,
}

/// What is known of a message beside its fields.
#[derive(Default)]
pub(super) struct Notes {
    /// The number of its kind.
    pub(super) kind: i64,
    /// A field whose check could not be computed for lack of a key, and where it is.
    unverified: Option<(u16, usize, usize)>,
}

impl Notes {
    /// Notes it. None if there is another one already.
    pub(super) fn unverified(&mut self, field: u16, start: usize, end: usize) -> Option<()> {
        self.unverified.replace((field, start, end)).is_none().then_some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unverified.is_none()
    }

    pub(super) fn report<'a>(&self, program: &'a Program, visit: &mut dyn Visit<'a>) {
        if let Some((field, start, end)) = self.unverified {
            let name = program.fields.get(usize::from(field)).map_or("", |field| &field.name);
            let text = format_args!("{name}: {}", crate::run::valid::NO_KEY);
            visit.problem(Code::TagUnverified, start..end, text);
        }
    }
}

/// Keeps only notes.
#[derive(Default)]
pub(super) struct NotReported {
    pub(super) notes: Notes,
}

impl Sink for NotReported {
    const REPORTS: bool = false;

    #[inline]
    fn number(&mut self, _: u16, _: usize, _: usize, _: u64) {}

    #[inline]
    fn chunk(&mut self, _: u16, _: usize, _: usize, _: usize) {}

    #[inline]
    fn text(&mut self, _: u16, _: usize, _: usize, _: &[u8]) -> Option<()> {
        Some(())
    }

    #[inline]
    fn computed(&mut self, _: u16, _: usize, _: Content) {}

    #[inline]
    fn begin(&mut self, _: u16, _: usize) {}

    #[inline]
    fn end(&mut self, _: usize) -> Option<()> {
        Some(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn enter(&mut self, _: usize, _: usize) -> Option<Region> {
        Some(Region::default())
    }

    fn leave(&mut self, _: Region, _: Vec<u8>) -> Option<()> {
        Some(())
    }
}

/// A field of a message, or the end of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Its index among the fields of the program; [`NONE`] for the end of a group.
    pub(super) field: u16,
    /// The buffer of its content, as in [`Region`].
    pub(super) buffer: u16,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its number, or where its content begins in the buffer and its length.
    pub(super) value: u64,
}

impl Record {
    /// Where its content is.
    pub(super) fn content(&self) -> std::ops::Range<usize> {
        let start = usize::try_from(self.value >> 32).unwrap_or(usize::MAX);
        let length = usize::try_from(self.value & u64::from(u32::MAX)).unwrap_or(0);
        start..start.saturating_add(length)
    }
}

/// The fields of a message, in order.
#[derive(Default)]
pub(super) struct Records {
    pub(super) all: Vec<Record>,
    /// The texts of the message among them, which are not tested yet.
    pub(super) texts: Vec<usize>,
    /// The groups that are open.
    open: Vec<usize>,
    pub(super) derived: Vec<Vec<u8>>,
    region: Region,
    pub(super) notes: Notes,
    /// Whether an empty field is behind the last derived byte, so that it may belong to what follows.
    is_ambiguous: bool,
}

/// Records that are kept for the next message.
const MOST_KEPT: usize = 1 << 14;

impl Records {
    fn clear(&mut self) {
        self.all.clear();
        self.open.clear();
        self.texts.clear();
        self.derived.clear();
        self.region = Region::default();
        self.notes.unverified = None;
        self.is_ambiguous = false;
        if self.all.capacity() > MOST_KEPT {
            *self = Records::default();
        }
    }

    #[inline]
    fn push(&mut self, field: u16, start: usize, end: usize, value: u64) {
        let Region { buffer, shift, length } = self.region;
        self.is_ambiguous |= buffer > 0 && start >= length;
        self.all.push(Record { field, buffer, start: start + shift, end: end + shift, value });
    }
}

impl Sink for Records {
    const REPORTS: bool = true;

    #[inline]
    fn number(&mut self, field: u16, start: usize, end: usize, n: u64) {
        if field != NONE {
            self.push(field, start, end, n);
        }
    }

    #[inline]
    fn chunk(&mut self, field: u16, start: usize, end: usize, content: usize) {
        if field != NONE {
            self.push(field, start, end, (start as u64) << 32 | content as u64);
        }
    }

    #[inline]
    fn text(&mut self, field: u16, start: usize, end: usize, own: &[u8]) -> Option<()> {
        if field == NONE || self.region.buffer > 0 {
            std::str::from_utf8(own).ok()?;
        } else {
            self.texts.push(self.all.len());
        }
        self.chunk(field, start, end, own.len());
        Some(())
    }

    fn computed(&mut self, field: u16, at: usize, content: Content) {
        if field != NONE {
            let value = (content.start as u64) << 32 | content.length as u64;
            self.push(field, at, at, value);
            if let Some(last) = self.all.last_mut().filter(|_| content.is_constant) {
                last.buffer = 1;
            }
        }
    }

    #[inline]
    fn begin(&mut self, field: u16, at: usize) {
        self.open.push(self.all.len());
        self.push(field, at, at, 0);
    }

    #[inline]
    fn end(&mut self, at: usize) -> Option<()> {
        let end = at + self.region.shift;
        let begun = self.all.get_mut(self.open.pop()?)?;
        begun.end = end.max(begun.start);
        self.all.push(Record { field: NONE, buffer: 0, start: end, end, value: 0 });
        Some(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn enter(&mut self, shift: usize, length: usize) -> Option<Region> {
        let buffer = u16::try_from(self.derived.len() + 2).ok()?;
        self.derived.push(Vec::new());
        let before = self.region;
        self.region = Region { buffer, shift: before.shift + shift, length };
        Some(before)
    }

    fn leave(&mut self, before: Region, bytes: Vec<u8>) -> Option<()> {
        let at = usize::from(self.region.buffer).checked_sub(2);
        if let Some(derived) = at.and_then(|at| self.derived.get_mut(at)) {
            *derived = bytes;
        }
        self.region = before;
        (!self.is_ambiguous).then_some(())
    }
}

thread_local! {
    /// Their memory is reused for each message.
    static RECORDS: RefCell<Records> = RefCell::new(Records::default());
}

/// Lends records: new ones if the thread's are in use, as where a visitor reads another message.
pub(super) fn with_records<T>(use_them: impl FnOnce(&mut Records) -> T) -> T {
    RECORDS.with(|records| match records.try_borrow_mut() {
        Ok(mut records) => {
            records.clear();
            use_them(&mut records)
        }
        Err(_) => use_them(&mut Records::default()),
    })
}
