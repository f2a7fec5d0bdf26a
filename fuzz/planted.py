#!/usr/bin/env python3
"""Puts the faults of planted.toml in, one at a time, and reports which fuzz target finds each, and after how many seconds.

Usage: python3 fuzz/planted.py [--check] [--seconds 120] [--jobs 2] [NAME]...

Works on a copy in target/planted, with what the working tree holds now. Each target gets a core, begins with the committed
seeds, and runs without a sanitizer: first all targets for a second each, then, if none found it, for 20, then for --seconds.
--check only reports whether each fault still has its place. Needs nightly and cargo-fuzz (`cargo install cargo-fuzz --locked`).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

from targets import ROOT, finders

COPY = ROOT / "target" / "planted"


def faults():
    with open(ROOT / "fuzz" / "planted.toml", "rb") as file:
        return tomllib.load(file)["fault"]


def check(all_faults):
    wrong = 0
    for fault in all_faults:
        count = (ROOT / fault["file"]).read_text(encoding="utf-8").count(fault["was"])
        if count != 1:
            print(f"{fault['name']}: its place occurs {count} times in {fault['file']}", file=sys.stderr)
            wrong += 1
    return wrong


def copy():
    shutil.rmtree(COPY / "tree", ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True).stdout.split(b"\0")
    for name in filter(None, names):
        source, to = ROOT / os.fsdecode(name), COPY / "tree" / os.fsdecode(name)
        if source.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to)


def build():
    environment = {**os.environ, "CARGO_TARGET_DIR": str(COPY / "build")}
    done = subprocess.run(["cargo", "+nightly", "fuzz", "build", "--sanitizer", "none"], cwd=COPY / "tree" / "fuzz",
                          env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr


def binaries():
    return next((COPY / "build").glob("*/release/decode")).parent


def run(target, seconds):
    """The seconds after which the target found something, or None."""
    finds = COPY / "finds" / target.name
    shutil.rmtree(finds, ignore_errors=True)
    finds.mkdir(parents=True)
    command = [str(binaries() / target.name), str(finds), str(COPY / "tree" / target.seeds)]
    command += ["-seed=1", "-timeout=5", f"-max_total_time={seconds}", f"-artifact_prefix={finds}/", "-verbosity=0"]
    command += [f"-dict={COPY / 'tree' / target.dictionary}"] if target.dictionary else []
    begun = time.monotonic()
    done = subprocess.run(command, cwd=finds, capture_output=True)
    took = time.monotonic() - begun
    return took if done.returncode != 0 else None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="only check whether each fault still has its place")
    arguments.add_argument("--seconds", type=int, default=120, help="how long each target may search at most")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many targets run side by side")
    arguments.add_argument("names", nargs="*", metavar="NAME", help="only faults whose name contains this")
    given = arguments.parse_args()
    chosen = [fault for fault in faults()
              if not given.names or any(name in fault["name"] for name in given.names)]
    wrong = check(chosen)
    if given.check or wrong:
        print(f"{len(chosen)} faults, {wrong} without a place")
        return 1 if wrong else 0
    copy()
    error = build()
    if error:
        print(error, file=sys.stderr)
        return 1
    print("| fault | where | found by | seconds |\n|---|---|---|---:|", flush=True)
    times, missed = [], 0
    for fault in chosen:
        path = COPY / "tree" / fault["file"]
        sound = path.read_text(encoding="utf-8")
        path.write_text(sound.replace(fault["was"], fault["now"]), encoding="utf-8")
        error = build()
        if error:
            print(f"{fault['name']} can't be built:\n{error}", file=sys.stderr)
            return 1
        found = []
        for seconds in [1, 20, given.seconds]:
            with ThreadPoolExecutor(given.jobs) as pool:
                took = list(pool.map(lambda target: run(target, seconds), finders()))
            found = sorted((seconds, target.name) for seconds, target in zip(took, finders()) if seconds is not None)
            if found:
                break
        path.write_text(sound, encoding="utf-8")
        by = ", ".join(target for _, target in found) or "**nothing**"
        fastest = f"{found[0][0]:.1f}" if found else f"> {given.seconds}"
        times += [found[0][0]] if found else []
        missed += not found
        print(f"| {fault['name']} | {fault['file']} | {by} | {fastest} |", flush=True)
    if times:
        print(f"\n{len(times)} of {len(chosen)} found; median {statistics.median(times):.1f} s, worst {max(times):.1f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
