"""What can go wrong. Each error says what, where and what to do; where it is known, it has a file, a packet and an offset."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Anything that Framescope reports. ``file``, ``packet`` and ``offset`` are None where they are not known."""

    file: str | None = None
    packet: int | None = None
    offset: int | None = None

    def __init__(self, text: str = "", **about: Any) -> None:
        super().__init__(text)
        for name, value in about.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class OpenError(Error, OSError):
    """A capture can't be opened: it is not there, can't be read, or is of a kind that is not read."""


class MissingError(OpenError, FileNotFoundError):
    """There is no such capture."""


class ReadError(Error, OSError):
    """A capture that was opened can't be read any more: its file was cut, replaced or removed."""


class OptionError(Error, ValueError):
    """What a capture is to be read with does not fit: a rule names a protocol that does not exist, for example."""


class DescriptionError(Error, ValueError):
    """A description has mistakes. ``line`` and ``column`` are those of the first, counted from 1; ``diagnostics`` lists all."""

    line: int = 0
    column: int = 0
    diagnostics: tuple[tuple[str, int, int, str], ...] = ()


class FilterError(Error, ValueError):
    """A filter can't be understood. ``expression[start:end]`` is the part at fault."""

    expression: str = ""
    start: int = 0
    end: int = 0

    @property
    def position(self) -> int:
        """Where in the expression the fault begins."""
        return self.start


class DecodeError(Error, ValueError):
    """Bytes are not one message. ``offset`` is where; ``needed`` is how many more bytes a message needs at least, if that is it."""

    needed: int | None = None


class EncodeError(Error, ValueError):
    """A message can't be written. ``field`` is the one in the way."""

    field: str | None = None


class DamageWarning(UserWarning):
    """A capture is damaged; what could be read of it was. ``Capture.damages`` lists where."""


class EncodeWarning(UserWarning):
    """Something of a message that was written could not be derived, or is other than it was given."""


class DescriptionWarning(UserWarning):
    """Something in a description is probably not meant, or a description in one of the usual folders can't be used."""
