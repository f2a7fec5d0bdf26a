"""The examples of docs/testing-python.md, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import framescope
from framescope import fuzzing

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs" / "testing-python.md"

KSY = """\
meta: {id: mine, endian: be, -framescope: {kind: kind}}
seq:
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: sequence, type: u2}
  - {id: length, type: u2}
  - {id: user, type: str, size: length, encoding: UTF-8}
enums:
  kind: {1: hello, 2: welcome}
"""

PROGRAM = '''
import socket, struct, threading
from types import SimpleNamespace
import pytest

class MyError(Exception):
    pass

def my_parser(data):
    if len(data) < 5:
        raise MyError
    kind, sequence, length = struct.unpack(">BHH", data[:5])
    if len(data) != 5 + length or kind not in (1, 2):
        raise MyError
    try:
        return SimpleNamespace(user=data[5:].decode())
    except UnicodeDecodeError:
        raise MyError from None

class MySession:
    def receive(self, direction, data):
        my_parser(data)

def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data

def receive(connection):
    head = exactly(connection, 5)
    return None if head is None else exactly(connection, int.from_bytes(head[3:], "big")).decode()

def message(kind, user):
    return struct.pack(">BHH", kind, 1, len(user.encode())) + user.encode()

def serve(server):
    try:
        while True:
            connection, _ = server.accept()
            with connection:
                while (user := receive(connection)) is not None:
                    connection.sendall(message(2, "welcome, " + user))
    except OSError:
        pass

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server

def greet(address, user):
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(message(1, user))
        return receive(client)
'''


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_tests_pass(pytester: pytest.Pytester) -> None:
    pytest.importorskip("hypothesis")
    examples = [one for one in _examples() if "def test_" in one]
    assert len(examples) == 3
    pytester.makefile(".ksy", mine=KSY)
    pytester.makeini("[pytest]\nframescope_protocol = mine.ksy\n")
    pytester.makepyfile(program=PROGRAM)
    pytester.makepyfile(test_of_docs="from program import *\n" + "\n".join(examples))
    result = pytester.runpytest("--framescope-update", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=7)
    pytester.runpytest("-k", "greeting").assert_outcomes(passed=1, deselected=6)


def test_the_mutator_for_other_fuzzers_does_what_they_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = [one for one in _examples() if "def fuzz(" in one]
    (tmp_path / "mine.ksy").write_text(KSY)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"fuzzing": fuzzing}
    exec("import random\n" + example, names)  # noqa: S102
    made = names["fuzz"](bytearray(b""), None, 100)  # type: ignore[operator]
    assert isinstance(made, bytearray)
    assert list(framescope.Protocol.from_ksy("mine.ksy").frames(bytes(made)))
