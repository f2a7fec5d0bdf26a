"""Makes the files of this folder from a recorded capture: `python3 make.py` (as root, with editcap and text2pcap of Wireshark,
tcpdump, xxd and strace). A run writes the same files, except for text-echo.strace, which is recorded anew."""

import os
import struct
import subprocess
import sys
from datetime import datetime, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
CASE = os.path.join(HERE, "../captures/text-echo")
CAPTURE = os.path.join(CASE, "capture.pcapng")


def packets(path):
    """The times in nanoseconds and the bytes of the recorder's packets."""
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, captured, _ = struct.unpack_from("<5I", data, at + 8)
            yield high << 32 | low, data[at + 28 : at + 28 + captured]
        at += length


def output(*command, input=None):
    return subprocess.run(command, input=input, check=True, capture_output=True, env={**os.environ, "TZ": "UTC"}).stdout


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def hexdump():
    lines = []
    for time_ns, packet in packets(CAPTURE):
        seconds, ns = divmod(time_ns, 1_000_000_000)
        lines.append(f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}.{ns:09}")
        lines += [f"{at:06x} {packet[at:at + 16].hex(' ')}" for at in range(0, len(packet), 16)] + [""]
    return "\n".join(lines).encode()


def speak():
    """What the recorded programs said to each other, without a recorder; strace watches."""
    sys.path.insert(0, CASE)
    import record

    record.run(record.recording.Log())


def main():
    for kind in ["snoop", "modpcap", "suse6_3pcap", "rh6_1pcap", "nokiapcap", "netmon1", "netmon2"]:
        output("editcap", "-F", kind, CAPTURE, os.path.join(HERE, f"read/text-echo.{kind}"))
    write("read/text-echo.hexdump", hexdump())
    erf = os.path.join(HERE, "read/text-echo.erf")
    output("text2pcap", "-t", "%Y-%m-%d %H:%M:%S.%f", "-F", "erf", os.path.join(HERE, "read/text-echo.hexdump"), erf)
    write("read/text-echo.xxd", b"".join(output("xxd", input=packet) for _, packet in packets(CAPTURE)))
    write("read/text-echo.tcpdump", output("tcpdump", "-nr", CAPTURE, "-tttt", "-x"))
    trace = os.path.join(HERE, "read/text-echo.strace")
    output("strace", "-f", "-ttt", "-xx", "-s", "65535", "-e", "trace=network", "-o", trace, sys.executable, __file__, "speak")
    for kind in ["5views", "k12text", "lanalyzer", "nettl", "ngsniffer", "ngwsniffer_2_0", "observer", "visual"]:
        output("editcap", "-F", kind, "-r", CAPTURE, os.path.join(HERE, f"named/{kind}"), "1-2")


if __name__ == "__main__":
    speak() if sys.argv[1:] == ["speak"] else main()
