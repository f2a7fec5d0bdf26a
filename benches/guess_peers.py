#!/usr/bin/env python3
"""How well others find the fields of messages, on the captures on which `framescope guess` is measured.

    python3 benches/guess_peers.py FRAMESCOPE NEMESYS BINARYINFERNO [NAME...]

FRAMESCOPE is the program; the others are copies of the repositories vs-uulm/nemesys (10055334) and binaryinferno/binaryinferno.
Netzob 2.0.0 and what they need are installed from PyPI in a folder that is removed again; Netzob's own pins don't build with Python 3.11
(minepy needs an older numpy), so it is installed without them. BinaryInferno's detector of floating-point numbers fails with Python 3.11's statistics
module, and is left out.

All are given the first 100 messages of the server's side, cut where they really end, and are measured by where fields begin: precision and recall over all boundaries
inside messages, and F1 of both. Framescope is given the capture, and finds the messages itself. Bytes that the truth does not describe are left out.
"""

import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = os.path.join(HERE, "../guess/tests/formats")
PACKAGES = ["cython<3", "numpy==1.26.4", "scipy==1.14.1", "scikit-learn==1.5.2", "pandas==2.2.3", "bitarray==2.9.3", "bintrees==2.2.0", "colorama==0.4.6",
            "getmac==0.8.3", "pcapy-ng==1.0.9", "impacket==0.12.0", "netaddr==1.3.0", "networkx==3.3", "kneed==0.8.5", "tabulate==0.9.0", "bitstring==3.1.9",
            "colorhash==2.0.0", "pylstar==0.1.2", "hdbscan==0.8.40", "pyitlib==0.2.3", "GitPython==3.1.43", "matplotlib==3.9.2", "ipython==8.28.0",
            "pythoncrc==1.21", "humanhash3==0.0.6"]
MOST = 100
SIDE = 1


def messages(name, case):
    """Bytes, where fields begin, and which of their places are not described."""
    import reading
    import record
    found = []
    packets = record.packets_of(os.path.join(FORMATS, name, "capture.pcapng.gz"))
    for talk in reading.talks(packets):
        state = {}
        for side, said in enumerate(talk.said):
            for data in said if talk.is_datagrams else [b"".join(said)]:
                reader = reading.Reader(data, case.get("order", ">"))
                if data:
                    case["read"](reader, side, state)
                    reader.end()
                at = 0
                for parts in reader.messages if side == SIDE else []:
                    begin, starts, unknown = at, set(), set()
                    for kind, size in reading.joined(parts):
                        starts.add(at - begin)
                        if kind == "bytes":
                            unknown.update(range(at - begin + 1, at - begin + size))
                        at += size
                    found.append((data[begin:at], starts - {0}, unknown))
    return found[:MOST]


def score(real, guessed):
    right = said = true = 0
    for (_, starts, unknown), found in zip(real, guessed):
        if found is None:
            continue
        found = {at for at in found if at > 0} - unknown
        right, said, true = right + len(found & starts), said + len(found), true + len(starts)
    precision, recall = right / said if said else 0, right / true if true else 0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def by_framescope(program, name, real, folder):
    capture = os.path.join(FORMATS, name, "capture.pcapng.gz")
    out = os.path.join(folder, name)
    subprocess.run([program, "guess", capture, "-o", out], capture_output=True)
    descriptions = sorted(os.listdir(out), key=len) if os.path.isdir(out) else []
    found = {}
    if descriptions:
        shown = subprocess.run([program, "decode", capture, "--protocol", os.path.join(out, descriptions[0]), "--format", "json"], capture_output=True, text=True)
        for line in shown.stdout.splitlines():
            row = json.loads(line)
            if row["direction"] == ("forward", "backward")[SIDE] and row["type"] == "message":
                starts = set()
                places(row.get("fields", []), starts)
                found.setdefault(row["flow"], []).append((row["offset"], row["length"], starts))
    rows = [row for flow in sorted(found) for row in found[flow]]
    # Messages are matched by their lengths, in order; one that is not found has no fields.
    guessed, next_row = [], 0
    for data, _, _ in real:
        ahead = next((n for n in range(next_row, min(next_row + 4, len(rows))) if rows[n][1] == len(data)), None)
        guessed.append(rows[ahead][2] if ahead is not None else set())
        next_row = next_row if ahead is None else ahead + 1
    return guessed


def places(fields, into):
    for field in fields:
        if field.get("length") and not field["name"].startswith("_"):
            into.add(field["offset"])
        places(field.get("fields", []), into)


# What runs with the others' packages: it is given messages in hexadecimal, and prints where fields begin in each.
BY_OTHERS = r'''
import collections, collections.abc, json, sys, warnings
collections.Sequence = collections.abc.Sequence
warnings.filterwarnings("ignore")
tool, folder = sys.argv[1:]
messages = [bytes.fromhex(line) for line in sys.stdin.read().split()]
out = sys.stdout
sys.stdout = sys.stderr
from netzob.all import Format, RawMessage, Symbol
if tool == "nemesys":
    sys.path.insert(0, folder + "/src")
    from nemere.inference.analyzers import BitCongruenceDeltaGauss
    from nemere.inference.segmentHandler import refinements
    found = []
    for message in messages:
        starts = []
        if len(message) > 3:
            analyzer = BitCongruenceDeltaGauss(RawMessage(message))
            analyzer.setAnalysisParams(0.6)
            analyzer.analyze()
            segments = refinements([analyzer.messageSegmentation()])[0]
            starts = [segment.offset for segment in segments]
        found.append(starts)
else:
    symbol = Symbol(messages=[RawMessage(message) for message in messages])
    Format.splitAligned(symbol, doInternalSlick=False)
    found = []
    for cells in symbol.getCells():
        at, starts = 0, []
        for cell in cells:
            starts.append(at)
            at += len(cell)
        found.append(starts)
json.dump(found, out)
'''


def by_others(python, tool, folder, real):
    said = "\n".join(data.hex() for data, _, _ in real)
    done = subprocess.run([python, "-c", BY_OTHERS, tool, folder], input=said, capture_output=True, text=True, timeout=300)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:80]
    return json.loads(done.stdout)


def by_binaryinferno(python, folder, order, real):
    """Its last table has some of the messages, with blanks between the fields."""
    detectors = [f"bound{order}", "length", f"length2{order}", f"length3{order}", f"length4{order}", *(f"seq{size}{order}" for size in (8, 16, 24, 32))]
    said = "\n".join(data.hex() for data, _, _ in real)
    done = subprocess.run([python, "blackboard.py", "--detectors", *detectors], input=said + "\n", cwd=os.path.join(folder, "binaryinferno"),
                          capture_output=True, text=True, timeout=300)
    table = {}
    for line in done.stdout.splitlines():
        if re.fullmatch(r"\s*[0-9A-F]+( ?\|? ?[0-9A-F]+)*\s*", line):
            parts, at, starts = re.findall(r"[0-9A-F]+", line), 0, []
            for part in parts:
                starts.append(at)
                at += len(part) // 2
            table["".join(parts).lower()] = starts
    found = [table.get(data.hex()) for data, _, _ in real]
    if not table:
        return (done.stderr.strip().splitlines() or ["no table"])[-1][:80]
    return found


def main():
    program, nemesys, inferno, *wanted = sys.argv[1:]
    sys.path[:0] = [FORMATS, os.path.join(HERE, "../corpus/peers")]
    import cases
    all_of_them = {}
    for module in pkgutil.iter_modules(cases.__path__):
        all_of_them.update(importlib.import_module(f"cases.{module.name}").CASES)
    folder = tempfile.mkdtemp()
    try:
        python = os.environ.get("PEERS_PYTHON") or os.path.join(folder, "venv/bin/python")
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "venv")], check=True)
            pip = [python, "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, "setuptools<81", "wheel", *PACKAGES], check=True)
            subprocess.run([*pip, "--no-deps", "--no-build-isolation", "netzob==2.0.0"], check=True)
        print("format | messages | Framescope | NEMESYS | Netzob | BinaryInferno (precision, recall, F1)", flush=True)
        for name in wanted or sorted(all_of_them):
            case = all_of_them[name]
            real = messages(name, case)
            described = sum(len(data) - len(unknown) for data, _, unknown in real)
            if len(real) < 20 or described * 2 < sum(len(data) for data, _, _ in real):
                continue
            results = [by_framescope(program, name, real, folder)]
            for tool in (lambda: by_others(python, "nemesys", nemesys, real), lambda: by_others(python, "netzob", nemesys, real),
                         lambda: by_binaryinferno(python, inferno, "LE" if case.get("order") == "<" else "BE", real)):
                try:
                    results.append(tool())
                except subprocess.TimeoutExpired:
                    results.append("not done in 300 s")
            cells = [result if isinstance(result, str) else "%.2f %.2f %.2f" % score(real, result) for result in results]
            print(f"{name} | {len(real)} | " + " | ".join(cells), flush=True)
    finally:
        shutil.rmtree(folder)


main()
