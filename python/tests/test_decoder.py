"""Messages from bytes as they arrive."""

import threading

import framescope
import pytest

from test_message import BYTES, MINE

TALK = """
meta: {id: talk, endian: be, -framescope: {conversation: {}}}
"""


@pytest.fixture(scope="module")
def mine() -> framescope.Protocol:
    return framescope.Protocol.from_text(MINE)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, 1 << 20])
def test_messages_do_not_depend_on_how_the_bytes_are_cut(mine, size):
    stream = (BYTES + b"\x09\x08") * 3 + BYTES[:7]
    whole = [(p.type, p.offset, p.length, p.bytes, p.to_dict()) for p in mine.frames(stream)]
    decoder = mine.decoder()
    parts = []
    for at in range(0, len(stream), size):
        parts += decoder.feed(stream[at : at + size])
    assert decoder.offset == len(stream)
    parts += decoder.end()
    assert [(p.type, p.offset, p.length, p.bytes, p.to_dict()) for p in parts] == whole
    assert decoder.waiting == 0


def test_what_is_fed_may_be_anything_with_bytes(mine):
    decoder = mine.decoder("backward")
    for data in (BYTES, bytearray(BYTES), memoryview(BYTES), memoryview(BYTES + b"")[:]):
        (message,) = decoder.feed(data)
        assert message.direction == "backward" and message["text"] == ["ada", "bo"] and message.time is None
    assert decoder.feed(b"") == []
    with pytest.raises(TypeError, match="bytes are needed, not str"):
        decoder.feed("abc")
    with pytest.raises(ValueError, match="'forward' or 'backward', not 'up'"):
        mine.decoder("up")


def test_a_decoder_that_was_ended_takes_no_more(mine):
    decoder = mine.decoder()
    decoder.feed(BYTES[:5])
    assert decoder.waiting == 5 and [part.type for part in decoder.end()] == ["partial"]
    with pytest.raises(ValueError, match="was ended"):
        decoder.feed(BYTES)
    assert decoder.end() == []


def test_threads_share_a_decoder_without_losing_anything(mine):
    decoder = mine.decoder()
    found = []

    def feed() -> None:
        for _ in range(20):
            found.extend(decoder.feed(BYTES * 10_000))

    threads = [threading.Thread(target=feed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800_000 and decoder.waiting == 0


def test_both_sides_of_a_conversation_share_its_state():
    smtp = framescope.Protocol.from_ksy(SMTP)
    assert smtp.stages
    talk = framescope.Conversation(smtp)
    capture = framescope.open(SMTP.with_suffix("") / "capture.pcapng", SMTP)
    flow = capture[0].flow
    rows = [m for m in capture.flows[flow].messages() if m.type == "message"]
    found = []
    for m in rows:
        side = talk.client if m.direction == "forward" else talk.server
        found += side.feed(m.bytes)
    assert [(m.stage, m.kind, m.to_dict()) for m in found] == [(m.stage, m.kind, m.to_dict()) for m in rows]
    assert {m.stage for m in found} > {rows[0].stage}


def test_a_conversation_encodes_in_its_state():
    smtp = framescope.Protocol.from_ksy(SMTP)
    capture = framescope.open(SMTP.with_suffix("") / "capture.pcapng", SMTP)
    rows = [m for m in capture.flows[0].messages() if m.type == "message"]
    talk = framescope.Conversation(smtp)
    for m in rows:
        side = talk.client if m.direction == "forward" else talk.server
        assert side.encode(m) == m.bytes


from test_capture import CORPUS  # noqa: E402

SMTP = CORPUS / "formats/smtp.ksy"
