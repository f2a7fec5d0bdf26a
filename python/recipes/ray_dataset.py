"""Captures to Parquet, or to a Dataset, by the workers of Ray.

    python ray_dataset.py CAPTURES FOLDER [PROTOCOL.ksy]

Each task decodes one part in one thread and has one CPU.
"""

from __future__ import annotations

import pickle
import sys

import pyarrow as pa
import ray

from framescope import dataset


def tasks(parts: list[dataset.Part]) -> ray.data.Dataset:
    """The parts, one in each block."""
    table = pa.table({"part": pa.array([pickle.dumps(part) for part in parts], pa.binary())})
    return ray.data.from_arrow([table.slice(at, 1) for at in range(len(parts))])


def write(parts: dataset.Plan, folder: str) -> dataset.Report:
    """Writes the parts that are not there yet."""

    def decode(batch: pa.Table) -> pa.Table:
        reports = [pickle.loads(part.as_py()).write(folder) for part in batch.column("part")]
        return pa.table({"part": [one["part"] for one in reports], "rows": [one["rows"] for one in reports]})

    tasks(parts).map_batches(decode, batch_format="pyarrow", batch_size=1).materialize()
    return parts.finish(folder)


def messages(parts: dataset.Plan) -> ray.data.Dataset:
    """The messages as a Dataset that is decoded when it is used, without files between."""

    def decode(batch: pa.Table):
        for part in batch.column("part"):
            for messages in pickle.loads(part.as_py()).batches():
                yield pa.Table.from_batches([dataset.plain(messages)])

    return tasks(parts).map_batches(decode, batch_format="pyarrow", batch_size=1)


def main(captures: str, folder: str, *protocol: str) -> None:
    ray.init()
    report = write(dataset.plan(captures, protocol or None), folder)
    print(f"{report.rows} messages in {len(report.parts)} parts")
    print(ray.data.read_parquet(folder).groupby("kind").count().to_pandas())


if __name__ == "__main__":
    main(*sys.argv[1:])
