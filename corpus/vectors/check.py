"""Checks the Python peer against missive.json. Prints the differences, and exits with 1 if anything does."""

import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../peers"))
import missive


def differences(vectors):
    key = bytes.fromhex(vectors["key"])
    for vector in vectors["frames"]:
        data = bytes.fromhex(vector["hex"])
        area = b"".join(missive.extension(e["tag"] | (missive.CRITICAL if e["critical"] else 0),
                                          bytes.fromhex(e["value"])) for e in vector["extensions"])
        written = missive.encode(vector["kind"], bytes.fromhex(vector["payload"]), flags=vector["flags"],
                                 sequence=vector["sequence"], channel=vector["channel"], extensions=area, key=key)
        if written != data:
            yield vector["name"], "written", written.hex()
        said = missive.decode(data, key).says()
        if said != vector["says"]:
            yield vector["name"], "says", said
    for vector in vectors["refused"]:
        data = bytes.fromhex(vector["hex"])
        try:
            missive.decode(data, key).says()
            yield vector["name"], "refused", "it is taken"
        except missive.Refused as refused:
            if (refused.problem, refused.field, refused.offset) != tuple(
                    vector[name] for name in ("problem", "field", "offset")):
                yield vector["name"], "refused", str(refused)
    for vector in vectors["streams"]:
        data = bytes.fromhex(vector["hex"])
        expected = [[row["type"], row["offset"], row["length"], row["reason"]] for row in vector["rows"]]
        for size in (1, 7, 20, len(data)):
            found = missive.rows([data[at:at + size] for at in range(0, len(data), size)])
            if found != expected:
                yield vector["name"], f"fed {size} bytes at a time", found


with open(os.path.join(here, "missive.json"), encoding="utf-8") as file:
    vectors = json.load(file)
found = list(differences(vectors))
for name, what, said in found:
    print(f"{name}: {what}: {said}")
print(f"{sum(map(len, (vectors['frames'], vectors['refused'], vectors['streams'])))} vectors, {len(found)} differences")
sys.exit(1 if found else 0)
