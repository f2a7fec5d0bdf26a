"""The socket program of every tutorial, which works until a message arrives in two halves, or two at once.

    python3 tutorial.py

shows both. `server.py` and `client.py` are the same program made whole.
"""

import socket
import struct


def encode(kind, number, text):
    body = text.encode()
    return struct.pack(">BHH", kind, number, len(body)) + body


def receive(sock):
    data = sock.recv(1024)
    kind, number, length = struct.unpack_from(">BHH", data)
    return kind, number, data[5 : 5 + length].decode()


def main():
    client, server = socket.socketpair()

    client.sendall(encode(1, 1, "ada") + encode(2, 2, "good morning"))
    print("sent two, received:", receive(server))

    long = encode(2, 3, "a text that is longer than what one call of recv returns " * 40)
    client.sendall(long)
    kind, number, text = receive(server)
    print(f"sent {len(long) - 5} letters, received {len(text)}")

    kind, number, text = receive(server)
    print("and then a message of kind", kind)


if __name__ == "__main__":
    main()
