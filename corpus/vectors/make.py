"""Writes missive.json: the test vectors of FORMAT.md. Run it after a change here, and read the difference."""

import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))
from missive import (ACK, AUTH, CHECKSUM, CONTENT_TYPE, CRITICAL, DATA, ERROR, LOGIN, LOGOUT, MORE, PING, PONG, REPLY,
                     SENDER, TIMESTAMP, TRACE_ID, encode, error, extension, login)

KEY = bytes.fromhex("6672616d6573636f706520746573742d6b6579")
frames, refused, streams = [], [], []


def frame(name, about, says, kind, payload=b"", *, extensions=(), **more):
    """A frame that every receiver with the key takes."""
    area = b"".join(extension(tag, value) for tag, value in extensions)
    data = encode(kind, payload, extensions=area, key=KEY, **more)
    frames.append({
        "name": name, "about": about, "hex": data.hex(),
        "kind": kind, "flags": more.get("flags", 0), "sequence": more.get("sequence", 0),
        "channel": more.get("channel", 0), "payload": payload.hex(),
        "extensions": [{"tag": tag & 0x7F, "critical": bool(tag & CRITICAL), "value": value.hex()}
                       for tag, value in extensions],
        "says": says,
    })
    return data


def refuse(name, about, problem, field, offset, data):
    """A frame, or what looks like one, that a receiver must refuse."""
    refused.append({"name": name, "about": about, "hex": data.hex(), "problem": problem, "field": field,
                    "offset": offset})


def stream(name, about, data, *rows):
    """A stream, and the rows it falls into."""
    offset, said = 0, []
    for row, length, reason in rows:
        said.append({"type": row, "offset": offset, "length": length, "reason": reason})
        offset += length
    assert offset == len(data), name
    streams.append({"name": name, "about": about, "hex": data.hex(), "rows": said})


def checked(data):
    """The header with its check made to hold, and what follows it."""
    import binascii
    return data[:18] + struct.pack(">H", binascii.crc_hqx(data[:18], 0)) + data[20:]


def patched(data, at, value):
    return data[:at] + value + data[at + len(value):]


# Each kind.
frame("login", "Ada opens channel 0.", {"user": "ada", "credential": b"secret".hex()},
      LOGIN, login("ada", b"secret"))
frame("logout", "She leaves, and says why.", {"reason": "再见"}, LOGOUT, "再见".encode(), sequence=4)
frame("data", "Text, with a checksum.", {"content": "hello"}, DATA, b"hello", flags=CHECKSUM, sequence=1)
frame("ack", "The reply to sequence 1.", {"note": ""}, ACK, flags=REPLY, sequence=1)
frame("error", "The refusal of sequence 1.", {"code": 403, "text": "who are you?"},
      ERROR, error(403, "who are you?"), flags=REPLY, sequence=1)
frame("ping", "Are you there?", {"bytes": b"1234".hex()}, PING, b"1234", sequence=2)
frame("pong", "Yes, and here is what you sent.", {"bytes": b"1234".hex()}, PONG, b"1234", flags=REPLY, sequence=2)
frame("application-kind", "An application's kind.", {"bytes": "07"}, 0x80, b"\x07", sequence=3)
# Each extension.
frame("timestamp", "Made at 2026-01-02T03:04:05.678901Z.", {"content": "now"}, DATA, b"now",
      extensions=[(TIMESTAMP, struct.pack(">Q", 1767323045678901))])
frame("content-type", "Content that is not text.", {"content": {"bytes": "89504e47"}}, DATA, b"\x89PNG",
      extensions=[(CONTENT_TYPE, b"image/png")])
frame("content-type-json", "JSON is UTF-8, as text is.", {"content": "{}"}, DATA, b"{}",
      extensions=[(CONTENT_TYPE, b"application/json")])
frame("content-type-latin-1", "Text in another character set is bytes.", {"content": {"bytes": "e9"}}, DATA, b"\xe9",
      extensions=[(CONTENT_TYPE, b"text/plain; charset=iso-8859-1")])
frame("sender", "Relayed for ada.", {"content": "hi"}, DATA, b"hi", extensions=[(SENDER, b"ada")])
frame("trace-id", "A part of a task.", {"content": ""}, DATA, extensions=[(TRACE_ID, bytes(range(16)))])
frame("critical-known", "A critical extension that every receiver knows.", {"content": ""}, DATA,
      extensions=[(TIMESTAMP | CRITICAL, bytes(8))])
frame("application-extension", "An application's extension, which others skip.", {"content": ""}, DATA,
      extensions=[(0x40, b"\x01\x02")])
frame("two-extensions", "In any order.", {"content": "hi"}, DATA, b"hi",
      extensions=[(SENDER, "陈".encode()), (CONTENT_TYPE, b"text/plain")])
# Each flag.
frame("signed", "With a tag, and a checksum over that too.", {"content": "signed"}, DATA, b"signed",
      flags=CHECKSUM | AUTH, sequence=7, channel=2)
frame("more", "The first part of longer content.", {"content": "to be "}, DATA, b"to be ", flags=MORE, sequence=8)
frame("reserved-flags", "Bits without a meaning are ignored.", {"content": ""}, DATA, flags=0x8000)
frame("biggest-numbers", "All ones where they may be.", {"bytes": ""}, 0xFF, sequence=0xFFFFFFFF, channel=0xFFFF)
frame("long-ping", "More than 64 bytes deserve a warning, and are accepted.", {"bytes": "00" * 65}, PING, bytes(65))
frame("login-with-more", "Bytes after the credential are left to later versions.",
      {"user": "ada", "credential": ""}, LOGIN, login("ada", b"") + b"later")

# What must be refused.
plain, summed = encode(DATA, b"hello"), encode(DATA, b"hello", flags=CHECKSUM)
signed = encode(DATA, b"hello", flags=AUTH, key=KEY)
refuse("magic", "Another first byte.", "not-a-frame", "magic", 0, patched(plain, 0, b"\x00"))
refuse("header-check", "A flipped bit in the header.", "header-check-mismatch", "header_check", 18,
       patched(plain, 12, b"\x80"))
refuse("too-long", "More payload than a receiver accepts.", "payload-too-long", "payload_length", 8,
       checked(patched(plain, 8, b"\x7f")))
refuse("version", "A later version.", "unknown-version", "version", 2, encode(DATA, b"?", version=2))
refuse("checksum", "A flipped bit in the payload.", "checksum-mismatch", "checksum", 25, patched(summed, 20, b"j"))
refuse("tag", "A frame signed with another key.", "tag-mismatch", "tag", 25, encode(DATA, b"hello", flags=AUTH, key=b"?"))
refuse("extension-head", "An extension needs three bytes.", "extension-overrun", "extensions", 20,
       encode(DATA, extensions=b"\x03\x00"))
refuse("extension-overrun", "Four bytes are claimed, three are left.", "extension-overrun", "length", 21,
       encode(DATA, extensions=b"\x03\x00\x04abc"))
refuse("timestamp-size", "A TIMESTAMP has eight bytes.", "extension-size", "length", 21,
       encode(DATA, extensions=extension(TIMESTAMP, bytes(7))))
refuse("trace-id-size", "A TRACE_ID has sixteen.", "extension-size", "length", 21,
       encode(DATA, extensions=extension(TRACE_ID, bytes(17))))
refuse("sender-utf8", "A SENDER is UTF-8.", "invalid-utf8", "value", 24,
       encode(DATA, extensions=extension(SENDER, b"a\xff")))
refuse("critical", "A critical extension that this receiver does not know.", "critical-extension", "extensions", 20,
       encode(DATA, extensions=extension(0x40 | CRITICAL, b"")))
refuse("login-overrun", "The user's length points past the payload.", "payload-overrun", "user_length", 20,
       encode(LOGIN, b"\x00\x04ada"))
refuse("login-short", "No credential.", "payload-overrun", "credential_length", 25, encode(LOGIN, b"\x00\x03ada"))
refuse("error-short", "No room for a code.", "payload-overrun", "code", 20, encode(ERROR, b"\x01"))
refuse("data-utf8", "Text that ends in the middle of a character.", "invalid-utf8", "content", 21,
       encode(DATA, b"a\xe4\xbd"))

# Streams.
one, two = encode(DATA, b"one", flags=CHECKSUM, sequence=1), encode(DATA, b"two", flags=CHECKSUM, sequence=2)
stream("two-frames", "Frames follow each other directly.", one + two, ("message", 27, None), ("message", 27, None))
stream("garbage", "Bytes that are not a frame are skipped up to the next.", one + b"\xf5\xf5\x4d garbage" + two,
       ("message", 27, None), ("skipped", 11, "not-a-frame"), ("message", 27, None))
stream("starts-inside", "A stream whose first bytes were missed.", one[9:] + two,
       ("skipped", 18, "not-a-frame"), ("message", 27, None))
stream("corrupt-header", "A header that is not trusted costs its frame.", patched(one, 9, b"\x40") + two,
       ("skipped", 27, "header-check-mismatch"), ("message", 27, None))
stream("corrupt-payload", "Another header follows where the frame ends, so its length is true.",
       patched(one, 20, b"O") + two, ("message", 27, None), ("message", 27, None))
stream("corrupt-last-payload", "The end follows where the frame ends.", patched(one, 20, b"O"), ("message", 27, None))
longer = checked(patched(one, 8, struct.pack(">I", 8)))
stream("false-length", "A length that the checksum exposes: the frames it claims are found.", longer + two + two,
       ("skipped", 20, "length-suspect"), ("skipped", 7, "not-a-frame"), ("message", 27, None), ("message", 27, None))
unchecked = checked(patched(encode(DATA, b"one"), 8, struct.pack(">I", 30)))
stream("false-length-unchecked", "Without a checksum a false length costs what it claims.", unchecked + two + two,
       ("message", 50, None), ("message", 27, None))
stream("over-the-limit", "Of a header over the limit its 20 bytes.",
       checked(patched(one, 8, b"\xff\xff\xff\xff"))[:20] + two, ("skipped", 20, "payload-too-long"),
       ("message", 27, None))
stream("cut-off", "The end cuts a frame off.", one + two[:22], ("message", 27, None), ("partial", 22, None))
stream("cut-in-magic", "Two bytes are enough to be the beginning of one.", one + two[:2],
       ("message", 27, None), ("partial", 2, None))
stream("cut-in-half-a-magic", "One is not.", one + two[:1], ("message", 27, None), ("skipped", 1, "not-a-frame"))
stream("other-version", "A frame of a later version has an end all the same.",
       encode(DATA, b"?", version=9, flags=CHECKSUM) + two, ("message", 25, None), ("message", 27, None))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "missive.json")
with open(path, "w", encoding="utf-8") as file:
    json.dump({"key": KEY.hex(), "frames": frames, "refused": refused, "streams": streams}, file, ensure_ascii=False,
              indent=1)
    file.write("\n")
print(f"{len(frames)} frames, {len(refused)} refused, {len(streams)} streams")
