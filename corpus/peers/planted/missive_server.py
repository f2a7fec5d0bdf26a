"""A small server of Missive that the ones with planted faults are made of: it has none that is known."""

import os
import pathlib
import socketserver
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import missive
from missive import ACK, DATA, ERROR, LOGIN, LOGOUT, PING, PONG, REPLY

LIMIT = 1 << 20


class Visitor(socketserver.BaseRequestHandler):
    def handle(self):
        self.reader, self.channels = missive.Reader(LIMIT), set()
        try:
            while data := self.request.recv(65536):
                self.take(data)
        except OSError:
            pass

    def take(self, data):
        for frame in self.reader.feed(data):
            if not frame.flags & REPLY:
                self.answer(frame)

    def answer(self, frame):
        try:
            frame.check().says()
            kind, payload = self.reply(frame)
        except missive.Refused as refused:
            kind, payload = ERROR, missive.error(400, str(refused))
        self.request.sendall(
            missive.encode(kind, payload, flags=REPLY, sequence=frame.sequence, channel=frame.channel))

    def reply(self, frame):
        if frame.kind == PING:
            return PONG, frame.payload
        if frame.kind == LOGIN:
            self.channels.add(frame.channel)
        elif frame.kind not in (DATA, LOGOUT):
            return ERROR, missive.error(501, "this kind is not known here")
        elif frame.channel not in self.channels:
            return ERROR, missive.error(401, "log in first")
        elif frame.kind == LOGOUT:
            self.channels.remove(frame.channel)
        return ACK, b""


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


def serve(visitor, server=Server):
    with server(("127.0.0.1", int(os.environ.get("PORT", 7500))), visitor) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(Visitor)
