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

import captures

HERE = pathlib.Path(__file__).resolve().parent
# How many messages each reads, and in how many rounds, where it is not all in all.
LIMITS = {"scapy": 20_000, "pyshark": 5_000}
# Large messages are fewer.
FEWER = {"large": 20}


def run(script, *arguments):
    result = subprocess.run([sys.executable, HERE / script, *map(str, arguments)], stdout=subprocess.PIPE, check=True)
    found = json.loads(result.stdout.splitlines()[-1])
    return found["seconds"], found["contents"]


def shell(command, **options):
    begun = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - begun


class Contest:
    """The seconds of each contender in each round."""

    def __init__(self, rounds):
        self.rounds, self.seconds, self.contents = rounds, {}, {}

    def measure(self, contenders):
        for number in range(self.rounds):
            for name, contender in contenders.items():
                # What takes long needs no more than one run to be known well enough.
                if number and statistics.median(self.seconds[name]) > 30:
                    continue
                seconds, contents = contender()
                self.seconds.setdefault(name, []).append(seconds)
                self.contents[name] = contents
                print(f"  {name}: {seconds:.3f} s {contents}", file=sys.stderr)
        return {name: statistics.median(seconds) for name, seconds in self.seconds.items()}


def frames(options, folder):
    """From a capture to a Polars frame."""
    readers = ["framescope", "framescope-fields"]
    readers += [name for name in ("dpkt", "scapy", "pyshark") if importlib.util.find_spec(name)]
    print("| capture | MB | messages | reader | s for all of it | µs a message | framescope is so many times as fast |")
    print("|---|---|---|---|---|---|---|")
    for shape in options.shapes:
        path, messages = options.capture(folder, shape)
        contenders = {}
        for name in readers:
            limit = min(messages, LIMITS.get(name, messages))
            contenders[name] = lambda name=name, limit=limit: run("readers.py", name, path, limit)
        if options.framescope:
            for form in ("json", "text"):
                contenders[f"framescope decode --format {form}"] = lambda form=form: decode(options.framescope, path, form)
        contest = Contest(options.rounds)
        taken = contest.measure(contenders)
        each = {}
        for name, seconds in taken.items():
            found = contest.contents[name]
            each[name] = seconds / (found[0] if found else messages)
        for name, seconds in each.items():
            about = f"{shape} | {path.stat().st_size / 1e6:.0f} | {messages}" if name == "framescope" else " | | "
            times = seconds / each["framescope"]
            print(f"| {about} | {name} | {seconds * messages:.3f} | {seconds * 1e6:.3f} | {times:.2f} |", flush=True)
        whole = [contest.contents[name] for name in ("framescope", "framescope-fields", "dpkt") if name in contest.contents]
        if shape != "damaged" and any(found != whole[0] for found in whole):
            sys.exit(f"the frames of {shape} are not the same: {contest.contents}")


def decode(program, path, form):
    command = [program, "decode", path, "--protocol", HERE / "mine.ksy", "--format", form]
    with open(os.devnull, "wb") as nowhere:
        return shell(command, stdout=nowhere), None


def iteration(options, folder):
    """Message objects in Python."""
    print("| capture | what the loop does | messages a second |")
    print("|---|---|---|")
    for shape in options.shapes:
        path, messages = options.capture(folder, shape)
        contenders = {what: lambda what=what: run("loops.py", what, path) for what in ("nothing", "kind", "id", "three fields")}
        for what, seconds in Contest(options.rounds).measure(contenders).items():
            print(f"| {shape} | {what} | {messages / seconds / 1e6:.2f} M |", flush=True)


def streams(options, folder):
    """asyncio."""
    path = folder / "stream"
    messages = options.messages // 5
    captures.write_stream(messages, path)
    print("| from | reads | µs a message: `readexactly` and struct | a Decoder that is fed | times as fast | framescope.aio | times as fast |")
    print("|---|---|---|---|---|---|---|")
    for source in ("memory", "socket"):
        for suffix, what in (("", "each message, checked"), ("-fields", "and kind, id and text of it")):
            names = [f"{name}{suffix}" for name in ("struct", "decoder", "framescope")]
            contest = Contest(options.rounds)
            taken = contest.measure({name: lambda name=name: run("streams.py", name, source, path) for name in names})
            if len(set(map(tuple, contest.contents.values()))) > 1:
                sys.exit(f"what was read is not the same: {contest.contents}")
            plain, decoder, aio = (taken[name] / messages * 1e6 for name in names)
            print(
                f"| {source} | {what} | {plain:.2f} | {decoder:.2f} | {plain / decoder:.1f} | {aio:.2f} | {plain / aio:.1f} |",
                flush=True,
            )


def parquet(options, folder):
    """Parquet, and its size."""
    print("| capture | MB | s | MB of capture a second | Parquet, MB | zstd -3 of the capture, MB | zstd -19, MB |")
    print("|---|---|---|---|---|---|---|")
    for shape in options.shapes:
        path, _ = options.capture(folder, shape)
        out = folder / "out.parquet"
        seconds = Contest(options.rounds).measure({"parquet": lambda: run("loops.py", "parquet", path, out)})["parquet"]
        packed = ["", ""]
        if shutil.which("zstd"):
            for at, level in enumerate(("-3", "-19")):
                target = folder / "packed.zst"
                subprocess.run(["zstd", "-q", "-f", "-T0", level, path, "-o", target], check=True)
                packed[at] = f"{target.stat().st_size / 1e6:.1f}"
        size = path.stat().st_size / 1e6
        written = out.stat().st_size / 1e6
        print(f"| {shape} | {size:.0f} | {seconds:.3f} | {size / seconds:.0f} | {written:.1f} | {packed[0]} | {packed[1]} |", flush=True)


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
