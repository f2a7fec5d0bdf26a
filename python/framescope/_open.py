"""Opens captures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, overload

from framescope import _framescope

if TYPE_CHECKING:
    from framescope._framescope import Capture, Follow, Protocol

    Path: TypeAlias = str | os.PathLike[str]
    Paths: TypeAlias = Path | Iterable[Path]
    One: TypeAlias = Path | bytes | bytearray | memoryview | IO[bytes]
    Source: TypeAlias = One | list[Path] | list[str] | list[One] | tuple[One, ...]
    Protocols: TypeAlias = Path | Protocol | Iterable[Path | Protocol]
    Rules: TypeAlias = str | Iterable[str] | Mapping[str, str | Protocol]


@overload
def open(
    source: Source,
    protocol: Protocols | None = None,
    filter: str | None = None,
    *,
    decode_as: Rules = (),
    key: str | bytes | None = None,
    keylog: Paths = (),
    include: Paths = (),
    clients: str | Iterable[str] = (),
    proto: Paths = (),
    proto_path: Paths = (),
    follow: Literal[False] = False,
    timeout: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Capture: ...
@overload
def open(
    source: Source,
    protocol: Protocols | None = None,
    filter: str | None = None,
    *,
    decode_as: Rules = (),
    key: str | bytes | None = None,
    keylog: Paths = (),
    include: Paths = (),
    clients: str | Iterable[str] = (),
    proto: Paths = (),
    proto_path: Paths = (),
    follow: Literal[True],
    timeout: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Follow: ...
def open(
    source: Any,
    protocol: Any = None,
    filter: str | None = None,
    *,
    decode_as: Any = (),
    key: Any = None,
    keylog: Any = (),
    include: Any = (),
    clients: Any = (),
    proto: Any = (),
    proto_path: Any = (),
    follow: bool = False,
    timeout: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Any:
    """Reads a capture: pcap, pcapng, and what else ``framescope decode`` reads, also compressed.

    ``source`` is a path, ``"-"`` for standard input, bytes, a binary file object, or a list of these, which are read as one: a capture
    that was rotated. What is not a capture is read as the bytes of one stream.

    ``protocol`` adds descriptions (paths of ``.ksy`` files) and :class:`Protocol` objects to those that are known; which flow is which
    is found out, as the command line does. A name, such as ``"bare"``, says that everything is of that protocol.
    ``filter`` leaves the messages that match.

    ``decode_as`` has rules such as ``"tcp.port=9000=missive"`` or ``{"tcp.port=9000": "missive"}``; ``key`` verifies authenticated messages
    (bytes or hexadecimal digits, or ``"@FILE"``); ``keylog`` names key logs to decrypt TLS with; descriptions look up what they import in
    the folders of ``include``; ``clients`` are endpoints that opened their connections; ``proto`` and ``proto_path`` name ``.proto`` files.

    ``progress(read, length)`` is called now and then with numbers of bytes; what it raises stops the reading.

    With ``follow=True`` the messages of a capture that is still being written are given as they arrive, until nothing came for
    ``timeout`` seconds. No time limit is the default.
    """
    options: dict[str, Any] = {
        "protocol": protocol,
        "decode_as": decode_as,
        "key": key,
        "keylog": keylog,
        "include": include,
        "clients": clients,
        "proto": proto,
        "proto_path": proto_path,
    }
    if follow:
        return _framescope.follow_capture(source, filter, options, timeout)
    return _framescope.open_capture(source, filter, progress, options)
