"""Writes captures of a described protocol, rotated over several files, with the standard library only."""

from __future__ import annotations

import struct
from pathlib import Path

DESCRIPTION = """
meta:
  id: note
  endian: be
  -framescope: {ports: 9000, kind: kind, id: sequence, request: kind == kinds::ask, reply: kind == kinds::answer}
seq:
  - {id: length, type: u2}
  - {id: kind, type: u1, enum: kinds}
  - {id: sequence, type: u4}
  - {id: text, type: str, size: length, encoding: UTF-8}
  - {id: marks, type: u1, repeat: expr, repeat-expr: 2}
enums:
  kinds: {1: ask, 2: answer}
"""

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
START = 1_700_000_000_000_000_000


def note(kind: int, sequence: int, text: str) -> bytes:
    data = text.encode()
    return struct.pack(">HBI", len(data), kind, sequence) + data + bytes([sequence & 255, kind])


def ip(client: int, back: bool, protocol: int, payload: bytes, number: int, flags: int = 0) -> bytes:
    ends = [bytes([10, 0, client >> 8, client & 255]), bytes([10, 1, 0, 1])]
    source, target = reversed(ends) if back else ends
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), number & 0xFFFF, flags, 64, protocol, 0)
    return head + source + target + payload


class Traffic:
    """Packets, and when each was captured."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self._sequences: dict[tuple[int, bool], int] = {}

    def add(self, packet: bytes) -> None:
        self.packets.append(b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + packet)

    def segment(self, client: int, back: bool, payload: bytes, flags: int = 0x18) -> None:
        sequence = self._sequences.setdefault((client, back), 1000)
        self._sequences[client, back] = sequence + len(payload) + (flags & 3 > 0)
        ports = (9000, 20000 + client) if back else (20000 + client, 9000)
        other = self._sequences.get((client, not back), 1000)
        head = struct.pack(">HHIIBBHHH", *ports, sequence, other, 0x50, flags, 65535, 0, 0)
        self.add(ip(client, back, 6, head + payload, len(self.packets)))

    def open(self, client: int) -> None:
        for back, flags in ((False, 2), (True, 0x12)):
            self.segment(client, back, b"", flags)

    def close(self, client: int) -> None:
        for back in (False, True):
            self.segment(client, back, b"", 0x11)
        for back in (False, True):
            self._sequences.pop((client, back))

    def talk(self, client: int, number: int, text: str = "a question") -> None:
        self.segment(client, False, note(1, number, f"{text} {number}"))
        self.segment(client, True, note(2, number, f"an answer to {number}"))

    def datagram(self, client: int, number: int, *, fragments: bool = False) -> None:
        payload = note(1, number, "a datagram that is long enough to be fragmented")
        whole = struct.pack(">HHHH", 30000 + client, 9000, 8 + len(payload), 0) + payload
        if not fragments:
            self.add(ip(client, False, 17, whole, number))
            return
        for at in range(0, len(whole), 24):
            more = 0x2000 if at + 24 < len(whole) else 0
            self.add(ip(client, False, 17, whole[at : at + 24], number, more | at // 8))

    def write(self, folder: Path, ends: list[int], name: str = "eth0_{:05}.pcap", start: int = START) -> list[Path]:
        """Files that end behind these packets each."""
        paths, first = [], 0
        for number, end in enumerate([*ends, len(self.packets)]):
            path = folder / name.format(number)
            with path.open("wb") as file:
                file.write(HEADER)
                for at in range(first, end):
                    time = start + at * 1_000_000
                    size = len(self.packets[at])
                    file.write(struct.pack("<IIII", time // 10**9, time % 10**9, size, size) + self.packets[at])
            paths.append(path)
            first = end
        return paths


def usual() -> Traffic:
    """Long connections and short ones, ports that are used again, datagrams, and fragments of some."""
    traffic = Traffic()
    for client in range(4):
        traffic.open(client)
    number = 0
    for turn in range(40):
        short = 100 + turn % 7
        traffic.open(short)
        for client in (*range(4), short, short):
            number += 1
            traffic.talk(client, number)
            if number % 3 == 0:
                traffic.datagram(client, number, fragments=number % 2 == 0)
        # A message in two segments.
        message = note(1, 5000 + turn, "in two parts")
        traffic.segment(short, False, message[:9])
        traffic.talk(0, 6000 + turn)
        traffic.segment(short, False, message[9:])
        if turn % 5 != 4:
            traffic.close(short)
    return traffic
