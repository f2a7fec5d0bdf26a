"""Finds words that this project does not use, by the list in words.txt, in the files that git knows."""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent


def rules():
    for number, line in enumerate((HERE / "words.txt").read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.rsplit(" | ", 2)]
        if len(parts) != 3 or parts[2] not in ("docs", "all"):
            sys.exit(f".ci/words.txt:{number}: wants EXPRESSION | INSTEAD | docs or all")
        yield re.compile(rf"\b({parts[0]})\b", re.IGNORECASE), parts[1], parts[2]


def prose(path, text):
    """The lines with their numbers, without a document's code and its folded tables, which name it."""
    fenced = folded = False
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix == ".md":
            folded = (folded or "<details>" in line) and "</details>" not in line
            if folded:
                line = ""
            if line.lstrip().startswith("```"):
                fenced = not fenced
            line = "" if fenced else re.sub(r"`[^`]*`", "``", line)
        yield number, line


def main():
    listed = list(rules())
    command = ["git", "ls-files", *(f"*.{kind}" for kind in ("md", "rs", "py", "sh", "toml", "ksy"))]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = 0
    for name in names.stdout.splitlines():
        path = ROOT / name
        if not path.is_file() or path.is_symlink():
            continue
        for number, line in prose(path, path.read_text(encoding="utf-8")):
            for expression, instead, where in listed:
                match = expression.search(line) if where == "all" or path.suffix == ".md" else None
                if match:
                    found += 1
                    print(f"{name}:{number}: {match.group(0)!r}; write: {instead}")
    if found:
        sys.exit(f"{found} words that .ci/words.txt lists")


if __name__ == "__main__":
    main()
