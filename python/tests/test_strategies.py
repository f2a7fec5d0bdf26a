"""Strategies: what they draw is valid, and what fails becomes as small as it can."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

import framescope

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from framescope import strategies

FORMATS = Path(__file__).parents[2] / "corpus" / "formats"
DESCRIBED = sorted(FORMATS.glob("*.ksy"))


KSY = """\
meta: {id: toy, endian: be, -framescope: {kind: kind}}
seq:
  - {id: magic, contents: TY}
  - {id: kind, type: u1, enum: kind}
  - {id: sequence, type: u4}
  - {id: length, type: u2}
  - id: body
    size: length
    type:
      switch-on: kind
      cases: {'kind::say': say, 'kind::list': list, 'kind::ping': ping}
  - {id: check, type: u1, -check: sum}
enums:
  kind: {1: ping, 2: say, 3: list}
types:
  ping: {seq: [{id: token, type: u8}]}
  say:
    seq:
      - {id: user_length, type: u1}
      - {id: user, type: str, size: user_length, encoding: UTF-8}
      - {id: text, type: str, size-eos: true, encoding: UTF-8}
  list:
    seq:
      - {id: count, type: u1}
      - {id: item, type: item, repeat: expr, repeat-expr: count}
  item:
    seq:
      - {id: number, type: s2}
      - {id: flag, type: b1}
      - {id: rest, type: b7}
"""


@pytest.fixture(scope="module")
def toy() -> framescope.Protocol:
    return framescope.Protocol.from_text(KSY)


def _smallest(strategy: Any, is_wrong: Any) -> Any:
    return find(strategy, is_wrong, settings=settings(max_examples=5_000, database=None, deadline=None), random=random.Random(1))


def test_a_text_of_five_characters_is_all_that_is_left(toy: framescope.Protocol) -> None:
    found = _smallest(strategies.messages(toy), lambda m: m.kind == "say" and len(m["body.text"]) >= 5)
    assert found.to_dict() == {
        "magic": b"TY",
        "kind": 2,
        "sequence": 0,
        "length": 6,
        "body": {"user_length": 0, "user": "", "text": "00000"},
        "check": found["check"],
    }


def test_a_list_keeps_the_items_that_matter_and_numbers_become_small(toy: framescope.Protocol) -> None:
    def is_wrong(message: framescope.Message) -> bool:
        items = _items(message)
        return len(items) >= 2 and any(item["number"] >= 100 for item in items)

    found = _smallest(strategies.messages(toy, "list"), is_wrong)
    assert sorted(item["number"] for item in _items(found)) == [0, 100]
    assert all(not item["flag"] and item["rest"] == 0 for item in _items(found))
    assert (found["sequence"], found["body.count"]) == (0, 2)


def _items(message: framescope.Message) -> list[dict[str, Any]]:
    if message.kind != "list":
        return []
    items = message.to_dict()["body"].get("item", [])
    return items if isinstance(items, list) else [items]


def test_a_parser_that_takes_a_length_for_signed_is_found_out(toy: framescope.Protocol) -> None:
    def parse(data: bytes) -> int:
        length = int.from_bytes(data[7:9], "big")
        return length - 256 if 128 <= length < 256 else length

    found = _smallest(strategies.messages(toy), lambda m: parse(m.bytes) != m["length"])
    assert found["length"] == 128
    assert (found.kind, found["sequence"]) == ("say", 0)


def test_a_conversation_becomes_the_messages_that_matter(toy: framescope.Protocol) -> None:
    def is_wrong(said: list[strategies.Turn]) -> bool:
        asked = [turn.message["body.token"] for turn in said if turn.direction == "forward" and turn.message.kind == "ping"]
        answered = [turn for turn in said if turn.direction == "backward" and turn.message.kind == "say"]
        return any(token > 7 for token in asked) and bool(answered)

    found = _smallest(strategies.conversations(toy, most=6), is_wrong)
    assert len(found) == 2
    assert {turn.message.kind for turn in found} == {"ping", "say"}
    [ping] = [turn.message for turn in found if turn.message.kind == "ping"]
    [say] = [turn.message for turn in found if turn.message.kind == "say"]
    assert (ping["body.token"], ping["sequence"], say["body.text"]) == (8, 0, "")


def test_damage_is_small_too(toy: framescope.Protocol) -> None:
    found = _smallest(strategies.messages(toy, damaged=True), lambda m: m.type == "partial")
    assert len(found.bytes) <= 17
    assert found.bytes.startswith(b"TY"[: len(found.bytes)])


def test_damaged_messages_are_mostly_damaged(toy: framescope.Protocol) -> None:
    seen: list[bool] = []

    @settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategies.messages(toy, damaged=True))
    def draw(message: framescope.Message) -> None:
        try:
            toy.decode(message.bytes)
            seen.append(False)
        except framescope.DecodeError:
            seen.append(True)

    draw()
    assert sum(seen) > len(seen) / 4


@pytest.mark.parametrize("path", DESCRIBED, ids=lambda path: path.stem)
def test_messages_of_each_description_are_decoded_without_problems(path: Path) -> None:
    protocol = framescope.Protocol.from_ksy(path)
    messages = strategies.messages(protocol)
    seen = set()

    @settings(max_examples=15, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(messages)
    def check(message: framescope.Message) -> None:
        assert not message.problems, (message.bytes, message.problems)
        if not protocol.stages:
            decoded = protocol.decode(message.bytes)
            assert not decoded.problems
            assert decoded.kind == message.kind
        seen.add(message.bytes)

    check()
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["missive", "bare", "text"])
def test_messages_of_built_in_protocols_are_decoded_without_problems(name: str) -> None:
    protocol = framescope.Protocol.named(name)

    @settings(max_examples=100, database=None, deadline=None, derandomize=True)
    @given(strategies.messages(protocol))
    def check(message: framescope.Message) -> None:
        assert not protocol.decode(message.bytes).problems

    check()


@pytest.mark.parametrize("path", [path for path in DESCRIBED if path.stem in {"smtp", "irc", "zmtp", "amqp", "game"}], ids=lambda path: path.stem)
def test_conversations_are_heard_as_they_are_said(path: Path) -> None:
    protocol = framescope.Protocol.from_ksy(path)

    @settings(max_examples=10, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(strategies.conversations(protocol))
    def check(said: list[strategies.Turn]) -> None:
        listening = framescope.Conversation(protocol)
        for turn in said:
            side = listening.client if turn.direction == "forward" else listening.server
            [heard] = side.feed(turn.bytes)
            assert (heard.type, heard.bytes) == ("message", turn.bytes)
            assert not [one for one in heard.problems if str(one.severity) == "error"]

    check()


def test_hundreds_of_messages_are_drawn_in_a_second(toy: framescope.Protocol) -> None:
    """Nothing is asserted of the time: the figure is printed."""
    drawn = 0

    @settings(max_examples=500, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategies.messages(toy))
    def draw(message: framescope.Message) -> None:
        nonlocal drawn
        drawn += len(message.bytes) > 0

    begun = time.perf_counter()
    draw()
    print(f"{drawn / (time.perf_counter() - begun):.0f} messages a second")
    assert drawn >= 100


def test_a_kind_is_one_of_those_that_there_are(toy: framescope.Protocol) -> None:
    with pytest.raises(ValueError, match="'nonsense' were found; there are list, ping, say"):
        strategies.messages(toy, "nonsense")
    assert _smallest(strategies.messages(toy, "ping"), lambda m: True).kind == "ping"


def test_messages_that_are_known_are_learned_from() -> None:
    capture = framescope.open(FORMATS / "thrift" / "capture.pcapng", FORMATS / "thrift.ksy")
    known = sorted({one.bytes for one in capture if one.type == "message"}, key=len)[:2]
    messages = strategies.messages(FORMATS / "thrift.ksy", known=known)
    protocol = framescope.Protocol.from_ksy(FORMATS / "thrift.ksy")

    @settings(max_examples=50, database=None, deadline=None, derandomize=True)
    @given(messages)
    def check(message: framescope.Message) -> None:
        assert not protocol.decode(message.bytes).problems

    check()


def test_the_same_seed_gives_the_same_messages(toy: framescope.Protocol) -> None:
    def drawn() -> list[bytes]:
        out: list[bytes] = []

        @settings(max_examples=50, database=None, derandomize=True, phases=[Phase.generate])
        @given(strategies.messages(framescope.Protocol.from_text(KSY)))
        def draw(message: framescope.Message) -> None:
            out.append(message.bytes)

        draw()
        return out

    assert drawn() == drawn()
    assert isinstance(strategies.messages(toy), st.SearchStrategy)
