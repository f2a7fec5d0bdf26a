"""Records capture.pcapng: a program opens a serial port over the network, by pyserial's client and its port manager.

Needs tcpdump, root and pyserial 3.5.

    python3 record.py
"""

import json
import os
import pty
import sys
import threading
import time

import serial
import serial.rfc2217

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import missive
import recording

PORT = 9361


class Connection:
    """What the port manager writes to."""

    def __init__(self, sock):
        self.sock = sock

    def write(self, data):
        self.sock.sendall(data)


def serve(listener, device, out, ready):
    sock, _ = listener.accept()
    port = serial.serial_for_url("loop://", timeout=0)
    manager = serial.rfc2217.PortManager(port, Connection(sock))
    received = b""
    while data := sock.recv(4096):
        received += b"".join(manager.filter(data))
        # The device answers a frame with a PONG that has its bytes.
        while len(received) >= 20 and len(received) >= missive_length(received):
            length = missive_length(received)
            frame, received = received[:length], received[length:]
            out["client"] += frame
            answer = missive.encode(7, frame[20:52], flags=4, sequence=1)
            out["server"] += answer
            sock.sendall(b"".join(manager.escape(answer)))
        manager.check_modem_lines()
    sock.close()


def missive_length(data):
    return 20 + int.from_bytes(data[6:8], "big") + int.from_bytes(data[8:12], "big")


def run(log):
    listener = recording.listen(PORT)
    out = {"client": b"", "server": b""}
    server = threading.Thread(target=serve, args=(listener, None, out, None))
    server.start()
    port = serial.serial_for_url(f"rfc2217://127.0.0.1:{PORT}", baudrate=115200, timeout=2)
    port.parity = serial.PARITY_EVEN
    port.stopbits = serial.STOPBITS_TWO
    port.write(missive.encode(6, b"\xff\x00\r\x00\xff\xff plain \r\n", sequence=1))
    time.sleep(0.3)
    port.read(port.in_waiting)
    port.baudrate = 9600
    port.dtr = False
    port.rts = False
    port.reset_input_buffer()
    port.break_condition = True
    port.break_condition = False
    port.write(missive.encode(6, bytes(range(240, 256)), sequence=2))
    time.sleep(0.3)
    port.read(port.in_waiting)
    port.close()
    server.join()
    listener.close()
    said = [{"channel": "telnet", "from": side, "bytes": sent.hex()} for side, sent in out.items()]
    with open(os.path.join(HERE, "carried.jsonl"), "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in said)


if __name__ == "__main__":
    recording.record(HERE, run, f"tcp port {PORT}")
    os.remove(os.path.join(HERE, "sent.jsonl"))
