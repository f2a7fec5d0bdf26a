"""Captures that grow."""

import threading
import time

import framescope
import pytest

from test_capture import CHAT


def test_messages_are_given_as_they_arrive(tmp_path):
    whole = CHAT.read_bytes()
    path = tmp_path / "growing.pcapng"
    path.write_bytes(whole[:2000])

    def write() -> None:
        with path.open("ab") as file:
            for at in range(2000, len(whole), 3000):
                file.write(whole[at : at + 3000])
                file.flush()
                time.sleep(0.005)

    follow = framescope.open(path, follow=True, timeout=5.0)
    first = next(follow)
    writer = threading.Thread(target=write)
    writer.start()
    rows = [first]
    for message in follow:
        rows.append(message)
        if len(rows) == 100:
            follow.close()
    writer.join()
    capture = framescope.open(CHAT)
    assert len(rows) == len(capture)
    expected = {(m.flow, m.direction, m.offset): m.bytes for m in capture}
    assert {(m.flow, m.direction, m.offset): m.bytes for m in rows} == expected
    assert first.kind == "LOGIN" and first["payload.user"] == "ada" and first.time == capture[0].time


def test_a_capture_that_was_read_is_followed_from_its_end(tmp_path):
    whole = CHAT.read_bytes()
    path = tmp_path / "growing.pcapng"
    # The end of a block, which is the 60th.
    at = 0
    for _ in range(60):
        at += int.from_bytes(whole[at + 4 : at + 8], "little")
    path.write_bytes(whole[:at])
    capture = framescope.open(path)
    with path.open("ab") as file:
        file.write(whole[at:])
    rest = list(capture.follow(timeout=0.3))
    assert 0 < len(capture) < 106 and rest
    assert min(m.packets[-1] for m in rest) > capture.packets
    assert len(capture.follow(timeout=0.3).__iter__().__class__.__name__) > 0


def test_what_is_no_file_is_not_followed():
    with pytest.raises(TypeError, match="followed"):
        framescope.open(b"abc", follow=True)
    with pytest.raises(TypeError, match="followed"):
        framescope.open(CHAT.read_bytes()).follow()
