"""Reads the same stream of messages with asyncio, by `readexactly` and struct, and by framescope.

    python3 streams.py READER FROM STREAM

READER is `struct`, `decoder` (a Decoder that is fed) or `framescope` (framescope.aio), or one of these with `-fields`: then kind, id
and text of each message are looked at. FROM is `memory` (a StreamReader that holds everything) or `socket` (another process sends). STREAM is a file of messages. Both compute
each message's check. Prints the messages and the seconds.
"""

import asyncio
import json
import multiprocessing
import pathlib
import socket
import struct
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {1: "login", 2: "logout", 3: "data"}
HEAD, CHECK = struct.Struct(">BHI"), struct.Struct(">I")


async def by_struct(reader):
    """The loop of every tutorial."""
    messages = total = 0
    while True:
        try:
            head = await reader.readexactly(7)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return messages, total
        kind, length, number = HEAD.unpack(head)
        rest = await reader.readexactly(length + 4)
        (check,) = CHECK.unpack_from(rest, length)
        if zlib.crc32(rest[:length], zlib.crc32(head)) != check:
            raise ValueError("a message is damaged")
        message = {"kind": KINDS[kind], "id": number, "text": rest[:length].decode()}
        messages += 1
        total += message["id"] + len(message["text"]) + (message["kind"] == "data")


async def by_struct_bare(reader):
    """The same without looking at the fields: the least that finds messages and checks them."""
    messages = 0
    while True:
        try:
            head = await reader.readexactly(7)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return messages, 0
        length = HEAD.unpack(head)[1]
        rest = await reader.readexactly(length + 4)
        if zlib.crc32(rest[:length], zlib.crc32(head)) != CHECK.unpack_from(rest, length)[0]:
            raise ValueError("a message is damaged")
        messages += 1


async def by_framescope(reader):
    from framescope.aio import MessageReader

    messages = 0
    async for _ in MessageReader(reader, HERE / "mine.ksy"):
        messages += 1
    return messages, 0


async def by_framescope_fields(reader):
    from framescope.aio import MessageReader

    messages = total = 0
    async for message in MessageReader(reader, HERE / "mine.ksy"):
        messages += 1
        total += message["id"] + len(message["text"]) + (message.kind == "data")
    return messages, total


async def by_decoder(reader):
    import framescope

    decoder = framescope.Protocol.from_ksy(HERE / "mine.ksy").decoder()
    messages = 0
    while data := await reader.read(1 << 16):
        found = decoder.feed(data)
        if not found.is_intact:
            raise ValueError("a message is damaged")
        for _ in found:
            messages += 1
    return messages, 0


async def by_decoder_fields(reader):
    import framescope

    decoder = framescope.Protocol.from_ksy(HERE / "mine.ksy").decoder()
    messages = total = 0
    while data := await reader.read(1 << 16):
        found = decoder.feed(data)
        if not found.is_intact:
            raise ValueError("a message is damaged")
        for message in found:
            messages += 1
            total += message["id"] + len(message["text"]) + (message.kind == "data")
    return messages, total


READERS = {
    "struct": by_struct_bare,
    "struct-fields": by_struct,
    "decoder": by_decoder,
    "decoder-fields": by_decoder_fields,
    "framescope": by_framescope,
    "framescope-fields": by_framescope_fields,
}


async def timed(read, reader):
    """The seconds, and those of the processor: others may need that too."""
    begun, begun_cpu = time.perf_counter(), time.process_time()
    found = await read(reader)
    return *found, time.perf_counter() - begun, time.process_time() - begun_cpu


async def from_memory(read, data):
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await timed(read, reader)


def send(port, data):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(data)


async def from_socket(read, data):
    done = asyncio.get_running_loop().create_future()

    async def handle(reader, writer):
        try:
            done.set_result(await timed(read, reader))
        except BaseException as error:
            done.set_exception(error)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    sender = multiprocessing.Process(target=send, args=(server.sockets[0].getsockname()[1], data))
    sender.start()
    found = await done
    sender.join()
    server.close()
    return found


if __name__ == "__main__":
    try:
        import framescope.aio  # noqa: F401
    except ImportError:
        pass
    stream = pathlib.Path(sys.argv[3]).read_bytes()
    run = {"memory": from_memory, "socket": from_socket}[sys.argv[2]]
    messages, total, seconds, cpu = asyncio.run(run(READERS[sys.argv[1]], stream))
    print(json.dumps({"seconds": seconds, "cpu": cpu, "contents": [messages, total]}))
