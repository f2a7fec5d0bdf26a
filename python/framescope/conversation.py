"""Compares a conversation with a recorded one, message by message and field by field.

Times, ports, row and packet numbers, and how TCP cut the bytes are left aside. Nothing here reads or writes files.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import framescope

__all__ = ["Difference", "assert_same", "differences", "report"]

#: How many differences are shown.
MOST_SHOWN = 20
#: How many bytes of a value are shown.
MOST_BYTES = 16
#: Problems that matter: the others, notes, say how the bytes arrived.
_SERIOUS = ("error", "warning")


class Difference(NamedTuple):
    """A message that is other than expected, missing, or there in addition."""

    #: ``changed``, ``missing`` or ``more``.
    what: str
    #: Which of the conversations it is in, counted from 1, in the order in which they were recorded.
    conversation: int
    #: ``forward`` from the client, or ``backward``.
    direction: str
    #: Which message of its direction it is, counted from 1: of those that were found, or of those expected if it is missing.
    number: int
    expected: framescope.Message | None
    found: framescope.Message | None
    #: What differs: the field, what was expected and what was found.
    fields: tuple[tuple[str, str, str], ...] = ()


class _Key(NamedTuple):
    """What of a message is compared."""

    about: tuple[str, str | None, str | None]
    fields: tuple[tuple[str, Any], ...]
    problems: tuple[str, ...]


Protocols = Callable[[str], "framescope.Protocol | None"]


def differences(
    expected: Iterable[framescope.Message],
    found: Iterable[framescope.Message],
    *,
    ignore: Iterable[str] = (),
    protocols: Protocols | None = None,
) -> list[Difference]:
    """How the messages that were found differ from those that were expected.

    ``ignore`` names fields whose values do not matter: by their names, such as ``sequence``, or by the ends of their paths, such as
    ``header.time``. What is derived from them, lengths and checks, does not matter then either, if ``protocols`` gives the protocol
    of a name.
    """
    ignored = tuple(name.removeprefix(".") for name in ignore)
    key = _Keys(ignored, protocols or (lambda _: None))
    conversations = list(_pairs(_flows(expected, key), _flows(found, key)))
    out: list[Difference] = []
    for number, (one, other) in enumerate(conversations, 1):
        for direction in ("forward", "backward"):
            out += _of_direction(number, direction, one.get(direction, []), other.get(direction, []))
    return out


_Line = tuple[_Key, framescope.Message]
_Flow = dict[str, list[_Line]]


def _flows(messages: Iterable[framescope.Message], key: _Keys) -> list[_Flow]:
    flows: dict[int | None, _Flow] = {}
    for message in messages:
        line = key(message), message
        flows.setdefault(message.flow, {}).setdefault(message.direction, []).append(line)
    return list(flows.values())


def _said(flow: _Flow) -> tuple[tuple[_Key, ...], ...]:
    return tuple(tuple(key for key, _ in flow.get(side, ())) for side in ("forward", "backward"))


def _pairs(expected: list[_Flow], found: list[_Flow]) -> Iterator[tuple[_Flow, _Flow]]:
    """Which conversation is to be which: those that are the same, wherever they are; the others in their order."""
    left = list(found)
    same: list[_Flow | None] = []
    for flow in expected:
        said = _said(flow)
        at = next((at for at, other in enumerate(left) if _said(other) == said), None)
        same.append(None if at is None else left.pop(at))
    for flow, other in zip(expected, same):
        if other is None:
            other = left.pop(0) if left else {}
        yield flow, other
    for other in left:
        yield {}, other


def _of_direction(
    conversation: int, direction: str, expected: list[_Line], found: list[_Line]
) -> Iterator[Difference]:
    matcher = difflib.SequenceMatcher(None, [key for key, _ in expected], [key for key, _ in found], autojunk=False)
    for what, first, end, other, other_end in matcher.get_opcodes():
        if what == "equal":
            continue
        pairs = _alike(expected[first:end], found[other:other_end])
        for at, place in pairs:
            one = None if at is None else expected[first + at]
            two = None if place is None else found[other + place]
            if one is None and two is not None:
                yield Difference("more", conversation, direction, other + (place or 0) + 1, None, two[1])
            elif two is None and one is not None:
                yield Difference("missing", conversation, direction, first + (at or 0) + 1, one[1], None)
            elif one is not None and two is not None:
                fields = tuple(_changed(one[0], two[0]))
                yield Difference("changed", conversation, direction, other + (place or 0) + 1, one[1], two[1], fields)


def _alike(expected: Sequence[_Line], found: Sequence[_Line]) -> list[tuple[int | None, int | None]]:
    """Which of the messages that differ are to be which: in order, and of the same kind where that is possible."""
    kinds = difflib.SequenceMatcher(None, [key.about for key, _ in expected], [key.about for key, _ in found], autojunk=False)
    pairs: list[tuple[int | None, int | None]] = []
    for _, first, end, other, other_end in kinds.get_opcodes():
        both = min(end - first, other_end - other)
        pairs += [(first + at, other + at) for at in range(both)]
        pairs += [(at, None) for at in range(first + both, end)]
        pairs += [(None, at) for at in range(other + both, other_end)]
    return pairs


class _Keys:
    """Makes of messages what is compared."""

    def __init__(self, ignored: tuple[str, ...], protocols: Protocols) -> None:
        self.ignored = ignored
        self.protocols = protocols

    def __call__(self, message: framescope.Message) -> _Key:
        about = message.type, message.protocol, message.kind
        fields = self._without_ignored(message)
        if not fields and message.type != "message":
            fields = (("bytes", message.bytes),)
        problems = sorted({one.code for one in message.problems if str(one.severity) in _SERIOUS})
        return _Key(about, fields, tuple(problems))

    def is_ignored(self, path: str) -> bool:
        names = ".".join(part.split("[")[0] for part in path.split("."))
        parts = names.split(".")
        # A group that is ignored is ignored with all that is in it.
        paths = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return any(path == name or path.endswith("." + name) for path in paths for name in self.ignored)

    def _without_ignored(self, message: framescope.Message) -> tuple[tuple[str, Any], ...]:
        values = message.to_dict()
        fields = list(_flat(values))
        if not any(self.is_ignored(path) for path, _ in fields):
            return tuple((path, _plain(value)) for path, value in fields)
        renewed = self._renewed(message, values)
        fields = list(_flat(renewed)) if renewed is not None else fields
        return tuple((path, _plain(value)) for path, value in fields if not self.is_ignored(path))

    def _renewed(self, message: framescope.Message, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The fields with the simplest values in place of the ignored ones, and with the lengths and checks that these have."""
        speaks = self.protocols(message.protocol) if message.protocol else None
        if speaks is None or message.codes:
            return None
        try:
            data = speaks.encode(self._simplest(values, ""), direction=message.direction, stage=message.stage)
            if message.stage is None:
                return speaks.decode(data, direction=message.direction).to_dict()
            return None
        except framescope.Error:
            return None

    def _simplest(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return {name: self._simplest(one, f"{path}.{name}" if path else name) for name, one in value.items()}
        if isinstance(value, list):
            return [self._simplest(one, path) for one in value]
        if path and self.is_ignored(path) and isinstance(value, (bool, int, float, str, bytes)):
            return "" if isinstance(value, str) else b"" if isinstance(value, bytes) else type(value)(0) if isinstance(value, float) else 0
        return value


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _flat(one, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _flat(one, f"{path}[{at}]")
    else:
        yield path, value


def _plain(value: Any) -> Any:
    """A value that is equal to another one if they are the same."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    if isinstance(value, bool):
        return ("bool", value)
    return value


def _changed(expected: _Key, found: _Key) -> Iterator[tuple[str, str, str]]:
    for name, one, other in zip(("type", "protocol", "kind"), expected.about, found.about):
        if one != other:
            yield name, _shown(one), _shown(other)
    of_expected, of_found = dict(expected.fields), dict(found.fields)
    if expected.about == found.about or of_expected.keys() & of_found.keys():
        for path in dict.fromkeys([*of_expected, *of_found]):
            one, other = of_expected.get(path, _NONE), of_found.get(path, _NONE)
            if one != other:
                yield path, *_both(one, other)
    if expected.problems != found.problems:
        yield "problems", ", ".join(expected.problems) or "none", ", ".join(found.problems) or "none"


_NONE = object()


def _both(one: Any, other: Any) -> tuple[str, str]:
    if isinstance(one, bytes) and isinstance(other, bytes):
        same = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
        start = max(0, same - 4) if max(len(one), len(other)) > MOST_BYTES else 0
        return _hex(one, start), _hex(other, start)
    return _shown(one), _shown(other)


def _hex(value: bytes, start: int = 0) -> str:
    part = value[start : start + MOST_BYTES]
    before = f"… at {start}: " if start else ""
    after = " …" if start + MOST_BYTES < len(value) else ""
    s = "" if len(value) == 1 else "s"
    return f"{before}{part.hex(' ')}{after} ({len(value)} byte{s})" if value else "no bytes"


def _shown(value: Any) -> str:
    if value is _NONE:
        return "no such field"
    if isinstance(value, tuple) and len(value) == 2 and value[0] in ("float", "bool"):
        value = float.fromhex(value[1]) if value[0] == "float" and value[1] != "nan" else value[1]
    if isinstance(value, bytes):
        return _hex(value)
    name = getattr(value, "name", None)
    if isinstance(value, int) and isinstance(name, str):
        return f"{name} ({int(value)})"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 0x1_0000:
        return f"{value} ({value:#x})"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def _message(message: framescope.Message | None) -> str:
    if message is None:
        return "nothing"
    kind = message.kind or message.type
    text = message.summary
    words = text if text.startswith(kind) or not text else f"{kind}: {text}"
    return f"{words or kind} ({message.length} byte{'' if message.length == 1 else 's'})"


def report(found: Sequence[Difference]) -> list[str]:
    """Differences as lines of text."""
    lines: list[str] = []
    several = any(one.conversation > 1 for one in found)
    for one in found[:MOST_SHOWN]:
        where = f"conversation {one.conversation}, {one.direction}" if several else one.direction
        if one.what == "missing":
            lines.append(f"{where}: message {one.number} is missing: {_message(one.expected)}")
        elif one.what == "more":
            lines.append(f"{where}: message {one.number} is not expected: {_message(one.found)}")
        else:
            lines.append(f"{where}: message {one.number} differs: {_message(one.found)}")
            width = max((len(path) for path, _, _ in one.fields), default=0)
            for path, before, after in one.fields:
                lines.append(f"    {path:{width}}  expected {before}")
                lines.append(f"    {'':{width}}  found    {after}")
            if one.expected is not None and one.found is not None and not one.fields:
                lines.append(f"    expected {_message(one.expected)}")
    if len(found) > MOST_SHOWN:
        lines.append(f"… and {len(found) - MOST_SHOWN} more")
    return lines


def assert_same(
    expected: Iterable[framescope.Message],
    found: Iterable[framescope.Message],
    *,
    ignore: Iterable[str] = (),
    protocols: Protocols | None = None,
    name: str = "the expected one",
) -> None:
    """Raises an AssertionError that says how the conversations differ, if they do."""
    __tracebackhide__ = True
    all_differences = differences(expected, found, ignore=ignore, protocols=protocols)
    if all_differences:
        count = len(all_differences)
        s = "" if count == 1 else "s"
        head = f"the conversation is not {name}: {count} message{s} differ{'s' if count == 1 else ''}"
        raise AssertionError("\n".join([head, *report(all_differences)]))
