"""Many captures as one data set: its parts are together all of them, whatever they are divided by."""

import gzip
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import framescope
import pytest
from framescope import dataset

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

sys.path.insert(0, str(Path(__file__).parent))
from dataset_traffic import DESCRIPTION, HEADER, START, Traffic, usual  # noqa: E402

NOTE = framescope.Protocol.from_text(DESCRIPTION)
RULES = {"tcp.port=9000": NOTE, "udp.port=9000": NOTE}
WITH = {"protocol": NOTE, "decode_as": RULES}
#: What the parts of a data set number each for itself.
NUMBERS = {"row", "flow", "reply_to", "part_of"}


def rows(tables) -> list[str]:
    """Rows by what is the same wherever they are read: other rows are named by their packets and places."""
    found = []
    for table in tables:
        all_rows = table.to_pylist()
        names = {row["row"]: [str(row[key]) for key in ("file", "packet", "src", "offset", "length")] for row in all_rows}
        for row in all_rows:
            links = [names.get(row[key]) for key in ("reply_to", "part_of")]
            found.append(repr(({key: value for key, value in row.items() if key not in NUMBERS}, links)))
    return sorted(found)


def whole(paths) -> list[str]:
    """The rows of captures read as one."""
    capture = framescope.open([str(path) for path in paths], **WITH)
    return rows([pa.table(capture.to_arrow(protocols=["note"], places=True))])


def read(parts) -> list[str]:
    return rows(pa.Table.from_batches(part.batches(), parts.schema) for part in parts)


def written(folder) -> list[str]:
    return rows(pq.read_table(path) for path in sorted(Path(folder).glob("*.parquet")))


@pytest.fixture
def rotated(tmp_path):
    """A capture over five files, cut in connections and between fragments."""
    traffic = usual()
    count = len(traffic.packets)
    fragment = next(at for at in range(count // 3, count) if traffic.packets[at][14 + 6] & 0x20)
    folder = tmp_path / "captures"
    folder.mkdir()
    ends = sorted([50, fragment + 1, count // 2, count - 60])
    return traffic.write(folder, ends)


@pytest.mark.parametrize("parts", [None, 1, 2, 3, 9])
def test_the_parts_of_a_rotated_capture_are_together_all_of_it(rotated, parts):
    plan = dataset.plan(rotated[0].parent, parts=parts, **WITH)
    expected = whole(rotated)
    assert len(expected) > 400 and read(plan) == expected
    replies = sum(row.count(str(rotated[0].parent)) == 2 for row in expected)
    assert replies > 200, "each names its request, too"
    assert not plan.refused and not plan.damages
    if parts and parts > 1:
        assert len(plan) > 1 and any(part.only for part in plan)


@pytest.mark.parametrize("cut", range(30, 90, 7))
def test_wherever_it_is_cut(tmp_path, cut):
    paths = usual().write(tmp_path, [cut, cut + 1, cut + 200])
    assert read(dataset.plan(tmp_path, part_bytes=1, **WITH)) == whole(paths)


def test_one_large_capture_is_divided_by_its_conversations(tmp_path):
    paths = usual().write(tmp_path, [])
    plan = dataset.plan(paths[0], parts=3, **WITH)
    assert [part.share for part in plan] == [(0, 3), (1, 3), (2, 3)]
    assert read(plan) == whole(paths)


def test_a_rotated_capture_is_as_it_was_before(tmp_path):
    """That several files are read as one is not only said by what is compared above."""
    (one,) = usual().write(tmp_path, [], name="one.pcap")
    several = usual().write(tmp_path, [100, 200])
    texts = []
    for captures in (one, several):
        found = framescope.open(captures if captures is one else list(map(str, captures)), **WITH)
        texts.append([(m.time_ns, m.src, m.kind, m.bytes, [p.code for p in m.problems]) for m in found])
    assert texts[0] == texts[1]


def test_packets_lead_back_to_the_files(rotated):
    plan = dataset.plan(rotated[0].parent, parts=3, **WITH)
    counts = {str(path): framescope.open(path, **WITH).packets for path in rotated}
    for part in plan:
        for batch in part.batches():
            for row in batch.to_pylist():
                assert 1 <= row["packet"] <= counts[row["file"]]


def test_compressed_files_continue_others(rotated):
    plain = whole(rotated)
    packed = rotated[2].with_name(rotated[2].name + ".gz")
    packed.write_bytes(gzip.compress(rotated[2].read_bytes()))
    rotated[2].unlink()
    plan = dataset.plan(rotated[0].parent, parts=3, **WITH)
    assert [row.replace(packed.name, rotated[2].name) for row in read(plan)] == plain


def test_captures_that_overlap_are_not_one(tmp_path):
    traffic = usual()
    for host in ("host1", "host2"):
        traffic.write(tmp_path, [100, 200], name=host + "-{:03}.pcap")
    plan = dataset.plan(tmp_path, parts=6, **WITH)
    for part in plan:
        assert len({file.name[:5] for file in part.files}) == 1
    expected = [whole(sorted(tmp_path.glob(host + "*"))) for host in ("host1", "host2")]
    assert read(plan) == sorted(expected[0] + expected[1])


def test_a_group_is_what_one_says(tmp_path):
    traffic = usual()
    paths = traffic.write(tmp_path, [150])
    renamed = [paths[0].rename(tmp_path / "first.pcap"), paths[1].rename(tmp_path / "second.pcap")]
    plan = dataset.plan(tmp_path, group=lambda path: "all", part_bytes=1, **WITH)
    assert read(plan) == whole(renamed)
    alone = dataset.plan(tmp_path, **WITH)
    assert [len(part.files) for part in alone] == [1, 1]


def test_what_was_written_is_not_written_again(rotated, tmp_path):
    out = tmp_path / "out"
    report = dataset.write(rotated[0].parent, out, parts=4, workers=1, **WITH)
    expected = whole(rotated)
    assert written(out) == expected and report.rows == len(expected)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert len(times) == len(report.parts) > 2
    victim = sorted(times)[1]
    victim.unlink()
    dataset.write(rotated[0].parent, out, parts=4, workers=1, **WITH)
    assert written(out) == expected
    again = {path for path in times if path.stat().st_mtime_ns != times[path]}
    assert again == {victim}
    assert not [path for path in out.iterdir() if path.name.endswith(".unfinished")]
    assert json.loads((out / "_framescope.json").read_text())["rows"] == report.rows


def test_a_capture_that_goes_on_replaces_the_parts_it_changes(tmp_path):
    captures, out = tmp_path / "captures", tmp_path / "out"
    captures.mkdir()
    traffic, ends = Traffic(), []
    for file in range(4):
        for client in range(file * 10, file * 10 + 3):
            traffic.open(client)
            for number in range(20):
                traffic.talk(client, number)
        ends.append(len(traffic.packets) + 4)
        # The last client of a file continues in the next one.
        traffic.talk(client, 20)
        traffic.talk(client, 21)
        traffic.talk(client, 22)
    paths = traffic.write(captures, ends[:3])
    last = paths[-1].rename(tmp_path / "later")
    dataset.write(captures, out, part_bytes=1, workers=1, **WITH)
    before = {path.name for path in out.glob("*.parquet")}
    assert written(out) == whole(paths[:3])
    last.rename(paths[-1])
    dataset.write(captures, out, part_bytes=1, workers=1, **WITH)
    after = {path.name for path in out.glob("*.parquet")}
    assert written(out) == whole(paths)
    assert before - after and before & after and after - before, (before, after)


def test_other_options_make_other_parts(rotated, tmp_path):
    out = tmp_path / "out"
    dataset.write(rotated[0].parent, out, workers=1, **WITH)
    report = dataset.write(rotated[0].parent, out, workers=1, filter="kind == ask", **WITH)
    table = pa.concat_tables(pq.read_table(path) for path in out.glob("*.parquet"))
    assert set(table["kind"].to_pylist()) == {"ask"} and table.num_rows == report.rows


def test_parts_of_other_captures_stay(tmp_path):
    out, days = tmp_path / "out", []
    for day in range(2):
        folder = tmp_path / f"day{day}"
        folder.mkdir()
        days.append(usual().write(folder, [100], start=START + day * 86_400 * 10**9))
        dataset.write(folder, out, workers=1, **WITH)
    assert written(out) == sorted(whole(days[0]) + whole(days[1]))


def test_several_processes_write_the_same(rotated, tmp_path):
    out, done = tmp_path / "out", []
    report = dataset.write(
        rotated[0].parent, out, parts=4, workers=2, progress=lambda *at: done.append(at), **WITH
    )
    assert written(out) == whole(rotated) and report.missing == []
    assert done[-1] == (len(report.parts), len(report.parts))


def test_damage_costs_its_file_only_and_is_listed(rotated, tmp_path):
    folder = rotated[0].parent
    whole_of_it = rotated[1].read_bytes()
    rotated[1].write_bytes(whole_of_it[: len(whole_of_it) // 2 + 3])
    (folder / "notes.txt").write_text("not a capture\n")
    (folder / "empty.pcap").write_bytes(b"")
    (folder / "eth0_00009.pcap").write_bytes(b"neither is this")
    (folder / "eth0_00010.pcap").write_bytes(HEADER)
    (folder / "bluetooth.log").write_bytes(b"btsnoop\0\0\0\0\x01\0\0\x03\xea")
    (folder / ".hidden").write_text("passed over")
    report = dataset.write(folder, tmp_path / "out", parts=3, workers=1, **WITH)
    refused = {Path(path).name: why for path, why in report.refused.items()}
    assert set(refused) == {"notes.txt", "eth0_00009.pcap", "bluetooth.log"}
    assert "btsnoop" in refused["bluetooth.log"] and "no capture's magic" in refused["notes.txt"]
    assert any("eth0_00001.pcap" in damage for damage in report.damages)
    assert any("empty.pcap" in damage for damage in report.damages)
    with pytest.warns(framescope.DamageWarning):
        expected = whole(rotated)
    assert written(tmp_path / "out") == expected


def test_an_empty_folder_is_an_empty_data_set(tmp_path):
    (tmp_path / "captures").mkdir()
    assert dataset.plan(tmp_path / "captures", NOTE) == []
    report = dataset.write(tmp_path / "captures", tmp_path / "out", NOTE, workers=1)
    assert (report.rows, report.parts, report.refused) == (0, [], {})
    with pytest.raises(FileNotFoundError):
        dataset.plan(tmp_path / "nothing", NOTE)


def test_a_capture_that_vanished_costs_its_part_which_is_written_later(tmp_path):
    captures, out = tmp_path / "captures", tmp_path / "out"
    captures.mkdir()
    for number, name in enumerate(("one.pcap", "two.pcap")):
        usual().write(captures, [], name=name, start=START + number * 10**12)
    plan = dataset.plan(captures, **WITH)
    gone = (captures / "two.pcap").rename(tmp_path / "elsewhere")
    reports = []
    for part in plan:
        try:
            reports.append(part.write(out))
        except framescope.MissingError as error:
            assert "two.pcap" in str(error)
    assert len(reports) == 1
    with pytest.raises(framescope.Error, match="1 of 2 parts are missing"):
        plan.finish(out)
    gone.rename(captures / "two.pcap")
    assert [part.write(out)["written"] for part in plan] == [False, True]
    assert plan.finish(out).missing == []


def test_a_part_needs_no_description_on_another_machine(rotated, tmp_path):
    description = tmp_path / "note.ksy"
    description.write_text(DESCRIPTION)
    rules = ["tcp.port=9000=note", "udp.port=9000=note"]
    plan = dataset.plan(rotated[0].parent, description, parts=3, decode_as=rules)
    pickled = pickle.dumps(plan[0])
    expected = rows([pa.Table.from_batches(plan[0].batches())])
    description.unlink()
    code = "import pickle, sys; part = pickle.load(sys.stdin.buffer); print(sum(b.num_rows for b in part.batches()), part.name)"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickled, capture_output=True, check=True, cwd=tmp_path
    )
    assert done.stdout.decode().split() == [str(len(expected)), plan[0].name]


def test_all_parts_have_the_columns_of_the_plan(rotated):
    plan = dataset.plan(rotated[0].parent, parts=5, also=["summary"], **WITH)
    assert all(pa.schema(part.table()) == plan.schema for part in plan)
    assert {"file", "packet", "summary", "note"} <= set(plan.schema.names)
    flat = dataset.plan(rotated[0].parent, fields="kind,note.text", **WITH)
    assert {"kind", "note.text", "file", "packet"} == set(flat.schema.names)


def test_captures_elsewhere_are_listed_and_read_through_fsspec(rotated, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in rotated:
        memory.pipe_file(f"/bucket/day/{path.name}", path.read_bytes())
    memory.pipe_file("/bucket/readme.txt", b"not a capture")
    expected = whole(rotated)
    names = lambda found: [row.replace("memory://", "").replace("/bucket/day", str(rotated[0].parent)) for row in found]
    plan = dataset.plan("memory://bucket", parts=3, **WITH)
    reports = [part.write("memory://results/notes") for part in plan]
    report = plan.finish("memory://results/notes")
    assert [report["written"] for report in reports] == [True] * len(plan)
    assert list(report.refused) == ["memory:///bucket/readme.txt"] or list(report.refused) == ["memory://bucket/readme.txt"]
    assert not any(part.write("memory://results/notes")["written"] for part in plan)
    tables = []
    for path in memory.glob("/results/notes/*.parquet"):
        with memory.open(path) as file:
            tables.append(pq.read_table(file))
    assert sorted(names(rows(tables))) == expected
    here = dataset.plan(f"file://{rotated[0].parent}/*.pcap", parts=3, **WITH)
    assert read(here) == expected
    memory.rm("/bucket", recursive=True)
    memory.rm("/results", recursive=True)


def test_captures_are_looked_at_side_by_side(rotated):
    with ThreadPoolExecutor(3) as executor:
        plan = dataset.plan(rotated[0].parent, parts=3, executor=executor, **WITH)
    assert [part.name for part in plan] == [part.name for part in dataset.plan(rotated[0].parent, parts=3, **WITH)]


def test_what_does_not_fit_is_said_before_any_work(rotated):
    folder = rotated[0].parent
    with pytest.raises(framescope.FilterError):
        dataset.plan(folder, filter="kind ==", **WITH)
    with pytest.raises(ValueError, match="flow=N"):
        dataset.plan(folder, NOTE, decode_as="flow=1=note")
    with pytest.raises(framescope.OptionError):
        dataset.plan(folder, "unheard-of")


def test_types_are_plain_for_engines_that_have_few(rotated):
    plan = dataset.plan(rotated[0].parent, **WITH)
    table = pa.Table.from_batches(plan[0].batches())
    plain = dataset.plain(table)
    assert plain.schema == dataset.plain(plan.schema)
    assert plain.num_rows == table.num_rows
    first, given = plain.slice(0, 200).to_pylist(), table.slice(0, 200).to_pylist()
    for one, other in zip(first, given):
        assert one["note"] == other["note"] and one["src"] == other["src"] and one["row"] == other["row"]


def test_a_part_leaves_no_open_files_behind(rotated):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("there is no /proc")
    plan = dataset.plan(rotated[0].parent, parts=3, **WITH)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        for part in plan:
            next(part.batches())
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_datagrams_of_fragments_in_two_files_belong_to_their_conversation(tmp_path):
    traffic = Traffic()
    for number in range(1, 6):
        traffic.datagram(7, number, fragments=True)
    paths = traffic.write(tmp_path, [2, 5, 10])
    plan = dataset.plan(tmp_path, part_bytes=1, **WITH)
    assert read(plan) == whole(paths) and len(read(plan)) == 5
