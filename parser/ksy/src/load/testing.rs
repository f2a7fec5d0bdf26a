//! Loads descriptions for the tests of each pass.

use crate::plan::{Attr, Meta, Plan};

/// A description of fields in flow style, big-endian and in UTF-8, with further top-level keys.
pub(crate) fn described(seq: &str, more: &str) -> String {
    format!("meta: {{id: t, endian: be, encoding: UTF-8}}\nseq: [{seq}]\n{more}\n")
}

pub(crate) fn loaded(seq: &str, more: &str) -> (Plan, Meta) {
    super::load("t", &described(seq, more), None).unwrap_or_else(|error| panic!("{seq}: {error}"))
}

/// The first diagnostic of a description that can't be loaded.
pub(crate) fn refused(seq: &str, more: &str) -> String {
    let error = super::load("t", &described(seq, more), None).unwrap_err();
    error.diagnostics().first().map(|first| first.text.clone()).unwrap_or_default()
}

pub(crate) fn field<'p>(plan: &'p Plan, name: &str) -> &'p Attr {
    let root = plan.root();
    let slot = plan.symbol(name).and_then(|sym| root.slot(sym));
    slot.and_then(|slot| root.attr(slot)).unwrap_or_else(|| panic!("no field {name}"))
}
