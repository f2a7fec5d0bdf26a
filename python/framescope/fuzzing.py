"""Mutators for coverage-guided fuzzers: they change messages as messages, so that lengths and checks mostly hold and what is tried
gets past them.

With Atheris::

    change = framescope.fuzzing.mutator(protocol, mutate=lambda data, size: atheris.Mutate(data, size))
    atheris.Setup(sys.argv, test_one_input, custom_mutator=change)
    atheris.Fuzz()

A mutator is any function ``(data, max_size, seed) -> bytes``, as libFuzzer's custom mutators are. The same seed makes the same change.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import framescope
from framescope._framescope import Generator, said, transcript

__all__ = ["crossover", "mutator", "said", "transcript"]

Mutator = Callable[[bytes, int, int], bytes]


def _protocol(protocol: framescope.Protocol | str | os.PathLike[str]) -> framescope.Protocol:
    if isinstance(protocol, framescope.Protocol):
        return protocol
    text = os.fspath(protocol)
    return framescope.Protocol.from_ksy(text) if os.path.exists(text) else framescope.Protocol.named(text)


def mutator(
    protocol: framescope.Protocol | str | os.PathLike[str],
    *,
    conversations: bool = False,
    mutate: Callable[[bytes, int], bytes] | None = None,
) -> Mutator:
    """A custom mutator for a protocol: it changes fields, and adds, removes and exchanges messages of a stream.

    With ``conversations=True`` the data are a conversation of a protocol that has some: :func:`said` gives what each side says in it.
    ``mutate`` is the fuzzer's own way to change bytes, to which one change in eight is left. ``atheris.Mutate`` is one, but another
    function once ``atheris.Fuzz`` runs, so that it must be looked up at each call; the one from before ends the whole process, with
    status 255.
    """
    generator = Generator(_protocol(protocol))
    change = generator.mutate_conversation if conversations else generator.mutate

    def custom_mutator(data: bytes, max_size: int, seed: int) -> bytes:
        return change(data, max_size, seed & 0xFFFF_FFFF, mutate)

    return custom_mutator


def crossover(
    protocol: framescope.Protocol | str | os.PathLike[str],
) -> Callable[[bytes, bytes, int, int], bytes]:
    """A custom crossover: whole messages of one stream and of the other."""
    generator = Generator(_protocol(protocol))

    def custom_crossover(data: bytes, other: bytes, max_size: int, seed: int) -> bytes:
        return generator.cross(data, other, max_size, seed & 0xFFFF_FFFF)

    return custom_crossover
