#!/bin/bash -eu
# Builds each fuzz target into $OUT, with its seeds as an archive, its dictionary and its options, as ClusterFuzzLite and OSS-Fuzz
# look for them. $SANITIZER, $RUSTFLAGS and $FUZZING_ENGINE are theirs; only libFuzzer can run these targets.
cd "$(dirname "$0")/framescope" 2>/dev/null || cd "$(dirname "$0")/.."

# Debug assertions and checks for overflow are what finds most.
cargo fuzz build --fuzz-dir fuzz -O --debug-assertions
built=$(dirname "$(find "${CARGO_TARGET_DIR:-fuzz/target}" -path '*/release/decode' -type f | head -n 1)")

grep -v '^#' fuzz/targets.txt | while read -r target seeds dictionary; do
    # What speed is measured against finds nothing.
    [ "$seeds" = - ] && continue
    cp "$built/$target" "$OUT/$target"
    # Seeds, and what was found before: so that what was fixed is tried first.
    folders=("corpus/seeds/$seeds")
    [ -d "corpus/regressions/$target" ] && folders+=("corpus/regressions/$target")
    rm -f "$OUT/${target}_seed_corpus.zip"
    zip -q -r -j "$OUT/${target}_seed_corpus.zip" "${folders[@]}"
    [ "$dictionary" = - ] || cp "fuzz/dictionaries/$dictionary.dict" "$OUT/$target.dict"
    # Longer inputs take longer and show nothing more.
    printf '[libfuzzer]\nmax_len = 8192\ntimeout = 10\n' > "$OUT/$target.options"
done
