//! Reports only the wanted fields of a message.

use framescope_parser::{Captured, FieldReader, FieldSelection, Visit};

use crate::dissect::{Parts, dissect_parts};
use crate::format::Format;
use crate::program::Program;

/// Reports the wanted fields of each message.
pub(crate) struct Selection {
    format: Format,
    how: How,
}

enum How {
    /// No message has any wanted field.
    Nothing,
    /// By a program, and by the interpreter for messages that it does not handle.
    Program(Box<Program>, Parts),
    Interpreter(Parts),
}

impl Selection {
    pub(crate) fn new(format: &Format, wanted: &FieldSelection) -> Selection {
        let plan = &*format.plan;
        // Fields without a name of their own, such as unexplained bytes, are reported by the interpreter only.
        let is_unnamed = wanted.names().any(|name| name.starts_with('_'));
        let is_wanted = |sym| wanted.names().any(|name| name == plan.name(sym));
        let mut instances = plan.types.iter().flat_map(|ty| &ty.instances);
        let mut fields = plan.types.iter().flat_map(|ty| &ty.seq);
        let instances = is_unnamed
            || instances.any(|attr| is_wanted(attr.sym) || Program::may_hold(plan, &attr.shape, wanted));
        let fields = instances || fields.any(|attr| is_wanted(attr.sym));
        let parts = Parts { instances, fields, summary: wanted.wants_summary() };
        let how = match parts {
            Parts { fields: false, summary: false, .. } => How::Nothing,
            Parts { instances: false, .. } => match Program::select(plan, wanted) {
                Some(program) => How::Program(Box::new(program), parts),
                None => How::Interpreter(parts),
            },
            _ => How::Interpreter(parts),
        };
        Selection { format: format.clone(), how }
    }
}

impl FieldReader for Selection {
    fn report<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let parts = match &self.how {
            How::Nothing => return,
            How::Program(program, parts) => {
                let format = (&*self.format.plan, &*self.format.meta);
                if program.report(format, message, parts.summary, visit) {
                    return;
                }
                parts
            }
            How::Interpreter(parts) => parts,
        };
        dissect_parts((&self.format.plan, &self.format.meta), Captured::whole(message), *parts, visit);
    }
}
