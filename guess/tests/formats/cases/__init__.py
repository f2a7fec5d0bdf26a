"""The formats: for each the programs that speak it, and the reader that says what their messages are."""

import random
import socket
import threading

import recording


def spoken(port, talks, answer, seed=1):
    """Conversations that libraries only encode: each of `talks` is what a client sends, piece by piece, and `answer` gives
    the pieces that the server sends in reply to each. Both get a source of chance."""
    chance = random.Random(seed)
    listener = recording.listen(port)

    def serve():
        for pieces in talks:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with sock:
                for piece in pieces:
                    left = len(piece)
                    while left:
                        left -= len(sock.recv(left))
                    for reply in answer(piece, chance):
                        sock.sendall(reply)
                while sock.recv(4096):
                    pass

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    for pieces in talks:
        sock = recording.connect(port)
        for piece in pieces:
            sock.sendall(piece)
            sock.setblocking(False)
            wait(sock, 0.004)
            sock.settimeout(5)
        recording.hang_up(sock)
    server.join(10)
    listener.close()


def wait(sock, seconds):
    """Reads what arrives within a time."""
    import select
    while select.select([sock], [], [], seconds)[0]:
        try:
            if not sock.recv(65536):
                return
        except BlockingIOError:
            return
