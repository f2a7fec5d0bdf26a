#!/usr/bin/env python3
"""Answers `framescope check-peer`: for each line with what both sides say, each message of the guest book that is read.

framescope check-peer --protocol fuzz/examples/own-protocol/guestbook.ksy --exec 'python3 corpus/peers/guestbook.py'
"""

import struct
import sys


class Refused(Exception):
    pass


class Guestbook:
    """Both sides of a conversation."""

    def __init__(self):
        self.read = {"client": self.hello, "server": self.welcome}
        self.wide = False
        self.asked = {}

    def hello(self, data):
        if data[:2] != b"GB"[:len(data)]:
            raise Refused
        if len(data) < 3:
            return None
        self.wide = data[2] >= 2
        self.read["client"] = self.request
        return 3, {"version": data[2]}

    def welcome(self, data):
        end = data.find(b"\n") + 1
        if not end:
            return None
        text(data[:end - 1])
        self.read["server"] = self.reply
        return end, {}

    def request(self, data):
        if data and data[0] not in (1, 2, 3):
            raise Refused
        head = ">BHH" if self.wide else ">BHB"
        start = struct.calcsize(head)
        if len(data) < start:
            return None
        kind, number, length = struct.unpack_from(head, data)
        end = start + length
        if len(data) < end:
            return None
        text(data[start:end])
        self.asked[number] = kind
        if kind == 3:
            self.read["client"] = self.file
        return end, {"kind": kind, "number": number, "text": data[start:end].hex()}

    def file(self, data):
        if len(data) < 2:
            return None
        length, = struct.unpack_from(">H", data)
        if len(data) < 2 + length:
            return None
        if length == 0:
            self.read["client"] = self.request
        return 2 + length, {"data": data[2:2 + length].hex()}

    def reply(self, data):
        if len(data) < 3:
            return None
        number, status = struct.unpack_from(">HB", data)
        if number not in self.asked:
            # It answers nothing that was asked, which is for the session to say.
            return 3, {"number": number, "status": status}
        return 3, {"number": number, "status": status, "answered": self.asked[number]}


def text(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Refused from None


def conversation(said):
    """What to reply, line by line."""
    guestbook, waiting = Guestbook(), {"client": b"", "server": b""}
    for who, data in said:
        waiting[who] += data
        while waiting[who]:
            try:
                message = guestbook.read[who](waiting[who])
            except Refused:
                yield f"{who} refused"
                return
            if message is None:
                break
            length, fields = message
            waiting[who] = waiting[who][length:]
            yield " ".join([f"{who} valid {length}", *(f"{name}={value}" for name, value in fields.items())])
    for who, data in waiting.items():
        if data:
            yield f"{who} incomplete"


for line in sys.stdin:
    words = [word.split(":") for word in line.split()]
    for reply in conversation((who, bytes.fromhex(data)) for who, data in words):
        print(reply)
    print("end", flush=True)
