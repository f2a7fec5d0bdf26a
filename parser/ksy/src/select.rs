//! Tells only what is wanted of a message.

use framescope_parser::{Captured, FieldReader, FieldSelection, Visit};

use crate::described::Described;
use crate::straight::Straight;

/// What is told of each message.
pub(crate) struct Selection {
    described: Described,
    how: How,
}

enum How {
    /// Nothing that is wanted is ever told.
    NotAtAll,
    /// By a program; the thorough reader tells of messages that it is not made for.
    Straight(Box<Straight>, Thoroughly),
    Thoroughly(Thoroughly),
}

/// What the thorough reader does for it.
#[derive(Clone, Copy)]
pub(crate) struct Thoroughly {
    /// Whether instances are told too.
    pub(crate) instances: bool,
    pub(crate) fields: bool,
    pub(crate) summary: bool,
}

impl Selection {
    pub(crate) fn new(described: &Described, wanted: &FieldSelection) -> Selection {
        let plan = &*described.format().plan;
        // What has no name of its own, as bytes that nothing explains, is told by the thorough reader only.
        let is_unnamed = wanted.names().any(|name| name.starts_with('_'));
        let is_wanted = |sym| wanted.names().any(|name| name == plan.name(sym));
        let mut instances = plan.types.iter().flat_map(|ty| &ty.instances);
        let mut fields = plan.types.iter().flat_map(|ty| &ty.seq);
        let instances = is_unnamed
            || instances.any(|attr| is_wanted(attr.sym) || Straight::may_hold(plan, &attr.shape, wanted));
        let fields = instances || fields.any(|attr| is_wanted(attr.sym));
        let thoroughly = Thoroughly { instances, fields, summary: wanted.wants_summary() };
        let how = match thoroughly {
            Thoroughly { fields: false, summary: false, .. } => How::NotAtAll,
            Thoroughly { instances: false, .. } => match Straight::select(plan, wanted) {
                Some(program) => How::Straight(Box::new(program), thoroughly),
                None => How::Thoroughly(thoroughly),
            },
            _ => How::Thoroughly(thoroughly),
        };
        Selection { described: described.clone(), how }
    }
}

impl FieldReader for Selection {
    fn tell<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        let thoroughly = match &self.how {
            How::NotAtAll => return,
            How::Straight(program, thoroughly) => {
                if program.tell(&self.described.format().plan, message, thoroughly.summary, visit) {
                    return;
                }
                thoroughly
            }
            How::Thoroughly(thoroughly) => thoroughly,
        };
        self.described.tell_selected(Captured::whole(message), *thoroughly, visit);
    }
}
