#!/usr/bin/env bash
# irc 20.5.0 for Python: a CTCP request without a parameter is sent without its name.
#
# What one would expect: `connection.ctcp("VERSION", "bob")` asks bob's client for its version, as `\x01VERSION\x01`. In fact the line is
# `PRIVMSG bob :\x01{ctcptype}\x01`: the text for requests without a parameter has braces but is not an f-string. bob's client knows no
# such request and does not answer. With a parameter, as in PING, the name is there.
#
# Seen with irc 20.5.0 and Python 3.11. Needs python3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check irc==20.5.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import irc.client

sent = []
connection = irc.client.ServerConnection(irc.client.Reactor())
connection.send_raw = sent.append
connection.ctcp("VERSION", "bob")
connection.ctcp("PING", "bob", "12345")
print("\n".join(map(ascii, sent)))
if sent != ["PRIVMSG bob :\x01{ctcptype}\x01", "PRIVMSG bob :\x01PING 12345\x01"]:
    sys.exit("this has changed: the request has its name")
PYTHON
