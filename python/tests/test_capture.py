"""Captures as sequences of messages."""

from pathlib import Path

import framescope
import pytest

CORPUS = Path(__file__).parents[2] / "corpus"
CHAT = CORPUS / "captures/missive-chat/capture.pcapng"


@pytest.fixture(scope="module")
def chat() -> framescope.Capture:
    return framescope.open(CHAT)


def test_a_capture_is_a_sequence(chat):
    assert len(chat) == 106 and len(list(chat)) == 106
    assert [m.row for m in chat] == list(range(106))
    assert chat[0].row == 0 and chat[-1].row == 105
    assert [m.row for m in chat[10:20:3]] == [10, 13, 16, 19]
    assert [m.row for m in chat[5::-2]] == [5, 3, 1]
    assert len(chat[200:]) == 0 and not chat[200:]
    with pytest.raises(IndexError):
        chat[106]


def test_a_filter_leaves_a_view_that_is_filtered_again(chat):
    data = chat.filter("kind == DATA")
    assert data and {m.kind for m in data} == {"DATA"}
    assert [m.row for m in data.filter("row < 50")] == [m.row for m in data if m.row < 50]
    assert [m.row for m in data[3:9].filter("kind == DATA")] == [m.row for m in data[3:9]]
    assert [m.row for m in framescope.open(CHAT, filter="kind == DATA")] == [m.row for m in data]
