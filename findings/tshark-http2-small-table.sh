#!/usr/bin/env bash
# tshark 4.0.17: after a client has allowed a header table of 256 bytes, the server's header fields are not shown.
#
# What one would expect: SETTINGS_HEADER_TABLE_SIZE may be any number (RFC 9113, section 6.5.2). The server confirms a smaller table
# at the beginning of its next block of header fields (RFC 7541, section 4.2): here 3f e1 01, and then 88 for `:status: 200`. With 4096 bytes,
# and with 0, tshark shows the status; with 256 it shows no header field of the server at all, on the whole connection. Ordinary programs send
# this: `nghttp --header-table-size=256`.
#
# Seen with tshark 4.0.17 (Debian 12). Needs tshark and python3.
set -euo pipefail
command -v tshark >/dev/null || { echo "tshark is not installed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The status that tshark finds where a client allows a table of so many bytes, which the server confirms with the bytes given.
status() {
    python3 - "$folder/table.pcap" "$1" "$2" <<'PYTHON'
import struct, sys


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


allowed, confirmed = int(sys.argv[2]), bytes.fromhex(sys.argv[3])
client = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 1, allowed)) + frame(4, 1, 0, b"") \
    + frame(1, 5, 1, b"\x82\x86\x84\x41\x01h")
server = frame(4, 0, 0, b"") + frame(4, 1, 0, b"") + frame(1, 5, 1, confirmed + b"\x88")
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))

    def packet(ports, sequence, acknowledged, flags, data=b""):
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 65535, 0, 0)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0) + b"\x7f\0\0\1\x7f\0\0\1"
        file.write(struct.pack("<IIII", 0, 0, 40 + len(data), 40 + len(data)) + ip + tcp + data)

    packet((40000, 80), 0, 0, 2)
    packet((80, 40000), 0, 1, 0x12)
    packet((40000, 80), 1, 1, 0x18, client)
    packet((80, 40000), 1, 1 + len(client), 0x18, server)
PYTHON
    tshark -n -r "$folder/table.pcap" -d tcp.port==80,http2 -Y 'tcp.srcport == 80 && http2.type == 1' \
        -T fields -e http2.headers.status 2>/dev/null
}

usual=$(status 4096 "") small=$(status 256 3fe101) none=$(status 0 20)
echo "the status is 200; tshark shows '$usual' with a table of 4096 bytes, '$small' with 256, '$none' without one"
if [ "$small" = 200 ]; then
    echo "this has changed: tshark shows the header fields" >&2
    exit 1
fi
[ "$usual" = 200 ] && [ "$none" = 200 ]
