"""How much faster two workers decode captures than one: wall-clock time in turns, and the processor time of each worker.

    python workers.py CAPTURES [PROTOCOL] [--engine processes|dask|ray|spark] [--parts N] [--rounds N]

The parts are the same for both. Starting an engine is not counted, planning neither. Where other programs use the processors, the
processor times say more than the clock: with N workers each should have an Nth of what one has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from framescope import dataset

RECIPES = Path(__file__).parents[1] / "recipes"
sys.path.insert(0, str(RECIPES))


def warm(_: object) -> None:
    """Loads what a task needs, in as many processes as there are."""
    import framescope.dataset  # noqa: F401

    time.sleep(0.5)


def timed(part: dataset.Part, folder: str) -> tuple[int, float]:
    before = time.process_time()
    part.write(folder)
    return os.getpid(), time.process_time() - before


def processes(workers: int, plan: dataset.Plan, folder: str) -> float:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        list(executor.map(warm, range(2 * workers)))
        start = time.monotonic()
        done = list(executor.map(timed, plan, [folder] * len(plan)))
        took = time.monotonic() - start
    of_worker: dict[int, float] = {}
    for worker, spent in done:
        of_worker[worker] = of_worker.get(worker, 0) + spent
    print("  processor time by worker:", ", ".join(f"{spent:.2f} s" for spent in of_worker.values()))
    return took


def dask(workers: int, plan: dataset.Plan, folder: str) -> float:
    import dask_dataset

    start = time.monotonic()
    dask_dataset.write(plan, folder, num_workers=workers)
    return time.monotonic() - start


def ray(workers: int, plan: dataset.Plan, folder: str) -> float:
    import ray
    import ray_dataset

    environment = {"env_vars": {"PYTHONPATH": str(RECIPES)}}
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    try:
        ray.get([ray.remote(warm).remote(None) for _ in range(workers)])
        start = time.monotonic()
        ray_dataset.write(plan, folder)
        return time.monotonic() - start
    finally:
        ray.shutdown()


def spark(workers: int, plan: dataset.Plan, folder: str) -> float:
    import pyspark
    import spark_dataset
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_HOME", os.path.dirname(pyspark.__file__))
    builder = SparkSession.builder.master(f"local-cluster[{workers},1,1024]").config("spark.ui.enabled", "false")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    session = builder.config("spark.executorEnv.PYTHONPATH", str(RECIPES)).getOrCreate()
    try:
        for _ in range(2):
            session.sparkContext.parallelize(range(2 * workers), 2 * workers).foreach(warm)
        start = time.monotonic()
        spark_dataset.write(session, plan, folder)
        return time.monotonic() - start
    finally:
        session.stop()


ENGINES: dict[str, Callable[[int, dataset.Plan, str], float]] = {
    "processes": processes,
    "dask": dask,
    "ray": ray,
    "spark": spark,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("captures")
    arguments.add_argument("protocol", nargs="?", default="missive")
    arguments.add_argument("--engine", choices=ENGINES, default="processes")
    arguments.add_argument("--parts", type=int, default=8)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    plan = dataset.plan(given.captures, given.protocol, parts=given.parts)
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for workers, took in times.items():
            folder = tempfile.mkdtemp()
            try:
                took.append(ENGINES[given.engine](workers, plan, folder))
            finally:
                shutil.rmtree(folder)
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
            print(f"{workers} worker{'s' * (workers > 1)}: {took[-1]:.2f} s (load {load:.1f})", flush=True)
    one, two = (statistics.median(took) for took in times.values())
    print(f"{given.engine}, {len(plan)} parts: {one:.2f} s by one, {two:.2f} s by two, {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
