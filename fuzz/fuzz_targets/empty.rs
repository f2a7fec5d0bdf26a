#![no_main]

// The baseline of the others.
libfuzzer_sys::fuzz_target!(|_bytes: &[u8]| ());
