#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use framescope_ksy::Described;

/// The protocol whose description the variable FRAMESCOPE_KSY names; without it MQTT, as the corpus describes it.
static OWN: LazyLock<Described> = LazyLock::new(|| {
    let described = match std::env::var_os("FRAMESCOPE_KSY") {
        Some(path) => Described::from_file(Path::new(&path)),
        None => Described::from_ksy(include_str!("../../corpus/formats/mqtt.ksy")),
    };
    described.unwrap_or_else(|error| panic!("{error}"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if OWN.stages().is_empty() {
        framescope_fuzz::count(|| framescope_oracles::holds_message(&*OWN, data));
        framescope_oracles::check_described(&OWN, data);
    } else {
        // A whole conversation: which side says what, in which segments.
        framescope_fuzz::count(|| framescope_oracles::holds_messages(&OWN, data));
        framescope_oracles::check_conversation(&OWN, data);
    }
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mutate = if OWN.stages().is_empty() {
        framescope_checking::mutate_messages
    } else {
        framescope_checking::mutate_conversation
    };
    mutate(&OWN, data, size, max_size, seed, &mut libfuzzer_sys::fuzzer_mutate)
});
