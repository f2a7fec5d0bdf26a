"""The list of fuzz targets, targets.txt, for the scripts beside it."""

from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parent.parent


class Target(NamedTuple):
    """One target. Folders are relative to the root of a copy of the repository."""

    name: str
    seeds: Optional[Path]
    dictionary: Optional[Path]


def targets():
    """All targets, in the order of the list."""
    lines = (ROOT / "fuzz" / "targets.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            name, seeds, dictionary = line.split()
            found.append(Target(name, None if seeds == "-" else Path("corpus/seeds") / seeds,
                                None if dictionary == "-" else Path("fuzz/dictionaries") / f"{dictionary}.dict"))
    return found


def finders():
    """The targets that can find something: all but the empty one, which has no seeds."""
    return [target for target in targets() if target.seeds]
