"""Records capture.pcapng: streams of Missive that are compressed as a whole, flushed after each message; carried.jsonl is what
zlib and zstandard unpack from them again.

Needs tcpdump, root and zstandard 0.25.0.

    python3 record.py
"""

import json
import os
import sys
import time
import zlib

import zstandard

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import missive
import recording

PORTS = {"gzip": 9351, "zlib": 9352, "deflate": 9353, "zstd": 9354}
WINDOW_BITS = {"gzip": 31, "zlib": 15, "deflate": -15}


def messages(side):
    yield missive.encode(1, missive.login(side, b"secret"), sequence=1)
    for number in range(2, 12):
        text = f"message {number} of the {side}: " + "la " * (number * number)
        yield missive.encode(3, text.encode(), sequence=number)


def compressed(name, side):
    """What is written for each message; all but deflate begin anew in the middle."""
    all_of_it = list(messages(side))
    parts = [all_of_it] if name == "deflate" else [all_of_it[:6], all_of_it[6:]]
    for part in parts:
        if name == "zstd":
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
            flush = lambda: compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        else:
            compressor = zlib.compressobj(9, zlib.DEFLATED, WINDOW_BITS[name])
            flush = lambda: compressor.flush(zlib.Z_SYNC_FLUSH)
        for message in part:
            yield compressor.compress(message) + flush()
        yield compressor.flush()


def unpacked(name, stream):
    out = b""
    while stream:
        unpacker = zstandard.ZstdDecompressor().decompressobj() if name == "zstd" else zlib.decompressobj(WINDOW_BITS[name])
        out += unpacker.decompress(stream)
        stream = unpacker.unused_data
    return out


def run(log):
    said = []
    for name, port in PORTS.items():
        listener = recording.listen(port)
        client = recording.connect(port)
        server, _ = listener.accept()
        sent = {"client": b"", "server": b""}
        for pieces in zip(compressed(name, "client"), compressed(name, "server")):
            for sock, side, piece in zip((client, server), sent, pieces):
                sock.sendall(piece)
                sent[side] += piece
                time.sleep(0.01)
        for side, stream in sent.items():
            content = unpacked(name, stream)
            assert content == b"".join(messages(side)), (name, side)
            said.append({"channel": name, "from": side, "bytes": content.hex()})
        client.close()
        server.close()
        listener.close()
    with open(os.path.join(HERE, "carried.jsonl"), "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in said)


if __name__ == "__main__":
    recording.record(HERE, run, "tcp portrange 9351-9354")
    os.remove(os.path.join(HERE, "sent.jsonl"))
