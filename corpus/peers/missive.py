"""Missive, version 1, with the Python standard library alone. Written from FORMAT.md, not from the Rust parser: the two
can disagree, and tests compare them."""

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


# Writing


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


# Reading one frame


class Refused(Exception):
    """A frame that a receiver must refuse: the problem, the field it is in, and that field's offset."""

    def __init__(self, problem, field, offset):
        super().__init__(f"{problem}: {field} at offset {offset}")
        self.problem, self.field, self.offset = problem, field, offset


def header(data):
    """The header that data begins with, or None if it can't be trusted."""
    if len(data) < 20 or data[:2] != MAGIC:
        return None
    fields = HEADER.unpack_from(data)
    return fields if binascii.crc_hqx(bytes(data[:18]), 0) == fields[8] else None


def end_of(fields):
    """The length of a frame with that header."""
    flags = fields[3]
    return 20 + fields[4] + fields[5] + (16 if flags & AUTH else 0) + (4 if flags & CHECKSUM else 0)


def checksum_holds(frame):
    return zlib.crc32(frame[:-4]) == struct.unpack(">I", frame[-4:])[0]


class Frame:
    """A complete frame whose header is trusted."""

    def __init__(self, data):
        (_, self.version, self.kind, self.flags, self.extensions_length, self.payload_length, self.sequence,
         self.channel, self.header_check) = HEADER.unpack_from(data)
        self.data = bytes(data)
        payload = 20 + self.extensions_length
        self.extensions = self.data[20:payload]
        self.payload = self.data[payload:payload + self.payload_length]

    def walk(self):
        """Tag, critical, value and offset of each extension."""
        at = 0
        while at < len(self.extensions):
            rest = self.extensions[at:]
            if len(rest) < 3:
                raise Refused("extension-overrun", "extensions", 20 + at)
            tag, length = struct.unpack_from(">BH", rest)
            if length > len(rest) - 3:
                raise Refused("extension-overrun", "length", 20 + at + 1)
            yield tag & 0x7F, bool(tag & CRITICAL), rest[3:3 + length], 20 + at
            at += 3 + length

    def check(self, key=None, known=()):
        """Raises Refused unless the frame is well-formed. `known` are the application's extensions."""
        if self.version != 1:
            raise Refused("unknown-version", "version", 2)
        end = len(self.data)
        if self.flags & CHECKSUM:
            end -= 4
            if not checksum_holds(self.data):
                raise Refused("checksum-mismatch", "checksum", end)
        if self.flags & AUTH and key is not None:
            end -= 16
            if not hmac.compare_digest(hmac.digest(key, self.data[:end], "sha256")[:16], self.data[end:end + 16]):
                raise Refused("tag-mismatch", "tag", end)
        for tag, critical, value, at in self.walk():
            size = {TIMESTAMP: 8, TRACE_ID: 16}.get(tag, len(value))
            if len(value) != size:
                raise Refused("extension-size", "length", at + 1)
            if tag in (CONTENT_TYPE, SENDER):
                utf8(value, "value", at + 3)
            elif critical and tag not in (TIMESTAMP, TRACE_ID, *known):
                raise Refused("critical-extension", "extensions", at)
        return self

    def content_type(self):
        types = [value for tag, _, value, _ in self.walk() if tag == CONTENT_TYPE]
        return types[-1].decode() if types else "text/plain; charset=utf-8"

    def says(self):
        """The payload decoded, by name. Raises Refused if it is malformed."""
        payload, at = self.payload, 20 + self.extensions_length
        if self.kind == LOGIN:
            said = {}
            for name in ("user", "credential"):
                start = len(self.payload) - len(payload)
                if len(payload) < 2 or len(payload) - 2 < int.from_bytes(payload[:2], "big"):
                    raise Refused("payload-overrun", f"{name}_length", at + start)
                end = 2 + int.from_bytes(payload[:2], "big")
                said[name], payload = payload[2:end], payload[end:]
            return {"user": utf8(said["user"], "user", at + 2), "credential": said["credential"].hex()}
        if self.kind == ERROR:
            if len(payload) < 2:
                raise Refused("payload-overrun", "code", at)
            return {"code": int.from_bytes(payload[:2], "big"), "text": utf8(payload[2:], "text", at + 2)}
        if self.kind == DATA and not is_text(self.content_type()):
            return {"content": {"bytes": payload.hex()}}
        if self.kind in (LOGOUT, DATA, ACK):
            name = {LOGOUT: "reason", DATA: "content", ACK: "note"}[self.kind]
            return {name: utf8(payload, name, at)}
        return {"bytes": payload.hex()}


def utf8(data, field, offset):
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused("invalid-utf8", field, offset + error.start) from None


def is_text(content_type):
    """Whether content of that type is UTF-8: text and JSON, unless another character set is named."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    top, _, sub = media_type.partition("/")
    charsets = [value.strip().strip('"') for name, _, value in (p.partition("=") for p in parameters)
                if name.strip() == "charset"]
    return (top == "text" or sub.endswith("json")) and (charsets or ["utf-8"])[0] in ("utf-8", "utf8", "us-ascii")


def decode(data, key=None, limit=PAYLOAD_LIMIT, known=()):
    """The frame that data begins with and is all of it. Raises Refused if it must be refused."""
    fields = header(data)
    if fields is None:
        if data[:2] == MAGIC:
            raise Refused("header-check-mismatch", "header_check", 18)
        raise Refused("not-a-frame", "magic", 0)
    if fields[5] > limit:
        raise Refused("payload-too-long", "payload_length", 8)
    return Frame(data[:end_of(fields)]).check(key, known)


# Reading a stream


def find_header(data, start):
    """Where the next trusted header begins, or one of which too few bytes are there; else the end."""
    while (at := data.find(MAGIC[:1], start)) >= 0:
        left = len(data) - at
        if header(data[at:at + 20]) or left < 20 and MAGIC.startswith(bytes(data[at:at + 2])):
            return at
        start = at + 1
    return len(data)


def step(data, last, limit=PAYLOAD_LIMIT):
    """What comes first: ("message" | "partial" | "skipped", how many bytes, why), or None where more are needed."""
    fields = header(data[:20])
    if fields is None:
        may_begin = MAGIC.startswith(bytes(data[:2])) and len(data) < 20
        if may_begin and not last:
            return None
        if may_begin and len(data) >= 2:
            return "partial", len(data), None
        return "skipped", find_header(data, 1), "header-check-mismatch" if data[:2] == MAGIC else "not-a-frame"
    if fields[5] > limit:
        return "skipped", 20, "payload-too-long"
    end = end_of(fields)
    if len(data) < end:
        return ("partial", len(data), None) if last else None
    if not fields[3] & CHECKSUM or checksum_holds(bytes(data[:end])):
        return "message", end, None
    # The length may be false: what follows the frame decides.
    behind = data[end:end + 20]
    if header(behind) or last and not behind:
        return "message", end, None
    if not last and len(behind) < 20 and MAGIC.startswith(bytes(behind[:2])):
        return None
    return "skipped", 20, "length-suspect"


class Reader:
    """Takes bytes as they arrive and yields the frames in them; skips what is not a frame."""

    def __init__(self, limit=PAYLOAD_LIMIT):
        self.buffer, self.limit = bytearray(), limit

    def feed(self, data, last=False):
        for row in self.rows(data, last):
            if row[0] == "message":
                yield Frame(row[1])

    def rows(self, data, last=False):
        """Type, bytes and reason of each stretch."""
        self.buffer += data
        while self.buffer and (found := step(self.buffer, last, self.limit)):
            row, length, reason = found
            yield row, bytes(self.buffer[:length]), reason
            # Python moves a bytearray's start, not its bytes.
            del self.buffer[:length]


def rows(pieces, limit=PAYLOAD_LIMIT):
    """Type, offset, length and reason of each row of a stream that arrives in pieces. What is skipped while searching
    is one row, whose reason is the first."""
    reader, found, at = Reader(limit), [], 0
    for piece, last in [*((piece, False) for piece in pieces), (b"", True)]:
        for row, data, reason in reader.rows(piece, last):
            continues = (found and found[-1][0] == row == "skipped" and reason in ("not-a-frame", "header-check-mismatch")
                       and found[-1][3] in ("not-a-frame", "header-check-mismatch"))
            if continues:
                found[-1][2] += len(data)
            else:
                found.append([row, at, len(data), reason])
            at += len(data)
    return found


# A log's lines


def fields(data):
    """A line of a peer's log for a frame it sent: the fields as the sender meant them."""
    frame = Frame(data)
    said = {"kind": KINDS.get(frame.kind, f"0x{frame.kind:02x}"), "version": frame.version, "flags": frame.flags,
            "extensions_length": frame.extensions_length, "payload_length": frame.payload_length,
            "sequence": frame.sequence, "channel": frame.channel, "header_check": frame.header_check}
    said["extensions"] = [{"tag": tag, "critical": critical, "value": value.hex()}
                          for tag, critical, value, _ in frame.walk()]
    if frame.kind in (LOGIN, ERROR):
        said |= frame.says()
    else:
        payload = frame.payload
        said["payload"] = payload.hex() if len(payload) <= 256 else {"sha256": hashlib.sha256(payload).hexdigest()}
    end = len(data)
    if frame.flags & CHECKSUM:
        said["checksum"] = struct.unpack(">I", data[end - 4:])[0]
        end -= 4
    if frame.flags & AUTH:
        said["tag"] = data[end - 16:end].hex()
    return said
