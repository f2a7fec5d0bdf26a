//! What the targets that take a stream of frames have in common.

/// A target that takes wire bytes and changes them as frames: `frames!(oracle)`.
#[macro_export]
macro_rules! frames {
    ($oracle:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| framescope_oracles::$oracle(data));

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            framescope_oracles::mutate_frames(data, size, max_size, seed, &mut libfuzzer_sys::fuzzer_mutate)
        });
    };
}
