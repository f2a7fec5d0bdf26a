#!/usr/bin/env bash
# libzmq 4.3.5: a server that refuses a PLAIN user sends a command whose name has 94 letters, of which four follow.
#
# What one would expect: an ERROR command, `\x05ERROR`, and the status code. In fact the command begins with `^RROR`: in C++, `"\x5ERROR"` is not
# the byte 5 and `ERROR`, since a hexadecimal escape takes all digits that follow, and E is one. libzmq's client compares with the same
# constant, so libzmq understands itself; any other peer reads a name of 94 bytes that reaches past the end of the frame, and
# cannot report why it was refused. A client that says ERROR as the specification does is not understood either.
#
# Seen with the libzmq 4.3.5 of pyzmq 27.3.0 and Python 3.11. Needs python3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyzmq==27.3.0
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import socket
import sys

import zmq
import zmq.auth.thread

context = zmq.Context()
authenticator = zmq.auth.thread.ThreadAuthenticator(context)
authenticator.start()
authenticator.configure_plain(domain="*", passwords={"ada": "secret"})
server = context.socket(zmq.REP)
server.plain_server = True
server.linger = 0
port = server.bind_to_random_port("tcp://127.0.0.1")

peer = socket.create_connection(("127.0.0.1", port), 5)
file = peer.makefile("rb")
peer.sendall(b"\xff" + bytes(8) + b"\x7f\3\1" + b"PLAIN".ljust(20, b"\0") + bytes(32))
file.read(64)
hello = b"\5HELLO\3ada\5wrong"
peer.sendall(bytes([4, len(hello)]) + hello)
flags, size = file.read(2)
command = file.read(size)
print(command)
peer.close()
server.close()
authenticator.stop()
context.term()
if flags != 4 or command != b"^RROR\x03400":
    sys.exit("this has changed: the command is called ERROR")
PYTHON
