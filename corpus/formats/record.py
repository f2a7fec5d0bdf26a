"""Records the captures beside the descriptions: real programs where there are any, else peers written here.

Needs tcpdump, and for some cases pymodbus, mosquitto and its clients, redis-server, dnsmasq and dig, and websockets.

    python3 record.py [NAME...]
"""

import asyncio
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../peers"))
import recording


def wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def modbus(log):
    from pymodbus.client import ModbusTcpClient
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import StartTcpServer, ServerStop
    try:
        from pymodbus.datastore import ModbusDeviceContext as Device
    except ImportError:
        from pymodbus.datastore import ModbusSlaveContext as Device
    blocks = [ModbusSequentialDataBlock(1, [i % 2 for i in range(64)]) for _ in range(2)]
    registers = [ModbusSequentialDataBlock(1, [i * 3 for i in range(64)]) for _ in range(2)]
    device = Device(di=blocks[0], co=blocks[1], hr=registers[0], ir=registers[1])
    context = ModbusServerContext(device, single=True)
    server = threading.Thread(target=StartTcpServer, kwargs={"context": context, "address": ("127.0.0.1", 502)})
    server.start()
    time.sleep(0.5)
    client = ModbusTcpClient("127.0.0.1", port=502)
    client.connect()
    client.read_holding_registers(0, count=4)
    client.read_input_registers(10, count=1)
    client.read_coils(0, count=10)
    client.read_discrete_inputs(3, count=1)
    client.write_register(7, 4711)
    client.write_coil(3, True)
    client.write_registers(20, [1, 2, 65535])
    client.write_coils(5, [True, False, True])
    client.read_holding_registers(20, count=3)
    client.read_holding_registers(60, count=100)
    client.close()
    ServerStop()
    server.join()


def mqtt(log):
    server = subprocess.Popen(["mosquitto", "-p", "1883"], stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    hear = subprocess.Popen(["mosquitto_sub", "-V", "mqttv311", "-p", "1883", "-i", "listener", "-q", "2", "-C", "4",
                             "-t", "house/#", "-t", "garden/+/soil"], stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    for quality, topic, text in [(0, "house/kitchen/temperature", "21.5"), (1, "house/hall/door", "offen"),
                                 (2, "garden/bed1/soil", "dry"), (1, "house/notes", "温度很好 " * 30)]:
        subprocess.run(["mosquitto_pub", "-V", "mqttv311", "-p", "1883", "-i", f"sender{quality}", "-q", str(quality),
                        "-t", topic, "-m", text, "--will-topic", "house/lost", "--will-payload", "gone",
                        "-u", "ada", "-P", "secret"], check=True)
    hear.wait(5)
    server.terminate()
    server.wait()


def resp(log):
    folder = tempfile.mkdtemp()
    server = subprocess.Popen(["redis-server", "--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", folder],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.7)
    for command in [["PING"], ["SET", "greeting", "你好，世界"], ["GET", "greeting"], ["GET", "nothing"],
                    ["INCRBY", "count", "41"], ["RPUSH", "list", "a", "b", "c"], ["LRANGE", "list", "0", "-1"],
                    ["HSET", "user:1", "name", "ada", "age", "36"], ["HGETALL", "user:1"], ["INCR", "greeting"],
                    ["MULTI"], ["NOSUCH", "x"]]:
        subprocess.run(["redis-cli", "-2", *command], stdout=subprocess.DEVNULL)
    sock = recording.connect(6379)
    # Several commands in one segment, and one cut into three.
    sock.sendall(b"".join(b"*2\r\n$3\r\nGET\r\n$5\r\nkey:%d\r\n" % i for i in range(4)))
    time.sleep(0.1)
    for piece in [b"*3\r\n$3\r\nSE", b"T\r\n$1\r\nk\r", b"\n$2\r\nhi\r\n"]:
        sock.sendall(piece)
        time.sleep(0.05)
    sock.recv(4096)
    sock.close()
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


def dns_tcp(log):
    server = subprocess.Popen(["dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--port=53", "--user=root",
                               "--listen-address=127.0.0.1", "--bind-interfaces", "--address=/example.test/192.0.2.7",
                               "--host-record=v6.test,192.0.2.8,2001:db8::8", "--cname=alias.test,v6.test",
                               "--mx-host=example.test,mail.example.test,10", "--txt-record=txt.test,hello,two texts",
                               "--ptr-record=7.2.0.192.in-addr.arpa,example.test"], stderr=subprocess.DEVNULL)
    wait_for(53)
    for name, kind in [("www.example.test", "A"), ("v6.test", "AAAA"), ("alias.test", "A"), ("example.test", "MX"),
                       ("txt.test", "TXT"), ("7.2.0.192.in-addr.arpa", "PTR"), ("nowhere.invalid", "A")]:
        subprocess.run(["dig", "+tcp", "+tries=1", "@127.0.0.1", name, kind], stdout=subprocess.DEVNULL)
    server.terminate()
    server.wait()


def json_prefixed(log):
    listener = recording.listen(7400)

    def serve():
        sock, _ = listener.accept()
        with sock, sock.makefile("rb") as file:
            while head := file.read(4):
                said = json.loads(file.read(struct.unpack(">I", head)[0]))
                answer = json.dumps({"id": said["id"], "ok": "x" not in said["text"]}).encode()
                sock.sendall(struct.pack(">I", len(answer)) + answer)

    server = threading.Thread(target=serve)
    server.start()
    sock = recording.connect(7400)
    stream = b""
    for number, text in enumerate(["hello", "你好", "a" * 300, "x"]):
        body = json.dumps({"id": number, "text": text}, ensure_ascii=False).encode()
        stream += struct.pack(">I", len(body)) + body
    # As TCP may deliver it: two messages and the beginning of a third, then the rest.
    for piece in [stream[:70], stream[70:200], stream[200:]]:
        sock.sendall(piece)
        time.sleep(0.05)
    body = json.dumps({"id": 4, "text": "äöü"}, ensure_ascii=False).encode()
    sock.sendall(struct.pack(">I", len(body)) + body)
    recording.hang_up(sock)
    server.join()
    listener.close()


def someip(log):
    def message(service, method, session, kind, code=0, payload=b""):
        return struct.pack(">HHIHHBBBB", service, method, 8 + len(payload), 0x17, session, 1, 1, kind, code) + payload

    listener = recording.listen(30509)

    def serve():
        sock, _ = listener.accept()
        with sock, sock.makefile("rb") as file:
            while head := file.read(16):
                service, method, length, _, session, _, _, kind, _ = struct.unpack(">HHIHHBBBB", head)
                payload = file.read(length - 8)
                if kind == 0 and method == 0x42:
                    sock.sendall(message(service, method, session, 0x80, 0, payload[::-1]))
                elif kind == 0:
                    sock.sendall(message(service, method, session, 0x81, 3))
                sock.sendall(message(service, 0x8001, session, 2, 0, struct.pack(">f", session * 1.5)))

    server = threading.Thread(target=serve)
    server.start()
    sock = recording.connect(30509)
    for session in range(1, 7):
        sock.sendall(message(0x1234, 0x42 if session != 5 else 0x99, session, 0 if session != 3 else 1, 0,
                             bytes(range(session * 7))))
        time.sleep(0.02)
    recording.hang_up(sock)
    server.join()
    listener.close()


def websocket(log):
    import websockets
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    async def answer(socket):
        async for message in socket:
            await socket.send(message)

    async def talk():
        async with serve(answer, "127.0.0.1", 8765, compression=None):
            async with connect("ws://127.0.0.1:8765/chat", compression=None) as client:
                for message in ["hello", "你好，世界", "long " * 40, bytes(range(64)), "x" * 70000]:
                    await client.send(message)
                    await client.recv()
                await (await client.ping(b"are you there"))
                await client.close(1000, "done")

    random.seed(1)
    asyncio.run(talk())


def crc_16_modbus(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def game(log):
    def datagram(kind, sequence, body, acknowledged=None):
        flags = 2 | (0x10 if acknowledged is not None else 0)
        data = b"GM" + struct.pack("<BBH", flags, kind, sequence)
        if acknowledged is not None:
            data += struct.pack("<H", acknowledged)
        data += struct.pack("<H", len(body)) + body
        return data + struct.pack("<H", crc_16_modbus(data))

    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 27500))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", 27500))
    client.send(datagram(1, 0, "ada".encode().ljust(16, b"\0") + struct.pack("<H", 31 | 20 << 5 | 3 << 11), 0))
    _, peer = server.recvfrom(2048)
    for sequence in range(1, 5):
        body = struct.pack("<IffhB", 7, sequence * 1.25, -sequence / 3, -9000 + sequence, 1 | sequence << 2)
        client.send(datagram(2, sequence, body))
        server.recvfrom(2048)
        entities = b"".join(
            struct.pack("<IH", 7 + i, (i % 2) | (1 + i % 2) << 1 | 100 * i << 3)
            + (struct.pack("<ff", i, float("inf") if i == 3 else 0.1) if i % 2 else b"") for i in range(sequence))
        server.sendto(datagram(4, sequence, bytes([sequence]) + entities), peer)
        client.recv(2048)
    client.send(datagram(3, 5, b"bob\0" + "你好 bob".encode("utf-16-le"), 4))
    server.recvfrom(2048)
    # One that was damaged on the way.
    broken = bytearray(datagram(3, 6, b"bob\0" + "what?".encode("utf-16-le"), 4))
    broken[12] ^= 0x20
    client.send(broken)
    server.recvfrom(2048)


CASES = {"modbus": (modbus, "tcp port 502"), "mqtt": (mqtt, "tcp port 1883"), "resp": (resp, "tcp port 6379"),
         "dns_tcp": (dns_tcp, "tcp port 53"), "json_prefixed": (json_prefixed, "tcp port 7400"),
         "someip": (someip, "tcp port 30509"), "websocket": (websocket, "tcp port 8765"),
         "game": (game, "udp port 27500")}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        run, filter = CASES[name]
        folder = os.path.join(HERE, name)
        os.makedirs(folder, exist_ok=True)
        print(name, end=": ", flush=True)
        recording.record(folder, run, filter)
        os.remove(os.path.join(folder, "sent.jsonl"))
