"""What libraries make of WebSocket: Python's websockets and aiohttp, and ws of Node, with each way to compress, with fragments, pings
and closes. Needs websockets, aiohttp, node, and ws where node finds it (NODE_PATH)."""

import asyncio
import json
import os
import subprocess
import sys

import aiohttp
import websockets
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording
from websocket_chat import note, note_between

PYTHON, AIOHTTP, NODE = 8781, 8782, 8783


async def say(log, socket, said, parts=None):
    note(log, socket, said)
    await socket.send(parts or said)
    await asyncio.sleep(0.03)


async def echo(log, socket):
    """Returns what it gets; what is not a wish."""
    async for said in socket:
        if said == "close with an error":
            raise RuntimeError
        if said == "away":
            await socket.close(1001, "the server goes to sleep")
        else:
            await say(log, socket, said)


async def python(log):
    """Without compression: fragments, pings, and closes of each side."""
    options = {"compression": None, "ping_interval": None}
    async with serve(lambda socket: echo(log, socket), "127.0.0.1", PYTHON, **options):
        for last in ["", "away", "close with an error", None]:
            async with connect(f"ws://127.0.0.1:{PYTHON}/plain", **options) as socket:
                await say(log, socket, "hello")
                await say(log, socket, "in three frames", ["in ", "three ", "frames"])
                await say(log, socket, b"\x00\xff" * 100)
                await (await socket.ping(b"\x01\x02\x03\x04"))
                await say(log, socket, "")
                if last is None:
                    # Without a CLOSE frame.
                    socket.transport.abort()
                elif last:
                    await say(log, socket, last)
                    await socket.wait_closed()
                else:
                    await socket.close(4001, "enough")


async def with_aiohttp(log):
    """Compressed by aiohttp."""
    def noted(socket, transport, said):
        ends = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        note_between(log, *ends, said)
        return socket.send_str(said) if isinstance(said, str) else socket.send_bytes(said)

    async def handle(request):
        socket = web.WebSocketResponse(compress=True, protocols=["echo"])
        await socket.prepare(request)
        async for message in socket:
            await noted(socket, request.transport, message.data)
        return socket

    app = web.Application()
    app.add_routes([web.get("/echo", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", AIOHTTP).start()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{AIOHTTP}/echo", compress=12, protocols=["echo"]) as socket:
            for said in ["{\"n\": 1}", "{\"n\": 2, \"text\": \"aiohttp aiohttp\"}", b"binary binary binary", "plain text"]:
                await noted(socket, socket._response.connection.transport, said)
                await socket.receive()
            await socket.ping(b"aio")
            await asyncio.sleep(0.05)
            await socket.close(code=1001, message=b"leaving")
    await runner.cleanup()


def node(log):
    result = subprocess.run(["node", os.path.join(HERE, "peer.js"), str(NODE)], check=True, capture_output=True, text=True)
    parts = {}
    for line in map(json.loads, result.stdout.splitlines()):
        ends = tuple(line["src"]), tuple(line["dst"])
        parts[ends] = parts.get(ends, "") + line.get("text", "")
        if line["more"]:
            continue
        text = parts.pop(ends)
        note_between(log, *ends, bytes.fromhex(line["hex"]) if "hex" in line else text)


def run(log):
    asyncio.run(python(log))
    asyncio.run(with_aiohttp(log))
    node(log)


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp portrange {PYTHON}-{NODE}")
