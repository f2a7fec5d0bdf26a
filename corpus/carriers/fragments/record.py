"""Records messages of SOME/IP in numbered parts, one in each datagram, as programs send what is too long for one. The parts of a
message are sent in another order than theirs, between those of other messages, and some twice; one is not sent.

Needs tcpdump.

    python3 record.py
"""

import os
import random
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 30490
SIZE = 24


def someip(service, method, session, payload, kind):
    return struct.pack(">HHIHHBBBB", service, method, 8 + len(payload), 7, session, 1, 1, kind, 0) + payload


def parts(number, message):
    pieces = [message[at:at + SIZE] for at in range(0, len(message), SIZE)]
    return [b"FR" + struct.pack(">HBB", number, part, len(pieces)) + piece for part, piece in enumerate(pieces)]


def run(log):
    shuffled = random.Random(20).shuffle
    a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    b.bind(("127.0.0.1", PORT))
    a.connect(("127.0.0.1", PORT))
    b.connect(a.getsockname())
    for number in range(1, 7, 2):
        sent = parts(number, someip(0x1234, 1, number, f"request {number}: ".encode() * number, 0))
        sent += parts(number + 1, someip(0x1234, 2, number + 1, bytes(range(8 * number)), 0))
        shuffled(sent)
        sent.insert(3, sent[0])
        if number == 3:
            sent.pop()
        for part in sent:
            a.send(part)
        for part in parts(number, someip(0x1234, 1, number, b"done", 0x80)):
            b.send(part)


recording.record(HERE, run, f"udp port {PORT}")
os.remove(os.path.join(HERE, "sent.jsonl"))
