"""What the comparison compares: functions from a capture of mine.ksy to a Polars frame, each as its library's users write it.

    python3 readers.py READER CAPTURE [MESSAGES]

prints the seconds, without those that importing takes, and what the frame holds, so that the comparison can check that it is the
same in all. Each reads the messages of both directions with time, source, target, kind, id, text and whether the check is right.
"""

import json
import os
import pathlib
import struct
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {1: "login", 2: "logout", 3: "data"}
COLUMNS = ("time", "src", "dst", "kind", "id", "text", "right")
PORT = 9000
most = sys.maxsize


def frame(columns):
    import polars

    return polars.DataFrame(dict(zip(COLUMNS, columns)))


def framescope():
    import framescope as fs
    import polars

    return lambda path: polars.DataFrame(fs.open(path, protocol=HERE / "mine.ksy").to_arrow())


def framescope_fields():
    import framescope as fs
    import polars

    fields = ["time", "src", "dst", "kind", "id", "text", "problems"]
    return lambda path: polars.DataFrame(fs.open(path, protocol=HERE / "mine.ksy").to_arrow(fields=fields))


def framescope_one_thread():
    import framescope as fs
    import polars

    return lambda path: polars.DataFrame(fs.open(path, protocol=HERE / "mine.ksy").to_arrow(threads=1))


def dpkt_struct():
    """Keeps a buffer for each direction of each connection, and believes that segments come in order."""
    import dpkt
    import polars  # noqa: F401

    def read(path):
        columns = tuple([] for _ in COLUMNS)
        times, sources, targets, kinds, ids, texts, rights = columns
        buffers, head, check = {}, struct.Struct(">BHI"), struct.Struct(">I")
        with open(path, "rb") as file:
            for at, packet in dpkt.pcap.Reader(file):
                ip = dpkt.ethernet.Ethernet(packet).data
                tcp = ip.data
                if not tcp.data or PORT not in (tcp.sport, tcp.dport):
                    continue
                key = (ip.src, tcp.sport, ip.dst, tcp.dport)
                names_and_buffer = buffers.get(key)
                if names_and_buffer is None:
                    names = (f"{dotted(ip.src)}:{tcp.sport}", f"{dotted(ip.dst)}:{tcp.dport}")
                    names_and_buffer = buffers[key] = (*names, bytearray())
                source, target, buffer = names_and_buffer
                buffer += tcp.data
                begin = 0
                while len(buffer) - begin >= 11:
                    kind, length, number = head.unpack_from(buffer, begin)
                    end = begin + 11 + length
                    if end > len(buffer):
                        break
                    times.append(at)
                    sources.append(source)
                    targets.append(target)
                    kinds.append(KINDS.get(kind))
                    ids.append(number)
                    texts.append(buffer[begin + 7 : end - 4].decode(errors="replace"))
                    rights.append(zlib.crc32(buffer[begin : end - 4]) == check.unpack_from(buffer, end - 4)[0])
                    begin = end
                del buffer[:begin]
                if len(times) >= most:
                    break
        return frame(columns)

    return read


def dotted(address):
    return ".".join(map(str, address))


def scapy():
    """A layer with bind_layers and TCPSession, as scapy's documentation describes it."""
    import polars  # noqa: F401
    from scapy.config import conf
    from scapy.fields import ByteEnumField, FieldLenField, IntField, StrLenField
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether
    from scapy.packet import Packet, bind_layers
    from scapy.sendrecv import sniff
    from scapy.sessions import TCPSession

    class Mine(Packet):
        fields_desc = [
            ByteEnumField("kind", 1, KINDS),
            FieldLenField("length", None, fmt="H", length_of="text"),
            IntField("id", 0),
            StrLenField("text", b"", length_from=lambda packet: packet.length),
            IntField("check", 0),
        ]

        @classmethod
        def tcp_reassemble(cls, data, metadata, session):
            if len(data) >= 3 and len(data) >= 11 + int.from_bytes(data[1:3], "big"):
                return cls(data)
            return None

        def extract_padding(self, rest):
            return b"", rest

    conf.layers.filter([Ether, IP, TCP, Mine])
    bind_layers(TCP, Mine, dport=PORT)
    bind_layers(TCP, Mine, sport=PORT)

    def read(path):
        columns = tuple([] for _ in COLUMNS)
        times, sources, targets, kinds, ids, texts, rights = columns

        def take(packet):
            if Mine not in packet:
                return
            ip, tcp, message = packet[IP], packet[TCP], packet[Mine]
            source, target = f"{ip.src}:{tcp.sport}", f"{ip.dst}:{tcp.dport}"
            while isinstance(message, Mine):
                times.append(float(packet.time))
                sources.append(source)
                targets.append(target)
                kinds.append(KINDS.get(message.kind))
                ids.append(message.id)
                texts.append(message.text.decode(errors="replace"))
                rights.append(zlib.crc32(message.original[: 7 + message.length]) == message.check)
                message = message.payload

        sniff(
            offline=str(path), session=TCPSession, store=False, prn=take, stop_filter=lambda _: len(times) >= most, quiet=True
        )
        return frame(columns)

    return read


def pyshark_():
    """tshark with the dissector in Lua, whose check nobody computes, as pyshark hands it over."""
    import polars  # noqa: F401
    import pyshark

    def read(path):
        columns = tuple([] for _ in COLUMNS)
        times, sources, targets, kinds, ids, texts, rights = columns
        capture = pyshark.FileCapture(
            str(path), display_filter="mine", keep_packets=False, custom_parameters=["-X", f"lua_script:{HERE / 'mine.lua'}"]
        )
        for packet in capture:
            for layer in packet.layers:
                if layer.layer_name != "mine":
                    continue
                for kind, number, text in zip(
                    layer.get_field("kind").all_fields, layer.get_field("id").all_fields, layer.get_field("text").all_fields
                ):
                    times.append(float(packet.sniff_timestamp))
                    sources.append(f"{packet.ip.src}:{packet.tcp.srcport}")
                    targets.append(f"{packet.ip.dst}:{packet.tcp.dstport}")
                    kinds.append(KINDS.get(int(kind.get_default_value())))
                    ids.append(int(number.get_default_value()))
                    texts.append(text.get_default_value())
                    rights.append(None)
            if len(times) >= most:
                break
        capture.close()
        return frame(columns)

    return read


READERS = {
    "framescope": framescope,
    "framescope-fields": framescope_fields,
    "framescope-one-thread": framescope_one_thread,
    "dpkt": dpkt_struct,
    "scapy": scapy,
    "pyshark": pyshark_,
}


def contents(table):
    """Messages, the sum of the ids, and the length of all texts."""
    if "mine" in table.columns:
        table = table.unnest("mine", separator=".").rename({"mine.id": "id", "mine.text": "text"})
    table = table.drop_nulls("id")
    return [table.height, int(table["id"].cast(int).sum()), int(table["text"].str.len_chars().sum())]


def processor():
    """Seconds of processors, of this process and of those that it started and that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    if len(sys.argv) > 3:
        most = int(sys.argv[3])
    read = READERS[sys.argv[1]]()
    begun, begun_cpu = time.perf_counter(), processor()
    table = read(sys.argv[2])
    seconds, cpu = time.perf_counter() - begun, processor() - begun_cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "contents": contents(table)}))
