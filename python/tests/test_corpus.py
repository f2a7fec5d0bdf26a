"""Every value equals what ``framescope decode --format json`` prints, over all recorded captures.

The program is the one that the variable FRAMESCOPE names, or that was built in this repository. Without one, rows are compared with the
accepted output. FRAMESCOPE_CAPTURES names a folder of more captures.
"""

import datetime
import json
import math
import os
import subprocess
import warnings
from pathlib import Path

import framescope
import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "corpus"


def program() -> str | None:
    named = os.environ.get("FRAMESCOPE")
    built = [ROOT / "target" / profile / "framescope" for profile in ("release", "debug")]
    newest = max((path for path in built if path.is_file()), key=lambda path: path.stat().st_mtime, default=None)
    return named or (str(newest) if newest else None)


def cases() -> list[tuple[Path, Path | None]]:
    found: list[tuple[Path, Path | None]] = []
    for folder in ("captures", "formats", "carriers", "foreign"):
        for path in sorted((CORPUS / folder).rglob("*")):
            if path.suffix in (".pcap", ".pcapng", ".gz", ".zst", ".erf", ".snoop", ".txt", ".cap") and path.is_file():
                if path.suffix == ".txt" and folder != "foreign":
                    continue
                beside = [CORPUS / folder / f"{path.parent.name}.ksy", *sorted(path.parent.glob("*.ksy"))]
                found.append((path, next((one for one in beside if one.is_file()), None)))
    more = os.environ.get("FRAMESCOPE_CAPTURES")
    if more:
        found += [(path, None) for path in sorted(Path(more).rglob("*")) if path.is_file()]
    return found


def value_of(value: object) -> object:
    if isinstance(value, framescope.Named):
        return {"enum": value.name, "value": int(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def field_of(field: framescope.Field) -> dict[str, object]:
    json_: dict[str, object] = {"name": field.name, "offset": field.offset, "length": field.length}
    if not field.is_group:
        json_["value"] = value_of(field.value)
    if field.fields or field.is_group:
        json_["fields"] = [field_of(inner) for inner in field.fields]
    return json_


def time_of(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def json_of(m: framescope.Message) -> dict[str, object]:
    json_: dict[str, object] = {
        "row": m.row,
        "time": time_of(m.time_ns),
        "flow": m.flow,
        "direction": m.direction,
        "src": m.src,
        "dst": m.dst,
        "offset": m.offset,
        "length": m.length,
        "packets": m.packets,
        "protocol": m.protocol,
        "type": m.type,
        "kind": m.kind,
        "summary": m.summary,
        "reply_to": m.reply_to,
        "latency_ns": m.latency_ns,
        "part_of": m.part_of,
        "fields": [field_of(field) for field in m.fields],
        "problems": [
            {"code": p.code, "severity": p.severity, "offset": p.offset, "length": p.length, "text": p.text}
            for p in m.problems
        ],
    }
    if m.carried_in is not None:
        json_["carried_in"] = m.carried_in
        json_["carried_by"] = m.carried_by
    if m.missing:
        json_["missing"] = [list(gap) for gap in m.missing]
    if m.stage is not None:
        json_["stage"] = m.stage
    if m.comments:
        json_["comments"] = [{"packet": packet, "text": text} for packet, text in m.comments]
    return json_


@pytest.mark.skipif(program() is None, reason="the program is not built: FRAMESCOPE=…/framescope names it")
def test_every_value_equals_what_the_program_prints():
    compared = 0
    for path, described in cases():
        keylog = next(iter(sorted(path.parent.glob("*key*log*"))), None)
        command = [str(program()), "decode", "--format", "json", str(path)]
        command += ["--protocol", str(described)] if described else []
        command += ["--keylog", str(keylog)] if keylog else []
        printed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if printed.returncode not in (0, 1):
            with pytest.raises(framescope.Error):
                framescope.open(path, described, keylog=keylog)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", framescope.DamageWarning)
            capture = framescope.open(path, described, keylog=keylog)
        lines = printed.stdout.split("\n")[:-1]
        assert len(lines) == len(capture), path
        assert (printed.returncode == 1) == bool(capture.damages), path
        for line, message in zip(lines, capture, strict=True):
            assert json_of(message) == json.loads(line), path
            compared += 1
    assert compared > 3000


def test_rows_are_those_that_were_accepted():
    compared = 0
    for path, described in cases():
        accepted = path.with_name("expected.txt")
        if path.name != "capture.pcapng" or not accepted.is_file() or "carriers" in path.parts:
            continue
        text = accepted.read_text(encoding="utf-8")
        heads = [line for line in text.split("\n") if line.startswith("#")]
        capture = framescope.open(path, described)
        assert len(heads) == len(capture), path
        for head, m in zip(heads, capture, strict=True):
            assert head.startswith(f"#{m.row} {time_of(m.time_ns)} flow {m.flow} {m.src} > {m.dst}"), path
            assert m.kind is None or m.kind in head, path
            compared += 1
    assert compared > 500


def names_in(fields: "list[framescope.Field]") -> set[str]:
    return {field.name for field in fields} | {name for field in fields for name in names_in(field.fields)}


def test_a_field_that_is_asked_for_first_is_the_same_as_among_all():
    compared = 0
    for path, described in cases():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", framescope.DamageWarning)
            try:
                capture = framescope.open(path, described)
            except framescope.Error:
                continue
        for row in range(0, len(capture), len(capture) // 100 + 1):
            whole = capture[row]
            for name in sorted(names_in(whole.fields)):
                asked, known = capture[row].get(name), whole.get(name)
                assert type(asked) is type(known) and repr(asked) == repr(known), (path, row, name)
                compared += 1
    assert compared > 20_000
