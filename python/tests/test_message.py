"""What a message shows of itself, and its fields as values."""

import copy
import datetime
import pickle

import framescope
import pytest
from framescope import Named

from test_capture import CHAT

MINE = """
meta: {id: mine, endian: be, -framescope: {kind: kind}}
seq:
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: count, type: u1}
  - {id: items, type: item, repeat: expr, repeat-expr: count}
  - {id: at, type: point}
  - {id: rest, size: 2}
types:
  item:
    seq:
      - {id: length, type: u1}
      - {id: text, type: str, size: length, encoding: UTF-8}
  point:
    seq:
      - {id: x, type: s2}
      - {id: y, type: f4}
enums:
  kind: {1: hello, 2: bye}
"""
BYTES = b"\x01\x02\x03ada\x02bo\xff\xfe\x3f\x00\x00\x00\x00\xff"


@pytest.fixture(scope="module")
def mine() -> framescope.Protocol:
    return framescope.Protocol.from_text(MINE)


@pytest.fixture(scope="module")
def chat() -> framescope.Capture:
    return framescope.open(CHAT)


def test_fields_are_items_and_attributes(mine):
    m = mine.decode(BYTES)
    assert m["kind"] == 1 and m["kind"].name == "hello" and str(m["kind"]) == "hello" and m.kind == "hello"
    assert m["at.x"] == m["at"]["x"] == m.at.x == m.get("at.x") == -2
    assert m.at.y == 0.5 and m["rest"] == b"\x00\xff"
    assert [item.text for item in m.items] == ["ada", "bo"]
    assert m["items.text"] == ["ada", "bo"]
    assert list(m) == m.keys() == ["kind", "count", "items", "at", "rest"]
    assert m.to_dict() == {
        "kind": 1,
        "count": 2,
        "items": [{"length": 3, "text": "ada"}, {"length": 2, "text": "bo"}],
        "at": {"x": -2, "y": 0.5},
        "rest": b"\x00\xff",
    }


def test_the_first_names_of_a_path_may_be_left_out(mine):
    m = mine.decode(BYTES)
    assert m["x"] == -2 and m["text"] == ["ada", "bo"] and "x" in m and "at.x" in m
    assert "z" not in m and 3 not in m and "at.z" not in m


def test_what_is_not_there_is_a_key_or_attribute_error(mine):
    m = mine.decode(BYTES)
    with pytest.raises(KeyError):
        m["nothing"]
    with pytest.raises(AttributeError, match="'nothing'"):
        m.nothing
    with pytest.raises(KeyError):
        m["at"]["nothing"]
    with pytest.raises(AttributeError):
        m["at"].nothing
    assert m.get("nothing") is None and m.get("nothing", 7) == 7 and m.all("nothing") == []
    assert m.all("kind") == [1] and m.all("items.length") == [3, 2]
    assert not hasattr(m, "nothing") and not hasattr(m, "__array_interface__")


def test_a_group_is_a_mapping(mine):
    at = mine.decode(BYTES)["at"]
    assert dict(at) == {"x": -2, "y": 0.5} == at and at != {"x": -2} and len(at) == 2 and at
    assert list(at.items()) == [("x", -2), ("y", 0.5)] and list(at.values()) == [-2, 0.5]
    assert {**at} == at.to_dict()
    import collections.abc

    assert isinstance(at, collections.abc.Mapping)
    with pytest.raises(TypeError, match="no number"):
        int(at)
    with pytest.raises(TypeError, match="no hash"):
        hash(at)
    match at:
        case {"x": x}:
            assert x == -2


def test_a_number_with_names_for_its_bits_is_both(chat):
    flags = chat[0]["flags"]
    assert flags == 1 and int(flags) == 1 and flags.checksum is True and flags["auth"] is False
    assert flags.value == 1 and hex(flags) == "0x1" and flags != 2 and flags < 2


def test_fields_have_places_and_texts(chat):
    magic = chat[0].fields[0]
    assert (magic.name, magic.offset, magic.length, magic.value, magic.text) == ("magic", 0, 2, 62797, "0xf54d")
    texts = {field.name: field.text for field in chat[0].fields}
    assert texts["kind"] == "LOGIN (1)" and texts["payload"] == ""
    payload = next(field for field in chat[0].fields if field.name == "payload")
    assert payload.is_group and payload.value is None
    assert [field.text for field in payload.fields][:2] == ["3", '"ada"']


def test_a_named_value_is_its_number():
    data = Named(3, "DATA")
    assert data == 3 and data + 1 == 4 and {data: 1}[3] == 1 and isinstance(data, int)
    assert (str(data), f"{data}", f"{data:>6}", f"{data:#x}", repr(data)) == (
        "DATA",
        "DATA",
        "  DATA",
        "0x3",
        "Named(3, 'DATA')",
    )
    assert (str(Named(42)), str(Named(-1)), Named(42).name) == ("0x2a", "-1", None)
    assert pickle.loads(pickle.dumps(data)).name == "DATA" and copy.copy(data).name == "DATA"


def test_a_row_shows_where_and_when_it_was(chat):
    m = chat[0]
    assert m.time.tzinfo is datetime.timezone.utc and m.time.timestamp() == pytest.approx(m.time_ns / 1e9)
    assert m.time_ns // 1000 == (m.time - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(
        microseconds=1
    )
    assert (m.src, m.dst, m.direction, m.flow, m.offset, m.length) == ("127.0.0.1:47554", "127.0.0.1:9000", "forward", 0, 0, 44)
    assert m.length == len(m.bytes) and m.packets == [m.packet] and m.file == str(CHAT) and m.missing == []


def test_a_reply_and_its_request_know_each_other(chat):
    m = chat[0]
    assert m.reply == chat[1] and chat[1].request == m and m.request is None
    assert chat[1].latency == chat[1].time - m.time or abs(chat[1].latency - (chat[1].time - m.time)).microseconds <= 1
    assert chat[1].latency_ns == chat[1].time_ns - m.time_ns and m.latency is None
    assert {m.reply: 1}[chat[1]] == 1 and m != chat[1] and m.reply in chat and chat.index(m.reply) == 1


def test_problems_say_what_where_and_what_to_do(chat):
    with_problems = next(m for m in chat if m.problems)
    problem = with_problems.problems[0]
    assert problem.code in with_problems.codes and problem.severity in ("note", "warning", "error")
    assert problem.text and problem.meaning and problem.what_to_do and problem.usual_cause
    assert str(problem) == f"{problem.code}: {problem.text}"


def assert_same(a: framescope.Message, b: framescope.Message) -> None:
    names = "row time_ns flow direction src dst offset length type protocol kind stage summary bytes missing"
    for name in (names + " reply_to latency_ns part_of packets comments carried_in carried_by codes file packet").split():
        assert getattr(a, name) == getattr(b, name), name
    assert repr(a.fields) == repr(b.fields) and repr(a.problems) == repr(b.problems) and a.to_dict() == b.to_dict()


def test_a_message_is_pickled_with_all_that_is_known_of_it(chat, mine):
    for m in chat:
        assert_same(pickle.loads(pickle.dumps(m)), m)
    parts = [mine.decode(BYTES), *mine.frames(BYTES + b"\x09\x09\x09" + BYTES[:5])]
    assert {part.type for part in parts} >= {"message", "skipped"}
    for m in parts:
        assert_same(pickle.loads(pickle.dumps(m)), m)
        assert_same(pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(m)))), m)
    assert copy.copy(parts[0]) is parts[0] and copy.deepcopy(parts[0]) is parts[0]
    assert pickle.loads(pickle.dumps(parts[0]["at"])) == {"x": -2, "y": 0.5}


def test_bytes_that_were_not_captured_are_missing():
    capture = framescope.open(CHAT.parents[1] / "holes/capture.pcapng")
    holed = next(m for m in capture if m.missing)
    assert len(holed.bytes) == holed.length - sum(length for _, length in holed.missing)

    def missing(fields):
        for field in fields:
            if field.is_missing:
                yield field
            yield from missing(field.fields)

    lost = next(missing(holed.fields))
    assert lost.value is None and lost.text == "not captured"
