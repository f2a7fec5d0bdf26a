"""Six clients of the chat server, and damage of every kind: some of it is sent by the clients, the rest is done to the
recorded packets. frames.jsonl says of every frame whether the damage touched it."""

import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import chat
import missive
import recording
from missive import ACK, CHECKSUM, DATA, HEADER, LOGOUT, PING

PORT = 9000
FOLDER = os.path.dirname(os.path.abspath(__file__))
# What happens to each client's connection; the names are also those that the clients log in with.
NAMES = ["lost", "reordered", "repeated", "garbage", "lying", "late-start"]
ports = {}


def run(log):
    listener = recording.listen(PORT)
    chat.Server(listener, log)
    for name in NAMES:
        peer = chat.Peer(recording.connect(PORT), log)
        ports[name] = peer.sock.getsockname()[1]
        chat.log_in(peer, name, flags=CHECKSUM)
        for i in range(20):
            if name == "garbage" and i in (5, 6, 12):
                send_damaged(peer, log, os.urandom(40 + i).replace(b"\xf5", b"\x00") + missive.MAGIC + b"noise")
            if name == "lying" and i == 7:
                # The header's check holds, and its length is false: the checksum gives it away.
                frame = bytearray(peer.frame(DATA, b"I claim to be longer than I am", flags=CHECKSUM))
                head = bytearray(frame[:18])
                struct.pack_into(">I", head, 8, 300)
                frame[:20] = head + struct.pack(">H", missive.binascii.crc_hqx(bytes(head), 0))
                send_damaged(peer, log, bytes(frame))
            if name == "lying" and i == 14:
                # A length that was changed on the way: the header's check does not hold.
                frame = bytearray(peer.frame(DATA, b"my length was changed on the way", flags=CHECKSUM))
                frame[9] ^= 0x20
                send_damaged(peer, log, bytes(frame))
            peer.send(DATA, f"{name}: message {i}, 第{i}条".encode(), flags=CHECKSUM)
            if name != "lying" or i not in range(7, 12):
                # While the server waits for the bytes it was promised, it does not reply.
                peer.expect(ACK)
        peer.send(PING, name.encode(), flags=CHECKSUM)
        peer.expect(missive.PONG)
        chat.log_out(peer, name, flags=CHECKSUM)
    time.sleep(0.2)
    listener.close()


def send_damaged(peer, log, data):
    with peer.lock:
        log.sent(peer.sock, data, damaged=True)
        peer.sock.sendall(data)
    time.sleep(0.05)


def damage(packets, log):
    """Loses, reorders, repeats and alters packets. Everything is chosen by count, so that it can be said exactly."""
    touched = {}
    out = []
    data_seen = {}
    held = None
    for packet in packets:
        source, target = packet.ports
        client = source if target == PORT else target
        name = next(name for name, port in ports.items() if port == client)
        key, payload = (source, target), packet.payload
        count = data_seen[key] = data_seen.get(key, 0) + bool(payload)
        from_client = source == client

        def touch():
            touched.setdefault(key, []).append((packet.sequence, packet.sequence + len(payload)))

        if name == "lost" and payload and (count in (4, 9, 10) if from_client else count == 15):
            touch()
            continue
        if name == "lost" and payload and from_client and count == 17:
            # The capture kept only the first bytes of this one, as with a snaplen.
            touch()
            packet = packet.copy("cut short by the capture")
            packet.data = packet.data[:packet.payload_start + 11]
        if name == "reordered" and payload and from_client and count % 5 == 3 and count < 20 and held is None:
            held = packet
            continue
        if name == "late-start" and packet.time_ns < late_start(packets):
            touch()
            continue
        out.append(packet)
        if held is not None and payload and from_client and name == "reordered":
            out.append(held.copy("overtaken by the packet before"))
            held = None
        if name == "repeated" and payload and from_client and count in (3, 8):
            out.append(packet.copy("sent twice"))
        if name == "repeated" and payload and from_client and count == 12:
            again = packet.copy("sent twice, with another text the second time")
            again.data[-8:-4] = b"\xff\xff\xff\xff"
            out.append(again)
    for i, packet in enumerate(out):
        # Times stay in order, as a capture's are.
        if i and packet.time_ns < out[i - 1].time_ns:
            packet.time_ns = out[i - 1].time_ns + 1000
    write_frames(packets, log, touched)
    return out


def late_start(packets):
    """The capture begins in the middle of the third message of the last client."""
    port = ports["late-start"]
    sent = [packet for packet in packets if packet.ports[0] == port and packet.payload]
    # Its header is lost with the first half of the packet, see below.
    third = sent[3]
    if len(third.payload) == third.wire_length - third.payload_start and not third.comment:
        half = 25
        struct.pack_into(">I", third.data, third.tcp + 4, third.sequence + half)
        del third.data[third.payload_start:third.payload_start + half]
        struct.pack_into(">H", third.data, third.ip + 2, len(third.data) - third.ip)
        third.wire_length = len(third.data)
        third.comment = "the capture begins here: the first 25 bytes of this message are not in it"
    return third.time_ns


def write_frames(packets, log, touched):
    """Says of every frame that was sent whether any of its bytes are not in the capture or are not what was sent."""
    initial = {packet.ports: packet.sequence + 1 for packet in packets if packet.flags & 0x02}
    half_lost = next(packet for packet in packets if packet.comment and "begins here" in packet.comment)
    touched.setdefault(half_lost.ports, []).append((half_lost.sequence - 25, half_lost.sequence))
    with open(os.path.join(FOLDER, "frames.jsonl"), "w", encoding="utf-8") as file:
        for line in log.lines:
            key = int(line["src"].rsplit(":", 1)[1]), int(line["dst"].rsplit(":", 1)[1])
            begin, end = line["offset"], line["offset"] + line["length"]
            lost = any(begin < high - initial[key] and low - initial[key] < end for low, high in touched.get(key, []))
            frame = {name: line[name] for name in ("src", "dst", "kind", "sequence", "channel", "length") if name in line}
            file.write(json.dumps({**frame, "touched": lost or "damaged" in line}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    recording.record(FOLDER, run, f"tcp port {PORT}", damage)
