"""HTTP/2 without TLS: nghttpd and nghttpx with nghttp and curl, and two programs with the Python library h2 for what those do not send."""

import os
import subprocess
import sys
import tempfile
import threading
import time

import h2.config
import h2.connection
import h2.events

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 8082
TUNNEL = 8083
UPGRADE = 8084


def files(folder):
    texts = {"index.html": "<p>hello, HTTP/2</p>\n", "style.css": "p { color: green }\n", "data.json": '{"a":[1,2,{"b":"你好"}]}',
             "long.txt": "".join(f"line {number}\n" for number in range(2500))}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def nghttp2(folder):
    server = subprocess.Popen(["nghttpd", "--no-tls", f"-d{folder}", "-p/index.html=/style.css", "--trailer=checksum: 7",
                               "--echo-upload", "-b17", str(PORT)], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    url = f"http://127.0.0.1:{PORT}"

    def quiet(*command):
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)

    quiet("nghttp", "-v", f"{url}/index.html", f"{url}/data.json", f"{url}/long.txt", f"{url}/none")
    # Header fields in CONTINUATION frames, and padding.
    quiet("nghttp", "--continuation", "-b30", f"{url}/data.json")
    # From HTTP/1.1, which nghttpx takes.
    proxy = subprocess.Popen(["nghttpx", "--conf=/dev/null", f"-f127.0.0.1,{UPGRADE};no-tls", f"-b127.0.0.1,{PORT};;proto=h2"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    quiet("nghttp", "-u", f"http://127.0.0.1:{UPGRADE}/data.json")
    quiet("curl", "-s", "--http2", f"http://127.0.0.1:{UPGRADE}/style.css", f"http://127.0.0.1:{UPGRADE}/data.json")
    proxy.terminate()
    proxy.wait()
    quiet("curl", "-s", "--http2-prior-knowledge", "-H", "Content-Type: application/json", "-d", '{"posted":true}',
          f"{url}/echo", "--next", "-s", "--http2-prior-knowledge", "-I", f"{url}/long.txt")
    # A smaller table of header fields, and none.
    for size in ["256", "0"]:
        quiet("nghttp", f"--header-table-size={size}", f"{url}/data.json", f"{url}/style.css")
    server.terminate()
    server.wait()


def tunnel():
    """A WebSocket in an extended CONNECT, an alternative service, a response before its request ends, and a reset."""
    listener = recording.listen(TUNNEL)
    shake = {"header_encoding": "utf-8"}

    def serve():
        sock, _ = listener.accept()
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, **shake))
        connection.local_settings.enable_connect_protocol = 1
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    stream = event.stream_id
                    headers = dict(event.headers)
                    if headers[":method"] == "CONNECT":
                        connection.send_headers(stream, [(":status", "200"), ("sec-websocket-protocol", "chat")])
                        connection.send_data(stream, b"\x81\x05hello")
                    elif headers[":path"] == "/early":
                        connection.advertise_alternative_service(b'h3=":443"; ma=60', stream_id=stream)
                        connection.send_headers(stream, [(":status", "103"), ("link", "</a.css>; rel=preload")])
                        connection.send_headers(stream, [(":status", "200"), ("content-type", "text/event-stream")])
                        for number in range(3):
                            connection.send_data(stream, f"data: {number}\n\n".encode())
                    else:
                        connection.send_headers(stream, [(":status", "200")])
                        connection.send_data(stream, b"begun, and ")
                elif isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if event.data:
                        connection.send_data(event.stream_id, b"\x82\x02ok")
                elif isinstance(event, h2.events.StreamEnded):
                    pass
            sock.sendall(connection.data_to_send())
        sock.close()

    server = threading.Thread(target=serve)
    server.start()
    sock = recording.connect(TUNNEL)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, **shake))
    connection.initiate_connection()
    sock.sendall(connection.data_to_send())

    def hear():
        time.sleep(0.1)
        connection.receive_data(sock.recv(65536))
        sock.sendall(connection.data_to_send())

    hear()
    authority = [(":scheme", "http"), (":authority", "127.0.0.1")]
    connection.send_headers(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/chat"), *authority,
                                ("sec-websocket-protocol", "chat"), ("sec-websocket-version", "13")])
    sock.sendall(connection.data_to_send())
    hear()
    connection.send_data(1, b"\x81\x85\x01\x02\x03\x04" + bytes(b ^ m for b, m in zip(b"world", b"\1\2\3\4\1")))
    connection.send_headers(3, [(":method", "GET"), (":path", "/early"), *authority], end_stream=True)
    connection.send_headers(5, [(":method", "GET"), (":path", "/reset"), *authority, ("cookie", "secret=1")], end_stream=True)
    sock.sendall(connection.data_to_send())
    hear()
    connection.reset_stream(5, 8)
    connection.ping(b"are you?")
    sock.sendall(connection.data_to_send())
    hear()
    connection.close_connection(last_stream_id=0, additional_data=b"done")
    sock.sendall(connection.data_to_send())
    recording.hang_up(sock)
    server.join()
    listener.close()


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        files(folder)
        nghttp2(folder)
    tunnel()


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp port {UPGRADE} or tcp port {PORT} or tcp port {TUNNEL}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
