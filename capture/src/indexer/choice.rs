//! Which protocol a stream speaks.

use framescope_parser::Confidence;

use super::{Indexer, streams_of};
use crate::index::{Index, Stream};
use crate::messages::detection::{Happened, first_look};

impl Indexer {
    /// Chooses a stream's protocol by its first segment, if that is enough to be certain.
    pub(super) fn choose_at_first_sight(&mut self, index: &mut Index, stream: usize, payload: &[u8]) -> bool {
        let Some(protocol) = first_look(payload, &index.protocols) else { return false };
        let (Some(known), Some(state)) = (index.streams.get_mut(stream), self.states.get_mut(stream)) else {
            return false;
        };
        known.protocol = u16::try_from(protocol).ok();
        known.confidence = Some(Confidence::Certain);
        state.is_certain = true;
        known.protocol.is_some()
    }

    /// What was held back of a flow will not become clearer.
    pub(super) fn choose_for_flow(&mut self, index: &mut Index, flow: u32) {
        for stream in streams_of(index, flow) {
            let more = self.states.get(stream).and_then(|state| state.more.as_deref());
            if more.is_some_and(|more| more.held.is_some()) {
                self.choose_best(index, stream);
            }
        }
    }

    /// Chooses with what there is. A direction that is not certain follows the other one if that is.
    pub(super) fn choose_best(&mut self, index: &mut Index, stream: usize) {
        let best =
            |stream: usize| self.states.get(stream)?.more.as_deref()?.held.as_ref()?.best(&index.protocols);
        let own = best(stream);
        let other = stream ^ 1;
        let other_is_certain = self.states.get(other).is_some_and(|state| state.is_certain);
        let others = match index.streams.get(other).and_then(Stream::protocol) {
            Some(protocol) if other_is_certain => Some(protocol),
            _ => best(other)
                .filter(|(_, confidence)| *confidence == Confidence::Certain)
                .map(|(protocol, _)| protocol),
        };
        match (own, others) {
            (Some((_, Confidence::Certain)), _) => self.choose(index, stream, own),
            (_, Some(protocol)) => self.choose(index, stream, Some((protocol, Confidence::Likely))),
            (own, None) => self.choose(index, stream, own),
        }
    }

    pub(super) fn choose(&mut self, index: &mut Index, stream: usize, choice: Option<(usize, Confidence)>) {
        let Some(state) = self.states.get_mut(stream) else { return };
        let (protocol, confidence) = choice.unzip();
        state.is_certain = confidence == Some(Confidence::Certain);
        let Some(held) = state.more.as_deref_mut().and_then(|more| more.held.take()) else { return };
        if let Some(stream) = index.streams.get_mut(stream) {
            stream.protocol = protocol.and_then(|protocol| u16::try_from(protocol).ok());
            stream.confidence = confidence;
        }
        let (events, bytes) = held.into_events();
        let mut rest = &bytes[..];
        for (happened, now) in events {
            let length = if let Happened::Data(length) = happened { length } else { 0 };
            let (bytes, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = behind;
            self.lay_out(index, stream, happened, bytes, now);
        }
    }
}
