"""Captures to Parquet by processes of this machine, and questions in SQL about them.

    python duckdb_dataset.py CAPTURES FOLDER [PROTOCOL.ksy]
"""

from __future__ import annotations

import os
import sys

import duckdb

from framescope import dataset

QUESTIONS = {
    "how many messages of each kind": """
        select protocol, kind, count(*) as messages, sum(length) as bytes
        from messages group by all order by all""",
    "the slowest replies": """
        select time, src, dst, kind, latency, file, packet
        from messages where latency is not null order by latency desc, file, packet limit 10""",
    "what is wrong": """
        select problem, count(*) as messages
        from (select unnest(problems) as problem from messages) group by all order by messages desc, problem""",
}


def connect(folder: str) -> duckdb.DuckDBPyConnection:
    """A database with the view ``messages`` of a data set."""
    database = duckdb.connect()
    pattern = os.path.join(folder, "*.parquet").replace("'", "''")
    # Captures of protocols that were not named differ in their columns.
    database.execute(f"create view messages as from read_parquet('{pattern}', union_by_name = true)")
    return database


def main(captures: str, folder: str, *protocol: str) -> None:
    dataset.write(captures, folder, protocol or None)
    database = connect(folder)
    for question, text in QUESTIONS.items():
        print(f"\n{question}")
        print(database.sql(text))


if __name__ == "__main__":
    main(*sys.argv[1:])
