"""A chat server and its clients in the Missive format: threads, blocking sockets, the standard library."""

import socket
import threading
import time

import missive
import recording
from missive import ACK, AUTH, CHECKSUM, DATA, ERROR, LOGIN, LOGOUT, PING, PONG, REPLY, SENDER

# Public on purpose: with it, the signed frames of the capture can be verified.
KEY = bytes.fromhex("6672616d6573636f706520746573742d6b6579")


class Peer:
    """One end of a connection: numbers its frames, logs them, writes them."""

    def __init__(self, sock, log):
        self.sock, self.log, self.sequences, self.lock = sock, log, {}, threading.Lock()
        self.reader, self.frames = missive.Reader(), []

    def frame(self, kind, payload=b"", *, flags=0, channel=0, sequence=None, **more):
        """The next frame's bytes. A reply names the sequence of its request."""
        if sequence is None:
            sequence = self.sequences.get(channel, 0)
            self.sequences[channel] = (sequence + 1) & 0xFFFFFFFF
        return missive.encode(kind, payload, flags=flags, channel=channel, sequence=sequence, key=KEY, **more)

    def note(self, data):
        self.log.sent(self.sock, data, **missive.fields(data))

    def send(self, kind, payload=b"", **more):
        with self.lock:
            data = self.frame(kind, payload, **more)
            self.note(data)
            self.sock.sendall(data)

    def receive(self):
        """The next frame, or None at the end."""
        while not self.frames:
            data = self.sock.recv(65536)
            if not data:
                return None
            for frame in self.reader.feed(data):
                try:
                    self.frames.append(frame.check(KEY))
                except missive.Refused:
                    pass
        return self.frames.pop(0)

    def expect(self, *kinds):
        """Reads until a frame of one of these kinds arrives, and acknowledges what is relayed meanwhile."""
        while True:
            frame = self.receive()
            if frame is not None and frame.kind == DATA and not frame.flags & REPLY:
                self.send(ACK, flags=REPLY, channel=frame.channel, sequence=frame.sequence)
            if frame is None or frame.kind in kinds:
                return frame

    def idle(self, seconds=0.1):
        """Acknowledges what is relayed for a while."""
        self.sock.settimeout(seconds)
        try:
            self.expect()
        except TimeoutError:
            pass
        self.sock.settimeout(5)


class Server:
    """Accepts clients, checks their LOGIN, relays their DATA to the others, replies to requests."""

    def __init__(self, listener, log):
        self.listener, self.log, self.members, self.lock = listener, log, {}, threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(Peer(sock, self.log),), daemon=True).start()

    def serve(self, peer):
        user = None
        try:
            while (frame := peer.receive()) is not None:
                about = {"channel": frame.channel, "sequence": frame.sequence}
                if frame.flags & REPLY:
                    continue
                if frame.kind == LOGIN:
                    size = int.from_bytes(frame.payload[:2], "big")
                    name, credential = frame.payload[2:2 + size].decode(), frame.payload[4 + size:]
                    if credential != b"secret of " + name.encode():
                        peer.send(ERROR, missive.error(403, f"no such user or a wrong credential: {name}"),
                                  flags=REPLY, **about)
                        continue
                    user = name
                    with self.lock:
                        self.members[user] = peer
                    peer.send(ACK, f"welcome, {user}".encode(), flags=REPLY, **about)
                elif frame.kind == PING:
                    peer.send(PONG, frame.payload, flags=REPLY, **about)
                elif frame.kind == LOGOUT:
                    peer.send(ACK, "再见".encode(), flags=REPLY | CHECKSUM, **about)
                    # Channel 0 is the connection's own; the others come and go.
                    if frame.channel == 0:
                        break
                elif frame.kind == DATA and user is None:
                    peer.send(ERROR, missive.error(401, "log in first"), flags=REPLY, **about)
                elif frame.kind == DATA:
                    peer.send(ACK, flags=REPLY, **about)
                    with self.lock:
                        others = [other for name, other in self.members.items() if name != user]
                    for other in others:
                        other.send(DATA, frame.payload, flags=frame.flags & (CHECKSUM | missive.MORE),
                                   extensions=missive.extension(SENDER, user.encode()) + content_type(frame))
                else:
                    peer.send(ERROR, missive.error(501, "what is this?"), flags=REPLY, **about)
        except OSError:
            pass
        with self.lock:
            self.members.pop(user, None)
        time.sleep(0.05)
        peer.sock.close()


def content_type(frame):
    """The frame's CONTENT_TYPE extension, unparsed."""
    rest = frame.extensions
    while rest:
        size = 3 + int.from_bytes(rest[1:3], "big")
        if rest[0] & 0x7F == missive.CONTENT_TYPE:
            return rest[:size]
        rest = rest[size:]
    return b""


def log_in(peer, user, **more):
    peer.send(LOGIN, missive.login(user, b"secret of " + user.encode()), **more)
    return peer.expect(ACK, ERROR)


def log_out(peer, reason="", **more):
    peer.send(LOGOUT, reason.encode(), **more)
    peer.expect(ACK)
    recording.hang_up(peer.sock)
