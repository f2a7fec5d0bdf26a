"""An echo server that is spoken to in Chinese. One character is cut between two segments."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import recording


def serve(listener, log):
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while received := sock.recv(4096):
        log.sent(sock, received)
        sock.sendall(received)
    sock.close()


def run(log):
    listener = recording.listen(9002)
    server = threading.Thread(target=serve, args=(listener, log))
    server.start()
    sock = recording.connect(9002)
    for piece in ["你好，世界\n".encode(), "今天天气很好\n".encode(), "收到".encode()[:4], "收到".encode()[4:] + "了吗？\n".encode(),
                  "再见\n".encode()]:
        log.sent(sock, piece)
        sock.sendall(piece)
        time.sleep(0.05)
    recording.hang_up(sock)
    server.join()
    listener.close()


if __name__ == "__main__":
    recording.record(os.path.dirname(os.path.abspath(__file__)), run, "tcp port 9002")
