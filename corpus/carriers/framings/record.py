"""Records capture.pcapng: frames of Missive in COBS, COBS/R, SLIP, lines of base64 and of hexadecimal digits; what is encoded is by
the packages cobs and sliplib and by Python's own modules, and carried.jsonl is what they decode again.

Needs tcpdump, root, cobs 1.2.2 and sliplib 0.7.2.

    python3 record.py
"""

import base64
import json
import os
import sys
import time

import sliplib
from cobs import cobs, cobsr

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import missive
import recording

PORTS = {"cobs": 9341, "cobsr": 9342, "slip": 9343, "base64": 9344, "hex": 9345}

ENCODE = {
    "cobs": lambda message: cobs.encode(message) + b"\0",
    "cobsr": lambda message: cobsr.encode(message) + b"\0",
    "slip": lambda message: sliplib.Driver().send(message),
    "base64": lambda message: base64.b64encode(message) + b"\r\n",
    "hex": lambda message: message.hex(" ").encode() + b"\n",
}
DECODE = {
    "cobs": lambda stream: [cobs.decode(part) for part in stream.split(b"\0")[:-1]],
    "cobsr": lambda stream: [cobsr.decode(part) for part in stream.split(b"\0")[:-1]],
    "slip": lambda stream: [sliplib.decode(part) for part in stream.split(b"\xc0") if part],
    "base64": lambda stream: [base64.b64decode(line) for line in stream.split(b"\n")[:-1]],
    "hex": lambda stream: [bytes.fromhex(line.decode()) for line in stream.split(b"\n")[:-1]],
}


def messages(side):
    """With zeros, with what each encoding escapes, and longer than a group of COBS."""
    credential = bytes(range(256)) * 2 if side == "client" else b"\xc0\xdb\xdc\xdd\0\0"
    yield missive.encode(1, missive.login(side, credential), sequence=1)
    yield missive.encode(3, f"hello from the {side}".encode(), sequence=2)
    yield missive.encode(3, ("x" * 700).encode(), sequence=3)
    yield missive.encode(6, b"\xdb\xc0" * 8, sequence=4)


def run(log):
    said = []
    for name, port in PORTS.items():
        listener = recording.listen(port)
        client = recording.connect(port)
        server, _ = listener.accept()
        sent = {}
        for sock, side in ((client, "client"), (server, "server")):
            stream = b"".join(ENCODE[name](message) for message in messages(side))
            sent[side] = stream
            # What a serial line would bring: pieces that have nothing to do with the frames.
            for at in range(0, len(stream), 333):
                sock.sendall(stream[at:at + 333])
                time.sleep(0.02)
        for side, stream in sent.items():
            decoded = DECODE[name](stream)
            assert decoded == list(messages(side)), (name, side)
            said.append({"channel": name, "from": side, "messages": [message.hex() for message in decoded]})
        client.close()
        server.close()
        listener.close()
    with open(os.path.join(HERE, "carried.jsonl"), "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in said)


if __name__ == "__main__":
    recording.record(HERE, run, "tcp portrange 9341-9345")
    os.remove(os.path.join(HERE, "sent.jsonl"))
