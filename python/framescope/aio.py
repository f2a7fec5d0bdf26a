"""Whole messages with asyncio: a reader and a writer around those of a stream, whatever carries it (TCP, TLS, a Unix socket, a pipe).

    reader, writer = await framescope.aio.open_connection("127.0.0.1", 9000, "mine.ksy")
    await writer.send({"kind": "login", "text": "ada"})
    async for message in reader:
        print(message["text"])
"""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, Tuple

from framescope.incoming import Damaged, DamagedMessage, IncompleteMessage, Role, Talk

__all__ = [
    "DamagedMessage",
    "IncompleteMessage",
    "MessageReader",
    "MessageWriter",
    "open_connection",
    "start_server",
    "wrap",
]

# More than a stream's buffer usually holds, so that what has arrived is taken at once.
CHUNK = 1 << 18


class MessageReader:
    """Reads whole messages from an ``asyncio.StreamReader``, or from anything with a coroutine ``read(n)``.

    ``protocol`` is a `Protocol`, the path of a description, or a name. ``role`` is what this program is, for protocols whose sides
    differ. Bytes that are not a message, and messages that are not as their description says, raise `DamagedMessage`;
    with ``damaged="report"`` they come as messages that have ``problems``. A stream that ends inside a message raises
    `IncompleteMessage`. Reading may be cancelled at any time (by a timeout, for example) and loses nothing.
    """

    def __init__(
        self, reader: Any, protocol: Any, *, role: Role = "client", damaged: Damaged = "raise", _talk: Optional[Talk] = None
    ) -> None:
        self.stream = reader
        self._incoming = (_talk or Talk(protocol, role, damaged)).incoming

    async def read(self) -> Any:
        """The next message; None when the other side has ended the stream behind its last one."""
        incoming = self._incoming
        while True:
            message = incoming.take()
            if message is not None or incoming.ended:
                return message
            incoming.feed(await self.stream.read(CHUNK))

    async def __aiter__(self) -> AsyncIterator[Any]:
        # A generator is twice as fast as calling `read`. It holds nothing, so that dropping it loses nothing.
        incoming = self._incoming
        while True:
            if incoming.is_intact:
                for message in incoming.messages:
                    yield message
            while (message := incoming.take()) is not None:
                yield message
            if incoming.ended:
                return
            incoming.feed(await self.stream.read(CHUNK))

    def at_eof(self) -> bool:
        """Whether everything was read."""
        return self._incoming.is_done


class MessageWriter:
    """Writes whole messages to an ``asyncio.StreamWriter``.

    A message is given by its fields, such as ``{"kind": "login", "text": "ada"}`` (lengths, counts and checks are derived),
    as a `Message`, or as its bytes.
    """

    def __init__(self, writer: Any, protocol: Any, *, role: Role = "client", _talk: Optional[Talk] = None) -> None:
        self.stream = writer
        self._talk = _talk or Talk(protocol, role)

    def write(self, message: Any) -> None:
        """Writes a message without waiting; ``drain`` waits until there is room for more."""
        self.stream.write(self._talk.outgoing(message))

    async def send(self, message: Any) -> None:
        """Writes a message, and waits until there is room for more."""
        self.write(message)
        await self.stream.drain()

    async def drain(self) -> None:
        """Waits until there is room for more."""
        await self.stream.drain()

    def write_eof(self) -> None:
        """Says that there are no more messages; those of the other side can still be read."""
        self.stream.write_eof()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows, such as ``peername``."""
        return self.stream.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self.stream.is_closing()

    def close(self) -> None:
        """Closes the connection, when everything that was written is sent."""
        self.stream.close()

    async def wait_closed(self) -> None:
        """Waits until it is closed."""
        await self.stream.wait_closed()

    async def __aenter__(self) -> "MessageWriter":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()
        try:
            await self.wait_closed()
        except ConnectionError:
            pass


def wrap(
    reader: Any, writer: Any, protocol: Any, *, role: Role = "client", damaged: Damaged = "raise"
) -> Tuple[MessageReader, MessageWriter]:
    """A reader and a writer of messages around those of a connection that is there already.

    Where a protocol has states, only both together know in which one each message is.
    """
    talk = Talk(protocol, role, damaged)
    return MessageReader(reader, protocol, _talk=talk), MessageWriter(writer, protocol, _talk=talk)


async def open_connection(
    host: Optional[str] = None, port: Any = None, protocol: Any = None, *, damaged: Damaged = "raise", **options: Any
) -> Tuple[MessageReader, MessageWriter]:
    """Connects, like ``asyncio.open_connection``, which takes the same options (``ssl``, ``local_addr`` …)."""
    talk = Talk(protocol, "client", damaged)
    reader, writer = await asyncio.open_connection(host, port, **options)
    return MessageReader(reader, protocol, _talk=talk), MessageWriter(writer, protocol, _talk=talk)


async def start_server(
    handler: Callable[[MessageReader, MessageWriter], Awaitable[None]],
    host: Optional[str] = None,
    port: Any = None,
    protocol: Any = None,
    *,
    damaged: Damaged = "raise",
    **options: Any,
) -> asyncio.Server:
    """Serves, like ``asyncio.start_server``, which takes the same options: ``handler`` is called for each client, and the connection
    is closed when it returns."""
    known = Talk(protocol, "server", damaged).protocol

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(*wrap(reader, writer, known, role="server", damaged=damaged))
        finally:
            writer.close()

    return await asyncio.start_server(connected, host, port, **options)
