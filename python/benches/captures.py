"""Writes the captures that the comparison reads, always the same for a shape and a number of messages.

    python3 captures.py SHAPE MESSAGES OUT.pcap

`small` has a message in each packet, `glued` many in each full-size segment, `large` messages of several segments, `short` a
connection for every four messages, and `damaged` is `glued` with one segment in a hundred lost and one check in a hundred wrong.
"""

import random
import struct
import sys
import zlib

PORT = 9000
SEGMENT = 1448
SHAPES = {
    # connections (0: one for every four messages), sizes of the text, messages in a segment
    "small": (100, (8, 48), "one"),
    "glued": (100, (8, 48), "many"),
    "large": (10, (2000, 8000), "many"),
    "short": (0, (8, 48), "one"),
    "damaged": (100, (8, 48), "many"),
}
WORDS = "the quick brown fox jumps over a lazy dog while zoë reads forty long letters from łódź".split()


def message(kind, number, text):
    body = text.encode()
    head = struct.pack(">BHI", kind, len(body), number) + body
    return head + struct.pack(">I", zlib.crc32(head))


class Recorder:
    """A classic pcap with Ethernet, IPv4 and TCP."""

    def __init__(self, file):
        self.file, self.time, self.parts = file, 1_700_000_000_000_000, []
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1))

    def packet(self, connection, from_client, flags, sequence, acknowledged, payload=b""):
        client, server = struct.pack(">I", 0x0A000001 + connection // 20000), bytes([10, 9, 9, 9])
        port = 20000 + connection % 20000
        source, target = (client, server) if from_client else (server, client)
        ports = (port, PORT) if from_client else (PORT, port)
        ip = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + source + target)
        total = sum(struct.unpack(">10H", ip))
        total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into(">H", ip, 10, 0xFFFF - ((total & 0xFFFF) + (total >> 16)))
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0)
        size = 54 + len(payload)
        self.time += 7
        seconds, micros = divmod(self.time, 1_000_000)
        self.parts += [struct.pack("<IIII", seconds, micros, size, size), b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\x00", ip, tcp, payload]
        if len(self.parts) > 50_000:
            self.flush()

    def flush(self):
        self.file.write(b"".join(self.parts))
        self.parts.clear()


def write(shape, messages, path):
    connections, (least, most), packing = SHAPES[shape]
    chance = random.Random(f"{shape} {messages}")
    connections = connections or -(-messages // 4)
    each = -(-messages // connections)
    filler = " ".join(chance.choice(WORDS) for _ in range(4000))
    with open(path, "wb") as file:
        recorder = Recorder(file)
        sequences = [[1000, 5000] for _ in range(connections)]
        waiting = [[bytearray(), bytearray()] for _ in range(connections)]

        def say(connection, side, data):
            mine, theirs = sequences[connection][side], sequences[connection][1 - side]
            if shape != "damaged" or chance.random() >= 0.01:
                recorder.packet(connection, side == 0, 0x18, mine, theirs, data)
            sequences[connection][side] += len(data)

        def open_(connection):
            mine, theirs = sequences[connection]
            recorder.packet(connection, True, 0x02, mine - 1, 0)
            recorder.packet(connection, False, 0x12, theirs - 1, mine)
            recorder.packet(connection, True, 0x10, mine, theirs)

        def close(connection):
            for side in (0, 1):
                if rest := waiting[connection][side]:
                    say(connection, side, bytes(rest))
            mine, theirs = sequences[connection]
            recorder.packet(connection, True, 0x11, mine, theirs)
            recorder.packet(connection, False, 0x11, theirs, mine + 1)

        short = SHAPES[shape][0] == 0
        if not short:
            for connection in range(connections):
                open_(connection)
        for number in range(messages):
            connection = number // each if short else chance.randrange(connections)
            if short and number % each == 0:
                open_(connection)
            size, at, side = chance.randint(least, most), chance.randrange(len(filler) - most), chance.randrange(2)
            data = message(chance.choice((1, 2, 3, 3, 3, 3)), number, filler[at : at + size])
            if shape == "damaged" and chance.random() < 0.01:
                data = data[:-1] + bytes([data[-1] ^ 0x55])
            if packing == "one":
                say(connection, side, data)
            else:
                buffer = waiting[connection][side]
                buffer += data
                while len(buffer) >= SEGMENT:
                    say(connection, side, bytes(buffer[:SEGMENT]))
                    del buffer[:SEGMENT]
            if short and (number % each == each - 1 or number == messages - 1):
                close(connection)
        if not short:
            for connection in range(connections):
                close(connection)
        recorder.flush()


def write_stream(messages, path):
    """Writes messages of the shape `small`, one after another."""
    chance = random.Random(messages)
    filler = " ".join(chance.choice(WORDS) for _ in range(4000))
    with open(path, "wb") as file:
        for number in range(messages):
            at, size = chance.randrange(len(filler) - 48), chance.randint(8, 48)
            file.write(message(chance.choice((1, 2, 3, 3, 3, 3)), number, filler[at : at + size]))


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), sys.argv[3])
