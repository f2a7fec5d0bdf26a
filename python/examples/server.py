"""A chat server: welcomes who logs in, and repeats what is said in capitals. A thread for each client.

    python3 server.py [PORT]
"""

import pathlib
import socket
import sys
import threading

import framescope
from framescope.sockets import Connection

CHAT = framescope.Protocol.from_ksy(pathlib.Path(__file__).with_name("chat.ksy"))


def answer(sock):
    """Answers one client, until it leaves."""
    with Connection(sock, CHAT, role="server") as client:
        for message in client:
            if message.kind == "login":
                text = f"welcome, {message['text']}"
            else:
                text = message["text"].upper()
            client.send({"kind": "ok", "number": message["number"], "text": text})
            if message.kind == "bye":
                return


def serve(listener):
    """Answers every client that comes to a listening socket, until that is closed."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=[sock], daemon=True).start()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    with socket.create_server(("127.0.0.1", port)) as listener:
        print("listening on port", listener.getsockname()[1])
        serve(listener)
