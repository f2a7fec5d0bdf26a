"""Whatever is given and whatever happens: exceptions with words, nothing lost, nothing leaked, no end of the interpreter."""

import gzip
import io
import os
import pathlib
import pickle
import signal
import struct
import subprocess
import sys
import threading
import warnings

import framescope
import pytest

from test_capture import CHAT

DAMAGED = CHAT.parents[1] / "missive-damaged/capture.pcapng"


def capture_of(payloads) -> bytes:
    """A pcap of UDP datagrams."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number, payload in enumerate(payloads):
        udp = struct.pack(">HHHH", 5000, 9000, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        packet = ip + udp
        out.append(struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(packet), len(packet)) + packet)
    return b"".join(out)


def test_a_capture_is_given_in_many_ways(tmp_path):
    data = CHAT.read_bytes()
    packed = tmp_path / "chat.pcapng.gz"
    packed.write_bytes(gzip.compress(data))
    rows = [m.bytes for m in framescope.open(CHAT)]
    sources = [str(CHAT), data, bytearray(data), memoryview(data), io.BytesIO(data), gzip.compress(data), packed, io.BytesIO(gzip.compress(data))]
    for source in sources:
        assert [m.bytes for m in framescope.open(source)] == rows
    with CHAT.open("rb") as file:
        assert framescope.open(file).name == str(CHAT)
    with gzip.open(packed) as file:
        assert len(framescope.open(file)) == len(rows)


def test_several_captures_are_read_as_one(tmp_path):
    payloads = [b"\x01ada"] + [b"\x02text %d" % n for n in range(9)]
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"a.pcap{number}")
        paths[-1].write_bytes(capture_of(payloads[number * 5 : number * 5 + 5]))
    capture = framescope.open(paths, "bare")
    assert [m.bytes for m in capture] == payloads and capture.files == [str(path) for path in paths]
    assert [(m.file, m.packet) for m in capture] == [(str(paths[n // 5]), n % 5 + 1) for n in range(10)]
    assert [m.bytes for m in pickle.loads(pickle.dumps(capture))] == payloads
    with pytest.raises(ValueError, match="empty"):
        framescope.open([])
    with pytest.raises(framescope.MissingError):
        framescope.open([paths[0], tmp_path / "none"])


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: framescope.open("none.pcap"), FileNotFoundError, "none.pcap can't be read"),
        (lambda: framescope.open(CHAT.parent), OSError, "is a directory"),
        (lambda: framescope.open(3), TypeError, "given as a path, as bytes"),
        (lambda: framescope.open(None), TypeError, "not as NoneType"),
        (lambda: framescope.open(io.StringIO("text")), TypeError, 'mode "rb"'),
        (lambda: framescope.open(CHAT, "none"), framescope.OptionError, "no protocol is called 'none'; there are missive"),
        (lambda: framescope.open(CHAT, 3), TypeError, "not iterable|path"),
        (lambda: framescope.open(CHAT, [3]), TypeError, "a protocol is the path"),
        (lambda: framescope.open(CHAT, "none.ksy"), framescope.DescriptionError, "none.ksy"),
        (lambda: framescope.open(CHAT, filter="knid == 1"), framescope.FilterError, "did you mean 'kind'"),
        (lambda: framescope.open(CHAT, filter=7), TypeError, "str"),
        (lambda: framescope.open(CHAT, decode_as="tcp.port=x=missive"), framescope.OptionError, "decode_as: 'x' is not a port"),
        (lambda: framescope.open(CHAT, decode_as="tcp=none"), framescope.OptionError, "no protocol is called 'none'"),
        (lambda: framescope.open(CHAT, key="0"), framescope.OptionError, "key: .*no pair"),
        (lambda: framescope.open(CHAT, key=7), TypeError, "a key is bytes"),
        (lambda: framescope.open(CHAT, keylog="none.log"), framescope.OpenError, "none.log"),
        (lambda: framescope.open(CHAT, clients=["localhost"]), framescope.OptionError, "clients: 'localhost' is not an endpoint"),
        (lambda: framescope.open(CHAT, progress=lambda read, length: 1 / 0), ZeroDivisionError, "zero"),
        (lambda: framescope.open(CHAT, progress=3), TypeError, "not callable"),
        (lambda: framescope.open(CHAT, follow=True, timeout=-1), ValueError, "seconds"),
        (lambda: framescope.open(CHAT)["a"], TypeError, "found by their places"),
        (lambda: framescope.open(CHAT)[10**30], (IndexError, TypeError), "found by"),
        (lambda: framescope.open(CHAT)[0][3], TypeError, "str"),
        (lambda: framescope.open(CHAT).flows[0].stream("up"), ValueError, "'forward' or 'backward'"),
        (lambda: framescope.open(CHAT).index(3), ValueError, "not among"),
    ],
)
def test_what_does_not_fit_is_an_exception_with_words(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_an_error_knows_its_place():
    with pytest.raises(framescope.FilterError) as error:
        framescope.open(CHAT).filter("src == 1 and µ == 2")
    assert (error.value.start, error.value.end, error.value.position) == (13, 14, 13) or error.value.start <= 13
    with pytest.raises(framescope.OpenError) as error:
        framescope.open("none.pcap")
    assert error.value.file == "none.pcap" and error.value.errno == 2
    again = pickle.loads(pickle.dumps(error.value))
    assert str(again) == str(error.value) and again.file == "none.pcap" and type(again) is type(error.value)


def test_damage_costs_its_place_only_and_is_a_warning():
    data = capture_of([b"\x02text"] * 100)
    cut = data[:-20]
    with pytest.warns(framescope.DamageWarning, match="packet 100") as warned:
        capture = framescope.open(cut, "bare")
    assert warned[0].filename == __file__
    (damage,) = capture.damages
    assert len(capture) == 99 and damage.packet == 100 and damage.offset > 4000 and damage.packets_read == 99
    assert damage.file == "bytes" and damage.what and str(damage).startswith("bytes: packet 100 at byte")


def test_cut_and_changed_captures_never_end_the_interpreter():
    data = DAMAGED.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cut in range(0, len(data), len(data) // 40):
            for m in framescope.open(data[:cut])[:20]:
                m.to_dict(), m.problems, m.bytes, repr(m)
        for at in range(0, len(data), len(data) // 60):
            changed = bytearray(data)
            changed[at] ^= 0xFF
            try:
                capture = framescope.open(changed)
            except framescope.Error as error:
                assert str(error)
                continue
            for m in capture[:20]:
                m.to_dict(), m.problems, m.bytes, repr(m), pickle.dumps(m)


def test_a_file_that_is_gone_is_an_error_and_not_a_crash(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(capture_of([b"\x02" + b"x" * 1000] * 1000))
    capture = framescope.open(path, "bare")
    assert capture[0].bytes == b"\x02" + b"x" * 1000
    path.write_bytes(b"")
    with pytest.raises(framescope.ReadError) as error:
        [m.bytes for m in capture]
    assert isinstance(error.value, OSError) and error.value.file == str(path)


def test_an_iterator_that_is_dropped_in_the_middle_leaves_nothing_behind():
    capture = framescope.open(CHAT)
    for _ in range(1000):
        rows = iter(capture)
        m = next(rows)
        m["kind"]
        del rows
    assert len(list(capture)) == 106
    protocol = framescope.Protocol.missive()
    frames = protocol.frames(capture.flows[0].stream("forward"))
    next(frames)
    del frames


def test_messages_outlive_their_capture():
    messages = framescope.open(CHAT)[3:5]
    first = messages[0]
    fields, group = first.fields, first["payload"]
    expected = first.to_dict()
    del messages
    assert first.to_dict() == expected and group == expected["payload"] and fields[0].value == 62797
    del first
    assert group == expected["payload"] and fields[0].value == 62797


def test_threads_read_one_capture():
    capture = framescope.open(CHAT)
    expected = [m.to_dict() for m in capture]
    wrong = []

    def read() -> None:
        for _ in range(5):
            if [m.to_dict() for m in capture] != expected or len(capture.filter("kind == DATA")) != kinds:
                wrong.append(1)

    kinds = len(capture.filter("kind == DATA"))
    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_other_threads_run_while_a_capture_is_read():
    data = capture_of([b"\x02text"] * 60_000)
    stop, ran = threading.Event(), 0

    def run() -> None:
        nonlocal ran
        while not stop.is_set():
            ran += 1

    thread = threading.Thread(target=run)
    thread.start()
    before = ran
    framescope.open(data, "bare")
    during = ran - before
    stop.set()
    thread.join()
    assert during > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_reads_a_capture_that_was_opened_before():
    capture = framescope.open(CHAT)
    first = capture[0].to_dict()
    follow = framescope.open(CHAT, follow=True, timeout=0.2)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = capture[0].to_dict() == first and len(capture.filter("kind == DATA")) > 0
            same = same and len(framescope.open(CHAT)) == len(capture)
            try:
                next(follow)
            except RuntimeError as error:
                status = 0 if same and "forked" in str(error) else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(list(follow)) == len(capture)


def interrupted(code: str, path: pathlib.Path) -> str:
    """What a program prints that is interrupted when it has said that it begins."""
    # What is started in the background of a shell has SIGINT ignored.
    program = f"import signal, sys, framescope\nsignal.signal(signal.SIGINT, signal.default_int_handler)\ntry:\n    print('begins', flush=True)\n    {code}\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begins\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    return out


@pytest.mark.skipif(os.name == "nt", reason="signals of one process are not sent on Windows")
def test_ctrl_c_ends_an_open_that_waits(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # It waits for a writer, which there is none of.
    assert interrupted("framescope.open(sys.argv[1])", pipe) == "interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of one process are not sent on Windows")
def test_ctrl_c_ends_following():
    assert interrupted("list(framescope.open(sys.argv[1], follow=True))", CHAT) == "interrupted\n"


def test_what_progress_raises_stops_the_reading():
    data = capture_of([b"\x02text"] * 100_000)
    calls = []

    def progress(read: int, length: int) -> None:
        calls.append((read, length))
        if read > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        framescope.open(data, "bare", progress=progress)
    assert calls[0] == (0, len(data)) and all(0 <= read <= length == len(data) for read, length in calls)


def test_a_panic_is_an_exception():
    from framescope import _framescope

    with pytest.raises(BaseException, match="for a test"):
        _framescope._panic()
    assert len(framescope.open(CHAT)) == 106


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted on Linux")
def test_nothing_leaks():
    data = CHAT.read_bytes()
    missive = framescope.Protocol.missive()
    stream = framescope.open(CHAT).flows[0].stream("forward")

    def work() -> None:
        capture = framescope.open(data)
        for m in capture:
            m.to_dict(), m.fields, m.problems, m.kind, m.src, m.time, m.summary, m.reply
            m["kind"], m.get("payload"), m.payload, pickle.loads(pickle.dumps(m))
        capture.filter("kind == DATA"), capture[3:5], capture.flows, capture.problems
        for m in missive.frames(stream):
            missive.encode(m)
        decoder = missive.decoder()
        decoder.feed(stream[:1000])
        framescope.Protocol.from_text("{meta: {id: mine}, seq: [{id: a, type: u1}]}")
        for bad in (lambda: capture[0]["none"], lambda: capture.filter("a b"), lambda: missive.decode(b"")):
            try:
                bad()
            except (KeyError, framescope.Error):
                pass

    def rounds(count: int) -> int:
        for _ in range(count):
            work()
        return resident()

    before = rounds(20)
    after = rounds(60)
    # One capture with its messages takes more than 100 KiB, so that 60 of them were more than this.
    assert after - before < 3 << 20, f"{before} bytes before, {after} bytes after"
