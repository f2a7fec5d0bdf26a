//! Fields whose extent is given: what is in them, and the terminator and padding after it.

use crate::plan::ObjectId;
use crate::write::error::Halt;
use framescope_parser::{Field, Value};

use crate::plan::{Attr, RAW, Shape, Size, Val};
use crate::run::Scope;
use crate::run::arena::{Slot, State};
use crate::run::extent::{find, tail, zeros};
use crate::run::process::processed_again;
use crate::write::part::Part;
use crate::write::{LARGEST, Writer};

impl<'p> Writer<'p, '_> {
    /// Replaces the bytes written for a value by those that it was read from, if both mean the same.
    pub(super) fn keep_raw(
        &mut self,
        start: u32,
        raw: &[u8],
        same: impl FnOnce(&mut Self, &[u8]) -> bool,
    ) -> bool {
        let keep = same(self, raw);
        if keep {
            self.part.bytes.truncate(start as usize);
            self.part.bytes.extend_from_slice(raw);
        }
        keep
    }

    /// Writes bytes whose extent is given, and their contents.
    pub(super) fn bounded(
        &mut self,
        id: ObjectId,
        attr: &'p Attr,
        shape: Option<&'p Shape>,
        field: Option<&Field<'_>>,
        scope: &Scope,
    ) -> Result<Slot, Halt> {
        self.part.align();
        let start = self.part.position();
        let outer = attr.process.map(|_| {
            self.parts += 1;
            let part = Part { number: self.parts, ..Part::default() };
            std::mem::replace(&mut self.part, part)
        });
        let inner_start = self.part.position();
        let val = match (shape, field) {
            // What could not be dissected is given as bytes.
            (
                Some(Shape::User(_) | Shape::Int { .. } | Shape::Float { .. } | Shape::Bits { .. }),
                Some(Field { value: Value::Bytes(bytes), .. }),
            ) => {
                self.part.bytes.extend_from_slice(bytes);
                Val::Null
            }
            (Some(shape), _) => self.shape(id, attr, shape, field, scope)?,
            (None, _) => self.shape(id, attr, &Shape::Bytes, field, scope)?,
        };
        self.part.align();
        let raw = field.and_then(raw_of);
        // The bytes of the value, before they are processed.
        let content = match outer {
            None => self.part.bytes.get(inner_start as usize..).unwrap_or_default().to_vec(),
            Some(outer) => {
                self.check();
                std::mem::replace(&mut self.part, outer).bytes
            }
        };
        let packed = attr.process.map(|process| {
            // The arguments of the processing may depend on where the bytes end.
            let length = raw.map_or(content.len(), <[u8]>::len);
            self.run.ends_at(id, start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX)));
            match attr.continues {
                true => Ok(self.run.deflated(&content)),
                false => processed_again(&mut self.run, process, &content, scope),
            }
        });
        // Bytes that another program compressed are kept if they still hold the value.
        let is_same = |writer: &mut Self, raw: &[u8]| match writer.run.trimmed_and_undone(attr, raw, scope) {
            Some(undone) => says_the_same(shape, &undone, &content),
            None => raw == content,
        };
        if !raw.is_some_and(|raw| self.keep_raw(start, raw, is_same)) {
            match packed {
                None => {}
                Some(Ok(packed)) => self.part.bytes.extend_from_slice(&packed),
                Some(Err(stop)) => return Err(self.stopped(stop, id)),
            }
            self.fill(id, attr, start, scope)?;
        }
        self.extent(id, attr, start, scope);
        self.too_large(id)?;
        let end = self.part.position();
        Ok(Slot { val: self.run.as_enum(val, attr), state: State::Done, buffer: 0, start, end })
    }

    /// The terminator and padding after a value.
    fn fill(&mut self, id: ObjectId, attr: &Attr, start: u32, scope: &Scope) -> Result<(), Halt> {
        let size = match attr.limit.size {
            Size::Of(node) if !self.asks_for_the_end(node, scope) => {
                let size = self.run.number(node, scope).map_err(|stop| self.stopped(stop, id))?;
                usize::try_from(size).ok().filter(|&size| size <= LARGEST)
            }
            _ => None,
        };
        let content = self.part.bytes.get(start as usize..).unwrap_or_default();
        let tail = tail(attr, content.len(), size);
        self.part.bytes.extend_from_slice(&tail);
        Ok(())
    }

    /// Records how many bytes a field has, for the expression that gives its size.
    fn extent(&mut self, id: ObjectId, attr: &Attr, start: u32, scope: &Scope) {
        if let Size::Of(node) = attr.limit.size
            && !self.asks_for_the_end(node, scope)
        {
            let found = self.part.position() - start;
            let path = self.path(id, attr, scope.index);
            self.measure(node, *scope, path, found.into(), "size");
        }
    }
}

/// Whether bytes mean the same value as those written for it.
fn says_the_same(shape: Option<&Shape>, bytes: &[u8], written: &[u8]) -> bool {
    let text = |bytes: &[u8]| match shape {
        Some(Shape::Str(charset)) => Some(charset.decode(bytes).0.into_owned()),
        Some(Shape::Strz(charset)) => {
            let end = find(bytes, zeros(*charset)).unwrap_or(bytes.len());
            Some(charset.decode(bytes.get(..end).unwrap_or_default()).0.into_owned())
        }
        _ => None,
    };
    match shape {
        Some(Shape::Str(_) | Shape::Strz(_)) => bytes == written || text(bytes) == text(written),
        // A number may be followed by bytes that it does not use.
        Some(Shape::Int { .. } | Shape::Float { .. } | Shape::Bits { .. }) => bytes.starts_with(written),
        _ => bytes == written,
    }
}

/// The bytes that a field was read from, if they can't be derived from its value.
pub(super) fn raw_of<'f>(field: &'f Field<'_>) -> Option<&'f [u8]> {
    field.field(RAW)?.value.as_bytes()
}
