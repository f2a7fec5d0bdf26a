"""A peer that answers well or badly, for tests of programs that send: answering.py MODE, one of

    missive     replies to what asks for a reply: PONG, or ACK with a number that counts up
    numbers     the same, and counts on in the next connection
    tokens      a LOGIN is given a token, and DATA has to repeat it
    udp         the same in datagrams
    echo        what a first socket program does: sends back what each recv returned, with 'echo: ' before it
    greet       sends a line first, then replies 'ok N' to each line
    silent      reads and never replies
    deaf        does not even read
    cut         closes in the middle of its first reply
    reset       breaks the connection off after the first bytes
    flood       sends without an end
    garbage     replies with bytes that are no message
    close       closes as soon as it is connected to

It prints the port that it was given, and runs until its standard input ends."""

import os
import socket
import struct
import sys
import threading

import missive
from missive import ACK, DATA, ERROR, LOGIN, PING, PONG, REPLY


every = [0]


def replies(reader, data, count, tokens=None):
    for row, frame, _ in reader.rows(data):
        frame = missive.Frame(frame) if row == "message" else None
        if frame is None or frame.flags & REPLY or frame.kind not in (1, 2, 3, PING):
            continue
        count[0] += 1
        kind, payload = (PONG, frame.payload) if frame.kind == PING else (ACK, f"number {count[0]}".encode())
        if tokens is not None and frame.kind == LOGIN:
            tokens.add(payload)
        elif tokens is not None and frame.kind == DATA and frame.payload not in tokens:
            kind, payload = ERROR, missive.error(403, "this is not the token")
        yield missive.encode(kind, payload, flags=REPLY, sequence=frame.sequence, channel=frame.channel)


def serve(sock, mode):
    reader, count = missive.Reader(), every if mode in ("numbers", "tokens") else [0]
    tokens = set() if mode == "tokens" else None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if mode == "greet":
        sock.sendall(b"hello\n")
    if mode == "deaf":
        threading.Event().wait()
    while mode != "close" and (data := sock.recv(65536)):
        if mode in ("missive", "numbers", "tokens"):
            for reply in replies(reader, data, count, tokens):
                sock.sendall(reply)
        elif mode == "echo":
            sock.sendall(b"echo: " + data)
        elif mode == "greet":
            for _ in range(data.count(b"\n")):
                count[0] += 1
                sock.sendall(f"ok {count[0]}\n".encode())
        elif mode == "cut":
            sock.sendall(next(replies(reader, data, count))[:9])
            break
        elif mode == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            break
        elif mode == "flood":
            while True:
                sock.sendall(missive.encode(PING, b"x" * 60) * 1000)
        elif mode == "garbage":
            sock.sendall(bytes(range(256)))
    sock.close()


def accept(listener, mode):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=guarded, args=(sock, mode), daemon=True).start()


def guarded(sock, mode):
    try:
        serve(sock, mode)
    except OSError:
        pass


def datagrams(sock):
    count = [0]
    while True:
        data, peer = sock.recvfrom(65536)
        for reply in replies(missive.Reader(), data, count):
            sock.sendto(reply, peer)


def main():
    mode = sys.argv[1]
    if mode == "udp":
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        work = (datagrams, (listener,))
    else:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        work = (accept, (listener, mode))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=work[0], args=work[1], daemon=True).start()
    sys.stdin.buffer.read()
    # Threads may wait for their peers for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
