#!/usr/bin/env bash
# tshark 4.0.17: after a refused DATA it takes an SMTP client's commands for the text of a mail.
#
# What one would expect: the text of a mail begins where the server has answered DATA with 354, as RFC 5321 says (section
# 4.1.1.4). tshark takes the bytes after DATA for a mail whatever the answer is: the commands of the next mail, and those
# that leave the connection, are shown as "DATA fragment", up to the next line with only a dot.
#
# Seen with tshark 4.0.17 (Debian 12). Needs tshark and python3.
set -euo pipefail
command -v tshark >/dev/null || { echo "tshark is not installed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 - "$folder/refused.pcap" <<'PYTHON'
import struct, sys

lines = [(25, b"220 server.example ready\r\n"), (0, b"EHLO client.example\r\n"), (25, b"250 server.example\r\n"),
         (0, b"MAIL FROM:<ada@client.example>\r\n"), (25, b"250 OK\r\n"), (0, b"DATA\r\n"),
         (25, b"503 RCPT first\r\n"), (0, b"MAIL FROM:<bob@client.example>\r\n"), (25, b"250 OK\r\n"),
         (0, b"QUIT\r\n"), (25, b"221 Bye\r\n")]
sequence = {25: 1000, 0: 2000}
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))

    def packet(source, flags, data=b""):
        ports = (25, 40000) if source == 25 else (40000, 25)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence[source], sequence[25 - source], 0x50, flags, 65535, 0, 0)
        addresses = b"\x7f\0\0\1\x7f\0\0\1"
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0) + addresses
        file.write(struct.pack("<IIII", 0, 0, 40 + len(data), 40 + len(data)) + ip + tcp + data)
        sequence[source] += len(data) + (flags & 2) // 2

    packet(0, 2)
    packet(25, 0x12)
    packet(0, 0x10)
    for source, line in lines:
        packet(source, 0x18, line)
PYTHON
commands=$(tshark -n -r "$folder/refused.pcap" -T fields -e smtp.req.command -Y smtp.req.command 2>/dev/null | tr '\n' ' ')
echo "the client sent EHLO MAIL DATA MAIL QUIT; tshark shows the commands $commands"
if [ "$commands" != "EHLO MAIL DATA " ]; then
    echo "this has changed: tshark sees the commands after a refused DATA" >&2
    exit 1
fi
