"""The chat, and what it says on the wire: pytest python/examples. `--framescope-update` writes chat.pcapng again."""

import pathlib
import socket
import threading

import client
import server

CHAT = pathlib.Path(__file__).with_name("chat.ksy")


def test_a_chat(framescope_proxy):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=server.serve, args=[listener], daemon=True).start()
        proxy = framescope_proxy(listener.getsockname()[1], protocol=CHAT, decode_as="tcp=chat")

        answers = client.talk(proxy.address, "ada", "good morning", "how is the weather?")

        assert answers == ["welcome, ada", "GOOD MORNING", "HOW IS THE WEATHER?", ""]
        proxy.assert_conversation("chat.pcapng")
