"""Records capture.pcapng: mail from clients to Exim, from Exim to itself and on to aiosmtpd.

Needs tcpdump, root, openssl, Exim 4.96 (Debian's exim4-daemon-light) and aiosmtpd 1.4.6.

    python3 record.py
"""

import email.message
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

RELAY, SUBMISSION = 25, 587

EXIM = """
primary_hostname = mail.example
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
pid_file_path = {folder}/spool/pid
host_lookup =
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
smtp_banner = "mail.example ESMTP\\nno advertising here\\nready"
acl_smtp_rcpt = recipient
acl_smtp_vrfy = anyone
acl_smtp_expn = anyone
begin acl
anyone:
  accept
recipient:
  deny local_parts = nobody
       message = There is no such person.\\nAsk somebody else.
  accept
begin routers
again:
  driver = manualroute
  domains = again.example
  condition = ${{if !eq{{$sender_helo_name}}{{mail.example}}}}
  route_list = * 127.0.0.1::{port}
  transport = onward
  self = send
relayed:
  driver = manualroute
  domains = relay.example
  route_list = * 127.0.0.1::{relay}
  transport = onward
  self = send
kept:
  driver = redirect
  data = :blackhole:
begin transports
onward:
  driver = smtp
  hosts_avoid_tls = *
  hosts_try_fastopen = !*
  hosts_try_prdr = !*
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{secret}}}}
  server_advertise_condition = yes
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth2}}{{secret}}}}
  server_advertise_condition = yes
"""


def exim(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
                    "-subj", "/CN=mail.example", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"],
                   check=True, stderr=subprocess.DEVNULL)
    os.mkdir(f"{folder}/spool")
    for path in [folder, f"{folder}/spool", f"{folder}/key.pem"]:
        shutil.chown(path, "Debian-exim")
    with open(f"{folder}/configuration", "w") as file:
        file.write(EXIM.format(folder=folder, port=SUBMISSION, relay=RELAY))
    return subprocess.Popen(["exim4", "-C", f"{folder}/configuration", "-bdf"], cwd=folder)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        return "250 Taken"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("full"):
            return "452 The mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 Known"


def aiosmtpd():
    socket.getfqdn = lambda *_: "server.example"

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"secret")

    return Controller(Mailbox(), hostname="127.0.0.1", port=RELAY, server_hostname="server.example",
                      enable_SMTPUTF8=True, auth_require_tls=False, authenticator=check, ident="mailbox")


def letter(to, text, subject="Order"):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ada <ada@client.example>", to, subject
    message["Date"] = "Thu, 29 Feb 2024 12:00:00 +0000"
    message["Message-ID"] = "<1@client.example>"
    message.set_content(text)
    return message


def client(port):
    return smtplib.SMTP("127.0.0.1", port, local_hostname="client.example")


def letters():
    with client(RELAY) as smtp:
        smtp.send_message(letter("bob@server.example", "Two teas, please.\n.\n..\n.hidden dot\nThe end.\n"))
        smtp.noop()
        smtp.vrfy("bob")
        smtp.expn("everybody")
        smtp.help()
        smtp.docmd("TURN")
        smtp.mail("ada@client.example")
        smtp.rcpt("full@server.example")
        smtp.rset()
        smtp.docmd("DATA")
        smtp.send_message(letter("großmutter@server.example", "Schöne Grüße\n" * 5, "Grüße"),
                          mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    with client(SUBMISSION) as smtp:
        smtp.login("ada", "secret")
        smtp.send_message(letter("bob@relay.example, carl@relay.example", "To be passed on.\n" * 40))
        smtp.send_message(letter("dora@again.example", "Once around.\n" * 200))
        try:
            smtp.sendmail("ada@client.example", ["nobody@client.example"], "Subject: lost\n\nlost\n")
        except smtplib.SMTPRecipientsRefused:
            pass
    time.sleep(1)


def logins():
    with client(SUBMISSION) as smtp:
        smtp.ehlo()
        smtp.user, smtp.password = "ada", "secret"
        smtp.auth("LOGIN", smtp.auth_login, initial_response_ok=False)
    with client(SUBMISSION) as smtp:
        try:
            smtp.login("ada", "wrong")
        except smtplib.SMTPAuthenticationError:
            pass
    with client(RELAY) as smtp:
        smtp.ehlo()
        smtp.docmd("AUTH", "LOGIN")
        smtp.docmd("*")
        smtp.helo()


def encrypted():
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with client(SUBMISSION) as smtp:
        smtp.starttls(context=trusting)
        smtp.ehlo()


def by_hand():
    """Pipelined commands, one segment for everything, text that is cut inside its end, chunks."""
    sock = recording.connect(SUBMISSION)
    file = sock.makefile("rb")

    def replies(count):
        for _ in range(count):
            while file.readline()[3:4] == b"-":
                pass

    replies(1)
    sock.sendall(b"ehlo client.example\r\n")
    replies(1)
    envelope = b"MAIL FROM:<ada@client.example>\r\nRCPT TO:<bob@client.example>\r\n"
    sock.sendall(envelope + b"RCPT TO:<nobody@client.example>\r\nDATA\r\n")
    replies(4)
    for piece in [b"Subject: pieces\r\n\r\nfirst\r\n.", b".dots\r\n.\r", b"\n" + envelope + b"DATA\r\n"]:
        sock.sendall(piece)
        time.sleep(0.05)
    replies(4)
    sock.sendall(b".\r\n")
    replies(1)
    sock.sendall(envelope + b"BDAT 22\r\nSubject: chunks\r\n\r\n.\r\n" + b"BDAT 9 LAST\r\nThe end\r\n")
    replies(4)
    for piece in [b"NO", b"OP\r", b"\n"]:
        sock.sendall(piece)
        time.sleep(0.05)
    replies(1)
    sock.sendall(b"QUIT\r\n")
    replies(1)
    sock.close()


def talk(log):
    for part in [letters, logins, encrypted, by_hand]:
        part()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        running = exim(folder)
        relay = aiosmtpd()
        relay.start()
        time.sleep(1)
        try:
            recording.record(HERE, talk, f"tcp port {RELAY} or tcp port {SUBMISSION}")
        finally:
            relay.stop()
            running.terminate()
            running.wait()
    os.remove(os.path.join(HERE, "sent.jsonl"))
