"""Records capture.pcapng: what clients and a RabbitMQ broker say to each other.

Needs tcpdump, root, RabbitMQ 3.10 (Debian's rabbitmq-server) and pika 1.4.4.

    python3 record.py
"""

import datetime
import decimal
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import pika

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 5672
BROKER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


def server(folder):
    """A running broker whose files are all in `folder`, and which calls itself rabbit@localhost."""
    shutil.chown(folder, "rabbitmq")
    with open(f"{folder}/rabbitmq.conf", "w") as file:
        file.write(f"listeners.tcp.1 = 127.0.0.1:{PORT}\nheartbeat = 1\nlog.file = false\nlog.console = true\n"
                   "cluster_name = warehouse\n")
    with open(f"{folder}/plugins", "w") as file:
        file.write("[].\n")
    environment = {
        "PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_MNESIA_BASE": f"{folder}/data", "RABBITMQ_LOG_BASE": folder, "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_PID_FILE": f"{folder}/pid", "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": "43690",
        "RABBITMQ_DIST_PORT": "43691"}
    as_broker = {"env": environment, "cwd": folder, "user": "rabbitmq", "group": "rabbitmq", "extra_groups": [],
                 "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    names = subprocess.Popen(["epmd", "-port", "43690", "-address", "127.0.0.1"], **as_broker)
    running = subprocess.Popen([BROKER], **as_broker)
    subprocess.run([CONTROL, "wait", f"{folder}/pid", "--timeout", "60"], check=True, **as_broker)

    def stop():
        subprocess.run([CONTROL, "stop"], **as_broker)
        running.wait()
        names.terminate()
        names.wait()
    return stop


def parameters(**more):
    more.setdefault("credentials", pika.PlainCredentials("guest", "guest"))
    return pika.ConnectionParameters("127.0.0.1", PORT, client_properties={"product": "till", "platform": "any"}, **more)


TABLE = {
    "yes": True, "no": False, "small": 7, "big": 2**40, "negative": -5, "text": "größer", "nothing": None,
    "price": decimal.Decimal("12.50"), "when": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc),
    "blob": b"\0\1\2", "nested": {"deep": {"deeper": ["a", 1, {"b": [True, None]}]}}, "empty": {},
}


def messages():
    """Exchanges, queues, and messages of all sizes: none, one frame, several frames."""
    connection = pika.BlockingConnection(parameters(heartbeat=0, frame_max=4096))
    channel = connection.channel()
    channel.exchange_declare("orders", "topic", durable=True, arguments={"alternate-exchange": "lost"})
    channel.exchange_declare("lost", "fanout", auto_delete=True, internal=True)
    channel.exchange_declare("orders", "topic", passive=True)
    channel.exchange_bind("lost", "orders", "nobody.#")
    channel.exchange_unbind("lost", "orders", "nobody.#")
    channel.queue_declare("tea", durable=True, arguments={"x-max-length": 1000, "x-message-ttl": 60000})
    own = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
    channel.queue_bind("tea", "orders", "drinks.*")
    channel.queue_bind(own, "orders", "#", arguments={"x-match": "all"})
    channel.queue_unbind(own, "orders", "#", arguments={"x-match": "all"})
    channel.queue_bind(own, "orders", "#")
    channel.basic_qos(prefetch_count=10, global_qos=True)
    everything = pika.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", headers=TABLE, delivery_mode=2, priority=5,
        correlation_id="c-1", reply_to=own, expiration="60000", message_id="m-1", timestamp=1709208000, type="order",
        user_id="guest", app_id="till", cluster_id="warehouse")
    channel.basic_publish("orders", "drinks.tea", "zwei Tassen Grüntee", everything)
    channel.basic_publish("orders", "drinks.none", b"")
    channel.basic_publish("orders", "drinks.tea", bytes(range(256)) * 40, pika.BasicProperties(delivery_mode=1))
    for _ in range(2):
        channel.basic_get("tea")
    channel.basic_get("tea", auto_ack=True)
    channel.basic_get("tea")
    channel.basic_nack(1, requeue=True)
    channel.basic_reject(2, requeue=False)
    channel.basic_recover(requeue=True)
    taken = 0
    for method, _, _ in channel.consume(own, inactivity_timeout=0.5):
        if not method:
            break
        channel.basic_ack(method.delivery_tag, multiple=taken == 2)
        taken += 1
        if taken == 3:
            break
    channel.cancel()
    channel.queue_purge("tea")
    channel.queue_delete("tea", if_unused=True)
    channel.exchange_delete("orders", if_unused=False)
    channel.close()
    connection.close()


def confirmed():
    """Publisher confirms, returned messages, transactions on a second channel, a queue that dies under its consumer."""
    connection = pika.BlockingConnection(parameters(heartbeat=0))
    sure = connection.channel()
    sure.confirm_delivery()
    sure.queue_declare("coffee")
    sure.basic_publish("", "coffee", "one", mandatory=True)
    try:
        sure.basic_publish("", "nowhere", "two", mandatory=True)
    except pika.exceptions.UnroutableError:
        pass
    sure.queue_declare("full", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    try:
        sure.basic_publish("", "full", "three")
    except pika.exceptions.NackError:
        pass
    careful = connection.channel()
    careful.tx_select()
    careful.basic_publish("", "coffee", "four")
    careful.tx_commit()
    careful.basic_publish("", "coffee", "five")
    careful.tx_rollback()
    sure.basic_consume("coffee", lambda *_: None, consumer_tag="barista", arguments={"x-priority": 3})
    connection.process_data_events(0.2)
    careful.queue_delete("coffee")
    connection.process_data_events(0.2)
    # The server closes the channel.
    try:
        careful.queue_declare("nowhere", passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        pass
    third = connection.channel(7)
    third.flow(True)
    connection.close()


def heartbeats():
    """An idle connection."""
    connection = pika.BlockingConnection(parameters(heartbeat=1))
    end = time.time() + 2.3
    while time.time() < end:
        connection.process_data_events(0.1)
    connection.close()


def refused():
    """A wrong password, a virtual host that is not there, and another version of the protocol."""
    for more in [{"credentials": pika.PlainCredentials("guest", "wrong")}, {"virtual_host": "attic"}]:
        try:
            pika.BlockingConnection(parameters(**more))
        except pika.exceptions.AMQPConnectionError:
            pass
    sock = recording.connect(PORT)
    sock.sendall(b"AMQP\0\1\0\0")
    assert sock.recv(8) == b"AMQP\0\0\x09\1"
    sock.close()


def in_pieces():
    """The preamble and a method frame, each cut into pieces; then an error that closes the connection."""
    sock = recording.connect(PORT)
    file = sock.makefile("rb")

    def receive():
        head = file.read(7)
        return file.read(struct.unpack(">BHI", head)[2] + 1)[:-1]

    def send(channel, kind, payload):
        return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"

    def short(text):
        return bytes([len(text)]) + text

    def long(text):
        return struct.pack(">I", len(text)) + text

    for piece in [b"AM", b"QP\0", b"\0\x09\1"]:
        sock.sendall(piece)
        time.sleep(0.05)
    receive()
    # A table with the types that pika never writes.
    table = (short(b"byte") + b"b\xfe" + short(b"octet") + b"B\xfe" + short(b"short") + b"s\xff\xfe" + short(b"ushort") +
             b"u\xff\xfe" + short(b"uint") + b"i\xff\xff\xff\xfe" + short(b"single") + struct.pack(">cf", b"f", 0.5) +
             short(b"double") + struct.pack(">cd", b"d", 0.25))
    start = send(0, 1, struct.pack(">HH", 10, 11) + long(table) + short(b"PLAIN") + long(b"\0guest\0guest") + short(b"en_US"))
    for piece in [start[:5], start[5:30], start[30:]]:
        sock.sendall(piece)
        time.sleep(0.05)
    receive()
    sock.sendall(send(0, 1, struct.pack(">HHHIH", 10, 31, 5, 131072, 0)) +
                 send(0, 1, struct.pack(">HH", 10, 40) + short(b"/") + short(b"") + b"\0") +
                 send(1, 1, struct.pack(">HH", 20, 10) + short(b"")))
    receive()
    receive()
    # A body without its header.
    sock.sendall(send(1, 3, b"lost"))
    receive()
    sock.sendall(send(0, 1, struct.pack(">HH", 10, 51)))
    sock.close()


def talk(log):
    for part in [messages, confirmed, heartbeats, refused, in_pieces]:
        part()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        stop = server(folder)
        try:
            recording.record(HERE, talk, f"tcp port {PORT}")
        finally:
            stop()
    os.remove(os.path.join(HERE, "sent.jsonl"))
