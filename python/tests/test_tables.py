"""A capture as a table: Arrow's C stream interface, pandas, Polars and Parquet."""

from __future__ import annotations

import datetime
import gc
import os
import pathlib
import threading

import framescope
import pytest

pa = pytest.importorskip("pyarrow")
import pyarrow.feather as feather  # noqa: E402
import pyarrow.parquet as parquet  # noqa: E402

CORPUS = pathlib.Path(__file__).parents[2] / "corpus"
CHAT = CORPUS / "captures" / "missive-chat" / "capture.pcapng"
MQTT = CORPUS / "formats" / "mqtt"


@pytest.fixture(scope="module")
def chat() -> framescope.Capture:
    return framescope.open(CHAT)


def test_a_table_has_a_row_for_each_message_with_its_fields(chat: framescope.Capture) -> None:
    table = pa.table(chat.to_arrow())
    assert table.num_rows == len(chat)
    rows = table.to_pylist()
    for message, row in zip(chat, rows):
        assert row["row"] == message.row
        assert row["kind"] == message.kind
        assert row["src"] == message.src
        assert row["length"] == message.length
        if message.kind == "LOGIN":
            assert row["missive"]["payload"]["user"] == message["payload.user"]
            assert row["missive"]["sequence"] == message["sequence"]
    times = table.column("time").to_pylist()
    assert times[0].tzinfo is not None
    assert isinstance(times[0], datetime.datetime)


def test_a_capture_itself_is_taken_by_pyarrow(chat: framescope.Capture) -> None:
    reader = pa.RecordBatchReader.from_stream(chat)
    assert sum(batch.num_rows for batch in reader) == len(chat)


def test_a_table_says_its_schema_before_it_is_read(chat: framescope.Capture) -> None:
    table = chat.to_arrow()
    schema = pa.schema(table)
    assert schema == pa.table(table).schema
    assert schema.names == table.column_names
    assert schema.field("time").type == pa.timestamp("ns", "UTC")


def test_fields_are_columns_of_their_own(chat: framescope.Capture) -> None:
    for names in ("row,kind,payload.user,latency", ["row", "kind", "payload.user", "latency"]):
        table = pa.table(chat.to_arrow(names))
        assert table.column_names == ["row", "kind", "payload.user", "latency"]
        users = [user for user in table.column("payload.user").to_pylist() if user is not None]
        assert users == [m["payload.user"] for m in chat if m.kind == "LOGIN"]


def test_views_are_tables_of_their_messages(chat: framescope.Capture) -> None:
    logins = chat.filter("kind == LOGIN")
    assert pa.table(logins.to_arrow("row")).column("row").to_pylist() == [m.row for m in logins]
    part = chat[3:9]
    assert pa.table(part.to_arrow("row")).column("row").to_pylist() == [m.row for m in part]
    backwards = chat[20:10:-1]
    assert pa.table(backwards.to_arrow("row")).column("row").to_pylist() == [m.row for m in backwards]


def test_each_kind_has_a_table_of_its_own(chat: framescope.Capture) -> None:
    tables = chat.to_arrow(by_kind=True)
    assert {"missive.LOGIN", "missive.DATA"} <= set(tables)
    assert sum(pa.table(table).num_rows for table in tables.values()) == len(chat)
    login = pa.table(tables["missive.LOGIN"])
    names = {field.name for field in login.schema.field("missive").type.field("payload").type}
    assert "user" in names and "content" not in names


def test_batches_have_at_most_as_many_rows_as_asked_for(chat: framescope.Capture) -> None:
    for threads in (1, 3):
        reader = pa.RecordBatchReader.from_stream(chat.to_arrow("row", batch_rows=10, threads=threads))
        batches = list(reader)
        assert max(batch.num_rows for batch in batches) == 10
        assert [row for batch in batches for row in batch.column("row").to_pylist()] == [m.row for m in chat]


def test_a_described_protocol_has_its_columns_in_any_capture() -> None:
    own = CORPUS / "formats" / "mqtt.ksy"
    spoken = pa.table(framescope.open(MQTT / "capture.pcapng", protocol=own))
    silent = framescope.open(CHAT, protocol=own)
    assert pa.schema(silent.to_arrow()).field("mqtt") == spoken.schema.field("mqtt")
    only = pa.schema(silent.to_arrow(protocols=["mqtt"]))
    assert "missive" not in only.names and "mqtt" in only.names


def test_what_is_asked_for_wrongly_is_refused_with_a_sentence(chat: framescope.Capture) -> None:
    with pytest.raises(framescope.FilterError, match="knid"):
        chat.to_arrow("row,knid")
    with pytest.raises(ValueError, match="also"):
        chat.to_arrow(also=["nothing"])
    with pytest.raises(ValueError, match="nothing"):
        chat.to_arrow(protocols=["nothing"])
    with pytest.raises(ValueError, match="batch_rows"):
        chat.to_arrow(batch_rows=0)
    with pytest.raises(TypeError):
        chat.to_arrow(3)
    with pytest.raises(ValueError, match="by_kind"):
        chat.to_arrow("row", by_kind=True)


def test_columns_can_be_added(chat: framescope.Capture) -> None:
    table = pa.table(chat.to_arrow(also=["summary", "bytes", "packet"]))
    for message, row in zip(chat, table.select(["summary", "bytes", "packet"]).to_pylist()):
        assert row["summary"] == message.summary
        if message.type == "message":
            assert row["bytes"] == message.bytes
        assert row["packet"] == message.packets


def test_files_hold_the_same(chat: framescope.Capture, tmp_path: pathlib.Path) -> None:
    rows = pa.table(chat.to_arrow()).to_pylist()
    assert chat.write_parquet(tmp_path / "chat.parquet") == len(chat)
    assert parquet.read_table(tmp_path / "chat.parquet").to_pylist() == rows
    assert chat.to_arrow().write_arrow(tmp_path / "chat.arrow") == len(chat)
    assert feather.read_table(tmp_path / "chat.arrow").to_pylist() == rows
    assert sorted(os.listdir(tmp_path)) == ["chat.arrow", "chat.parquet"]


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(
    chat: framescope.Capture, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(FileNotFoundError):
        chat.write_parquet(tmp_path / "none" / "chat.parquet")
    assert os.listdir(tmp_path) == []


def test_pandas_takes_it(chat: framescope.Capture) -> None:
    pandas = pytest.importorskip("pandas")
    frame = chat.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == len(chat)


def test_polars_takes_it(chat: framescope.Capture) -> None:
    polars = pytest.importorskip("polars")
    frame = chat.to_polars()
    assert isinstance(frame, polars.DataFrame) and len(frame) == len(chat)
    assert frame["row"].to_list() == [m.row for m in chat]


def test_duckdb_takes_it(chat: framescope.Capture) -> None:
    duckdb = pytest.importorskip("duckdb")
    messages = chat.to_arrow("kind")  # noqa: F841
    count = duckdb.sql("select count(*) from messages where kind = 'LOGIN'").fetchall()
    assert count == [(len(chat.filter("kind == LOGIN")),)]


def test_a_reader_that_is_dropped_stops_its_threads(chat: framescope.Capture) -> None:
    def running() -> int:
        return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0

    before = running()
    for _ in range(20):
        reader = pa.RecordBatchReader.from_stream(chat.to_arrow(batch_rows=1, threads=4))
        reader.read_next_batch()
        del reader
        gc.collect()
    assert running() <= before + 1


def test_several_threads_read_one_table(chat: framescope.Capture) -> None:
    table = chat.to_arrow()
    expected = pa.table(table)
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(pa.table(table).to_pylist() == expected.to_pylist()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_file_that_shrinks_is_an_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "short.pcapng"
    path.write_bytes(CHAT.read_bytes())
    capture = framescope.open(path)
    os.truncate(path, 1000)
    with pytest.raises(Exception, match="."):
        pa.table(capture)
    # The interpreter and other captures are none the worse for it.
    assert pa.table(framescope.open(CHAT)).num_rows > 0
