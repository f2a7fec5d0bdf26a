//! Processing of a field's bytes (`xor`, `rol`, `ror`, `zlib`): undone while reading, applied while writing.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use flate2::{Decompress, FlushDecompress, Status};
use framescope_parser::Code;

use crate::plan::{Attr, Process, Size, Span, Val};
use crate::run::arena::Stop;
use crate::run::extent::{find, trimmed};
use crate::run::{MOST_DERIVED, Run, Scope};

impl<'p> Run<'p, '_> {
    /// The bytes of a field with its processing undone.
    pub(crate) fn processed(&mut self, attr: &Attr, span: Span, scope: &Scope) -> Result<Span, Stop> {
        let Some(process) = attr.process else { return Ok(span) };
        let bytes = self.bytes(span).to_vec();
        let undone = match attr.continues {
            true => self.continued(&bytes),
            false => self.unprocessed(process, bytes, scope),
        };
        let bytes = undone.map_err(|stop| match stop {
            // A fault of the processing concerns these bytes.
            Stop::Fault(mut fault) if fault.span.buffer == Span::CONSTANTS => {
                fault.span = span;
                Stop::Fault(fault)
            }
            stop => stop,
        })?;
        let made = self.make(&bytes)?;
        self.arena.set_origin(made, span, !matches!(process, Process::Zlib));
        Ok(made)
    }

    /// Undoes the processing of bytes.
    pub(crate) fn unprocessed(
        &mut self,
        process: Process,
        mut bytes: Vec<u8>,
        scope: &Scope,
    ) -> Result<Vec<u8>, Stop> {
        self.spend(bytes.len() as u64 / 8)?;
        match process {
            Process::Zlib => {
                bytes = inflate(&bytes).map_err(|error| self.wrong(Code::Conversion, error.to_string()))?;
                self.spend(bytes.len() as u64 / 8)?;
            }
            Process::Xor(key) => match self.eval(key, scope)? {
                Val::Int(key) => match u8::try_from(key) {
                    Ok(key) => bytes.iter_mut().for_each(|byte| *byte ^= key),
                    Err(_) => {
                        return Err(self.wrong(Code::Conversion, format!("the xor key {key} is not a byte")));
                    }
                },
                key => {
                    let Some(key) = self.as_bytes(key) else {
                        return Err(self.wrong(Code::Conversion, "an xor key must be a byte or bytes"));
                    };
                    let key = self.bytes(key);
                    if !key.is_empty() {
                        bytes.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
                    }
                }
            },
            Process::Rol(by) | Process::Ror(by) => {
                let by = u32::try_from(self.number(by, scope)?.rem_euclid(8)).unwrap_or(0);
                let left = if matches!(process, Process::Rol(_)) { by } else { 8 - by };
                bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(left));
            }
        }
        Ok(bytes)
    }

    /// The contents of a field's bytes: without terminator and padding, and with its processing undone.
    pub(crate) fn trimmed_and_undone(&mut self, attr: &Attr, raw: &[u8], scope: &Scope) -> Option<Vec<u8>> {
        let content = match (&attr.limit.size, &attr.limit.terminator) {
            (Size::Open, Some(terminator)) => {
                let end = find(raw, &terminator.bytes);
                end.map_or(raw.len(), |at| if terminator.include { at + terminator.bytes.len() } else { at })
            }
            _ => trimmed(&attr.limit, raw),
        };
        let content = raw.get(..content)?.to_vec();
        match attr.process {
            None => Some(content),
            Some(_) if attr.continues => self.continued(&content).ok(),
            Some(process) => self.unprocessed(process, content, scope).ok(),
        }
    }
}

/// Applies the processing that the reader undoes.
pub(crate) fn processed_again(
    run: &mut Run<'_, '_>,
    process: Process,
    bytes: &[u8],
    scope: &Scope,
) -> Result<Vec<u8>, Stop> {
    match process {
        Process::Zlib => {
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
            // Writing to memory does not fail.
            let _ = packed.write_all(bytes);
            Ok(packed.finish().unwrap_or_default())
        }
        Process::Xor(_) => run.unprocessed(process, bytes.to_vec(), scope),
        Process::Rol(by) => run.unprocessed(Process::Ror(by), bytes.to_vec(), scope),
        Process::Ror(by) => run.unprocessed(Process::Rol(by), bytes.to_vec(), scope),
    }
}

/// Why bytes can't be decompressed.
#[derive(Debug, thiserror::Error)]
enum InflateError {
    #[error("this is not zlib data: {0}")]
    Invalid(#[from] flate2::DecompressError),
    #[error("more than {MOST_DERIVED} bytes are compressed here")]
    TooLarge,
    #[error("the zlib data ends too early")]
    Truncated,
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Decompress::new(true);
    let mut inflated = Vec::with_capacity(bytes.len().saturating_mul(4).clamp(64, 1 << 16));
    loop {
        let consumed = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let before = inflated.len();
        let status = inflater.decompress_vec(
            bytes.get(consumed..).unwrap_or_default(),
            &mut inflated,
            FlushDecompress::None,
        );
        match status {
            Err(error) => return Err(error.into()),
            Ok(Status::StreamEnd) => return Ok(inflated),
            Ok(_) if inflated.len() > MOST_DERIVED => {
                return Err(InflateError::TooLarge);
            }
            Ok(_) if inflated.len() < inflated.capacity() && inflated.len() == before => {
                return Err(InflateError::Truncated);
            }
            Ok(_) => inflated.reserve(inflated.len().max(1 << 12)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{InflateError, inflate};

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn zlib_data_is_inflated_whole_or_not_at_all() {
        let packed = deflated(b"hello hello hello");
        assert_eq!(inflate(&packed).unwrap(), b"hello hello hello");
        assert!(matches!(inflate(packed.get(..8).unwrap()), Err(InflateError::Truncated)));
        assert!(matches!(inflate(b"hello"), Err(InflateError::Invalid(_))));
        let text = "hello ".repeat(100_000);
        assert_eq!(inflate(&deflated(text.as_bytes())).unwrap(), text.as_bytes());
        let large = inflate(&deflated(&vec![0; 40 << 20]));
        assert!(matches!(large, Err(InflateError::TooLarge)), "{:?}", large.map(|bytes| bytes.len()));
    }
}
