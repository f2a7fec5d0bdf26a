//! Reads all of a message: its fields, its instances, and the bytes that neither explains.

use crate::plan::ObjectId;
use framescope_parser::Code;

use crate::plan::Span;
use crate::run::Run;
use crate::run::arena::Stop;

/// How deeply instances of structures of other instances are read.
const DEEPEST: u32 = 3;

impl<'p> Run<'p, '_> {
    /// Reads the message and all its instances, and records faults.
    pub(crate) fn read_fully(&mut self) {
        self.read_all();
        // What a gap makes unreadable is not a fault of the message.
        if !self.message.is_whole() {
            let mut faults = std::mem::take(&mut self.arena.faults);
            faults.retain(|fault| {
                let follows = matches!(fault.code, Code::EndOfStream | Code::NoMatch | Code::Conversion);
                !follows && !self.lacks(fault.span)
            });
            self.arena.faults = faults;
        }
    }

    /// Reads the fields of the message, and only the instances that they use.
    pub(crate) fn read_fields_only(&mut self) {
        self.stopped = self.read().is_err();
    }

    fn read_all(&mut self) {
        if let Err(stop) = self.read() {
            self.stopped = true;
            if let Stop::Fault(fault) = stop {
                self.arena.faults.push(*fault);
            }
        }
        let plan = self.plan;
        if plan.types.iter().any(|ty| !ty.instances.is_empty()) {
            let mut at = self.first_object;
            // Instances add structures, which have instances.
            while at < self.arena.object_count() {
                let id = ObjectId::at(at);
                let object = self.arena.object(id);
                at += 1;
                let ty = plan.type_of(object.ty);
                if self.generation(id) > DEEPEST || self.repeats(id) {
                    continue;
                }
                for attr in &ty.instances {
                    match self.value_of(id, attr.slot) {
                        Err(Stop::Fault(fault)) => {
                            let is_limit = fault.code == Code::LimitExceeded;
                            let is_unknown = fault.code == Code::StateUnknown;
                            // A value computed from what is not present is not present either.
                            if attr.value.is_none() || is_limit || is_unknown {
                                self.arena.faults.push(*fault);
                            }
                            if is_limit {
                                return;
                            }
                        }
                        Err(Stop::NeedMore(_) | Stop::Missing) | Ok(_) => {}
                    }
                }
            }
        }
        self.unread();
    }

    /// How many instances enclose the structure.
    fn generation(&self, id: ObjectId) -> u32 {
        let (mut at, mut count, mut steps) = (id, 0, 0);
        loop {
            let object = self.arena.object(at);
            self.arena.count_lookups(1);
            steps += 1;
            let Some(parent) = self.arena.owner(&object).filter(|_| steps <= 200) else { return count };
            // What is outside of its parent's bytes belongs to an instance.
            let inside = parent.io != object.io || parent.start <= object.start && object.end <= parent.end;
            count += u32::from(!inside);
            at = object.holder;
        }
    }

    /// Whether a structure of the same type at the same position encloses this one.
    fn repeats(&self, id: ObjectId) -> bool {
        let own = self.arena.object(id);
        let (mut at, mut steps) = (own.holder, 0);
        while at != ObjectId::NONE {
            let object = self.arena.object(at);
            if object.ty == own.ty && object.io == own.io && object.start == own.start || steps > 200 {
                return true;
            }
            self.arena.count_lookups(1);
            steps += 1;
            at = object.holder;
        }
        false
    }

    /// Records bytes of structures that no field explains.
    fn unread(&mut self) {
        for at in self.first_object..self.arena.object_count() {
            let id = ObjectId::at(at);
            if let Some(span) = self.rest_of(id).filter(|span| span.len() > 0)
                && self.is_unexplained(id)
                && let Some(place) = self.arena.in_message(span)
            {
                let span = Span { buffer: Span::MESSAGE, start: place.0, end: place.1 };
                let plural = if span.len() == 1 { " is" } else { "s are" };
                let text = format!("{} byte{plural} left that the description does not explain", span.len());
                if let Stop::Fault(fault) = self.fault(Code::PayloadTrailing, span, text) {
                    self.arena.faults.push(*fault);
                }
            }
        }
    }

    /// The bytes of a structure's own stream after its last field. They may be empty, and are still reported, if reading stopped
    /// at their end.
    pub(super) fn rest_of(&self, id: ObjectId) -> Option<Span> {
        let object = self.arena.object(id);
        let io = self.arena.io(object.io);
        let owns =
            object.start == io.base && self.arena.owner(&object).is_none_or(|parent| parent.io != object.io);
        let is_told = object.end < io.end || !(object.whole || io.open && self.stopped);
        (owns && is_told).then_some(Span { buffer: io.buffer, start: object.end.min(io.end), end: io.end })
    }

    /// Whether bytes remain after a structure's last field for no reason that is reported already, nor because of an instance at
    /// a position of its own.
    fn is_unexplained(&self, id: ObjectId) -> bool {
        let object = self.arena.object(id);
        let io = self.arena.io(object.io);
        if io.open && self.stopped {
            return false;
        }
        // What is in no field in order may be in one at a position of its own.
        let elsewhere = id == ObjectId::ROOT && self.plan.reads_elsewhere;
        let explained = self.plan.type_of(object.ty).instances.iter().any(|attr| attr.pos.is_some());
        !explained && !elsewhere && object.whole
    }
}
