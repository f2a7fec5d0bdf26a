"""A picture of what was said when, drawn by matplotlib where that is installed."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from typing import Any, Dict, List, Optional

__all__ = ["timeline"]

# Up to so many messages each has a mark of its own, in a lane for each conversation; more are counted in bars.
MARKS = 2000
LANES = 24
BARS = 120
KINDS = 9


def timeline(messages: Any, ax: Optional[Any] = None) -> Any:
    """Draws messages (a capture, what a filter chose of it, a flow's, a list) over time, and returns matplotlib's axes.

    Few messages are marks in a lane for each conversation, those that the client sent above the line and the server's below; many
    are counted. The colour is the kind; what has problems has a red cross.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("a timeline is drawn by matplotlib, which is not installed: pip install matplotlib") from None
    rows = [m for m in messages if m.time_ns is not None]
    if ax is None:
        _, ax = pyplot.subplots(figsize=(10, 4), layout="constrained")
    if not rows:
        ax.set_title("no messages")
        return ax
    first, last = min(m.time_ns for m in rows), max(m.time_ns for m in rows)
    unit, name = _unit(last - first)
    kinds = _kinds(rows)
    flows = list(dict.fromkeys(m.flow for m in rows))
    if len(rows) <= MARKS and len(flows) <= LANES:
        _marks(ax, rows, flows, kinds, first, unit)
    else:
        _bars(ax, rows, kinds, first, last, unit)
    begin = datetime.datetime.fromtimestamp(first // 1_000_000_000, datetime.timezone.utc)
    ax.set_xlabel(f"{name} since {begin:%Y-%m-%d %H:%M:%S}.{first % 1_000_000_000:09d} UTC")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def _unit(length: int) -> Any:
    for unit, name in ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "seconds"), (60_000_000_000, "minutes")):
        if length < unit * 2000:
            return unit, name
    return 3_600_000_000_000, "hours"


def _kind(message: Any) -> str:
    return str(message.kind) if message.kind is not None else str(message.type)


def _kinds(rows: List[Any]) -> Dict[str, str]:
    """The most frequent kinds with their colours; all others share one."""
    return {kind: f"C{at}" for at, (kind, _) in enumerate(Counter(map(_kind, rows)).most_common(KINDS))}


def _marks(ax: Any, rows: List[Any], flows: List[Any], kinds: Dict[str, str], first: int, unit: int) -> None:
    lanes = {flow: len(flows) - 1 - at for at, flow in enumerate(flows)}
    labels = {}
    marked: Dict[str, Any] = defaultdict(lambda: ([], []))
    wrong: Any = ([], [])
    for m in rows:
        forward = str(m.direction) == "forward"
        labels.setdefault(m.flow, f"{m.src} \u2192 {m.dst}" if forward else f"{m.dst} \u2192 {m.src}")
        x, y = (m.time_ns - first) / unit, lanes[m.flow] + (0.14 if forward else -0.14)
        kind = _kind(m)
        for to in (marked[kind if kind in kinds else "others"], *([wrong] if m.problems else [])):
            to[0].append(x)
            to[1].append(y)
    for lane in lanes.values():
        ax.axhline(lane, color="0.6", linewidth=0.5, zorder=0)
    for kind, color in [*kinds.items(), ("others", "0.5")]:
        if kind in marked:
            ax.scatter(*marked[kind], s=28, color=color, label=_plain(kind))
    if wrong[0]:
        ax.scatter(*wrong, s=60, marker="x", color="red", linewidth=1.2, label="has problems")
    ax.set_yticks(list(lanes.values()), [_plain(labels[flow]) for flow in lanes], fontsize=8)
    ax.set_ylim(-0.6, len(flows) - 0.4)


def _bars(ax: Any, rows: List[Any], kinds: Dict[str, str], first: int, last: int, unit: int) -> None:
    width = max((last - first) // BARS + 1, 1)
    count = (last - first) // width + 1
    counts: Dict[str, List[int]] = defaultdict(lambda: [0] * count)
    wrong = [0] * count
    for m in rows:
        bar, kind = (m.time_ns - first) // width, _kind(m)
        counts[kind if kind in kinds else "others"][bar] += 1
        wrong[bar] += bool(m.problems)
    middles = [(bar + 0.5) * width / unit for bar in range(count)]
    below = [0] * count
    for kind, color in [*kinds.items(), ("others", "0.5")]:
        if kind in counts:
            ax.bar(middles, counts[kind], width / unit, bottom=below, color=color, label=_plain(kind))
            below = [a + b for a, b in zip(below, counts[kind])]
    if any(wrong):
        places = [(x, y) for x, y in zip(middles, wrong) if y]
        ax.scatter(*zip(*places), s=24, marker="x", color="red", linewidth=1, label="have problems", zorder=3)
    ax.set_ylabel("messages")


def _plain(text: str) -> str:
    """A label as it is: matplotlib takes what is between dollar signs for mathematics."""
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text[:60])
    return printable.replace("$", r"\$")
