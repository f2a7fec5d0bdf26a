"""Compares the Python package with what else one would use, in one run, and prints the tables of docs/python.md and benches/README.md.

    python3 python/benches/compare.py [--framescope PROGRAM] [--messages 1000000] [--rounds 5] [--shapes small,glued] [TABLE …]

Tables: frames, iteration, streams, parquet. It needs framescope (a release build), polars and pyarrow; dpkt, scapy and pyshark (with
tshark) where they are installed; the program `framescope` and zstd for what is compared with them. Each measurement is a
process of its own with the capture in the page cache, contenders alternate, and medians count. Scapy and pyshark read the
beginning of the capture, as the whole would take them minutes: what is compared is the time for each message.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import captures

HERE = pathlib.Path(__file__).resolve().parent
# How many messages each reads, and in how many rounds, where it is not all in all.
LIMITS = {"scapy": 20_000, "pyshark": 5_000}
# Large messages are fewer.
FEWER = {"large": 20}
STREAMS = {"struct": "`readexactly` and struct", "decoder": "a Decoder that is fed", "framescope": "`framescope.aio`"}


def run(script, *arguments):
    result = subprocess.run([sys.executable, HERE / script, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    found = json.loads(result.stdout.splitlines()[-1])
    return found["seconds"], found["cpu"], found["contents"]


def shell(command, **options):
    """The seconds that a program takes, and those of processors."""
    begun, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, **options)
    seconds, used = time.perf_counter() - begun, os.times()
    return seconds, used.children_user + used.children_system - before.children_user - before.children_system


class Taken(typing.NamedTuple):
    """Medians: seconds, and those of processors, which other work on the machine changes less."""

    seconds: float
    cpu: float
    contents: object


def contest(rounds, contenders):
    """What each contender takes. They alternate."""
    runs = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            # What takes long needs no more than one run to be known well enough.
            if number and runs[name][0][0] > 30:
                continue
            runs[name].append(contender())
            print(f"  {name}: {runs[name][-1]}", file=sys.stderr, flush=True)
    medians = {}
    for name, measured in runs.items():
        seconds, cpu, contents = zip(*measured)
        medians[name] = Taken(statistics.median(seconds), statistics.median(cpu), contents[0])
    return medians


def frames(options, folder):
    """From a capture to a Polars frame."""
    readers = ["framescope", "framescope-fields"]
    readers += [name for name in ("dpkt", "scapy", "pyshark") if importlib.util.find_spec(name)]
    print("| capture | MB | messages | reader | s for all of it | s of processors | framescope-fields takes so many times less | of processors |")
    print("|---|---|---|---|---|---|---|---|")
    for shape in options.shapes:
        path, messages = options.capture(folder, shape)
        contenders = {}
        for name in readers:
            limit = min(messages, LIMITS.get(name, messages))
            contenders[name] = lambda name=name, limit=limit: run("readers.py", name, path, limit)
        if options.framescope:
            for form in ("json", "text"):
                contenders[f"decode --format {form}"] = lambda form=form: decode(options.framescope, path, form)
        taken = contest(options.rounds, contenders)
        # The whole capture's, for those that read the beginning only.
        whole = {name: messages / LIMITS[name] if name in LIMITS and LIMITS[name] < messages else 1 for name in taken}
        own = taken["framescope-fields"]
        for name, (seconds, cpu, _) in taken.items():
            about = f"{shape} | {path.stat().st_size / 1e6:.0f} | {messages}" if name == "framescope" else " | | "
            seconds, cpu = seconds * whole[name], cpu * whole[name]
            print(f"| {about} | {name} | {seconds:.3f} | {cpu:.3f} | {seconds / own.seconds:.2f} | {cpu / own.cpu:.2f} |", flush=True)
        same = {name: taken[name].contents for name in ("framescope", "framescope-fields", "dpkt") if name in taken}
        if shape != "damaged" and len(set(map(tuple, same.values()))) > 1:
            sys.exit(f"the frames of {shape} are not the same: {same}")


def decode(program, path, form):
    command = [program, "decode", path, "--protocol", HERE / "mine.ksy", "--format", form]
    with open(os.devnull, "wb") as nowhere:
        return *shell(command, stdout=nowhere), None


def iteration(options, folder):
    """Message objects in Python."""
    print("| capture | what the loop does | messages a second | a second of a processor |")
    print("|---|---|---|---|")
    for shape in options.shapes:
        path, _ = options.capture(folder, shape)
        contenders = {what: lambda what=what: run("loops.py", what, path) for what in ("nothing", "kind", "id", "three fields")}
        for what, (seconds, cpu, count) in contest(options.rounds, contenders).items():
            print(f"| {shape} | {what} | {count / seconds / 1e6:.2f} M | {count / cpu / 1e6:.2f} M |", flush=True)


def streams(options, folder):
    """asyncio."""
    path = folder / "stream"
    messages = options.messages // 5
    captures.write_stream(messages, path)
    print("| from | reads | reader | µs a message | of a processor | times as fast | of a processor |")
    print("|---|---|---|---|---|---|---|")
    for source in ("memory", "socket"):
        for suffix, what in (("", "each message, checked"), ("-fields", "and kind, id and text of it")):
            names = [f"{name}{suffix}" for name in ("struct", "decoder", "framescope")]
            taken = contest(options.rounds, {name: lambda name=name: run("streams.py", name, source, path) for name in names})
            if len({tuple(each.contents) for each in taken.values()}) > 1:
                sys.exit(f"what was read is not the same: {taken}")
            plain = taken[names[0]]
            for name, (seconds, cpu, _) in taken.items():
                times = f"{plain.seconds / seconds:.1f} | {plain.cpu / cpu:.1f}"
                each = f"{seconds / messages * 1e6:.2f} | {cpu / messages * 1e6:.2f}"
                print(f"| {source} | {what} | {STREAMS[name.removesuffix('-fields')]} | {each} | {times} |", flush=True)


def parquet(options, folder):
    """Parquet, and its size."""
    print("| capture | MB | s | s of processors | MB of capture a second | Parquet, MB | zstd -3 of the capture, MB | zstd -19, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for shape in options.shapes:
        path, _ = options.capture(folder, shape)
        out = folder / "out.parquet"
        taken = contest(options.rounds, {"parquet": lambda path=path: run("loops.py", "parquet", path, out)})["parquet"]
        packed = ["", ""]
        if shutil.which("zstd"):
            for at, level in enumerate(("-3", "-19")):
                target = folder / "packed.zst"
                subprocess.run(["zstd", "-q", "-f", "-T0", level, path, "-o", target], check=True)
                packed[at] = f"{target.stat().st_size / 1e6:.1f}"
        size = path.stat().st_size / 1e6
        written = out.stat().st_size / 1e6
        print(f"| {shape} | {size:.0f} | {taken.seconds:.3f} | {taken.cpu:.3f} | {size / taken.seconds:.0f} | {written:.1f} | {packed[0]} | {packed[1]} |", flush=True)


TABLES = {"frames": frames, "iteration": iteration, "streams": streams, "parquet": parquet}


class Options(argparse.Namespace):
    def capture(self, folder, shape):
        """A capture of a shape, and how many messages it has."""
        messages = self.messages // FEWER.get(shape, 1)
        path = folder / f"{shape}-{messages}.pcap"
        if not path.exists():
            captures.write(shape, messages, path)
        return path, messages


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--framescope", help="the program, to compare with `framescope decode`", default=shutil.which("framescope"))
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=list(captures.SHAPES), help=", ".join(captures.SHAPES))
    parser.add_argument("--folder", type=pathlib.Path, help="where the captures are, or are made; else they are removed in the end")
    options = parser.parse_args(namespace=Options())
    if unknown := set(options.tables) - set(TABLES):
        parser.error(f"there is no table {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        for name, table in TABLES.items():
            if not options.tables or name in options.tables:
                print(f"\n### {table.__doc__}\n", flush=True)
                table(options, folder)


if __name__ == "__main__":
    main()
