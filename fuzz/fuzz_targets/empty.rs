#![no_main]

// What all else is measured against.
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| ());
