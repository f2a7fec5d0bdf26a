"""Records ZMTP 3.1 as libzmq speaks it: the socket types, NULL, PLAIN and CURVE, and heartbeats.

Needs tcpdump and pyzmq 27.3.0 (with libzmq 4.3.5).

    python3 record.py
"""

import os
import sys
import time

import zmq
import zmq.auth.thread

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

ADDRESS = "tcp://127.0.0.1:5555"
LONG = bytes(range(256)) * 3


def pair(context, server_type, client_type, prepare=lambda server, client: None):
    server, client = context.socket(server_type), context.socket(client_type)
    for socket in server, client:
        socket.linger = 500
        socket.rcvtimeo = 3000
    prepare(server, client)
    server.bind(ADDRESS)
    client.connect(ADDRESS)
    return server, client


def close(*sockets):
    time.sleep(0.3)
    for socket in sockets[::-1]:
        socket.close()
    time.sleep(0.3)


def request_and_reply(context):
    server, client = pair(context, zmq.REP, zmq.REQ)
    for question in [[b"What time is it?"], ["你好".encode(), b"", b"three parts"], [LONG], [b""]]:
        client.send_multipart(question)
        server.send_multipart([part[::-1] for part in server.recv_multipart()])
        client.recv_multipart()
    close(server, client)


def publish_and_subscribe(context):
    server, client = pair(context, zmq.XPUB, zmq.SUB)
    client.subscribe(b"weather.")
    client.subscribe(b"news")
    server.recv(), server.recv()
    for number in range(4):
        server.send_multipart([b"weather.oslo", b"%d degrees" % number])
        server.send_multipart([b"sports", b"not wanted"])
        server.send_multipart([b"news", b"flash " * 50])
    for _ in range(8):
        client.recv_multipart()
    client.unsubscribe(b"news")
    server.recv()
    server.send_multipart([b"weather.rome", b"31 degrees"])
    server.send_multipart([b"news", b"no longer wanted"])
    client.recv_multipart()
    close(server, client)
    server, client = pair(context, zmq.PUB, zmq.XSUB)
    client.send(b"\x01")
    time.sleep(0.3)
    server.send(b"to all")
    client.recv()
    client.send(b"\x00")
    close(server, client)


def route(context):
    def name(server, client):
        client.identity = b"worker-7"
    server, client = pair(context, zmq.ROUTER, zmq.DEALER, name)
    for number in range(3):
        client.send_multipart([b"", b"ready", number.to_bytes(4, "big")])
        who, *_ = server.recv_multipart()
        server.send_multipart([who, b"", b"job", LONG[:200 + 60 * number]])
        client.recv_multipart()
    close(server, client)


def push(context):
    def heart(server, client):
        client.heartbeat_ivl = 120
        client.heartbeat_ttl = 2000
        server.heartbeat_ivl = 200
    server, client = pair(context, zmq.PULL, zmq.PUSH, heart)
    for number in range(5):
        client.send_json({"task": number, "path": "/data/%04d" % number})
        server.recv_json()
        time.sleep(0.1)
    time.sleep(0.3)
    close(server, client)
    server, client = pair(context, zmq.PAIR, zmq.PAIR)
    client.send(b"x" * 70000)
    server.recv()
    server.send(b"thanks")
    client.recv()
    close(server, client)


def plain(context):
    authenticator = zmq.auth.thread.ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_plain(domain="*", passwords={"ada": "secret"})
    for password in "secret", "wrong":
        def credentials(server, client):
            server.plain_server = True
            client.plain_username, client.plain_password = b"ada", password.encode()
        server, client = pair(context, zmq.REP, zmq.REQ, credentials)
        if password == "secret":
            client.send(b"may I?")
            server.send(server.recv() + b" yes")
            client.recv()
        close(server, client)
    authenticator.stop()


def curve(context):
    server_public, server_secret = zmq.curve_keypair()
    public, secret = zmq.curve_keypair()

    def keys(server, client):
        server.curve_server = True
        server.curve_secretkey, server.curve_publickey = server_secret, server_public
        client.curve_serverkey, client.curve_publickey, client.curve_secretkey = server_public, public, secret
    server, client = pair(context, zmq.PULL, zmq.PUSH, keys)
    client.send_multipart([b"nobody reads this", LONG])
    server.recv_multipart()
    close(server, client)


def run(log):
    context = zmq.Context()
    for case in request_and_reply, publish_and_subscribe, route, push, plain, curve:
        case(context)
    context.term()


if __name__ == "__main__":
    recording.record(HERE, run, "tcp port 5555")
    os.remove(os.path.join(HERE, "sent.jsonl"))
