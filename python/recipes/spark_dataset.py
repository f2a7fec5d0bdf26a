"""Captures to Parquet, or to a DataFrame, by the workers of Apache Spark.

    spark-submit spark_dataset.py CAPTURES FOLDER [PROTOCOL.ksy]

Each task decodes one part in one thread, so that Spark's own counting of cores holds. A task that is repeated finds the part that it has
written before. The workers need the packages framescope and pyarrow, and see the captures and the folder under the same names.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from framescope import dataset


def tasks(spark: SparkSession, parts: list[dataset.Part]) -> DataFrame:
    """The parts, one in each partition."""
    rows = [(pickle.dumps(part),) for part in parts]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, max(len(rows), 1)), "part binary")


def write(spark: SparkSession, parts: dataset.Plan, folder: str) -> dataset.Report:
    """Writes the parts that are not there yet."""

    def decode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            reports = [pickle.loads(part.as_py()).write(folder) for part in batch.column("part")]
            done = {"part": [one["part"] for one in reports], "rows": [one["rows"] for one in reports]}
            yield pa.RecordBatch.from_pydict(done)

    tasks(spark, parts).mapInArrow(decode, "part string, rows long").collect()
    return parts.finish(folder)


def messages(spark: SparkSession, parts: dataset.Plan) -> DataFrame:
    """The messages as a DataFrame that is decoded when it is used, without files between."""

    def decode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.column("part"):
                # Spark has neither unsigned integers nor nanoseconds.
                yield from map(dataset.plain, pickle.loads(part.as_py()).batches())

    return tasks(spark, parts).mapInArrow(decode, from_arrow_schema(dataset.plain(parts.schema)))


def read(spark: SparkSession, folder: str) -> DataFrame:
    """The data set that was written. Times are integers: nanoseconds since the Unix epoch."""
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    return spark.read.parquet(folder)


def main(captures: str, folder: str, *protocol: str) -> None:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName("framescope").getOrCreate()
    report = write(spark, dataset.plan(captures, protocol or None), folder)
    print(f"{report.rows} messages in {len(report.parts)} parts")
    for path, why in report.refused.items():
        print(f"left out: {path}: {why}")
    for damage in report.damages:
        print(f"damaged: {damage}")
    read(spark, folder).groupBy("protocol", "kind").count().orderBy("protocol", "kind").show()


if __name__ == "__main__":
    main(*sys.argv[1:])
