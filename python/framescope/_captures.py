"""Which captures a folder or a bucket has, and which of them continue each other."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from framescope import _framescope

#: Captures that continue each other may overlap by so many nanoseconds, but not by more than a tenth of the shorter: packets of several
#: interfaces are written in nearly the order of their times.
OVERLAP_NS = 1_000_000_000


@dataclass(frozen=True)
class File:
    """A file, as it was when it was listed."""

    path: str
    size: int
    #: What says that it is another version: when it was modified, or a bucket's tag.
    version: str

    @property
    def name(self) -> str:
        """The path without its folders."""
        return re.split(r"[/\\]", self.path)[-1]

    def source(self) -> Any:
        """What ``framescope.open`` takes. A remote file is copied to the temporary folder when it is read."""
        if "://" not in self.path:
            return self.path
        import fsspec

        return _Remote(self.path, fsspec.open(self.path, "rb").open())


class _Remote:
    """A file object with a name that errors call it by."""

    def __init__(self, name: str, file: Any) -> None:
        self.name, self._file = name, file

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        return data


@dataclass(frozen=True)
class Scan:
    """What a quick look at captures found: packed numbers are of 64 bits, little-endian."""

    packets: int
    times_ns: tuple[int, int] | None
    keys: bytes
    weights: bytes
    fragmented: bytes
    incomplete: bytes
    has_secrets: bool
    damages: tuple[str, ...]


def scan(files: tuple[File, ...], begins: bool = False) -> Scan:
    """Looks at captures that are read as one; ``begins`` looks only whether they are captures."""
    found = _framescope.scan_captures([file.source() for file in files], begins)
    return Scan(**{**found, "damages": tuple(found["damages"])})


def listed(captures: Any) -> list[File]:
    """The files that are meant: by their paths, by patterns, or by folders, here or in whatever fsspec knows."""
    given = [captures] if isinstance(captures, (str, os.PathLike)) else list(captures)
    found: dict[str, File] = {}
    for one in given:
        text = os.fspath(one)
        files = _listed_by_fsspec(text) if "://" in text else _listed_here(text)
        found.update((file.path, file) for file in files)
    return sorted(found.values(), key=lambda file: file.path)


def _listed_here(path: str) -> Iterator[File]:
    if os.path.isdir(path):
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            yield from (_here(os.path.join(folder, name)) for name in names if not _is_hidden(name))
    elif os.path.exists(path) or not glob.has_magic(path):
        yield _here(path)
    else:
        paths = (path for path in glob.iglob(path, recursive=True) if os.path.isfile(path))
        yield from (_here(path) for path in paths)


def _here(path: str) -> File:
    status = os.stat(path)
    return File(os.path.abspath(path), status.st_size, str(status.st_mtime_ns))


def _is_hidden(name: str) -> bool:
    """As the engines that read folders of files have it."""
    return name.startswith((".", "_"))


def _listed_by_fsspec(url: str) -> Iterator[File]:
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    system, path = fsspec.url_to_fs(url)
    if isinstance(system, LocalFileSystem):
        yield from _listed_here(path)
        return
    found = system.glob(path, detail=True) if glob.has_magic(path) else system.find(path, detail=True)
    if not found:
        raise FileNotFoundError(f"{url}: there is nothing")
    for path, about in found.items():
        if about.get("type") != "file" or _is_hidden(path.rsplit("/", 1)[-1]):
            continue
        names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
        version = next((str(about[name]) for name in names if about.get(name)), "")
        yield File(system.unstrip_protocol(path), about.get("size") or 0, version)


def _usual_group(path: str) -> Hashable:
    folder, name = os.path.split(path.replace("\\", "/"))
    return folder, _framescope.rotated(name)


def _continues(before: tuple[int, int], after: tuple[int, int]) -> bool:
    shorter = min(last - first for first, last in (before, after))
    return before[1] - after[0] <= min(OVERLAP_NS, shorter // 10)


class Sequences:
    """Captures in the sequences in which they continue each other, and what is wrong with some."""

    def __init__(self, group: Callable[[str], Hashable] | None, executor: Executor | None) -> None:
        self._group, self._executor = group, executor
        self._scans: dict[tuple[File, ...], Scan] = {}
        self.all: list[list[tuple[File, ...]]] = []
        #: What can't be read at all, and why; and what is damaged.
        self.refused: dict[str, str] = {}
        self.damages: list[str] = []

    def scan_of(self, files: tuple[File, ...]) -> Scan:
        """What a look at files found that are read together."""
        return self._scans[files]

    def add(self, files: Iterable[File]) -> None:
        """Adds files, each looked at once."""
        groups: dict[Hashable, list[File]] = {}
        for file in files:
            groups.setdefault((self._group or _usual_group)(file.path), []).append(file)
        several = [file for group in groups.values() if len(group) > 1 for file in group]
        # A remote one would be copied for that: it is refused when it is read, if need be.
        alone = [group[0] for group in groups.values() if len(group) == 1 and "://" not in group[0].path]
        self._look_at([(file,) for file in several], begins=False)
        self._look_at([(file,) for file in alone], begins=True)
        for group in groups.values():
            known = [file for file in group if file.path not in self.refused]
            if len(group) == 1:
                self.all.extend([[(file,)] for file in known])
                continue
            for file in known:
                self.damages.extend(self._scans[(file,)].damages)
            known = [file for file in known if self._scans[(file,)].packets]
            chains = [known] if self._group else self._chains(known)
            self.all.extend(self._glued(self._by_time(chain)) for chain in chains if chain)

    def _look_at(self, all_files: list[tuple[File, ...]], *, begins: bool) -> None:
        if self._executor and len(all_files) > 1:
            futures = [self._executor.submit(scan, files, begins) for files in all_files]
            results: Iterator[Callable[[], Scan]] = (future.result for future in futures)
        else:
            results = ((lambda files=files: scan(files, begins)) for files in all_files)  # type: ignore[misc]
        for files, result in zip(all_files, results):
            try:
                self._scans[files] = result()
            except OSError as error:
                self.refused[files[0].path] = str(error)

    def _by_time(self, files: list[File]) -> list[File]:
        def first(file: File) -> tuple[int, str]:
            times = self._scans[(file,)].times_ns
            return (times[0] if times else 0, file.path)

        return sorted(files, key=first)

    def _chains(self, files: list[File], digits: int = 0) -> list[list[File]]:
        """Files whose names differ by digits only, in chains without overlap. Where all of them overlap, some number in the names says
        which belong together, such as that of an interface."""
        if self._follow_each_other(files):
            return [files]
        numbers = {file: re.findall(r"\d+", file.name) for file in files}
        if all(digits >= len(of_file) for of_file in numbers.values()):
            return [[file] for file in files]
        groups: dict[str, list[File]] = {}
        for file, of_file in numbers.items():
            groups.setdefault(of_file[digits] if digits < len(of_file) else "", []).append(file)
        return [chain for group in groups.values() for chain in self._chains(group, digits + 1)]

    def _follow_each_other(self, files: list[File]) -> bool:
        if len(files) <= 1:
            return True
        times = [self._scans[(file,)].times_ns for file in self._by_time(files)]
        if any(of_file is None for of_file in times):
            return False
        known = [of_file for of_file in times if of_file]
        return all(_continues(before, after) for before, after in zip(known, known[1:]))

    def _glued(self, files: list[File]) -> list[tuple[File, ...]]:
        """Files that have fragments of the same packets are read together: only then it shows whose these are."""
        units: list[tuple[File, ...]] = [(file,) for file in files]
        while ends := self._fragments_reach(units):
            first, last = ends
            together = tuple(file for unit in units[first : last + 1] for file in unit)
            self._scans[together] = scan(together)
            units[first : last + 1] = [together]
        return units

    def _fragments_reach(self, units: list[tuple[File, ...]]) -> tuple[int, int] | None:
        waiting: dict[int, int] = {}
        for number, unit in enumerate(units):
            found = self._scans[unit]
            begun = [waiting[packet] for packet in memoryview(found.fragmented).cast("Q") if packet in waiting]
            if begun:
                return min(begun), number
            waiting.update((packet, number) for packet in memoryview(found.incomplete).cast("Q"))
        return None
