"""Messages of text, or marked by characters: lines, blocks, escapes and digits."""

import asyncio
import random
import subprocess
import sys
import time

from . import spoken
from .devices import some
from .services import WORDS


# FIX 4.4: "FIX tag=value encoding", 1.2. simplefix encodes.

def fix_run():
    import simplefix
    chance = random.Random(21)
    count = [0, 0]

    def message(side, kind, *pairs):
        count[side] += 1
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4")
        message.append_pair(35, kind)
        message.append_pair(49, "BUYER" if side == 0 else "BROKER")
        message.append_pair(56, "BROKER" if side == 0 else "BUYER")
        message.append_pair(34, count[side])
        message.append_utc_timestamp(52, 1_780_000_000 + sum(count) * 0.37, precision=3)
        for tag, value in pairs:
            message.append_pair(tag, value)
        return message.encode()

    asked = [message(0, "A", (98, 0), (108, 30))]
    for number in range(100):
        kind = chance.choice(["D", "D", "D", "F", "0"])
        body = {"D": [(11, f"order-{number}"), (55, chance.choice(["ACME", "GLOBEX", "INITECH"])), (54, chance.choice([1, 2])),
                      (38, chance.randrange(1, 50) * 100), (40, 2), (44, f"{chance.uniform(10, 300):.2f}"), (59, 0)],
                "F": [(11, f"order-{number}"), (41, f"order-{number - 1}"), (55, "ACME"), (54, 1)], "0": []}[kind]
        asked.append(message(0, kind, *body))

    def answer(piece, chance):
        replies = []
        for part in piece.split(b"8=FIX.4.4\x01")[1:]:
            tags = dict(pair.split(b"=", 1) for pair in part.split(b"\x01") if pair)
            if tags[b"35"] in (b"A", b"0"):
                replies.append(message(1, tags[b"35"].decode(), *([(98, 0), (108, 30)] if tags[b"35"] == b"A" else [])))
            else:
                replies.append(message(1, "8", (37, chance.randrange(10**6)), (11, tags[b"11"].decode()), (17, chance.randrange(10**6)),
                                       (150, 0), (39, 0), (55, tags[b"55"].decode()), (54, 1), (151, 100), (14, 0), (6, 0)))
        return replies

    spoken(24101, some(chance, asked, 2), answer)


def fix_read(reader, side, state):
    while reader.left:
        reader.take("constant/text", len(b"8=FIX.4.4\x01"))
        reader.take("constant/text", 2)
        length = int(reader.until("length", b"\x01"))
        reader.take("text", length)
        reader.take("constant/text", 3)
        reader.take("check", 3)
        reader.take("end", 1)
        reader.end()


# NMEA 0183. pynmea2 encodes; the client is silent but for a request.

def nmea_run():
    import pynmea2
    chance = random.Random(22)
    asked = [f"{pynmea2.ProprietarySentence('SRF', ['103', f'{number % 6:02}', '00', '01', '01'])}\r\n".encode() for number in range(30)]
    second = [0]

    def answer(piece, chance):
        second[0] += 1
        now = f"{12 + second[0] // 3600:02}{second[0] // 60 % 60:02}{second[0] % 60:02}.00"
        north, east = f"{4717 + chance.random():.5f}", f"0083{chance.randrange(10)}.{chance.randrange(10**5):05}"
        lines = [pynmea2.GGA("GP", "GGA", (now, north, "N", east, "E", "1", f"{chance.randrange(5, 12):02}", f"{chance.uniform(0.8, 2):.1f}", f"{chance.uniform(400, 500):.1f}", "M", "48.0", "M", "", "")),
                 pynmea2.RMC("GP", "RMC", (now, "A", north, "N", east, "E", f"{chance.uniform(0, 9):.2f}", f"{chance.uniform(0, 360):.2f}", "291126", "", "")),
                 pynmea2.GSA("GP", "GSA", ("A", "3", *[f"{chance.randrange(1, 33):02}" for _ in range(6)], *[""] * 6, "1.8", "1.0", "1.5"))]
        return [b"".join(f"{line}\r\n".encode() for line in lines[:2]), f"{lines[2]}\r\n".encode()]

    spoken(24102, some(chance, asked, 2), answer)


def nmea_read(reader, side, state):
    while reader.left:
        reader.take("constant/text", 1)
        reader.until("text", b"*")
        reader.take("check", 2)
        reader.take("end", 2)
        reader.end()


# HL7 version 2 in MLLP: "HL7 Transport Specification: MLLP", release 1. Both sides are the package hl7.

def mllp_run():
    import hl7
    from hl7.mllp import open_hl7_connection, start_hl7_server
    chance = random.Random(23)

    async def serve(reader, writer):
        try:
            while True:
                message = await reader.readmessage()
                writer.writemessage(message.create_ack(ack_code="AA", message_id=str(message.segment("MSH")[10]), application="LAB", facility="EAST"))
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async def talk():
        async with await start_hl7_server(serve, "127.0.0.1", 24103):
            for number in range(3):
                reader, writer = await open_hl7_connection("127.0.0.1", 24103)
                for count in range(30):
                    lines = [f"MSH|^~\\&|WARD|WEST|LAB|EAST|2026112912{count:02}00||ORU^R01|{number * 100 + count}|P|2.5",
                             f"PID|1||{chance.randrange(10**6)}||EXAMPLE^ADA||19151210|F"]
                    lines += [f"OBX|{line + 1}|NM|{chance.choice(WORDS)}||{chance.uniform(1, 90):.1f}|mmol/L|||||F" for line in range(chance.randrange(1, 6))]
                    writer.writemessage(hl7.parse("\r".join(lines)))
                    await writer.drain()
                    await reader.readmessage()
                writer.close()
                await writer.wait_closed()
    asyncio.run(talk())


def mllp_read(reader, side, state):
    while reader.left:
        reader.take("constant", 1)
        reader.until("text", b"\x1c\r")
        reader.end()


# Netstrings: cr.yp.to/proto/netstrings.txt. Both sides are Twisted.

def netstring_run():
    # A reactor does not start twice in a process.
    code = "import sys; sys.path[:0] = sys.argv[1:]; from cases import texts; texts.netstring()"
    subprocess.run([sys.executable, "-c", code, *sys.path[:2]], check=True, timeout=20)


def netstring():
    from twisted.internet import endpoints, protocol, reactor
    from twisted.protocols.basic import NetstringReceiver
    chance = random.Random(24)

    class Server(NetstringReceiver):
        def stringReceived(self, said):
            self.sendString(b"got " + said[::-1][:chance.randrange(200)])

    class Client(NetstringReceiver):
        def connectionMade(self):
            self.count = 0
            self.more()

        def more(self):
            self.count += 1
            self.sendString(" ".join(chance.choices(WORDS, k=chance.randrange(0, 40))).encode())

        def stringReceived(self, said):
            self.more() if self.count < 50 else self.transport.loseConnection()

        def connectionLost(self, reason):
            nonlocal left
            left -= 1
            if left == 0:
                reactor.stop()

    left = 3
    reactor.listenTCP(24104, protocol.Factory.forProtocol(Server), interface="127.0.0.1")
    for _ in range(left):
        endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", 24104).connect(protocol.Factory.forProtocol(Client))
    reactor.run()


def netstring_read(reader, side, state):
    while reader.left:
        length = int(reader.until("length", b":"))
        reader.take("text", length)
        reader.take("end", 1)
        reader.end()


# JSON-RPC, an object a line. Both sides are aiorpcX.

def json_lines_run():
    import aiorpcx
    chance = random.Random(25)

    class Server(aiorpcx.RPCSession):
        async def handle_request(self, request):
            async def answer(*said):
                return {"ok": True, "said": list(said), "count": len(said)}
            return await aiorpcx.handler_invocation(answer, request)()

    async def talk():
        server = await aiorpcx.serve_rs(Server, "127.0.0.1", 24105)
        for _ in range(3):
            async with aiorpcx.connect_rs("127.0.0.1", 24105) as session:
                for _ in range(35):
                    await session.send_request(chance.choice(["turn", "read", "write"]), chance.choices(WORDS, k=chance.randrange(6)))
        server.close()
    asyncio.run(talk())


def json_lines_read(reader, side, state):
    while reader.left:
        reader.until("serialised/text", b"\n")
        reader.end()


# Syslog with octet counting: RFC 6587, section 3.4.1. util-linux's logger says it; nobody answers.

def syslog_run():
    import threading
    import recording
    chance = random.Random(26)
    listener = recording.listen(24106)

    def serve():
        for _ in range(4):
            sock, _ = listener.accept()
            while sock.recv(4096):
                pass
            sock.close()

    server = threading.Thread(target=serve)
    server.start()
    for number in range(4):
        lines = "".join(" ".join(chance.choices(WORDS, k=chance.randrange(1, 15))) + "\n" for _ in range(30))
        subprocess.run(["logger", "-n", "127.0.0.1", "-P", "24106", "--tcp", "--octet-count", "--rfc5424=nohost,notq", "-t", f"unit{number}", "-p", "user.notice"],
                       input=lines, text=True, check=True)
        time.sleep(0.1)
    server.join(5)
    listener.close()


def syslog_read(reader, side, state):
    while reader.left:
        length = int(reader.until("length", b" "))
        reader.take("text", length)
        reader.end()


CASES = {
    "fix": {"run": fix_run, "read": fix_read, "filter": "tcp port 24101", "checks": [("both", "sum of the message without the last 7 bytes, in decimal digits")]},
    "nmea": {"run": nmea_run, "read": nmea_read, "filter": "tcp port 24102",
             "checks": [("both", "xor of the message without the first byte and the last 5 bytes, in hexadecimal digits")]},
    "mllp": {"run": mllp_run, "read": mllp_read, "filter": "tcp port 24103"},
    "netstring": {"run": netstring_run, "read": netstring_read, "filter": "tcp port 24104"},
    "json_lines": {"run": json_lines_run, "read": json_lines_read, "filter": "tcp port 24105"},
    "syslog": {"run": syslog_run, "read": syslog_read, "filter": "tcp port 24106"},
}
