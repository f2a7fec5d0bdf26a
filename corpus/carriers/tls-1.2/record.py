"""Every family of cipher suites up to TLS 1.2, between OpenSSL's client and server: AES in GCM, CCM and CBC, ChaCha20-Poly1305;
with and without encrypt_then_mac; resumption by session id and by ticket; renegotiation; TLS 1.0 and 1.1."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import tls

PORT = 9443
SUITES = [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", False), ("ECDHE-RSA-AES256-GCM-SHA384", True),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", False), ("ECDHE-ECDSA-AES128-CCM", False), ("ECDHE-ECDSA-AES256-CCM8", False),
    ("ECDHE-ECDSA-AES128-SHA", False), ("AES256-SHA256", True), ("ECDHE-ECDSA-AES256-SHA384", False),
]


def run(bench):
    for suite, rsa in SUITES:
        only = ["-cipher", suite + ":@SECLEVEL=0"]
        bench.exchange(PORT, server=only, client=["-tls1_2", *only], rsa=rsa)
    for suite in ["ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256"]:
        bench.exchange(PORT, client=["-tls1_2", "-cipher", suite, "-no_etm"])
    for version in ["-tls1_1", "-tls1"]:
        weak = ["-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"]
        bench.exchange(PORT, server=weak, client=[version, *weak])
        bench.exchange(PORT, server=weak, client=[version, *weak, "-no_etm"])
    for more in [[], ["-no_ticket"]]:
        server = bench.server(PORT, "-tls1_2", *more)
        for session in ["-sess_out", "-sess_in"]:
            bench.client(PORT, session, bench.path("session"))
        server.terminate()
        server.wait()
    bench.exchange(PORT, server=["-tls1_2", "-client_renegotiation"], before=["R", "after it"])


if __name__ == "__main__":
    tls.record(os.path.dirname(os.path.abspath(__file__)), run, f"tcp port {PORT}")
