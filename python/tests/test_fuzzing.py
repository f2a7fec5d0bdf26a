"""Mutators: what they make are mostly messages, and an Atheris run finds what it does not find by bytes alone."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

import framescope
from framescope import fuzzing

FORMATS = Path(__file__).parents[2] / "corpus" / "formats"

KSY = """\
meta: {id: guarded, endian: be}
seq:
  - {id: magic, contents: GD}
  - {id: length, type: u2}
  - {id: body, size: length, type: body}
  - id: check
    type: u2
    doc: the sum of the body's bytes
types:
  body: {seq: [{id: kind, type: u1}, {id: count, type: u1}, {id: item, type: u2, repeat: expr, repeat-expr: count}]}
"""


@pytest.fixture(scope="module")
def modbus() -> framescope.Protocol:
    return framescope.Protocol.from_ksy(FORMATS / "game.ksy")


def test_what_is_made_of_nothing_is_a_stream_of_messages(modbus: framescope.Protocol) -> None:
    change = fuzzing.mutator(modbus)
    stream, whole = b"", 0
    for seed in range(300):
        stream = change(stream, 2000, seed)
        assert len(stream) <= 2000
        frames = list(modbus.frames(stream))
        whole += any(one.type == "message" for one in frames)
    assert whole > 200


def test_the_same_seed_makes_the_same_change(modbus: framescope.Protocol) -> None:
    for protocol, made in [(modbus, fuzzing.mutator(modbus)), ("missive", fuzzing.mutator("missive"))]:
        one = made(b"", 500, 7)
        assert one == fuzzing.mutator(protocol)(b"", 500, 7)
        assert made(one, 500, 8) == made(one, 500, 8)


def test_any_seed_and_any_size_will_do(modbus: framescope.Protocol) -> None:
    change = fuzzing.mutator(modbus)
    for size in (0, 1, 5, 2**40):
        for seed in (0, 2**32 - 1, 2**63, -1):
            assert len(change(b"abc", size, seed)) <= min(size, 1 << 20)


def test_the_fuzzers_own_mutation_is_used_and_its_errors_are_raised(modbus: framescope.Protocol) -> None:
    change = fuzzing.mutator(modbus, mutate=lambda data, most: b"own")
    assert b"own" in {change(b"", 500, seed) for seed in range(100)}

    def fails(data: bytes, most: int) -> bytes:
        raise RuntimeError("mine")

    change = fuzzing.mutator(modbus, mutate=fails)
    with pytest.raises(RuntimeError, match="mine"):
        for seed in range(100):
            change(b"", 500, seed)


def test_messages_of_both_streams_are_crossed_whole(modbus: framescope.Protocol) -> None:
    cross = fuzzing.crossover("missive")
    missive = framescope.Protocol.missive()
    streams = [
        b"".join(missive.encode({"kind": kind, "sequence": n}) for n in range(1, 6)) for kind in ("PING", "PONG")
    ]
    seen = set()
    for seed in range(50):
        made = cross(*streams, 1000, seed)
        kinds = [one.kind for one in missive.frames(made) if one.type == "message"]
        assert len(kinds) * 20 == len(made)
        seen |= set(kinds)
    assert seen == {"PING", "PONG"}


def test_conversations_are_what_both_sides_say() -> None:
    change = fuzzing.mutator(FORMATS / "smtp.ksy", conversations=True)
    data = b""
    sides = set()
    for seed in range(30):
        data = change(data, 3000, seed)
        sides |= {side for side, _ in fuzzing.said(data)}
    assert sides == {"forward", "backward"}
    said = [("forward", b"HELO\r\n"), ("backward", b"250 ok\r\n")]
    assert fuzzing.said(fuzzing.transcript(said)) == said
    with pytest.raises(framescope.OptionError, match="no conversations"):
        fuzzing.mutator("missive", conversations=True)(b"", 100, 1)


#: A parser with a planted fault behind a magic, a length and a checksum.
TARGET = '''
import json, sys, zlib
import atheris

WITH = sys.argv.pop(1)
found = {"runs": 0, "at": None}

@atheris.instrument_func
def parse(data):
    if len(data) < 20 or data[:3] != b"\\xf5M\\x01":
        return
    if int.from_bytes(data[8:12], "big") != len(data) - 20 or data[3] != 3:
        return
    import binascii
    if binascii.crc_hqx(data[:18], 0) != int.from_bytes(data[18:20], "big"):
        return
    # Planted: a text on a high channel.
    if data[16] and len(data) > 24:
        raise IndexError("planted")

def test_one_input(data):
    found["runs"] += 1
    try:
        parse(data)
    except IndexError:
        found["at"] = found["runs"]
        print("RESULT " + json.dumps(found), flush=True)
        import os
        os._exit(0)
    if found["runs"] >= RUNS:
        print("RESULT " + json.dumps(found), flush=True)
        import os
        os._exit(0)

RUNS = 30_000
options = {}
if WITH == "with":
    import framescope.fuzzing
    options["custom_mutator"] = framescope.fuzzing.mutator("missive", mutate=lambda data, size: atheris.Mutate(data, size))
    options["custom_crossover"] = framescope.fuzzing.crossover("missive")
atheris.Setup(sys.argv, test_one_input, **options)
atheris.Fuzz()
'''


def test_only_what_is_asked_for_is_called(modbus: framescope.Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atheris's own way to change bytes ends a process in which it does not fuzz, and a program may import it for other reasons."""

    def ends_the_process(data: bytes, most: int) -> bytes:
        raise AssertionError("called outside of atheris.Fuzz")

    monkeypatch.setitem(sys.modules, "atheris", types.SimpleNamespace(Mutate=ends_the_process))
    change = fuzzing.mutator(modbus)
    for seed in range(100):
        change(b"", 500, seed)


def _run(folder: Path, how: str) -> dict[str, int | None]:
    target = folder / "target.py"
    target.write_text(textwrap.dedent(TARGET))
    run = subprocess.run(
        [sys.executable, str(target), how, "-seed=1", "-max_len=200"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
    )
    results = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    assert results, run.stdout + run.stderr
    return json.loads(results[0].removeprefix("RESULT "))


def test_atheris_finds_behind_lengths_and_checks_what_it_does_not_find_by_bytes(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    by_messages = _run(tmp_path, "with")
    by_bytes = _run(tmp_path, "without")
    print(f"planted fault: with the mutator after {by_messages['at']} runs, without after {by_bytes['at']} of {by_bytes['runs']}")
    assert by_messages["at"] is not None
    assert by_bytes["at"] is None
