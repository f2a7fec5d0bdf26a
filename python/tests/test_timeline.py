"""The timeline: drawn where matplotlib is, and a sentence where it is not."""

import sys

import pytest

import framescope
from test_display import KSY, message, pcap


@pytest.fixture(scope="module")
def capture():
    mine = framescope.Protocol.from_text(KSY)
    return framescope.open(pcap(message(mine, "a $x^2$ b") + message(mine, "ada", "login")), protocol=mine)


def test_without_matplotlib_it_says_what_to_install(capture, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        capture.timeline()


def test_few_messages_are_marks_and_many_are_bars(capture, monkeypatch, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from framescope import timeline

    axes = capture.timeline()
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"say", "login"}
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
