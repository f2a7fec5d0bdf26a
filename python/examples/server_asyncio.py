"""The chat server with asyncio.

    python3 server_asyncio.py [PORT]
"""

import asyncio
import pathlib
import sys

from framescope import aio

CHAT = pathlib.Path(__file__).with_name("chat.ksy")


async def answer(reader, writer):
    """Answers one client, until it leaves."""
    async for message in reader:
        text = message["text"].upper()
        if message.kind == "login":
            text = f"welcome, {message['text']}"
        await writer.send({"kind": "ok", "number": message["number"], "text": text})
        if message.kind == "bye":
            return


async def main(port):
    server = await aio.start_server(answer, "127.0.0.1", port, CHAT)
    print("listening on port", server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9000))
    except KeyboardInterrupt:
        pass
