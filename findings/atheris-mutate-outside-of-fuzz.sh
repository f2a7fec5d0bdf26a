#!/usr/bin/env bash
# Atheris 3.0.0: `atheris.Mutate` outside of `atheris.Fuzz` is no Python error: it ends the process with status 255.
#
# What one would expect: a custom mutator is a plain function of bytes, a size and a seed, so that a test can call it, and what it may not
# call yet raises. In fact `atheris.Mutate`, on which custom mutators are built, writes a line to standard error and leaves the
# process at once: no `except`, `finally` or `atexit` runs, though what was printed is still written. A test runner that
# captures standard error ends in the middle of a line with status 255, as if the machine had gone. As custom mutators leave only some of
# their changes to Mutate, by the seed, this comes once in a few runs.
#
# And the name stands for another function once Fuzz runs: what `from atheris import Mutate` took before ends the process inside of
# Fuzz too. Pass a function to a mutator that looks the name up at each call, `lambda data, size: atheris.Mutate(data, size)`, so that
# tests pass another one; ours takes it as `mutate=` (docs/testing-python.md, Fuzzing).
#
# Seen with atheris 3.0.0 and Python 3.11 on Linux x86-64. Needs python3 (3.11 to 3.13) with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check atheris==3.0.0
cd "$folder"
cat >mutate.py <<'PYTHON'
import atexit

import atheris

atexit.register(print, "atexit ran")
print("before")
try:
    atheris.Mutate(b"a message", 20)
except BaseException as error:
    print("raised", repr(error))
finally:
    print("finally ran")
PYTHON
status=0
venv/bin/python mutate.py >out 2>err || status=$?
echo "status $status; standard output: '$(cat out)'; standard error: '$(cat err)'"
if [ "$status" != 255 ] || [ "$(cat out)" != before ] || ! grep -q "must be called before Mutate" err; then
    echo "this has changed: the call raises, or the process goes on" >&2
    exit 1
fi

cat >early.py <<'PYTHON'
import os
import sys

import atheris

early, runs = atheris.Mutate, 0


def custom_mutator(data: bytes, most: int, seed: int) -> bytes:
    return early(data, most) if HOW == "early" else atheris.Mutate(data, most)


def test_one_input(data: bytes) -> None:
    global runs
    runs += 1
    if runs == 100:
        os._exit(0)


HOW = sys.argv.pop(1)
atheris.Setup(sys.argv, test_one_input, custom_mutator=custom_mutator)
atheris.Fuzz()
PYTHON
for how in early late; do
    status=0
    venv/bin/python early.py "$how" -seed=1 >out 2>err || status=$?
    echo "inside of Fuzz, taken $how: status $status"
    if [ "$how $status" != "early 255" ] && [ "$how $status" != "late 0" ]; then
        echo "this has changed: the name stands for the same function before and after" >&2
        exit 1
    fi
done
