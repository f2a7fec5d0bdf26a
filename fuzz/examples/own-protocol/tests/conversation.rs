//! The same as the fuzz target `conversation`, on stable Rust and in a second: for CI.

use std::panic;

use framescope_checking::{Transcript, conversations, minimise_conversation};
use own_protocol::talk::{GUESTBOOK, conversation_agrees};

#[test]
fn the_parser_agrees_with_the_description_on_whole_conversations() {
    let mut said_by_both = 0;
    for said in conversations(&GUESTBOOK, Vec::new(), 1).take(2000) {
        let mut fails = |said: &Transcript| panic::catch_unwind(|| conversation_agrees(said)).is_err();
        if fails(&said) {
            let small = minimise_conversation(&said, &mut fails, 10_000);
            panic!("conversation_agrees of {small:?}, which is {:?}", small.to_bytes());
        }
        said_by_both += usize::from(said.pieces().len() > 3);
    }
    assert!(said_by_both > 500, "only {said_by_both} of 2000 have more than three segments");
}
