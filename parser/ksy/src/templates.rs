//! Descriptions to start from.

/// A description to start from, with comments for a first-time reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it describes, in a line.
    pub about: &'static str,
    /// The description.
    pub text: &'static str,
}

macro_rules! templates {
    ($($name:literal: $about:literal,)+) => {
        &[$(Template { name: $name, about: $about, text: include_str!(concat!("../templates/", $name, ".ksy")) },)+]
    };
}

/// All of them, the one that fits most protocols first.
///
/// ```
/// use framescope_ksy::{Described, TEMPLATES};
///
/// let described = Described::from_ksy(TEMPLATES[0].text)?;
/// assert_eq!(described.usual_places(), ["tcp.port=9000", "udp.port=9000"]);
/// # Ok::<(), framescope_ksy::LoadError>(())
/// ```
pub const TEMPLATES: &[Template] = templates! {
    "length-prefixed": "a header with a kind and a length, followed by as many bytes",
    "type-text": "a kind byte and text to the end of the segment",
    "tlv": "a list of entries, each with tag, length and value",
    "lines": "lines of text",
    "header-crc": "a header and a body with CRCs, and flags in bits",
    "json-length": "JSON, preceded by its length",
};
