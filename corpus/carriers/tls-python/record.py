"""HTTP in TLS as Python's ssl module speaks it, and three connections that fail: a certificate that is not trusted, no suite in
common, and a client that closes in the middle of the handshake."""

import os
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import recording
import tls

PORT = 9445


def serve(listener, context, count):
    for _ in range(count):
        sock, _ = listener.accept()
        try:
            with context.wrap_socket(sock, server_side=True) as secure:
                while request := secure.recv(65536):
                    name = request.split(b" ")[1]
                    body = b"[" + b",".join(b"%d" % number for number in range(2000)) + b"]" if name == b"/long" else name
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except OSError:
            sock.close()


def client(bench, trust=True):
    context = ssl.create_default_context(cafile=bench.ecdsa[0] if trust else None)
    context.keylog_filename = bench.keys
    context.set_alpn_protocols(["http/1.1"])
    return context


def run(bench):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*bench.ecdsa)
    context.set_alpn_protocols(["h2", "http/1.1"])
    listener = recording.listen(PORT)
    thread = threading.Thread(target=serve, args=(listener, context, 6))
    thread.start()
    for version in [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2]:
        ours = client(bench)
        ours.maximum_version = version
        with ours.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="localhost") as secure:
            for path in ["/", "/long", "/end"]:
                secure.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                time.sleep(0.1)
                secure.recv(65536)
    untrusting = client(bench, trust=False)
    few = client(bench)
    few.maximum_version = ssl.TLSVersion.TLSv1_2
    few.set_ciphers("AES128-SHA")
    for ours in [untrusting, few]:
        try:
            ours.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="localhost")
        except ssl.SSLError as error:
            print(error)
        time.sleep(0.1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = client(bench).wrap_bio(incoming, outgoing, server_hostname="localhost")
    for cut in [None, 100]:
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read() or hello
        with socket.create_connection(("127.0.0.1", PORT)) as sock:
            sock.sendall(hello[:cut])
            time.sleep(0.1)
    thread.join()
    listener.close()


if __name__ == "__main__":
    tls.record(os.path.dirname(os.path.abspath(__file__)), run, f"tcp port {PORT}")
