#!/usr/bin/env bash
# nom 8.0.0: `be_u32` does not compile to a load and a byte swap, and costs half as much again in a build without link-time
# optimisation.
#
# What one would expect: nom's parsers are generic, so they are compiled in the crate that uses them, and in any optimised
# profile `be_u32` on a byte slice becomes the same code as `u32::from_be_bytes`. In fact it combines the bytes one by one, and the
# slice's `Input` methods that it calls are not generic and have no #[inline]: they remain calls into nom's crate without
# link-time optimisation.
#
# Seen with nom 8.0.0, rustc 1.95.0, opt-level 3, on x86-64: 33 instructions a number without LTO, 21 with thin LTO, and 9 for
# `split_first_chunk` and `u32::from_be_bytes` without LTO, including the loop around them. Needs cargo and valgrind.
set -euo pipefail
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "numbers"
version = "0.0.0"
edition = "2021"
[dependencies]
nom = { version = "=8.0.0", default-features = false, features = ["alloc"] }
[profile.release]
lto = "off"
codegen-units = 1
[profile.thin]
inherits = "release"
lto = "thin"
TOML
cat > src/main.rs <<'RUST'
use nom::{number::complete::be_u32, IResult};
use std::hint::black_box;

fn by_nom(mut bytes: &[u8]) -> u32 {
    let mut sum = 0u32;
    loop {
        let read: IResult<&[u8], u32> = be_u32(bytes);
        match read {
            Ok((rest, number)) => (bytes, sum) = (rest, sum.wrapping_add(number)),
            Err(_) => return sum,
        }
    }
}

fn by_hand(mut bytes: &[u8]) -> u32 {
    let mut sum = 0u32;
    while let Some((number, rest)) = bytes.split_first_chunk() {
        (bytes, sum) = (rest, sum.wrapping_add(u32::from_be_bytes(*number)));
    }
    sum
}

fn main() {
    let bytes: Vec<u8> = (0..4_000_000u32).map(|i| i as u8).collect();
    let sum = match std::env::args().nth(1).as_deref() {
        Some("nom") => by_nom(black_box(&bytes)),
        Some("hand") => by_hand(black_box(&bytes)),
        _ => 0,
    };
    black_box(sum);
}
RUST
cargo build --quiet --release
cargo build --quiet --profile thin
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "target/$1/numbers" "$2" 2>&1 | sed -n 's/.*Collected : //p'
}
each() { echo $((($(count "$1" "$2") - $(count "$1" nothing)) / 1000000)); }
without=$(each release nom) with=$(each thin nom) hand=$(each release hand)
echo "instructions for each of a million numbers: nom without LTO $without, with thin LTO $with; by hand without LTO $hand"
if [ $((10 * without)) -lt $((13 * with)) ] || [ $((2 * with)) -lt $((3 * hand)) ]; then
    echo "this has changed: nom takes hardly more without LTO, or hardly more than by hand with it" >&2
    exit 1
fi
