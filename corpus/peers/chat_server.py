"""A chat server for the command line, as the one in parser/examples: chat_server.py [ADDRESS] [IDLE_SECONDS]. It stops
when its standard input ends."""

import socket
import sys
import threading
import time

import missive
from chat_client import Connection, address_of
from missive import ACK, CHECKSUM, DATA, ERROR, LOGIN, LOGOUT, MORE, PING, PONG, REPLY, SENDER

MESSAGE_BYTES = 1 << 20


class Server:
    def __init__(self, listener, idle):
        self.listener, self.idle, self.lock, self.stopping = listener, idle, threading.Lock(), False
        self.clients, self.taken, self.relayed, self.refused = {}, 0, 0, 0

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            if self.stopping:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        sock.settimeout(self.idle)
        connection = Connection(sock, missive.Reader(MESSAGE_BYTES))
        rooms, contents, asked = {}, {}, False
        with self.lock:
            self.clients[connection] = rooms
        while True:
            try:
                data = sock.recv(65536)
            except TimeoutError:
                if asked:
                    break
                asked = True
                connection.send(PING)
                continue
            except OSError:
                break
            asked = False
            nonsense = False
            for row, frame, _ in connection.reader.rows(data, last=not data):
                if row == "message":
                    self.answer(connection, rooms, contents, missive.Frame(frame))
                else:
                    nonsense = True
            if nonsense:
                connection.send(ERROR, missive.error(400, "this is not a frame"))
            if nonsense or not data:
                break
        connection.close()
        with self.lock:
            del self.clients[connection]

    def answer(self, connection, rooms, contents, frame):
        if frame.flags & REPLY:
            if self.stopping and frame.kind == ACK:
                connection.close()
            return
        about = {"flags": REPLY, "channel": frame.channel, "sequence": frame.sequence}
        try:
            said = frame.check().says()
            kind, payload = self.reply(connection, rooms, contents, frame, said)
        except missive.Refused as refused:
            kind, payload = ERROR, missive.error(400, str(refused))
        with self.lock:
            self.refused += kind == ERROR
        connection.send(kind, payload, **about)

    def reply(self, connection, rooms, contents, frame, said):
        if frame.kind == LOGIN:
            if said["credential"] != ("secret of " + said["user"]).encode().hex():
                return ERROR, missive.error(403, f"no such user or a wrong credential: {said['user']}")
            with self.lock:
                rooms[frame.channel] = said["user"]
            return ACK, f"welcome, {said['user']}".encode()
        if frame.kind == PING:
            return PONG, frame.payload
        if frame.kind not in (DATA, LOGOUT):
            return ERROR, missive.error(501, f"kind {frame.kind} is not known here")
        if frame.channel not in rooms:
            return ERROR, missive.error(401, "log in first")
        if frame.kind == LOGOUT:
            with self.lock:
                del rooms[frame.channel]
            return ACK, b""
        whole = contents.pop(frame.channel, b"") + frame.payload
        if len(whole) > MESSAGE_BYTES:
            return ERROR, missive.error(413, "the message is too long")
        if frame.flags & MORE:
            contents[frame.channel] = whole
        else:
            self.relay(connection, frame, rooms[frame.channel], whole)
        return ACK, b""

    def relay(self, connection, frame, user, whole):
        area = missive.extension(SENDER, user.encode())
        if not missive.is_text(frame.content_type()):
            area += missive.extension(missive.CONTENT_TYPE, frame.content_type().encode())
        with self.lock:
            others = [other for other, rooms in self.clients.items()
                      if other is not connection and frame.channel in rooms]
            self.taken += 1
            self.relayed += len(others)
        for other in others:
            other.send(DATA, whole, flags=CHECKSUM, channel=frame.channel, extensions=area)

    def say_goodbye(self):
        with self.lock:
            clients = [(connection, list(rooms)) for connection, rooms in self.clients.items()]
        for connection, rooms in clients:
            for channel in rooms:
                connection.send(LOGOUT, b"the server stops", channel=channel)
        for _ in range(100):
            if not self.clients:
                break
            time.sleep(0.02)


def main():
    host, port = address_of(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9000")
    listener = socket.create_server((host, port), backlog=256)
    host, port = listener.getsockname()[:2]
    print(f"listening on {host}:{port}", flush=True)
    server = Server(listener, float(sys.argv[2]) if len(sys.argv) > 2 else 30.0)
    accepting = threading.Thread(target=server.accept)
    accepting.start()
    sys.stdin.buffer.read()
    server.stopping = True
    # Whatever waits for the next connection gets one.
    socket.create_connection((host, port)).close()
    accepting.join()
    server.say_goodbye()
    print(f"{server.taken} messages taken, {server.relayed} relayed, {server.refused} refused")


if __name__ == "__main__":
    main()
