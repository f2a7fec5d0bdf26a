#!/usr/bin/env python3
"""A server of Missive with a planted fault: the room for content that continues is given back only when its last part comes."""

from missive_server import DATA, Visitor, missive, serve

ROOM = 64 << 10
WAITING = {}
NUMBERS = iter(range(1 << 62))


class Collected(Visitor):
    def handle(self):
        self.number = next(NUMBERS)
        super().handle()  # Planted: what waits for this connection stays.

    def reply(self, frame):
        if frame.kind == DATA and frame.channel in self.channels:
            content = WAITING.pop((self.number, frame.channel), None) or bytearray(b" " * ROOM)
            content[:len(frame.payload)] = frame.payload[:ROOM]
            if frame.flags & missive.MORE:
                WAITING[self.number, frame.channel] = content
        return super().reply(frame)


if __name__ == "__main__":
    serve(Collected)
