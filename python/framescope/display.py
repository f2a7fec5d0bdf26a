"""How messages, flows and captures look in a notebook.

What is shown came over a network: every text is escaped, and as much is shown as a person reads. Only inline styles
are used, and no colour of the text's own, so that it fits a light and a dark page and one that removes style sheets.
"""

from __future__ import annotations

import html
import os
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

__all__ = ["Table", "capture_html", "flow_html", "message_html", "messages_html", "table"]

ROWS = 20
FIELDS = 200
HEX_BYTES = 512
TEXT = 120
PER_LINE = 16

_LINE = "rgba(128,128,128,.35)"
_HUES = (210, 130, 35, 285, 0, 175, 60, 325)
_SEVERITIES = {"error": (0, "\N{MULTIPLICATION SIGN}"), "warning": (35, "!"), "note": (210, "i")}
_MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:12px;line-height:1.5"
_CELL = f"text-align:left;padding:1px 8px;border:0;border-bottom:1px solid {_LINE};vertical-align:top;background:none"
_FAINT = "opacity:.65"


class _Leaf(NamedTuple):
    """A field without others in it: the bytes of one tint."""

    path: str
    begin: int
    end: int
    tint: Optional[str]


def _tint(number: int, alpha: float = 0.28) -> str:
    return f"hsla({_HUES[number % len(_HUES)]},75%,50%,{alpha})"


def _text(value: Any, most: int = TEXT) -> str:
    """Text to be shown: escaped, on one line, without what would turn the direction of what follows."""
    text = str(value)
    cut = text[:most] + "\N{HORIZONTAL ELLIPSIS}" if len(text) > most else text
    return html.escape("".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut))


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _cells(values: Iterable[str], tag: str = "td", style: str = "") -> str:
    return "".join(f'<{tag} style="{_CELL};{style}">{value}</{tag}>' for value in values)


def _table(head: Sequence[str], rows: Iterable[str]) -> str:
    return (
        f'<table style="border-collapse:collapse;margin:4px 0;{_MONO}"><thead><tr style="background:none">'
        f'{_cells(head, "th", "font-weight:600")}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _row(cells: Iterable[str]) -> str:
    return f'<tr style="background:none">{_cells(cells)}</tr>'


def _walk(fields: Iterable[Any], path: str = "", depth: int = 0) -> Iterator[Tuple[Any, str, int, bool]]:
    """Fields, the outermost first, with their paths, how deep they are, and whether there are others in them."""
    for field in fields:
        inner = list(field.fields)
        here = f"{path}.{field.name}" if path else field.name
        yield field, here, depth, bool(inner)
        yield from _walk(inner, here, depth + 1)


def _mark(severity: str) -> str:
    hue, sign = _SEVERITIES.get(severity, _SEVERITIES["note"])
    return (
        f'<b title="{_text(severity)}" style="background:hsla({hue},80%,50%,.35);border-radius:3px;padding:0 5px">{sign}</b>'
    )


def _worst(problems: Sequence[Any]) -> str:
    present = {str(problem.severity) for problem in problems}
    return next((severity for severity in _SEVERITIES if severity in present), "note")


def _problems(problems: Sequence[Any]) -> str:
    lines = (
        f'<div>{_mark(str(problem.severity))} {_text(problem.code)} '
        f'<span style="{_FAINT}">[{problem.offset}:{problem.offset + problem.length}]</span> {_text(problem.text, 400)}</div>'
        for problem in problems[:ROWS]
    )
    more = f'<div style="{_FAINT}">{_count(len(problems) - ROWS, "more problem")}</div>' if len(problems) > ROWS else ""
    return "".join(lines) + more


def _fields(message: Any) -> Tuple[str, List[_Leaf]]:
    """The table of a message's fields, and which bytes have which tint."""
    rows, leaves, hidden = [], [], 0
    for field, path, depth, has_fields in _walk(message.fields):
        tint = None if has_fields or field.length == 0 else _tint(len(leaves))
        if tint:
            leaves.append(_Leaf(path, field.offset, field.offset + field.length, tint))
        if len(rows) >= FIELDS:
            hidden += 1
            continue
        swatch = f"background:{tint};border-radius:3px;padding:0 4px" if tint else "padding:0 4px"
        rows.append(
            _row(
                (
                    f'<span style="margin-left:{depth * 16}px;{swatch}">{_text(field.name)}</span>',
                    f'<span style="{_FAINT}">not captured</span>' if field.is_missing else _text(field.text),
                    f'<span style="{_FAINT}">{field.offset}</span>',
                    f'<span style="{_FAINT}">{field.length}</span>',
                )
            )
        )
    if hidden:
        rows.append(_row((f'<span style="{_FAINT}">{_count(hidden, "more field")}</span>', "", "", "")))
    return (_table(("field", "value", "at", "bytes"), rows) if rows else ""), leaves


def _hex(data: bytes, leaves: Sequence[_Leaf], problems: Sequence[Any]) -> str:
    """Lines of hex and text, in which bytes have the tints of their fields, and those at fault are underlined."""
    shown = len(data[:HEX_BYTES])
    styles: List[Tuple[str, str]] = [("", "")] * shown
    for leaf in leaves:
        for at in range(max(leaf.begin, 0), min(leaf.end, shown)):
            styles[at] = (f"background:{leaf.tint}", leaf.path)
    for problem in problems:
        if str(problem.severity) != "note":
            for at in range(problem.offset, min(problem.offset + problem.length, shown)):
                style, path = styles[at]
                if "underline" not in style:
                    styles[at] = (f"{style};text-decoration:underline wavy hsl(0,85%,55%)", path)
    lines = []
    for begin in range(0, shown, PER_LINE):
        end = min(begin + PER_LINE, shown)
        digits = _spans([f"{data[at]:02x}" for at in range(begin, end)], styles[begin:end], " ")
        letters = [chr(data[at]) if 0x20 <= data[at] < 0x7F else "\N{MIDDLE DOT}" for at in range(begin, end)]
        padding = " " * (3 * (PER_LINE - (end - begin))) if begin else ""
        lines.append(f'<span style="{_FAINT}">{begin:04x}</span>  {digits}{padding}  {_spans(letters, styles[begin:end], "")}')
    if len(data) > shown:
        lines.append(f'<span style="{_FAINT}">      {_count(len(data) - shown, "more byte")}</span>')
    return f'<pre style="{_MONO};margin:4px 0;padding:0;background:none;white-space:pre">{chr(10).join(lines)}</pre>'


def _spans(items: Sequence[str], styles: Sequence[Tuple[str, str]], between: str) -> str:
    """Items, of which those beside each other with the same style are one span."""
    parts, begin = [], 0
    for at in range(1, len(items) + 1):
        if at == len(items) or styles[at] != styles[begin]:
            text = html.escape(between.join(items[begin:at]))
            style, path = styles[begin]
            parts.append(f'<span style="{style}" title="{_text(path)}">{text}</span>' if style else text)
            begin = at
    return between.join(parts)


def _time(message: Any) -> str:
    time = message.time
    return "" if time is None else _text(f"{time:%Y-%m-%d %H:%M:%S.%f}")


def _ends(message: Any) -> str:
    if message.src is None:
        return ""
    return f"{_text(message.src)} \N{RIGHTWARDS ARROW} {_text(message.dst)}"


def message_html(message: Any) -> str:
    """A message: its fields, its bytes in their tints, and what is wrong."""
    problems = list(message.problems)
    fields, leaves = _fields(message)
    number = "" if message.row is None else f"row {message.row}"
    about = [number, _text(message.protocol or ""), _time(message), _ends(message), _count(message.length, "byte")]
    known = " \N{MIDDLE DOT} ".join(part for part in about if part)
    title = message.kind if message.kind is not None else message.type
    return (
        f'<div style="{_MONO}"><div><b>{_text(title)}</b> <span style="{_FAINT}">{known}</span></div>'
        f"{_problems(problems)}{fields}{_hex(bytes(message.bytes), leaves, problems)}</div>"
    )


def messages_html(messages: Any, title: str = "") -> str:
    """A list of messages: the first ones, and how many there are."""
    known = len(messages)
    rows = []
    for message, _ in zip(messages, range(ROWS)):
        problems = list(message.problems)
        mark = f"{_mark(_worst(problems))} {_text(' '.join(dict.fromkeys(str(p.code) for p in problems)))}" if problems else ""
        kind = message.kind if message.kind is not None else message.type
        number = "" if message.row is None else str(message.row)
        rows.append(
            _row((number, _time(message)[11:], _ends(message), _text(kind), _text(message.summary), str(message.length), mark))
        )
    more = f"the first {len(rows)} of {_count(known, 'message')}" if known > len(rows) else _count(known, "message")
    head = f"<b>{_text(title)}</b> " if title else ""
    shown = _table(("row", "time", "from, to", "kind", "summary", "bytes", "problems"), rows) if rows else ""
    return f'<div style="{_MONO}">{head}<span style="{_FAINT}">{more}</span>{shown}</div>'


def flow_html(flow: Any) -> str:
    """A conversation: who talks to whom, and its first messages."""
    ends = f"{flow.a} \N{LEFT RIGHT ARROW} {flow.b}" if flow.a else flow.carried_in
    return messages_html(flow.messages(), f"{flow.transport or ''} {ends}".strip())


def capture_html(capture: Any) -> str:
    """A capture, or what a filter or a slice left of one: its first messages, and how many there are."""
    return messages_html(capture, os.path.basename(capture.name))


class Table:
    """Messages that a notebook shows as a table; anything else sees a sequence of messages."""

    def __init__(self, messages: Iterable[Any]) -> None:
        self.messages = messages if hasattr(messages, "__len__") else list(messages)

    def __len__(self) -> int:
        return len(self.messages)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.messages)

    def _repr_html_(self) -> str:
        return messages_html(self.messages)

    def __repr__(self) -> str:
        return f"<{_count(len(self), 'message')}>"


def table(messages: Iterable[Any]) -> Table:
    """Shows any messages as a table: a list, what a filter found, what a socket received."""
    return Table(messages)
