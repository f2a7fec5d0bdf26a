"""HTTP/2 in TLS 1.3: curl and nghttpd agree on it by ALPN. The secrets are in the capture."""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 8445


def run(folder, keylog):
    with open(os.path.join(folder, "data.json"), "w", encoding="utf-8") as file:
        file.write('{"inside":["TLS","HTTP/2"]}')
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                   check=True, stderr=subprocess.DEVNULL)
    server = subprocess.Popen(["nghttpd", f"-d{folder}", "--echo-upload", str(PORT), f"{folder}/key.pem", f"{folder}/cert.pem"],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    url = f"https://localhost:{PORT}"
    subprocess.run(["curl", "-sk4", "--http2", f"{url}/data.json", f"{url}/none", "--next", "-sk4", "-d", "posted", f"{url}/echo"],
                   stdout=subprocess.DEVNULL, env={**os.environ, "SSLKEYLOGFILE": keylog}, timeout=20)
    server.terminate()
    server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keylog = os.path.join(folder, "keys.log")
        recording.record(HERE, lambda log: run(folder, keylog), f"tcp port {PORT}")
        capture = os.path.join(HERE, "capture.pcapng")
        subprocess.run(["editcap", "--inject-secrets", f"tls,{keylog}", capture, f"{folder}/with.pcapng"], check=True)
        os.replace(f"{folder}/with.pcapng", capture)
    os.remove(os.path.join(HERE, "sent.jsonl"))
