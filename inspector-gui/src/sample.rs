//! The capture that is shown where none is named.

use framescope_capture::Source;

/// A short chat in the Missive format, with some damage to look at.
pub fn source() -> Source {
    const BYTES: &[u8] = include_bytes!("../../corpus/captures/missive-damaged/capture.pcapng");
    Source::from_bytes("the sample capture", BYTES)
}
