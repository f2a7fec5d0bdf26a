"""A number that stands for a name."""

from __future__ import annotations

from typing import Any


class Named(int):
    """The value of a field whose numbers have names, such as ``DATA``. It is the number; ``name`` is None where that has none.

    >>> Named(3, "DATA") == 3, str(Named(3, "DATA")), str(Named(42))
    (True, 'DATA', '0x2a')
    """

    name: str | None

    def __new__(cls, number: int, name: str | None = None) -> Named:
        self = super().__new__(cls, number)
        self.name = name
        return self

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        return f"{int(self):#04x}" if self >= 0 else int.__repr__(self)

    def __repr__(self) -> str:
        return f"Named({int(self)}, {self.name!r})"

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec and spec[-1] in "bcdoxXneEfFgG%" else format(str(self), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Named, (int(self), self.name))


_KNOWN: dict[tuple[int, str | None], Named] = {}


def named(number: int, name: str | None) -> Named:
    """The same object for the same number and name, as long as there are not very many."""
    key = (number, name)
    known = _KNOWN.get(key)
    if known is None:
        known = Named(number, name)
        if len(_KNOWN) < 65536:
            _KNOWN[key] = known
    return known
