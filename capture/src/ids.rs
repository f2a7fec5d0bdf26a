//! Numbers that name one thing each, as types, so that a flow is never taken for a stream; and tables that are looked up by them.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU16;

/// The number of an element of a [`Table`].
pub(crate) trait Id: Copy + fmt::Debug {
    fn new(number: u32) -> Self;
    fn index(self) -> usize;
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The number itself.
            #[inline]
            pub const fn number(self) -> u32 {
                self.0
            }
        }

        impl From<u32> for $name {
            #[inline]
            fn from(number: u32) -> $name {
                $name(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        number! {
            $(#[$doc])*
            $name
        }

        impl $name {
            /// The number as a place in a list.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl Id for $name {
            #[inline]
            fn new(number: u32) -> $name {
                $name(number)
            }

            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A flow, counted from 0 in the order of first packets.
    FlowId
}

id! {
    /// One direction of a flow.
    StreamId
}

id! {
    /// A row, counted from 0. While a capture is read a row may get another number.
    RowId
}

number! {
    /// A packet, counted from 1 in the order of the file, as other tools count them too. 0 is [`PacketId::NONE`].
    PacketId
}

impl PacketId {
    /// No packet, as with the bytes of a file that is not a capture, and with a gap.
    pub const NONE: PacketId = PacketId(0);
}

/// The place of a protocol among all of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProtocolId(NonZeroU16);

impl ProtocolId {
    /// None for more protocols than are counted here; a stream of such a one has none.
    pub(crate) fn new(place: usize) -> Option<ProtocolId> {
        u16::try_from(place + 1).ok().and_then(NonZeroU16::new).map(ProtocolId)
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// One of a flow's two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The sender of the flow's first packet.
    First,
    /// The receiver of the flow's first packet.
    Second,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::First, Side::Second];

    #[inline]
    pub(crate) fn second_if(is_second: bool) -> Side {
        if is_second { Side::Second } else { Side::First }
    }

    #[inline]
    pub(crate) fn is_second(self) -> bool {
        self == Side::Second
    }

    /// What of a pair is this side's.
    #[inline]
    pub(crate) fn of<T>(self, [first, second]: &[T; 2]) -> &T {
        if self.is_second() { second } else { first }
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn of_mut<T>(self, [first, second]: &mut [T; 2]) -> &mut T {
        if self.is_second() { second } else { first }
    }
}

impl FlowId {
    /// The stream that one side sends.
    #[inline]
    pub(crate) fn stream(self, side: Side) -> StreamId {
        // There are no more flows than packets, of which a capture with a flow for each two would have too many bytes to read.
        StreamId(self.0.saturating_mul(2) | u32::from(side.is_second()))
    }

    /// Both streams, that of the given side first.
    pub(crate) fn streams_from(self, side: Side) -> [StreamId; 2] {
        let first = self.stream(side);
        [first, first.opposite()]
    }
}

impl StreamId {
    /// The flow that it is a direction of.
    #[inline]
    pub(crate) fn flow(self) -> FlowId {
        FlowId(self.0 / 2)
    }

    /// The side that sends it.
    #[inline]
    pub(crate) fn side(self) -> Side {
        Side::second_if(self.0 % 2 == 1)
    }

    /// The other direction of its flow.
    #[inline]
    pub(crate) fn opposite(self) -> StreamId {
        StreamId(self.0 ^ 1)
    }
}

/// Elements by their ids, which the table assigns itself.
///
/// An id without an element is a fault of this crate, never of a capture: debug builds stop there, others go on with a spare
/// element that belongs to no entry. Where absence is legitimate [`get`](Table::get) says so.
#[derive(Clone, Debug)]
pub(crate) struct Table<I, T> {
    elements: Vec<T>,
    spare: T,
    ids: PhantomData<I>,
}

impl<I, T: Default> Default for Table<I, T> {
    fn default() -> Self {
        Table { elements: Vec::new(), spare: T::default(), ids: PhantomData }
    }
}

impl<I: Id, T> Table<I, T> {
    /// Adds an element and returns its id.
    pub(crate) fn push(&mut self, element: T) -> I {
        let id = self.next_id();
        self.elements.push(element);
        id
    }

    /// The id of the element that is pushed next.
    pub(crate) fn next_id(&self) -> I {
        I::new(u32::try_from(self.elements.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The element with an id that may come from outside.
    #[inline]
    pub(crate) fn get(&self, id: I) -> Option<&T> {
        self.elements.get(id.index())
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.elements.get_mut(id.index())
    }

    /// The element with an id that this table gave out.
    #[inline]
    #[track_caller]
    pub(crate) fn at(&self, id: I) -> &T {
        match self.elements.get(id.index()) {
            Some(element) => element,
            None => {
                debug_assert!(false, "{id:?} of {} elements", self.elements.len());
                &self.spare
            }
        }
    }

    /// The same, to be changed.
    #[inline]
    #[track_caller]
    pub(crate) fn at_mut(&mut self, id: I) -> &mut T {
        match self.elements.get_mut(id.index()) {
            Some(element) => element,
            None => {
                debug_assert!(false, "{id:?} has no element");
                &mut self.spare
            }
        }
    }

    /// The element with an id of another table, for which default ones are added up to it.
    #[inline]
    pub(crate) fn at_or_default(&mut self, id: I) -> &mut T
    where
        T: Default,
    {
        if self.elements.len() <= id.index() {
            self.elements.resize_with(id.index() + 1, T::default);
        }
        self.at_mut(id)
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.elements
    }

    /// The ids that were assigned.
    pub(crate) fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..u32::try_from(self.elements.len()).unwrap_or(u32::MAX)).map(I::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_knows_its_flow_its_side_and_its_opposite() {
        for number in 0..100 {
            let flow = FlowId::from(number);
            for side in Side::BOTH {
                let stream = flow.stream(side);
                assert_eq!((stream.flow(), stream.side()), (flow, side));
                assert_eq!(flow.streams_from(side), [stream, stream.opposite()]);
                assert_eq!(stream.opposite().opposite(), stream);
            }
        }
    }

    #[test]
    fn a_protocol_comes_back_by_its_place_and_takes_two_bytes() {
        for place in [0, 1, 300, 65_534] {
            assert_eq!(ProtocolId::new(place).map(ProtocolId::index), Some(place));
        }
        assert_eq!((ProtocolId::new(65_535), size_of::<Option<ProtocolId>>()), (None, 2));
    }

    #[test]
    fn a_table_gives_back_what_its_ids_were_given_for() {
        let mut table = Table::<FlowId, u64>::default();
        let ids: Vec<FlowId> = (10..20).map(|element| table.push(element)).collect();
        assert!(table.ids().eq(ids.iter().copied()));
        *table.at_mut(FlowId::from(3)) = 99;
        assert_eq!((table.at(FlowId::from(3)), table.get(FlowId::from(4))), (&99, Some(&14)));
        assert_eq!((table.get(FlowId::from(10)), table.len()), (None, 10));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "FlowId(7)")]
    fn an_id_that_a_table_did_not_give_out_stops_a_debug_build() {
        Table::<FlowId, u64>::default().at(FlowId::from(7));
    }
}
