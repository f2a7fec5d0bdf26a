#!/usr/bin/env python3
"""Measures the fuzz targets. The figures in README.md come from here.

Usage: python3 fuzz/measure.py speed [--seconds 5] [--sanitizer address|none] [TARGET]...
       python3 fuzz/measure.py coverage [--llvm FOLDER] [--lines] [CORPUS]

speed     Executions a second of each target from the committed seeds, as a ratio to the empty target's in the same run, and the
          share of executions that reach a typed payload (for `own`: that hold a message). Needs nightly and cargo-fuzz.
coverage  The lines of parser/ and capture/ that the oracles reach with the committed seeds and regressions, and with the files
          in CORPUS/<target>, such as fuzz/corpus. --lines names those that they do not reach. Needs llvm-profdata and llvm-cov
          that are as new as rustc's LLVM: on the path, or in FOLDER, such as /usr/lib/llvm-22/bin.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from targets import ROOT, finders, targets


def speed(given):
    known = {target.name: target for target in targets()}
    unknown = [name for name in given.targets if name not in known]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: not in targets.txt")
    build = ROOT / "target" / f"fuzz-speed-{given.sanitizer}"
    command = ["cargo", "+nightly", "fuzz", "build", "--sanitizer", given.sanitizer]
    subprocess.run(command, cwd=ROOT / "fuzz", env={**os.environ, "CARGO_TARGET_DIR": str(build)}, check=True,
                   capture_output=True)
    folder = next(build.glob("*/release/decode")).parent

    def run(target, **environment):
        with tempfile.TemporaryDirectory() as finds:
            seeds = [ROOT / target.seeds] if target.seeds else []
            command = [folder / target.name, finds, *seeds, f"-max_total_time={given.seconds}", "-seed=1",
                       "-print_final_stats=1", f"-artifact_prefix={finds}/"]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  env={**os.environ, **environment})
            if done.returncode != 0:
                print(done.stderr, file=sys.stderr)
                raise SystemExit(f"{target.name} found something")
            return done.stderr

    def rate(target):
        return int(re.search(r"average_exec_per_sec:\s*(\d+)", run(target)).group(1))

    empty = rate(known["empty"])
    print(f"| target | executions a second | of empty's {empty:,} | reach |\n|---|---:|---:|---:|")
    for target in [known[name] for name in given.targets] or finders():
        found = rate(target)
        reached = re.findall(r"reached (\d+) of (\d+)", run(target, FRAMESCOPE_REACH="1"))
        share = f"{int(reached[-1][0]) * 100 // int(reached[-1][1])} %" if reached else ""
        print(f"| `{target.name}` | {found:,} | {found / empty:.4f} | {share} |", flush=True)
    print(f"\nempty again: {rate(known['empty']):,}")


def coverage(given):
    def tool(name):
        return str(Path(given.llvm) / name) if given.llvm else name

    build = ROOT / "target" / "fuzz-coverage"
    shutil.rmtree(build / "raw", ignore_errors=True)
    environment = {**os.environ, "CARGO_TARGET_DIR": str(build), "RUSTFLAGS": "-Cinstrument-coverage",
                   "LLVM_PROFILE_FILE": str(build / "raw" / "%p-%m.profraw")}
    command = ["cargo", "build", "--release", "--package", "framescope-oracles", "--example", "replay"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    replay = build / "release" / "examples" / "replay"
    shutil.rmtree(build / "raw", ignore_errors=True)
    subprocess.run([replay, *given.corpus], cwd=ROOT, env=environment, check=True)
    data = build / "all.profdata"
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", "-o", data, *(build / "raw").glob("*.profraw")], check=True)
    export = subprocess.run([tool("llvm-cov"), "export", "--format=lcov", f"--instr-profile={data}", replay],
                            check=True, capture_output=True, text=True).stdout
    lines, path = {}, None
    for line in export.splitlines():
        if line.startswith("SF:"):
            path = line[3:]
        elif line.startswith("DA:") and path:
            number, count = line[3:].split(",")[:2]
            lines.setdefault(path, {})[int(number)] = int(count)
    print("\n| lines of | there | reached | share |\n|---|---:|---:|---:|")
    for crate in ["parser/src", "parser/ksy/src", "capture/src"]:
        of_crate = {path: found for path, found in lines.items() if path.startswith(f"{ROOT / crate}{os.sep}")}
        there = sum(len(found) for found in of_crate.values())
        reached = sum(count > 0 for found in of_crate.values() for count in found.values())
        print(f"| {crate} | {there:,} | {reached:,} | {reached * 100 / there:.1f} % |")
    if given.lines:
        for path, found in sorted(lines.items()):
            missed = [number for number, count in sorted(found.items()) if count == 0]
            if missed and path.startswith(str(ROOT)) and "/fuzz/" not in path:
                text = Path(path).read_text(encoding="utf-8").splitlines()
                print(f"\n{Path(path).relative_to(ROOT)}")
                for number in missed:
                    print(f"{number:6} {text[number - 1]}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = arguments.add_subparsers(required=True)
    one = ways.add_parser("speed")
    one.add_argument("--seconds", type=int, default=5)
    one.add_argument("--sanitizer", choices=["address", "none"], default="address")
    one.add_argument("targets", nargs="*", metavar="TARGET")
    one.set_defaults(run=speed)
    one = ways.add_parser("coverage")
    one.add_argument("--llvm", metavar="FOLDER")
    one.add_argument("--lines", action="store_true")
    one.add_argument("corpus", nargs="*")
    one.set_defaults(run=coverage)
    given = arguments.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
