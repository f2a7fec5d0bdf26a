#!/usr/bin/env bash
# stomp.py 9.0.0: a colon or a line end in the name of a header is sent as it is, and makes another header of it.
#
# What one would expect: STOMP 1.2 escapes `\`, `:` and line ends in all headers but those of CONNECT and CONNECTED, in names as well
# as in values. In fact stomp.py escapes the values only. A header `note:2` with the value `x` arrives as `note` with the value
# `2:x`, which a receiver drops in silence if there is a header `note` before it, because the first one counts. A name that
# comes from a user and has a line end adds headers of its own, such as `content-length`, or ends the headers.
#
# Seen with stomp.py 9.0.0 and Python 3.11. Needs python3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stomp.py==9.0.0
STOMP_SKIP_HOSTNAME_SCAN=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import stomp
from stomp.utils import convert_frame, parse_frame

client = stomp.Connection12()
sent = []
client.transport.transmit = lambda frame: sent.append(b"".join(convert_frame(frame)))
client.send("/queue/a", "body", headers={"note:2": "x:y", "left\nright": "z"}, content_length=None)
print(sent[0].decode())
received = parse_frame(sent[0].removesuffix(b"\0")).headers
print({name: received.get(name) for name in ("note", "note:2", "left", "left\nright")})
if b"note:2:x\\cy\n" not in sent[0] or b"\nleft\nright:z\n" not in sent[0]:
    sys.exit("this has changed: names are escaped, too")
PYTHON
