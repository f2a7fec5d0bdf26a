#!/usr/bin/env bash
# pcap-ng-parser 1.0.0 (npm): an interface's name swallows the options behind it, the resolution of its times among them.
#
# What one would expect: an option of a pcapng block is a code, a length in bytes, and so many bytes, padded to four. In fact the
# parser goes on by eight times the length. What is up to 8 * length bytes behind an option's head becomes its value: the name of an
# interface ends with the bytes of if_tsresol, which is then no option any more. A receiver that wants to scale the times, which the
# parser hands out as two raw halves, finds no resolution and takes nanoseconds for microseconds: a capture of this year is in the
# year 58 thousand.
#
# Seen with pcap-ng-parser 1.0.0 and Node.js 20. Needs python3, node and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit pcap-ng-parser@1.0.0 >/dev/null
python3 - <<'PYTHON'
import struct


def block(kind, body):
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


END = b"\0" * 4
section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
interface = block(1, struct.pack("<HHI", 101, 0, 0) + option(2, b"loopback") + option(9, b"\x09") + END)
time = 1_795_938_270_482_146_029
packet = bytes.fromhex("4500001c000000004011000000000000000000000000000000080000")
captured = block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, 28, 28) + packet)
open("one.pcapng", "wb").write(section + interface + captured)
PYTHON
cat >read.js <<'NODE'
const Parser = require("pcap-ng-parser");
const parser = new Parser();
parser.once("interface", (known) => {
  console.log(JSON.stringify(known));
  if (known.name === "loopback" || known.code_9 !== undefined) {
    console.log("this has changed: the name is the name, or the resolution is an option");
    process.exitCode = 1;
  }
});
parser.on("data", () => {});
require("fs").createReadStream("one.pcapng").pipe(parser);
NODE
node read.js | tee seen
grep -q linkType seen
