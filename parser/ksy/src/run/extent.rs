//! How far the bytes of a field extend: its size, terminator and padding.

use crate::plan::{IoId, NodeId};
use framescope_parser::Code;

use crate::plan::{Attr, Limit, Size, Span};
use crate::run::arena::Stop;
use crate::run::{Mode, Run, Scope};
use crate::strings::Charset;

impl<'p> Run<'p, '_> {
    pub(crate) fn size(&mut self, node: NodeId, scope: &Scope) -> Result<u64, Stop> {
        let size = self.number(node, scope)?;
        u64::try_from(size)
            .ok()
            .filter(|&size| size <= u64::from(u32::MAX))
            .ok_or_else(|| self.wrong(Code::EndOfStream, format!("a size can't be {size}")))
    }

    /// The bytes of a field by its size, terminator and padding, before processing is undone.
    pub(crate) fn extent(&mut self, attr: &Attr, io: IoId, scope: &Scope) -> Result<Span, Stop> {
        let limit = &attr.limit;
        let all = match limit.size {
            Size::Of(size) => {
                let size = self.size(size, scope)?;
                let stored = self.io(io);
                if self.mode == Mode::Full
                    && stored.open
                    && u64::from(stored.pos) + size > u64::from(stored.end)
                {
                    // The part of a truncated message that is there can still be shown.
                    let span =
                        Span { buffer: stored.buffer, start: stored.pos.min(stored.end), end: stored.end };
                    self.skip(io, size * 8)?;
                    return Ok(span);
                }
                self.take(io, size)?
            }
            Size::Eos => {
                let left = self.io(io);
                self.take(io, left.end.saturating_sub(left.pos).into())?
            }
            Size::Open => {
                let Some(terminator) = &limit.terminator else { return self.take(io, 0) };
                let stored = self.io(io);
                let rest = Span { buffer: stored.buffer, start: stored.pos.min(stored.end), end: stored.end };
                let there = self.up_to_a_gap(rest);
                let found = find(self.bytes(there), &terminator.bytes);
                self.spend(found.unwrap_or(there.len() as usize) as u64 / 64)?;
                if found.is_none() && there != rest {
                    return Err(Stop::Missing);
                }
                let length = u32::try_from(terminator.bytes.len()).unwrap_or(u32::MAX);
                let (end, next) = match found {
                    Some(at) => {
                        let end = rest.start + u32::try_from(at).unwrap_or(0);
                        (
                            if terminator.include { end + length } else { end },
                            if terminator.consume { end + length } else { end },
                        )
                    }
                    // What ends a message may be the beginning of the next.
                    None if stored.open && self.mode == Mode::Full && !terminator.eos_error => {
                        (rest.end, rest.end)
                    }
                    None if stored.open => {
                        // At least one byte of the terminator is missing.
                        return Err(Stop::NeedMore(1));
                    }
                    None if terminator.eos_error => {
                        let bytes: Vec<String> =
                            terminator.bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
                        let text = format!(
                            "no terminator ({}) in the remaining {} bytes",
                            bytes.join(" "),
                            rest.len()
                        );
                        return Err(self.fault(Code::EndOfStream, rest, text));
                    }
                    None => (rest.end, rest.end),
                };
                self.arena.io_mut(io).pos = next;
                return Ok(Span { end, ..rest });
            }
        };
        if self.lacks(all) {
            return Ok(all);
        }
        self.count_bytes(all)?;
        let trimmed = trimmed(limit, self.bytes(all));
        Ok(Span { end: all.start + u32::try_from(trimmed).unwrap_or(0), ..all })
    }

    /// The beginning of some bytes, up to a gap.
    pub(super) fn up_to_a_gap(&self, span: Span) -> Span {
        if !self.lacks(span) {
            return span;
        }
        let (start, end) = (span.start as usize, span.end as usize);
        let first = self.message.parts(start..end).next().filter(|(at, _)| *at == start);
        let length = first.and_then(|(_, part)| u32::try_from(part.len()).ok()).unwrap_or(0);
        Span { end: span.start + length, ..span }
    }
}

/// The terminator of text in an encoding.
pub(crate) fn zeros(charset: Charset) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; 4];
    ZEROS.get(..charset.unit()).unwrap_or(ZEROS)
}

/// The length of some bytes without padding and terminator.
pub(crate) fn trimmed(limit: &Limit, bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    let terminator = limit.terminator.as_ref();
    if let Some(pad) = limit.pad_right
        && terminator.is_none_or(|terminator| terminator.bytes != [pad])
    {
        end = bytes.iter().rposition(|&byte| byte != pad).map_or(0, |last| last + 1);
    }
    if let Some(terminator) = terminator
        && let Some(at) = find(bytes.get(..end).unwrap_or_default(), &terminator.bytes)
    {
        end = if terminator.include { at + terminator.bytes.len() } else { at };
    }
    end
}

/// Where a terminator is. A run of zeros is searched at multiples of its length, as characters are; any other
/// terminator anywhere.
pub(crate) fn find(bytes: &[u8], terminator: &[u8]) -> Option<usize> {
    match terminator {
        [byte] => memchr::memchr(*byte, bytes),
        _ if terminator.iter().all(|&byte| byte == 0) => bytes
            .chunks_exact(terminator.len())
            .position(|unit| unit == terminator)
            .map(|at| at * terminator.len()),
        _ => memchr::memmem::find(bytes, terminator),
    }
}

/// What follows the contents of a field: its terminator and padding.
pub(crate) fn tail(attr: &Attr, content: usize, size: Option<usize>) -> Vec<u8> {
    let limit = &attr.limit;
    let terminator = limit.terminator.as_ref().filter(|terminator| !terminator.include);
    match (&limit.size, size) {
        (Size::Open, _) => {
            terminator.filter(|terminator| terminator.consume).map_or(Vec::new(), |found| found.bytes.clone())
        }
        (Size::Of(_), Some(size)) if content < size => {
            if terminator.is_none() && limit.terminator.is_none() && limit.pad_right.is_none() {
                return Vec::new();
            }
            let mut tail = terminator.map_or(Vec::new(), |terminator| terminator.bytes.clone());
            tail.resize(size - content, limit.pad_right.unwrap_or(0));
            tail
        }
        _ => Vec::new(),
    }
}

/// Whether the bytes of a sized field after its contents are those that are written there: its terminator and padding.
pub(crate) fn is_tail(limit: &Limit, bytes: &[u8], content: usize) -> bool {
    let rest = bytes.get(content..).unwrap_or_default();
    if !matches!(limit.size, Size::Of(_)) || limit.terminator.is_none() && limit.pad_right.is_none() {
        return rest.is_empty();
    }
    let terminator = limit.terminator.as_ref().filter(|terminator| !terminator.include);
    let terminator = terminator.map_or(&[][..], |terminator| &terminator.bytes);
    let pad = limit.pad_right.unwrap_or(0);
    let written = terminator.iter().copied().chain(std::iter::repeat(pad));
    rest.iter().copied().eq(written.take(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::{find, zeros};
    use crate::strings::Charset;

    #[test]
    fn zeros_are_found_at_whole_characters_and_other_terminators_anywhere() {
        assert_eq!(find(b"ab\0", zeros(Charset::Utf8)), Some(2));
        let wide = zeros(Charset::Utf16 { le: true });
        assert_eq!(
            find(&[1, 0, 0, 2, 0, 0], wide),
            Some(4),
            "two zeros of different characters are not an end"
        );
        assert_eq!(find(b"a\r\n", b"\r\n"), Some(1));
        assert_eq!(find(b"a\r", b"\r\n"), None);
    }
}
