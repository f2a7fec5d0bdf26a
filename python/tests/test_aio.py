"""asyncio: whole messages, whatever the pieces that arrive; ends, damage, cancellation, TLS."""

import asyncio
import ssl
import subprocess

import pytest

from framescope import Protocol, aio

KSY = """
meta:
  id: mine
  endian: be
  -framescope: {kind: kind}
seq:
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: length, type: u2, valid: {max: 1000}}
  - {id: text, type: str, size: length, encoding: UTF-8}
  - {id: check, type: u1, -check: xor}
enums:
  kind: {1: login, 2: say}
"""
LIMIT = 30


@pytest.fixture(scope="module")
def mine():
    return Protocol.from_text(KSY)


@pytest.fixture(scope="module")
def texts():
    return [f"text {number} " + "é" * (number % 7) for number in range(50)]


@pytest.fixture(scope="module")
def stream(mine, texts):
    return b"".join(mine.encode({"kind": "say", "text": text}) for text in texts)


def fed(*pieces, end=True):
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    if end:
        reader.feed_eof()
    return reader


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))


async def read_texts(reader):
    return [message["text"] async for message in reader]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 100_000])
def test_messages_are_whole_whatever_the_pieces(mine, texts, stream, size):
    async def check():
        reader = asyncio.StreamReader()

        async def write():
            for at in range(0, len(stream), size):
                reader.feed_data(stream[at : at + size])
                await asyncio.sleep(0)
            reader.feed_eof()

        writing = asyncio.create_task(write())
        assert await read_texts(aio.MessageReader(reader, mine)) == texts
        await writing

    run(check())


def test_a_message_is_there_as_soon_as_its_last_byte_is(mine):
    async def check():
        data = mine.encode({"kind": "login", "text": "ada"})
        reader = fed(data, end=False)
        messages = aio.MessageReader(reader, mine)
        assert (await messages.read()).kind == "login"
        reader.feed_data(data[:-1])
        waiting = asyncio.create_task(messages.read())
        await asyncio.sleep(0)
        assert not waiting.done()
        reader.feed_data(data[-1:])
        assert (await waiting)["text"] == "ada"

    run(check())


def test_reading_at_the_end_gives_nothing_again_and_again(mine):
    async def check():
        messages = aio.MessageReader(fed(mine.encode({"kind": "login", "text": "ada"})), mine)
        assert (await messages.read())["text"] == "ada"
        assert not messages.at_eof()
        assert await messages.read() is None
        assert messages.at_eof()
        assert await messages.read() is None

    run(check())


def test_an_end_inside_a_message_says_where_and_how_much(mine):
    async def check():
        whole = mine.encode({"kind": "login", "text": "ada"})
        messages = aio.MessageReader(fed(whole, whole[:4]), mine)
        assert (await messages.read())["text"] == "ada"
        with pytest.raises(aio.IncompleteMessage, match=r"the one at byte 7 of the stream, only 4 bytes arrived") as caught:
            await messages.read()
        assert caught.value.offset == 7
        assert caught.value.partial == whole[:4]
        assert isinstance(caught.value, EOFError)
        assert await messages.read() is None

    run(check())


def test_damage_raises_and_what_follows_is_read(mine):
    async def check():
        whole = mine.encode({"kind": "login", "text": "ada"})
        messages = aio.MessageReader(fed(whole, b"\xff\xff\xff", whole * 3), mine)
        assert (await messages.read())["text"] == "ada"
        with pytest.raises(aio.DamagedMessage, match="3 bytes at byte 7 of the stream are not a message") as caught:
            await messages.read()
        assert caught.value.offset == 7
        assert caught.value.message.bytes == b"\xff\xff\xff"
        assert await read_texts(messages) == ["ada"] * 3

    run(check())


def test_a_wrong_check_raises_with_its_words(mine):
    async def check():
        whole = mine.encode({"kind": "login", "text": "ada"})
        wrong = whole[:-1] + bytes([whole[-1] ^ 1])
        messages = aio.MessageReader(fed(whole, wrong, whole), mine)
        found = []
        with pytest.raises(aio.DamagedMessage, match="the message at byte 7 of the stream is damaged: checksum-mismatch"):
            async for message in messages:
                found.append(message)
        assert len(found) == 1
        assert await read_texts(messages) == ["ada"]

    run(check())


def test_damage_is_reported_where_that_is_asked_for(mine):
    async def check():
        whole = mine.encode({"kind": "login", "text": "ada"})
        wrong = whole[:-1] + bytes([whole[-1] ^ 1])
        messages = aio.MessageReader(fed(whole, b"\xff\xff\xff", whole, wrong, whole), mine, damaged="report")
        found = [message async for message in messages]
        assert [message.type for message in found] == ["message", "skipped", "message", "message", "message"]
        assert [bool(message.problems) for message in found] == [False, True, False, True, False]
        assert b"".join(message.bytes for message in found) == whole + b"\xff\xff\xff" + whole + wrong + whole

    run(check())


def test_a_read_that_is_cancelled_loses_nothing(mine, texts, stream):
    async def check():
        reader = asyncio.StreamReader()
        messages = aio.MessageReader(reader, mine)
        found = []
        for at in range(0, len(stream), 5):
            reading = asyncio.create_task(messages.read())
            await asyncio.sleep(0)
            reader.feed_data(stream[at : at + 5])
            reading.cancel()
            try:
                found.append(await reading)
            except asyncio.CancelledError:
                pass
        reader.feed_eof()
        found += [message async for message in messages]
        assert [message["text"] for message in found] == texts

    run(check())


def test_a_loop_that_is_left_can_be_entered_again(mine, texts, stream):
    async def check():
        messages = aio.MessageReader(fed(stream), mine)
        found = []
        while not messages.at_eof():
            async for message in messages:
                found.append(message["text"])
                if len(found) % 7 == 0:
                    break
        assert found == texts

    run(check())


def certificate(folder):
    pem = folder / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {0} -out {1}"
    try:
        subprocess.run(command.format(folder / "key", folder / "cert").split(), check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("openssl, which makes a certificate, is not there")
    pem.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return pem


async def echo(reader, writer):
    async with writer:
        async for message in reader:
            await writer.send({"kind": "say", "text": message["text"].upper()})


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_and_a_client_talk(mine, texts, tls, tmp_path):
    server_options, client_options = {}, {}
    if tls:
        pem = certificate(tmp_path)
        server_options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_options["ssl"].load_cert_chain(pem)
        client_options = {"ssl": ssl.create_default_context(cafile=pem), "server_hostname": "localhost"}
        client_options["ssl"].check_hostname = False

    async def check():
        server = await aio.start_server(echo, "127.0.0.1", 0, mine, **server_options)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await aio.open_connection("127.0.0.1", port, mine, **client_options)
        async with writer:
            for text in texts:
                await writer.send({"kind": "say", "text": text})
                assert (await reader.read())["text"] == text.upper()
            assert writer.get_extra_info("peername")[1] == port
        server.close()

    run(check())


def test_a_message_is_written_by_its_fields_its_bytes_or_itself(mine):
    class Stream:
        written = b""

        def write(self, data):
            self.written += data

    data = mine.encode({"kind": "login", "text": "ada"})
    stream = Stream()
    writer = aio.MessageWriter(stream, mine)
    writer.write({"kind": "login", "text": "ada"})
    writer.write(data)
    writer.write(mine.decode(data))
    assert stream.written == data * 3


def test_wrong_parameters_say_what_is_right(mine):
    with pytest.raises(ValueError, match='"client" or "server", not \'me\''):
        aio.MessageReader(None, mine, role="me")
    with pytest.raises(ValueError, match='damaged is "raise" or "report", not \'ignore\''):
        aio.MessageReader(None, mine, damaged="ignore")
