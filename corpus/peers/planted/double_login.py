#!/usr/bin/env python3
"""The notice board with a planted fault: who is logged in may log in again, as somebody else. board.ksy describes the messages."""

import os
import socketserver

LOGIN, POST, READ, LOGOUT, PICTURE, PIECE, PING = range(1, 8)
OK, REFUSED = 0, 1


class Visitor(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.name, self.picture = None, False
        try:
            while len(head := self.rfile.read(4)) == 4:
                kind, number, length = head[0], head[1], int.from_bytes(head[2:], "big")
                if len(text := self.rfile.read(length)) < length:
                    break
                status = OK if self.take(kind, text) else REFUSED
                self.wfile.write(bytes([number, status, 0, 0]))
        except OSError:
            pass

    def take(self, kind, text):
        """Whether the message is accepted."""
        if self.picture:
            self.picture = kind != PIECE or bool(text)
            return kind == PIECE
        if kind == LOGIN:  # Planted: whoever it was before.
            self.name = text
            return True
        if kind == PING:
            return True
        if self.name is None or kind not in (POST, READ, LOGOUT, PICTURE):
            return False
        self.picture = kind == PICTURE
        if kind == LOGOUT:
            self.name = None
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with Server(("127.0.0.1", int(os.environ.get("PORT", 7500))), Visitor) as server:
        server.serve_forever()
