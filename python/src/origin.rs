//! Where a message is, and what is read of it there when something of it is asked for.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use framescope_capture::{Index, Row, RowId};
use framescope_parser::{Kind, Severity, SpanType};
use pyo3::prelude::*;

use crate::facts::Facts;
use crate::framed::{Framed, Outline};
use crate::message::Message;
use crate::names;
use crate::opened::Opened;
use crate::quick::Asked;
use crate::tree::{Numbered, Summary, Tree};
use crate::values::{Bytes, Content};

/// Where a message is.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A row of a capture.
    Row { opened: Arc<Opened>, row: RowId },
    /// A part of a stream.
    Framed(Framed),
    /// Nowhere: what is known of it is here.
    Apart(Box<Facts>),
}

/// `message`, `skipped`, `gap` or `partial`.
pub(crate) fn type_name(span_type: SpanType) -> &'static str {
    match span_type {
        SpanType::Message => "message",
        SpanType::Partial => "partial",
        SpanType::Skipped(_) => "skipped",
        SpanType::Gap => "gap",
    }
}

impl Message {
    /// A row of a capture.
    #[inline]
    pub(crate) fn row_of(opened: Arc<Opened>, row: RowId) -> Message {
        Message { origin: Origin::Row { opened, row }, content: OnceLock::new(), asked: Asked::default() }
    }

    /// A message of a stream, with its fields if they were needed already.
    pub(crate) fn framed(framed: Framed, tree: Option<Tree>) -> Message {
        let content = OnceLock::new();
        if let Some(tree) = tree {
            let _ = content.set(Arc::new(Content { bytes: Bytes::Part(framed.part.clone()), tree }));
        }
        Message { origin: Origin::Framed(framed), content, asked: Asked::default() }
    }

    /// A message with its bytes.
    pub(crate) fn with_content(origin: Origin, content: Content) -> Message {
        Message { origin, content: OnceLock::from(Arc::new(content)), asked: Asked::default() }
    }

    /// What is known of the row; None if it is no row of a capture.
    pub(crate) fn in_row<T>(&self, ask: impl FnOnce(&Index, RowId, &Row) -> Option<T>) -> Option<T> {
        let Origin::Row { opened, row } = &self.origin else { return None };
        let index = &*opened.index;
        ask(index, *row, &index.row(*row)?)
    }

    /// The facts, where it stands for itself.
    pub(crate) fn facts(&self) -> Option<&Facts> {
        match &self.origin {
            Origin::Apart(facts) => Some(facts),
            _ => None,
        }
    }

    /// Its fields and the bytes that they are of, which are read now if they were not before.
    pub(crate) fn content(&self, py: Python<'_>) -> PyResult<&Arc<Content>> {
        match &self.origin {
            Origin::Row { opened, row } => {
                if let Some(known) = self.content.get() {
                    return Ok(known);
                }
                let content = Arc::new(opened.read_row(py, *row)?);
                Ok(self.content.get_or_init(|| content))
            }
            Origin::Framed(framed) => Ok(self.content.get_or_init(|| {
                let tree =
                    Tree::of_fields(&framed.part, Some(framed.repeated()), |visit| framed.report(visit));
                Arc::new(Content { bytes: Bytes::Part(framed.part.clone()), tree })
            })),
            Origin::Apart(_) => Ok(self.content.get_or_init(Arc::default)),
        }
    }

    /// A summary in a few words.
    pub(crate) fn summary_text(&self, py: Python<'_>) -> PyResult<String> {
        let content = self.content(py)?;
        if let Some(known) = &content.tree().summary {
            return Ok(known.clone());
        }
        let mut summary = Summary::default();
        match &self.origin {
            Origin::Row { opened, row: id } => {
                if let Some(row) = opened.index.row(*id) {
                    opened.index.report(*id, &row, &content.bytes, &mut summary);
                }
            }
            Origin::Framed(framed) => framed.report(&mut summary),
            Origin::Apart(_) => {}
        }
        Ok(summary.0)
    }

    /// Whether it is a message, all of its bytes are there, and none of its problems is an error.
    pub(crate) fn intact(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(match &self.origin {
            Origin::Framed(framed) => framed.known.is_intact,
            Origin::Row { opened, row } => opened.index.row(*row).is_some_and(|row| {
                row.span_type == SpanType::Message
                    && !row.codes.iter().any(|code| code.severity() == Severity::Error)
                    && opened.index.missing(&row).is_empty()
            }),
            Origin::Apart(facts) => {
                facts.span_type == SpanType::Message
                    && facts.missing.is_empty()
                    && !Outline::dissected(self.content(py)?.tree()).has_error
            }
        })
    }

    /// Its outermost fields.
    pub(crate) fn top(content: &Content) -> Range<u32> {
        content.tree().top()
    }

    pub(crate) fn reply_row(&self) -> Option<RowId> {
        self.in_row(|index, id, _| index.answered_by(id))
    }

    pub(crate) fn beside(&self, row: Option<RowId>) -> Option<Message> {
        let Origin::Row { opened, .. } = &self.origin else { return None };
        row.map(|row| Message::row_of(Arc::clone(opened), row))
    }
}

/// The name of a kind, or its number.
pub(crate) fn kind_text(tree: &Tree, kind: &Numbered) -> String {
    let mut lock = names::lock();
    let name = kind.name.map(|name| tree.text(name, lock.names()).to_owned());
    match (name, u64::try_from(kind.number), i64::try_from(kind.number)) {
        (Some(name), ..) => name,
        (None, Ok(number), _) => Kind::new(number, None).to_string(),
        (None, _, Ok(number)) => Kind::signed(number, None).to_string(),
        _ => kind.number.to_string(),
    }
}

impl Message {
    /// What it is.
    pub(crate) fn span_type(&self) -> SpanType {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.span_type)).unwrap_or(SpanType::Gap),
            Origin::Framed(framed) => framed.known.span_type,
            Origin::Apart(facts) => facts.span_type,
        }
    }

    /// `message`, `skipped`, `gap` or `partial`.
    pub(crate) fn type_text(&self) -> &'static str {
        match &self.origin {
            Origin::Row { .. } => self.in_row(|_, _, row| Some(row.type_name())).unwrap_or("gap"),
            Origin::Framed(framed) => type_name(framed.known.span_type),
            Origin::Apart(facts) => type_name(facts.span_type),
        }
    }
}
