//! The parts of a message that a caller wants, for callers that read very many messages and little of each.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Visit;

/// Fields by their names, and whether the summary is wanted too. Empty by default.
///
/// ```
/// use framescope_parser::FieldSelection;
///
/// let wanted = FieldSelection::default().field("payload.user").field("sequence").summary();
/// assert!(wanted.wants(&["payload"], "user") && wanted.wants(&["outer", "payload"], "user"));
/// assert!(!wanted.wants(&[], "user"));
/// assert!(wanted.wants(&["anywhere"], "sequence") && wanted.wants_summary());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelection {
    /// Names, the outermost first.
    fields: Vec<Vec<String>>,
    summary: bool,
}

impl FieldSelection {
    /// Adds all fields whose path of names, joined by dots, is or ends in this one.
    #[must_use]
    pub fn field(mut self, path: &str) -> Self {
        self.fields.push(path.split('.').map(Into::into).collect());
        self
    }

    /// Adds the summary, a message in a few words.
    #[must_use]
    pub fn summary(self) -> Self {
        FieldSelection { summary: true, ..self }
    }

    /// Whether a field is wanted that is inside these, the outermost first.
    pub fn wants(&self, above: &[&str], name: &str) -> bool {
        self.fields.iter().any(|path| {
            let Some((last, before)) = path.split_last() else { return false };
            let fits = above.iter().rev().zip(before.iter().rev()).all(|(a, b)| a == b);
            last == name && above.len() >= before.len() && fits
        })
    }

    /// Whether the summary is.
    pub fn wants_summary(&self) -> bool {
        self.summary
    }

    /// The names of the fields themselves, without the groups they are in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|path| path.last()).map(String::as_str)
    }
}

/// Reads the fields of a [`FieldSelection`], made by [`Protocol::select`](crate::Protocol::select) for very many messages of one protocol.
pub trait FieldReader: Send + Sync {
    /// Reports the wanted fields of one message to `visit`: with the names, ranges and values that
    /// [`Protocol::dissect`](crate::Protocol::dissect) reports, in its order, inside the same groups. It may report
    /// more, but need report no other field, no kind, no problem and compute no check.
    ///
    /// Total: any bytes may be given.
    fn report<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>);
}
