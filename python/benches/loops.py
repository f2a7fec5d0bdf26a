"""Loops over the messages of a capture, and writing it as Parquet: python3 loops.py WHAT CAPTURE [OUT]. Prints messages and seconds."""

import json
import pathlib
import sys
import time

import framescope

what, path = sys.argv[1:3]
begun, begun_cpu = time.perf_counter(), time.process_time()
capture = framescope.open(path, protocol=pathlib.Path(__file__).resolve().with_name("mine.ksy"))
if what == "parquet":
    capture.write_parquet(sys.argv[3])
else:
    # The loop is what is measured: opening is a part of the other tables.
    begun, begun_cpu = time.perf_counter(), time.process_time()
    if what == "nothing":
        for message in capture:
            pass
    elif what == "kind":
        for message in capture:
            message.kind
    elif what == "id":
        for message in capture:
            message["id"]
    elif what == "three fields":
        for message in capture:
            message.kind, message["id"], message["text"]
    else:
        sys.exit(f"there is no loop {what}")
seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
print(json.dumps({"seconds": seconds, "cpu": cpu, "contents": len(capture)}))
