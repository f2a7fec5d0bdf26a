"""Captures to Parquet by the workers of Dask.

    python dask_dataset.py CAPTURES FOLDER [PROTOCOL.ksy]

Without a cluster the parts are decoded by processes of this machine. With one, ``distributed.Client(ADDRESS)`` comes first.
"""

from __future__ import annotations

import sys

import dask
from framescope import dataset


def write(parts: dataset.Plan, folder: str, **how: object) -> dataset.Report:
    """Writes the parts that are not there yet."""
    write_part = dask.delayed(dataset.Part.write, pure=False)
    dask.compute(*(write_part(part, folder) for part in parts), scheduler="processes", **how)
    return parts.finish(folder)


def main(captures: str, folder: str, *protocol: str) -> None:
    report = write(dataset.plan(captures, protocol or None), folder)
    print(f"{report.rows} messages in {len(report.parts)} parts")


if __name__ == "__main__":
    main(*sys.argv[1:])
