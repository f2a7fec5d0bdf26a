"""Sockets that block: whole messages, timeouts that lose nothing, threads, datagrams, states."""

import socket
import threading

import pytest

from framescope import Protocol, sockets

KSY = """
meta:
  id: mine
  endian: be
  -framescope: {kind: kind}
seq:
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: length, type: u2, valid: {max: 1000}}
  - {id: text, type: str, size: length, encoding: UTF-8}
  - {id: check, type: u1, -check: xor}
enums:
  kind: {1: login, 2: say}
"""
LIMIT = 30


@pytest.fixture(scope="module")
def mine():
    return Protocol.from_text(KSY)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(LIMIT)
        theirs.settimeout(LIMIT)
        yield ours, theirs


def say(mine, text):
    return mine.encode({"kind": "say", "text": text})


def test_messages_are_whole_whatever_the_pieces(mine, pair):
    ours, theirs = pair
    texts = [f"text {number}" for number in range(200)]
    data = b"".join(say(mine, text) for text in texts)

    def send():
        for at in range(0, len(data), 11):
            theirs.sendall(data[at : at + 11])
        theirs.close()

    sender = threading.Thread(target=send)
    sender.start()
    assert [message["text"] for message in sockets.receive(ours, mine)] == texts
    sender.join(LIMIT)


def test_a_timeout_keeps_what_was_read(mine, pair):
    ours, theirs = pair
    data = say(mine, "good morning")
    messages = sockets.receive(ours, mine)
    theirs.sendall(data[:6])
    ours.settimeout(0.01)
    with pytest.raises(TimeoutError):
        next(messages)
    ours.settimeout(LIMIT)
    theirs.sendall(data[6:])
    assert next(messages)["text"] == "good morning"


def test_a_socket_that_does_not_block_keeps_what_was_read(mine, pair):
    ours, theirs = pair
    data = say(mine, "good morning")
    messages = sockets.receive(ours, mine)
    ours.setblocking(False)
    theirs.sendall(data[:6])
    with pytest.raises(BlockingIOError):
        next(messages)
    theirs.sendall(data[6:])
    assert next(messages)["text"] == "good morning"


def test_an_end_inside_a_message_is_an_error_with_words(mine, pair):
    ours, theirs = pair
    theirs.sendall(say(mine, "good morning") + say(mine, "and good night")[:9])
    theirs.close()
    messages = sockets.receive(ours, mine)
    assert next(messages)["text"] == "good morning"
    with pytest.raises(sockets.IncompleteMessage, match="the stream ended inside a message: .* at byte 16 .* only 9 bytes arrived"):
        next(messages)
    assert list(messages) == []


def test_damage_raises_or_is_reported(mine, pair):
    ours, theirs = pair
    data = say(mine, "good morning")
    theirs.sendall(data + b"\0\0" + data * 3)
    theirs.close()
    messages = sockets.receive(ours, mine)
    assert next(messages)["text"] == "good morning"
    with pytest.raises(sockets.DamagedMessage, match="2 bytes at byte 16 of the stream are not a message"):
        next(messages)
    assert [message["text"] for message in messages] == ["good morning"] * 3
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data + b"\0\0" + data * 3)
        theirs.close()
        types = [message.type for message in sockets.receive(ours, mine, damaged="report")]
    assert types == ["message", "skipped", "message", "message", "message"]


def test_several_threads_receive_each_message_once(mine, pair):
    ours, theirs = pair
    texts = [f"text {number}" for number in range(1000)]
    messages = sockets.receive(ours, mine)
    found, threads = [], []

    def take():
        found.extend([message["text"] for message in messages])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for text in texts:
        theirs.sendall(say(mine, text))
    theirs.close()
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(found) == sorted(texts)


def test_a_connection_sends_and_receives(mine, pair):
    ours, theirs = pair

    def answer():
        with sockets.Connection(theirs, mine, role="server") as client:
            for message in client:
                client.send({"kind": "say", "text": message["text"].upper()})

    server = threading.Thread(target=answer)
    server.start()
    with sockets.Connection(ours, mine) as connection:
        connection.send({"kind": "login", "text": "ada"})
        assert connection.receive()["text"] == "ADA"
        ours.shutdown(socket.SHUT_WR)
        assert connection.receive() is None
    server.join(LIMIT)


def test_datagrams_are_messages_by_themselves(mine):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(LIMIT)
        theirs.connect(ours.getsockname())
        messages = sockets.receive(ours, mine, damaged="report")
        for data in (say(mine, "one"), say(mine, "cut")[:5], b"", say(mine, "two") + say(mine, "three")):
            theirs.send(data)
        found = [next(messages) for _ in range(4)]
        assert [message.type for message in found] == ["message", "partial", "message", "message"]
        assert [message["text"] for message in found if message.type == "message"] == ["one", "two", "three"]


def test_sending_takes_fields_and_a_path_of_a_description(mine, pair, tmp_path):
    ours, theirs = pair
    path = tmp_path / "mine.ksy"
    path.write_text(KSY)
    sockets.send(theirs, path, {"kind": "say", "text": "by path"})
    sockets.send(theirs, str(path), say(mine, "by bytes"))
    messages = sockets.receive(ours, path)
    assert [next(messages)["text"], next(messages)["text"]] == ["by path", "by bytes"]


STATES = """
meta:
  id: guestbook
  endian: be
  -framescope:
    conversation:
      variables: {wide: false}
      client: [hello, request]
      server: [reply]
      states:
        hello: {set: {wide: version >= 2}}
types:
  hello: {seq: [{id: magic, contents: GB}, {id: version, type: u1}]}
  request: {seq: [{id: number, type: u1}]}
  reply:
    seq:
      - {id: length, type: {switch-on: _conversation.wide, cases: {true: u2, false: u1}}}
      - {id: text, size: length, type: str, encoding: UTF-8}
"""


@pytest.mark.parametrize(("version", "reply"), [(1, b"\x02hi"), (2, b"\x00\x02hi")])
def test_what_was_sent_decides_how_the_reply_is_read(pair, version, reply):
    ours, theirs = pair
    connection = sockets.Connection(ours, Protocol.from_text(STATES))
    connection.send(b"GB" + bytes([version]))
    connection.send(b"\x01")
    theirs.sendall(reply)
    message = connection.receive()
    assert message["text"] == "hi"
