"""Six clients of the chat server whose long messages go in several segments, and what a capture loses of them: segments,
the ends of all packets, the beginning. frames.jsonl says of every frame which of its bytes are missing."""

import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import chat
import missive
import recording
from missive import ACK, CHECKSUM, CONTENT_TYPE, DATA, PING, PONG, SENDER

PORT = 9000
FOLDER = os.path.dirname(os.path.abspath(__file__))
# What Ethernet carries of a connection in one packet. The loopback interface would take all at once.
SEGMENT = 1448
# What is kept of each packet with `tcpdump -s 96`: 30 bytes after the headers.
SNAPLEN = 96
# What happens to each client's connection; the names are also those that the clients log in with.
NAMES = ["one-segment", "several", "boundary", "header", "snaplen", "late-start"]
# Data packets of each client that the capture lacks, counted from 1. The first has the LOGIN.
LOST = {"one-segment": {4}, "several": {3, 5, 6, 9}, "boundary": {4, 7}, "header": {3, 5, 8}}
# With which data packet the capture begins.
BEGINS = {"late-start": 3}
ports = {}


def text(name, length):
    """Numbered lines, so that a reader sees what is not there."""
    lines, number = "", 0
    while len(lines) < length:
        number += 1
        lines += f"{name}, line {number:03} of a long message\n"
    return lines[:length].encode()


def readings(length):
    """JSON of about that length."""
    count = length // 44
    return json.dumps([{"sensor": i, "celsius": 20 + i % 7 / 4, "ok": True} for i in range(count)]).encode()


def write(peer, pieces):
    """Each piece goes in a separate packet."""
    for piece in pieces:
        peer.sock.sendall(piece)
        time.sleep(0.02)


def cut(data, *first):
    """Pieces of these lengths, and the rest in segments."""
    pieces = []
    for length in first:
        pieces.append(data[:length])
        data = data[length:]
    return pieces + [data[i:i + SEGMENT] for i in range(0, len(data), SEGMENT)]


def send(peer, payloads, *first, **more):
    """Messages one after the other, as one write of them is cut into segments."""
    with peer.lock:
        frames = [peer.frame(DATA, payload, flags=CHECKSUM, **more) for payload in payloads]
        for frame in frames:
            peer.note(frame)
        write(peer, cut(b"".join(frames), *first))
    for _ in payloads:
        peer.expect(ACK)


def run(log):
    listener = recording.listen(PORT)
    chat.Server(listener, log)
    for name in NAMES:
        peer = chat.Peer(recording.connect(PORT), log)
        ports[name] = peer.sock.getsockname()[1]
        chat.log_in(peer, name, flags=CHECKSUM)
        if name == "one-segment":
            send(peer, [b"The next message has three segments."])
            sender = missive.extension(SENDER, name.encode())
            send(peer, [text(name, 3000)], extensions=sender)
            json_type = missive.extension(CONTENT_TYPE, b"application/json")
            send(peer, [readings(1200)], extensions=json_type)
        if name == "several":
            send(peer, [text(name, 12000)])
        if name == "boundary":
            send(peer, [text("first", 2000), text("second", 2000), text("third", 500)])
            send(peer, [text("fourth", 2000), text("fifth", 2000), text("sixth", 500)])
        if name == "header":
            # Of the first the length is lost, of the second the beginning, of the third all but the header.
            send(peer, [text("no length", 1000)], 8, 12)
            send(peer, [text("no magic", 1000)], 12)
            send(peer, [text("no payload", 1000)], 20)
        if name in ("snaplen", "late-start"):
            send(peer, [text(f"{name} 1", 3000)])
            send(peer, [text(f"{name} 2", 3000)])
        send(peer, ["That was all, 再见".encode()])
        peer.send(PING, name.encode(), flags=CHECKSUM)
        peer.expect(PONG)
        chat.log_out(peer, name, flags=CHECKSUM)
    time.sleep(0.2)
    listener.close()


def lose(packets, log):
    """Leaves out packets and cuts their ends off. Everything is chosen by count, so that it can be said exactly."""
    out, counts, begun, lost = [], {}, set(), {}
    for packet in packets:
        source, target = packet.ports
        client = source if target == PORT else target
        name = next(name for name, port in ports.items() if port == client)
        payload = packet.payload
        sent = (packet.sequence, packet.sequence + len(payload))
        if source == client:
            counts[name] = counts.get(name, 0) + bool(payload)
        count = counts.get(name, 0)

        if name in BEGINS and name not in begun:
            if source != client or not payload or count < BEGINS[name]:
                lost.setdefault(packet.ports, []).append(sent)
                continue
            begun.add(name)
            packet = packet.copy("the capture of this connection begins here, in a message")
        if source == client and payload and count in LOST.get(name, ()):
            lost.setdefault(packet.ports, []).append(sent)
            out[-1].comment = out[-1].comment or f"behind this, packet {count} of {name} is left out"
            continue
        if name == "snaplen" and len(packet.data) > SNAPLEN:
            kept = SNAPLEN - packet.payload_start
            lost.setdefault(packet.ports, []).append((sent[0] + kept, sent[1]))
            packet = packet.copy()
            packet.data = packet.data[:SNAPLEN]
        out.append(packet)
    write_frames(packets, log, lost)
    return out


def write_frames(packets, log, lost):
    """Says of every frame that was sent which of its bytes are not in the capture, as [offset, length] in it."""
    initial = {packet.ports: packet.sequence + 1 for packet in packets if packet.flags & 0x02}
    with open(os.path.join(FOLDER, "frames.jsonl"), "w", encoding="utf-8") as file:
        for line in log.lines:
            key = int(line["src"].rsplit(":", 1)[1]), int(line["dst"].rsplit(":", 1)[1])
            begin, missing = line["offset"], []
            for low, high in sorted((low - initial[key], high - initial[key]) for low, high in lost.get(key, [])):
                low, high = max(low - begin, 0), min(high - begin, line["length"])
                if low >= high:
                    continue
                if missing and sum(missing[-1]) == low:
                    missing[-1][1] += high - low
                else:
                    missing.append([low, high - low])
            frame = {name: line[name] for name in ("src", "dst", "kind", "sequence", "length")}
            file.write(json.dumps({**frame, "missing": missing}) + "\n")


if __name__ == "__main__":
    recording.record(FOLDER, run, f"tcp port {PORT}", lose)
