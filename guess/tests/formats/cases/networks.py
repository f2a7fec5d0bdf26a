"""Larger systems' protocols: datagrams, numbers of variable length, compressed parts."""

import asyncio
import os
import random
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import zlib

import recording

from . import spoken
from .devices import some
from .services import QUIET, WORDS, started, stopped


# OPC UA, binary, without security: OPC 10000-6, section 7.1. Both sides are asyncua.

def opcua_run():
    from asyncua import Client, Server

    async def talk():
        server = Server()
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:24401/example")
        server.set_server_name("example")
        space = await server.register_namespace("urn:example:pumps")
        pumps = [await server.nodes.objects.add_variable(space, word, float(number)) for number, word in enumerate(WORDS)]
        for pump in pumps:
            await pump.set_writable()
        chance = random.Random(51)
        async with server:
            for _ in range(2):
                async with Client("opc.tcp://127.0.0.1:24401/example") as client:
                    for _ in range(45):
                        node = client.get_node(chance.choice(pumps).nodeid)
                        if chance.random() < 0.6:
                            await node.read_value()
                        else:
                            await node.write_value(chance.uniform(0, 90))
    asyncio.run(talk())


def opcua_read(reader, side, state):
    while reader.left:
        kind = reader.take("text/number", 3)
        reader.take("constant/text", 1)
        length = reader.number("length", 4)
        if kind == b"MSG":
            reader.fields("constant/number:4 constant/number:4 sequence:4 sequence/echo:4")
            length -= 16
        reader.take("bytes", length - 8)
        reader.end()


# gRPC: HTTP/2 frames (RFC 9113, section 4.1), those of DATA with a message in each. Both sides are grpcio.

def grpc_run():
    import concurrent.futures
    import grpc
    chance = random.Random(52)

    class Service(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method.endswith("Watch"):
                return grpc.unary_stream_rpc_method_handler(lambda said, _: iter([said, said[::-1], said * 2]))
            return grpc.unary_unary_rpc_method_handler(lambda said, _: b"done " + said)

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Service()])
    server.add_insecure_port("127.0.0.1:24402")
    server.start()
    for _ in range(2):
        with grpc.insecure_channel("127.0.0.1:24402", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            turn, watch = channel.unary_unary("/example.House/Turn"), channel.unary_stream("/example.House/Watch")
            for number in range(15):
                said = " ".join(chance.choices(WORDS, k=chance.randrange(1, 9))).encode()
                list(watch(said)) if number % 3 == 0 else turn(said)
    server.stop(0).wait()


def http2_read(reader, side, state):
    if side == 0:
        reader.take("constant", 24)
        reader.end()
    while reader.left:
        length, kind, _, _ = reader.fields("length:3 number:1 number:1 number:4")
        reader.take("bytes", length)
        reader.end()


# ESPHome's native API, without encryption: a zero, length and kind as LEB128, and a Protocol Buffers message. aioesphomeapi encodes.

def esphome_run():
    from aioesphomeapi import api_pb2 as api
    from aioesphomeapi._frame_helper.packets import make_plain_text_packets
    from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
    numbers = {kind: number for number, kind in MESSAGE_TYPE_TO_PROTO.items()}
    chance = random.Random(53)

    def framed(message):
        return b"".join(make_plain_text_packets([(numbers[type(message)], message.SerializeToString())]))

    def asked():
        kind = chance.randrange(4)
        if kind == 0:
            return api.PingRequest()
        if kind == 1:
            return api.SwitchCommandRequest(key=chance.getrandbits(32), state=chance.random() < 0.5)
        if kind == 2:
            return api.LightCommandRequest(key=chance.getrandbits(32), has_brightness=True, brightness=chance.random())
        return api.DeviceInfoRequest()

    def answer(piece, chance):
        said = [api.SensorStateResponse(key=chance.choice([1198223, 77812233]), state=chance.uniform(15, 25)) for _ in range(chance.randrange(1, 3))]
        if chance.random() < 0.2:
            said.append(api.DeviceInfoResponse(name="example", esphome_version="2026.1", compilation_time="Nov 29 2026, 12:00:00", model="lamp"))
        if chance.random() < 0.3:
            said.append(api.SubscribeLogsResponse(level=3, message=" ".join(chance.choices(WORDS, k=chance.randrange(9, 40))).encode()))
        return [framed(message) for message in said]

    talks = [[framed(api.HelloRequest(client_info="example", api_version_major=1, api_version_minor=10))] + part for part in some(chance, [framed(asked()) for _ in range(90)], 2)]
    spoken(24403, talks, answer)


def esphome_read(reader, side, state):
    while reader.left:
        reader.take("constant", 1)
        length = reader.leb128("length")
        reader.leb128("number")
        end = reader.at + length
        while reader.at < end:
            wire = reader.leb128("number/serialised") & 7
            if wire == 0:
                reader.leb128("number/serialised")
            elif wire == 5:
                reader.take("float/number/serialised", 4)
            else:
                size = reader.leb128("length/serialised")
                reader.take("text/serialised", size)
        reader.end()


# Tarantool's binary protocol (IPROTO): a greeting of 128 bytes, then a length in MessagePack, header and body. Its server, and its Python library.

def tarantool_run():
    import tarantool
    folder = tempfile.mkdtemp()
    script = os.path.join(folder, "example.lua")
    with open(script, "w") as file:
        file.write(f"box.cfg{{listen='127.0.0.1:24404', work_dir='{folder}', log='{folder}/log', wal_mode='none', memtx_memory=64*1024*1024}}\n"
                   "box.schema.space.create('pumps'); box.space.pumps:create_index('one', {parts={1, 'unsigned'}})\n"
                   "box.schema.user.grant('guest', 'read,write,execute', 'universe')\n")
    server = started(["tarantool", script], 24404)
    time.sleep(0.5)
    for seed in range(2):
        chance = random.Random(seed)
        client = tarantool.Connection("127.0.0.1", 24404)
        for number in range(45):
            kind = chance.randrange(3)
            if kind == 0:
                client.replace("pumps", (seed * 100 + number, chance.choice(WORDS), chance.random()))
            elif kind == 1:
                client.select("pumps", chance.randrange(50))
            else:
                client.ping()
        client.close()
    stopped(server)
    shutil.rmtree(folder)


def tarantool_read(reader, side, state):
    if side == 1:
        reader.take("text", 128)
        reader.end()
    while reader.left:
        if reader.peek(1) == b"\xce":
            reader.take("constant", 1)
            length = reader.number("length", 4)
        else:
            length = reader.number("length", 1)
        end = reader.at + length
        while reader.at < end:
            packed(reader)
        reader.end()


def packed(reader):
    """A value of MessagePack. Those of numbers are with their tags, as their sizes are."""
    tag = reader.peek(1)[0]
    sizes = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
    reader.number("number/serialised", 1)
    if tag in sizes:
        reader.take("float/serialised" if tag in (0xCA, 0xCB) else "sequence/echo/number/serialised", sizes[tag])
    elif 0x80 <= tag < 0xA0 or tag in (0xDC, 0xDD, 0xDE, 0xDF):
        wide = {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}.get(tag)
        count = reader.number("count/serialised", wide) if wide else tag & 0x0F
        for _ in range(count * (1 if 0x90 <= tag < 0xA0 or tag in (0xDC, 0xDD) else 2)):
            packed(reader)
    elif 0xA0 <= tag < 0xC0 or tag in (0xD9, 0xDA, 0xDB):
        wide = {0xD9: 1, 0xDA: 2, 0xDB: 4}.get(tag)
        size = reader.number("length/serialised", wide) if wide else tag & 0x1F
        reader.take("text/serialised", size)
    elif 0xC4 <= tag <= 0xC6:
        size = reader.number("length/serialised", 1 << (tag - 0xC4))
        reader.take("random/serialised", size)


# RADIUS: RFC 2865. Both sides are pyrad.

def radius_run():
    import io
    import socket
    from pyrad import dictionary, packet
    words = dictionary.Dictionary(io.StringIO("ATTRIBUTE User-Name 1 string\nATTRIBUTE User-Password 2 string\nATTRIBUTE NAS-IP-Address 4 ipaddr\nATTRIBUTE NAS-Port 5 integer\n"
                                              "ATTRIBUTE Service-Type 6 integer\nATTRIBUTE Framed-IP-Address 8 ipaddr\nATTRIBUTE Reply-Message 18 string\nATTRIBUTE Session-Timeout 27 integer\n"
                                              "ATTRIBUTE Calling-Station-Id 31 string\n"))
    chance = random.Random(55)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 24405))

    def serve():
        for _ in range(110):
            data, peer = sock.recvfrom(4096)
            asked = packet.AuthPacket(packet=data, secret=b"secret", dict=words)
            reply = asked.CreateReply()
            reply.code = packet.AccessAccept if chance.random() < 0.7 else packet.AccessReject
            if reply.code == packet.AccessAccept:
                reply["Session-Timeout"] = chance.randrange(60, 9000)
                reply["Framed-IP-Address"] = f"192.0.2.{chance.randrange(1, 254)}"
            else:
                reply["Reply-Message"] = chance.choice(["no such user", "wrong password"])
            sock.sendto(reply.ReplyPacket(), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    number = 0
    for _ in range(2):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.connect(("127.0.0.1", 24405))
        for _ in range(55):
            number += 1
            asked = packet.AuthPacket(code=packet.AccessRequest, id=number % 256, secret=b"secret", dict=words, authenticator=chance.randbytes(16))
            asked["User-Name"] = chance.choice(WORDS)
            asked["User-Password"] = asked.PwCrypt("example")
            asked["NAS-IP-Address"] = "192.0.2.1"
            asked["NAS-Port"] = chance.randrange(48)
            if chance.random() < 0.5:
                asked["Calling-Station-Id"] = "02-00-5E-%02X-%02X-%02X" % tuple(chance.randbytes(3))
            peer.send(asked.RequestPacket())
            peer.recv(4096)
        peer.close()
    thread.join()
    sock.close()


def radius_read(reader, side, state):
    _, _, length = reader.fields(f"number:1 {'sequence' if side == 0 else 'sequence/echo'}:1 length:2")
    reader.take("random", 16)
    while reader.left:
        kind, size = reader.fields("number:1 length:1")
        reader.take({2: "random", 4: "number", 5: "number", 8: "number", 27: "number"}.get(kind, "text"), size - 2)


# TFTP: RFC 1350. tftpd-hpa and its client. A server answers from a port of its own.

def tftp_run():
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    chance = random.Random(56)
    for name in WORDS[:6]:
        with open(os.path.join(folder, f"{name}.txt"), "w") as file:
            file.write(" ".join(chance.choices(WORDS, k=chance.randrange(100, 1500))))
        os.chmod(os.path.join(folder, f"{name}.txt"), 0o644)
    server = subprocess.Popen(["in.tftpd", "-L", "-u", "nobody", "-a", "127.0.0.1:24406", "-s", folder], **QUIET)
    time.sleep(0.5)
    for name in [*WORDS[:6], "nothing"]:
        subprocess.run(["tftp", "-m", "binary", "127.0.0.1", "24406", "-c", "get", f"{name}.txt", "/dev/null"], timeout=10, **QUIET)
    server.kill()
    shutil.rmtree(folder)


def tftp_read(reader, side, state):
    kind = reader.number("number", 2)
    if kind in (3, 4):
        reader.number("sequence/echo", 2)
        reader.take("text", reader.left)
    elif kind == 5:
        reader.number("number", 2)
        reader.until("text", b"\0")
    while kind in (1, 2) and reader.left:
        reader.until("text", b"\0")


# Logs of Beats: Lumberjack, version 2, whose windows are compressed. pylogbeat's client; the server acknowledges.

def beats_run():
    from pylogbeat import PyLogBeatClient
    chance = random.Random(57)
    listener = recording.listen(24407)

    def serve():
        for _ in range(2):
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as file:
                while head := file.read(2):
                    size = struct.unpack(">I", file.read(4))[0]
                    if head == b"2C":
                        inside, at = zlib.decompress(file.read(size)), 0
                        while at < len(inside):
                            last, size = struct.unpack_from(">II", inside, at + 2)
                            at += 10 + size
                        sock.sendall(b"2A" + struct.pack(">I", last))

    server = threading.Thread(target=serve)
    server.start()
    for _ in range(2):
        client = PyLogBeatClient("127.0.0.1", 24407)
        client.connect()
        for _ in range(45):
            client.send([{"@timestamp": "2026-11-29T12:00:00.000Z", "message": " ".join(chance.choices(WORDS, k=chance.randrange(3, 20)))} for _ in range(chance.randrange(1, 5))])
        client.close()
    server.join(5)
    listener.close()


def beats_read(reader, side, state):
    while reader.left:
        reader.take("constant/text", 1)
        kind = reader.take("number/text", 1)
        if kind == b"J":
            reader.number("sequence", 4)
        size = reader.number("length" if kind in b"CJ" else "number/count", 4)
        if kind in b"CJ":
            reader.take("compressed" if kind == b"C" else "serialised", size)
        reader.end()


# Meter bus frames over TCP: EN 13757-2, FT 1.2. pymeterbus encodes.

def mbus_run():
    import meterbus
    chance = random.Random(58)

    def short(control, address):
        frame = meterbus.TelegramShort()
        frame.header.cField.parts = [control]
        frame.header.aField.parts = [address]
        frame.header.crcField.parts = [frame.compute_crc()]
        return bytes([0x10, control, address, (control + address) % 256, 0x16])

    def answer(piece, chance):
        replies = []
        for _ in range(len(piece) // 5):
            control, address = piece[1], piece[2]
            piece = piece[5:]
            if control == 0x40:
                replies.append(b"\xe5")
                continue
            body = bytes([0x08, address, 0x72]) + struct.pack("<IHBBBBH", 0x12345600 + address, 0x2C2D, 7, 3, chance.randrange(256), 0, 0)
            for kind in chance.sample([b"\x04\x13", b"\x02\x5a", b"\x02\x5e", b"\x04\x2b"], chance.randrange(1, 4)):
                body += kind + (struct.pack("<I", chance.randrange(10**6)) if kind[0] == 4 else struct.pack("<H", chance.randrange(900)))
            reply = bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) % 256, 0x16])
            meterbus.load(reply)
            replies.append(reply)
        return replies

    asked = [short(chance.choice([0x40, 0x5B, 0x7B, 0x5B]), chance.randrange(1, 9)) for _ in range(110)]
    spoken(24408, some(chance, asked), answer)


def mbus_read(reader, side, state):
    while reader.left:
        first = reader.number("constant/number", 1)
        if first == 0x10:
            reader.fields("number:1 number:1 check:1 constant:1")
        elif first == 0x68:
            length, _, _ = reader.fields("length:1 length/number:1 constant:1")
            end = reader.at + length
            reader.fields("constant:1 number:1 constant:1 number:4 constant:2 constant:1 constant:1 number/sequence:1 constant:1 constant:2")
            while reader.at < end:
                size, _ = reader.fields("number:1 number:1")
                reader.number("number", size)
            reader.fields("check:1 constant:1")
        reader.end()


CASES = {
    "opcua": {"run": opcua_run, "read": opcua_read, "filter": "tcp port 24401", "order": "<"},
    "http2": {"run": grpc_run, "read": http2_read, "filter": "tcp port 24402"},
    "esphome": {"run": esphome_run, "read": esphome_read, "filter": "tcp port 24403"},
    "tarantool": {"run": tarantool_run, "read": tarantool_read, "filter": "tcp port 24404"},
    "radius": {"run": radius_run, "read": radius_read, "filter": "udp port 24405"},
    "tftp": {"run": tftp_run, "read": tftp_read, "filter": "udp"},
    "beats": {"run": beats_run, "read": beats_read, "filter": "tcp port 24407"},
    "mbus": {"run": mbus_run, "read": mbus_read, "filter": "tcp port 24408", "order": "<",
             "checks": [("client", "sum of the bytes before it without the first byte"), ("server", "sum of the bytes before it without the first 4 bytes")]},
}
