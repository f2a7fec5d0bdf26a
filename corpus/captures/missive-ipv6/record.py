"""A short Missive conversation over IPv6, on a port that is used twice: two connections, two flows."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import chat
import missive
import recording
from missive import ACK, CHECKSUM, DATA, PING, PONG

PORT = 9004


def run(log):
    listener = recording.listen(PORT, socket.AF_INET6)
    chat.Server(listener, log)
    for visit in range(2):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(("::1", 50900))
        sock.connect(("::1", PORT))
        sock.settimeout(5)
        # The log's offsets begin anew with each connection.
        log.offsets.clear()
        peer = chat.Peer(sock, log)
        chat.log_in(peer, "grace", flags=CHECKSUM)
        peer.send(PING, b"over IPv6", flags=CHECKSUM)
        peer.expect(PONG)
        peer.send(DATA, f"visit {visit}".encode(), flags=CHECKSUM)
        peer.expect(ACK)
        peer.send(missive.LOGOUT, b"", flags=CHECKSUM)
        peer.expect(ACK)
        # The server closes first, so that the client's port is free immediately.
        while peer.sock.recv(1):
            pass
        peer.sock.close()
        time.sleep(0.2)
    listener.close()


if __name__ == "__main__":
    recording.record(os.path.dirname(os.path.abspath(__file__)), run, f"tcp port {PORT}")
