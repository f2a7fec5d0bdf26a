//! Compressed data that continues that of earlier messages of its direction: `process: zlib` with `-continues`.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};
use framescope_parser::Code;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use crate::plan::Span;
use crate::run::arena::Stop;
use crate::run::{MOST_DERIVED, Run};

/// Where the compressed data of a direction is.
#[derive(Clone, Default)]
pub(crate) enum Inflation {
    #[default]
    Fresh,
    Within(Arc<InflateState>),
    /// Some of it was not captured, or could not be read.
    Lost,
}

impl std::fmt::Debug for Inflation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Inflation::Fresh => "Fresh",
            Inflation::Within(_) => "Within",
            Inflation::Lost => "Lost",
        })
    }
}

/// How much is inflated at a time.
const PIECE: usize = 16 << 10;

impl Run<'_, '_> {
    /// Inflates the next bytes of the direction's data.
    pub(crate) fn continued(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Stop> {
        let mut state = match self.inflating.take() {
            Some(state) => state,
            None => match self.inflation() {
                Inflation::Fresh => InflateState::new_boxed(DataFormat::Zlib),
                Inflation::Within(state) => Box::new((*state).clone()),
                Inflation::Lost => {
                    let text = "what this compressed data continues is not known here";
                    return Err(self.fault(
                        Code::StateUnknown,
                        Span { buffer: Span::CONSTANTS, start: 0, end: 0 },
                        text,
                    ));
                }
            },
        };
        let inflated = self.inflated(&mut state, bytes)?;
        // A writer asks for the same bytes several times.
        if !self.writes {
            self.inflating = Some(state);
        }
        Ok(inflated)
    }

    fn inflated(&mut self, state: &mut InflateState, mut bytes: &[u8]) -> Result<Vec<u8>, Stop> {
        let mut inflated = Vec::new();
        let mut piece = vec![0; PIECE];
        loop {
            let result = inflate(state, bytes, &mut piece, MZFlush::Sync);
            inflated.extend_from_slice(piece.get(..result.bytes_written).unwrap_or_default());
            bytes = bytes.get(result.bytes_consumed..).unwrap_or_default();
            self.spend((result.bytes_consumed + result.bytes_written) as u64 / 8)?;
            if inflated.len() > MOST_DERIVED {
                let text = format!("more than {MOST_DERIVED} bytes are compressed here");
                return Err(self.wrong(Code::Conversion, text));
            }
            match result.status {
                Ok(MZStatus::StreamEnd) if bytes.is_empty() => {
                    *state = *InflateState::new_boxed(DataFormat::Zlib);
                    return Ok(inflated);
                }
                Ok(MZStatus::StreamEnd) => {
                    return Err(self.wrong(Code::Conversion, "the zlib data ends before its field does"));
                }
                Ok(_) if result.bytes_written == PIECE || !bytes.is_empty() => {}
                Ok(_) | Err(MZError::Buf) => return Ok(inflated),
                Err(_) => return Err(self.wrong(Code::Conversion, "this does not continue the zlib data")),
            }
        }
    }

    /// Compresses bytes so that they continue the direction's data.
    pub(crate) fn deflated(&self, bytes: &[u8]) -> Vec<u8> {
        let is_first = matches!(self.inflation(), Inflation::Fresh);
        let mut compress = Compress::new(Compression::default(), is_first);
        let mut packed = Vec::with_capacity(bytes.len() + 64);
        loop {
            let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            let rest = bytes.get(done..).unwrap_or_default();
            let before = packed.len();
            // Compressing into memory does not fail.
            let _ = compress.compress_vec(rest, &mut packed, FlushCompress::Sync);
            if packed.len() < packed.capacity() || packed.len() == before && rest.is_empty() {
                return packed;
            }
            packed.reserve(packed.len().max(64));
        }
    }
}
