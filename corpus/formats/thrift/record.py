"""Records capture.pcapng: calls of a Thrift server with framed transport and the binary protocol.

Needs tcpdump, root, thriftpy2 0.7.1 (the server and one client) and Apache's thrift 0.25.0 (another).

    python3 record.py
"""

import os
import struct
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

import thriftpy2
from thrift.protocol import TBinaryProtocol as apache_protocol
from thrift.Thrift import TMessageType, TType
from thrift.transport import TSocket as apache_socket
from thrift.transport import TTransport as apache_transport
from thriftpy2.protocol import TBinaryProtocolFactory
from thriftpy2.rpc import make_client, make_server
from thriftpy2.transport import TFramedTransportFactory

shop = thriftpy2.load(os.path.join(HERE, "shop.thrift"), module_name="shop_thrift")

PORT = 9090


class Shop:
    def ping(self):
        pass

    def greet(self, name):
        return f"Grüß dich, {name}!"

    def echo(self, thing):
        return thing

    def buy(self, name, count):
        if count > 10:
            raise shop.OutOfStock(name=name, wanted=count)
        return count * 3

    def log(self, line):
        pass

    def deep(self, depth):
        part = shop.Part(name="end")
        for level in range(depth):
            part = shop.Part(name=f"level {level}", parts=[part, shop.Part(name="leaf")])
        return part


def thriftpy():
    client = make_client(shop.Shop, "127.0.0.1", PORT, proto_factory=TBinaryProtocolFactory(),
                         trans_factory=TFramedTransportFactory())
    client.ping()
    client.greet("世界")
    client.echo(shop.Everything(
        yes=True, small=-2, medium=-300, large=70000, huge=-2**40, ratio=0.1, text="größer", blob=b"\0\xff\xfe",
        size=shop.Size.LARGE, numbers=[1, -1, 2**31 - 1], words={"one"}, counts={"a": 1, "b": 2**40},
        matrix=[[1.0, 2.5], [], [float("inf")]], parts={7: shop.Part(name="wheel", parts=[shop.Part(name="spoke")])},
        answers=[True, False, True], tree=shop.Part(name="root", parts=[]), none={}, far="away"))
    client.echo(shop.Everything())
    client.buy("tea", 3)
    try:
        client.buy("tea", 11)
    except shop.OutOfStock:
        pass
    client.log("nobody answers this")
    client.deep(8)
    client.greet("x" * 3000)
    client.close()


def apache():
    """Messages without a version, an unknown method, calls that are sent before the replies to earlier ones are read."""
    transport = apache_transport.TFramedTransport(apache_socket.TSocket("127.0.0.1", PORT))
    transport.open()

    def call(protocol, name, number, kind=TMessageType.CALL, text=None):
        protocol.writeMessageBegin(name, kind, number)
        protocol.writeStructBegin("arguments")
        if text is not None:
            protocol.writeFieldBegin("name", TType.STRING, 1)
            protocol.writeString(text)
            protocol.writeFieldEnd()
        protocol.writeFieldStop()
        protocol.writeStructEnd()
        protocol.writeMessageEnd()
        transport.flush()

    def receive(protocol):
        protocol.readMessageBegin()
        protocol.skip(TType.STRUCT)
        protocol.readMessageEnd()

    strict = apache_protocol.TBinaryProtocol(transport)
    lax = apache_protocol.TBinaryProtocol(transport, strictWrite=False)
    for number in range(1, 4):
        call(strict, "greet", number, text=f"number {number}")
    for _ in range(3):
        receive(strict)
    call(lax, "greet", 4, text="an old friend")
    receive(strict)
    call(strict, "steal", 5)
    receive(strict)
    call(strict, "log", 6, kind=TMessageType.ONEWAY, text="one way")
    call(strict, "ping", -1)
    receive(strict)
    transport.close()


def in_pieces():
    sock = recording.connect(PORT)
    file = sock.makefile("rb")
    name = b"greet"
    message = struct.pack(">II", 0x80010001, len(name)) + name + struct.pack(">IBHI", 9, 11, 1, 6) + b"pieces\0"
    message = struct.pack(">I", len(message)) + message
    for piece in [message[:6], message[6:17], message[17:] + message + message[:6], message[6:]]:
        sock.sendall(piece)
        time.sleep(0.05)
    for _ in range(3):
        file.read(struct.unpack(">I", file.read(4))[0])
    recording.hang_up(sock)


def talk(log):
    for part in [thriftpy, apache, in_pieces]:
        part()
        time.sleep(0.1)


if __name__ == "__main__":
    server = make_server(shop.Shop, Shop(), "127.0.0.1", PORT, trans_factory=TFramedTransportFactory(),
                         proto_factory=TBinaryProtocolFactory(strict_read=False, strict_write=True))
    threading.Thread(target=server.serve, daemon=True).start()
    time.sleep(0.5)
    recording.record(HERE, talk, f"tcp port {PORT}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
