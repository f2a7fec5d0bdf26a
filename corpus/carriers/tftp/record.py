"""Records TFTP: files that the server of Debian's tftpd-hpa sends to two clients and gets from one. In the capture that is written one block
of a file is missing, one was sent twice, and two have changed places, as UDP may do.

Needs tcpdump, tftpd-hpa 5.2 and tftp-hpa 5.2, and tftpy 0.8.7; root, as the server changes its root directory.

    python3 record.py
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import tftpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 6969


def text(lines):
    return "".join(f"{number:035}\n" for number in range(lines)).encode()


def hpa(*commands):
    subprocess.run(["tftp", "127.0.0.1", str(PORT)], input="\n".join([*commands, "quit\n"]), text=True, check=True,
                   stdout=subprocess.DEVNULL, cwd=WORK)


def run(log):
    root = os.path.join(WORK, "root")
    os.mkdir(root, 0o777)
    os.chmod(WORK, 0o755)
    os.chmod(root, 0o777)
    pathlib.Path(root, "short.txt").write_bytes(text(20))
    pathlib.Path(root, "even.txt").write_bytes(text(60)[:1024])
    pathlib.Path(root, "long.txt").write_bytes(text(180))
    pathlib.Path(WORK, "sent.txt").write_bytes(text(33))
    server = subprocess.Popen(["in.tftpd", "-L", "-s", "-c", "-u", "nobody", "-4", "-a", f"127.0.0.1:{PORT}",
                               "--port-range", "46900:46999", root])
    time.sleep(0.5)
    try:
        hpa("mode octet", "get short.txt", "get even.txt", "put sent.txt", "get nothing.txt")
        client = tftpy.TftpClient("127.0.0.1", PORT, {"blksize": 1024})
        client.download("long.txt", os.path.join(WORK, "long.txt"))
        client = tftpy.TftpClient("127.0.0.1", PORT)
        client.download("long.txt", os.path.join(WORK, "again.txt"))
    finally:
        server.terminate()
        server.wait()


def edit(packets, _log):
    """Of the last transfer, the third block is lost, the fifth is there twice, and the eighth comes after the ninth."""
    def payload(packet):
        return bytes(packet.data[14 + 20 + 8:])

    data = [n for n, packet in enumerate(packets) if payload(packet)[:2] == b"\0\3" and len(payload(packet)) > 4]
    last = data[-next(n for n, at in enumerate(reversed(data), 1) if payload(packets[at])[2:4] == b"\0\1"):]
    third, fifth, eighth, ninth = (last[number - 1] for number in (3, 5, 8, 9))
    order = list(range(len(packets)))
    order[eighth], order[ninth] = ninth, eighth
    order.insert(fifth + 1, fifth)
    order.remove(third)
    moved = [packets[n].copy() for n in order]
    for packet, time_ns in zip(moved, sorted(packet.time_ns for packet in moved)):
        packet.time_ns = time_ns
    return moved


with tempfile.TemporaryDirectory() as WORK:
    recording.record(HERE, run, "udp", edit)
    os.remove(os.path.join(HERE, "sent.jsonl"))
