//! The driver that the tests of carriers share plays and checks a small one: a length byte and as much for the inner stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;

use framescope_parser::{
    Captured, Carried, Channel, Confidence, Conversation, Dissection, Error, Heard, Input, Memo, Nowhere,
    Passage, Protocol, Reads, Role, Sample, Stage, Step, Value, Visit,
};
use proptest::prelude::*;

use support::checks::{assert_same, assert_silent_is_the_same, cut, lengths, lose, play_checked};
use support::{Player, client, ends, lost, server};

/// A length byte and as much.
struct Block;

impl Protocol for Block {
    fn name(&self) -> &str {
        "blocks"
    }

    fn about(&self) -> &str {
        "a test's"
    }

    fn next(&self, input: Input<'_>, _: &mut Memo) -> Step {
        let length = 1 + usize::from(input.bytes[0]);
        match NonZeroUsize::new(length.saturating_sub(input.bytes.len())) {
            None => Step::Message(NonZeroUsize::new(length).unwrap()),
            Some(_) if input.last => Step::Partial(NonZeroUsize::new(input.bytes.len()).unwrap()),
            Some(more) => Step::NeedMore(more),
        }
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        visit.field("length", 0..1, Value::Unsigned(message[0].into()));
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }
}

struct Blocks([Stage; 1]);

fn blocks() -> Arc<dyn Protocol> {
    let reads = Reads::Own(Arc::new(Block));
    let stage =
        Stage { name: "block".into(), reads, needs_variables: false, sets_variables: false, carries: true };
    Arc::new(Blocks([stage]))
}

impl Protocol for Blocks {
    fn name(&self) -> &str {
        "blocks"
    }

    fn about(&self) -> &str {
        "a test's"
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        Block.next(input, memo)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        Block.dissect(message, visit);
    }

    fn encode(&self, _: &Dissection<'_>, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn detect(&self, _: Sample<'_>) -> Confidence {
        Confidence::No
    }

    fn stages(&self) -> &[Stage] {
        &self.0
    }

    fn conversation(&self) -> Option<Box<dyn Conversation>> {
        Some(Box::new(Inner))
    }
}

/// What the blocks carry.
struct Inner;

impl Conversation for Inner {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(Inner)
    }

    fn size(&self) -> usize {
        1
    }

    fn stage(&self, _: Role) -> u16 {
        0
    }

    fn continue_in(&mut self, _: Role, _: u16) {}

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        to.open(0, Channel { name: "block".into(), is_verbatim: true, ..Channel::default() });
        match passage {
            Passage::Message(message) => to.verbatim(0, role, 1, &message.bytes()[1..]),
            Passage::Lost(length) => to.lost(0, role, length),
            Passage::End => to.end(0, role),
        }
    }
}

#[test]
fn a_carrier_in_a_carrier_is_played() {
    let pieces = [client(*b"\x02\x03h"), server(*b"\x04\x03yes"), client(*b"\x02ey"), lost(Role::Client, 3)];
    let outer = play_checked(&Player::new(blocks()), &pieces);
    assert_eq!(outer.rows(Role::Client).len(), 3);
    assert_eq!(outer.rows(Role::Server)[0].fields, "length=4");
    let inner = outer.play_in("block", blocks());
    assert_eq!(inner.all("block", Role::Client), b"hey");
    assert_eq!(inner.all("block", Role::Server), b"yes");
    let end_of_client = [Heard::Bytes(b"hey".to_vec()), Heard::Lost(3), Heard::End];
    assert_eq!(inner.collected.heard[&(0, Role::Client)], end_of_client);
}

proptest! {
    #[test]
    fn however_it_is_cut_the_same_comes_out(
        blocks_of in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..9)), 0..9),
        lengths in lengths(),
        at in 0..40usize,
    ) {
        let block = |(is_client, text): &(bool, Vec<u8>)| {
            let bytes = [&[u8::try_from(text.len()).unwrap()], &text[..]].concat();
            if *is_client { client(bytes) } else { server(bytes) }
        };
        let mut pieces: Vec<_> = blocks_of.iter().map(block).collect();
        pieces.extend(ends());
        let player = Player::new(blocks());
        let whole = play_checked(&player, &pieces);
        assert_same(&whole, &play_checked(&player, &cut(&pieces, &lengths)));
        assert_silent_is_the_same(&player, &whole);
        play_checked(&player, &lose(&pieces, Role::Client, at, 3));
    }
}
