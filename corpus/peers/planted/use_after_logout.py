#!/usr/bin/env python3
"""A server of Missive with a planted fault: a LOGOUT does not close the channel."""

from missive_server import ACK, LOGOUT, Visitor, serve


class Remembered(Visitor):
    def reply(self, frame):
        if frame.kind == LOGOUT and frame.channel in self.channels:
            return ACK, b""  # Planted: the channel stays open.
        return super().reply(frame)


if __name__ == "__main__":
    serve(Remembered)
