//! The same as the fuzz target, on stable Rust and in a second: for CI.

use std::panic;

use own_protocol::{DESCRIBED, agrees};

#[test]
fn the_parser_agrees_with_the_description() {
    let (mut valid, all) = (0, 20_000);
    for data in framescope_checking::inputs(Some(&DESCRIBED), Vec::new(), 1).take(all) {
        if panic::catch_unwind(|| agrees(&data)).is_err() {
            // The smallest bytes that show it are a test to keep.
            let mut fails = |data: &[u8]| panic::catch_unwind(|| agrees(data)).is_err();
            let small = framescope_checking::minimise(&data, &mut fails, 10_000);
            panic!("agrees(&{small:?})");
        }
        valid += usize::from(matches!(own_protocol::telemetry::parse(&data), Ok(Some(_))));
    }
    assert!(valid * 4 > all, "only {valid} of {all} inputs are whole messages");
}
