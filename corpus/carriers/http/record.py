"""Records HTTP/1.x: servers of Python's http.server, aiohttp, nginx and Node, with curl, Python's http.client and aiohttp as clients.

Needs tcpdump, curl, node, nginx, aiohttp, brotli and zstandard.

    python3 record.py
"""

import asyncio
import gzip
import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import aiohttp
import zstandard
from aiohttp import web

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PYTHON, AIOHTTP, NGINX, NODE = 8791, 8792, 8793, 8794
WORDS = {"words": ["again and again"] * 20, "count": 20, "nested": {"true": True, "none": None}}


class Old(http.server.BaseHTTPRequestHandler):
    """HTTP/1.0: what has no length ends with the connection."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"until the end of the connection\n")

    def log_message(self, *_):
        pass


def python():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PYTHON), Old)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subprocess.run(["curl", "-s", "-0", f"http://127.0.0.1:{PYTHON}/old"], check=True, stdout=subprocess.DEVNULL)
    # A method that the server does not know.
    connection = http.client.HTTPConnection("127.0.0.1", PYTHON)
    connection.request("BREW", "/pot")
    connection.getresponse().read()
    connection.close()
    server.shutdown()


async def handle(request):
    path = request.path
    if path == "/empty":
        return web.Response(status=204)
    if path == "/zstd":
        packed = zstandard.compress(json.dumps(WORDS).encode())
        return web.Response(body=packed, headers={"Content-Type": "application/json", "Content-Encoding": "zstd"})
    if path == "/raw":
        raw = zlib.compressobj(wbits=-15)
        packed = raw.compress(b"deflate without zlib's frame") + raw.flush()
        return web.Response(body=packed, headers={"Content-Type": "text/plain", "Content-Encoding": "deflate"})
    if path == "/twice":
        packed = zlib.compress(gzip.compress(b"packed twice", mtime=0))
        return web.Response(body=packed, headers={"Content-Type": "text/plain", "Content-Encoding": "gzip, deflate"})
    if path == "/lies":
        return web.Response(body=b"no gzip", headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    if path == "/broken":
        return web.Response(text='{"a": 1,}', content_type="application/json")
    if path == "/chunks":
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        text = json.dumps(WORDS).encode()
        for at in range(0, len(text), 100):
            await response.write(text[at:at + 100])
        await response.write_eof()
        return response
    if request.body_exists:
        body = await request.read()
        return web.json_response({"length": len(body), "type": request.content_type})
    return web.json_response(WORDS)


async def with_aiohttp():
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    # It unpacks what it is sent, unless that can't be.
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", AIOHTTP).start()
    base = f"http://127.0.0.1:{AIOHTTP}"
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        for method, path, options in [
            ("GET", "/words?a=1&b=%C3%BC", {"headers": {"X-Trace": "one", "Cookie": "a=b; c=d"}}),
            ("HEAD", "/words", {}),
            ("GET", "/empty", {}),
            ("GET", "/zstd", {}),
            ("GET", "/raw", {}),
            ("GET", "/twice", {}),
            ("GET", "/lies", {}),
            ("GET", "/broken", {}),
            ("GET", "/chunks", {}),
            ("POST", "/form", {"data": {"user": "ada", "text": "hello & goodbye"}}),
            ("POST", "/json", {"json": WORDS}),
            ("PUT", "/stream", {"data": parts(), "headers": {"Content-Type": "text/plain"}}),
        ]:
            async with client.request(method, base + path, **options) as response:
                await response.read()
    # Waits to be asked to continue, and is; then a form with a file.
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "file.txt")
        with open(file, "w") as out:
            out.write("contents of a file\n" * 3)
        for arguments in [["-H", "Expect: 100-continue", "--data-binary", f"@{file}"], ["-F", "name=ada", "-F", f"file=@{file}"]]:
            await curl(f"{base}/upload", *arguments)
    await runner.cleanup()


async def parts():
    for part in [b"one ", b"two ", b"three"]:
        yield part


async def curl(*arguments):
    process = await asyncio.create_subprocess_exec("curl", "-s", "-o", os.devnull, *arguments)
    await process.wait()


def ask(port, text, wait=0.15):
    """Sends text as it is, and returns what is answered."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(text.encode())
        time.sleep(wait)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        return answer


NGINX_CONF = """
daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{}}
http {{
  access_log off; if_modified_since before; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  types {{ text/html html; application/json json; }} gzip on; gzip_min_length 0; gzip_types application/json;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; location /old {{ return 301 /new; }} }}
}}
"""


def nginx():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "www"))
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "www/index.html"), "w") as out:
            out.write("<p>hello</p>\n" * 10)
        with open(os.path.join(folder, "www/data.json"), "w") as out:
            json.dump(WORDS, out)
        conf = os.path.join(folder, "conf")
        with open(conf, "w") as out:
            out.write(NGINX_CONF.format(folder=folder, port=NGINX))
        process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", conf, "-p", folder], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        host = "HTTP/1.1\r\nHost: localhost\r\n"
        # Pipelined, with an empty line between, in absolute form, in parts of a file, unchanged, and refused.
        ask(NGINX, f"GET / {host}\r\nHEAD / {host}\r\nGET /data.json {host}Accept-Encoding: gzip\r\n\r\n"
                   f"\r\nGET http://localhost/old {host}\r\nGET / {host}Range: bytes=0-4,10-12\r\n\r\n"
                   f"GET / {host}If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n"
                   f"GET /missing {host}Connection: close\r\n\r\n")
        # Lines that end in LF, and a version that is too old to have been written.
        ask(NGINX, "GET / HTTP/1.1\nHost: localhost\nConnection: close\n\n")
        ask(NGINX, "GET /\r\n")
        ask(NGINX, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        process.terminate()
        process.wait()


def node():
    process = subprocess.Popen(["node", os.path.join(HERE, "peer.js"), str(NODE)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    connection = http.client.HTTPConnection("127.0.0.1", NODE)
    for path in ["/trailers", "/events", "/br", "/deflate", "/nothing"]:
        connection.request("GET", path, headers={"TE": "trailers"} if path == "/trailers" else {})
        connection.getresponse().read()
    connection.request("POST", "/echo", body=iter([b"a ", b"body ", b"in chunks"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked", "Content-Type": "text/plain"})
    connection.getresponse().read()
    connection.close()
    ask(NODE, "GET /talk HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: unknown\r\n\r\n", 0.05)
    with socket.create_connection(("127.0.0.1", NODE)) as sock:
        sock.sendall(b"GET /talk?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n")
        sock.recv(1000)
        sock.sendall(b"hello\n")
        while sock.recv(1000):
            pass
    # Through the server to itself, and to where it does not go.
    subprocess.run(["curl", "-s", "-o", os.devnull, "-p", "-x", f"http://127.0.0.1:{NODE}", f"http://127.0.0.1:{NODE}/deflate"])
    subprocess.run(["curl", "-s", "-o", os.devnull, "-p", "-x", f"http://127.0.0.1:{NODE}", "http://example.org/"])
    process.terminate()
    process.wait()


def run(_):
    python()
    asyncio.run(with_aiohttp())
    nginx()
    node()


recording.record(HERE, run, f"tcp portrange {PYTHON}-{NODE}")
os.remove(os.path.join(HERE, "sent.jsonl"))
