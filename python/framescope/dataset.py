"""Decodes many captures to one data set, by as many workers as there are: processes here, or those of Spark, Ray or Dask.

:func:`plan` looks at a folder, or a bucket, and divides its captures into parts that can be decoded by themselves, in any order and
on any machine; :meth:`Part.write` decodes one to a Parquet file, and :func:`write` all of them on this machine. Captures that were
rotated are one: a connection that continues in the next file is decoded as a whole, and the rows of all parts are together exactly those
of all captures read as one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import shutil
import tempfile
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from framescope import _framescope
from framescope._captures import File, Sequences, listed
from framescope._errors import Error, OpenError
from framescope._framescope import Protocol

if TYPE_CHECKING:
    import pyarrow

__all__ = ["File", "Part", "Plan", "Report", "plain", "plan", "write"]

#: Captures of about so many bytes are a part, unless a number of parts is asked for.
PART_BYTES = 256 << 20
#: Where it is written what became of the parts. Engines pass over names that begin so.
REPORTS = "_framescope"


@dataclass(frozen=True)
class Part:
    """A share of captures: what one task decodes. It can be pickled."""

    #: The captures, which are read as one.
    files: tuple[File, ...]
    #: The keys of the conversations that are read, or that are not, packed; and which share of them.
    only: bytes | None = field(default=None, repr=False)
    without: bytes | None = field(default=None, repr=False)
    share: tuple[int, int] | None = None
    #: Captures before these whose secrets they are decrypted with.
    secrets: tuple[File, ...] = ()
    #: What captures are opened with, and which columns there are.
    options: dict[str, Any] = field(default_factory=dict, repr=False, hash=False)
    columns: dict[str, Any] = field(default_factory=dict, repr=False, hash=False)
    #: About how many bytes there are to decode.
    weight: int = 0

    @property
    def name(self) -> str:
        """What the part's file is called, without its ending: it depends on the captures, the share and the options."""
        options = [self.options, self.columns]
        # The files are named as they are in a data set that is written again.
        all_of_it = (self.files, self.only, self.without, self.share, self.secrets, _known(options))
        digest = hashlib.sha256(repr(all_of_it).encode() + _framescope.__version__.encode()).hexdigest()
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in self.files[0].name)
        return f"{stem.strip('-_') or 'part'}-{digest[:16]}"

    def read(self, *, threads: int = 1) -> _framescope.Capture:
        """Reads the part: its conversations, as ``framescope.open`` has them."""
        sources = [file.source() for file in self.files]
        secrets = [file.source() for file in self.secrets]
        return _framescope.read_share(
            sources,
            self.options,
            only=self.only,
            without=self.without,
            share=self.share,
            secrets=secrets,
            read_ahead=threads != 1,
        )

    def table(self, *, threads: int = 1) -> _framescope.Table:
        """The part as a table that whatever knows Arrow's C interface takes."""
        return _table(self.read(threads=threads), self.columns, threads)

    def batches(self, *, threads: int = 1) -> Iterator[pyarrow.RecordBatch]:
        """The part's messages as batches of Arrow. With one thread all is done in this one."""
        import pyarrow

        yield from pyarrow.RecordBatchReader.from_stream(self.table(threads=threads))

    def write(self, folder: str | os.PathLike[str], *, threads: int = 1) -> dict[str, Any]:
        """Writes the part as a Parquet file into a folder, unless it is there, and returns what is to be said about it.

        The file appears when it is complete. A folder may be a URL that fsspec knows.
        """
        place = _Folder(os.fspath(folder))
        done = place.report(self.name)
        if done is not None:
            return {**done, "written": False}
        report: dict[str, Any] = {"part": self.name, "files": [file.path for file in self.files]}
        try:
            capture = self.read(threads=threads)
        except OpenError as error:
            if error.errno is not None:
                raise
            # Not a capture, or one of a kind that is not read: that will not change.
            report.update(rows=0, refused={self.files[0].path: str(error)}, damages=[])
            place.put_report(report)
            return {**report, "written": True}
        table = _table(capture, self.columns, threads)
        with place.new_file(f"{self.name}.parquet") as path:
            report["rows"] = table.write_parquet(path)
            report["damages"] = [str(damage) for damage in capture.damages]
            report["refused"] = {}
            place.put_report(report)
        return {**report, "written": True}


def _table(capture: _framescope.Capture, columns: dict[str, Any], threads: int) -> _framescope.Table:
    if columns["filter"]:
        capture = capture.filter(columns["filter"])
    rest = {name: value for name, value in columns.items() if name != "filter"}
    table: _framescope.Table = capture.to_arrow(**rest, places=True, threads=threads)
    return table


def _empty(options: dict[str, Any], columns: dict[str, Any]) -> _framescope.Table:
    """The table of no captures."""
    return _table(_framescope.read_share([], options, secrets=[], read_ahead=False), columns, 1)


def _known(options: Any) -> Any:
    """What tells options from others: protocols by what they were made from."""
    if isinstance(options, dict):
        return sorted((name, _known(value)) for name, value in options.items())
    if isinstance(options, (list, tuple)):
        return [_known(value) for value in options]
    if isinstance(options, Protocol):
        return hashlib.sha256(pickle.dumps(options.__reduce__()[1])).hexdigest()
    return options


class Plan(list[Part]):
    """The parts, in the order of the captures, and what was found on the way."""

    #: The captures that can't be read at all, and why.
    refused: dict[str, str]
    #: Where captures are damaged, as far as that was looked at.
    damages: list[str]
    _schema: Callable[[], pyarrow.Schema]

    @property
    def schema(self) -> pyarrow.Schema:
        """The columns of all parts, where protocols were given that say which fields their messages have."""
        return self._schema()

    def finish(self, folder: str | os.PathLike[str]) -> Report:
        """Sums up what the parts say that were written to a folder, in its ``_framescope.json``, and removes other parts there of the
        same captures: a file that a capture is continued in changes the parts next to it. Parts of other captures stay.

        Raises :class:`framescope.Error` if parts are missing; writing again writes just these."""
        place = _Folder(os.fspath(folder))
        names = [part.name for part in self]
        reports = [place.report(name) for name in names]
        captures = {file.path for part in self for file in part.files} | set(self.refused)
        place.remove_others(set(names), captures)
        done = [report for report in reports if report is not None]
        damages = [*self.damages, *(text for report in done for text in report["damages"])]
        refused = {**self.refused, **{path: text for one in done for path, text in one["refused"].items()}}
        missing = [name for name, report in zip(names, reports) if report is None]
        report = Report(
            rows=sum(report["rows"] for report in done),
            parts=done,
            refused=refused,
            damages=list(dict.fromkeys(damages)),
            missing=missing,
        )
        place.put(f"{REPORTS}.json", json.dumps(report.__dict__, indent=1).encode())
        if missing:
            raise Error(f"{len(missing)} of {len(names)} parts are missing in {folder}, such as {missing[0]}")
        return report


@dataclass
class Report:
    """What became of a plan; also in the data set's ``_framescope.json``."""

    rows: int
    parts: list[dict[str, Any]]
    refused: dict[str, str]
    damages: list[str]
    missing: list[str]


class _Folder:
    """Where the parts are written to: a folder here, or one that fsspec knows."""

    def __init__(self, path: str) -> None:
        self._system: Any = None
        self._path = path
        if "://" in path:
            import fsspec

            self._system, self._path = fsspec.url_to_fs(path)
        self._make(self._join(REPORTS))

    def _make(self, path: str) -> None:
        if self._system:
            self._system.makedirs(path, exist_ok=True)
        else:
            os.makedirs(path, exist_ok=True)

    def _join(self, *names: str) -> str:
        return "/".join([self._path.rstrip("/"), *names]) if self._system else os.path.join(self._path, *names)

    def put(self, name: str, content: bytes) -> None:
        """Writes a small file, at once."""
        if self._system:
            self._system.pipe_file(self._join(*name.split("/")), content)
            return
        path = self._join(*name.split("/"))
        unfinished = f"{path}.{uuid.uuid4().hex}"
        with open(unfinished, "wb") as file:
            file.write(content)
        os.replace(unfinished, path)

    def new_file(self, name: str) -> _NewFile:
        return _NewFile(self._system, self._path if self._system is None else None, self._join(name))

    def put_report(self, report: dict[str, Any]) -> None:
        self.put(f"{REPORTS}/{report['part']}.json", json.dumps(report, indent=1).encode())

    def report(self, name: str) -> dict[str, Any] | None:
        """The report of a part that is complete."""
        path = self._join(REPORTS, f"{name}.json")
        try:
            content = self._system.cat_file(path) if self._system else _content(path)
        except FileNotFoundError:
            return None
        report: dict[str, Any] = json.loads(content)
        # The report is written before its part appears.
        return report if report["refused"] or self._exists(self._join(f"{name}.parquet")) else None

    def _exists(self, path: str) -> bool:
        return bool(self._system.exists(path) if self._system else os.path.exists(path))

    def remove_others(self, names: set[str], captures: set[str]) -> None:
        """Removes the parts that are not among these but of the same captures."""
        folder = self._join(REPORTS)
        files = self._system.ls(folder, detail=False) if self._system else os.listdir(folder)
        known = (file.rsplit("/", 1)[-1].removesuffix(".json") for file in files if file.endswith(".json"))
        for name in set(known) - names:
            report = self.report(name)
            if report is not None and captures.isdisjoint(report["files"]):
                continue
            for path in (self._join(f"{name}.parquet"), self._join(REPORTS, f"{name}.json")):
                if self._exists(path):
                    self._system.rm_file(path) if self._system else os.remove(path)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class _NewFile:
    """A file that appears when it is complete."""

    def __init__(self, system: Any, folder: str | None, path: str) -> None:
        self._system, self._path = system, path
        name = f"_{uuid.uuid4().hex}.unfinished"
        self._unfinished = os.path.join(folder, name) if folder is not None else ""
        self._temporary: str | None = None

    def __enter__(self) -> str:
        if self._system:
            self._temporary = tempfile.mkdtemp()
            self._unfinished = os.path.join(self._temporary, "part.parquet")
        return self._unfinished

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is not None:
                return
            if self._system:
                self._system.put_file(self._unfinished, self._path)
            else:
                os.replace(self._unfinished, self._path)
        finally:
            if self._temporary:
                shutil.rmtree(self._temporary)
            elif os.path.exists(self._unfinished):
                os.remove(self._unfinished)


def plan(
    captures: Any,
    protocol: Any = None,
    *,
    filter: str | None = None,
    fields: str | None = None,
    also: Any = (),
    parts: int | None = None,
    part_bytes: int | None = None,
    group: Callable[[str], Hashable] | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> Plan:
    """Divides captures into parts.

    ``captures`` is a folder, a path, a pattern such as ``"captures/**/*.pcap"``, a URL that fsspec knows (``"s3://bucket/captures"``), or
    a list of these. Files whose names differ by digits only, and which do not overlap in time, are one capture that was rotated;
    ``group`` says otherwise: it is given a path and returns what is the same for the files of one capture.

    Such captures are looked at first, quickly, to find which conversations go on from one file into another: those are parts of their
    own. ``executor`` (of ``concurrent.futures``) does that for several files at a time. A large file is divided by conversations. ``parts`` is about
    how many are wanted; else they are of ``part_bytes``, 256 MiB.

    ``protocol`` and ``options`` are as for :func:`framescope.open`. The columns ``file`` and ``packet`` lead back to the captures; ``fields``
    leaves only such columns and fields, as ``"kind,payload.user"``; ``also`` adds columns of rows, such as ``["summary", "bytes"]``;
    ``filter`` leaves the messages that match.
    """
    given, named = _protocols(protocol, options.get("include", ()))
    options = {"protocol": given, **options}
    named += _protocols_of_rules(options)
    columns = {"filter": filter, "fields": fields, "also": list(also), "protocols": list(dict.fromkeys(named)) or None}
    # What is wrong with options is said here, and not by each worker.
    _empty(options, columns)
    sequences = Sequences(group, executor)
    sequences.add(listed(captures))
    divided = Plan()
    divided.refused, divided.damages = sequences.refused, sequences.damages
    divided._schema = lambda: _schema(options, columns)
    total = sum(file.size for sequence in sequences.all for unit in sequence for file in unit)
    target = math.ceil(total / parts) if parts else part_bytes or PART_BYTES
    for sequence in sequences.all:
        for part in _divided(sequence, sequences, target, parts is not None):
            divided.append(Part(**part, options=options, columns=columns))
    return divided


def _schema(options: dict[str, Any], columns: dict[str, Any]) -> pyarrow.Schema:
    import pyarrow

    return pyarrow.schema(_empty(options, columns))


def _protocols(protocol: Any, include: Any) -> tuple[list[Any], list[str]]:
    """The protocols, as what other machines need no file for, and their names."""
    if protocol is None:
        return [], []
    several: list[Any] = [protocol] if isinstance(protocol, (str, os.PathLike, Protocol)) else list(protocol)
    given: list[Any] = []
    for one in several:
        is_name = isinstance(one, str) and not one.lower().endswith(".ksy") and os.path.basename(one) == one
        given.append(one if isinstance(one, Protocol) or is_name else Protocol.from_ksy(one, include=include))
    return given, [one.name if isinstance(one, Protocol) else one for one in given]


def _protocols_of_rules(options: dict[str, Any]) -> list[str]:
    """The names of the protocols that rules say are spoken."""
    rules = options.get("decode_as") or ()
    if isinstance(rules, Mapping):
        names = [one.name if isinstance(one, Protocol) else one for one in rules.values()]
        selectors = list(rules)
    else:
        texts = [rules] if isinstance(rules, str) else list(rules)
        selectors, names = texts, [text.rpartition("=")[2] for text in texts]
    if any(selector.strip().startswith("flow=") for selector in selectors):
        raise ValueError("a rule for flow=N has no place here: each part numbers its own flows")
    return names


def _divided(
    sequence: list[tuple[File, ...]], sequences: Sequences, target: int, exact: bool
) -> Iterator[dict[str, Any]]:
    if sum(len(unit) for unit in sequence) == 1:
        # Nothing has to be known of it: each part takes its share of the conversations.
        (files,) = sequence
        count = max(1, math.ceil(files[0].size / max(target, 1)))
        # Every part reads all of the file; more than these are not quicker.
        count = count if exact else min(count, 8)
        for number in range(count):
            share = (number, count) if count > 1 else None
            yield {"files": files, "share": share, "weight": files[0].size // count}
        return
    scans = [sequences.scan_of(unit) for unit in sequence]
    sizes = [sum(file.size for file in unit) for unit in sequence]
    units = [(found.keys, found.weights, size) for found, size in zip(scans, sizes)]
    for of_many in _framescope.divide_captures(units, target, exact):
        numbers = of_many.pop("files")
        files = tuple(file for number in numbers for file in sequence[number])
        secret = (sequence[at] for at in range(numbers[-1]) if scans[at].has_secrets and at not in numbers)
        yield {**of_many, "files": files, "secrets": tuple(file for unit in secret for file in unit)}


def _write_part(part: Part, folder: str) -> dict[str, Any]:
    return part.write(folder)


def write(
    captures: Any,
    folder: str | os.PathLike[str],
    protocol: Any = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    **options: Any,
) -> Report:
    """Decodes captures to Parquet files in a folder, by so many processes of this machine: by default one for each processor.

    Options are those of :func:`plan`. What was written before is not written again. A capture that is damaged costs its rest, one that
    can't be read itself; both are in the report. ``progress(done, all)`` is called with numbers of parts.

    Raises :class:`framescope.Error` if parts could not be written, after all others were: writing again writes just these.
    """
    workers = workers or os.cpu_count() or 1
    target = os.fspath(folder)
    if workers == 1:
        return _write_with(None, plan(captures, protocol, **options), target, progress)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        parts = plan(captures, protocol, executor=executor, **options)
        return _write_with(executor, parts, target, progress)


def _write_with(
    executor: Executor | None, parts: Plan, folder: str, progress: Callable[[int, int], object] | None
) -> Report:
    failed: list[Exception] = []
    # The longest first, so that the last ones are short.
    order = sorted(parts, key=lambda part: -part.weight)
    if executor:
        pending = [executor.submit(_write_part, part, folder) for part in order]
        results: Iterator[Callable[[], Any]] = (future.result for future in as_completed(pending))
    else:
        results = ((lambda part=part: part.write(folder)) for part in order)  # type: ignore[misc]
    for done, result in enumerate(results, 1):
        try:
            result()
        except Exception as error:
            failed.append(error)
        if progress:
            progress(done, len(parts))
    try:
        return parts.finish(folder)
    except Error as error:
        raise error from (failed[0] if failed else None)


def plain(table: Any) -> Any:
    """A batch, table or schema of pyarrow with types that every engine has: signed integers, texts instead of dictionaries, times
    in microseconds. What does not fit is an error."""
    import pyarrow

    if isinstance(table, pyarrow.Schema):
        return pyarrow.schema([field.with_type(_plain_type(field.type)) for field in table])
    arrays = [_plain_array(column) for column in table.columns]
    return type(table).from_arrays(arrays, schema=plain(table.schema))


def _plain_type(given: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow
    from pyarrow import types

    wider = {
        pyarrow.uint8(): pyarrow.int16(),
        pyarrow.uint16(): pyarrow.int32(),
        pyarrow.uint32(): pyarrow.int64(),
        pyarrow.uint64(): pyarrow.decimal128(20, 0),
    }
    if given in wider:
        return wider[given]
    if types.is_dictionary(given):
        return _plain_type(given.value_type)
    if types.is_timestamp(given):
        return pyarrow.timestamp("us", given.tz)
    if types.is_duration(given):
        return pyarrow.int64()
    if types.is_list(given):
        return pyarrow.list_(given.value_field.with_type(_plain_type(given.value_type)))
    if types.is_struct(given):
        fields = [given.field(at) for at in range(given.num_fields)]
        return pyarrow.struct([one.with_type(_plain_type(one.type)) for one in fields])
    return given


def _plain_array(array: Any) -> Any:
    import pyarrow
    from pyarrow import types

    if isinstance(array, pyarrow.ChunkedArray):
        chunks = [_plain_array(chunk) for chunk in array.chunks]
        return pyarrow.chunked_array(chunks, _plain_type(array.type))
    given = array.type
    if types.is_dictionary(given):
        return _plain_array(array.dictionary_decode())
    if types.is_list(given):
        values = _plain_array(array.values)
        kind = _plain_type(given)
        return pyarrow.ListArray.from_arrays(array.offsets, values, type=kind, mask=_nulls(array))
    if types.is_struct(given):
        children = [_plain_array(array.field(at)) for at in range(given.num_fields)]
        fields = list(_plain_type(given))
        return pyarrow.StructArray.from_arrays(children, fields=fields, mask=array.is_null())
    if types.is_timestamp(given):
        return array.cast(_plain_type(given), safe=False)
    return array.cast(_plain_type(given))


def _nulls(array: Any) -> Any:
    return array.is_null() if array.null_count else None
