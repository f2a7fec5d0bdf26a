#!/usr/bin/env bash
# Builds the Debian package: deb.sh OUTPUT. Needs cargo-deb (`cargo install --locked cargo-deb`).
set -euo pipefail
[ $# = 1 ] || { echo "deb.sh: wants OUTPUT, the folder for the package" >&2; exit 2; }
output=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
cargo build --locked --profile dist -p framescope
bash packaging/extras.sh "${CARGO_TARGET_DIR:-target}/dist/framescope" extras
cargo deb --locked --no-build -p framescope --profile dist --output "$output/"
