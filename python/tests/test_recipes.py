"""The recipes run as they are, on this machine with several workers, where what they are for is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import framescope
import pytest
from framescope import dataset

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

sys.path.insert(0, str(Path(__file__).parent))
RECIPES = Path(__file__).parents[1] / "recipes"
sys.path.insert(0, str(RECIPES))
from dataset_traffic import DESCRIPTION, usual  # noqa: E402

RULES = ["tcp.port=9000=note", "udp.port=9000=note"]


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    usual().write(folder, [60, 130, 300])
    return folder


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    path = tmp_path_factory.mktemp("description") / "note.ksy"
    path.write_text(DESCRIPTION)
    return path


@pytest.fixture
def plan(captures, description):
    return dataset.plan(captures, description, parts=4, decode_as=RULES)


@pytest.fixture(scope="module")
def expected(captures, description):
    paths = sorted(str(path) for path in captures.iterdir())
    messages = framescope.open(paths, description, decode_as=RULES)
    return sorted((m.src, m.offset, m.kind, m["text"]) for m in messages if m.type == "message")


def found(table):
    messages = [row for row in table.to_pylist() if row["type"] == "message"]
    return sorted((row["src"], row["offset"], row["kind"], row["note"]["text"]) for row in messages)


def written(folder):
    return found(pa.concat_tables(pq.read_table(path) for path in sorted(Path(folder).glob("*.parquet"))))


@pytest.fixture(scope="module")
def spark():
    pyspark = pytest.importorskip("pyspark")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_HOME", os.path.dirname(pyspark.__file__))
    # A master, two workers and their executors: tasks leave this process.
    builder = SparkSession.builder.master("local-cluster[2,1,1024]")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    paths = os.pathsep.join([str(RECIPES), os.environ.get("PYTHONPATH", "")])
    session = builder.config("spark.executorEnv.PYTHONPATH", paths).getOrCreate()
    yield session
    session.stop()


def test_spark_writes_a_data_set(spark, plan, expected, tmp_path):
    import spark_dataset

    out = str(tmp_path / "out")
    report = spark_dataset.write(spark, plan, out)
    assert written(out) == expected and len(report.parts) == len(plan) > 2
    times = {path: path.stat().st_mtime_ns for path in Path(out).glob("*.parquet")}
    spark_dataset.write(spark, plan, out)
    assert times == {path: path.stat().st_mtime_ns for path in times}
    frame = spark_dataset.read(spark, out)
    asked = frame.where("kind = 'ask'").select("note.text").collect()
    assert sorted(row.text for row in asked) == sorted(text for *_, kind, text in expected if kind == "ask")


def test_spark_decodes_to_a_frame(spark, plan, expected):
    import spark_dataset

    frame = spark_dataset.messages(spark, plan)
    rows = frame.where("type = 'message'").select("src", "offset", "kind", "note.text").collect()
    assert sorted((row.src, int(row.offset), row.kind, row.text) for row in rows) == expected
    assert str(frame.schema["time"].dataType) == "TimestampType()"


def test_ray_writes_a_data_set_and_decodes_to_one(plan, expected, tmp_path):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    import ray_dataset

    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([str(RECIPES), os.environ.get("PYTHONPATH", "")])}}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=environment, log_to_driver=False)
    try:
        ray_dataset.write(plan, str(tmp_path / "out"))
        assert written(tmp_path / "out") == expected
        messages = ray_dataset.messages(plan)
        assert found(pa.concat_tables(ray.get(messages.to_arrow_refs()), promote_options="permissive")) == expected
    finally:
        ray.shutdown()


def test_dask_writes_a_data_set(plan, expected, tmp_path):
    pytest.importorskip("dask")
    import dask_dataset

    report = dask_dataset.write(plan, str(tmp_path / "out"), num_workers=2)
    assert written(tmp_path / "out") == expected and len(report.parts) == len(plan)


def test_duckdb_answers_questions(captures, description, expected, tmp_path):
    pytest.importorskip("duckdb")
    import duckdb_dataset

    out = str(tmp_path / "out")
    dataset.write(captures, out, description, parts=3, workers=2, decode_as=RULES)
    database = duckdb_dataset.connect(out)
    for question in duckdb_dataset.QUESTIONS.values():
        assert database.sql(question).fetchall() is not None
    kinds = database.sql("select kind, count(*) from messages where type = 'message' group by kind").fetchall()
    assert sum(count for _, count in kinds) == len(expected)
    texts = database.sql("select note.text from messages where type = 'message' order by all").fetchall()
    assert [text for (text,) in texts] == sorted(text for *_, text in expected)


def test_the_recipe_for_duckdb_is_a_program(captures, description, tmp_path):
    pytest.importorskip("duckdb")
    program = [sys.executable, str(RECIPES / "duckdb_dataset.py"), str(captures), str(tmp_path / "out"), str(description)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=300)
    assert "what is wrong" in done.stdout and "note" in done.stdout
