"""Fails when a module outgrows 300 lines: the long tail is what makes code bad, not the median."""

from __future__ import annotations

import sys
from pathlib import Path

MOST_LINES = 300


def main(folders: list[str]) -> int:
    """Prints every module that is too long; 1 when there is one."""
    modules = [
        path for folder in folders for path in Path(folder).rglob("*.py") if "versions" not in path.parts
    ]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    too_long = {path: length for path, length in lengths.items() if length > MOST_LINES}
    for path, length in sorted(too_long.items()):
        print(f"{path}: {length} lines, at most {MOST_LINES}; find the second room in it")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
