#!/usr/bin/env python3
"""Answers `framescope check-peer`: for each line of hexadecimal digits, whether missive.py takes the bytes for a frame.

framescope check-peer --exec 'python3 corpus/peers/verdicts.py'
"""

import sys

import missive


def verdict(data):
    if missive.header(data) is None:
        cut_off = len(data) < 20 and missive.MAGIC.startswith(data[:2])
        return "incomplete" if cut_off else "refused"
    if len(data) < missive.end_of(missive.header(data)):
        too_long = missive.header(data)[5] > missive.PAYLOAD_LIMIT
        return "refused" if too_long else "incomplete"
    try:
        frame = missive.decode(data)
        said = frame.says()
    except missive.Refused as refused:
        return f"refused: {refused}"
    fields = {"kind": frame.kind, "flags": frame.flags, "sequence": frame.sequence, "channel": frame.channel,
              "payload": frame.payload.hex()}
    if frame.kind == missive.LOGIN:
        fields["payload.user"] = said["user"].encode().hex()
        fields["payload.credential"] = said["credential"]
    if frame.kind == missive.ERROR:
        fields["payload.code"] = said["code"]
    return " ".join([f"valid {len(frame.data)}", *(f"{name}={value}" for name, value in fields.items())])


for line in sys.stdin:
    print(verdict(bytes.fromhex(line)), flush=True)
