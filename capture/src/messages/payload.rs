//! What the protocols say of a payload by itself, without its stream: that it is just one message.
//!
//! That is asked where the payload is read, while its bytes are in the cache. Where its stream is between two messages, and speaks
//! that protocol, its bytes need no second look.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use framescope_parser::{CodeSet, Input, Memo, Protocol, Step};

use crate::messages::outline::{KindKey, Outline};

/// What a protocol says of a payload that is just one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageOutline {
    pub(crate) protocol: usize,
    pub(crate) kind: Option<KindKey>,
    pub(crate) codes: CodeSet,
}

/// Outlines payloads, and assigns the same code to equal outlines.
pub(crate) struct PayloadOutliner {
    /// Those whose messages show by themselves where they end, with their numbers.
    protocols: Vec<(usize, Arc<dyn Protocol>)>,
    /// The place of the one that outlined the last payload: it is tried first.
    last: usize,
    /// How many payloads in a row no protocol outlined.
    misses: u32,
    tried: u32,
    /// The outlines so far, by code, the first of which is 1.
    codes: HashMap<MessageOutline, u16, RandomState>,
    /// The last ones, by the lowest bits of their kinds.
    recent: [Option<(MessageOutline, u16)>; 16],
}

/// After this many misses only one payload in as many is tried.
const PATIENCE: u32 = 64;

impl PayloadOutliner {
    pub(crate) fn new(protocols: &[Arc<dyn Protocol>]) -> PayloadOutliner {
        // What a message of a conversation is depends on what came before.
        let shows_alone =
            |protocol: &Arc<dyn Protocol>| !protocol.ends_with_segment() && protocol.stages().is_empty();
        let all = protocols.iter().cloned().enumerate();
        let protocols = all.filter(|(_, protocol)| shows_alone(protocol)).collect();
        let codes = HashMap::default();
        PayloadOutliner { protocols, last: 0, misses: 0, tried: 0, codes, recent: [None; 16] }
    }

    /// The code of a payload's outline, which is appended to `new` if it is the first of its kind; 0 for none.
    #[inline]
    pub(crate) fn code(&mut self, payload: &[u8], new: &mut Vec<MessageOutline>) -> u16 {
        if payload.is_empty() {
            return 0;
        }
        let Some(outline) = self.outline(payload) else { return 0 };
        let slot = usize::try_from(outline.kind.map_or(0, |(value, _)| value) % 16).unwrap_or(0);
        match self.recent.get(slot) {
            Some(Some((known, code))) if *known == outline => *code,
            _ => self.look_up(outline, slot, new),
        }
    }

    fn look_up(&mut self, outline: MessageOutline, slot: usize, new: &mut Vec<MessageOutline>) -> u16 {
        let code = match self.codes.get(&outline) {
            Some(code) => *code,
            None => {
                // What has no code is framed like any other payload.
                let Ok(code) = u16::try_from(self.codes.len() + 1) else { return 0 };
                self.codes.insert(outline, code);
                new.push(outline);
                code
            }
        };
        if let Some(place) = self.recent.get_mut(slot) {
            *place = Some((outline, code));
        }
        code
    }

    #[inline]
    fn outline(&mut self, payload: &[u8]) -> Option<MessageOutline> {
        self.tried = self.tried.wrapping_add(1);
        if self.misses > PATIENCE && !self.tried.is_multiple_of(PATIENCE) {
            return None;
        }
        let all = (self.last..self.protocols.len()).chain(0..self.last);
        for at in all {
            if let Some((number, protocol)) = self.protocols.get(at)
                && let Some((kind, codes)) = one_message(&**protocol, payload)
            {
                (self.last, self.misses) = (at, 0);
                return Some(MessageOutline { protocol: *number, kind, codes });
            }
        }
        self.misses = self.misses.saturating_add(1);
        None
    }
}

/// The kind and problems of a payload that is just one message, as far as its protocol knows without what follows.
#[inline]
fn one_message(protocol: &dyn Protocol, payload: &[u8]) -> Option<(Option<KindKey>, CodeSet)> {
    let input = Input { bytes: payload, first_segment: payload.len(), last: false, offset: 0, context: None };
    match protocol.next(input, &mut Memo::default()) {
        Step::Checked(length) if length.get() == payload.len() => {
            let mut outline = Outline::default();
            protocol.outline(payload, true, &mut outline);
            Some((outline.kind_key(), outline.codes))
        }
        _ => None,
    }
}

impl std::fmt::Debug for PayloadOutliner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayloadOutliner").field("protocols", &self.protocols.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::missive::{Flags, FrameBuf, Kind};

    #[test]
    fn outlines_that_are_the_same_have_one_code_and_incomplete_messages_have_none() {
        let (mut outliner, mut new) = (PayloadOutliner::new(&framescope_parser::built_in()), Vec::new());
        let frame = |kind| FrameBuf { flags: Flags::CHECKSUM, ..FrameBuf::new(kind) }.to_bytes().unwrap();
        let (ping, pong) = (frame(Kind::PING), frame(Kind::PONG));
        for _ in 0..3 {
            assert_eq!(outliner.code(&ping, &mut new), 1);
            assert_eq!(outliner.code(&pong, &mut new), 2);
        }
        assert_eq!(
            new.iter().map(|outline| outline.kind).collect::<Vec<_>>(),
            [Some((6, false)), Some((7, false))]
        );
        for other in [&ping[..19], &[&ping[..], b"x"].concat(), b"", b"text"] {
            assert_eq!(outliner.code(other, &mut new), 0);
        }
        assert_eq!(new.len(), 2);
    }
}
