"""What notebooks show: all that is known, nothing that a browser would take for markup, and no more than a person reads."""

import html.parser
import struct

import pytest

import framescope
from framescope import display

KSY = """
meta:
  id: mine
  endian: be
  -framescope: {ports: 9000, kind: kind, summary: '{body.text}'}
seq:
  - {id: kind, type: u1, enum: kind}
  - {id: length, type: u2}
  - {id: body, type: body, size: length}
  - {id: check, type: u1, -check: xor}
types:
  body:
    seq:
      - {id: count, type: u1}
      - {id: text, type: str, encoding: UTF-8, size-eos: true}
enums:
  kind: {1: login, 2: say}
"""
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\u202e\u0000\n"


@pytest.fixture(scope="module")
def mine():
    return framescope.Protocol.from_text(KSY)


def message(mine, text, kind="say"):
    return mine.encode({"kind": kind, "body": {"count": 1, "text": text}})


class Page(html.parser.HTMLParser):
    """Notes the elements and attributes, and the text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.open = []
        self.feed(source)
        self.close()
        assert not self.open, "every element ends"

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page(shown):
    found = Page(shown._repr_html_())
    assert found.tags <= {"div", "span", "b", "table", "thead", "tbody", "tr", "th", "td", "pre"}
    assert found.attributes <= {"style", "title"}
    return found


def test_a_message_shows_its_fields_and_bytes(mine):
    text = page(mine.decode(message(mine, "good morning"))).text
    for shown in ("say", "mine", "kind", "say (2)", "body", "count", '"good morning"', "check", "02 00 0d 01 67 6f", "good·morning"[:4]):
        assert shown in text


def test_the_tints_of_bytes_are_those_of_their_fields(mine):
    source = mine.decode(message(mine, "good morning"))._repr_html_()
    table, _, bytes_ = source.partition("<pre")
    for number, (name, digits) in enumerate([("kind", "02"), ("length", "00 0d"), ("count", "01")]):
        tint = f"background:{display._tint(number)}"
        assert f'{tint};border-radius:3px;padding:0 4px">{name}<' in table
        assert f'<span style="{tint}"' in bytes_ and f">{digits}</span>" in bytes_


def test_problems_are_marked_with_their_bytes(mine):
    data = message(mine, "good morning")
    wrong = mine.decode(data[:-1] + bytes([data[-1] ^ 1]))
    source = wrong._repr_html_()
    assert "checksum-mismatch" in source and "[16:17]" in source
    assert "text-decoration:underline wavy" in source.partition("<pre")[2]
    assert "underline" not in mine.decode(data)._repr_html_()


def test_nothing_that_was_received_is_markup(mine):
    data = message(mine, HOSTILE) * 2
    found = list(mine.frames(data)) + list(mine.frames(HOSTILE.encode()))
    for shown in [*found, display.table(found), framescope.open(pcap(data), protocol=mine)]:
        text = page(shown).text
        assert "\u202e" not in text and "\0" not in text
    assert "<script>alert(1)</script>" in page(found[0]).text


def test_a_long_message_is_cut_and_says_so(mine):
    text = page(mine.decode(message(mine, "x" * 10_000))).text
    assert len(text) < 10_000
    assert f"{10_000 + 5 - display.HEX_BYTES:,} more bytes" in text


def test_many_messages_are_the_first_ones_and_their_number(mine):
    capture = framescope.open(pcap(message(mine, "good morning") * 30), protocol=mine)
    for shown, text in [(capture, "the first 20 of 30 messages"), (capture[:5], "5 messages"), (capture[:1], "1 message")]:
        assert text in page(shown).text
    assert page(capture).text.count("good morning") == display.ROWS
    flow = page(capture.flows[0]).text
    assert "127.0.0.1:40000" in flow and "the first 20 of 30 messages" in flow


def test_the_sum_of_a_table_is_a_sequence(mine):
    found = display.table(mine.frames(message(mine, "one") + message(mine, "two")))
    assert len(found) == 2 and [m["text"] for m in found] == ["one", "two"] and repr(found) == "<2 messages>"


def pcap(data, port=40000):
    """A capture of one segment."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    tcp = struct.pack(">HHIIBBHHH", port, 9000, 1, 1, 0x50, 0x18, 65535, 0, 0)
    packet = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + data
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1)
    return head + struct.pack("<IIII", 1_700_000_000, 5, len(packet), len(packet)) + packet
