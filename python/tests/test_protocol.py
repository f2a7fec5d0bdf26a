"""Protocols as objects: decoding and encoding without a capture."""

import pickle

import framescope
import pytest

from test_message import BYTES, MINE


@pytest.fixture(scope="module")
def mine() -> framescope.Protocol:
    return framescope.Protocol.from_text(MINE)


def test_what_was_decoded_is_encoded_again(mine):
    m = mine.decode(BYTES)
    assert mine.encode(m) == mine.encode(m.to_dict()) == BYTES


def test_lengths_are_derived_and_names_stand_for_numbers(mine):
    given = {"kind": "hello", "items": [{"text": "ada"}, {"text": "bo"}], "at": {"x": -2, "y": 0.5}, "rest": bytearray(b"\x00\xff")}
    assert mine.encode(given) == BYTES
    assert mine.encode({**given, "kind": framescope.Named(1, "hello")}) == BYTES
    assert mine.encode({**given, "kind": 1, "rest": memoryview(b"\x00\xff"), "nothing": None}) == BYTES


def test_missive_is_encoded_with_its_checks():
    key = bytes(range(16))
    missive = framescope.Protocol.missive(key=key)
    bytes_ = missive.encode(
        {"kind": "LOGIN", "flags": {"checksum": True, "auth": True}, "payload": {"user": "ada", "credential": b"\x00"}}
    )
    m = missive.decode(bytes_)
    assert m.kind == "LOGIN" and m.user == "ada" and m.problems == []
    other = framescope.Protocol.missive(key=key.hex()[::-1]).decode(bytes_)
    assert [p.code for p in other.problems] == ["tag-mismatch"]
    with pytest.raises(framescope.EncodeError, match="key"):
        framescope.Protocol.missive().encode({"kind": "PING", "flags": {"auth": True}, "payload": b""})


def test_what_is_written_otherwise_than_it_is_given_is_a_warning(mine):
    given = {"kind": "bye", "items": [{"text": "ada", "length": 9}], "at": {"x": 0, "y": 0}, "rest": b"ab", "count": 7}
    with pytest.warns(framescope.EncodeWarning, match="items.length reads back as 3, but 9 is given") as warned:
        assert mine.decode(mine.encode(given))["count"] == 1
    assert warned[0].filename == __file__
    with pytest.warns(framescope.EncodeWarning, match="extra is given"):
        mine.encode({**given, "items": [], "extra": 1})


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"kind": "hello"}, framescope.EncodeError, "at"),
        ({"kind": "nonsense", "items": [], "at": {"x": 0, "y": 0}, "rest": b"ab"}, framescope.EncodeError, "kind"),
        ({"kind": object()}, framescope.EncodeError, "kind: a value is an int"),
        ({"kind": 1 << 200}, framescope.EncodeError, "out of range"),
        ({3: 4}, TypeError, "a field's name is a str, not int"),
        ("kind", TypeError, "given as a mapping"),
        (7, TypeError, "given as a mapping"),
        ({"at": {"x": {"deep": [[1]]}}}, framescope.EncodeError, "at.x.deep"),
    ],
)
def test_what_can_not_be_encoded_says_which_field(mine, given, error, match):
    with pytest.raises(error, match=match):
        mine.encode(given)


def test_a_mapping_in_itself_is_an_error(mine):
    deep: dict = {}
    deep["at"] = deep
    with pytest.raises(framescope.EncodeError, match="nested"):
        mine.encode(deep)


def test_decode_takes_exactly_one_message(mine):
    with pytest.raises(framescope.DecodeError, match="end before the message") as error:
        mine.decode(BYTES[:4])
    assert error.value.offset == 4 and error.value.needed >= 1
    with pytest.raises(framescope.DecodeError, match="followed by 1 more byte;") as error:
        mine.decode(BYTES + b"\x01")
    assert error.value.offset == len(BYTES)
    with pytest.raises(framescope.DecodeError, match="no message of mine"):
        mine.decode(b"\x09" * 40)
    with pytest.raises(framescope.DecodeError, match="no bytes"):
        mine.decode(b"")
    with pytest.raises(TypeError, match="bytes are needed, not str"):
        mine.decode("abc")


def test_a_message_with_faults_is_decoded_and_has_problems():
    missive = framescope.Protocol.missive()
    bytes_ = bytearray(missive.encode({"kind": "PING", "flags": {"checksum": True}, "payload": b"1234"}))
    bytes_[-1] ^= 1
    assert [p.code for p in missive.decode(bytes_).problems] == ["checksum-mismatch"]


def test_frames_divide_a_stream_and_keep_what_is_between(mine):
    stream = BYTES + b"\x07\x07" + BYTES * 3
    parts = list(mine.frames(stream))
    assert [part.type for part in parts].count("message") == 4
    assert b"".join(part.bytes for part in parts) == stream
    assert [part.offset for part in parts] == [sum(len(p.bytes) for p in parts[:n]) for n in range(len(parts))]
    many = mine.frames(BYTES * 50_000)
    assert next(many).kind == "hello" and sum(1 for _ in many) == 49_999


def test_protocols_are_found_by_name_and_say_what_they_are(mine):
    bare = framescope.Protocol.named("bare")
    assert bare.name == "bare" and bare.about and bare.path is None and "LOGIN" in bare.kinds
    assert bare.decode(b"\x01ada").kind == "LOGIN"
    assert mine.name == "mine" and "items.text" in mine.field_names and mine.stages == []
    with pytest.raises(framescope.OptionError, match="no protocol is called 'mime'; there are missive"):
        framescope.Protocol.named("mime")


def test_a_description_with_a_mistake_says_where(tmp_path):
    path = tmp_path / "mine.ksy"
    path.write_text("meta: {id: mine}\nseq:\n  - {id: a, typ: u1}\n  - {id: b, type: nothing}\n")
    with pytest.raises(framescope.DescriptionError) as error:
        framescope.Protocol.from_ksy(path)
    e = error.value
    assert (e.file, e.line, e.column) == (str(path), 3, 13) and str(e).startswith(f"{path}:3:13: ")
    assert isinstance(e, framescope.Error) and isinstance(e, ValueError)
    assert all(len(one) == 4 for one in e.diagnostics)
    with pytest.raises(framescope.DescriptionError, match="mine.ksy:3:13"):
        framescope.open(b"abc", path)
    with pytest.raises(framescope.OpenError, match="none.ksy"):
        framescope.Protocol.from_ksy(tmp_path / "none.ksy")
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(framescope.DescriptionError):
        framescope.Protocol.from_ksy(path)


def test_protocols_are_pickled(mine, tmp_path):
    (tmp_path / "inner.ksy").write_text("meta: {id: inner}\nseq:\n  - {id: x, type: u1}\n")
    (tmp_path / "outer.ksy").write_text("meta: {id: outer, imports: [inner]}\nseq:\n  - {id: i, type: inner}\n")
    outer = framescope.Protocol.from_ksy(tmp_path / "outer.ksy")
    for protocol, bytes_ in [
        (mine, BYTES),
        (outer, b"\x05"),
        (framescope.Protocol.named("bare"), b"\x01ada"),
        (framescope.Protocol.missive(key=b"abc"), framescope.Protocol.missive().encode({"kind": "PING", "payload": b""})),
    ]:
        again = pickle.loads(pickle.dumps(protocol))
        assert again.name == protocol.name and again.decode(bytes_).to_dict() == protocol.decode(bytes_).to_dict()


def test_captures_are_read_with_a_protocol_object(mine):
    capture = framescope.open(BYTES * 3, mine)
    assert [m.kind for m in capture] == ["hello"] * 3 and capture.protocols == ["mine"]
    assert [m.kind for m in framescope.open(b"\x01ada", "bare")] == ["LOGIN"]
    assert [m.protocol for m in framescope.open(b"\x01ada", decode_as={"file": framescope.Protocol.named("text")})] == ["text"]
