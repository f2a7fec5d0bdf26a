"""The type stubs are those of the module, and the package's types hold."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

# Python does not show what is called when an attribute is not found, nor what is never made by name.
EXCEPT = r"""
framescope\._framescope\.(Group|Message)\.__getattr__
framescope\._framescope\.BatchIterator
framescope\._framescope\.__all__
"""

PROGRAM = """
import framescope

capture = framescope.open("a.pcapng", ["mine.ksy"], filter="kind == DATA")
for message in capture:
    kind: str | None = message.kind
    user: str = message["payload.user"] + message.payload.user
first: framescope.Message = capture[0]
rest: framescope.Capture = capture[1:]
follow: framescope.Follow = framescope.open("a.pcapng", follow=True)
encoded: bytes = framescope.Protocol.missive(key="00").encode({"kind": "PING"})
"""


def test_the_stubs_are_those_of_the_module(tmp_path):
    allowed = tmp_path / "allowed"
    allowed.write_text(EXCEPT)
    command = [sys.executable, "-m", "mypy.stubtest", "framescope._framescope", "--allowlist", str(allowed)]
    checked = subprocess.run([*command, "--ignore-unused-allowlist"], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_typed_program_is_checked(tmp_path):
    path: Path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", path.name], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    path.write_text(PROGRAM + "wrong: int = first.kind\n")
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", path.name], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 1 and "Incompatible types" in checked.stdout

