"""Missive over UDP: a probe and its replies, one datagram with two frames, one cut off, one that is not a frame."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import missive
import recording
from missive import ACK, CHECKSUM, DATA, LOGIN, LOGOUT, PING, PONG, REPLY

PORT = 9003


def serve(sock, log):
    while True:
        data, peer = sock.recvfrom(65536)
        for frame in missive.Reader().feed(data):
            kind = PONG if frame.kind == PING else ACK
            answer = missive.encode(kind, frame.payload if kind == PONG else b"", flags=REPLY | CHECKSUM,
                                    sequence=frame.sequence)
            log.note(sock.getsockname(), peer, answer, **missive.fields(answer))
            sock.sendto(answer, peer)
            if frame.kind == LOGOUT:
                return


def run(log):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", PORT))
    thread = threading.Thread(target=serve, args=(server, log))
    thread.start()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", PORT))

    def send(datagram, *frames):
        for frame in frames:
            log.sent(sock, frame, **missive.fields(frame))
        if len(datagram) > sum(map(len, frames)):
            log.sent(sock, datagram[sum(map(len, frames)):], garbage=True)
        sock.send(datagram)
        time.sleep(0.05)

    login = missive.encode(LOGIN, missive.login("probe", b""), flags=CHECKSUM)
    send(login, login)
    pings = [missive.encode(PING, b"%d" % i, sequence=1 + i, flags=CHECKSUM) for i in range(2)]
    send(pings[0], pings[0])
    data = missive.encode(DATA, "两条消息在一个数据报里".encode(), sequence=3, flags=CHECKSUM)
    send(pings[1] + data, pings[1], data)
    cut = missive.encode(DATA, b"this datagram ends too early", sequence=4, flags=CHECKSUM)
    send(cut[:30])
    send(b"not a frame at all")
    logout = missive.encode(LOGOUT, b"done", sequence=5)
    send(logout, logout)
    thread.join()
    sock.close()
    server.close()


if __name__ == "__main__":
    recording.record(os.path.dirname(os.path.abspath(__file__)), run, f"udp port {PORT}")
