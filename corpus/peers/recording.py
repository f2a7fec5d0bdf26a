"""Records a case: tcpdump on the loopback interface while the case's programs run, and a log of what they sent."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pcap


class Log:
    """What the programs of a case sent, in the order of each connection. Written beside the capture."""

    def __init__(self):
        self.lines = []
        self.offsets = {}
        self.lock = threading.Lock()

    def sent(self, sock, data, **said):
        """Logs data that is about to be written to a socket, and its meaning."""
        self.note(sock.getsockname(), sock.getpeername(), data, **said)

    def note(self, src, dst, data, **said):
        src, dst = (f"[{a[0]}]:{a[1]}" if ":" in a[0] else f"{a[0]}:{a[1]}" for a in (src, dst))
        with self.lock:
            offset = self.offsets.get((src, dst), 0)
            self.offsets[src, dst] = offset + len(data)
            self.lines.append({"src": src, "dst": dst, "offset": offset, "length": len(data), **said})

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            for line in self.lines:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def record(folder, run, filter, edit=None):
    """Runs the case while tcpdump records, and writes capture.pcapng and sent.jsonl into folder. `edit` may change
    the packets (and the log) before they are written."""
    log = Log()
    with tempfile.TemporaryDirectory() as temporary:
        path = os.path.join(temporary, "recorded.pcap")
        # A small buffer has room for a few packets only, since each could be large.
        command = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "0", "-B", "65536",
                   "--time-stamp-precision=nano", "-w", path, filter]
        tcpdump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = tcpdump.stderr.readline()
        if "listening" not in line:
            sys.exit(f"tcpdump did not start: {line}{tcpdump.stderr.read()}")
        time.sleep(0.3)
        run(log)
        time.sleep(0.5)
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.wait()
        if "\n0 packets dropped by kernel" not in (counts := tcpdump.stderr.read()):
            sys.exit(f"tcpdump was too slow: {counts}")
        packets = pcap.read(path)
    if edit:
        packets = edit(packets, log) or packets
    pcap.write_pcapng(os.path.join(folder, "capture.pcapng"), packets)
    log.write(os.path.join(folder, "sent.jsonl"))
    print(f"{len(packets)} packets, {len(log.lines)} messages")


def listen(port, family=socket.AF_INET):
    """A listening socket on the loopback address."""
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    server.listen()
    return server


def connect(port, family=socket.AF_INET):
    """A connection to it that sends each write immediately."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    sock.settimeout(5)
    return sock


def hang_up(sock):
    """Closes in order: shuts down sending, and reads what the peer still sends."""
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass
    sock.close()
