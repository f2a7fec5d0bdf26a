"""Reads pcap and writes pcapng: only what is needed to store recordings, and to damage them on purpose."""

import struct


class Packet:
    """A captured packet: nanoseconds since the epoch, link type, bytes as captured, length on the wire."""

    def __init__(self, time_ns, link_type, data, wire_length=None, comment=None):
        self.time_ns, self.link_type, self.data = time_ns, link_type, bytearray(data)
        self.wire_length = wire_length or len(data)
        self.comment = comment

    def copy(self, comment=None):
        return Packet(self.time_ns, self.link_type, self.data, self.wire_length, comment)

    @property
    def ip(self):
        """Where the IP header begins: after Ethernet."""
        return 14

    @property
    def tcp(self):
        return self.ip + (40 if self.data[self.ip] >> 4 == 6 else (self.data[self.ip] & 15) * 4)

    @property
    def ports(self):
        return struct.unpack_from(">HH", self.data, self.tcp)

    @property
    def sequence(self):
        return struct.unpack_from(">I", self.data, self.tcp + 4)[0]

    @property
    def flags(self):
        return self.data[self.tcp + 13]

    @property
    def payload_start(self):
        return self.tcp + (self.data[self.tcp + 12] >> 4) * 4

    @property
    def payload(self):
        return bytes(self.data[self.payload_start:])


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    order, scale = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1),
                    b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xa1\xb2\x3c\x4d": (">", 1)}[data[:4]]
    link_type, at, packets = struct.unpack_from(order + "I", data, 20)[0], 24, []
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from(order + "IIII", data, at)
        packets.append(Packet(seconds * 10**9 + fraction * scale, link_type, data[at + 16:at + 16 + captured], length))
        at += 16 + captured
    return packets


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def write_pcapng(path, packets):
    """One section, one interface `lo`, nanoseconds."""
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        options = option(2, b"lo") + option(9, b"\x09") + option(0, b"")
        file.write(block(1, struct.pack("<HHI", packets[0].link_type, 0, 0) + options))
        for packet in packets:
            time = packet.time_ns
            body = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet.data), packet.wire_length)
            body += bytes(packet.data) + bytes(-len(packet.data) % 4)
            if packet.comment:
                body += option(1, packet.comment.encode()) + option(0, b"")
            file.write(block(6, body))
