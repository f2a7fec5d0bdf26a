"""A chat client: logs in, says something, and leaves.

    python3 client.py [PORT]
"""

import pathlib
import socket
import sys

import framescope
from framescope.sockets import Connection

CHAT = framescope.Protocol.from_ksy(pathlib.Path(__file__).with_name("chat.ksy"))


def talk(address, name, *lines):
    """Says lines under a name, and returns what was answered."""
    answers = []
    with Connection(socket.create_connection(address), CHAT) as server:
        messages = [("login", name), *(("say", line) for line in lines), ("bye", "")]
        for number, (kind, text) in enumerate(messages, start=1):
            server.send({"kind": kind, "number": number, "text": text})
            answers.append(server.receive()["text"])
    return answers


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    for text in talk(("127.0.0.1", port), "ada", "good morning", "how is the weather?"):
        print(text)
