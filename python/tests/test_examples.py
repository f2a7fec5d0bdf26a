"""The programs of python/examples run, and so does the notebook."""

import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are in the repository only")
LIMIT = 120


def run(*command):
    return subprocess.run([sys.executable, *command], cwd=EXAMPLES, capture_output=True, text=True, timeout=LIMIT)


def test_the_tutorial_shows_what_goes_wrong():
    printed = run("tutorial.py").stdout
    assert printed.splitlines()[0] == "sent two, received: (1, 1, 'ada')"
    assert re.search(r"sent 2280 letters, received 1019\nand then a message of kind \d+\n", printed)


def test_the_golden_test_passes():
    result = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_chat.py")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("program", ["server.py", "server_asyncio.py"])
def test_the_client_talks_to_both_servers(program):
    # The server prints its port where it is given none.
    server = subprocess.Popen([sys.executable, "-u", program, "0"], cwd=EXAMPLES, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().split()[-1]
        result = run("client.py", port)
        assert result.stdout == "welcome, ada\nGOOD MORNING\nHOW IS THE WEATHER?\n\n", result.stderr
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_the_notebook_runs_and_shows_tables():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("polars")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(EXAMPLES / "chat.ipynb", as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}})
    client.execute()
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert any("the first 20" in table or "messages" in table for table in tables)
    assert any("<pre" in table for table in tables), "a message shows its bytes"
    assert any("image/png" in data for data in shown), "the timeline is a picture"
