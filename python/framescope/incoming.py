"""What one side of a connection has received: whole messages, and the beginning of the next one.

It reads from nothing itself: `framescope.aio` and `framescope.sockets` give it bytes.
"""

from __future__ import annotations

import os
from operator import length_hint
from typing import Any, Iterator, Literal, Optional

from framescope._errors import DecodeError
from framescope._framescope import Conversation, Message, Protocol

__all__ = ["Damaged", "DamagedMessage", "Incoming", "IncompleteMessage", "Role", "Talk", "encoded", "protocol_of"]

Role = Literal["client", "server"]
Damaged = Literal["raise", "report"]


class DamagedMessage(DecodeError):
    """What arrived is not a message, or not as its description says. `.message` is what arrived, with its problems.

    Reading again continues after it.
    """

    message: Any

    def __init__(self, message: Any) -> None:
        if message.type == "message":
            what = f"the message at byte {message.offset} of the stream is damaged"
        else:
            what = f"{_bytes(message.length)} at byte {message.offset} of the stream are not a message"
        why = "; ".join(str(problem) for problem in message.problems)
        super().__init__(f"{what}: {why}" if why else what, offset=message.offset, message=message)


class IncompleteMessage(DecodeError, EOFError):
    """The stream ended inside a message. `.offset` is where in the stream that begins, `.partial` what arrived of it."""

    partial: bytes

    def __init__(self, message: Any) -> None:
        super().__init__(
            f"the stream ended inside a message: of the one at byte {message.offset} of the stream, "
            f"only {_bytes(message.length)} arrived",
            offset=message.offset,
            partial=bytes(message.bytes),
        )


class Incoming:
    """The messages of the other side of a connection, in the order in which they were sent."""

    __slots__ = ("_decoder", "_protocol", "_raises", "ended", "is_intact", "messages")

    def __init__(self, protocol: Protocol, decoder: Any, damaged: Damaged = "raise") -> None:
        if damaged not in ("raise", "report"):
            raise ValueError(f'damaged is "raise" or "report", not {damaged!r}')
        self._protocol = protocol
        self._decoder = decoder
        self._raises = damaged == "raise"
        # Those that are complete and were not taken yet; and whether none of them is damaged, so that they need not be asked.
        self.messages: Iterator[Any] = iter(())
        self.is_intact = True
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Takes what was received; nothing means that the other side sends no more."""
        if data:
            self._add(self._decoder.feed(data))
        elif not self.ended:
            self.ended = True
            self._add(self._decoder.end())

    def datagram(self, data: bytes) -> None:
        """Takes a datagram, which no message leaves."""
        self.messages = iter([*self.messages, *self._protocol.frames(data, direction=self._decoder.direction)])
        self.is_intact = False

    def _add(self, found: Any) -> None:
        if length_hint(self.messages):
            self.messages = iter([*self.messages, *found])
            self.is_intact = False
        else:
            self.messages = iter(found)
            self.is_intact = found.is_intact

    def take(self) -> Any:
        """The next message of those that are complete; None if there is none."""
        message = next(self.messages, None)
        if message is None or message.is_intact:
            return message
        if message.type == "partial" and self.ended:
            raise IncompleteMessage(message)
        if self._raises:
            raise DamagedMessage(message)
        return message

    @property
    def is_done(self) -> bool:
        """Whether everything was taken."""
        return self.ended and not length_hint(self.messages)


class Talk:
    """A connection as one program sees it: what the other side says, and what it says itself.

    Where a protocol has states, what one side says may decide how the other side's messages are read, so that both are followed.
    """

    __slots__ = ("_has_states", "_own", "incoming", "protocol")

    def __init__(self, protocol: Any, role: Role = "client", damaged: Damaged = "raise") -> None:
        if role not in ("client", "server"):
            raise ValueError(f'role is what this program is, "client" or "server", not {role!r}')
        self.protocol = protocol_of(protocol)
        conversation = Conversation(self.protocol)
        theirs, own = conversation.server, conversation.client
        if role == "server":
            theirs, own = own, theirs
        self.incoming = Incoming(self.protocol, theirs, damaged)
        self._own = own
        self._has_states = bool(self.protocol.stages)

    def outgoing(self, message: Any) -> bytes:
        """The bytes of a message that is about to be sent: they may be given themselves, or a message, or its fields."""
        data = _bytes_of(message)
        if data is None:
            return self._own.encode(message)
        if self._has_states:
            self._own.feed(data)
        return data


def protocol_of(protocol: Any) -> Protocol:
    """A protocol, whether it is given itself, by the path of its description, or by its name."""
    if isinstance(protocol, Protocol):
        return protocol
    if isinstance(protocol, os.PathLike) or str(protocol).endswith((".ksy", ".yaml")):
        return Protocol.from_ksy(protocol)
    return Protocol.named(protocol)


def encoded(protocol: Protocol, message: Any) -> bytes:
    """The bytes of a message, in a protocol without states."""
    data = _bytes_of(message)
    return protocol.encode(message) if data is None else data


def _bytes_of(message: Any) -> Optional[bytes]:
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    return message.bytes if isinstance(message, Message) else None


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
