"""Whole messages from sockets that block, in a thread or in several.

    for message in framescope.sockets.receive(sock, "mine.ksy"):
        print(message["text"])
"""

from __future__ import annotations

import socket
import threading
from typing import Any, Iterator, Optional

from framescope.incoming import Damaged, DamagedMessage, IncompleteMessage, Role, Talk, encoded, protocol_of

__all__ = ["Connection", "DamagedMessage", "IncompleteMessage", "receive", "send"]

# As much as a socket's buffer usually holds, and at least a datagram.
CHUNK = 1 << 17


class Connection:
    """A connected socket that speaks in messages.

    ``protocol`` is a `Protocol`, the path of a description, or a name. ``role`` is what this program is, for protocols whose sides
    differ. Iterating gives each message as soon as all of it has arrived, up to the end of the stream. Bytes that are not a message, and
    messages that are not as their description says, raise `DamagedMessage`; with ``damaged="report"`` they come as messages
    that have ``problems``. A stream that ends inside a message raises `IncompleteMessage`.

    What receiving raises, such as the ``TimeoutError`` of a socket with a timeout or the ``BlockingIOError`` of one that does not
    block, loses nothing: continue with the same connection. Several threads may receive, each message goes to one of them, and
    another one may send meanwhile.
    """

    def __init__(self, sock: Any, protocol: Any, *, role: Role = "client", damaged: Damaged = "raise") -> None:
        self.socket = sock
        self._talk = Talk(protocol, role, damaged)
        self._incoming = self._talk.incoming
        self._is_datagram = getattr(sock, "type", socket.SOCK_STREAM) == socket.SOCK_DGRAM
        self._receiving = threading.Lock()
        self._sending = threading.Lock()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        incoming = self._incoming
        with self._receiving:
            while (message := incoming.take()) is None:
                if incoming.ended:
                    raise StopIteration
                data = self.socket.recv(CHUNK)
                if self._is_datagram:
                    incoming.datagram(data)
                else:
                    incoming.feed(data)
            return message

    def receive(self) -> Any:
        """The next message; None when the other side has ended the stream behind its last one."""
        return next(self, None)

    def send(self, message: Any) -> None:
        """Sends a message: its fields, such as ``{"kind": "login", "text": "ada"}``, or a `Message`, or its bytes."""
        with self._sending:
            self.socket.sendall(self._talk.outgoing(message))

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def receive(sock: Any, protocol: Any, *, role: Role = "client", damaged: Damaged = "raise") -> Connection:
    """Iterates over the messages that arrive at a socket. Keep what this returns as long as you receive: it has the beginning of
    the next message."""
    return Connection(sock, protocol, role=role, damaged=damaged)


def send(sock: Any, protocol: Any, message: Any) -> None:
    """Sends one message, in a protocol whose messages do not depend on earlier ones."""
    sock.sendall(encoded(protocol_of(protocol), message))
