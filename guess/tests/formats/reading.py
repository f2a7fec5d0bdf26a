"""Reads what was recorded: the bytes of each side of each conversation, and their messages and fields, by the specification of each format.

Nothing here is Framescope's: what it finds is compared with what these readers say.
"""

import struct


class Reader:
    """Bytes of one side (or of a datagram), taken field by field."""

    def __init__(self, data, order=">"):
        self.data, self.order = data, order
        self.at, self.parts, self.messages = 0, [], []

    @property
    def left(self):
        return len(self.data) - self.at

    def peek(self, count, skip=0):
        return self.data[self.at + skip:self.at + skip + count]

    def take(self, kind, count):
        """So many bytes, which are a field of a kind."""
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} bytes at {self.at} of {len(self.data)}")
        taken = self.peek(count)
        self.at += count
        if count:
            self.parts.append((kind, count))
        return taken

    def number(self, kind, count, order=None):
        return int.from_bytes(self.take(kind, count), "big" if (order or self.order) == ">" else "little")

    def fields(self, text):
        """Fields as `kind:bytes` with blanks between them. Returns their numbers."""
        parts = (part.partition(":") for part in text.split())
        return [self.number(kind, int(count)) for kind, _, count in parts]

    def until(self, kind, end, end_kind="end"):
        """All up to some bytes, which are a field of their own."""
        found = self.data.find(end, self.at)
        if found < 0:
            raise ValueError(f"no {end} from {self.at} on")
        taken = self.take(kind, found - self.at)
        self.take(end_kind, len(end))
        return taken

    def leb128(self, kind):
        value = shift = count = 0
        while True:
            byte = self.data[self.at + count]
            value |= (byte & 0x7F) << shift
            shift, count = shift + 7, count + 1
            if byte < 0x80:
                self.take(kind, count)
                return value

    def ber(self, kind="number", size="length"):
        """A tag of one byte and the length behind it."""
        tag = self.number(kind, 1)
        first = self.number(size, 1)
        return tag, self.number(size, first & 0x7F, ">") if first & 0x80 else first

    def end(self):
        """The message ends here."""
        if self.parts:
            self.messages.append(self.parts)
        self.parts = []


class Talk:
    """A conversation: what both sides said, the client first."""

    def __init__(self, ends, is_datagrams):
        self.ends, self.is_datagrams = ends, is_datagrams
        self.said, self.sequences = ([], []), [None, None]

    def streams(self):
        return [b"".join(said) for said in self.said]


def talks(packets):
    """The conversations of packets of the loopback interface, where none is lost or out of order."""
    found, all_of_them = {}, []
    for packet in packets:
        data, at = bytes(packet.data), 14
        if data[at] >> 4 == 4:
            protocol, behind = data[at + 9], at + (data[at] & 15) * 4
            hosts = [".".join(map(str, data[at + begin:at + begin + 4])) for begin in (12, 16)]
            last = at + int.from_bytes(data[at + 2:at + 4], "big")
        else:
            protocol, behind = data[at + 6], at + 40
            hosts = ["[::1]", "[::1]"]
            last = behind + int.from_bytes(data[at + 4:at + 6], "big")
        if protocol not in (6, 17):
            continue
        ports = struct.unpack_from(">HH", data, behind)
        ends = [f"{host}:{port}" for host, port in zip(hosts, ports)]
        is_first = protocol == 6 and data[behind + 13] & 0x12 == 2
        if is_first or tuple(ends) not in found:
            talk = Talk(ends, protocol == 17)
            all_of_them.append(talk)
            found[tuple(ends)], found[tuple(ends[::-1])] = (talk, 0), (talk, 1)
        talk, side = found[tuple(ends)]
        if protocol == 17:
            talk.said[side].append(data[behind + 8:last])
            continue
        sequence = int.from_bytes(data[behind + 4:behind + 8], "big")
        said = data[behind + (data[behind + 12] >> 4) * 4:last]
        if data[behind + 13] & 2:
            talk.sequences[side] = (sequence + 1) & 0xFFFFFFFF
        if said:
            expected = talk.sequences[side]
            repeated = (expected - sequence) & 0xFFFFFFFF if expected is not None else 0
            if repeated >= len(said):
                if repeated < 1 << 31:
                    continue
                raise ValueError("a packet is missing")
            talk.said[side].append(said[repeated:])
            talk.sequences[side] = (sequence + len(said)) & 0xFFFFFFFF
    return [talk for talk in all_of_them if any(talk.said)]


def truth(packets, read, order, checks):
    """What a capture's messages are, as the lines of its truth.txt."""
    lines = [f"check {side} {text}" for side, text in checks]
    count = 0
    for talk in talks(packets):
        state = {}
        for side, said in enumerate(talk.said):
            if not said:
                continue
            messages = []
            for data in said if talk.is_datagrams else [b"".join(said)]:
                reader = Reader(data, order)
                read(reader, side, state)
                reader.end()
                if reader.left:
                    raise ValueError(f"{reader.left} bytes of {len(data)} are left of {talk.ends}, side {side}")
                messages += reader.messages
            source, target = talk.ends if side == 0 else talk.ends[::-1]
            lines.append(f"{source} to {target}")
            count += len(messages)
            for parts in messages:
                said_of = " ".join(f"{kind}:{size}" for kind, size in joined(parts))
                lines.append(f"{sum(size for _, size in parts)} {said_of}")
    return count, "\n".join(lines) + "\n"


def joined(parts):
    """Bytes of which nothing is said are one part."""
    found = []
    for kind, size in parts:
        if found and kind == found[-1][0] in ("bytes", "constant", "text", "random"):
            size += found.pop()[1]
        found.append((kind, size))
    return found
