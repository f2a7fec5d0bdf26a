"""Records the captures beside it, each with what its messages are: truth.txt. README.md says with which programs.

    python3 record.py [--again] [NAME...]

With --again nothing is recorded: what the messages are is read from the captures that are there.
"""

import gzip
import importlib
import os
import pkgutil
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../../corpus/peers")]
import cases
import pcap
import reading
import recording


def anonymous(packets):
    """Puts other letters in place of this machine's name, as long as it."""
    for name in {socket.gethostname(), socket.getfqdn(), os.uname().release}:
        if len(name) < 4 or name == "localhost":
            continue
        for spelt in (name.encode(), name.encode("utf-16-le")):
            for packet in packets:
                other = (b"machine-of-example" * 9)[:len(name)]
                other = other if len(spelt) == len(name) else other.decode().encode("utf-16-le")
                packet.data = bytearray(bytes(packet.data).replace(spelt, other))


def packets_of(path):
    """The packets of a capture that was written here."""
    with gzip.open(path) as file:
        data = file.read()
    at, packets = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, captured, wire = struct.unpack_from("<IIIII", data, at + 8)
            packets.append(pcap.Packet(high << 32 | low, 1, data[at + 28:at + 28 + captured], wire))
        at += length
    return packets


def write_truth(folder, case, packets):
    count, text = reading.truth(packets, case["read"], case.get("order", ">"), case.get("checks", []))
    with open(os.path.join(folder, "truth.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{count} messages", end=", ")


def record(name, case):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)

    failed = []

    def run(_):
        # tcpdump must be ended whatever happens.
        try:
            case["run"]()
        except Exception as error:
            failed.append(error)

    def edit(packets, _):
        if failed:
            raise failed[0]
        anonymous(packets)
        write_truth(folder, case, packets)

    print(name, end=": ", flush=True)
    recording.record(folder, run, case["filter"], edit)
    os.remove(os.path.join(folder, "sent.jsonl"))
    plain = os.path.join(folder, "capture.pcapng")
    with open(plain, "rb") as file, open(plain + ".gz", "wb") as packed:
        with gzip.GzipFile("", "wb", 9, packed, 0) as out:
            out.write(file.read())
    os.remove(plain)


if __name__ == "__main__":
    all_of_them = {}
    for module in pkgutil.iter_modules(cases.__path__):
        all_of_them.update(importlib.import_module(f"cases.{module.name}").CASES)
    is_again = "--again" in sys.argv
    for name in [name for name in sys.argv[1:] if name != "--again"] or all_of_them:
        if is_again:
            folder = os.path.join(HERE, name)
            print(name, end=": ")
            write_truth(folder, all_of_them[name], packets_of(os.path.join(folder, "capture.pcapng.gz")))
            print()
        else:
            record(name, all_of_them[name])
