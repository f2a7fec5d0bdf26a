//! What the targets with a custom mutator have in common.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A target that takes wire bytes and changes them as frames: `frames!(oracle)`.
#[macro_export]
macro_rules! frames {
    ($oracle:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            framescope_fuzz::count(|| framescope_oracles::reaches_payload(data));
            framescope_oracles::$oracle(data)
        });

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            framescope_checking::mutate_frames(data, size, max_size, seed, &mut libfuzzer_sys::fuzzer_mutate)
        });
    };
}

/// Where FRAMESCOPE_REACH is set, counts how many executions reach what they should, and reports with each power of
/// two.
pub fn count(reaches: impl FnOnce() -> bool) {
    static IS_ASKED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("FRAMESCOPE_REACH").is_some());
    static ALL: AtomicU64 = AtomicU64::new(0);
    static REACHED: AtomicU64 = AtomicU64::new(0);
    if *IS_ASKED {
        let reached = REACHED.fetch_add(reaches().into(), Relaxed);
        let all = ALL.fetch_add(1, Relaxed);
        if all.is_power_of_two() {
            eprintln!("reached {reached} of {all}");
        }
    }
}
