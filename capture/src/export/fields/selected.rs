//! Which columns and fields are written, by their names.

use std::sync::Arc;

use framescope_parser::Protocol;

use crate::filter::{FilterError, Subject, subject};

/// Columns and fields, by the names that a filter knows them by.
///
/// ```
/// use framescope_capture::export::{RowSelection, Fields, write_json_fields};
/// use framescope_capture::{Options, Source, read};
/// use framescope_parser::built_in;
///
/// let index = read(Source::from_bytes("crash-1", *b"\x01ada"), &Options::default(), &mut |_| true)?;
/// let fields = Fields::parse("row,kind,bare.text,latency", &built_in())?;
/// let mut out = Vec::new();
/// write_json_fields(&index, &mut RowSelection::all(), &fields, &mut out)?;
/// assert_eq!(String::from_utf8(out)?, "{\"row\":0,\"kind\":\"LOGIN\",\"bare.text\":\"ada\",\"latency\":null}\n");
///
/// let error = Fields::parse("row,knid", &built_in()).unwrap_err();
/// assert_eq!(error.text, "there is no column or field 'knid'; did you mean 'kind'?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fields(pub(super) Vec<NamedField>);

/// A column or field, and the name it was selected by.
#[derive(Clone, Debug)]
pub struct NamedField {
    /// The name.
    pub name: String,
    /// What it refers to.
    pub subject: Subject,
}

impl Fields {
    /// Parses names between commas. `protocols` are those whose fields they may be.
    ///
    /// # Errors
    /// The place of the first name that is unknown, and what may have been meant; or of a name that is repeated.
    pub fn parse(names: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Fields, FilterError> {
        let mut fields: Vec<NamedField> = Vec::new();
        let mut at = 0;
        for part in names.split(',') {
            let name = part.trim();
            let from = at + part.len() - part.trim_start().len();
            let place = from..from + name.len();
            at += part.len() + 1;
            let wrong = |text: &str| FilterError::new(names, place.clone(), text);
            if name.is_empty() {
                return Err(wrong("a column or a field is missing here, such as kind or payload"));
            }
            if fields.iter().any(|known| known.name == name) {
                return Err(wrong(&format!("'{name}' is named twice; remove one")));
            }
            let subject = subject(name, protocols, names, from)?;
            fields.push(NamedField { name: name.to_owned(), subject });
        }
        Ok(Fields(fields))
    }

    /// What was selected, in its order.
    #[doc(hidden)]
    pub fn subjects(&self) -> &[NamedField] {
        &self.0
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|field| &*field.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Csv,
}
