"""Hypothesis strategies for the messages of a protocol, and for whole conversations.

What is drawn are fields, so that a failing example becomes smaller as a message does: fewer items, shorter texts, smaller numbers, a
simpler kind. Lengths, counts and checks are never drawn: they follow. Use :func:`messages` and :func:`conversations`; nothing else
here is public.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

import framescope
from framescope._framescope import Generator, Talk

__all__ = ["Turn", "conversations", "messages"]

#: What ``messages`` and ``conversations`` accept as a protocol.
AnyProtocol = "framescope.Protocol | str | os.PathLike[str]"


class Turn(NamedTuple):
    """One message of a conversation, and the direction that it goes in: ``forward`` from the client, or ``backward``."""

    direction: str
    message: framescope.Message

    @property
    def bytes(self) -> bytes:
        """The bytes of the message."""
        return self.message.bytes


def messages(
    protocol: framescope.Protocol | str | os.PathLike[str],
    kind: str | None = None,
    *,
    damaged: bool = False,
    known: Iterable[bytes] = (),
) -> st.SearchStrategy[framescope.Message]:
    """Messages of a protocol: a ``Protocol``, the path of a ``.ksy`` file, or a name.

    All are valid, unless they are to be ``damaged``: then a number in them is another one (with the checks over it computed again),
    they are cut off, a bit is flipped, or something follows them. ``kind`` leaves only those of that kind. What messages look like
    is found out by trying; for a protocol where that finds too few, ``known`` ones show more, such as those of a recording.

    Where messages depend on the state of a conversation, those of all its states are drawn; :func:`conversations` draws them
    where they belong.
    """
    speaks, generator = _of(protocol, tuple(known))
    forms = [form for stage in range(generator.stages) for form in _forms(generator, stage)]
    chosen = [form for form in forms if kind in (None, form.kind)]
    if not chosen:
        kinds = sorted({form.kind for form in forms if form.kind is not None})
        kinds = [name for name in kinds if not name.startswith("0x")] or kinds
        if kinds:
            raise ValueError(f"no messages of the kind {kind!r} were found; there are {', '.join(kinds)}")
        raise ValueError(
            f"no valid message of {speaks.name} was found by trying; give some that are, as known=[…], such as those of a recording"
        )
    choice = st.one_of([form.strategy for form in chosen])
    if damaged:
        return st.tuples(choice, _damage()).map(lambda drawn: _damaged(speaks, generator, *drawn))
    return choice.map(lambda drawn: _message(generator, drawn))


def conversations(
    protocol: framescope.Protocol | str | os.PathLike[str],
    *,
    damaged: bool = False,
    most: int = 12,
) -> st.SearchStrategy[list[Turn]]:
    """Conversations: messages of both sides, each in a state in which it may be said, with what was said before it.

    There are up to ``most`` messages. In one that is to be ``damaged``, one of the messages is.
    """
    speaks, generator = _of(protocol, ())
    return _conversation(speaks, generator, damaged, most)


class _Form(NamedTuple):
    """Messages with the same fields: what is drawn for one is the number of its stage and its form, and values."""

    kind: str | None
    stage: int
    values: st.SearchStrategy[Any]
    strategy: st.SearchStrategy[tuple[int, int, Any]]


def _of(
    protocol: framescope.Protocol | str | os.PathLike[str], known: tuple[bytes, ...]
) -> tuple[framescope.Protocol, Generator]:
    if isinstance(protocol, framescope.Protocol):
        return protocol, _generator(protocol, known)
    text = os.fspath(protocol)
    return _by_name(text, os.stat(text).st_mtime_ns if os.path.exists(text) else None, known)


@functools.lru_cache(maxsize=32)
def _by_name(
    text: str, _changed: int | None, known: tuple[bytes, ...]
) -> tuple[framescope.Protocol, Generator]:
    is_path = os.path.exists(text) or text.endswith((".ksy", ".yaml", ".yml")) or os.sep in text
    protocol = framescope.Protocol.from_ksy(text) if is_path else framescope.Protocol.named(text)
    return protocol, _generator(protocol, known)


@functools.lru_cache(maxsize=32)
def _generator(protocol: framescope.Protocol, known: tuple[bytes, ...]) -> Generator:
    return Generator(protocol, list(known))


@functools.lru_cache(maxsize=512)
def _forms(generator: Generator, stage: int) -> tuple[_Form, ...]:
    found = []
    for number, (kind, parts) in enumerate(generator.forms(stage)):
        values = _values(parts)
        found.append(_Form(kind, stage, values, st.tuples(st.just(stage), st.just(number), values)))
    return tuple(found)


def _values(parts: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(*map(_value, parts))


def _value(part: tuple[str, str, Any]) -> st.SearchStrategy[Any]:
    what, _, how = part
    if what == "numbers":
        return st.integers(*how)
    if what == "one":
        return st.sampled_from(sorted(how, key=lambda one: (abs(one), one < 0)) if how and isinstance(how[0], int) else how)
    if what == "bool":
        return st.booleans()
    if what == "float":
        return st.floats(width=how, allow_nan=False)
    if what == "text":
        last, excluded, least, most = how
        characters = st.characters(max_codepoint=ord(last), exclude_categories=["Cs"], exclude_characters=excluded)
        return st.text(characters, min_size=least, max_size=most)
    if what == "bytes":
        excluded, least, most = how
        if not excluded:
            return st.binary(min_size=least, max_size=most)
        allowed = [byte for byte in range(256) if byte not in excluded]
        return st.lists(st.sampled_from(allowed), min_size=least, max_size=most).map(bytes)
    least, most, alternatives = how
    items = [st.tuples(st.just(number), _values(parts)) for number, parts in enumerate(alternatives)]
    return st.lists(st.one_of(items), min_size=least, max_size=most)


def _message(generator: Generator, drawn: tuple[int, int, Any]) -> framescope.Message:
    stage, form, values = drawn
    return generator.message(generator.write(stage, form, values), stage, "forward")


@functools.cache
def _damage() -> st.SearchStrategy[tuple[Any, ...]]:
    return st.one_of(
        st.tuples(st.just("number"), st.integers(0, 63), st.integers(1, 2**32)),
        st.tuples(st.just("cut"), st.integers(1, 64)),
        st.tuples(st.just("flip"), st.integers(0, 2**16), st.integers(0, 7)),
        st.tuples(st.just("more"), st.binary(min_size=1, max_size=8)),
    )


def _damaged_bytes(generator: Generator, stage: int, data: bytes, damage: tuple[Any, ...]) -> bytes:
    what, *how = damage
    if what == "number":
        return generator.with_lie(data, stage, *how)
    if what == "cut":
        return data[: max(1, len(data) - how[0])]
    if what == "more":
        return data + bytes(how[0])
    place, bit = how
    changed = bytearray(data)
    changed[place % len(data)] ^= 1 << bit
    return bytes(changed)


def _damaged(
    protocol: framescope.Protocol, generator: Generator, drawn: tuple[int, int, Any], damage: tuple[Any, ...]
) -> framescope.Message:
    stage, form, values = drawn
    data = _damaged_bytes(generator, stage, generator.write(stage, form, values), damage)
    if not protocol.stages:
        # What they are where they arrive: a message, a part of one, or none.
        found = list(protocol.frames(data))
        if len(found) == 1:
            return found[0]
    return generator.message(data, stage, "forward")


_SIDES = st.sampled_from(("forward", "backward"))


@st.composite
def _turn(draw: st.DrawFn, generator: Generator, talk: Talk) -> tuple[str, int, bytes]:
    side = draw(_SIDES)
    stages = [stage for stage in talk.stages(side) if _forms(generator, stage)]
    if not stages:
        # Nothing is said on that side in this state.
        return side, 0, b""
    stage = stages[0] if len(stages) == 1 else draw(st.sampled_from(stages))
    forms = _forms(generator, stage)
    number = draw(st.integers(0, len(forms) - 1))
    return side, stage, talk.say(side, stage, number, draw(forms[number].values))


@st.composite
def _conversation(
    draw: st.DrawFn, protocol: framescope.Protocol, generator: Generator, damaged: bool, most: int
) -> list[Turn]:
    talk = generator.talk()
    # A list draws one after another, so each turn is drawn in the state that those before it have led to.
    drawn = draw(st.lists(_turn(generator, talk), min_size=1, max_size=most))
    said = [turn for turn in drawn if turn[2]]
    if damaged and said:
        at = draw(st.integers(0, len(said) - 1))
        side, stage, data = said[at]
        said[at] = side, stage, _damaged_bytes(generator, stage, data, draw(_damage()))
    listening = framescope.Conversation(protocol)
    sides = {"forward": listening.client, "backward": listening.server}
    turns = []
    for side, stage, data in said:
        heard = sides[side].feed(data)
        # In a damaged one the messages need not be where they were said.
        is_itself = len(heard) == 1 and heard[0].bytes == data
        turns.append(Turn(side, heard[0] if is_itself else generator.message(data, stage, side)))
    return turns
