"""A chat over WebSocket, as Python's `websockets` speaks it: a room, and two people in it. Needs websockets."""

import asyncio
import hashlib
import json

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

LINES = [("ada", "Hello, is anybody here?"), ("bob", "你好，ada！"), ("ada", "Shall we try a longer line? " + "la " * 60),
         ("bob", "🎈"), ("ada", "Bye then.")]


class Room:
    """Passes on what each person says to all of them."""

    def __init__(self, log):
        self.people, self.log = set(), log

    async def send(self, socket, said):
        note(self.log, socket, said)
        await socket.send(said)

    async def serve(self, socket):
        name = json.loads(await socket.recv())["name"]
        self.people.add(socket)
        for other in self.people:
            await self.send(other, json.dumps({"type": "joined", "name": name, "people": len(self.people)}))
        try:
            async for said in socket:
                said = json.loads(said)
                if said["type"] == "leave":
                    await socket.close(1000, "see you")
                    break
                for other in list(self.people):
                    await self.send(other, json.dumps({"type": "said", "name": name, "text": said["text"]}, ensure_ascii=False))
        finally:
            self.people.discard(socket)


def note(log, socket, said):
    """Logs a message that is about to be sent."""
    note_between(log, socket.local_address, socket.remote_address, said)


def note_between(log, src, dst, said):
    """Logs a text or bytes from one address to another: of what is long, the digest."""
    data, channel = (said.encode(), "text") if isinstance(said, str) else (said, "binary")
    content = {"text": said} if isinstance(said, str) else {"hex": data.hex()}
    if len(data) > 200:
        content = {"sha256": hashlib.sha256(data).hexdigest()}
    log.note(src, dst, data, channel=channel, **content)


async def person(log, uri, name, turn, **options):
    async with connect(uri, subprotocols=["chat.v1"], **options) as socket:
        said = json.dumps({"type": "join", "name": name})
        note(log, socket, said)
        await socket.send(said)
        await socket.recv()
        turn[name] = socket
        while "left" not in turn:
            await asyncio.sleep(0.01)
        said = json.dumps({"type": "leave"})
        note(log, socket, said)
        await socket.send(said)
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed:
            pass


async def chat(log, port, server_options=None, **options):
    """Both people join, speak in turn, and leave. One of them is asked whether it is still there."""
    room, turn = Room(log), {}
    scheme = "wss" if "ssl" in options else "ws"
    async with serve(room.serve, "127.0.0.1", port, subprotocols=["chat.v1"], ping_interval=None, **(server_options or {})):
        people = []
        for name in ["ada", "bob"]:
            uri = f"{scheme}://localhost:{port}/chat?room={name[0]}"
            people.append(asyncio.create_task(person(log, uri, name, turn, ping_interval=None, host="127.0.0.1", **options)))
            while name not in turn:
                await asyncio.sleep(0.02)
        for name, text in LINES:
            said = json.dumps({"type": "say", "text": text}, ensure_ascii=False)
            note(log, turn[name], said)
            await turn[name].send(said)
            await asyncio.sleep(0.05)
        await (await turn["bob"].ping(b"still there?"))
        turn["left"] = True
        await asyncio.gather(*people)
