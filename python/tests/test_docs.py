"""Every Python block of the documentation runs, and prints what is shown below it."""

import contextlib
import io
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

PYTHON = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = PYTHON / "examples"
FILES = [PYTHON.parent / "docs" / "python.md", PYTHON / "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path):
    """Each block of Python with its line, and the text that is shown directly below it."""
    source = path.read_text(encoding="utf-8")
    found = list(BLOCK.finditer(source))
    for at, match in enumerate(found):
        if match[1] != "python":
            continue
        shown = None
        if at + 1 < len(found) and found[at + 1][1] == "text" and not source[match.end() : found[at + 1].start()].strip():
            shown = found[at + 1][2]
        yield source.count("\n", 0, match.start()) + 2, match[2], shown


@pytest.fixture
def folder(tmp_path, monkeypatch):
    if not EXAMPLES.is_dir():
        pytest.skip("the examples are in the repository only")
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    monkeypatch.syspath_prepend(copy)
    return copy


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_blocks_print_what_is_shown(path, folder):
    if not path.is_file():
        pytest.skip("the documentation is in the repository only")
    if "polars" in path.read_text(encoding="utf-8"):
        pytest.importorskip("polars")
    names = {"__name__": "documentation"}
    count = 0
    for line, code, shown in blocks(path):
        count += 1
        if re.search(r"^def test_", code, re.MULTILINE):
            run_test(folder, code)
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (line - 1) + code, str(path), "exec"), names)
        assert printed.getvalue() == (shown or ""), f"what the block in line {line} of {path.name} prints is not what is shown"
    assert count


def run_test(folder, code):
    """A block with a test is a file, named in its first line."""
    name = re.match(r"# (\w+\.py)\n", code)[1]
    (folder / name).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    # What it compares with is written first, as the text says.
    for options in (["--framescope-update"], []):
        result = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stdout + result.stderr
