#!/usr/bin/env python3
"""Measures `framescope proxy` beside socat: throughput, latency, and the memory of many connections.

    benches/live/proxy.py FRAMESCOPE [--bytes N] [--connections N]

Both sit between the same two programs, which are this script. The proxy writes a pcapng to the temporary folder, and decodes what
passes: it prints the messages that match a filter, which none does. What arrives is compared by its digest.
"""

import argparse
import hashlib
import os
import pathlib
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "corpus" / "peers"))
import missive  # noqa: E402

RUNS = 5


def listen():
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    return server, server.getsockname()[1]


def free_port():
    server, port = listen()
    server.close()
    return port


class Between:
    """What sits in between: its port, and the process."""

    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < deadline, f"{name} does not listen"
                time.sleep(0.02)

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def socat(target):
    port = free_port()
    listen = f"TCP-LISTEN:{port},fork,reuseaddr,bind=127.0.0.1,nodelay,backlog=4096"
    return Between("socat", ["socat", listen, f"TCP:127.0.0.1:{target},nodelay"], port)


def proxy(framescope, target, folder, *options):
    port = free_port()
    file = os.path.join(folder, "proxy.pcapng")
    filter = ["--filter", "kind == PING"]
    command = [framescope, "proxy", str(port), str(target), "--write", file, *filter, *options]
    return Between("framescope", command, port)


class Direct:
    name = "direct"

    def __init__(self, target):
        self.port = target

    def stop(self):
        pass


def stream(block, total, port, server, digest):
    """Sends the block again and again from another process; returns seconds and whether all arrived as it was sent."""
    child = os.fork()
    if child == 0:
        client = socket.create_connection(("127.0.0.1", port))
        for _ in range(total // len(block)):
            client.sendall(block)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
        os._exit(0)
    connection, _ = server.accept()
    received, hashed = 0, hashlib.sha256()
    buffer = memoryview(bytearray(1 << 20))
    begin = time.monotonic()
    while count := connection.recv_into(buffer):
        received += count
        if digest:
            hashed.update(buffer[:count])
    seconds = time.monotonic() - begin
    connection.close()
    os.waitpid(child, 0)
    expected = hashlib.sha256()
    if digest:
        for _ in range(total // len(block)):
            expected.update(block)
    sent = total // len(block) * len(block)
    assert (received, hashed.digest()) == (sent, expected.digest()), "what arrived is not what was sent"
    return seconds


def skip_probe(server):
    """The connection that looked whether something listens."""
    readable, _, _ = select.select([server], [], [], 1)
    if readable:
        server.accept()[0].close()


def throughput(framescope, total):
    shapes = {"small messages": frames(64), "large messages": frames(16_000)}
    for shape, block in shapes.items():
        results = {}
        server, target = listen()
        with tempfile.TemporaryDirectory() as folder:
            make = [lambda: Direct(target), lambda: socat(target), lambda: proxy(framescope, target, folder)]
            for start in make:
                for run in range(RUNS):
                    between = start()
                    if between.name != "direct":
                        skip_probe(server)
                    seconds = stream(block, total, between.port, server, digest=run == 0)
                    between.stop()
                    if run > 0:
                        results.setdefault(between.name, []).append(total / seconds / 1e6)
        server.close()
        medians = {name: statistics.median(rates) for name, rates in results.items()}
        ratio = medians["framescope"] / medians["socat"]
        print(f"{shape}: " + ", ".join(f"{name} {rate:.0f} MB/s" for name, rate in medians.items()) + f"; ratio {ratio:.2f}", flush=True)


def frames(length):
    """64 MiB of messages of about this many bytes, none of which waits for a reply."""
    return b"".join(frame(length, sequence) for sequence in range((64 << 20) // length))


def frame(length, sequence=0):
    """A message of this many bytes, of which header, code and checksum are 26."""
    text = "x" * (length - 26)
    return missive.encode(missive.ERROR, missive.error(1, text), flags=missive.CHECKSUM, sequence=sequence)


def pingpong(port, count):
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = frame(64)
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        client.sendall(message)
        got = 0
        while got < len(message):
            got += len(client.recv(1024))
        times.append(time.perf_counter_ns() - begin)
    client.close()
    return statistics.median(times) / 1000


def echo(server):
    """Echoes one connection after another, in another process."""
    child = os.fork()
    if child == 0:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.close()
    return child


def latency(framescope):
    server, target = listen()
    child = echo(server)
    medians = {}
    with tempfile.TemporaryDirectory() as folder:
        for start in [lambda: Direct(target), lambda: socat(target), lambda: proxy(framescope, target, folder)]:
            between = start()
            pingpong(between.port, 2000)
            medians[between.name] = statistics.median(pingpong(between.port, 10_000) for _ in range(3))
            between.stop()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    added = medians["framescope"] - medians["socat"]
    print("a message and its echo: " + ", ".join(f"{name} {us:.1f} us" for name, us in medians.items()) + f"; {added:+.1f} us beside socat", flush=True)


def many(framescope, count):
    """So many connections open at once, each with a message each way."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    possible = (limit - 100) // 2
    if count > possible:
        print(f"only {possible} connections: no more files may be open", flush=True)
        count = possible
    server, target = listen()
    child = os.fork()
    if child == 0:
        import asyncio

        async def serve():
            async def one(reader, writer):
                while data := await reader.read(4096):
                    writer.write(data)
                writer.close()

            running = await asyncio.start_server(one, sock=server, backlog=4096)
            await running.serve_forever()

        asyncio.run(serve())
    with tempfile.TemporaryDirectory() as folder:
        between = proxy(framescope, target, folder)
        before = between.rss()
        begin = time.monotonic()
        message = frame(64)
        clients = []
        for _ in range(count):
            clients.append(socket.create_connection(("127.0.0.1", between.port)))
        for client in clients:
            client.sendall(message)
        for client in clients:
            got = b""
            while len(got) < len(message):
                got += client.recv(4096)
            assert got == message
        seconds = time.monotonic() - begin
        time.sleep(1)
        after = between.rss()
        print(f"{count} connections open: {after / 1e6:.0f} MB resident, {before / 1e6:.0f} MB before; opened and used in {seconds:.1f} s", flush=True)
        for client in clients:
            client.close()
        between.stop()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("framescope")
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--only", choices=["throughput", "latency", "many"])
    arguments = parser.parse_args()
    if arguments.only in (None, "latency"):
        latency(arguments.framescope)
    if arguments.only in (None, "throughput"):
        throughput(arguments.framescope, arguments.bytes)
    if arguments.only in (None, "many"):
        many(arguments.framescope, arguments.connections)


if __name__ == "__main__":
    main()
