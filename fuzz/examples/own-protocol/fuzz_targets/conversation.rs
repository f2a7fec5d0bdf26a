#![no_main]

use framescope_checking::Transcript;
use own_protocol::talk::{GUESTBOOK, conversation_agrees};

libfuzzer_sys::fuzz_target!(|data: &[u8]| conversation_agrees(&Transcript::from_bytes(data)));

// Messages are changed and added in the state that their side is in, and written by the description.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    framescope_checking::mutate_conversation(
        &GUESTBOOK,
        data,
        size,
        max_size,
        seed,
        &mut libfuzzer_sys::fuzzer_mutate,
    )
});
