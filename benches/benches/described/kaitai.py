"""Reads a stream of Missive with the class that Kaitai Struct's compiler made: python3 kaitai.py FOLDER STREAM.

FOLDER holds missive.py, made from corpus/formats/missive.ksy by kaitai-struct-compiler; STREAM is a file of frames.
Prints frames and the seconds of the best of three runs.
"""

import io
import sys
import time

sys.path.insert(0, sys.argv[1])
from kaitaistruct import KaitaiStream
from missive import Missive

with open(sys.argv[2], "rb") as file:
    data = file.read()
best, frames = None, 0
for _ in range(3):
    stream, frames = KaitaiStream(io.BytesIO(data)), 0
    begun = time.perf_counter()
    while stream.pos() < len(data):
        Missive(stream)
        frames += 1
    seconds = time.perf_counter() - begun
    best = seconds if best is None else min(best, seconds)
print(frames, best)
