"""A first socket program: a kind byte and some text, no length. Its sender does not wait, and its receiver takes
whatever one recv returns as a message."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import recording

LOGIN, LOGOUT, DATA = b"\x01", b"\x02", b"\x03"


def serve(listener, log):
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while received := sock.recv(1024):
        answer = DATA + "received ".encode() + str(len(received)).encode() + b" bytes"
        log.sent(sock, answer)
        sock.sendall(answer)
    sock.close()


def run(log):
    listener = recording.listen(9001)
    server = threading.Thread(target=serve, args=(listener, log))
    server.start()
    sock = recording.connect(9001)

    def send(*messages):
        """One write for all of them: what happens to a sender that does not wait."""
        for message in messages:
            log.sent(sock, message)
        sock.sendall(b"".join(messages))
        time.sleep(0.05)

    def send_cut(message, at):
        """Two writes for one message: what happens when a buffer is full."""
        log.sent(sock, message)
        sock.sendall(message[:at])
        time.sleep(0.05)
        sock.sendall(message[at:])
        time.sleep(0.05)

    send(LOGIN + "ada".encode())
    send(DATA + "hello".encode())
    send(DATA + "first".encode(), DATA + "second, right behind it".encode())
    send_cut(DATA + "this message is cut in two".encode(), 13)
    send_cut(DATA + "字符也会被切断".encode(), 9)
    send(DATA + "bye".encode(), LOGOUT + "done".encode())
    recording.hang_up(sock)
    server.join()
    listener.close()


if __name__ == "__main__":
    recording.record(os.path.dirname(os.path.abspath(__file__)), run, "tcp port 9001")
