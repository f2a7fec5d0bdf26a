//! The capture that is shown where none is named.

use framescope_capture::Source;

const BYTES: &[u8] = include_bytes!("sample.pcapng");

/// A short chat in the Missive format, with some damage to look at.
pub fn source() -> Source {
    Source::from_bytes("the sample capture", BYTES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    /// The package holds a copy, for a package can hold nothing from outside its folder.
    #[test]
    fn the_sample_is_a_case_of_the_corpus() {
        let case =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures/missive-damaged/capture.pcapng");
        assert!(std::fs::read(case).unwrap() == super::BYTES);
    }
}
