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

#[cfg(test)]
mod tests {
    use framescope_parser::{Dissection, FieldSelection, Protocol};

    use crate::Described;

    /// What is reported of a field, alone and among all.
    fn both(ksy: &str, message: &[u8], name: &str) -> [String; 2] {
        let described = Described::from_ksy(ksy).unwrap();
        let selected = described.select(&FieldSelection::default().field(name)).unwrap();
        let mut some = Dissection::default();
        selected.report(message, &mut some);
        let said = |of: &Dissection<'_>| {
            let fields = of.fields.iter().filter(|field| field.name == name);
            fields.map(|field| format!("{:?} {:?}, ", field.range, field.value)).collect::<String>()
        };
        [said(&some), said(&Dissection::of(&described, message))]
    }

    #[test]
    fn compressed_data_that_is_damaged_is_selected_as_bytes() {
        let ksy = "
meta: {id: t, endian: le}
seq: [{id: data, size: 12, process: zlib, type: inner}, {id: more, type: u1}]
types: {inner: {seq: [{id: n, type: u4}]}}";
        let message = [0x78, 0x9c, 0xfb, 0xff, 0xff, 0xff, 0x7f, 0x81, 9, 0xfa, 3, 0xfd, 0];
        let [some, all] = both(ksy, &message, "data");
        assert!(all.contains("Bytes"), "{all}");
        assert_eq!(some, all);
    }

    #[test]
    fn a_structure_is_selected_up_to_where_nothing_decides_its_byte_order() {
        let ksy = "
meta: {id: t}
seq: [{id: item, type: item, repeat: expr, repeat-expr: 2}]
types:
  item: {seq: [{id: order, type: u1}, {id: numbers, type: numbers}]}
  numbers:
    meta: {endian: {switch-on: _parent.order, cases: {1: le, 2: be}}}
    seq: [{id: n, type: u4}]";
        let [some, all] = both(ksy, &[1, 0, 0, 0, 1, 3, 0, 0, 0, 1], "item");
        assert!(all.ends_with("5..6 Group, "), "{all}");
        assert_eq!(some, all);
    }
}
