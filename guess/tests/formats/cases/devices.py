"""Devices: binary messages with checks, which their libraries encode for both sides."""

import random
import struct

from . import spoken


def some(chance, messages, talks=3):
    """Conversations of so many messages each, one piece for each message or for two."""
    pieces, found = [], []
    for message in messages:
        pieces.append(message)
    size = -(-len(pieces) // talks)
    for begin in range(0, len(pieces), size):
        part, joined = pieces[begin:begin + size], []
        while part:
            count = chance.choice([1, 1, 1, 2])
            joined.append(b"".join(part[:count]))
            part = part[count:]
        found.append(joined)
    return found


# u-blox receivers: UBX, "u-blox M8 Receiver Description", section 32. pyubx2 encodes.

def ubx_run():
    from pyubx2 import GET, POLL, UBXMessage
    chance = random.Random(11)
    asked = [UBXMessage("NAV", name, POLL).serialize()
             for name in chance.choices(["NAV-POSLLH", "NAV-VELNED", "NAV-STATUS", "NAV-TIMEUTC"], k=70)]
    asked += [UBXMessage("CFG", "CFG-MSG", POLL, msgClass=1, msgID=kind).serialize() for kind in range(10)]
    time = [356_000_000]

    def answer(piece, chance):
        replies = []
        while piece:
            kind, number, length = piece[2], piece[3], struct.unpack_from("<H", piece, 4)[0]
            piece = piece[8 + length:]
            time[0] += 250
            now = time[0]
            if (kind, number) == (1, 2):
                message = UBXMessage("NAV", "NAV-POSLLH", GET, iTOW=now, lon=chance.uniform(8, 8.1), lat=chance.uniform(47, 47.1),
                                     height=chance.randrange(400000, 500000), hMSL=chance.randrange(352000, 452000),
                                     hAcc=chance.randrange(900, 4000), vAcc=chance.randrange(900, 6000))
            elif (kind, number) == (1, 0x12):
                message = UBXMessage("NAV", "NAV-VELNED", GET, iTOW=now, velN=chance.randrange(-900, 900),
                                     velE=chance.randrange(-900, 900), velD=chance.randrange(-90, 90),
                                     speed=chance.randrange(1300), gSpeed=chance.randrange(1300),
                                     heading=chance.uniform(0, 360), sAcc=chance.randrange(60), cAcc=chance.uniform(0, 9))
            elif (kind, number) == (1, 3):
                message = UBXMessage("NAV", "NAV-STATUS", GET, iTOW=now, gpsFix=3, gpsFixOk=1, ttff=21000, msss=now - 355_900_000)
            elif (kind, number) == (1, 0x21):
                message = UBXMessage("NAV", "NAV-TIMEUTC", GET, iTOW=now, tAcc=chance.randrange(20, 60), nano=chance.randrange(-400, 400),
                                     year=2026, month=11, day=29, hour=17, min=now // 60000 % 60, sec=now // 1000 % 60)
            else:
                message = UBXMessage("ACK", "ACK-ACK", GET, clsID=kind, msgID=number)
            replies.append(message.serialize())
        return replies

    spoken(24001, some(chance, asked), answer)


def ubx_read(reader, side, state):
    bodies = {(1, 2): "number:4 number:4 number:4 number:4 number:4 number:4 number:4",
              (1, 0x12): "number:4 number:4 number:4 number:4 number:4 number:4 number:4 number:4 number:4",
              (1, 3): "number:4 number:1 number:1 number:1 number:1 number:4 number:4",
              (1, 0x21): "number:4 number:4 number:4 number:2 number:1 number:1 number:1 number:1 number:1 number:1"}
    while reader.left:
        reader.take("constant", 2)
        kind, number, length = reader.fields("number:1 number:1 length:2")
        body = bodies.get((kind, number))
        if body and length:
            reader.fields(body)
        else:
            reader.fields("number:1 " * length)
        reader.take("check", 2)
        reader.end()


# RTCM 3 corrections: RTCM 10403.3, section 4. pyrtcm's functions write length and check.

def rtcm_run():
    from pyrtcm.rtcmhelpers import crc2bytes, len2bytes
    chance = random.Random(12)

    def message(kind):
        size = {1005: 19, 1074: chance.randrange(60, 110), 1084: chance.randrange(50, 90), 1230: 8, 1033: 40}[kind]
        body = struct.pack(">H", kind << 4 | 7) + chance.randbytes(size - 2)
        head = b"\xd3" + len2bytes(body)
        return head + body + crc2bytes(head + body)

    kinds = [kind for _ in range(60) for kind in (1074, 1084, *chance.choices([1005, 1230, 1033], k=1))]
    spoken(24002, some(chance, [message(kind) for kind in kinds], 2), lambda piece, chance: [])


def rtcm_read(reader, side, state):
    while reader.left:
        reader.take("constant", 1)
        length = reader.number("length", 2) & 0x3FF
        reader.take("random", length)
        reader.take("check", 3)
        reader.end()


# Tuya's sockets and lamps, version 3.3, as tinytuya's documentation of the protocol has it. tinytuya encodes; what is encrypted is random here.

def tuya_run():
    from tinytuya.core.message_helper import TuyaMessage, pack_message
    chance = random.Random(14)
    number = [0]

    def message(command, body, key=None):
        number[0] += 1
        return pack_message(TuyaMessage(number[0], command, None, body, 0, True, 0x55AA, False))

    asked = []
    for _ in range(110):
        command = chance.choice([9, 10, 10, 7, 13])
        body = {9: b"", 10: b'{"gwId":"bf0123456789abcdef","devId":"bf0123456789abcdef"}',
                7: b"3.3" + bytes(12) + chance.randbytes(16 * chance.randrange(3, 7)),
                13: b"3.3" + bytes(12) + chance.randbytes(48)}[command]
        asked.append(message(command, body))

    def answer(piece, chance):
        replies = []
        while piece:
            sequence, command, length = struct.unpack_from(">III", piece, 4)
            piece = piece[16 + length:]
            body = b"" if command == 9 else chance.randbytes(16 * chance.randrange(1, 9))
            # The device's own messages have a return code before the payload.
            replies.append(pack_message(TuyaMessage(sequence, command, 0, bytes(4) + body, 0, True, 0x55AA, False)))
        return replies

    spoken(24004, some(chance, asked), answer)


def tuya_read(reader, side, state):
    while reader.left:
        reader.take("constant", 4)
        _, command, length = reader.fields(f"{'sequence' if side == 0 else 'sequence/echo'}:4 number:4 length:4")
        body = length - 8
        if side == 1:
            reader.number("constant/number", 4)
            body -= 4
        elif reader.peek(3) == b"3.3":
            reader.take("text/constant", 3)
            reader.take("constant", 12)
            body -= 15
        reader.take("text" if side == 0 and command == 10 else "random", body)
        reader.take("check", 4)
        reader.take("constant", 4)
        reader.end()


# MAVLink 1 and 2: mavlink.io/en/guide/serialization.html. pymavlink encodes.

def mavlink_run(port, version):
    def run():
        import os
        os.environ["MAVLINK20"] = "1"
        from pymavlink.dialects.v10 import common as one
        from pymavlink.dialects.v20 import common as two
        dialect = two if version == 2 else one
        chance = random.Random(15)
        ground, vehicle = (dialect.MAVLink(None, srcSystem=system, srcComponent=component) for system, component in ((255, 190), (1, 1)))
        boot = [20_000]

        def asked():
            kind = chance.randrange(4)
            if kind == 0:
                return ground.heartbeat_encode(6, 8, 0, 0, 4).pack(ground)
            if kind == 1:
                return ground.param_request_read_encode(1, 1, b"PARAM_%d" % chance.randrange(40), -1).pack(ground)
            if kind == 2:
                return ground.command_long_encode(1, 1, 511, 0, chance.randrange(20, 40), 1e5, 0, 0, 0, 0, 0).pack(ground)
            return ground.manual_control_encode(1, chance.randrange(-1000, 1000), chance.randrange(-1000, 1000), chance.randrange(1000), 0, 0).pack(ground)

        def answer(piece, chance):
            boot[0] += chance.randrange(50, 150)
            replies = [vehicle.attitude_encode(boot[0], chance.uniform(-1, 1), chance.uniform(-1, 1), chance.uniform(-3, 3), 0.01, 0.02, chance.uniform(-1, 1))]
            if chance.random() < 0.5:
                replies.append(vehicle.global_position_int_encode(boot[0], 473977418 + chance.randrange(9999), 85455938 + chance.randrange(9999),
                                                                  488000 + chance.randrange(999), 12000 + chance.randrange(999), chance.randrange(-99, 99), chance.randrange(-99, 99), 0, chance.randrange(36000)))
            if chance.random() < 0.2:
                replies.append(vehicle.heartbeat_encode(2, 12, 81, 65536, 4))
            if chance.random() < 0.2:
                replies.append(vehicle.statustext_encode(6, chance.choice([b"GPS fix", b"Takeoff detected", b"Battery low"])))
            return [reply.pack(vehicle) for reply in replies]

        spoken(port, some(chance, [asked() for _ in range(100)], 2), answer)
    return run


def mavlink_read(reader, side, state):
    while reader.left:
        is_two = reader.number("constant", 1) == 0xFD
        length = reader.number("length", 1)
        if is_two:
            reader.fields("constant:1 constant:1")
        _, _, _, kind = reader.fields("sequence:1 constant:1 constant:1 number:" + ("3" if is_two else "1"))
        body = {30: "number:4 float:4 float:4 float:4 float:4 float:4 float:4", 33: "number:4 number:4 number:4 number:4 number:4 number:2 number:2 number:2 number:2",
                0: "number:4 number:1 number:1 number:1 number:1 number:1", 253: "number:1 text:50", 20: "number:2 number:1 number:1 text:16",
                76: "float:4 float:4 float:4 float:4 float:4 float:4 float:4 number:2 number:1 number:1 number:1",
                69: "number:2 number:2 number:2 number:2 number:2 number:1"}[kind]
        for part in body.split():
            field, _, count = part.partition(":")
            count = min(int(count), length)
            reader.take(field, count)
            length -= count
        reader.take("number", length)
        reader.take("check", 2)
        reader.end()


# Zigbee coordinators of Texas Instruments: "Z-Stack Monitor and Test API", section 2.1. zigpy-znp encodes.

def znp_run():
    import zigpy_znp.commands as c
    import zigpy_znp.types as t
    from zigpy_znp.frames import TransportFrame
    chance = random.Random(16)

    def framed(command):
        return TransportFrame(command.to_frame()).serialize()

    def asked():
        kind = chance.randrange(4)
        if kind == 0:
            return framed(c.SYS.Ping.Req())
        if kind == 1:
            return framed(c.SYS.OSALNVRead.Req(Id=chance.choice([0x21, 0x83, 0x87]), Offset=0))
        if kind == 2:
            return framed(c.AF.DataRequest.Req(DstAddr=chance.randrange(65536), DstEndpoint=1, SrcEndpoint=1, ClusterId=6, TSN=chance.randrange(256),
                                               Options=c.af.TransmitOptions.NONE, Radius=30, Data=t.Bytes(chance.randbytes(chance.randrange(3, 12)))))
        return framed(c.UTIL.LEDControl.Req(LED=0xFF, Mode=list(c.util.LEDMode)[chance.randrange(2)]))

    def answer(piece, chance):
        replies = []
        while piece:
            length, command = piece[1], piece[2:4]
            piece = piece[5 + length:]
            if command == b"\x21\x01":
                replies.append(framed(c.SYS.Ping.Rsp(Capabilities=t.MTCapabilities(0x0659))))
            elif command == b"\x21\x08":
                replies.append(framed(c.SYS.OSALNVRead.Rsp(Status=t.Status.SUCCESS, Value=t.ShortBytes(chance.randbytes(chance.choice([1, 8, 16]))))))
            elif command[1] == 1:
                replies.append(framed(c.AF.DataRequest.Rsp(Status=t.Status.SUCCESS)))
                replies.append(framed(c.AF.DataConfirm.Callback(Status=t.Status.SUCCESS, Endpoint=1, TSN=chance.randrange(256))))
            else:
                replies.append(framed(c.UTIL.LEDControl.Rsp(Status=t.Status.SUCCESS)))
        return replies

    spoken(24006, some(chance, [asked() for _ in range(110)]), answer)


def znp_read(reader, side, state):
    while reader.left:
        reader.take("constant", 1)
        length = reader.number("length", 1)
        command = bytes([reader.number("number", 1), reader.number("number", 1)])
        at, body = reader.at + length, ""
        if command == b"\x21\x08":
            body = "number:2 number:1"
        elif command == b"\x61\x08":
            body = "number:1 length:1"
        elif command == b"\x24\x01":
            body = "number:2 number:1 number:1 number:2 number:1 number:1 number:1 length:1"
        elif command == b"\x61\x01":
            body = "number:2"
        elif length < 4:
            body = "number:1 " * length
        reader.fields(body)
        reader.take("random", at - reader.at)
        reader.take("check", 1)
        reader.end()


# Spacecraft: CCSDS 133.0-B-2 (space packets) and ECSS-E-ST-70-41C (PUS). spacepackets encodes.

def ccsds_run():
    from spacepackets.ecss import PusTc, PusTm
    chance = random.Random(18)
    count = [0, 0]

    def asked():
        count[0] += 1
        service, sub = chance.choice([(17, 1), (3, 27), (8, 1), (20, 1)])
        return PusTc(service=service, subservice=sub, apid=0x42, seq_count=count[0], source_id=3,
                     app_data=chance.randbytes({17: 0, 3: 4, 8: chance.randrange(4, 30), 20: 12}[service])).pack()

    def answer(piece, chance):
        replies = []
        while piece:
            length = struct.unpack_from(">H", piece, 4)[0] + 7
            head, service = piece[:4], piece[7]
            piece = piece[length:]
            for kind, sub, body in ((1, 1, bytes(head)), (service, 2, chance.randbytes(chance.randrange(0, 24))), (1, 7, bytes(head))):
                count[1] += 1
                stamp = struct.pack(">BHI", 0x40, 25170, 62_000_000 + 1371 * count[1])
                replies.append(PusTm(service=kind, subservice=sub, apid=0x42, seq_count=count[1], timestamp=stamp, source_data=body).pack())
        return replies

    spoken(24007, some(chance, [bytes(asked()) for _ in range(80)], 2), answer)


def ccsds_read(reader, side, state):
    while reader.left:
        _, _, length = reader.fields("constant:2 sequence:2 length:2")
        end = reader.at + length + 1
        if side == 0:
            _, service, _, _ = reader.fields("constant:1 number:1 number:1 constant/number:2")
        else:
            _, service, _, _, _ = reader.fields("constant:1 number:1 number:1 sequence/number:2 number/constant:2")
            reader.take("constant", 3)
            reader.take("time/number", 4)
            if service == 1:
                reader.fields("constant:2 sequence/echo:2")
        reader.take("random", end - 2 - reader.at)
        reader.take("check", 2)
        reader.end()


# MIDI over TCP, as mido's sockets carry it: MIDI 1.0 Detailed Specification. Without running status.

def midi_run():
    import time
    import mido
    from mido.sockets import PortServer, connect
    chance = random.Random(19)
    server = PortServer("127.0.0.1", 24008)
    for talk in range(3):
        client = connect("127.0.0.1", 24008)
        got = server.accept()
        for _ in range(60):
            kind = chance.choice(["note_on", "note_off", "control_change", "program_change", "pitchwheel", "sysex", "clock"])
            about = {"note_on": {"note": chance.randrange(40, 80), "velocity": chance.randrange(1, 127), "channel": chance.randrange(3)},
                     "note_off": {"note": chance.randrange(40, 80), "channel": chance.randrange(3)},
                     "control_change": {"control": chance.choice([1, 7, 64]), "value": chance.randrange(128)},
                     "program_change": {"program": chance.randrange(128)}, "pitchwheel": {"pitch": chance.randrange(-8000, 8000)},
                     "sysex": {"data": [0x7D] + [chance.randrange(128) for _ in range(chance.randrange(3, 12))]}, "clock": {}}[kind]
            (client if chance.random() < 0.6 else got).send(mido.Message(kind, **about))
            time.sleep(0.002)
        client.close()
        time.sleep(0.1)
        got.close()
    server.close()


def midi_read(reader, side, state):
    while reader.left:
        kind = reader.number("number", 1)
        if kind == 0xF0:
            reader.until("number", b"\xf7")
        elif kind < 0xF0:
            reader.fields("number:1" if kind >> 4 in (0xC, 0xD) else "number:1 number:1")
        reader.end()


# MAVLink's covers a byte that is not sent, and depends on the kind.
EXTRA = [("both", "crc-16/mcrf4xx of the bytes before it without the first byte and with one that the kind decides, little-endian")]
CASES = {
    "ubx": {"run": ubx_run, "read": ubx_read, "filter": "tcp port 24001", "order": "<",
            "checks": [("both", "fletcher-16/256 of the bytes before it without the first 2 bytes, little-endian")]},
    "rtcm": {"run": rtcm_run, "read": rtcm_read, "filter": "tcp port 24002", "checks": [("client", "crc-24/lte-a of all bytes before it, big-endian")]},
    "tuya": {"run": tuya_run, "read": tuya_read, "filter": "tcp port 24004", "checks": [("both", "crc-32/iso-hdlc of all bytes before it, big-endian")]},
    "mavlink1": {"run": mavlink_run(24005, 1), "read": mavlink_read, "filter": "tcp port 24005", "order": "<", "checks": EXTRA},
    "mavlink2": {"run": mavlink_run(24015, 2), "read": mavlink_read, "filter": "tcp port 24015", "order": "<", "checks": EXTRA},
    "znp": {"run": znp_run, "read": znp_read, "filter": "tcp port 24006", "order": "<", "checks": [("both", "xor of the bytes before it without the first byte")]},
    "ccsds": {"run": ccsds_run, "read": ccsds_read, "filter": "tcp port 24007", "checks": [("both", "crc-16/ibm-3740 of all bytes before it, big-endian")]},
    "midi": {"run": midi_run, "read": midi_read, "filter": "tcp port 24008"},
}
