"""Prints what the changelog says of a version: `python3 packaging/notes.py 0.1.0`."""

import pathlib
import re
import sys


def notes(changelog, version):
    """The part under the version's heading, without the heading; None if there is none."""
    match = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |^\[|\Z)", changelog, re.DOTALL | re.MULTILINE)
    return match and match.group(1).strip() + "\n"


if __name__ == "__main__":
    text = notes((pathlib.Path(__file__).parent.parent / "CHANGELOG.md").read_text(encoding="utf-8"), sys.argv[1])
    if text is None:
        sys.exit(f"CHANGELOG.md has no part [{sys.argv[1]}]; name it after the version before the tag")
    print(text, end="")
