"""Programs and libraries that have both sides of a binary protocol."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

import recording

from .services import QUIET, started, stopped


# IEC 60870-5-104. Both sides are c104.

def iec104_run():
    import c104
    chance = random.Random(31)
    server = c104.Server(ip="127.0.0.1", port=24201, tick_rate_ms=50)
    station = server.add_station(common_address=47)
    values = [station.add_point(io_address=100 + number, type=c104.Type.M_ME_NC_1, report_ms=100) for number in range(3)]
    for number in range(2):
        station.add_point(io_address=200 + number, type=c104.Type.M_SP_NA_1)
    station.add_point(io_address=300, type=c104.Type.C_SC_NA_1)
    client = c104.Client(tick_rate_ms=50)
    link = client.add_connection(ip="127.0.0.1", port=24201, init=c104.Init.ALL)
    far = link.add_station(common_address=47)
    command = far.add_point(io_address=300, type=c104.Type.C_SC_NA_1)
    server.start()
    client.start()
    end = time.time() + 6
    while time.time() < end:
        for value in values:
            value.value = chance.uniform(-20, 100)
        if link.is_connected and chance.random() < 0.4:
            command.value = chance.random() < 0.5
            command.transmit(cause=c104.Cot.ACTIVATION)
        time.sleep(0.1)
    client.stop()
    server.stop()


def iec104_read(reader, side, state):
    while reader.left:
        reader.take("constant", 1)
        end = reader.number("length", 1) + reader.at
        if reader.peek(1)[0] & 1:
            reader.fields("number:2 number/sequence:2")
        else:
            reader.fields("sequence:2 sequence:2")
            kind, count, _, _, _ = reader.fields("number:1 number:1 number:1 number/constant:1 constant/number:2")
            # With the highest bit of the count, one address is for all.
            is_row = bool(count & 0x80)
            if is_row:
                reader.number("number", 3)
            while reader.at < end:
                if not is_row:
                    reader.number("number", 3)
                if kind == 13:
                    reader.fields("float:4 number:1")
                else:
                    reader.fields({1: "number:1", 45: "number:1", 100: "number:1", 70: "number:1"}.get(kind, f"bytes:{end - reader.at}"))
        reader.end()


# S7comm in COTP in TPKT (RFC 1006). Both sides are python-snap7.

def s7_run():
    import snap7
    from snap7.server import Server
    from snap7.type import SrvArea
    chance = random.Random(32)
    server = Server(log=False)
    data = bytearray(chance.randbytes(256))
    server.register_area(SrvArea.DB, 1, data)
    server.start(tcp_port=24202)
    for _ in range(2):
        client = snap7.Client()
        client.connect("127.0.0.1", 0, 1, 24202)
        for _ in range(45):
            at = chance.randrange(200)
            if chance.random() < 0.6:
                client.db_read(1, at, chance.choice([1, 2, 4, 8, 40]))
            else:
                client.db_write(1, at, bytearray(chance.randbytes(chance.choice([1, 2, 4, 12]))))
        client.disconnect()
    server.stop()


def s7_read(reader, side, state):
    while reader.left:
        _, _, length = reader.fields("constant:1 constant:1 length:2")
        end = reader.at + length - 4
        size = reader.number("length", 1)
        if reader.number("number", 1) != 0xF0:
            reader.take("bytes", end - reader.at)
            reader.end()
            continue
        reader.take("constant/number", size - 1)
        _, kind, _, _, parameters, body = reader.fields("constant:1 number:1 constant:2 sequence/echo:2 length:2 length:2")
        if kind == 3:
            reader.take("number/constant", 2)
        parts = reader.at + parameters
        function = reader.number("number", 1)
        if function in (4, 5):
            reader.number("count", 1)
            if kind == 1:
                reader.fields("constant:1 length:1 constant:1 number:1 number:2 number:2 number:1 number:3")
        reader.take("bytes", parts - reader.at)
        if body and function in (4, 5) and (kind == 1 or function == 4):
            reader.fields("number:1 number:1 length:2")
        reader.take("random" if end - reader.at > 3 else "bytes", end - reader.at)
        reader.end()


# Modbus RTU frames over TCP: "Modbus over serial line", V1.02. Both sides are pymodbus.

def rtu_run():
    import asyncio
    from pymodbus import FramerType
    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import ModbusTcpServer
    try:
        from pymodbus.datastore import ModbusDeviceContext as Device
    except ImportError:
        from pymodbus.datastore import ModbusSlaveContext as Device
    chance = random.Random(33)

    async def talk():
        block = ModbusSequentialDataBlock(1, [chance.randrange(5000) for _ in range(200)])
        bits = ModbusSequentialDataBlock(1, [chance.randrange(2) for _ in range(200)])
        context = ModbusServerContext(Device(di=bits, co=bits, hr=block, ir=block), single=True)
        server = ModbusTcpServer(context, framer=FramerType.RTU, address=("127.0.0.1", 24203))
        task = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0.5)
        for _ in range(3):
            client = AsyncModbusTcpClient("127.0.0.1", port=24203, framer=FramerType.RTU)
            await client.connect()
            for _ in range(40):
                at = chance.randrange(100)
                kind = chance.randrange(5)
                if kind == 0:
                    await client.read_holding_registers(at, count=chance.randrange(1, 12))
                elif kind == 1:
                    await client.read_coils(at, count=chance.randrange(1, 40))
                elif kind == 2:
                    await client.write_register(at, chance.randrange(5000))
                elif kind == 3:
                    await client.write_coil(at, chance.random() < 0.5)
                else:
                    await client.write_registers(at, [chance.randrange(5000) for _ in range(chance.randrange(1, 8))])
            client.close()
            await asyncio.sleep(0.05)
        await server.shutdown()
        task.cancel()
    asyncio.run(talk())


def rtu_read(reader, side, state):
    while reader.left:
        _, function = reader.fields("constant/number:1 number:1")
        if function in (1, 3) and side == 1:
            reader.take("number", reader.number("length", 1))
        elif function == 16 and side == 0:
            reader.fields("number:2 count/number:2")
            reader.take("number", reader.number("length", 1))
        else:
            reader.fields("number:2 number:2")
        reader.take("check", 2)
        reader.end()


# STUN and TURN over TCP: RFC 8489, RFC 8656. coturn, and aioice's messages.

def stun_run():
    from aioice import stun
    server = started(["turnserver", "-n", "-L", "127.0.0.1", "-p", "24204", "--no-tls", "--no-dtls", "--no-udp", "--no-cli", "-a", "-u", "ada:secret",
                      "-r", "example.test", "--allow-loopback-peers", "-l", "stdout", "--simple-log", "--fingerprint", "--pidfile", "/dev/null", "--userdb", "/dev/null"], 24204, cwd="/")
    chance = random.Random(34)
    for _ in range(3):
        sock = recording.connect(24204)
        sock.settimeout(1)

        def ask(method, key=None, **more):
            message = stun.Message(message_method=method, message_class=stun.Class.REQUEST, transaction_id=chance.randbytes(12))
            for name, value in more.items():
                message.attributes[name.replace("_", "-")] = value
            if key:
                message.add_message_integrity(key)
            message.add_fingerprint() if not key else None
            sock.sendall(bytes(message))
            head = sock.recv(20, socket.MSG_WAITALL)
            body = sock.recv(int.from_bytes(head[2:4], "big"), socket.MSG_WAITALL)
            return stun.parse_message(head + body)

        ask(stun.Method.ALLOCATE, REQUESTED_TRANSPORT=0x11000000)
        for number in range(30):
            ask(stun.Method.BINDING, SOFTWARE=chance.choice(["example 1.0", "example 1.0.2"]))
            if number % 5 == 4:
                ask(stun.Method.ALLOCATE, REQUESTED_TRANSPORT=0x11000000)
        sock.close()
    stopped(server)


def stun_read(reader, side, state):
    while reader.left:
        kind, length = reader.fields("number:2 length:2")
        reader.take("constant", 4)
        reader.take("random" if side == 0 else "echo/random", 12)
        end = reader.at + length
        while reader.at < end:
            kind, size = reader.fields("number:2 length:2")
            name = {0x8022: "text", 0x14: "text", 0x15: "text", 0x8028: "check", 0x20: "number"}.get(kind, "number" if size < 9 else "random")
            if kind in (1, 0x20, 0x802B, 0x802C) and size == 8:
                reader.fields("constant:1 number:1 port:2 address:4" if kind != 0x20 else "constant:1 number:1 number:2 number:4")
            elif kind == 9:
                reader.take("number", 4)
                reader.take("text", size - 4)
            else:
                reader.take(name, size)
            reader.take("padding", -size % 4)
        reader.end()


# Network block devices: github.com/NetworkBlockDevice/nbd, doc/proto.md. QEMU's server, and its qemu-io as the client.

def nbd_run():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "disk")
    chance = random.Random(35)
    with open(path, "wb") as file:
        file.write(chance.randbytes(1 << 16))
    server = started(["qemu-nbd", "-f", "raw", "-b", "127.0.0.1", "-p", "24205", "-t", "-e", "4", path], 24205)
    for _ in range(3):
        commands = []
        for _ in range(40):
            at = chance.randrange(120) * 512
            commands += ["-c", chance.choice([f"read {at} 512", f"write -P {chance.randrange(256)} {at} 512", f"read {at} 1024", "flush"])]
        subprocess.run(["qemu-io", "-f", "raw", *commands, "nbd://127.0.0.1:24205"], timeout=10, **QUIET)
    stopped(server)
    shutil.rmtree(folder)


def nbd_read(reader, side, state):
    if side == 0:
        reader.take("number", 4)
        reader.end()
        while reader.peek(8) == b"IHAVEOPT":
            reader.take("constant", 8)
            option, length = reader.fields("number:4 length:4")
            reader.take("bytes", length)
            reader.end()
        # Both sides have agreed on extended headers.
        while reader.left:
            _, _, kind, _, _, size = reader.fields("constant:4 number:2 number:2 number/constant:8 number:8 length:8")
            if kind == 1:
                reader.take("bytes", size)
            reader.end()
        return
    reader.take("constant", 16)
    reader.take("number", 2)
    reader.end()
    while reader.peek(4) == b"\x00\x03\xe8\x89":
        reader.take("constant", 8)
        _, _, length = reader.fields("number:4 number:4 length:4")
        reader.take("bytes", length)
        reader.end()
    while reader.left:
        _, _, kind, _, _, size = reader.fields("constant:4 number:2 number:2 number/constant:8 number:8 length:8")
        end = reader.at + size
        if kind == 1:
            reader.number("number", 8)
        reader.take("random", end - reader.at)
        reader.end()


# X11: "X Window System Protocol", appendix B. Xvfb and xeyes, xclock, xlogo.

def x11_run():
    server = started(["Xvfb", ":77", "-screen", "0", "320x200x24", "-listen", "tcp", "-ac", "-noreset", "-nolisten", "unix"], 6077)
    for program in (["xclock", "-update", "1", "-geometry", "120x120"], ["xeyes"], ["xlogo"]):
        try:
            subprocess.run(program, env={"PATH": os.environ["PATH"], "DISPLAY": "127.0.0.1:77", "HOME": "/nowhere", "LANG": "C"}, timeout=2.5, **QUIET)
        except subprocess.TimeoutExpired:
            pass
    stopped(server)


def x11_read(reader, side, state):
    if side == 0:
        reader.fields("number:1 constant:1 number:2 number:2 length:2 length:2 constant:2")
        reader.end()
        while reader.left:
            _, _, units = reader.fields("number:1 number:1 length:2")
            if units == 0:
                units = reader.number("length", 4) - 1
            reader.take("bytes", units * 4 - 4)
            reader.end()
        return
    _, _, _, _, units = reader.fields("number:1 number:1 number:2 number:2 length:2")
    reader.take("bytes", units * 4)
    reader.end()
    while reader.left:
        kind, _, _ = reader.fields("number:1 number:1 sequence:2")
        extra = 0
        if kind & 0x7F in (1, 35):
            extra = reader.number("length", 4) * 4
            reader.take("bytes", 24 + extra)
        else:
            reader.take("bytes", 28)
        reader.end()


# RPKI to router: RFC 8210. stayrtr, and rtrdump of the same package.

def rtr_run():
    import json
    folder = tempfile.mkdtemp()
    chance = random.Random(37)
    roas = [{"prefix": f"10.{chance.randrange(256)}.{chance.randrange(256)}.0/24", "maxLength": chance.choice([24, 25, 28]), "asn": f"AS{chance.randrange(64512, 65535)}"} for _ in range(80)]
    roas += [{"prefix": f"2001:db8:{chance.randrange(65536):x}::/48", "maxLength": 48, "asn": f"AS{chance.randrange(64512, 65535)}"} for _ in range(20)]
    path = os.path.join(folder, "vrps.json")
    with open(path, "w") as file:
        json.dump({"metadata": {"generated": int(time.time()), "valid": "2030-01-01T00:00:00Z", "counts": len(roas)}, "roas": roas}, file)
    server = started(["stayrtr", "-bind", "127.0.0.1:24207", "-cache", path, "-checktime=false", "-metrics.addr", ""], 24207, cwd=folder)
    for _ in range(3):
        subprocess.run(["rtrdump", "-connect", "127.0.0.1:24207", "-file", os.path.join(folder, "out")], timeout=10, **QUIET)
    stopped(server)
    shutil.rmtree(folder)


def rtr_read(reader, side, state):
    while reader.left:
        _, kind, _, length = reader.fields("constant:1 number:1 number:2 length:4")
        body = {4: "number:1 number:1 number:1 constant:1 number:4 number:4", 6: "number:1 number:1 number:1 constant:1 number:16 number:4",
                0: "number:4", 1: "number:4", 7: "number:4 number:4 number:4 number:4", 2: "", 3: "", 8: ""}
        reader.fields(body[kind][:None] if length > 8 else "")
        reader.end()


# Erlang's distribution protocol: erl_dist_protocol. Both sides are Erlang; its port mapper is asked on another port.

def erlang_run():
    folder = tempfile.mkdtemp()
    who = {**os.environ, "HOME": folder, "ERL_EPMD_PORT": "24298", "ERL_EPMD_ADDRESS": "127.0.0.1"}
    common = ["erl", "-noinput", "-setcookie", "example", "-start_epmd", "true", "-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
    port = ["inet_dist_listen_min", "24208", "inet_dist_listen_max", "24208"]
    server = started([*common, *port, "-name", "one@127.0.0.1", "-eval", "register(echo, spawn(fun F() -> receive {P, M} -> P ! {echo, M}, F() end end))."], 24208, env=who)
    time.sleep(1)
    subprocess.run([*common, "inet_dist_listen_min", "24209", "inet_dist_listen_max", "24209", "-hidden", "-name", "two@127.0.0.1", "-eval",
                    "[begin {echo, 'one@127.0.0.1'} ! {self(), {N, lists:duplicate(N rem 7, pump), N * 1.5}}, receive _ -> ok after 1000 -> ok end, "
                    "rpc:call('one@127.0.0.1', erlang, '+', [N, N]) end || N <- lists:seq(1, 45)], init:stop()."], env=who, timeout=15, **QUIET)
    server.kill()
    subprocess.run(["epmd", "-port", "24298", "-kill"], env=who, **QUIET)
    shutil.rmtree(folder)


def erlang_read(reader, side, state):
    for _ in range(2):
        length = reader.number("length", 2)
        reader.take("bytes", length)
        reader.end()
    if side == 1:
        length = reader.number("length", 2)
        reader.take("bytes", length)
        reader.end()
    while reader.left:
        length = reader.number("length", 4)
        reader.take("bytes", length)
        reader.end()


FINGERPRINT = ("algorithm: crc, width: 32, polynomial: 0x4c11db7, initial: 0xffffffff, reflected: true, xor: 0xacabaab1 "
               "of the message without the last 8 bytes, big-endian")
CASES = {
    "iec104": {"run": iec104_run, "read": iec104_read, "filter": "tcp port 24201", "order": "<"},
    "s7": {"run": s7_run, "read": s7_read, "filter": "tcp port 24202"},
    "modbus_rtu": {"run": rtu_run, "read": rtu_read, "filter": "tcp port 24203", "checks": [("both", "crc-16/modbus of all bytes before it, little-endian")]},
    "stun": {"run": stun_run, "read": stun_read, "filter": "tcp port 24204", "checks": [("both", FINGERPRINT)]},
    "nbd": {"run": nbd_run, "read": nbd_read, "filter": "tcp port 24205"},
    "x11": {"run": x11_run, "read": x11_read, "filter": "tcp port 6077", "order": "<"},
    "rtr": {"run": rtr_run, "read": rtr_read, "filter": "tcp port 24207"},
    "erlang": {"run": erlang_run, "read": erlang_read, "filter": "tcp port 24208"},
}
