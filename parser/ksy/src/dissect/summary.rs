//! Summaries of structures.

use framescope_parser::Captured;

use crate::display::{self, short_text};
use crate::plan::{Meta, NodeId, ObjectId, Plan, Style, Val};
use crate::run::arena::with_arena;
use crate::run::{Mode, Run, Scope};

/// The summary of a message, which is read for it.
pub(crate) fn summary_of(plan: &Plan, meta: &Meta, message: Captured<'_, '_>) -> String {
    with_arena(|arena| {
        let mut run = Run::of(plan, message, arena, Mode::Full);
        run.checked = true;
        run.closed = meta.ends_with_segment || meta.waits;
        run.read_fully();
        run.summary(ObjectId::ROOT)
    })
}

impl Run<'_, '_> {
    /// The summary of a structure.
    pub(crate) fn summary(&mut self, id: ObjectId) -> String {
        let ty = self.arena.object(id).ty;
        display::summary(self.plan, ty, |node, style| self.summed_up(id, node, style))
    }

    /// A value as it appears in a summary; empty if it is not present.
    fn summed_up(&mut self, id: ObjectId, node: NodeId, style: &Style) -> String {
        let val = self.eval(node, &Scope::of(id)).unwrap_or(Val::Null);
        match (style, val) {
            (Style::Hex, Val::Int(n)) => format!("{n:#x}"),
            (_, Val::Obj(inner)) if inner != id => self.nested_summary(inner),
            (Style::Str, Val::Bytes(span)) => String::from_utf8_lossy(self.bytes(span)).into_owned(),
            (_, Val::Str(_)) => self.short_text(val),
            (_, Val::Bytes(_)) => self.short(val),
            _ => self.written(val),
        }
    }

    fn nested_summary(&mut self, id: ObjectId) -> String {
        // Summaries that contain each other end here.
        if self.arena.work > 1 << 40 || self.spend(100).is_err() { String::new() } else { self.summary(id) }
    }

    fn short_text(&self, val: Val) -> String {
        let Val::Str(span) = val else { return String::new() };
        short_text(self.text(span))
    }
}
