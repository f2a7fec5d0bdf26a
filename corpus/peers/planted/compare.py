#!/usr/bin/env python3
"""How long `framescope fuzz-peer` and boofuzz take until they find the planted fault of each server here.

    python3 -m venv venv && venv/bin/pip install boofuzz
    venv/bin/python compare.py [--framescope PROGRAM] [--seconds 120] [--seeds 3] [NAME ...]

boofuzz is given an equal description: the same messages with the same fields, lengths and checks, in the same order. It is also
given a monitor that sees what fuzz-peer sees without the protocol: the program ended or reported a fault, does not answer a valid
message any more within two seconds, computes all the time, or takes 64 MiB more. Needs cc, rustc and Linux.
"""

import argparse
import binascii
import contextlib
import io
import os
import pathlib
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = {"double_login", "slow_loris", "use_after_logout", "memory_growth"}
# In the order of the table, with what each speaks.
SERVERS = {
    "off_by_one": "board", "overflow": "board", "state_confusion": "board", "double_login": "board",
    "slow_loris": "missive", "use_after_logout": "missive", "memory_growth": "missive", "hang": "missive",
}


def build(name, folder):
    """The command that starts a server."""
    if name in PYTHON:
        return f"{sys.executable} {HERE / name}.py"
    program = folder / name
    if (source := HERE / f"{name}.c").exists():
        command = ["cc", "-g", "-fsanitize=address", "-pthread", source, "-o", program]
    else:
        command = ["rustc", "-g", "-C", "panic=abort", "--edition", "2024", HERE / f"{name}.rs", "-o", program]
    subprocess.run(command, check=True)
    return str(program)


def framescope(program, command, protocol, seconds, seed, folder):
    """The seconds until something was found."""
    described = ["--protocol", HERE / "board.ksy"] if protocol == "board" else []
    begun = time.monotonic()
    run = subprocess.run(
        [program, "fuzz-peer", "--exec", command, "--first", "--time", str(seconds), "--seed", str(seed),
         "--findings", folder, "--format", "json", "--minimise", "0", *described],
        capture_output=True, text=True)
    return time.monotonic() - begun if run.returncode == 3 else None


# boofuzz


def crc16(data):
    return struct.pack(">H", binascii.crc_hqx(data, 0))


def crc32(data):
    return struct.pack(">I", zlib.crc32(data))


def board(boofuzz):
    """The messages of board.ksy, and which follows which."""
    def message(name, kind):
        return boofuzz.Request(name, children=(
            boofuzz.Byte("kind", kind), boofuzz.Byte("number", 1),
            boofuzz.Size("length", block_name="text", length=2, endian=">", fuzzable=True),
            boofuzz.Block("text", children=(boofuzz.Bytes("bytes", b"hello"),))))

    names = ["login", "post", "read", "logout", "picture", "piece", "ping"]
    all_of = {name: message(name, kind) for kind, name in enumerate(names, 1)}
    follows = [(None, "login"), (None, "ping"), ("login", "post"), ("login", "read"), ("login", "picture"),
               ("picture", "piece"), ("piece", "piece 2"), ("login", "logout"), ("logout", "login 2")]
    all_of["piece 2"], all_of["login 2"] = message("piece 2", 6), message("login 2", 1)
    return all_of, follows, b"\x07\x00\x00\x00"


def missive(boofuzz):
    """LOGIN, DATA with and without MORE, PING and LOGOUT."""
    def frame(name, kind, sequence, payload, flags=1, extensions=()):
        head = boofuzz.Block("head", children=(
            boofuzz.Static("magic", b"\xf5\x4d"), boofuzz.Byte("version", 1), boofuzz.Byte("kind", kind),
            boofuzz.Word("flags", flags, endian=">"),
            boofuzz.Size("extensions_length", block_name="extensions", length=2, endian=">", fuzzable=True),
            boofuzz.Size("payload_length", block_name="payload", length=4, endian=">", fuzzable=True),
            boofuzz.DWord("sequence", sequence, endian=">"), boofuzz.Word("channel", 0, endian=">")))
        return boofuzz.Request(name, children=(
            boofuzz.Block("frame", children=(
                head,
                boofuzz.Checksum("header_check", block_name="head", algorithm=crc16, length=2, fuzzable=True),
                boofuzz.Block("extensions", children=extensions),
                boofuzz.Block("payload", children=payload))),
            boofuzz.Checksum("checksum", block_name="frame", algorithm=crc32, length=4, fuzzable=True)))

    def text(name, value):
        return (boofuzz.Size(f"{name}_length", block_name=name, length=2, endian=">", fuzzable=True),
                boofuzz.Block(name, children=(boofuzz.Bytes("bytes", value),)))

    def extension(tag, value):
        return (boofuzz.Byte("tag", tag), *text("value", value))

    content = (boofuzz.Bytes("content", b"hello"),)
    all_of = {
        "LOGIN": frame("LOGIN", 1, 0, (*text("user", b"ada"), *text("credential", b"secret"))),
        "DATA": frame("DATA", 3, 1, content, extensions=extension(0x40, b"x")),
        "MORE": frame("MORE", 3, 1, content, flags=9),
        "PING": frame("PING", 6, 1, (boofuzz.Bytes("bytes", b"1234"),)),
        "LOGOUT": frame("LOGOUT", 2, 1, (boofuzz.Bytes("reason", b"bye"),)),
        "LATE": frame("LATE", 3, 2, (boofuzz.Bytes("content", b"late"),)),
    }
    follows = [(None, "LOGIN"), ("LOGIN", "DATA"), ("LOGIN", "MORE"), ("LOGIN", "PING"), ("LOGIN", "LOGOUT"),
               ("LOGOUT", "LATE")]
    head = struct.pack(">2sBBHHIIH", b"\xf5\x4d", 1, 6, 0, 0, 0, 0, 0)
    return all_of, follows, head + crc16(head)


def boofuzz_finds(command, protocol, seconds):
    """Prints the seconds until its monitor sees something, or None, and ends."""
    import boofuzz

    class Monitor(boofuzz.monitors.BaseMonitor):
        """What fuzz-peer sees without the protocol."""

        program, port, is_over, busy = None, None, False, (0, 0)

        def start_target(self):
            """On the same port each time; boofuzz starts it once more than it stops it."""
            self.stop_target()
            if self.is_over:
                return False
            if self.port is None:
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    self.port = free.getsockname()[1]
            self.program = subprocess.Popen(command.split(), env=os.environ | {"PORT": str(self.port)},
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                            start_new_session=True)
            self.lines = []
            threading.Thread(target=lambda: self.lines.extend(self.program.stderr), daemon=True).start()
            for _ in range(1000):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port)).close()
                    break
                time.sleep(0.01)
            self.memory, self.busy = self.resident(), (time.monotonic(), 0)
            return True

        def stop_target(self):
            if self.program is None:
                return True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.program.pid, signal.SIGKILL)
            self.program.wait()
            return True

        def resident(self):
            with open(f"/proc/{self.program.pid}/statm") as statm:
                return int(statm.read().split()[1]) * 4096

        def computes(self):
            """Whether it took half of the last two seconds."""
            with open(f"/proc/{self.program.pid}/stat") as stat:
                used = sum(map(int, stat.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")
            (then, before), now = self.busy, time.monotonic()
            if now - then < 2:
                return False
            self.busy = now, used
            return used - before > (now - then) / 2

        def answers(self):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as peer:
                peer.settimeout(2)
                peer.sendall(probe)
                return bool(peer.recv(1))

        def post_send(self, target=None, fuzz_data_logger=None, session=None):
            is_well = (self.program.poll() is None and not self.lines and self.answers()
                       and self.resident() - self.memory < 64 << 20 and not self.computes())
            if not is_well:
                self.conclude(time.monotonic() - begun)
            return True

        def conclude(self, found):
            """boofuzz catches what is raised here, and would go on."""
            self.is_over = True
            self.stop_target()
            print(found, flush=True)
            os._exit(0)

    monitor = Monitor()
    monitor.start_target()
    all_of, follows, probe = (board if protocol == "board" else missive)(boofuzz)
    target = boofuzz.Target(connection=boofuzz.TCPSocketConnection("127.0.0.1", monitor.port, recv_timeout=0.02),
                            monitors=[monitor])
    with contextlib.chdir(tempfile.mkdtemp()):
        session = boofuzz.Session(target=target, web_port=None, keep_web_open=False, fuzz_loggers=[],
                                  receive_data_after_fuzz=True, db_filename="boofuzz.db",
                                  restart_sleep_time=0)
    for before, after in follows:
        session.connect(*([all_of[before]] if before else []), all_of[after])
    begun = time.monotonic()
    limit = threading.Timer(seconds, monitor.conclude, [None])
    limit.daemon = True
    limit.start()
    session.fuzz()
    monitor.conclude(None)


def shown(times):
    found = sorted(time for time in times if time is not None)
    if not found:
        return "not found"
    median = f"{statistics.median(found):.1f} s"
    return median if len(found) == len(times) else f"{median}, in {len(found)} of {len(times)} runs"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--framescope", default="framescope")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["framescope", "boofuzz"])
    parser.add_argument("names", nargs="*", default=list(SERVERS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return boofuzz_finds(args.one, SERVERS[args.names[0]], args.seconds)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        print("| server | fuzz-peer | boofuzz |\n|---|---|---|", flush=True)
        medians = []
        for name in args.names:
            command, columns = build(name, folder), []
            if args.only != "boofuzz":
                times = [framescope(args.framescope, command, SERVERS[name], args.seconds, seed, folder / "found")
                         for seed in range(1, args.seeds + 1)]
                medians += [time for time in times if time is not None]
                columns.append(shown(times))
            else:
                columns.append("")
            if args.only != "framescope":
                # boofuzz generates the same every time.
                run = subprocess.run([sys.executable, __file__, name, "--seconds", str(args.seconds), "--one", command],
                                     capture_output=True, text=True)
                said = run.stdout.strip().splitlines()[-1:] or [run.stderr.strip()[-200:]]
                times = [float(said[0])] if said[0].replace(".", "").isdigit() else [None]
                columns.append(shown(times) if said[0] == "None" or times[0] else f"failed: {said[0]}")
            print(f"| `{name}` | {columns[0]} | {columns[-1] if len(columns) > 1 else ''} |", flush=True)
        if medians:
            print(f"\nfuzz-peer, median of all runs: {statistics.median(medians):.1f} s")


if __name__ == "__main__":
    main()
