"""Records capture.pcapng: haproxy passes connections on with the PROXY protocol, in both versions and with TLVs.

Needs tcpdump, root and haproxy 2.6.

    python3 record.py
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

# Of each pair the first is haproxy's and the second the server's behind it.
VERSION_1, VERSION_2, WITH_TLVS = (9301, 9311), (9302, 9312), (9303, 9313)

CONFIGURATION = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    unique-id-format %ID
listen version-1
    bind 127.0.0.1:9301
    bind [::1]:9301
    server one 127.0.0.1:9311 send-proxy
listen version-2
    bind 127.0.0.1:9302
    bind [::1]:9302
    server two 127.0.0.1:9312 send-proxy-v2 check inter 400ms
listen with-tlvs
    bind 127.0.0.1:9303 ssl crt {certificate} alpn mine
    unique-id-format %[uuid()]
    server three 127.0.0.1:9313 send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id,authority,ssl,cert-cn,cert-sig,cert-key,ssl-cipher
"""


def serve(port):
    """Reads the header, and answers each message of `bare` behind it."""
    listener = recording.listen(port)

    def one(sock):
        data = b""
        try:
            while received := sock.recv(4096):
                data += received
                if data[-4:] == b"\x01ada" or b"\x03" in received[-30:]:
                    sock.sendall(b"\x03received")
        except ConnectionResetError:
            # A check by haproxy ends so.
            pass
        sock.close()

    def accept():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def say(sock):
    for message in [b"\x01ada", b"\x03hello through the proxy", b"\x03bye"]:
        sock.sendall(message)
        time.sleep(0.05)
        sock.recv(4096)
    sock.close()


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=proxy.example",
                        "-keyout", f"{folder}/key", "-out", f"{folder}/crt"], check=True, stderr=subprocess.DEVNULL)
        with open(f"{folder}/both", "w") as both:
            both.write(open(f"{folder}/crt").read() + open(f"{folder}/key").read())
        configuration = CONFIGURATION.format(certificate=f"{folder}/both")
        with open(f"{folder}/haproxy.cfg", "w") as file:
            file.write(configuration)
        listeners = [serve(behind) for _, behind in (VERSION_1, VERSION_2, WITH_TLVS)]
        haproxy = subprocess.Popen(["haproxy", "-f", f"{folder}/haproxy.cfg", "-db"])
        time.sleep(1)
        try:
            for port in (VERSION_1[0], VERSION_2[0]):
                say(recording.connect(port))
                say(recording.connect(port, socket.AF_INET6))
            import ssl
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["mine"])
            say(context.wrap_socket(recording.connect(WITH_TLVS[0]), server_hostname="chat.example"))
        finally:
            haproxy.terminate()
            haproxy.wait()
            [listener.close() for listener in listeners]


if __name__ == "__main__":
    recording.record(HERE, run, "tcp portrange 9311-9313")
    os.remove(os.path.join(HERE, "sent.jsonl"))
