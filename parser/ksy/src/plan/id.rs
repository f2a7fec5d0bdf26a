//! Ids: places in the tables of a plan, and of a message that is read by it. An id is made together with its entry, so
//! that looking one up never fails; where it would, debug builds panic and others see an empty entry.

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u32);

        impl $name {
            /// The id of the entry at that place of its table.
            #[inline]
            pub(crate) fn at(place: usize) -> $name {
                $name(u32::try_from(place).unwrap_or(u32::MAX))
            }

            #[inline]
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

ids! {
    /// A name: see [`Plan::name`](super::Plan::name).
    Sym;
    /// A type: see [`Plan::type_of`](super::Plan::type_of).
    TypeId;
    /// An enumeration: see [`Plan::enum_of`](super::Plan::enum_of).
    EnumId;
    /// An expression: see [`Expressions::node`](super::Expressions::node).
    NodeId;
    /// A structure of a message: see [`Arena::object`](crate::run::arena::Arena::object).
    ObjectId;
    /// A list of a message: see [`Arena::array`](crate::run::arena::Arena::array).
    ArrayId;
    /// A stream of a message: see [`Arena::io`](crate::run::arena::Arena::io).
    IoId;
}

impl TypeId {
    /// The outermost type of a description: that of its messages, unless a conversation has others.
    pub(crate) const ROOT: TypeId = TypeId(0);
}

impl NodeId {
    /// An expression that is not compiled yet, or can't be. It reads as null, and a plan that was loaded without errors holds none.
    pub(crate) const UNSET: NodeId = NodeId(0);
}

impl ObjectId {
    /// The message itself.
    pub(crate) const ROOT: ObjectId = ObjectId(0);
    /// No structure.
    pub(crate) const NONE: ObjectId = ObjectId(u32::MAX);
}

impl IoId {
    /// The bytes of the message.
    pub(crate) const MESSAGE: IoId = IoId(0);
}

/// The entry of an id, or `empty` if there is none, which is a bug.
#[inline]
pub(crate) fn entry<'t, T>(table: &'t [T], place: usize, empty: impl FnOnce() -> &'t T) -> &'t T {
    match table.get(place) {
        Some(found) => found,
        None => missing(place, table.len(), empty),
    }
}

#[cold]
fn missing<T>(place: usize, length: usize, empty: impl FnOnce() -> T) -> T {
    debug_assert!(false, "an id names entry {place} of {length}");
    empty()
}

#[cfg(test)]
mod tests {
    use super::{TypeId, entry};

    #[test]
    fn an_id_finds_the_entry_that_it_was_made_with() {
        let table = ["a", "b"];
        assert_eq!(*entry(&table, TypeId::at(1).index(), || &"none"), "b");
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "an id names entry 2 of 2")]
    fn an_id_without_an_entry_panics_in_debug_builds() {
        let _ = entry(&["a", "b"], TypeId::at(2).index(), || &"none");
    }
}
