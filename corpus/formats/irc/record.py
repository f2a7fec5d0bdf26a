"""Records IRC: a server, three people who register, talk in channels, are kicked and leave.

Needs tcpdump, ngircd 26.1 and irc 20.5.0.

    python3 record.py
"""

import os
import subprocess
import sys
import tempfile
import time

import irc.client

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

CONFIGURATION = """\
[Global]
    Name = irc.example.net
    Info = A server for a recording
    AdminInfo1 = Nobody
    AdminEMail = admin@example.net
    Listen = 127.0.0.1
    Ports = 6667
    MotdPhrase = Be kind.
    Password = open
    ServerUID = nobody
    ServerGID = nogroup
[Limits]
    PingTimeout = 5
    MaxPenaltyTime = 0
[Options]
    DNS = no
    Ident = no
    PAM = no
    RequireAuthPing = yes
[Operator]
    Name = ada
    Password = engine
[Channel]
    Name = #welcome
    Topic = Everybody begins here
    Modes = tn
"""


def turn(reactor, seconds=0.25):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        reactor.process_once(0.02)


def talk(log):
    reactor = irc.client.Reactor()
    turn(reactor, 0.1)

    def join(nickname, real, password="open"):
        person = reactor.server()
        person.connect("127.0.0.1", 6667, nickname, password=password, username=nickname.lower(), ircname=real)
        turn(reactor, 0.6)
        return person

    ada, bob = join("ada", "Ada Lovelace"), join("bob", "Bob")
    # The nickname is in use; then another is taken.
    zoe = join("ada", "Zoë 佐伊")
    zoe.nick("zoe")
    turn(reactor, 0.6)
    zoe.cap("LS")
    zoe.cap("REQ", "multi-prefix")
    zoe.cap("END")
    for person in ada, bob, zoe:
        person.join("#engines")
    turn(reactor)
    ada.oper("ada", "engine")
    ada.topic("#engines", "Analytical: and difference")
    bob.topic("#engines")
    ada.mode("#engines", "+nt-s+k secret")
    ada.mode("#engines", "+vo bob bob")
    ada.mode("#engines", "+b *!*@192.0.2.*")
    ada.mode("#engines", "b")
    turn(reactor)
    ada.privmsg("#engines", "hello, all")
    bob.privmsg("#engines", ":) a colon first")
    zoe.privmsg("#engines", "你好，世界 " * 20)
    bob.action("#engines", "turns the handle")
    ada.ctcp("VERSION", "bob")
    bob.ctcp_reply("ada", "VERSION a recording")
    ada.ctcp("PING", "zoe", "12345")
    zoe.notice("ada", "not now")
    zoe.privmsg_many(["ada", "bob"], "to both")
    turn(reactor)
    bob.send_raw("AWAY :tea")
    ada.privmsg("bob", "are you there?")
    bob.send_raw("AWAY")
    ada.whois(["bob"])
    ada.who("#engines")
    ada.whowas("nobody")
    ada.userhost(["bob", "zoe"])
    ada.ison(["bob", "eve", "zoe"])
    zoe.names(["#engines"])
    zoe.list()
    turn(reactor)
    for question in zoe.version, zoe.time, zoe.admin, zoe.info, zoe.lusers, zoe.motd, zoe.links:
        question()
    zoe.stats("u")
    zoe.send_raw("NOSUCH command : with text")
    zoe.send_raw("PRIVMSG #engines")
    zoe.send_raw("PRIVMSG nobody :hello?")
    turn(reactor, 0.5)
    bob.join("#side")
    bob.mode("#side", "+i")
    bob.invite("zoe", "#side")
    ada.join("#side")
    zoe.join("#side")
    ada.join("#welcome,#more")
    turn(reactor)
    zoe.nick("zoe2")
    bob.kick("#engines", "zoe2", "out: now")
    zoe.part(["#side"], "bye")
    ada.wallops("all shall hear")
    # Long enough for the server to ask whether they are still there.
    turn(reactor, 6)
    eve = join("eve", "Eve", "guess")
    ada.send_raw("KILL bob :enough")
    turn(reactor)
    zoe.quit("home")
    turn(reactor)
    ada.quit("")
    turn(reactor)
    eve.disconnect()


def run(log):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(CONFIGURATION)
        file.flush()
        os.chmod(file.name, 0o644)
        server = subprocess.Popen(["ngircd", "-n", "-f", file.name], stdout=subprocess.DEVNULL)
        time.sleep(0.7)
        try:
            talk(log)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    recording.record(HERE, run, "tcp port 6667")
    os.remove(os.path.join(HERE, "sent.jsonl"))
