"""Missive frames as the binary messages of a WebSocket: a message has one frame, or two, and one is damaged. Needs websockets."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import missive
import recording
from missive import ACK, CHECKSUM, DATA, LOGIN, LOGOUT, PING, PONG, REPLY
from websocket_chat import note

PORT = 8767


async def answer(log, socket):
    async for message in socket:
        for frame in missive.Reader().feed(message):
            kind = PONG if frame.kind == PING else ACK
            payload = frame.payload if kind == PONG else b""
            said = missive.encode(kind, payload, flags=REPLY | CHECKSUM, sequence=frame.sequence)
            note(log, socket, said)
            await socket.send(said)


async def talk(log):
    async with serve(lambda socket: answer(log, socket), "127.0.0.1", PORT, subprotocols=["missive"], ping_interval=None):
        async with connect(f"ws://localhost:{PORT}/frames", subprotocols=["missive"], ping_interval=None,
                           host="127.0.0.1") as socket:
            data = missive.encode(DATA, "一个二进制消息".encode(), sequence=2, flags=CHECKSUM)
            damaged = bytearray(missive.encode(DATA, b"changed on the way", sequence=4, flags=CHECKSUM))
            damaged[25] ^= 1
            said = [missive.encode(LOGIN, missive.login("ada", b"secret"), flags=CHECKSUM),
                    missive.encode(PING, b"1", sequence=1, flags=CHECKSUM) + data,
                    missive.encode(DATA, b"long " * 2000, sequence=3, flags=CHECKSUM),
                    bytes(damaged),
                    missive.encode(LOGOUT, b"done", sequence=5, flags=CHECKSUM)]
            for message in said:
                note(log, socket, message)
                if len(message) > 5000:
                    # A list is sent in fragments.
                    await socket.send([message[:4000], message[4000:8000], message[8000:]])
                else:
                    await socket.send(message)
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    recording.record(here, lambda log: asyncio.run(talk(log)), f"tcp port {PORT}")
