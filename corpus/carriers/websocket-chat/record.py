"""Two people in a chat over WebSocket, in JSON, compressed as the library does it unless it is asked not to. Needs websockets."""

import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import recording
import websocket_chat

PORT = 8765


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    recording.record(here, lambda log: asyncio.run(websocket_chat.chat(log, PORT)), f"tcp port {PORT}")
