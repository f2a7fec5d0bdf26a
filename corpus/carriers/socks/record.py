"""Records capture.pcapng: curl asks an HTTP server for a page through SOCKS proxies, in each version and with a password.

Needs tcpdump, root, curl, microsocks 1.0 and dante-server 1.4 (Debian's packages).

    python3 record.py
"""

import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PAGE, MICROSOCKS, DANTE = 9320, 9321, 9322

CONFIGURATION = """
internal: 127.0.0.1 port = 9322
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_):
        pass


def curl(*arguments):
    subprocess.run(["curl", "-sS", "-m", "5", "-o", "/dev/null", *arguments], stderr=subprocess.DEVNULL)


def run(log):
    page = http.server.ThreadingHTTPServer(("127.0.0.1", PAGE), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "danted.conf")
        with open(path, "w") as file:
            file.write(CONFIGURATION)
        proxies = [
            subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(MICROSOCKS), "-u", "ada", "-P", "secret"]),
            subprocess.Popen(["danted", "-f", path, "-p", os.path.join(folder, "pid")]),
        ]
        time.sleep(1)
        target = f"http://localhost:{PAGE}/"
        by_address = f"http://127.0.0.1:{PAGE}/"
        curl("--socks5", f"ada:secret@127.0.0.1:{MICROSOCKS}", by_address)
        curl("--socks5-hostname", f"ada:secret@127.0.0.1:{MICROSOCKS}", target)
        curl("--socks5", f"ada:wrong@127.0.0.1:{MICROSOCKS}", by_address)
        curl("--socks5", f"ada:secret@127.0.0.1:{MICROSOCKS}", "http://127.0.0.1:9/")
        curl("--socks5", f"127.0.0.1:{MICROSOCKS}", by_address)
        curl("--socks4", f"ada@127.0.0.1:{DANTE}", by_address)
        curl("--socks4a", f"ada@127.0.0.1:{DANTE}", target)
        curl("--socks4", f"ada@127.0.0.1:{DANTE}", "http://127.0.0.1:9/")
        curl("--socks5-hostname", f"127.0.0.1:{DANTE}", target)
        for proxy in proxies:
            proxy.terminate()
            proxy.wait()
    page.shutdown()


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp port {MICROSOCKS} or tcp port {DANTE}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
