//! Names for fields, each only once in a structure.

use std::collections::HashMap;

/// The names that a structure has so far.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// `base`, or with a number if that is taken.
    pub(super) fn unique(&mut self, base: &str) -> String {
        let count = self.0.entry(base.to_owned()).or_default();
        *count += 1;
        match *count {
            1 => base.to_owned(),
            count => format!("{base}_{count}"),
        }
    }
}
