"""The chat of websocket-chat inside TLS, with its secrets in the capture. Needs websockets, openssl and editcap."""

import asyncio
import os
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import recording
import websocket_chat

PORT = 8766
HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    with tempfile.TemporaryDirectory() as folder:
        cert, key, keys = (os.path.join(folder, name) for name in ["chat.crt", "chat.key", "keys.txt"])
        # Made now and stored nowhere else.
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(cert, key)
        client = ssl.create_default_context(cafile=cert)
        client.keylog_filename = keys
        chat = lambda log: asyncio.run(websocket_chat.chat(log, PORT, {"ssl": server}, ssl=client))
        recording.record(HERE, chat, f"tcp port {PORT}")
        path, injected = os.path.join(HERE, "capture.pcapng"), os.path.join(folder, "with.pcapng")
        subprocess.run(["editcap", "--inject-secrets", "tls," + keys, path, injected], check=True)
        os.replace(injected, path)


if __name__ == "__main__":
    main()
