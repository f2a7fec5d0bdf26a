"""Reads packet captures of protocols that you designed yourself, message by message and field by field.

>>> import framescope
>>> mine = framescope.Protocol.from_text("{meta: {id: mine}, seq: [{id: length, type: u1}, {id: text, type: str, size: length, encoding: UTF-8}]}")
>>> mine.decode(b"\\x03ada")["text"]
'ada'
"""

from collections.abc import Mapping as _Mapping
from collections.abc import Sequence as _Sequence

from framescope._errors import (
    DamageWarning,
    DecodeError,
    DescriptionError,
    DescriptionWarning,
    EncodeError,
    EncodeWarning,
    Error,
    FilterError,
    MissingError,
    OpenError,
    OptionError,
    ReadError,
)
from framescope._framescope import (
    Batch,
    Capture,
    Conversation,
    Damage,
    Decoder,
    Field,
    Flow,
    Follow,
    Group,
    Message,
    Problem,
    ProblemCount,
    Protocol,
    Stream,
    Table,
    __version__,
)
from framescope._open import open  # noqa: A004
from framescope._values import Named

_Mapping.register(Group)
_Sequence.register(Batch)
_Sequence.register(Capture)

__all__ = [
    "Batch",
    "Capture",
    "Conversation",
    "Damage",
    "DamageWarning",
    "DecodeError",
    "Decoder",
    "DescriptionError",
    "DescriptionWarning",
    "EncodeError",
    "EncodeWarning",
    "Error",
    "Field",
    "FilterError",
    "Flow",
    "Follow",
    "Group",
    "Message",
    "MissingError",
    "Named",
    "OpenError",
    "OptionError",
    "Problem",
    "ProblemCount",
    "Protocol",
    "ReadError",
    "Stream",
    "Table",
    "__version__",
    "open",
]


def __getattr__(name: str) -> object:
    # Parts of the package that not every program needs are imported when they are first named.
    if name in ("aio", "display", "sockets", "timeline"):
        import importlib

        return importlib.import_module(f"framescope.{name}")
    raise AttributeError(f"module 'framescope' has no attribute {name!r}")
