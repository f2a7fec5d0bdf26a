"""Records STOMP 1.0 to 1.2: RabbitMQ with its plugin and clients that subscribe, acknowledge, use transactions and fail.

Needs tcpdump, rabbitmq-server 3.10.8 and stomp.py 9.0.0.

    python3 record.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import stomp

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PROGRAMS = "/usr/lib/rabbitmq/bin"
PLACE = [("127.0.0.1", 61613)]


class Ear(stomp.ConnectionListener):
    """Keeps what arrives."""

    def __init__(self):
        self.frames = []

    def on_message(self, frame):
        self.frames.append(frame)

    def on_error(self, frame):
        self.frames.append(frame)


def connect(version, user="guest", password="guest", **options):
    kind = {10: stomp.Connection10, 11: stomp.Connection11, 12: stomp.Connection12}[version]
    if version > 10:
        options["vhost"] = "/"
    client = kind(PLACE, **options)
    client.ear = Ear()
    client.set_listener("", client.ear)
    if version == 10:
        client.connect(user, password, wait=True)
    else:
        client.connect(user, password, wait=True, with_connect_command=version == 11)
    return client


def hear(client, count):
    for _ in range(100):
        if len(client.ear.frames) >= count:
            return
        time.sleep(0.05)
    sys.exit(f"only {len(client.ear.frames)} of {count} frames arrived")


def topics():
    """Two subscribers and a sender, with headers that need escaping, NULs in a body, and no length at all."""
    first, second = connect(12), connect(11)
    first.subscribe("/topic/weather.*", id=1)
    second.subscribe("/topic/weather.oslo", id="a")
    time.sleep(0.3)
    sender = connect(12)
    sender.send("/topic/weather.oslo", "雨 12°", content_type="text/plain;charset=utf-8")
    sender.send("/topic/weather.rome", "", headers={"note": "a: b\nc\\d", "note:2": "x"})
    sender.send("/topic/weather.oslo", bytes(range(64)) * 3, content_type="application/octet-stream")
    sender.send("/topic/weather.oslo", "long " * 4000, receipt="sent-4")
    bare = connect(12, auto_content_length=False)
    bare.send("/topic/weather.oslo", "no length:\n\nbut a NUL")
    hear(first, 5), hear(second, 4)
    first.unsubscribe(id=1)
    for client in bare, sender, second, first:
        client.disconnect()


def queue():
    """Acknowledged one by one, refused, and in transactions."""
    client = connect(12, heartbeats=(400, 300))
    client.subscribe("/queue/jobs", id="jobs", ack="client-individual", headers={"prefetch-count": 2})
    for number in range(4):
        client.send("/queue/jobs", f'{{"job": {number}}}', content_type="application/json",
                    headers={"persistent": "true", "priority": number})
    hear(client, 2)
    client.ack(client.ear.frames[0].headers["ack"])
    client.nack(client.ear.frames[1].headers["ack"], requeue="false")
    hear(client, 4)
    transaction = client.begin()
    for frame in client.ear.frames[2:4]:
        client.ack(frame.headers["ack"], transaction=transaction)
    client.send("/queue/done", "both", transaction=transaction)
    client.commit(transaction)
    given_up = client.begin()
    client.send("/queue/done", "never", transaction=given_up)
    client.abort(given_up)
    # Long enough for heartbeats in both directions.
    time.sleep(2)
    client.unsubscribe("jobs")
    client.disconnect()


def oldest():
    """STOMP 1.0 has no escaping, no receipts for DISCONNECT and no heartbeats."""
    client = connect(10)
    client.subscribe("/queue/old", ack="auto")
    client.send("/queue/old", "from 1.0")
    hear(client, 1)
    client.disconnect()


def errors():
    for user, password in [("guest", "wrong")]:
        try:
            connect(12, user, password)
        except stomp.exception.ConnectFailedException:
            pass
    client = connect(12)
    client.send("/nowhere/at/all", "lost", receipt="never")
    hear(client, 1)
    client = connect(12)
    client.send_frame("CONFUSE", {"receipt": "1"}, "what?")
    hear(client, 1)
    time.sleep(0.3)


def start(folder):
    """A running broker whose files are all in `folder`, and the function that stops it."""
    shutil.chown(folder, "rabbitmq")
    with open(f"{folder}/rabbitmq.conf", "w") as file:
        file.write("listeners.tcp.1 = 127.0.0.1:43792\nstomp.listeners.tcp.1 = 127.0.0.1:61613\n"
                   "log.file = false\nlog.console = true\n")
    with open(f"{folder}/plugins", "w") as file:
        file.write("[rabbitmq_stomp].\n")
    environment = {
        "PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "RABBITMQ_NODENAME": "stomp@localhost",
        "RABBITMQ_MNESIA_BASE": f"{folder}/data", "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_PID_FILE": f"{folder}/pid", "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": "43790", "RABBITMQ_DIST_PORT": "43791"}
    as_broker = {"env": environment, "cwd": folder, "user": "rabbitmq", "group": "rabbitmq", "extra_groups": [],
                 "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    names = subprocess.Popen(["epmd", "-port", "43790", "-address", "127.0.0.1"], **as_broker)
    running = subprocess.Popen([f"{PROGRAMS}/rabbitmq-server"], **as_broker)
    subprocess.run([f"{PROGRAMS}/rabbitmqctl", "wait", f"{folder}/pid", "--timeout", "60"], check=True, **as_broker)

    def stop():
        subprocess.run([f"{PROGRAMS}/rabbitmqctl", "stop"], **as_broker)
        running.wait()
        names.terminate()
        names.wait()
    return stop


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        stop = start(folder)
        try:
            for case in topics, queue, oldest, errors:
                case()
        finally:
            stop()


if __name__ == "__main__":
    recording.record(HERE, run, "tcp port 61613")
    os.remove(os.path.join(HERE, "sent.jsonl"))
