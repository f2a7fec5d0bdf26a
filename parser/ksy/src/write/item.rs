//! Writes an item of a stream: what stands before it is read from the preamble and not written.

use framescope_parser::{Field, Value};

use crate::plan::{Item, ObjectId};
use crate::write::Writer;
use crate::write::error::Halt;

impl Writer<'_, '_> {
    /// Writes an item from its fields.
    pub(super) fn item(&mut self, item: Item, fields: &[Field<'_>]) -> Result<(), Halt> {
        self.new_io();
        self.run.writes = false;
        let begun = self.run.begin_item(item);
        self.run.writes = true;
        begun.map_err(|stop| self.stopped(stop, ObjectId::ROOT))?;
        self.paths.insert(ObjectId::ROOT, String::new());
        let plan = self.run.plan;
        let Some(list) = plan.root().seq.last() else { return Ok(()) };
        let name = plan.name(list.sym);
        let whole = [Field { name, range: 0..0, value: Value::Group, fields: fields.to_vec() }];
        let given = if item.own_type.is_some() { &whole } else { fields };
        self.list(ObjectId::ROOT, list, given)?;
        self.part.align();
        Ok(())
    }
}
