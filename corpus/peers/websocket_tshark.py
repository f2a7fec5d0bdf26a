"""Writes what tshark sees of the WebSockets in captures: tshark.txt beside each, with a line for each frame.

    python3 websocket_tshark.py CAPTURE...

A line has the connection, the side (c or s), opcode, fin, whether it is compressed, masking key, length, close code, and the SHA-256
of the contents as tshark shows them without mask and unpacked. A dash is what tshark does not show.
"""

import hashlib
import os
import subprocess
import sys
import xml.etree.ElementTree as tree


def frames(capture, options=()):
    """Of each frame its connection, sender's port, and a line."""
    command = ["tshark", "-r", capture, "-o", "websocket.text_type:None", *options, "-Y", "websocket", "-T", "pdml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for _, packet in tree.iterparse(process.stdout):
            if packet.tag != "packet":
                continue
            where, found = None, []
            for layer in packet.iter("proto"):
                if layer.get("name") == "tcp":
                    get = lambda name: next(field.get("show") for field in layer.iter("field") if field.get("name") == name)
                    where = get("tcp.stream"), get("tcp.srcport")
                if layer.get("name") == "websocket":
                    found.append(Frame(layer))
                elif layer.get("name") == "data" and found:
                    found[-1].contents = next((bytes.fromhex(field.get("value")) for field in layer.iter("field")
                                               if field.get("name") == "data.data"), None)
            for frame in found:
                yield *where, frame
            packet.clear()


class Frame:
    def __init__(self, layer):
        fields = {}
        for field in layer.iter("field"):
            fields.setdefault(field.get("name"), field)
        show = lambda name, default="-": fields[name].get("show") if name in fields else default
        self.numbers = [show("websocket.opcode"), show("websocket.fin"), show("websocket.pmc", "0"),
                        show("websocket.masking_key").replace(":", ""),
                        show("websocket.payload_length_ext_64", show("websocket.payload_length_ext_16",
                                                                     show("websocket.payload_length"))),
                        show("websocket.payload.close.status_code")]
        text = fields.get("websocket.payload.text")
        ping = fields.get("websocket.payload.ping", fields.get("websocket.payload.pong"))
        if text is not None:
            self.contents = bytes.fromhex(text.get("value"))
        elif ping is not None:
            self.contents = bytes.fromhex(ping.get("value"))
        else:
            self.contents = None

    def line(self):
        return " ".join([*self.numbers, "-" if self.contents is None else hashlib.sha256(self.contents).hexdigest()])


def lines(capture, options=()):
    clients = {}
    for stream, port, frame in frames(capture, options):
        # Only a client masks.
        if frame.numbers[3] != "-":
            clients[stream] = port
        side = "c" if clients.get(stream) == port else "s"
        yield f"{stream} {side} {frame.line()}"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(os.path.join(os.path.dirname(path), "tshark.txt"), "w", encoding="utf-8") as file:
            file.write("# Made by corpus/peers/websocket_tshark.py: connection, side, opcode, fin, compressed, key, length, close code, SHA-256\n")
            for line in lines(path):
                file.write(line + "\n")
