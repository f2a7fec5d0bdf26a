//! Messages as visitors see them: kind, fields, summary and problems. It takes a plan, and never looks for the end of a
//! message in a stream.

pub(crate) mod report;
pub(crate) mod summary;
pub(crate) mod whole;

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use framescope_parser::Key;
use framescope_parser::{Captured, Code, Kind, Value, Visit};

use crate::plan::{Meta, Plan, kind_of};
use crate::run::arena::with_arena;
use crate::run::{Mode, Run, Scope};

/// Which parts of a message are reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// Whether instances are reported too.
    pub(crate) instances: bool,
    pub(crate) fields: bool,
    pub(crate) summary: bool,
}

/// Reads all of a message and reports its kind and problems, and its fields and summary if `all` of it is wanted.
/// Returns how many steps that took.
pub(crate) fn dissect<'a>(
    (plan, meta, key): (&'a Plan, &'a Meta, Option<&'a Key>),
    message: Captured<'a, '_>,
    checked: bool,
    visit: &mut dyn Visit<'a>,
    all: bool,
) -> u64 {
    with_arena(|arena| {
        // The arena is lent for less long than the message lives.
        let mut run = Run::of(plan, message, arena, Mode::Full);
        run.key = key;
        run.checked = checked;
        run.closed = meta.ends_with_segment || meta.waits;
        run.read_fully();
        if let Some(kind) = meta.kind
            && let Ok(val) = run.eval(kind, &Scope::of(run.subject()))
            && let Some(kind) = kind_of(plan, val)
        {
            visit.kind(kind);
        }
        if all {
            run.report_fields(message, visit);
            // A visitor that ignores the summary does not pay for it.
            let lazy = Lazy(RefCell::new(&mut run));
            visit.summary(format_args!("{lazy}"));
        }
        run.report_problems(visit);
        run.arena.steps()
    })
}

/// Reads a message and reports some parts of it, without its problems.
pub(crate) fn dissect_parts<'a>(
    (plan, meta): (&'a Plan, &'a Meta),
    message: Captured<'a, '_>,
    parts: Parts,
    visit: &mut dyn Visit<'a>,
) {
    with_arena(|arena| {
        let mut run = Run::of(plan, message, arena, Mode::Full);
        // Problems are not reported, so checks need not be computed.
        run.checked = true;
        run.closed = meta.ends_with_segment || meta.waits;
        match parts.instances {
            true => run.read_fully(),
            false => run.read_fields_only(),
        }
        if parts.fields {
            run.report_fields(message, visit);
        }
        if parts.summary {
            let lazy = Lazy(RefCell::new(&mut run));
            visit.summary(format_args!("{lazy}"));
        }
    });
}

/// A visitor that ignores all that is reported, for counting the steps.
pub(crate) struct Ignore;

impl<'a> Visit<'a> for Ignore {
    fn kind(&mut self, _: Kind<'a>) {}

    fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) {}

    fn end(&mut self) {}

    fn problem(&mut self, _: Code, _: Range<usize>, _: fmt::Arguments<'_>) {}

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        // It is made only when it is formatted.
        let _ = text.to_string();
    }
}

/// A summary that is made when it is formatted.
struct Lazy<'l, 'p, 'm>(RefCell<&'l mut Run<'p, 'm>>);

impl fmt::Display for Lazy<'_, '_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut run = self.0.borrow_mut();
        let subject = run.subject();
        f.write_str(&run.summary(subject))
    }
}
