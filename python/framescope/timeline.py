"""A picture of what was said when, drawn by matplotlib where that is installed."""

from __future__ import annotations

import datetime
from array import array
from collections import Counter, defaultdict
from typing import Any, Dict, List, Optional, Tuple

__all__ = ["timeline"]

# Up to so many messages each has a mark of its own, in a lane for each conversation; more are counted in bars.
MARKS = 2000
LANES = 24
BARS = 120
# matplotlib's colours without its red, which is for problems, and its grey, which is for all other kinds.
COLORS = ("C0", "C1", "C2", "C4", "C5", "C6", "C8", "C9")
OTHERS = "0.5"


def timeline(messages: Any, ax: Optional[Any] = None) -> Any:
    """Draws messages (a capture, what a filter chose of it, a flow's, a list) over time, and returns matplotlib's axes.

    Few messages are marks in a lane for each conversation, those that the client sent above the line and the server's below; many
    are counted. The colour is the kind; what has an error or a warning has a red cross.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("a timeline is drawn by matplotlib, which is not installed: pip install matplotlib") from None
    rows = _Rows(messages)
    if ax is None:
        _, ax = pyplot.subplots(figsize=(10, 4), layout="constrained")
    if not rows.times:
        ax.set_title("no messages")
        return ax
    first, last = min(rows.times), max(rows.times)
    unit, name = _unit(last - first)
    if len(rows.times) <= MARKS and len(rows.labels) <= LANES:
        _marks(ax, rows, first, unit)
    else:
        _bars(ax, rows, first, last, unit)
    begin = datetime.datetime.fromtimestamp(first // 1_000_000_000, datetime.timezone.utc)
    ax.set_xlabel(f"{name} since {begin:%Y-%m-%d %H:%M:%S}.{first % 1_000_000_000:09d} UTC")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


class _Rows:
    """What is drawn of the messages, a few bytes each: there may be millions."""

    def __init__(self, messages: Any) -> None:
        self.times, self.flows, kinds = array("q"), array("Q"), array("I")
        self.forward, self.wrong = bytearray(), bytearray()
        self.labels: Dict[int, str] = {}
        numbers: Dict[str, int] = {}
        for m in messages:
            if m.time_ns is None:
                continue
            forward = str(m.direction) == "forward"
            flow = m.flow or 0
            if flow not in self.labels:
                self.labels[flow] = f"{m.src} \u2192 {m.dst}" if forward else f"{m.dst} \u2192 {m.src}"
            kind = str(m.kind) if m.kind is not None else str(m.type)
            self.times.append(m.time_ns)
            self.flows.append(flow)
            kinds.append(numbers.setdefault(kind, len(numbers)))
            self.forward.append(forward)
            self.wrong.append(bool(m.codes) and any(p.severity != "note" for p in m.problems))
        frequent = [number for number, _ in Counter(kinds).most_common(len(COLORS))]
        names = list(numbers)
        # The most frequent kinds, each with a colour; the last one stands for all others.
        self.legend: List[Tuple[str, str]] = [(names[number], color) for number, color in zip(frequent, COLORS)]
        self.legend.append(("others", OTHERS))
        places = {number: at for at, number in enumerate(frequent)}
        self.kinds = [places.get(number, len(self.legend) - 1) for number in kinds]


def _unit(length: int) -> Tuple[int, str]:
    for unit, name in ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "seconds"), (60_000_000_000, "minutes")):
        if length < unit * 2000:
            return unit, name
    return 3_600_000_000_000, "hours"


def _marks(ax: Any, rows: _Rows, first: int, unit: int) -> None:
    lanes = {flow: len(rows.labels) - 1 - at for at, flow in enumerate(rows.labels)}
    marked: Dict[int, Tuple[List[float], List[float]]] = defaultdict(lambda: ([], []))
    wrong: Tuple[List[float], List[float]] = ([], [])
    for time, flow, kind, forward, is_wrong in zip(rows.times, rows.flows, rows.kinds, rows.forward, rows.wrong):
        for to in (marked[kind], wrong) if is_wrong else (marked[kind],):
            to[0].append((time - first) / unit)
            to[1].append(lanes[flow] + (0.14 if forward else -0.14))
    for lane in lanes.values():
        ax.axhline(lane, color="0.6", linewidth=0.5, zorder=0)
    for at, (kind_name, color) in enumerate(rows.legend):
        if at in marked:
            ax.scatter(*marked[at], s=28, color=color, label=_plain(kind_name))
    if wrong[0]:
        ax.scatter(*wrong, s=60, marker="x", color="red", linewidth=1.2, label="has problems")
    ax.set_yticks(list(lanes.values()), [_plain(rows.labels[flow]) for flow in lanes], fontsize=8)
    ax.set_ylim(-0.6, len(lanes) - 0.4)


def _bars(ax: Any, rows: _Rows, first: int, last: int, unit: int) -> None:
    width = max((last - first) // BARS + 1, 1)
    count = (last - first) // width + 1
    counts = [[0] * count for _ in rows.legend]
    wrong = [0] * count
    for time, kind, is_wrong in zip(rows.times, rows.kinds, rows.wrong):
        bar = (time - first) // width
        counts[kind][bar] += 1
        wrong[bar] += is_wrong
    middles = [(bar + 0.5) * width / unit for bar in range(count)]
    below = [0] * count
    for (name, color), heights in zip(rows.legend, counts):
        if any(heights):
            ax.bar(middles, heights, width / unit, bottom=below, color=color, label=_plain(name))
            below = [a + b for a, b in zip(below, heights)]
    if any(wrong):
        places = [(x, y) for x, y in zip(middles, wrong) if y]
        ax.scatter(*zip(*places), s=24, marker="x", color="red", linewidth=1, label="have problems", zorder=3)
    ax.set_ylabel("messages")


def _plain(text: str) -> str:
    """A label as it is: matplotlib takes what is between dollar signs for mathematics."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text[:60])
    return printable.replace("$", r"\$")
