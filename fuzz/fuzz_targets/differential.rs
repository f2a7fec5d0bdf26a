#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| framescope_oracles::differential(data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    framescope_oracles::mutate_frames(data, size, max_size, seed, &mut libfuzzer_sys::fuzzer_mutate)
});
