"""A chat client for the command line, as the one in parser/examples: chat_client.py ADDRESS USER [CHANNEL]. It sends
each line of its standard input, prints what others say, and logs out when its input ends."""

import queue
import socket
import sys
import threading

import missive
from missive import ACK, CHECKSUM, DATA, ERROR, LOGIN, LOGOUT, MORE, PING, PONG, REPLY, SENDER

WINDOW, PART_BYTES, PATIENCE = 64, 4096, 20


class Connection:
    """A socket with a thread that writes, so that reading never waits for it."""

    def __init__(self, sock, reader):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.reader, self.next, self.lock = sock, reader, {}, threading.Lock()
        self.outbox = queue.Queue(16384)
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.writer.start()

    def send(self, kind, payload=b"", *, sequence=None, channel=0, **more):
        with self.lock:
            if sequence is None:
                sequence = self.next.get(channel, 0)
                self.next[channel] = (sequence + 1) & 0xFFFFFFFF
            data = missive.encode(kind, payload, sequence=sequence, channel=channel, **more)
            try:
                self.outbox.put(data, timeout=10)
            except queue.Full:
                self.sock.close()
        return sequence

    def close(self):
        self.outbox.put(None)
        self.writer.join()

    def write(self):
        try:
            while (data := self.outbox.get()) is not None:
                self.sock.sendall(data)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            # A thread that still adds frames must not wait for room.
            while self.outbox.get() is not None:
                pass


class Client:
    def __init__(self, sock, channel):
        self.sock, self.channel, self.connection = sock, channel, Connection(sock, missive.Reader())
        self.open, self.failure, self.ended, self.parts = {}, None, False, b""
        self.changed = threading.Condition()
        self.receiver = threading.Thread(target=self.receive, daemon=True)
        self.receiver.start()

    def request(self, kind, payload, flags=0):
        with self.changed:
            self.open[self.connection.send(kind, payload, flags=flags, channel=self.channel)] = kind

    def wait(self, most):
        with self.changed:
            in_time = self.changed.wait_for(lambda: len(self.open) <= most or self.failure or self.ended, PATIENCE)
            if self.failure or not in_time or self.ended and self.open:
                sys.exit(self.failure or f"no reply to {self.open}")

    def receive(self):
        try:
            while self.failure is None and (data := self.sock.recv(65536)):
                for row, frame, reason in self.connection.reader.rows(data):
                    if row != "message":
                        self.failure = f"the server sends {reason}"
                        break
                    self.answer(missive.Frame(frame).check())
        except (OSError, missive.Refused) as error:
            self.failure = str(error)
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def answer(self, frame):
        said = frame.says()
        if frame.flags & REPLY:
            with self.changed:
                if self.open.pop(frame.sequence, None) is None:
                    self.failure = f"a reply to nothing: {frame.sequence}"
                if frame.kind == ERROR:
                    self.failure = f"refused with {said['code']}: {said['text']}"
                self.changed.notify_all()
            return
        about = {"flags": REPLY, "channel": frame.channel, "sequence": frame.sequence}
        if frame.kind == PING:
            self.connection.send(PONG, frame.payload, **about)
        elif frame.kind == DATA:
            self.parts += frame.payload
            if not frame.flags & MORE:
                sender = [value.decode() for tag, _, value, _ in frame.walk() if tag == SENDER]
                line = f"{sender[-1]}: {self.parts.decode(errors='replace')}\n"
                sys.stdout.buffer.write(line.encode())
                sys.stdout.buffer.flush()
                self.parts = b""
            self.connection.send(ACK, **about)
        elif frame.kind == LOGOUT:
            self.connection.send(ACK, **about)
            self.failure = f"the server logged us out: {said['reason']}"
        elif frame.kind == ERROR:
            self.failure = f"the server says {said['code']}: {said['text']}"


def cut(line):
    """A line in parts that are not too long. A character is never cut in two."""
    parts, part = [], b""
    for character in line:
        character = character.encode()
        if len(part) + len(character) > PART_BYTES:
            parts.append(part)
            part = b""
        part += character
    return [*parts, part]


def address_of(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def main():
    user, channel = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
    client = Client(socket.create_connection(address_of(sys.argv[1])), channel)
    client.request(LOGIN, missive.login(user, b"secret of " + user.encode()))
    client.wait(0)
    for line in sys.stdin.buffer:
        *parts, last = cut(line.decode().rstrip("\r\n"))
        for part, flags in [*((part, MORE) for part in parts), (last, 0)]:
            client.request(DATA, part, flags | CHECKSUM)
            client.wait(WINDOW)
    client.wait(0)
    client.request(LOGOUT, b"")
    client.wait(0)
    client.connection.close()
    client.receiver.join()


if __name__ == "__main__":
    main()
