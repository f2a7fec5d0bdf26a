"""Every cipher suite of TLS 1.3 between OpenSSL's client and server, key updates of both sides, padding, resumption, early data
that is accepted and refused, and a HelloRetryRequest."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import tls

PORT = 9444
SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
          "TLS_AES_128_CCM_8_SHA256"]


def run(bench):
    for suite in SUITES:
        bench.exchange(PORT, server=["-ciphersuites", suite], client=["-ciphersuites", suite])
    bench.exchange(PORT, before=["k", "after its own update", "K", "after updates of both", "k", "once more"])
    bench.exchange(PORT, client=["-record_padding", "200"], server=["-record_padding", "300"])
    bench.exchange(PORT, client=["-groups", "X25519:P-384"], server=["-groups", "P-384"])
    with open(bench.path("early"), "w", encoding="utf-8") as file:
        file.write("early data, sent before the server has answered\n")
    session, early = ["-sess_in", bench.path("session")], ["-early_data", bench.path("early")]
    server = bench.server(PORT, "-early_data", "-no_anti_replay")
    bench.client(PORT, "-sess_out", bench.path("session"))
    bench.client(PORT, *session)
    bench.client(PORT, *session, *early)
    server.terminate()
    server.wait()
    # Another server does not know the ticket, and refuses what was sent early.
    bench.exchange(PORT, client=[*session, *early], server=["-early_data"])


if __name__ == "__main__":
    tls.record(os.path.dirname(os.path.abspath(__file__)), run, f"tcp port {PORT}")
