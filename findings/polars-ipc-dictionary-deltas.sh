#!/usr/bin/env bash
# Polars 2.1.0: an Arrow IPC file whose dictionary grows from batch to batch can't be read; pyarrow writes no other kind of it.
#
# What one would expect: a dictionary column whose names become known batch by batch is written by pyarrow and read by Polars. The Arrow
# format has two ways, a batch that replaces the dictionary and one that adds to it (a delta), and allows only the second in files.
# pyarrow refuses to write such a file without the option to write deltas (`emit_dictionary_deltas`); with them, Polars refuses to read it,
# and the stream too ("delta dictionary batches not supported"). The stream with replaced dictionaries is read by both. What both take as
# a file needs each dictionary complete before the first batch: `pyarrow.Table.unify_dictionaries`, or a place in the file's footer for the
# dictionary after the batches, which the format allows as readers begin at the footer.
#
# Seen with polars 2.1.0, pyarrow 26.0.1 and Python 3.11. Needs python3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import polars
import pyarrow
import pyarrow.ipc

schema = pyarrow.schema([("kind", pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))])


def batch(keys, names):
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array(keys, pyarrow.int32()), names)
    return pyarrow.record_batch([column], schema=schema)


batches = [batch([0, 1], ["login", "say"]), batch([2, 0], ["login", "say", "bye"])]
WAYS = {"file": (pyarrow.ipc.new_file, polars.read_ipc), "stream": (pyarrow.ipc.new_stream, polars.read_ipc_stream)}
found = {}
for form, (writer, reader) in WAYS.items():
    for deltas in (False, True):
        out = io.BytesIO()
        try:
            with writer(out, schema, options=pyarrow.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)) as written:
                for each in batches:
                    written.write_batch(each)
            found[form, deltas] = reader(io.BytesIO(out.getvalue()))["kind"].to_list()
        except (pyarrow.ArrowInvalid, polars.exceptions.ComputeError) as error:
            found[form, deltas] = str(error)
        print(form, "with deltas:" if deltas else "without:", found[form, deltas])
names = ["login", "say", "bye", "login"]
if not (
    "only support a single non-delta dictionary" in found["file", False]
    and found["file", True] == found["stream", True] == "delta dictionary batches not supported"
    and found["stream", False] == names
):
    sys.exit("this has changed")
PYTHON
