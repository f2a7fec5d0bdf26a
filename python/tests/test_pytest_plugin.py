"""The pytest plugin, by tests that run tests."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

import framescope
from framescope.conversation import differences

pytest_plugins = ["pytester"]

KSY = """\
meta: {id: talk, endian: be, -framescope: {kind: kind}}
seq:
  - {id: magic, contents: TK}
  - {id: kind, type: u1, enum: kind}
  - {id: sequence, type: u2}
  - {id: length, type: u2}
  - {id: body, size: length, type: body}
  - {id: check, type: u4, -check: crc-32}
enums:
  kind: {1: hello, 2: said, 3: bye}
types:
  body:
    seq:
      - {id: name_length, type: u1}
      - {id: name, type: str, size: name_length, encoding: UTF-8}
      - {id: data, size-eos: true}
"""

#: What a test's own module begins with: the protocol, and a server that answers each message.
PEERS = '''
import contextlib, socket, struct, threading, zlib
import pytest

def message(kind, sequence, name, data=b""):
    body = bytes([len(name)]) + name.encode() + data
    said = b"TK" + struct.pack(">BHH", kind, sequence, len(body)) + body
    return said + struct.pack(">I", zlib.crc32(said))

def receive(connection):
    head = b""
    while len(head) < 7:
        piece = connection.recv(7 - len(head))
        if not piece:
            return None
        head += piece
    rest = b""
    length = struct.unpack(">H", head[5:7])[0] + 4
    while len(rest) < length:
        rest += connection.recv(length - len(rest))
    return head[2], rest[1 : 1 + rest[0]].decode()

def serve(server, first):
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                sequence = first
                while (got := receive(connection)) is not None:
                    connection.sendall(message(2, sequence, f"hello, {got[1]}", bytes(range(32))))
                    sequence += 1

@pytest.fixture
def server(request):
    server = socket.create_server(("127.0.0.1", 0))
    first = getattr(request, "param", 1)
    threading.Thread(target=serve, args=(server, first), daemon=True).start()
    yield server.getsockname()
    server.close()

def ask(address, *names, first=1):
    answers = []
    with socket.create_connection(address, timeout=30) as client:
        for sequence, name in enumerate(names, first):
            client.sendall(message(1, sequence, name))
            answers.append(receive(client))
    return answers
'''


@pytest.fixture
def pytester(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".ksy", talk=KSY)
    pytester.makepyfile(peers=PEERS)
    pytester.makeini("[pytest]\nframescope_protocol = talk.ksy\n")
    return pytester


ASKING = """
from peers import *

def test_greets(framescope_proxy, server):
    proxy = framescope_proxy(server)
    assert ask(proxy.address, {names})[0] == (2, "hello, ada")
    proxy.assert_conversation("greets.pcapng"{more})
"""


def _test(pytester: pytest.Pytester, names: str, more: str = "") -> None:
    # A module of the same length within a second would be taken from the cache.
    pytester.makepyfile(test_it=ASKING.format(names=names, more=more) + f"# {names} {more}\n")


def test_a_missing_golden_fails_and_says_how_to_write_it(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada", "bob"')
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no golden capture *greets.pcapng; pytest --framescope-update writes it (4 messages so far)"])
    assert not (pytester.path / "greets.pcapng").exists()


def test_a_golden_is_written_on_request_compared_and_kept_while_nothing_differs(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada", "bob"')
    result = pytester.runpytest("--framescope-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["framescope: wrote the golden capture *greets.pcapng"])
    golden = pytester.path / "greets.pcapng"
    written = golden.read_bytes()
    assert [one.kind for one in framescope.open(golden, pytester.path / "talk.ksy")] == ["hello", "said"] * 2
    for arguments in [(), ("--framescope-update",)]:
        pytester.runpytest(*arguments).assert_outcomes(passed=1)
        assert golden.read_bytes() == written


def test_a_difference_names_message_field_and_both_values(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada", "bob"')
    pytester.runpytest("--framescope-update").assert_outcomes(passed=1)
    _test(pytester, '"ada", "eve"')
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the conversation is not that of *greets.pcapng: 2 messages differ",
            "*forward: message 2 differs: hello*",
            "*    body.name * expected 'bob'",
            "*    * found    'eve'",
            "*backward: message 2 differs: said*",
            "*    body.name * expected 'hello, bob'",
            "*    * found    'hello, eve'",
            "*if it is as it should be, pytest --framescope-update writes it",
        ]
    )
    # Nothing else differs.
    assert "    sequence" not in result.stdout.str()
    pytester.runpytest("--framescope-update").assert_outcomes(passed=1)
    pytester.runpytest().assert_outcomes(passed=1)


def test_what_is_missing_and_what_is_more_is_named(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada", "bob", "eve"')
    pytester.runpytest("--framescope-update").assert_outcomes(passed=1)
    _test(pytester, '"ada", "eve"', ', ignore=["sequence"]')
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*forward: message 2 is missing: hello*", "*backward: message 2 is missing: said*"])
    assert "differs:" not in result.stdout.str()
    _test(pytester, '"ada", "bob", "eve", "joe"')
    pytester.runpytest().stdout.fnmatch_lines(["*forward: message 4 is not expected: hello*"])


def test_bytes_are_shown_in_hex_around_the_first_that_differs(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada"')
    pytester.runpytest("--framescope-update").assert_outcomes(passed=1)
    pytester.makepyfile(peers=PEERS.replace("bytes(range(32))", "bytes(range(20)) + bytes(12)"))
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*body.data * expected … at 16: 10 11 12 13 14 15 *",
            "*found    … at 16: 10 11 12 13 00 00 *",
        ]
    )


def test_ignored_fields_and_a_filter_leave_the_rest_to_be_compared(pytester: pytest.Pytester) -> None:
    _test(pytester, '"ada", "bob"')
    pytester.runpytest("--framescope-update").assert_outcomes(passed=1)
    _test(pytester, '"ada", "bob", first=40')
    pytester.runpytest().assert_outcomes(failed=1)
    _test(pytester, '"ada", "bob", first=40', ', ignore=["sequence"]')
    pytester.runpytest().assert_outcomes(passed=1)
    _test(pytester, '"ada", "bob", first=40', ', filter="kind == said"')
    pytester.runpytest().assert_outcomes(passed=1)
    _test(pytester, '"ada", "eve", first=40', ', ignore=["sequence", "body"]')
    pytester.runpytest().assert_outcomes(passed=1)


def test_what_failing_tests_recorded_is_kept_and_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from peers import *

        @pytest.mark.parametrize("name", ["a/b", "passes"])
        def test_two(framescope_proxy, server, name):
            one, two = framescope_proxy(server), framescope_proxy(server)
            ask(one.address, name)
            ask(two.address, "x", "y")
            assert name == "passes"
        """
    )
    result = pytester.runpytest("--framescope-save", "kept")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Captured conversation by 127.0.0.1:* to 127.0.0.1:*", "*hello: *", "kept in *.pcapng"])
    kept = sorted((pytester.path / "kept").iterdir())
    assert len(kept) == 2
    assert [len(framescope.open(one, pytester.path / "talk.ksy")) for one in kept] == [2, 4]
    pytester.runpytest().stdout.fnmatch_lines(["--framescope-save DIR keeps it as a capture"])


def test_tests_run_side_by_side_by_xdist(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        from peers import *

        @pytest.mark.parametrize("number", range(8))
        def test_many(framescope_proxy, server, number):
            proxy = framescope_proxy(server)
            ask(proxy.address, *["name"] * number)
            assert len(proxy.messages) == 2 * number
            proxy.assert_conversation()
        """
    )
    pytester.runpytest("-n", "2", "--framescope-update").assert_outcomes(passed=8)
    pytester.runpytest("-n", "2").assert_outcomes(passed=8)
    assert len(list((pytester.path / "captures").rglob("*.pcapng"))) == 8


def test_asyncio_and_threads_are_recorded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        from peers import *

        async def one(address, name):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(message(1, 1, name))
            answer = await reader.readexactly(7)
            await reader.readexactly(struct.unpack(">H", answer[5:7])[0] + 4)
            writer.close()
            await writer.wait_closed()

        @pytest.fixture
        def echo():
            async def answer(reader, writer):
                while head := await reader.read(1024):
                    writer.write(message(2, 1, "to you"))
                    await writer.drain()
                writer.close()
            return answer

        def test_asyncio(framescope_proxy, echo):
            async def both():
                server = await asyncio.start_server(echo, "127.0.0.1", 0)
                proxy = framescope_proxy(server.sockets[0].getsockname())
                await asyncio.gather(*[one(proxy.address, f"name {n}") for n in range(5)])
                proxy.assert_conversation("asyncio.pcapng")
                server.close()
            asyncio.run(both())

        def test_threads(framescope_proxy, server):
            proxy = framescope_proxy(server)
            threads = [threading.Thread(target=ask, args=(proxy.address, f"name {n}")) for n in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            proxy.assert_conversation("threads.pcapng")
        """
    )
    pytester.runpytest("--framescope-update").assert_outcomes(passed=2)
    # Whichever connection was first.
    for _ in range(3):
        pytester.runpytest().assert_outcomes(passed=2)


def test_faults_are_between_what_the_client_and_the_server_see(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import framescope
        from peers import *

        def test_cut(framescope_proxy, server):
            proxy = framescope_proxy(server, to_target="cut=1")
            assert ask(proxy.address, "ada") == [(2, "hello, ada")]
            assert [one.kind for one in proxy.messages] == ["hello", "said"]
            behind = framescope.open(proxy.recording("target"), "talk.ksy")
            # Each byte came by itself.
            assert len(behind[0].packets) == behind[0].length
            assert len(proxy.messages[0].packets) == 1

        def test_changed(framescope_proxy, server):
            proxy = framescope_proxy(server, set="kind == hello: sequence = 77")
            ask(proxy.address, "ada")
            assert proxy.messages[0]["sequence"] == 1
            assert framescope.open(proxy.recording("target"), "talk.ksy")[0]["sequence"] == 77

        def test_words_that_are_none(framescope_proxy, server):
            with pytest.raises(framescope.OptionError, match="to_client: .*nonsense"):
                framescope_proxy(server, to_client="nonsense=1")
            with pytest.raises(framescope.OptionError, match="yes-remote|remote"):
                framescope_proxy("192.0.2.1:9")
        """
    )
    pytester.runpytest().assert_outcomes(passed=3)


def test_datagrams_are_recorded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from peers import *

        def test_udp(framescope_proxy):
            with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
                server.bind(("127.0.0.1", 0))
                server.settimeout(30)
                proxy = framescope_proxy(server.getsockname(), udp=True)
                client.sendto(message(1, 1, "ada"), proxy.address)
                data, sender = server.recvfrom(2000)
                server.sendto(message(2, 1, "bob"), sender)
                client.settimeout(30)
                client.recvfrom(2000)
                assert [one["body.name"] for one in proxy.wait_for(2)] == ["ada", "bob"]
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_a_server_that_is_not_there_is_noticed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from peers import *

        def test_nobody(framescope_proxy):
            with socket.create_server(("127.0.0.1", 0)) as server:
                address = server.getsockname()
            proxy = framescope_proxy(address)
            with contextlib.suppress(OSError), socket.create_connection(proxy.address, timeout=30) as client:
                assert client.recv(1) == b""
            assert proxy.messages == []
            assert any("can't" in one or "refused" in one for one in proxy.notices), proxy.notices
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_capturing_is_recorded_or_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from peers import *

        def test_capture(framescope_capture, server):
            capture = framescope_capture(f"tcp port {server[1]}")
            ask(server, "ada")
            capture.wait_for(2, timeout=30)
        """
    )
    result = pytester.runpytest("-rs")
    outcomes = result.parseoutcomes()
    assert outcomes.get("passed", 0) + outcomes.get("skipped", 0) == 1, result.stdout.str()
    if "skipped" in outcomes:
        result.stdout.fnmatch_lines(["SKIPPED*nothing can be captured: *"])


@pytest.fixture
def talk() -> framescope.Protocol:
    return framescope.Protocol.from_text(KSY)


def _conversation(talk: framescope.Protocol, tmp_path: Path, *messages: dict[str, object]) -> framescope.Capture:
    """Messages of one direction, through a real socket."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pcapng"
    server = socket.create_server(("127.0.0.1", 0))
    received = threading.Thread(target=lambda: _drain(server))
    received.start()
    proxy = framescope._framescope.Proxy(server.getsockname(), path)
    with socket.create_connection(proxy.address) as client:
        for one in messages:
            client.sendall(talk.encode(one))
    received.join(30)
    proxy.stop()
    server.close()
    return framescope.open(path, talk)


def _drain(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while connection.recv(4096):
            pass


def _hello(sequence: int, name: str, data: bytes = b"") -> dict[str, object]:
    return {"kind": "hello", "sequence": sequence, "body": {"name_length": 0, "name": name, "data": data}}


def test_a_conversation_is_the_same_as_itself_and_lengths_follow_what_is_ignored(
    talk: framescope.Protocol, tmp_path: Path
) -> None:
    one = _conversation(talk, tmp_path, _hello(1, "ada"), _hello(2, "bob", b"12"))
    other = _conversation(talk, tmp_path, _hello(1, "ada"), _hello(2, "bobby", b"12"))
    assert differences(one, one) == []
    found = differences(one, other)
    assert [(d.what, d.direction, d.number) for d in found] == [("changed", "forward", 2)]
    assert [path for path, _, _ in found[0].fields] == ["length", "body.name_length", "body.name", "check"]
    assert differences(one, other, ignore=["name"], protocols=lambda _: talk) == []
    # Without the protocol nothing can be derived.
    assert len(differences(one, other, ignore=["name"])) == 1
