#![no_main]

use own_protocol::{DESCRIBED, agrees};

libfuzzer_sys::fuzz_target!(|data: &[u8]| agrees(data));

// Messages are changed field by field, and written by the description: lengths and checks mostly follow.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    framescope_checking::mutate_messages(
        &DESCRIBED,
        data,
        size,
        max_size,
        seed,
        &mut libfuzzer_sys::fuzzer_mutate,
    )
});
