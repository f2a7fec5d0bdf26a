//! Whether a message is one without an error: what a program asks of each that it receives, so that it must cost next to nothing.

use std::fmt;
use std::ops::Range;

use framescope_parser::{Captured, Code, Kind, Protocol, Severity, Span, SpanType, Value, Visit};
use pyo3::prelude::*;

use crate::message::{Message, Origin};
use crate::tree::Tree;

/// Whether there was an error.
#[derive(Default)]
struct Errors(bool);

impl<'a> Visit<'a> for Errors {
    fn kind(&mut self, _: Kind<'a>) {}
    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}
    fn end(&mut self) {}
    fn problem(&mut self, code: Code, _: Range<usize>, _: fmt::Arguments<'_>) {
        self.0 |= code.severity() == Severity::Error;
    }
    fn summary(&mut self, _: fmt::Arguments<'_>) {}
}

/// Whether a part of a stream is a message without an error. What does not depend on earlier messages is read by its outline.
pub(crate) fn part(protocol: &dyn Protocol, span: &Span, captured: Captured<'_, '_>) -> bool {
    if span.span_type != SpanType::Message || !captured.is_whole() {
        return false;
    }
    let mut errors = Errors::default();
    protocol.outline(captured.bytes(), span.checked, &mut errors);
    !errors.0
}

/// The same of a message that was dissected.
pub(crate) fn dissected(span_type: SpanType, tree: &Tree) -> bool {
    let is_error = |code: Code| code.severity() == Severity::Error;
    span_type == SpanType::Message && !tree.problems.iter().any(|problem| is_error(problem.code))
}

impl Message {
    /// Whether it is a message, all of it is there, and there is no error in it.
    pub(crate) fn intact(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(match &self.origin {
            Origin::Framed(framed) => framed.is_intact,
            Origin::Row { opened, row } => opened.index.row(*row).is_some_and(|row| {
                row.span_type == SpanType::Message
                    && !row.codes.iter().any(|code| code.severity() == Severity::Error)
                    && opened.index.missing(&row).is_empty()
            }),
            Origin::Apart(facts) => {
                facts.missing.is_empty() && dissected(facts.span_type, self.content(py)?.tree())
            }
        })
    }
}
