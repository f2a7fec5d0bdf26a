#!/usr/bin/env bash
# tshark 4.0.17: after a compressed WebSocket message in fragments, the texts of later messages are wrong.
#
# What one would expect: a message may be compressed and sent in several frames, and with context takeover the next message refers
# to its bytes (RFC 7692, section 7.2.3). tshark joins the frames and does not unpack them, so that the window which the next message
# refers to is not what the sender's was: that message is shown with other words than were sent, and nothing says so.
#
# Seen with tshark 4.0.17 (Debian 12). Needs tshark and python3.
set -euo pipefail
command -v tshark >/dev/null || { echo "tshark is not installed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 - "$folder/fragments.pcap" <<'PYTHON'
import struct, sys, zlib

deflate = zlib.compressobj(wbits=-15)


def packed(text):
    return (deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def frame(first, payload):
    return bytes([first, len(payload)]) + payload


said = [b"send 100 to ada, send 200 to bob, send 300 to eve", b"send 700 to the bank", b"do: send 700 to the bank"]
messages = [packed(text) for text in said]
half = len(messages[1]) // 2
request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" \
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
lines = [(0, request), (80, response), (80, frame(0xC1, messages[0])), (80, frame(0x41, messages[1][:half])),
         (80, frame(0x80, messages[1][half:])), (80, frame(0xC1, messages[2]))]
sequence = {80: 1000, 0: 2000}
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))

    def packet(source, flags, data=b""):
        ports = (80, 40000) if source == 80 else (40000, 80)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence[source], sequence[80 - source], 0x50, flags, 65535, 0, 0)
        addresses = b"\x7f\0\0\1\x7f\0\0\1"
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0) + addresses
        file.write(struct.pack("<IIII", 0, 0, 40 + len(data), 40 + len(data)) + ip + tcp + data)
        sequence[source] += len(data) + (flags & 2) // 2

    packet(0, 2)
    packet(80, 0x12)
    packet(0, 0x10)
    for source, line in lines:
        packet(source, 0x18, line)
PYTHON
texts=$(tshark -n -r "$folder/fragments.pcap" -o websocket.text_type:None -T fields -e websocket.payload.text \
    -Y 'websocket.opcode == 1 && websocket.fin == 1' 2>/dev/null)
echo "the last message is 'do: send 700 to the bank'; tshark shows these texts of whole frames:"
echo "$texts"
if [ "$(tail -n 1 <<<"$texts")" = "do: send 700 to the bank" ]; then
    echo "this has changed: tshark unpacks a compressed message in fragments" >&2
    exit 1
fi
