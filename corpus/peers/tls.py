"""Records TLS: certificates made for the recording only, OpenSSL's server and client, and the secrets put into the capture."""

import hashlib
import os
import subprocess
import tempfile
import time

import recording


def certificate(folder, name, algorithm, *options):
    """A key and a certificate for localhost that is made now and stored nowhere else."""
    key, cert = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", algorithm, *options, "-nodes", "-keyout", key, "-out", cert,
                    "-days", "30", "-subj", "/O=Framescope tests/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,DNS:chat.example,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


def is_listening(port):
    """Without a connection, which would be recorded."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}", encoding="ascii")]
    return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


class Bench:
    """A folder with certificates and a key log."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = os.path.join(folder, "keys.txt")
        self.ecdsa = certificate(folder, "ecdsa", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        self.rsa = certificate(folder, "rsa", "rsa:2048")

    def path(self, name):
        return os.path.join(self.folder, name)

    def server(self, port, *options, rsa=False):
        """OpenSSL's server, which returns each line backwards unless it takes early data, which excludes that."""
        cert, key = self.rsa if rsa else self.ecdsa
        answers = [] if "-early_data" in options else ["-rev"]
        with open(self.path("server.log"), "a", encoding="utf-8") as log:
            server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", cert, "-key", key, "-quiet",
                                       *answers, *options], stdin=subprocess.PIPE, stdout=log, stderr=log)
        for _ in range(100):
            if is_listening(port):
                return server
            time.sleep(0.05)
        raise SystemExit("the server did not start")

    def client(self, port, *options, lines=("hello", "a second line"), before=()):
        """OpenSSL's client. `before` are its commands (K: new keys, R: renegotiate), and lines after them."""
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                                   "-keylogfile", self.keys, *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.3)
        for line in [*lines, *before]:
            client.stdin.write(line + "\n")
            client.stdin.flush()
            time.sleep(0.15)
        client.stdin.close()
        client.wait(timeout=10)

    def exchange(self, port, server=(), client=(), rsa=False, **more):
        """A server for one connection."""
        process = self.server(port, *server, rsa=rsa)
        try:
            self.client(port, *client, **more)
        finally:
            process.terminate()
            process.wait()


def record(folder, run, filter):
    """Records a case, with the secrets in the capture, and what tshark decrypts of it beside it."""
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(temporary)
        recording.record(folder, lambda _: run(bench), filter)
        os.remove(os.path.join(folder, "sent.jsonl"))
        path = os.path.join(folder, "capture.pcapng")
        subprocess.run(["editcap", "--inject-secrets", "tls," + bench.keys, path, bench.path("with.pcapng")], check=True)
        os.replace(bench.path("with.pcapng"), path)
    write_digests(path, os.path.join(folder, "tshark.txt"))


def write_digests(capture, output):
    """For each connection and direction how many bytes tshark decrypts, and their digest."""
    with open(output, "w", encoding="utf-8") as file:
        file.write("# Made by tshark: connection, side, decrypted bytes, their SHA-256.\n")
        for stream in range(streams(capture)):
            for side, data in zip(("client", "server"), follow(capture, stream)):
                file.write(f"{stream} {side} {len(data)} {hashlib.sha256(data).hexdigest()}\n")


def streams(capture):
    numbers = subprocess.run(["tshark", "-r", capture, "-T", "fields", "-e", "tcp.stream"], check=True,
                             capture_output=True, text=True).stdout.split()
    return max((int(number) for number in numbers), default=-1) + 1


def follow(capture, stream, options=()):
    """The decrypted bytes of both sides of a connection, as tshark follows them."""
    text = subprocess.run(["tshark", "-r", capture, "-q", *options, "-z", f"follow,tls,raw,{stream}"], check=True,
                          capture_output=True, text=True).stdout
    # Node 0 is the side that tshark saw decrypted data of first.
    ports = subprocess.run(["tshark", "-r", capture, "-Y", f"tcp.stream == {stream}", "-T", "fields", "-e",
                            "tcp.srcport"], check=True, capture_output=True, text=True).stdout.split()
    first = text.split("Node 0: ", 1)[-1].split("\n", 1)[0].rsplit(":", 1)[-1]
    lines = text.split("Node 1:", 1)[-1].splitlines()[1:]
    sides = [bytearray(), bytearray()]
    for line in lines:
        if line.startswith("="):
            break
        sides[line.startswith("\t")] += bytes.fromhex(line.strip())
    return sides if [first] == ports[:1] else sides[::-1]
