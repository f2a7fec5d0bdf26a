"""Four clients of one chat server: every kind, every extension, checksums, authenticated frames, pings, errors, a long
text in parts, and frames split and joined by TCP."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))
import chat
import missive
import recording
from missive import ACK, AUTH, CHECKSUM, DATA, ERROR, LOGIN, LOGOUT, MORE, PING, PONG

PORT = 9000


def run(log):
    listener = recording.listen(PORT)
    chat.Server(listener, log)

    def client():
        return chat.Peer(recording.connect(PORT), log)

    ada, bo, chen = client(), client(), client()
    chat.log_in(ada, "ada", flags=CHECKSUM)
    chat.log_in(bo, "bo")
    chat.log_in(chen, "陈", flags=CHECKSUM | AUTH)

    stamp = missive.extension(missive.TIMESTAMP, struct.pack(">Q", time.time_ns() // 1000))
    trace = missive.extension(missive.TRACE_ID, bytes(range(16)))
    def everybody_reads():
        for peer in (ada, bo, chen):
            peer.idle()

    ada.send(DATA, "hello, everyone".encode(), flags=CHECKSUM, extensions=stamp + trace)
    ada.expect(ACK)
    chen.send(DATA, "你好 👋".encode(), flags=CHECKSUM | AUTH)
    chen.expect(ACK)
    json = missive.extension(missive.CONTENT_TYPE, b"application/json")
    bo.send(DATA, '{"mood": "good", "coffee": 3}'.encode(), extensions=json)
    bo.expect(ACK)
    png = missive.extension(missive.CONTENT_TYPE | missive.CRITICAL, b"image/png")
    bo.send(DATA, b"\x89PNG\r\n\x1a\n" + bytes(24), flags=CHECKSUM, extensions=png)
    bo.expect(ACK)
    # The application's extension; a receiver that does not know it may skip it.
    ada.send(DATA, b"with a private extension", extensions=missive.extension(0x41, b"\x01\x02\x03"))
    ada.expect(ACK)

    everybody_reads()
    for size in (0, 8, 64):
        ada.send(PING, os.urandom(size), flags=CHECKSUM)
        ada.expect(PONG)

    # Three frames in one write: TCP joins them.
    with ada.lock:
        joined = [ada.frame(DATA, f"joined {i}".encode(), flags=CHECKSUM) for i in range(3)]
        for frame in joined:
            ada.note(frame)
        ada.sock.sendall(b"".join(joined))
    for _ in joined:
        ada.expect(ACK)

    everybody_reads()
    # One frame in four writes: TCP cuts it, once inside the header and once inside a character.
    with chen.lock:
        cut = chen.frame(DATA, "切成四段的一条消息".encode(), flags=CHECKSUM)
        chen.note(cut)
        for begin, end in ((0, 7), (7, 21), (21, 30), (30, len(cut))):
            chen.sock.sendall(cut[begin:end])
            time.sleep(0.02)
    chen.expect(ACK)

    # A long text in parts on a separate channel.
    bo.send(LOGIN, missive.login("bo", b"secret of bo"), channel=7)
    bo.expect(ACK)
    verse = "十年生死两茫茫，不思量，自难忘。".encode()
    for part, flags in ((verse * 40, MORE | CHECKSUM), (verse * 40, MORE | CHECKSUM), (verse, CHECKSUM)):
        bo.send(DATA, part, flags=flags, channel=7)
        bo.expect(ACK)

    # More than a segment of the loopback interface holds.
    ada.send(DATA, b"0123456789abcdef" * 4200, flags=CHECKSUM,
             extensions=missive.extension(missive.CONTENT_TYPE, b"application/octet-stream"))
    ada.expect(ACK)

    # Refused: a wrong credential, a message before LOGIN, a kind that the server does not know.
    eve = client()
    eve.send(LOGIN, missive.login("eve", b"let me in"), flags=CHECKSUM)
    eve.expect(ERROR)
    eve.send(DATA, b"anybody there?")
    eve.expect(ERROR)
    eve.send(0x80, b"an application's own kind")
    eve.expect(ERROR)
    recording.hang_up(eve.sock)

    everybody_reads()
    bo.send(LOGOUT, channel=7)
    bo.expect(ACK)
    chat.log_out(bo, "到此为止")
    chat.log_out(chen, "下班了", flags=CHECKSUM | AUTH)
    chat.log_out(ada, "good night", flags=CHECKSUM)
    time.sleep(0.2)
    listener.close()


if __name__ == "__main__":
    recording.record(os.path.dirname(os.path.abspath(__file__)), run, f"tcp port {PORT}")
