"""Records capture.pcapng: openssl s_client asks SMTP, IMAP, XMPP and PostgreSQL servers for TLS, and a server that has none.

Needs tcpdump, root, openssl, aiosmtpd 1.4.6, PostgreSQL, and Debian's dovecot-imapd and prosody.

    python3 record.py
"""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

SMTP, SMTP_WITHOUT, IMAP, XMPP, POSTGRES, POSTGRES_WITHOUT = range(9371, 9377)

DOVECOT = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl_cert = <{folder}/crt
ssl_key = <{folder}/key
ssl = yes
listen = 127.0.0.1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

PROSODY = """
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_require_encryption = true
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "s2s", "http", "offline", "posix" }}
log = {{ error = "{folder}/prosody.log" }}
ssl = {{ certificate = "{folder}/crt", key = "{folder}/key" }}
VirtualHost "chat.example"
"""


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server.example",
                    "-keyout", f"{folder}/key", "-out", f"{folder}/crt"], check=True, stderr=subprocess.DEVNULL)
    os.chmod(f"{folder}/key", 0o644)
    os.chmod(folder, 0o755)


def postgres(folder, port, has_tls):
    programs = "/usr/lib/postgresql/15/bin"
    data = f"{folder}/data-{port}"
    os.mkdir(data)
    shutil.chown(data, "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": "postgres", "cwd": "/"}
    subprocess.run([f"{programs}/initdb", "-D", data, "--auth=trust"], check=True, **quiet)
    for name in ("key", "crt"):
        shutil.copy(f"{folder}/{name}", f"{data}/server.{name}")
        shutil.chown(f"{data}/server.{name}", "postgres")
        os.chmod(f"{data}/server.{name}", 0o600)
    return subprocess.Popen([f"{programs}/postgres", "-D", data, "-p", str(port), "-k", data, "-c",
                             f"ssl={'on' if has_tls else 'off'}"], **quiet)


def s_client(protocol, port, *more):
    subprocess.run(["openssl", "s_client", "-starttls", protocol, "-connect", f"127.0.0.1:{port}", *more],
                   input=b"", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=8)


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/crt", f"{folder}/key")
        smtp = Controller(Sink(), hostname="127.0.0.1", port=SMTP, tls_context=context)
        without = Controller(Sink(), hostname="127.0.0.1", port=SMTP_WITHOUT)
        smtp.start()
        without.start()
        servers = [postgres(folder, POSTGRES, True), postgres(folder, POSTGRES_WITHOUT, False)]
        for name, text, port in (("dovecot.conf", DOVECOT, IMAP), ("prosody.cfg.lua", PROSODY, XMPP)):
            with open(f"{folder}/{name}", "w") as file:
                file.write(text.format(folder=folder, port=port))
        for name in ("run", "state", "data", "certs"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        out = open("/dev/null", "w") if len(sys.argv) < 2 else sys.stderr
        servers.append(subprocess.Popen(["dovecot", "-F", "-c", f"{folder}/dovecot.conf"], stdout=out, stderr=out))
        servers.append(subprocess.Popen(["prosody", "--config", f"{folder}/prosody.cfg.lua"], stdout=out, stderr=out))
        time.sleep(3)
        try:
            s_client("smtp", SMTP, "-name", "client.example")
            s_client("smtp", SMTP_WITHOUT)
            s_client("imap", IMAP)
            s_client("xmpp", XMPP, "-name", "chat.example")
            s_client("postgres", POSTGRES)
            subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(POSTGRES_WITHOUT), "-U", "postgres", "-c", "select 1"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=8)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            smtp.stop()
            without.stop()


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp portrange {SMTP}-{POSTGRES_WITHOUT}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
