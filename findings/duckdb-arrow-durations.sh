#!/usr/bin/env bash
# DuckDB 2.0.1: an Arrow duration in nanoseconds loses what is below a microsecond, and one read from Parquet loses its unit.
#
# What one would expect: a column `duration[ns]`, as latencies are, has the same values whether DuckDB scans the Arrow table or the
# Parquet file that pyarrow wrote of it, as timestamps in nanoseconds do (TIMESTAMP_NS both ways). In fact the Arrow table's column is
# an INTERVAL, which counts microseconds: 900 ns are an interval of zero, and `latency > INTERVAL 0 SECONDS` is false for them, without a
# word. The file's column is a BIGINT, and the same for each unit: 900 s, 900 ms and 900 ns are all 900.
#
# Cast to BIGINT before DuckDB sees it (`table.set_column(…, column.cast("int64"))`), with the unit in the column's name.
#
# Seen with duckdb 2.0.1, pyarrow 26.0.1 and Python 3.11. Needs python3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys

import duckdb
import pyarrow
import pyarrow.parquet

found = {}
for unit in ("s", "ms", "us", "ns"):
    durations = pyarrow.table({"latency": pyarrow.array([900], pyarrow.duration(unit))})
    query = "SELECT typeof(latency), latency::VARCHAR, latency > INTERVAL 0 SECONDS FROM durations"
    scanned = duckdb.sql(query).fetchall()
    pyarrow.parquet.write_table(durations, f"{unit}.parquet")
    read = duckdb.sql(f"SELECT typeof(latency), latency FROM '{unit}.parquet'").fetchall()
    found[unit] = scanned + read
    print(unit, *found[unit])
expected = {
    "s": [("INTERVAL", "00:15:00", True), ("BIGINT", 900)],
    "ms": [("INTERVAL", "00:00:00.9", True), ("BIGINT", 900)],
    "us": [("INTERVAL", "00:00:00.0009", True), ("BIGINT", 900)],
    "ns": [("INTERVAL", "00:00:00", False), ("BIGINT", 900)],
}
if found != expected:
    sys.exit("this has changed: durations are read otherwise")
PYTHON
