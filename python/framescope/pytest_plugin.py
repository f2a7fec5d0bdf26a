"""The pytest plugin: records what a test's sockets say, and compares it with golden captures.

``framescope_proxy`` sits between a client and a server, ``framescope_capture`` records from an interface. Options of pytest:
``--framescope-update`` writes golden captures, ``--framescope-save DIR`` keeps what failing tests recorded.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import framescope
from framescope import conversation
from framescope._framescope import InterfaceCapture, Proxy

#: How many messages of a failing test are shown.
MOST_SHOWN = 40

_RECORDINGS = pytest.StashKey["list[Recorded]"]()
_WRITTEN = pytest.StashKey["list[str]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("framescope", "recorded conversations")
    group.addoption(
        "--framescope-update",
        action="store_true",
        help="write golden captures that are missing, or that differ from what was said",
    )
    group.addoption(
        "--framescope-save",
        metavar="DIR",
        help="keep what failing tests recorded in this folder, as captures",
    )
    parser.addini("framescope_protocol", "the protocol of recorded conversations: a .ksy file or a name", default="")


class Recorded:
    """A conversation that is recorded, and read whenever it is asked for."""

    def __init__(self, request: pytest.FixtureRequest, options: dict[str, Any], title: str) -> None:
        self._node = request.node
        self._config = request.config
        self._options = {name: value for name, value in options.items() if value is not None}
        self._title = title
        self._read: tuple[bytes, framescope.Capture] | None = None

    def recording(self) -> bytes:
        """What was recorded so far, as a pcapng."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends recording, and closes what is open."""
        raise NotImplementedError

    @property
    def capture(self) -> framescope.Capture:
        """What was recorded so far."""
        data = self.recording()
        if self._read is None or self._read[0] != data:
            self._read = data, framescope.open(data, **self._options)
        return self._read[1]

    @property
    def messages(self) -> list[framescope.Message]:
        """The messages that were recorded so far."""
        return list(self.capture)

    def wait_for(self, count: int = 1, filter: str | None = None, timeout: float = 30) -> list[framescope.Message]:
        """The messages, or those that match a filter, as soon as there are ``count`` of them."""
        __tracebackhide__ = True
        until = time.monotonic() + timeout
        while True:
            capture = self.capture if filter is None else self.capture.filter(filter)
            if len(capture) >= count:
                return list(capture)
            if time.monotonic() >= until:
                what = "" if filter is None else f" where {filter}"
                raise AssertionError(f"{len(capture)} of {count} messages{what} came in {timeout:g} s")
            time.sleep(0.01)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes what was recorded so far to a file."""
        written = Path(path)
        written.parent.mkdir(parents=True, exist_ok=True)
        partial = written.with_name(f".{written.name}.{os.getpid()}")
        partial.write_bytes(self.recording())
        partial.replace(written)
        return written

    def assert_conversation(
        self,
        golden: str | os.PathLike[str] | None = None,
        *,
        ignore: Iterable[str] = (),
        filter: str | None = None,
    ) -> None:
        """Compares the messages, in the order of each direction, with those of a golden capture, field by field.

        ``golden`` is beside the test's file unless it is absolute; without one it is named after the test. Fields that ``ignore`` names
        may have any value; ``filter`` leaves only some messages to be compared.
        """
        __tracebackhide__ = True
        path = self._golden(golden)
        update = self._config.getoption("--framescope-update")
        if not path.exists():
            if not update:
                count = len(self.messages)
                s = "" if count == 1 else "s"
                pytest.fail(
                    f"there is no golden capture {path}; pytest --framescope-update writes it ({count} message{s} so far)"
                )
            self._write(path)
            return
        expected = framescope.open(path, **self._options)
        found = self.capture
        if filter is not None:
            expected, found = expected.filter(filter), found.filter(filter)
        differences = conversation.differences(expected, found, ignore=ignore, protocols=self._protocol)
        if not differences:
            return
        if update:
            self._write(path)
            return
        count = len(differences)
        head = f"the conversation is not that of {path}: {count} message{' differs' if count == 1 else 's differ'}"
        hint = "if it is as it should be, pytest --framescope-update writes it"
        pytest.fail("\n".join([head, *conversation.report(differences), hint]))

    def _golden(self, golden: str | os.PathLike[str] | None) -> Path:
        beside: Path = self._node.path.parent
        if golden is not None:
            return beside / golden
        return beside / "captures" / Path(self._node.path).stem / f"{_file_name(self._node.name)}.pcapng"

    def _write(self, path: Path) -> None:
        self.save(path)
        self._config.stash.setdefault(_WRITTEN, []).append(str(path))

    def _protocol(self, name: str) -> framescope.Protocol | None:
        given = self._options.get("protocol")
        several = list(given) if isinstance(given, (list, tuple)) else [given] if given is not None else []
        for one in several:
            speaks = one if isinstance(one, framescope.Protocol) else _protocol(one)
            if speaks is not None and speaks.name == name:
                return speaks
        return _protocol(name)

    def _lines(self) -> list[str]:
        messages = self.messages
        lines = [
            f"#{one.row} {one.src} > {one.dst} {one.protocol or ''} {one.kind or one.type}: {one.summary}"
            for one in messages[-MOST_SHOWN:]
        ]
        if len(messages) > MOST_SHOWN:
            lines.insert(0, f"… {len(messages) - MOST_SHOWN} before")
        return lines or ["nothing was said"]


def _protocol(given: str | os.PathLike[str]) -> framescope.Protocol | None:
    text = os.fspath(given)
    try:
        if os.path.exists(text):
            return framescope.Protocol.from_ksy(text)
        return framescope.Protocol.named(text)
    except framescope.Error:
        return None


class RecordedProxy(Recorded):
    """A proxy between a client and a server: clients connect to ``address``, and what both sides say is recorded."""

    def __init__(
        self, request: pytest.FixtureRequest, target: Any, path: Path, options: dict[str, Any], proxied: dict[str, Any]
    ) -> None:
        reading = {name: value for name, value in options.items() if value is not None}
        self.proxy = Proxy(target, path, reading=reading, **proxied)
        super().__init__(request, options, f"{self.host}:{self.port} to {self.proxy.target}")

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect to, as sockets take it."""
        return self.proxy.address

    @property
    def host(self) -> str:
        """The host of the address."""
        return self.proxy.address[0]

    @property
    def port(self) -> int:
        """The port of the address."""
        return self.proxy.address[1]

    @property
    def notices(self) -> list[str]:
        """Sentences about what went wrong between the programs, such as a server that was not there."""
        return self.proxy.notices

    def recording(self, side: str = "client") -> bytes:
        """What was recorded so far, as a pcapng: as the client sees it. Where faults change what passes, ``side="target"`` is what
        the server sees, and ``side="both"`` has both.
        """
        return self.proxy.recording(side)

    def stop(self) -> None:
        self.proxy.stop()


class RecordedInterface(Recorded):
    """What passes on an interface. It comes a moment later than the programs receive it: ``wait_for`` waits for it."""

    #: For so long nothing may come until what came is taken for all.
    QUIET = 0.3

    def __init__(
        self, request: pytest.FixtureRequest, path: Path, options: dict[str, Any], interface: str | None, packets: str
    ) -> None:
        self._capture = InterfaceCapture(path, interface=interface, filter=packets)
        super().__init__(request, options, interface or "the loopback interface")

    def recording(self) -> bytes:
        packets = -1
        while (now := self._capture.packets) != packets:
            packets = now
            time.sleep(self.QUIET)
        return self._capture.path.read_bytes()

    def stop(self) -> None:
        self._capture.stop()


def _options(config: pytest.Config, options: dict[str, Any], transport: str) -> dict[str, Any]:
    usual = config.getini("framescope_protocol")
    if options.get("protocol") is None and usual:
        beside = config.rootpath / usual
        options["protocol"] = beside if beside.exists() else usual
    given = options.get("protocol")
    if given is not None and not isinstance(given, (list, tuple)) and options.get("decode_as") is None:
        # The one that is tested is what is spoken, however little its messages look like it.
        speaks = given if isinstance(given, framescope.Protocol) else _protocol(given)
        if speaks is not None:
            options["decode_as"] = f"{transport}={speaks.name}"
    return options


_READING = ("protocol", "decode_as", "key", "keylog", "include", "clients", "proto", "proto_path")


@pytest.fixture
def framescope_proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., RecordedProxy]]:
    """Starts proxies: ``proxy = framescope_proxy(server_address, protocol="mine.ksy")``.

    The target is a port of this machine, a pair of host and port, or ``"host:port"``. What is recorded is read as ``framescope.open``
    reads it, with ``protocol``, ``decode_as``, ``key`` and the like; one protocol is taken for what is spoken unless ``decode_as`` says
    what is. Faults are words of ``framescope proxy``, such as
    ``to_target="cut=1"``; ``udp=True`` forwards datagrams.
    """
    started: list[Recorded] = request.node.stash.setdefault(_RECORDINGS, [])

    def start(target: Any, protocol: Any = None, **options: Any) -> RecordedProxy:
        reading = {name: options.pop(name) for name in _READING if name in options}
        reading = _options(
            request.config, {**reading, "protocol": protocol}, "udp" if options.get("udp") else "tcp"
        )
        path = tmp_path / f"framescope-{len(started)}.pcapng"
        proxy = RecordedProxy(request, target, path, reading, options)
        started.append(proxy)
        return proxy

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def framescope_capture(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., RecordedInterface]]:
    """Starts captures by tcpdump or dumpcap: ``capture = framescope_capture("tcp port 9000", protocol="mine.ksy")``.

    ``interface`` is loopback unless it is named. Where capturing is not permitted the test is skipped, and says why.
    """
    started: list[Recorded] = request.node.stash.setdefault(_RECORDINGS, [])

    def start(packets: str = "", protocol: Any = None, *, interface: str | None = None, **options: Any) -> RecordedInterface:
        reading = _options(request.config, {**options, "protocol": protocol}, "udp" if "udp" in packets else "tcp")
        path = tmp_path / f"framescope-{len(started)}.pcapng"
        try:
            capture = RecordedInterface(request, path, reading, interface, packets)
        except framescope.OpenError as error:
            pytest.skip(f"nothing can be captured: {error}")
        started.append(capture)
        return capture

    yield start
    for one in started:
        one.stop()


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.=+-]+", "-", text).strip("-")[:150] or "test"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    recordings: list[Recorded] = item.stash.get(_RECORDINGS, [])
    if call.when == "teardown" or not report.failed or not recordings:
        return report
    folder = item.config.getoption("--framescope-save")
    for number, one in enumerate(recordings):
        lines = _kept(item, one, number, len(recordings), folder)
        report.sections.append((f"Captured conversation by {one._title}", "\n".join(lines)))
    return report


def _kept(item: pytest.Item, one: Recorded, number: int, count: int, folder: str | None) -> list[str]:
    """What a failing test's report says of a recording; nothing that goes wrong here hides why the test failed."""
    try:
        lines = one._lines()
        if folder is not None:
            end = "" if count == 1 else f"-{number + 1}"
            path = item.config.invocation_params.dir / folder / f"{_file_name(item.nodeid)}{end}.pcapng"
            lines.append(f"kept in {one.save(path)}")
        else:
            lines.append("--framescope-save DIR keeps it as a capture")
        return lines
    except Exception as error:
        return [f"what was recorded can't be read: {error}"]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    written = config.stash.get(_WRITTEN, [])
    for path in written:
        terminalreporter.write_line(f"framescope: wrote the golden capture {path}")
