"""Missive, version 1, with the Python standard library alone. Written from the format's description, not from the
Rust parser: the two can disagree, and a test holds them against each other."""

import binascii
import hashlib
import hmac
import struct
import zlib

MAGIC = b"\xf5\x4d"
HEADER = struct.Struct(">2sBBHHIIHH")
LOGIN, LOGOUT, DATA, ACK, ERROR, PING, PONG = range(1, 8)
KINDS = {1: "LOGIN", 2: "LOGOUT", 3: "DATA", 4: "ACK", 5: "ERROR", 6: "PING", 7: "PONG"}
CHECKSUM, AUTH, REPLY, MORE = 1, 2, 4, 8
TIMESTAMP, CONTENT_TYPE, SENDER, TRACE_ID = 1, 2, 3, 4
CRITICAL = 0x80
PAYLOAD_LIMIT = 16 << 20


def extension(tag, value):
    return struct.pack(">BH", tag, len(value)) + value


def login(user, credential):
    user = user.encode()
    return struct.pack(">H", len(user)) + user + struct.pack(">H", len(credential)) + credential


def error(code, text):
    return struct.pack(">H", code) + text.encode()


def encode(kind, payload=b"", *, flags=0, sequence=0, channel=0, extensions=b"", key=None, version=1):
    head = struct.pack(">2sBBHHIIH", MAGIC, version, kind, flags, len(extensions), len(payload), sequence, channel)
    frame = head + struct.pack(">H", binascii.crc_hqx(head, 0)) + extensions + payload
    if flags & AUTH:
        frame += hmac.digest(key, frame, "sha256")[:16]
    if flags & CHECKSUM:
        frame += struct.pack(">I", zlib.crc32(frame))
    return frame


def header(data):
    """The header that data begins with, or None if it can't be believed."""
    if len(data) < 20 or data[:2] != MAGIC:
        return None
    fields = HEADER.unpack_from(data)
    return fields if binascii.crc_hqx(bytes(data[:18]), 0) == fields[8] else None


class Frame:
    """A received frame."""

    def __init__(self, data):
        (_, self.version, self.kind, self.flags, self.extensions_length, self.payload_length, self.sequence,
         self.channel, self.header_check) = HEADER.unpack_from(data)
        self.data = bytes(data)
        self.extensions = self.data[20:20 + self.extensions_length]
        self.payload = self.data[20 + self.extensions_length:20 + self.extensions_length + self.payload_length]

    @property
    def checksum_holds(self):
        return not self.flags & CHECKSUM or zlib.crc32(self.data[:-4]) == struct.unpack(">I", self.data[-4:])[0]


class Reader:
    """Takes bytes as they arrive and gives the frames in them; skips what is not a frame."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        while True:
            at = self.buffer.find(MAGIC)
            if at < 0:
                del self.buffer[:-1]
                return
            del self.buffer[:at]
            if len(self.buffer) < 20:
                return
            fields = header(self.buffer)
            if fields is None or fields[5] > PAYLOAD_LIMIT:
                del self.buffer[:2]
                continue
            end = 20 + fields[4] + fields[5] + (16 if fields[3] & AUTH else 0) + (4 if fields[3] & CHECKSUM else 0)
            if len(self.buffer) < end:
                return
            frame = Frame(self.buffer[:end])
            if not frame.checksum_holds:
                # The length may be false: look for frames inside.
                del self.buffer[:20]
                continue
            del self.buffer[:end]
            yield frame


def fields(data):
    """What a peer's log says of a frame it sent: the fields as the sender meant them."""
    frame = Frame(data)
    said = {"kind": KINDS.get(frame.kind, f"0x{frame.kind:02x}"), "version": frame.version, "flags": frame.flags,
            "extensions_length": frame.extensions_length, "payload_length": frame.payload_length,
            "sequence": frame.sequence, "channel": frame.channel, "header_check": frame.header_check}
    extensions, rest = [], frame.extensions
    while rest:
        tag, length = struct.unpack_from(">BH", rest)
        extensions.append({"tag": tag & 0x7F, "critical": bool(tag & CRITICAL), "value": rest[3:3 + length].hex()})
        rest = rest[3 + length:]
    said["extensions"] = extensions
    payload = frame.payload
    if frame.kind == LOGIN:
        (user,) = struct.unpack_from(">H", payload)
        said["user"] = payload[2:2 + user].decode()
        said["credential"] = payload[4 + user:].hex()
    elif frame.kind == ERROR:
        said["code"], said["text"] = struct.unpack_from(">H", payload)[0], payload[2:].decode()
    else:
        said["payload"] = payload.hex() if len(payload) <= 256 else {"sha256": hashlib.sha256(payload).hexdigest()}
    end = len(data)
    if frame.flags & CHECKSUM:
        said["checksum"] = struct.unpack(">I", data[end - 4:])[0]
        end -= 4
    if frame.flags & AUTH:
        said["tag"] = data[end - 16:end].hex()
    return said
