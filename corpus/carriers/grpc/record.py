"""gRPC between a client and a server of grpcio: unary calls, streams in each direction, errors, and compressed messages."""

import concurrent.futures
import os
import sys
import tempfile

import grpc
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 50061


def compiled():
    folder = tempfile.mkdtemp()
    well_known = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    protoc.main(["protoc", f"-I{HERE}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}",
                 "shop.proto"])
    sys.path.insert(0, folder)
    import shop_pb2
    import shop_pb2_grpc
    return shop_pb2, shop_pb2_grpc


shop, services = compiled()


class Shop(services.ShopServicer):
    def Buy(self, order, context):
        if order.customer == "nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such customer: 谁")
        context.set_trailing_metadata((("stock", "3"),))
        return shop.Receipt(number=-len(order.items), note="thank you, " + order.customer)

    def Track(self, order, context):
        for number in range(4):
            yield shop.Receipt(number=number, note="on its way " * number)

    def Collect(self, orders, context):
        return shop.Receipt(number=sum(len(order.items) for order in orders))

    def Chat(self, orders, context):
        for order in orders:
            yield shop.Receipt(note=order.customer.upper())


def order(customer, **fields):
    return shop.Order(customer=customer, items=[-1, 300, 7], prices={"pie": 2.5}, **fields)


def run(log):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    services.add_ShopServicer_to_server(Shop(), server)
    server.add_insecure_port(f"127.0.0.1:{PORT}")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{PORT}") as channel:
        stub = services.ShopStub(channel)
        first = order("ada", state=shop.SENT, card="4111", check=0xDEADBEEF, gift=True, signature=bytes(range(16)))
        first.at.FromJsonString("2026-01-02T03:04:05Z")
        stub.Buy(first, metadata=(("trace-bin", b"\0\1\2"),))
        stub.Buy(order("陈", cash=5, previous=first))
        for customer in ["nobody"]:
            try:
                stub.Buy(order(customer))
            except grpc.RpcError as error:
                print(error.code())
        list(stub.Track(order("bo")))
        stub.Collect(order(name * 30) for name in "abc")
        list(stub.Chat(order(name) for name in ["eve", "", "dan"]))
        # More than one DATA frame.
        stub.Buy(order("x" * 17000))
        try:
            channel.unary_unary("/shop.Shop/Sell", shop.Order.SerializeToString, shop.Receipt.FromString)(order("ada"))
        except grpc.RpcError as error:
            print(error.code())
    with grpc.insecure_channel(f"127.0.0.1:{PORT}", compression=grpc.Compression.Gzip) as channel:
        stub = services.ShopStub(channel)
        stub.Buy(order("zip " * 50))
        list(stub.Track(order("zip")))
    with grpc.insecure_channel(f"127.0.0.1:{PORT}", compression=grpc.Compression.Deflate) as channel:
        services.ShopStub(channel).Buy(order("deflate " * 20))
    server.stop(None).wait()


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp port {PORT}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
