"""The timeline: drawn where matplotlib is, and a sentence where it is not."""

import struct
import sys

import pytest

import framescope

KSY = """
meta: {id: mine, endian: be, -framescope: {ports: 9000, kind: kind}}
seq:
  - {id: kind, type: u1, enum: kind}
  - {id: length, type: u2}
  - {id: text, type: str, size: length, encoding: UTF-8}
enums:
  kind: {1: login, 2: say}
"""


@pytest.fixture(scope="module")
def capture():
    mine = framescope.Protocol.from_text(KSY)
    data = mine.encode({"kind": "say", "text": "good $x^2$"}) + mine.encode({"kind": "login", "text": "ada"})
    return framescope.open(pcap(data), protocol=mine)


def test_without_matplotlib_it_says_what_to_install(capture, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        capture.timeline()


def test_few_messages_are_marks_and_many_are_bars(capture, monkeypatch, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from framescope import timeline

    axes = capture.timeline()
    # The capture begins inside the connection, so that the first message is a guess.
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["say", "login", "has problems"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["127.0.0.1:40000 \u2192 127.0.0.1:9000"]
    axes.figure.savefig(tmp_path / "marks.png")
    monkeypatch.setattr(timeline, "MARKS", 1)
    bars = capture.flows[0].timeline()
    assert bars.get_ylabel() == "messages" and sum(bar.get_height() for bar in bars.patches) == 2
    bars.figure.savefig(tmp_path / "bars.png")


def test_no_messages_are_an_empty_picture(capture):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    assert capture[:0].timeline().get_title() == "no messages"


def pcap(data, port=40000):
    """A capture of one segment."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    tcp = struct.pack(">HHIIBBHHH", port, 9000, 1, 1, 0x50, 0x18, 65535, 0, 0)
    packet = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + data
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1)
    return head + struct.pack("<IIII", 1_700_000_000, 5, len(packet), len(packet)) + packet
