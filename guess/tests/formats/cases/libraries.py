"""Libraries that encode their own protocol, on both sides, and streams of their values."""

import asyncio
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

from . import spoken
from .devices import some
from .services import QUIET, WORDS, started, stopped


# Bitcoin's messages: developer.bitcoin.org, "P2P network". python-bitcoinlib encodes.

def bitcoin_run():
    from bitcoin import messages
    from bitcoin.net import CInv
    chance = random.Random(41)

    def version():
        message = messages.msg_version()
        message.nTime, message.nNonce, message.strSubVer = 1_780_000_000, chance.getrandbits(64), b"/example:1.0/"
        for address in (message.addrTo, message.addrFrom):
            address.ip, address.port = "192.0.2.1", 8333
        return message.to_bytes()

    def inventory(kind, most):
        message = kind()
        for _ in range(chance.randrange(1, most)):
            each = CInv()
            each.type, each.hash = chance.choice([1, 2]), chance.randbytes(32)
            message.inv.append(each)
        return message.to_bytes()

    def ping(kind, nonce=None):
        return kind(nonce=chance.getrandbits(64) if nonce is None else nonce).to_bytes()

    talks = []
    for _ in range(3):
        asked = [version(), messages.msg_verack().to_bytes()]
        for _ in range(35):
            asked.append(chance.choice([lambda: ping(messages.msg_ping), lambda: inventory(messages.msg_inv, 5), lambda: inventory(messages.msg_getdata, 4)])())
        talks.append(asked)

    def answer(piece, chance):
        command, replies = piece[4:16].rstrip(b"\0"), []
        if command == b"version":
            replies += [version(), messages.msg_verack().to_bytes()]
        elif command == b"ping":
            replies.append(ping(messages.msg_pong, int.from_bytes(piece[24:32], "little")))
        elif command == b"inv":
            replies.append(inventory(messages.msg_getdata, 3))
        else:
            replies.append(inventory(messages.msg_notfound if hasattr(messages, "msg_notfound") else messages.msg_inv, 3))
        return replies

    spoken(24301, talks, answer)


def bitcoin_read(reader, side, state):
    while reader.left:
        reader.take("constant", 4)
        command = reader.take("text", 12).rstrip(b"\0")
        length = reader.number("length", 4)
        end = reader.at + 4 + length
        reader.take("check", 4)
        if command == b"version":
            reader.fields("number:4 number:8 time:8")
            for _ in range(2):
                reader.fields("number:8 bytes:16 number:2")
            reader.take("random", 8)
            reader.take("text", reader.number("length", 1))
            reader.fields("number:4 number:1")
        elif command in (b"ping", b"pong"):
            reader.take("random" if command == b"ping" else "echo/random", 8)
        elif length:
            for _ in range(reader.number("count", 1)):
                reader.number("number", 4)
                reader.take("random", 32)
        reader.take("bytes", end - reader.at)
        reader.end()


# BitTorrent between two libtorrents: BEP 3, BEP 10.

def torrent_run():
    import libtorrent as lt
    folder = tempfile.mkdtemp()
    for name in "ab":
        os.mkdir(os.path.join(folder, name))
    with open(os.path.join(folder, "a", "example.bin"), "wb") as file:
        file.write(random.Random(42).randbytes(96 << 10))
    storage = lt.file_storage()
    lt.add_files(storage, os.path.join(folder, "a", "example.bin"))
    made = lt.create_torrent(storage, 16 << 10)
    lt.set_piece_hashes(made, os.path.join(folder, "a"))
    info = lt.torrent_info(made.generate())
    common = {"enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False, "enable_outgoing_utp": False, "enable_incoming_utp": False,
              "out_enc_policy": 2, "in_enc_policy": 2, "allow_multiple_connections_per_ip": True, "anonymous_mode": True}
    seed = lt.session({**common, "listen_interfaces": "127.0.0.1:24302"})
    peer = lt.session({**common, "listen_interfaces": "127.0.0.1:24303"})
    seed.add_torrent({"ti": info, "save_path": os.path.join(folder, "a")})
    got = peer.add_torrent({"ti": info, "save_path": os.path.join(folder, "b")})
    time.sleep(1)
    got.connect_peer(("127.0.0.1", 24302))
    for _ in range(80):
        if got.status().is_seeding:
            break
        time.sleep(0.1)
    time.sleep(1)
    del peer, seed
    shutil.rmtree(folder)


def torrent_read(reader, side, state):
    reader.fields("constant:1")
    reader.take("text", 19)
    reader.take("bytes", 8)
    reader.take("random", 20)
    reader.take("text", 20)
    reader.end()
    while reader.left:
        length = reader.number("length", 4)
        if length:
            kind = reader.number("number", 1)
            body = {4: "number:4", 6: "number:4 number:4 number:4", 8: "number:4 number:4 number:4", 7: "number:4 number:4", 17: "number:4"}.get(kind, "")
            reader.fields(body)
            length -= 1 + sum(int(part.split(":")[1]) for part in body.split())
            reader.take("random" if kind == 7 else "bytes", length)
        reader.end()


# Open Sound Control 1.1 over TCP: SLIP (RFC 1055) around each packet. python-osc encodes and serves.

def osc_run():
    from pythonosc.osc_message_builder import OscMessageBuilder
    from pythonosc.slip import encode
    chance = random.Random(43)

    def message():
        builder = OscMessageBuilder(f"/{chance.choice(WORDS)}/{chance.randrange(8)}")
        for _ in range(chance.randrange(1, 4)):
            builder.add_arg(chance.choice([lambda: chance.uniform(-1, 1), lambda: chance.randrange(-500, 500), lambda: chance.choice(WORDS)])())
        return encode(builder.build().dgram)

    def answer(piece, chance):
        return [message() for _ in range(piece.count(b"\xc0") // 2)]

    spoken(24304, some(chance, [message() for _ in range(110)], 3), answer)


def osc_read(reader, side, state):
    """Bytes that are escaped are not told apart."""
    while reader.left:
        reader.take("constant", 1)
        end = reader.data.index(b"\xc0", reader.at)
        comma = reader.data.index(b",", reader.at)
        reader.take("text", comma - reader.at)
        types = reader.data[reader.at:reader.data.index(b"\0", reader.at)]
        reader.take("text", len(types))
        reader.take("padding", 4 - len(types) % 4)
        raw = reader.peek(end - reader.at).replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
        for kind in types[1:].decode() if len(raw) == end - reader.at else "":
            if kind == "s":
                count = reader.data.index(b"\0", reader.at) - reader.at
                reader.take("text", count)
                reader.take("padding", 4 - count % 4)
            else:
                reader.take("float" if kind == "f" else "number", 4)
        reader.take("bytes", end - reader.at)
        reader.take("constant", 1)
        reader.end()


# CoAP over TCP: RFC 8323. Both sides are aiocoap.

def coap_run():
    subprocess.run([sys.executable, "-c", "import sys; sys.path[:0] = sys.argv[1:]; from cases import libraries; libraries.coap()", *sys.path[:2]],
                   check=True, timeout=20, env={**os.environ, "AIOCOAP_CLIENT_TRANSPORT": "tcpclient", "AIOCOAP_SERVER_TRANSPORT": "tcpserver", "AIOCOAP_DEFAULTS_EXPECT_ALL": ""})


def coap():
    import aiocoap
    from aiocoap import resource
    chance = random.Random(44)

    class Value(resource.Resource):
        async def render_get(self, request):
            return aiocoap.Message(payload=f"{chance.uniform(0, 90):.2f}".encode(), content_format=0)

        async def render_put(self, request):
            return aiocoap.Message(code=aiocoap.CHANGED)

    async def talk():
        site = resource.Site()
        for word in WORDS[:6]:
            site.add_resource(["house", word], Value())
        server = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", 5683))
        client = await aiocoap.Context.create_client_context()
        for _ in range(110):
            uri = f"coap+tcp://127.0.0.1/house/{chance.choice(WORDS[:8])}"
            code = chance.choice([aiocoap.GET, aiocoap.GET, aiocoap.PUT])
            payload = " ".join(chance.choices(WORDS, k=chance.randrange(1, 6))).encode() if code == aiocoap.PUT else b""
            await client.request(aiocoap.Message(code=code, uri=uri, payload=payload)).response
        await client.shutdown()
        await server.shutdown()
    asyncio.run(talk())


def coap_read(reader, side, state):
    while reader.left:
        first = reader.number("length", 1)
        length, token = first >> 4, first & 15
        if length >= 13:
            length = reader.number("length", length - 12) + (13 if length == 13 else 269)
        reader.number("number", 1)
        reader.take("sequence/echo/number", token)
        end = reader.at + length
        while reader.at < end and reader.peek(1) != b"\xff":
            first = reader.number("number", 1)
            for nibble in (first >> 4, first & 15):
                if nibble == 13:
                    reader.number("number", 1)
            size = first & 15
            size = size if size < 13 else reader.data[reader.at - 1] + 13
            said = reader.peek(size)
            reader.take("text" if said.isalpha() else "number", size)
        if reader.at < end:
            reader.take("constant", 1)
            reader.take("text", end - reader.at)
        reader.end()


# Python's multiprocessing.connection: a length and a pickle. Both sides are Python.

def pickles_run():
    from multiprocessing.connection import Client, Listener
    chance = random.Random(45)
    with Listener(("127.0.0.1", 24306), authkey=b"example") as listener:
        def serve():
            for _ in range(3):
                with listener.accept() as connection:
                    try:
                        while True:
                            said = connection.recv()
                            connection.send({"ok": True, "count": len(said["words"]), "at": said["at"]})
                    except EOFError:
                        pass
        server = threading.Thread(target=serve)
        server.start()
        for _ in range(3):
            with Client(("127.0.0.1", 24306), authkey=b"example") as client:
                for number in range(40):
                    client.send({"at": number, "words": chance.choices(WORDS, k=chance.randrange(9)), "level": chance.random()})
                    client.recv()
        server.join()


# Ruby's distributed objects (drb/drb.rb): a length and a marshalled value, one for each part of a call.

def drb_run():
    server = started(["ruby", "-rdrb", "-e", "class E; def turn(a, b) = [a, b * 2]; def words = %w[pump valve]; end; DRb.start_service('druby://127.0.0.1:24307', E.new); DRb.thread.join"], 24307)
    talk = ("e = DRbObject.new_with_uri('druby://127.0.0.1:24307'); srand 4; "
            "20.times { |n| e.turn(%w[pump valve door].sample, n); e.turn('x' * rand(30), n * 1.5); e.words if n % 4 == 0 }")
    for _ in range(2):
        subprocess.run(["ruby", "-rdrb", "-e", talk], timeout=10, **QUIET)
    stopped(server)


def lengths_read(width, kind):
    """Messages of a length and that many bytes."""
    def read(reader, side, state):
        while reader.left:
            length = reader.number("length", width)
            reader.take(kind, length)
            reader.end()
    return read


# Qt's QDataStream: doc.qt.io, "Serializing Qt Data Types", in blocks with a quint32 size, as Qt's Fortune example has them. PySide6 encodes.

def qt_run():
    from PySide6.QtCore import QByteArray, QDataStream, QIODevice
    chance = random.Random(46)
    number = [0]

    def block(kind, *values):
        array = QByteArray()
        stream = QDataStream(array, QIODevice.WriteOnly)
        stream.setVersion(QDataStream.Qt_5_15)
        number[0] += 1
        stream.writeUInt8(kind)
        stream.writeUInt32(number[0])
        for value in values:
            if isinstance(value, str):
                stream.writeQString(value)
            elif isinstance(value, float):
                stream.writeDouble(value)
            else:
                stream.writeInt32(value)
        body = bytes(array)
        return struct.pack(">I", len(body)) + body

    asked = [block(1, chance.choice(WORDS), chance.randrange(100)) if chance.random() < 0.6 else block(2, chance.uniform(0, 9)) for _ in range(110)]
    spoken(24308, some(chance, asked, 3), lambda piece, chance: [block(3, f"{chance.choice(WORDS)} is on", chance.uniform(-1, 1))])


def qt_read(reader, side, state):
    while reader.left:
        end = reader.at + 4 + reader.number("length", 4)
        kind, _ = reader.fields("number:1 sequence:4")
        if kind in (1, 3):
            reader.take("text", reader.number("length", 4))
        reader.take("number" if kind == 1 else "float", end - reader.at)
        reader.end()


CASES = {
    "bitcoin": {"run": bitcoin_run, "read": bitcoin_read, "filter": "tcp port 24301", "order": "<"},
    "bittorrent": {"run": torrent_run, "read": torrent_read, "filter": "tcp port 24302"},
    "osc_slip": {"run": osc_run, "read": osc_read, "filter": "tcp port 24304"},
    "coap_tcp": {"run": coap_run, "read": coap_read, "filter": "tcp port 5683"},
    "pickles": {"run": pickles_run, "read": lengths_read(4, "bytes"), "filter": "tcp port 24306"},
    "drb": {"run": drb_run, "read": lengths_read(4, "bytes"), "filter": "tcp port 24307"},
    "qt": {"run": qt_run, "read": qt_read, "filter": "tcp port 24308"},
}
