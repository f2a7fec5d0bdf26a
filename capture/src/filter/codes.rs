//! The problem codes that a filter may name: the built-in ones, and those that protocols declare for themselves.

use std::sync::Arc;

use framescope_parser::{Code, CodeDomain, Protocol};

/// All of them.
pub(super) fn all(protocols: &[Arc<dyn Protocol>]) -> impl Iterator<Item = Code> {
    let domains = protocols.iter().filter_map(|protocol| protocol.codes());
    Code::ALL.iter().copied().chain(domains.flat_map(CodeDomain::codes))
}

/// Whether one has that name.
pub(super) fn is_code(name: &str, protocols: &[Arc<dyn Protocol>]) -> bool {
    all(protocols).any(|code| code.is_named(name))
}

/// The names of one, such as `bad-sensor` and `telemetry.bad-sensor`.
pub(super) fn names(code: Code) -> impl Iterator<Item = String> {
    let full = code.domain().map(|domain| format!("{}.{code}", domain.name()));
    std::iter::once(code.as_str().to_owned()).chain(full)
}
